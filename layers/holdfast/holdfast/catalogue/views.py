"""Products over HTTP: what comes in, what goes out."""

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import Field, model_validator

from holdfast.catalogue.model import STANDARD, Kind, OnShortage, Product, StockStatus, TaxClass
from holdfast.catalogue.usecases import PutProduct
from holdfast.kernel.ids import Sku
from holdfast.kernel.model import Input, Model
from holdfast.kernel.money import Currency, Minor, Money
from holdfast.kernel.time import Instant

MAX_QUANTITY = 1000
"""Units of one SKU in one order, unless the product allows fewer."""
MAX_WEIGHT = 1_000_000
"""Grams of one unit: a ton."""


class Price(Input):
    amount: Minor
    currency: Currency

    @property
    def money(self) -> Money:
        return Money(amount=self.amount, currency=self.currency)


class ProductBody(Input):
    """A product as an admin writes it. `max_per_order` left out: 1,000. `prices`: in other currencies than that of `price`."""

    sku: Sku | None = None
    title: str = Field(min_length=1, max_length=200)
    description: str | None = Field(default=None, max_length=5000)
    kind: Kind = Field(strict=False)
    price: Price
    prices: list[Price] = Field(default_factory=list, max_length=20)
    tax_class: TaxClass = STANDARD
    weight_grams: int = Field(default=0, ge=0, le=MAX_WEIGHT)
    on_shortage: OnShortage = Field(default=OnShortage.REJECT, strict=False)
    low_stock_threshold: int = Field(default=0, ge=0, le=1_000_000)
    max_per_order: int | None = Field(default=None, ge=1, le=MAX_QUANTITY)
    max_per_customer: int | None = Field(default=None, ge=1, le=MAX_QUANTITY)
    backorder_cap: int | None = Field(default=None, ge=0, le=1_000_000)
    available_from: Instant | None = Field(default=None, strict=False)

    @model_validator(mode="after")
    def _one_price_per_currency(self) -> Self:
        if len({price.currency for price in (self.price, *self.prices)}) <= len(self.prices):
            raise ValueError("two prices have the same currency")
        return self

    def command(self, shop: str, sku: str) -> PutProduct:
        return PutProduct(
            shop=shop,
            sku=sku,
            title=self.title,
            description=self.description,
            kind=self.kind,
            price=self.price.money,
            prices=tuple(price.money for price in self.prices),
            tax_class=self.tax_class,
            weight_grams=self.weight_grams,
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
    prices: tuple[Money, ...]
    tax_class: str
    weight_grams: int
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
    prices: tuple[Money, ...]
    stock_status: StockStatus
    on_shortage: OnShortage
    max_quantity: int
    max_per_customer: int | None
    available_from: Instant | None
    version: int


class StockLine(Input):
    sku: Sku
    quantity: int = Field(ge=1, le=MAX_QUANTITY)


class StockCheckBody(Input):
    """The same SKU in two lines is summed."""

    lines: list[StockLine] = Field(min_length=1)

    def wishes(self) -> dict[str, int]:
        summed: dict[str, int] = {}
        for line in self.lines:
            summed[line.sku] = summed.get(line.sku, 0) + line.quantity
        return summed


class CheckedLine(Model):
    """`available`: what one order could have of it now; a shop's stock beyond that is nobody's business. `ok`: all that was asked for.

    With `status` `backorder` an order may be placed that is owed what is short. `unknown`: the shop does not sell it.
    """

    sku: str
    requested: int
    available: int
    ok: bool
    status: Literal["in_stock", "low_stock", "out_of_stock", "backorder", "unknown"]


class StockCheck(Model):
    """`ok`: every line is."""

    ok: bool
    lines: list[CheckedLine]


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
        prices=product.prices,
        stock_status=product.stock_status(available),
        on_shortage=product.on_shortage,
        max_quantity=product.max_per_order or MAX_QUANTITY,
        max_per_customer=product.max_per_customer,
        available_from=product.available_from,
        version=product.version,
    )


def stock_check(wishes: Mapping[str, int], products: Mapping[str, Product], free: Mapping[str, int]) -> StockCheck:
    lines = [_checked(sku, quantity, products.get(sku), free[sku]) for sku, quantity in wishes.items()]
    return StockCheck(ok=all(line.ok for line in lines), lines=lines)


def _checked(sku: str, requested: int, product: Product | None, free: int) -> CheckedLine:
    if product is None or product.archived:
        return CheckedLine(sku=sku, requested=requested, available=0, ok=False, status="unknown")
    available = min(free, product.max_per_order or MAX_QUANTITY)
    return CheckedLine(
        sku=sku, requested=requested, available=available, ok=requested <= available, status=product.stock_status(free).value
    )
