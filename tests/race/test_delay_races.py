"""Two runs of the schedule look at the same order, or at one that is being fed: its customer hears of the delay once, or not at all."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from holdfast.catalogue.model import Kind, OnShortage
from holdfast.orders import events
from holdfast.orders.model import Order
from tests.memory.house import House
from tests.memory.threads import meet, together

Careless = Callable[..., House]
RUNS = 3


def waits(house: House) -> Order:
    house.product("KEY", 0, Kind.DIGITAL, OnShortage.BACKORDER)
    order = house.buy(("KEY", 1), accept_partial=True)
    house.browser_returns(order)
    house.serve(order)
    house.now += timedelta(hours=25)
    return order


def told_by_many(house: House) -> tuple[int, int]:
    """How many runs say that they told him, and events there are."""
    order = waits(house)
    meet(house.stores.orders, "get", RUNS)  # all have seen that he was not told
    reports = together([replace(house, now=house.now + timedelta(seconds=run)).tell_delays for run in range(RUNS)])
    told = [event.type for event in house.order(order).events]
    return sum(report.told for report in reports), told.count(events.DELAYED)


def test_runs_at_the_same_time_tell_him_once(house: House) -> None:
    assert told_by_many(house) == (1, 1)


def test_without_the_guard_each_of_them_tells_him(careless: Careless) -> None:
    """What the stream publishes of each write: the order itself keeps the last."""
    assert told_by_many(careless("VERSION_BEFORE"))[0] == RUNS


def fed_and_told(house: House) -> Order:
    order = waits(house)
    house.import_keys("KEY", ["one"], "late")
    together([lambda: house.feed("KEY"), house.tell_delays])
    house.feed("KEY")
    return house.order(order)


def test_what_comes_at_that_moment_is_handed_over_all_the_same(house: House) -> None:
    order = fed_and_told(house)
    told = [event.type for event in order.events]
    assert (order.line("KEY").fulfilled, len(house.keys_of(order))) == (1, 1)
    assert told.count(events.DELAYED) <= 1
    assert events.DELAYED not in told[told.index(events.KEYS_ADDED) :]
