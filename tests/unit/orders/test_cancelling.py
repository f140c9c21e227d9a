"""Giving an order up, at every stage, by everybody who may."""

from typing import Any

import pytest

from holdfast.catalogue.model import Kind, OnShortage
from holdfast.kernel.events import CUSTOMER, Actor
from holdfast.orders import cancelling, events, settlement, usecases
from holdfast.orders.errors import OrderNotCancellable, UnknownOrder
from holdfast.orders.model import Order, PaymentStatus, Status
from holdfast.orders.neighbours import FactKind
from holdfast.payments.errors import PaymentStateConflict
from holdfast.payments.model import News
from holdfast.payments.providers.sandbox.proxy import Action
from tests.memory.audit import audit, audit_end
from tests.memory.backstage import Backstage
from tests.memory.engine import Memory
from tests.memory.house import HOLD, STAFF, House
from tests.memory.stores import in_memory


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def house(memory: Memory) -> House:
    house = House(in_memory(memory))
    house.product("BOX", 3, max_per_customer=5)
    house.product("PEN", 1, Kind.PHYSICAL, OnShortage.BACKORDER, backorder_cap=9)
    house.product("KEY", 1, Kind.DIGITAL, OnShortage.BACKORDER)
    return house


def end(house: House, memory: Memory) -> None:
    audit(memory)
    Backstage(memory, house).settle_down()
    audit_end(memory)


@pytest.mark.parametrize(
    ("kind", "changes"),
    [(FactKind.SUCCEEDED, {"payment": "pay_other"}), (FactKind.SUCCEEDED, {"currency": "USD"}), (FactKind.REFUNDED, {"amount": 1})],
)
def test_staff_end_an_order_in_review_whose_own_money_never_came(
    house: House, memory: Memory, kind: FactKind, changes: dict[str, Any]
) -> None:
    """Nobody pays it any more, nothing of it can be refused, and no sweep ends it."""
    order = house.place(house.session(("BOX", 1))).order
    house.settle(house.fact(order, kind, **changes))
    with pytest.raises(OrderNotCancellable):
        house.cancel(order)
    cancelled = house.cancel(order, STAFF)
    assert (cancelled.status, cancelled.hold, house.free("BOX")) == (Status.CANCELLED, None, 3)
    end(house, memory)


def test_what_was_declined_and_then_given_up_is_paid_by_no_other_card(house: House) -> None:
    order = house.place(house.session(("BOX", 1))).order
    house.at_provider(order, Action.DECLINE)
    house.cancel(order)
    assert house.void(order)
    with pytest.raises(PaymentStateConflict):
        house.at_provider(order, Action.PAY)


def test_money_of_the_order_that_waits_in_review_is_decided_about_first(house: House) -> None:
    order = house.place(house.session(("BOX", 1))).order
    reviewed = house.settle(house.fact(order, amount=1500)).order
    with pytest.raises(OrderNotCancellable):
        house.cancel(order, STAFF)
    assert house.order(order) == reviewed


def at(house: House, status: Status, digital: bool = False) -> Order:
    """A paid order in that state."""
    order = house.buy(("BOX", 2), ("PEN", 3), *([("KEY", 1)] if digital else []), accept_partial=True)
    house.browser_returns(order)
    if status is Status.PAID:
        return house.order(order)
    house.serve(order)
    if status is Status.AWAITING_STOCK:
        waits = house.buy(("PEN", 1), accept_partial=True)
        house.browser_returns(waits)
        house.serve(waits)
        return house.order(waits)
    if status is Status.PROCESSING:
        house.restock("PEN", 2, "more")
        house.feed("PEN")
    for stage in (Status.PICKING, Status.PACKED) if status in {Status.PICKING, Status.PACKED} else ():
        house.bring_to(order, stage)
        if stage is status:
            break
    return house.order(order)


WHILE_NOTHING_WENT_OUT = [
    Status.PAID,
    Status.PARTIALLY_FULFILLED,
    Status.AWAITING_STOCK,
    Status.PROCESSING,
    Status.PICKING,
    Status.PACKED,
]


@pytest.mark.parametrize("actor", [CUSTOMER, STAFF])
@pytest.mark.parametrize("status", WHILE_NOTHING_WENT_OUT)
def test_a_paid_order_of_which_nothing_was_handed_over(house: House, memory: Memory, status: Status, actor: Actor) -> None:
    order = at(house, status)
    assert order.status is status
    cancelled = house.cancel(order, actor)
    assert (cancelled.status, cancelled.payment.status, cancelled.to_refund) == (Status.CANCELLED, PaymentStatus.REFUND_DUE, 0)
    assert [event.type for event in cancelled.events[-2:]] == [events.CANCELLED, events.REFUND_DUE]
    assert cancelled.version == order.version + 1
    assert house.cancel(order, actor) == cancelled
    end(house, memory)
    assert house.order(order).payment.status is PaymentStatus.REFUNDED


def test_units_debts_promises_and_limits_come_back(house: House, memory: Memory) -> None:
    order = at(house, Status.PARTIALLY_FULFILLED)
    cancelled = house.cancel(order)
    told = next(event for event in cancelled.events if event.type == events.CANCELLED).data
    assert (told["returned"], told["owed"]) == ({"BOX": 2, "PEN": 1}, {"PEN": 2})
    end(house, memory)
    assert (house.free("BOX"), house.free("PEN")) == (3, 1)
    assert {part: level.available for part, level in house.parts("BOX").items() if part != "0"} in ({}, {"buyer": 5})


def test_what_was_handed_over_is_not_cancelled(house: House, memory: Memory) -> None:
    for order in (at(house, Status.PARTIALLY_FULFILLED, digital=True),):
        for actor in (CUSTOMER, STAFF):
            with pytest.raises(OrderNotCancellable) as refusal:
                house.cancel(order, actor)
            assert refusal.value.facts == {"order_status": order.status}
        assert house.order(order) == order
    end(house, memory)


def test_a_shop_may_leave_paid_orders_to_its_staff(house: House, memory: Memory) -> None:
    house.settings["customer_cancel"] = "unpaid"
    order = at(house, Status.PAID)
    with pytest.raises(OrderNotCancellable):
        house.cancel(order, CUSTOMER)
    unpaid = house.place(house.session(("BOX", 1))).order
    assert house.cancel(unpaid, CUSTOMER).status is Status.CANCELLED
    assert house.cancel(order, STAFF).status is Status.CANCELLED
    end(house, memory)


def test_an_order_that_ended_otherwise_is_not_cancelled(house: House, memory: Memory) -> None:
    expired = house.place(house.session(("BOX", 1))).order
    house.now += HOLD * 2
    house.sweep()
    failed = house.place(house.session(("BOX", 1))).order
    house.at_provider(failed, Action.DECLINE)
    house.browser_returns(failed)
    refunded = house.refund(at(house, Status.PAID))
    review = house.place(house.session(("BOX", 1))).order
    house.settle(house.fact(review, amount=1))
    for order in (expired, failed, refunded, review):
        before = house.order(order)
        with pytest.raises(OrderNotCancellable):
            house.cancel(order, STAFF)
        assert house.order(order) == before
    with pytest.raises(UnknownOrder):
        house.cancel(expired.model_copy(update={"id": "ord_none"}))


def test_who_gives_a_hold_back_gives_no_money_back(house: House, memory: Memory) -> None:
    """The staff's release of a hold ends an unpaid order, never a paid one."""
    paid, unpaid = at(house, Status.PAID), house.place(house.session(("BOX", 1))).order
    desk: dict[str, Any] = {"orders": house.stores.orders, "stock": house.stock_for_orders, "now": house.now}
    commands = [cancelling.CancelOrder(shop=house.shop, order=order.id, reason=None, actor=STAFF) for order in (paid, unpaid)]
    with pytest.raises(OrderNotCancellable):
        cancelling.cancel_unpaid(commands[0], **desk)
    for _ in range(2):
        assert cancelling.cancel_unpaid(commands[1], **desk).status is Status.CANCELLED
    assert house.order(paid).status is Status.PAID
    end(house, memory)


def test_the_payment_of_a_cancelled_order_is_given_up_at_the_provider(house: House, memory: Memory) -> None:
    order = house.place(house.session(("BOX", 1))).order
    assert house.void(order) is False  # it is alive
    house.cancel(order)
    assert house.void(order) is True
    assert house.void(order) is True
    assert house.stores.provider.status(order.payment.id).news is News.EXPIRED
    late = house.place(house.session(("BOX", 1))).order
    house.cancel(late)
    house.at_provider(late, Action.PAY)
    assert house.void(late) is False  # it came: its news is on the way
    paid = at(house, Status.PAID)
    house.cancel(paid)
    assert house.void(paid) is False
    with pytest.raises(UnknownOrder):
        settlement.void_unpaid(house.shop, "ord_none", world=house.finaliser, now=house.now)
    end(house, memory)
    assert house.order(late).status is Status.REFUNDED


def test_nobody_reads_another_shops_order(house: House) -> None:
    order = house.place(house.session(("BOX", 1))).order
    house.shop = "other"
    for act in (house.cancel, house.extend, house.refund, house.order):
        with pytest.raises(UnknownOrder):
            act(order)
    usecases.expire("other", order.id, orders=house.stores.orders, now=house.now)
    house.shop = "demo"
    assert house.order(order) == order
