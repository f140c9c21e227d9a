"""`payments.ports.Accounts` in memory, a sealer that only marks what it sealed for what, and a provider's account as nobody has it."""

import json
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from holdfast.kernel.errors import UnavailableError
from holdfast.payments.accounts import Account, Credentials, PageUrl, Secret
from tests.memory.engine import Memory


class MemoryAccounts:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def account(self, shop: str, provider: str) -> Account | None:
        return self._memory.get("payment-account", shop, provider)

    def accounts(self, shop: str) -> list[Account]:
        return self._memory.of("payment-account", shop)

    def save(self, account: Account) -> bool:
        saved, standing = self._memory.change(_key(account), self._before(account), lambda _: account)
        return saved or standing == account

    def remove(self, account: Account) -> bool:
        removed, standing = self._memory.change(_key(account), self._same(account), lambda _: None)
        return removed or standing is None

    def _before(self, account: Account) -> Callable[[Account | None], bool]:
        seen = account.version - 1
        return lambda row: self._memory.condition("SAME_ACCOUNT", (row.version if row else 0) == seen)

    def _same(self, account: Account) -> Callable[[Account | None], bool]:
        return lambda row: self._memory.condition("SAME_ACCOUNT", row is not None and row.version == account.version)


class MarkingSealer:
    """`payments.accounts.Sealer` that hides nothing, and yet opens nothing for anything else. `down`: it does not answer."""

    def __init__(self) -> None:
        self.down = False
        self.opened = 0

    def seal(self, text: str, context: Mapping[str, str]) -> str:
        self._answer()
        return json.dumps({"for": dict(context), "text": text}, sort_keys=True)

    def open(self, sealed: str, context: Mapping[str, str]) -> str:
        self._answer()
        self.opened += 1
        found = json.loads(sealed)
        if found["for"] != dict(context):
            raise UnavailableError("It stays shut.")
        return str(found["text"])

    def _answer(self) -> None:
        if self.down:
            raise UnavailableError("The key service does not answer.")


class TillCredentials(Credentials):
    """Of Till, a payment provider that there is not."""

    SECRETS: ClassVar[frozenset[str]] = frozenset({"api_key", "signing_secret"})
    HOSTS: ClassVar[frozenset[str]] = frozenset({"api.till.example"})

    mode: Literal["test", "live"] = "test"
    merchant: str = Field(min_length=1, max_length=40)
    api_key: Secret
    signing_secret: Secret
    return_url: PageUrl = "https://shop.example/orders/{order}"

    @property
    def live(self) -> bool:
        return self.mode == "live"


def till(number: int = 1, **changes: Any) -> TillCredentials:
    made = {"merchant": "m-1", "api_key": f"key-{number}-0123456789abcdef", "signing_secret": f"sign-{number}-0123456789abcdef"}
    return TillCredentials.model_validate({**made, **changes})


def _key(account: Account) -> tuple[str, str, str]:
    return ("payment-account", account.shop, account.provider)
