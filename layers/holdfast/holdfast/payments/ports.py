"""What the payments context asks of providers and of its stores."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from holdfast.kernel.money import Money
from holdfast.payments.accounts import Account
from holdfast.payments.model import Created, Given, Listing, ProviderEvent, ProviderFact, Standing, Told, Wish


class Provider(Protocol):
    """One shop's account at one payment provider. Every connector is a folder of the same shape: settings, proxy, mapper, signature.

    Each method that asks the provider may raise PartnerUnavailable or PartnerThrottles (nothing is known then), and
    CredentialsRefused.
    """

    name: str
    live: bool
    """Real money."""
    hearsay: bool
    """Its events are taken by their word: there is nothing behind them that knows better."""

    def check(self) -> None:
        """Ask something that changes nothing, with the credentials as they are. CredentialsRefused."""
        ...

    def create(self, wish: Wish, now: datetime) -> Created:
        """A payment for the order; the same one when asked again. AmountNotPayable."""
        ...

    def confirm(self, payment: str, brought: Mapping[str, str]) -> None:
        """Judge what the browser brought, where the provider signs that. ConfirmationInvalid."""
        ...

    def verify(self, headers: Mapping[str, str], raw: bytes, now: datetime) -> Told:
        """The event in these bytes; `headers` by their lower-case names. SignatureInvalid before anything is parsed;
        WebhookUnreadable after.
        """
        ...

    def status(self, payment: str) -> ProviderFact:
        """What the provider says now; `payment` may be any name that an event of its had for it. PaymentUnknown, also when the payment
        was not made by us.
        """
        ...

    def capture(self, payment: str, amount: Money, key: str) -> ProviderFact:
        """Collect what the shopper agreed to, once per key. PaymentStateConflict."""
        ...

    def refund(self, payment: str, amount: Money, key: str, charge: str | None = None) -> Given:
        """Give money back, once per key, also when the first try's answer was lost long ago. `charge`: of that movement, if not of
        the payment's own. PaymentStateConflict.
        """
        ...

    def void(self, payment: str, now: datetime) -> None:
        """Give up a payment that did not come, so that nobody pays it. PaymentStateConflict when it came."""
        ...

    def listed(self, since: datetime, until: datetime, cursor: str | None) -> Listing | None:
        """Payments of ours that were made in that time, a page of them. None when the provider cannot tell."""
        ...


class Inbox(Protocol):
    """Provider events, each stored once."""

    def add(self, event: ProviderEvent) -> ProviderEvent:
        """Store it, or answer the one that stands there under the same id."""
        ...

    def get(self, shop: str, provider: str, event: str) -> ProviderEvent | None: ...

    def save(self, event: ProviderEvent) -> bool:
        """Over the version before its own; False when another stands there."""
        ...

    def listed(self, shop: str, shelves: Sequence[str], low: str, high: str, limit: int) -> list[str]:
        """Positions (`keys.position`) of events on these shelves, newest first: from `low` on, and before `high`. A moment late."""
        ...

    def read(self, shop: str, positions: Sequence[str]) -> Mapping[str, ProviderEvent]:
        """The events that are there, as they stand, by their positions."""
        ...


class Passing(Protocol):
    """Hands an event on to the worker, which gets it after `delay`, 15 minutes at most. `again`: also if it was applied; `looked`: how
    often its order was looked for already.
    """

    def __call__(self, event: ProviderEvent, *, again: bool = False, looked: int = 0, delay: timedelta = timedelta()) -> None: ...


class Outbox(Protocol):
    """Where received events go on to be worked at."""

    def __call__(self, event: ProviderEvent) -> None: ...


class Settling(NamedTuple):
    """Whether the news changed the order; `reason` says why it did not."""

    applied: bool
    reason: str | None


class Orders(Protocol):
    """The orders context, as news of payments see it."""

    def standing(self, shop: str, order: str) -> Standing | None:
        """None when the shop has no such order."""
        ...

    def settle(self, news: ProviderFact, event: ProviderEvent, now: datetime) -> Settling | None:
        """Bring the news to its order, and note the event as applied if it changed something. None when there is no such order."""
        ...

    def finish(self, event: ProviderEvent, now: datetime) -> None:
        """See to what followed from an event that was applied: refunds that are decided and not confirmed."""
        ...


class Accounts(Protocol):
    """The shops' accounts at providers."""

    def account(self, shop: str, provider: str) -> Account | None: ...

    def accounts(self, shop: str) -> list[Account]: ...

    def save(self, account: Account) -> bool:
        """Over the version before its own (the first: where there is none). False when another stands there."""
        ...

    def remove(self, account: Account) -> bool:
        """That version of it; False when another stands there."""
        ...
