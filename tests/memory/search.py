"""`orders.searching.Search` in memory."""

from collections.abc import Iterable, Sequence
from typing import Any

from holdfast.kernel.errors import VersionConflict
from holdfast.orders import keys, search_keys
from holdfast.orders.model import Order, Status
from holdfast.orders.search_keys import Clue
from holdfast.orders.searching import Directory, Span
from tests.memory.engine import Memory, MemoryWrite, anything


class MemoryOrderSearch:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def listed(self, shop: str, span: Span, limit: int) -> list[str]:
        return _newest(map(keys.position, self._memory.of("order", shop)), span, limit)

    def in_status(self, shop: str, statuses: Sequence[Status], span: Span, limit: int) -> list[str]:
        standing = (order for order in self._memory.of("order", shop) if order.status in statuses)
        return _newest(map(keys.position, standing), span, limit)

    def found(self, shop: str, clue: Clue, span: Span, limit: int) -> list[str]:
        rows = [row for partition in search_keys.partitions(shop, clue) for row in self._memory.of("find", partition)]
        return _newest((row["sk"] for row in rows), span, limit)

    def unsettled(self, shop: str, span: Span, limit: int) -> list[str]:
        return _newest(map(keys.position, filter(keys.unsettled, self._memory.of("order", shop))), span, limit)

    def holder(self, shop: str, sku: str, place: int) -> str | None:
        rows = self._memory.of("find", search_keys.places_partition(shop, sku, place))
        return next((row["order"] for row in rows if search_keys.last_place(place) <= row["sk"] and row["first"] <= place), None)

    def directory(self, shop: str, order: str) -> Directory:
        return self._memory.get("directory", shop, order) or Directory()

    def move(self, order: Order, standing: Directory, rows: frozenset[str]) -> None:
        after = Directory(rows=rows, rev=standing.rev + 1)
        moved = VersionConflict("The order's search rows were changed meanwhile.")

        def same(row: Directory | None) -> bool:
            return self._memory.condition("SAME_DIRECTORY", (row or Directory()) == standing)

        writes = [
            MemoryWrite(("directory", order.shop, order.id), same, lambda _: after, moved),
            *(self._write(order, name, there=True) for name in rows - standing.rows),
            *(self._write(order, name, there=False) for name in standing.rows - rows),
        ]
        self._memory.commit(writes, token=f"{order.id}#find#{after.rev}#{id(writes)}")

    def _write(self, order: Order, name: str, *, there: bool) -> MemoryWrite:
        key = search_keys.row_key(order.shop, name, keys.position(order))
        first = search_keys.first_place(name) if search_keys.of_places(name) else 0
        row: Any = {**key, "order": order.id, "first": first} if there else None
        return MemoryWrite(("find", key["pk"], key["sk"]), anything, lambda _: row, VersionConflict("never"))


def _newest(positions: Iterable[str], span: Span, limit: int) -> list[str]:
    return sorted((position for position in positions if span.low <= position < span.high), reverse=True)[:limit]
