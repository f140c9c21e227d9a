"""Payments that nobody will pay any more: their orders are told, so that no one asks for them again.

An order that waits for its money ends by it, as when the provider says so. One that had ended before (its hold ran out, somebody
cancelled it) only has its payment closed. Money that comes all the same finds the order as it would have before.
"""

from datetime import datetime

from holdfast.kernel.events import SYSTEM
from holdfast.orders import events, settlement
from holdfast.orders.model import Order, PaymentStatus, Status
from holdfast.orders.neighbours import FactKind, PaymentFact
from holdfast.orders.paying import World
from holdfast.orders.usecases import persistently, saved

CLOSES = {FactKind.FAILED: PaymentStatus.FAILED, FactKind.EXPIRED: PaymentStatus.EXPIRED}
ENDED_UNPAID = frozenset({Status.EXPIRED, Status.PAYMENT_FAILED, Status.CANCELLED})


def give_up(order: Order, *, reason: str, request_id: str | None, world: World, now: datetime) -> Order:
    """We stopped waiting, and the provider takes no money for it any more. UnknownOrder, VersionConflict."""
    fact = PaymentFact(
        shop=order.shop,
        order=order.id,
        provider=order.payment.provider,
        payment=order.payment.id,
        kind=FactKind.EXPIRED,
        amount=order.amount,
        currency=order.currency,
        actor=SYSTEM,
        request_id=request_id,
    )
    settlement.settle(fact, world=world, now=now)
    return close(fact, reason=reason, world=world, now=now)


def close(fact: PaymentFact, *, reason: str, world: World, now: datetime) -> Order:
    """Note on an order that had ended unpaid how its payment ended. Any other order is left as it is. UnknownOrder, VersionConflict."""

    def decide(order: Order) -> Order:
        ours = (fact.provider, fact.payment) == (order.payment.provider, order.payment.id)
        if not ours or fact.kind not in CLOSES or order.status not in ENDED_UNPAID or order.payment.status is not PaymentStatus.PENDING:
            return order
        ended = order.happened(
            events.PAYMENT_ENDED,
            at=now,
            actor=fact.actor,
            reason=reason,
            request_id=fact.request_id,
            data={"payment": fact.payment},
            payment=order.payment.model_copy(update={"status": CLOSES[fact.kind]}),
        )
        return saved(ended, orders=world.orders)

    return persistently(fact.shop, fact.order, decide, orders=world.orders)
