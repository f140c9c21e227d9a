"""From a cart to an order that waits for its money: intent, take, order."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from holdfast.kernel.errors import HoldfastError, IdempotencyKeyReused, VersionConflict
from holdfast.kernel.events import CUSTOMER
from holdfast.kernel.ids import derived_id, new_id
from holdfast.kernel.model import Model
from holdfast.kernel.money import MAX_AMOUNT
from holdfast.kernel.writes import Commit
from holdfast.orders import events, rules
from holdfast.orders.errors import (
    MixedCurrencies,
    QuantityAboveMaximum,
    SessionAlreadyOrdered,
    SessionExpired,
    TotalTooLarge,
    UnknownSession,
    UnknownSku,
)
from holdfast.orders.model import Address, HoldRef, Order, OrderLine, PaymentRef, Session, SessionLine, Status
from holdfast.orders.ports import Catalogue, Offer, Orders, Payments, Policies, Sessions, Stock
from holdfast.orders.usecases import end

SESSION_LIFE = timedelta(minutes=30)
REPLAYED_FOR = timedelta(hours=24)


class StartCheckout(Model):
    """`lines`: (sku, quantity) as the shopper sent them; the same SKU twice is one wish."""

    shop: str
    lines: tuple[tuple[str, int], ...]
    email: str | None = None
    address: Address | None = None


def start(command: StartCheckout, *, catalogue: Catalogue, sessions: Sessions, now: datetime) -> Session:
    """Price the cart. UnknownSku, QuantityAboveMaximum, MixedCurrencies, TotalTooLarge."""
    wishes = summed(command.lines)
    offers = catalogue.offers(command.shop, list(wishes))
    _refuse_unsellable(wishes, offers)
    lines = tuple(_priced(offers[sku], quantity) for sku, quantity in wishes.items())
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
    commit: Commit,
    now: datetime,
) -> Placed:
    """Hold every line or none, ask the provider for a payment, write the order. Each step may be repeated.

    `session_born` is the instant in the session's id. A crash anywhere leaves a lock that runs out by itself.
    Refusals: InsufficientStock, UnknownSession, SessionExpired, SessionAlreadyOrdered, ProviderNotOffered, those of idempotency.
    """
    order_id = command.order_id(session_born)
    session, standing = sessions.with_order(command.shop, command.session, order_id)
    if standing is not None:
        return _replay(standing, command)
    if session is None:
        raise UnknownSession
    if session.expired(now):
        raise SessionExpired("The checkout session has run out. Start a new one with the same lines.")
    earlier = _earlier(session, orders)
    payments.require(command.provider)  # before anything is held

    life = policies.hold(command.shop)
    lock = derived_id("lck", session_born, order_id)
    taken, expires_at = stock.hold(
        command.shop,
        lock,
        order_id,
        [(line.sku, line.quantity, rules.may_be_partial(line, command.accept_partial)) for line in session.lines],
        expires_at=now + life,
        fingerprint=command.fingerprint,
        replaces=earlier.hold.lock if earlier and earlier.hold else None,
        now=now,
    )
    try:
        payment, payment_writes = payments.create(command.shop, order_id, command.provider, session.totals.total, now)
    except HoldfastError:
        stock.release(command.shop, lock)  # no payment, no order: nothing may stay held
        raise
    hold = HoldRef(lock=lock, expires_at=expires_at)
    order = _order(command, session, order_id, taken, payment, hold, now)
    try:
        commit([orders.add_write(order), sessions.ordered_write(session, order_id, now + REPLAYED_FOR), *payment_writes], token=order_id)
    except VersionConflict:
        return _somebody_was_faster(command, order_id, lock, orders=orders, stock=stock)
    if earlier is not None:
        end(earlier, Status.CANCELLED, actor=CUSTOMER, reason="replaced by a new try", orders=orders, stock=stock, now=now)
    return Placed(order=order)


def read(shop: str, session: str, *, sessions: Sessions, now: datetime) -> Session:
    """UnknownSession also when its time is over: TTL may not have removed it yet."""
    found = sessions.get(shop, session)
    if found is None or found.expired(now):
        raise UnknownSession
    return found


def abandon(session: Session, *, sessions: Sessions, orders: Orders, stock: Stock, now: datetime) -> None:
    """The shopper leaves: an order that waits for its money is cancelled, its stock goes back, the session is gone."""
    earlier = orders.get(session.shop, session.order) if session.order else None
    if earlier is not None:
        end(earlier, Status.CANCELLED, actor=CUSTOMER, reason="the checkout was abandoned", orders=orders, stock=stock, now=now)
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


def _priced(offer: Offer, quantity: int) -> SessionLine:
    return SessionLine(
        sku=offer.sku,
        title=offer.title,
        quantity=quantity,
        unit_price=offer.price,
        digital=offer.digital,
        backorder=offer.backorder,
    )


def _earlier(session: Session, orders: Orders) -> Order | None:
    """The order that this session became at an earlier try, if it still waits for money; its hold is replaced."""
    earlier = orders.get(session.shop, session.order) if session.order else None
    if earlier is not None and earlier.status in rules.SETTLED | {Status.PAYMENT_REVIEW, Status.REFUNDED}:
        raise SessionAlreadyOrdered("This checkout became an order already.", order=earlier.id)
    return earlier if earlier is not None and earlier.status is Status.PENDING_PAYMENT else None


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
    return order.happened(events.PLACED, at=now, actor=CUSTOMER, request_id=command.request_id, data=_placed(order))


def _order_line(line: SessionLine, allocated: int) -> OrderLine:
    return OrderLine(
        sku=line.sku,
        title=line.title,
        quantity=line.quantity,
        unit_price=line.unit_price,
        digital=line.digital,
        backorder=line.backorder,
        allocated=allocated,
    )


def _placed(order: Order) -> dict[str, object]:
    return {"total": order.totals.total.model_dump(), "lines": [{"sku": line.sku, "quantity": line.quantity} for line in order.lines]}


def _replay(standing: Order, command: PlaceOrder) -> Placed:
    if standing.fingerprint != command.fingerprint:
        raise IdempotencyKeyReused("This Idempotency-Key was used with another body. Use a new key for a new request.")
    return Placed(order=standing, replayed=True)


def _somebody_was_faster(command: PlaceOrder, order_id: str, lock: str, *, orders: Orders, stock: Stock) -> Placed:
    """Our own first write (its reply got lost), or another try of this session that the order must give way to."""
    standing = orders.get(command.shop, order_id)
    if standing is not None:
        return _replay(standing, command)
    stock.release(command.shop, lock)
    raise VersionConflict("The checkout session was changed by another request. Read it again.")
