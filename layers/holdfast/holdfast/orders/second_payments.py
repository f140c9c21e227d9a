"""Money that came beside the order's own: the order was paid twice, or is paid by a payment that nobody asked for. It goes back by itself.

The decision is written first, as a refund of its own that takes nothing from the order's money; the provider is asked after.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from holdfast.kernel.errors import Refusal, VersionConflict
from holdfast.orders import booking_refunds, events, machine, refunding
from holdfast.orders.going_back import Beside, Refund, RefundState
from holdfast.orders.model import Order
from holdfast.orders.neighbours import FactKind, Movement, PaymentFact
from holdfast.orders.paying import World

TWICE = "the order was paid twice"
ENDED = "the order had ended before this payment came"


def due(order: Order, fact: PaymentFact, world: World, now: datetime) -> Order:
    """The same order when the fact tells of no such money, or of none that is new. VersionConflict."""
    for movement in _movements(order, fact):
        known = _known(order, fact, movement)
        if known is None and movement.amount > 0:
            order = _decided(order, fact, movement, world, now)
        elif known is not None and known.state is RefundState.DONE and movement in fact.beside:
            order = _doubted(order, known, world, now)
    return order


def _doubted(order: Order, done: Refund, world: World, now: datetime) -> Order:
    """It went back and is there again: an old fact, or the refund failed after all. The provider knows which."""
    try:
        return booking_refunds.asked(order, done, world, now)
    except VersionConflict:
        raise
    except Refusal:
        return order


def is_second(order: Order, fact: PaymentFact) -> bool:
    """Good money from elsewhere, for an order that has its own or had ended: none that a person has to look at."""
    own = (fact.provider, fact.payment) == (order.payment.provider, order.payment.id)
    if own:
        return bool(fact.charge and order.payment.charge and fact.charge != order.payment.charge)
    return fact.currency == order.currency and bool(order.payment.captured or order.status in machine.ENDED)


def left_beside(refund: Refund, fact: PaymentFact) -> int | None:
    """What is left, by a fact that was just asked for, of money beside the order's own charge. None: the fact is about another payment."""
    if refund.of is None or (refund.of.provider, refund.of.payment) != (fact.provider, fact.payment) or fact.kind not in CAME:
        return None
    if refund.of.charge in {None, fact.charge}:
        return fact.amount - booking_refunds.went(fact)
    return sum(movement.amount for movement in fact.beside if movement.id == refund.of.charge)


CAME = frozenset({FactKind.SUCCEEDED, FactKind.REFUNDED})


def _movements(order: Order, fact: PaymentFact) -> Iterator[Movement]:
    own = (fact.provider, fact.payment) == (order.payment.provider, order.payment.id)
    if fact.kind is FactKind.SUCCEEDED and is_second(order, fact):
        left = max(0, fact.amount - booking_refunds.went(fact))
        yield Movement(id=fact.charge or "", amount=left, currency=fact.currency)
    if own or is_second(order, fact):
        for movement in fact.beside:
            if movement.currency == order.currency and not (own and movement.id == order.payment.charge):
                yield movement


def _known(order: Order, fact: PaymentFact, movement: Movement) -> Refund | None:
    """A movement without a name is all that there is of its payment."""
    for refund in order.refunds:
        of = refund.of
        if of and (of.provider, of.payment) == (fact.provider, fact.payment) and movement.id in {of.charge or movement.id, ""}:
            return refund
    return None


def _decided(order: Order, fact: PaymentFact, movement: Movement, world: World, now: datetime) -> Order:
    of = Beside(provider=fact.provider, payment=fact.payment, charge=movement.id or None)
    identity = refunding.refund_id(order, f"second#{of.provider}#{of.payment}#{of.charge}")
    reason = TWICE if order.payment.captured else ENDED
    refund = Refund(id=identity, amount=movement.amount, reason=reason, of=of)
    why: dict[str, Any] = {"at": now, "actor": fact.actor, "reason": reason, "request_id": fact.request_id}
    money = {"payment": of.payment, "provider": of.provider, "amount": refund.amount, "currency": order.currency, "refund": refund.id}
    told = order.happened(events.SECOND_PAYMENT, **why, data=money | ({"charge": of.charge} if of.charge else {}))
    decided = told.also(events.REFUND_DUE, **why, data=refunding.told(order, refund), refunds=(*order.refunds, refund))
    world.commit([world.orders.save_write(decided)], token=f"{refund.id}#{decided.version}")
    return decided
