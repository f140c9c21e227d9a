"""Orders of a shop, told again from their events: which of them stand otherwise than their events tell. Reads only."""

from collections.abc import Sequence

from pydantic import Field

from holdfast.kernel.ids import ShopId
from holdfast.kernel.model import Model
from holdfast.orders import replay
from holdfast.orders.model import Order
from holdfast.orders.ports import Orders
from holdfast.orders.replay import Drift
from holdfast.orders.usecases import read

PAGE = 100
MOST_DRIFTING = 100
"""Of orders with drifts in one answer: it has 6 MB at most."""


class Retell(Model):
    """`order`: this one; else all of the shop, newest first. `after`: the `next` of the call before. `limit`: about so many orders."""

    shop: ShopId
    order: str | None = None
    after: str | None = None
    limit: int = Field(default=5_000, ge=1, le=50_000)


class Drifting(Model):
    """An order that is not what its events make of it, at that version."""

    order: str
    number: str
    version: int
    drifts: Sequence[Drift]


class Retold(Model):
    """`next`: where to go on; None: that was all."""

    orders: int
    events: int
    drifting: Sequence[Drifting]
    next: str | None


def retell(command: Retell, *, orders: Orders) -> Retold:
    """An order that is changed meanwhile is told as it was when it was read. UnknownOrder."""
    if command.order is not None:
        return _told([read(command.shop, command.order, orders=orders)], orders)
    found = Retold(orders=0, events=0, drifting=(), next=command.after)
    while found.orders < command.limit and len(found.drifting) < MOST_DRIFTING:
        page, last = orders.page(command.shop, min(PAGE, command.limit - found.orders), found.next)
        found = _and(found, _told(page, orders), last)
        if last is None:
            break
    return found


def _told(page: Sequence[Order], orders: Orders) -> Retold:
    timelines = [(order, orders.timeline(order)) for order in page]
    drifting = [
        Drifting(order=order.id, number=order.number, version=order.version, drifts=drifts)
        for order, timeline in timelines
        if (drifts := replay.rebuild(order, timeline))
    ]
    return Retold(orders=len(page), events=sum(len(timeline) for _, timeline in timelines), drifting=drifting, next=None)


def _and(found: Retold, more: Retold, last: str | None) -> Retold:
    return Retold(
        orders=found.orders + more.orders, events=found.events + more.events, drifting=[*found.drifting, *more.drifting], next=last
    )
