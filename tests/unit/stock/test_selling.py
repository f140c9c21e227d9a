"""Held units become sales with the lock as their document; free units are sold at once to who waited."""

from datetime import timedelta

import pytest

from holdfast.kernel.errors import VersionConflict
from holdfast.kernel.ids import entry_id
from holdfast.kernel.writes import Write
from holdfast.stock import holding, selling
from holdfast.stock.errors import HoldLost, InsufficientStock, LedgerMoved, UnknownHold
from holdfast.stock.model import PROMISES, Reason
from tests.memory.audit import audit
from tests.memory.engine import Memory
from tests.memory.house import GRACE, HOLD, House
from tests.memory.threads import just_before
from tests.unit.stock.acts import figures, held, hold, house, key, memory, put, release, spread, standing, swept, wish

__all__ = ["house", "memory"]


def confirm_writes(house: House, lock: str, order: str = "ord", **quantities: int) -> list[Write]:
    return selling.confirm_writes(lock, order, quantities, shop=house.shop, store=house.stores.stock, now=house.now)


def confirm(house: House, lock: str, order: str = "ord", **quantities: int) -> None:
    house.stores.commit(confirm_writes(house, lock, order, **quantities), token=f"{lock}@{house.now}")


def sell(house: House, quantity: int, batch: int = 1) -> None:
    writes = selling.allot_writes(house.shop, "A", quantity, batch=batch, store=house.stores.stock, now=house.now)
    house.stores.commit(writes, token=f"batch-{batch}@{house.now}")


def test_a_sold_lock_is_the_document_of_its_sale(house: House, memory: Memory) -> None:
    spread(house, "A", 2, 2)
    house.product("B", 5)
    hold(house, "lck-1", wish("A", 3), wish("B", 1))
    confirm(house, "lck-1", A=3, B=1)
    sale = house.stores.stock.ledger.movement(house.shop, "lck-1")
    assert sale is not None
    assert (sale.reason, sale.at, sale.document, sale.id) == (Reason.SALE, house.now, "ord", "lck-1")
    assert sorted((line.sku, line.quantity, line.balance) for line in sale.lines) == [("A", -2, 0), ("A", -1, 1), ("B", -1, 4)]
    assert {level.last for level in house.parts("A").values()} == {"lck-1"}
    assert (held(house, "A", "lck-1"), held(house, "B", "lck-1")) == ({}, {})
    audit(memory)


def test_what_was_sold_is_neither_released_nor_swept_nor_sold_again(house: House, memory: Memory) -> None:
    house.product("A", 3)
    hold(house, "lck-1", wish("A", 2))
    lock = standing(house, "lck-1")
    confirm(house, "lck-1", A=2)
    with pytest.raises(LedgerMoved):
        confirm(house, "lck-1", A=2)
    with pytest.raises(HoldLost):
        confirm(house, "lck-1", "another", A=2)
    with pytest.raises(UnknownHold):
        release(house, "lck-1")
    house.now += HOLD + GRACE
    house.stores.stock.locks.forget(lock)
    before = house.stores.stock.levels.head(house.shop, "A")
    assert (house.sweep(), swept(house, lock)) == (0, 0)
    assert house.stores.stock.levels.head(house.shop, "A") == before  # and nobody is told of units
    assert figures(house, "A") == {"0": (1, 1)}
    audit(memory)


@pytest.mark.parametrize("quantities", [{"A": 1}, {"A": 3}, {}, {"A": 2, "B": 1}])
def test_only_what_was_held_is_sold(house: House, quantities: dict[str, int]) -> None:
    house.product("A", 3)
    hold(house, "lck-1", wish("A", 2))
    with pytest.raises(HoldLost):
        confirm_writes(house, "lck-1", **quantities)
    with pytest.raises(HoldLost):
        confirm_writes(house, "none", A=2)


def test_a_line_without_units_is_sold_as_none(house: House) -> None:
    house.product("A", 0)
    house.product("B", 1)
    hold(house, "lck-1", wish("A", 2, partial=True, promises=2), wish("B", 1))
    confirm(house, "lck-1", A=0, B=1)
    promised = house.stores.stock.levels.level(key(house, "A", PROMISES))
    assert promised is not None
    assert (promised.on_hand, promised.available, promised.entries) == (0, 0, {})


def test_units_that_another_buyer_reclaimed_are_not_sold(house: House) -> None:
    spread(house, "A", 1, 1)
    hold(house, "lck-1", wish("A", 2))
    writes = confirm_writes(house, "lck-1", A=2)
    house.now += HOLD + GRACE
    hold(house, "next", wish("A", 1))
    for attempt in (lambda: house.stores.commit(writes, token="late"), lambda: confirm(house, "lck-1", A=2)):
        with pytest.raises(HoldLost):
            attempt()
    assert sum(on_hand for on_hand, _ in figures(house, "A").values()) == 2


def test_a_sale_beside_a_restock_looks_again(house: House, memory: Memory) -> None:
    house.product("A", 3)
    hold(house, "lck-1", wish("A", 2))
    writes = confirm_writes(house, "lck-1", A=2)
    house.restock("A", 1, "meanwhile")
    with pytest.raises(LedgerMoved):
        house.stores.commit(writes, token="late")
    confirm(house, "lck-1", A=2)
    assert figures(house, "A") == {"0": (2, 2)}
    audit(memory)


def test_a_try_that_was_renewed_is_not_sold_by_what_was_seen_before(house: House) -> None:
    house.product("A", 3)
    hold(house, "lck-1", wish("A", 2))
    writes = confirm_writes(house, "lck-1", A=2)
    house.now += holding.CLAIM_LEASE
    hold(house, "lck-1", wish("A", 2))
    with pytest.raises(HoldLost):
        house.stores.commit(writes, token="late")
    confirm(house, "lck-1", A=2)


def test_a_hold_that_is_extended_while_it_is_sold_is_sold(house: House) -> None:
    house.product("A", 3)
    hold(house, "lck-1", wish("A", 2))
    writes = confirm_writes(house, "lck-1", A=2)
    until = house.now + 2 * HOLD
    longer = holding.extend_writes(house.shop, "lck-1", "ord", until=until, store=house.stores.stock, now=house.now)
    house.stores.commit(longer, token="longer")
    house.stores.commit(writes, token="sold")
    assert figures(house, "A") == {"0": (1, 1)}


def test_a_hold_that_is_sold_is_extended_no_more(house: House) -> None:
    house.product("A", 3)
    hold(house, "lck-1", wish("A", 2))
    longer = holding.extend_writes(house.shop, "lck-1", "ord", until=house.now + 2 * HOLD, store=house.stores.stock, now=house.now)
    confirm(house, "lck-1", A=2)
    with pytest.raises(HoldLost):
        house.stores.commit(longer, token="longer")


# To who waited.


def test_free_units_are_sold_from_as_few_parts_as_can_be(house: House, memory: Memory) -> None:
    spread(house, "A", 1, 4, 2)
    sell(house, 3)
    assert figures(house, "A") == {"0": (1, 1), "1": (1, 1), "2": (2, 2)}
    sell(house, 4, 2)
    assert sum(on_hand for on_hand, _ in figures(house, "A").values()) == 0
    with pytest.raises(InsufficientStock) as refused:
        sell(house, 1, 3)
    assert refused.value.facts["lines"] == [{"sku": "A", "requested": 1, "available": 0}]
    audit(memory)


def test_a_batch_leaves_the_stock_once(house: House) -> None:
    house.product("A", 5)
    sell(house, 2)
    house.now += timedelta(seconds=1)
    with pytest.raises(VersionConflict):
        sell(house, 2)
    assert figures(house, "A") == {"0": (3, 3)}


def test_held_and_kept_units_are_not_sold_to_who_waited(house: House) -> None:
    house.product("A", 3)
    hold(house, "lck-1", wish("A", 2))
    with pytest.raises(InsufficientStock):
        sell(house, 2)
    sell(house, 1)
    assert held(house, "A", "lck-1") == {"0": 2}


def test_units_that_are_taken_between_look_and_sale_are_not_sold(house: House, memory: Memory) -> None:
    house.product("A", 2)
    just_before(house.stores, "commit", lambda: hold(house, "lck-1", wish("A", 1)))
    with pytest.raises(InsufficientStock):
        sell(house, 2)
    assert figures(house, "A") == {"0": (2, 1)}
    audit(memory)


def test_a_promise_that_is_kept_may_be_made_again(house: House) -> None:
    house.product("A", 0)
    hold(house, "lck-1", wish("A", 2, partial=True, promises=2))
    confirm(house, "lck-1", A=0)
    put(house, "A", 2, "0")
    sell(house, 2)
    writes = selling.settle_writes(house.shop, "A", given=1, back=1, batch=1, store=house.stores.stock, now=house.now)
    house.stores.commit(writes, token="settled")
    assert figures(house, "A") == {"0": (1, 1)}
    promised = house.stores.stock.levels.level(key(house, "A", PROMISES))
    assert promised is not None
    assert (promised.on_hand, promised.available) == (1, 1)


def test_a_hold_that_is_released_while_it_is_sold_is_one_or_the_other(house: House, memory: Memory) -> None:
    house.product("A", 3)
    hold(house, "lck-1", wish("A", 2))
    just_before(house.stores, "commit", lambda: release(house, "lck-1"))
    with pytest.raises(HoldLost):
        confirm(house, "lck-1", A=2)
    hold(house, "lck-2", wish("A", 2))
    just_before(house.stores.stock.levels, "give_back", lambda: confirm(house, "lck-2", A=2))
    assert release(house, "lck-2") == 0
    assert entry_id("lck-2") not in house.level("A").entries
    assert figures(house, "A") == {"0": (1, 1)}
    assert standing(house, "lck-2").sale is not None
    audit(memory)
