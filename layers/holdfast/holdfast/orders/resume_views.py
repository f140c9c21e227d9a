"""A checkout session that somebody comes back to: with the order of its latest try."""

from datetime import datetime

from holdfast.kernel.model import Model
from holdfast.orders.model import Order, Status
from holdfast.orders.session_views import SessionView
from holdfast.orders.views import HoldView, PaymentView, order_view


class TriedOrder(Model):
    """What the shopper needs to go on paying, or to look at what he paid."""

    id: str
    number: str
    status: Status
    hold: HoldView | None
    order_token: str
    payment: PaymentView


class ResumedView(SessionView):
    """`order`: of the latest try, as long as it holds stock or is paid."""

    order: TriedOrder | None


def resumed_view(view: SessionView, order: TriedOrder | None) -> ResumedView:
    return ResumedView(**dict(view), order=order)


def tried_order(order: Order, token: str, now: datetime) -> TriedOrder:
    seen = order_view(order, now)
    return TriedOrder(id=seen.id, number=seen.number, status=seen.status, hold=seen.hold, order_token=token, payment=seen.payment)
