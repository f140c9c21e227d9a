"""From a cart to an order that waits for its money: intent, take, order."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from holdfast.kernel.errors import HoldfastError, IdempotencyKeyInFlight, IdempotencyKeyReused, VersionConflict
from holdfast.kernel.events import CUSTOMER
from holdfast.kernel.ids import derived_id, new_id
from holdfast.kernel.model import Model
from holdfast.kernel.money import MAX_AMOUNT
from holdfast.orders import events, rules
from holdfast.orders.errors import (
    EmailMissing,
    MixedCurrencies,
    QuantityAboveMaximum,
    SessionAlreadyOrdered,
    SessionExpired,
    TotalTooLarge,
    UnknownSession,
    UnknownSku,
)
from holdfast.orders.model import HoldRef, Order, OrderLine, PaymentRef, Status
from holdfast.orders.neighbours import Standing, Taken
from holdfast.orders.ports import Catalogue, Offer, Orders, Payments, Policies, Sessions, Stock
from holdfast.orders.session import Address, Session, SessionLine
from holdfast.orders.usecases import end

SESSION_LIFE = timedelta(minutes=30)
IN_FLIGHT = timedelta(seconds=10)
"""How long a try without an order may still be under way. No request lives longer."""


class StartCheckout(Model):
    """`lines`: (sku, quantity) as the shopper sent them; the same SKU twice is one wish."""

    shop: str
    lines: tuple[tuple[str, int], ...]
    email: str | None = None
    address: Address | None = None


def start(command: StartCheckout, *, catalogue: Catalogue, stock: Stock, sessions: Sessions, now: datetime) -> Session:
    """Price the cart. UnknownSku, QuantityAboveMaximum, MixedCurrencies, TotalTooLarge."""
    wishes = summed(command.lines)
    offers = catalogue.offers(command.shop, list(wishes))
    _refuse_unsellable(wishes, offers)
    shards = stock.shards(command.shop, list(wishes))
    lines = tuple(_priced(offers[sku], quantity, shards.get(sku, 1)) for sku, quantity in wishes.items())
    session = Session(
        id=new_id("cks", now),
        shop=command.shop,
        lines=lines,
        totals=rules.totals(lines, lines[0].unit_price.currency),
        email=command.email,
        address=command.address,
        created_at=now,
        expires_at=now + SESSION_LIFE,
    )
    sessions.add(session)
    return session


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
    Refusals: InsufficientStock, UnknownSession, SessionExpired, SessionAlreadyOrdered, ProviderNotOffered, EmailMissing, those of
    idempotency.
    """
    order_id = command.order_id(session_born)
    session, standing = sessions.with_order(command.shop, command.session, order_id)
    if standing is not None:
        return _replay(standing, command)
    if session is None:
        raise UnknownSession
    if session.expired(now):
        raise SessionExpired("The checkout session has run out. Start a new one with the same lines.")
    if session.email is None and any(line.max_per_customer for line in session.lines):
        raise EmailMissing("Something in the cart is limited per customer: the checkout needs an e-mail address.")
    payments.require(command.provider)  # before anything is held

    lock = lock_of(command.shop, session.id, session_born)
    taken = _hold(command, session, order_id, lock, orders=orders, stock=stock, expires_at=now + policies.hold(command.shop), now=now)
    if taken.replaced is not None:
        _end_earlier(command.shop, taken.replaced, orders=orders, stock=stock, now=now)
    try:
        payment = payments.create(command.shop, order_id, command.provider, session.totals.total, now)
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


def lock_of(shop: str, session: str, session_born: datetime) -> str:
    """The lock of a checkout: each of its tries meets the one before it."""
    return derived_id("lck", session_born, shop, session)


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
            fingerprint=command.fingerprint,
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
        end(earlier, "cancel", actor=CUSTOMER, reason="replaced by a new try", orders=orders, stock=stock, now=now)


def read(shop: str, session: str, *, sessions: Sessions, now: datetime) -> Session:
    """UnknownSession also when its time is over: TTL may not have removed it yet."""
    found = sessions.get(shop, session)
    if found is None or found.expired(now):
        raise UnknownSession
    return found


def abandon(session: Session, session_born: datetime, *, sessions: Sessions, orders: Orders, stock: Stock, now: datetime) -> None:
    """The shopper leaves: an order that waits for its money is cancelled, its stock goes back, the session is gone."""
    lock = lock_of(session.shop, session.id, session_born)
    held = stock.standing(session.shop, lock)
    if held is not None:
        earlier = orders.get(session.shop, held.order)
        if earlier is not None:
            end(earlier, "cancel", actor=CUSTOMER, reason="the checkout was abandoned", orders=orders, stock=stock, now=now)
        elif not held.sold:
            stock.release(session.shop, lock, held.order)
    sessions.remove(session)


def summed(lines: Sequence[tuple[str, int]]) -> dict[str, int]:
    """The same SKU in two lines is one wish, summed before anything is checked."""
    wishes: dict[str, int] = {}
    for sku, quantity in lines:
        wishes[sku] = wishes.get(sku, 0) + quantity
    return wishes


def _refuse_unsellable(wishes: Mapping[str, int], offers: Mapping[str, Offer]) -> None:
    unknown = [sku for sku in wishes if sku not in offers]
    if unknown:
        raise UnknownSku("Some lines name something that this shop does not sell.", skus=unknown)
    above = [
        {"sku": sku, "requested": quantity, "maximum": offers[sku].max_per_order}
        for sku, quantity in wishes.items()
        if quantity > (offers[sku].max_per_order or quantity)
    ]
    if above:
        raise QuantityAboveMaximum("More than one order may have.", lines=above)
    if len({offers[sku].price.currency for sku in wishes}) > 1:
        raise MixedCurrencies("The lines have prices in different currencies. Order them separately.")
    if sum(offers[sku].price.amount * quantity for sku, quantity in wishes.items()) > MAX_AMOUNT:
        raise TotalTooLarge("The total is more than one order may be about.", maximum=MAX_AMOUNT)


def _priced(offer: Offer, quantity: int, shards: int) -> SessionLine:
    return SessionLine(
        sku=offer.sku,
        title=offer.title,
        quantity=quantity,
        unit_price=offer.price,
        digital=offer.digital,
        backorder=offer.backorder,
        preorder=offer.preorder,
        backorder_cap=offer.backorder_cap,
        max_per_customer=offer.max_per_customer,
        shards=shards,
    )


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
        address=session.address,
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
