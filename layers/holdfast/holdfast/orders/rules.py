"""Arithmetic on orders: prices, totals, and the state that follows from the lines. Pure."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from holdfast.kernel.events import Event
from holdfast.orders import events
from holdfast.orders.going_back import RefundState
from holdfast.orders.model import Order, OrderLine, Status
from holdfast.orders.neighbours import FactKind, Wish
from holdfast.orders.session import SessionLine

AWAITING_MONEY = frozenset({Status.PENDING_PAYMENT, Status.PAYMENT_REVIEW})
"""A payment moves these to paid while their hold stands."""
LATE = AWAITING_MONEY | {Status.EXPIRED, Status.PAYMENT_FAILED}
"""Money for these, when the hold is gone, follows the shop's late-payment policy."""
SETTLED = frozenset(Status) - LATE - {Status.CANCELLED, Status.REFUNDED}
"""The money is ours and the goods are theirs, or owed."""
ORDERED = SETTLED | {Status.PAYMENT_REVIEW, Status.REFUNDED}
"""A checkout that became one of these becomes no other order."""


def may_be_partial(line: SessionLine | OrderLine, accept_partial: bool) -> bool:
    """Both must agree: the shop (back-order is on for the SKU) and the shopper (he accepts to wait; a pre-order says so itself)."""
    return line.backorder and (accept_partial or line.preorder)


def wish(line: SessionLine | OrderLine, accept_partial: bool) -> Wish:
    """A line as the stock is asked for it."""
    partial = may_be_partial(line, accept_partial)
    shards = line.shards if isinstance(line, SessionLine) else 1
    return Wish(line.sku, line.quantity, partial, line.backorder_cap if partial else None, line.max_per_customer, shards)


def buyer(email: str | None) -> str | None:
    """A customer, as limits know him: a digest, so that no address lies in the stock."""
    return hashlib.sha256(email.strip().lower().encode()).hexdigest()[:16] if email else None


def customer(order: Order) -> str | None:
    """Who bought, as limits know him: whatever address stands in the order by now."""
    return buyer(order.email) if order.bought_as is None else order.bought_as or None


def owed(order: Order, line: OrderLine) -> int:
    """Units that are paid for and not there yet."""
    return line.short if order.status in SETTLED else 0


def follows(order: Order, *, leaves: bool = False, closes: bool = False) -> Status:
    """The state of a paid order follows from its lines and its payment.

    Goods that are being picked or packed go their way first, and an order that was just paid waits to be served, until a step
    `leaves` that stage. What was shipped is on its way until somebody `closes` the order.
    """
    if not any(line.wanted for line in order.lines):
        return Status.REFUNDED
    if not leaves and (order.status is Status.PAID or _in_hand(order)):
        return order.status
    if any(line.fulfilled < line.wanted for line in order.lines):
        return _at_work(order.lines)
    if order.status in ON_THEIR_WAY and not closes:
        return order.status
    if any(line.wanted and not line.digital for line in order.lines) and not closes and order.status not in CLOSED:
        return Status.SHIPPED
    gone = any(refund.of is None and refund.state is not RefundState.FAILED for refund in order.refunds)
    return Status.PARTIALLY_REFUNDED if gone else Status.COMPLETED


ON_THEIR_WAY = frozenset({Status.SHIPPED, Status.DELIVERED})
CLOSED = frozenset({Status.COMPLETED, Status.PARTIALLY_REFUNDED})


def _in_hand(order: Order) -> bool:
    return order.status in {Status.PICKING, Status.PACKED} and any(line.here for line in order.lines if not line.digital)


def _at_work(lines: tuple[OrderLine, ...]) -> Status:
    if all(line.allocated == line.wanted for line in lines):
        return Status.PROCESSING  # what is left is physical, and here: to be picked
    if any(line.allocated for line in lines):
        return Status.PARTIALLY_FULFILLED
    return Status.AWAITING_STOCK


def told_lines(order: Order) -> list[dict[str, Any]]:
    """The lines as they are at an event: a mail that goes out later must not tell of a later state."""
    return [{"sku": line.sku, "quantity": line.quantity, "fulfilled": line.fulfilled, "owed": owed(order, line)} for line in order.lines]


def odd_money(order: Order, timeline: Iterable[Event]) -> list[Mapping[str, Any]]:
    """What the provider told of money for this order that did not match it, oldest first. Not that of other payments or currencies."""
    ours = order.payment.id, order.currency, FactKind.SUCCEEDED
    told = [event.data for event in timeline if event.type == events.PAYMENT_REVIEW]
    return [data for data in told if (data["payment"], data["currency"], data["told"]) == ours]


FULFILMENT_EVENT = {
    Status.COMPLETED: events.COMPLETED,
    Status.PARTIALLY_REFUNDED: events.COMPLETED,
    Status.PROCESSING: events.PROCESSING,
    Status.PARTIALLY_FULFILLED: events.PARTIALLY_FULFILLED,
    Status.AWAITING_STOCK: events.AWAITING_STOCK,
}


def order_number(order_id: str) -> str:
    """For people: ten letters and digits of the id's random part, in two groups."""
    return f"{order_id[-10:-5]}-{order_id[-5:]}"
