"""What staff do by hand: bring an order on, decide about money, correct, note, send a mail again."""

from datetime import timedelta
from typing import Any

import pytest

from holdfast.catalogue.model import Kind, OnShortage
from holdfast.kernel.errors import HoldfastError
from holdfast.kernel.events import CUSTOMER, SYSTEM
from holdfast.orders import events
from holdfast.orders.errors import NothingToResend, OrderNotEditable, TransitionRefused, UnknownOrder
from holdfast.orders.model import Order, PaymentStatus, Status
from holdfast.orders.neighbours import FactKind
from holdfast.payments.providers.sandbox.proxy import Action
from holdfast.tenants.model import LatePayment
from tests.memory.audit import audit, audit_end
from tests.memory.backstage import Backstage
from tests.memory.engine import Memory
from tests.memory.house import HOLD, House
from tests.memory.samples import ADDRESS
from tests.memory.stores import in_memory


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def house(memory: Memory) -> House:
    house = House(in_memory(memory))
    house.product("BOX", 3)
    house.product("PEN", 1, Kind.PHYSICAL, OnShortage.BACKORDER)
    house.product("KEY", 2, Kind.DIGITAL)
    return house


def served(house: House, *lines: tuple[str, int]) -> Order:
    order = house.buy(*lines, accept_partial=True)
    house.browser_returns(order)
    house.serve(order)
    return house.order(order)


def end(house: House, memory: Memory) -> None:
    audit(memory)
    Backstage(memory, house).settle_down()
    audit_end(memory)


# Goods.


def test_a_parcel_is_picked_packed_shipped_delivered_and_the_order_closed(house: House, memory: Memory) -> None:
    order = served(house, ("BOX", 2), ("KEY", 1))
    assert order.status is Status.PROCESSING
    way = (Status.PICKING, Status.PACKED, Status.SHIPPED, Status.DELIVERED, Status.COMPLETED)
    for wanted in way:
        data = {"tracking_numbers": ["T-1"], "carrier": "dhl"} if wanted is Status.SHIPPED else None
        moved = house.bring_to(order, wanted, data=data)
        assert moved.status is wanted
        assert house.bring_to(order, wanted) == moved
    shipped = next(event for event in moved.events if event.type == events.SHIPPED)
    assert shipped.data == {"tracking_numbers": ["T-1"], "carrier": "dhl", "shipped": {"BOX": 2}}
    assert (moved.line("BOX").fulfilled, moved.line("KEY").fulfilled) == (2, 1)
    end(house, memory)


def test_goods_may_go_back_on_their_shelf_before_they_leave(house: House, memory: Memory) -> None:
    order = served(house, ("BOX", 2))
    for stage in (Status.PICKING, Status.PACKED):
        house.bring_to(order, stage)
        assert house.bring_to(order, Status.PROCESSING).status is Status.PROCESSING
        house.bring_to(order, Status.PICKING)
    end(house, memory)


def test_what_is_here_goes_in_a_parcel_and_the_rest_in_another(house: House, memory: Memory) -> None:
    order = served(house, ("PEN", 3))
    assert order.status is Status.PARTIALLY_FULFILLED
    first = house.bring_to(order, Status.SHIPPED)
    assert (first.status, first.line("PEN").fulfilled, first.events[-1].data["shipped"]) == (Status.PARTIALLY_FULFILLED, 1, {"PEN": 1})
    with pytest.raises(TransitionRefused):
        house.bring_to(order, Status.SHIPPED)  # nothing else is here
    house.restock("PEN", 2, "more")
    house.feed("PEN")
    second = house.bring_to(order, Status.SHIPPED)
    assert (second.status, second.line("PEN").fulfilled) == (Status.SHIPPED, 3)
    end(house, memory)


def test_keys_that_come_while_goods_are_packed_leave_the_parcel_alone(house: House, memory: Memory) -> None:
    house.product("DLC", 0, Kind.DIGITAL, OnShortage.BACKORDER)
    order = served(house, ("BOX", 1), ("DLC", 1))
    house.bring_to(order, Status.PICKING)
    house.bring_to(order, Status.PACKED)
    house.import_keys("DLC", ["dlc-1"], "first")
    house.feed("DLC")
    assert (house.order(order).status, house.keys_of(order)) == (Status.PACKED, ["dlc-1"])
    assert house.bring_to(order, Status.SHIPPED).status is Status.SHIPPED
    end(house, memory)


@pytest.mark.parametrize("actor", [CUSTOMER, SYSTEM])
def test_nobody_else_brings_an_order_on_by_hand(house: House, actor: Any) -> None:
    order = served(house, ("BOX", 1))
    with pytest.raises(TransitionRefused):
        house.bring_to(order, Status.PICKING, actor)
    assert house.order(order) == order


@pytest.mark.parametrize("wanted", sorted(set(Status) - {Status.PENDING_PAYMENT}))
def test_an_unpaid_order_is_brought_nowhere(house: House, wanted: Status) -> None:
    order = house.place(house.session(("BOX", 1))).order
    with pytest.raises(TransitionRefused) as refusal:
        house.bring_to(order, wanted)
    assert refusal.value.facts == {"order_status": Status.PENDING_PAYMENT, "to": wanted, "allowed": []}
    with pytest.raises(UnknownOrder):
        house.bring_to(order.model_copy(update={"id": "ord_none"}), wanted)


# Money that did not match.


def mismatched(house: House, amount: int = 1500, sku: str = "BOX") -> Order:
    order = house.place(house.session((sku, 1)), accept_partial=True).order
    house.pay_another_amount(order, amount)
    house.browser_returns(order)
    return house.order(order)


def test_a_person_takes_the_money_as_it_is(house: House, memory: Memory) -> None:
    order = mismatched(house)
    accepted = house.accept(order)
    assert (accepted.status, accepted.payment.captured, accepted.version) == (Status.PAID, 1500, order.version + 1)
    assert [event.type for event in accepted.events[-2:]] == [events.PAYMENT_ACCEPTED, events.PAID]
    with pytest.raises(TransitionRefused):
        house.accept(order)
    with pytest.raises(TransitionRefused):
        house.refuse(order)
    end(house, memory)
    assert house.refund(order).refunds[0].amount == 1500


def test_a_person_gives_the_money_back(house: House, memory: Memory) -> None:
    order = mismatched(house)
    refused = house.refuse(order)
    assert (refused.status, refused.payment.status, refused.refunds[0].amount) == (Status.REFUNDED, PaymentStatus.REFUND_DUE, 1500)
    assert house.free("BOX") == 3
    with pytest.raises(TransitionRefused):
        house.refuse(order)
    end(house, memory)


@pytest.mark.parametrize("policy", LatePayment)
def test_money_taken_when_the_hold_is_gone_follows_the_policy(house: House, memory: Memory, policy: LatePayment) -> None:
    house.late_payment = policy
    order = mismatched(house, sku="PEN")
    house.now += HOLD * 2
    house.sweep()
    house.browser_returns(house.buy(("PEN", 1)))
    status = house.accept(order).status
    assert status is (Status.REFUNDED if policy in {LatePayment.REFUND, LatePayment.PARTIAL} else Status.PAID)
    end(house, memory)


@pytest.mark.parametrize("amount", [1000, 9000])
def test_of_another_amount_that_was_taken_a_line_gives_back_its_share(house: House, memory: Memory, amount: int) -> None:
    """Three were ordered, one is left when a person takes the money: two thirds of it go back, and no more than came."""
    house.late_payment = LatePayment.PARTIAL
    order = house.place(house.session(("BOX", 3))).order
    house.pay_another_amount(order, amount)
    house.browser_returns(order)
    house.now += HOLD * 2
    house.sweep()
    house.browser_returns(house.buy(("BOX", 2)))
    accepted = house.accept(order)
    assert (accepted.status, accepted.refunds[0].amount, accepted.refunds[0].lines) == (Status.PAID, amount * 2 // 3, {"BOX": 2})
    assert house.finish_refunds(order).payment.refunded == amount * 2 // 3
    end(house, memory)


def test_money_for_a_cancelled_order_only_goes_back(house: House, memory: Memory) -> None:
    order = house.place(house.session(("BOX", 1))).order
    house.pay_another_amount(order, 1500)
    house.cancel(order)
    house.browser_returns(order)
    assert house.order(order).status is Status.CANCELLED
    with pytest.raises(TransitionRefused):
        house.accept(order)
    assert house.refuse(order).status is Status.REFUNDED
    end(house, memory)


@pytest.mark.parametrize(
    ("kind", "changes"),
    [(FactKind.SUCCEEDED, {"payment": "pay_other"}), (FactKind.SUCCEEDED, {"currency": "USD"}), (FactKind.REFUNDED, {"amount": 1})],
)
def test_what_is_no_money_of_this_order_is_settled_at_the_provider(house: House, kind: FactKind, changes: dict[str, Any]) -> None:
    order = house.place(house.session(("BOX", 1))).order
    reviewed = house.settle(house.fact(order, kind, **changes)).order
    assert reviewed.status is Status.PAYMENT_REVIEW
    for decide in (house.accept, house.refuse):
        with pytest.raises(TransitionRefused):
            decide(order)
    assert house.order(order) == reviewed
    house.settle(house.fact(order, amount=1500))  # after it, money of this order that is not enough: that can be taken
    assert house.accept(order).payment.captured == 1500


def test_money_of_a_cancelled_order_that_is_on_its_way_back_is_not_given_back_by_hand_too(house: House, memory: Memory) -> None:
    """Its first news was wrong, the second right; it was paid, and then cancelled with its money."""
    order = house.buy(("BOX", 1))
    house.settle(house.fact(order, amount=1))
    house.browser_returns(order)
    cancelled = house.cancel(order)
    with pytest.raises(TransitionRefused):
        house.refuse(order)
    assert house.order(order) == cancelled
    end(house, memory)


@pytest.mark.parametrize("status", [Status.PENDING_PAYMENT, Status.EXPIRED, Status.PAID, Status.PROCESSING])
def test_where_nothing_waits_for_a_decision(house: House, status: Status) -> None:
    order = house.place(house.session(("BOX", 1))).order
    if status is Status.EXPIRED:
        house.now += HOLD * 2
        house.sweep()
    elif status is not Status.PENDING_PAYMENT:
        house.at_provider(order, Action.PAY)
        house.browser_returns(order)
        if status is Status.PROCESSING:
            house.serve(order)
    for decide in (house.accept, house.refuse):
        with pytest.raises(TransitionRefused) as refusal:
            decide(order)
        assert refusal.value.facts["order_status"] is status
    with pytest.raises(UnknownOrder):
        house.accept(order.model_copy(update={"id": "ord_none"}))


# Corrections, notes, mails.


def test_an_edit_tells_before_and_after(house: House) -> None:
    order = house.place(house.session(("BOX", 1))).order
    edited = house.edit(order, email="eve@example.com", phone="+49 1", address=ADDRESS, notes="ring")
    told = edited.events[-1]
    assert told.data == {"fields": ["address", "email", "notes", "phone"]}
    assert (told.before["email"], told.after["email"]) == ("ada@example.com", "eve@example.com")
    assert (edited.email, edited.phone, edited.address, edited.notes) == ("eve@example.com", "+49 1", ADDRESS, "ring")
    assert house.edit(order, email="eve@example.com") == edited  # nothing new
    assert house.edit(order, phone=None).phone is None


def test_an_edit_over_a_version_that_is_not_there_any_more_is_refused(house: House) -> None:
    order = house.place(house.session(("BOX", 1))).order
    house.edit(order, expected=order.version, phone="+49 1")
    with pytest.raises(HoldfastError) as refusal:
        house.edit(order, expected=order.version, phone="+49 2")
    assert refusal.value.facts == {"version": order.version + 1}
    assert house.order(order).phone == "+49 1"


def test_an_address_may_be_changed_until_the_goods_are_picked(house: House) -> None:
    order = served(house, ("BOX", 1))
    house.edit(order, address=ADDRESS)
    for stage in (Status.PICKING, Status.PACKED, Status.SHIPPED, Status.DELIVERED, Status.COMPLETED):
        house.bring_to(order, stage)
        with pytest.raises(OrderNotEditable) as refusal:
            house.edit(order, address=None, phone="+49 1")
        assert refusal.value.facts == {"order_status": stage, "fields": ["address"]}
    assert house.edit(order, phone="+49 1").phone == "+49 1"


def test_an_order_that_ended_is_not_edited(house: House) -> None:
    cancelled, refunded = house.place(house.session(("BOX", 1))).order, served(house, ("BOX", 1))
    house.cancel(cancelled)
    house.refund(refunded)
    for order in (cancelled, refunded):
        with pytest.raises(OrderNotEditable):
            house.edit(order, phone="+49 1")
        assert house.edit(order, email="ada@example.com") == house.order(order)  # as it is


def test_a_note_is_written_once(house: House) -> None:
    order = house.place(house.session(("BOX", 1))).order
    noted = house.note(order, "called", "note-1")
    assert house.note(order, "called", "note-1") == noted
    assert house.note(order, "called", "note-2").version == noted.version + 1
    assert noted.events[-1].after == {}


def test_a_mail_goes_out_again_to_the_same_or_a_corrected_address(house: House, memory: Memory) -> None:
    order = served(house, ("KEY", 1))
    last = order.events[-1]
    again = house.resend(order)
    assert again.events[-1].data["event"] == last.id
    corrected = house.resend(order, last.id, email="eve@example.com")
    assert (corrected.email, corrected.events[-1].after) == ("eve@example.com", {"email": "eve@example.com"})
    with pytest.raises(NothingToResend):
        house.resend(order, "evt_none")
    unpaid = house.place(house.session(("BOX", 1))).order
    with pytest.raises(NothingToResend):
        house.resend(unpaid)
    end(house, memory)


def test_an_old_mail_of_a_busy_order_is_found_again(house: House) -> None:
    order = served(house, ("KEY", 1))
    for number in range(90):
        house.note(order, f"note {number}", str(number))
        house.now += timedelta(seconds=1)
    assert house.resend(order).events[-1].data["of"] == events.COMPLETED
