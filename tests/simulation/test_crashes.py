"""Each use case is killed, cut off, refused or delivered twice at each of its store calls; then the world goes on.

Queues bring their messages again, shoppers may try again or not, schedules tick - and every invariant holds.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from holdfast.catalogue.model import Kind, OnShortage
from holdfast.kernel.errors import HoldfastError
from holdfast.orders.model import Status
from holdfast.payments.providers.sandbox.proxy import Action
from tests.memory.audit import audit, audit_end
from tests.memory.backstage import Backstage
from tests.memory.engine import Memory
from tests.memory.faults import Fault, Faults, Killed, faulty
from tests.memory.house import GRACE, HOLD, House
from tests.memory.stores import in_memory

Given = Any


@dataclass(frozen=True)
class Scenario:
    """`act` is what meets the fault; `retried` says that its caller comes again (a queue always does, a shopper perhaps)."""

    name: str
    given: Callable[[House], Given]
    act: Callable[[House, Given], Any]
    retried: tuple[bool, ...] = (True, False)
    least_calls: int = 1


def shelf(house: House) -> None:
    house.product("BOX", 3)
    house.product("KEY", 3, Kind.DIGITAL, OnShortage.BACKORDER)
    house.product("PEN", 1, Kind.PHYSICAL, OnShortage.BACKORDER)


def cart(*lines: tuple[str, int]) -> Callable[[House], Given]:
    def given(house: House) -> Given:
        shelf(house)
        return house.session(*lines)

    return given


def bought(
    *lines: tuple[str, int], later: timedelta = timedelta(0), then: Callable[[House], None] = lambda _: None
) -> Callable[[House], Given]:
    def given(house: House) -> Given:
        shelf(house)
        order = house.buy(*lines, accept_partial=True)
        house.now += later
        then(house)
        return order

    return given


def paid(house: House) -> Given:
    order = bought(("BOX", 1), ("KEY", 5))(house)
    house.browser_returns(order)
    return order


def waiting(house: House) -> Given:
    shelf(house)
    for _ in range(2):
        order = house.buy(("KEY", 3), ("PEN", 1), accept_partial=True)
        house.browser_returns(order)
        house.serve(order)
        house.now += timedelta(seconds=1)
    house.import_keys("KEY", ["new-1", "new-2"], "second")
    return order


def replaced(house: House) -> Given:
    shelf(house)
    session = house.session(("BOX", 2), ("PEN", 1))
    house.place(session, "tab-1")
    return session


def placed(house: House) -> Given:
    shelf(house)
    return house.place(house.session(("BOX", 1), ("KEY", 2))).order


def dead(house: House) -> Given:
    orders = [placed(house), house.place(house.session(("BOX", 1), ("KEY", 1)), "other").order]
    house.now += HOLD + GRACE + timedelta(seconds=1)
    return orders


def sold_out(house: House) -> None:
    house.now += HOLD + GRACE
    house.browser_returns(house.buy(("BOX", 3)))


def refundable(house: House) -> Given:
    order = paid(house)
    house.serve(order)
    house.at_provider(order, Action.REFUND)
    return order


def settle(house: House, order: Given) -> None:
    house.work_at(house.webhook(order))


LATE = HOLD + GRACE + timedelta(milliseconds=1)

NINETY = [f"new-{number}" for number in range(90)]

SCENARIOS = [
    Scenario("place one line", cart(("BOX", 2)), lambda house, session: house.place(session), least_calls=3),
    Scenario(
        "place three lines", cart(("BOX", 2), ("KEY", 5), ("PEN", 1)), lambda house, session: house.place(session, accept_partial=True)
    ),
    Scenario("place and be short", cart(("BOX", 2), ("KEY", 3), ("PEN", 2)), lambda house, session: house.place(session)),
    Scenario("place again over an earlier try", replaced, lambda house, session: house.place(session, "tab-2")),
    Scenario("settle in time", bought(("BOX", 1), ("KEY", 5)), settle, (True,)),
    Scenario("settle without a webhook", bought(("BOX", 1)), lambda house, order: house.browser_returns(order), (True,)),
    Scenario("settle late", bought(("BOX", 1), ("KEY", 2), later=LATE, then=lambda house: house.sweep() and None), settle, (True,)),
    Scenario("settle late before the sweep", bought(("BOX", 1), ("KEY", 2), later=LATE), settle, (True,)),
    Scenario("settle late when it is sold", bought(("BOX", 3), then=sold_out), settle, (True,)),
    Scenario("settle a refund", refundable, settle, (True,)),
    Scenario("serve", paid, lambda house, order: house.serve(order), (True,)),
    Scenario("feed", waiting, lambda house, _: house.feed("KEY"), (True,)),
    Scenario("import", shelf, lambda house, _: house.import_keys("KEY", NINETY, "batch")),
    Scenario("restock", shelf, lambda house, _: house.restock("BOX", 7, "note")),
    Scenario("sweep", dead, lambda house, _: house.sweep(), (True,)),
    Scenario("cancel", placed, lambda house, order: house.cancel(order)),
    Scenario("extend", placed, lambda house, order: house.extend(order)),
]


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_every_call_may_fail(scenario: Scenario, fault: Fault) -> None:
    for retried in scenario.retried:
        at = 1
        while meets(scenario, fault, at, retried):
            at += 1
        assert at > scenario.least_calls


def meets(scenario: Scenario, fault: Fault, at: int, retried: bool) -> bool:
    """False when the use case ended before that call."""
    memory = Memory()
    house = House(in_memory(memory))
    stage = Backstage(memory, house)
    given = scenario.given(house)
    faults = Faults(fault, at)
    attempt(lambda: scenario.act(replace(house, stores=faulty(house.stores, faults)), given))
    audit(memory)
    if retried:
        attempt(lambda: scenario.act(house, given))  # at once: may be told that the first try is under way
        audit(memory)
        house.now += timedelta(seconds=11)
        attempt(lambda: scenario.act(house, given))
        audit(memory)
    stage.settle_down()
    audit_end(memory)
    assert len(house.mailer.sent) == len(memory.of("mail"))
    return bool(faults.met)


def attempt(act: Callable[[], Any]) -> None:
    try:
        act()
    except (Killed, HoldfastError):
        return


@pytest.mark.parametrize("fault", Fault)
def test_the_queue_of_those_who_wait_stays_in_order(fault: Fault) -> None:
    """Whatever happens to a feed, the first paid is the first served."""
    for at in range(1, 40):
        memory = Memory()
        house = House(in_memory(memory))
        waiting(house)
        first, second = sorted(memory.of("order"), key=lambda order: order.paid_at)
        cut_off = replace(house, stores=faulty(house.stores, Faults(fault, at)))
        attempt(partial(cut_off.feed, "KEY"))
        house.feed("KEY")
        assert (house.order(first).line("KEY").short, house.order(second).line("KEY").short) == (0, 1)
        audit(memory)


@pytest.mark.parametrize("fault", Fault)
def test_a_customer_is_told_once_unless_the_letter_went_and_nobody_could_note_it(fault: Fault) -> None:
    for at in range(1, 8):
        memory = Memory()
        house = House(in_memory(memory))
        order = paid(house)
        house.serve(order)
        event = house.order(order).events[-1]
        faults = Faults(fault, at)
        cut_off = replace(house, stores=faulty(house.stores, faults))
        attempt(partial(cut_off.tell, order, event))
        Backstage(memory, house).deliver(partial(house.tell, order, event))
        went_unnoted = faults.met == "sent" and fault in {Fault.KILLED_BEFORE, Fault.REFUSED}
        assert len(house.mailer.sent) == (2 if went_unnoted else 1), (at, faults.met)


@pytest.mark.parametrize("end", ["its hold runs out", "it is cancelled", "its payment fails"])
def test_units_of_an_order_that_ends_go_to_who_paid_and_waits(end: str) -> None:
    memory = Memory()
    house = House(in_memory(memory))
    shelf(house)
    stage = Backstage(memory, house)
    holder = house.place(house.session(("PEN", 1))).order
    waits = house.buy(("PEN", 1), accept_partial=True)
    house.browser_returns(waits)
    stage.run()
    assert house.order(waits).status is Status.AWAITING_STOCK
    if end == "it is cancelled":
        house.cancel(holder)
    elif end == "its payment fails":
        house.at_provider(holder, Action.DECLINE)
        house.browser_returns(holder)
    else:
        house.now += LATE
        house.sweep()
    stage.run()
    assert house.order(waits).status is Status.PROCESSING
    audit_end(memory)


def test_money_for_a_hold_that_ran_out_buys_again_what_is_there() -> None:
    memory = Memory()
    house = House(in_memory(memory))
    order = bought(("BOX", 1), ("KEY", 5), later=LATE)(house)
    house.sweep()
    assert house.order(order).status is Status.EXPIRED
    settle(house, order)
    assert [line.allocated for line in house.order(order).lines] == [1, 3]
    Backstage(memory, house).settle_down()
    audit_end(memory)
