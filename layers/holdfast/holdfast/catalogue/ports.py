"""What the catalogue asks of its store, and of the stock context."""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from holdfast.catalogue.model import Product


class Products(Protocol):
    def get(self, shop: str, sku: str) -> Product | None: ...

    def get_many(self, shop: str, skus: Sequence[str]) -> dict[str, Product]: ...

    def page(self, shop: str, limit: int, start: dict[str, Any] | None) -> tuple[list[Product], dict[str, Any] | None]:
        """In order of SKU; archived ones are left out."""
        ...

    def skus(self, shop: str) -> Iterator[str]:
        """All there ever were, in order, the archived ones too: they may have stock."""
        ...

    def save(self, product: Product, *, over: int | None) -> bool:
        """Write over version `over` (None: there must be none). False when another version stands there."""
        ...


class Shelf(Protocol):
    """The stock context, as far as a product needs it."""

    def open(self, shop: str, sku: str) -> None:
        """Make a place for the SKU's stock, if there is none."""
        ...

    def in_use(self, shop: str, sku: str) -> tuple[int, int]:
        """Units locked and units owed."""
        ...
