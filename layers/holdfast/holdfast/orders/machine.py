"""What may become of an order, and who may do it: one table. The picture in the docs is drawn from it.

A step leads to a state, or (`FOLLOWS`) to the one that follows from the order's lines and its payment. Nothing leads back but a
step that is named as a compensation.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from holdfast.kernel.events import Actor, ActorKind
from holdfast.orders import events, rules
from holdfast.orders.errors import TransitionRefused
from holdfast.orders.model import Order, Status

FOLLOWS = None
CUSTOMER, STAFF, PROVIDER, SYSTEM = ActorKind.CUSTOMER, ActorKind.STAFF, ActorKind.PROVIDER, ActorKind.SYSTEM
AT_WORK = frozenset({Status.PAID, Status.PROCESSING, Status.PARTIALLY_FULFILLED, Status.AWAITING_STOCK, Status.PICKING, Status.PACKED})
"""Paid, and something is still to be handed over."""
HANDED_OVER = frozenset({Status.SHIPPED, Status.DELIVERED, Status.COMPLETED, Status.PARTIALLY_REFUNDED})
ENDED = frozenset({Status.CANCELLED, Status.REFUNDED})
"""Money may be left in these: a refund failed, or a bank gave it back."""


class Guard(NamedTuple):
    """What must be true of the order beside its state; `says` is the sentence for the refused."""

    says: str
    holds: Callable[[Order], bool]


class Step(NamedTuple):
    """`event` None: the event of the state that follows. `leaves`: an order that follows its lines may leave its stage by it.

    `back`: the named compensation of earlier steps.
    """

    name: str
    sources: frozenset[Status]
    target: Status | None
    actors: frozenset[ActorKind]
    event: str | None
    guard: Guard | None = None
    leaves: bool = False
    back: bool = False


NOTHING_HANDED_OVER = Guard("nothing of it was handed over", lambda order: not any(line.fulfilled for line in order.lines))
SOMETHING_TO_PICK = Guard("physical units are here for it", lambda order: any(line.here for line in order.lines if not line.digital))
ALL_HANDED_OVER = Guard("nothing is owed or to be picked", lambda order: all(line.fulfilled == line.wanted for line in order.lines))
MONEY_LEFT = Guard("money of it is with the shop", lambda order: order.to_refund > 0)


def _step(
    name: str,
    sources: set[Status] | frozenset[Status],
    target: Status | None,
    actors: set[ActorKind] | frozenset[ActorKind],
    event: str | None,
    guard: Guard | None = None,
    *,
    leaves: bool = False,
    back: bool = False,
) -> Step:
    return Step(name, frozenset(sources), target, frozenset(actors), event, guard, leaves, back)


STEPS = (
    # The money comes, or it does not.
    _step("pay", rules.LATE, Status.PAID, {PROVIDER, STAFF}, events.PAID),
    _step("fail", {Status.PENDING_PAYMENT}, Status.PAYMENT_FAILED, {PROVIDER}, events.PAYMENT_FAILED),
    _step("expire", {Status.PENDING_PAYMENT}, Status.EXPIRED, {SYSTEM, PROVIDER}, events.EXPIRED),
    _step("cancel", {Status.PENDING_PAYMENT}, Status.CANCELLED, {CUSTOMER, STAFF, SYSTEM}, events.CANCELLED),
    _step("cancel_review", {Status.PAYMENT_REVIEW}, Status.CANCELLED, {STAFF}, events.CANCELLED),
    _step(
        "review",
        {Status.PENDING_PAYMENT, Status.EXPIRED, Status.PAYMENT_FAILED},
        Status.PAYMENT_REVIEW,
        {PROVIDER},
        events.PAYMENT_REVIEW,
    ),
    _step("give_back", rules.LATE | {Status.CANCELLED}, Status.REFUNDED, {SYSTEM, STAFF, PROVIDER}, events.REFUND_DUE),
    # The goods go out.
    _step("serve", {Status.PAID}, FOLLOWS, {SYSTEM}, None, leaves=True),
    _step("feed", {Status.PARTIALLY_FULFILLED, Status.AWAITING_STOCK, Status.PICKING, Status.PACKED}, FOLLOWS, {SYSTEM}, None),
    _step("pick", {Status.PROCESSING, Status.PARTIALLY_FULFILLED}, Status.PICKING, {STAFF}, events.PICKING, SOMETHING_TO_PICK),
    _step("pack", {Status.PICKING}, Status.PACKED, {STAFF}, events.PACKED),
    _step("put_back", {Status.PICKING, Status.PACKED}, FOLLOWS, {STAFF}, events.PICKING_STOPPED, leaves=True, back=True),
    _step(
        "ship",
        {Status.PROCESSING, Status.PARTIALLY_FULFILLED, Status.PICKING, Status.PACKED},
        FOLLOWS,
        {STAFF},
        events.SHIPPED,
        SOMETHING_TO_PICK,
        leaves=True,
    ),
    _step("deliver", {Status.SHIPPED}, Status.DELIVERED, {STAFF}, events.DELIVERED),
    _step("complete", {Status.SHIPPED, Status.DELIVERED}, FOLLOWS, {STAFF}, events.COMPLETED, ALL_HANDED_OVER, leaves=True),
    # The money goes back.
    _step("cancel_paid", AT_WORK, Status.CANCELLED, {CUSTOMER, STAFF}, events.CANCELLED, NOTHING_HANDED_OVER),
    _step("refund", AT_WORK | HANDED_OVER | ENDED, Status.REFUNDED, {STAFF}, events.REFUND_DUE, MONEY_LEFT),
    _step("refund_part", AT_WORK | HANDED_OVER, FOLLOWS, {STAFF, CUSTOMER, SYSTEM, PROVIDER}, events.REFUND_DUE, MONEY_LEFT, back=True),
    _step("return_money", AT_WORK | HANDED_OVER | rules.LATE | {Status.CANCELLED}, Status.REFUNDED, {PROVIDER}, events.REFUNDED),
    _step("charge_back", AT_WORK | HANDED_OVER | rules.LATE | {Status.CANCELLED}, Status.REFUNDED, {PROVIDER}, events.CHARGED_BACK),
)
TABLE = {step.name: step for step in STEPS}
BY_HAND = {
    Status.PICKING: "pick",
    Status.PACKED: "pack",
    Status.PROCESSING: "put_back",
    Status.PARTIALLY_FULFILLED: "put_back",
    Status.SHIPPED: "ship",
    Status.DELIVERED: "deliver",
    Status.COMPLETED: "complete",
}
"""The step that staff take who ask for a state; all else has an act of its own."""


def move(
    order: Order,
    name: str,
    *,
    at: datetime,
    actor: Actor,
    event: str | None = None,
    reason: str | None = None,
    request_id: str | None = None,
    data: dict[str, Any] | None = None,
    **changes: Any,
) -> Order:
    """The order after that step, with its event. TransitionRefused when the table does not have it for this order and actor."""
    step = TABLE[name]
    demand(order, step, actor.kind)
    changed = order.model_copy(update=changes)
    status = step.target or rules.follows(changed, leaves=step.leaves, closes=name == "complete")
    told = event or step.event or rules.FULFILMENT_EVENT[status]
    return order.happened(told, at=at, actor=actor, reason=reason, request_id=request_id, data=data, status=status, **changes)


def demand(order: Order, step: Step, actor: ActorKind) -> None:
    """TransitionRefused, with what is possible instead."""
    if order.status not in step.sources or actor not in step.actors:
        raise _refused(order, step, f"An order that is {order.status} does not take the step {step.name}.")
    if step.guard is not None and not step.guard.holds(order):
        raise _refused(order, step, f"The step {step.name} needs that {step.guard.says}.")


def by_hand(order: Order, wanted: Status) -> Step:
    """The step by which staff bring the order to that state. TransitionRefused, with the states that they could ask for."""
    name = BY_HAND.get(wanted)
    if name is None or not possible(order, TABLE[name]):
        allowed = [state for state, step in BY_HAND.items() if possible(order, TABLE[step])]
        detail = f"An order that is {order.status} does not become {wanted} by hand."
        raise TransitionRefused(detail, order_status=order.status, to=wanted, allowed=allowed)
    return TABLE[name]


def possible(order: Order, step: Step) -> bool:
    return order.status in step.sources and (step.guard is None or step.guard.holds(order))


def _refused(order: Order, step: Step, detail: str) -> TransitionRefused:
    allowed = [other.name for other in STEPS if possible(order, other)]
    return TransitionRefused(detail, order_status=order.status, to=step.name, allowed=allowed)
