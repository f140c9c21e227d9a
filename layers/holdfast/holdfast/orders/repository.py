"""The orders table: orders with their events."""

import heapq
from collections.abc import Sequence
from itertools import islice

from holdfast.kernel.errors import VersionConflict
from holdfast.kernel.events import Event
from holdfast.kernel.writes import Write
from holdfast.orders import keys, replay
from holdfast.orders.model import Order
from holdfast.platform.dynamo import NOT_THERE, ConditionFailed, Expression, Item, Table, rows

MANY = {"lines", "events", "refunds", "returns", "disputes", "fed", "told", "queued"}
"""Members of an order that are kept in fewer words than their own, or not at all where there are none."""


class DynamoOrders:
    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, shop: str, order: str) -> Order | None:
        item = self._table.get(keys.order_key(shop, order))
        return order_of(item) if item else None

    def timeline(self, order: Order) -> tuple[Event, ...]:
        """Older events lie in pages beside the order; one that was moved out and not yet left out of the order is told once."""
        if not order.told:
            return order.events
        older = Expression("#pk = :pk AND begins_with(#sk, :page)", {"#pk": "pk", "#sk": "sk"}, keys.event_pages(order.shop, order.id))
        told = {event["seq"]: event for page in self._table.query_all(older) for event in page["events"]}
        first = order.events[0].seq
        bare = order.model_copy(update={"events": (), "told": {}})
        moved = replay.whole(bare, [told[seq] for seq in sorted(told) if seq < first])
        return (*moved, *order.events)

    def add(self, order: Order) -> bool:
        try:
            self._table.put(_order_item(order), NOT_THERE)
        except ConditionFailed as refusal:
            return refusal.item is not None and order_of(refusal.item) == order
        return True

    def save_write(self, order: Order) -> Write:
        kept = self._trimmed(order)
        return self._table.put_write(_order_item(kept), _version_before(kept), VersionConflict("The order was changed meanwhile."))

    def save(self, order: Order) -> bool:
        kept = self._trimmed(order)
        try:
            self._table.put(_order_item(kept), _version_before(kept))
        except ConditionFailed as refusal:
            return refusal.item is not None and order_of(refusal.item) == kept
        return True

    def _trimmed(self, order: Order) -> Order:
        """Older events are put beside the order before they leave it: they are written already, so a crash in between only tells twice."""
        kept, older = replay.trimmed(order)
        if older:
            page = {**keys.event_page(order.shop, order.id, older[0].seq), "events": replay.stored(order, older)}
            self._table.put(page)
        return kept

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
    item = order.model_dump(mode="json", exclude_none=True, exclude=MANY)
    many: Item = {name: rows(getattr(order, name)) for name in ("refunds", "returns", "disputes", "fed")}
    many |= {"told": dict(order.told), "queued": dict(order.queued)}
    index = {**keys.order_key(order.shop, order.id), **keys.order_index(order)}
    few = {name: value for name, value in many.items() if value}
    return {**index, **item, **few, "lines": rows(order.lines), "events": replay.stored(order, order.events)}


def order_of(item: Item) -> Order:
    """The order that an item of the table is."""
    bare = Order.model_validate({name: value for name, value in item.items() if name != "events"})
    return bare.model_copy(update={"events": replay.whole(bare, item["events"])})


def _version_before(order: Order) -> Expression:
    return Expression("#version = :before", {"#version": "version"}, {":before": order.version - 1})
