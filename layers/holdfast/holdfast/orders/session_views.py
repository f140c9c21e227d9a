"""Checkout sessions over HTTP: what comes in, what their shopper may see."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from holdfast.kernel.addresses import sendable
from holdfast.kernel.ids import Sku
from holdfast.kernel.model import Input, Model
from holdfast.kernel.money import Currency, Money
from holdfast.kernel.time import Instant
from holdfast.orders.session import Address, Session, ShippingOption, Totals
from holdfast.orders.sessions import ChangeCheckout, StartCheckout
from holdfast.orders.validation import Issue

MAX_LINES = 24
"""A transaction takes a hundred items, and a refund writes three per line beside the order, its payment and the event."""
MAX_QUANTITY = 1000
# What HTML takes for an address, as far as SES sends to it: nothing in it could end a header.
_ADDRESS = r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,253}\.[A-Za-z0-9-]{2,63}$"
Email = Annotated[str, StringConstraints(pattern=_ADDRESS), AfterValidator(sendable)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
Notes = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
MethodId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]


def _e164(text: str) -> str:
    """`+49 (170) 1234-567` as `+491701234567`: seven to fifteen digits, as E.164 has them."""
    number = "+" + "".join(filter(str.isdigit, text))
    if not 8 <= len(number) <= 16:
        raise ValueError("a phone number has seven to fifteen digits")
    return number


Phone = Annotated[str, StringConstraints(pattern=r"^\+[1-9][0-9 ().-]{5,29}$"), AfterValidator(_e164)]
"""With its country code. Kept without what stands between the digits."""


class LineBody(Input):
    sku: Sku
    quantity: int = Field(ge=1, le=MAX_QUANTITY)


class AddressBody(Input):
    name: Text
    line1: Text
    line2: Text | None = None
    city: Text
    region: Text | None = None
    postal_code: Text | None = None
    country: Country

    @property
    def address(self) -> Address:
        return Address(**self.model_dump())


class ContactBody(Input):
    """Who buys and where it goes. `currency`: one in which everything has a price; `shipping_method`: one of the options."""

    email: Email | None = None
    phone: Phone | None = None
    address: AddressBody | None = None
    notes: Notes | None = None
    currency: Currency | None = None
    shipping_method: MethodId | None = None


class CheckoutBody(ContactBody):
    """The same SKU in two lines is summed. Prices come from the catalogue."""

    lines: list[LineBody] = Field(min_length=1)

    def command(self, shop: str) -> StartCheckout:
        return StartCheckout(shop=shop, lines=_wishes(self.lines), **_contact(self))


class ChangeBody(ContactBody):
    """What is left out stays as it is; null takes it away. `lines` replace those that were there, at the catalogue's prices."""

    lines: list[LineBody] = Field(default_factory=list, min_length=1)

    def command(self, shop: str, session: str, expected: int | None) -> ChangeCheckout:
        given = frozenset("shipping_choice" if name == "shipping_method" else name for name in self.model_fields_set)
        return ChangeCheckout(shop=shop, session=session, given=given, expected=expected, lines=_wishes(self.lines), **_contact(self))


class PaymentBody(Input):
    provider: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{1,30}$")]


class PlaceOrderBody(Input):
    """`accept_partial`: of items that may be back-ordered, take what is there and wait for the rest. A shop may say never or always."""

    payment: PaymentBody
    accept_partial: bool = False


class SessionLineView(Model):
    """`tax`: of the whole line."""

    sku: str
    title: str
    quantity: int
    unit_price: Money
    line_total: Money
    tax: Money


class SessionView(Model):
    """`issues`: what is wrong with the cart at this moment, in the words of cart/validate. It may pass: nothing is held yet."""

    id: str
    checkout_token: str
    csrf_token: str
    expires_at: Instant
    lines: list[SessionLineView]
    totals: Totals
    currency: str
    email: str | None
    phone: str | None
    address: Address | None
    notes: str | None
    shipping_method: str | None
    shipping_options: list[ShippingOption]
    issues: list[Issue]
    version: int


def session_view(session: Session, issues: Sequence[Issue], checkout_token: str, csrf_token: str) -> SessionView:
    currency = session.totals.total.currency
    return SessionView(
        id=session.id,
        checkout_token=checkout_token,
        csrf_token=csrf_token,
        expires_at=session.expires_at,
        lines=[
            SessionLineView(
                sku=line.sku,
                title=line.title,
                quantity=line.quantity,
                unit_price=line.unit_price,
                line_total=line.line_total,
                tax=Money(amount=line.tax, currency=currency),
            )
            for line in session.lines
        ],
        totals=session.totals,
        currency=currency,
        email=session.email,
        phone=session.phone,
        address=session.address,
        notes=session.notes,
        shipping_method=session.shipping_method,
        shipping_options=list(session.shipping_options),
        issues=list(issues),
        version=session.version,
    )


def _wishes(lines: Sequence[LineBody]) -> tuple[tuple[str, int], ...]:
    return tuple((line.sku, line.quantity) for line in lines)


def _contact(body: ContactBody) -> dict[str, object]:
    return {
        "email": body.email,
        "phone": body.phone,
        "address": body.address.address if body.address else None,
        "notes": body.notes,
        "currency": body.currency,
        "shipping_choice": body.shipping_method,
    }
