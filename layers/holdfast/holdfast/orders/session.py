"""Checkout sessions: a cart with the prices that were told for it."""

from datetime import datetime

from pydantic import Field

from holdfast.kernel.ids import ShopId, Sku
from holdfast.kernel.model import Record
from holdfast.kernel.money import Money
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
    subtotal: Money
    shipping: Money
    tax: Money
    total: Money


class SessionLine(Record):
    """One SKU at the price that was told. The rest is the catalogue's, at that moment."""

    sku: Sku
    title: str
    quantity: int = Field(ge=1)
    unit_price: Money
    digital: bool
    backorder: bool
    preorder: bool = False
    backorder_cap: int | None = None
    max_per_customer: int | None = None
    shards: int = 1
    """Over how many shards its stock was spread then: a hint where to look first."""

    @property
    def line_total(self) -> Money:
        return self.unit_price.times(self.quantity)


class Session(Record):
    """A priced cart. `version` counts changes."""

    id: str
    shop: ShopId
    lines: tuple[SessionLine, ...]
    totals: Totals
    email: str | None = None
    address: Address | None = None
    created_at: Instant
    expires_at: Instant
    version: int = 1

    def expired(self, now: datetime) -> bool:
        return now >= self.expires_at
