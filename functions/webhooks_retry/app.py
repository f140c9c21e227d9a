"""Each minute: deliveries that wait longer than a queue can delay, and those that a worker left behind, go to the queue."""

from typing import Any

from holdfast.kernel.time import utc_now
from holdfast.platform import aws, metrics
from holdfast.platform.dynamo import Table
from holdfast.platform.log import logger
from holdfast.platform.patience import IN_A_QUEUE
from holdfast.platform.queue import Queue
from holdfast.platform.settings import FunctionSettings
from holdfast.webhooks import delivering
from holdfast.webhooks.repository import DynamoWebhooks


class Settings(FunctionSettings):
    webhooks_table: str
    webhooks_queue_url: str


settings = Settings.load()
store = DynamoWebhooks(Table(aws.dynamodb(), settings.webhooks_table, IN_A_QUEUE))
queue = Queue(settings.webhooks_queue_url)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`{sent}`: how many were handed over."""
    sent = delivering.send_due(store=store, messages=queue, now=utc_now())
    if sent:
        metrics.count("WebhooksWoken", sent)
        metrics.flush()
    logger.info("woken", extra={"deliveries": sent})
    return {"sent": sent}
