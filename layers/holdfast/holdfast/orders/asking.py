"""Asking a provider how a payment stands, for one order: what no webhook told of is found here and goes through the one finaliser.

A provider that is slow, down or throttling has said nothing, and nothing becomes of it: the order is asked for again later. Whoever
dies on the way is followed by another: an order that this very run has changed already is told as changed by it.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from holdfast.kernel.errors import HoldfastError, IdempotencyKeyInFlight, NotFound, UnavailableError, VersionConflict
from holdfast.kernel.events import ActorKind
from holdfast.kernel.model import Model
from holdfast.orders import giving_up, ports, rules, settlement
from holdfast.orders.going_back import RefundState
from holdfast.orders.model import Order, PaymentStatus, Status
from holdfast.orders.neighbours import FactKind, PaymentFact
from holdfast.orders.paying import Outcome, World


class Result(StrEnum):
    """What became of an order. On a dry run: what would have."""

    PAID = "paid"
    GIVEN_BACK = "given_back"
    """Its money came and goes back: the order could not be served any more."""
    REVIEW = "review"
    """The money does not match: a person decides."""
    FAILED = "failed"
    EXPIRED = "expired"
    """The provider says that nobody can pay it any more."""
    TIMED_OUT = "timed_out"
    """We gave it up, and the provider agreed."""
    REFUNDED = "refunded"
    REFUND_DUE = "refund_due"
    """The provider has yet to give it back."""
    REFUND_FAILED = "refund_failed"
    """The provider could not give it back: a person has to look."""
    CHARGED_BACK = "charged_back"
    """The customer's bank took it."""
    PENDING = "pending"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"
    ERROR = "error"


class Why(StrEnum):
    """Why an order was not asked for, or not answered."""

    TOO_YOUNG = "too_young"
    TOO_OLD = "too_old"
    DOWN = "provider_down"
    THROTTLED = "provider_throttled"
    UNREADABLE = "provider_unreadable"
    REFUSED = "credentials_refused"
    NOT_CONNECTED = "provider_not_connected"
    UNKNOWN = "unknown_at_provider"
    BUSY = "busy"
    """Our own stores did not answer, or the order kept changing."""
    FOREIGN = "foreign_reference"
    """The provider says that this payment is another order's."""


AGAIN = frozenset({Why.DOWN, Why.THROTTLED, Why.UNREADABLE, Why.BUSY})
"""A later try may do better."""
CODES = {
    "partner_unavailable": Why.DOWN,
    "partner_throttles": Why.THROTTLED,
    "partner_unreadable": Why.UNREADABLE,
    "credentials_refused": Why.REFUSED,
    "provider_not_offered": Why.NOT_CONNECTED,
}
"""Refusals of payments that say nothing of the payment."""


SHOWS = {
    PaymentStatus.PENDING: Result.PENDING,
    PaymentStatus.FAILED: Result.FAILED,
    PaymentStatus.EXPIRED: Result.EXPIRED,
    PaymentStatus.SUCCEEDED: Result.PAID,
    PaymentStatus.REFUND_FAILED: Result.REFUND_FAILED,
    PaymentStatus.CHARGED_BACK: Result.CHARGED_BACK,
}


class Ask(Model):
    """`run` names who asks; what it changes bears that name. `old`: also what is older than `max_age`; `ended`: also payments that failed
    or expired. `force`: give up also what is younger than `timeout`.
    """

    run: str
    dry_run: bool
    min_age: timedelta
    max_age: timedelta
    timeout: timedelta
    force: bool = False
    old: bool = False
    ended: bool = False


class Looked(Model):
    """`found`: money came that nobody had told of. `again`: nothing was learned, ask once more after so many seconds. `stale`: it waits
    for longer than anybody asks.
    """

    order: str
    result: Result
    why: str | None = None
    provider: str | None = None
    payment: str | None = None
    status: Status | None = None
    asked: bool = False
    changed: bool = False
    found: bool = False
    again: int | None = None
    stale: bool = False


class Payments(ports.Payments, Protocol):
    def told(self, order: Order) -> PaymentFact | None:
        """As `truth`, and nothing is collected: what could be counts as if it were."""
        ...


class Desk(World, Protocol):
    @property
    def payments(self) -> Payments: ...


def look(shop: str, identity: str, ask: Ask, *, desk: Desk, silent: Mapping[str, Why], now: datetime) -> Looked:
    """Ask for one order, and do what follows. `silent`: providers that answer nobody at the moment, and why: not to be asked."""
    order = desk.orders.get(shop, identity)
    if order is None:
        return Looked(order=identity, result=Result.UNCHANGED)
    why = _not_now(order, ask, now)
    if why is not None:
        return _told(order, Result.SKIPPED, why=why, stale=why is Why.TOO_OLD)
    if not _waits(order, ask):
        mine = any(event.request_id == ask.run for event in order.events)
        return _told(order, _state(order), changed=True) if mine else _told(order, Result.UNCHANGED)
    if order.payment.provider in silent:
        return _silence(order, silent[order.payment.provider])
    try:
        looked = _refunds(order, ask, desk, now) if _refund_due(order) else _ask(order, ask, desk, now)
    except HoldfastError as refusal:
        looked = _unanswered(order, refusal)
    return looked.model_copy(update={"asked": True})


def _not_now(order: Order, ask: Ask, now: datetime) -> Why | None:
    """Money that goes back is late at any age; its own news comes within moments of the decision."""
    if _refund_due(order):
        return Why.TOO_YOUNG if now < order.updated_at + ask.min_age else None
    if now < order.created_at + ask.min_age:
        return Why.TOO_YOUNG
    too_old = now > order.created_at + ask.max_age and not ask.old
    return Why.TOO_OLD if too_old and order.payment.status is PaymentStatus.PENDING else None


def _waits(order: Order, ask: Ask) -> bool:
    ended = {PaymentStatus.FAILED, PaymentStatus.EXPIRED} if ask.ended else set()
    return _refund_due(order) or order.payment.status in {PaymentStatus.PENDING} | ended


def _refund_due(order: Order) -> bool:
    """Of its own money, or of what came beside it."""
    return any(refund.state is RefundState.DUE for refund in order.refunds)


def _refunds(order: Order, ask: Ask, desk: Desk, now: datetime) -> Looked:
    if ask.dry_run:
        return _told(order, Result.REFUNDED, changed=True)
    after = settlement.finish_refunds(order.shop, order.id, world=desk, now=now)
    return _told(after, _state(after), changed=after.version != order.version)


def _ask(order: Order, ask: Ask, desk: Desk, now: datetime) -> Looked:
    try:
        fact = desk.payments.told(order) if ask.dry_run else desk.payments.truth(order)
    except NotFound:
        return _unknown(order, ask, desk, now)
    return _pending(order, ask, desk, now) if fact is None else _apply(order, fact, ask, desk, now)


def _apply(order: Order, fact: PaymentFact, ask: Ask, desk: Desk, now: datetime) -> Looked:
    if (fact.shop, fact.order) != (order.shop, order.id):
        return _told(order, Result.ERROR, why=Why.FOREIGN)
    if order.payment.status is not PaymentStatus.PENDING and fact.kind in settlement.CLOSES:
        return _told(order, Result.UNCHANGED)
    if ask.dry_run:
        return _expected(order, fact, now)
    fact = fact.model_copy(update={"request_id": ask.run})
    settled = settlement.settle(fact, world=desk, now=now)
    after = settled.order
    found = settled.outcome is Outcome.APPLIED and fact.kind is FactKind.SUCCEEDED
    result = Result.PAID if found and after.status in rules.SETTLED else _state(after)
    return _told(after, result, changed=after.version != order.version, found=found)


def _expected(order: Order, fact: PaymentFact, now: datetime) -> Looked:
    if fact.kind is not FactKind.SUCCEEDED:
        return _told(order, Result.GIVEN_BACK if fact.kind is FactKind.REFUNDED else Result(fact.kind.value), changed=True)
    if (fact.payment, fact.amount, fact.currency) != (order.payment.id, order.amount, order.currency):
        new = order.status is not Status.PAYMENT_REVIEW
        return _told(order, Result.REVIEW, changed=new, found=new)
    if order.status not in rules.LATE:
        return _told(order, Result.GIVEN_BACK, changed=True, found=True)
    late = "its hold is gone: the shop's policy for late money decides" if _hold_gone(order, now) else None
    return _told(order, Result.PAID, changed=True, found=True, why=late)


def _pending(order: Order, ask: Ask, desk: Desk, now: datetime) -> Looked:
    """The provider still waits. After our time-out nobody else does, if nothing is held for it."""
    if not _hold_gone(order, now) or not (ask.force or now >= order.created_at + ask.timeout) or order.status is Status.PAYMENT_REVIEW:
        return _told(order, Result.PENDING)
    if ask.dry_run:
        return _told(order, Result.TIMED_OUT, changed=True)
    if not desk.payments.void(order.shop, order.payment.provider, order.payment.id, now):
        fact = desk.payments.truth(order)  # it came at the last moment
        return _told(order, Result.PENDING) if fact is None else _apply(order, fact, ask, desk, now)
    return _given_up(order, ask, desk, now)


def _unknown(order: Order, ask: Ask, desk: Desk, now: datetime) -> Looked:
    """What the provider does not know, nobody can pay there: given up in the end, when a person had time to look."""
    too_old = now > order.created_at + ask.max_age and _hold_gone(order, now)
    if not (too_old and ask.old) or order.payment.status is not PaymentStatus.PENDING:
        return _told(order, Result.SKIPPED, why=Why.UNKNOWN, stale=True)
    return _told(order, Result.TIMED_OUT, why=Why.UNKNOWN, changed=True) if ask.dry_run else _given_up(order, ask, desk, now)


def _given_up(order: Order, ask: Ask, desk: Desk, now: datetime) -> Looked:
    reason = "nobody paid in time"
    after = giving_up.give_up(order, reason=reason, request_id=ask.run, world=desk, now=now)
    return _told(after, _state(after), changed=after.version != order.version)


def _hold_gone(order: Order, now: datetime) -> bool:
    return order.hold is None or order.hold.expires_at <= now


def _unanswered(order: Order, refusal: HoldfastError) -> Looked:
    why = CODES.get(refusal.code)
    if why is None and isinstance(refusal, UnavailableError | VersionConflict | IdempotencyKeyInFlight):
        why = Why.BUSY  # the last: a hold that another try has begun to take again
    if why is None:
        return _told(order, Result.ERROR, why=refusal.code)
    return _silence(order, why, getattr(refusal, "retry_after", 0))


def _silence(order: Order, why: Why, retry_after: int = 0) -> Looked:
    return _told(order, Result.SKIPPED, why=why, again=retry_after if why in AGAIN else None)


def _state(order: Order) -> Result:
    """What the order shows."""
    payment = order.payment.status
    if order.status is Status.PAYMENT_REVIEW:
        return Result.REVIEW
    if _refund_due(order):
        return Result.REFUND_DUE
    if payment is PaymentStatus.EXPIRED and order.events and order.events[-1].actor.kind is ActorKind.SYSTEM:
        return Result.TIMED_OUT
    if payment in SHOWS:
        return SHOWS[payment]
    return Result.REFUNDED if order.paid_at else Result.GIVEN_BACK


def _told(order: Order, result: Result, *, why: str | None = None, **more: bool | int | None) -> Looked:
    about = {"order": order.id, "provider": order.payment.provider, "payment": order.payment.id, "status": order.status}
    return Looked.model_validate({**about, "result": result, "why": why, **more})
