"""Who waits for what, and for how long: what a shop's staff sees of the queues."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from holdfast.fulfilment.model import Debt, Queue
from holdfast.fulfilment.ports import Debts, FulfilmentStore
from holdfast.kernel.model import Model
from holdfast.kernel.time import Instant

PAGE = 1000
"""Debts that are read in one query."""
MOST_COUNTED = 20_000
"""Debts that one request counts before it begins no other queue: seconds, of the 29 that a caller waits."""


class Ages(Model):
    """How long ago the orders were paid that wait: each is in one of these."""

    under_1_hour: int = 0
    under_4_hours: int = 0
    under_24_hours: int = 0
    under_3_days: int = 0
    older: int = 0


BOUNDS = (
    (timedelta(hours=1), "under_1_hour"),
    (timedelta(hours=4), "under_4_hours"),
    (timedelta(hours=24), "under_24_hours"),
    (timedelta(days=3), "under_3_days"),
    (timedelta.max, "older"),
)


class OpenBatch(Model):
    """A batch that is being handed over; by `leased_until` another worker takes it over."""

    number: int
    leased_until: Instant | None


class QueueTotals(Model):
    """`orders` wait for `units`; `late` of them for longer than was promised."""

    orders: int = 0
    units: int = 0
    late: int = 0
    ages: Ages = Ages()


class QueueRow(QueueTotals):
    """`free` units are in stock and held by nobody: with any, the queue is about to be fed."""

    sku: str
    oldest_paid_at: Instant | None = None
    free: int = 0
    open_batch: OpenBatch | None = None


class QueueReport(Model):
    """`next`: the SKU after which the report goes on."""

    rows: tuple[QueueRow, ...]
    totals: QueueTotals
    next: str | None


def report(
    shop: str,
    *,
    after: str | None,
    limit: int,
    promised: timedelta,
    store: FulfilmentStore,
    free: Callable[[str, Sequence[str]], Mapping[str, int]],
    now: datetime,
    most: int = MOST_COUNTED,
) -> QueueReport:
    """The queues of a shop in order of SKU, so many at most, or fewer where they are long. The totals are of these."""
    ahead = sorted((queue for queue in store.queues.waiting(shop) if queue.sku > (after or "")), key=lambda queue: queue.sku)
    rows: list[QueueRow] = []
    units = free(shop, [queue.sku for queue in ahead[:limit]])
    for queue in ahead[:limit]:
        rows.append(_row(queue, units.get(queue.sku, 0), promised, store.debts, now))
        if sum(row.orders for row in rows) >= most:
            break
    more = len(rows) < len(ahead)
    return QueueReport(rows=tuple(rows), totals=_summed(rows), next=rows[-1].sku if more else None)


def is_late(debt: Debt, promised: timedelta, now: datetime) -> bool:
    return debt.paid_at <= now - promised


def _row(queue: Queue, free: int, promised: timedelta, debts: Debts, now: datetime) -> QueueRow:
    orders, units, late, ages, oldest = 0, 0, 0, dict[str, int](), list[datetime]()
    for debt in _all(queue, debts):
        orders, units, late = orders + 1, units + debt.owed, late + is_late(debt, promised, now)
        age = next(name for bound, name in BOUNDS if now - debt.paid_at < bound)
        ages[age] = ages.get(age, 0) + 1
        oldest = [min([*oldest, debt.paid_at])]
    return QueueRow(
        sku=queue.sku,
        orders=orders,
        units=units,
        late=late,
        ages=Ages(**ages),
        oldest_paid_at=oldest[0] if oldest else None,
        free=free,
        open_batch=OpenBatch(number=queue.batches, leased_until=queue.leased_until) if queue.open else None,
    )


def _all(queue: Queue, debts: Debts) -> Iterator[Debt]:
    after = ""
    while page := debts.behind(queue.shop, queue.sku, after, PAGE):
        yield from page
        after = page[-1].position


def _summed(rows: Iterable[QueueRow]) -> QueueTotals:
    rows = list(rows)
    ages = {name: sum(getattr(row.ages, name) for row in rows) for name in Ages.model_fields}
    return QueueTotals(
        orders=sum(row.orders for row in rows), units=sum(row.units for row in rows), late=sum(row.late for row in rows), ages=Ages(**ages)
    )
