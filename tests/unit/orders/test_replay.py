"""The events of an order make the order: told again, put beside it, and when somebody changed a figure by hand."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.catalogue.model import Kind, OnShortage
from holdfast.kernel.events import Event
from holdfast.orders import events, replay
from holdfast.orders.going_back import RefundState, ReturnState
from holdfast.orders.model import HoldRef, Order, PaymentStatus, Status
from holdfast.orders.neighbours import Dispute, DisputeState
from holdfast.orders.refunding import Kind as RefundKind
from holdfast.orders.session import Address
from tests.memory import samples
from tests.memory.audit import audit, audit_end
from tests.memory.backstage import Backstage
from tests.memory.engine import Memory
from tests.memory.house import STAFF, START, House
from tests.memory.samples import ADDRESS, NOW
from tests.memory.stores import in_memory

DISPUTE = Dispute(id="dp_1", amount=1, currency="EUR", state=DisputeState.OPEN, reason="fraudulent", respond_by=START)


def lived(house: House) -> Order:
    """An order to which most things happened: late, owed, fed, shipped, edited, refunded in part, sent back."""
    house.product("BOX", 3)
    house.product("KEY", 1, Kind.DIGITAL, OnShortage.BACKORDER)
    order = house.buy(("BOX", 3), ("KEY", 4), accept_partial=True)
    house.extend(order)
    house.edit(order, address=ADDRESS, phone="+49 30 1234", notes="ring twice")
    house.edit(order, email="eve@example.com")
    house.browser_returns(order)
    house.serve(order)
    house.import_keys("KEY", ["two"], "second")
    house.feed("KEY")
    house.refund(order, RefundKind.LINES, "part", lines={"KEY": 1})
    house.finish_refunds(order)
    house.bring_to(order, Status.PICKING)
    house.bring_to(order, Status.SHIPPED, data={"tracking_numbers": ["TRACK-1"]})
    (back,) = house.send_back(order, {"BOX": 2}, actor=STAFF).returns
    house.receive(order, back.id, restocked={"BOX": 1}, written_off={"BOX": 1})
    house.note(order, "called him", "note-1")
    house.settle(house.fact(order, charge="ch_1", disputes=(DISPUTE,)))
    return house.order(order)


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def house(memory: Memory) -> House:
    return House(in_memory(memory))


def test_all_events_told_again_make_the_order(house: House, memory: Memory) -> None:
    order = lived(house)
    assert replay.rebuild(order, house.stores.orders.timeline(order)) == []
    audit(memory)
    assert {event.type for event in order.events} >= {events.EDITED, events.REFUND_DUE, events.SHIPPED, events.RETURN_RECEIVED}


def by_hand(order: Order) -> Iterator[tuple[str, Order]]:
    """The order with one figure changed, for every figure that events tell of."""
    changes: dict[str, Any] = {
        "status": Status.COMPLETED,
        "email": "mallory@example.com",
        "phone": None,
        "address": Address(name="Mallory", line1="1", city="X", country="DE"),
        "notes": "",
        "hold": HoldRef(lock="lck_1", expires_at=NOW),
        "paid_at": START - timedelta(seconds=1),
    }
    for name, value in changes.items():
        yield name, order.model_copy(update={name: value})
    payment = {"status": PaymentStatus.REFUNDED, "charge": "ch_2", "captured": order.payment.captured + 1, "refunded": 0, "charged_back": 1}
    for name, wrong in payment.items():
        yield f"payment.{name}", order.model_copy(update={"payment": order.payment.model_copy(update={name: wrong})})
    for line in order.lines:
        for name in ("allocated", "fulfilled", "cancelled", "refunded", "returned"):
            yield f"lines.{line.sku}.{name}", order.with_line(line.model_copy(update={name: getattr(line, name) + 1}))
    yield from lists_by_hand(order)


def lists_by_hand(order: Order) -> Iterator[tuple[str, Order]]:
    update: dict[str, Any]
    for refund in order.refunds:
        state = RefundState.DONE if refund.state is RefundState.DUE else RefundState.DUE
        odd = ({"amount": refund.amount + 1}, {"state": state}, {"lines": {"BOX": 9}}, {"reason": "other"}, {"attempt": 2}, {"ref": "re_9"})
        for update in odd:
            changed = refund.model_copy(update=update)
            yield (
                f"refunds.{refund.id}",
                order.model_copy(update={"refunds": tuple(changed if one.id == refund.id else one for one in order.refunds)}),
            )
        yield f"refunds.{refund.id}", order.model_copy(update={"refunds": tuple(one for one in order.refunds if one.id != refund.id)})
    for back in order.returns:
        for update in ({"lines": {"BOX": 9}}, {"state": ReturnState.REQUESTED}, {"restocked": {}}, {"written_off": {"BOX": 2}}):
            yield f"returns.{back.id}", order.model_copy(update={"returns": (back.model_copy(update=update),)})
        yield f"returns.{back.id}", order.model_copy(update={"returns": ()})
    for dispute in order.disputes:
        for update in ({"amount": 2}, {"state": DisputeState.LOST}, {"respond_by": None}, {"opened_at": NOW + timedelta(days=9)}):
            yield f"disputes.{dispute.id}", order.model_copy(update={"disputes": (dispute.model_copy(update=update),)})
        yield f"disputes.{dispute.id}", order.model_copy(update={"disputes": ()})


def test_whatever_is_changed_by_hand_is_found_by_its_path(house: House) -> None:
    order = lived(house)
    timeline = house.stores.orders.timeline(order)
    found = {}
    for path, changed in by_hand(order):
        found[path] = [drift.path for drift in replay.rebuild(changed, timeline)]
        assert found[path] == [path], path
    assert set(found) == set(order.state), "a figure that events tell of, and nobody doctored here"


def test_an_event_that_is_gone_or_comes_twice_is_found(house: House) -> None:
    order = lived(house)
    timeline = house.stores.orders.timeline(order)
    for place in range(len(timeline)):
        assert (
            "seq" in {drift.path for drift in replay.rebuild(order, timeline[:place] + timeline[place + 1 :])} or place == len(timeline) - 1
        )
        assert "seq" in {drift.path for drift in replay.rebuild(order, timeline[: place + 1] + timeline[place:])}


def test_the_last_event_cannot_be_missing_unnoticed_if_it_changed_something(house: House) -> None:
    order = lived(house)
    (back,) = order.returns
    changed = house.receive(order, back.id, restocked={"BOX": 1}, written_off={"BOX": 1})
    told = changed.events[:-1] if changed.events[-1].after else changed.events[:-2]
    assert replay.rebuild(changed, told) != []


# Hundreds of events.


def noted(order: Order, count: int) -> Order:
    for number in range(count):
        order = order.happened(events.NOTE_ADDED, at=NOW, actor=STAFF, data={"note": f"number {number}", "id": str(number)})
    return order


@given(st.lists(st.integers(1, 4), max_size=60))
def test_an_order_of_many_events_stays_small_and_forgets_none(changes: list[int]) -> None:
    """However many events each change brings, pages and order together have each once, in order."""
    order = samples.full_order("demo")
    pages: list[Event] = []
    for count in changes:
        order, older = replay.trimmed(noted(order, count))
        pages += older
        assert len(order.events) <= replay.TOO_MANY
        assert len(older) in {0, replay.PAGE}
    assert [event.seq for event in (*pages, *order.events)] == list(range(1, order.seq + 1))
    assert replay.rebuild(order, (*pages, *order.events)) == replay.rebuild(samples.full_order("demo"), samples.full_order("demo").events)


def test_workers_that_put_a_page_at_once_put_the_same() -> None:
    """One adds an event, the other four: the page must not depend on who is faster."""
    order = noted(samples.full_order("demo"), replay.TOO_MANY - 2)
    assert replay.trimmed(order)[1] == ()
    assert replay.trimmed(noted(order, 1))[1] == replay.trimmed(noted(order, 4))[1] == order.events[: replay.PAGE]


def test_the_state_before_the_first_event_that_is_left_stands_in_the_order(house: House) -> None:
    order = noted(lived(house), replay.TOO_MANY)
    kept, older = replay.trimmed(order)
    assert older == order.events[: replay.PAGE]
    assert kept.told["lines.BOX.fulfilled"] == 3
    assert replay.whole(kept.model_copy(update={"events": ()}), replay.stored(kept, kept.events)) == kept.events


def test_an_order_of_hundreds_of_events_is_told_whole_and_goes_on(house: House, memory: Memory) -> None:
    order = lived(house)
    for number in range(300):
        house.note(order, f"note {number}", f"many-{number}")
    found = house.order(order)
    timeline = house.stores.orders.timeline(found)
    assert len(found.events) <= replay.TOO_MANY
    assert [event.seq for event in timeline] == list(range(1, found.seq + 1))
    assert [event.data["note"] for event in timeline if event.type == events.NOTE_ADDED][1:] == [f"note {number}" for number in range(300)]
    assert replay.rebuild(found, timeline) == []
    for path, changed in by_hand(found):
        assert [drift.path for drift in replay.rebuild(changed, timeline)] == [path]
    Backstage(memory, house).settle_down()
    house.refund(found, RefundKind.FULL, "rest")
    Backstage(memory, house).settle_down()
    assert house.order(found).status is Status.REFUNDED
    audit_end(memory)


def test_an_order_in_review_with_many_notes_still_waits_for_its_decision(house: House, memory: Memory) -> None:
    """What was told about its money lies beside the order by then."""
    house.product("BOX", 1)
    order = house.place(house.session(("BOX", 1))).order
    house.pay_another_amount(order, 1)
    house.browser_returns(order)
    for number in range(90):
        house.note(order, f"note {number}", str(number))
    assert house.accept(order).status is Status.PAID
    assert house.order(order).payment.captured == 1
    Backstage(memory, house).settle_down()
    audit_end(memory)
