"""The catalogue, as a checkout sees it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from holdfast.catalogue.model import Kind, OnShortage, Product
from holdfast.kernel.money import Money

if TYPE_CHECKING:
    from holdfast.catalogue.ports import Products


@dataclass(frozen=True)
class OfProduct:
    """What every neighbour wants to know of a product."""

    product: Product

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


@dataclass(frozen=True)
class OfferOf(OfProduct):
    """`orders.ports.Offer`."""

    maximum: int
    preorder: bool

    @property
    def prices(self) -> tuple[Money, ...]:
        """The main one first."""
        return (self.product.price, *self.product.prices)

    @property
    def tax_class(self) -> str:
        return self.product.tax_class

    @property
    def weight_grams(self) -> int:
        return self.product.weight_grams

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
