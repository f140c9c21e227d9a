"""What a provider says went back, booked on the order: our own refunds as far as they have come, and what was given back there by hand.

News comes in any order and more than once. So a refund goes from due to done, and from either to failed, and never back; and what is
booked as given back by hand is what went in all, less everything that is booked: never twice.
"""

from datetime import datetime
from typing import Any

from holdfast.kernel.events import SYSTEM
from holdfast.kernel.money import Money
from holdfast.orders import events, machine, refunding
from holdfast.orders.going_back import Refund, RefundState
from holdfast.orders.model import Order, PaymentStatus
from holdfast.orders.neighbours import FactKind, GiveBack, PaymentFact, Progress, Returned
from holdfast.orders.paying import World, release, same_payment

BY_HAND = "made at the provider"
COULD_NOT = "the provider could not give it back"


def book(order: Order, fact: PaymentFact, world: World, now: datetime) -> Order:
    """The same order when the fact tells nothing new. VersionConflict."""
    order = _ours(order, fact, world, now)
    order = _failed_by_hand(order, fact, world, now) if same_payment(order, fact) and order.payment.captured else order
    while same_payment(order, fact) and (changed := _by_hand(order, fact, world, now)) is not None:
        order = changed
    return order


def went(fact: PaymentFact) -> int:
    """Minor units that went back in all. A provider that tells of no parts tells of the whole."""
    return fact.refunded or (fact.amount if fact.kind is FactKind.REFUNDED else 0)


def _of_a_second(order: Order, told: Returned) -> bool:
    """It is told with the payment, by our key; `refunded` does not count it."""
    names = [f"{order.id}#{refund.id}" for refund in order.refunds if refund.of]
    return any(told.key == name or (told.key or "").startswith(f"{name}#") for name in names)


def fits(order: Order, fact: PaymentFact) -> bool:
    """More than came, or another currency, never went back: that is not this order's money."""
    return fact.currency == order.currency and went(fact) <= order.payment.captured


def asked(order: Order, refund: Refund, world: World, now: datetime) -> Order:
    """What the provider answers who asks it for the refund: for one that it knows, how far it has come. Refusals of payments."""
    of, money = refunding.source(order, refund), Money(amount=refund.amount, currency=order.currency)
    told = world.payments.refund(GiveBack(order.shop, of.provider, of.payment, money, refunding.key_of(order, refund), of.charge))
    return progressed(order, refund, told, world, now)


def progressed(order: Order, refund: Refund, told: Returned, world: World, now: datetime) -> Order:
    """The refund as far as the provider has come with it. What failed has failed: to try again is another attempt, under another key."""
    known = refund.state is RefundState.DONE and told.progress is not Progress.FAILED
    if known or refund.state is RefundState.FAILED or (told.progress is Progress.PENDING and refund.ref == told.ref):
        return order
    if told.progress is Progress.PENDING:
        return _noted(order, refund.model_copy(update={"ref": told.ref}), events.REFUND_PENDING, refund.reason, world, now)
    if told.progress is Progress.FAILED:
        failed = refund.model_copy(update={"ref": told.ref, "state": RefundState.FAILED})
        return _noted(order, failed, events.REFUND_FAILED, COULD_NOT, world, now)
    done = {"ref": told.ref, "state": RefundState.DONE, "amount": told.amount}
    return confirmed(order, refund.model_copy(update=done), world, now)


def confirmed(order: Order, done: Refund, world: World, now: datetime) -> Order:
    """It went back."""
    changes = refunding.with_refund(order, done)
    event, data = _told_done(order, done, changes["payment"].refunded)
    return _saved(order.happened(event, at=now, actor=SYSTEM, reason=done.reason, data=data, **changes), done, world)


def reduced(order: Order, due: Refund, left: int, world: World, now: datetime) -> Order:
    """Less is left than was to go back: somebody was faster."""
    if left <= 0:
        return confirmed(order, due.model_copy(update={"state": RefundState.DONE, "by_hand": True}), world, now)
    less = due.model_copy(update={"amount": left, "attempt": due.attempt + 1})
    data = {**refunding.told(order, less), "attempt": less.attempt}
    changes = refunding.with_refund(order, less)
    return _saved(order.happened(events.REFUND_DUE, at=now, actor=SYSTEM, reason=BY_HAND, data=data, **changes), less, world)


def _ours(order: Order, fact: PaymentFact, world: World, now: datetime) -> Order:
    listed = {told.ref: told for told in fact.refunds} | {told.key: told for told in fact.refunds if told.key}
    for refund in order.refunds:
        if not _of_payment(order, refund, fact):
            continue
        told = listed.get((refund.ref or "") if refund.by_hand else refunding.key_of(order, refund))
        if told is not None:
            order = progressed(order, refund, told, world, now)
        elif refund.state is RefundState.DUE and _all_went(order, refund, fact):
            order = confirmed(order, refund.model_copy(update={"state": RefundState.DONE, "by_hand": True}), world, now)
        elif refund.of and refund.state is RefundState.DUE and fact.amount - went(fact) < refund.amount:
            order = reduced(order, refund, fact.amount - went(fact), world, now)
    return order


def _of_payment(order: Order, refund: Refund, fact: PaymentFact) -> bool:
    """What came beside the order's own charge is told with its payment by key only: what is left of it, the fact has in `beside`."""
    if refund.of is None:
        return same_payment(order, fact)
    return (refund.of.provider, refund.of.payment) == (fact.provider, fact.payment) and (
        refund.of.charge in {None, fact.charge} or any(told.key == refunding.key_of(order, refund) for told in fact.refunds)
    )


def _all_went(order: Order, refund: Refund, fact: PaymentFact) -> bool:
    """Who gave back all gave back that part of it."""
    if refund.of:
        return fact.kind is FactKind.REFUNDED or went(fact) >= fact.amount
    return fits(order, fact) and went(fact) >= order.payment.captured


def _failed_by_hand(order: Order, fact: PaymentFact, world: World, now: datetime) -> Order:
    """Written down, so that older news of it, from when it had come, is known to be old."""
    for told in fact.refunds:
        known = {refund.ref for refund in order.own_refunds}
        if told.progress is Progress.FAILED and told.ref not in known and not _our_key(order, told):
            failed = {"amount": told.amount, "state": RefundState.FAILED, "reason": BY_HAND, "by_hand": True, "ref": told.ref}
            made = Refund(id=refunding.refund_id(order, f"provider#{told.ref}"), **failed)
            order = _noted(order, made, events.REFUND_FAILED, BY_HAND, world, now)
    return order


def _our_key(order: Order, told: Returned) -> bool:
    return (told.key or "").startswith(f"{order.id}#")


def _by_hand(order: Order, fact: PaymentFact, world: World, now: datetime) -> Order | None:
    """What somebody gave back at the provider and is not booked, a piece at a time. None: nothing, or no more."""
    if not order.payment.captured or not fits(order, fact):
        return None
    new = min(_went_by_hand(order, fact) - _booked_by_hand(order), order.payment.captured - order.payment.refunded)
    if new <= 0:
        return None
    known = {refund.ref for refund in order.own_refunds}
    piece = next((told for told in _listed_by_hand(order, fact) if told.ref not in known), None)
    amount = min(new, piece.amount) if piece else new
    name = piece.ref if piece else str(len(order.refunds))
    made = Refund(
        id=refunding.refund_id(order, f"provider#{name}"),
        amount=amount,
        state=RefundState.DONE,
        reason=BY_HAND,
        by_hand=True,
        ref=piece.ref if piece else None,
    )
    return _with(order, made, fact, world, now)


def _listed_by_hand(order: Order, fact: PaymentFact) -> list[Returned]:
    failed = {refund.ref for refund in order.own_refunds if refund.by_hand and refund.state is RefundState.FAILED}
    theirs = [told for told in fact.refunds if not _our_key(order, told)]
    return [told for told in theirs if told.progress is Progress.DONE and told.ref not in failed]


def _went_by_hand(order: Order, fact: PaymentFact) -> int:
    """The parts that the provider lists, and of the rest what is not ours, asked for and perhaps done without an answer."""
    listed = sum(told.amount for told in _listed_by_hand(order, fact))
    own = [told for told in fact.refunds if told.progress is not Progress.FAILED and not _of_a_second(order, told)]
    unlisted = went(fact) - sum(told.amount for told in own)
    keys = {told.key for told in fact.refunds}
    ours = [refund for refund in order.own_refunds if not refund.by_hand and refund.state is not RefundState.FAILED]
    return listed + max(0, unlisted - sum(refund.amount for refund in ours if refunding.key_of(order, refund) not in keys))


def _booked_by_hand(order: Order) -> int:
    return sum(refund.amount for refund in order.own_refunds if refund.by_hand and refund.state is not RefundState.FAILED)


def _with(order: Order, made: Refund, fact: PaymentFact, world: World, now: datetime) -> Order | None:
    """The order with that refund. What was due and has no money left becomes less, or was given back by it."""
    listed = {told.key for told in fact.refunds}
    booked = sum(refund.amount for refund in order.own_refunds if refund.state is not RefundState.FAILED)
    excess = max(0, booked + made.amount - order.payment.captured)
    standing = []
    for due in reversed(order.refunds):
        free = due.of is None and due.state is RefundState.DUE and refunding.key_of(order, due) not in listed
        cut = min(excess, due.amount) if free else 0
        standing.append(_cut(due, cut, made.ref) if cut else due)
        excess -= cut
        made = made.model_copy(update={"amount": made.amount - (cut if cut == due.amount else 0)})
    made = made.model_copy(update={"amount": made.amount - excess})
    refunds = (*reversed(standing), made) if made.amount else tuple(reversed(standing))
    return _booked(order, refunds, made, fact, world, now) if refunds != order.refunds else None


def _cut(due: Refund, cut: int, ref: str | None) -> Refund:
    if cut == due.amount:
        return due.model_copy(update={"state": RefundState.DONE, "by_hand": True, "ref": ref})
    return due.model_copy(update={"amount": due.amount - cut, "attempt": due.attempt + 1})


def _booked(order: Order, refunds: tuple[Refund, ...], made: Refund, fact: PaymentFact, world: World, now: datetime) -> Order:
    """Where no money of the order is left by it, the order ends: what was not handed over returns to stock, what was owed is dropped."""
    payment = refunding.after(order.payment, refunds)
    came, told = payment.refunded - order.payment.refunded, refunds[-1].id
    event, data = events.PARTIALLY_REFUNDED, {"refund": told, "amount": came, "currency": order.currency, "lines": dict(made.lines)}
    if payment.status is PaymentStatus.REFUNDED:
        event, data = events.REFUNDED, {"refund": told, "amount": payment.refunded, "currency": order.currency}
    money = {"payment": payment, "refunds": refunds}
    changes: dict[str, Any] = {"at": now, "actor": fact.actor, "request_id": fact.request_id, **money}
    after = order.model_copy(update=money)
    if order.status not in machine.AT_WORK | machine.HANDED_OVER or not order.to_refund:
        return _saved(order.happened(event, data=data, **changes), made, world)
    if after.to_refund:
        return _saved(machine.move(order, "refund_part", event=event, data=data, **changes), made, world)
    given = refunding.given_up(order)
    data = {**data, "returned": dict(given.back)} if given.back else data
    ended = machine.move(order, "return_money", event=event, data=data, **changes, lines=given.lines)
    goods = refunding.returned(order, given, f"provider#{made.id}", world.stock, now)
    world.commit([world.orders.save_write(ended), *goods], token=f"{made.id}#{ended.version}")
    return ended


def all_back(order: Order, fact: PaymentFact, world: World, now: datetime) -> Order:
    """The news of it overtook that of the payment: the order ends here, and the payment's news finds it so."""
    given = refunding.given_up(order)
    told = {"amount": fact.amount, "state": RefundState.DONE, "reason": BY_HAND, "by_hand": True}
    rest = Refund(id=refunding.refund_id(order, "provider"), **told)
    refunds = (*order.refunds, rest)
    captured = order.payment.model_copy(update={"captured": fact.amount, "charge": fact.charge})
    ended = machine.move(
        order,
        "return_money",
        at=now,
        actor=fact.actor,
        request_id=fact.request_id,
        data={"amount": fact.amount, "currency": fact.currency, "returned": given.back},
        lines=given.lines,
        payment=refunding.after(captured, refunds),
        refunds=refunds,
        hold=None,
    )
    writes = world.stock.return_writes(order.shop, order.id, order.id, back=given.back, owed=given.owed, buyer=None, now=now)
    world.commit([world.orders.save_write(ended), *writes], token=f"{order.id}#refunded#{order.version}")
    release(order, world)
    return ended


def _told_done(order: Order, done: Refund, refunded: int) -> tuple[str, dict[str, Any]]:
    money: dict[str, Any] = {"refund": done.id, "amount": done.amount, "currency": order.currency}
    if done.of:
        return events.SECOND_PAYMENT_REFUNDED, money
    whole = refunded >= order.payment.captured
    return (events.REFUNDED, {**money, "amount": refunded}) if whole else (events.PARTIALLY_REFUNDED, {**money, "lines": dict(done.lines)})


def _noted(order: Order, refund: Refund, event: str, reason: str | None, world: World, now: datetime) -> Order:
    data = {"refund": refund.id, "amount": refund.amount, "currency": order.currency, "ref": refund.ref}
    noted = order.happened(event, at=now, actor=SYSTEM, reason=reason, data=data, **refunding.with_refund(order, refund))
    return _saved(noted, refund, world)


def _saved(changed: Order, refund: Refund, world: World) -> Order:
    world.commit([world.orders.save_write(changed)], token=f"{changed.id}#{refund.id}#{changed.version}")
    return changed
