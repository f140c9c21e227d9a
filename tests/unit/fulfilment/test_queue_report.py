"""Who waits for what, and for how long: what staff sees of it."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from holdfast.fulfilment import queue_report
from holdfast.fulfilment.queue_report import Ages, OpenBatch, QueueReport, QueueRow, QueueTotals
from holdfast.fulfilment.waiting_views import places
from tests.memory import samples
from tests.memory.engine import Memory
from tests.memory.fulfilment import MemoryFulfilment
from tests.memory.samples import LATER, NOW

AGES = {1: 30, 2: 60, 3: 239, 4: 240, 5: 24 * 60 - 1, 6: 24 * 60, 7: 3 * 24 * 60 - 1, 8: 3 * 24 * 60, 9: 9 * 24 * 60}
"""Minutes since each of nine orders was paid."""


@pytest.fixture
def store() -> MemoryFulfilment:
    store = MemoryFulfilment(Memory())
    for number, minutes in AGES.items():
        wait(store, "A", number, NOW - timedelta(minutes=minutes))
    for sku in ("B", "C"):
        wait(store, sku, 1, NOW)
    return store


def wait(store: MemoryFulfilment, sku: str, number: int, paid_at: datetime) -> None:
    store.commit([store.debts.add_write(samples.debt("demo", number, sku=sku, paid_at=paid_at))], token=f"{sku}{number}")
    store.queues.mark(store.queues.queue("demo", sku), waiting=True)


def report(store: MemoryFulfilment, after: str | None = None, limit: int = 9, **how: Any) -> QueueReport:
    free = {"B": 2}
    asked = {"promised": timedelta(hours=24), "store": store, "free": lambda _, skus: {sku: free[sku] for sku in skus if sku in free}}
    return queue_report.report("demo", after=after, limit=limit, now=NOW, **asked, **how)


@pytest.mark.parametrize("page", [1, 4, 1000])
def test_each_order_has_one_age_and_those_past_the_promise_are_late(
    store: MemoryFulfilment, page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_report, "PAGE", page)
    row = report(store).rows[0]
    ages = Ages(under_1_hour=1, under_4_hours=2, under_24_hours=2, under_3_days=2, older=2)
    assert row == QueueRow(sku="A", orders=9, units=27, late=4, ages=ages, oldest_paid_at=NOW - timedelta(days=9))


def test_totals_are_of_all_that_is_told(store: MemoryFulfilment) -> None:
    told = report(store)
    assert [(row.sku, row.orders, row.units, row.free) for row in told.rows] == [("A", 9, 27, 0), ("B", 1, 3, 2), ("C", 1, 3, 0)]
    ages = Ages(under_1_hour=3, under_4_hours=2, under_24_hours=2, under_3_days=2, older=2)
    assert (told.totals, told.next) == (QueueTotals(orders=11, units=33, late=4, ages=ages), None)


def test_page_by_page(store: MemoryFulfilment) -> None:
    first = report(store, limit=2)
    assert ([row.sku for row in first.rows], first.next) == (["A", "B"], "B")
    second = report(store, first.next, limit=2)
    assert ([row.sku for row in second.rows], second.totals.orders, second.next) == (["C"], 1, None)
    assert (report(store, "C").rows, report(store, "C").totals) == ((), QueueTotals())


def test_a_long_queue_makes_a_short_page(store: MemoryFulfilment) -> None:
    told = report(store, most=9)
    assert ([row.sku for row in told.rows], told.next) == (["A"], "A")
    assert [row.sku for row in report(store, "A", most=9).rows] == ["B", "C"]


def test_a_batch_that_is_being_handed_over_is_shown(store: MemoryFulfilment) -> None:
    store.commit(store.queues.open_writes(store.queues.queue("demo", "A"), samples.batch("demo"), LATER), token="open")
    assert report(store).rows[0].open_batch == OpenBatch(number=1, leased_until=LATER)


def test_places_go_on_from_page_to_page() -> None:
    debts = [samples.debt("demo", 1, paid_at=NOW - timedelta(hours=24)), samples.debt("demo", 2, paid_at=NOW, told_at=NOW)]
    found = places(debts, 7, timedelta(hours=24), NOW, str.upper)
    assert [(one.place, one.order, one.number, one.owed, one.late) for one in found] == [
        (8, "ord_1", "ORD_1", 3, True),
        (9, "ord_2", "ORD_2", 3, False),
    ]
    assert [(one.promised_by, one.told_at) for one in found] == [(NOW, None), (NOW + timedelta(hours=24), NOW)]
