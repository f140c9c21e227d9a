"""`stock.ports`: levels, the ledger and lock documents."""

from datetime import timedelta

import pytest

from holdfast.kernel.errors import VersionConflict
from holdfast.kernel.time import rfc3339
from holdfast.stock.errors import HoldAlreadyExtended, HoldLost, InsufficientStock, LevelMoved, NotTaken, UnknownStock
from holdfast.stock.model import Entry, Level, LevelKey, Reason
from holdfast.stock.ports import StockStore
from tests.memory import samples
from tests.memory.samples import LATER, NOW
from tests.memory.stores import Stores

TWO = Entry(quantity=2, expires_at=LATER)
MINE, YOURS = "a" * 10, "b" * 10


@pytest.fixture
def stock(stores: Stores) -> StockStore:
    return stores.stock


@pytest.fixture
def key(stock: StockStore, shop: str) -> LevelKey:
    """A SKU with five units."""
    key = LevelKey(shop=shop, sku="A")
    stock.levels.open(shop, "A")
    stock.commit(stock.levels.receive_writes(key, 5), token=f"{shop}-five")
    return key


def level(stock: StockStore, key: LevelKey) -> Level:
    found = stock.levels.level(key)
    assert found is not None
    assert found.conserved()
    return found


def test_unknown_level(stock: StockStore, shop: str) -> None:
    assert stock.levels.level(LevelKey(shop=shop, sku="A")) is None
    assert stock.levels.levels(shop, ["A"]) == {}


def test_opening_twice_changes_nothing(stock: StockStore, key: LevelKey) -> None:
    before = level(stock, key)
    stock.levels.open(key.shop, key.sku)
    assert level(stock, key) == before
    assert (before.on_hand, before.available, before.entries) == (5, 5, {})


def test_levels_of_many_skus_leave_out_unknown_ones(stock: StockStore, key: LevelKey, shop: str) -> None:
    found = stock.levels.levels(shop, ["A", "A", *(f"none-{number}" for number in range(120))])
    assert found == {"A": level(stock, key)}


def test_taking_sets_units_aside(stock: StockStore, key: LevelKey) -> None:
    before = level(stock, key)
    stock.levels.take(key, MINE, TWO)
    after = level(stock, key)
    assert (after.on_hand, after.available, after.entries) == (5, 3, {MINE: TWO})
    assert after.version == before.version + 1


def test_taking_again_under_the_same_name_shows_what_stands_there(stock: StockStore, key: LevelKey) -> None:
    stock.levels.take(key, MINE, TWO)
    with pytest.raises(NotTaken) as refused:
        stock.levels.take(key, MINE, TWO)
    assert refused.value.level == level(stock, key)
    assert refused.value.level.entries[MINE] == TWO


def test_taking_more_than_there_is(stock: StockStore, key: LevelKey) -> None:
    with pytest.raises(NotTaken) as refused:
        stock.levels.take(key, MINE, Entry(quantity=6, expires_at=LATER))
    assert refused.value.level == level(stock, key)
    stock.levels.take(key, MINE, Entry(quantity=5, expires_at=LATER))
    assert level(stock, key).available == 0


def test_taking_of_an_unknown_sku(stock: StockStore, shop: str) -> None:
    with pytest.raises(UnknownStock):
        stock.levels.take(LevelKey(shop=shop, sku="A"), MINE, TWO)


def test_reclaiming_takes_what_others_had(stock: StockStore, key: LevelKey) -> None:
    theirs = Entry(quantity=4, expires_at=LATER)
    stock.levels.take(key, YOURS, theirs)
    stock.levels.reclaim_and_take(level(stock, key), {YOURS: theirs}, MINE, Entry(quantity=3, expires_at=LATER))
    after = level(stock, key)
    assert (after.available, set(after.entries)) == (2, {MINE})


def test_reclaiming_nothing_is_a_take(stock: StockStore, key: LevelKey) -> None:
    stock.levels.reclaim_and_take(level(stock, key), {}, MINE, TWO)
    assert level(stock, key).entries == {MINE: TWO}
    with pytest.raises(LevelMoved):
        stock.levels.reclaim_and_take(level(stock, key), {}, YOURS, Entry(quantity=4, expires_at=LATER))


def test_reclaiming_an_entry_that_was_extended_sold_or_given_back(stock: StockStore, key: LevelKey) -> None:
    seen = level(stock, key)
    with pytest.raises(LevelMoved):
        stock.levels.reclaim_and_take(seen, {YOURS: TWO}, MINE, TWO)
    stock.levels.take(key, YOURS, Entry(quantity=2, expires_at=LATER + timedelta(milliseconds=1)))
    with pytest.raises(LevelMoved):
        stock.levels.reclaim_and_take(seen, {YOURS: TWO}, MINE, TWO)
    assert set(level(stock, key).entries) == {YOURS}


def test_reclaiming_twice_finds_its_own_entry(stock: StockStore, key: LevelKey) -> None:
    stock.levels.take(key, YOURS, TWO)
    seen = level(stock, key)
    stock.levels.reclaim_and_take(seen, {YOURS: TWO}, MINE, TWO)
    with pytest.raises(LevelMoved):
        stock.levels.reclaim_and_take(seen, {YOURS: TWO}, MINE, TWO)
    assert level(stock, key).entries == {MINE: TWO}


def test_giving_back_frees_once(stock: StockStore, key: LevelKey) -> None:
    stock.levels.take(key, MINE, TWO)
    assert stock.levels.give_back(key, MINE, TWO)
    assert not stock.levels.give_back(key, MINE, TWO)
    assert (level(stock, key).available, level(stock, key).entries) == (5, {})


@pytest.mark.parametrize("other", [Entry(quantity=1, expires_at=LATER), Entry(quantity=2, expires_at=NOW)])
def test_giving_back_another_entry_than_stands_there(stock: StockStore, key: LevelKey, other: Entry) -> None:
    stock.levels.take(key, MINE, TWO)
    assert not stock.levels.give_back(key, MINE, other)
    assert level(stock, key).entries == {MINE: TWO}


def test_extending_an_entry(stock: StockStore, key: LevelKey) -> None:
    stock.levels.take(key, MINE, TWO)
    until = LATER + timedelta(minutes=5)
    stock.commit([stock.levels.extend_write(key, MINE, TWO, until)], token=f"{key.shop}-1")
    assert level(stock, key).entries == {MINE: Entry(quantity=2, expires_at=until)}
    with pytest.raises(HoldLost):
        stock.commit([stock.levels.extend_write(key, MINE, TWO, until)], token=f"{key.shop}-2")


def test_confirming_sells_what_was_held(stock: StockStore, key: LevelKey) -> None:
    stock.levels.take(key, MINE, TWO)
    stock.commit([stock.levels.confirm_write(key, MINE, 2)], token=f"{key.shop}-1")
    after = level(stock, key)
    assert (after.on_hand, after.available, after.entries) == (3, 3, {})
    with pytest.raises(HoldLost):
        stock.commit([stock.levels.confirm_write(key, MINE, 2)], token=f"{key.shop}-2")


@pytest.mark.parametrize("quantity", [1, 3])
def test_confirming_another_quantity_than_is_held(stock: StockStore, key: LevelKey, quantity: int) -> None:
    stock.levels.take(key, MINE, TWO)
    with pytest.raises(HoldLost):
        stock.commit([stock.levels.confirm_write(key, MINE, quantity)], token=f"{key.shop}-1")
    assert level(stock, key).entries == {MINE: TWO}


def test_selling_free_units(stock: StockStore, key: LevelKey) -> None:
    stock.commit([stock.levels.sell_write(key, 5)], token=f"{key.shop}-1")
    assert (level(stock, key).on_hand, level(stock, key).available) == (0, 0)
    with pytest.raises(InsufficientStock):
        stock.commit([stock.levels.sell_write(key, 1)], token=f"{key.shop}-2")


def test_receiving_for_an_unknown_sku(stock: StockStore, shop: str) -> None:
    with pytest.raises(UnknownStock):
        stock.commit(stock.levels.receive_writes(LevelKey(shop=shop, sku="A"), 5), token=f"{shop}-1")
    assert stock.levels.level(LevelKey(shop=shop, sku="A")) is None


def test_announcing_may_be_repeated_and_changes_no_number(stock: StockStore, key: LevelKey) -> None:
    before = level(stock, key)
    for sku in ("A", "A", "never-was"):
        stock.levels.announce(key.shop, sku)
    assert level(stock, key) == before
    assert stock.levels.level(LevelKey(shop=key.shop, sku="never-was")) is None


def test_a_movement_is_booked_once(stock: StockStore, key: LevelKey) -> None:
    bare = samples.movement(key.shop)
    full = samples.movement(key.shop, id="sale#1", reason=Reason.SALE, quantity=-2, document="ord_1", note="a Ω note")
    for movement in (bare, full):
        stock.commit([stock.levels.movement_write(movement)], token=f"{key.shop}-{movement.id}")
        assert stock.levels.movement(key.shop, "A", movement.id) == movement
        with pytest.raises(VersionConflict):
            stock.commit([stock.levels.movement_write(movement)], token=f"{key.shop}-{movement.id}-again")
    assert stock.levels.movement(key.shop, "A", "none") is None


def test_all_or_nothing(stock: StockStore, key: LevelKey) -> None:
    before = level(stock, key)
    booked, received = stock.levels.movement_write(samples.movement(key.shop)), stock.levels.receive_writes(key, 1)
    with pytest.raises(HoldLost):
        stock.commit([booked, *received, stock.levels.confirm_write(LevelKey(shop=key.shop, sku="B"), MINE, 1)], token=f"{key.shop}-1")
    assert level(stock, key) == before
    assert stock.levels.movement(key.shop, "A", "restock#1") is None


def test_the_first_refusal_speaks(stock: StockStore, key: LevelKey) -> None:
    lost, short = stock.levels.confirm_write(key, MINE, 1), stock.levels.sell_write(LevelKey(shop=key.shop, sku="B"), 1)
    with pytest.raises(HoldLost):
        stock.commit([lost, short], token=f"{key.shop}-1")
    with pytest.raises(InsufficientStock):
        stock.commit([short, lost], token=f"{key.shop}-2")


# Lock documents.


def test_a_claim_is_ours_also_when_it_is_delivered_twice(stock: StockStore, shop: str) -> None:
    lock = samples.lock(shop)
    assert stock.locks.claim(lock) is None
    assert stock.locks.claim(lock) is None
    assert stock.locks.get(shop, lock.id) == lock
    assert stock.locks.get(shop, "lck_none") is None


def test_a_claim_shows_who_stands_there(stock: StockStore, shop: str) -> None:
    lock = samples.lock(shop)
    stock.locks.claim(lock)
    assert stock.locks.claim(samples.lock(shop, claimed_at=LATER)) == lock


def test_a_renewal_goes_over_what_was_seen_only(stock: StockStore, shop: str) -> None:
    seen = samples.lock(shop)
    second, third = samples.lock(shop, claimed_at=LATER), samples.lock(shop, claimed_at=LATER, expires_at=LATER + timedelta(hours=1))
    assert not stock.locks.renew(second, seen)
    stock.locks.claim(seen)
    assert stock.locks.renew(second, seen)
    assert stock.locks.renew(second, seen)  # delivered twice
    assert not stock.locks.renew(third, seen)
    assert stock.locks.get(shop, seen.id) == second


def test_a_lock_is_extended_once(stock: StockStore, shop: str) -> None:
    lock = samples.lock(shop)
    until = LATER + timedelta(minutes=15)
    with pytest.raises(HoldAlreadyExtended):
        stock.commit([stock.locks.extend_write(lock, until)], token=f"{shop}-0")
    stock.locks.claim(lock)
    stock.commit([stock.locks.extend_write(lock, until)], token=f"{shop}-1")
    assert stock.locks.get(shop, lock.id) == lock.model_copy(update={"expires_at": until, "extended": True})
    with pytest.raises(HoldAlreadyExtended):
        stock.commit([stock.locks.extend_write(lock, until)], token=f"{shop}-2")


def test_forgetting_may_be_repeated(stock: StockStore, shop: str) -> None:
    first, second = samples.lock(shop, 1), samples.lock(shop, 2)
    for lock in (first, second):
        stock.locks.claim(lock)
    for attempt in ("first", "again"):
        stock.locks.forget(first)
        stock.commit([stock.locks.forget_write(shop, second.id)], token=f"{shop}-{attempt}")
    assert stock.locks.get(shop, first.id) is stock.locks.get(shop, second.id) is None


def test_dead_locks_come_oldest_first(stock: StockStore, shop: str) -> None:
    locks = [samples.lock(shop, number, expires_at=NOW + timedelta(seconds=10 - number)) for number in range(10)]
    for lock in locks:
        stock.locks.claim(lock)
    stock.locks.claim(samples.lock(f"{shop}-x", 99, expires_at=NOW))
    dead = list(stock.locks.dead(shop, before=NOW + timedelta(seconds=5)))
    assert [lock.expires_at for lock in dead] == [NOW + timedelta(seconds=second) for second in (1, 2, 3, 4)]
    assert [lock.id for lock in dead] == [lock.id for lock in reversed(locks[6:])]


def test_pages_of_locks(stock: StockStore, shop: str) -> None:
    same = [samples.lock(shop, number) for number in range(7)]
    for lock in (*same, samples.lock(shop, 8, expires_at=NOW - timedelta(seconds=1))):
        stock.locks.claim(lock)
    listed, after = [], rfc3339(NOW)
    while after:
        page, after = stock.locks.page(shop, 3, after)
        assert len(page) <= 3
        listed += page
    assert listed == sorted(same, key=lambda lock: lock.id)
