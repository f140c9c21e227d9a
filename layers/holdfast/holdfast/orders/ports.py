"""What the orders context asks of its store and of its neighbours."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from holdfast.kernel.money import Money
from holdfast.kernel.writes import Write
from holdfast.orders.model import Order, PaymentFact, PaymentRef, PaymentStatus, Session


class Orders(Protocol):
    """The store of orders."""

    def get(self, shop: str, order: str) -> Order | None: ...

    def add_write(self, order: Order) -> Write:
        """Refusal: VersionConflict when the order exists."""
        ...

    def save_write(self, order: Order) -> Write:
        """Write over the version before. Refusal: VersionConflict."""
        ...

    def save(self, order: Order) -> bool:
        """As save_write, alone. False on a version conflict; True also when our own write is found there."""
        ...

    def page(self, shop: str, limit: int, start: str | None) -> tuple[list[Order], str | None]:
        """Newest first."""
        ...


class Sessions(Protocol):
    """The store of checkout sessions."""

    def add(self, session: Session) -> None: ...

    def get(self, shop: str, session: str) -> Session | None: ...

    def with_order(self, shop: str, session: str, order: str) -> tuple[Session | None, Order | None]:
        """Both in one read."""
        ...

    def ordered_write(self, session: Session, order: str, until: datetime) -> Write:
        """The session became this order; keep it until then. Refusal: VersionConflict."""
        ...

    def remove(self, session: Session) -> None: ...


class Offer(Protocol):
    """A product as the catalogue offers it."""

    @property
    def sku(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def price(self) -> Money: ...
    @property
    def digital(self) -> bool: ...
    @property
    def backorder(self) -> bool: ...
    @property
    def max_per_order(self) -> int | None: ...


class Catalogue(Protocol):
    def offers(self, shop: str, skus: Sequence[str]) -> Mapping[str, Offer]:
        """What is on sale of these."""
        ...


class Stock(Protocol):
    """The stock context, as far as an order needs it."""

    def hold(
        self,
        shop: str,
        lock: str,
        order: str,
        wishes: Sequence[tuple[str, int, bool]],
        *,
        expires_at: datetime,
        fingerprint: str,
        replaces: str | None,
        now: datetime,
    ) -> tuple[Mapping[str, int], datetime]:
        """Wishes are (sku, quantity, partial). What was taken per SKU, and until when. Refusals: InsufficientStock and others of stock."""
        ...

    def release(self, shop: str, lock: str) -> None:
        """Nothing happens when the lock is gone."""
        ...

    def confirm_writes(self, shop: str, lock: str, order: str, quantities: Mapping[str, int], now: datetime) -> list[Write]: ...

    def extend_writes(self, shop: str, lock: str, until: datetime, now: datetime) -> list[Write]: ...

    def return_writes(self, shop: str, order: str, quantities: Mapping[str, int], now: datetime) -> list[Write]: ...


class Payments(Protocol):
    """The payments context, as far as an order needs it."""

    def require(self, provider: str) -> None:
        """ProviderNotOffered when this shop takes no payments with it."""
        ...

    def create(self, shop: str, order: str, provider: str, amount: Money, now: datetime) -> tuple[PaymentRef, list[Write]]:
        """Ask the provider for a payment (the same one for the same order) and offer the writes that keep it."""
        ...

    def fact_writes(self, fact: PaymentFact, status: PaymentStatus, now: datetime) -> list[Write]:
        """The payment's new state, and the provider's event as applied. Refusal: VersionConflict when it was applied before."""
        ...

    def event_writes(self, fact: PaymentFact, now: datetime) -> list[Write]:
        """Only the provider's event as applied; nothing when the fact came without one."""
        ...

    def refund(self, provider: str, payment: str, amount: Money, key: str) -> None:
        """Give the money back; the same key gives it back once."""
        ...


class Policies(Protocol):
    """What the shop has decided."""

    def hold(self, shop: str) -> timedelta: ...

    def refund_late(self, shop: str) -> bool:
        """Late money always goes back (else the stock is taken again first)."""
        ...
