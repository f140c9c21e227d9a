"""PayPal's words into ours, and back. Pure."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationInfo, field_validator

from holdfast.kernel.money import MAX_AMOUNT, Currency, Money
from holdfast.kernel.time import Instant
from holdfast.payments.amounts import decimal_text, of_decimal_text
from holdfast.payments.errors import AmountNotPayable
from holdfast.payments.model import Charge, Dispute, DisputeState, Given, GivenState, News, ProviderFact, Wish
from holdfast.payments.providers.paypal.settings import PayPalCredentials

WHOLE = {"HUF": 0, "TWD": 0}
"""Where PayPal takes no decimals although the currency has them. A decimal is an error there."""
CURRENCIES = frozenset(
    {
        *{"AUD", "BRL", "CAD", "CHF", "CNY", "CZK", "DKK", "EUR", "GBP", "HKD", "HUF", "ILS", "JPY", "MXN", "MYR", "NOK", "NZD"},
        *{"PHP", "PLN", "SEK", "SGD", "THB", "TWD", "USD"},
    }
)
_KEY = "key,"
_PLAIN = re.compile(r"[^A-Za-z0-9_-]")
_WRITTEN = re.compile(r"\.([0-9a-f]+)\.")

Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,60}$")]


class Word(BaseModel):
    """What PayPal says: strict about types, and open to fields that it may add."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, hide_input_in_errors=True)


class Amount(Word):
    currency_code: Currency
    value: str

    @property
    def minor(self) -> int:
        return of_decimal_text(self.value, self.currency_code)

    @field_validator("value")
    @classmethod
    def _a_number(cls, value: str, info: ValidationInfo) -> str:
        if of_decimal_text(value, info.data.get("currency_code", "EUR")) > MAX_AMOUNT:
            raise ValueError("more than we can write")
        return value


class Link(Word):
    href: str
    rel: str


class Linked(Word):
    links: tuple[Link, ...] = Field(default=(), strict=False)

    def link(self, *rels: str) -> str | None:
        return next((link.href for rel in rels for link in self.links if link.rel == rel), None)


class Details(Word):
    reason: str | None = None


class RelatedIds(Word):
    order_id: Id | None = None
    capture_id: Id | None = None


class Supplement(Word):
    related_ids: RelatedIds = RelatedIds()


class Capture(Linked):
    """Money on its way to the shop."""

    id: Id
    status: Literal["COMPLETED", "DECLINED", "PARTIALLY_REFUNDED", "PENDING", "REFUNDED", "FAILED"]
    status_details: Details = Details()
    amount: Amount
    custom_id: str | None = None
    supplementary_data: Supplement = Supplement()

    @property
    def came(self) -> bool:
        """Also when it is held back since: what the bank or the buyer says of it is told by a dispute."""
        held = self.status == "PENDING" and self.status_details.reason in {"BUYER_COMPLAINT", "CHARGEBACK"}
        return held or self.status in {"COMPLETED", "PARTIALLY_REFUNDED", "REFUNDED"}

    @property
    def order(self) -> str | None:
        return self.supplementary_data.related_ids.order_id or tail(self.link("up"), "/v2/checkout/orders/")


class Refund(Linked):
    id: Id
    status: Literal["CANCELLED", "FAILED", "PENDING", "COMPLETED"]
    amount: Amount
    custom_id: str | None = None
    invoice_id: str | None = None

    @property
    def capture(self) -> str | None:
        return tail(self.link("up"), "/v2/payments/captures/")

    @property
    def stands(self) -> bool:
        return self.status in {"PENDING", "COMPLETED"}


class Payments(Word):
    captures: tuple[Capture, ...] = Field(default=(), strict=False)
    refunds: tuple[Refund, ...] = Field(default=(), strict=False)


class Named(Word):
    custom_id: str | None = None


class Unit(Named):
    amount: Amount
    payments: Payments = Payments()


class Order(Linked):
    id: Id
    status: Literal["CREATED", "SAVED", "APPROVED", "VOIDED", "COMPLETED", "PAYER_ACTION_REQUIRED"]
    update_time: str | None = None
    purchase_units: tuple[Unit, ...] = Field(min_length=1, strict=False)

    @property
    def unit(self) -> Unit:
        return self.purchase_units[0]

    @property
    def captures(self) -> tuple[Capture, ...]:
        return self.unit.payments.captures

    @property
    def refunds(self) -> tuple[Refund, ...]:
        return self.unit.payments.refunds

    @property
    def page(self) -> str | None:
        """Where the shopper approves."""
        return self.link("payer-action", "approve")


class Outcome(Word):
    outcome_code: str | None = None


class Case(Word):
    """A dispute. A list of them tells no outcome."""

    dispute_id: Id
    status: str
    reason: str | None = None
    dispute_amount: Amount
    dispute_outcome: Outcome = Outcome()
    seller_response_due_date: Annotated[Instant, Field(strict=False)] | None = None


class Cases(Word):
    items: tuple[Case, ...] = Field(default=(), strict=False)


class Reference(NamedTuple):
    shop: str
    order: str


def reference_of(custom_id: str | None) -> Reference | None:
    """None for what was not made by us."""
    shop, slash, order = (custom_id or "").partition("/")
    return Reference(shop, order) if shop and slash and order and "/" not in order else None


def is_ours(resource: Mapping[str, Any]) -> bool:
    """By its custom id alone: what others make through the same account may have any shape."""
    custom_id = resource.get("custom_id")
    return isinstance(custom_id, str) and reference_of(custom_id) is not None


def order_of(wish: Wish, credentials: PayPalCredentials) -> dict[str, Any]:
    """The body that makes a payment. An invoice id is taken once by an account that minds: a second order cannot be captured then.
    AmountNotPayable.
    """
    return {
        "intent": "CAPTURE",
        "purchase_units": [
            {
                "reference_id": wish.order,
                "custom_id": f"{wish.shop}/{wish.order}",
                "invoice_id": wish.order,
                "description": f"Order {wish.number}"[:127],
                "amount": amount_of(wish.amount),
            }
        ],
        "payment_source": {
            "paypal": {
                "experience_context": {
                    "return_url": credentials.return_url.replace("{order}", wish.order),
                    "cancel_url": credentials.cancel_url.replace("{order}", wish.order),
                    "user_action": "PAY_NOW",
                    "shipping_preference": "NO_SHIPPING",
                }
            }
        },
    }


def refund_of(amount: Money, key: str) -> dict[str, Any]:
    """The body that gives money back. PayPal takes the invoice id of a refund once."""
    name = written_key(key)
    return {"amount": amount_of(amount), "custom_id": name, "invoice_id": name}


def amount_of(money: Money) -> dict[str, str]:
    """AmountNotPayable: a currency that PayPal does not take, a fraction where it takes none, or nothing."""
    if money.currency not in CURRENCIES or not money.amount:
        raise AmountNotPayable("PayPal does not take this amount or currency.", currency=money.currency)
    return {"currency_code": money.currency, "value": decimal_text(money, WHOLE)}


def written_key(key: str) -> str:
    """In the letters that a refund's custom id may have: letters, digits, `-_.,`."""
    return _KEY + _PLAIN.sub(lambda found: f".{ord(found[0]):x}.", key)


def read_key(custom_id: str | None) -> str | None:
    """Ours, or None: a refund that was made by hand carries its payment's id."""
    if not (custom_id or "").startswith(_KEY):
        return None
    return _WRITTEN.sub(lambda found: chr(int(found[1], 16)), (custom_id or "").removeprefix(_KEY))


def fact_of(order: Order, disputes: tuple[Dispute, ...] = ()) -> ProviderFact | None:
    """None when it was not made by us. `disputes` are those of the payment's own charge, the first capture; so are its refunds, and ours of
    what came beside it. What went back of the latter is not in `refunded`: it is only no longer beside.
    """
    ours = reference_of(order.unit.custom_id)
    if ours is None:
        return None
    came = [capture for capture in order.captures if capture.came]
    amount = came[0].amount if came else order.unit.amount
    return ProviderFact(
        shop=ours.shop,
        order=ours.order,
        payment=order.id,
        news=_news(order, came),
        amount=amount.minor,
        currency=amount.currency_code,
        charge=came[0].id if came else None,
        beside=tuple(_beside(order, more) for more in came[1:] if more.amount.minor > _went_back(order, more)),
        refunded=_went_back(order, came[0]) if came else 0,
        refunds=tuple(given_of(refund) for refund in order.refunds if key_of(refund) or (came and _home(order, refund) == came[0].id)),
        disputes=disputes,
    )


def fact_of_capture(capture: Capture) -> ProviderFact | None:
    """What the news of a completed capture says by itself; None when that is not enough."""
    ours, order = reference_of(capture.custom_id), capture.order
    if ours is None or order is None or capture.status != "COMPLETED":
        return None
    return ProviderFact(
        shop=ours.shop,
        order=ours.order,
        payment=order,
        news=News.SUCCEEDED,
        amount=capture.amount.minor,
        currency=capture.amount.currency_code,
        charge=capture.id,
    )


def given_of(refund: Refund) -> Given:
    states = {"COMPLETED": GivenState.DONE, "PENDING": GivenState.PENDING}
    return Given(ref=refund.id, amount=refund.amount.minor, state=states.get(refund.status, GivenState.FAILED), key=key_of(refund))


def key_of(refund: Refund) -> str | None:
    return read_key(refund.custom_id) or read_key(refund.invoice_id)


def dispute_of(case: Case) -> Dispute:
    return Dispute(
        id=case.dispute_id,
        amount=case.dispute_amount.minor,
        currency=case.dispute_amount.currency_code,
        state=_dispute_state(case),
        reason=case.reason,
        respond_by=case.seller_response_due_date,
    )


def _news(order: Order, came: list[Capture]) -> News:
    if came:
        return News.REFUNDED if _went_back(order, came[0]) >= came[0].amount.minor else News.SUCCEEDED
    if order.status == "VOIDED":
        return News.EXPIRED
    if any(capture.status == "PENDING" for capture in order.captures):
        return News.PENDING
    if order.status == "COMPLETED" and order.captures:
        return News.FAILED  # declined, and the order takes no other try
    return News.AUTHORIZED if order.status == "APPROVED" else News.PENDING


def _went_back(order: Order, capture: Capture) -> int:
    """Of this capture: what PayPal lists, or all of it where it says so."""
    listed = sum(refund.amount.minor for refund in order.refunds if refund.stands and _home(order, refund) == capture.id)
    return max(listed, capture.amount.minor) if capture.status == "REFUNDED" else listed


def _home(order: Order, refund: Refund) -> str | None:
    """The capture that it is of: where it does not say, the first that came."""
    return refund.capture or next((capture.id for capture in order.captures if capture.came), None)


def _beside(order: Order, capture: Capture) -> Charge:
    """What is left of it."""
    left = capture.amount.minor - _went_back(order, capture)
    return Charge(id=capture.id, amount=left, currency=capture.amount.currency_code)


def _dispute_state(case: Case) -> DisputeState:
    """Who pays decides who lost: where PayPal pays the buyer itself, the shop keeps its money."""
    if case.status == "RESOLVED":
        lost = case.dispute_outcome.outcome_code in {"RESOLVED_BUYER_FAVOUR", "ACCEPTED"}
        return DisputeState.LOST if lost else DisputeState.WON
    return DisputeState.OPEN if case.status in {"OPEN", "WAITING_FOR_SELLER_RESPONSE"} else DisputeState.UNDER_REVIEW


def tail(address: str | None, place: str) -> str | None:
    """The id at the end of one of PayPal's links."""
    _, found, rest = (address or "").partition(place)
    return rest if found and re.fullmatch(r"[A-Za-z0-9-]{1,60}", rest) else None
