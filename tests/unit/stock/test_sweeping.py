"""The clean-up: what it counts, what a dry run leaves alone, that one failure keeps no other, and the record of its runs."""

from datetime import datetime, timedelta

import pytest

from holdfast.kernel.errors import UnavailableError
from holdfast.orders.model import Order, Status
from holdfast.platform.runs import Run
from holdfast.stock import layout, sweeping
from holdfast.stock.model import Level
from holdfast.wiring.cleaning import Cleaner
from holdfast.wiring.orders import OrdersForSweep
from tests.memory.audit import audit_end
from tests.memory.engine import Memory
from tests.memory.house import GRACE, HOLD, House
from tests.memory.runs import MemoryRuns
from tests.memory.stores import in_memory
from tests.memory.threads import just_before, together

SHOP = "demo"
LATE = HOLD + GRACE + timedelta(milliseconds=1)


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def house(memory: Memory) -> House:
    house = House(in_memory(memory))
    house.product("A", 10)
    return house


def sweep(house: House, *, dry_run: bool = False, most: int | None = None) -> sweeping.Swept:
    orders = OrdersForSweep(house.stores.orders)
    return sweeping.sweep(SHOP, store=house.stores.stock, orders=orders, grace=GRACE, now=house.now, dry_run=dry_run, most=most)


def dead(house: House, *units: int) -> list[Order]:
    """Orders whose time is over, the oldest first."""
    placed = []
    for number in units:
        house.now += timedelta(seconds=1)
        placed.append(house.place(house.session(("A", number))).order)
    house.now += LATE
    return placed


def test_dead_holds_are_counted_with_their_units(memory: Memory, house: House) -> None:
    orders = dead(house, 2, 3)
    house.place(house.session(("A", 1)))
    planned = sweep(house, dry_run=True)
    assert (planned.locks, planned.units, planned.failed, planned.dry_run) == (2, 5, 0, True)
    assert {house.order(order).status for order in orders} == {Status.PENDING_PAYMENT}
    assert house.level("A").available == 4
    done = sweep(house)
    assert (done.locks, done.units, done.examples) == (2, 5, planned.examples)
    assert [example.order for example in done.examples] == [order.id for order in orders]
    assert {house.order(order).status for order in orders} == {Status.EXPIRED}
    assert (house.level("A").available, sweep(house).locks) == (9, 0)
    house.now += LATE
    sweep(house)
    audit_end(memory)


def test_nothing_to_do_is_a_report_too(house: House) -> None:
    assert sweep(house) == sweeping.Swept(shop=SHOP, dry_run=False)


def test_one_that_fails_keeps_no_other(house: House) -> None:
    dead(house, 1, 2, 3)

    def unwell() -> None:
        raise UnavailableError("Not now.")

    just_before(house.stores.stock.levels, "give_back", unwell)
    report = sweep(house)
    assert (report.locks, report.units, report.failed) == (3, 5, 1)
    assert [(failure.lock, failure.code) for failure in report.failures] == [(report.examples[0].lock, "unavailable")]
    assert (sweep(house).units, house.level("A").available) == (1, 10)


def test_a_flood_is_dealt_with_in_parts(house: House) -> None:
    dead(house, 1, 1, 1)
    first = sweep(house, most=2)
    assert (first.locks, first.complete) == (2, False)
    second = sweep(house, most=2)
    assert (second.locks, second.complete) == (1, True)


def test_examples_have_an_end_and_counts_have_none(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeping, "REPORTED", 2)
    dead(house, 1, 1, 1)
    report = sweep(house)
    assert (report.locks, len(report.examples)) == (3, 2)


def test_calm_skus_give_up_shards_and_are_forgotten(memory: Memory, house: House) -> None:
    house.restock("A", 630, "much")
    layout.resize(SHOP, "A", 16, pinned=False, store=house.stores.stock, now=house.now)
    assert (sweep(house, dry_run=True).hot, sweep(house, dry_run=True).shards, len(house.parts("A"))) == (1, 0, 16)
    given_up = [sweep(house).shards for _ in range(3)]
    assert (sum(given_up), len(house.parts("A")), house.level("A").available) == (15, 1, 640)
    assert (house.stores.stock.levels.hot(SHOP), sweep(house).hot) == ([], 0)


def test_a_pinned_sku_keeps_its_shards(house: House) -> None:
    house.shards("A", 4)
    assert (sweep(house).hot, sweep(house).shards, len(house.parts("A"))) == (1, 0, 4)


def test_a_note_about_a_sku_that_never_was_goes(house: House) -> None:
    house.stores.stock.levels.mark_hot(SHOP, "GHOST", True)
    assert (sweep(house).failed, house.stores.stock.levels.hot(SHOP)) == (0, [])


def test_a_sku_that_cannot_settle_is_a_failure_of_its_own(memory: Memory, house: House) -> None:
    house.shards("A", 2)
    dead(house, 1)

    def unwell() -> None:
        raise UnavailableError("Not now.")

    just_before(house.stores.stock.levels, "head", unwell)
    report = sweep(house)
    assert (report.units, report.failed, [failure.sku for failure in report.failures]) == (1, 1, ["A"])


def test_two_clean_ups_at_once_free_each_unit_once(house: House) -> None:
    dead(house, 2, 3, 4)
    reports = together([lambda: sweep(house)] * 4)
    level: Level = house.level("A")
    assert (level.available, level.conserved()) == (10, True)
    assert sum(report.units for report in reports) == 9


# With its record of runs.


def cleaner(memory: Memory, house: House) -> Cleaner:
    def clock() -> datetime:
        house.now += timedelta(milliseconds=5)
        return house.now

    return Cleaner(house.stores.stock, OrdersForSweep(house.stores.orders), MemoryRuns(memory), GRACE, clock)


def test_each_run_is_kept_the_newest_is_listed_first(memory: Memory, house: House) -> None:
    dead(house, 2)
    runs = [
        cleaner(memory, house).clean(SHOP, trigger=trigger, dry_run=dry_run) for trigger, dry_run in (("ada", True), ("schedule", False))
    ]
    assert MemoryRuns(memory).last(SHOP, sweeping.JOB, 10) == runs[::-1]
    assert MemoryRuns(memory).last(SHOP, sweeping.JOB, 1) == runs[1:]
    assert MemoryRuns(memory).last("other", sweeping.JOB, 10) == []
    assert [(run.trigger, run.dry_run, run.report["units"]) for run in runs] == [("ada", True, 2), ("schedule", False, 2)]
    assert all(run.finished_at - run.started_at == timedelta(milliseconds=5) for run in runs)
    assert sweeping.Swept.model_validate(runs[1].report).locks == 1


def test_a_shop_that_cannot_be_looked_at_is_a_run_that_failed(memory: Memory, house: House) -> None:
    def unwell() -> None:
        raise UnavailableError("Not now.")

    just_before(house.stores.stock.locks, "dead", unwell)
    run: Run = cleaner(memory, house).clean(SHOP, trigger="schedule", dry_run=False)
    assert (run.report["failed"], run.report["complete"], run.report["failures"][0]["code"]) == (1, False, "unavailable")
    assert MemoryRuns(memory).last(SHOP, sweeping.JOB, 1) == [run]
