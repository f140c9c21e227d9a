"""An order that is paid twice: the money that it did not need goes back by itself, once, and nothing else happens to it."""

from typing import Any

import pytest

from holdfast.kernel.errors import UnavailableError
from holdfast.orders import events, second_payments, settlement
from holdfast.orders.going_back import RefundState
from holdfast.orders.model import Order, PaymentStatus, Status
from holdfast.orders.neighbours import Dispute, DisputeState, FactKind, Movement, Progress, Returned
from holdfast.orders.paying import Outcome
from holdfast.orders.refunding import Kind as RefundKind
from holdfast.payments.errors import PaymentStateConflict, PaymentUnknown
from holdfast.payments.model import EventState, GivenState, ProviderEvent
from holdfast.wiring.payments import PaymentsForOrders
from tests.memory.acquirer import AcquirerHouse
from tests.memory.acquirer_book import Mood
from tests.memory.house import HOLD
from tests.unit.orders.desks import end, shop


def paid(house: AcquirerHouse, boxes: int = 2) -> Order:
    order = house.buy(("BOX", boxes))
    house.browser_returns(order)
    return house.order(order)


def types(order: Order) -> list[str]:
    return [event.type for event in order.events]


def again(house: AcquirerHouse, order: Order) -> None:
    house.bank.come(order.payment.id, order.amount)


def elsewhere(house: AcquirerHouse, order: Order) -> str:
    name: str = house.bank.pay_elsewhere(order, order.amount)
    return name


def test_a_payment_that_is_paid_twice_gives_the_second_back() -> None:
    memory, house = shop()
    order = paid(house)
    again(house, order)
    settled = house.work_at(house.webhook(order))
    assert settled.outcome is Outcome.APPLIED
    (refund,) = settled.order.refunds
    assert (refund.amount, refund.state, refund.lines) == (order.amount, RefundState.DONE, {})
    assert refund.of is not None
    assert (refund.of.payment, refund.of.charge) == (order.payment.id, f"ch_{order.payment.id}_1")
    assert types(settled.order)[-3:] == [events.SECOND_PAYMENT, events.REFUND_DUE, events.SECOND_PAYMENT_REFUNDED]
    assert settled.order.events[-3].data == {
        "payment": order.payment.id,
        "provider": "sandbox",
        "charge": f"ch_{order.payment.id}_1",
        "amount": order.amount,
        "currency": "EUR",
        "refund": refund.id,
    }
    assert (settled.order.status, settled.order.payment) == (order.status, order.payment)
    assert settled.order.to_refund == order.amount  # none of its own money went
    assert house.work_at(house.webhook(order)).outcome is Outcome.IGNORED
    assert house.bank.book(order.payment.id).balance == order.amount
    end(house, memory)


def test_both_payments_are_heard_of_at_once() -> None:
    memory, house = shop()
    order = house.buy(("BOX", 2))
    again(house, order)
    settled = house.browser_returns(order)
    assert settled is not None
    assert (settled.order.status, settled.order.payment.status) == (Status.PAID, PaymentStatus.SUCCEEDED)
    assert types(settled.order).count(events.SECOND_PAYMENT) == 1
    end(house, memory)


@pytest.mark.parametrize("state", ["paid", "refunded", "cancelled"])
def test_another_payment_for_the_order_goes_back_when_it_has_its_money_or_has_ended(state: str) -> None:
    memory, house = shop()
    order = house.place(house.session(("BOX", 2))).order if state == "cancelled" else paid(house)
    if state != "paid":
        house.cancel(order) if state == "cancelled" else house.refund(order)
    standing = house.order(order)
    other = elsewhere(house, order)
    settled = house.work_at(house.webhook(order, payment=other))
    assert (settled.outcome, settled.order.status) == (Outcome.APPLIED, standing.status)
    assert house.bank.book(other).balance == 0
    assert house.work_at(house.webhook(order, payment=other)).outcome is Outcome.IGNORED
    end(house, memory)


def test_the_money_of_a_cancelled_order_is_still_known_as_its_own_after_a_strange_payment_went_back() -> None:
    memory, house = shop()
    order = house.place(house.session(("BOX", 2))).order
    house.cancel(order)
    house.work_at(house.webhook(order, payment=elsewhere(house, order)))
    assert house.order(order).payment.status is PaymentStatus.PENDING
    house.bank.come(order.payment.id, order.amount)
    settled = house.browser_returns(order)
    assert settled is not None
    assert (settled.order.status, settled.order.payment.captured, settled.order.payment.refunded) == (Status.REFUNDED, 3998, 3998)
    end(house, memory)


def test_an_order_that_waits_for_its_own_money_shows_a_strange_payment_to_a_person() -> None:
    _, house = shop()
    order = house.place(house.session(("BOX", 2))).order
    settled = house.work_at(house.webhook(order, payment=elsewhere(house, order)))
    assert (settled.order.status, settled.order.refunds) == (Status.PAYMENT_REVIEW, ())


def test_a_second_payment_in_another_currency_waits_for_a_person() -> None:
    _, house = shop()
    order = paid(house)
    settled = house.settle(house.fact(order, payment="pay_other", currency="USD"))
    assert (settled.order.status, settled.order.refunds) == (Status.PAID, ())
    assert settled.order.events[-1].type == events.PAYMENT_REVIEW


def test_news_under_another_name_of_the_same_money_is_not_a_second_payment() -> None:
    """Some providers tell of a transaction, and not of the payment that they had made for us."""
    memory, house = shop()
    order = house.buy(("BOX", 2))
    charge = f"ch_{order.payment.id}_0"
    for _ in range(2):
        settled = house.settle(house.fact(order, payment="transaction-7", charge=charge))
        assert (settled.order.status, settled.order.payment.charge, settled.order.refunds) == (Status.PAID, charge, ())
    again(house, order)
    told = house.fact(order, payment="transaction-8", charge=charge)
    settled = house.settle(told)
    assert [refund.of.charge for refund in settled.order.refunds if refund.of] == [f"ch_{order.payment.id}_1"]
    end(house, memory)


def test_its_own_money_is_known_by_the_movement_when_the_provider_forgot_the_payment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some providers forget the names of their payments before those of the money."""
    _, house = shop()
    order = paid(house)

    def forgotten(*_: Any) -> None:
        raise PaymentUnknown

    monkeypatch.setattr(PaymentsForOrders, "look", forgotten)
    told = house.fact(order, payment="transaction-7", charge=order.payment.charge, refunded=100)
    settled = house.settle(told)
    assert [(refund.of, refund.amount) for refund in settled.order.refunds] == [(None, 100)]


@pytest.mark.parametrize("answer", ["unknown", "unclear"])
def test_money_of_which_the_provider_does_not_say_whose_it_is_goes_nowhere(answer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _, house = shop()
    order = paid(house)

    def look(*_: Any) -> Any:
        if answer == "unknown":
            raise PaymentUnknown
        return house.fact(order, charge=None)

    monkeypatch.setattr(PaymentsForOrders, "look", look)
    with pytest.raises(UnavailableError):
        house.settle(house.fact(order, payment="transaction-7", charge="another"))
    assert house.order(order).refunds == ()


def test_a_dispute_that_is_told_of_the_movement_is_one_of_the_payment() -> None:
    _, house = shop()
    order = paid(house)
    dispute = Dispute(id="cbk_1", amount=order.amount, currency=order.currency, state=DisputeState.LOST)
    told = house.fact(order, payment="transaction-7", charge=order.payment.charge, disputes=(dispute,))
    for _ in range(2):
        settled = house.settle(told)
        assert [known.id for known in settled.order.disputes] == ["cbk_1"]
        assert (settled.order.payment.status, settled.order.refunds) == (PaymentStatus.CHARGED_BACK, ())


def test_news_that_names_no_movement_of_money_is_one_payment_however_often_it_comes() -> None:
    memory, house = shop()
    order = paid(house)
    other = elsewhere(house, order)
    for charge in (None, f"ch_{other}_0", None):
        house.settle(house.fact(order, payment=other, charge=charge))
    done = house.order(order)
    assert (len(done.refunds), types(done).count(events.SECOND_PAYMENT), house.bank.book(other).balance) == (1, 1, 0)
    end(house, memory)


def test_the_charge_that_paid_is_its_own_whichever_one_the_provider_names_first() -> None:
    _, house = shop()
    order = paid(house)
    own = order.payment.charge
    assert own is not None
    told = house.fact(order, charge="ch_other", beside=(Movement(id=own, amount=order.amount, currency="EUR"),))
    settled = house.settle(told)
    assert [refund.of.charge for refund in settled.order.refunds if refund.of] == ["ch_other"]


def test_the_decision_stands_when_the_provider_is_down_and_is_carried_out_later(monkeypatch: pytest.MonkeyPatch) -> None:
    memory, house = shop()
    order = paid(house)
    again(house, order)
    with monkeypatch.context() as down:
        down.setattr(house.bank, "refund", _down)
        settled = house.work_at(house.webhook(order))
    assert (settled.outcome, settled.order.refund_due) == (Outcome.APPLIED, True)
    assert (settled.order.status, settled.order.payment.status) == (Status.PAID, PaymentStatus.SUCCEEDED)
    assert house.finish_refunds(order).refund_due is False
    end(house, memory)


def _down(*_: Any) -> Any:
    raise UnavailableError("It does not answer.")


@pytest.mark.parametrize("part", [1, 3998])
def test_what_a_person_gave_back_of_it_is_not_given_back_again(part: int) -> None:
    """Before the decision was carried out."""
    memory, house = shop()
    order = paid(house)
    other = elsewhere(house, order)
    event = house.webhook(order, payment=other)
    house.bank.refund, refund = _down, house.bank.refund
    house.work_at(event)
    house.bank.refund = refund
    house.bank.give_back(other, part)
    done = house.finish_refunds(order)
    assert (done.refund_due, done.payment.refunded, house.bank.book(other).balance) == (False, 0, 0)
    end(house, memory)


@pytest.mark.parametrize("part", [1, 3998])
def test_the_same_of_a_charge_beside_the_own(part: int) -> None:
    memory, house = shop()
    order = paid(house)
    again(house, order)
    event = house.webhook(order)
    house.bank.refund, refund = _down, house.bank.refund
    house.work_at(event)
    house.bank.refund = refund
    house.bank.give_back(order.payment.id, part, f"ch_{order.payment.id}_1")
    done = house.finish_refunds(order)
    assert (done.refund_due, done.payment.refunded, house.bank.book(order.payment.id).balance) == (False, 0, order.amount)
    end(house, memory)


def test_a_second_payment_whose_way_back_failed_is_seen_and_begun_anew() -> None:
    memory, house = shop()
    order = paid(house)
    house.bank.be(Mood.FAILED)
    again(house, order)
    failed = house.work_at(house.webhook(order)).order
    assert ([refund.state for refund in failed.refunds], failed.events[-1].type) == ([RefundState.FAILED], events.REFUND_FAILED)
    assert (failed.payment.status, failed.to_refund) == (PaymentStatus.SUCCEEDED, order.amount)
    house.bank.be(Mood.DONE)
    begun = house.again(order)
    assert (begun.refunds[0].state, begun.refunds[0].attempt, begun.events[-1].data["attempt"]) == (RefundState.DUE, 2, 2)
    assert house.finish_refunds(order).refunds[0].state is RefundState.DONE
    end(house, memory)


def test_it_takes_nothing_from_what_may_go_back_of_the_orders_own() -> None:
    memory, house = shop()
    order = paid(house)
    again(house, order)
    house.work_at(house.webhook(order))
    house.refund(order, RefundKind.FULL)
    done = house.finish_refunds(order)
    assert (done.payment.status, done.payment.refunded, house.bank.book(order.payment.id).balance) == (PaymentStatus.REFUNDED, 3998, 0)
    end(house, memory)


def test_what_went_back_of_the_second_is_not_the_firsts() -> None:
    """It is told by its key only: what is due of the first is still due."""
    memory, house = shop()
    order = paid(house)
    again(house, order)
    second = house.work_at(house.webhook(order)).order.refunds[0]
    house.refund(order, RefundKind.LINES, lines={"BOX": 1})
    returned = Returned(ref="re_9", amount=order.amount, progress=Progress.DONE, key=f"{order.id}#{second.id}")
    told = house.fact(order, charge=order.payment.charge, refunds=(returned,))
    house.bank.refund, refund = _down, house.bank.refund
    assert house.settle(told).order.refund_due is True
    house.bank.refund = refund
    assert house.finish_refunds(order).payment.refunded == order.amount // 2
    end(house, memory)


def test_money_for_the_order_after_its_hold_is_its_own_and_what_comes_twice_goes_back() -> None:
    memory, house = shop()
    order = house.place(house.session(("BOX", 2))).order
    house.now += 2 * HOLD
    house.sweep()
    house.bank.come(order.payment.id, order.amount)
    again(house, order)
    settled = house.browser_returns(order)
    assert settled is not None
    assert (settled.order.status, len(settled.order.refunds)) == (Status.PAID, 1)
    end(house, memory)


def test_the_providers_refusal_reaches_nobody_who_only_brought_news() -> None:
    """An account that may not give back, for instance: the payment is settled all the same."""
    _, house = shop()
    order = house.place(house.session(("BOX", 2))).order
    house.cancel(order)
    house.bank.come(order.payment.id, order.amount)
    house.bank.refund = _refused
    settled = house.browser_returns(order)
    assert settled is not None
    assert (settled.order.status, settled.order.payment.status) == (Status.REFUNDED, PaymentStatus.REFUND_DUE)
    with pytest.raises(PaymentStateConflict):
        house.finish_refunds(order)


def _refused(*_: Any) -> Any:
    raise PaymentStateConflict("It will not.", payment_status="succeeded")


def test_failed_news_of_a_strange_payment_is_nothing() -> None:
    _, house = shop()
    order = paid(house)
    for kind in (FactKind.FAILED, FactKind.EXPIRED, FactKind.REFUNDED):
        assert house.settle(house.fact(order, kind, payment="pay_other")).outcome is Outcome.IGNORED
    assert house.order(order) == order


def test_a_way_back_that_failed_after_all_is_found_when_the_money_is_seen_again() -> None:
    _, house = shop()
    order = paid(house)
    again(house, order)
    assert house.work_at(house.webhook(order)).order.refunds[0].state is RefundState.DONE
    house.bank.ends(order.payment.id, GivenState.FAILED, done_too=True)
    assert house.work_at(house.webhook(order)).order.refunds[0].state is RefundState.FAILED


def test_news_is_not_noted_as_applied_before_all_of_it_is_booked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else nobody would look at it again, and the second payment would stay."""
    _, house = shop()
    order = house.buy(("BOX", 2))
    again(house, order)
    event = house.webhook(order)
    due = second_payments.due

    def dies(*_: Any) -> Order:
        raise UnavailableError("the worker is gone")

    monkeypatch.setattr(settlement, "BESIDE", (dies, *settlement.BESIDE[1:]))
    with pytest.raises(UnavailableError):
        house.work_at(event)
    assert house.order(order).status is Status.PAID
    assert noted(house, event) is not EventState.APPLIED
    monkeypatch.setattr(settlement, "BESIDE", (due, *settlement.BESIDE[1:]))
    after = house.work_at(event).order
    assert [bool(refund.of) for refund in after.refunds] == [True]
    assert noted(house, event) is EventState.APPLIED


def noted(house: AcquirerHouse, event: ProviderEvent) -> EventState:
    found = house.stores.inbox.get(house.shop, event.provider, event.id)
    assert found is not None
    return EventState(found.state)
