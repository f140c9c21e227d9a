"""`orders.ports.Orders` in memory."""

from collections.abc import Callable, Sequence
from typing import Any

from holdfast.kernel.errors import VersionConflict
from holdfast.kernel.events import Event
from holdfast.orders import keys, replay
from holdfast.orders.model import Order
from tests.memory.engine import Memory, MemoryWrite


class MemoryOrders:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def get(self, shop: str, order: str) -> Order | None:
        return self._memory.get("order", shop, order)

    def timeline(self, order: Order) -> tuple[Event, ...]:
        if not order.told:
            return order.events
        pages = self._memory.of("order-events", order.shop, order.id)
        moved = {event.seq: event for page in pages for event in page if event.seq < order.events[0].seq}
        return (*(moved[seq] for seq in sorted(moved)), *order.events)

    def add(self, order: Order) -> bool:
        added, standing = self._memory.change(_order(order), lambda row: self._memory.condition("NEW_ORDER", row is None), lambda _: order)
        return added or standing == order

    def save_write(self, order: Order) -> MemoryWrite:
        kept = self._trimmed(order)
        return MemoryWrite(_order(kept), self._version_before(kept), lambda _: kept, VersionConflict("The order was changed meanwhile."))

    def save(self, order: Order) -> bool:
        kept = self._trimmed(order)
        saved, standing = self._memory.change(_order(kept), self._version_before(kept), lambda _: kept)
        return saved or standing == kept

    def _trimmed(self, order: Order) -> Order:
        kept, older = replay.trimmed(order)
        if older:
            self._memory.put(("order-events", order.shop, order.id, f"{older[0].seq:06d}"), older)
        return kept

    def several(self, shop: str, orders: Sequence[str]) -> list[Order]:
        return [found for order in orders if (found := self.get(shop, order)) is not None]

    def page(self, shop: str, limit: int, start: str | None) -> tuple[list[Order], str | None]:
        newest_first = sorted(self._memory.of("order", shop), key=keys.position, reverse=True)
        page = [order for order in newest_first if keys.position(order) < (start or "9")][:limit]
        return page, keys.position(page[-1]) if len(page) == limit else None

    def _version_before(self, order: Order) -> Callable[[Order | None], bool]:
        return lambda row: row is not None and self._memory.condition("VERSION_BEFORE", row.version == order.version - 1)


def _order(order: Order) -> tuple[Any, ...]:
    return ("order", order.shop, order.id)
