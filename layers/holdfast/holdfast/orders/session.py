"""Checkout sessions: a cart with the prices that were told for it."""

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from holdfast.kernel.ids import ShopId, Sku
from holdfast.kernel.model import Record
from holdfast.kernel.money import Minor, Money
from holdfast.kernel.time import Instant


class Address(Record):
    name: str
    line1: str
    line2: str | None = None
    city: str
    region: str | None = None
    postal_code: str | None = None
    country: str


class Totals(Record):
    """`tax_included`: the prices have their tax in them, and it is not added to the total."""

    subtotal: Money
    shipping: Money
    tax: Money
    total: Money
    tax_included: bool = False


class ShippingOption(Record):
    """A way to ship the goods, and what it costs."""

    id: str
    title: str
    amount: Money


class Obstacle(StrEnum):
    """What stands between a session and an order; named as the refusal that says so."""

    ADDRESS_MISSING = "address_missing"
    NOT_SHIPPED_THERE = "not_shipped_there"


class SessionLine(Record):
    """One SKU at the price that was told. The rest is the catalogue's, at that moment. `tax`: minor units of the whole line."""

    sku: Sku
    title: str
    quantity: int = Field(ge=1)
    unit_price: Money
    tax: Minor = 0
    digital: bool
    backorder: bool
    preorder: bool = False
    backorder_cap: int | None = None
    max_per_customer: int | None = None
    weight_grams: int = Field(default=0, ge=0)
    tax_class: str = "standard"
    shards: int = 1
    """Over how many shards its stock was spread then: a hint where to look first."""

    @property
    def line_total(self) -> Money:
        return self.unit_price.times(self.quantity)


class Session(Record):
    """A priced cart. `version` counts changes.

    `currency`: the one that the shopper asked for, if he did. `shipping_choice` is what he wants, `shipping_method` what he gets:
    the cheapest option, unless he chose another one that is offered.
    """

    id: str
    shop: ShopId
    lines: tuple[SessionLine, ...]
    totals: Totals
    currency: str | None = None
    email: str | None = None
    phone: str | None = None
    address: Address | None = None
    notes: str | None = None
    shipping_choice: str | None = None
    shipping_method: str | None = None
    shipping_options: tuple[ShippingOption, ...] = ()
    obstacle: Obstacle | None = None
    created_at: Instant
    priced_at: Instant | None = None
    """When the catalogue was asked last (None: when the session was made)."""
    expires_at: Instant
    version: int = 1

    @property
    def country(self) -> str | None:
        return self.address.country if self.address else None

    def expired(self, now: datetime) -> bool:
        return now >= self.expires_at

    @property
    def told_at(self) -> datetime:
        """When its prices were told."""
        return self.priced_at or self.created_at
