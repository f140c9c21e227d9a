"""A parcel is late, lost, broken, or could not be delivered: staff says so, and the customer is told."""

from datetime import datetime

from holdfast.orders import events, rules
from holdfast.orders.errors import NothingShipped
from holdfast.orders.model import Order
from holdfast.orders.ports import Orders
from holdfast.orders.staff import StaffAct, change


def tell_of_trouble(act: StaffAct, identity: str, *, orders: Orders, now: datetime) -> Order:
    """The customer reads the act's reason. `identity`: the same trouble again is told once. UnknownOrder, NothingShipped."""

    def told(order: Order) -> Order:
        if any(event.type == events.DELIVERY_PROBLEM and event.data.get("id") == identity for event in orders.timeline(order)):
            return order
        if not _shipped(order):
            raise NothingShipped("No parcel of this order has left.", order_status=order.status)
        return order.happened(events.DELIVERY_PROBLEM, at=now, **act.why, data={"id": identity})

    return change(act, told, orders=orders)


def _shipped(order: Order) -> bool:
    """Also a part of it, and also what has arrived: that it is broken is seen then."""
    return order.status in rules.SETTLED and any(line.fulfilled > 0 for line in order.lines if not line.digital)
