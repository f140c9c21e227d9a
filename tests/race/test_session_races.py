"""Two changes of a checkout session at once: none is lost without a word."""

from collections.abc import Callable

import pytest

from holdfast.orders.errors import StaleSession
from holdfast.orders.session import Session
from holdfast.orders.sessions import Told
from tests.memory.house import House
from tests.memory.shoppers import change, start
from tests.memory.threads import just_before, together

Careless = Callable[..., House]


def two_tabs(house: House) -> Session:
    """One tab writes its phone number while the other is between its look and its write."""
    house.product("BOX", 5)
    session = start(house, ("BOX", 1)).session
    just_before(house.stores.sessions, "save", lambda: change(house, session, phone="+4912345678"))
    change(house, session, notes="Ring twice")
    found = house.stores.sessions.get(house.shop, session.id)
    assert found is not None
    return found


def test_what_both_tabs_said_is_there(house: House) -> None:
    found = two_tabs(house)
    assert (found.phone, found.notes, found.version) == ("+4912345678", "Ring twice", 3)


def test_without_the_guard_the_faster_one_is_undone(careless: Careless) -> None:
    found = two_tabs(careless("SESSION_AS_SEEN"))
    assert (found.phone, found.notes, found.version) == (None, "Ring twice", 2)


def test_of_two_who_have_seen_the_same_version_one_is_told(house: House) -> None:
    house.product("BOX", 5)
    session = start(house, ("BOX", 1)).session
    just_before(house.stores.sessions, "save", lambda: change(house, session, expected=1, lines=(("BOX", 2),)))
    with pytest.raises(StaleSession):
        change(house, session, expected=1, lines=(("BOX", 3),))


def test_eight_tabs_and_each_change_is_one_version(house: House) -> None:
    house.product("BOX", 5)
    session = start(house, ("BOX", 1)).session
    answers = together([lambda number=number: change(house, session, notes=f"tab {number}") for number in range(8)])  # type: ignore[misc]
    told = [answer.session for answer in answers if isinstance(answer, Told)]
    assert sorted(answer.version for answer in told) == list(range(2, len(told) + 2))
    found = house.stores.sessions.get(house.shop, session.id)
    assert found == max(told, key=lambda answer: answer.version)


def test_a_change_beside_an_order_that_is_placed_is_in_it_or_not(house: House) -> None:
    """The order has the lines that were held for it, whichever of the two was faster."""
    house.product("BOX", 9)
    session = start(house, ("BOX", 2)).session
    just_before(house.stores.stock.locks, "claim", lambda: change(house, session, lines=(("BOX", 5),)))
    order = house.place(session).order
    assert [(line.quantity, line.allocated) for line in order.lines] == [(2, 2)]
    assert house.level("BOX").locked == 2
