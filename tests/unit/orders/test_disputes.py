"""A customer's bank asks for the money, and decides: what becomes of the order, whatever the order of the news."""

from itertools import permutations
from typing import Any

import pytest

from holdfast.orders import events, indexing, searching
from holdfast.orders.going_back import RefundState
from holdfast.orders.model import Order, PaymentStatus, Status
from holdfast.orders.neighbours import DisputeState
from holdfast.orders.paying import Outcome
from holdfast.orders.refunding import Kind as RefundKind
from holdfast.orders.searching import Wanted
from holdfast.orders.views import staff_view, timeline
from holdfast.payments.model import DisputeState as State
from holdfast.payments.model import GivenState
from holdfast.wiring.payments import fact_of
from holdfast.wiring.search import VaultsForSearch
from tests.memory.acquirer import AcquirerHouse
from tests.memory.acquirer_book import Mood
from tests.unit.orders.desks import EACH, end, shop


def served(house: AcquirerHouse) -> Order:
    """Two boxes to be picked, one key handed over, one owed."""
    order = house.buy(("BOX", 2), ("KEY", 2), accept_partial=True)
    house.browser_returns(order)
    house.serve(order)
    return house.order(order)


def bank(house: AcquirerHouse, order: Order, state: State, amount: int | None = None) -> Any:
    house.bank.dispute(order.payment.id, state, amount)
    return house.work_at(house.webhook(order))


def types(order: Order) -> list[str]:
    return [event.type for event in order.events]


def test_a_dispute_shows_what_is_asked_and_until_when_and_changes_nothing_else() -> None:
    memory, house = shop()
    order = served(house)
    settled = bank(house, order, State.OPEN)
    assert (settled.outcome, settled.order.status, settled.order.lines) == (Outcome.APPLIED, order.status, order.lines)
    assert settled.order.payment == order.payment
    told = settled.order.events[-1]
    assert (told.type, told.data) == (
        events.DISPUTED,
        {
            "dispute": f"dp_{order.payment.id}",
            "amount": 4 * EACH,
            "currency": "EUR",
            "state": "open",
            "why": "fraudulent",
            "respond_by": "2026-01-02T03:04:05.678Z",
        },
    )
    (seen,) = staff_view(settled.order, house.now).disputes
    assert (seen.id, seen.amount.amount, seen.state, seen.reason) == (f"dp_{order.payment.id}", 4 * EACH, "open", "fraudulent")
    assert (seen.respond_by, seen.opened_at) == (house.now, house.now)
    assert house.work_at(house.webhook(order)).outcome is Outcome.IGNORED
    assert types(bank(house, order, State.UNDER_REVIEW).order)[-1] == events.DISPUTE_CHANGED
    won = bank(house, order, State.WON)
    assert (types(won.order)[-1], won.order.payment.status, won.order.to_refund) == (
        events.DISPUTE_WON,
        PaymentStatus.SUCCEEDED,
        4 * EACH,
    )
    end(house, memory)


def test_customers_see_how_it_ended_and_not_what_went_on() -> None:
    _, house = shop()
    order = served(house)
    for state in (State.OPEN, State.UNDER_REVIEW, State.LOST):
        bank(house, order, state)
    seen = [event.type for event in timeline(house.order(order).events)]
    assert events.CHARGED_BACK in seen
    assert {events.DISPUTED, events.DISPUTE_CHANGED} & set(seen) == set()


def test_a_lost_dispute_takes_the_money_and_what_was_not_handed_over_returns() -> None:
    memory, house = shop()
    order = served(house)
    bank(house, order, State.OPEN)
    lost = bank(house, order, State.LOST).order
    assert (lost.status, lost.payment.status, lost.payment.charged_back, lost.to_refund) == (
        Status.REFUNDED,
        PaymentStatus.CHARGED_BACK,
        4 * EACH,
        0,
    )
    data = lost.events[-1].data
    assert (data["handed_over"], data["returned"], data["owed"]) == ({"KEY": 1}, {"BOX": 2}, {"KEY": 1})
    assert house.free("BOX") == 9
    end(house, memory)
    assert house.stores.fulfilment.debts.owed(house.shop, "KEY") == 0
    assert house.bank.book(order.payment.id).balance == 0


def test_a_part_that_is_lost_leaves_the_order_alone() -> None:
    memory, house = shop()
    order = served(house)
    lost = bank(house, order, State.LOST, 500).order
    assert (lost.status, lost.lines, lost.payment.status) == (order.status, order.lines, PaymentStatus.CHARGED_BACK)
    assert lost.to_refund == 4 * EACH - 500
    house.refund(order)
    done = house.finish_refunds(order)
    assert (done.payment.refunded, done.payment.charged_back) == (4 * EACH - 500, 500)
    end(house, memory)


@pytest.mark.parametrize("states", list(permutations([State.OPEN, State.UNDER_REVIEW, State.LOST, State.WON])), ids=str)
def test_news_of_a_dispute_ends_in_the_banks_word_in_any_order(states: tuple[State, ...]) -> None:
    """It had lost, and then won: the money is there again. What had been given up stays so, and a person gives the money back."""
    memory, house = shop()
    order = served(house)
    facts = {}
    for state in (State.OPEN, State.UNDER_REVIEW, State.LOST, State.WON):
        house.bank.dispute(order.payment.id, state)
        facts[state] = fact_of(house.bank.status(order.payment.id), "sandbox")
    for state in (*states, *states):
        fact = facts[state]
        assert fact is not None
        house.settle(fact)
    ended = house.order(order)
    assert ([one.state for one in ended.disputes], ended.payment.charged_back) == ([DisputeState.WON], 0)
    assert (ended.payment.status, ended.to_refund) == (PaymentStatus.SUCCEEDED, 4 * EACH)
    heard_of_loss = states.index(State.LOST) < states.index(State.WON)
    assert ended.status is (Status.REFUNDED if heard_of_loss else order.status)
    house.refund(order)
    assert house.finish_refunds(order).payment.status is PaymentStatus.REFUNDED
    end(house, memory)


def test_a_refund_waits_while_the_bank_has_not_decided() -> None:
    memory, house = shop()
    order = served(house)
    bank(house, order, State.OPEN)
    house.refund(order, RefundKind.AMOUNT, amount=500)
    assert house.finish_refunds(order).refunds[0].state is RefundState.DUE  # and nobody is alarmed
    won = bank(house, order, State.WON).order
    assert (won.refunds[0].state, won.payment.refunded) == (RefundState.DONE, 500)
    end(house, memory)


def test_a_refund_that_was_due_is_dropped_when_the_bank_takes_all() -> None:
    memory, house = shop()
    order = served(house)
    bank(house, order, State.OPEN)
    house.refund(order, RefundKind.AMOUNT, amount=500)
    lost = bank(house, order, State.LOST).order
    assert (lost.refunds[0].state, lost.payment.status, lost.payment.refunded) == (RefundState.FAILED, PaymentStatus.CHARGED_BACK, 0)
    assert house.again(order) == lost
    end(house, memory)


def test_one_that_is_on_its_way_already_is_not_dropped() -> None:
    _, house = shop()
    order = served(house)
    house.bank.be(Mood.PENDING)
    house.refund(order, RefundKind.AMOUNT, amount=500)
    house.finish_refunds(order)
    lost = bank(house, order, State.LOST).order
    assert lost.refunds[0].state is RefundState.DUE
    house.bank.ends(order.payment.id, GivenState.DONE)
    done = house.work_at(house.webhook(order)).order
    assert (done.payment.refunded, done.payment.charged_back, done.to_refund) == (500, 4 * EACH - 500, 0)


@pytest.mark.parametrize("ended", ["pending", "cancelled"])
def test_money_that_was_taken_before_we_heard_of_it_buys_nothing(ended: str) -> None:
    memory, house = shop()
    order = house.buy(("BOX", 2))
    if ended == "cancelled":
        house.cancel(order)
    house.bank.dispute(order.payment.id, State.LOST)
    settled = house.browser_returns(order)
    assert settled is not None
    assert (settled.order.status, settled.order.payment.status) == (Status.REFUNDED, PaymentStatus.CHARGED_BACK)
    assert (settled.order.payment.captured, settled.order.payment.charged_back) == (2 * EACH, 2 * EACH)
    assert (house.free("BOX"), settled.order.paid_at) == (9, None)
    end(house, memory)


def test_a_disputed_order_that_was_refunded_loses_its_money_twice_and_says_so() -> None:
    _, house = shop()
    order = served(house)
    house.refund(order)
    house.finish_refunds(order)
    told = house.fact(
        order,
        charge=order.payment.charge,
        refunded=4 * EACH,
        disputes=({"id": "dp_1", "amount": 4 * EACH, "currency": "EUR", "state": DisputeState.LOST},),
    )
    lost = house.settle(told).order
    assert (lost.payment.refunded, lost.payment.charged_back, lost.payment.status) == (4 * EACH, 4 * EACH, PaymentStatus.CHARGED_BACK)
    assert lost.status is Status.REFUNDED


def test_a_bank_that_counts_in_another_currency_asks_for_all_of_it() -> None:
    _, house = shop()
    order = served(house)
    told = {"id": "dp_1", "amount": 1, "currency": "USD", "state": DisputeState.OPEN}
    disputed = house.settle(house.fact(order, charge=order.payment.charge, disputes=(told,))).order
    assert disputed.disputes[0].amount == 4 * EACH


def test_disputed_orders_are_found_until_the_bank_has_decided() -> None:
    _, house = shop()
    orders = [served(house), house.buy(("BOX", 1)), house.buy(("BOX", 1))]
    for order in orders[1:]:
        house.browser_returns(order)
    bank(house, orders[0], State.OPEN)
    bank(house, orders[1], State.LOST)
    vaults = VaultsForSearch(house.stores.fulfilment, house.stores.orders)
    world: dict[str, Any] = {"search": house.stores.search, "orders": house.stores.orders, "vaults": vaults}
    for order in orders:
        indexing.index(house.shop, order.id, **world)

    def found(*, disputed: bool) -> set[str]:
        wanted = Wanted(disputed=disputed)
        return {order.id for order in searching.find(house.shop, wanted, limit=9, after=None, **world).orders}

    assert found(disputed=True) == {orders[0].id}
    assert found(disputed=False) == {orders[1].id, orders[2].id}
    bank(house, orders[0], State.WON)
    assert found(disputed=True) == set()
