"""Orders over HTTP: what comes in, what customers and staff may see."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from holdfast.kernel.events import Actor, Event
from holdfast.kernel.model import Input, Model
from holdfast.kernel.money import Money
from holdfast.kernel.time import Instant
from holdfast.orders import events, rules
from holdfast.orders.model import Order, PaymentStatus, Status
from holdfast.orders.session import Totals
from holdfast.orders.session_views import Text


class ConfirmationBody(Input):
    """What the provider gave to the browser on its way back."""

    payment_id: Annotated[str, StringConstraints(min_length=1, max_length=128)]


class CancelBody(Input):
    reason: Text | None = None


class HoldView(Model):
    expires_at: Instant
    seconds_left: int


class PaymentView(Model):
    provider: str
    id: str
    status: PaymentStatus
    client: Mapping[str, Any]


class OrderLineView(Model):
    """`owed`: paid for and not there yet."""

    sku: str
    title: str
    quantity: int
    fulfilled: int
    owed: int
    unit_price: Money


class OrderView(Model):
    id: str
    number: str
    shop: str
    status: Status
    email: str | None
    lines: list[OrderLineView]
    totals: Totals
    hold: HoldView | None
    payment: PaymentView
    created_at: Instant
    updated_at: Instant
    version: int


class OrderPlaced(OrderView):
    """`order_token` opens the order from now on; it is told here and in mails only."""

    order_token: str


class EventView(Model):
    id: str
    type: str
    at: Instant
    actor: Actor
    reason: str | None
    request_id: str | None
    data: Mapping[str, Any]


class EventList(Model):
    items: list[EventView]
    next: str | None


class OrderDetail(OrderView):
    """As staff see it: with the whole timeline."""

    events: list[EventView]


class OrderPage(Model):
    items: list[OrderView]
    next: str | None


class KeyView(Model):
    id: str
    sku: str
    key: str = Field(repr=False)
    delivered_at: Instant


class KeyList(Model):
    items: list[KeyView]
    next: str | None


def order_view(order: Order, now: datetime) -> OrderView:
    return OrderView(**_members(order, now))


def order_detail(order: Order, now: datetime) -> OrderDetail:
    return OrderDetail(**_members(order, now), events=[event_view(event) for event in order.events])


def placed_view(order: Order, token: str) -> OrderPlaced:
    """The first answer, from what never changes: a replay tells the same, whatever became of the order since."""
    first = order.model_copy(
        update={
            "status": Status.PENDING_PAYMENT,
            "payment": order.payment.model_copy(update={"status": PaymentStatus.PENDING}),
            "updated_at": order.created_at,
            "version": 1,
        }
    )
    members = _members(first, order.created_at)
    members["lines"] = [line.model_copy(update={"fulfilled": 0, "owed": 0}) for line in members["lines"]]
    members["hold"] = HoldView(expires_at=order.placed_until, seconds_left=order.hold_seconds)
    return OrderPlaced(**members, order_token=token)


def timeline(order: Order) -> list[EventView]:
    """What a customer may see: no internal decisions, no staff or provider names, no payment internals."""
    return [
        event_view(event).model_copy(update={"actor": Actor(kind=event.actor.kind), "data": _public(event)})
        for event in order.events
        if event.type not in events.STAFF_ONLY
    ]


def event_view(event: Event) -> EventView:
    return EventView(
        id=event.id,
        type=event.type,
        at=event.at,
        actor=event.actor,
        reason=event.reason,
        request_id=event.request_id,
        data=event.data,
    )


def _public(event: Event) -> dict[str, Any]:
    return {name: value for name, value in event.data.items() if name not in {"payment", "provider", "wave"}}


def _members(order: Order, now: datetime) -> dict[str, Any]:
    return {
        "id": order.id,
        "number": order.number,
        "shop": order.shop,
        "status": order.status,
        "email": order.email,
        "lines": [
            OrderLineView(
                sku=line.sku,
                title=line.title,
                quantity=line.quantity,
                fulfilled=line.fulfilled,
                owed=rules.owed(order, line),
                unit_price=line.unit_price,
            )
            for line in order.lines
        ],
        "totals": order.totals,
        "hold": _hold(order, now),
        "payment": PaymentView(**order.payment.model_dump()),
        "created_at": order.created_at,
        "updated_at": order.updated_at,
        "version": order.version,
    }


def _hold(order: Order, now: datetime) -> HoldView | None:
    if order.hold is None:
        return None
    left = int((order.hold.expires_at - now).total_seconds())
    return HoldView(expires_at=order.hold.expires_at, seconds_left=max(0, left))
