"""Every five minutes: messages that should have gone long ago go to the queue again. Each morning, by another rule with
`{"job": "digest"}`: a digest of the day before is asked for, for each shop that has staff to read it.

Who waits for a SKU is not told here: a restock does it, by a message that the queue keeps until it was worked at. Here those are dropped
who have waited too long.
"""

from typing import Any

from holdfast.kernel.time import utc_now
from holdfast.notifications import digesting, waking, wishing
from holdfast.notifications.repository import DynamoNotifications
from holdfast.platform import aws, metrics
from holdfast.platform.dynamo import DynamoCommit, Table
from holdfast.platform.log import logger
from holdfast.platform.patience import IN_A_QUEUE
from holdfast.platform.queue import Queue
from holdfast.platform.settings import FunctionSettings
from holdfast.tenants.repository import DynamoTenants


class Settings(FunctionSettings):
    notifications_table: str
    tenants_table: str
    notifications_queue_url: str


settings = Settings.load()
client = aws.dynamodb()
store = DynamoNotifications(Table(client, settings.notifications_table, IN_A_QUEUE), DynamoCommit(client, IN_A_QUEUE))
tenants = DynamoTenants(Table(client, settings.tenants_table, IN_A_QUEUE))
queue = Queue(settings.notifications_queue_url)
DIGEST = "digest"


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`{job, sent}`: how many messages it made. An unknown job is an error, and not a tick: whoever misspelt it must hear of it."""
    job = event.get("job", "wake")
    if job == DIGEST:
        sent = digesting.ask([shop.id for shop in tenants.shops() if shop.staff_emails], messages=queue, now=utc_now())
    elif job == "wake":
        sent = waking.wake(notifications=store, messages=queue, now=utc_now())
        logger.info("wishes dropped", extra={"wishes": wishing.sweep(book=store, now=utc_now())})
    else:
        raise ValueError("no such job")
    if sent and job != DIGEST:
        metrics.count("NotificationsWoken", sent)
    metrics.flush()
    logger.info("scheduled", extra={"job": job, "messages": sent})
    return {"job": job, "sent": sent}
