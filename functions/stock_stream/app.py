"""Forwards what the stock and locks tables tell: restocks to fulfilment, locks that TTL removed to their release, crowded shards
to their growth, shelves that fill or empty to those who watch for low stock. And looks at every image of a level: what does not
add up raises an alarm within the minute.

Only forwards, in milliseconds: retries, back-off and dead letters are the queues' business, and a poison record must
not hold a shard.
"""

from collections.abc import Iterator
from typing import Any

from aws_lambda_powertools.utilities.data_classes import DynamoDBStreamEvent, event_source
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord

from holdfast.platform import metrics
from holdfast.platform.log import logger
from holdfast.platform.queue import Queue
from holdfast.platform.settings import FunctionSettings
from holdfast.stock import watching
from holdfast.stock.model import Lock


class Settings(FunctionSettings):
    fulfilment_queue_url: str
    stock_queue_url: str
    notifications_queue_url: str


settings = Settings.load()
fulfilment = Queue(settings.fulfilment_queue_url)
stock = Queue(settings.stock_queue_url)
notifications = Queue(settings.notifications_queue_url)


@event_source(data_class=DynamoDBStreamEvent)
def handler(event: DynamoDBStreamEvent, context: Any) -> dict[str, Any]:
    """Stops at the first record that cannot be forwarded and names it: the stream goes on from there."""
    forwarded, hints = 0, list[dict[str, Any]]()
    try:
        for record in event.records:
            try:
                for queue, message in messages(record):
                    if message in hints:  # who looks at that shelf sees what all of these writes have made of it
                        continue
                    queue.send(message)
                    forwarded += 1
                    hints += [message] if queue is notifications else []
            except Exception:
                logger.exception("a stream record could not be forwarded")
                return {"batchItemFailures": [{"itemIdentifier": record.dynamodb.sequence_number if record.dynamodb else ""}]}
    finally:
        metrics.flush()
    if forwarded:
        logger.info("forwarded", extra={"messages": forwarded})
    return {"batchItemFailures": []}


def messages(record: DynamoDBRecord) -> Iterator[tuple[Queue, dict[str, Any]]]:
    """What a record means, if anything."""
    if record["dynamodb"]["Keys"]["sk"]["S"] == "LEVEL":
        yield from watch(record["dynamodb"].get("OldImage"), record["dynamodb"].get("NewImage"))
        return
    new, old = (record.dynamodb.new_image, record.dynamodb.old_image) if record.dynamodb else (None, None)
    if new and new.get("sk") == "SKU" and (not old or old["restocks"] != new["restocks"]):
        yield fulfilment, {"kind": "restock", "shop": new["shop"], "sku": new["sku"]}
    if record.event_name and record.event_name.name == "REMOVE" and old and old.get("sk") == "LOCK":
        yield stock, {"kind": "expired", "lock": Lock.model_validate(old).model_dump(mode="json")}


def watch(old: dict[str, Any] | None, new: dict[str, Any] | None) -> Iterator[tuple[Queue, dict[str, Any]]]:
    """An image of a level. One that does not add up holds up nobody: the audit names its cause and repairs it."""
    if new is None:
        return
    found = watching.violations(old, new)
    if found:
        metrics.count("StockConservationViolated")
        logger.error("stock does not add up", extra={"violations": found, "image": new, "image_before": old})
    crowded, stirred = watching.crowded(old, new), watching.stirred(old, new)
    if crowded or stirred:
        shop, sku, _ = watching.part_of(new)
        if crowded:
            yield stock, {"kind": "grow", "shop": shop, "sku": sku}
        if stirred:
            yield notifications, {"kind": "low_stock", "shop": shop, "sku": sku}
