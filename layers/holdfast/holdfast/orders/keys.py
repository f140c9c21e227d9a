"""Keys of the orders table."""

from holdfast.kernel.ids import bucket_of
from holdfast.kernel.time import rfc3339
from holdfast.orders.model import Order, PaymentStatus

ORDER_BUCKETS = 4
"""Index partitions per shop for the list of orders."""
ORDERS_BY_SHOP = "by_shop"
ORDERS_BY_STATUS = "by_status"
ORDERS_UNSETTLED = "by_unsettled"
UNSETTLED = frozenset({PaymentStatus.PENDING, PaymentStatus.REFUND_DUE})
"""Payments of which the provider has yet to say how they end."""


def order_key(shop: str, order: str) -> dict[str, str]:
    return {"pk": f"{shop}#{order}", "sk": "ORDER"}


def session_key(shop: str, session: str) -> dict[str, str]:
    return {"pk": f"{shop}#{session}", "sk": "SESSION"}


def event_page(shop: str, order: str, first: int) -> dict[str, str]:
    """Older events of an order, from `first` on."""
    return {"pk": f"{shop}#{order}", "sk": f"EVENTS#{first:06d}"}


def event_pages(shop: str, order: str) -> dict[str, str]:
    """Values of a query for all of them."""
    return {":pk": f"{shop}#{order}", ":page": "EVENTS#"}


def position(order: Order) -> str:
    """Sorts orders by the time they were placed; the id decides between two of the same millisecond."""
    return f"{rfc3339(order.created_at)}#{order.id}"


def order_index(order: Order) -> dict[str, str]:
    """All indexes have `xsk`, the order's position in time; only a change of status moves an order in one of them, and only while its
    payment is not settled an order is in the last.
    """
    bucket = bucket_of(order.id, ORDER_BUCKETS)
    waiting = {"upk": unsettled_bucket(order.shop, bucket)} if order.payment.status in UNSETTLED else {}
    return {
        **waiting,
        "xpk": order_bucket(order.shop, bucket),
        "spk": status_bucket(order.shop, order.status, bucket),
        "xsk": position(order),
    }


def order_bucket(shop: str, bucket: int) -> str:
    return f"{shop}#{bucket}"


def status_bucket(shop: str, status: str, bucket: int) -> str:
    return f"{shop}#{status}#{bucket}"


def unsettled_bucket(shop: str, bucket: int) -> str:
    return f"{shop}#UNSETTLED#{bucket}"
