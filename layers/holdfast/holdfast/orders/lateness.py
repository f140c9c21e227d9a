"""Money that comes when the hold has run out: the shop's policy is data, and says what becomes of the order."""

from datetime import datetime

from holdfast.kernel.errors import Refusal, VersionConflict
from holdfast.kernel.events import SYSTEM
from holdfast.kernel.ids import derived_id
from holdfast.kernel.time import parse_rfc3339
from holdfast.orders import events, refunding, rules
from holdfast.orders.model import Order
from holdfast.orders.neighbours import LatePolicy, PaymentFact, Taken, Wish
from holdfast.orders.paying import Settled, World, give_back, paid

NOT_TAKEN_AGAIN = {
    "insufficient_stock": "the stock was sold before the money came",
    "customer_limit_reached": "the customer had bought all that one may have before the money came",
    "stock_scattered": "what was left when the money came lies in too many places",
}
"""Refusals of the stock that end an order whose money came late: no later try would do better."""
TAKEN_AGAIN = "paid after the hold ran out; the stock was taken again"


def pay_late(order: Order, fact: PaymentFact, world: World, now: datetime) -> Settled:
    """As the policy says; all money goes back where it cannot be done, or where the money is later than the shop's grace."""
    policy, grace = world.policies.late_payment(order.shop, order.payment.provider), world.policies.late_grace(order.shop)
    if policy is LatePolicy.REFUND:
        return give_back(order, fact, world, now, "the money came after the hold had run out")
    if grace is not None and now > _held_until(order, world) + grace:
        return give_back(order, fact, world, now, "the money came later than the shop waits for it")
    lock = derived_id("lck", order.created_at, order.id, "retake")  # always the same: a second worker meets the first one's
    try:
        taken = _take(order, policy, lock, world, now)
    except Refusal as refusal:
        if refusal.code not in NOT_TAKEN_AGAIN:
            raise
        return give_back(order, fact, world, now, NOT_TAKEN_AGAIN[refusal.code])
    if policy is LatePolicy.PARTIAL and not any(taken.quantities.values()):
        world.stock.release(order.shop, lock, order.id)
        return give_back(order, fact, world, now, NOT_TAKEN_AGAIN["insufficient_stock"])
    settled = paid(
        order,
        lock,
        taken.quantities,
        fact,
        world,
        now,
        reason=TAKEN_AGAIN,
        besides=lambda changed: _told(
            _without_the_rest(changed, now) if policy is LatePolicy.PARTIAL else changed, policy, _held_until(order, world), now
        ),
    )
    if order.hold is not None:
        world.stock.release(order.shop, order.hold.lock, order.id)  # what the lost hold may still have of other lines
    return settled


def _take(order: Order, policy: LatePolicy, lock: str, world: World, now: datetime) -> Taken:
    taken = world.stock.hold(
        order.shop,
        lock,
        order.id,
        [_wish(rules.wish(line, order.accept_partial), line.backorder_cap, policy) for line in order.lines],
        owner=order.session,
        buyer=rules.customer(order),
        expires_at=now + world.policies.hold(order.shop),
        fingerprint=f"retake-{policy}",
        former=order.hold,
        now=now,
    )
    if not isinstance(taken, Taken):
        raise VersionConflict("The order is being settled by somebody else.")
    return taken


def _wish(ordered: Wish, cap: int | None, policy: LatePolicy) -> Wish:
    """`partial` promises nothing of what is short; `owe` promises it, as far as the SKU may be owed."""
    if policy is LatePolicy.PARTIAL:
        return ordered._replace(partial=True, promises=None)
    return ordered._replace(partial=True, promises=cap) if policy is LatePolicy.OWE else ordered


def _without_the_rest(order: Order, now: datetime) -> Order:
    """What the stock did not have is given up in the same write; its money goes back."""
    short = {line.sku: line.short for line in order.lines if line.short}
    if not short:
        return order
    reason = "it was sold before the money came"
    return refunding.decided(order, refunding.of_lines(order, short), "late", at=now, actor=SYSTEM, reason=reason, alone=False)


def _held_until(order: Order, world: World) -> datetime:
    """When its hold was to end, as the customer was told last: an extended one ended later."""
    extended = [event.after["hold"] for event in world.orders.timeline(order) if event.type == events.HOLD_EXTENDED]
    return parse_rfc3339(extended[-1]) if extended else order.placed_until


def _told(order: Order, policy: LatePolicy, held_until: datetime, now: datetime) -> Order:
    outcome = "owed" if any(line.short for line in order.lines) else "partial" if order.refunds else "retaken"
    late = int((now - held_until).total_seconds())
    data = {"policy": policy, "outcome": outcome, "late_seconds": max(late, 0), "lines": rules.told_lines(order)}
    back = [{"amount": due.amount, "currency": order.currency, "refunded": dict(due.lines)} for due in order.refunds]
    return order.also(events.LATE_PAYMENT, at=now, actor=SYSTEM, data={**data, **(back[-1] if back else {})})
