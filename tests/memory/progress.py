"""How far an order has come, as a number that only a named compensation may lower."""

from holdfast.orders.model import Order, Status

PHASE = {
    Status.PENDING_PAYMENT: 0,
    Status.EXPIRED: 1,
    Status.PAYMENT_FAILED: 1,
    Status.PAYMENT_REVIEW: 2,
    Status.PAID: 3,
    Status.AWAITING_STOCK: 4,
    Status.PARTIALLY_FULFILLED: 4,
    Status.PROCESSING: 4,
    Status.PICKING: 4,
    Status.PACKED: 4,
    Status.SHIPPED: 5,
    Status.DELIVERED: 6,
    Status.COMPLETED: 7,
    Status.PARTIALLY_REFUNDED: 8,
    Status.CANCELLED: 9,
    Status.REFUNDED: 10,
}
STAGE = {Status.AWAITING_STOCK: 0, Status.PARTIALLY_FULFILLED: 1, Status.PROCESSING: 2, Status.PICKING: 3, Status.PACKED: 4}
"""While goods go out: an order that is owed something is picked and shipped parcel by parcel, and each parcel counts more than a stage."""


def progress(order: Order) -> tuple[int, int, int]:
    """Its phase; units that were handed over; the stage of the next parcel."""
    return PHASE[order.status], sum(line.fulfilled for line in order.lines), STAGE.get(order.status, 0)
