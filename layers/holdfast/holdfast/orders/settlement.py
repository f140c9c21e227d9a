"""The one finaliser: browser, webhook, reconciler and operator all bring their payment fact here.

On time: one transaction moves the order to paid and turns its lock into sales. Then the provider's event is noted as applied: the
order itself knows which news it had, so a note that got lost changes nothing.
Late (the hold is gone): the shop's policy says what becomes of the order (`orders/lateness.py`).
What else a fact tells is booked after, each in a write of its own: money that came twice, that went back, that a bank took.
States never go backwards; a fact that changes nothing is answered as such.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from holdfast.kernel.errors import Conflict, HoldfastError, Refusal, UnavailableError, VersionConflict
from holdfast.kernel.events import ActorKind
from holdfast.kernel.money import Money
from holdfast.orders import booking_refunds, disputing, events, lateness, machine, rules, second_payments
from holdfast.orders.giving_back import give_back_due
from holdfast.orders.model import Order, PaymentStatus, Status
from holdfast.orders.neighbours import FactKind, PaymentFact
from holdfast.orders.paying import Outcome, Settled, World, give_back, paid, release, same_payment
from holdfast.orders.usecases import persistently, read

UNPAID = frozenset({PaymentStatus.PENDING, PaymentStatus.FAILED, PaymentStatus.EXPIRED})
CLOSES = {FactKind.FAILED: PaymentStatus.FAILED, FactKind.EXPIRED: PaymentStatus.EXPIRED}
"""News that no money will come, and how the payment ends by it."""
BESIDE = (second_payments.due, booking_refunds.book, disputing.book)
"""What a fact tells beside that the money came, in this order: what went back was first told to be there."""


def settle(fact: PaymentFact, *, world: World, now: datetime) -> Settled:
    """Apply a payment fact, once. UnknownOrder when the shop has no such order; otherwise the order as it is then.

    A refund that the provider refuses, or does not answer, stays due: whoever hears of the decision asks again, and who brought the news
    has nothing to do with it.
    """

    did = False

    def begun() -> None:
        nonlocal did
        did = True  # also where somebody else changes the order right after, and it is looked at again

    def decide(order: Order) -> Settled:
        settled = _decide(order, fact, world, now, begun)
        if did:  # not before all of it is booked: what is noted as applied is not looked at again
            world.payments.applied(fact, now)
        after = _asked(settled.order, world, now)
        return Settled(outcome=Outcome.APPLIED, order=after) if did else settled.model_copy(update={"order": after})

    return persistently(fact.shop, fact.order, decide, orders=world.orders)


def _asked(order: Order, world: World, now: datetime) -> Order:
    try:
        return give_back_due(order, world=world, now=now)
    except VersionConflict:
        raise
    except HoldfastError:
        return world.orders.get(order.shop, order.id) or order


def finish_refunds(shop: str, order: str, *, world: World, now: datetime) -> Order:
    """As `give_back_due`, for an order by its name, however often it changes meanwhile. UnknownOrder."""
    return persistently(shop, order, lambda found: give_back_due(found, world=world, now=now), orders=world.orders)


def void_unpaid(shop: str, order: str, *, world: World, now: datetime) -> bool:
    """An order that was given up before it was paid shall not be paid any more. False when it has money, or is alive. UnknownOrder."""
    found = read(shop, order, orders=world.orders)
    if found.status is not Status.CANCELLED or found.payment.captured:
        return False
    return world.payments.void(found.shop, found.payment.provider, found.payment.id, now)


def _decide(order: Order, fact: PaymentFact, world: World, now: datetime, begun: Callable[[], None]) -> Settled:
    fact = _by_its_own_name(order, fact, world)
    settled = _came(order, fact, world, now)
    if settled.outcome is Outcome.APPLIED:
        begun()
    after = settled.order
    for book in BESIDE:
        before, after = after, book(after, fact, world, now)
        if after is not before:
            begun()
    return settled.model_copy(update={"order": after})


def _by_its_own_name(order: Order, fact: PaymentFact, world: World) -> PaymentFact:
    """A provider may tell of the order's own money by another name for its payment: then by that of the order. What banks did with it
    the movement may know, and the payment not.
    """
    if fact.provider != order.payment.provider or fact.payment == order.payment.id or fact.charge is None:
        return fact
    its_own = fact.charge == order.payment.charge
    own = _own(order, world, needed=not its_own)
    if own is None or own.charge != fact.charge or (own.shop, own.order) != (fact.shop, fact.order):
        return fact.model_copy(update={"payment": order.payment.id}) if its_own else fact
    return own.model_copy(update={"event": fact.event, "request_id": fact.request_id, "disputes": own.disputes or fact.disputes})


def _own(order: Order, world: World, *, needed: bool) -> PaymentFact | None:
    """The order's payment, by its own name. If it is `needed`, UnavailableError where the provider does not say which movement of money
    that is: what would be given back as a second payment may be the order's own.
    """
    try:
        own = world.payments.look(order.shop, order.payment.provider, order.payment.id)
    except Refusal:
        own, said = None, False
    else:
        said = own is None or own.charge is not None or own.kind not in second_payments.CAME
    if needed and not said:
        raise UnavailableError("The provider does not say which money is the order's own.")
    return own


def _came(order: Order, fact: PaymentFact, world: World, now: datetime) -> Settled:
    """What becomes of the order by the money itself, or because there will be none."""
    if fact.kind is FactKind.SUCCEEDED:
        return _succeeded(order, fact, world, now)
    if fact.kind is FactKind.REFUNDED:
        return _refunded(order, fact, world, now)
    return _failed(order, fact, world, now)


def _succeeded(order: Order, fact: PaymentFact, world: World, now: datetime) -> Settled:
    if second_payments.is_second(order, fact):
        return _ignored(order, "this second payment is known already")
    asked = order.payment.provider, order.payment.id, order.amount, order.currency
    if (fact.provider, fact.payment, fact.amount, fact.currency) != asked:
        return _review(order, fact, world, now)
    if order.payment.status not in UNPAID:
        return _ignored(order, "this payment is known already")
    if disputing.lost(fact) >= fact.amount:
        return Settled(outcome=Outcome.APPLIED, order=disputing.gone_before(order, fact, world, now))
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


def _refunded(order: Order, fact: PaymentFact, world: World, now: datetime) -> Settled:
    """The provider gave the money back. Of money that we had, that is booked beside; of money that we had not, the order ends here."""
    if not same_payment(order, fact):
        return _ignored(order, "the refund is of another payment")
    if order.payment.captured:
        known = booking_refunds.fits(order, fact)
        return _ignored(order, "this refund is known already") if known else _review(order, fact, world, now)
    if (fact.amount, fact.currency) != (order.amount, order.currency) or order.status not in machine.TABLE["return_money"].sources:
        return _review(order, fact, world, now)
    return Settled(outcome=Outcome.APPLIED, order=booking_refunds.all_back(order, fact, world, now))


def _failed(order: Order, fact: PaymentFact, world: World, now: datetime) -> Settled:
    """The provider says that no money will come."""
    if (fact.provider, fact.payment) != (order.payment.provider, order.payment.id):
        return _ignored(order, "the failure is of another payment")
    if order.status is not Status.PENDING_PAYMENT:
        return _over(order, fact, world, now)
    status = CLOSES[fact.kind]
    ended = machine.move(
        order,
        "expire" if fact.kind is FactKind.EXPIRED else "fail",
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


def _over(order: Order, fact: PaymentFact, world: World, now: datetime) -> Settled:
    """An order that had ended, or waits for a decision about other money, is not asked about any more. Its hold ends with its time."""
    waits = order.status in rules.LATE | {Status.CANCELLED} and order.payment.status is PaymentStatus.PENDING
    if not waits or fact.actor.kind is not ActorKind.PROVIDER:
        return _ignored(order, f"the order is {order.status}")
    after = closed(order, fact, now)
    world.commit([world.orders.save_write(after)], token=f"{order.id}#{after.payment.status}#{order.version}")
    return Settled(outcome=Outcome.APPLIED, order=after)


def closed(order: Order, fact: PaymentFact, now: datetime, reason: str | None = None) -> Order:
    """The order as it is, and its payment ended."""
    told: dict[str, Any] = {"actor": fact.actor, "reason": reason, "request_id": fact.request_id, "data": {"payment": fact.payment}}
    payment = order.payment.model_copy(update={"status": CLOSES[fact.kind]})
    return order.happened(events.PAYMENT_ENDED, at=now, **told, payment=payment)


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
    if any(event.type == events.PAYMENT_REVIEW and event.data == told for event in world.orders.timeline(order)):
        return _ignored(order, "a person decides about this payment already")
    status = order.status if order.status not in machine.TABLE["review"].sources else Status.PAYMENT_REVIEW
    reason = "the payment does not match the order"
    who: dict[str, Any] = {"actor": fact.actor, "reason": reason, "request_id": fact.request_id}
    reviewed = order.happened(events.PAYMENT_REVIEW, at=now, **who, data=told, status=status)
    world.commit([world.orders.save_write(reviewed)], token=f"{order.id}#review#{order.version}")
    return Settled(outcome=Outcome.APPLIED, order=reviewed)


def _ignored(order: Order, reason: str) -> Settled:
    return Settled(outcome=Outcome.IGNORED, order=order, reason=reason)
