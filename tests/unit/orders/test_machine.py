"""Every step of the table from every state by every actor, its guards both ways, and that nothing leads back unnamed."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import product
from typing import Any

import pytest

from holdfast.kernel.events import Actor, ActorKind
from holdfast.orders import events, machine, rules
from holdfast.orders.errors import TransitionRefused
from holdfast.orders.going_back import Refund
from holdfast.orders.machine import BY_HAND, STEPS, TABLE, Step
from holdfast.orders.model import Order, OrderLine, PaymentRef, PaymentStatus, Status
from tests.memory.progress import PHASE, progress
from tests.memory.samples import EUR, NOW
from tests.memory.samples import order as sample_order

LATER = NOW + timedelta(minutes=1)
FACTS = {
    "nothing of it was handed over": lambda yes: order_of(line(2, 2, 0), line(1, 1, 0 if yes else 1, digital=True)),
    "physical units are here for it": lambda yes: order_of(line(2, 2, 0 if yes else 2), line(1, 1, digital=True)),
    "nothing is owed or to be picked": lambda yes: order_of(line(2, 2, 2 if yes else 1)),
    "money of it is with the shop": lambda yes: order_of(line(2, 2, 1), refunded=0 if yes else 3998),
}
"""An order of which that is true, or is not."""
TOLD = {"feed": events.STOCK_ALLOCATED}
"""What came says its use case."""


def line(quantity: int, allocated: int, fulfilled: int = 0, *, digital: bool = False, cancelled: int = 0) -> OrderLine:
    return OrderLine(
        sku="KEY" if digital else "BOX",
        title="it",
        quantity=quantity,
        unit_price=EUR,
        digital=digital,
        backorder=True,
        allocated=allocated,
        fulfilled=fulfilled,
        cancelled=cancelled,
    )


def order_of(*lines: OrderLine, status: Status = Status.PAID, refunded: int = 0) -> Order:
    payment = PaymentRef(provider="sandbox", id="pay_1", status=PaymentStatus.SUCCEEDED, captured=3998)
    refunds = (Refund(id="rfd_1", amount=refunded),) if refunded else ()
    return sample_order("demo", lines=lines, status=status, payment=payment, paid_at=NOW, refunds=refunds)


def fitting(step: Step, status: Status) -> Order:
    """An order in that state which passes the step's guard."""
    made = FACTS[step.guard.says](True) if step.guard else order_of(line(2, 2), line(1, 1, digital=True))
    return made.model_copy(update={"status": status})


def taken(order: Order, step: Step, kind: ActorKind) -> Order:
    actor = Actor(kind=kind, id="somebody")
    return machine.move(order, step.name, at=LATER, actor=actor, event=TOLD.get(step.name), reason="because", request_id="request")


ALL = [(step, status, kind) for step in STEPS for status in Status for kind in ActorKind]
ALLOWED = [one for one in ALL if one[1] in one[0].sources and one[2] in one[0].actors]


@pytest.mark.parametrize(("step", "status", "kind"), ALL, ids=lambda value: getattr(value, "name", value))
def test_a_step_is_taken_or_refused_as_the_table_says(step: Step, status: Status, kind: ActorKind) -> None:
    order = fitting(step, status)
    if (step, status, kind) not in ALLOWED:
        with pytest.raises(TransitionRefused) as refusal:
            taken(order, step, kind)
        facts = refusal.value.facts
        assert (facts["order_status"], facts["to"]) == (status, step.name)
        assert facts["allowed"] == [other.name for other in STEPS if machine.possible(order, other)]
        return
    moved = taken(order, step, kind)
    told = moved.events[-1]
    assert moved.status is (step.target or rules.follows(order, leaves=step.leaves, closes=step.name == "complete"))
    assert told.type == (step.event or TOLD.get(step.name) or rules.FULFILMENT_EVENT[moved.status])
    assert (told.at, told.actor.kind, told.reason, told.request_id) == (LATER, kind, "because", "request")
    assert (moved.version, told.seq, moved.updated_at) == (order.version + 1, 1, LATER)
    assert (told.before.get("status"), told.after.get("status")) == (
        ("pending_payment", moved.status) if moved.status != "pending_payment" else (None, None)
    )


@pytest.mark.parametrize("step", [step for step in STEPS if step.guard], ids=lambda step: step.name)
def test_a_guard_is_asked(step: Step) -> None:
    """Of the same state and actor, one order may go and one may not; the refusal says what it lacks."""
    assert step.guard is not None
    for status, kind in product(sorted(step.sources), sorted(step.actors)):
        good, bad = (FACTS[step.guard.says](yes).model_copy(update={"status": status}) for yes in (True, False))
        assert taken(good, step, kind).version == 2
        with pytest.raises(TransitionRefused, match=step.guard.says):
            taken(bad, step, kind)


def test_every_state_is_reached_and_left_or_is_an_end() -> None:
    part = order_of(line(2, 2, 2, digital=True), refunded=1)
    reached = {rules.follows(order, leaves=True, closes=closes) for order in [*at_work(), part] for closes in (True, False)}
    assert set(Status) - reached - {step.target for step in STEPS} == {Status.PENDING_PAYMENT}
    left = {status for step in STEPS for status in step.sources if step.target is not status}
    assert set(Status) - left == {Status.REFUNDED}


def test_events_of_the_table_are_events_and_names_are_distinct() -> None:
    assert {step.event for step in STEPS} - {None} <= set(events.ALL)
    assert len({step.name for step in STEPS}) == len(STEPS)
    assert set(BY_HAND.values()) <= set(TABLE)
    assert all(ActorKind.STAFF in TABLE[name].actors for name in BY_HAND.values())


@pytest.mark.parametrize(("status", "wanted"), list(product(Status, Status)))
def test_staff_bring_an_order_by_the_table_or_are_told_where_it_can_go(status: Status, wanted: Status) -> None:
    for made in (order_of(line(2, 2)), order_of(line(2, 2, 2)), order_of(line(2, 0))):
        order = made.model_copy(update={"status": status})
        allowed = [state for state, step in BY_HAND.items() if machine.possible(order, TABLE[step])]
        if wanted in allowed:
            assert machine.by_hand(order, wanted).name == BY_HAND[wanted]
            continue
        with pytest.raises(TransitionRefused) as refusal:
            machine.by_hand(order, wanted)
        assert refusal.value.facts == {"order_status": status, "to": wanted, "allowed": allowed}


# Never backwards.


def units(most: int) -> Iterator[dict[str, Any]]:
    for quantity in range(1, most + 1):
        for cancelled in range(quantity + 1):
            for allocated in range(quantity - cancelled + 1):
                for fulfilled in range(allocated + 1):
                    yield {"quantity": quantity, "cancelled": cancelled, "allocated": allocated, "fulfilled": fulfilled}


def at_work() -> list[Order]:
    """Every order of two lines with up to two units each, physical and digital, in every state that it may have while it is served."""
    found = []
    for physical, digital in product(units(2), units(2)):
        lines = (line(**physical), line(**digital, digital=True))
        for status in sorted(machine.AT_WORK | machine.HANDED_OVER):
            order = order_of(*lines, status=status)
            if sound(order):
                found.append(order)
    return found


def sound(order: Order) -> bool:
    """Its state fits its lines, as the audit of the simulations demands it."""
    owed, here = any(each.short for each in order.lines), any(each.here for each in order.lines if not each.digital)
    served = not any(each.deliverable for each in order.lines) and any(each.wanted for each in order.lines)
    if order.status is Status.PAID:
        return not any(each.fulfilled for each in order.lines)
    if order.status in machine.HANDED_OVER:
        return served and not owed and not here
    if order.status in {Status.PICKING, Status.PACKED}:
        return served and here
    return served and (owed or here) and order.status is rules.follows(order, leaves=True)


def test_nothing_leads_back_but_a_named_compensation() -> None:
    """By every step that follows the lines, of every sound order; phases of the others are in the table itself."""
    orders, seen = at_work(), set()
    for step in STEPS:
        assert step.back or step.target is None or all(PHASE[source] <= PHASE[step.target] for source in step.sources), step
    for order, step in product(orders, [step for step in STEPS if step.target is None]):
        if machine.possible(order, step):
            for after in outcomes(order, step):
                assert step.back or progress(after) >= progress(order), (step.name, order, after)
                if progress(after) < progress(order):
                    seen.add(step.name)
    assert seen == {step.name for step in STEPS if step.back}, "a step is called a compensation that never leads back"


def outcomes(order: Order, step: Step) -> Iterator[Order]:
    """What the step may do to the lines, in its use cases: hand over, set aside, give up, or nothing."""
    by = sorted(step.actors)[0]
    if step.name == "feed":
        changed = [order.with_line(each.model_copy(update=fed(each))).lines for each in order.lines if each.short]
    elif step.name == "serve":
        changed = [tuple(each.model_copy(update={"fulfilled": each.fulfilled + each.deliverable}) for each in order.lines)]
    elif step.name == "ship":
        changed = [tuple(each if each.digital else each.model_copy(update={"fulfilled": each.allocated}) for each in order.lines)]
    elif step.name == "refund_part":
        changed = [order.with_line(each.model_copy(update=given_up(each))).lines for each in order.lines if each.wanted > each.fulfilled]
    else:
        changed = [order.lines]
    for lines in changed:
        if any(each.wanted for each in lines):
            yield machine.move(order, step.name, at=LATER, actor=Actor(kind=by), event=TOLD.get(step.name), lines=lines)


def fed(each: OrderLine) -> dict[str, int]:
    return {"allocated": each.allocated + 1, "fulfilled": each.fulfilled + each.digital}


def given_up(each: OrderLine) -> dict[str, int]:
    """One unit: an owed one first."""
    return {"cancelled": each.cancelled + 1, "allocated": each.allocated - (not each.short)}
