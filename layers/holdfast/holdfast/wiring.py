"""Where contexts meet: each adapter is one context's port, filled by another's use cases.

Only `functions/*/app.py` builds these. Heavy connectors are imported when they are asked for, so that a function that
never needs a provider never pays for it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from holdfast.catalogue.model import Kind, OnShortage, Product
from holdfast.kernel.events import Actor, ActorKind
from holdfast.kernel.money import Money
from holdfast.kernel.writes import Commit, Write
from holdfast.orders import fulfilling, rules
from holdfast.orders import ports as orders_ports
from holdfast.orders import usecases as order_usecases
from holdfast.orders.model import FactKind, Order, PaymentFact, PaymentRef, PaymentStatus, Status
from holdfast.stock import usecases as stock_usecases
from holdfast.stock.errors import UnknownHold
from holdfast.stock.model import Line, Reason
from holdfast.stock.ports import Levels, StockStore
from holdfast.tenants.model import LatePayment, Shop

if TYPE_CHECKING:
    from holdfast.catalogue.ports import Products
    from holdfast.fulfilment.model import DeliveredKey
    from holdfast.notifications.model import Letter
    from holdfast.payments.model import ProviderEvent, ProviderFact
    from holdfast.payments.ports import Inbox, Provider
    from holdfast.payments.ports import Payments as PaymentStore


@dataclass(frozen=True)
class StockForOrders:
    """`orders.ports.Stock`."""

    store: StockStore
    grace: timedelta

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
        lines = tuple(Line(sku=sku, quantity=quantity, partial=partial) for sku, quantity, partial in wishes)
        command = stock_usecases.Hold(
            shop=shop, lock=lock, order=order, lines=lines, expires_at=expires_at, fingerprint=fingerprint, replaces=replaces
        )
        held = stock_usecases.hold(command, store=self.store, grace=self.grace, now=now)
        return held.quantities, held.expires_at

    def release(self, shop: str, lock: str) -> None:
        try:
            stock_usecases.release(shop, lock, store=self.store)
        except UnknownHold:
            return  # given back, sold or swept already

    def confirm_writes(self, shop: str, lock: str, order: str, quantities: Mapping[str, int], now: datetime) -> list[Write]:
        return stock_usecases.confirm_writes(lock, quantities, shop=shop, order=order, store=self.store, now=now)

    def extend_writes(self, shop: str, lock: str, until: datetime, now: datetime) -> list[Write]:
        return stock_usecases.extend_writes(shop, lock, until=until, store=self.store, now=now)

    def return_writes(self, shop: str, order: str, quantities: Mapping[str, int], now: datetime) -> list[Write]:
        writes: list[Write] = []
        for sku, quantity in sorted(quantities.items()):
            command = stock_usecases.Receive(
                shop=shop, sku=sku, quantity=quantity, movement=f"return#{order}", reason=Reason.RETURN, actor="system", document=order
            )
            writes += stock_usecases.receive_writes(command, levels=self.store.levels, now=now)
        return writes


@dataclass(frozen=True)
class StockForFulfilment:
    """`fulfilment.ports.Stock`."""

    levels: Levels
    grace: timedelta

    def free(self, shop: str, sku: str, now: datetime) -> int:
        return stock_usecases.free_expired(shop, sku, levels=self.levels, grace=self.grace, now=now)

    def sell_writes(self, shop: str, sku: str, quantity: int, order: str, wave: str, now: datetime) -> list[Write]:
        return stock_usecases.sell_writes(shop, sku, quantity, order=order, wave=wave, levels=self.levels, now=now)

    def receive_writes(self, shop: str, sku: str, quantity: int, movement: str, actor: str, now: datetime) -> list[Write]:
        command = stock_usecases.Receive(shop=shop, sku=sku, quantity=quantity, movement=movement, actor=actor, note="key import")
        return stock_usecases.receive_writes(command, levels=self.levels, now=now)


@dataclass(frozen=True)
class ShelfForCatalogue:
    """`catalogue.ports.Shelf`."""

    store: StockStore
    grace: timedelta
    owed: Callable[[str, str], int]
    clock: Callable[[], datetime]

    def open(self, shop: str, sku: str) -> None:
        self.store.levels.open(shop, sku)

    def in_use(self, shop: str, sku: str) -> tuple[int, int]:
        waiting = self.owed(shop, sku)
        level = stock_usecases.summary(shop, sku, waiting=waiting, levels=self.store.levels, grace=self.grace, now=self.clock())
        return level.locked, waiting


@dataclass(frozen=True)
class OfferOf:
    """`orders.ports.Offer`."""

    product: Product
    maximum: int

    @property
    def sku(self) -> str:
        return self.product.sku

    @property
    def title(self) -> str:
        return self.product.title

    @property
    def price(self) -> Money:
        return self.product.price

    @property
    def digital(self) -> bool:
        return self.product.kind is Kind.DIGITAL

    @property
    def backorder(self) -> bool:
        return self.product.on_shortage is OnShortage.BACKORDER

    @property
    def max_per_order(self) -> int:
        return self.product.max_per_order or self.maximum


@dataclass(frozen=True)
class CatalogueForOrders:
    """`orders.ports.Catalogue`. `maximum`: units of one SKU in one order where the product says nothing."""

    products: "Products"
    maximum: int

    def offers(self, shop: str, skus: Sequence[str]) -> Mapping[str, OfferOf]:
        found = self.products.get_many(shop, skus)
        return {sku: OfferOf(product, self.maximum) for sku, product in found.items() if not product.archived}


@dataclass(frozen=True)
class ShopPolicies:
    """`orders.ports.Policies`."""

    shop: Callable[[str], Shop]
    default_hold: timedelta

    def hold(self, shop: str) -> timedelta:
        seconds = self.shop(shop).hold_seconds
        return self.default_hold if seconds is None else timedelta(seconds=seconds)

    def refund_late(self, shop: str) -> bool:
        return self.shop(shop).late_payment is LatePayment.REFUND


@dataclass(frozen=True)
class PaymentsForOrders:
    """`orders.ports.Payments`."""

    store: "PaymentStore"
    inbox: "Inbox"
    provider: Callable[[str], "Provider"]

    def require(self, provider: str) -> None:
        self._connector(provider)

    def create(self, shop: str, order: str, provider: str, amount: Money, now: datetime) -> tuple[PaymentRef, list[Write]]:
        from holdfast.payments.model import Payment

        made = self._connector(provider).create(shop, order, amount, now)
        payment = Payment(
            id=made.id,
            shop=shop,
            order=order,
            provider=provider,
            amount=amount.amount,
            currency=amount.currency,
            status=PaymentStatus.PENDING,
            created_at=now,
            updated_at=now,
        )
        return PaymentRef(provider=provider, id=made.id, client=made.client), [self.store.add_write(payment), *made.writes]

    def _connector(self, provider: str) -> "Provider":
        from holdfast.payments.errors import ProviderNotOffered, UnknownProvider

        try:
            return self.provider(provider)
        except UnknownProvider:
            raise ProviderNotOffered("This shop does not take payments with that provider.", provider=provider) from None

    def fact_writes(self, fact: PaymentFact, status: PaymentStatus, now: datetime) -> list[Write]:
        return [self.store.status_write(fact.shop, fact.payment, status, now), *self.event_writes(fact, now)]

    def event_writes(self, fact: PaymentFact, now: datetime) -> list[Write]:
        return [self.inbox.applied_write(fact.shop, fact.provider, fact.event, now)] if fact.event else []

    def refund(self, provider: str, payment: str, amount: Money, key: str) -> None:
        self.provider(provider).refund(payment, amount, key)


def fact_of(news: "ProviderFact", provider: str, *, event: "ProviderEvent | None" = None, actor: Actor | None = None) -> PaymentFact | None:
    """A provider's statement as the finaliser takes it; None while the provider waits for its money."""
    if news.news == "pending":
        return None
    return PaymentFact(
        shop=news.shop,
        order=news.order,
        provider=provider,
        payment=news.payment,
        kind=FactKind(news.news),
        amount=news.amount,
        currency=news.currency,
        actor=actor or Actor(kind=ActorKind.PROVIDER, id=provider),
        event=event.id if event else None,
    )


@dataclass(frozen=True)
class Finaliser:
    """`orders.settlement.World`."""

    orders: orders_ports.Orders
    stock: orders_ports.Stock
    payments: orders_ports.Payments
    policies: orders_ports.Policies
    commit: Commit


@dataclass(frozen=True)
class OrdersForSweep:
    """`stock.usecases.OrderBook`."""

    orders: orders_ports.Orders

    def expire(self, shop: str, order: str, now: datetime) -> None:
        order_usecases.expire(shop, order, orders=self.orders, now=now)


@dataclass(frozen=True)
class PaidOrderView:
    """`fulfilment.ports.PaidOrder`."""

    order: Order
    orders: orders_ports.Orders

    @property
    def paid_at(self) -> datetime:
        return self.order.paid_at or self.order.updated_at

    @property
    def fresh(self) -> bool:
        return self.order.status is Status.PAID

    @property
    def next_wave(self) -> int:
        return self.order.version + 1

    def deliverable(self) -> Mapping[str, int]:
        return {line.sku: line.deliverable for line in self.order.lines if line.deliverable}

    def owed(self) -> Mapping[str, int]:
        return {line.sku: line.short for line in self.order.lines if rules.owed(self.order, line)}

    @property
    def skus(self) -> Sequence[str]:
        return [line.sku for line in self.order.lines]

    def digital(self, sku: str) -> bool:
        return self.order.line(sku).digital

    def hand_over_write(self, now: datetime) -> Write:
        return self.orders.save_write(fulfilling.hand_over(self.order, now))

    def feed_write(self, sku: str, quantity: int, now: datetime) -> Write:
        return self.orders.save_write(fulfilling.feed(self.order, sku, quantity, now))


@dataclass(frozen=True)
class OrdersForFulfilment:
    """`fulfilment.ports.Orders`."""

    orders: orders_ports.Orders

    def paid(self, shop: str, order: str) -> PaidOrderView | None:
        found = self.orders.get(shop, order)
        return PaidOrderView(found, self.orders) if found is not None and found.paid_at is not None else None


@dataclass(frozen=True)
class LettersOfOrders:
    """`notifications.ports.Letters`. `keys` answers the keys of one hand-out, `token` the order's token."""

    orders: orders_ports.Orders
    keys: Callable[[str, str, int], "Sequence[DeliveredKey]"]
    shop: Callable[[str], Shop]
    token: Callable[[str, str], str]
    storefront_url: str

    def write(self, shop: str, order: str, template: str, data: dict[str, Any]) -> "Letter | None":
        from holdfast.notifications.model import Letter, LetterKey, LetterLine

        found = self.orders.get(shop, order)
        if found is None or found.email is None:
            return None
        wave = data.get("wave")
        keys = self.keys(shop, order, wave) if wave is not None else []
        told = {line["sku"]: line for line in data.get("lines", [])}
        return Letter(
            template=template,
            to=found.email,
            shop_name=self.shop(shop).name,
            number=found.number,
            order_url=f"{self.storefront_url}/shops/{shop}/orders/{order}?token={self.token(shop, order)}",
            lines=tuple(
                LetterLine(
                    sku=line.sku,
                    title=line.title,
                    quantity=line.quantity,
                    # As it was when it happened, where the event says so: a late mail must not tell of a later state.
                    fulfilled=told.get(line.sku, {}).get("fulfilled", line.fulfilled),
                    owed=told.get(line.sku, {}).get("owed", rules.owed(found, line)),
                )
                for line in found.lines
            ),
            keys=tuple(LetterKey(title=found.line(key.sku).title, key=key.key) for key in keys),
            total=spoken(found.totals.total),
            complete=bool(data.get("complete", True)),
            reason=found.events[-1].reason if template == "refunded" else None,
        )


def spoken(money: Money) -> str:
    """`19.99 EUR`: with the currency's own number of decimals, in one form for every language."""
    decimals = 0 if money.currency in _NO_DECIMALS else 3 if money.currency in _THREE_DECIMALS else 2
    whole, part = divmod(money.amount, 10**decimals)
    return f"{whole}.{part:0{decimals}d} {money.currency}" if decimals else f"{whole} {money.currency}"


# ISO 4217: minor units other than two.
_NO_DECIMALS = frozenset(
    {"BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"}
)
_THREE_DECIMALS = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})


@dataclass
class Providers:
    """Payment connectors by name, made at first need. UnknownProvider for one that is not allowed here."""

    makers: Mapping[str, Callable[[], "Provider"]]
    made: dict[str, "Provider"] = field(default_factory=dict)

    def __call__(self, name: str) -> "Provider":
        from holdfast.payments.errors import UnknownProvider

        if name not in self.makers:
            raise UnknownProvider
        if name not in self.made:
            self.made[name] = self.makers[name]()
        return self.made[name]


def restock_movement(identity: str) -> str:
    """The ledger's name for a restock that was asked for under this idempotency identity."""
    return f"restock#{identity}"
