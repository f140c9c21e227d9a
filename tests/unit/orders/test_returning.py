"""Goods on their way back: who may send what until when, what is put on the shelf or written off, and their money."""

from datetime import timedelta
from typing import Any

import pytest

from holdfast.catalogue.model import Kind, OnShortage
from holdfast.kernel.events import CUSTOMER
from holdfast.orders import events
from holdfast.orders.errors import NotReturnable, ReturnAlreadyReceived, ReturnWindowOver, UnknownLine, UnknownOrder, UnknownReturn
from holdfast.orders.model import Order, Status
from holdfast.orders.refunding import Kind as RefundKind
from tests.memory.audit import audit, audit_end
from tests.memory.backstage import Backstage
from tests.memory.engine import Memory
from tests.memory.house import STAFF, House
from tests.memory.stores import in_memory

EACH = 1999


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def house(memory: Memory) -> House:
    house = House(in_memory(memory))
    house.product("BOX", 4, max_per_customer=5)
    house.product("KEY", 1, Kind.DIGITAL)
    house.product("PEN", 1, Kind.PHYSICAL, OnShortage.BACKORDER)
    return house


def shipped(house: House, to: Status = Status.DELIVERED) -> Order:
    """Three boxes and a key; the boxes are with the customer."""
    order = house.buy(("BOX", 3), ("KEY", 1))
    house.browser_returns(order)
    house.serve(order)
    for stage in (Status.SHIPPED, Status.DELIVERED, Status.COMPLETED):
        house.bring_to(order, stage)
        if stage is to:
            break
    return house.order(order)


def end(house: House, memory: Memory) -> None:
    audit(memory)
    Backstage(memory, house).settle_down()
    audit_end(memory)


@pytest.mark.parametrize(
    ("restocked", "written_off", "free"), [({"BOX": 2}, {}, 3), ({}, {"BOX": 2}, 1), ({"BOX": 1}, {"BOX": 1}, 2), ({"BOX": 1}, {}, 2)]
)
def test_goods_come_back_and_their_money_goes(house: House, memory: Memory, restocked: Any, written_off: Any, free: int) -> None:
    order = shipped(house)
    (back,) = house.send_back(order, {"BOX": 2}).returns
    received = house.receive(order, back.id, restocked=restocked, written_off=written_off)
    came = sum(restocked.values()) + sum(written_off.values())
    line = received.line("BOX")
    assert (line.returned, line.refunded, line.fulfilled, line.cancelled) == (came, came, 3, 0)
    assert (received.refunds[0].amount, received.refunds[0].lines) == (came * EACH, {"BOX": came})
    assert (received.returns[0].restocked, received.returns[0].written_off) == (restocked, written_off)
    assert received.version == order.version + 2
    assert house.free("BOX") == free
    end(house, memory)


def test_after_an_amount_went_back_goods_that_return_bring_what_is_left(house: House, memory: Memory) -> None:
    order = house.refund(shipped(house), RefundKind.AMOUNT, "sorry", amount=EACH + 100)
    (back,) = house.send_back(order, {"BOX": 3}).returns
    received = house.receive(order, back.id, restocked={"BOX": 3})
    assert (received.refunds[-1].amount, received.refunds[-1].lines, received.to_refund) == (3 * EACH - 100, {"BOX": 3}, 0)
    end(house, memory)


def test_a_receipt_without_money(house: House, memory: Memory) -> None:
    order = shipped(house)
    (back,) = house.send_back(order, {"BOX": 1}).returns
    received = house.receive(order, back.id, restocked={"BOX": 1}, refund=False)
    assert (received.refunds, received.line("BOX").returned, received.events[-1].type) == ((), 1, events.RETURN_RECEIVED)
    paid_back = house.refund(order, RefundKind.LINES, lines={"BOX": 1})
    assert paid_back.to_refund == 3 * EACH
    end(house, memory)


def test_all_of_it_comes_back(house: House, memory: Memory) -> None:
    """The key was used; the boxes' money goes back, the order is closed with a part of its money."""
    order = shipped(house, Status.COMPLETED)
    (back,) = house.send_back(order, {"BOX": 3}).returns
    received = house.receive(order, back.id, restocked={"BOX": 3})
    assert (received.status, received.to_refund) == (Status.PARTIALLY_REFUNDED, EACH)
    end(house, memory)


def test_a_return_of_what_was_refunded_before_brings_no_money_again(house: House, memory: Memory) -> None:
    order = shipped(house)
    house.refund(order, RefundKind.LINES, lines={"BOX": 3})
    for identity in ("one", "two"):
        back = house.send_back(order, {"BOX": 1}, identity).returns[-1]
        received = house.receive(order, back.id, restocked={"BOX": 1})
    assert (len(received.refunds), received.line("BOX").returned, received.to_refund) == (1, 2, EACH)
    end(house, memory)
    assert house.free("BOX") == 3


def test_what_came_back_does_not_come_back_again(house: House) -> None:
    order = shipped(house)
    (back,) = house.send_back(order, {"BOX": 3}, "one").returns
    house.receive(order, back.id, restocked={"BOX": 2}, written_off={"BOX": 1})
    with pytest.raises(NotReturnable) as refusal:
        house.send_back(order, {"BOX": 1}, "two")
    assert refusal.value.facts["lines"] == [{"sku": "BOX", "requested": 1, "available": 0}]


def test_goods_of_a_refunded_order_may_still_come(house: House, memory: Memory) -> None:
    order = shipped(house)
    house.refund(order)
    (back,) = house.send_back(order, {"BOX": 3}, actor=STAFF).returns
    received = house.receive(order, back.id, written_off={"BOX": 1}, restocked={"BOX": 2})
    assert (received.status, received.line("BOX").returned) == (Status.REFUNDED, 3)
    end(house, memory)


def test_what_comes_back_goes_to_who_waits(house: House, memory: Memory) -> None:
    stage = Backstage(memory, house)
    owner, waits = house.buy(("PEN", 1)), house.buy(("PEN", 1), accept_partial=True)
    for order in (owner, waits):
        house.browser_returns(order)
    stage.run()
    house.bring_to(owner, Status.SHIPPED)
    (back,) = house.send_back(owner, {"PEN": 1}).returns
    house.receive(owner, back.id, restocked={"PEN": 1})
    stage.run()
    assert house.order(waits).status is Status.PROCESSING
    end(house, memory)


def test_the_same_request_is_one_return_and_the_same_receipt_one_receipt(house: House, memory: Memory) -> None:
    order = shipped(house)
    asked = house.send_back(order, {"BOX": 2}, "one")
    assert house.send_back(order, {"BOX": 2}, "one") == asked
    (back,) = asked.returns
    received = house.receive(order, back.id, restocked={"BOX": 2})
    assert house.receive(order, back.id, restocked={"BOX": 2}) == received
    with pytest.raises(ReturnAlreadyReceived) as refusal:
        house.receive(order, back.id, restocked={"BOX": 1}, written_off={"BOX": 1})
    assert refusal.value.facts == {"return_id": back.id}
    assert house.send_back(order, {"BOX": 2}, "one") == received
    end(house, memory)


@pytest.mark.parametrize(
    ("lines", "refusal", "facts"),
    [
        ({"BOX": 4}, NotReturnable, {"lines": [{"sku": "BOX", "requested": 4, "available": 3}]}),
        ({"BOX": 1, "KEY": 1}, NotReturnable, {"lines": [{"sku": "KEY", "requested": 1, "available": 0}]}),
        ({"PEN": 1}, UnknownLine, {"skus": ["PEN"]}),
        ({}, NotReturnable, {"lines": []}),
    ],
)
def test_what_cannot_be_sent_back(house: House, lines: dict[str, int], refusal: Any, facts: Any) -> None:
    order = shipped(house)
    with pytest.raises(refusal) as told:
        house.send_back(order, lines)
    assert told.value.facts == facts
    assert house.order(order) == order


def test_what_was_announced_is_not_announced_twice(house: House) -> None:
    order = shipped(house)
    house.send_back(order, {"BOX": 2}, "one")
    with pytest.raises(NotReturnable) as refusal:
        house.send_back(order, {"BOX": 2}, "two")
    assert refusal.value.facts["lines"] == [{"sku": "BOX", "requested": 2, "available": 1}]
    (back,) = house.order(order).returns
    house.receive(order, back.id, restocked={"BOX": 1})  # one of the two came: the other may be announced again
    house.send_back(order, {"BOX": 2}, "three")


def test_what_was_not_handed_over_is_not_sent_back(house: House) -> None:
    order = house.buy(("BOX", 1))
    with pytest.raises(NotReturnable):
        house.send_back(order, {"BOX": 1})
    house.browser_returns(order)
    house.serve(order)
    with pytest.raises(NotReturnable):
        house.send_back(order, {"BOX": 1}, actor=STAFF)


@pytest.mark.parametrize(("came", "available"), [({"BOX": 3}, 2), ({"KEY": 1}, 0), ({}, None)])
def test_more_than_was_announced_does_not_come(house: House, memory: Memory, came: dict[str, int], available: int | None) -> None:
    order = shipped(house)
    (back,) = house.send_back(order, {"BOX": 2}).returns
    rows = dict(memory.rows)
    for what in ({"restocked": came}, {"written_off": came}):
        with pytest.raises(NotReturnable) as refusal:
            house.receive(order, back.id, **what)
        assert [fact["available"] for fact in refusal.value.facts["lines"]] == ([] if available is None else [available])
    with pytest.raises(UnknownLine):
        house.receive(order, back.id, restocked={"PEN": 1})
    assert memory.rows == rows


def test_unknown_returns_and_orders(house: House) -> None:
    order = shipped(house)
    with pytest.raises(UnknownReturn):
        house.receive(order, "ret_none", restocked={"BOX": 1})
    nobody = order.model_copy(update={"id": "ord_none"})
    with pytest.raises(UnknownOrder):
        house.receive(nobody, "ret_none", restocked={"BOX": 1})
    with pytest.raises(UnknownOrder):
        house.send_back(nobody, {"BOX": 1})


def test_the_window_counts_from_the_last_parcel_and_staff_may_overrule_it(house: House, memory: Memory) -> None:
    house.settings["return_days"] = 10
    order = shipped(house, Status.SHIPPED)
    house.now += timedelta(days=5)
    house.bring_to(order, Status.DELIVERED)
    delivered = house.now
    house.now += timedelta(days=10)
    house.send_back(order, {"BOX": 1}, "in time")
    house.now += timedelta(milliseconds=1)
    with pytest.raises(ReturnWindowOver) as refusal:
        house.send_back(order, {"BOX": 1}, "late", CUSTOMER)
    assert refusal.value.facts == {"ended_at": (delivered + timedelta(days=10)).isoformat()}
    assert house.send_back(order, {"BOX": 1}, "in time") == house.order(order)
    assert len(house.send_back(order, {"BOX": 1}, "late", STAFF).returns) == 2


def test_the_window_is_not_opened_again_by_a_busy_timeline(house: House) -> None:
    """The parcel's event lies beside the order by then."""
    order = shipped(house)
    for number in range(60):
        house.note(order, f"note {number}", str(number))
    house.now += timedelta(days=15)
    house.note(order, "today", "today")
    with pytest.raises(ReturnWindowOver):
        house.send_back(order, {"BOX": 1})


def test_limits_count_for_who_bought_whatever_address_stands_in_the_order(house: House, memory: Memory) -> None:
    order = shipped(house)
    house.edit(order, email="eve@example.com")
    house.edit(order, email="bob@example.com")
    (back,) = house.send_back(order, {"BOX": 3}).returns
    house.receive(order, back.id, restocked={"BOX": 3})
    audit_end_of_limits = [level.available for part, level in house.parts("BOX").items() if part != "0"]
    assert audit_end_of_limits in ([], [5])
    end(house, memory)
