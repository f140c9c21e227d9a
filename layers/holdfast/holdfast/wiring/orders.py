"""The orders context, as the sweep, fulfilment and whoever brings news of a payment see it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from holdfast.kernel.writes import Commit, Write
from holdfast.orders import fulfilling, rules
from holdfast.orders import ports as orders_ports
from holdfast.orders import usecases as order_usecases
from holdfast.orders.model import Order, Status


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
