"""Razorpay's words into ours, and back. Pure. What does not fit its documents is a ValueError.

A payment of ours is one of their orders (`order_`); their payments (`pay_`) are tries at it, of which one should be captured and several
can be. A try that failed may be authorised days later, and the order stays open for more: nothing but money is final here.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from holdfast.kernel.money import THREE_DECIMALS, Money
from holdfast.payments.amounts import scaled, unscaled
from holdfast.payments.errors import AmountNotPayable, WebhookUnreadable
from holdfast.payments.model import Charge, Dispute, DisputeState, Given, GivenState, News, ProviderFact, Told, Wish

DIFFERENT: dict[str, int] = {}
"""Its table of 128 currencies has the decimals of ISO 4217."""
LONGEST_RECEIPT = 40
YEAR_9999 = 253_402_300_799
EVENT_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")
GIVEN = {"pending": GivenState.PENDING, "processed": GivenState.DONE, "failed": GivenState.FAILED}
DISPUTES = {"under_review": DisputeState.UNDER_REVIEW, "won": DisputeState.WON, "lost": DisputeState.LOST}


class Said(BaseModel):
    """What Razorpay sends: strict about types, and open to fields that it may add."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, hide_input_in_errors=True)


class Noted(Said):
    """Something with our notes on it. None are told as an empty list."""

    notes: dict[str, Any] | list[Any] | None = None

    def note(self, name: str) -> str | None:
        found = self.notes.get(name) if isinstance(self.notes, dict) else None
        return found if isinstance(found, str) else None


class Try(Said):
    """A payment, as they call it. One that was agreed to and never captured is `refunded`, too, and was never money."""

    id: str = Field(pattern=r"^pay_[A-Za-z0-9]+$")
    amount: int = Field(ge=0)
    currency: str
    status: str
    captured: bool | None = None
    amount_refunded: int | None = Field(default=0, ge=0)
    order_id: str | None = None
    created_at: int

    @property
    def came(self) -> bool:
        return self.status == "captured" or (self.status == "refunded" and self.captured is True)

    @property
    def returned(self) -> int:
        return self.amount_refunded or 0


class Tries(Said):
    items: list[Try]


class Order(Noted):
    id: str = Field(pattern=r"^order_[A-Za-z0-9]+$")
    amount: int = Field(ge=0)
    amount_paid: int = Field(default=0, ge=0)
    currency: str
    status: str
    payments: Tries | None = None

    @property
    def ours(self) -> bool:
        return self.note("shop") is not None and self.note("order") is not None

    @property
    def untried(self) -> bool:
        return self.status == "created"


class Orders(Said):
    items: list[Order]


class Refund(Noted):
    id: str
    amount: int = Field(ge=0)
    currency: str
    status: str

    @property
    def key(self) -> str | None:
        return self.note("key")


class Refunds(Said):
    items: list[Refund]


class Disputed(Said):
    id: str
    payment_id: str
    amount: int = Field(ge=0)
    amount_deducted: int | None = 0
    currency: str
    status: str
    reason_code: str | None = None
    respond_by: int | None = Field(default=None, ge=0, le=YEAR_9999)
    created_at: int


class Disputes(Said):
    items: list[Disputed]


class Enclosed(Said):
    entity: dict[str, Any]


class Event(Said):
    event: str = Field(min_length=1, max_length=255)
    payload: dict[str, Enclosed]


class Parent(Said):
    """What an event's payment or refund says of where it belongs."""

    id: str | None = None
    order_id: str | None = None
    payment_id: str | None = None


def razorpay_amount(money: Money) -> int:
    """AmountNotPayable."""
    amount = scaled(money, DIFFERENT)
    if not amount or (money.currency in THREE_DECIMALS and amount % 10):
        raise AmountNotPayable(f"Razorpay does not take this amount of {money.currency}.", currency=money.currency)
    return amount


def our_amount(amount: int, currency: str) -> int:
    return unscaled(amount, currency, DIFFERENT)


def order_body(wish: Wish) -> dict[str, Any]:
    """AmountNotPayable. ValueError when our id is longer than a receipt may be."""
    if len(wish.order) > LONGEST_RECEIPT:
        raise ValueError("a receipt has 40 characters at most")
    return {
        "amount": razorpay_amount(wish.amount),
        "currency": wish.amount.currency,
        "receipt": wish.order,
        "notes": {"shop": wish.shop, "order": wish.order, "number": wish.number},
    }


def refund_body(amount: Money, key: str) -> dict[str, Any]:
    """Our key stays with the refund, so that it is found for ever. AmountNotPayable."""
    return {"amount": razorpay_amount(amount), "speed": "normal", "receipt": refund_id(key), "notes": {"key": key}}


def refund_id(key: str) -> str:
    """Our key in the letters, and the length, that they take."""
    return sha256(key.encode()).hexdigest()[:LONGEST_RECEIPT]


def charge_of(order: Order, tries: Sequence[Try]) -> Try | None:
    """The money for it: the first that came, of the amount that was asked where there is a choice."""
    came = sorted((one for one in tries if one.came), key=lambda one: (one.created_at, one.id))
    fitting = [one for one in came if (one.amount, one.currency) == (order.amount, order.currency)]
    return next(iter([*fitting, *came]), None)


def agreed(tries: Sequence[Try]) -> Try | None:
    """What only has to be captured: of several the first."""
    waiting = [one for one in tries if one.status == "authorized"]
    return min(waiting, key=lambda one: (one.created_at, one.id), default=None)


def fact_of(order: Order, tries: Sequence[Try], refunds: Sequence[Refund] = (), disputes: Sequence[Disputed] = ()) -> ProviderFact:
    """`refunds` are those of the payment's own charge, and ours of what came beside it. What went back of the latter is not in `refunded`:
    it is only no longer beside.
    """
    charge = charge_of(order, tries)
    told = charge or agreed(tries)
    amount, currency = (told.amount, told.currency) if told else (order.amount, order.currency)
    return ProviderFact(
        shop=order.note("shop") or "",
        order=order.note("order") or "",
        payment=order.id,
        news=_news(charge, told),
        amount=our_amount(amount, currency),
        currency=currency,
        charge=told.id if told else None,
        beside=tuple(_beside(one) for one in tries if charge and one.came and one.id != charge.id and one.amount > one.returned),
        refunded=our_amount(charge.returned, currency) if charge else 0,
        refunds=tuple(map(given_of, refunds)),
        disputes=tuple(map(dispute_of, disputes)),
    )


def _news(charge: Try | None, told: Try | None) -> News:
    if charge is None:
        return News.AUTHORIZED if told else News.PENDING
    return News.REFUNDED if charge.returned >= charge.amount else News.SUCCEEDED


def _beside(one: Try) -> Charge:
    """What is left of it."""
    return Charge(id=one.id, amount=our_amount(one.amount - one.returned, one.currency), currency=one.currency)


def given_of(refund: Refund) -> Given:
    amount = our_amount(refund.amount, refund.currency)
    return Given(ref=refund.id, amount=amount, state=GIVEN.get(refund.status, GivenState.PENDING), key=refund.key)


def dispute_of(dispute: Disputed) -> Dispute:
    return Dispute(
        id=dispute.id,
        amount=our_amount(dispute.amount, dispute.currency),
        currency=dispute.currency,
        state=_dispute_state(dispute),
        reason=dispute.reason_code,
        respond_by=datetime.fromtimestamp(dispute.respond_by, UTC) if dispute.respond_by else None,
    )


def _dispute_state(dispute: Disputed) -> DisputeState:
    """`closed`: it was settled, and what was taken for it says for whom. What is not known yet, a person has to look at."""
    if dispute.status == "closed":
        return DisputeState.LOST if dispute.amount_deducted else DisputeState.WON
    return DISPUTES.get(dispute.status, DisputeState.OPEN)


def told(raw: bytes, event_id: str | None, *, live: bool) -> Told:
    """Their events carry neither an id in the body nor whether they are about real money. WebhookUnreadable."""
    try:
        event = Event.model_validate_json(raw)
        payment, fact = _about(event)
    except ValidationError:
        raise WebhookUnreadable("The body is not an event of Razorpay.") from None
    known = event_id if event_id and EVENT_ID.fullmatch(event_id) else sha256(raw).hexdigest()
    return Told(known, event.event, live, payment, fact)


def _about(event: Event) -> tuple[str | None, ProviderFact | None]:
    """Which payment to ask for; and a fact, when the event says all that there is to say."""
    if "order" in event.payload:
        order = Order.model_validate(event.payload["order"].entity)
        return (order.id, _paid(event, order)) if order.ours else (None, None)
    parents = [Parent.model_validate(event.payload[name].entity) for name in ("payment", "refund", "dispute") if name in event.payload]
    if "payment" in event.payload:
        return parents[0].order_id, None  # without an order it came from a link or a page, and is none of ours
    return next((parent.payment_id for parent in parents if parent.payment_id), None), None


def _paid(event: Event, order: Order) -> ProviderFact | None:
    """An order that is paid once, in full, by the payment that is told with it."""
    if event.event != "order.paid" or "payment" not in event.payload or order.amount_paid != order.amount:
        return None
    one = Try.model_validate(event.payload["payment"].entity)
    if not one.came or one.returned or (one.amount, one.currency) != (order.amount, order.currency):
        return None
    try:
        return fact_of(order, [one])
    except (ValueError, AmountNotPayable):
        return None  # the payment is asked for, and the answer judged
