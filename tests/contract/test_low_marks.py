"""The port of what staff was told of low stock: written over what was seen, and our own write is known again."""

from holdfast.notifications.watching import Mark
from tests.memory.samples import LATER, NOW
from tests.memory.stores import Stores


def test_a_sku_that_never_fell_has_an_empty_one(stores: Stores, shop: str) -> None:
    assert stores.marks.mark(shop, "A") == Mark(shop=shop, sku="A")


def test_what_is_written_is_read(stores: Stores, shop: str) -> None:
    mark = Mark(shop=shop, sku="A", low=True, told=True, crossing=2, since=NOW, version=1)
    assert stores.marks.save_mark(mark)
    assert stores.marks.mark(shop, "A") == mark


def test_it_is_written_over_what_was_seen_only(stores: Stores, shop: str) -> None:
    first = Mark(shop=shop, sku="A", low=True, crossing=1, since=NOW, version=1)
    assert stores.marks.save_mark(first)
    assert not stores.marks.save_mark(first.model_copy(update={"since": LATER}))
    second = first.model_copy(update={"told": True, "version": 2})
    assert stores.marks.save_mark(second)
    assert not stores.marks.save_mark(second.model_copy(update={"low": False}))
    assert not stores.marks.save_mark(second.model_copy(update={"version": 4}))
    assert stores.marks.mark(shop, "A") == second


def test_a_write_that_was_delivered_twice_is_one(stores: Stores, shop: str) -> None:
    first = Mark(shop=shop, sku="A", version=1)
    second = first.model_copy(update={"low": True, "version": 2})
    assert [stores.marks.save_mark(mark) for mark in (first, first, second, second)] == [True] * 4


def test_each_shop_and_sku_has_its_own(stores: Stores, shop: str) -> None:
    assert stores.marks.save_mark(Mark(shop=shop, sku="A", low=True, version=1))
    assert stores.marks.mark(shop, "B") == Mark(shop=shop, sku="B")
    assert stores.marks.mark(f"{shop}-2", "A").version == 0
