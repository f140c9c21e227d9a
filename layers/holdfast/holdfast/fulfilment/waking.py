"""The net under restocks: a queue that could be fed, and that nobody feeds, is looked at again."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from holdfast.fulfilment.model import Queue
from holdfast.fulfilment.ports import Queues

MESSAGE = "restock"
"""Kind of the message that has a queue fed."""


class Messages(Protocol):
    def send_all(self, messages: Sequence[tuple[Mapping[str, Any], timedelta]]) -> None:
        """To the worker that feeds."""
        ...


def message(shop: str, sku: str) -> Mapping[str, Any]:
    return {"kind": MESSAGE, "shop": shop, "sku": sku}


def wake(shop: str, *, queues: Queues, free: Callable[[str, Sequence[str]], Mapping[str, int]], messages: Messages, now: datetime) -> int:
    """How many were woken. `free`: units that nobody holds, per SKU."""
    waiting = queues.waiting(shop)
    units = free(shop, [queue.sku for queue in waiting if not queue.open])
    stuck = [queue for queue in waiting if _abandoned(queue, now) or (not queue.open and units.get(queue.sku, 0) > 0)]
    messages.send_all([(message(shop, queue.sku), timedelta()) for queue in stuck])
    return len(stuck)


def _abandoned(queue: Queue, now: datetime) -> bool:
    """Its batch is open, and whoever opened it is not at it any more."""
    return queue.open and (queue.leased_until is None or queue.leased_until <= now)
