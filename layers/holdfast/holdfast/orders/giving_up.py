"""Payments that nobody will pay any more: their orders are told, so that no one asks for them again.

An order that waits for its money ends by it, as when the provider says so. One that had ended before (its hold ran out, somebody
cancelled it) only has its payment closed. Money that comes all the same finds the order as it would have before.
"""

from datetime import datetime

from holdfast.kernel.events import SYSTEM
from holdfast.orders import settlement
from holdfast.orders.model import Order, PaymentStatus, Status
from holdfast.orders.neighbours import FactKind, PaymentFact
from holdfast.orders.paying import World
from holdfast.orders.usecases import persistently, saved

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

    def close(found: Order) -> Order:
        if found.status not in ENDED_UNPAID or found.payment.status is not PaymentStatus.PENDING:
            return found
        return saved(settlement.closed(found, fact, now, reason), orders=world.orders)

    return persistently(order.shop, order.id, close, orders=world.orders)
