"""The queues of waiting orders over HTTP."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from holdfast.fulfilment.model import Debt
from holdfast.fulfilment.queue_report import QueueRow, QueueTotals, is_late
from holdfast.kernel.model import Model
from holdfast.kernel.time import Instant


class QueuesPage(Model):
    """`totals` are of the queues on this page. A page may have fewer than asked for; only `next` tells whether there are more."""

    items: tuple[QueueRow, ...]
    totals: QueueTotals
    next: str | None


class PlaceView(Model):
    """Who is `place`-th in the queue. `promised_by`: when it should have come; `told_at`: when the customer was told that it is late."""

    place: int
    order: str
    number: str
    owed: int
    paid_at: Instant
    promised_by: Instant
    late: bool
    told_at: Instant | None


class StandingPage(Model):
    """Who is fed first stands first."""

    sku: str
    items: list[PlaceView]
    next: str | None


class FeedView(Model):
    """The worker was asked to look at the queue. What came of it is seen in the queue."""

    sku: str
    asked: bool = True


def places(debts: Sequence[Debt], before: int, promised: timedelta, now: datetime, number: Callable[[str], str]) -> list[PlaceView]:
    """`before`: how many stand before them; `number`: that of an order, for people."""
    return [
        PlaceView(
            place=place,
            order=debt.order,
            number=number(debt.order),
            owed=debt.owed,
            paid_at=debt.paid_at,
            promised_by=debt.paid_at + promised,
            late=is_late(debt, promised, now),
            told_at=debt.told_at,
        )
        for place, debt in enumerate(debts, before + 1)
    ]
