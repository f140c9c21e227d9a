"""Imports, short vaults, refunds, and what keys show of themselves."""

from datetime import timedelta
from typing import Any

import pytest

from holdfast.catalogue.model import Kind, OnShortage
from holdfast.fulfilment.errors import VaultShortError
from holdfast.fulfilment.importing import Imported, ImportKeys, import_keys
from holdfast.fulfilment.model import LicenceKey
from holdfast.orders.model import Order, Status
from holdfast.payments.providers.sandbox.proxy import Action
from holdfast.stock.errors import InsufficientStock
from holdfast.stock.model import LevelKey
from holdfast.wiring.stock import StockForFulfilment
from tests.memory.engine import Memory
from tests.memory.house import GRACE, HOLD, House
from tests.memory.samples import NOW
from tests.memory.stores import in_memory


@pytest.fixture
def house() -> House:
    house = House(in_memory(Memory()))
    house.product("KEY", 0, Kind.DIGITAL, OnShortage.BACKORDER)
    return house


def test_an_import_names_what_the_shop_has_already(house: House) -> None:
    assert house.import_keys("KEY", ["a", "b", "a"], "one") == Imported(imported=2, duplicates=(2,))
    assert house.import_keys("KEY", ["b", "c"], "two") == Imported(imported=1, duplicates=(0,))
    assert house.import_keys("KEY", ["a", "b", "a"], "one") == Imported(imported=2, duplicates=(2,))
    assert (house.level("KEY").on_hand, house.stores.fulfilment.vaults.vault(house.shop, "KEY").imported) == (3, 3)


def test_a_dry_run_changes_nothing(house: House) -> None:
    command = ImportKeys(shop=house.shop, sku="KEY", keys=("a", "a"), batch="dry", actor="test", dry_run=True)
    stock = StockForFulfilment(house.stores.stock.levels, GRACE)
    report = import_keys(command, store=house.stores.fulfilment, stock=stock, now=NOW)
    assert report == Imported(imported=1, duplicates=(1,), dry_run=True)
    assert house.level("KEY").on_hand == 0


def test_more_keys_than_one_transaction_takes(house: House) -> None:
    texts = [f"key-{number:03d}" for number in range(95)]
    assert house.import_keys("KEY", texts, "many").imported == 95
    keys = house.stores.fulfilment.vaults.keys(house.shop, "KEY", range(1, 96))
    assert [key.text for key in keys] == texts


def test_units_without_keys_call_a_person(house: House) -> None:
    house.restock("KEY", 1, "a number instead of keys")
    order = house.buy(("KEY", 1))
    house.browser_returns(order)
    with pytest.raises(VaultShortError) as short:
        house.serve(order)
    assert (short.value.code, short.value.status) == ("vault_short", 500)
    assert house.order(order).status is Status.PAID


def test_a_refund_ends_the_debt(house: House) -> None:
    order = house.buy(("KEY", 2), accept_partial=True)
    house.browser_returns(order)
    house.serve(order)
    assert house.stores.fulfilment.debts.owed(house.shop, "KEY") == 2
    house.forget(order)  # too early: the order still waits
    assert house.stores.fulfilment.debts.owed(house.shop, "KEY") == 2
    house.at_provider(order, Action.REFUND)
    house.browser_returns(order)
    house.import_keys("KEY", ["a", "b"], "late")
    assert house.feed("KEY") == 0
    house.forget(order)
    assert house.stores.fulfilment.debts.owed(house.shop, "KEY") == 0
    assert (house.keys_of(order), house.level("KEY").available) == ([], 2)


# Those who have paid go first.


def waiting(house: House, units: int) -> Order:
    order = house.buy(("KEY", units), accept_partial=True)
    house.browser_returns(order)
    house.serve(order)
    return order


def test_what_comes_in_is_for_those_who_wait_and_have_paid(house: House) -> None:
    first = waiting(house, 2)
    house.stores.stock.levels.await_units(LevelKey(shop=house.shop, sku="OTHER"), True)  # a SKU that is not there
    house.import_keys("KEY", ["a", "b", "c"], "late")
    assert (house.level("KEY").awaited, house.level("KEY").available, house.free("KEY")) == (True, 3, 0)
    with pytest.raises(InsufficientStock) as refusal:
        house.place(house.session(("KEY", 1)), "not so fast")
    assert refusal.value.facts["lines"][0]["available"] == 0
    assert house.feed("KEY") == 2
    assert house.order(first).status is Status.COMPLETED
    assert (house.level("KEY").awaited, house.free("KEY")) == (False, 1)
    assert house.place(house.session(("KEY", 1)), "now").order.allocated == {"KEY": 1}


def test_units_that_a_dead_hold_gives_back_are_theirs_as_well(house: House) -> None:
    house.import_keys("KEY", ["a"], "one")
    held = house.place(house.session(("KEY", 1)), "slow").order
    first = waiting(house, 1)
    house.now += HOLD + GRACE + timedelta(seconds=1)
    with pytest.raises(InsufficientStock):
        house.place(house.session(("KEY", 1)), "quick")
    house.sweep()
    assert (house.feed("KEY"), house.order(first).status, house.order(held).status) == (1, Status.COMPLETED, Status.EXPIRED)


def test_a_shopper_keeps_what_he_holds_while_others_wait(house: House) -> None:
    house.import_keys("KEY", ["a", "b"], "one")
    session = house.session(("KEY", 2))
    house.place(session, "first")
    waiting(house, 1)
    again = house.place(session, "another tab").order
    assert again.allocated == {"KEY": 2}
    assert house.level("KEY").locked == 2


def test_a_new_part_of_a_shelf_is_awaited_too(house: House) -> None:
    waiting(house, 5)
    house.shards("KEY", 4)
    assert house.feed("KEY") == 0
    assert [level.awaited for level in house.parts("KEY").values()] == [True] * 4


def test_when_nobody_waits_any_more_everybody_may_buy(house: House) -> None:
    order = waiting(house, 2)
    house.at_provider(order, Action.REFUND)
    house.browser_returns(order)
    house.restock("KEY", 1, "late")
    assert house.free("KEY") == 0
    house.forget(order)
    assert (house.level("KEY").awaited, house.free("KEY")) == (False, 1)


def test_a_debt_that_is_written_while_buyers_are_admitted_closes_the_way_again(house: House) -> None:
    order = waiting(house, 1)
    house.import_keys("KEY", ["a"], "late")
    levels, late = house.stores.stock.levels, []
    admit = levels.await_units

    def beside(key: LevelKey, waits: bool) -> None:
        admit(key, waits)
        if not waits and not late:
            late.append(house.buy(("KEY", 1), accept_partial=True))
            house.browser_returns(late[0])

    levels.await_units = beside
    assert house.feed("KEY") == 1
    house.serve(late[0])
    assert house.order(order).status is Status.COMPLETED
    assert (house.order(late[0]).status, house.level("KEY").awaited) == (Status.AWAITING_STOCK, True)


@pytest.mark.parametrize(("text", "masked"), [("ABCD-EFGH-IJKL", "…IJKL"), ("short", "…"), ("12345678", "…")])
def test_a_key_shows_little_of_itself(text: str, masked: str) -> None:
    key: Any = LicenceKey(id="key_1", sku="A", place=1, text=text, imported_at=NOW)
    assert key.masked == masked
    assert text not in repr(key)
    assert text not in str(key)
