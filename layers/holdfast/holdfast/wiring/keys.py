"""Whose a licence key is, for fulfilment: found by the rows of orders, and acted upon in the order."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from holdfast.fulfilment.model import Given
from holdfast.fulfilment.revoking import Act
from holdfast.kernel.writes import Write
from holdfast.orders import fulfilling, machine
from holdfast.orders import ports as orders_ports
from holdfast.orders.model import Order
from holdfast.orders.searching import Search


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
