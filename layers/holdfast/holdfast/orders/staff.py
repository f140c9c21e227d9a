"""What staff do to an order by hand: bring it on, take or refuse money that did not match, correct it, write something down."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from holdfast.kernel.events import ActorKind, Event
from holdfast.orders import events, machine, rules, settlement
from holdfast.orders.errors import NothingToResend, OrderNotEditable, StaleOrder, TransitionRefused
from holdfast.orders.model import Order, Status
from holdfast.orders.neighbours import FactKind, PaymentFact
from holdfast.orders.paying import World, give_back
from holdfast.orders.ports import Orders
from holdfast.orders.usecases import Act, persistently, saved

MAILED = (
    events.PAID,
    events.LATE_PAYMENT,
    events.COMPLETED,
    events.PARTIALLY_FULFILLED,
    events.AWAITING_STOCK,
    events.KEYS_ADDED,
    events.KEY_REPLACED,
    events.STOCK_ALLOCATED,
    events.SHIPPED,
    events.DELIVERED,
    events.DELIVERY_PROBLEM,
    events.DELAYED,
    events.CANCELLED,
    events.PAYMENT_FAILED,
    events.PARTIALLY_REFUNDED,
    events.REFUNDED,
    events.SECOND_PAYMENT_REFUNDED,
)
"""Events that a customer gets a mail of, and may have it again; of the end of a try that was never paid only where staff ended it.

Not of the order that is yet to be paid: its mail says nothing that its page does not.
"""
UNTIL_PICKED = rules.AWAITING_MONEY | {Status.PAID, Status.PROCESSING, Status.PARTIALLY_FULFILLED, Status.AWAITING_STOCK}
"""While nobody has packed anything, the address may still be changed."""


class StaffAct(Act):
    """`expected`: only over this version of the order (None: over any)."""

    expected: int | None = None


def bring_to(act: StaffAct, wanted: Status, *, data: dict[str, Any] | None = None, orders: Orders, now: datetime) -> Order:
    """Picking, packed, shipped, delivered, completed; or back on the shelf. An order that is there already is left as it is.

    Shipping hands over every unit that is the order's; `data`: the parcel's tracking_numbers and carrier. UnknownOrder,
    TransitionRefused.
    """

    def moved(order: Order) -> Order:
        if order.status is wanted:
            return order
        step = machine.by_hand(order, wanted)
        if step.name != "ship":
            told = {"lines": rules.told_lines(order)} if step.event in events.TELLS_LINES else None
            return machine.move(order, step.name, at=now, **act.why, data=told)
        lines = tuple(line if line.digital else line.model_copy(update={"fulfilled": line.allocated}) for line in order.lines)
        shipped = {line.sku: line.here for line in order.lines if line.here and not line.digital}
        return machine.move(order, "ship", at=now, **act.why, data={**(data or {}), "shipped": shipped}, lines=lines)

    return change(act, moved, orders=orders)


def accept_payment(act: Act, *, world: World, now: datetime) -> Order:
    """Take the money that did not match as if it did. TransitionRefused unless it is this order's payment, in its currency."""

    def accept(order: Order) -> Order:
        fact = _odd_money(act, order, Status.PAID, orders=world.orders)
        money = {"payment": fact.payment, "amount": fact.amount, "currency": fact.currency}
        return settlement.pay(order.also(events.PAYMENT_ACCEPTED, at=now, **act.why, data=money), fact, world, now).order

    return persistently(act.shop, act.order, accept, orders=world.orders)


def refuse_payment(act: Act, *, world: World, now: datetime) -> Order:
    """The money that did not match goes back, and the order ends, if it had not before. TransitionRefused unless it is this order's
    payment, in its currency.
    """

    def refuse(order: Order) -> Order:
        fact = _odd_money(act, order, Status.REFUNDED, orders=world.orders)
        return give_back(order, fact, world, now, act.reason or "the payment did not match the order", actor=act.actor).order

    return persistently(act.shop, act.order, refuse, orders=world.orders)


def edit(act: StaffAct, changes: dict[str, Any], *, orders: Orders, now: datetime) -> Order:
    """Other `email`, `phone`, `notes`, or, until it is picked, `address`. The event tells before and after. OrderNotEditable."""

    def edited(order: Order) -> Order:
        new = {name: value for name, value in changes.items() if getattr(order, name) != value}
        closed = order.status in {Status.CANCELLED, Status.REFUNDED}
        late = [name for name in new if closed or (name == "address" and order.status not in UNTIL_PICKED | rules.LATE)]
        if late:
            raise OrderNotEditable(f"It is too late to change that: the order is {order.status}.", order_status=order.status, fields=late)
        if not new:
            return order
        return order.happened(events.EDITED, at=now, **act.why, data={"fields": sorted(new)}, **new, **_readdressed(order, new))

    return change(act, edited, orders=orders)


def add_note(act: StaffAct, note: str, identity: str, *, orders: Orders, now: datetime) -> Order:
    """For staff only. `identity`: the same note again is written once."""

    def noted(order: Order) -> Order:
        data = {"note": note, "id": identity}
        known = any(event.type == events.NOTE_ADDED and event.data.get("id") == identity for event in orders.timeline(order))
        return order if known else order.happened(events.NOTE_ADDED, at=now, **act.why, data=data)

    return change(act, noted, orders=orders)


def resend(act: StaffAct, event: str | None, *, email: str | None = None, orders: Orders, now: datetime) -> Order:
    """The mail of that event again, or of the last one that had a mail; to another address, if one is told. NothingToResend."""

    def resent(order: Order) -> Order:
        mailed = [told for told in orders.timeline(order) if _mailed(told) and event in (None, told.id)]
        if not mailed or (order.email is None and email is None):
            raise NothingToResend("There is no mail to send again.")
        last = mailed[-1]
        data = {"of": last.type, "event": last.id, "told": last.data, **({"reason": last.reason} if last.reason else {})}
        address: dict[str, Any] = {"email": email} if email not in (None, order.email) else {}
        return order.happened(events.MAIL_RESENT, at=now, **act.why, data=data, **address, **_readdressed(order, address))

    return change(act, resent, orders=orders)


def _mailed(told: Event) -> bool:
    never_paid = told.type == events.CANCELLED and not told.data.get("paid") and told.actor.kind is not ActorKind.STAFF
    return told.type in MAILED and not never_paid


def _readdressed(order: Order, changes: dict[str, Any]) -> dict[str, Any]:
    """Limits per customer go on counting for who bought."""
    return {"bought_as": rules.customer(order) or ""} if "email" in changes else {}


def change(act: StaffAct, changed: Callable[[Order], Order], *, orders: Orders) -> Order:
    """`changed(order)` is saved over the version it came from; an order that it left as it was is answered. StaleOrder, VersionConflict."""

    def decide(order: Order) -> Order:
        if act.expected is not None and order.version != act.expected:
            raise StaleOrder("The order was changed since you have read it.", version=order.version)
        new = changed(order)
        return order if new is order else saved(new, orders=orders)

    return persistently(act.shop, act.order, decide, orders=orders)


def _odd_money(act: Act, order: Order, wanted: Status, *, orders: Orders) -> PaymentFact:
    """What the provider told last of money for this order that did not match. A cancelled order is not paid by it any more."""
    waits = {Status.PAYMENT_REVIEW} if wanted is Status.PAID else {Status.PAYMENT_REVIEW, Status.CANCELLED}
    timeline = orders.timeline(order)
    if order.status not in waits or order.payment.captured or not any(event.type == events.PAYMENT_REVIEW for event in timeline):
        raise _refused(order, wanted, f"An order that is {order.status} waits for no decision about its payment.")
    money = rules.odd_money(order, timeline)
    if not money:
        raise _refused(order, wanted, "That money is of another payment or currency: settle it at the provider.")
    told = money[-1]
    return PaymentFact(
        shop=act.shop,
        order=order.id,
        provider=told["provider"],
        payment=told["payment"],
        kind=FactKind.SUCCEEDED,
        amount=told["amount"],
        currency=told["currency"],
        actor=act.actor,
        request_id=act.request_id,
    )


def _refused(order: Order, wanted: Status, detail: str) -> TransitionRefused:
    return TransitionRefused(detail, order_status=order.status, to=wanted, allowed=[])
