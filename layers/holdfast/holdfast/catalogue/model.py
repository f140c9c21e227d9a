"""Products: the only source of prices; what a client says about prices is not asked for."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from holdfast.kernel.ids import ShopId, Sku
from holdfast.kernel.model import Record
from holdfast.kernel.money import Money
from holdfast.kernel.time import Instant

STANDARD = "standard"
TaxClass = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
"""What the shop's tax rules know the product by."""


class Kind(StrEnum):
    DIGITAL = "digital"
    PHYSICAL = "physical"


class OnShortage(StrEnum):
    """`reject`: a line is held whole or refused. `backorder`: a shopper who accepts it gets what is there, and the rest is owed."""

    REJECT = "reject"
    BACKORDER = "backorder"


class StockStatus(StrEnum):
    IN_STOCK = "in_stock"
    LOW_STOCK = "low_stock"
    OUT_OF_STOCK = "out_of_stock"
    BACKORDER = "backorder"


class Product(Record):
    """`max_per_order` None: no limit but the general one. `version` counts changes and is the ETag.

    `backorder_cap`: units that may be owed at a time (None: any number). `available_from`: until then it is a pre-order, sold
    before it is there. `prices`: the same product in other currencies. `weight_grams`: of one unit, as it is shipped.
    """

    shop: ShopId
    sku: Sku
    title: str
    description: str | None = None
    kind: Kind
    price: Money
    prices: tuple[Money, ...] = ()
    tax_class: TaxClass = STANDARD
    weight_grams: int = Field(default=0, ge=0)
    on_shortage: OnShortage = OnShortage.REJECT
    low_stock_threshold: int = Field(default=0, ge=0)
    max_per_order: int | None = Field(default=None, ge=1)
    max_per_customer: int | None = Field(default=None, ge=1)
    backorder_cap: int | None = Field(default=None, ge=0)
    available_from: Instant | None = None
    archived: bool = False
    created_at: Instant
    updated_at: Instant
    version: int = 1

    def preorder(self, now: datetime) -> bool:
        """Sold before it is there; whoever buys it knows that he waits."""
        return self.available_from is not None and now < self.available_from and self.on_shortage is OnShortage.BACKORDER

    def stock_status(self, available: int) -> StockStatus:
        if available > self.low_stock_threshold:
            return StockStatus.IN_STOCK
        if available > 0:
            return StockStatus.LOW_STOCK
        return StockStatus.BACKORDER if self.on_shortage is OnShortage.BACKORDER else StockStatus.OUT_OF_STOCK
