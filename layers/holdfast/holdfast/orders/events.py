"""The names of what happens to an order. The stream publishes each under its name on the bus."""

from collections.abc import Iterable, Mapping
from typing import Any

PLACED = "order.placed.v1"
"""A shopper placed it: its stock is held, its payment made at the provider. Data: total, lines."""
HOLD_EXTENDED = "order.hold_extended.v1"
"""Held for one more hold time."""
PAID = "order.paid.v1"
"""The money is ours and the held units are sold. Data: payment, amount, currency."""
PAYMENT_FAILED = "order.payment_failed.v1"
"""The provider says that no money will come. Data: payment."""
PAYMENT_REVIEW = "order.payment_review.v1"
"""Money that does not match the order: a person decides. Staff only. Data: payment, provider, amount, currency, expected."""
EXPIRED = "order.expired.v1"
"""The hold ran out, or the payment did. Data: payment, if it was that."""
CANCELLED = "order.cancelled.v1"
"""Given up: before it was paid, or after, while nothing was handed over. Data: returned, owed: units per SKU."""
LATE_PAYMENT = "order.late_payment.v1"
"""The money came after the hold had run out, and the order lives all the same. Data: policy, outcome, lines, late_seconds."""
PAYMENT_ACCEPTED = "order.payment_accepted.v1"
"""A person took money that did not match the order. Staff only. Data: payment, amount, currency."""
COMPLETED = "order.completed.v1"
"""Everything was handed over. Data: wave, lines."""
PARTIALLY_FULFILLED = "order.partially_fulfilled.v1"
"""Something was handed over or set aside, the rest is owed. Data: wave, lines."""
AWAITING_STOCK = "order.awaiting_stock.v1"
"""Paid, and nothing of it is there yet. Data: wave, lines."""
PROCESSING = "order.processing.v1"
"""Everything is there; what is physical waits to be picked. Data: wave, lines."""
PICKING = "order.picking.v1"
"""Somebody fetches the goods."""
PACKED = "order.packed.v1"
"""The goods are in their parcel."""
PICKING_STOPPED = "order.picking_stopped.v1"
"""The goods went back on their shelf; they are to be picked again."""
SHIPPED = "order.shipped.v1"
"""A parcel is on its way. Data: shipped: units per SKU, tracking_numbers, carrier."""
DELIVERED = "order.delivered.v1"
"""The customer has the parcel."""
KEYS_ADDED = "order.keys_added.v1"
"""Owed keys came and were handed over. Data: wave, sku, quantity, complete, lines."""
STOCK_ALLOCATED = "order.stock_allocated.v1"
"""Owed physical units came and are set aside. Data: wave, sku, quantity, complete, lines."""
REFUND_DUE = "order.refund_due.v1"
"""The decision to give money back; the provider has yet to confirm. Staff only. Data: payment, refund, amount, currency, and units
per SKU: refunded, returned, owed.
"""
PARTIALLY_REFUNDED = "order.partially_refunded.v1"
"""A part of the money went back. Data: refund, amount, currency, lines."""
REFUNDED = "order.refunded.v1"
"""The money went back, all of it. Data: amount, currency, and returned: units per SKU, if the provider told first."""
RETURN_REQUESTED = "order.return_requested.v1"
"""The customer sends goods back. Data: return, lines."""
RETURN_RECEIVED = "order.return_received.v1"
"""Goods came back. Data: return, restocked, written_off: units per SKU."""
EDITED = "order.edited.v1"
"""Its address, contact or notes were changed. Data: fields."""
NOTE_ADDED = "order.note_added.v1"
"""Staff wrote something down. Staff only. Data: note."""
MAIL_RESENT = "order.mail_resent.v1"
"""A mail goes out again. Staff only. Data: of, event, and what that event told."""

ALL = (
    PLACED,
    HOLD_EXTENDED,
    PAID,
    LATE_PAYMENT,
    PAYMENT_FAILED,
    PAYMENT_REVIEW,
    PAYMENT_ACCEPTED,
    EXPIRED,
    CANCELLED,
    COMPLETED,
    PARTIALLY_FULFILLED,
    AWAITING_STOCK,
    PROCESSING,
    KEYS_ADDED,
    STOCK_ALLOCATED,
    PICKING,
    PACKED,
    PICKING_STOPPED,
    SHIPPED,
    DELIVERED,
    REFUND_DUE,
    PARTIALLY_REFUNDED,
    REFUNDED,
    RETURN_REQUESTED,
    RETURN_RECEIVED,
    EDITED,
    NOTE_ADDED,
    MAIL_RESENT,
)
STAFF_ONLY = frozenset({PAYMENT_REVIEW, PAYMENT_ACCEPTED, REFUND_DUE, NOTE_ADDED, MAIL_RESENT})
"""Not shown on the customer's timeline."""
TELLS_LINES = frozenset({COMPLETED, PARTIALLY_FULFILLED, AWAITING_STOCK, PROCESSING, KEYS_ADDED, STOCK_ALLOCATED, LATE_PAYMENT})
"""Their data has the lines as they were then: a mail that goes out later must not tell of a later state."""


def placed(total: Mapping[str, Any], lines: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Data of `PLACED`."""
    return {"total": dict(total), "lines": [{"sku": line["sku"], "quantity": line["quantity"]} for line in lines]}
