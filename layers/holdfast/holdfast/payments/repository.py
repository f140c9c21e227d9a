"""The payments table: what providers told us. What became of a payment stands in its order."""

from datetime import timedelta

from holdfast.kernel.time import epoch
from holdfast.payments import keys
from holdfast.payments.model import ProviderEvent
from holdfast.platform.dynamo import NOT_THERE, ConditionFailed, Expression, Item, Table, record

EVENTS_KEPT = timedelta(days=30)
"""Longer than any provider repeats an event."""
# Nobody worked at the event since it was read.
SAME_EVENT = "#version = :seen"


class DynamoInbox:
    """`payments.ports.Inbox`."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def add(self, event: ProviderEvent) -> ProviderEvent:
        try:
            self._table.put(_item(event), NOT_THERE)
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


def _item(event: ProviderEvent) -> Item:
    return {**keys.event_key(event.shop, event.provider, event.id), "ttl": epoch(event.received_at + EVENTS_KEPT), **record(event)}
