"""Stripe's words into ours, and back. Pure. What does not fit its documents is a ValueError.

A payment is a Checkout Session (`cs_`); the movement of money behind it is named by its PaymentIntent (`pi_`), which succeeds once.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from holdfast.kernel.money import Money
from holdfast.kernel.time import epoch
from holdfast.payments.amounts import scaled, unscaled
from holdfast.payments.errors import AmountNotPayable, WebhookUnreadable
from holdfast.payments.model import Dispute, DisputeState, Given, GivenState, News, ProviderFact, Told, Wish

DIFFERENT = {"ISK": 2, "UGX": 2, "MGA": 0}
"""Decimals that are not those of ISO 4217: https://docs.stripe.com/currencies#special-cases. The two of ISK and UGX are always zero."""
LAST_DIGIT_ZERO = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})
NOT_TAKEN = frozenset({"IQD", "LYD"})
SHORTEST, LONGEST = timedelta(minutes=31), timedelta(hours=23, minutes=59)
"""A session lives half an hour at least and a day at most; a minute less or more is for clocks that differ."""
PAID = frozenset({"checkout.session.completed", "checkout.session.async_payment_succeeded"})
GIVEN = {"succeeded": GivenState.DONE, "failed": GivenState.FAILED, "canceled": GivenState.FAILED}
DISPUTES = {
    "under_review": DisputeState.UNDER_REVIEW,
    "warning_under_review": DisputeState.UNDER_REVIEW,
    "appeal_under_review": DisputeState.UNDER_REVIEW,
    "won": DisputeState.WON,
    "warning_closed": DisputeState.WON,
    "prevented": DisputeState.WON,
    "lost": DisputeState.LOST,
}
"""All others need an answer, and so does what is not known yet: a person looks. `prevented`: given back before it became a dispute."""

YEAR_9999 = 253_402_300_799

Form = list[tuple[str, str]]


class Said(BaseModel):
    """What Stripe sends: strict about types, and open to fields that it may add."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, hide_input_in_errors=True)


class Taken(Said):
    """A Charge, as far as it says what went back."""

    amount_refunded: int = Field(ge=0)


class Intent(Said):
    id: str = Field(pattern=r"^pi_[A-Za-z0-9_]+$")
    status: str
    amount_received: int = Field(ge=0)
    amount_capturable: int = Field(ge=0)
    latest_charge: Taken | str | None = None


class Session(Said):
    id: str = Field(pattern=r"^cs_[A-Za-z0-9_]+$")
    mode: str
    status: str | None
    payment_status: str
    amount_total: int | None
    currency: str | None
    metadata: dict[str, str] | None = None
    payment_intent: Intent | str | None = None
    url: str | None = None

    @property
    def ours(self) -> bool:
        return self.mode == "payment" and _ours(self.metadata)


class Named(Said):
    """A PaymentIntent, as far as it says whose it is."""

    id: str
    metadata: dict[str, str] | None = None


class Sessions(Said):
    data: list[Session]
    has_more: bool


class Refund(Said):
    id: str
    amount: int = Field(ge=0)
    currency: str
    status: str | None
    metadata: dict[str, str] | None = None

    @property
    def key(self) -> str | None:
        return (self.metadata or {}).get("key")


class Refunds(Said):
    data: list[Refund]
    has_more: bool


class Evidence(Said):
    due_by: int | None = Field(default=None, ge=0, le=YEAR_9999)


class Disputed(Said):
    id: str
    amount: int = Field(ge=0)
    currency: str
    status: str
    reason: str | None = None
    evidence_details: Evidence | None = None


class Disputes(Said):
    data: list[Disputed]
    has_more: bool


class Carried(Said):
    object: dict[str, Any]


class Event(Said):
    id: str = Field(min_length=1, max_length=255)
    type: str = Field(min_length=1, max_length=255)
    livemode: bool
    data: Carried


def _ours(metadata: dict[str, str] | None) -> bool:
    return {"shop", "order"} <= (metadata or {}).keys()


def stripe_amount(money: Money) -> int:
    """AmountNotPayable."""
    if money.currency in NOT_TAKEN or not money.amount:
        raise AmountNotPayable("Stripe does not take this amount or currency.", currency=money.currency)
    amount = scaled(money, DIFFERENT)
    if money.currency in LAST_DIGIT_ZERO and amount % 10:
        raise AmountNotPayable(f"Stripe takes amounts of {money.currency} with a last digit of zero.", currency=money.currency)
    return amount


def our_amount(amount: int, currency: str) -> int:
    try:
        return unscaled(amount, currency.upper(), DIFFERENT)
    except AmountNotPayable:
        raise ValueError("a fraction that the currency does not have") from None


def session_form(wish: Wish, return_url: str, cancel_url: str, now: datetime) -> Form:
    """One line for the whole amount: what is in the cart is nobody's business there. AmountNotPayable."""
    ours = [("shop", wish.shop), ("order", wish.order)]
    line = "line_items[0]"
    form = [
        ("mode", "payment"),
        ("client_reference_id", wish.order),
        ("success_url", return_url.replace("{order}", wish.order)),
        ("cancel_url", cancel_url.replace("{order}", wish.order)),
        (f"{line}[quantity]", "1"),
        (f"{line}[price_data][currency]", wish.amount.currency.lower()),
        (f"{line}[price_data][unit_amount]", str(stripe_amount(wish.amount))),
        (f"{line}[price_data][product_data][name]", wish.number),
        ("adaptive_pricing[enabled]", "false"),  # what is paid must be what was asked, in its currency
        *((f"metadata[{name}]", value) for name, value in ours),
        *((f"payment_intent_data[metadata][{name}]", value) for name, value in ours),
    ]
    ends = max(wish.until, now) + SHORTEST
    if ends - now < LONGEST:
        form.append(("expires_at", str(epoch(ends))))  # of `until` alone while it is ahead: a repeat asks for the very same
    return [*form, ("customer_email", wish.email)] if wish.email else form


def refund_form(intent: str, amount: Money, key: str) -> Form:
    """Our key stays with the refund, so that it is found for ever. AmountNotPayable."""
    return [("payment_intent", intent), ("amount", str(stripe_amount(amount))), ("metadata[key]", key)]


def fact_of(session: Session, refunds: Sequence[Refund] = (), disputes: Sequence[Disputed] = ()) -> ProviderFact:
    """`session` with its PaymentIntent and that one's Charge expanded, if it has them."""
    intent = session.payment_intent if isinstance(session.payment_intent, Intent) else None
    metadata = session.metadata or {}
    if session.amount_total is None or not session.currency:
        raise ValueError("a payment without an amount")
    news, amount, refunded = _news(session, intent)
    return ProviderFact(
        shop=metadata["shop"],
        order=metadata["order"],
        payment=session.id,
        news=news,
        amount=our_amount(amount, session.currency),
        currency=session.currency.upper(),
        charge=intent.id if intent else None,
        refunded=our_amount(refunded, session.currency),
        refunds=tuple(map(given_of, refunds)),
        disputes=tuple(map(dispute_of, disputes)),
    )


def _news(session: Session, intent: Intent | None) -> tuple[News, int, int]:
    """With the amount, and what of it went back. The money says more than the page that led to it."""
    asked = session.amount_total or 0
    if intent is not None and intent.status == "succeeded":
        refunded = intent.latest_charge.amount_refunded if isinstance(intent.latest_charge, Taken) else 0
        return News.REFUNDED if refunded >= intent.amount_received else News.SUCCEEDED, intent.amount_received, refunded
    if intent is not None and intent.status == "requires_capture":
        return News.AUTHORIZED, intent.amount_capturable, 0
    if session.status == "expired":
        return News.EXPIRED, asked, 0
    # The page was completed, so nobody can try again there: a payment that needs another method has failed for good.
    over = session.status == "complete" and intent is not None and intent.status in {"requires_payment_method", "canceled"}
    return News.FAILED if over else News.PENDING, asked, 0


def given_of(refund: Refund) -> Given:
    amount = our_amount(refund.amount, refund.currency)
    return Given(ref=refund.id, amount=amount, state=GIVEN.get(refund.status or "", GivenState.PENDING), key=refund.key)


def dispute_of(dispute: Disputed) -> Dispute:
    due = dispute.evidence_details.due_by if dispute.evidence_details else None
    return Dispute(
        id=dispute.id,
        amount=our_amount(dispute.amount, dispute.currency),
        currency=dispute.currency.upper(),
        state=DISPUTES.get(dispute.status, DisputeState.OPEN),
        reason=dispute.reason,
        respond_by=datetime.fromtimestamp(due, UTC) if due else None,  # 0: the bank takes no answer
    )


def told(raw: bytes) -> Told:
    """WebhookUnreadable."""
    try:
        event = Event.model_validate_json(raw)
        payment, fact = _about(event)
    except ValidationError:
        raise WebhookUnreadable("The body is not an event of Stripe.") from None
    return Told(event.id, event.type, event.livemode, payment, fact)


def _about(event: Event) -> tuple[str | None, ProviderFact | None]:
    """Which payment to ask for; and a fact, when the event says all that there is to say."""
    thing = event.data.object
    match thing.get("object"):
        case "checkout.session":
            session = Session.model_validate(thing)
            return (session.id, _paid(event, session)) if session.ours else (None, None)
        case "payment_intent":
            intent = Named.model_validate(thing)
            return (_name(intent.id) if _ours(intent.metadata) else None), None
        case "charge" | "refund" | "dispute":
            return _name(thing.get("payment_intent")), None
    return None, None


def _paid(event: Event, session: Session) -> ProviderFact | None:
    """A session is paid in full or not at all, and its PaymentIntent is the charge."""
    intent = session.payment_intent
    if event.type not in PAID or session.payment_status != "paid" or not isinstance(intent, str) or not session.amount_total:
        return None
    paid = Intent(id=intent, status="succeeded", amount_received=session.amount_total, amount_capturable=0)
    try:
        return fact_of(session.model_copy(update={"payment_intent": paid}))
    except ValueError:
        return None  # the payment is asked for, and the answer judged


def _name(thing: Any) -> str | None:
    """An id, or an object in its place."""
    found = thing.get("id") if isinstance(thing, dict) else thing
    return found if isinstance(found, str) and found.startswith("pi_") else None
