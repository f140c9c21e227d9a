"""What a worker remembers: sold out under pressure only, never longer than a second, and never against what it has seen since."""

from datetime import timedelta
from typing import Any

import pytest

from holdfast.stock import layout, recall
from holdfast.stock.errors import InsufficientStock
from holdfast.stock.recall import Recall
from tests.memory.house import GRACE, HOLD, START, House
from tests.unit.stock.acts import hold, house, memory, put, release, spread, wish

__all__ = ["house", "memory"]

SECOND = timedelta(seconds=1)


def refused(house: House, times: int, quantity: int = 1) -> None:
    for number in range(times):
        with pytest.raises(InsufficientStock):
            hold(house, f"late-{number}", wish("A", quantity))


def sold_out(house: House, after: timedelta = timedelta()) -> bool:
    return house.recall.sold_out(house.shop, "A", house.now + after)


def test_it_is_sold_out_only_under_pressure(house: House) -> None:
    house.product("A", 0)
    refused(house, recall.PRESSURE - 1)
    assert not sold_out(house)
    house.now += SECOND
    refused(house, recall.PRESSURE - 1)
    assert not sold_out(house)
    refused(house, 1)
    assert sold_out(house)
    assert not sold_out(house, SECOND)


def test_who_asks_for_more_than_is_left_presses_nobody(house: House) -> None:
    house.product("A", 1)
    refused(house, 2 * recall.PRESSURE, quantity=2)
    assert not sold_out(house)
    assert hold(house, "one", wish("A", 1)).quantities == {"A": 1}


def test_nobody_asks_the_store_while_it_is_sold_out(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.product("A", 0)
    refused(house, recall.PRESSURE)

    def asked(*_: Any, **__: Any) -> None:
        raise AssertionError("the store was asked")

    for method in ("with_heads", "levels", "level", "take"):
        monkeypatch.setattr(house.stores.stock.levels, method, asked)
    refused(house, 1)
    house.now += SECOND
    with pytest.raises(AssertionError):
        hold(house, "after", wish("A", 1))


def test_a_part_will_do_although_it_is_sold_out(house: House) -> None:
    house.product("A", 0)
    refused(house, recall.PRESSURE)
    assert hold(house, "waits", wish("A", 2, partial=True)).quantities == {"A": 0}


@pytest.mark.parametrize("left", [timedelta(milliseconds=1), timedelta(milliseconds=400), SECOND, 5 * SECOND])
def test_the_memory_ends_when_the_clock_frees_a_unit(house: House, left: timedelta) -> None:
    house.product("A", 1)
    hold(house, "dying", wish("A", 1))
    house.now = START + HOLD + GRACE - left
    refused(house, recall.PRESSURE)
    remembered = min(left, SECOND)
    assert sold_out(house, remembered - timedelta(milliseconds=1))
    assert not sold_out(house, remembered)
    if left <= SECOND:
        house.now += left
        assert hold(house, "next", wish("A", 1)).quantities == {"A": 1}


def test_whoever_sees_units_again_forgets(house: House) -> None:
    house.product("A", 0)
    refused(house, recall.PRESSURE)
    house.restock("A", 1, "note")
    assert house.free("A") == 1
    assert not sold_out(house)
    assert hold(house, "one", wish("A", 1)).quantities == {"A": 1}


def test_a_unit_that_came_back_is_found_within_a_second(house: House) -> None:
    house.product("A", 1)
    hold(house, "first", wish("A", 1))
    refused(house, recall.PRESSURE)
    release(house, "first")
    refused(house, 1)
    house.now += SECOND
    assert hold(house, "next", wish("A", 1)).quantities == {"A": 1}


def test_a_worker_learns_the_shards_from_what_it_meets(house: House) -> None:
    house.product("A", 40)
    house.recall = Recall()
    assert house.recall.shards(house.shop, "A") == house.recall.made(house.shop, "A") == 1
    house.shards("A", 4)
    hold(house, "lck-1", wish("A", 1))
    assert house.recall.shards(house.shop, "A") == house.recall.made(house.shop, "A") == 4
    layout.resize(house.shop, "A", 2, pinned=True, store=house.stores.stock, now=house.now)
    house.free("A")
    assert (house.recall.shards(house.shop, "A"), house.recall.made(house.shop, "A")) == (2, 4)


def test_little_left_is_looked_at_first_for_a_minute(house: House) -> None:
    spread(house, "A", 1, 0)
    house.recall = Recall()
    hold(house, "lck-1", wish("A", 1))
    assert house.recall.scarce(house.shop, "A", house.now)
    assert house.recall.scarce(house.shop, "A", house.now + 59 * SECOND)
    assert not house.recall.scarce(house.shop, "A", house.now + 60 * SECOND)
    house.product("B", 1)
    hold(house, "lck-2", wish("B", 1))
    assert not house.recall.scarce(house.shop, "B", house.now)  # in one shard, the write itself is the look


def test_it_knows_no_more_than_so_many(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recall, "REMEMBERED", 2)
    house.product("A", 0)
    put(house, "A", 1, "0")
    level = house.level("A").model_copy(update={"shards": 4, "made": 4})
    skus = ["A", "B", "A", "C"]
    for sku in skus:
        house.recall.saw(level.model_copy(update={"key": level.key.model_copy(update={"sku": sku})}), house.now)
    assert [house.recall.shards(house.shop, sku) for sku in "ABC"] == [4, 1, 4]


def test_pools_and_other_locations_say_nothing_of_shards(house: House) -> None:
    house.product("A", 1)
    level = house.level("A").model_copy(update={"shards": 9, "made": 9})
    for part in ("promise", "buyer-x", "berlin"):
        house.recall.saw(level.model_copy(update={"key": level.key.model_copy(update={"part": part})}), house.now)
    assert house.recall.shards(house.shop, "A") == 1
