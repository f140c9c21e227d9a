"""Carts and checkout sessions over HTTP: what comes in, what their shopper may see."""

from typing import Annotated

from pydantic import Field, StringConstraints

from holdfast.kernel.ids import Sku
from holdfast.kernel.model import Input, Model
from holdfast.kernel.money import Money
from holdfast.kernel.time import Instant
from holdfast.orders.checkout import StartCheckout
from holdfast.orders.session import Address, Session, Totals

MAX_LINES = 24
"""A transaction takes a hundred items, and a refund writes three per line beside the order, its payment and the event."""
MAX_QUANTITY = 1000
# What HTML takes for an address: SES sends to no other, and nothing in it could end a header.
Email = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,253}\.[A-Za-z0-9-]{2,63}$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]


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
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]


class CheckoutBody(Input):
    """The same SKU in two lines is summed. Prices come from the catalogue."""

    lines: list[LineBody] = Field(min_length=1)
    email: Email | None = None
    address: AddressBody | None = None

    def command(self, shop: str) -> StartCheckout:
        return StartCheckout(
            shop=shop,
            lines=tuple((line.sku, line.quantity) for line in self.lines),
            email=self.email,
            address=Address(**self.address.model_dump()) if self.address else None,
        )


class PaymentBody(Input):
    provider: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{1,30}$")]


class PlaceOrderBody(Input):
    """`accept_partial`: of items that may be back-ordered, take what is there and wait for the rest."""

    payment: PaymentBody
    accept_partial: bool = False


class SessionLineView(Model):
    sku: str
    title: str
    quantity: int
    unit_price: Money
    line_total: Money


class SessionView(Model):
    id: str
    checkout_token: str
    csrf_token: str
    expires_at: Instant
    lines: list[SessionLineView]
    totals: Totals
    email: str | None
    version: int


def session_view(session: Session, checkout_token: str, csrf_token: str) -> SessionView:
    return SessionView(
        id=session.id,
        checkout_token=checkout_token,
        csrf_token=csrf_token,
        expires_at=session.expires_at,
        lines=[
            SessionLineView(sku=line.sku, title=line.title, quantity=line.quantity, unit_price=line.unit_price, line_total=line.line_total)
            for line in session.lines
        ],
        totals=session.totals,
        email=session.email,
        version=session.version,
    )
