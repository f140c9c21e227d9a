"""Money that comes when the hold has run out: each policy, with enough, less and nothing left; the grace; and who is told."""

from datetime import timedelta

import pytest

from holdfast.catalogue.model import Kind, OnShortage
from holdfast.kernel.events import Event
from holdfast.orders import events
from holdfast.orders.model import Order, PaymentStatus, Status
from holdfast.orders.paying import Outcome
from holdfast.payments.providers.sandbox.proxy import Action
from holdfast.stock.errors import CustomerLimitReached, InsufficientStock
from holdfast.tenants.model import LatePayment
from tests.memory.audit import audit, audit_end
from tests.memory.backstage import Backstage
from tests.memory.engine import Memory
from tests.memory.house import GRACE, HOLD, House
from tests.memory.stores import in_memory

AFTER = HOLD + GRACE + timedelta(seconds=60)
RETAKE, PARTIAL, OWE, REFUND = LatePayment


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def house(memory: Memory) -> House:
    return House(in_memory(memory))


def late(house: House, left: int, *, backorder: bool, accepted: bool, swept: bool = True) -> Order:
    """Three were held; when the money comes so many are left."""
    house.product("PEN", 3, Kind.PHYSICAL, OnShortage.BACKORDER if backorder else OnShortage.REJECT, max_per_customer=9)
    order = house.buy(("PEN", 3), accept_partial=accepted)
    house.now += AFTER
    if swept:
        house.sweep()
    if left < 3:
        other = house.buy(("PEN", 3 - left))
        house.browser_returns(other)
    house.browser_returns(order)
    return house.order(order)


def told(order: Order) -> Event:
    return next(event for event in order.events if event.type == events.LATE_PAYMENT)


CASES = [
    (RETAKE, 3, False, False, "retaken", 3, 0),
    (RETAKE, 3, True, True, "retaken", 3, 0),
    (RETAKE, 1, True, True, "owed", 1, 2),
    (RETAKE, 0, True, True, "owed", 0, 3),
    (RETAKE, 1, True, False, None, 0, 0),
    (RETAKE, 1, False, True, None, 0, 0),
    (RETAKE, 0, False, False, None, 0, 0),
    (PARTIAL, 3, False, False, "retaken", 3, 0),
    (PARTIAL, 1, False, False, "partial", 1, 0),
    (PARTIAL, 1, True, True, "partial", 1, 0),
    (PARTIAL, 0, False, False, None, 0, 0),
    (OWE, 3, False, False, "retaken", 3, 0),
    (OWE, 1, False, False, "owed", 1, 2),
    (OWE, 0, True, False, "owed", 0, 3),
    (REFUND, 3, True, True, None, 0, 0),
    (REFUND, 0, False, False, None, 0, 0),
]


@pytest.mark.parametrize("swept", [True, False])
@pytest.mark.parametrize(("policy", "left", "backorder", "accepted", "outcome", "got", "owed"), CASES)
def test_the_shops_policy_says_what_becomes_of_the_order(
    house: House,
    memory: Memory,
    policy: LatePayment,
    left: int,
    backorder: bool,
    accepted: bool,
    outcome: str | None,
    got: int,
    owed: int,
    swept: bool,
) -> None:
    house.late_payment = policy
    order = late(house, left, backorder=backorder, accepted=accepted, swept=swept or left == 3)
    audit(memory)
    if outcome is None:
        assert (order.status, order.payment.status, order.payment.refunded) == (Status.REFUNDED, PaymentStatus.REFUNDED, 3 * 1999)
        assert [event.type for event in order.events[-2:]] == [events.REFUND_DUE, events.REFUNDED]
    else:
        line, event = order.line("PEN"), told(order)
        assert (order.status, line.allocated, line.short, line.cancelled) == (Status.PAID, got, owed, 3 - got - owed)
        assert (event.data["policy"], event.data["outcome"], event.data["late_seconds"]) == (policy, outcome, 90)
        assert [(one["fulfilled"], one["owed"]) for one in event.data["lines"]] == [(0, owed)]
        assert order.payment.refunded == (3 - got - owed) * 1999
    Backstage(memory, house).settle_down()
    audit_end(memory)


@pytest.mark.parametrize("policy", LatePayment)
def test_money_for_a_hold_that_nobody_took_apart_yet_is_in_time(house: House, memory: Memory, policy: LatePayment) -> None:
    """Its time is over, but its units still stand: there is nothing to decide."""
    house.late_payment = policy
    order = late(house, 3, backorder=False, accepted=False, swept=False)
    assert (order.status, [event.type for event in order.events]) == (Status.PAID, [events.PLACED, events.PAID])
    Backstage(memory, house).settle_down()
    audit_end(memory)


@pytest.mark.parametrize(("seconds", "status"), [(89, Status.REFUNDED), (90, Status.PAID), (None, Status.PAID)])
def test_later_than_the_grace_all_money_goes_back(house: House, memory: Memory, seconds: int | None, status: Status) -> None:
    house.settings["late_grace_seconds"] = seconds
    assert late(house, 3, backorder=False, accepted=False).status is status
    Backstage(memory, house).settle_down()
    audit_end(memory)


def test_an_extended_hold_ended_later(house: House, memory: Memory) -> None:
    """The grace counts from the end that the customer was told last."""
    house.settings["late_grace_seconds"] = 120
    house.product("PEN", 3)
    order = house.buy(("PEN", 3))
    house.extend(order)
    house.now += HOLD + AFTER
    house.sweep()
    settled = house.browser_returns(order)
    assert settled is not None
    assert (settled.order.status, told(settled.order).data["late_seconds"]) == (Status.PAID, 90)
    Backstage(memory, house).settle_down()
    audit_end(memory)


def test_a_provider_may_have_a_policy_of_its_own(house: House, memory: Memory) -> None:
    house.settings["late_payment_by_provider"] = {"sandbox": LatePayment.REFUND, "other": LatePayment.OWE}
    assert late(house, 3, backorder=False, accepted=False).status is Status.REFUNDED
    house.settings["late_payment_by_provider"] = {"other": LatePayment.REFUND}
    order = house.buy(("PEN", 1))
    house.now += AFTER
    house.browser_returns(order)
    assert house.order(order).status is Status.PAID
    Backstage(memory, house).settle_down()
    audit_end(memory)


@pytest.mark.parametrize("policy", LatePayment)
def test_the_same_news_again_changes_nothing(house: House, memory: Memory, policy: LatePayment) -> None:
    house.late_payment = policy
    order = late(house, 1, backorder=True, accepted=True)
    again = house.work_at(house.webhook(order))
    assert again is not None
    assert (again.outcome, again.order) == (Outcome.IGNORED, order)
    Backstage(memory, house).settle_down()
    audit_end(memory)


def test_a_payment_that_failed_first_and_comes_late_follows_the_policy(house: House, memory: Memory) -> None:
    house.late_payment = LatePayment.PARTIAL
    house.product("PEN", 3)
    order = house.place(house.session(("PEN", 3))).order
    house.at_provider(order, Action.DECLINE)
    house.browser_returns(order)
    house.browser_returns(house.buy(("PEN", 2)))
    house.at_provider(order, Action.PAY)
    settled = house.browser_returns(order)
    assert settled is not None
    assert (settled.order.status, settled.order.line("PEN").allocated, told(settled.order).data["late_seconds"]) == (Status.PAID, 1, 0)
    Backstage(memory, house).settle_down()
    audit_end(memory)


def test_what_a_customer_did_not_get_he_may_buy_again(house: House, memory: Memory) -> None:
    """His limit is nine: three late ones of which one was left, two by another order of his, and six more."""
    house.late_payment = LatePayment.PARTIAL
    late(house, 1, backorder=False, accepted=False)
    house.restock("PEN", 6, "more")
    assert house.place(house.session(("PEN", 6))).order.status is Status.PENDING_PAYMENT
    with pytest.raises(CustomerLimitReached):
        house.place(house.session(("PEN", 1)))
    Backstage(memory, house).settle_down()
    audit_end(memory)


AROUND = [timedelta(seconds=seconds) for seconds in (-1, 0, 1)] + [GRACE - timedelta(milliseconds=1), GRACE, GRACE + timedelta(seconds=1)]


@pytest.mark.parametrize("policy", LatePayment)
@pytest.mark.parametrize("first", ["the payment", "the sweep", "another buyer"])
@pytest.mark.parametrize("after", AROUND, ids=lambda after: f"{after.total_seconds():+}s")
def test_around_the_end_of_a_hold_exactly_one_wins(house: House, memory: Memory, after: timedelta, first: str, policy: LatePayment) -> None:
    """A second before, at, and after the end, and at that of the grace for clocks: units go to one, and the other's money back."""
    house.late_payment = policy
    house.product("PEN", 1)
    order = house.buy(("PEN", 1))
    house.now += HOLD + after
    taken = False
    if first == "the sweep":
        house.sweep()
    elif first == "another buyer":
        try:
            house.browser_returns(house.buy(("PEN", 1)))
            taken = True
        except InsufficientStock:
            assert after < GRACE
    assert taken is (first == "another buyer" and after >= GRACE)
    house.browser_returns(order)
    swept = first == "the sweep" and after > GRACE
    back = (taken and policy is not LatePayment.OWE) or (swept and policy is LatePayment.REFUND)
    assert house.order(order).status is (Status.REFUNDED if back else Status.PAID)
    audit(memory)
    house.sweep()
    Backstage(memory, house).settle_down()
    audit_end(memory)
    assert house.level("PEN").on_hand == int(back and not taken)


def test_what_another_buyer_left_of_a_dead_hold_goes_to_those_who_wait() -> None:
    """Ben's two keys ran out; Cleo took one of them over. Then Ada pays, who waits, and gets the other; Ben's money goes back."""
    memory = Memory()
    house = House(in_memory(memory), late_payment=LatePayment.REFUND)
    stage = Backstage(memory, house)
    house.product("KEY", 2, Kind.DIGITAL, OnShortage.BACKORDER)
    ben = house.buy(("KEY", 2))
    house.now += HOLD
    ada = house.buy(("KEY", 1), accept_partial=True)
    house.now += GRACE + timedelta(seconds=1)
    cleo = house.buy(("KEY", 1))
    house.browser_returns(ada)
    house.browser_returns(cleo)
    stage.run()
    house.browser_returns(ben)
    stage.settle_down()
    assert (house.order(ben).status, len(house.keys_of(ada)), len(house.keys_of(cleo))) == (Status.REFUNDED, 1, 1)
    audit_end(memory)
