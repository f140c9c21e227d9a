"""As `test_crashes.py`: what gives money and goods back, decides about money, and moves events beside their order, is killed, cut
off, refused or delivered twice at each of its store calls; then the world goes on.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest

from holdfast.catalogue.model import Kind, OnShortage
from holdfast.kernel.events import CUSTOMER
from holdfast.orders import replay
from holdfast.orders.model import Order, Status
from holdfast.orders.refunding import Kind as RefundKind
from holdfast.payments.providers.sandbox.proxy import Action
from holdfast.tenants.model import LatePayment
from tests.memory.faults import Fault
from tests.memory.house import GRACE, HOLD, STAFF, House
from tests.simulation.test_crashes import LATE, Scenario, meets

Given = Callable[[House], Order]
ONCE_AGAIN = (True,)
"""A queue brings it again; a person perhaps."""


def shelf(house: House) -> None:
    house.product("BOX", 3, max_per_customer=9)
    house.product("PEN", 1, Kind.PHYSICAL, OnShortage.BACKORDER, backorder_cap=9)
    house.product("KEY", 1, Kind.DIGITAL, OnShortage.BACKORDER)


def paid(*lines: tuple[str, int]) -> Given:
    def given(house: House) -> Order:
        shelf(house)
        order = house.buy(*lines, accept_partial=True)
        house.browser_returns(order)
        return order

    return given


def served(*lines: tuple[str, int], then: Callable[[House, Order], Any] = lambda house, order: None) -> Given:
    def given(house: House) -> Order:
        order = paid(*lines)(house)
        house.serve(order)
        then(house, order)
        return order

    return given


def part_is_due(house: House, order: Order) -> None:
    house.refund(order, RefundKind.LINES, "part", lines={"BOX": 1})


def all_went_back_there(house: House, order: Order) -> None:
    part_is_due(house, order)
    house.at_provider(order, Action.REFUND)


def sent_back(house: House, order: Order) -> None:
    house.bring_to(order, Status.SHIPPED)
    house.send_back(order, {"BOX": 2})


def many_notes(house: House, order: Order) -> None:
    """One event more, and a page moves out."""
    for number in range(SMALL["TOO_MANY"] - house.order(order).seq):
        house.note(order, f"note {number}", str(number))


def late(policy: LatePayment, left: int) -> Given:
    def given(house: House) -> Order:
        shelf(house)
        house.late_payment = policy
        order = house.buy(("BOX", 2), ("PEN", 1))
        house.now += LATE
        house.sweep()
        if left < 3:
            house.browser_returns(house.buy(("BOX", 3 - left), ("PEN", 1)))
        return order

    return given


def doubtful(passed: timedelta = timedelta(0), cancelled: bool = False, policy: LatePayment = LatePayment.RETAKE) -> Given:
    """Another amount came than was asked for."""

    def given(house: House) -> Order:
        shelf(house)
        house.late_payment = policy
        order = house.place(house.session(("BOX", 2), ("PEN", 3)), accept_partial=True).order
        house.pay_another_amount(order, 1500)
        if cancelled:
            house.cancel(order)
        house.browser_returns(order)
        house.now += passed
        return order

    return given


def receive(house: House, order: Order) -> None:
    (back,) = house.order(order).returns
    house.receive(order, back.id, restocked={"BOX": 1}, written_off={"BOX": 1})


def refund(kind: RefundKind, **what: Any) -> Callable[[House, Order], Any]:
    return lambda house, order: house.refund(order, kind, **what)


def settle(house: House, order: Order) -> None:
    house.work_at(house.webhook(order))


ALL = (("BOX", 2), ("PEN", 3), ("KEY", 2))
GOODS = (("BOX", 2), ("PEN", 3))
SMALL = {"PAGE": 5, "TOO_MANY": 10}
GONE = HOLD + GRACE + timedelta(seconds=1)

SCENARIOS = [
    Scenario("cancel what was just paid", paid(*ALL), lambda house, order: house.cancel(order), least_calls=2),
    Scenario("cancel what waits", served(*GOODS), lambda house, order: house.cancel(order, STAFF), least_calls=2),
    Scenario("refund all", served(*ALL), refund(RefundKind.FULL)),
    Scenario("refund all of what was just paid", paid(*ALL), refund(RefundKind.FULL)),
    Scenario("refund lines", served(*ALL), refund(RefundKind.LINES, lines={"BOX": 1, "PEN": 3, "KEY": 2})),
    Scenario("give up the debt", served(*ALL), refund(RefundKind.DEBT, actor=CUSTOMER)),
    Scenario("give up an order that got nothing", served(("BOX", 1), then=part_is_due), refund(RefundKind.FULL, identity="rest")),
    Scenario("refund an amount", served(*ALL), refund(RefundKind.AMOUNT, amount=700)),
    Scenario("finish refunds", served(*ALL, then=part_is_due), lambda house, order: house.finish_refunds(order), ONCE_AGAIN, 3),
    Scenario("the provider gave all back first", served(*ALL, then=all_went_back_there), settle, ONCE_AGAIN, 3),
    Scenario("forget what was given up", served(*ALL, then=lambda house, order: house.refund(order)), lambda h, o: h.forget(o), ONCE_AGAIN),
    Scenario("receive a return", served(("BOX", 2), ("KEY", 1), then=sent_back), receive, least_calls=2),
    Scenario(
        "announce a return", served(("BOX", 2), then=lambda h, o: h.bring_to(o, Status.SHIPPED)), lambda h, o: h.send_back(o, {"BOX": 1})
    ),
    Scenario("ship", served(*ALL), lambda house, order: house.bring_to(order, Status.SHIPPED)),
    Scenario("late, and a part is left", late(LatePayment.PARTIAL, 1), settle, ONCE_AGAIN, 5),
    Scenario("late, and nothing is left", late(LatePayment.PARTIAL, 0), settle, ONCE_AGAIN, 5),
    Scenario("late, and the rest is owed", late(LatePayment.OWE, 1), settle, ONCE_AGAIN, 5),
    Scenario("late, and nothing is taken again", late(LatePayment.REFUND, 3), settle, ONCE_AGAIN, 3),
    Scenario("take another amount", doubtful(), lambda house, order: house.accept(order), least_calls=2),
    Scenario("take another amount late", doubtful(GONE), lambda house, order: house.accept(order), least_calls=5),
    Scenario("take it late, for a part", doubtful(GONE, policy=LatePayment.PARTIAL), lambda h, o: h.accept(o), least_calls=5),
    Scenario("give another amount back", doubtful(), lambda house, order: house.refuse(order), least_calls=2),
    Scenario("give back what came for a cancelled order", doubtful(cancelled=True), lambda h, o: h.refuse(o)),
    Scenario("void", doubtful(cancelled=True), lambda house, order: house.void(order), ONCE_AGAIN),
    Scenario("a note too many", served(*ALL, then=many_notes), lambda house, order: house.note(order, "more", "more"), least_calls=2),
    Scenario("refund an order of many events", served(*ALL, then=many_notes), refund(RefundKind.FULL), least_calls=2),
    Scenario("cancel an order of many events", served(*GOODS, then=many_notes), lambda house, order: house.cancel(order), least_calls=2),
]


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_every_call_may_fail(scenario: Scenario, fault: Fault) -> None:
    with patch.multiple(replay, **SMALL):
        for retried in scenario.retried:
            at = 1
            while meets(scenario, fault, at, retried):
                at += 1
            assert at > scenario.least_calls
