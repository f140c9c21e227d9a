"""Limits: so many may be owed of a SKU, so many may one customer have. What was not used, or was given back, may be had again."""

from datetime import timedelta
from typing import Any

import pytest

from holdfast.catalogue.model import OnShortage
from holdfast.orders import rules
from holdfast.orders.errors import EmailMissing
from holdfast.orders.model import Order, Status
from holdfast.orders.neighbours import FactKind
from holdfast.payments.providers.sandbox.proxy import Action
from holdfast.stock.errors import CustomerLimitReached, InsufficientStock
from holdfast.stock.keys import buyer_pool
from holdfast.stock.model import PROMISES, Level
from tests.memory.audit import audit, audit_end
from tests.memory.backstage import Backstage
from tests.memory.engine import Memory
from tests.memory.faults import Fault, Faults, Killed, faulty
from tests.memory.house import GRACE, HOLD, House
from tests.unit.stock.acts import hold, house, key, memory, release, spread, standing, swept, wish

__all__ = ["house", "memory"]

ADA, BEN = "ada@example.com", "ben@example.com"


def pool(house: House, part: str, sku: str = "A") -> Level:
    found = house.stores.stock.levels.level(key(house, sku, part))
    assert found is not None
    assert found.on_hand == found.available + found.locked
    return found


def left(house: House, part: str, sku: str = "A") -> tuple[int, int]:
    """Permissions that are there, and those that are held."""
    found = pool(house, part, sku)
    return found.available, found.locked


# Promises: what is owed beyond the stock.


def owing(quantity: int, cap: int | None) -> Any:
    return wish("A", quantity, partial=True, promises=cap)


def test_what_is_there_needs_no_promise(house: House) -> None:
    house.product("A", 3)
    assert hold(house, "1", owing(3, 0)).quantities == {"A": 3}
    assert house.stores.stock.levels.level(key(house, "A", PROMISES)) is None


def test_no_more_is_promised_than_the_cap_in_all(house: House) -> None:
    house.product("A", 3)
    assert hold(house, "1", owing(5, 4)).quantities == {"A": 3}
    assert left(house, PROMISES) == (2, 2)
    with pytest.raises(InsufficientStock) as refused:
        hold(house, "2", owing(3, 4))
    assert refused.value.facts["lines"] == [{"sku": "A", "requested": 3, "available": 2}]
    assert left(house, PROMISES) == (2, 2)
    assert hold(house, "3", owing(2, 4)).quantities == {"A": 0}
    assert left(house, PROMISES) == (0, 4)


def test_what_is_there_goes_back_when_the_rest_may_not_be_promised(house: House) -> None:
    house.product("A", 3)
    with pytest.raises(InsufficientStock) as refused:
        hold(house, "1", owing(5, 1))
    assert refused.value.facts["lines"] == [{"sku": "A", "requested": 5, "available": 4}]
    assert (house.level("A").available, left(house, PROMISES)) == (3, (1, 0))
    assert house.stores.stock.locks.get(house.shop, "1") is None


def test_without_a_cap_any_number_is_promised(house: House) -> None:
    house.product("A", 0)
    assert hold(house, "1", owing(1000, None)).quantities == {"A": 0}
    assert house.stores.stock.levels.level(key(house, "A", PROMISES)) is None


@pytest.mark.parametrize("end", ["release", "expiry", "next buyer"])
def test_a_promise_that_was_not_paid_for_may_be_made_again(house: House, end: str) -> None:
    house.product("A", 1)
    hold(house, "1", owing(3, 2))
    lock = standing(house, "1")
    if end == "release":
        assert release(house, "1") == 1
    house.now += HOLD + GRACE
    if end == "expiry":
        assert swept(house, lock) == 1
    assert hold(house, "2", owing(3, 2)).quantities == {"A": 1}
    assert left(house, PROMISES) == (0, 2)


def test_a_cap_that_is_raised_lets_more_be_promised(house: House) -> None:
    house.product("A", 0)
    hold(house, "1", owing(2, 2))
    assert hold(house, "2", owing(1, 3)).quantities == {"A": 0}
    assert left(house, PROMISES) == (0, 3)


@pytest.mark.parametrize("cap", [0, 1, 2])
def test_a_cap_that_is_lowered_counts_what_is_out_already(house: House, cap: int) -> None:
    house.product("A", 0)
    hold(house, "1", owing(2, 5))
    with pytest.raises(InsufficientStock) as refused:
        hold(house, "2", owing(1, cap))
    assert refused.value.facts["lines"] == [{"sku": "A", "requested": 1, "available": 0}]
    assert left(house, PROMISES) == (cap - 2, 2)
    release(house, "1")
    assert left(house, PROMISES) == (cap, 0)


def test_a_new_try_uses_the_promises_of_the_one_that_it_replaces(house: House) -> None:
    house.product("A", 1)
    hold(house, "cart", owing(3, 2), order="old")
    assert hold(house, "cart", owing(3, 2), order="new", replaces="old").quantities == {"A": 1}
    assert left(house, PROMISES) == (0, 2)
    hold(house, "cart", owing(2, 2), order="newer", replaces="new")
    assert left(house, PROMISES) == (1, 1)
    hold(house, "cart", owing(1, 2), order="newest", replaces="newer")
    assert left(house, PROMISES) == (2, 0)


def test_a_promise_may_grow_when_units_are_sold_between_look_and_take(house: House) -> None:
    """It plans anew over its own promise."""
    spread(house, "A", 1, 1)
    for number in range(2):
        hold(house, f"first-{number}", wish("A", 1))
    assert hold(house, "1", owing(2, 5)).quantities == {"A": 0}
    assert left(house, PROMISES) == (3, 2)


@pytest.mark.parametrize("at", range(1, 9))
def test_a_retry_promises_once(house: House, at: int) -> None:
    house.product("A", 1)
    faults = Faults(Fault.KILLED_AFTER, at)
    try:
        hold(
            House(faulty(house.stores, faults), house.shop, house.now),
            "1",
            wish("A", 3, partial=True, promises=2, allowance=3),
            buyer="ada",
        )
    except Killed:
        house.now += timedelta(seconds=10)
        hold(house, "1", wish("A", 3, partial=True, promises=2, allowance=3), buyer="ada")
    assert (house.level("A").available, left(house, PROMISES), left(house, buyer_pool("ada"))) == (0, (0, 2), (0, 3))
    release(house, "1")
    assert (house.level("A").available, left(house, PROMISES), left(house, buyer_pool("ada"))) == (1, (2, 0), (3, 0))


# Allowances: what one customer may have.


def rationed(quantity: int, allowance: int = 3) -> Any:
    return wish("A", quantity, allowance=allowance)


def test_a_customer_gets_his_allowance_however_he_splits_it(house: House) -> None:
    house.product("A", 9)
    hold(house, "1", rationed(2), buyer="ada")
    with pytest.raises(CustomerLimitReached) as refused:
        hold(house, "2", rationed(2), buyer="ada")
    assert refused.value.facts["lines"] == [{"sku": "A", "requested": 2, "available": 1}]
    assert house.stores.stock.locks.get(house.shop, "2") is None
    hold(house, "3", rationed(1), buyer="ada")
    hold(house, "4", rationed(3), buyer="ben")
    assert house.level("A").available == 3


def test_a_refused_customer_leaves_the_units_to_others(house: House) -> None:
    house.product("A", 9)
    with pytest.raises(CustomerLimitReached):
        hold(house, "1", rationed(4), buyer="ada")
    assert (house.level("A").available, left(house, buyer_pool("ada"))) == (9, (3, 0))


def test_without_a_limit_or_a_known_customer_nobody_counts(house: House) -> None:
    house.product("A", 9)
    hold(house, "1", rationed(9))
    release(house, "1")
    hold(house, "2", wish("A", 9), buyer="ada")
    assert house.stores.stock.levels.level(key(house, "A", buyer_pool("ada"))) is None


@pytest.mark.parametrize(("before", "after", "allowed"), [(3, 5, 2), (5, 3, 0), (5, 4, 1)])
def test_a_limit_that_is_changed_counts_what_was_bought(house: House, before: int, after: int, allowed: int) -> None:
    house.product("A", 20)
    hold(house, "1", rationed(3, before), buyer="ada")
    with pytest.raises(CustomerLimitReached) as refused:
        hold(house, "2", rationed(allowed + 1, after), buyer="ada")
    assert refused.value.facts["lines"][0]["available"] == allowed
    if allowed:
        hold(house, "3", rationed(allowed, after), buyer="ada")
    assert house.level("A").available == 17 - allowed


# Through orders.


@pytest.fixture
def shelf(house: House) -> House:
    house.product("A", 2, on_shortage=OnShortage.BACKORDER, backorder_cap=3, max_per_customer=4)
    return house


def buy(house: House, quantity: int) -> Order:
    return house.buy(("A", quantity), accept_partial=True)


def ada(house: House) -> tuple[int, int]:
    found = rules.buyer(ADA)
    assert found is not None
    return left(house, buyer_pool(found))


def test_a_limit_needs_an_address(shelf: House) -> None:
    session = shelf.session(("A", 1)).model_copy(update={"email": None})
    shelf.stores.sessions.add(session)
    with pytest.raises(EmailMissing):
        shelf.place(session)


def test_what_was_paid_for_is_used_up_and_what_is_delivered_may_be_promised_again(shelf: House, memory: Memory) -> None:
    order = buy(shelf, 4)
    assert (left(shelf, PROMISES), ada(shelf)) == ((1, 2), (0, 4))
    shelf.browser_returns(order)
    shelf.serve(order)
    assert (left(shelf, PROMISES), ada(shelf)) == ((1, 0), (0, 0))
    with pytest.raises(CustomerLimitReached):
        buy(shelf, 1)
    shelf.restock("A", 5, "note")
    shelf.feed("A")
    assert shelf.order(order).status is Status.PROCESSING
    assert (left(shelf, PROMISES), ada(shelf)) == ((3, 0), (0, 0))
    Backstage(memory, shelf).settle_down()
    audit_end(memory)


@pytest.mark.parametrize("served", [True, False])
def test_a_refund_gives_the_customer_his_allowance_back_and_ends_the_promise(shelf: House, memory: Memory, served: bool) -> None:
    order = buy(shelf, 4)
    shelf.browser_returns(order)
    if served:
        shelf.serve(order)
    shelf.settle(shelf.fact(order, FactKind.REFUNDED))
    assert (left(shelf, PROMISES), ada(shelf), shelf.level("A").available) == ((3, 0), (4, 0), 2)
    shelf.at_provider(order, Action.REFUND)
    Backstage(memory, shelf).settle_down()
    audit(memory)
    assert buy(shelf, 4).allocated == {"A": 2}


@pytest.mark.parametrize("end", ["cancelled", "expired", "declined"])
def test_an_order_that_ends_unpaid_gives_all_back(shelf: House, end: str) -> None:
    order = shelf.place(shelf.session(("A", 4)), accept_partial=True).order
    if end == "cancelled":
        shelf.cancel(order)
    elif end == "declined":
        shelf.settle(shelf.fact(order, FactKind.FAILED))
    else:
        shelf.now += HOLD + GRACE + timedelta(milliseconds=1)
        shelf.sweep()
    assert (left(shelf, PROMISES), ada(shelf), shelf.level("A").available) == ((3, 0), (4, 0), 2)


def test_late_money_uses_the_allowance_of_the_hold_that_ran_out(shelf: House, memory: Memory) -> None:
    order = buy(shelf, 4)
    shelf.now += HOLD + GRACE + timedelta(milliseconds=1)
    shelf.browser_returns(order)
    assert shelf.order(order).status is Status.PAID
    assert (left(shelf, PROMISES), ada(shelf)) == ((1, 0), (0, 0))
    Backstage(memory, shelf).settle_down()
    audit_end(memory)


def test_late_money_beyond_the_customers_limit_goes_back(shelf: House, memory: Memory) -> None:
    """He bought his allowance with another order meanwhile."""
    late = shelf.buy(("A", 1), accept_partial=True)
    shelf.now += HOLD + GRACE + timedelta(milliseconds=1)
    shelf.sweep()
    shelf.browser_returns(buy(shelf, 4))
    shelf.browser_returns(late)
    assert shelf.order(late).status is Status.REFUNDED
    Backstage(memory, shelf).settle_down()
    audit_end(memory)


def test_a_preorder_is_capped_like_any_promise(house: House, memory: Memory) -> None:
    house.product("A", 0, on_shortage=OnShortage.BACKORDER, backorder_cap=3, available_from=house.now + timedelta(days=7))
    first = house.buy(("A", 2))
    house.browser_returns(first)
    house.serve(first)
    with pytest.raises(InsufficientStock):
        house.buy(("A", 2))
    second = house.buy(("A", 1))
    house.browser_returns(second)
    house.serve(second)
    assert left(house, PROMISES) == (0, 0)
    house.restock("A", 3, "it is out")
    Backstage(memory, house).settle_down()
    assert [house.order(order).status for order in (first, second)] == [Status.PROCESSING] * 2
    audit_end(memory)
