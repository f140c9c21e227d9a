"""The orders context, as the sweep, fulfilment and whoever brings news of a payment see it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from holdfast.fulfilment import rules as queue_rules
from holdfast.fulfilment.model import Given, Sharing
from holdfast.kernel.writes import Commit, Write
from holdfast.orders import fulfilling, rules
from holdfast.orders import ports as orders_ports
from holdfast.orders import usecases as order_usecases
from holdfast.orders.model import Fed, Order, Status


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
    def id(self) -> str:
        return self.order.id

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

    def position(self, sku: str) -> str:
        return self.order.queued.get(sku) or queue_rules.position(self.paid_at, self.order.id)

    def goes_first(self, sharing: Sharing) -> bool:
        worthy = sharing.first_from is not None and self.order.amount >= sharing.first_from
        return worthy or self.order.shipping_method in sharing.first_methods

    @property
    def given(self) -> Sequence[Given]:
        return [Given(sku=fed.sku, batch=fed.batch, units=fed.units, wave=fed.wave) for fed in self.order.fed]

    @property
    def delayed(self) -> bool:
        return self.order.delayed_at is not None

    def delay(self, promised_hours: int, now: datetime) -> bool:
        after = fulfilling.delay(self.order, promised_hours, now)
        return after is self.order or self.orders.save(after)

    def hand_over_write(self, positions: Mapping[str, str], now: datetime) -> Write:
        return self.orders.save_write(fulfilling.hand_over(self.order, self._unusual(positions), now))

    def feed(self, given: Given, position: str | None, now: datetime) -> bool:
        fed = Fed(sku=given.sku, batch=given.batch, units=given.units, wave=given.wave)
        others = {sku: at for sku, at in self.order.queued.items() if sku != given.sku}
        queued = {**others, **self._unusual({given.sku: position} if position else {})}
        return self.orders.save(fulfilling.feed(self.order, fed, queued, now))

    def _unusual(self, positions: Mapping[str, str]) -> dict[str, str]:
        """Positions that do not follow from the time of payment."""
        usual = queue_rules.position(self.paid_at, self.order.id)
        return {sku: position for sku, position in positions.items() if position != usual}


@dataclass(frozen=True)
class OrdersForFulfilment:
    """`fulfilment.ports.Orders`."""

    orders: orders_ports.Orders

    def paid(self, shop: str, order: str) -> PaidOrderView | None:
        found = self.orders.get(shop, order)
        return PaidOrderView(found, self.orders) if found is not None and found.paid_at is not None else None

    def several(self, shop: str, orders: Sequence[str]) -> Mapping[str, PaidOrderView]:
        found = self.orders.several(shop, orders)
        return {order.id: PaidOrderView(order, self.orders) for order in found if order.paid_at is not None}
