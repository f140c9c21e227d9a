"""`stock.ports.Levels`: how a SKU is laid out, and what is told of it."""

from datetime import timedelta

import pytest

from holdfast.stock.errors import LedgerMoved
from holdfast.stock.model import MAIN, Entry, Head, LevelKey, Place
from holdfast.stock.ports import StockStore
from tests.memory.samples import LATER, NOW
from tests.memory.stores import Stores


@pytest.fixture
def stock(stores: Stores) -> StockStore:
    return stores.stock


@pytest.fixture
def head(stock: StockStore, shop: str) -> Head:
    stock.levels.open(shop, "A")
    return standing(stock, shop)


def standing(stock: StockStore, shop: str) -> Head:
    found = stock.levels.head(shop, "A")
    assert found is not None
    return found


def changed(head: Head, **changes: object) -> Head:
    return head.model_copy(update={**changes, "version": head.version + 1})


PLACES = (Place(name=MAIN, incoming=3, expected_at=LATER), Place(name="berlin"), Place(name="outlet", incoming=1, expected_at=NOW))


def test_a_new_head(stock: StockStore, head: Head, shop: str) -> None:
    assert head == Head(shop=shop, sku="A")
    assert (head.parts, head.incoming) == (("0",), 0)


def test_a_head_is_saved_over_what_was_seen(stock: StockStore, head: Head) -> None:
    wanted = changed(head, shards=2, made=4, ever=4, pinned=True, safety_stock=7, locations=PLACES)
    assert stock.levels.save_head(wanted, head)
    assert standing(stock, head.shop) == wanted
    assert stock.levels.save_head(wanted, head)  # delivered twice: our own
    assert not stock.levels.save_head(changed(head, shards=3), head)
    assert standing(stock, head.shop) == wanted
    assert stock.levels.save_head(changed(wanted, pinned=False), wanted)


def test_saving_the_head_of_an_unknown_sku(stock: StockStore, head: Head) -> None:
    unknown = head.model_copy(update={"sku": "Z"})
    assert not stock.levels.save_head(changed(unknown), unknown)
    assert stock.levels.head(head.shop, "Z") is None


def test_a_layout_leaves_the_count_of_restocks_alone(stock: StockStore, head: Head) -> None:
    stock.levels.announce(head.shop, "A")
    assert stock.levels.save_head(changed(head, shards=2, made=2), head)
    assert standing(stock, head.shop).restocks == 1


def test_announcing_may_be_repeated_and_changes_nothing_else(stock: StockStore, head: Head) -> None:
    for sku in ("A", "A", "never-was"):
        stock.levels.announce(head.shop, sku)
    assert standing(stock, head.shop) == head.model_copy(update={"restocks": 2})
    assert stock.levels.head(head.shop, "never-was") is None


def test_announcing_with_a_change_holds_the_layout_and_notes_what_is_on_its_way(stock: StockStore, head: Head) -> None:
    assert stock.levels.save_head(changed(head, locations=PLACES), head)
    seen = standing(stock, head.shop)
    arrived = seen.model_copy(update={"locations": (Place(name=MAIN, incoming=1), *PLACES[1:])})
    stock.commit([stock.levels.announce_write(arrived)], token=f"{head.shop}-1")
    after = standing(stock, head.shop)
    assert after == arrived.model_copy(update={"restocks": 1, "version": seen.version + 1})
    with pytest.raises(LedgerMoved):
        stock.commit([stock.levels.announce_write(seen)], token=f"{head.shop}-2")
    assert standing(stock, head.shop) == after


def test_checking_a_head_changes_nothing(stock: StockStore, head: Head) -> None:
    stock.commit([stock.levels.head_check(head)], token=f"{head.shop}-1")
    assert standing(stock, head.shop) == head
    stock.levels.announce(head.shop, "A")
    stock.commit([stock.levels.head_check(head)], token=f"{head.shop}-2")  # a restock is no change of the layout
    assert stock.levels.save_head(changed(head), head)
    with pytest.raises(LedgerMoved):
        stock.commit([stock.levels.head_check(head)], token=f"{head.shop}-3")
    with pytest.raises(LedgerMoved):
        stock.commit([stock.levels.head_check(head.model_copy(update={"sku": "Z"}))], token=f"{head.shop}-4")


def part(head: Head, name: str) -> LevelKey:
    return LevelKey(shop=head.shop, sku="A", part=name)


def test_parts_are_retired_when_they_are_empty(stock: StockStore, head: Head) -> None:
    assert stock.levels.save_head(changed(head, made=3, ever=3), head)
    seen = standing(stock, head.shop)
    for name in ("1", "2"):
        stock.levels.open_part(part(head, name), 1, 3)
    retired = changed(seen, made=1)
    stock.commit(stock.levels.retire_writes(retired, seen, [part(head, "1"), part(head, "2")]), token=f"{head.shop}-1")
    assert standing(stock, head.shop) == retired
    with pytest.raises(LedgerMoved):
        stock.commit(stock.levels.retire_writes(retired, seen, [part(head, "1")]), token=f"{head.shop}-2")


@pytest.mark.parametrize("left", ["units", "a hold", "no part at all"])
def test_a_part_that_has_something_is_not_retired(stock: StockStore, head: Head, left: str) -> None:
    if left != "no part at all":
        stock.levels.open_part(part(head, "1"), 1, 2)
        level = stock.levels.level(part(head, "1"))
        assert level is not None
        stock.commit([stock.levels.change_write(level, 1, "mov_1")], token=f"{head.shop}-0")
    if left == "a hold":
        stock.levels.take(part(head, "1"), "a" * 10, Entry(quantity=1, expires_at=LATER))
    with pytest.raises(LedgerMoved):
        stock.commit(stock.levels.retire_writes(changed(head), head, [part(head, "1")]), token=f"{head.shop}-1")
    assert standing(stock, head.shop) == head


def test_a_part_whose_units_are_all_held_is_not_empty(stock: StockStore, head: Head) -> None:
    """Nothing on hand and an entry cannot be; but whoever counts one of the two only would not see it."""
    stock.levels.open_pool(part(head, "buyer-x"), 1)
    stock.levels.take(part(head, "buyer-x"), "a" * 10, Entry(quantity=1, expires_at=LATER + timedelta(days=1)))
    stock.levels.open_pool(part(head, "buyer-x"), 0)
    with pytest.raises(LedgerMoved):
        stock.commit(stock.levels.retire_writes(changed(head), head, [part(head, "buyer-x")]), token=f"{head.shop}-1")


def test_skus_in_demand_are_noted(stock: StockStore, shop: str) -> None:
    assert stock.levels.hot(shop) == []
    for sku in ("B", "A", "A"):
        stock.levels.mark_hot(shop, sku, True)
    stock.levels.mark_hot(f"{shop}-x", "C", True)
    assert stock.levels.hot(shop) == ["A", "B"]
    for _ in range(2):
        stock.levels.mark_hot(shop, "A", False)
        assert stock.levels.hot(shop) == ["B"]
