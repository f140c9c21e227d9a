"""A customer's bank asks for the money back. The shop may answer at the provider; the bank decides.

News comes in any order and more than once. A dispute goes on from open to under review to lost, and never back; won is the end, also
after lost, since a bank that looks again gives the money back. Where a bank takes all that is left of an order's money, the order ends:
what was not handed over returns to stock, what was owed is dropped. What was handed over is gone.
"""

from datetime import datetime
from typing import Any

from holdfast.orders import events, machine, refunding
from holdfast.orders.going_back import Disputed, Refund, RefundState
from holdfast.orders.model import Order, PaymentRef
from holdfast.orders.neighbours import Dispute, DisputeState, PaymentFact
from holdfast.orders.paying import World, release, same_payment

RANK = {DisputeState.OPEN: 0, DisputeState.UNDER_REVIEW: 1, DisputeState.LOST: 2, DisputeState.WON: 3}
TAKEN = "the customer's bank took the money"


def book(order: Order, fact: PaymentFact, world: World, now: datetime) -> Order:
    """The same order when the fact tells nothing new, or its money is not booked. VersionConflict."""
    for told in fact.disputes if same_payment(order, fact) and order.payment.captured else ():
        order = _told(order, told, fact, world, now)
    return order


def lost(fact: PaymentFact) -> int:
    """Minor units that banks took. A bank that counts in another currency took all of it."""
    taken = [dispute for dispute in fact.disputes if dispute.state is DisputeState.LOST]
    return sum(dispute.amount if dispute.currency == fact.currency else fact.amount for dispute in taken)


def _told(order: Order, told: Dispute, fact: PaymentFact, world: World, now: datetime) -> Order:
    known = next((dispute for dispute in order.disputes if dispute.id == told.id), None)
    new = _after(order, known, told, now)
    if new == known:
        return order
    was_lost = known is not None and known.state is DisputeState.LOST
    if new.state is DisputeState.LOST and not was_lost:
        return _charged_back(order, new, fact, world, now)
    back = known.amount if was_lost and known and new.state is DisputeState.WON else 0
    changes: dict[str, Any] = {"disputes": _with(order, new)}
    if back:
        payment = _taken(order.payment, -back)
        changes["payment"] = refunding.after(payment, order.refunds)
    return _happened(order, new, _event(known, new), fact, world, now, changes)


def _after(order: Order, known: Disputed | None, told: Dispute, now: datetime) -> Disputed:
    """What is told of a state that is behind changes nothing. A bank that counts in another currency asks for all of it."""
    amount = told.amount if told.currency == order.currency else order.payment.captured or order.amount
    if known is None:
        return Disputed(id=told.id, amount=amount, state=told.state, reason=told.reason, respond_by=told.respond_by, opened_at=now)
    if RANK[told.state] < RANK[known.state] or (told.state is known.state and not known.undecided):
        return known
    news = {"state": told.state, "reason": told.reason or known.reason, "respond_by": told.respond_by or known.respond_by}
    return known.model_copy(update={**news, "amount": amount})


def _event(known: Disputed | None, new: Disputed) -> str:
    if new.state is DisputeState.WON:
        return events.DISPUTE_WON
    return events.DISPUTED if known is None else events.DISPUTE_CHANGED


def _charged_back(order: Order, new: Disputed, fact: PaymentFact, world: World, now: datetime) -> Order:
    payment = _taken(order.payment, new.amount)
    refunds = _without_money(order, payment)
    after = order.model_copy(update={"payment": payment, "refunds": refunds})
    changes: dict[str, Any] = {"disputes": _with(order, new), "refunds": refunds, "payment": refunding.after(payment, refunds)}
    if after.to_refund or order.status not in machine.AT_WORK | machine.HANDED_OVER:
        return _happened(order, new, events.CHARGED_BACK, fact, world, now, changes)
    given = refunding.given_up(order)
    told = {"handed_over": {line.sku: line.fulfilled for line in order.lines if line.fulfilled}, "returned": given.back, "owed": given.owed}
    data = {**_data(order, new), **{name: dict(units) for name, units in told.items() if units}}
    ended = machine.move(order, "charge_back", **_why(fact, now), data=data, **changes, lines=given.lines)
    goods = refunding.returned(order, given, f"dispute#{new.id}", world.stock, now)
    world.commit([world.orders.save_write(ended), *goods], token=f"{order.id}#dispute#{ended.version}")
    return ended


def gone_before(order: Order, fact: PaymentFact, world: World, now: datetime) -> Order:
    """All the money was taken before we had heard of it: nothing is handed over for it, and the order ends here."""
    disputes = tuple(_after(order, None, told, now) for told in fact.disputes)
    payment = order.payment.model_copy(update={"captured": fact.amount, "charge": fact.charge})
    ended = machine.move(
        order,
        "charge_back",
        **_why(fact, now),
        data=_data(order, next(dispute for dispute in disputes if dispute.state is DisputeState.LOST)),
        payment=refunding.after(_taken(payment, lost(fact)), order.refunds),
        disputes=(*order.disputes, *disputes),
        hold=None,
    )
    world.commit([world.orders.save_write(ended)], token=f"{order.id}#dispute#{ended.version}")
    release(order, world)
    return ended


def _happened(order: Order, new: Disputed, event: str, fact: PaymentFact, world: World, now: datetime, changes: dict[str, Any]) -> Order:
    told = order.happened(event, **_why(fact, now), data=_data(order, new), **changes)
    world.commit([world.orders.save_write(told)], token=f"{order.id}#dispute#{told.version}")
    return told


def _taken(payment: PaymentRef, amount: int) -> PaymentRef:
    return payment.model_copy(update={"charged_back": max(0, payment.charged_back + amount)})


def _without_money(order: Order, payment: PaymentRef) -> tuple[Refund, ...]:
    """Refunds that were due and that the provider has not begun are not due any more where nothing is left for them."""
    gone = sum(refund.amount for refund in order.own_refunds if refund.state is not RefundState.FAILED)
    excess = gone + payment.charged_back - payment.captured
    standing = []
    for refund in reversed(order.refunds):
        drop = excess > 0 and refund.of is None and refund.state is RefundState.DUE and refund.ref is None
        excess -= refund.amount if drop else 0
        standing.append(refund.model_copy(update={"state": RefundState.FAILED, "reason": TAKEN}) if drop else refund)
    return tuple(reversed(standing))


def _with(order: Order, new: Disputed) -> tuple[Disputed, ...]:
    if all(dispute.id != new.id for dispute in order.disputes):
        return (*order.disputes, new)
    return tuple(new if dispute.id == new.id else dispute for dispute in order.disputes)


def _data(order: Order, dispute: Disputed) -> dict[str, Any]:
    told = dispute.model_dump(mode="json", include={"amount", "state", "respond_by"}, exclude_none=True)
    return {"dispute": dispute.id, **told, "currency": order.currency, **({"why": dispute.reason} if dispute.reason else {})}


def _why(fact: PaymentFact, now: datetime) -> dict[str, Any]:
    return {"at": now, "actor": fact.actor, "request_id": fact.request_id}
