"""Orders of whose payment the provider has yet to say how it ends, and where they are found: by their state, or in the sparse index."""

from datetime import datetime
from enum import StrEnum
from typing import Protocol

from holdfast.kernel.time import parse_rfc3339
from holdfast.orders.model import Status


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
