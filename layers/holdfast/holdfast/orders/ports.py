"""What the orders context asks of its store and of its neighbours."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from holdfast.kernel.events import Event
from holdfast.kernel.writes import Write
from holdfast.orders.model import HoldRef, Order, PaymentRef
from holdfast.orders.neighbours import Bill, GiveBack, LatePolicy, PaymentFact, Returned, Standing, Taken, Wish
from holdfast.orders.offers import Offer, Outlook
from holdfast.orders.pricing import Terms
from holdfast.orders.session import Session


class Orders(Protocol):
    """The store of orders."""

    def get(self, shop: str, order: str) -> Order | None: ...

    def timeline(self, order: Order) -> tuple[Event, ...]:
        """All events that it ever had, also those that lie beside it by now."""
        ...

    def several(self, shop: str, orders: Sequence[str]) -> list[Order]:
        """Those that exist, in no order."""
        ...

    def add(self, order: Order) -> bool:
        """False when an order of that id exists; True also when it is our own write that is found there."""
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

    def save(self, session: Session) -> bool:
        """Write over the version before. False when that is not what stands there; True also when it is our own write."""
        ...

    def remove(self, session: Session) -> None: ...


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
        wishes: Sequence[Wish],
        *,
        owner: str,
        buyer: str | None,
        expires_at: datetime,
        fingerprint: str,
        replaces: str | None = None,
        former: HoldRef | None = None,
        now: datetime,
    ) -> Taken | Standing:
        """Standing when the lock is another order's, and `replaces` does not name it. Refusals: InsufficientStock and others of stock.

        `buyer` is a digest; `former` another hold of the same shopper, whose units may be used.
        """
        ...

    def outlook(
        self, shop: str, wishes: Sequence[Wish], *, buyer: str | None, former: HoldRef | None = None, now: datetime
    ) -> Mapping[str, Outlook]:
        """What each SKU has for this shopper at this moment; nothing is held. `former`: a hold of his own, whose units count as free."""
        ...

    def standing(self, shop: str, lock: str) -> Standing | None: ...

    def release(self, shop: str, lock: str, order: str) -> None:
        """Nothing happens when the lock is gone, or another order's."""
        ...

    def confirm_writes(
        self, shop: str, lock: str, order: str, quantities: Mapping[str, int], given_up: Mapping[str, int], now: datetime
    ) -> list[Write]:
        """`quantities` under the lock become the order's own. `given_up`: units that it neither got nor will be owed."""
        ...

    def extend_writes(self, shop: str, lock: str, order: str, until: datetime, now: datetime) -> list[Write]: ...

    def return_writes(
        self,
        shop: str,
        order: str,
        identity: str,
        *,
        back: Mapping[str, int],
        owed: Mapping[str, int],
        buyer: str | None,
        now: datetime,
    ) -> list[Write]:
        """`back` units come back to the stock, `owed` ones were promised and are no longer; `buyer` may have both again.

        `identity` names this return within the shop.
        """
        ...


class Payments(Protocol):
    """The payments context, as far as an order needs it."""

    def require(self, shop: str, provider: str) -> None:
        """ProviderNotOffered when this shop takes no payments with it."""
        ...

    def create(self, provider: str, bill: Bill, now: datetime) -> PaymentRef:
        """Ask the provider for a payment: the same one for the same order. UnavailableError; refusals of payments."""
        ...

    def applied(self, fact: PaymentFact, now: datetime) -> None:
        """Note on the provider's event that it had its effect; nothing when the fact came without one."""
        ...

    def refund(self, asked: GiveBack) -> Returned:
        """Give money back; the same key gives it back once. Refusals of payments when the provider will not."""
        ...

    def void(self, shop: str, provider: str, payment: str, now: datetime) -> bool:
        """Give up a payment that did not come. False when it came: its news is on the way."""
        ...

    def look(self, shop: str, provider: str, payment: str) -> PaymentFact | None:
        """What the provider says of a payment now, by any name that it has for it; nothing is collected. None while it waits for its
        money. Refusals of payments.
        """
        ...

    def truth(self, order: Order) -> PaymentFact | None:
        """What the provider says of the order's payment now; what was only agreed to is collected. None while it waits for its money."""
        ...


class Policies(Protocol):
    """What the shop has decided."""

    def hold(self, shop: str) -> timedelta: ...

    def terms(self, shop: str) -> Terms:
        """What it charges beside its prices, and whether it owes."""
        ...

    def late_payment(self, shop: str, provider: str) -> LatePolicy:
        """What becomes of an order whose money comes late."""
        ...

    def late_grace(self, shop: str) -> timedelta | None:
        """How long after the end of its hold an order may still be paid; later money goes back. None: however late."""
        ...

    def customer_may_cancel_paid(self, shop: str) -> bool:
        """While nothing was handed over."""
        ...

    def return_window(self, shop: str) -> timedelta:
        """How long after they were handed over goods may be sent back."""
        ...
