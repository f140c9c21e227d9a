"""Imports, short vaults, refunds, and what keys show of themselves."""

from typing import Any

import pytest

from holdfast.catalogue.model import Kind, OnShortage
from holdfast.fulfilment.errors import VaultShortError
from holdfast.fulfilment.model import LicenceKey
from holdfast.fulfilment.usecases import Imported, ImportKeys, import_keys
from holdfast.orders.model import Status
from holdfast.payments.providers.sandbox.proxy import Action
from holdfast.wiring.stock import StockForFulfilment
from tests.memory.engine import Memory
from tests.memory.house import GRACE, House
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


@pytest.mark.parametrize(("text", "masked"), [("ABCD-EFGH-IJKL", "…IJKL"), ("short", "…"), ("12345678", "…")])
def test_a_key_shows_little_of_itself(text: str, masked: str) -> None:
    key: Any = LicenceKey(id="key_1", sku="A", place=1, text=text, imported_at=NOW)
    assert key.masked == masked
    assert text not in repr(key)
    assert text not in str(key)
