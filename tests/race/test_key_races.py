"""Keys that are no good, while they are handed out or acted upon by others: each race beside its careless twin."""

from collections.abc import Callable
from typing import Any

from holdfast.catalogue.model import Kind
from holdfast.fulfilment.model import LicenceKey, Vault
from holdfast.orders import events
from holdfast.orders.model import Order
from tests.memory.engine import Memory
from tests.memory.house import House
from tests.memory.stores import in_memory
from tests.memory.threads import just_before, meet, together

GUARDS = ("SAME_KEY", "SAME_VAULT", "VERSION_BEFORE")
"""Any one of them is enough, where all three are written."""


def served(house: House) -> Order:
    house.product("KEY", 4, Kind.DIGITAL)
    order = paid(house)
    house.serve(order)
    house.index(order)
    return order


def paid(house: House) -> Order:
    order = house.buy(("KEY", 1))
    house.browser_returns(order)
    return order


def vault(house: House) -> Vault:
    return house.stores.fulfilment.vaults.vault(house.shop, "KEY")


def by_two(house: House, act: Callable[[str, str], LicenceKey]) -> int:
    """Both see the key and the vault before either acts. How many of them did it."""
    key = house.key("KEY", 1).id
    meet(house.stores.fulfilment.vaults, "vault", 2)
    answers = together([lambda: act(key, "one"), lambda: act(key, "two")])
    return sum(isinstance(answer, LicenceKey) for answer in answers)


def told(house: House, order: Order) -> list[str]:
    return [event.type for event in house.order(order).events if event.type in {events.KEY_REVOKED, events.KEY_REPLACED}]


def test_two_who_revoke_a_key_revoke_it_once(house: House) -> None:
    order = served(house)
    assert by_two(house, house.revoke) == 1
    assert (told(house, order), vault(house).revoked) == ([events.KEY_REVOKED], 1)


def test_without_the_guards_both_believe_that_they_did_it() -> None:
    house = House(in_memory(Memory(*GUARDS)))
    served(house)
    assert by_two(house, house.revoke) == 2


def test_two_who_replace_a_key_give_one(house: House) -> None:
    order = served(house)
    assert by_two(house, house.replace) == 1
    assert (told(house, order), house.keys_of(order)) == ([events.KEY_REPLACED], ["KEY-0001", "KEY-0002"])
    assert (vault(house).taken, house.level("KEY").on_hand) == (2, 2)


def test_the_ledger_alone_lets_one_of_two_replace_it() -> None:
    """The document of the sale is named by the key: even without all other guards there is one. Nothing careless is left to show."""
    house = House(in_memory(Memory(*GUARDS, "NEW_ROW", "SAME_LAST")))
    served(house)
    assert by_two(house, house.replace) == 1
    assert house.level("KEY").on_hand == 2


def sold_meanwhile(house: House) -> tuple[Any, list[str]]:
    """The key is withdrawn at the very moment at which it is handed out. What came of it, and the keys of the buyer."""
    served(house)
    other, key = paid(house), house.key("KEY", 2).id
    just_before(house.stores.fulfilment.vaults, "mark_write", lambda: house.serve(other))
    (answer,) = together([lambda: house.revoke(key)])
    return answer, house.keys_of(other)


def test_a_key_that_is_handed_out_meanwhile_is_not_withdrawn(house: House) -> None:
    answer, keys = sold_meanwhile(house)
    assert not isinstance(answer, LicenceKey)
    assert (keys, house.key("KEY", 2).withdrawn_at, vault(house).withdrawn, vault(house).left) == (["KEY-0002"], None, (), 2)


def test_without_its_guard_the_vault_forgets_who_has_it(careless: Callable[..., House]) -> None:
    house = careless("SAME_VAULT")
    answer, keys = sold_meanwhile(house)
    assert isinstance(answer, LicenceKey)
    assert (keys, vault(house).taken) == (["KEY-0002"], 1)  # the next buyer gets the same key
