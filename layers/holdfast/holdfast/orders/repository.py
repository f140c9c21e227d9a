"""The orders table: orders with their events."""

import heapq
from collections.abc import Sequence
from itertools import islice

from holdfast.kernel.errors import VersionConflict
from holdfast.kernel.writes import Write
from holdfast.orders import events, keys
from holdfast.orders.model import Order
from holdfast.platform.dynamo import NOT_THERE, ConditionFailed, Expression, Item, Table, record, rows


class DynamoOrders:
    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, shop: str, order: str) -> Order | None:
        item = self._table.get(keys.order_key(shop, order))
        return order_of(item) if item else None

    def add(self, order: Order) -> bool:
        try:
            self._table.put(_order_item(order), NOT_THERE)
        except ConditionFailed as refusal:
            return refusal.item is not None and order_of(refusal.item) == order
        return True

    def save_write(self, order: Order) -> Write:
        return self._table.put_write(_order_item(order), _version_before(order), VersionConflict("The order was changed meanwhile."))

    def save(self, order: Order) -> bool:
        try:
            self._table.put(_order_item(order), _version_before(order))
        except ConditionFailed as refusal:
            return refusal.item is not None and order_of(refusal.item) == order
        return True

    def several(self, shop: str, orders: Sequence[str]) -> list[Order]:
        """Those that exist, in no order."""
        return [order_of(item) for item in self._table.batch_get([keys.order_key(shop, order) for order in orders])]

    def page(self, shop: str, limit: int, start: str | None) -> tuple[list[Order], str | None]:
        """The index holds keys only, so that an order's changes do not cost it; the orders are read by their keys."""
        buckets = [self._bucket(keys.order_bucket(shop, bucket), limit, start) for bucket in range(keys.ORDER_BUCKETS)]
        listed = list(islice(heapq.merge(*buckets, key=lambda item: str(item["xsk"]), reverse=True), limit))
        found = {item["pk"]: order_of(item) for item in self._table.batch_get([{"pk": i["pk"], "sk": i["sk"]} for i in listed])}
        return [found[item["pk"]] for item in listed if item["pk"] in found], listed[-1]["xsk"] if len(listed) == limit else None

    def _bucket(self, bucket: str, limit: int, start: str | None) -> list[Item]:
        below = Expression("#xpk = :xpk AND #xsk < :start", {"#xpk": "xpk", "#xsk": "xsk"}, {":xpk": bucket, ":start": start or "9"})
        return self._table.query(below, index=keys.ORDERS_BY_SHOP, limit=limit, forward=False)[0]


def _order_item(order: Order) -> Item:
    item = {**keys.order_key(order.shop, order.id), **keys.order_index(order), **record(order)}
    return {**item, "events": events.shortened(item), "lines": rows(order.lines)}


def order_of(item: Item) -> Order:
    """The order that an item of the table is."""
    return Order.model_validate({**item, "events": events.whole(item)})


def _version_before(order: Order) -> Expression:
    return Expression("#version = :before", {"#version": "version"}, {":before": order.version - 1})
