"""Holds over many shards: the last unit sells wherever it lies, and every try finds what the ones before it took."""

from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from holdfast.kernel.errors import IdempotencyKeyInFlight, UnavailableError
from holdfast.kernel.ids import entry_id
from holdfast.stock import holding, layout, releasing, selling, taking
from holdfast.stock.errors import InsufficientStock, LedgerMoved, LevelMoved, StockScattered, UnknownHold, UnknownStock
from holdfast.stock.model import MAIN, Entry, Former, Level, Part, Place
from holdfast.stock.planning import first_shard
from holdfast.stock.recall import Recall
from tests.memory.engine import Memory
from tests.memory.faults import Fault, Faults, Killed, faulty
from tests.memory.house import GRACE, HOLD, START, House
from tests.memory.threads import just_before
from tests.unit.stock.acts import figures, held, hold, house, key, lock_at, memory, put, release, spread, standing, swept, wish

__all__ = ["house", "memory"]


def learned(house: House, sku: str, shards: int) -> None:
    """This worker knows how many shards there are."""
    house.recall = Recall()
    house.recall.saw(house.level(sku), house.now)
    assert house.recall.shards(house.shop, sku) == shards


@pytest.mark.parametrize("knows", [True, False], ids=["a worker that knows the shards", "a new worker"])
def test_every_unit_sells_wherever_it_lies(house: House, knows: bool) -> None:
    spread(house, "A", 0, 3, 0, 2)
    if knows:
        learned(house, "A", 4)
    for number in range(5):
        house.recall = house.recall if knows else Recall()
        assert hold(house, f"lck-{number}", wish("A", 1)).quantities == {"A": 1}
    with pytest.raises(InsufficientStock) as refused:
        hold(house, "lck-late", wish("A", 1))
    assert refused.value.facts["lines"] == [{"sku": "A", "requested": 1, "available": 0}]
    assert figures(house, "A") == {"0": (0, 0), "1": (3, 0), "2": (0, 0), "3": (2, 0)}


def test_each_lock_begins_at_a_shard_of_its_own_with_one_write(house: House) -> None:
    spread(house, "A", 100, 100, 100, 100)
    learned(house, "A", 4)
    for number in range(40):
        lock = f"lck-{number}"
        hold(house, lock, wish("A", 2))
        assert held(house, "A", lock) == {first_shard(lock, 4): 2}
        assert [part.part for part in standing(house, lock).lines[0].parts] == [first_shard(lock, 4)]


def test_a_line_is_split_over_parts_when_no_part_has_it_whole(house: House) -> None:
    spread(house, "A", 2, 2, 1, 0)
    held_ = hold(house, "lck-1", wish("A", 5))
    assert held_.quantities == {"A": 5}
    assert held(house, "A", "lck-1") == {"0": 2, "1": 2, "2": 1}
    assert standing(house, "lck-1").lines[0].taken == 5
    assert release(house, "lck-1") == 5
    assert figures(house, "A") == {"0": (2, 2), "1": (2, 2), "2": (1, 1), "3": (0, 0)}


def test_a_split_line_is_sold_in_one_go(house: House) -> None:
    spread(house, "A", 2, 2, 1)
    hold(house, "lck-1", wish("A", 4))
    writes = selling.confirm_writes("lck-1", "ord", {"A": 4}, shop=house.shop, store=house.stores.stock, now=house.now)
    house.stores.commit(writes, token="sold")
    sale = house.stores.stock.ledger.movement(house.shop, "lck-1")
    assert sale is not None
    assert sum(line.quantity for line in sale.lines) == -4
    assert sum(on_hand for on_hand, _ in figures(house, "A").values()) == 1
    with pytest.raises(LedgerMoved):
        selling.confirm_writes("lck-1", "ord", {"A": 4}, shop=house.shop, store=house.stores.stock, now=house.now)


def test_other_locations_are_asked_in_their_order_when_the_main_one_is_short(house: House) -> None:
    house.product("A", 2)
    places = [Place(name="berlin"), Place(name=MAIN), Place(name="outlet")]
    layout.place(house.shop, "A", places, store=house.stores.stock)
    put(house, "A", 2, "berlin")
    put(house, "A", 5, "outlet")
    for lock, quantity, expected in (("1", 1, {"0": 1}), ("2", 2, {"0": 1, "berlin": 1}), ("3", 3, {"berlin": 1, "outlet": 2})):
        hold(house, lock, wish("A", quantity))
        assert held(house, "A", lock) == expected


def test_a_shard_that_sells_out_between_look_and_take_is_left_for_another(house: House) -> None:
    spread(house, "A", 0, 1, 1)
    lock = lock_at(0, 3)
    just_before(house.stores.stock.levels, "take", lambda: None)

    def faster() -> None:
        stock = house.stores.stock.levels
        first = standing(house, lock).lines[0].goods[0].part
        stock.take(key(house, "A", first), "stranger", Entry(quantity=1, expires_at=house.now + HOLD))

    learned(house, "A", 3)
    house.recall.saw(house.level("A", "1").model_copy(update={"available": 0}), house.now)  # little is left: it looks before it takes
    just_before(house.stores.stock.levels, "take", faster)
    assert hold(house, lock, wish("A", 1)).quantities == {"A": 1}
    assert sum(held(house, "A", lock).values()) == 1
    assert {part.quantity for part in standing(house, lock).lines[0].parts} == {0, 1}


def test_a_buyer_who_is_too_slow_at_every_part_is_told_to_come_again_and_keeps_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    spread(house, "A", 5, 5)
    hold(house, "dead", wish("A", 10))
    house.now += HOLD + GRACE

    def moved(*_: object) -> None:
        raise LevelMoved

    monkeypatch.setattr(house.stores.stock.levels, "reclaim_and_take", moved)
    with pytest.raises(UnavailableError):
        hold(house, "lck-1", wish("A", 1))
    assert held(house, "A", "lck-1") == {}
    assert house.stores.stock.locks.get(house.shop, "lck-1") is None


def test_a_part_that_never_was_is_no_harm(house: House) -> None:
    """A worker that remembers more shards than there are."""
    house.product("A", 2)
    house.recall.saw(house.level("A").model_copy(update={"shards": 4, "made": 4}), house.now)
    assert hold(house, lock_at(3, 4), wish("A", 2)).quantities == {"A": 2}
    house.recall.saw(house.level("A").model_copy(update={"shards": 4, "made": 4}), house.now)
    with pytest.raises(UnknownStock):
        hold(house, lock_at(0, 4), wish("Z", 1))


# What earlier tries left.


def dies_at(house: House, at: int, lock: str, quantity: int) -> Faults:
    """A try that dies before one of its calls."""
    faults = Faults(Fault.KILLED_BEFORE, at)
    with suppress(Killed):
        hold(House(faulty(house.stores, faults), house.shop, house.now, recall=house.recall), lock, wish("A", quantity))
    return faults


def dies_after_a_take(house: House, lock: str, quantity: int) -> str:
    """A try that dies when it has taken from one part, which is answered."""
    levels = house.stores.stock.levels
    original = levels.take

    def take(*args: Any) -> None:
        original(*args)
        raise Killed

    levels.take = take  # type: ignore[method-assign, assignment]
    with pytest.raises(Killed):
        hold(house, lock, wish("A", quantity))
    levels.take = original  # type: ignore[method-assign]
    (part,) = held(house, "A", lock)
    return part


@pytest.mark.parametrize("at", range(1, 8))
def test_a_retry_reaches_the_parts_that_the_first_try_reached(house: House, at: int) -> None:
    """However far it came: claim, first shard, look, plan, each of its takes."""
    spread(house, "A", 1, 2, 2, 0)
    lock = lock_at(3, 4)
    assert dies_at(house, at, lock, 5).met
    house.now += holding.CLAIM_LEASE
    house.recall = Recall()
    assert hold(house, lock, wish("A", 5)).quantities == {"A": 5}
    assert held(house, "A", lock) == {"0": 1, "1": 2, "2": 2}
    assert release(house, lock) == 5


def test_a_retry_whose_part_was_sold_meanwhile_plans_anew_around_what_it_has(house: House) -> None:
    spread(house, "A", 1, 1, 0)
    lock = lock_at(2, 3)
    learned(house, "A", 3)
    had = dies_after_a_take(house, lock, 2)
    other = {"0": "1", "1": "0"}[had]
    put(house, "A", -1, other)
    put(house, "A", 1, "2")
    house.now += holding.CLAIM_LEASE
    assert hold(house, lock, wish("A", 2)).quantities == {"A": 2}
    assert held(house, "A", lock) == {had: 1, "2": 1}


def test_more_may_be_taken_where_something_is_held_already(house: House) -> None:
    """The part that was planned for the rest is empty by now, and the rest lies where this try has a unit."""
    spread(house, "A", 1, 1)
    lock = lock_at(0, 2)
    learned(house, "A", 2)
    had = dies_after_a_take(house, lock, 2)
    put(house, "A", -1, {"0": "1", "1": "0"}[had])
    put(house, "A", 1, had)
    house.now += holding.CLAIM_LEASE
    assert hold(house, lock, wish("A", 2)).quantities == {"A": 2}
    assert held(house, "A", lock) == {had: 2}


def tried(house: House, lock: str, part: str) -> None:
    """It was tried there first, in vain."""
    seen = standing(house, lock)
    if part not in {one.part for one in seen.lines[0].parts}:
        line = seen.lines[0].model_copy(update={"parts": (*seen.lines[0].parts, Part(part=part, quantity=0))})
        assert house.stores.stock.locks.renew(seen.with_line(line).model_copy(update={"claim": "clm_tried"}), seen)


def late_delivery(house: House, lock: str, part: str, quantity: int) -> None:
    """A take of this very try that the network kept for a while."""
    entry = Entry(quantity=quantity, expires_at=standing(house, lock).expires_at)
    house.stores.stock.levels.take(key(house, "A", part), entry_id(lock), entry)


def test_a_late_delivery_at_a_part_that_was_left_goes_back_with_the_rest(house: House) -> None:
    spread(house, "A", 0, 3)
    lock = lock_at(0, 2)
    learned(house, "A", 2)
    hold(house, lock, wish("A", 2))
    tried(house, lock, "0")
    put(house, "A", 2, "0")
    late_delivery(house, lock, "0", 2)
    assert held(house, "A", lock) == {"0": 2, "1": 2}
    assert release(house, lock) == 4
    assert held(house, "A", lock) == {}


def test_a_late_delivery_at_a_part_that_was_left_frees_itself_by_the_clock(house: House) -> None:
    spread(house, "A", 0, 3)
    lock = lock_at(0, 2)
    learned(house, "A", 2)
    hold(house, lock, wish("A", 2))
    tried(house, lock, "0")
    put(house, "A", 2, "0")
    late_delivery(house, lock, "0", 2)
    sold = selling.confirm_writes(lock, "ord", {"A": 2}, shop=house.shop, store=house.stores.stock, now=house.now)
    house.stores.commit(sold, token="sold")
    house.now += HOLD + GRACE
    assert hold(house, "next", wish("A", 3)).quantities == {"A": 3}
    assert held(house, "A", lock) == {}


@pytest.mark.parametrize("stray", [1, 2, 3])
def test_a_retry_that_finds_more_than_it_wants_keeps_what_it_wants(house: House, stray: int) -> None:
    """A late delivery where it was tried first, one of two planned parts taken, the other one sold meanwhile."""
    spread(house, "A", 0, 1, 2)
    lock = lock_at(0, 3)
    learned(house, "A", 3)
    had = dies_after_a_take(house, lock, 3)
    other = {"1": "2", "2": "1"}[had]
    put(house, "A", -house.level("A", other).available, other)
    put(house, "A", 3, "0")
    late_delivery(house, lock, "0", stray)
    house.now += holding.CLAIM_LEASE
    assert hold(house, lock, wish("A", 3)).quantities == {"A": 3}
    assert sum(held(house, "A", lock).values()) == 3
    goods = {part.part: part.quantity for part in standing(house, lock).lines[0].goods}
    assert goods == held(house, "A", lock)


def test_a_retry_that_finds_more_in_two_parts_leaves_what_it_does_not_want(house: House) -> None:
    spread(house, "A", 0, 1, 2, 0)
    lock = lock_at(0, 4)
    learned(house, "A", 4)
    had = dies_after_a_take(house, lock, 3)
    other = {"1": "2", "2": "1"}[had]
    put(house, "A", -house.level("A", other).available, other)
    for part in ("0", "3"):
        tried(house, lock, part)
        put(house, "A", 3, part)
        late_delivery(house, lock, part, 3)
    house.now += holding.CLAIM_LEASE
    assert hold(house, lock, wish("A", 3)).quantities == {"A": 3}
    assert sum(held(house, "A", lock).values()) == 3
    assert {part.part: part.quantity for part in standing(house, lock).lines[0].goods} == held(house, "A", lock)


def test_one_write_names_so_many_dead_holds_and_no_more(house: House) -> None:
    house.product("A", 100)
    for number in range(100):
        hold(house, f"dead-{number}", wish("A", 1))
    house.now += HOLD + GRACE
    levels, named = house.stores.stock.levels, []
    original = levels.reclaim_and_take

    def reclaim(seen: Level, freed: dict[str, Entry], *rest: Any) -> Level:
        named.append(len(freed))
        return original(seen, freed, *rest)

    levels.reclaim_and_take = reclaim  # type: ignore[method-assign, assignment]
    assert hold(house, "big", wish("A", 95)).quantities == {"A": 95}
    assert all(count <= taking.RECLAIMED_AT_ONCE for count in named)


def test_late_money_finds_its_own_dead_hold_although_all_is_sold_out(house: House) -> None:
    house.product("A", 1)
    hold(house, "first", wish("A", 1))
    house.now += HOLD
    for number in range(5):
        with pytest.raises(InsufficientStock):
            hold(house, f"late-{number}", wish("A", 1))
    assert house.recall.sold_out(house.shop, "A", house.now)
    former = Former(name=entry_id("first"), expires_at=START + HOLD)
    assert hold(house, "retake", wish("A", 1), former=former).quantities == {"A": 1}


def test_a_later_try_is_not_disturbed_by_a_slow_one(house: House) -> None:
    """The slow worker of an earlier try comes to its take when a later try has its own entry there."""
    spread(house, "A", 3)
    later = Entry(quantity=1, expires_at=house.now + 2 * HOLD)
    just_before(house.stores.stock.levels, "take", lambda: house.stores.stock.levels.take(key(house, "A", "0"), entry_id("lck-1"), later))
    with pytest.raises(IdempotencyKeyInFlight):
        hold(house, "lck-1", wish("A", 1))
    assert house.level("A").entries == {entry_id("lck-1"): later}


# Tries that replace others.


def test_a_new_try_may_lie_in_other_parts_than_the_one_that_it_replaces(house: House) -> None:
    spread(house, "A", 2, 2)
    lock = lock_at(0, 2)
    learned(house, "A", 2)
    hold(house, lock, wish("A", 2), order="old")
    hold(house, "stranger", wish("A", 1))
    held_ = hold(house, lock, wish("A", 3), order="new", replaces="old")
    assert (held_.quantities, held_.replaced) == ({"A": 3}, "old")
    assert sum(held(house, "A", lock).values()) == 3
    assert release(house, lock) == 3


def test_a_new_try_that_wants_less_leaves_parts_that_it_does_not_need(house: House) -> None:
    spread(house, "A", 2, 2)
    hold(house, "cart", wish("A", 4), order="old")
    hold(house, "cart", wish("A", 1), order="new", replaces="old")
    assert sum(held(house, "A", "cart").values()) == 1
    assert sum(available for _, available in figures(house, "A").values()) == 3
    assert release(house, "cart") == 1


@pytest.mark.parametrize("at", range(1, 12))
def test_a_new_try_that_dies_is_finished_or_released_whole(house: House, at: int) -> None:
    spread(house, "A", 1, 2, 1)
    hold(house, "cart", wish("A", 3), order="old")
    faults = Faults(Fault.KILLED_AFTER, at)
    dying = House(faulty(house.stores, faults), house.shop, house.now, recall=house.recall)
    try:
        hold(dying, "cart", wish("A", 4), order="new", replaces="old")
    except Killed:
        house.now += holding.CLAIM_LEASE
        held_ = hold(house, "cart", wish("A", 4), order="new", replaces="old")
        assert (held_.quantities, held_.replaced) == ({"A": 4}, "old")
    assert sum(held(house, "A", "cart").values()) == 4
    lock = standing(house, "cart")
    house.now = max(house.now, lock.expires_at + GRACE)
    assert swept(house, lock) == 4
    assert figures(house, "A") == {"0": (1, 1), "1": (2, 2), "2": (1, 1)}


def test_a_release_of_the_earlier_order_leaves_a_later_try_alone(house: House) -> None:
    """Somebody cancels the first order while the shopper's second try takes its units over."""
    spread(house, "A", 2)
    hold(house, "cart", wish("A", 2), order="old")
    house.now += timedelta(seconds=1)
    just_before(house.stores.stock.levels, "give_back", lambda: hold(house, "cart", wish("A", 2), order="new", replaces="old"))
    assert release(house, "cart") == 0
    assert held(house, "A", "cart") == {"0": 2}
    assert standing(house, "cart").order == "new"


def test_a_slow_release_of_the_earlier_try_leaves_a_later_one_alone_where_it_was_tried_before(house: House) -> None:
    spread(house, "A", 0, 2)
    lock = lock_at(0, 2)
    learned(house, "A", 2)
    hold(house, lock, wish("A", 2), order="old")
    tried(house, lock, "0")
    seen = standing(house, lock)
    put(house, "A", 3, "0")
    house.now += timedelta(seconds=1)
    hold(house, lock, wish("A", 3), order="new", replaces="old")
    assert held(house, "A", lock) == {"0": 3}
    assert releasing.release_units(seen, store=house.stores.stock) == 0
    assert held(house, "A", lock) == {"0": 3}


def test_a_lock_is_released_for_its_own_order_only(house: House) -> None:
    spread(house, "A", 2)
    hold(house, "cart", wish("A", 2), order="mine")
    with pytest.raises(UnknownHold):
        releasing.release(house.shop, "cart", store=house.stores.stock, order="another")
    assert releasing.release(house.shop, "cart", store=house.stores.stock, order="mine") == 2


def test_a_release_finds_units_that_were_extended_meanwhile(house: House) -> None:
    spread(house, "A", 2)
    hold(house, "cart", wish("A", 2))

    def extend() -> None:
        writes = holding.extend_writes(house.shop, "cart", "ord", until=START + 2 * HOLD, store=house.stores.stock, now=house.now)
        house.stores.commit(writes, token="extend")

    just_before(house.stores.stock.levels, "give_back", extend)
    assert release(house, "cart") == 2
    assert held(house, "A", "cart") == {}
    assert house.stores.stock.locks.get(house.shop, "cart") is None


def test_who_waits_is_told_of_what_a_changed_cart_leaves(house: House) -> None:
    spread(house, "A", 2)
    house.product("B", 1)
    hold(house, "cart", wish("A", 2), order="old")
    before = house.stores.stock.levels.head(house.shop, "A")
    hold(house, "cart", wish("B", 1), order="new", replaces="old")
    after = house.stores.stock.levels.head(house.shop, "A")
    assert before is not None
    assert after is not None
    assert after.restocks == before.restocks + 1


# Limits.


def test_what_one_transaction_could_not_sell_is_not_held(house: House) -> None:
    skus = ["A", "B"]
    for sku in skus:
        spread(house, sku, *[1] * 64)
    hold(house, "one", wish("A", 64))
    release(house, "one")
    with pytest.raises(StockScattered):
        hold(house, "two", *[wish(sku, 64) for sku in skus])
    assert [held(house, sku, "two") for sku in skus] == [{}, {}]
    assert house.stores.stock.locks.get(house.shop, "two") is None


def test_pools_count_among_the_parts_of_a_lock(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taking, "MOST_PARTS", 5)
    spread(house, "A", 1, 1, 1)
    hold(house, "one", wish("A", 5, partial=True, promises=9, allowance=9), buyer="ada")
    assert {part.part for part in standing(house, "one").lines[0].parts if part.quantity} == {"buyer-ada", "0", "1", "2", "promise"}
    release(house, "one")
    monkeypatch.setattr(taking, "MOST_PARTS", 4)
    for worker in (house.recall, Recall()):
        house.recall = worker
        with pytest.raises(StockScattered):
            hold(house, "two", wish("A", 5, partial=True, promises=9, allowance=9), buyer="ada")
        assert house.stores.stock.locks.get(house.shop, "two") is None


def test_the_largest_hold_fits_into_its_transactions(house: House, memory: Memory) -> None:
    """As many parts as a lock may have: extended, then sold."""
    spread(house, "A", *[1] * 64)
    spread(house, "B", *[1] * 32)
    hold(house, "one", wish("A", 64), wish("B", 32))
    writes = holding.extend_writes(house.shop, "one", "ord", until=START + 2 * HOLD, store=house.stores.stock, now=house.now)
    house.stores.commit(writes, token="extend")
    writes = selling.confirm_writes("one", "ord", {"A": 64, "B": 32}, shop=house.shop, store=house.stores.stock, now=house.now)
    assert len(writes) == taking.MOST_PARTS + 1
    house.stores.commit(writes, token="sold")
    assert sum(on_hand for sku in "AB" for on_hand, _ in figures(house, sku).values()) == 0
