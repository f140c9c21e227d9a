"""The catalogue, as a checkout and the stock's staff see it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from holdfast.catalogue.errors import StaleProduct, UnknownProduct
from holdfast.catalogue.keys import product_key
from holdfast.catalogue.model import Kind, OnShortage, Product
from holdfast.catalogue.usecases import PutProduct, put
from holdfast.kernel.errors import VersionConflict
from holdfast.kernel.money import Money

if TYPE_CHECKING:
    from holdfast.catalogue.ports import Products, Shelf


@dataclass(frozen=True)
class OfferOf:
    """`orders.ports.Offer`."""

    product: Product
    maximum: int
    preorder: bool

    @property
    def sku(self) -> str:
        return self.product.sku

    @property
    def title(self) -> str:
        return self.product.title

    @property
    def price(self) -> Money:
        return self.product.price

    @property
    def digital(self) -> bool:
        return self.product.kind is Kind.DIGITAL

    @property
    def backorder(self) -> bool:
        return self.product.on_shortage is OnShortage.BACKORDER

    @property
    def max_per_order(self) -> int:
        return self.product.max_per_order or self.maximum

    @property
    def max_per_customer(self) -> int | None:
        return self.product.max_per_customer

    @property
    def backorder_cap(self) -> int | None:
        return self.product.backorder_cap


@dataclass(frozen=True)
class CatalogueForOrders:
    """`orders.ports.Catalogue`. `maximum`: units of one SKU in one order where the product says nothing."""

    products: "Products"
    maximum: int
    clock: Callable[[], datetime]

    def offers(self, shop: str, skus: Sequence[str]) -> Mapping[str, OfferOf]:
        found = self.products.get_many(shop, skus)
        now = self.clock()
        offers = {sku: OfferOf(product, self.maximum, product.preorder(now)) for sku, product in found.items()}
        return {sku: offer for sku, offer in offers.items() if not offer.product.archived}


@dataclass(frozen=True)
class ArticleOf:
    """`stock.inventory.Article`."""

    product: Product

    @property
    def sku(self) -> str:
        return self.product.sku

    @property
    def title(self) -> str:
        return self.product.title

    @property
    def digital(self) -> bool:
        return self.product.kind is Kind.DIGITAL

    @property
    def on_sale(self) -> bool:
        return not self.product.archived

    @property
    def price(self) -> Money:
        return self.product.price

    @property
    def low_stock_threshold(self) -> int:
        return self.product.low_stock_threshold

    @property
    def version(self) -> int:
        return self.product.version

    @property
    def policies(self) -> Mapping[str, Any]:
        return self.product.model_dump(include=POLICIES - {"low_stock_threshold"})

    def status(self, available: int) -> str:
        return self.product.stock_status(available)


POLICIES = {"on_shortage", "backorder_cap", "low_stock_threshold", "max_per_order", "max_per_customer", "available_from"}
"""What the product says about selling it: written by the catalogue alone."""


@dataclass(frozen=True)
class ArticlesForStock:
    """`stock.inventory.Articles`. Withdrawn products are found by their SKU, since their stock is still there, and not listed."""

    products: "Products"
    shelf: "Shelf"

    def get(self, shop: str, sku: str) -> ArticleOf | None:
        found = self.products.get(shop, sku)
        return ArticleOf(found) if found else None

    def get_many(self, shop: str, skus: Sequence[str]) -> Mapping[str, ArticleOf]:
        return {sku: ArticleOf(product) for sku, product in self.products.get_many(shop, skus).items()}

    def page(self, shop: str, limit: int, after: str | None) -> tuple[Sequence[ArticleOf], str | None]:
        found, last = self.products.page(shop, limit, product_key(shop, after) if after else None)
        return [ArticleOf(product) for product in found], last["sk"].removeprefix(product_key(shop, "")["sk"]) if last else None

    def set_policies(self, shop: str, sku: str, policies: Mapping[str, Any], *, over: int, now: datetime) -> None:
        standing = self.products.get(shop, sku)
        if standing is None or standing.archived:
            raise UnknownProduct
        if standing.version != over:
            raise VersionConflict("The product was changed meanwhile.")
        wanted = {name: getattr(standing, name) for name in PutProduct.model_fields} | dict(policies)
        try:
            put(PutProduct(**wanted), products=self.products, shelf=self.shelf, now=now, expected=over)
        except StaleProduct as moved:
            raise VersionConflict("The product was changed meanwhile.") from moved
