"""From a cart to an order that waits for its money: intent, take, order."""

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta

from holdfast.kernel.errors import HoldfastError, IdempotencyKeyInFlight, IdempotencyKeyReused, Refusal, VersionConflict
from holdfast.kernel.events import CUSTOMER
from holdfast.kernel.ids import derived_id
from holdfast.kernel.model import Model
from holdfast.orders import events, rules, validation
from holdfast.orders.errors import (
    AddressMissing,
    EmailMissing,
    NotShippedThere,
    SessionAlreadyOrdered,
    SessionExpired,
    UnknownSession,
)
from holdfast.orders.model import HoldRef, Order, OrderLine, PaymentRef, Status
from holdfast.orders.neighbours import Bill, Standing, Taken
from holdfast.orders.ports import Orders, Payments, Policies, Sessions, Stock
from holdfast.orders.session import Obstacle, Session, SessionLine
from holdfast.orders.sessions import lock_of
from holdfast.orders.usecases import end

IN_FLIGHT = timedelta(seconds=10)
"""How long a try without an order may still be under way. No request lives longer."""


class PlaceOrder(Model):
    """`identity` is the caller's Idempotency-Key in its scope: the order's id comes from it, so a retry finds its order."""

    shop: str
    session: str
    identity: str
    fingerprint: str
    provider: str
    accept_partial: bool
    request_id: str

    def order_id(self, session_born: datetime) -> str:
        return derived_id("ord", session_born, self.shop, self.session, self.identity)


class Placed(Model):
    """The order as it was when it was placed. `replayed`: an earlier request made it."""

    order: Order
    replayed: bool = False


def place(
    command: PlaceOrder,
    session_born: datetime,
    *,
    orders: Orders,
    sessions: Sessions,
    stock: Stock,
    payments: Payments,
    policies: Policies,
    now: datetime,
) -> Placed:
    """Hold every line or none, ask the provider for a payment, write the order. Each step may be repeated.

    `session_born` is the instant in the session's id. A crash anywhere leaves a lock that runs out by itself.
    Refusals: InsufficientStock, UnknownSession, SessionExpired, SessionAlreadyOrdered, ProviderNotOffered, EmailMissing,
    AddressMissing, NotShippedThere, those of idempotency.
    """
    order_id = command.order_id(session_born)
    session, standing = sessions.with_order(command.shop, command.session, order_id)
    if standing is not None:
        return _replay(standing, command)
    if session is None:
        raise UnknownSession
    if session.expired(now):
        raise SessionExpired("The checkout session has run out. Start a new one with the same lines.")
    _refuse_unfinished(session)
    payments.require(command.shop, command.provider)  # before anything is held
    partial = policies.terms(command.shop).partial
    command = command.model_copy(update={"accept_partial": accepted(partial, command.accept_partial)})

    lock = lock_of(command.shop, session.id, session_born)
    try:
        taken = _hold(command, session, order_id, lock, orders=orders, stock=stock, expires_at=now + policies.hold(command.shop), now=now)
    except Refusal as refusal:
        raise _with_issues(refusal, session, partial) from refusal
    if taken.replaced is not None:
        _end_earlier(command.shop, taken.replaced, orders=orders, stock=stock, now=now)
    try:
        payment = payments.create(command.provider, _bill(command, session, order_id, taken.expires_at), now)
    except HoldfastError:
        stock.release(command.shop, lock, order_id)  # no payment, no order: nothing may stay held
        raise
    order = _order(command, session, order_id, taken.quantities, payment, HoldRef(lock=lock, expires_at=taken.expires_at), now)
    if orders.add(order):
        return Placed(order=order)
    faster = orders.get(command.shop, order_id)
    if faster is None:
        raise VersionConflict("The order keeps changing. Read it again.")
    return _replay(faster, command)


def accepted(partial: str, by_shopper: bool) -> bool:
    """Whether a part may be owed: as the shop has decided, or as the shopper says where it asks him."""
    return partial == "always" or (partial == "ask" and by_shopper)


def _refuse_unfinished(session: Session) -> None:
    """What the shopper has yet to say before there can be an order."""
    if session.email is None and any(line.max_per_customer for line in session.lines):
        raise EmailMissing("Something in the cart is limited per customer: the checkout needs an e-mail address.")
    if session.obstacle is Obstacle.ADDRESS_MISSING:
        raise AddressMissing("The checkout needs an address: what the order costs depends on the country.")
    if session.obstacle is Obstacle.NOT_SHIPPED_THERE:
        raise NotShippedThere("The shop does not ship these goods to this country.", country=session.country)


def _with_issues(refusal: Refusal, session: Session, partial: str) -> Refusal:
    """Who cannot have all that he wants is told so in the words of the cart, too."""
    if refusal.code not in {"insufficient_stock", "customer_limit_reached"}:
        return refusal
    left = {fact["sku"]: fact["available"] for fact in refusal.facts["lines"]}
    short = [line for line in session.lines if line.sku in left]
    if refusal.code == "insufficient_stock":
        issues = [validation.shortage(line, left[line.sku], backorder=line.backorder and partial == "ask") for line in short]
    else:
        issues = [validation.beyond_limit(line, left[line.sku]) for line in short]
    return type(refusal)(refusal.detail, **refusal.facts, issues=[issue.model_dump(mode="json") for issue in issues])


def _asked(command: PlaceOrder, session: Session) -> str:
    """What a repeated try must ask for again: the same body, of a session that is the same. Else its lines would not be those held."""
    if session.version == 1:
        return command.fingerprint
    return hashlib.sha256(f"{command.fingerprint}{session.version}".encode()).hexdigest()[: len(command.fingerprint)]


def _hold(
    command: PlaceOrder, session: Session, order: str, lock: str, *, orders: Orders, stock: Stock, expires_at: datetime, now: datetime
) -> Taken:
    """The shopper's own earlier try is replaced, never in his way: its units are used first, and its order ends."""

    def hold(replaces: str | None) -> Taken | Standing:
        return stock.hold(
            command.shop,
            lock,
            order,
            [rules.wish(line, command.accept_partial) for line in session.lines],
            owner=session.id,
            buyer=rules.buyer(session.email),
            expires_at=expires_at,
            fingerprint=_asked(command, session),
            replaces=replaces,
            now=now,
        )

    found = hold(None)
    if isinstance(found, Taken):
        return found
    earlier = orders.get(command.shop, found.order)
    if found.sold or (earlier is not None and earlier.status in rules.ORDERED):
        raise SessionAlreadyOrdered("This checkout became an order already.", order=found.order)
    if earlier is None and now < found.claimed_at + IN_FLIGHT:
        raise IdempotencyKeyInFlight("Another try of this checkout is under way.", retry_after=1)
    found = hold(found.order)
    if isinstance(found, Standing):
        raise IdempotencyKeyInFlight("Another try of this checkout is under way.", retry_after=1)
    return found


def _end_earlier(shop: str, order: str, *, orders: Orders, stock: Stock, now: datetime) -> None:
    earlier = orders.get(shop, order)
    if earlier is not None:
        why = "replaced by a new try"
        end(earlier, "cancel", actor=CUSTOMER, reason=why, data={"replaced": True}, orders=orders, stock=stock, now=now)


def _bill(command: PlaceOrder, session: Session, order_id: str, until: datetime) -> Bill:
    return Bill(command.shop, order_id, rules.order_number(order_id), session.totals.total, until, session.email)


def _order(
    command: PlaceOrder, session: Session, order_id: str, taken: Mapping[str, int], payment: PaymentRef, hold: HoldRef, now: datetime
) -> Order:
    order = Order(
        id=order_id,
        number=rules.order_number(order_id),
        shop=command.shop,
        session=session.id,
        status=Status.PENDING_PAYMENT,
        email=session.email,
        phone=session.phone,
        address=session.address,
        notes=session.notes,
        shipping_method=session.shipping_method,
        lines=tuple(_order_line(line, taken.get(line.sku, 0)) for line in session.lines),
        totals=session.totals,
        payment=payment,
        hold=hold,
        placed_until=hold.expires_at,
        accept_partial=command.accept_partial,
        fingerprint=command.fingerprint,
        created_at=now,
        updated_at=now,
        version=0,
    )
    told = events.placed(order.totals.total.model_dump(), [line.model_dump() for line in order.lines])
    return order.happened(events.PLACED, at=now, actor=CUSTOMER, request_id=command.request_id, data=told)


def _order_line(line: SessionLine, allocated: int) -> OrderLine:
    return OrderLine(
        sku=line.sku,
        title=line.title,
        quantity=line.quantity,
        unit_price=line.unit_price,
        tax=line.tax,
        digital=line.digital,
        backorder=line.backorder,
        preorder=line.preorder,
        backorder_cap=line.backorder_cap,
        max_per_customer=line.max_per_customer,
        allocated=allocated,
    )


def _replay(standing: Order, command: PlaceOrder) -> Placed:
    if standing.fingerprint != command.fingerprint:
        raise IdempotencyKeyReused("This Idempotency-Key was used with another body. Use a new key for a new request.")
    return Placed(order=standing, replayed=True)
