"""`stock.ports.Levels`: parts of a SKU's stock, pools, and the writes that change what we own."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from holdfast.kernel.writes import Write
from holdfast.stock.errors import HoldLost, InsufficientStock, LedgerMoved, LevelMoved, NotTaken, UnknownStock
from holdfast.stock.model import NEVER, SAFETY, Entry, Glance, Level, LevelKey
from holdfast.stock.ports import StockStore
from tests.memory.samples import LATER, NOW
from tests.memory.stores import Stores

ONE, TWO, FIVE = (Entry(quantity=quantity, expires_at=LATER) for quantity in (1, 2, 5))
MINE, YOURS = "a" * 10, "b" * 10
Change = Callable[[Level], list[Write]]


@pytest.fixture
def stock(stores: Stores) -> StockStore:
    return stores.stock


@pytest.fixture
def key(stock: StockStore, shop: str) -> LevelKey:
    """A part with five units."""
    key = LevelKey(shop=shop, sku="A")
    stock.levels.open(shop, "A")
    stock.commit([stock.levels.change_write(level(stock, key), 5, "mov_first")], token=f"{shop}-five")
    return key


def level(stock: StockStore, key: LevelKey) -> Level:
    found = stock.levels.level(key)
    assert found is not None
    assert found.conserved()
    return found


def figures(stock: StockStore, key: LevelKey) -> tuple[int, int, set[str]]:
    """On hand, available, and whose the rest is."""
    found = level(stock, key)
    return found.on_hand, found.available, set(found.entries)


def commit(stock: StockStore, *writes: Write) -> None:
    stock.commit(writes, token=uuid4().hex)


# Opening.


def test_unknown_stock(stock: StockStore, shop: str) -> None:
    key = LevelKey(shop=shop, sku="A")
    assert stock.levels.level(key) is None
    assert stock.levels.levels([key]) == {}
    assert stock.levels.levels([]) == {}
    assert stock.levels.head(shop, "A") is None
    assert stock.levels.with_heads(shop, {"A": ["0"]}) == ({}, {})


def test_opening_twice_changes_nothing(stock: StockStore, key: LevelKey) -> None:
    before = level(stock, key), stock.levels.head(key.shop, key.sku)
    stock.levels.open(key.shop, key.sku)
    assert (level(stock, key), stock.levels.head(key.shop, key.sku)) == before
    assert (before[0].on_hand, before[0].available, before[0].entries, before[0].last) == (5, 5, {}, "mov_first")
    assert (before[0].shards, before[0].made) == (1, 1)


def test_another_part_is_empty_and_knows_the_layout(stock: StockStore, key: LevelKey) -> None:
    part = key.model_copy(update={"part": "3"})
    for layout in ((2, 4), (9, 9)):  # the second time it is there already
        stock.levels.open_part(part, *layout)
        found = level(stock, part)
        assert (found.on_hand, found.available, found.version, found.last) == (0, 0, 1, None)
        assert (found.shards, found.made) == (2, 4)


def test_a_part_is_told_of_the_layout_once(stock: StockStore, key: LevelKey) -> None:
    before = level(stock, key)
    for _ in range(2):
        stock.levels.tell_layout(key, 4, 8)
        assert level(stock, key) == before.model_copy(update={"shards": 4, "made": 8, "version": before.version + 1})
    stock.levels.tell_layout(key.model_copy(update={"part": "7"}), 4, 8)
    assert stock.levels.level(key.model_copy(update={"part": "7"})) is None


def test_many_parts_in_one_read(stock: StockStore, key: LevelKey, shop: str) -> None:
    here = key.model_copy(update={"part": "here"})
    stock.levels.open_part(here, 1, 1)
    others = [LevelKey(shop=shop, sku=f"none-{number}") for number in range(120)]
    assert stock.levels.levels([key, here, *others]) == {key: level(stock, key), here: level(stock, here)}


def test_heads_and_parts_in_one_read(stock: StockStore, key: LevelKey, shop: str) -> None:
    stock.levels.open(shop, "B")
    second = LevelKey(shop=shop, sku="B", part="1")
    stock.levels.open_part(second, 2, 2)
    heads, levels = stock.levels.with_heads(shop, {"A": ["0", "1"], "B": ["1"], "Z": ["0"]})
    assert heads == {sku: stock.levels.head(shop, sku) for sku in "AB"}
    assert levels == {key: level(stock, key), second: level(stock, second)}


# Taking.


def numbers(glance: Glance) -> dict[str, Any]:
    """What a write tells of the part, and what a reader sees of it, are the same."""
    return {name: getattr(glance, name) for name in Glance.model_fields}


def test_taking_sets_units_aside(stock: StockStore, key: LevelKey) -> None:
    before = level(stock, key)
    told = stock.levels.take(key, MINE, TWO)
    after = level(stock, key)
    assert numbers(told) == numbers(after)
    assert (after.on_hand, after.available, after.entries) == (5, 3, {MINE: TWO})
    assert (after.version, after.last) == (before.version + 1, before.last)


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
    stock.levels.take(key, MINE, FIVE)
    assert level(stock, key).available == 0


def test_taking_where_nothing_is(stock: StockStore, shop: str) -> None:
    with pytest.raises(NotTaken) as refused:
        stock.levels.take(LevelKey(shop=shop, sku="A"), MINE, TWO)
    assert refused.value.level is None


def test_reclaiming_takes_what_others_had(stock: StockStore, key: LevelKey) -> None:
    theirs = Entry(quantity=4, expires_at=LATER)
    stock.levels.take(key, YOURS, theirs)
    seen = level(stock, key)
    told = stock.levels.reclaim_and_take(seen, {YOURS: theirs}, MINE, Entry(quantity=3, expires_at=LATER))
    after = level(stock, key)
    assert numbers(told) == numbers(after)
    assert (after.available, set(after.entries), after.version) == (2, {MINE}, seen.version + 1)


def test_reclaiming_from_many_at_once(stock: StockStore, key: LevelKey) -> None:
    names = [f"old-{number}" for number in range(5)]
    for name in names:
        stock.levels.take(key, name, ONE)
    stock.levels.reclaim_and_take(level(stock, key), dict.fromkeys(names[:4], ONE), MINE, Entry(quantity=4, expires_at=LATER))
    assert figures(stock, key) == (5, 0, {MINE, names[4]})


def test_reclaiming_nothing_is_a_take(stock: StockStore, key: LevelKey) -> None:
    stock.levels.reclaim_and_take(level(stock, key), {}, MINE, TWO)
    assert level(stock, key).entries == {MINE: TWO}
    with pytest.raises(LevelMoved):
        stock.levels.reclaim_and_take(level(stock, key), {}, YOURS, Entry(quantity=4, expires_at=LATER))


def test_reclaiming_without_its_own_entry_does_not_go_over_it(stock: StockStore, key: LevelKey) -> None:
    stock.levels.take(key, MINE, TWO)
    with pytest.raises(LevelMoved):
        stock.levels.reclaim_and_take(level(stock, key), {}, MINE, ONE)
    assert level(stock, key).entries == {MINE: TWO}


@pytest.mark.parametrize("quantity", [1, 2, 4, 5])
def test_an_entry_of_ones_own_is_written_over(stock: StockStore, key: LevelKey, quantity: int) -> None:
    """Also together with another's: a new try with more, fewer or as many units, until later."""
    stock.levels.take(key, MINE, TWO)
    stock.levels.take(key, YOURS, ONE)
    new = Entry(quantity=quantity, expires_at=LATER + timedelta(minutes=1))
    stock.levels.reclaim_and_take(level(stock, key), {MINE: TWO, YOURS: ONE}, MINE, new)
    assert (level(stock, key).available, level(stock, key).entries) == (5 - quantity, {MINE: new})


def test_writing_over_ones_own_entry_takes_no_more_than_there_is(stock: StockStore, key: LevelKey) -> None:
    stock.levels.take(key, MINE, TWO)
    with pytest.raises(LevelMoved):
        stock.levels.reclaim_and_take(level(stock, key), {MINE: TWO}, MINE, Entry(quantity=6, expires_at=LATER))
    assert level(stock, key).entries == {MINE: TWO}


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


def test_reclaiming_where_nothing_is(stock: StockStore, shop: str) -> None:
    nowhere = Level(key=LevelKey(shop=shop, sku="Z"), on_hand=5, available=5, version=1)
    with pytest.raises(LevelMoved):
        stock.levels.reclaim_and_take(nowhere, {}, MINE, ONE)


def test_giving_back_frees_once(stock: StockStore, key: LevelKey) -> None:
    stock.levels.take(key, MINE, TWO)
    assert stock.levels.give_back(key, MINE, TWO)
    assert not stock.levels.give_back(key, MINE, TWO)
    assert figures(stock, key) == (5, 5, set())


@pytest.mark.parametrize("other", [Entry(quantity=1, expires_at=LATER), Entry(quantity=2, expires_at=NOW)])
def test_giving_back_another_entry_than_stands_there(stock: StockStore, key: LevelKey, other: Entry) -> None:
    stock.levels.take(key, MINE, TWO)
    assert not stock.levels.give_back(key, MINE, other)
    assert not stock.levels.give_back(key.model_copy(update={"part": "9"}), MINE, TWO)
    assert level(stock, key).entries == {MINE: TWO}


def test_extending_an_entry(stock: StockStore, key: LevelKey) -> None:
    stock.levels.take(key, MINE, TWO)
    until = LATER + timedelta(minutes=5)
    commit(stock, stock.levels.extend_write(key, MINE, TWO, until))
    assert level(stock, key).entries == {MINE: Entry(quantity=2, expires_at=until)}
    with pytest.raises(HoldLost):
        commit(stock, stock.levels.extend_write(key, MINE, TWO, until + timedelta(minutes=5)))


# Selling and booking: each part's documents are a chain.


def test_selling_what_was_held(stock: StockStore, key: LevelKey) -> None:
    stock.levels.take(key, MINE, TWO)
    seen = level(stock, key)
    commit(stock, stock.levels.sell_held_write(seen, MINE, 2, "lck_sale"))
    after = level(stock, key)
    assert figures(stock, key) == (3, 3, set())
    assert (after.last, after.version) == ("lck_sale", seen.version + 1)


@pytest.mark.parametrize("quantity", [1, 3])
def test_selling_another_quantity_than_is_held(stock: StockStore, key: LevelKey, quantity: int) -> None:
    stock.levels.take(key, MINE, TWO)
    with pytest.raises(HoldLost):
        commit(stock, stock.levels.sell_held_write(level(stock, key), MINE, quantity, "lck_sale"))
    assert figures(stock, key) == (5, 3, {MINE})


def test_selling_what_is_held_no_more(stock: StockStore, key: LevelKey) -> None:
    for seen in (level(stock, key), level(stock, key).model_copy(update={"last": "mov_other"})):  # whatever the ledger says
        with pytest.raises(HoldLost):
            commit(stock, stock.levels.sell_held_write(seen, MINE, 2, "lck_sale"))
    nowhere = level(stock, key).model_copy(update={"key": LevelKey(shop=key.shop, sku="Z")})
    with pytest.raises(HoldLost):
        commit(stock, stock.levels.sell_held_write(nowhere, MINE, 2, "lck_sale"))


def test_selling_what_is_held_after_the_ledger_moved(stock: StockStore, key: LevelKey) -> None:
    stock.levels.take(key, MINE, TWO)
    seen = level(stock, key)
    commit(stock, stock.levels.change_write(seen, 1, "mov_second"))
    with pytest.raises(LedgerMoved):
        commit(stock, stock.levels.sell_held_write(seen, MINE, 2, "lck_sale"))
    assert figures(stock, key) == (6, 4, {MINE})
    assert level(stock, key).last == "mov_second"


def test_a_first_document_goes_on_from_none(stock: StockStore, key: LevelKey) -> None:
    part = key.model_copy(update={"part": "1"})
    stock.levels.open_part(part, 2, 2)
    empty = level(stock, part)
    commit(stock, stock.levels.change_write(empty, 3, "mov_one"))
    with pytest.raises(LedgerMoved):
        commit(stock, stock.levels.change_write(empty, 3, "mov_two"))
    assert (level(stock, part).on_hand, level(stock, part).last) == (3, "mov_one")


@pytest.mark.parametrize(("quantity", "left"), [(4, (9, 7)), (0, (5, 3)), (-3, (2, 0))])
def test_what_we_own_changes_and_held_units_stay(stock: StockStore, key: LevelKey, quantity: int, left: tuple[int, int]) -> None:
    stock.levels.take(key, MINE, TWO)
    seen = level(stock, key)
    commit(stock, stock.levels.change_write(seen, quantity, "mov_change"))
    assert figures(stock, key) == (*left, {MINE})
    assert (level(stock, key).last, level(stock, key).version) == ("mov_change", seen.version + 1)


def test_more_shall_go_than_is_available(stock: StockStore, key: LevelKey) -> None:
    stock.levels.take(key, MINE, TWO)
    with pytest.raises(InsufficientStock) as refused:
        commit(stock, stock.levels.change_write(level(stock, key), -4, "mov_change"))
    assert refused.value.facts["lines"] == [{"sku": "A", "requested": 4, "available": 3}]
    assert figures(stock, key) == (5, 3, {MINE})


def test_a_change_goes_over_the_ledger_that_was_seen(stock: StockStore, key: LevelKey) -> None:
    """Whoever takes or gives back meanwhile does not matter; whoever books does, also when too little is left by then."""
    seen = level(stock, key)
    stock.levels.take(key, MINE, TWO)
    commit(stock, stock.levels.change_write(seen, -1, "mov_second"))
    for quantity in (1, -4):
        with pytest.raises(LedgerMoved):
            commit(stock, stock.levels.change_write(seen, quantity, "mov_third"))
    assert figures(stock, key) == (4, 2, {MINE})


def test_an_exact_change_goes_over_the_very_level_that_was_seen(stock: StockStore, key: LevelKey) -> None:
    seen = level(stock, key)
    stock.levels.take(key, MINE, TWO)
    stock.levels.give_back(key, MINE, TWO)
    for quantity in (1, -6):
        with pytest.raises(LedgerMoved):
            commit(stock, stock.levels.change_write(seen, quantity, "mov_second", exact=True))
    commit(stock, stock.levels.change_write(level(stock, key), -5, "mov_second", exact=True))
    assert figures(stock, key) == (0, 0, set())


def test_a_change_of_unknown_stock(stock: StockStore, key: LevelKey) -> None:
    nowhere = level(stock, key).model_copy(update={"key": LevelKey(shop=key.shop, sku="Z"), "last": None})
    with pytest.raises(UnknownStock):
        commit(stock, stock.levels.change_write(nowhere, 1, "mov_second"))
    assert stock.levels.level(nowhere.key) is None


def test_what_came_in_is_kept_back_first(stock: StockStore, key: LevelKey) -> None:
    """The shop's own entry grows, shrinks and goes with the change; it is in nobody's way otherwise."""
    for kept, quantity, expected in ((2, 2, (7, 5)), (4, 1, (8, 4)), (4, 1, (9, 5)), (1, 1, (10, 9)), (0, 1, (11, 11))):
        commit(stock, stock.levels.change_write(level(stock, key), quantity, f"mov_{kept}{quantity}{expected}", kept=kept))
        assert figures(stock, key) == (*expected, {SAFETY} if kept else set())
        own = {SAFETY: Entry(quantity=kept, expires_at=NEVER)} if kept else {}
        assert level(stock, key).entries == own


def test_more_may_be_kept_than_came_in_if_it_is_available(stock: StockStore, key: LevelKey) -> None:
    commit(stock, stock.levels.change_write(level(stock, key), 1, "mov_second", kept=6))
    assert figures(stock, key) == (6, 0, {SAFETY})
    with pytest.raises(InsufficientStock):
        commit(stock, stock.levels.change_write(level(stock, key), 1, "mov_third", kept=8))


def test_keeping_back_over_what_somebody_else_kept(stock: StockStore, key: LevelKey) -> None:
    own = Entry(quantity=1, expires_at=NEVER)
    before = level(stock, key)
    stock.levels.take(key, SAFETY, own)
    kept = level(stock, key)
    with pytest.raises(LedgerMoved):
        commit(stock, stock.levels.change_write(before, 2, "mov_second", kept=2))
    stock.levels.give_back(key, SAFETY, own)
    with pytest.raises(LedgerMoved):
        commit(stock, stock.levels.change_write(kept, 2, "mov_second", kept=2))
    assert figures(stock, key) == (5, 5, set())


def test_checking_a_level_changes_nothing(stock: StockStore, key: LevelKey) -> None:
    seen = level(stock, key)
    commit(stock, stock.levels.level_check(seen))
    assert level(stock, key) == seen
    stock.levels.take(key, MINE, ONE)
    with pytest.raises(LedgerMoved):
        commit(stock, stock.levels.level_check(seen))
    with pytest.raises(LedgerMoved):
        commit(stock, stock.levels.level_check(seen.model_copy(update={"key": LevelKey(shop=key.shop, sku="Z")})))


# Pools.


@pytest.fixture
def pool(stock: StockStore, key: LevelKey) -> LevelKey:
    """Three permissions."""
    pool = key.model_copy(update={"part": "promise"})
    stock.levels.open_pool(pool, 3)
    return pool


def test_a_pool_is_opened_once(stock: StockStore, pool: LevelKey) -> None:
    before = level(stock, pool)
    stock.levels.open_pool(pool, 3)
    assert level(stock, pool) == before
    assert (before.on_hand, before.available, before.cap) == (3, 3, 3)


@pytest.mark.parametrize("cap", [0, 1, 5])
def test_the_cap_of_a_pool_may_change_while_permissions_are_held_and_used(stock: StockStore, pool: LevelKey, cap: int) -> None:
    """What may still be taken is the cap less what is out; below nothing where more is out than the new cap allows."""
    for name in (MINE, YOURS):
        stock.levels.take(pool, name, ONE)
    commit(stock, stock.levels.use_write(pool, YOURS, 1))
    for _ in range(2):
        stock.levels.open_pool(pool, cap)
        found = stock.levels.level(pool)
        assert found is not None
        assert (found.on_hand, found.available, found.locked, found.cap) == (cap - 1, cap - 2, 1, cap)


def test_held_permissions_may_go_back_in_part_when_the_rest_is_used(stock: StockStore, pool: LevelKey) -> None:
    stock.levels.take(pool, MINE, TWO)
    commit(stock, stock.levels.use_write(pool, MINE, 2, 1))
    assert figures(stock, pool) == (2, 2, set())


def test_permissions_are_used_once_and_come_back(stock: StockStore, pool: LevelKey) -> None:
    stock.levels.take(pool, MINE, TWO)
    with pytest.raises(HoldLost):
        commit(stock, stock.levels.use_write(pool, MINE, 1))
    commit(stock, stock.levels.use_write(pool, MINE, 2))
    assert figures(stock, pool) == (1, 1, set())
    with pytest.raises(HoldLost):
        commit(stock, stock.levels.use_write(pool, MINE, 2))
    commit(stock, stock.levels.restore_write(pool, 2))
    assert figures(stock, pool) == (3, 3, set())
    with pytest.raises(UnknownStock):
        commit(stock, stock.levels.restore_write(pool.model_copy(update={"part": "buyer-x"}), 2))


# Many writes at once.


def test_all_or_nothing(stock: StockStore, key: LevelKey) -> None:
    before, other = level(stock, key), LevelKey(shop=key.shop, sku="B")
    with pytest.raises(HoldLost):
        commit(stock, stock.levels.change_write(before, 1, "mov_second"), stock.levels.use_write(other, MINE, 1))
    assert level(stock, key) == before


def test_the_first_refusal_speaks(stock: StockStore, key: LevelKey) -> None:
    seen = level(stock, key)
    lost, short = stock.levels.use_write(LevelKey(shop=key.shop, sku="B"), MINE, 1), stock.levels.change_write(seen, -6, "mov_second")
    with pytest.raises(HoldLost):
        stock.commit([lost, short], token=f"{key.shop}-1")
    with pytest.raises(InsufficientStock):
        stock.commit([short, lost], token=f"{key.shop}-2")
