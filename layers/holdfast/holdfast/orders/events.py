"""The names of what happens to an order. The stream publishes each under its name on the bus; their data: `orders/schemas.py`."""

from collections.abc import Iterable, Mapping
from typing import Any

PLACED = "order.placed.v1"
"""A shopper placed it: its stock is held, its payment made at the provider."""
HOLD_EXTENDED = "order.hold_extended.v1"
"""Held for one more hold time."""
PAID = "order.paid.v1"
"""The money is ours and the held units are sold."""
PAYMENT_FAILED = "order.payment_failed.v1"
"""The provider says that no money will come."""
PAYMENT_ENDED = "order.payment_ended.v1"
"""Nobody can pay it any more. The order had ended before it was paid, or waits for a decision about other money. Staff only."""
PAYMENT_REVIEW = "order.payment_review.v1"
"""Money that does not match the order: a person decides. Staff only."""
EXPIRED = "order.expired.v1"
"""The hold ran out, or the payment did."""
CANCELLED = "order.cancelled.v1"
"""Given up: before it was paid, or after, while nothing was handed over."""
LATE_PAYMENT = "order.late_payment.v1"
"""The money came after the hold had run out, and the order lives all the same."""
PAYMENT_ACCEPTED = "order.payment_accepted.v1"
"""A person took money that did not match the order. Staff only."""
COMPLETED = "order.completed.v1"
"""Everything was handed over."""
PARTIALLY_FULFILLED = "order.partially_fulfilled.v1"
"""Something was handed over or set aside, the rest is owed."""
AWAITING_STOCK = "order.awaiting_stock.v1"
"""Paid, and nothing of it is there yet."""
PROCESSING = "order.processing.v1"
"""Everything is there; what is physical waits to be picked."""
PICKING = "order.picking.v1"
"""Somebody fetches the goods."""
PACKED = "order.packed.v1"
"""The goods are in their parcel."""
PICKING_STOPPED = "order.picking_stopped.v1"
"""The goods went back on their shelf; they are to be picked again."""
SHIPPED = "order.shipped.v1"
"""A parcel is on its way."""
DELIVERED = "order.delivered.v1"
"""The customer has the parcel."""
KEYS_ADDED = "order.keys_added.v1"
"""Owed keys came and were handed over."""
STOCK_ALLOCATED = "order.stock_allocated.v1"
"""Owed physical units came and are set aside."""
DELAYED = "order.delayed.v1"
"""What is owed did not come within the promised time."""
KEY_REVOKED = "order.key_revoked.v1"
"""A key of it was taken back: it is good for nothing any more."""
KEY_REPLACED = "order.key_replaced.v1"
"""Another key came in the place of one that was no good."""
DELIVERY_PROBLEM = "order.delivery_problem.v1"
"""A parcel of it is late, lost, broken, or could not be delivered."""
REFUND_DUE = "order.refund_due.v1"
"""The decision to give money back; the provider has yet to confirm. Staff only."""
REFUND_PENDING = "order.refund_pending.v1"
"""The provider has taken the order to give money back, and will do it. Staff only."""
REFUND_FAILED = "order.refund_failed.v1"
"""The provider could not give money back: a person decides what now. Staff only."""
PARTIALLY_REFUNDED = "order.partially_refunded.v1"
"""A part of the money went back."""
REFUNDED = "order.refunded.v1"
"""The money went back, all of it."""
SECOND_PAYMENT = "order.second_payment.v1"
"""More money came for an order that has its own, or had ended: it goes back. Staff only."""
SECOND_PAYMENT_REFUNDED = "order.second_payment_refunded.v1"
"""What was paid twice went back."""
DISPUTED = "order.disputed.v1"
"""The customer's bank asks for money back; the shop may answer. Staff only."""
DISPUTE_CHANGED = "order.dispute_changed.v1"
"""The bank looks at the answer, or set another deadline. Staff only."""
DISPUTE_WON = "order.dispute_won.v1"
"""The bank has decided for the shop: the money stays, or came again. Staff only."""
CHARGED_BACK = "order.charged_back.v1"
"""The bank has decided for the customer: the money is gone."""
RETURN_REQUESTED = "order.return_requested.v1"
"""The customer sends goods back."""
RETURN_RECEIVED = "order.return_received.v1"
"""Goods came back."""
EDITED = "order.edited.v1"
"""Its address, contact or notes were changed."""
NOTE_ADDED = "order.note_added.v1"
"""Staff wrote something down. Staff only."""
MAIL_RESENT = "order.mail_resent.v1"
"""A mail goes out again. Staff only."""

ALL = (
    PLACED,
    HOLD_EXTENDED,
    PAID,
    PAYMENT_FAILED,
    PAYMENT_ENDED,
    PAYMENT_REVIEW,
    EXPIRED,
    CANCELLED,
    LATE_PAYMENT,
    PAYMENT_ACCEPTED,
    COMPLETED,
    PARTIALLY_FULFILLED,
    AWAITING_STOCK,
    PROCESSING,
    PICKING,
    PACKED,
    PICKING_STOPPED,
    SHIPPED,
    DELIVERED,
    KEYS_ADDED,
    STOCK_ALLOCATED,
    DELAYED,
    KEY_REVOKED,
    KEY_REPLACED,
    DELIVERY_PROBLEM,
    REFUND_DUE,
    REFUND_PENDING,
    REFUND_FAILED,
    PARTIALLY_REFUNDED,
    REFUNDED,
    SECOND_PAYMENT,
    SECOND_PAYMENT_REFUNDED,
    DISPUTED,
    DISPUTE_CHANGED,
    DISPUTE_WON,
    CHARGED_BACK,
    RETURN_REQUESTED,
    RETURN_RECEIVED,
    EDITED,
    NOTE_ADDED,
    MAIL_RESENT,
)
STAFF_ONLY = frozenset(
    {
        *{PAYMENT_ENDED, PAYMENT_REVIEW, PAYMENT_ACCEPTED, REFUND_DUE, REFUND_PENDING, REFUND_FAILED, SECOND_PAYMENT},
        *{DISPUTED, DISPUTE_CHANGED, DISPUTE_WON, NOTE_ADDED, MAIL_RESENT},
    }
)
"""Not shown on the customer's timeline."""
AT_HOME: Mapping[str, frozenset[str]] = {NOTE_ADDED: frozenset({"note"})}
"""Members of data that do not go on the bus: staff may write down anything."""
TELLS_LINES = frozenset(
    {DELAYED, KEY_REPLACED, COMPLETED, PARTIALLY_FULFILLED, AWAITING_STOCK, PROCESSING, KEYS_ADDED, STOCK_ALLOCATED, LATE_PAYMENT}
)
"""Their data has the lines as they were then: a mail that goes out later must not tell of a later state."""


def placed(total: Mapping[str, Any], lines: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Data of `PLACED`."""
    return {"total": dict(total), "lines": [{"sku": line["sku"], "quantity": line["quantity"]} for line in lines]}
