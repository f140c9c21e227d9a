"""`catalogue.ports.Products` in memory."""

from collections.abc import Iterator, Sequence
from typing import Any

from holdfast.catalogue.keys import product_key
from holdfast.catalogue.model import Product
from tests.memory.engine import Memory


class MemoryProducts:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def get(self, shop: str, sku: str) -> Product | None:
        return self._memory.get("product", shop, sku)

    def get_many(self, shop: str, skus: Sequence[str]) -> dict[str, Product]:
        found = {sku: self.get(shop, sku) for sku in skus}
        return {sku: product for sku, product in found.items() if product}

    def page(self, shop: str, limit: int, start: dict[str, Any] | None) -> tuple[list[Product], dict[str, Any] | None]:
        listed = sorted(self._memory.of("product", shop), key=lambda product: product.sku)
        page = [product for product in listed if start is None or product_key(shop, product.sku)["sk"] > start["sk"]][:limit]
        return [product for product in page if not product.archived], product_key(shop, page[-1].sku) if len(page) == limit else None

    def skus(self, shop: str) -> Iterator[str]:
        return iter(sorted(product.sku for product in self._memory.of("product", shop)))

    def save(self, product: Product, *, over: int | None) -> bool:
        def standing_version(row: Product | None) -> bool:
            return (row.version if row else None) == over

        saved, standing = self._memory.change(("product", product.shop, product.sku), standing_version, lambda _: product)
        return saved or standing == product
