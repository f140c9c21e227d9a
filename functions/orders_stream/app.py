"""The orders table's stream is the outbox: each new event of an order goes on the bus under its name.

Only forwards. An event that goes out twice has the same id; consumers know it again by that.
"""

import json
from collections.abc import Iterator
from typing import Any

from aws_lambda_powertools.utilities.data_classes import DynamoDBStreamEvent, event_source
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord

from holdfast.kernel.events import Event
from holdfast.orders import events
from holdfast.orders.model import Order
from holdfast.orders.repository import order_of
from holdfast.platform import aws
from holdfast.platform.dynamo import from_wire
from holdfast.platform.log import logger
from holdfast.platform.settings import FunctionSettings

SOURCE = "holdfast.orders"
BATCH = 10


class Settings(FunctionSettings):
    event_bus_name: str


settings = Settings.load()


@event_source(data_class=DynamoDBStreamEvent)
def handler(event: DynamoDBStreamEvent, context: Any) -> dict[str, Any]:
    """Publishes in the order of the records, and names the first one that did not get through: the stream goes on from it."""
    entries = [(record.dynamodb.sequence_number, entry) for record in event.records if record.dynamodb for entry in entries_of(record)]
    for start in range(0, len(entries), BATCH):
        batch = entries[start : start + BATCH]
        failed = _publish([entry for _, entry in batch])
        if failed is not None:
            return {"batchItemFailures": [{"itemIdentifier": batch[failed][0]}]}
    logger.info("published", extra={"events": len(entries)})
    return {"batchItemFailures": []}


def entries_of(record: DynamoDBRecord) -> Iterator[dict[str, Any]]:
    """The events that the new image has and the old one had not."""
    images = record.raw_event["dynamodb"]
    new = from_wire(images.get("NewImage") or {})
    if new.get("sk") != "ORDER":
        return
    known = max((event["seq"] for event in from_wire(images.get("OldImage") or {}).get("events", [])), default=0)
    order = order_of(new)
    for event in order.events:
        if event.seq > known:
            yield {
                "EventBusName": settings.event_bus_name,
                "Source": SOURCE,
                "DetailType": event.type,
                "Detail": json.dumps(detail_of(order, event)),
                "Resources": [order.id],
            }


def detail_of(order: Order, event: Event) -> dict[str, Any]:
    """What travels: the event, and what every listener needs. Names of what changed, not the values: some are personal."""
    told = event.model_dump(mode="json", exclude_none=True, exclude={"before", "after", "data"})
    about = {"shop": order.shop, "order": order.id, "number": order.number, "status": order.status}
    data = {name: fact for name, fact in event.data.items() if name not in events.AT_HOME.get(event.type, ())}
    return {**about, **told, "data": data, "changed": sorted(event.after)}


def _publish(entries: list[dict[str, Any]]) -> int | None:
    """The position of the first entry that the bus did not take."""
    reply = aws.client("events").put_events(Entries=entries)
    for position, entry in enumerate(reply["Entries"]):
        if "ErrorCode" in entry:
            logger.error("the bus refused an event", extra={"error": entry["ErrorCode"]})
            return position
    return None
