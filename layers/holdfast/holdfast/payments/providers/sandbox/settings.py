"""What the sandbox needs to know. The secret is fetched when something has to be signed or verified, not before."""

from collections.abc import Callable

from holdfast.kernel.model import Model


class SandboxConfig(Model):
    """`pay_url` is the address of the pay page; the payment's id is put behind it."""

    pay_url: str = ""
    secret: Callable[[], str]
