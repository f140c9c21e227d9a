"""What one shopper could have: units, promises and his own allowance, from one look."""

from datetime import timedelta

from holdfast.catalogue.model import OnShortage
from holdfast.kernel.ids import entry_id
from holdfast.orders import rules
from holdfast.stock.model import Former, Line
from holdfast.stock.outlook import Outlook, outlook
from tests.memory.house import GRACE, HOLD, House
from tests.unit.stock.acts import hold, house, memory, spread, wish

__all__ = ["house", "memory"]

ADA = rules.buyer("ada@example.com")


def look(house: House, *lines: Line, buyer: str | None = ADA, former: tuple[Former, ...] = ()) -> dict[str, Outlook]:
    levels = house.stores.stock.levels
    return outlook(house.shop, lines, buyer=buyer, former=former, levels=levels, recall=house.recall, grace=GRACE, now=house.now)


def test_what_is_free_and_without_limits(house: House) -> None:
    house.product("A", 5)
    hold(house, "1", wish("A", 2))
    assert look(house, wish("A", 9), wish("NONE", 1)) == {"A": Outlook(free=3, owable=None, left=None, shards=1)}


def test_a_dead_hold_counts_as_free_after_the_grace(house: House) -> None:
    house.product("A", 5)
    hold(house, "1", wish("A", 2))
    house.now += HOLD + GRACE - timedelta(milliseconds=1)
    assert look(house, wish("A", 1))["A"].free == 3
    house.now += timedelta(milliseconds=1)
    assert look(house, wish("A", 1))["A"].free == 5


def test_all_parts_count_also_those_the_worker_did_not_know_of(house: House) -> None:
    house.product("A", 0)
    spread(house, "A", 3, 0, 4)
    house.recall = type(house.recall)()
    assert look(house, wish("A", 1))["A"] == Outlook(free=7, owable=None, left=None, shards=3)
    assert house.recall.made(house.shop, "A") == 3


def test_pools_that_nobody_drew_from_are_whole(house: House) -> None:
    house.product("A", 5)
    line = wish("A", 1, partial=True, promises=4, allowance=3)
    assert look(house, line)["A"] == Outlook(free=5, owable=4, left=3, shards=1)
    assert look(house, line, buyer=None)["A"].left is None


def test_pools_that_were_drawn_from(house: House) -> None:
    house.product("A", 1)
    line = wish("A", 3, partial=True, promises=4, allowance=5)
    hold(house, "1", line, buyer=ADA)
    assert look(house, line)["A"] == Outlook(free=0, owable=2, left=2, shards=1)
    assert look(house, line, buyer=rules.buyer("ben@example.com"))["A"].left == 5


def test_the_shopper_is_not_in_his_own_way(house: House) -> None:
    house.product("A", 1)
    line = wish("A", 3, partial=True, promises=4, allowance=5)
    held = hold(house, "lck", line, buyer=ADA)
    mine = (Former(name=entry_id("lck"), expires_at=held.expires_at),)
    assert look(house, line, former=mine)["A"] == Outlook(free=1, owable=4, left=5, shards=1)


def test_a_pool_counts_under_the_cap_of_today(house: House) -> None:
    house.product("A", 1, on_shortage=OnShortage.BACKORDER)
    hold(house, "1", wish("A", 3, partial=True, promises=4))
    assert look(house, wish("A", 1, partial=True, promises=9))["A"].owable == 7
    assert look(house, wish("A", 1, partial=True, promises=1))["A"].owable == 0
