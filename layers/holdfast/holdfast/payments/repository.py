"""The payments table: what providers told us. What became of a payment stands in its order."""

from datetime import datetime, timedelta

from holdfast.kernel.time import epoch, rfc3339
from holdfast.payments import keys
from holdfast.payments.model import EventState, ProviderEvent
from holdfast.platform.dynamo import NOT_THERE, ConditionFailed, Expression, Table, record

EVENTS_KEPT = timedelta(days=30)
"""Longer than any provider repeats an event."""

# Known, and not noted as applied before: that stays.
NOT_APPLIED_YET = "#state <> :applied AND attribute_exists(#pk)"


class DynamoInbox:
    def __init__(self, table: Table) -> None:
        self._table = table

    def add(self, event: ProviderEvent) -> ProviderEvent:
        item = {
            **keys.event_key(event.shop, event.provider, event.id),
            "ttl": epoch(event.received_at + EVENTS_KEPT),
            **record(event),
        }
        try:
            self._table.put(item, NOT_THERE)
        except ConditionFailed as known:
            return ProviderEvent.model_validate(known.item)
        return event

    def get(self, shop: str, provider: str, event: str) -> ProviderEvent | None:
        item = self._table.get(keys.event_key(shop, provider, event))
        return ProviderEvent.model_validate(item) if item else None

    def ignore(self, event: ProviderEvent, reason: str, now: datetime) -> None:
        change = Expression(
            "SET #state = :ignored, #reason = :reason, #at = :now",
            {"#state": "state", "#reason": "reason", "#at": "worked_at", "#pk": "pk"},
            {":ignored": EventState.IGNORED, ":reason": reason, ":now": rfc3339(now), ":applied": EventState.APPLIED},
        )
        try:
            self._table.update(keys.event_key(event.shop, event.provider, event.id), change, Expression(NOT_APPLIED_YET), returns="NONE")
        except ConditionFailed:
            return  # applied meanwhile: that is the better news

    def applied(self, shop: str, provider: str, event: str, now: datetime) -> None:
        change = Expression(
            "SET #state = :applied, #at = :now",
            {"#state": "state", "#at": "worked_at", "#pk": "pk"},
            {":applied": EventState.APPLIED, ":now": rfc3339(now)},
        )
        try:
            self._table.update(keys.event_key(shop, provider, event), change, Expression(NOT_APPLIED_YET), returns="NONE")
        except ConditionFailed:
            return  # noted before
