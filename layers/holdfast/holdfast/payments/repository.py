"""The payments table: what providers told us. What became of a payment stands in its order."""

import heapq
from collections.abc import Mapping, Sequence
from itertools import islice

from holdfast.kernel.time import epoch
from holdfast.payments import keys
from holdfast.payments.model import EVENTS_KEPT, ProviderEvent
from holdfast.platform.dynamo import ConditionFailed, Expression, Item, Table, record

# Nobody worked at the event since it was read.
SAME_EVENT = "#version = :seen"
# The event comes for the first time.
NEVER_SEEN = "attribute_not_exists(#pk)"


class DynamoInbox:
    """`payments.ports.Inbox`."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def add(self, event: ProviderEvent) -> ProviderEvent:
        try:
            self._table.put(_item(event), Expression(NEVER_SEEN, {"#pk": "pk"}))
        except ConditionFailed as known:
            return ProviderEvent.model_validate(known.item)
        return event

    def get(self, shop: str, provider: str, event: str) -> ProviderEvent | None:
        item = self._table.get(keys.event_key(shop, provider, event))
        return ProviderEvent.model_validate(item) if item else None

    def save(self, event: ProviderEvent) -> bool:
        try:
            self._table.put(_item(event), Expression(SAME_EVENT, {"#version": "version"}, {":seen": event.version - 1}))
        except ConditionFailed as refusal:
            return refusal.item is not None and ProviderEvent.model_validate(refusal.item) == event  # delivered twice
        return True

    def listed(self, shop: str, shelves: Sequence[str], low: str, high: str, limit: int) -> list[str]:
        """An event changes its shelf, and may be seen on both: it counts once."""
        partitions = [keys.shelf_bucket(shop, shelf, bucket) for shelf in shelves for bucket in range(keys.EVENT_BUCKETS)]
        parts = [self._positions(partition, low, high, limit) for partition in partitions]
        return list(islice(dict.fromkeys(heapq.merge(*parts, reverse=True)), limit))

    def _positions(self, partition: str, low: str, high: str, limit: int) -> list[str]:
        """One more than asked for, because BETWEEN has its upper end with it, and we have not."""
        names, values = {"#xpk": "xpk", "#xsk": "xsk"}, {":partition": partition, ":low": low, ":high": max(low, high)}
        between = Expression("#xpk = :partition AND #xsk BETWEEN :low AND :high", names, values)
        items, _ = self._table.query(between, index=keys.EVENTS_BY_STATE, limit=limit + 1, forward=False)
        return [item["xsk"] for item in items if low <= item["xsk"] < high][:limit]

    def read(self, shop: str, positions: Sequence[str]) -> Mapping[str, ProviderEvent]:
        items = self._table.batch_get([keys.event_at(shop, position) for position in positions])
        events = [ProviderEvent.model_validate(item) for item in items]
        return {keys.position(event): event for event in events}


def _item(event: ProviderEvent) -> Item:
    key = keys.event_key(event.shop, event.provider, event.id)
    return {**key, **keys.event_index(event), "ttl": epoch(event.received_at + EVENTS_KEPT), **record(event)}
