"""What may be tried again for an order that stands still: asked by message of the worker that owns the work, so that whoever asks
has no rights of theirs. Each of these is safe to ask twice, and does nothing where there is nothing to do.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from holdfast.kernel.model import Model
from holdfast.orders import rules, searching
from holdfast.orders.errors import NothingToRetry
from holdfast.orders.model import Order, PaymentStatus, Status
from holdfast.orders.searching import Orders, Search, Vaults, Wanted


class Worker(StrEnum):
    FULFILMENT = "fulfilment"
    PAYMENTS = "payments"


class Task(Model):
    """What is asked of whom, and why."""

    worker: Worker
    kind: str
    why: str


class Queues(Protocol):
    def send(self, worker: Worker, message: Mapping[str, Any]) -> None: ...


SERVE = Task(worker=Worker.FULFILMENT, kind="serve", why="it is paid, and nothing was decided about its goods")
FEED = Task(worker=Worker.FULFILMENT, kind="serve", why="units are owed")
REFUND = Task(worker=Worker.PAYMENTS, kind="refund", why="money is to go back, and the provider has not confirmed it")
ASK = Task(worker=Worker.PAYMENTS, kind="ask", why="no news of its payment came")
STUCK = frozenset(
    {
        *{Status.PENDING_PAYMENT, Status.PAID, Status.PARTIALLY_FULFILLED, Status.AWAITING_STOCK},
        *{Status.CANCELLED, Status.REFUNDED, Status.PARTIALLY_REFUNDED},
    }
)
"""States in which orders stand still, unless others are asked for. Of all other states only those whose money is on its way back are
looked at, which an index of their own knows: a search through all that were ever completed takes its time.
"""
MOST_EXAMINED = 500


def tasks(order: Order) -> tuple[Task, ...]:
    """Nothing for an order that waits for nobody but people."""
    found = []
    if order.status is Status.PAID:
        found.append(SERVE)
    elif any(rules.owed(order, line) for line in order.lines):
        found.append(FEED)
    if order.refund_due:
        found.append(REFUND)
    if order.payment.status in {PaymentStatus.PENDING, PaymentStatus.FAILED, PaymentStatus.EXPIRED} and order.status in rules.LATE:
        found.append(ASK)
    return tuple(found)


def retry(order: Order, *, queues: Queues) -> tuple[Task, ...]:
    """What was asked of whom. NothingToRetry."""
    asked = tasks(order)
    if not asked:
        raise NothingToRetry(f"An order that is {order.status} waits for no worker.", order_status=order.status)
    for task in asked:
        queues.send(task.worker, {"kind": task.kind, "shop": order.shop, "order": order.id})
    return asked


class RetryFailed(Model):
    """Of the orders in these states (none: in all where orders stand still) that did not change for so long. `after`: where the call
    before ended.
    """

    shop: str
    states: frozenset[Status]
    idle: timedelta
    limit: int
    after: str | None
    dry_run: bool


class Retried(Model):
    """`last`: where to go on (None: that was all)."""

    orders: Sequence[tuple[Order, tuple[Task, ...]]]
    last: str | None


def retry_failed(command: RetryFailed, *, search: Search, orders: Orders, vaults: Vaults, queues: Queues, now: datetime) -> Retried:
    """All that stand still, newest first, a page at a time. A dry run tells what would be asked."""
    found = searching.find(
        command.shop,
        Wanted(statuses=command.states or STUCK, unsettled=not command.states),
        limit=command.limit,
        after=command.after,
        search=search,
        orders=orders,
        vaults=vaults,
        most=MOST_EXAMINED,
        fits=lambda order: bool(tasks(order)) and now - order.updated_at >= command.idle,
    )
    if command.dry_run:
        return Retried(orders=[(order, tasks(order)) for order in found.orders], last=found.last)
    return Retried(orders=[(order, retry(order, queues=queues)) for order in found.orders], last=found.last)
