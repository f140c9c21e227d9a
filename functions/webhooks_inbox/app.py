"""Events of orders become deliveries, one per endpoint that wants to hear of them; and each delivery is attempted."""

import random
from typing import Any

from pydantic import Field

from holdfast.kernel.time import utc_now
from holdfast.notifications import sending
from holdfast.platform import aws, metrics
from holdfast.platform.dynamo import Table
from holdfast.platform.log import logger
from holdfast.platform.patience import IN_A_QUEUE
from holdfast.platform.queue import Queue
from holdfast.platform.sealing import KmsSealer
from holdfast.platform.worker import Message, work
from holdfast.webhooks import delivering
from holdfast.webhooks.model import State
from holdfast.webhooks.ports import Mailroom
from holdfast.webhooks.proxy import HttpPoster
from holdfast.webhooks.repository import DynamoWebhooks
from holdfast.wiring.webhooks import TYPES, WebhookSettings, happened


class Settings(WebhookSettings):
    webhooks_table: str
    webhooks_queue_url: str
    notifications_queue_url: str
    sealing_key_arn: str
    # Five of them in one batch must end within the function's 60 s.
    webhook_timeout_seconds: int = Field(ge=1, le=10)


settings = Settings.load()
room = Mailroom(
    store=DynamoWebhooks(Table(aws.dynamodb(), settings.webhooks_table, IN_A_QUEUE)),
    sealer=KmsSealer(settings.sealing_key_arn),
    poster=HttpPoster(settings.doors, settings.webhook_timeout_seconds),
    messages=Queue(settings.webhooks_queue_url),
    chance=random.randrange,
)
notifications = Queue(settings.notifications_queue_url)


def handler(event: dict[str, Any], context: Any) -> Any:
    return work(event, context, take)


def take(message: Message) -> None:
    """From the bus, an event; from ourselves, a delivery whose time has come."""
    if message.get("kind") == "attempt":
        attempt(message)
    else:
        fan_out(message)


def fan_out(message: Message) -> None:
    event = happened(message["detail"])
    made = delivering.fan_out(event, confidential=TYPES.confidential, store=room.store, messages=room.messages, now=utc_now())
    logger.info("fanned out", extra={"order": event.order, "event": event.type, "endpoints": made})


def attempt(message: Message) -> None:
    named = {name: message[name] for name in ("shop", "endpoint", "delivery")}
    attempted = delivering.attempt(**named, room=room, now=utc_now())
    if attempted is None:
        logger.info("nothing to send", extra=named)
        return
    state, reply = attempted.delivery.state, attempted.reply
    if reply is not None:
        metrics.count(f"WebhookAttempt{reply.outcome.title().replace('_', '')}")
    if state is State.FAILED:
        metrics.count("WebhooksGivenUp")
    if attempted.disabled is not None:
        metrics.count("WebhookEndpointsDisabled")
        logger.warning("endpoint switched off", extra={**named, "because": attempted.disabled})
        sending.tell_staff(named["shop"], "webhook_endpoint", attempted.disabled, messages=notifications, now=utc_now())
    told = {"outcome": reply.outcome, "status": reply.status, "ms": reply.milliseconds} if reply else {}
    logger.info("attempted", extra={**named, "event": attempted.delivery.type, "state": state, **told})
