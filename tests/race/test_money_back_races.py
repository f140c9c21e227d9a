"""Several people and machines at one order: it is paid once, ends once, and its money and goods go one way each."""

from collections.abc import Callable
from itertools import permutations
from typing import Any

import pytest

from holdfast.catalogue.model import Kind, OnShortage
from holdfast.kernel.errors import HoldfastError
from holdfast.kernel.events import CUSTOMER
from holdfast.orders import events
from holdfast.orders.errors import OrderNotCancellable, RefundTooLarge, StaleOrder, TransitionRefused
from holdfast.orders.model import Order, Status
from holdfast.orders.refunding import Kind as RefundKind
from holdfast.payments.providers.sandbox.proxy import Action
from tests.memory.engine import Memory
from tests.memory.house import STAFF, House
from tests.memory.stores import in_memory
from tests.memory.threads import just_before, meet, together
from tests.race.test_order_races import a_millisecond_apart

Careless = Callable[..., House]


def types(order: Order) -> list[str]:
    return [event.type for event in order.events]


# One payment, four who bring its news.


def bringers(house: House, order: Order) -> list[Callable[[House], Any]]:
    """The browser, the provider's webhook, the poller, and a person who takes what the first, wrong news told."""
    hook = house.webhook(order)
    return [
        lambda own: own.browser_returns(order),
        lambda own: own.work_at(hook),
        lambda own: own.settle(own.fact(order)),
        lambda own: own.accept(order),
    ]


def doubtful(house: House) -> Order:
    """Paid; the first news of it told another amount and waits for a person."""
    order = house.buy(("A", 2))
    house.settle(house.fact(order, amount=1))
    return order


@pytest.mark.parametrize("turns", list(permutations(range(4))), ids=lambda turns: "".join("bwpo"[turn] for turn in turns))
def test_browser_webhook_poller_and_operator_in_every_order_pay_once(house: House, turns: tuple[int, ...]) -> None:
    house.product("A", 5)
    order = doubtful(house)
    acts = bringers(house, order)
    for turn in turns:
        try:
            acts[turn](house)
        except TransitionRefused:
            assert turn == 3  # there is nothing to decide any more
    paid = house.order(order)
    assert (paid.status, types(paid).count(events.PAID)) == (Status.PAID, 1)
    assert paid.payment.captured == (1 if turns[0] == 3 else order.amount)
    assert (house.level("A").on_hand, house.level("A").available) == (3, 3)


def paid_by_four(house: House) -> Order:
    house.product("A", 5)
    order = doubtful(house)
    acts = bringers(house, order)
    meet(house.stores.orders, "get", 4)
    together(a_millisecond_apart(house, acts))
    return house.order(order)


def test_browser_webhook_poller_and_operator_at_once_pay_once(house: House) -> None:
    paid = paid_by_four(house)
    assert (paid.status, types(paid).count(events.PAID)) == (Status.PAID, 1)
    assert (house.level("A").on_hand, house.level("A").available) == (3, 3)


# Cancelled while the money comes, or the goods go.


def cancelled_while_paid(house: House) -> Order:
    house.product("A", 5)
    order = house.buy(("A", 2))
    just_before(house.stores.orders, "save", lambda: house.browser_returns(order))
    house.cancel(order)
    return house.order(order)


def test_an_order_that_is_paid_while_it_is_cancelled_gives_its_money_back(house: House) -> None:
    order = cancelled_while_paid(house)
    assert (order.status, order.payment.status, order.payment.captured) == (Status.CANCELLED, "refund_due", order.amount)
    assert house.level("A").available == 5


def test_without_the_guard_the_money_is_forgotten(careless: Careless) -> None:
    order = cancelled_while_paid(careless("VERSION_BEFORE"))
    assert (order.status, order.payment.captured) == (Status.CANCELLED, 0)


def test_cancel_and_payment_at_once_end_in_one_of_two_ways(house: House) -> None:
    house.product("A", 5)
    for _ in range(5):
        order = house.buy(("A", 1))
        together([lambda order=order: house.cancel(order), lambda order=order: house.browser_returns(order)])  # type: ignore[misc]
        house.browser_returns(order)
        house.finish_refunds(order)
        ended = house.order(order)
        assert ended.status in {Status.CANCELLED, Status.REFUNDED}
        assert (ended.payment.captured, ended.payment.refunded) == (order.amount, order.amount)
        assert (house.level("A").available, house.level("A").on_hand) == (5, 5)


def cancelled_while_served(house: House) -> Any:
    house.product("KEY", 2, Kind.DIGITAL)
    order = house.buy(("KEY", 2))
    house.browser_returns(order)
    just_before(house.stores, "commit", lambda: house.serve(order))
    answer = together([lambda: house.cancel(order, STAFF)])[0]
    return answer, house.order(order), house.keys_of(order)


def test_an_order_that_is_served_while_it_is_cancelled_stays(house: House) -> None:
    answer, order, keys = cancelled_while_served(house)
    assert isinstance(answer, OrderNotCancellable)
    assert (order.status, len(keys), order.refunds) == (Status.COMPLETED, 2, ())


def test_without_the_guard_the_keys_are_given_away(careless: Careless) -> None:
    _, order, keys = cancelled_while_served(careless("VERSION_BEFORE"))
    assert (order.status, len(keys)) == (Status.CANCELLED, 2)


def cancelled_while_shipped(house: House) -> Any:
    house.product("A", 5)
    order = house.buy(("A", 2))
    house.browser_returns(order)
    house.serve(order)
    just_before(house.stores.orders, "save", lambda: house.cancel(order, CUSTOMER))
    answer = together([lambda: house.bring_to(order, Status.SHIPPED)])[0]
    return answer, house.order(order)


def test_what_is_cancelled_a_moment_before_is_not_shipped(house: House) -> None:
    answer, order = cancelled_while_shipped(house)
    assert isinstance(answer, TransitionRefused)
    assert (order.status, order.line("A").fulfilled, house.level("A").available) == (Status.CANCELLED, 0, 5)


def test_without_the_guard_a_cancelled_order_is_shipped(careless: Careless) -> None:
    house = careless("VERSION_BEFORE")
    _, order = cancelled_while_shipped(house)
    assert (order.status, order.line("A").fulfilled, house.level("A").available) == (Status.SHIPPED, 2, 5)


# Refunds.


def debt_given_up_while_fed(house: House) -> tuple[Order, list[str]]:
    house.product("KEY", 0, Kind.DIGITAL, OnShortage.BACKORDER)
    order = house.buy(("KEY", 3), accept_partial=True)
    house.browser_returns(order)
    house.serve(order)
    house.import_keys("KEY", ["one"], "batch")
    just_before(house.stores, "commit", lambda: house.feed("KEY"))
    house.refund(order, RefundKind.DEBT, "debt", CUSTOMER)
    return house.order(order), house.keys_of(order)


def test_only_what_did_not_come_meanwhile_is_given_up(house: House) -> None:
    order, keys = debt_given_up_while_fed(house)
    line = order.line("KEY")
    assert (keys, line.fulfilled, line.cancelled, order.refunds[0].amount) == (["one"], 1, 2, 2 * 1999)


def test_without_the_guard_a_key_and_its_money_both_go(careless: Careless) -> None:
    """The order has forgotten the batch that it was fed with: its key left the vault, and belongs to nobody."""
    house = careless("VERSION_BEFORE")
    order, keys = debt_given_up_while_fed(house)
    assert (keys, order.line("KEY").fulfilled, order.refunds[0].amount) == ([], 0, 3 * 1999)
    assert house.stores.fulfilment.vaults.vault(house.shop, "KEY").left == 0


def refunded_twice(house: House, identities: tuple[str, str], kind: RefundKind, **what: Any) -> tuple[Order, list[Any]]:
    house.product("A", 5)
    order = house.buy(("A", 2))
    house.browser_returns(order)
    house.serve(order)
    meet(house.stores.orders, "get", 2)
    answers = together(
        a_millisecond_apart(house, [lambda own, name=name: own.refund(order, kind, name, **what) for name in identities])  # type: ignore[misc]
    )
    return house.order(order), answers


def test_a_refund_that_is_asked_for_twice_at_once_is_one(house: House) -> None:
    order, answers = refunded_twice(house, ("one", "one"), RefundKind.LINES, lines={"A": 1})
    assert not [answer for answer in answers if isinstance(answer, HoldfastError)]
    assert ([refund.amount for refund in order.refunds], types(order).count(events.REFUND_DUE)) == ([1999], 1)
    assert house.level("A").available == 4
    assert house.finish_refunds(order).payment.refunded == 1999


@pytest.mark.parametrize(
    ("kind", "what", "refusal", "amount"),
    [
        (RefundKind.FULL, {}, TransitionRefused, 3998),
        (RefundKind.AMOUNT, {"amount": 2500}, RefundTooLarge, 2500),
        (RefundKind.LINES, {"lines": {"A": 2}}, RefundTooLarge, 3998),
    ],
)
def test_two_refunds_never_give_back_more_than_came(house: House, kind: RefundKind, what: Any, refusal: Any, amount: int) -> None:
    order, answers = refunded_twice(house, ("one", "two"), kind, **what)
    assert sum(isinstance(answer, refusal) for answer in answers) == 1
    assert [refund.amount for refund in order.refunds] == [amount]
    assert house.finish_refunds(order).payment.refunded == amount


def test_without_the_guard_more_is_promised_than_came(careless: Careless) -> None:
    _, answers = refunded_twice(careless("VERSION_BEFORE"), ("one", "two"), RefundKind.AMOUNT, amount=2500)
    promised = [refund.amount for answer in answers for refund in answer.refunds]
    assert sum(promised) == 5000


def test_refunds_are_finished_once_however_many_finish_them(house: House) -> None:
    house.product("A", 5)
    order = house.buy(("A", 2))
    house.browser_returns(order)
    for number in range(3):
        house.refund(order, RefundKind.AMOUNT, str(number), amount=100)
    together(a_millisecond_apart(house, [lambda own: own.finish_refunds(order)] * 4))
    done = house.finish_refunds(order)
    assert (done.payment.refunded, types(done).count(events.PARTIALLY_REFUNDED)) == (300, 3)


def test_our_refund_and_the_providers_own_at_once_give_back_all_of_it_once(house: House) -> None:
    house.product("A", 5)
    order = house.buy(("A", 2))
    house.browser_returns(order)
    house.at_provider(order, Action.REFUND)
    together([lambda: house.refund(order, RefundKind.AMOUNT, amount=100), lambda: house.browser_returns(order)])
    house.browser_returns(order)
    done = house.finish_refunds(order)
    assert (done.status, done.payment.refunded, sum(refund.amount for refund in done.refunds)) == (Status.REFUNDED, 3998, 3998)
    assert house.level("A").available == 5


# Returns and corrections.


def received_twice(house: House) -> tuple[Order, list[Any]]:
    house.product("A", 5)
    order = house.buy(("A", 2))
    house.browser_returns(order)
    house.serve(order)
    house.bring_to(order, Status.SHIPPED)
    (back,) = house.send_back(order, {"A": 2}).returns
    meet(house.stores.orders, "get", 2)
    answers = together(a_millisecond_apart(house, [lambda own: own.receive(order, back.id, restocked={"A": 2})] * 2))
    return house.order(order), answers


def test_goods_that_are_received_twice_at_once_come_back_once(house: House) -> None:
    order, answers = received_twice(house)
    assert not [answer for answer in answers if isinstance(answer, HoldfastError)]
    assert (order.line("A").returned, house.level("A").available, len(order.refunds)) == (2, 5, 1)
    assert types(order).count(events.RETURN_RECEIVED) == 1


def test_without_the_guards_they_come_back_twice() -> None:
    """On the shelf, that is; only the store in memory forgets all of its conditions at once."""
    house = House(in_memory(Memory("VERSION_BEFORE", "NEW_MOVEMENT", "SAME_LAST", "SAME_LEVEL", "SAME_HEAD")))
    received_twice(house)
    assert house.level("A").available == 7


def announced_twice(house: House) -> Order:
    house.product("A", 5)
    order = house.buy(("A", 2))
    house.browser_returns(order)
    house.serve(order)
    house.bring_to(order, Status.SHIPPED)
    meet(house.stores.orders, "get", 2)
    together(a_millisecond_apart(house, [lambda own, name=name: own.send_back(order, {"A": 2}, name) for name in ("one", "two")]))  # type: ignore[misc]
    return house.order(order)


def test_goods_are_announced_once(house: House) -> None:
    assert [back.lines for back in announced_twice(house).returns] == [{"A": 2}]


def edited_twice(house: House) -> tuple[Order, list[Any]]:
    house.product("A", 5)
    order = house.place(house.session(("A", 2))).order
    meet(house.stores.orders, "get", 2)
    acts = [lambda own, phone=phone: own.edit(order, expected=1, phone=phone) for phone in ("+49 1", "+49 2")]
    answers = together(a_millisecond_apart(house, acts))  # type: ignore[arg-type]
    return house.order(order), answers


def test_of_two_edits_of_one_version_one_is_told_that_it_is_old(house: House) -> None:
    order, answers = edited_twice(house)
    assert sum(isinstance(answer, StaleOrder) for answer in answers) == 1
    assert house.order(order).version == 2


def test_without_the_guard_an_edit_is_lost(careless: Careless) -> None:
    _, answers = edited_twice(careless("VERSION_BEFORE"))
    assert not [answer for answer in answers if isinstance(answer, HoldfastError)]


def decided_twice(house: House) -> Order:
    house.product("A", 5)
    order = house.place(house.session(("A", 2))).order
    house.settle(house.fact(order, amount=1))
    meet(house.stores.orders, "get", 2)
    together(a_millisecond_apart(house, [lambda own: own.accept(order), lambda own: own.refuse(order)]))
    return house.order(order)


def test_money_is_taken_or_given_back_never_both(house: House) -> None:
    order = decided_twice(house)
    taken = order.status is Status.PAID
    assert (types(order).count(events.PAID), types(order).count(events.REFUND_DUE)) == (int(taken), int(not taken))
    assert (house.level("A").on_hand, house.level("A").available) == ((3, 3) if taken else (5, 5))
