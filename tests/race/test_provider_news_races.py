"""Several workers hear at once what a provider tells beside that the money came: each thing is booked once, whoever is first."""

from collections.abc import Callable
from typing import Any

from holdfast.orders import events
from holdfast.orders.going_back import RefundState
from holdfast.orders.model import Order, PaymentStatus, Status
from holdfast.orders.neighbours import DisputeState, FactKind, PaymentFact, Progress, Returned
from holdfast.orders.refunding import Kind as RefundKind
from holdfast.orders.settlement import Outcome, Settled
from holdfast.payments.providers.sandbox.proxy import Action
from tests.memory.house import House
from tests.memory.threads import meet, together
from tests.race.test_order_races import a_millisecond_apart

Careless = Callable[..., House]
WORKERS = 4


def paid(house: House) -> Order:
    house.product("A", 5)
    order = house.buy(("A", 2))
    house.browser_returns(order)
    return house.order(order)


def types(order: Order) -> list[str]:
    return [event.type for event in order.events]


def heard_at_once(house: House, fact: PaymentFact) -> list[Any]:
    meet(house.stores.orders, "get", WORKERS)
    return together(a_millisecond_apart(house, [lambda own: own.settle(fact)] * WORKERS))


def applied(answers: list[Any]) -> int:
    return sum(isinstance(answer, Settled) and answer.outcome is Outcome.APPLIED for answer in answers)


# Paid twice.


def paid_elsewhere(house: House) -> tuple[Order, str, list[Any]]:
    order = paid(house)
    other = house.place(house.session(("A", 2)), "other").order.payment.id
    house.at_provider(order.model_copy(update={"payment": order.payment.model_copy(update={"id": other})}), Action.PAY)
    answers = heard_at_once(house, house.fact(order, payment=other))
    return house.order(order), other, answers


def test_a_second_payment_that_several_hear_of_goes_back_once(house: House) -> None:
    order, other, answers = paid_elsewhere(house)
    assert applied(answers) == 1
    done = house.finish_refunds(order)
    assert ([one.state for one in done.refunds], types(done).count(events.SECOND_PAYMENT)) == ([RefundState.DONE], 1)
    assert types(done).count(events.SECOND_PAYMENT_REFUNDED) == 1
    assert house.stores.provider.status(other).news == "refunded"
    assert (done.payment.status, done.to_refund) == (PaymentStatus.SUCCEEDED, done.amount)


def test_without_the_guard_it_is_decided_by_each(careless: Careless) -> None:
    _, _, answers = paid_elsewhere(careless("VERSION_BEFORE"))
    assert applied(answers) > 1


# Given back by hand.


def given_back_by_hand(house: House) -> tuple[Order, list[Any]]:
    order = paid(house)
    piece = Returned(ref="re_1", amount=500, progress=Progress.DONE)
    answers = heard_at_once(house, house.fact(order, refunded=500, refunds=(piece,)))
    return house.order(order), answers


def test_a_part_by_hand_that_several_hear_of_is_booked_once(house: House) -> None:
    order, answers = given_back_by_hand(house)
    assert (applied(answers), [one.amount for one in order.refunds], order.payment.refunded) == (1, [500], 500)
    assert types(order).count(events.PARTIALLY_REFUNDED) == 1


def test_without_the_guard_it_is_booked_by_each(careless: Careless) -> None:
    _, answers = given_back_by_hand(careless("VERSION_BEFORE"))
    assert applied(answers) > 1


# Taken by a bank.


def lost(house: House, order: Order) -> PaymentFact:
    told = {"id": "dp_1", "amount": order.amount, "currency": "EUR", "state": DisputeState.LOST}
    return house.fact(order, disputes=(told,))


def lost_at_once(house: House) -> tuple[Order, list[Any]]:
    order = paid(house)
    answers = heard_at_once(house, lost(house, order))
    return house.order(order), answers


def test_a_dispute_whose_loss_several_hear_of_is_lost_once(house: House) -> None:
    order, answers = lost_at_once(house)
    assert (applied(answers), order.status, order.payment.charged_back) == (1, Status.REFUNDED, order.amount)
    assert types(order).count(events.CHARGED_BACK) == 1
    assert (house.level("A").available, house.level("A").on_hand) == (5, 5)


def refunded_while_lost(house: House) -> tuple[Order, list[Any]]:
    order = paid(house)
    fact = lost(house, order)
    meet(house.stores.orders, "get", 2)
    acts: list[Callable[[House], Any]] = [lambda own: own.settle(fact), lambda own: own.refund(order, RefundKind.AMOUNT, amount=500)]
    answers = together(a_millisecond_apart(house, acts))
    return house.order(order), answers


def test_money_that_a_bank_takes_is_not_given_back_as_well(house: House) -> None:
    order, _ = refunded_while_lost(house)
    promised = sum(one.amount for one in order.refunds if one.state is not RefundState.FAILED)
    assert (order.payment.charged_back, order.status) == (order.amount, Status.REFUNDED)
    # The refund came first and its provider gave it before the bank spoke, or there was nothing left for it.
    assert promised == order.payment.refunded


def test_without_the_guard_one_of_both_is_forgotten(careless: Careless) -> None:
    _, answers = refunded_while_lost(careless("VERSION_BEFORE"))
    assert all(isinstance(answer, Settled | Order) for answer in answers)
    settled, refunded = answers
    assert (settled.order.payment.charged_back, len(refunded.refunds)) == (settled.order.amount, 1)
    assert refunded.payment.charged_back == 0


def test_all_of_it_by_hand_and_lost_at_once_ends_the_order_once(house: House) -> None:
    order = paid(house)
    facts = [lost(house, order), house.fact(order, FactKind.REFUNDED)]
    meet(house.stores.orders, "get", 2)
    together(a_millisecond_apart(house, [lambda own, fact=fact: own.settle(fact) for fact in facts]))  # type: ignore[misc]
    ended = house.order(order)
    assert (ended.status, ended.to_refund) == (Status.REFUNDED, 0)
    assert (house.level("A").available, house.level("A").on_hand) == (5, 5)
