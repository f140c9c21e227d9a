"""What a provider answers who asks it to give back, and what people give back in its own pages."""

from typing import Any

import pytest

from holdfast.kernel.events import CUSTOMER
from holdfast.orders import events
from holdfast.orders.going_back import RefundState
from holdfast.orders.model import Order, PaymentStatus, Status
from holdfast.orders.paying import Outcome
from holdfast.orders.refunding import Kind as RefundKind
from holdfast.payments.errors import PaymentStateConflict
from holdfast.payments.model import GivenState
from holdfast.payments.providers.sandbox.proxy import Action
from tests.memory.acquirer import AcquirerHouse
from tests.memory.acquirer_book import Mood
from tests.unit.orders.desks import EACH, end, shop


def served(house: AcquirerHouse) -> Order:
    """Two boxes to be picked, one key handed over, one owed."""
    order = house.buy(("BOX", 2), ("KEY", 2), accept_partial=True)
    house.browser_returns(order)
    house.serve(order)
    return house.order(order)


def told(house: AcquirerHouse, order: Order) -> Any:
    return house.work_at(house.webhook(order))


# Answers to who asks.


def test_a_refund_that_takes_its_time_stays_due_until_the_provider_says_that_it_came() -> None:
    memory, house = shop()
    order = served(house)
    house.bank.be(Mood.PENDING)
    house.refund(order, RefundKind.AMOUNT, amount=500)
    due = house.finish_refunds(order)
    (refund,) = due.refunds
    assert (refund.state, refund.ref, due.payment.status) == (RefundState.DUE, f"re_{order.payment.id}_0", PaymentStatus.REFUND_DUE)
    assert (due.events[-1].type, due.events[-1].data["ref"], due.payment.refunded) == (events.REFUND_PENDING, refund.ref, 0)
    assert house.finish_refunds(order) == due  # asked again, nothing is new
    house.bank.ends(order.payment.id, GivenState.DONE)
    settled = told(house, order)
    assert (settled.outcome, settled.order.refunds[0].state) == (Outcome.APPLIED, RefundState.DONE)
    assert (settled.order.payment.status, settled.order.payment.refunded) == (PaymentStatus.PARTIALLY_REFUNDED, 500)
    assert told(house, order).outcome is Outcome.IGNORED
    end(house, memory)


def test_it_is_found_also_by_who_asks_again() -> None:
    memory, house = shop()
    order = served(house)
    house.bank.be(Mood.PENDING)
    house.refund(order, RefundKind.AMOUNT, amount=500)
    house.finish_refunds(order)
    house.bank.ends(order.payment.id, GivenState.DONE)
    assert house.finish_refunds(order).payment.refunded == 500
    end(house, memory)


@pytest.mark.parametrize("first", ["at once", "after a while", "after it had come"])
def test_a_refund_that_fails_leaves_the_money_with_the_shop_and_is_begun_anew(first: str) -> None:
    memory, house = shop()
    order = served(house)
    house.bank.be({"at once": Mood.FAILED, "after a while": Mood.PENDING, "after it had come": Mood.DONE}[first])
    house.refund(order, RefundKind.LINES, lines={"BOX": 1})
    house.finish_refunds(order)
    house.bank.ends(order.payment.id, GivenState.FAILED, done_too=True)
    told(house, order)
    failed = house.order(order)
    assert ([one.state for one in failed.refunds], failed.events[-1].type) == ([RefundState.FAILED], events.REFUND_FAILED)
    assert (failed.payment.status, failed.payment.refunded, failed.to_refund) == (PaymentStatus.REFUND_FAILED, 0, 4 * EACH)
    assert told(house, order).outcome is Outcome.IGNORED
    house.bank.be(Mood.DONE)
    begun = house.again(order)
    assert (begun.refunds[0].state, begun.refunds[0].attempt, begun.to_refund) == (RefundState.DUE, 2, 3 * EACH)
    assert begun.events[-1].type == events.REFUND_DUE
    assert house.again(order) == begun
    done = house.finish_refunds(order)
    assert (done.payment.status, done.payment.refunded) == (PaymentStatus.PARTIALLY_REFUNDED, EACH)
    keys = [piece.key for piece in house.bank.book(order.payment.id).pieces]
    assert keys == [f"{order.id}#{done.refunds[0].id}", f"{order.id}#{done.refunds[0].id}#2"]
    assert told(house, order).outcome is Outcome.IGNORED  # its first try is still listed there
    end(house, memory)


def test_an_order_that_ended_may_still_have_its_money_given_back_otherwise() -> None:
    memory, house = shop()
    order = served(house)
    house.bank.be(Mood.FAILED)
    house.refund(order)
    failed = house.finish_refunds(order)
    assert (failed.status, failed.to_refund) == (Status.REFUNDED, 4 * EACH)
    house.bank.be(Mood.DONE)
    house.refund(order, RefundKind.FULL, "otherwise")
    done = house.finish_refunds(order)
    assert (done.status, done.payment.status, done.to_refund) == (Status.REFUNDED, PaymentStatus.REFUNDED, 0)
    assert house.again(order) == done  # there is no money left for the first one
    end(house, memory)


# By hand.


def test_a_part_by_hand_is_booked_once_and_the_goods_stay() -> None:
    memory, house = shop()
    order = served(house)
    house.bank.give_back(order.payment.id, 700)
    settled = told(house, order)
    (refund,) = settled.order.refunds
    assert (refund.amount, refund.state, refund.by_hand, refund.lines) == (700, RefundState.DONE, True, {})
    assert (settled.order.status, settled.order.lines) == (order.status, order.lines)
    assert (settled.order.payment.status, settled.order.to_refund) == (PaymentStatus.PARTIALLY_REFUNDED, 4 * EACH - 700)
    assert settled.order.events[-1].type == events.PARTIALLY_REFUNDED
    assert told(house, order).outcome is Outcome.IGNORED
    house.bank.give_back(order.payment.id, 300)
    assert [one.amount for one in told(house, order).order.refunds] == [700, 300]
    end(house, memory)


def test_all_of_it_in_parts_by_hand_ends_the_order() -> None:
    memory, house = shop()
    order = served(house)
    for amount in (EACH, 2 * EACH, EACH):
        house.bank.give_back(order.payment.id, amount)
    settled = told(house, order)
    assert (settled.order.status, settled.order.payment.status) == (Status.REFUNDED, PaymentStatus.REFUNDED)
    assert [one.amount for one in settled.order.refunds] == [EACH, 2 * EACH, EACH]
    assert settled.order.events[-1].type == events.REFUNDED
    assert (settled.order.events[-1].data["returned"], house.free("BOX")) == ({"BOX": 2}, 9)
    end(house, memory)


def test_by_hand_and_by_us_at_once_are_told_apart() -> None:
    """Ours was done, and its answer got lost: the provider lists it by its key."""
    memory, house = shop()
    order = served(house)
    house.refund(order, RefundKind.AMOUNT, amount=500)
    due = house.order(order)
    house.bank.give_back(order.payment.id, 500)
    house.payments_for_orders.refund(give_back(due))  # and nobody hears of it
    settled = told(house, order)
    assert sorted((one.amount, one.by_hand, one.state) for one in settled.order.refunds) == [(500, False, "done"), (500, True, "done")]
    assert settled.order.payment.refunded == 1000
    end(house, memory)


def give_back(order: Order) -> Any:
    from holdfast.kernel.money import Money
    from holdfast.orders import refunding
    from holdfast.orders.neighbours import GiveBack

    refund, of = order.refunds[0], order.payment
    money = Money(amount=refund.amount, currency=order.currency)
    return GiveBack(order.shop, of.provider, of.id, money, refunding.key_of(order, refund), of.charge)


@pytest.mark.parametrize("heard", [True, False])
def test_less_is_left_than_was_to_go_back(heard: bool) -> None:
    """Somebody was faster, whether we hear of it before or when the provider refuses."""
    memory, house = shop()
    order = served(house)
    house.refund(order, RefundKind.LINES, lines={"BOX": 2, "KEY": 1})
    house.bank.give_back(order.payment.id, 2 * EACH)
    if heard:
        told(house, order)
    done = house.finish_refunds(order)
    assert (done.payment.status, done.payment.refunded, done.to_refund) == (PaymentStatus.REFUNDED, 4 * EACH, 0)
    assert sorted((one.amount, one.by_hand) for one in done.refunds) == [(2 * EACH, False), (2 * EACH, True)]
    assert done.status is Status.REFUNDED or not any(one.wanted - one.fulfilled for one in done.lines if one.sku == "BOX")
    end(house, memory)


def test_nothing_is_left_of_what_was_to_go_back() -> None:
    memory, house = shop()
    order = served(house)
    house.refund(order, RefundKind.LINES, lines={"BOX": 1})
    house.at_provider(order, Action.REFUND)
    done = house.finish_refunds(order)
    assert (done.payment.status, done.payment.refunded) == (PaymentStatus.REFUNDED, 4 * EACH)
    assert [(one.amount, one.by_hand, dict(one.lines)) for one in done.refunds] == [(EACH, True, {"BOX": 1}), (3 * EACH, True, {})]
    assert told(house, order).outcome is Outcome.IGNORED
    end(house, memory)


def test_what_came_back_of_a_part_by_hand_is_with_the_shop_again() -> None:
    memory, house = shop()
    order = served(house)
    house.bank.give_back(order.payment.id, 700)
    told(house, order)
    house.bank.ends(order.payment.id, GivenState.FAILED, done_too=True)
    settled = told(house, order)
    assert (settled.order.payment.refunded, settled.order.to_refund) == (0, 4 * EACH)
    assert settled.order.payment.status is PaymentStatus.SUCCEEDED
    assert house.again(order) == settled.order  # what people began, people begin again
    end(house, memory)


def test_a_part_that_went_back_before_we_heard_of_the_money() -> None:
    memory, house = shop()
    order = house.buy(("BOX", 2))
    house.bank.give_back(order.payment.id, 500)
    settled = house.browser_returns(order)
    assert settled is not None
    assert (settled.order.status, settled.order.payment.captured, settled.order.payment.refunded) == (Status.PAID, 2 * EACH, 500)
    end(house, memory)


def test_debts_end_with_the_last_money_by_hand() -> None:
    memory, house = shop()
    order = served(house)
    house.bank.give_back(order.payment.id, 3 * EACH)
    told(house, order)
    house.refund(order, RefundKind.DEBT, "debt", CUSTOMER)
    house.finish_refunds(order)
    end(house, memory)
    assert house.stores.fulfilment.debts.owed(house.shop, "KEY") == 0


def test_an_old_order_that_does_not_know_its_charge_is_read_all_the_same() -> None:
    memory, house = shop()
    order = served(house)
    forgotten = order.model_copy(update={"payment": order.payment.model_copy(update={"charge": None})})
    memory.put(("order", "demo", order.id), forgotten)
    house.bank.come(order.payment.id, order.amount)
    house.bank.give_back(order.payment.id, 500)
    settled = told(house, order)
    assert (settled.order.payment.refunded, len(settled.order.refunds)) == (500, 2)


def test_a_provider_that_will_not_is_told_of_to_who_asks() -> None:
    _, house = shop()
    order = served(house)
    house.refund(order, RefundKind.AMOUNT, amount=500)
    house.bank.refund = _refused
    with pytest.raises(PaymentStateConflict):
        house.finish_refunds(order)
    assert house.order(order).refunds[0].state is RefundState.DUE


def _refused(*_: Any) -> Any:
    raise PaymentStateConflict("It will not.", payment_status="succeeded")
