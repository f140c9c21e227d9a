"""Who waits longer than was promised is told so, once per order."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice

from holdfast.fulfilment import rules
from holdfast.fulfilment.model import Debt
from holdfast.fulfilment.ports import Debts, FulfilmentStore, Orders
from holdfast.kernel.errors import HoldfastError, UnavailableError
from holdfast.kernel.model import Model

ATTEMPTS = 5
PAGE = 500
"""Debts that are read in one query."""
MOST = 500
"""Debts of a shop that one run works at: some ten seconds. The next run goes on, since these are marked."""


class Told(Model):
    """`told`: orders whose customers are told now. `failed`: codes of what could not be done; the next run tries again. `complete`: there
    is nobody else to tell.
    """

    told: int = 0
    failed: tuple[str, ...] = ()
    complete: bool = True


def tell(shop: str, promised: timedelta, *, store: FulfilmentStore, orders: Orders, now: datetime, most: int = MOST) -> Told:
    """Safe to repeat, to kill anywhere, to do twice at once: the order knows whether it was told, and the debt is marked after it, so
    that orders that were told are not read again.
    """
    untold = (
        debt
        for queue in store.queues.waiting(shop)
        for debt in late(shop, queue.sku, now - promised, debts=store.debts)
        if debt.told_at is None
    )
    told, failed, seen = 0, list[str](), 0
    for seen, debt in enumerate(islice(untold, most), 1):  # noqa: B007
        try:
            told += _tell(debt, promised, orders, now)
            store.debts.note_told(debt, now)
        except HoldfastError as trouble:
            failed.append(trouble.code)
    return Told(told=told, failed=tuple(failed), complete=seen < most)


def late(shop: str, sku: str, until: datetime, *, debts: Debts) -> Iterator[Debt]:
    """Those of orders that were paid by then. A queue is made of runs: those that go first, the others, and both again for each round. Each
    is in the order of payment, so that at the first one that is younger the rest of its run is passed over.
    """
    after = ""
    while page := debts.behind(shop, sku, after, PAGE):
        for debt in page:
            if debt.paid_at > until:
                after = rules.end_of_run(debt.position)
                break
            yield debt
            after = debt.position


def _tell(debt: Debt, promised: timedelta, orders: Orders, now: datetime) -> bool:
    """Whether it is told by this call."""
    for _ in range(ATTEMPTS):
        paid = orders.paid(debt.shop, debt.order)
        if paid is None or paid.delayed or not paid.owed():
            return False
        if paid.delay(promised // timedelta(hours=1), now):
            return True
    raise UnavailableError("The order keeps changing.")
