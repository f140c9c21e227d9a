"""Stores of the reconciliation in memory: runs and their parts, discrepancies, and lists of orders."""

from typing import Any

from holdfast.kernel.ids import bucket_of
from holdfast.orders import keys
from holdfast.orders.unsettled import STATUS, Source
from holdfast.payments.discrepancies import Discrepancy, DiscrepancyState
from holdfast.payments.reports import Part, Run
from tests.memory.engine import Memory, nothing


class MemoryRunStore:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def begin(self, run: Run) -> None:
        self._memory.change(("reconciliation", run.shop, run.id), nothing, lambda _: run)

    def run(self, shop: str, run: str) -> Run | None:
        return self._memory.get("reconciliation", shop, run)

    def runs(self, shop: str, limit: int, before: str | None) -> list[Run]:
        found: list[Run] = self._memory.of("reconciliation", shop)
        return [run for run in reversed(found) if run.id < (before or "~")][:limit]

    def close(self, run: Run) -> None:
        self._memory.put(("reconciliation", run.shop, run.id), run)

    def part(self, shop: str, run: str, name: str) -> Part | None:
        return self._memory.get("reconciliation-part", shop, run, name)

    def add(self, part: Part) -> tuple[Part, bool]:
        key = ("reconciliation-part", part.shop, part.run, part.name)
        added, standing = self._memory.change(key, lambda row: self._memory.condition("ONE_PART", row is None), lambda _: part)
        return (part, True) if added else (standing, standing == part)

    def parts(self, shop: str, run: str, after: str = "", limit: int | None = None) -> list[Part]:
        found: list[Part] = self._memory.of("reconciliation-part", shop, run)
        return sorted((part for part in found if part.name > after), key=lambda part: part.name)[:limit]


class MemoryDiscrepancies:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def about(self, shop: str, provider: str, payment: str) -> list[Discrepancy]:
        return [one for one in self._of(shop, DiscrepancyState.OPEN) if (one.provider, one.payment) == (provider, payment)]

    def page(self, shop: str, state: DiscrepancyState, after: str | None, limit: int) -> list[Discrepancy]:
        newest_first = state is DiscrepancyState.RESOLVED
        found = sorted(self._of(shop, state), key=lambda one: one.place, reverse=newest_first)
        return [one for one in found if after is None or (one.place < after if newest_first else one.place > after)][:limit]

    def save(self, found: Discrepancy) -> bool:
        saved, standing = self._memory.change(self._key(found), lambda row: self._before(row, found.version - 1), lambda _: found)
        return saved or standing == found

    def _before(self, row: Discrepancy | None, seen: int) -> bool:
        if not seen:
            return self._memory.condition("FIRST_FOUND", row is None)
        return row is not None and self._memory.condition("SAME_DISCREPANCY", row.version == seen)

    def resolve(self, resolved: Discrepancy) -> None:
        self._memory.put(("discrepancy", resolved.shop, DiscrepancyState.RESOLVED, resolved.place), resolved)
        self._memory.change(self._key(resolved), lambda row: self._before(row, resolved.version), lambda _: None)

    def _of(self, shop: str, state: DiscrepancyState) -> list[Discrepancy]:
        return self._memory.of("discrepancy", shop, state)

    @staticmethod
    def _key(one: Discrepancy) -> tuple[Any, ...]:
        return ("discrepancy", one.shop, DiscrepancyState.OPEN, one.name)


class MemoryLists:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def waiting(self, shop: str, source: Source, bucket: int, after: str, until: str, limit: int) -> list[str]:
        orders = [order for order in self._memory.of("order", shop) if bucket_of(order.id, keys.ORDER_BUCKETS) == bucket]
        if source is Source.UNSETTLED:
            orders = [order for order in orders if keys.unsettled(order)]
        elif source is not Source.PLACED:
            orders = [order for order in orders if order.status is STATUS[source]]
        return sorted(position for position in map(keys.position, orders) if after < position < until)[:limit]
