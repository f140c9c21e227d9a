"""The catalogue, as the stock's staff sees it. Apart from what a checkout sees: who sells need not load how products are changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from holdfast.catalogue.errors import StaleProduct, UnknownProduct
from holdfast.catalogue.keys import product_key
from holdfast.catalogue.usecases import PutProduct, put
from holdfast.kernel.errors import VersionConflict
from holdfast.stock.inventory import POLICIES
from holdfast.wiring.catalogue import OfProduct

if TYPE_CHECKING:
    from holdfast.catalogue.ports import Products, Shelf


@dataclass(frozen=True)
class ArticleOf(OfProduct):
    """`stock.inventory.Article`."""

    @property
    def on_sale(self) -> bool:
        return not self.product.archived

    @property
    def low_stock_threshold(self) -> int:
        return self.product.low_stock_threshold

    @property
    def version(self) -> int:
        return self.product.version

    @property
    def policies(self) -> Mapping[str, Any]:
        return self.product.model_dump(include=set(POLICIES) - {"low_stock_threshold"})

    def status(self, available: int) -> str:
        return self.product.stock_status(available)


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
