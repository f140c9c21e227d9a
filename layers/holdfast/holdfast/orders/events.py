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
"""Given up before it was paid."""
COMPLETED = "order.completed.v1"
"""Everything was handed over. Data: wave, lines."""
PARTIALLY_FULFILLED = "order.partially_fulfilled.v1"
"""Something was handed over or set aside, the rest is owed. Data: wave, lines."""
AWAITING_STOCK = "order.awaiting_stock.v1"
"""Paid, and nothing of it is there yet. Data: wave, lines."""
PROCESSING = "order.processing.v1"
"""Everything is there; what is physical waits to be picked. Data: wave, lines."""
KEYS_ADDED = "order.keys_added.v1"
"""Owed keys came and were handed over. Data: wave, sku, quantity, complete, lines."""
STOCK_ALLOCATED = "order.stock_allocated.v1"
"""Owed physical units came and are set aside. Data: wave, sku, quantity, complete, lines."""
REFUND_DUE = "order.refund_due.v1"
"""The decision to give the money back; the provider has yet to confirm. Staff only. Data: payment."""
REFUNDED = "order.refunded.v1"
"""The money went back. Data: amount, currency, and returned: units per SKU, if the provider told first."""

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


def placed(total: Mapping[str, Any], lines: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Data of `PLACED`."""
    return {"total": dict(total), "lines": [{"sku": line["sku"], "quantity": line["quantity"]} for line in lines]}


def shortened(item: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The events of an order as they are stored: what the order itself says is not written twice."""
    known = placed(item["totals"]["total"], item["lines"])
    return [{**event, "data": {}} if event["type"] == PLACED and event["data"] == known else event for event in item["events"]]


def whole(item: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The events of a stored order as they were told."""
    known = placed(item["totals"]["total"], item["lines"])
    return [{**event, "data": known} if event["type"] == PLACED and not event["data"] else event for event in item.get("events", [])]
