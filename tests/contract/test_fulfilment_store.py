"""`fulfilment.ports`: key vaults, deliveries, debts."""

from datetime import timedelta

import pytest

from holdfast.fulfilment.errors import VaultMoved
from holdfast.fulfilment.model import Vault
from holdfast.fulfilment.ports import FulfilmentStore
from holdfast.kernel.errors import VersionConflict
from tests.memory import samples
from tests.memory.samples import NOW
from tests.memory.stores import Stores

TEXTS = ["key-one-Ω", "key-two", "key-three"]


@pytest.fixture
def store(stores: Stores) -> FulfilmentStore:
    return stores.fulfilment


@pytest.fixture
def vault(store: FulfilmentStore, shop: str) -> Vault:
    """A vault with three keys."""
    store.commit(store.vaults.import_writes(Vault(shop=shop, sku="A"), TEXTS, "batch", NOW), token=f"{shop}-three")
    return store.vaults.vault(shop, "A")


def test_a_vault_without_keys(store: FulfilmentStore, shop: str) -> None:
    assert store.vaults.vault(shop, "A") == Vault(shop=shop, sku="A")
    assert store.vaults.known(shop, TEXTS) == {}
    assert store.vaults.deliveries(shop, "ord_1") == []


def test_imported_keys_stand_on_their_places(store: FulfilmentStore, vault: Vault, shop: str) -> None:
    assert (vault.imported, vault.taken, vault.left) == (3, 0, 3)
    keys = store.vaults.keys(shop, "A", range(1, 4))
    assert [(key.place, key.text, key.sku, key.imported_at) for key in keys] == [(n, text, "A", NOW) for n, text in enumerate(TEXTS, 1)]
    assert store.vaults.keys(shop, "A", [3, 1, 9]) == [keys[0], keys[2]]
    assert store.vaults.known(shop, [*TEXTS, "key-four", "key-two"]) == dict.fromkeys(TEXTS, "batch")
    assert store.vaults.known(f"{shop}-x", TEXTS) == {}


def test_more_keys_go_behind(store: FulfilmentStore, vault: Vault, shop: str) -> None:
    store.commit(store.vaults.import_writes(vault, ["key-four"], "later", NOW), token=f"{shop}-4")
    assert store.vaults.vault(shop, "A").imported == 4
    assert [key.text for key in store.vaults.keys(shop, "A", [4])] == ["key-four"]


def test_importing_into_a_vault_that_moved(store: FulfilmentStore, vault: Vault, shop: str) -> None:
    for seen in (Vault(shop=shop, sku="A"), vault.model_copy(update={"imported": 2}), vault.model_copy(update={"taken": 1})):
        with pytest.raises(VaultMoved):
            store.commit(store.vaults.import_writes(seen, ["key-four"], "later", NOW), token=f"{shop}-{seen}")
    assert store.vaults.vault(shop, "A") == vault
    assert store.vaults.known(shop, ["key-four"]) == {}


def test_a_key_text_is_imported_once_per_shop(store: FulfilmentStore, vault: Vault, shop: str) -> None:
    with pytest.raises(VaultMoved):
        store.commit(store.vaults.import_writes(vault, ["key-two"], "later", NOW), token=f"{shop}-1")
    with pytest.raises(VaultMoved):
        store.commit(store.vaults.import_writes(Vault(shop=shop, sku="B"), ["key-two"], "later", NOW), token=f"{shop}-2")
    store.commit(store.vaults.import_writes(Vault(shop=f"{shop}-x", sku="A"), ["key-two"], "later", NOW), token=f"{shop}-3")


def test_handing_out_moves_the_vault(store: FulfilmentStore, vault: Vault, shop: str) -> None:
    delivery = samples.delivery(shop, 1, 2)
    store.commit(store.vaults.hand_out_writes(vault, delivery), token=f"{shop}-1")
    assert store.vaults.vault(shop, "A") == vault.model_copy(update={"taken": 2})
    assert store.vaults.deliveries(shop, "ord_1") == [delivery]
    with pytest.raises(VaultMoved):  # somebody else saw the same vault
        store.commit(store.vaults.hand_out_writes(vault, samples.delivery(shop, 1, 2, order="ord_2")), token=f"{shop}-2")
    assert store.vaults.deliveries(shop, "ord_2") == []


def test_handing_out_of_a_vault_that_got_more_keys_meanwhile(store: FulfilmentStore, vault: Vault, shop: str) -> None:
    """Else the count that was seen would be written back, and the new keys with it."""
    store.commit(store.vaults.import_writes(vault, ["key-four"], "later", NOW), token=f"{shop}-1")
    with pytest.raises(VaultMoved):
        store.commit(store.vaults.hand_out_writes(vault, samples.delivery(shop, 1, 1)), token=f"{shop}-2")
    assert store.vaults.vault(shop, "A").imported == 4


def test_one_hand_out_per_wave(store: FulfilmentStore, vault: Vault, shop: str) -> None:
    store.commit(store.vaults.hand_out_writes(vault, samples.delivery(shop, 1, 1)), token=f"{shop}-1")
    moved = store.vaults.vault(shop, "A")
    with pytest.raises(VaultMoved):
        store.commit(store.vaults.hand_out_writes(moved, samples.delivery(shop, 2, 2)), token=f"{shop}-2")
    store.commit(store.vaults.hand_out_writes(moved, samples.delivery(shop, 2, 2, wave=10)), token=f"{shop}-3")
    assert [delivery.wave for delivery in store.vaults.deliveries(shop, "ord_1")] == [3, 10]


def test_handing_out_of_an_unknown_vault(store: FulfilmentStore, shop: str) -> None:
    seen = Vault(shop=shop, sku="A", imported=3)
    with pytest.raises(VaultMoved):
        store.commit(store.vaults.hand_out_writes(seen, samples.delivery(shop, 1, 1)), token=f"{shop}-1")


def test_each_look_at_keys_is_recorded(store: FulfilmentStore, vault: Vault, shop: str) -> None:
    for _ in range(2):
        store.vaults.record_reveal(shop, "ord_1", "customer", 3, NOW)
    assert store.vaults.deliveries(shop, "ord_1") == []


def test_debts_stand_in_the_order_of_payment(store: FulfilmentStore, shop: str) -> None:
    assert store.debts.first(shop, "A") is None
    assert store.debts.owed(shop, "A") == 0
    second, first, third = samples.debt(shop, 2), samples.debt(shop, 1), samples.debt(shop, 3)
    store.commit([store.debts.add_write(debt) for debt in (second, first, third)], token=f"{shop}-1")
    store.commit([store.debts.add_write(samples.debt(shop, 0, sku="B"))], token=f"{shop}-2")
    assert store.debts.owed(shop, "A") == 9
    for debt in (first, second, third):
        assert store.debts.first(shop, "A") == debt
        store.debts.drop(debt)
        store.debts.drop(debt)
    assert store.debts.first(shop, "A") is None


def test_debts_of_one_millisecond_stand_by_order(store: FulfilmentStore, shop: str) -> None:
    first, second = samples.debt(shop, 1, paid_at=NOW), samples.debt(shop, 2, paid_at=NOW)
    store.commit([store.debts.add_write(second), store.debts.add_write(first)], token=f"{shop}-1")
    assert store.debts.first(shop, "A") == first


def test_a_debt_is_added_once(store: FulfilmentStore, shop: str) -> None:
    store.commit([store.debts.add_write(samples.debt(shop))], token=f"{shop}-1")
    with pytest.raises(VersionConflict):
        store.commit([store.debts.add_write(samples.debt(shop))], token=f"{shop}-2")
    assert store.debts.owed(shop, "A") == 3


def test_the_debt_of_an_order_is_found_by_it(store: FulfilmentStore, shop: str) -> None:
    first, second = samples.debt(shop, 1), samples.debt(shop, 2)
    store.commit([store.debts.add_write(first)], token=f"{shop}-1")
    assert store.debts.of(shop, "A", first.order, first.paid_at) == first
    assert store.debts.of(shop, "A", second.order, second.paid_at) is None
    assert store.debts.of(shop, "B", first.order, first.paid_at) is None


def test_a_debt_is_paid_in_parts(store: FulfilmentStore, shop: str) -> None:
    debt = samples.debt(shop)
    store.commit([store.debts.add_write(debt)], token=f"{shop}-1")
    store.commit([store.debts.pay_write(debt, 2)], token=f"{shop}-2")
    left = debt.model_copy(update={"owed": 1})
    assert store.debts.first(shop, "A") == left
    for quantity in (2, 3):  # seen before somebody paid a part of it
        with pytest.raises(VersionConflict):
            store.commit([store.debts.pay_write(debt, quantity)], token=f"{shop}-3-{quantity}")
    store.debts.drop(debt)
    assert store.debts.first(shop, "A") == left
    store.commit([store.debts.pay_write(left, 1)], token=f"{shop}-4")
    assert store.debts.first(shop, "A") is None
    with pytest.raises(VersionConflict):
        store.commit([store.debts.pay_write(left, 1)], token=f"{shop}-5")


def test_debts_of_one_sku_only(store: FulfilmentStore, shop: str) -> None:
    debts = [samples.debt(shop, number, paid_at=NOW + timedelta(seconds=number)) for number in range(3)]
    store.commit([store.debts.add_write(debt) for debt in debts], token=f"{shop}-1")
    assert store.debts.first(f"{shop}-x", "A") is store.debts.first(shop, "B") is None
