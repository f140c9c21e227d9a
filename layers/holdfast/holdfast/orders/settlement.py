"""The one finaliser: browser, webhook, reconciler and operator all bring their payment fact here.

On time: one transaction moves the order to paid and turns its lock into sales. Then the provider's event is noted as applied: the
order itself knows which news it had, so a note that got lost changes nothing.
Late (the hold is gone): take the stock again; what is short is owed if the shopper accepted that, else all money goes back.
States never go backwards; a fact that changes nothing is answered as such.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from holdfast.kernel.errors import Conflict, Refusal, VersionConflict
from holdfast.kernel.events import SYSTEM
from holdfast.kernel.ids import derived_id
from holdfast.kernel.model import Model
from holdfast.kernel.money import Money
from holdfast.kernel.writes import Commit
from holdfast.orders import events, rules
from holdfast.orders.errors import UnknownOrder
from holdfast.orders.model import FactKind, Order, PaymentFact, PaymentStatus, Status, Taken
from holdfast.orders.ports import Orders, Payments, Policies, Stock
from holdfast.orders.usecases import ENDINGS

ATTEMPTS = 5
NOT_TAKEN_AGAIN = {
    "insufficient_stock": "the stock was sold before the money came",
    "customer_limit_reached": "the customer had bought all that one may have before the money came",
    "stock_scattered": "what was left when the money came lies in too many places",
}
"""Refusals of the stock that end an order whose money came late: no later try would do better."""


class Outcome(StrEnum):
    APPLIED = "applied"
    IGNORED = "ignored"


class Settled(Model):
    """What the fact did. `reason` says why it did nothing."""

    outcome: Outcome
    order: Order
    reason: str | None = None


class World(Protocol):
    """Everything the finaliser touches."""

    @property
    def orders(self) -> Orders: ...
    @property
    def stock(self) -> Stock: ...
    @property
    def payments(self) -> Payments: ...
    @property
    def policies(self) -> Policies: ...
    @property
    def commit(self) -> Commit: ...


def settle(fact: PaymentFact, *, world: World, now: datetime) -> Settled:
    """Apply a payment fact, once. UnknownOrder when the shop has no such order; otherwise the order as it is then."""
    for _ in range(ATTEMPTS):
        order = world.orders.get(fact.shop, fact.order)
        if order is None:
            raise UnknownOrder
        try:
            settled = _decide(order, fact, world, now)
            if settled.outcome is Outcome.APPLIED:
                world.payments.applied(fact, now)
            return _finish_refund(settled, world, now)
        except VersionConflict:
            continue  # somebody brought the same news, or another; look again
    raise VersionConflict("The order keeps changing.")


def _decide(order: Order, fact: PaymentFact, world: World, now: datetime) -> Settled:
    if fact.kind is FactKind.SUCCEEDED:
        return _succeeded(order, fact, world, now)
    if fact.kind is FactKind.REFUNDED:
        return _refunded(order, fact, world, now)
    return _failed(order, fact, world, now)


def _succeeded(order: Order, fact: PaymentFact, world: World, now: datetime) -> Settled:
    if (fact.provider, fact.payment, fact.amount, fact.currency) != (
        order.payment.provider,
        order.payment.id,
        order.amount,
        order.currency,
    ):
        return _review(order, fact, world, now)
    if order.payment.status in {PaymentStatus.SUCCEEDED, PaymentStatus.REFUND_DUE, PaymentStatus.REFUNDED}:
        return _ignored(order, "this payment is known already")
    if order.status in rules.AWAITING_MONEY and order.hold is not None:
        try:
            return _paid(order, order.hold.lock, order.allocated, fact, world, now)
        except VersionConflict:
            raise
        except Conflict:
            _refuse_old_news(order, world)  # the hold is gone
    if order.status not in rules.LATE or world.policies.refund_late(order.shop):
        return _give_back(order, fact, world, now, "the order had ended before the money came")
    return _late(order, fact, world, now)


def _refuse_old_news(order: Order, world: World) -> None:
    """The hold may be gone because somebody ended or paid the order since it was read: then that is what counts."""
    fresh = world.orders.get(order.shop, order.id)
    if fresh is None or fresh.version != order.version:
        raise VersionConflict("The order was changed meanwhile.")


def _late(order: Order, fact: PaymentFact, world: World, now: datetime) -> Settled:
    """The policy `retake`: the stock is taken again, under a lock whose name is always the same."""
    lock = derived_id("lck", order.created_at, order.id, "retake")
    try:
        taken = world.stock.hold(
            order.shop,
            lock,
            order.id,
            [rules.wish(line, order.accept_partial) for line in order.lines],
            owner=order.session,
            buyer=rules.buyer(order.email),
            expires_at=now + world.policies.hold(order.shop),
            fingerprint="retake",
            former=order.hold,
            now=now,
        )
    except Refusal as refusal:
        if refusal.code not in NOT_TAKEN_AGAIN:
            raise
        return _give_back(order, fact, world, now, NOT_TAKEN_AGAIN[refusal.code])
    if not isinstance(taken, Taken):
        raise VersionConflict("The order is being settled by somebody else.")
    settled = _paid(order, lock, taken.quantities, fact, world, now, reason="paid after the hold ran out; the stock was taken again")
    if order.hold is not None:
        world.stock.release(order.shop, order.hold.lock, order.id)  # what the lost hold may still have of other lines
    return settled


def _paid(
    order: Order, lock: str, quantities: Mapping[str, int], fact: PaymentFact, world: World, now: datetime, reason: str | None = None
) -> Settled:
    lines = tuple(line.model_copy(update={"allocated": quantities.get(line.sku, 0)}) for line in order.lines)
    paid = order.happened(
        events.PAID,
        at=now,
        actor=fact.actor,
        reason=reason,
        data={"payment": fact.payment, "amount": fact.amount, "currency": fact.currency},
        status=Status.PAID,
        lines=lines,
        payment=order.payment.model_copy(update={"status": PaymentStatus.SUCCEEDED}),
        hold=None,
        paid_at=now,
    )
    # The order's own condition first: when several fail, "somebody settled it already" is what counts.
    writes = [
        world.orders.save_write(paid),
        *world.stock.confirm_writes(order.shop, lock, order.id, quantities, now),
    ]
    world.commit(writes, token=f"{order.id}#paid#{order.version}")
    return Settled(outcome=Outcome.APPLIED, order=paid)


def _give_back(order: Order, fact: PaymentFact, world: World, now: datetime, reason: str) -> Settled:
    """First the decision, written with its reason; the provider is asked after, and asked again until it is done."""
    due = order.happened(
        events.REFUND_DUE,
        at=now,
        actor=SYSTEM,
        reason=reason,
        data={"payment": fact.payment},
        payment=order.payment.model_copy(update={"status": PaymentStatus.REFUND_DUE}),
        status=Status.REFUNDED,
        hold=None,
    )
    world.commit([world.orders.save_write(due)], token=f"{order.id}#refund-due#{order.version}")
    if order.hold is not None:
        world.stock.release(order.shop, order.hold.lock, order.id)
    return Settled(outcome=Outcome.APPLIED, order=due)


def _finish_refund(settled: Settled, world: World, now: datetime) -> Settled:
    """Also for a repeated fact: a worker that died after the decision is finished here."""
    order = settled.order
    if order.payment.status is not PaymentStatus.REFUND_DUE:
        return settled
    world.payments.refund(order.payment.provider, order.payment.id, order.totals.total, f"{order.id}#refund")
    refunded = order.happened(
        events.REFUNDED,
        at=now,
        actor=SYSTEM,
        reason=order.events[-1].reason,
        data={"amount": order.amount, "currency": order.currency},
        payment=order.payment.model_copy(update={"status": PaymentStatus.REFUNDED}),
    )
    world.commit([world.orders.save_write(refunded)], token=f"{order.id}#refunded#{order.version}")
    return settled.model_copy(update={"order": refunded})


def _refunded(order: Order, fact: PaymentFact, world: World, now: datetime) -> Settled:
    """The provider gave the money back. What was not handed over returns to stock; what was owed is owed no more.

    The news may overtake that of the payment itself: then the order ends here, and the payment's news finds it so.
    """
    if (fact.provider, fact.payment) != (order.payment.provider, order.payment.id):
        return _ignored(order, "the refund is of another payment")
    if order.payment.status in {PaymentStatus.REFUND_DUE, PaymentStatus.REFUNDED}:
        return _ignored(order, "this refund is known already")
    if (fact.amount, fact.currency) != (order.amount, order.currency):
        return _review(order, fact, world, now)  # a part of the money: which part of the order it ends, a person says
    sold = order.payment.status is PaymentStatus.SUCCEEDED
    back = {line.sku: line.allocated - line.fulfilled for line in order.lines if sold and line.allocated > line.fulfilled}
    owed = {line.sku: line.short for line in order.lines if rules.owed(order, line)}
    refunded = order.happened(
        events.REFUNDED,
        at=now,
        actor=fact.actor,
        data={"amount": fact.amount, "currency": fact.currency, "returned": back},
        status=Status.REFUNDED,
        lines=tuple(line.model_copy(update={"allocated": line.fulfilled}) for line in order.lines),
        payment=order.payment.model_copy(update={"status": PaymentStatus.REFUNDED}),
        hold=None,
    )
    writes = [
        world.orders.save_write(refunded),
        *world.stock.return_writes(order.shop, order.id, back=back, owed=owed, buyer=rules.buyer(order.email), now=now),
    ]
    world.commit(writes, token=f"{order.id}#refunded#{order.version}")
    if order.hold is not None:
        world.stock.release(order.shop, order.hold.lock, order.id)
    return Settled(outcome=Outcome.APPLIED, order=refunded)


def _failed(order: Order, fact: PaymentFact, world: World, now: datetime) -> Settled:
    """The provider says that no money will come."""
    if (fact.provider, fact.payment) != (order.payment.provider, order.payment.id):
        return _ignored(order, "the failure is of another payment")
    if order.status is not Status.PENDING_PAYMENT:
        return _ignored(order, f"the order is {order.status}")
    ending = Status.EXPIRED if fact.kind is FactKind.EXPIRED else Status.PAYMENT_FAILED
    status = PaymentStatus.EXPIRED if fact.kind is FactKind.EXPIRED else PaymentStatus.FAILED
    ended = order.happened(
        ENDINGS[ending],
        at=now,
        actor=fact.actor,
        data={"payment": fact.payment},
        status=ending,
        payment=order.payment.model_copy(update={"status": status}),
        hold=None,
    )
    world.commit([world.orders.save_write(ended)], token=f"{order.id}#{status}#{order.version}")
    if order.hold is not None:
        world.stock.release(order.shop, order.hold.lock, order.id)
    return Settled(outcome=Outcome.APPLIED, order=ended)


def _review(order: Order, fact: PaymentFact, world: World, now: datetime) -> Settled:
    """Money that does not match: never ship for it; a person decides. Its order keeps a state that it had earned before.

    A cancelled order stays so: from review, a good payment would bring it back to life.
    """
    kept = order.status in rules.SETTLED | {Status.REFUNDED, Status.PAYMENT_REVIEW, Status.CANCELLED}
    told = {
        "told": fact.kind,
        "payment": fact.payment,
        "provider": fact.provider,
        "amount": fact.amount,
        "currency": fact.currency,
        "expected": Money(amount=order.amount, currency=order.currency).model_dump(),
    }
    if any(event.type == events.PAYMENT_REVIEW and event.data == told for event in order.events):
        return _ignored(order, "a person decides about this payment already")
    reviewed = order.happened(
        events.PAYMENT_REVIEW,
        at=now,
        actor=fact.actor,
        reason="the payment does not match the order",
        data=told,
        status=order.status if kept else Status.PAYMENT_REVIEW,
    )
    world.commit([world.orders.save_write(reviewed)], token=f"{order.id}#review#{order.version}")
    return Settled(outcome=Outcome.APPLIED, order=reviewed)


def _ignored(order: Order, reason: str) -> Settled:
    return Settled(outcome=Outcome.IGNORED, order=order, reason=reason)
