"""Whose a licence key is, for fulfilment: found by the rows of orders, and acted upon in the order."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from holdfast.fulfilment.key_audit import Buyer
from holdfast.fulfilment.model import Given
from holdfast.fulfilment.revoking import Act
from holdfast.kernel.writes import Write
from holdfast.orders import events, fulfilling, machine
from holdfast.orders import ports as orders_ports
from holdfast.orders.model import Order
from holdfast.orders.searching import Search

ORDERS_PER_PAGE = 100


@dataclass(frozen=True)
class OwnerOfKey:
    """`fulfilment.revoking.Owner`."""

    order: Order
    orders: orders_ports.Orders

    @property
    def id(self) -> str:
        return self.order.id

    @property
    def given(self) -> Sequence[Given]:
        return [Given(**fed.model_dump()) for fed in self.order.fed]

    @property
    def next_wave(self) -> int:
        return self.order.version + 1

    @property
    def live(self) -> bool:
        return self.order.status in machine.AT_WORK | machine.HANDED_OVER

    def revoke_write(self, sku: str, act: Act, now: datetime) -> Write:
        return self.orders.save_write(fulfilling.revoke_key(self.order, sku, act.key, act.reason, act.actor, now))

    def replace_write(self, sku: str, act: Act, now: datetime) -> Write:
        return self.orders.save_write(fulfilling.replace_key(self.order, sku, act.key, act.reason, act.actor, now))


@dataclass(frozen=True)
class OwnersOfKeys:
    """`fulfilment.revoking.Owners`."""

    search: Search
    orders: orders_ports.Orders

    def of(self, shop: str, sku: str, place: int) -> OwnerOfKey | None:
        holder = self.search.holder(shop, sku, place)
        order = self.orders.get(shop, holder) if holder else None
        return OwnerOfKey(order, self.orders) if order is not None else None


@dataclass(frozen=True)
class BookForKeyAudit:
    """`fulfilment.key_audit.Book`. `listed`: all SKUs of a shop; those without keys prove themselves."""

    orders: orders_ports.Orders
    listed: Callable[[str], Iterable[str]]

    def skus(self, shop: str) -> Iterator[str]:
        yield from sorted(self.listed(shop))

    def buyers(self, shop: str) -> Iterator[Buyer | None]:
        start: str | None = None
        while True:
            page, start = self.orders.page(shop, ORDERS_PER_PAGE, start)
            for order in page:
                yield self._buyer(order)
            if start is None:
                return

    def _buyer(self, order: Order) -> Buyer | None:
        if order.paid_at is None:
            return None
        units = {line.sku: line.fulfilled for line in order.lines if line.digital}
        for event in self.orders.timeline(order):
            if event.type == events.KEY_REPLACED:
                units[event.data["sku"]] += 1
        given = tuple(Given(**fed.model_dump()) for fed in order.fed)
        return Buyer(id=order.id, given=given, units=units)
