"""Keys of the orders table."""

from holdfast.kernel.ids import bucket_of
from holdfast.kernel.time import rfc3339
from holdfast.orders.model import Order, PaymentStatus, Status

ORDER_BUCKETS = 4
"""Index partitions per shop for the list of orders."""
ORDERS_BY_SHOP = "by_shop"
ORDERS_BY_STATUS = "by_status"
ORDERS_UNSETTLED = "by_unsettled"


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
    """All indexes have `xsk`, the order's position in time; only a change of status moves an order in by_status, and by_unsettled is
    sparse.
    """
    bucket = bucket_of(order.id, ORDER_BUCKETS)
    waiting = {"upk": unsettled_bucket(order.shop, bucket)} if unsettled(order) else {}
    return {
        **waiting,
        "xpk": order_bucket(order.shop, bucket),
        "spk": status_bucket(order.shop, order.status, bucket),
        "xsk": position(order),
    }


def unsettled(order: Order) -> bool:
    """The provider has yet to say how its payment ends, or to give some money back, and its state does not tell. An order that waits for
    its first money is found by its state (`pending_payment`), so that the usual order costs this index nothing: two units of
    twenty-three.
    """
    ended_unpaid = order.payment.status is PaymentStatus.PENDING and order.status is not Status.PENDING_PAYMENT
    return ended_unpaid or order.payment.status is PaymentStatus.REFUND_DUE or order.refund_due


def order_bucket(shop: str, bucket: int) -> str:
    return f"{shop}#{bucket}"


def status_bucket(shop: str, status: str, bucket: int) -> str:
    return f"{shop}#{status}#{bucket}"


def unsettled_bucket(shop: str, bucket: int) -> str:
    return f"{shop}#UNSETTLED#{bucket}"
