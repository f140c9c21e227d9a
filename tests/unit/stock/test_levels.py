"""Arithmetic of a level, and holds of awkward carts."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernel.errors import IdempotencyKeyInFlight, IdempotencyKeyReused
from holdfast.kernel.ids import entry_id
from holdfast.stock import holding, releasing, shelves
from holdfast.stock.errors import HeldForAnotherOrder, HoldAlreadyExtended, HoldLost, InsufficientStock, UnknownHold, UnknownStock
from holdfast.stock.model import Entry, Former, Level, LevelKey, Line, Lock
from holdfast.wiring.orders import OrdersForSweep
from tests.memory.engine import Memory
from tests.memory.house import GRACE, HOLD, START, House
from tests.memory.stores import in_memory
from tests.memory.threads import just_before

entries = st.dictionaries(
    st.text("abc", min_size=1, max_size=3),
    st.builds(Entry, quantity=st.integers(1, 9), expires_at=st.integers(-60, 60).map(lambda second: START + timedelta(seconds=second))),
    max_size=6,
)


@given(st.integers(0, 9), entries)
def test_what_is_free_is_what_is_available_and_what_is_dead(available: int, held: dict[str, Entry]) -> None:
    locked = sum(entry.quantity for entry in held.values())
    level = Level(key=LevelKey(shop="demo", sku="A"), on_hand=available + locked, available=available, entries=held, version=1)
    dead = {name for name, entry in held.items() if entry.expires_at + GRACE <= START}
    assert level.conserved()
    assert level.locked == locked
    assert set(level.reclaimable(START, GRACE)) == dead
    assert level.free(START, GRACE) == available + sum(held[name].quantity for name in dead)
    for name, entry in held.items():
        own = Former(name=name, expires_at=entry.expires_at)
        assert set(level.reclaimable(START, GRACE, (own,))) == dead | {name}
        assert set(level.reclaimable(START, GRACE, (own.model_copy(update={"expires_at": START - HOLD}),))) == dead


@pytest.fixture
def house() -> House:
    return House(in_memory(Memory()))


def hold(house: House, lock: str, *lines: Line, order: str = "ord", fingerprint: str = "asked", **more: Any) -> holding.Held:
    command = holding.Hold(
        shop=house.shop, lock=lock, order=order, lines=lines, expires_at=house.now + HOLD, fingerprint=fingerprint, **more
    )
    return holding.hold(command, store=house.stores.stock, recall=house.recall, grace=GRACE, now=house.now)


def wish(sku: str, quantity: int, partial: bool = False) -> Line:
    return Line(sku=sku, quantity=quantity, partial=partial)


def test_the_same_sku_twice_is_one_wish(house: House) -> None:
    house.product("A", 5)
    assert hold(house, "1", wish("A", 2), wish("A", 3)).quantities == {"A": 5}
    with pytest.raises(InsufficientStock):
        hold(house, "2", wish("A", 1))


def test_all_short_lines_are_named_at_once_and_nothing_is_kept(house: House) -> None:
    house.product("A", 1)
    house.product("B", 5)
    house.product("C", 0)
    with pytest.raises(InsufficientStock) as refused:
        hold(house, "1", wish("C", 1), wish("A", 2), wish("B", 3))
    assert refused.value.facts["lines"] == [{"sku": "A", "requested": 2, "available": 1}, {"sku": "C", "requested": 1, "available": 0}]
    assert [house.level(sku).available for sku in "ABC"] == [1, 5, 0]
    assert house.stores.stock.locks.get(house.shop, "1") is None


def test_a_partial_line_takes_what_is_there(house: House) -> None:
    house.product("A", 2)
    assert hold(house, "1", wish("A", 5, partial=True)).quantities == {"A": 2}
    assert hold(house, "2", wish("A", 5, partial=True)).quantities == {"A": 0}
    assert releasing.release(house.shop, "1", store=house.stores.stock) == 2
    assert releasing.release(house.shop, "2", store=house.stores.stock) == 0
    with pytest.raises(UnknownHold):
        releasing.release(house.shop, "1", store=house.stores.stock)


def test_an_unknown_sku_frees_what_was_taken_before_it(house: House) -> None:
    house.product("A", 1)
    with pytest.raises(UnknownStock):
        hold(house, "1", wish("A", 1), wish("Z", 1))
    assert house.level("A").available == 1


def test_more_dead_entries_than_one_write_can_free(house: House) -> None:
    house.product("A", 100)
    for number in range(100):
        hold(house, f"dead-{number}", wish("A", 1))
    house.now += HOLD + GRACE
    assert hold(house, "big", wish("A", 95)).quantities == {"A": 95}
    assert house.level("A").conserved()
    assert house.level("A").entries[entry_id("big")].quantity == 95


def test_the_oldest_dead_entries_go_first_and_live_ones_stay(house: House) -> None:
    house.product("A", 3)
    for name in ("first", "second"):
        hold(house, name, wish("A", 1))
        house.now += timedelta(minutes=1)
    house.now += HOLD + GRACE - timedelta(minutes=1)
    hold(house, "alive", wish("A", 1))
    hold(house, "new", wish("A", 1))
    assert set(house.level("A").entries) == {entry_id(name) for name in ("second", "alive", "new")}


def test_a_new_try_may_use_the_units_of_the_one_that_it_replaces(house: House) -> None:
    house.product("A", 3)
    hold(house, "cart", wish("A", 3), order="old")
    with pytest.raises(InsufficientStock):
        hold(house, "other", wish("A", 1))
    with pytest.raises(HeldForAnotherOrder) as met:
        hold(house, "cart", wish("A", 2), order="new")
    assert met.value.lock.order == "old"
    held = hold(house, "cart", wish("A", 2), order="new", replaces="old")
    assert (held.quantities, held.replaced) == ({"A": 2}, "old")
    assert (house.level("A").available, {entry.quantity for entry in house.level("A").entries.values()}) == (1, {2})


def test_a_new_try_that_is_refused_leaves_the_earlier_hold_as_it_was(house: House) -> None:
    house.product("A", 3)
    hold(house, "cart", wish("A", 2), order="old")
    before = house.level("A"), house.stores.stock.locks.get(house.shop, "cart")
    with pytest.raises(InsufficientStock) as refused:
        hold(house, "cart", wish("A", 4), order="new", replaces="old")
    assert refused.value.facts["lines"] == [{"sku": "A", "requested": 4, "available": 3}]
    assert (house.level("A"), house.stores.stock.locks.get(house.shop, "cart")) == before


def test_a_new_try_of_another_cart_gives_back_what_it_no_longer_wants(house: House) -> None:
    house.product("A", 3)
    house.product("B", 3)
    hold(house, "cart", wish("A", 2), order="old")
    hold(house, "cart", wish("B", 1), order="new", replaces="old")
    assert (house.level("A").available, house.level("A").entries, house.level("B").available) == (3, {}, 2)


def test_a_worker_that_knows_of_nothing_left_still_finds_the_shoppers_own_hold(house: House) -> None:
    house.product("A", 1)
    hold(house, "cart", wish("A", 1), order="old")
    for number in range(5):
        with pytest.raises(InsufficientStock):
            hold(house, f"other-{number}", wish("A", 1))
    assert house.recall.sold_out(house.shop, "A", house.now)
    with pytest.raises(HeldForAnotherOrder):
        hold(house, "cart", wish("A", 1), order="new")
    assert hold(house, "cart", wish("A", 1), order="new", replaces="old").quantities == {"A": 1}


def test_what_a_hold_under_another_lock_left_may_be_used(house: House) -> None:
    """Late money: the order's own dead hold, within its grace."""
    house.product("A", 1)
    hold(house, "first", wish("A", 1))
    house.now += HOLD
    with pytest.raises(InsufficientStock):
        hold(house, "stranger", wish("A", 1))
    former = Former(name=entry_id("first"), expires_at=START + HOLD)
    assert hold(house, "retake", wish("A", 1), former=former).quantities == {"A": 1}
    assert set(house.level("A").entries) == {entry_id("retake")}


def test_a_second_try_waits_for_the_lease_and_then_goes_on_under_the_first_promise(house: House) -> None:
    house.product("A", 3)
    first = hold(house, "1", wish("A", 2))
    with pytest.raises(IdempotencyKeyInFlight):
        hold(house, "1", wish("A", 2))
    house.now += holding.CLAIM_LEASE
    with pytest.raises(IdempotencyKeyReused):
        hold(house, "1", wish("A", 2), fingerprint="something else")
    assert hold(house, "1", wish("A", 2)) == first
    assert house.level("A").available == 1


def test_a_try_after_the_promise_ran_out_is_a_new_promise(house: House) -> None:
    house.product("A", 3)
    hold(house, "1", wish("A", 2))
    house.now += HOLD
    assert hold(house, "1", wish("A", 2)).expires_at == house.now + HOLD
    assert house.level("A").entries == {entry_id("1"): Entry(quantity=2, expires_at=house.now + HOLD)}


def extended(house: House, lock: str) -> None:
    writes = holding.extend_writes(house.shop, lock, "ord", until=house.now + 2 * HOLD, store=house.stores.stock, now=house.now)
    house.stores.commit(writes, token="extend")


def test_a_hold_is_extended_once_and_only_while_it_lasts(house: House) -> None:
    house.product("A", 3)
    house.product("B", 0)
    hold(house, "1", wish("A", 2), wish("B", 1, partial=True))
    extended(house, "1")
    with pytest.raises(HoldAlreadyExtended):
        extended(house, "1")
    hold(house, "2", wish("A", 1))
    house.now += HOLD
    with pytest.raises(HoldLost):
        extended(house, "2")
    with pytest.raises(HoldLost):
        extended(house, "none")
    assert house.level("A").entries[entry_id("1")].expires_at == START + 2 * HOLD


def test_a_hold_whose_units_are_gone_is_not_extended(house: House) -> None:
    house.product("A", 1)
    hold(house, "1", wish("A", 1))
    house.stores.stock.levels.give_back(LevelKey(shop=house.shop, sku="A"), entry_id("1"), Entry(quantity=1, expires_at=START + HOLD))
    with pytest.raises(HoldLost):
        extended(house, "1")


def test_a_restock_is_booked_once(house: House) -> None:
    house.product("A", 0)
    for _ in range(2):
        house.restock("A", 5, "note")
        house.now += timedelta(minutes=1)
    assert house.level("A").on_hand == 5
    with pytest.raises(UnknownStock):
        house.restock("Z", 5, "note")


def test_a_summary_counts_by_the_clock(house: House) -> None:
    house.product("A", 5)
    hold(house, "1", wish("A", 2))

    def seen() -> tuple[int, int, int]:
        summary = shelves.summary(house.shop, "A", waiting=7, levels=house.stores.stock.levels, grace=GRACE, now=house.now)
        assert summary.waiting == 7
        return summary.on_hand, summary.available, summary.locked

    assert seen() == (5, 3, 2)
    house.now += HOLD + GRACE
    assert seen() == (5, 5, 0)
    assert house.availability("A", "Z") == {"A": 5, "Z": 0}
    with pytest.raises(UnknownStock):
        shelves.summary(house.shop, "Z", waiting=0, levels=house.stores.stock.levels, grace=GRACE, now=house.now)


def swept(house: House, lock: Lock) -> int:
    return releasing.expire_lock(lock, store=house.stores.stock, orders=OrdersForSweep(house.stores.orders), grace=GRACE, now=house.now)


def test_a_hold_that_was_extended_since_it_was_listed_is_left_alone(house: House) -> None:
    """The index lags, and a message of TTL may come hours late."""
    house.product("A", 1)
    hold(house, "1", wish("A", 1))
    listed = house.stores.stock.locks.get(house.shop, "1")
    assert listed is not None
    extended(house, "1")
    house.now += HOLD + GRACE
    assert swept(house, listed) == 0
    assert house.level("A").locked == 1
    assert house.stores.stock.locks.get(house.shop, "1") is not None


def test_units_that_were_extended_by_a_slow_clock_are_not_given_back(house: House) -> None:
    house.product("A", 1)
    hold(house, "1", wish("A", 1))
    listed = house.stores.stock.locks.get(house.shop, "1")
    assert listed is not None
    slow = House(house.stores)
    house.now += HOLD + GRACE
    just_before(house.stores.stock.levels, "give_back", lambda: extended(slow, "1"))
    assert swept(house, listed) == 0
    assert house.level("A").locked == 1
