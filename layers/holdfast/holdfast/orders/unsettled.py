"""Orders of whose payment the provider has yet to say how it ends, and where they are found: by their state, or in the sparse index."""

import heapq
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from itertools import islice
from typing import Protocol

from holdfast.kernel.time import parse_rfc3339
from holdfast.orders import keys
from holdfast.orders.model import Order, Status


class Source(StrEnum):
    """A list of orders that may have something to be asked for. Each lies in `keys.ORDER_BUCKETS` parts."""

    WAITING = "waiting"
    """They wait for their money."""
    UNSETTLED = "unsettled"
    """They ended before they were paid, and their payment did not; or money goes back."""
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    PLACED = "placed"
    """All orders, whatever became of them."""


STATUS = {
    Source.WAITING: Status.PENDING_PAYMENT,
    Source.FAILED: Status.PAYMENT_FAILED,
    Source.EXPIRED: Status.EXPIRED,
    Source.CANCELLED: Status.CANCELLED,
}
"""Where a list is that of a state."""


class Lists(Protocol):
    """The store of orders, as a walk through them needs it."""

    def waiting(self, shop: str, source: Source, bucket: int, after: str, until: str, limit: int) -> list[str]:
        """Positions of orders in that part of the list, the oldest first: behind `after`, and before `until`."""
        ...


def placed_at(position: str) -> datetime:
    """When the order of that position was placed."""
    return parse_rfc3339(position.partition("#")[0])


class Orders(Protocol):
    def several(self, shop: str, orders: Sequence[str]) -> list[Order]:
        """Those that exist, in no order."""
        ...


def pending(shop: str, *, after: str | None, limit: int, lists: Lists, orders: Orders) -> tuple[list[Order], str | None]:
    """Orders whose payment waits for an answer, the oldest first, and where to go on (None: that was all).

    The lists are a moment late: an order that was settled meanwhile is passed over, so a page may be short.
    """
    parts = [
        lists.waiting(shop, source, bucket, after or "0", "9", limit)
        for source in (Source.WAITING, Source.UNSETTLED)
        for bucket in range(keys.ORDER_BUCKETS)
    ]
    page = list(islice(dict.fromkeys(heapq.merge(*parts)), limit))
    found = {order.id: order for order in orders.several(shop, [position.rpartition("#")[2] for position in page])}
    standing = [found[name] for position in page if (name := position.rpartition("#")[2]) in found]
    waiting = [order for order in standing if order.status is Status.PENDING_PAYMENT or keys.unsettled(order)]
    return waiting, page[-1] if len(page) == limit else None
