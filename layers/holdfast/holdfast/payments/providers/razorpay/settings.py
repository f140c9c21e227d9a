"""What Razorpay gives a merchant, and where it lives."""

from typing import Annotated, ClassVar

from pydantic import StringConstraints

from holdfast.payments.accounts import Credentials, Secret

HOSTS = frozenset({"api.razorpay.com"})

KeyId = Annotated[str, StringConstraints(max_length=100, pattern=r"^rzp_(test|live)_[A-Za-z0-9]{4,}$")]


class RazorpayCredentials(Credentials):
    """`key_id` is shown to every browser; `key_secret` signs what the browser brings. `webhook_secret` is another one, of the merchant's
    own choice.
    """

    SECRETS: ClassVar[frozenset[str]] = frozenset({"key_secret", "webhook_secret"})

    key_id: KeyId
    key_secret: Secret
    webhook_secret: Secret

    @property
    def live(self) -> bool:
        return self.key_id.startswith("rzp_live_")
