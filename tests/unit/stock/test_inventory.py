"""The staff's view of stock: what is listed and found, what one request looks at, what may be set, and over what."""

from typing import Any

import pytest

from holdfast.catalogue.model import Kind, OnShortage
from holdfast.fulfilment.model import Debt
from holdfast.kernel.errors import NotFound
from holdfast.stock import booking, dashboard, holds, inventory, layout
from holdfast.stock.errors import InsufficientStock, LocationInUse, StaleStock, UnknownStock
from holdfast.stock.inventory import Change, ExpectedMissing, KeysNeeded, Listing, Only, Search, Sheet
from holdfast.stock.model import Place, Reason
from tests.memory.audit import audit
from tests.memory.engine import Memory
from tests.memory.house import HOLD, House
from tests.memory.threads import just_before
from tests.unit.stock.acts import hold, house, memory, release, standing, wish
from tests.unit.stock.desks import desk_of

__all__ = ["house", "memory"]


def listed(house: House, **search: Any) -> Listing:
    return inventory.listed(Search(shop=house.shop, **search), desk=desk_of(house), now=house.now)


def skus(listing: Listing) -> list[str]:
    return [row.sku for row in listing.rows]


def sheet(house: House, sku: str = "A", **asked: Any) -> Sheet:
    return inventory.sheet(house.shop, sku, desk=desk_of(house), now=house.now, **asked)


def change(house: House, sku: str = "A", **fields: Any) -> None:
    inventory.change(Change(shop=house.shop, sku=sku, **fields), desk=desk_of(house), now=house.now)


def adjust(house: House, delta: int = 0, *, target: int | None = None, version: int | None = None, sku: str = "A", **more: Any) -> None:
    fields = {"identity": "adjust#1", "actor": "key_1", "reason": Reason.ADJUSTMENT, **more}
    command = booking.Adjust(shop=house.shop, sku=sku, delta=delta, **fields)
    inventory.adjust(command, target=target, version=version, desk=desk_of(house), now=house.now)


def owe(house: House, sku: str, units: int) -> None:
    debt = Debt(shop=house.shop, sku=sku, order="ord_1", owed=units, paid_at=house.now)
    house.stores.commit([house.stores.fulfilment.debts.add_write(debt)], token=sku)


# The list.


def test_pages_in_order_of_sku(house: House) -> None:
    for sku in "CABED":
        house.product(sku, 1)
    first = listed(house, limit=2)
    assert (skus(first), first.next) == (["A", "B"], "B")
    second = listed(house, limit=2, after=first.next)
    assert (skus(second), second.next) == (["C", "D"], "D")
    assert (skus(last := listed(house, limit=2, after="D")), last.next) == (["E"], None)


def test_what_is_looked_for(house: House) -> None:
    house.product("RED-1", 5, low_stock_threshold=5)
    house.product("RED-2", 0)
    house.product("BLUE", 9, low_stock_threshold=5)
    assert skus(listed(house, text="red")) == ["RED-1", "RED-2"]
    assert skus(listed(house, text="the BLUE")) == ["BLUE"]  # its title is "The BLUE"
    assert skus(listed(house, only=Only.LOW)) == ["RED-1"]
    assert skus(listed(house, only=Only.OUT)) == ["RED-2"]
    assert skus(listed(house, text="red", only=Only.OUT)) == ["RED-2"]
    assert skus(listed(house, only=Only.WAITING)) == []
    owe(house, "BLUE", 2)
    (row,) = listed(house, only=Only.WAITING).rows
    assert (row.sku, row.waiting, row.status) == ("BLUE", 2, "in_stock")


def test_held_units_make_a_sku_low_and_dead_holds_do_not(house: House) -> None:
    house.product("A", 5, low_stock_threshold=2)
    hold(house, "lck-1", wish("A", 3))
    assert skus(listed(house, only=Only.LOW)) == ["A"]
    house.now += HOLD + HOLD
    assert skus(listed(house, only=Only.LOW)) == []


def test_one_request_looks_at_so_many_products_and_says_that_there_are_more(house: House) -> None:
    many = inventory.LOOKED_AT + inventory.PAGE
    for number in range(many):
        house.product(f"S{number:04d}")
    house.product("Z", 1, low_stock_threshold=3)
    first = listed(house, only=Only.LOW)
    assert (first.rows, first.next) == ((), f"S{inventory.LOOKED_AT - 1:04d}")
    assert skus(listed(house, only=Only.LOW, after=first.next)) == ["Z"]
    waited = listed(house, only=Only.WAITING)
    assert (waited.rows, waited.next) == ((), f"S{inventory.DEBTS_LOOKED_AT - 1:04d}")


def test_every_row_is_found_once_however_the_pages_fall(house: House) -> None:
    for number in range(230):
        house.product(f"S{number:04d}", number % 3, low_stock_threshold=1)
    for only, expected in ((Only.LOW, 1), (Only.OUT, 0)):
        found: list[str] = []
        after: str | None = None
        while True:
            page = listed(house, only=only, limit=7, after=after)
            found += skus(page)
            after = page.next
            if after is None:
                break
        assert found == [f"S{number:04d}" for number in range(230) if number % 3 == expected]


def test_rows_that_wait_are_not_passed_over(house: House) -> None:
    """More candidates than fit a page, and only the last of them waits."""
    for number in range(60):
        house.product(f"S{number:02d}", 1)
    owe(house, "S59", 1)
    assert skus(listed(house, only=Only.WAITING, limit=5)) == ["S59"]


def test_withdrawn_products_are_not_listed_and_have_their_sheet(house: House) -> None:
    house.product("A", 5)
    product = house.stores.products.get(house.shop, "A")
    assert product is not None
    house.stores.products.save(product.model_copy(update={"archived": True, "version": 2}), over=1)
    assert skus(listed(house)) == []
    assert sheet(house).on_hand == 5
    with pytest.raises(UnknownStock):
        inventory.receive(
            booking.Receive(shop=house.shop, sku="A", identity="r", actor="a", quantity=1), desk=desk_of(house), now=house.now
        )
    with pytest.raises(NotFound):
        change(house, policies={"low_stock_threshold": 1})
    adjust(house, -5, reason=Reason.WRITE_OFF)
    assert sheet(house).on_hand == 0


# One SKU.


def test_the_sheet_tells_per_location_and_adds_up(house: House) -> None:
    house.product("A", 6, low_stock_threshold=2, max_per_order=3)
    change(house, places=(Place(name="main", incoming=7), Place(name="berlin", incoming=1)))
    command = booking.Transfer(shop=house.shop, sku="A", identity="t", actor="a", quantity=2, source="main", target="berlin")
    booking.transfer(command, store=house.stores.stock, grace=HOLD, now=house.now)
    hold(house, "lck-1", wish("A", 3))
    found = sheet(house)
    assert [(place.name, place.on_hand, place.available, place.locked) for place in found.locations] == [
        ("main", 4, 1, 3),
        ("berlin", 2, 2, 0),
    ]
    assert (found.on_hand, found.available, found.locked, found.incoming) == (6, 3, 3, 8)
    assert (found.max_per_order, found.kind, found.status, found.automatic_shards) == (3, "physical", "in_stock", True)


def test_suggested_shards_follow_the_demand(house: House) -> None:
    house.product("A", 1000)
    every, few = layout.suggested_shards(1000, 1000, HOLD), layout.suggested_shards(1000, 1, HOLD)
    assert (sheet(house).suggested_shards, sheet(house, locks_per_second=1).suggested_shards) == (every, few)
    assert every > few > 1
    house.product("B", 5)
    assert sheet(house, "B").suggested_shards == 1


def test_every_change_is_a_new_version(house: House) -> None:
    house.product("A", 100)
    seen = [sheet(house).version]
    for act in (
        lambda: hold(house, "lck-1", wish("A", 3)),
        lambda: release(house, "lck-1"),
        lambda: change(house, shards=4),
        lambda: change(house, safety_stock=2),
        lambda: change(house, policies={"low_stock_threshold": 9}),
        lambda: change(house, places=(Place(name="berlin"),)),
        lambda: adjust(house, 1),
    ):
        act()
        seen.append(sheet(house).version)
    assert seen == sorted(set(seen))


def test_a_version_never_comes_again(house: House) -> None:
    """Also where parts go that were counted in it: an old ETag must not fit another state."""
    house.product("A", 40)
    change(house, shards=8, places=(Place(name="berlin"),))
    for number in range(5):
        hold(house, f"lck-{number}", wish("A", 1))
        release(house, f"lck-{number}")
    high = sheet(house).version
    change(house, shards=1, places=())
    layout.settle(house.shop, "A", store=house.stores.stock, grace=HOLD, now=house.now)
    found = sheet(house)
    assert len(house.parts("A")) == 1
    assert found.version > high


# What may be set.


def test_each_fact_has_one_writer(house: House, memory: Memory) -> None:
    house.product("A", 40)
    change(house, shards=4, safety_stock=3, policies={"on_shortage": OnShortage.BACKORDER, "backorder_cap": 9, "max_per_customer": 2})
    found = sheet(house)
    assert (found.shards, found.automatic_shards, found.safety_stock, found.safety_stock_wanted) == (4, False, 3, 3)
    product = house.stores.products.get(house.shop, "A")
    assert product is not None
    assert (product.on_shortage, product.backorder_cap, product.max_per_customer, product.version) == ("backorder", 9, 2, 2)
    assert (found.available, found.locked, found.title) == (37, 3, product.title)
    change(house, shards="automatic")
    assert (sheet(house).shards, sheet(house).automatic_shards) == (4, True)
    audit(memory)


def test_what_is_refused_has_changed_nothing(house: House) -> None:
    house.product("A", 5)
    change(house, places=(Place(name="berlin"),))
    command = booking.Transfer(shop=house.shop, sku="A", identity="t", actor="a", quantity=2, source="main", target="berlin")
    booking.transfer(command, store=house.stores.stock, grace=HOLD, now=house.now)
    before = sheet(house)
    with pytest.raises(LocationInUse):
        change(house, places=(Place(name="main", incoming=4),), shards=8, safety_stock=2, policies={"low_stock_threshold": 9})
    assert sheet(house) == before


def test_over_an_old_version_nothing_is_set(house: House) -> None:
    house.product("A", 5)
    old = sheet(house).version
    hold(house, "lck-1", wish("A", 1))
    before = sheet(house)
    with pytest.raises(StaleStock) as told:
        change(house, shards=2, version=old)
    assert told.value.facts == {"available": 4, "version": before.version}
    assert sheet(house) == before
    change(house, shards=2, version=before.version)
    assert sheet(house).shards == 2


def test_policies_are_set_over_what_somebody_else_just_set(house: House) -> None:
    """Two people change two policies at once: neither is lost."""
    house.product("A", 5)
    just_before(house.stores.products, "save", lambda: change(house, policies={"max_per_order": 3}))
    change(house, policies={"low_stock_threshold": 2})
    found = sheet(house)
    assert (found.max_per_order, found.low_stock_threshold) == (3, 2)


def test_unknown_skus(house: House) -> None:
    for act in (lambda: sheet(house), lambda: change(house, shards=2), lambda: adjust(house, 1)):
        with pytest.raises(UnknownStock):
            act()


# Adjustments.


def test_a_figure_needs_what_it_was(house: House) -> None:
    house.product("A", 5)
    with pytest.raises(ExpectedMissing):
        adjust(house, target=9)
    with pytest.raises(StaleStock):
        adjust(house, target=9, expected_available=4)
    adjust(house, target=9, expected_available=5)
    assert house.free("A") == 9
    adjust(house, target=3, version=sheet(house).version, identity="adjust#2")
    assert house.free("A") == 3


def test_a_figure_is_not_set_over_a_sale_that_came_between(house: House) -> None:
    house.product("A", 5)
    read = sheet(house).version
    just_before(house.stores.stock, "commit", lambda: hold(house, "lck-1", wish("A", 2)))
    with pytest.raises(StaleStock):
        adjust(house, target=9, version=read)
    assert house.free("A") == 3


def test_a_figure_that_is_so_already_is_still_compared(house: House) -> None:
    house.product("A", 5)
    adjust(house, target=5, expected_available=5)
    with pytest.raises(StaleStock):
        adjust(house, target=4, expected_available=4)
    assert house.free("A") == 5


def test_the_same_adjustment_twice_is_one(house: House) -> None:
    house.product("A", 5)
    version = sheet(house).version
    for _ in range(2):
        adjust(house, target=9, version=version)
    assert house.free("A") == 9


def test_held_units_are_not_taken_away(house: House) -> None:
    house.product("A", 5)
    hold(house, "lck-1", wish("A", 4))
    with pytest.raises(InsufficientStock):
        adjust(house, -2)
    assert house.free("A") == 1


def test_digital_units_come_with_their_keys(house: House) -> None:
    house.product("K", 3, kind=Kind.DIGITAL)
    with pytest.raises(KeysNeeded):
        adjust(house, 1, sku="K")
    with pytest.raises(KeysNeeded):
        adjust(house, target=9, expected_available=3, sku="K")
    with pytest.raises(KeysNeeded):
        inventory.receive(
            booking.Receive(shop=house.shop, sku="K", identity="r", actor="a", quantity=1), desk=desk_of(house), now=house.now
        )
    adjust(house, -1, sku="K", reason=Reason.WRITE_OFF)
    assert house.free("K") == 2


# The dashboard.


def test_the_dashboard_adds_up(house: House) -> None:
    house.product("A", 5, low_stock_threshold=5)
    house.product("B", 0)
    house.product("C", 100)
    house.shards("C", 4)
    hold(house, "lck-1", wish("A", 2), wish("C", 1))
    owe(house, "B", 4)
    found = dashboard.dashboard(house.shop, after=None, desk=desk_of(house), now=house.now)
    assert (found.products, found.on_hand, found.available, found.locked, found.waiting) == (3, 105, 102, 3, 4)
    assert (found.skus_low, found.skus_out, found.skus_waiting, found.live_holds, found.more_holds) == (1, 1, 1, 1, False)
    assert [(worth.currency, worth.amount, worth.units) for worth in found.value] == [("EUR", 105 * 1999, 105)]
    assert [(hot.sku, hot.shards, hot.live_locks, hot.available) for hot in found.hot] == [("C", 4, 1, 99)]
    assert (found.complete, found.counted_to, found.next) == (True, "C", None)


def test_a_dashboard_of_many_products_says_how_far_it_came(house: House) -> None:
    for number in range(inventory.DEBTS_LOOKED_AT + 10):
        house.product(f"S{number:04d}")
    first = dashboard.dashboard(house.shop, after=None, desk=desk_of(house), now=house.now)
    assert (first.products, first.complete, first.counted_to) == (inventory.DEBTS_LOOKED_AT, False, first.next)
    rest = dashboard.dashboard(house.shop, after=first.next, desk=desk_of(house), now=house.now)
    assert (rest.products, rest.complete, rest.next) == (10, True, None)


def test_an_empty_shop(house: House) -> None:
    found = dashboard.dashboard(house.shop, after=None, desk=desk_of(house), now=house.now)
    assert (found.products, found.on_hand, found.value, found.complete, found.counted_to) == (0, 0, (), True, None)


# Holds.


def test_holds_of_one_sku(house: House) -> None:
    house.product("A", 50)
    house.product("B", 50)
    for number in range(6):
        hold(house, f"lck-{number}", wish("A" if number % 2 else "B", 1), order=f"ord-{number}")
    locks = house.stores.stock.locks

    def found(sku: str | None, limit: int, after: str | None = None) -> tuple[list[str], str | None]:
        page, last = holds.listed(house.shop, sku=sku, limit=limit, after=after, locks=locks, now=house.now)
        return [lock.id for lock in page], last

    assert found("A", 10) == (["lck-1", "lck-3", "lck-5"], None)
    first, last = found("A", 2)
    assert first == ["lck-1", "lck-3"]
    assert found("A", 2, last) == (["lck-5"], None)
    assert len(found(None, 10)[0]) == 6
    assert standing(house, "lck-1").order == "ord-1"
