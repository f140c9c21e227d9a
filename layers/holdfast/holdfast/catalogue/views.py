"""Products over HTTP: what comes in, what goes out."""

from pydantic import Field

from holdfast.catalogue.model import Kind, OnShortage, Product, StockStatus
from holdfast.catalogue.usecases import PutProduct
from holdfast.kernel.ids import Sku
from holdfast.kernel.model import Input, Model
from holdfast.kernel.money import Currency, Minor, Money
from holdfast.kernel.time import Instant

MAX_QUANTITY = 1000
"""Units of one SKU in one order, unless the product allows fewer."""


class Price(Input):
    amount: Minor
    currency: Currency


class ProductBody(Input):
    """A product as an admin writes it. `max_per_order` left out: 1,000."""

    sku: Sku | None = None
    title: str = Field(min_length=1, max_length=200)
    description: str | None = Field(default=None, max_length=5000)
    kind: Kind = Field(strict=False)
    price: Price
    on_shortage: OnShortage = Field(default=OnShortage.REJECT, strict=False)
    low_stock_threshold: int = Field(default=0, ge=0, le=1_000_000)
    max_per_order: int | None = Field(default=None, ge=1, le=MAX_QUANTITY)
    max_per_customer: int | None = Field(default=None, ge=1, le=MAX_QUANTITY)
    backorder_cap: int | None = Field(default=None, ge=0, le=1_000_000)
    available_from: Instant | None = Field(default=None, strict=False)

    def command(self, shop: str, sku: str) -> PutProduct:
        return PutProduct(
            shop=shop,
            sku=sku,
            title=self.title,
            description=self.description,
            kind=self.kind,
            price=Money(amount=self.price.amount, currency=self.price.currency),
            on_shortage=self.on_shortage,
            low_stock_threshold=self.low_stock_threshold,
            max_per_order=self.max_per_order,
            max_per_customer=self.max_per_customer,
            backorder_cap=self.backorder_cap,
            available_from=self.available_from,
        )


class ProductView(Model):
    """A product as an admin sees it."""

    sku: str
    title: str
    description: str | None
    kind: Kind
    price: Money
    on_shortage: OnShortage
    low_stock_threshold: int
    max_per_order: int | None
    max_per_customer: int | None
    backorder_cap: int | None
    available_from: Instant | None
    created_at: Instant
    updated_at: Instant
    version: int


class OfferView(Model):
    """A product as a shopper sees it. `max_quantity`: what one order may have."""

    sku: str
    title: str
    description: str | None
    kind: Kind
    price: Money
    stock_status: StockStatus
    on_shortage: OnShortage
    max_quantity: int
    max_per_customer: int | None
    available_from: Instant | None
    version: int


class ProductPage(Model):
    items: list[ProductView]
    next: str | None


class OfferPage(Model):
    items: list[OfferView]
    next: str | None


def product_view(product: Product) -> ProductView:
    return ProductView(**product.model_dump(include=set(ProductView.model_fields)))


def offer_view(product: Product, available: int) -> OfferView:
    return OfferView(
        sku=product.sku,
        title=product.title,
        description=product.description,
        kind=product.kind,
        price=product.price,
        stock_status=product.stock_status(available),
        on_shortage=product.on_shortage,
        max_quantity=product.max_per_order or MAX_QUANTITY,
        max_per_customer=product.max_per_customer,
        available_from=product.available_from,
        version=product.version,
    )
