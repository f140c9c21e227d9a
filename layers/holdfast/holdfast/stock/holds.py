"""Who holds what until when, as staff looks it up."""

from datetime import datetime

from holdfast.kernel.time import rfc3339
from holdfast.stock.keys import lock_index
from holdfast.stock.model import Lock
from holdfast.stock.ports import Locks

LOOKED_AT = 1000
"""Holds that one request looks through at most, when those of one SKU are asked for."""
PAGE = 100


def listed(shop: str, *, sku: str | None, limit: int, after: str | None, locks: Locks, now: datetime) -> tuple[list[Lock], str | None]:
    """The next to run out first, and the position to go on from: there may be more even where a page is short."""
    position = after or rfc3339(now)
    if sku is None:
        return locks.page(shop, limit, position)
    found: list[Lock] = []
    for _ in range(LOOKED_AT // PAGE):
        page, last = locks.page(shop, PAGE, position)
        for lock in page:
            if any(line.sku == sku for line in lock.lines):
                found.append(lock)
                if len(found) == limit:
                    return found, lock_index(lock)["xsk"]
        if last is None:
            return found, None
        position = last
    return found, position
