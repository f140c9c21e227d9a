"""Money that goes back: every kind, every refusal, in parts that add up, and what the provider may tell first."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.catalogue.model import Kind, OnShortage
from holdfast.kernel.events import CUSTOMER, Actor
from holdfast.kernel.money import Money
from holdfast.orders import events, refunding
from holdfast.orders.errors import NothingOwed, RefundTooLarge, TransitionRefused, UnknownLine, UnknownOrder
from holdfast.orders.going_back import RefundState
from holdfast.orders.model import Order, OrderLine, PaymentRef, PaymentStatus, Status
from holdfast.orders.neighbours import FactKind
from holdfast.orders.paying import Outcome
from holdfast.orders.refunding import Kind as RefundKind
from holdfast.orders.session import Totals
from holdfast.payments.errors import PaymentStateConflict
from holdfast.payments.providers.sandbox.proxy import Action
from tests.memory.audit import audit, audit_end
from tests.memory.backstage import Backstage
from tests.memory.engine import Memory
from tests.memory.house import STAFF, House
from tests.memory.samples import order as sample_order
from tests.memory.stores import in_memory

EACH = 1999


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def house(memory: Memory) -> House:
    house = House(in_memory(memory))
    house.product("BOX", 3, max_per_customer=5)
    house.product("KEY", 1, Kind.DIGITAL, OnShortage.BACKORDER, backorder_cap=9)
    return house


def served(house: House) -> Order:
    """Two boxes to be picked, one key handed over, two keys owed."""
    order = house.buy(("BOX", 2), ("KEY", 3), accept_partial=True)
    house.browser_returns(order)
    house.serve(order)
    return house.order(order)


def end(house: House, memory: Memory) -> None:
    audit(memory)
    Backstage(memory, house).settle_down()
    audit_end(memory)


def units(order: Order, sku: str) -> tuple[int, int, int, int]:
    line = order.line(sku)
    return line.allocated, line.fulfilled, line.cancelled, line.refunded


def test_all_of_it(house: House, memory: Memory) -> None:
    order = served(house)
    refunded = house.refund(order)
    (refund,) = refunded.refunds
    assert (refunded.status, refunded.payment.status) == (Status.REFUNDED, PaymentStatus.REFUND_DUE)
    assert (refund.amount, refund.lines, refund.state) == (5 * EACH, {"BOX": 2, "KEY": 3}, RefundState.DUE)
    assert (units(refunded, "BOX"), units(refunded, "KEY")) == ((0, 0, 2, 2), (1, 1, 2, 3))
    assert refunded.events[-1].data == {
        "payment": order.payment.id,
        "refund": refund.id,
        "amount": 5 * EACH,
        "currency": "EUR",
        "refunded": {"BOX": 2, "KEY": 3},
        "returned": {"BOX": 2},
        "owed": {"KEY": 2},
    }
    done = house.finish_refunds(order)
    assert (done.payment.status, done.payment.refunded, done.refunds[0].state) == (PaymentStatus.REFUNDED, 5 * EACH, RefundState.DONE)
    assert [event.type for event in done.events[-2:]] == [events.REFUND_DUE, events.REFUNDED]
    end(house, memory)
    assert house.free("BOX") == 3


@pytest.mark.parametrize(
    ("lines", "box", "key", "status"),
    [
        ({"BOX": 1}, (1, 0, 1, 1), (1, 1, 0, 0), Status.PARTIALLY_FULFILLED),
        ({"BOX": 2}, (0, 0, 2, 2), (1, 1, 0, 0), Status.PARTIALLY_FULFILLED),
        ({"KEY": 2}, (2, 0, 0, 0), (1, 1, 2, 2), Status.PROCESSING),  # owed ones first
        ({"KEY": 3}, (2, 0, 0, 0), (1, 1, 2, 3), Status.PROCESSING),  # and one that he has, as a kindness
        ({"KEY": 2, "BOX": 2}, (0, 0, 2, 2), (1, 1, 2, 2), Status.PARTIALLY_REFUNDED),
    ],
)
def test_some_units(house: House, memory: Memory, lines: dict[str, int], box: Any, key: Any, status: Status) -> None:
    order = house.refund(served(house), RefundKind.LINES, lines=lines)
    assert (units(order, "BOX"), units(order, "KEY"), order.status) == (box, key, status)
    assert (order.refunds[0].amount, order.refunds[0].lines) == (sum(lines.values()) * EACH, lines)
    done = house.finish_refunds(order)
    assert (done.payment.status, done.events[-1].type) == (PaymentStatus.PARTIALLY_REFUNDED, events.PARTIALLY_REFUNDED)
    end(house, memory)


def test_what_is_owed(house: House, memory: Memory) -> None:
    order = house.refund(served(house), RefundKind.DEBT)
    assert (units(order, "KEY"), order.status, order.refunds[0].amount) == ((1, 1, 2, 2), Status.PROCESSING, 2 * EACH)
    with pytest.raises(NothingOwed):
        house.refund(order, RefundKind.DEBT, "again")
    house.import_keys("KEY", ["late-1", "late-2"], "late")
    end(house, memory)
    assert house.keys_of(order) == ["KEY-0001"]
    assert house.free("KEY") == 2


@pytest.mark.parametrize("actor", [STAFF, CUSTOMER])
def test_all_units_of_an_order_that_got_nothing_take_the_shipping_along(house: House, actor: Actor) -> None:
    house.product("PEN", 0, Kind.PHYSICAL, OnShortage.BACKORDER)
    order = house.buy(("PEN", 2), accept_partial=True)
    house.browser_returns(order)
    house.serve(order)
    standing = house.order(order)
    total = Money(amount=2 * EACH + 500, currency="EUR")
    dearer = standing.model_copy(
        update={
            "totals": standing.totals.model_copy(update={"shipping": Money(amount=500, currency="EUR"), "total": total}),
            "payment": standing.payment.model_copy(update={"captured": total.amount}),
        }
    )
    house.stores.orders.save(dearer.model_copy(update={"version": dearer.version + 1}))
    refunded = house.refund(order, RefundKind.DEBT, actor=actor)
    assert (refunded.status, refunded.refunds[0].amount) == (Status.REFUNDED, 2 * EACH + 500)


def test_an_amount_leaves_the_goods_alone_until_it_is_all(house: House, memory: Memory) -> None:
    order = served(house)
    before = [units(order, sku) for sku in ("BOX", "KEY")]
    part = house.refund(order, RefundKind.AMOUNT, "sorry", amount=500)
    assert [units(part, sku) for sku in ("BOX", "KEY")] == before
    assert (part.status, part.to_refund) == (order.status, 5 * EACH - 500)
    rest = house.refund(order, RefundKind.AMOUNT, "rest", amount=5 * EACH - 500)
    assert (rest.status, rest.to_refund) == (Status.REFUNDED, 0)
    end(house, memory)


def test_the_same_identity_decides_once_another_one_again(house: House, memory: Memory) -> None:
    order = served(house)
    once = house.refund(order, RefundKind.AMOUNT, "one", amount=100)
    assert house.refund(order, RefundKind.AMOUNT, "one", amount=100) == once
    twice = house.refund(order, RefundKind.AMOUNT, "two", amount=100)
    assert [refund.amount for refund in twice.refunds] == [100, 100]
    house.finish_refunds(order)
    assert house.finish_refunds(order).payment.refunded == 200
    assert house.refund(order, RefundKind.AMOUNT, "one", amount=100).payment.refunded == 200
    assert sum(memory.get("book", order.payment.id).refunds.values()) == 200
    end(house, memory)


@pytest.mark.parametrize(
    ("kind", "what", "refusal", "facts"),
    [
        (RefundKind.LINES, {"lines": {"BOX": 3}}, RefundTooLarge, {"lines": [{"sku": "BOX", "requested": 3, "available": 2}]}),
        (RefundKind.LINES, {"lines": {"BOX": 1, "KEY": 4}}, RefundTooLarge, {"lines": [{"sku": "KEY", "requested": 4, "available": 3}]}),
        (RefundKind.LINES, {"lines": {"PEN": 1, "BOX": 1}}, UnknownLine, {"skus": ["PEN"]}),
        (RefundKind.LINES, {"lines": {}}, RefundTooLarge, {"available": 5 * EACH}),
        (RefundKind.AMOUNT, {"amount": 5 * EACH + 1}, RefundTooLarge, {"available": 5 * EACH}),
        (RefundKind.AMOUNT, {"amount": 0}, RefundTooLarge, {"available": 5 * EACH}),
        (RefundKind.AMOUNT, {"amount": -1}, RefundTooLarge, {"available": 5 * EACH}),
    ],
)
def test_a_refusal_names_what_can_still_go_back_and_changes_nothing(
    house: House, memory: Memory, kind: RefundKind, what: Any, refusal: Any, facts: Any
) -> None:
    order = served(house)
    rows = dict(memory.rows)
    with pytest.raises(refusal) as told:
        house.refund(order, kind, **what)
    assert told.value.facts == facts
    assert memory.rows == rows


def test_units_whose_money_went_back_go_back_no_more(house: House) -> None:
    order = house.refund(served(house), RefundKind.LINES, "one", lines={"KEY": 3})
    with pytest.raises(RefundTooLarge):
        house.refund(order, RefundKind.LINES, "two", lines={"KEY": 1})


def test_lines_after_an_amount_may_be_more_than_is_left(house: House) -> None:
    order = house.refund(served(house), RefundKind.AMOUNT, "sorry", amount=4 * EACH)
    with pytest.raises(RefundTooLarge) as refusal:
        house.refund(order, RefundKind.LINES, "lines", lines={"BOX": 2})
    assert refusal.value.facts == {"available": EACH}


def test_who_waits_no_longer_gets_what_is_left_after_an_amount(house: House, memory: Memory) -> None:
    order = house.refund(served(house), RefundKind.AMOUNT, "sorry", amount=4 * EACH)
    given_up = house.refund(order, RefundKind.DEBT, "debt", actor=CUSTOMER)
    assert (units(given_up, "KEY"), given_up.refunds[-1].amount, given_up.status) == ((1, 1, 2, 2), EACH, Status.PROCESSING)
    end(house, memory)


def test_a_refund_that_the_provider_refuses_keeps_no_other_waiting(house: House, memory: Memory) -> None:
    order = served(house)
    by_hand = {"refunds": {"a part by hand": 4 * EACH}}
    memory.change(("book", order.payment.id), lambda _: True, lambda book: book.model_copy(update=by_hand))
    house.refund(order, RefundKind.AMOUNT, "too much", amount=2 * EACH)
    house.refund(order, RefundKind.AMOUNT, "little", amount=500)
    for _ in range(2):
        with pytest.raises(PaymentStateConflict):
            house.finish_refunds(order)
        assert [refund.state for refund in house.order(order).refunds] == [RefundState.DUE, RefundState.DONE]


def test_an_order_without_money_has_none_to_give_back(house: House, memory: Memory) -> None:
    order = house.place(house.session(("BOX", 1))).order
    for kind, refusal in ((RefundKind.FULL, TransitionRefused), (RefundKind.DEBT, NothingOwed)):
        with pytest.raises(refusal):
            house.refund(order, kind)
    house.cancel(order)
    with pytest.raises(TransitionRefused):
        house.refund(order)
    all_back = house.refund(served(house))
    for identity in ("first", "second"):
        if identity == "second":
            with pytest.raises(TransitionRefused):
                house.refund(all_back, RefundKind.FULL, identity)
    with pytest.raises(UnknownOrder):
        house.refund(order.model_copy(update={"id": "ord_none"}))
    end(house, memory)


def test_only_staff_give_back_all_of_it(house: House, memory: Memory) -> None:
    """A customer cancels, or gives up what is owed."""
    order = served(house)
    with pytest.raises(TransitionRefused):
        house.refund(order, actor=CUSTOMER)
    assert house.order(order) == order


# Shares.


@given(st.integers(1, 9), st.integers(0, 5000), st.integers(0, 3000), st.booleans(), st.lists(st.integers(1, 4), max_size=9))
def test_parts_of_a_line_add_up_to_the_line(quantity: int, price: int, tax: int, on_top: bool, parts: list[int]) -> None:
    """Also with tax, where a unit's share is no whole number."""
    line = OrderLine(
        sku="A",
        title="A",
        quantity=quantity,
        unit_price=Money(amount=price, currency="EUR"),
        tax=tax,
        digital=True,
        backorder=False,
        allocated=quantity,
        fulfilled=quantity,
    )
    worth = price * quantity + (tax if on_top else 0)
    subtotal, none, taxes = (Money(amount=amount, currency="EUR") for amount in (price * quantity, 0, tax))
    totals = Totals(subtotal=subtotal, shipping=none, tax=taxes, total=Money(amount=worth, currency="EUR"))
    payment = PaymentRef(provider="sandbox", id="pay_1", captured=worth)
    order = sample_order("demo", lines=(line,), totals=totals, payment=payment)
    amounts = []
    for part in [*parts, quantity]:
        count = min(part, quantity - order.line("A").refunded)
        plan = refunding.of_lines(order, {"A": count})
        amounts.append(plan.amount)
        order = order.model_copy(update={"lines": plan.lines})
    assert (order.line("A").refunded, sum(amounts)) == (quantity, worth)
    assert all(amount >= 0 for amount in amounts)


# What the provider tells first.


def test_the_provider_gives_back_all_while_we_are_about_to_give_back_a_part(house: House, memory: Memory) -> None:
    order = house.refund(served(house), RefundKind.LINES, lines={"BOX": 1})
    house.at_provider(order, Action.REFUND)
    settled = house.work_at(house.webhook(order))
    assert settled is not None
    assert (settled.outcome, settled.order.status, settled.order.payment.refunded) == (Outcome.APPLIED, Status.REFUNDED, 5 * EACH)
    assert [(refund.amount, refund.state) for refund in settled.order.refunds] == [(EACH, "done"), (4 * EACH, "done")]
    assert house.work_at(house.webhook(order)).outcome is Outcome.IGNORED
    end(house, memory)


def test_the_provider_gives_back_the_rest_of_an_order_of_which_a_part_went_back(house: House, memory: Memory) -> None:
    order = house.refund(served(house), RefundKind.AMOUNT, amount=500)
    house.finish_refunds(order)
    house.at_provider(order, Action.REFUND)
    settled = house.browser_returns(order)
    assert settled is not None
    assert [refund.amount for refund in settled.order.refunds] == [500, 5 * EACH - 500]
    end(house, memory)


def test_news_of_our_own_refund_changes_nothing(house: House, memory: Memory) -> None:
    order = house.refund(served(house))
    house.finish_refunds(order)
    version = house.order(order).version
    assert house.browser_returns(order).outcome is Outcome.IGNORED  # type: ignore[union-attr]
    assert house.order(order).version == version
    end(house, memory)


def test_money_of_a_cancelled_order_that_went_back_before_we_heard_of_it(house: House, memory: Memory) -> None:
    order = house.place(house.session(("BOX", 1))).order
    house.at_provider(order, Action.PAY)
    house.cancel(order)
    house.at_provider(order, Action.REFUND)
    settled = house.work_at(house.webhook(order))
    assert settled is not None
    assert (settled.outcome, settled.order.status, settled.order.to_refund) == (Outcome.APPLIED, Status.REFUNDED, 0)
    end(house, memory)


def test_another_amount_that_a_person_took_is_what_the_provider_gives_back(house: House, memory: Memory) -> None:
    order = house.place(house.session(("BOX", 1))).order
    house.pay_another_amount(order, 1500)
    house.browser_returns(order)
    house.accept(order)
    house.at_provider(order, Action.REFUND)
    settled = house.browser_returns(order)
    assert settled is not None
    assert (settled.order.status, settled.order.payment.refunded) == (Status.REFUNDED, 1500)
    end(house, memory)


def test_a_part_that_the_provider_gave_back_is_booked_and_the_goods_stay(house: House) -> None:
    order = served(house)
    settled = house.settle(house.fact(order, FactKind.REFUNDED, amount=1))
    assert (settled.order.status, settled.order.lines) == (order.status, order.lines)
    assert (settled.order.payment.status, settled.order.payment.refunded) == (PaymentStatus.PARTIALLY_REFUNDED, 1)
    assert settled.order.events[-1].type == events.PARTIALLY_REFUNDED


@pytest.mark.parametrize("odd", [{"amount": 5 * EACH + 1}, {"currency": "USD"}])
def test_more_than_came_never_went_back(house: House, odd: dict[str, Any]) -> None:
    order = served(house)
    settled = house.settle(house.fact(order, FactKind.REFUNDED, **odd))
    assert (settled.order.status, settled.order.payment) == (order.status, order.payment)
    assert settled.order.events[-1].type == events.PAYMENT_REVIEW


def test_a_debt_is_forgotten_also_where_no_money_is_left_to_go_back(house: House, memory: Memory) -> None:
    house.product("PEN", 0, Kind.PHYSICAL, OnShortage.BACKORDER, backorder_cap=9)
    order = house.buy(("PEN", 2), accept_partial=True)
    house.browser_returns(order)
    house.serve(order)
    house.refund(order, RefundKind.AMOUNT, "sorry", amount=EACH)
    house.refund(order, RefundKind.LINES, "one", lines={"PEN": 1})
    assert house.cancel(order).status is Status.CANCELLED
    end(house, memory)
    assert house.stores.fulfilment.debts.owed(house.shop, "PEN") == 0
