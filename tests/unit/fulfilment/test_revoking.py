"""Keys that are no good: revoked, replaced, withdrawn, brought back."""

from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest

from holdfast.catalogue.model import Kind, OnShortage
from holdfast.fulfilment import revoking
from holdfast.fulfilment.errors import (
    KeyAlreadyReplaced,
    KeyAlreadyRevoked,
    KeyNotDelivered,
    KeyNotWithdrawn,
    KeyOnItsWay,
    KeyOrderEnded,
    KeyWasDelivered,
    NoKeysLeft,
    TooManyWithdrawn,
    UnknownKey,
    VaultMoved,
)
from holdfast.fulfilment.model import Places, Vault
from holdfast.kernel.errors import HoldfastError, UnavailableError
from holdfast.kernel.time import rfc3339
from holdfast.orders import events
from holdfast.orders.model import Order
from holdfast.stock.errors import InsufficientStock
from holdfast.stock.model import Reason
from tests.memory.audit import audit, audit_end
from tests.memory.engine import Memory
from tests.memory.house import House
from tests.memory.stores import in_memory


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def house(memory: Memory) -> Iterator[House]:
    house = House(in_memory(memory))
    house.product("KEY", 3, Kind.DIGITAL, OnShortage.BACKORDER)
    yield house
    audit(memory)


def served(house: House, units: int = 1) -> Order:
    order = house.place(house.session(("KEY", units)), f"order-{house.now}", accept_partial=True).order
    house.at_provider(order, "pay")  # type: ignore[arg-type]
    house.browser_returns(order)
    house.serve(order)
    house.index(order)
    return house.order(order)


def vault(house: House) -> Vault:
    return house.stores.fulfilment.vaults.vault(house.shop, "KEY")


def refused(expected: type[HoldfastError], call: Any, *arguments: Any) -> dict[str, Any]:
    with pytest.raises(expected) as found:
        call(*arguments)
    return found.value.facts


def test_a_delivered_key_is_taken_back_and_its_order_is_told(house: House) -> None:
    order = served(house)
    key = house.revoke(house.key("KEY", 1).id)
    assert (key.revoked_at, key.replaced_by, key.withdrawn_at) == (house.now, None, None)
    told = house.order(order).events[-1]
    assert (told.type, told.reason, told.data) == (events.KEY_REVOKED, "it was sold elsewhere", {"sku": "KEY", "key": key.id})
    assert (vault(house).revoked, vault(house).delivered, vault(house).left, house.free("KEY")) == (1, 1, 2, 2)


def test_the_same_request_again_changes_nothing(house: House) -> None:
    order = served(house)
    key = house.key("KEY", 1).id
    assert house.revoke(key) == house.revoke(key)
    assert [event.type for event in house.order(order).events].count(events.KEY_REVOKED) == 1
    assert refused(KeyAlreadyRevoked, house.revoke, key, "second") == {"revoked_at": rfc3339(house.now)}


def test_a_replaced_key_is_revoked_and_another_is_there(house: House, memory: Memory) -> None:
    order = served(house)
    key = house.replace(house.key("KEY", 1).id)
    other = house.key("KEY", 2)
    assert (key.revoked_at, key.replaced_by) == (house.now, other.id)
    assert house.keys_of(order) == ["KEY-0001", "KEY-0002"]
    told = house.order(order).events[-1]
    assert (told.type, told.data["wave"], told.data["key"]) == (events.KEY_REPLACED, house.order(order).version, key.id)
    (sale,) = [row for row in memory.of("movement") if row.note == "key replaced"]
    assert (sale.reason, sale.document, sale.lines[0].quantity) == (Reason.SALE, order.id, -1)
    assert (vault(house).revoked, vault(house).left, house.free("KEY")) == (1, 1, 1)
    audit_the_end(memory, house, order)


def audit_the_end(memory: Memory, house: House, order: Order) -> None:
    for event in house.order(order).events:
        house.tell(order, event)
    audit_end(memory)


def test_replaced_twice_by_the_same_request_it_is_the_same_key(house: House) -> None:
    served(house)
    key = house.key("KEY", 1).id
    assert house.replace(key).replaced_by == house.replace(key).replaced_by == house.key("KEY", 2).id
    assert refused(KeyAlreadyReplaced, house.replace, key, "second") == {"replaced_by": house.key("KEY", 2).id}
    assert vault(house).taken == 2


def test_a_revoked_key_may_be_replaced_later_and_is_counted_once(house: House) -> None:
    served(house)
    key = house.key("KEY", 1).id
    house.revoke(key)
    assert house.replace(key, "second").replaced_by == house.key("KEY", 2).id
    assert vault(house).revoked == 1


def test_the_replacement_is_a_key_like_another(house: House) -> None:
    order = served(house)
    house.replace(house.key("KEY", 1).id)
    refused(KeyOnItsWay, house.revoke, house.key("KEY", 2).id)
    house.index(order)
    house.replace(house.key("KEY", 2).id)
    assert house.keys_of(order) == ["KEY-0001", "KEY-0002", "KEY-0003"]


def test_a_key_that_came_with_a_batch_is_found_with_its_order(house: House) -> None:
    order = served(house, 4)
    house.import_keys("KEY", ["late", "later"], "second")
    house.feed("KEY")
    house.index(order)
    assert house.replace(house.key("KEY", 4).id).replaced_by == house.key("KEY", 5).id
    assert house.keys_of(order)[3:] == ["late", "later"]


def test_without_a_key_left_nothing_is_replaced(house: House) -> None:
    served(house, 3)
    refused(NoKeysLeft, house.replace, house.key("KEY", 1).id)
    assert house.key("KEY", 1).revoked_at is None


def test_units_that_others_hold_are_not_given_instead(house: House) -> None:
    served(house)
    house.place(house.session(("KEY", 2)), "holds")
    refused(InsufficientStock, house.replace, house.key("KEY", 1).id)
    refused(InsufficientStock, house.revoke, house.key("KEY", 3).id)


def test_an_order_that_got_its_money_back_gets_no_other_key(house: House) -> None:
    order = served(house)
    house.refund(order)
    refused(KeyOrderEnded, house.replace, house.key("KEY", 1).id)
    assert house.revoke(house.key("KEY", 1).id).revoked_at == house.now


def test_a_key_that_nobody_had_is_withdrawn_with_its_unit(house: House, memory: Memory) -> None:
    key = house.revoke(house.key("KEY", 2).id)
    assert (key.withdrawn_at, key.revoked_at) == (house.now, None)
    assert (vault(house).withdrawn, vault(house).left, house.free("KEY")) == ((2,), 2, 2)
    (gone,) = [row for row in memory.of("movement") if row.note == "key withdrawn"]
    assert gone.reason is Reason.WRITE_OFF
    order = served(house, 2)
    assert house.keys_of(order) == ["KEY-0001", "KEY-0003"]
    assert (vault(house).withdrawn, vault(house).passed, vault(house).delivered) == ((), 1, 2)


@pytest.mark.parametrize("passed", [False, True], ids=["before its turn", "after it"])
def test_a_withdrawn_key_may_come_back(house: House, passed: bool) -> None:
    key = house.revoke(house.key("KEY", 2).id).id
    if passed:
        served(house, 2)
    assert house.bring_back(key, "second").withdrawn_at is None
    assert house.bring_back(key, "second").withdrawn_at is None
    assert (vault(house).withdrawn, vault(house).passed, vault(house).left) == ((), 0, 1 if passed else 3)
    refused(KeyNotWithdrawn, house.bring_back, key, "third")
    house.revoke(key, "fourth")
    house.bring_back(key, "fifth")
    assert "KEY-0002" in house.keys_of(served(house, 1 if passed else 3))


def test_a_key_that_a_customer_has_had_goes_to_nobody_else(house: House) -> None:
    served(house)
    key = house.key("KEY", 1).id
    refused(KeyWasDelivered, house.bring_back, key)
    house.revoke(key)
    refused(KeyWasDelivered, house.bring_back, key, "second")


def test_nobody_gets_another_one_for_a_key_that_he_does_not_have(house: House) -> None:
    refused(KeyNotDelivered, house.replace, house.key("KEY", 1).id)
    house.revoke(house.key("KEY", 1).id)
    refused(KeyNotDelivered, house.replace, house.key("KEY", 1).id, "second")
    refused(UnknownKey, house.replace, "key_01KAJVKP00ZZZZZZZZZZZZZZZZ")


def test_until_it_is_known_whose_it_is_nothing_happens(house: House) -> None:
    order = house.buy(("KEY", 1))
    house.browser_returns(order)
    house.serve(order)
    refused(KeyOnItsWay, house.revoke, house.key("KEY", 1).id)
    house.index(order)
    house.revoke(house.key("KEY", 1).id)


def test_a_key_on_the_list_of_what_came_back_leaves_it(house: House, memory: Memory) -> None:
    """Three places lie there as one range; the one in the middle is withdrawn, and comes back."""
    seen = vault(house)
    writes = house.stores.fulfilment.vaults.pick_writes(seen, revoking.rules.pick(seen, (), 3))
    house.stores.commit(writes, token="out")
    house.stores.commit(house.stores.fulfilment.vaults.give_back_writes(vault(house), [Places(first=1, last=3)]), token="back")
    key = house.revoke(house.key("KEY", 2).id).id
    assert [(one.first, one.last) for one in memory.of("places")] == [(1, 1), (3, 3)]
    assert (vault(house).back, vault(house).passed, vault(house).left) == (2, 1, 2)
    assert house.keys_of(served(house, 2)) == ["KEY-0001", "KEY-0003"]
    house.bring_back(key, "second")
    assert house.keys_of(served(house)) == ["KEY-0002"]


def test_only_so_many_are_withdrawn(house: House) -> None:
    with patch.object(revoking, "MOST_WITHDRAWN", 1):
        house.revoke(house.key("KEY", 2).id)
        assert refused(TooManyWithdrawn, house.revoke, house.key("KEY", 3).id) == {"most": 1}


def test_a_vault_that_keeps_changing_is_not_waited_for_for_ever(house: House) -> None:
    served(house)
    with patch.object(house.stores.fulfilment, "commit", side_effect=VaultMoved("again")):
        refused(UnavailableError, house.revoke, house.key("KEY", 1).id)
