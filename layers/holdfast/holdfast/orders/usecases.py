"""What customers and the sweep do with an order that exists."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from holdfast.kernel.errors import VersionConflict
from holdfast.kernel.events import CUSTOMER, SYSTEM, Actor
from holdfast.kernel.model import Model
from holdfast.kernel.writes import Commit
from holdfast.orders import events, machine
from holdfast.orders.errors import NothingHeld, UnknownOrder
from holdfast.orders.model import Order, Status
from holdfast.orders.ports import Orders, Policies, Stock

Result = TypeVar("Result")
ATTEMPTS = 5


class Act(Model):
    """Who wants something of an order, and why."""

    shop: str
    order: str
    actor: Actor
    reason: str | None = None
    request_id: str | None = None

    @property
    def why(self) -> dict[str, Any]:
        """As events tell it."""
        return {"actor": self.actor, "reason": self.reason, "request_id": self.request_id}


def persistently(shop: str, order: str, decide: Callable[[Order], Result], *, orders: Orders) -> Result:
    """`decide` upon the order as it stands, and again when somebody changed it, or the stock, meanwhile. UnknownOrder, VersionConflict."""
    for _ in range(ATTEMPTS):
        found = read(shop, order, orders=orders)
        try:
            return decide(found)
        except VersionConflict:
            continue
    raise VersionConflict("The order keeps changing.")


def saved(order: Order, *, orders: Orders) -> Order:
    """The order, over the version before. VersionConflict."""
    if orders.save(order):
        return order
    raise VersionConflict("The order was changed meanwhile.")


def read(shop: str, order: str, *, orders: Orders) -> Order:
    """UnknownOrder when the shop has no such order."""
    found = orders.get(shop, order)
    if found is None:
        raise UnknownOrder
    return found


def end(
    order: Order,
    step: str,
    *,
    actor: Actor,
    reason: str | None,
    request_id: str | None = None,
    data: dict[str, Any] | None = None,
    orders: Orders,
    stock: Stock,
    now: datetime,
) -> Order:
    """End an order that never got its money, then give its stock back. An order that did get it is left as it is.

    The order first: a crash in between leaves a lock that runs out by itself, never a paid order without its units.
    """
    while machine.possible(order, machine.TABLE[step]):
        ended = machine.move(order, step, at=now, actor=actor, reason=reason, request_id=request_id, data=data, hold=None)
        if orders.save(ended):
            if order.hold is not None:
                stock.release(order.shop, order.hold.lock, order.id)
            return ended
        order = read(order.shop, order.id, orders=orders)
    return order


def expire(shop: str, order: str, *, orders: Orders, now: datetime) -> None:
    """The hold ran out, and its units are given back by who found that. Nothing happens to an order that is not pending."""
    standing = orders.get(shop, order)
    while standing is not None and standing.status is Status.PENDING_PAYMENT:
        if orders.save(machine.move(standing, "expire", at=now, actor=SYSTEM, hold=None)):
            return
        standing = orders.get(shop, order)


def extend_hold(
    shop: str, order: str, *, orders: Orders, stock: Stock, policies: Policies, commit: Commit, now: datetime, request_id: str
) -> Order:
    """One more hold time, once, while the hold is valid. HoldLost, NothingHeld, HoldAlreadyExtended, VersionConflict."""
    standing = read(shop, order, orders=orders)
    if standing.status is not Status.PENDING_PAYMENT or standing.hold is None:
        raise NothingHeld(f"An order that is {standing.status} has no hold to extend.", order_status=standing.status)
    until = standing.hold.expires_at + policies.hold(shop)
    writes = stock.extend_writes(shop, standing.hold.lock, order, until, now)
    hold = standing.hold.model_copy(update={"expires_at": until})
    extended = standing.happened(events.HOLD_EXTENDED, at=now, actor=CUSTOMER, request_id=request_id, hold=hold)
    commit([*writes, orders.save_write(extended)], token=f"{order}#extend#{extended.version}")
    return extended
