"""Low stock: staff is told when what is for sale of a SKU falls to its threshold, and again only after there was more in between.

The stream of stock hints that a level went down or up (`stock/watching.py`); what there is now, over all parts, is looked at here. What was
noticed is written down, then told, then written down as told: a worker that dies between tells again under the same name, which is once.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

from holdfast.kernel.errors import VersionConflict
from holdfast.kernel.ids import ShopId, Sku
from holdfast.kernel.model import Record
from holdfast.kernel.time import Instant
from holdfast.notifications.kinds import Kind
from holdfast.notifications.model import Notice

MESSAGE = "low_stock"
ATTEMPTS = 8


class Standing(Record):
    """What is for sale of a SKU now, and from which number downwards its shop wants to be told. 0: never."""

    title: str
    available: int
    threshold: int

    @property
    def low(self) -> bool:
        return self.available <= self.threshold


class Mark(Record):
    """Whether a SKU is low, and whether staff was `told`. `crossing` counts how often it fell; `since`: when that was noticed first."""

    shop: ShopId
    sku: Sku
    low: bool = False
    told: bool = False
    crossing: int = 0
    since: Instant | None = None
    version: int = 0


class Marks(Protocol):
    def mark(self, shop: str, sku: str) -> Mark:
        """One of version 0 where there is none."""
        ...

    def save_mark(self, mark: Mark) -> bool:
        """Over the version before its own; false when another stands there."""
        ...


class Shelf(Protocol):
    """Stock and catalogue, as far as this needs them."""

    def standing(self, shop: str, sku: str, now: datetime) -> Standing | None:
        """None: it is not for sale, or nobody wants to hear of it."""
        ...


def watch(shop: str, sku: str, *, shelf: Shelf, marks: Marks, tell: Callable[[Notice], object], now: datetime) -> Notice | None:
    """What was told, if anything. VersionConflict when others look at it all the time: the hint comes again."""
    for _ in range(ATTEMPTS):
        mark = marks.mark(shop, sku)  # before the stock: who has an older mark than the last writer finds that out when he saves
        standing = shelf.standing(shop, sku, now)
        if standing is None or not standing.low:
            if not mark.low or marks.save_mark(_next(mark, low=False)):  # nobody watches it: when somebody does again, he begins anew
                return None
        elif not mark.low:
            fallen = _next(mark, low=True, told=False, crossing=mark.crossing + 1, since=now)
            if marks.save_mark(fallen):
                return _tell(fallen, standing, marks, tell)
        else:
            return None if mark.told else _tell(mark, standing, marks, tell)
    raise VersionConflict("Others look at this stock all the time.")


def _tell(mark: Mark, standing: Standing, marks: Marks, tell: Callable[[Notice], object]) -> Notice:
    """Under a name and a time that are written down: whoever tells it again tells the same."""
    notice = Notice(
        shop=mark.shop,
        event=f"{mark.sku}#low#{mark.crossing}",
        kind=Kind.LOW_STOCK,
        at=mark.since,
        subject=mark.sku,
        data={"sku": mark.sku, **standing.model_dump()},
    )
    tell(notice)
    marks.save_mark(_next(mark, told=True))  # if not, somebody was faster; or it rose meanwhile, and that is the later news
    return notice


def _next(mark: Mark, **changes: Any) -> Mark:
    return mark.model_copy(update={**changes, "version": mark.version + 1})
