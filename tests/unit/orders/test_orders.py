"""The state that follows from the lines, timelines, replays, and news of money in every order."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.catalogue.model import Kind, OnShortage
from holdfast.kernel.errors import IdempotencyKeyReused
from holdfast.orders import rules
from holdfast.orders.errors import NothingHeld, OrderNotCancellable, SessionAlreadyOrdered, SessionExpired, UnknownSession
from holdfast.orders.model import OrderLine, Status
from holdfast.orders.neighbours import FactKind
from holdfast.orders.session_views import MAX_LINES
from holdfast.orders.settlement import Outcome
from holdfast.orders.views import placed_view, timeline
from holdfast.payments.errors import ProviderNotOffered
from holdfast.payments.providers.sandbox.proxy import Action
from holdfast.tenants.model import LatePayment
from tests.memory.audit import audit_end
from tests.memory.backstage import Backstage
from tests.memory.engine import Memory
from tests.memory.house import GRACE, HOLD, House
from tests.memory.samples import EUR
from tests.memory.samples import order as sample_order
from tests.memory.stores import in_memory


def line(quantity: int, allocated: int, fulfilled: int = 0, *, digital: bool = True, sku: str = "A") -> OrderLine:
    return OrderLine(
        sku=sku, title=sku, quantity=quantity, unit_price=EUR, digital=digital, backorder=True, allocated=allocated, fulfilled=fulfilled
    )


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ([line(2, 2, 2)], Status.COMPLETED),
        ([line(2, 2, 2), line(1, 1, 1)], Status.COMPLETED),
        ([line(2, 2, digital=False)], Status.PROCESSING),
        ([line(2, 2, 2), line(1, 1, digital=False)], Status.PROCESSING),
        ([line(2, 1, 1)], Status.PARTIALLY_FULFILLED),
        ([line(2, 0), line(1, 1, digital=False)], Status.PARTIALLY_FULFILLED),
        ([line(2, 0)], Status.AWAITING_STOCK),
        ([line(2, 0), line(1, 0, digital=False)], Status.AWAITING_STOCK),
    ],
)
def test_the_state_follows_from_the_lines(lines: list[OrderLine], status: Status) -> None:
    order = sample_order("demo").model_copy(update={"lines": tuple(lines), "status": Status.PAID})
    assert rules.follows(order, leaves=True) is status
    assert rules.follows(order) is Status.PAID


@given(st.booleans(), st.booleans())
def test_shop_and_shopper_must_both_agree_to_a_part(backorder: bool, accepted: bool) -> None:
    wished = line(1, 0).model_copy(update={"backorder": backorder})
    assert rules.may_be_partial(wished, accepted) is (backorder and accepted)


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def house(memory: Memory) -> House:
    house = House(in_memory(memory))
    house.product("BOX", 3)
    house.product("KEY", 3, Kind.DIGITAL, OnShortage.BACKORDER)
    return house


def test_a_replay_gets_the_first_answer_whatever_became_of_the_order(house: House) -> None:
    session = house.session(("BOX", 1), ("KEY", 5))
    placed = house.place(session, accept_partial=True)
    first = placed_view(placed.order, "token")
    house.at_provider(placed.order, Action.PAY)
    house.now += timedelta(seconds=3)
    house.browser_returns(placed.order)
    house.serve(placed.order)
    again = house.place(session, accept_partial=True)
    assert (placed.replayed, again.replayed) == (False, True)
    assert placed_view(again.order, "token") == first
    assert (first.status, first.version, first.hold and first.hold.seconds_left) == (Status.PENDING_PAYMENT, 1, 900)


def test_a_replay_gets_the_address_that_was_given_also_after_a_mail_went_to_another(house: House) -> None:
    session = house.session(("KEY", 1))
    placed = house.place(session).order
    first = placed_view(placed, "token")
    house.at_provider(placed, Action.PAY)
    house.browser_returns(placed)
    house.serve(placed)
    assert house.resend(placed, email="eve@example.com").email == "eve@example.com"
    assert placed_view(house.place(session).order, "token") == first


def test_a_key_belongs_to_one_body(house: House) -> None:
    session = house.session(("BOX", 1))
    house.place(session)
    with pytest.raises(IdempotencyKeyReused):
        house.place(session, body="another")


def test_a_session_lives_for_its_time_and_becomes_one_paid_order(house: House) -> None:
    session = house.session(("BOX", 1))
    with pytest.raises(UnknownSession):
        house.place(session.model_copy(update={"id": "cks_" + "0" * 26}))
    order = house.place(session).order
    house.settle(house.fact(order))
    with pytest.raises(SessionAlreadyOrdered):
        house.place(session, "second")
    late = house.session(("BOX", 1))
    house.now += timedelta(minutes=30)
    with pytest.raises(SessionExpired):
        house.place(late)


def test_a_second_try_replaces_the_first(house: House) -> None:
    session = house.session(("BOX", 3))
    first = house.place(session, "first").order
    second = house.place(session, "second").order
    assert (house.order(first).status, house.order(second).status) == (Status.CANCELLED, Status.PENDING_PAYMENT)
    assert house.level("BOX").locked == 3


def test_a_provider_that_is_not_offered_holds_nothing(house: House) -> None:
    with pytest.raises(ProviderNotOffered):
        house.place(house.session(("BOX", 3)), provider="paypal")
    assert house.level("BOX").available == 3


def test_an_order_may_be_cancelled_until_something_was_handed_over(house: House) -> None:
    order = house.place(house.session(("BOX", 3))).order
    assert house.cancel(order) == house.cancel(order)
    assert house.level("BOX").available == 3
    paid = house.buy(("BOX", 3))
    house.browser_returns(paid)
    cancelled = house.cancel(paid)
    assert (cancelled.status, cancelled.payment.status, house.level("BOX").available) == (Status.CANCELLED, "refund_due", 3)
    assert house.finish_refunds(paid).payment.status == "refunded"
    assert house.cancel(paid).status is Status.CANCELLED
    served = house.buy(("KEY", 1))
    house.browser_returns(served)
    house.serve(served)
    with pytest.raises(OrderNotCancellable):
        house.cancel(served)


def test_an_order_that_ended_has_no_hold_to_extend(house: House) -> None:
    order = house.place(house.session(("BOX", 3))).order
    assert house.extend(order).hold.expires_at == house.now + 2 * HOLD  # type: ignore[union-attr]
    house.cancel(order)
    with pytest.raises(NothingHeld):
        house.extend(order)


@pytest.mark.parametrize("changes", [{"amount": 1}, {"currency": "USD"}, {"payment": "pay_other"}])
def test_money_that_does_not_match_is_put_before_a_person_once(house: House, changes: dict[str, object]) -> None:
    order = house.place(house.session(("BOX", 1))).order
    wrong = house.fact(order, **changes)
    assert house.settle(wrong).order.status is Status.PAYMENT_REVIEW
    again = house.settle(wrong)
    assert (again.outcome, again.order.version) == (Outcome.IGNORED, 2)
    assert house.level("BOX").on_hand == 3
    assert "order.payment_review.v1" not in [event.type for event in timeline(again.order.events)]
    assert house.settle(house.fact(order)).order.status is Status.PAID


def test_a_refund_of_a_part_ends_nothing_by_itself(house: House) -> None:
    order = house.place(house.session(("BOX", 2))).order
    paid = house.settle(house.fact(order)).order
    part = house.settle(house.fact(order, FactKind.REFUNDED, amount=1)).order
    assert (part.status, part.lines, part.payment.status, part.events[-1].type) == (
        paid.status,
        paid.lines,
        "partially_refunded",
        "order.partially_refunded.v1",
    )
    assert house.level("BOX").on_hand == 1
    assert house.settle(house.fact(order, FactKind.REFUNDED)).order.status is Status.REFUNDED


def test_a_webhook_of_the_wrong_amount_may_come_any_number_of_times(house: House) -> None:
    order = house.buy(("BOX", 1))
    event = house.webhook(order, amount=1)
    assert [house.work_at(event).outcome for _ in range(3)] == [Outcome.APPLIED, Outcome.IGNORED, Outcome.IGNORED]


def test_a_cancelled_order_is_not_brought_back_by_any_money(house: House) -> None:
    order = house.buy(("BOX", 1))
    house.cancel(order)
    assert house.settle(house.fact(order, amount=1)).order.status is Status.CANCELLED
    assert house.settle(house.fact(order)).order.status is Status.REFUNDED
    assert house.level("BOX").available == 3


@pytest.mark.parametrize(("kind", "status"), [(FactKind.FAILED, Status.PAYMENT_FAILED), (FactKind.EXPIRED, Status.EXPIRED)])
def test_no_money_ends_the_order_and_frees_its_units(house: House, kind: FactKind, status: Status) -> None:
    order = house.place(house.session(("BOX", 2))).order
    assert house.settle(house.fact(order, kind)).order.status is status
    assert house.settle(house.fact(order, kind)).outcome is Outcome.IGNORED
    assert house.level("BOX").available == 3
    assert house.settle(house.fact(order)).order.status is Status.PAID  # a good card after a bad one
    assert house.settle(house.fact(order, kind)).outcome is Outcome.IGNORED


@pytest.mark.parametrize("policy", [LatePayment.RETAKE, LatePayment.REFUND])
def test_late_money_follows_the_shops_policy(house: House, memory: Memory, policy: LatePayment) -> None:
    house.late_payment = policy
    order = house.buy(("BOX", 1))
    house.now += HOLD + GRACE + timedelta(seconds=1)
    house.sweep()
    settled = house.browser_returns(order)
    assert settled is not None
    assert settled.order.status is (Status.PAID if policy is LatePayment.RETAKE else Status.REFUNDED)
    Backstage(memory, house).settle_down()
    audit_end(memory)


def test_the_largest_cart_fits_into_every_transaction(house: House, memory: Memory) -> None:
    """Paid, served in part, and refunded: the store in memory refuses more than a hundred items, as DynamoDB does."""
    skus = [f"SKU-{number:02d}" for number in range(MAX_LINES)]
    for sku in skus:
        house.product(sku, 2, Kind.DIGITAL, OnShortage.BACKORDER)
    order = house.place(house.session(*[(sku, 3) for sku in skus]), accept_partial=True).order
    house.extend(order)
    house.at_provider(order, Action.PAY)
    house.browser_returns(order)
    house.serve(order)
    assert house.order(order).status is Status.PARTIALLY_FULFILLED
    assert len(house.keys_of(order)) == 2 * MAX_LINES
    for sku in skus:
        house.product(f"BOX-{sku}", 1)
    boxes = house.buy(*[(f"BOX-{sku}", 1) for sku in skus])
    house.browser_returns(boxes)
    house.at_provider(boxes, Action.REFUND)
    house.browser_returns(boxes)
    assert house.order(boxes).status is Status.REFUNDED
    assert all(house.level(f"BOX-{sku}").available == 1 for sku in skus)
    Backstage(memory, house).settle_down()
    audit_end(memory)
