"""What the payments context asks of providers and of its store."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from holdfast.kernel.money import Money
from holdfast.payments.model import Created, ProviderEvent, ProviderFact


class Provider(Protocol):
    """One payment provider. Every connector is a folder of the same shape: settings, proxy, mapper, signature."""

    name: str

    def create(self, shop: str, order: str, amount: Money, now: datetime) -> Created:
        """A payment for the order; the same one when asked again."""
        ...

    def verify(self, headers: Mapping[str, str], raw: bytes, shop: str, now: datetime) -> ProviderEvent:
        """The event in these bytes. SignatureInvalid before anything is parsed; WebhookUnreadable after."""
        ...

    def status(self, payment: str) -> ProviderFact:
        """What the provider says now. PaymentUnknown."""
        ...

    def refund(self, payment: str, amount: Money, key: str) -> None:
        """Give money back, once per key. PaymentStateConflict."""
        ...

    def void(self, payment: str, now: datetime) -> None:
        """Give up a payment that did not come, so that nobody pays it. PaymentStateConflict when it came."""
        ...


class Inbox(Protocol):
    """Provider events, each stored once."""

    def add(self, event: ProviderEvent) -> ProviderEvent:
        """Store it, or answer the one that stands there under the same id."""
        ...

    def get(self, shop: str, provider: str, event: str) -> ProviderEvent | None: ...

    def ignore(self, event: ProviderEvent, reason: str, now: datetime) -> None:
        """It changed nothing; say why. An applied event stays applied."""
        ...

    def applied(self, shop: str, provider: str, event: str, now: datetime) -> None:
        """It had its effect. Nothing happens when that was noted before, or there is no such event."""
        ...


class Outbox(Protocol):
    """Where received events go on to be worked at."""

    def __call__(self, event: ProviderEvent) -> None: ...
