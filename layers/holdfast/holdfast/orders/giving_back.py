"""Asking providers for money that is to go back: under a name that stands in the order before the first call, until they confirm."""

from datetime import datetime

from holdfast.kernel.errors import HoldfastError, Refusal, UnavailableError, VersionConflict
from holdfast.orders import booking_refunds, disputing, refunding, second_payments
from holdfast.orders.going_back import Beside, Refund, RefundState
from holdfast.orders.model import Order
from holdfast.orders.neighbours import PaymentFact
from holdfast.orders.paying import World


def give_back_due(order: Order, *, world: World, now: datetime) -> Order:
    """Ask for every refund that is decided and not confirmed. VersionConflict when the order changes meanwhile.

    Also for a repeated fact: a worker that died after the decision is finished here. The provider knows a refund by its key. One
    that it refuses, or does not answer, keeps no other waiting, and why is raised at the end.
    """
    refused: HoldfastError | None = None
    for identity in [refund.id for refund in order.refunds if refund.state is RefundState.DUE]:
        try:
            order, refusal = _one(order, identity, world, now)
        except UnavailableError as silence:
            order, refusal = world.orders.get(order.shop, order.id) or order, silence
        refused = refused or refusal
    if refused is not None:
        raise refused
    return order


def _one(order: Order, identity: str, world: World, now: datetime) -> tuple[Order, HoldfastError | None]:
    """What is refused is looked at: somebody may have given it back at the provider, or a part of it; then the rest is asked for. While
    the customer's bank asks for the money it waits: the bank decides.
    """
    due = _due(order, identity)
    refusal: Refusal | None = None
    while due is not None:
        try:
            return booking_refunds.asked(order, due, world, now), None
        except VersionConflict:
            raise
        except Refusal as no:
            order, refusal = _looked(order, due, world, now), no
        before, due = due, _due(order, identity)
        if due is not None and due.attempt == before.attempt:
            waits = due.of is None and any(dispute.undecided for dispute in order.disputes)
            return order, None if waits else refusal
    return order, None


def _looked(order: Order, due: Refund, world: World, now: datetime) -> Order:
    """What the provider says now of the payment that it will not give back from, booked."""
    of = refunding.source(order, due)
    fact = _truth(order, of, world)
    if fact is None:
        return order
    order = disputing.book(booking_refunds.book(order, fact, world, now), fact, world, now)
    standing = _due(order, due.id)
    left = second_payments.left_beside(standing, fact) if standing else None
    if standing is None or left is None or left >= standing.amount:
        return order
    return booking_refunds.reduced(order, standing, left, world, now)


def _truth(order: Order, of: Beside, world: World) -> PaymentFact | None:
    try:
        fact = world.payments.look(order.shop, of.provider, of.payment)
    except Refusal:
        return None
    return fact if fact is not None and (fact.shop, fact.order) == (order.shop, order.id) else None


def _due(order: Order, identity: str) -> Refund | None:
    return next((refund for refund in order.refunds if refund.id == identity and refund.state is RefundState.DUE), None)
