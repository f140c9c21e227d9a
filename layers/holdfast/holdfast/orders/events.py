"""The names of what happens to an order. The stream publishes each under its name on the bus."""

PLACED = "order.placed.v1"
HOLD_EXTENDED = "order.hold_extended.v1"
PAID = "order.paid.v1"
PAYMENT_FAILED = "order.payment_failed.v1"
PAYMENT_REVIEW = "order.payment_review.v1"
EXPIRED = "order.expired.v1"
CANCELLED = "order.cancelled.v1"
COMPLETED = "order.completed.v1"
PARTIALLY_FULFILLED = "order.partially_fulfilled.v1"
AWAITING_STOCK = "order.awaiting_stock.v1"
PROCESSING = "order.processing.v1"
KEYS_ADDED = "order.keys_added.v1"
STOCK_ALLOCATED = "order.stock_allocated.v1"
REFUND_DUE = "order.refund_due.v1"
REFUNDED = "order.refunded.v1"

ALL = (
    PLACED,
    HOLD_EXTENDED,
    PAID,
    PAYMENT_FAILED,
    PAYMENT_REVIEW,
    EXPIRED,
    CANCELLED,
    COMPLETED,
    PARTIALLY_FULFILLED,
    AWAITING_STOCK,
    PROCESSING,
    KEYS_ADDED,
    STOCK_ALLOCATED,
    REFUND_DUE,
    REFUNDED,
)
STAFF_ONLY = frozenset({PAYMENT_REVIEW, REFUND_DUE})
"""Not shown on the customer's timeline."""
