"""The catalogue table."""

from collections.abc import Iterator, Sequence
from typing import Any

from holdfast.catalogue.keys import product_key
from holdfast.catalogue.model import Product
from holdfast.platform.dynamo import NOT_THERE, ConditionFailed, Expression, Table, record


class DynamoProducts:
    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, shop: str, sku: str) -> Product | None:
        item = self._table.get(product_key(shop, sku))
        return Product.model_validate(item) if item else None

    def get_many(self, shop: str, skus: Sequence[str]) -> dict[str, Product]:
        items = self._table.batch_get([product_key(shop, sku) for sku in dict.fromkeys(skus)])
        return {item["sku"]: Product.model_validate(item) for item in items}

    def page(self, shop: str, limit: int, start: dict[str, Any] | None) -> tuple[list[Product], dict[str, Any] | None]:
        of_shop = Expression("#pk = :pk AND begins_with(#sk, :sk)", {"#pk": "pk", "#sk": "sk"}, {":pk": shop, ":sk": "PRODUCT#"})
        items, last = self._table.query(of_shop, limit=limit, start=start)
        return [product for product in map(Product.model_validate, items) if not product.archived], last

    def skus(self, shop: str) -> Iterator[str]:
        of_shop = Expression("#pk = :pk AND begins_with(#sk, :sk)", {"#pk": "pk", "#sk": "sk"}, {":pk": shop, ":sk": "PRODUCT#"})
        return (item["sku"] for item in self._table.query_all(of_shop))

    def save(self, product: Product, *, over: int | None) -> bool:
        standing = NOT_THERE if over is None else Expression("#version = :over", {"#version": "version"}, {":over": over})
        try:
            self._table.put({**product_key(product.shop, product.sku), **record(product)}, standing)
        except ConditionFailed as refusal:
            return refusal.item is not None and Product.model_validate(refusal.item) == product
        return True
