"""`fulfilment.ports`: key vaults, deliveries, debts."""

from datetime import timedelta

import pytest

from holdfast.fulfilment import rules
from holdfast.fulfilment.errors import QueueMoved, VaultMoved
from holdfast.fulfilment.model import Delivery, Places, Queue, Vault, total
from holdfast.fulfilment.ports import FulfilmentStore
from holdfast.kernel.errors import VersionConflict
from tests.memory import samples
from tests.memory.samples import LATER, NOW
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
    for seen in (Vault(shop=shop, sku="A"), vault.model_copy(update={"version": 2})):
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


def hand_out(store: FulfilmentStore, seen: Vault, delivery: Delivery, token: str) -> None:
    returned = store.vaults.returned(seen.shop, seen.sku, 10)
    picked = rules.pick(seen, returned, total(delivery.places))
    store.commit([*store.vaults.pick_writes(seen, picked), store.vaults.delivery_write(delivery)], token=token)


def test_handing_out_moves_the_vault(store: FulfilmentStore, vault: Vault, shop: str) -> None:
    delivery = samples.delivery(shop, 1, 2)
    hand_out(store, vault, delivery, f"{shop}-1")
    assert store.vaults.vault(shop, "A") == vault.model_copy(update={"taken": 2, "version": 2})
    assert store.vaults.deliveries(shop, "ord_1") == [delivery]
    with pytest.raises(VaultMoved):  # somebody else saw the same vault
        hand_out(store, vault, samples.delivery(shop, 1, 2, order="ord_2"), f"{shop}-2")
    assert store.vaults.deliveries(shop, "ord_2") == []


def test_handing_out_of_a_vault_that_got_more_keys_meanwhile(store: FulfilmentStore, vault: Vault, shop: str) -> None:
    """Else the count that was seen would be written back, and the new keys with it."""
    store.commit(store.vaults.import_writes(vault, ["key-four"], "later", NOW), token=f"{shop}-1")
    with pytest.raises(VaultMoved):
        hand_out(store, vault, samples.delivery(shop, 1, 1), f"{shop}-2")
    assert store.vaults.vault(shop, "A").imported == 4


def test_one_hand_out_per_wave(store: FulfilmentStore, vault: Vault, shop: str) -> None:
    hand_out(store, vault, samples.delivery(shop, 1, 1), f"{shop}-1")
    moved = store.vaults.vault(shop, "A")
    with pytest.raises(VaultMoved):
        hand_out(store, moved, samples.delivery(shop, 2, 2), f"{shop}-2")
    hand_out(store, moved, samples.delivery(shop, 2, 2, wave=10), f"{shop}-3")
    assert [delivery.wave for delivery in store.vaults.deliveries(shop, "ord_1")] == [3, 10]


def test_handing_out_of_an_unknown_vault(store: FulfilmentStore, shop: str) -> None:
    seen = Vault(shop=shop, sku="A", imported=3, version=1)
    with pytest.raises(VaultMoved):
        hand_out(store, seen, samples.delivery(shop, 1, 1), f"{shop}-1")


def test_a_delivery_of_several_ranges(store: FulfilmentStore, vault: Vault, shop: str) -> None:
    delivery = samples.delivery(shop, 1, 1, more=(Places(first=3, last=3),))
    store.commit([store.vaults.delivery_write(delivery)], token=f"{shop}-1")
    assert store.vaults.deliveries(shop, "ord_1") == [delivery]
    assert [places.numbers for places in delivery.places] == [range(1, 2), range(3, 4)]


def test_what_comes_back_goes_out_first(store: FulfilmentStore, vault: Vault, shop: str) -> None:
    hand_out(store, vault, samples.delivery(shop, 1, 3), f"{shop}-1")
    taken = store.vaults.vault(shop, "A")
    store.commit(store.vaults.give_back_writes(taken, [Places(first=2, last=3)]), token=f"{shop}-2")
    back = store.vaults.vault(shop, "A")
    assert (back.back, back.left, back.delivered) == (2, 2, 1)
    assert store.vaults.returned(shop, "A", 5) == [Places(first=2, last=3)]
    picked = rules.pick(back, store.vaults.returned(shop, "A", 5), 1)
    assert picked.places == (Places(first=2, last=2),)
    store.commit(store.vaults.pick_writes(back, picked), token=f"{shop}-3")
    assert store.vaults.returned(shop, "A", 5) == [Places(first=3, last=3)]
    with pytest.raises(VaultMoved):  # who saw it before
        store.commit(store.vaults.pick_writes(back, picked), token=f"{shop}-4")
    last = rules.pick(store.vaults.vault(shop, "A"), store.vaults.returned(shop, "A", 5), 5)
    store.commit(store.vaults.pick_writes(store.vaults.vault(shop, "A"), last), token=f"{shop}-5")
    assert (store.vaults.returned(shop, "A", 5), store.vaults.vault(shop, "A").left, last.quantity) == ([], 0, 1)


def test_giving_back_to_a_vault_that_moved(store: FulfilmentStore, vault: Vault, shop: str) -> None:
    hand_out(store, vault, samples.delivery(shop, 1, 3), f"{shop}-1")
    with pytest.raises(VaultMoved):
        store.commit(store.vaults.give_back_writes(vault, [Places(first=2, last=3)]), token=f"{shop}-2")
    assert store.vaults.returned(shop, "A", 5) == []


def test_each_look_at_keys_is_recorded(store: FulfilmentStore, vault: Vault, shop: str) -> None:
    for _ in range(2):
        store.vaults.record_reveal(shop, "ord_1", "customer", 3, NOW)
    assert store.vaults.deliveries(shop, "ord_1") == []


def test_debts_stand_in_the_order_of_payment(store: FulfilmentStore, shop: str) -> None:
    assert (store.debts.head(shop, "A", 1), store.debts.owed(shop, "A")) == ([], 0)
    second, first, third = samples.debt(shop, 2), samples.debt(shop, 1), samples.debt(shop, 3)
    store.commit([store.debts.add_write(debt) for debt in (second, first, third)], token=f"{shop}-1")
    store.commit([store.debts.add_write(samples.debt(shop, 0, sku="B"))], token=f"{shop}-2")
    assert store.debts.owed(shop, "A") == 9
    assert store.debts.head(shop, "A", 2) == [first, second]
    for debt in (first, second, third):
        assert store.debts.head(shop, "A", 1) == [debt]
        assert store.debts.pay(debt, debt.owed)
        assert not store.debts.pay(debt, debt.owed)
    assert store.debts.head(shop, "A", 1) == []


def test_debts_of_one_millisecond_stand_by_order(store: FulfilmentStore, shop: str) -> None:
    first, second = samples.debt(shop, 1, paid_at=NOW), samples.debt(shop, 2, paid_at=NOW)
    store.commit([store.debts.add_write(second), store.debts.add_write(first)], token=f"{shop}-1")
    assert store.debts.head(shop, "A", 1) == [first]


def test_some_stand_before_others(store: FulfilmentStore, shop: str) -> None:
    usual = samples.debt(shop, 1)
    first = samples.debt(shop, 9, position=rules.position(NOW, "ord_9", first=True))
    later = samples.debt(shop, 2, position=rules.next_round(rules.position(NOW, "ord_2", first=True)))
    last = samples.debt(shop, 3, position=rules.next_round(later.position))
    store.commit([store.debts.add_write(debt) for debt in (last, later, first, usual)], token=f"{shop}-1")
    assert store.debts.head(shop, "A", 9) == [first, usual, later, last]


def test_a_debt_is_added_once(store: FulfilmentStore, shop: str) -> None:
    store.commit([store.debts.add_write(samples.debt(shop))], token=f"{shop}-1")
    with pytest.raises(VersionConflict):
        store.commit([store.debts.add_write(samples.debt(shop))], token=f"{shop}-2")
    assert store.debts.owed(shop, "A") == 3


def test_the_debt_of_an_order_is_found_by_its_position(store: FulfilmentStore, shop: str) -> None:
    first, second = samples.debt(shop, 1), samples.debt(shop, 2)
    store.commit([store.debts.add_write(first)], token=f"{shop}-1")
    assert store.debts.at(shop, "A", first.position) == first
    assert store.debts.at(shop, "A", second.position) is None
    assert store.debts.at(shop, "B", first.position) is None


def test_a_debt_is_paid_in_parts(store: FulfilmentStore, shop: str) -> None:
    debt = samples.debt(shop)
    store.commit([store.debts.add_write(debt)], token=f"{shop}-1")
    assert store.debts.pay(debt, 2)
    left = debt.model_copy(update={"owed": 1})
    assert store.debts.head(shop, "A", 1) == [left]
    assert store.debts.pay(debt, 2)  # ours, delivered twice
    assert not store.debts.pay(debt, 3)  # seen before somebody paid a part of it
    assert store.debts.head(shop, "A", 1) == [left]
    assert store.debts.pay(left, 1)
    assert not store.debts.pay(left, 1)
    assert store.debts.head(shop, "A", 1) == []


def test_a_debt_moves_behind_others(store: FulfilmentStore, shop: str) -> None:
    debt = samples.debt(shop)
    store.commit([store.debts.add_write(debt)], token=f"{shop}-1")
    moved = debt.model_copy(update={"owed": 1, "position": rules.next_round(debt.position)})
    with pytest.raises(VersionConflict):
        store.commit(store.debts.move_writes(moved, debt), token=f"{shop}-2")
    store.commit(store.debts.move_writes(debt, moved), token=f"{shop}-3")
    assert store.debts.head(shop, "A", 9) == [moved]


def test_a_queue_is_walked_page_by_page(store: FulfilmentStore, shop: str) -> None:
    debts = [samples.debt(shop, number) for number in range(1, 4)]
    moved = samples.debt(shop, 0, position=rules.next_round(rules.position(NOW, "ord_0")))
    store.commit([store.debts.add_write(debt) for debt in (moved, *debts)], token=f"{shop}-1")
    assert store.debts.behind(shop, "A", "", 2) == debts[:2]
    assert store.debts.behind(shop, "A", debts[1].position, 2) == [debts[2], moved]
    assert store.debts.behind(shop, "A", rules.end_of_run(debts[0].position), 9) == [moved]
    assert store.debts.behind(shop, "A", rules.end_of_run(moved.position), 9) == []
    assert store.debts.behind(shop, "B", "", 9) == store.debts.behind(f"{shop}-x", "A", "", 9) == []


def test_that_a_customer_knows_is_written_down_once(store: FulfilmentStore, shop: str) -> None:
    debt = samples.debt(shop)
    store.commit([store.debts.add_write(debt)], token=f"{shop}-1")
    store.debts.note_told(debt, NOW)
    store.debts.note_told(debt, LATER)
    told = debt.model_copy(update={"told_at": NOW})
    assert store.debts.head(shop, "A", 9) == [told]
    assert store.debts.pay(debt, 2)  # as others have seen it
    moved = told.model_copy(update={"owed": 1, "position": rules.next_round(told.position)})
    store.commit(store.debts.move_writes(told.model_copy(update={"owed": 1}), moved), token=f"{shop}-2")
    assert store.debts.head(shop, "A", 9) == [moved]


def test_nothing_is_written_down_about_a_debt_that_is_gone(store: FulfilmentStore, shop: str) -> None:
    store.debts.note_told(samples.debt(shop), NOW)
    assert store.debts.head(shop, "A", 9) == []


def test_debts_of_one_sku_only(store: FulfilmentStore, shop: str) -> None:
    debts = [samples.debt(shop, number, paid_at=NOW + timedelta(seconds=number)) for number in range(3)]
    store.commit([store.debts.add_write(debt) for debt in debts], token=f"{shop}-1")
    assert store.debts.head(f"{shop}-x", "A", 1) == store.debts.head(shop, "B", 1) == []


def opened(store: FulfilmentStore, shop: str) -> Queue:
    store.commit(store.queues.open_writes(store.queues.queue(shop, "A"), samples.batch(shop), LATER), token=f"{shop}-open")
    return store.queues.queue(shop, "A")


def test_a_queue_in_which_nobody_ever_stood(store: FulfilmentStore, shop: str) -> None:
    assert store.queues.queue(shop, "A") == Queue(shop=shop, sku="A")
    assert (store.queues.waiting(shop), store.queues.batch(shop, "A", 1)) == ([], None)


def test_who_waits_is_written_down(store: FulfilmentStore, shop: str) -> None:
    seen = store.queues.queue(shop, "A")
    store.queues.mark(seen, waiting=True)
    store.queues.mark(seen, waiting=True)
    store.queues.mark(store.queues.queue(shop, "B"), waiting=True)
    assert [queue.sku for queue in store.queues.waiting(shop)] == ["A", "B"]
    assert store.queues.waiting(f"{shop}-x") == []
    store.queues.mark(store.queues.queue(shop, "A"), waiting=False)
    assert [queue.sku for queue in store.queues.waiting(shop)] == ["B"]


def test_one_batch_at_a_time(store: FulfilmentStore, shop: str) -> None:
    store.queues.mark(store.queues.queue(shop, "A"), waiting=True)
    queue = opened(store, shop)
    assert queue == Queue(shop=shop, sku="A", batches=1, open=True, leased_until=LATER, waiting=True)
    assert store.queues.batch(shop, "A", 1) == samples.batch(shop)
    for seen in (Queue(shop=shop, sku="A"), queue):
        with pytest.raises(QueueMoved):
            store.commit(store.queues.open_writes(seen, samples.batch(shop, 2), LATER), token=f"{shop}-{seen.batches}")
    store.commit([store.queues.close_write(queue)], token=f"{shop}-close")
    closed = store.queues.queue(shop, "A")
    assert closed == Queue(shop=shop, sku="A", batches=1, waiting=True)
    with pytest.raises(QueueMoved):
        store.commit([store.queues.close_write(queue)], token=f"{shop}-close-again")
    store.commit(store.queues.open_writes(closed, samples.batch(shop, 2), LATER), token=f"{shop}-two")
    assert store.queues.queue(shop, "A").batches == 2
    assert store.queues.batch(shop, "A", 1) == samples.batch(shop)


def test_a_queue_that_is_fed_without_a_mark_is_listed(store: FulfilmentStore, shop: str) -> None:
    opened(store, shop)
    assert [queue.sku for queue in store.queues.waiting(shop)] == ["A"]


def test_one_takes_over(store: FulfilmentStore, shop: str) -> None:
    queue = opened(store, shop)
    until = LATER + timedelta(minutes=1)
    assert store.queues.take_over(queue, until)
    assert store.queues.take_over(queue, until)  # ours, delivered twice
    assert not store.queues.take_over(queue, until + timedelta(minutes=1))
    store.commit([store.queues.close_write(queue)], token=f"{shop}-close")
    assert not store.queues.take_over(store.queues.queue(shop, "A"), until)


def test_a_key_is_found_by_its_id(store: FulfilmentStore, vault: Vault, shop: str) -> None:
    keys = store.vaults.keys(shop, "A", range(1, 4))
    assert [store.vaults.find(shop, key.id) for key in keys] == keys
    assert len({key.id[-16:] for key in keys}) == 3
    other_time = f"{keys[0].id[:-20]}0000{keys[0].id[-16:]}"
    for unknown in (other_time, f"{keys[0].id[:-1]}_", "key_", "x"):
        assert store.vaults.find(shop, unknown) is None
    assert store.vaults.find(f"{shop}-x", keys[0].id) is None


def test_what_became_of_a_key_is_written_over_what_was_seen(store: FulfilmentStore, vault: Vault, shop: str) -> None:
    (key,) = store.vaults.keys(shop, "A", [2])
    revoked = key.model_copy(update={"act": "one", "revoked_at": NOW, "replaced_by": "key_other"})
    store.commit([store.vaults.mark_write(shop, key, revoked)], token=f"{shop}-revoked")
    (standing,) = store.vaults.keys(shop, "A", [2])
    assert standing == revoked.model_copy(update={"version": 1})
    with pytest.raises(VaultMoved):
        store.commit([store.vaults.mark_write(shop, key, key.model_copy(update={"act": "two"}))], token=f"{shop}-late")
    withdrawn = standing.model_copy(update={"act": "three", "revoked_at": None, "withdrawn_at": LATER, "replaced_by": None})
    store.commit([store.vaults.mark_write(shop, standing, withdrawn)], token=f"{shop}-withdrawn")
    marks = store.vaults.marks(shop, "A", [3, 2, 9])
    assert [(mark.place, mark.revoked_at, mark.withdrawn_at) for mark in marks] == [(2, None, LATER), (3, None, None)]
    assert marks[0].id == key.id


@pytest.mark.parametrize(("place", "left"), [(1, [(2, 3)]), (2, [(1, 1), (3, 3)]), (3, [(1, 2)])])
def test_a_place_leaves_those_that_came_back(
    store: FulfilmentStore, vault: Vault, shop: str, place: int, left: list[tuple[int, int]]
) -> None:
    out = vault.model_copy(update={"taken": 3, "back": 3})
    store.commit(store.vaults.put_back_writes(vault, out, [Places(first=1, last=3)]), token=f"{shop}-b")
    seen = store.vaults.vault(shop, "A")
    (listed,) = store.vaults.returned(shop, "A", 1, place)
    after = seen.model_copy(update={"back": 2, "passed": 1})
    store.commit(store.vaults.set_aside_writes(seen, after, listed, place), token=f"{shop}-c")
    assert [(some.first, some.last) for some in store.vaults.returned(shop, "A", 9)] == left
    assert [(some.first, some.last) for some in store.vaults.returned(shop, "A", 9, 3)] == [one for one in left if one[1] >= 3]
    assert store.vaults.vault(shop, "A") == after.model_copy(update={"version": seen.version + 1})
    with pytest.raises(VaultMoved):
        store.commit(store.vaults.set_aside_writes(seen, after, None, place), token=f"{shop}-d")
