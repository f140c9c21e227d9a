"""Orders over HTTP: what comes in, what customers and staff may see."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from holdfast.kernel.events import Actor, Event
from holdfast.kernel.model import Input, Model
from holdfast.kernel.money import Money
from holdfast.kernel.time import Instant
from holdfast.orders import events, rules
from holdfast.orders.going_back import Disputed, Refund, RefundState, ReturnState
from holdfast.orders.model import UNITS, Order, OrderLine, PaymentRef, PaymentStatus, Status
from holdfast.orders.neighbours import DisputeState
from holdfast.orders.session import Address, Totals
from holdfast.orders.session_views import MAX_LINES, LineBody, Text

Brought = Annotated[str, StringConstraints(min_length=1, max_length=256)]


class ConfirmationBody(Input):
    """What the provider gave to the browser on its way back. `payment_id` is the order's `payment.id`, the others are Razorpay's own."""

    payment_id: Brought | None = None
    razorpay_payment_id: Brought | None = None
    razorpay_order_id: Brought | None = None
    razorpay_signature: Brought | None = None

    @property
    def brought(self) -> dict[str, str]:
        return self.model_dump(exclude_none=True)


class CancelBody(Input):
    reason: Text | None = None


class GiveUpDebtBody(Input):
    """The customer waits no longer: what is owed is given up, and its money comes back."""

    kind: Literal["debt"] = "debt"
    reason: Text | None = None


class ReturnBody(Input):
    """Goods that come back: units per line."""

    lines: list[LineBody] = Field(min_length=1, max_length=MAX_LINES)
    reason: Text | None = None


class HoldView(Model):
    expires_at: Instant
    seconds_left: int


class PaymentView(Model):
    """`captured`: what came; `refunded`: what the provider confirmed to have given back; `charged_back`: what the customer's bank took."""

    provider: str
    id: str
    status: PaymentStatus
    client: Mapping[str, Any]
    captured: Money
    refunded: Money
    charged_back: Money


class RefundView(Model):
    """`lines`: units per SKU that the money is for; none where it is for no particular goods. `second_payment`: of money that came
    beside the order's own.
    """

    id: str
    amount: Money
    lines: Mapping[str, int]
    state: RefundState
    reason: str | None
    second_payment: bool


class ReturnView(Model):
    """Units per SKU: announced, put on the shelf again, written off."""

    id: str
    state: ReturnState
    lines: Mapping[str, int]
    restocked: Mapping[str, int]
    written_off: Mapping[str, int]
    reason: str | None


class OrderLineView(Model):
    """`tax`: of the whole line. `owed`: paid for and not there yet; `cancelled`: given up before it was handed over; `returned`: came
    back after.
    """

    sku: str
    title: str
    quantity: int
    fulfilled: int
    owed: int
    cancelled: int
    refunded: int
    returned: int
    unit_price: Money
    tax: Money


class OrderView(Model):
    id: str
    number: str
    shop: str
    status: Status
    email: str | None
    phone: str | None
    address: Address | None
    notes: str | None
    shipping_method: str | None
    lines: list[OrderLineView]
    totals: Totals
    hold: HoldView | None
    payment: PaymentView
    refunds: list[RefundView]
    returns: list[ReturnView]
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


class StaffEventView(EventView):
    """As staff see it: with what it changed, flat."""

    before: Mapping[str, Any]
    after: Mapping[str, Any]


class EventList(Model):
    items: list[EventView]
    next: str | None


class DisputeView(Model):
    """What a customer's bank asks for. The shop answers at its provider, until `respond_by`."""

    id: str
    amount: Money
    state: DisputeState
    reason: str | None
    respond_by: Instant | None
    opened_at: Instant


class StaffOrderView(OrderView):
    """As staff see it."""

    disputes: list[DisputeView]


class OrderDetail(StaffOrderView):
    """As staff see it: with the whole timeline, and what each event changed."""

    events: list[StaffEventView]


class KeyView(Model):
    """`revoked_at`: it is good for nothing any more, since then."""

    id: str
    sku: str
    key: str = Field(repr=False)
    delivered_at: Instant
    revoked_at: Instant | None


class KeyList(Model):
    items: list[KeyView]
    next: str | None


def units(lines: Iterable[LineBody] | None) -> dict[str, int]:
    """Per SKU; the same SKU in two lines is summed."""
    found: Counter[str] = Counter()
    for line in lines or ():
        found[line.sku] += line.quantity
    return dict(found)


def order_view(order: Order, now: datetime) -> OrderView:
    return OrderView(**_members(order, now))


def order_detail(order: Order, told: Sequence[Event], now: datetime) -> OrderDetail:
    """`told`: the whole timeline."""
    events_ = [StaffEventView(**dict(event_view(event)), before=event.before, after=event.after) for event in told]
    return OrderDetail(**dict(staff_view(order, now)), events=events_)


def staff_view(order: Order, now: datetime) -> StaffOrderView:
    return StaffOrderView(**_members(order, now), disputes=[_dispute(dispute, order.currency) for dispute in order.disputes])


def placed_view(order: Order, token: str) -> OrderPlaced:
    """The first answer, from what never changes: a replay tells the same, whatever became of the order since."""
    born = {
        "status": Status.PENDING_PAYMENT,
        "payment": PaymentRef(provider=order.payment.provider, id=order.payment.id, client=order.payment.client),
        "lines": tuple(OrderLine(**line.model_dump(exclude=UNITS), allocated=line.quantity) for line in order.lines),
        "refunds": (),
        "returns": (),
        "updated_at": order.created_at,
        "version": 1,
    }
    first = order.model_copy(update={**born, **_unedited(order)})
    members = _members(first, order.created_at)
    members["hold"] = HoldView(expires_at=order.placed_until, seconds_left=order.hold_seconds)
    return OrderPlaced(**members, order_token=token)


def _unedited(order: Order) -> dict[str, Any]:
    """Contact and address as they were before anybody corrected them, also with a mail that went to another address."""
    was: dict[str, Any] = {}
    for event in reversed(order.events):
        was |= event.before if event.type in {events.EDITED, events.MAIL_RESENT} else {}
    address = was.get("address")
    return was if address is None else {**was, "address": Address(**address)}


def timeline(told: Sequence[Event]) -> list[EventView]:
    """What a customer may see: no internal decisions, no staff or provider names, no payment internals."""
    return [
        event_view(event).model_copy(update={"actor": Actor(kind=event.actor.kind), "data": _public(event)})
        for event in told
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
        "phone": order.phone,
        "address": order.address,
        "notes": order.notes,
        "shipping_method": order.shipping_method,
        "lines": [
            OrderLineView(
                sku=line.sku,
                title=line.title,
                quantity=line.quantity,
                fulfilled=line.fulfilled,
                owed=rules.owed(order, line),
                cancelled=line.cancelled,
                refunded=line.refunded,
                returned=line.returned,
                unit_price=line.unit_price,
                tax=Money(amount=line.tax, currency=line.unit_price.currency),
            )
            for line in order.lines
        ],
        "totals": order.totals,
        "hold": _hold(order, now),
        "payment": _payment(order),
        "refunds": [_refund(refund, order.currency) for refund in order.refunds],
        "returns": [ReturnView(**back.model_dump()) for back in order.returns],
        "created_at": order.created_at,
        "updated_at": order.updated_at,
        "version": order.version,
    }


def _payment(order: Order) -> PaymentView:
    paid, currency = order.payment, order.currency
    return PaymentView(
        provider=paid.provider,
        id=paid.id,
        status=paid.status,
        client=paid.client,
        captured=Money(amount=paid.captured, currency=currency),
        refunded=Money(amount=paid.refunded, currency=currency),
        charged_back=Money(amount=paid.charged_back, currency=currency),
    )


def _refund(refund: Refund, currency: str) -> RefundView:
    told = refund.model_dump(include={"id", "lines", "state", "reason"})
    return RefundView(**told, amount=Money(amount=refund.amount, currency=currency), second_payment=refund.of is not None)


def _dispute(dispute: Disputed, currency: str) -> DisputeView:
    return DisputeView(**dispute.model_dump(exclude={"amount"}), amount=Money(amount=dispute.amount, currency=currency))


def _hold(order: Order, now: datetime) -> HoldView | None:
    if order.hold is None:
        return None
    left = int((order.hold.expires_at - now).total_seconds())
    return HoldView(expires_at=order.hold.expires_at, seconds_left=max(0, left))
