"""The one finaliser: browser, webhook, reconciler and operator all bring their payment fact here.

On time: one transaction moves the order to paid and turns its lock into sales. Then the provider's event is noted as applied: the
order itself knows which news it had, so a note that got lost changes nothing.
Late (the hold is gone): the shop's policy says what becomes of the order (`orders/lateness.py`).
States never go backwards; a fact that changes nothing is answered as such.
"""

from datetime import datetime
from typing import Any

from holdfast.kernel.errors import Conflict, Refusal, VersionConflict
from holdfast.kernel.events import SYSTEM
from holdfast.kernel.money import Money
from holdfast.orders import events, lateness, machine, refunding, rules
from holdfast.orders.model import Order, PaymentStatus, Refund, RefundState, Status
from holdfast.orders.neighbours import FactKind, GiveBack, PaymentFact
from holdfast.orders.paying import Outcome, Settled, World, give_back, paid, release
from holdfast.orders.usecases import persistently, read


def settle(fact: PaymentFact, *, world: World, now: datetime) -> Settled:
    """Apply a payment fact, once. UnknownOrder when the shop has no such order; otherwise the order as it is then."""

    def decide(order: Order) -> Settled:
        settled = _decide(order, fact, world, now)
        if settled.outcome is Outcome.APPLIED:
            world.payments.applied(fact, now)
        return settled.model_copy(update={"order": give_back_due(settled.order, world=world, now=now)})

    return persistently(fact.shop, fact.order, decide, orders=world.orders)


def give_back_due(order: Order, *, world: World, now: datetime) -> Order:
    """Ask the provider for every refund that is decided and not confirmed. VersionConflict when the order changes meanwhile.

    Also for a repeated fact: a worker that died after the decision is finished here. The provider knows a refund by its key. One
    that it refuses keeps no other waiting, and its refusal is raised at the end.
    """
    refused: Refusal | None = None
    for due in [refund for refund in order.refunds if refund.state is RefundState.DUE]:
        money = Money(amount=due.amount, currency=order.currency)
        try:
            world.payments.refund(GiveBack(order.shop, order.payment.provider, order.payment.id, money, f"{order.id}#{due.id}"))
        except Refusal as refusal:
            refused = refused or refusal
            continue
        order = _confirmed(order, due, now)
        world.commit([world.orders.save_write(order)], token=f"{order.id}#{due.id}#{order.version}")
    if refused is not None:
        raise refused
    return order


def finish_refunds(shop: str, order: str, *, world: World, now: datetime) -> Order:
    """As `give_back_due`, for an order by its name, however often it changes meanwhile. UnknownOrder."""
    return persistently(shop, order, lambda found: give_back_due(found, world=world, now=now), orders=world.orders)


def void_unpaid(shop: str, order: str, *, world: World, now: datetime) -> bool:
    """An order that was given up before it was paid shall not be paid any more. False when it has money, or is alive. UnknownOrder."""
    found = read(shop, order, orders=world.orders)
    if found.status is not Status.CANCELLED or found.payment.captured:
        return False
    return world.payments.void(found.shop, found.payment.provider, found.payment.id, now)


def _decide(order: Order, fact: PaymentFact, world: World, now: datetime) -> Settled:
    if fact.kind is FactKind.SUCCEEDED:
        return _succeeded(order, fact, world, now)
    if fact.kind is FactKind.REFUNDED:
        return _refunded(order, fact, world, now)
    return _failed(order, fact, world, now)


def _succeeded(order: Order, fact: PaymentFact, world: World, now: datetime) -> Settled:
    asked = order.payment.provider, order.payment.id, order.amount, order.currency
    if (fact.provider, fact.payment, fact.amount, fact.currency) != asked:
        return _review(order, fact, world, now)
    if order.payment.status not in {PaymentStatus.PENDING, PaymentStatus.FAILED, PaymentStatus.EXPIRED}:
        return _ignored(order, "this payment is known already")
    return pay(order, fact, world, now)


def pay(order: Order, fact: PaymentFact, world: World, now: datetime) -> Settled:
    """The money is good. With the hold it was placed with if that stands, else as the shop's policy says."""
    if order.status in rules.AWAITING_MONEY and order.hold is not None:
        try:
            return paid(order, order.hold.lock, order.allocated, fact, world, now)
        except VersionConflict:
            raise
        except Conflict:
            _refuse_old_news(order, world)  # the hold is gone
    if order.status not in rules.LATE:
        return give_back(order, fact, world, now, "the order had ended before the money came")
    return lateness.pay_late(order, fact, world, now)


def _refuse_old_news(order: Order, world: World) -> None:
    """The hold may be gone because somebody ended or paid the order since it was read: then that is what counts."""
    fresh = world.orders.get(order.shop, order.id)
    if fresh is None or fresh.version != order.version:
        raise VersionConflict("The order was changed meanwhile.")


def _confirmed(order: Order, due: Refund, now: datetime) -> Order:
    refunds = tuple(refund.model_copy(update={"state": RefundState.DONE}) if refund.id == due.id else refund for refund in order.refunds)
    payment = refunding.after(order.payment, refunds)
    whole = payment.status is PaymentStatus.REFUNDED
    data: dict[str, Any] = {"amount": payment.refunded if whole else due.amount, "currency": order.currency, "refund": due.id}
    return order.happened(
        events.REFUNDED if whole else events.PARTIALLY_REFUNDED,
        at=now,
        actor=SYSTEM,
        reason=due.reason,
        data=data if whole else {**data, "lines": dict(due.lines)},
        payment=payment,
        refunds=refunds,
    )


def _refunded(order: Order, fact: PaymentFact, world: World, now: datetime) -> Settled:
    """The provider gave the money back. What was not handed over returns to stock; what was owed is owed no more.

    The news may overtake that of the payment itself: then the order ends here, and the payment's news finds it so. It may also
    overtake our own asking for a part of the money: who gave back all gave back that part.
    """
    if (fact.provider, fact.payment) != (order.payment.provider, order.payment.id):
        return _ignored(order, "the refund is of another payment")
    captured = order.payment.captured
    if captured and not order.to_refund:
        return _ignored(order, "this refund is known already")
    if (fact.amount, fact.currency) != (captured or order.amount, order.currency):
        return _review(order, fact, world, now)  # a part of the money: which part of the order it ends, a person says
    given = refunding.given_up(order)
    rest = Refund(id=refunding.refund_id(order, "provider"), amount=order.to_refund if captured else fact.amount, state=RefundState.DONE)
    refunds = (*(known.model_copy(update={"state": RefundState.DONE}) for known in order.refunds), rest)
    refunded = machine.move(
        order,
        "return_money",
        at=now,
        actor=fact.actor,
        request_id=fact.request_id,
        data={"amount": fact.amount, "currency": fact.currency, "returned": given.back},
        lines=given.lines,
        payment=refunding.after(order.payment.model_copy(update={"captured": captured or fact.amount}), refunds),
        refunds=refunds,
        hold=None,
    )
    returned = world.stock.return_writes(
        order.shop, order.id, order.id, back=given.back, owed=given.owed, buyer=rules.customer(order) if captured else None, now=now
    )
    world.commit([world.orders.save_write(refunded), *returned], token=f"{order.id}#refunded#{order.version}")
    release(order, world)
    return Settled(outcome=Outcome.APPLIED, order=refunded)


def _failed(order: Order, fact: PaymentFact, world: World, now: datetime) -> Settled:
    """The provider says that no money will come."""
    if (fact.provider, fact.payment) != (order.payment.provider, order.payment.id):
        return _ignored(order, "the failure is of another payment")
    if order.status is not Status.PENDING_PAYMENT:
        return _ignored(order, f"the order is {order.status}")
    expired = fact.kind is FactKind.EXPIRED
    status = PaymentStatus.EXPIRED if expired else PaymentStatus.FAILED
    ended = machine.move(
        order,
        "expire" if expired else "fail",
        at=now,
        actor=fact.actor,
        request_id=fact.request_id,
        data={"payment": fact.payment},
        payment=order.payment.model_copy(update={"status": status}),
        hold=None,
    )
    world.commit([world.orders.save_write(ended)], token=f"{order.id}#{status}#{order.version}")
    release(order, world)
    return Settled(outcome=Outcome.APPLIED, order=ended)


def _review(order: Order, fact: PaymentFact, world: World, now: datetime) -> Settled:
    """Money that does not match: never ship for it; a person decides. Its order keeps a state that it had earned before.

    A cancelled order stays so: from review, a good payment would bring it back to life.
    """
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
    status = order.status if order.status not in machine.TABLE["review"].sources else Status.PAYMENT_REVIEW
    reason = "the payment does not match the order"
    who: dict[str, Any] = {"actor": fact.actor, "reason": reason, "request_id": fact.request_id}
    reviewed = order.happened(events.PAYMENT_REVIEW, at=now, **who, data=told, status=status)
    world.commit([world.orders.save_write(reviewed)], token=f"{order.id}#review#{order.version}")
    return Settled(outcome=Outcome.APPLIED, order=reviewed)


def _ignored(order: Order, reason: str) -> Settled:
    return Settled(outcome=Outcome.IGNORED, order=order, reason=reason)
