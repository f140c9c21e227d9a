"""The worker of the inbox: when an event is taken by its word and when its provider is asked, and what becomes of what cannot be used."""

from datetime import timedelta
from typing import Any

import pytest

from holdfast.kernel.errors import UnavailableError, VersionConflict
from holdfast.orders.model import Order, PaymentStatus, Status
from holdfast.payments import receiving, working
from holdfast.payments.errors import AmountNotPayable, CredentialsRefused, PaymentStateConflict
from holdfast.payments.model import EventState, News, ProviderEvent
from holdfast.platform.calling import PartnerUnavailable
from tests.memory.engine import Memory
from tests.memory.house import House
from tests.memory.inbox import Desk
from tests.memory.stores import in_memory


@pytest.fixture
def desk() -> Desk:
    house = House(in_memory(Memory()))
    house.product("A", 5)
    return Desk.of(house)


def placed(desk: Desk) -> Order:
    return desk.house.place(desk.house.session(("A", 2))).order


def paid(desk: Desk) -> tuple[Order, ProviderEvent]:
    order = placed(desk)
    desk.bank.becomes(order.payment.id, news=News.SUCCEEDED, charge="ch_1")
    return order, desk.hear(order.payment.id, "evt_paid")


def change(desk: Desk, event: ProviderEvent, **changes: Any) -> ProviderEvent:
    """The event as it would have come."""
    return desk.house.stores.inbox.add(event.model_copy(update={"id": "evt_changed", **changes}))


# By its word, or by asking.


def test_money_that_an_order_waits_for_is_taken_by_the_events_word(desk: Desk) -> None:
    order, event = paid(desk)
    after = desk.work_at(event)
    assert (after.state, after.order, desk.bank.asked) == (EventState.APPLIED, order.id, [])
    assert desk.house.order(order).status is Status.PAID
    found = desk.stored(event)
    assert (found.state, found.order, found.attempts, found.version) == (EventState.APPLIED, order.id, 1, 2)


@pytest.mark.parametrize("changes", [{"amount": 3997}, {"currency": "USD"}, {"payment": "pay_other"}])
def test_money_that_is_not_what_it_waits_for_is_asked_about(desk: Desk, changes: dict[str, Any]) -> None:
    """The event lies or is old: the book has the whole amount."""
    order, event = paid(desk)
    assert event.fact is not None
    wrong = change(desk, event, fact=event.fact.model_copy(update=changes))
    assert desk.work_at(wrong).state is EventState.APPLIED
    assert (desk.bank.asked, desk.house.order(order).status) == (["status"], Status.PAID)


def test_an_event_without_a_fact_is_asked_about(desk: Desk) -> None:
    order = placed(desk)
    desk.bank.becomes(order.payment.id, news=News.FAILED)
    assert desk.work_at(desk.hear(order.payment.id, "evt_failed")).state is EventState.APPLIED
    assert desk.house.order(order).status is Status.PAYMENT_FAILED


def test_an_old_success_of_money_that_went_back_is_not_believed(desk: Desk) -> None:
    order, event = paid(desk)
    desk.bank.give_by_hand(order.payment.id, order.amount)
    assert desk.work_at(desk.hear(order.payment.id, "evt_refunded")).state is EventState.APPLIED
    assert desk.work_at(event).state is EventState.IGNORED
    assert desk.bank.asked == ["status", "status"]
    assert desk.house.order(order).payment.status is PaymentStatus.REFUNDED


def test_hearsay_is_all_that_there_is(desk: Desk) -> None:
    desk.bank.hearsay = True
    order, event = paid(desk)
    desk.bank.book.clear()
    desk.work_at(event)
    assert (desk.bank.asked, desk.house.order(order).status) == ([], Status.PAID)


def test_nothing_final_is_ignored_and_a_later_event_counts(desk: Desk) -> None:
    order = placed(desk)
    after = desk.work_at(desk.hear(order.payment.id, "evt_tried"))
    assert (after.state, after.reason, after.order) == (EventState.IGNORED, working.NOTHING_YET, order.id)
    desk.bank.becomes(order.payment.id, news=News.SUCCEEDED)
    assert desk.work_at(desk.hear(order.payment.id, "evt_paid")).state is EventState.APPLIED


# Collecting.


def test_what_was_agreed_to_is_collected_once(desk: Desk) -> None:
    order = placed(desk)
    desk.bank.becomes(order.payment.id, news=News.AUTHORIZED)
    event = desk.hear(order.payment.id, "evt_authorized")
    assert desk.work_at(event).state is EventState.APPLIED
    assert (desk.bank.asked, desk.house.order(order).status) == (["status", "capture"], Status.PAID)


def test_what_was_collected_by_another_is_asked_for(desk: Desk) -> None:
    order = placed(desk)
    desk.bank.becomes(order.payment.id, news=News.AUTHORIZED)
    event = desk.hear(order.payment.id, "evt_authorized")
    original = desk.bank.capture

    def faster(*given: Any) -> Any:
        original(*given)
        raise PaymentStateConflict("It was captured.", payment_status="captured")

    desk.bank.capture = faster  # type: ignore[method-assign]
    assert desk.work_at(event).state is EventState.APPLIED
    assert (desk.bank.asked, desk.house.order(order).status) == (["status", "capture", "status"], Status.PAID)


@pytest.mark.parametrize("changes", [{"amount": 3997}, {"currency": "USD"}])
def test_another_amount_is_not_collected(desk: Desk, changes: dict[str, Any]) -> None:
    order = placed(desk)
    desk.bank.becomes(order.payment.id, news=News.AUTHORIZED, **changes)
    assert desk.work_at(desk.hear(order.payment.id, "evt_authorized")).state is EventState.IGNORED
    assert desk.bank.asked == ["status"]


def test_nothing_is_collected_for_an_order_that_ended(desk: Desk) -> None:
    order = placed(desk)
    desk.house.cancel(order)
    desk.bank.becomes(order.payment.id, news=News.AUTHORIZED)
    assert desk.work_at(desk.hear(order.payment.id, "evt_authorized")).state is EventState.IGNORED
    assert desk.bank.asked == ["status"]


# Whose it is.


def test_what_is_of_another_shop_is_ignored(desk: Desk) -> None:
    order = placed(desk)
    desk.bank.becomes(order.payment.id, news=News.SUCCEEDED, shop="other")
    told, asked = desk.hear(order.payment.id, "evt_told"), desk.hear(order.payment.id, "evt_asked", by_word=False)
    for event in (told, asked):
        after = desk.work_at(event)
        assert (after.state, after.reason) == (EventState.IGNORED, receiving.ANOTHER_SHOP)
    assert desk.house.order(order).status is Status.PENDING_PAYMENT


def test_test_money_in_a_live_account_is_ignored_also_when_it_is_asked_for_again(desk: Desk) -> None:
    _, event = paid(desk)
    desk.bank.live = True
    after = desk.work_at(event)
    assert (after.state, after.reason) == (EventState.IGNORED, receiving.ANOTHER_WORLD)


def test_what_the_provider_does_not_know_is_none_of_ours(desk: Desk) -> None:
    _, event = paid(desk)
    foreign = change(desk, event, fact=None, payment="pi_of_another_system", order=None)
    after = desk.work_at(foreign)
    assert (after.state, after.reason) == (EventState.IGNORED, working.UNKNOWN_PAYMENT)


# An order that is not there.


def of_nobody(desk: Desk) -> ProviderEvent:
    _, event = paid(desk)
    assert event.fact is not None
    return change(desk, event, fact=event.fact.model_copy(update={"order": "ord_later"}), order="ord_later")


def test_an_unknown_order_is_looked_for_again_and_the_provider_left_in_peace(desk: Desk) -> None:
    event, waits, looked = of_nobody(desk), [], 0
    for _ in range(5):
        assert desk.work_at(event, looked=looked).state is EventState.UNMATCHED
        for _, how, delay in desk.passed.take():
            looked = how["looked"]
            waits.append(delay)
    assert waits == [timedelta(seconds=30), timedelta(minutes=2), timedelta(minutes=5)]
    assert (desk.bank.asked, desk.stored(event).reason) == ([], working.UNKNOWN_ORDER)


def test_an_order_that_comes_later_gets_its_money(desk: Desk) -> None:
    order, event = paid(desk)
    orders = desk.house.stores.orders
    get, orders.get = orders.get, lambda *_: None  # type: ignore[method-assign]
    assert desk.work_at(event).state is EventState.UNMATCHED
    orders.get = get  # type: ignore[method-assign]
    ((passed, how, _),) = desk.passed.take()
    after = desk.work_at(passed, looked=how["looked"])
    assert (after.state, desk.house.order(order).status, desk.stored(event).attempts) == (EventState.APPLIED, Status.PAID, 2)


def test_an_unknown_order_that_only_the_provider_names_is_kept_by_its_name(desk: Desk) -> None:
    order = placed(desk)
    desk.bank.becomes(order.payment.id, news=News.FAILED, order="ord_later")
    event = desk.hear(order.payment.id, "evt_failed")
    for _ in range(2):
        assert (desk.work_at(event).state, desk.stored(event).order) == (EventState.UNMATCHED, "ord_later")
    assert desk.bank.asked == ["status"]


# What goes wrong.


@pytest.mark.parametrize("error", [PartnerUnavailable("down", partner="bank"), CredentialsRefused("no", provider="bank")])
def test_what_may_be_over_at_the_next_try_is_tried_again(desk: Desk, error: Exception) -> None:
    order = placed(desk)
    desk.bank.becomes(order.payment.id, news=News.FAILED)
    event = desk.hear(order.payment.id, "evt_failed")
    desk.bank.down = error
    for number in (1, 2):
        with pytest.raises(type(error)):
            desk.work_at(event)
        after = desk.failed(event, error)
        assert (after.state, after.reason, after.attempts) == (EventState.FAILED, getattr(error, "code", None), number)
    desk.bank.down = None
    assert (desk.work_at(event).state, desk.stored(event).reason) == (EventState.APPLIED, None)


def test_after_the_last_try_it_is_dead_and_may_live_again(desk: Desk) -> None:
    order, event = paid(desk)
    after = desk.failed(event, UnavailableError("full of the customer's name"), last=True)
    assert (after.state, after.reason) == (EventState.DEAD, "unavailable")
    assert desk.work_at(event).state is EventState.APPLIED  # its message came back from the dead letters
    assert desk.house.order(order).status is Status.PAID


def test_a_fault_of_ours_is_noted_without_its_words(desk: Desk) -> None:
    _, event = paid(desk)
    assert desk.failed(event, KeyError("ada@example.com")).reason == "internal_error"


def test_what_no_later_try_would_mend_is_dead_at_once(desk: Desk) -> None:
    order = placed(desk)
    event = desk.hear(order.payment.id, "evt_1", by_word=False)
    desk.bank.down = AmountNotPayable("a fraction", currency="JPY")
    assert (desk.work_at(event).state, desk.stored(event).reason) == (EventState.DEAD, "amount_not_payable")


def test_a_provider_that_the_shop_does_not_have_any_more(desk: Desk) -> None:
    _, event = paid(desk)
    gone = change(desk, event, provider="stripe")
    assert (desk.work_at(gone).state, desk.stored(gone).reason) == (EventState.DEAD, working.NOT_CONNECTED)


def test_an_applied_event_stays_so_whatever_comes_after(desk: Desk) -> None:
    _, event = paid(desk)
    desk.work_at(event)
    assert desk.failed(event, UnavailableError("x"), last=True).state is EventState.APPLIED
    assert desk.work_at(event).state is EventState.APPLIED
    assert (desk.stored(event).attempts, desk.bank.asked) == (1, [])


def test_asked_for_again_an_applied_event_asks_the_provider(desk: Desk) -> None:
    order, event = paid(desk)
    desk.work_at(event)
    desk.bank.give_by_hand(order.payment.id, order.amount)
    assert desk.work_at(event, again=True).state is EventState.APPLIED
    assert (desk.bank.asked, desk.house.order(order).payment.status) == (["status"], PaymentStatus.REFUNDED)
    assert desk.stored(event).state is EventState.APPLIED


def test_an_ignored_event_is_not_worked_at(desk: Desk) -> None:
    order = placed(desk)
    event = desk.hear(order.payment.id, "evt_tried")
    desk.work_at(event)
    desk.bank.becomes(order.payment.id, news=News.SUCCEEDED)
    assert desk.work_at(event).state is EventState.IGNORED
    assert desk.failed(event, UnavailableError("x")).state is EventState.IGNORED
    assert desk.bank.asked == ["status"]


def test_an_order_that_keeps_changing_is_tried_again(desk: Desk) -> None:
    _, event = paid(desk)

    def refuse(*_: Any, **__: Any) -> None:
        raise VersionConflict("The order was changed meanwhile.")

    desk.house.stores.commit = refuse
    with pytest.raises(VersionConflict):
        desk.work_at(event)
    assert desk.stored(event).state is EventState.RECEIVED


def test_a_refund_that_is_refused_keeps_no_event_from_being_applied(desk: Desk) -> None:
    """The money is too late and goes back, and the provider does not want to: that is the refund's business, which is asked for again."""
    order = placed(desk)
    desk.house.cancel(order)
    desk.bank.becomes(order.payment.id, news=News.SUCCEEDED)
    event = desk.hear(order.payment.id, "evt_paid")

    def refuse(*_: Any) -> None:
        raise PaymentStateConflict("not now", payment_status="locked")

    desk.bank.refund = refuse  # type: ignore[method-assign]
    assert desk.work_at(event).state is EventState.APPLIED
    del desk.bank.refund
    assert desk.work_at(event).state is EventState.APPLIED  # its message comes twice, and what was left is finished
    assert desk.bank.book[order.payment.id].refunded == order.amount


def test_there_is_no_such_event(desk: Desk) -> None:
    assert working.work_at("demo", "sandbox", "evt_none", world=desk.world, now=desk.house.now) is None
    error = UnavailableError("x")
    assert working.failed("demo", "sandbox", "evt_none", error, last=True, inbox=desk.house.stores.inbox, now=desk.house.now) is None
