"""What customers are mailed as things happen to their orders, told by their stories."""

import pytest

from holdfast.catalogue.model import Kind, OnShortage
from holdfast.notifications import telling
from holdfast.notifications.kinds import MANNERS, OF_EVENTS, Audience
from holdfast.notifications.kinds import Kind as Told
from holdfast.notifications.model import Mail
from holdfast.orders import events, staff
from holdfast.orders.errors import NothingToResend
from holdfast.orders.model import Order, Status
from holdfast.orders.refunding import Kind as RefundKind
from holdfast.payments.providers.sandbox.proxy import Action
from holdfast.tenants.model import LatePayment
from tests.memory.engine import Memory
from tests.memory.house import HOLD, STAFF, House
from tests.memory.stores import in_memory


def test_a_late_mail_tells_of_its_own_moment() -> None:
    """The order went on meanwhile: keys and counts of the letter are those of its event."""
    house = House(in_memory(Memory()))
    house.product("KEY", 1, Kind.DIGITAL, OnShortage.BACKORDER)
    order = house.buy(("KEY", 3), accept_partial=True)
    house.browser_returns(order)
    house.serve(order)
    house.import_keys("KEY", ["later-1", "later-2"], "second")
    house.feed("KEY")
    first, second = mails(house, order)
    assert "KEY-0001" in first.text
    assert "later-1" not in first.text
    assert "1 of 3 · 2 to come" in first.text
    assert "3 of 3" in second.text
    assert "KEY-0001" not in second.text
    assert "later-2" in second.text
    assert "complete now" in second.text


def shop() -> House:
    house = House(in_memory(Memory()))
    house.product("BOX", 5)
    house.product("FEW", 3)
    house.product("LOT", 3, Kind.PHYSICAL, OnShortage.BACKORDER)
    return house


def mails(house: House, order: Order) -> list[Mail]:
    """Those of all that happened to the order, in their order. Receipts are told elsewhere."""
    before = len(house.mailer.sent)
    for event in house.order(order).events:
        house.tell(order, event)
    sent = zip(house.mailer.sent, house.mailer.rows, strict=True)
    return [mail for mail, row in list(sent)[before:] if row.notice.kind is not Told.PAYMENT_RECEIPT]


def parts(mail: Mail) -> tuple[str, str]:
    return mail.text, mail.html


def late(sku: str, policy: LatePayment, left: int) -> tuple[House, Order]:
    """The money for three comes when the hold has run out and others have bought all but `left`."""
    house = shop()
    house.late_payment = policy
    order = house.place(house.session((sku, 3)), "late").order
    house.now += 2 * HOLD
    house.sweep()
    if left < 3:
        house.browser_returns(house.buy((sku, 3 - left)))
    house.at_provider(order, Action.PAY)
    house.browser_returns(order)
    return house, house.order(order)


def test_money_that_came_late_and_found_everything() -> None:
    (mail,) = mails(*late("FEW", LatePayment.RETAKE, 3))
    assert mail.subject.startswith("Your payment for order")
    for part in parts(mail):
        assert "nothing changes for you" in part
        assert "goes back" not in part


def test_money_that_came_late_and_found_a_part() -> None:
    """What goes back is the price of the two that are gone; when it has gone there is a mail of that."""
    house, order = late("FEW", LatePayment.PARTIAL, 1)
    house.finish_refunds(order)
    first, second = mails(house, order)
    for part in parts(first):
        assert "You get what was still there. 39.98 EUR goes back to you" in part
        assert "2 × The FEW" in part
    for part in parts(second):
        assert "We have sent 39.98 EUR back: it was sold before the money came." in part
        assert "59.97 EUR" in part  # the order's total, in its place


def test_money_that_came_late_and_waits_for_the_rest() -> None:
    (mail,) = mails(*late("LOT", LatePayment.OWE, 1))
    for part in parts(mail):
        assert "2 more will come by themselves" in part
        assert "2 to come" in part


def test_money_that_came_too_late_goes_back_with_one_mail() -> None:
    house, order = late("FEW", LatePayment.REFUND, 3)
    (mail,) = mails(house, order)
    for part in parts(mail):
        assert "We have sent back all that you paid, 59.97 EUR: the money came after the hold had run out." in part


def test_an_order_that_staff_cancel_is_told_of() -> None:
    house = shop()
    order = house.place(house.session(("BOX", 1))).order
    house.cancel(order, STAFF)
    (mail,) = mails(house, order)
    for part in parts(mail):
        assert "You have paid nothing." in part
        assert "goes back to you; we will write" not in part


def test_a_paid_order_that_is_cancelled_is_told_of_and_its_money_when_it_goes() -> None:
    house = shop()
    order = house.buy(("BOX", 1))
    house.browser_returns(order)
    house.cancel(order)
    house.finish_refunds(order)
    first, second = mails(house, order)
    assert "Your money goes back to you" in first.text
    assert "We have sent back all that you paid, 19.99 EUR" in second.text


@pytest.mark.parametrize("end", ["replaced", "abandoned", "cancelled by the customer", "expired", "expired at the provider"])
def test_a_try_that_was_never_paid_is_not_mailed_about(end: str) -> None:
    house = shop()
    session = house.session(("BOX", 1))
    order = house.place(session, "first").order
    match end:
        case "replaced":
            house.place(session, "second")
        case "abandoned":
            house.abandon(session)
        case "cancelled by the customer":
            house.cancel(order)
        case "expired":
            house.now += 2 * HOLD
            house.sweep()
        case "expired at the provider":
            house.at_provider(order, Action.EXPIRE)
            house.browser_returns(order)
    assert house.order(order).status in {Status.CANCELLED, Status.EXPIRED}
    assert mails(house, order) == []


def test_a_payment_that_failed_is_told_of_with_a_link_to_try_again() -> None:
    house = shop()
    order = house.place(house.session(("BOX", 1))).order
    house.at_provider(order, Action.DECLINE)
    house.browser_returns(order)
    (mail,) = mails(house, order)
    for part in parts(mail):
        assert "Nothing was taken from you" in part
        assert f"http://shop.test/shops/demo/checkout-sessions/{order.session}?token=checkout-token" in part


def test_who_paid_with_another_card_meanwhile_is_not_told_that_the_first_failed() -> None:
    house = shop()
    order = house.place(house.session(("BOX", 1))).order
    house.at_provider(order, Action.DECLINE)
    house.browser_returns(order)
    house.at_provider(order, Action.PAY)
    house.browser_returns(order)
    assert house.order(order).status is Status.PAID
    assert [mail.subject for mail in mails(house, order)] == [f"Your payment for order {order.number} came late"]


def test_money_that_came_twice_is_told_of_when_it_went_back() -> None:
    house = shop()
    order = house.buy(("BOX", 1))
    house.browser_returns(order)
    again = house.place(house.session(("BOX", 1)), "other").order
    house.at_provider(again, Action.PAY)
    house.settle(house.fact(order, payment=again.payment.id))
    assert house.order(order).events[-1].type == events.SECOND_PAYMENT_REFUNDED
    (mail,) = mails(house, order)
    for part in parts(mail):
        assert "We have sent 19.99 EUR back: the order was paid twice. Nothing changes for your order." in part


def test_a_replaced_try_says_so() -> None:
    house = shop()
    session = house.session(("BOX", 1))
    order = house.place(session, "first").order
    house.place(session, "second")
    assert house.order(order).events[-1].data == {"replaced": True}


def test_a_part_of_the_money_names_its_goods_and_its_amount() -> None:
    house = shop()
    order = house.buy(("BOX", 2))
    house.browser_returns(order)
    house.serve(order)
    house.refund(order, RefundKind.LINES, lines={"BOX": 1})
    house.finish_refunds(order)
    (mail,) = mails(house, order)
    assert "We have sent 19.99 EUR back: asked for." in mail.text
    assert "- 1 × The BOX" in mail.text.splitlines()


def test_money_without_goods_names_none() -> None:
    house = shop()
    order = house.buy(("BOX", 2))
    house.browser_returns(order)
    house.serve(order)
    house.refund(order, RefundKind.AMOUNT, amount=500)
    house.finish_refunds(order)
    (mail,) = mails(house, order)
    assert "We have sent 5.00 EUR back" in mail.text
    assert "×" not in mail.text + mail.html


def test_a_mail_goes_out_again_as_it_was_and_once() -> None:
    """The keys are those of that hand-out, the counts those of that moment; to the corrected address."""
    house = House(in_memory(Memory()))
    house.product("KEY", 1, Kind.DIGITAL, OnShortage.BACKORDER)
    order = house.buy(("KEY", 2), accept_partial=True)
    house.browser_returns(order)
    house.serve(order)
    first = next(event for event in house.order(order).events if event.type == events.PARTIALLY_FULFILLED)
    house.import_keys("KEY", ["later-1"], "second")
    house.feed("KEY")
    house.resend(order, first.id, email="eve@example.com")
    sent = mails(house, order)
    again = sent[-1]
    assert [again.subject, again.text, again.html] == [sent[0].subject, sent[0].text, sent[0].html]
    assert again.to == "eve@example.com"
    assert "later-1" not in again.text
    assert mails(house, order) == []


def test_the_last_mail_goes_out_again_with_its_own_reason() -> None:
    house = shop()
    order = house.buy(("BOX", 1))
    house.browser_returns(order)
    house.refund(order)
    house.finish_refunds(order)
    house.note(order, "called twice", "note-1")
    house.resend(order)
    first, again = mails(house, order)
    assert first.text == again.text
    assert "asked for" in again.text


def test_what_was_never_mailed_is_not_mailed_again() -> None:
    house = shop()
    session = house.session(("BOX", 1))
    order = house.place(session, "first").order
    house.place(session, "second")
    with pytest.raises(NothingToResend):
        house.resend(order)


def test_who_may_have_a_mail_again_is_who_had_it() -> None:
    """Orders and notifications know it each for themselves: what staff may send again is what was sent."""
    to_customers = {type_ for type_, kind in OF_EVENTS.items() if MANNERS[kind].audience is Audience.CUSTOMER}
    assert {*staff.MAILED, events.PLACED} == to_customers
    assert telling.RESENT == events.MAIL_RESENT
