"""What happened becomes messages to people: each written down first, then sent once."""

import random
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from holdfast.catalogue.repository import DynamoProducts
from holdfast.fulfilment.repository import DynamoFulfilment
from holdfast.fulfilment.safe import Safe
from holdfast.fulfilment.usecases import delivered_keys
from holdfast.kernel.time import utc_now
from holdfast.notifications import sending, telling
from holdfast.notifications.guards import PREFERENCES
from holdfast.notifications.in_app import InAppSender
from holdfast.notifications.kinds import Channel
from holdfast.notifications.mailer import SesSender
from holdfast.notifications.model import Notice, Status
from holdfast.notifications.ports import PostOffice, Sender
from holdfast.notifications.render import render
from holdfast.notifications.repository import DynamoNotifications
from holdfast.notifications.sending import Attempted
from holdfast.notifications.texter import SnsSender
from holdfast.orders import guards
from holdfast.orders.repository import DynamoOrders
from holdfast.platform import aws, metrics, secrets
from holdfast.platform.dynamo import DynamoCommit, Table
from holdfast.platform.envelope import KmsDataKeys
from holdfast.platform.log import logger
from holdfast.platform.patience import IN_A_QUEUE
from holdfast.platform.queue import Queue
from holdfast.platform.settings import FunctionSettings
from holdfast.platform.tokens import Tokens
from holdfast.platform.worker import Message, Retries, work
from holdfast.tenants.repository import Directory, DynamoTenants
from holdfast.wiring.letters import LetterWriter, Links
from holdfast.wiring.telling import happened


class Settings(FunctionSettings):
    """`api_url`: the API as the world sees it, for links that unsubscribe; empty: there are none. `mail_configuration_set`: tells of mails;
    empty: nothing does. `sms_sender_id`: stands as sender of text messages where countries allow a name; empty: a number.
    """

    notifications_table: str
    notifications_queue_url: str
    orders_table: str
    fulfilment_table: str
    catalogue_table: str
    tenants_table: str
    sealing_key_arn: str
    token_secret_arn: str
    mail_sender: str
    mail_configuration_set: str
    storefront_url: str
    api_url: str
    sms_enabled: bool
    sms_sender_id: str


TRIES = 12
"""As the queue's redrive policy has it, of what could not be read or written. Channels that are busy are asked again by the row's count."""
settings = Settings.load()
client = aws.dynamodb()
commit = DynamoCommit(client, IN_A_QUEUE)
directory = Directory(DynamoTenants(Table(client, settings.tenants_table)))
safe = Safe(KmsDataKeys(settings.sealing_key_arn))
fulfilment = DynamoFulfilment(Table(client, settings.fulfilment_table), commit, safe)
store = DynamoNotifications(Table(client, settings.notifications_table, IN_A_QUEUE), commit)
queue = Queue(settings.notifications_queue_url)
tokens = Tokens(partial(secrets.secret, settings.token_secret_arn))
writer = LetterWriter(
    orders=DynamoOrders(Table(client, settings.orders_table)),
    keys=lambda shop, order, wave: delivered_keys(shop, order, vaults=fulfilment.vaults, wave=wave),
    product=DynamoProducts(Table(client, settings.catalogue_table)).get,
    shop=directory.shop,
    preferences=store.preferences,
    links=Links(
        storefront_url=settings.storefront_url,
        api_url=settings.api_url,
        order=partial(tokens.mint, guards.ORDER),
        checkout=partial(tokens.mint, guards.CHECKOUT),
        customer=partial(tokens.mint, PREFERENCES),
    ),
    texts=settings.sms_enabled,
    clock=utc_now,
)
senders: dict[Channel, Sender] = {
    Channel.EMAIL: SesSender(settings.mail_sender, settings.mail_configuration_set or None),
    Channel.IN_APP: InAppSender(store),
    **({Channel.SMS: SnsSender(settings.sms_sender_id, store, utc_now)} if settings.sms_enabled else {}),
}
office = PostOffice(store, writer, render, senders, queue, random.randrange)


def handler(event: dict[str, Any], context: Any) -> Any:
    return work(event, context, attend, retries=Retries(queue, TRIES, note_failure))


def attend(message: Message) -> None:
    """From the bus an event of an order; all else has a kind."""
    if "detail" in message:
        report(telling.hear(happened(message["detail"]), office=office, now=utc_now()))
    else:
        KINDS[message["kind"]](message)


def tell(message: Message) -> None:
    report(telling.tell(Notice.model_validate(message["notice"]), office=office, now=utc_now()))


def send(message: Message) -> None:
    attempted = sending.send(message["shop"], message["notification"], office=office, now=utc_now())
    report([attempted] if attempted else [])


KINDS: Mapping[str, Callable[[Message], None]] = {"tell": tell, "send": send}
"""Messages that are no events of the bus, and who works at them."""
COUNTED = {Channel.EMAIL: "MailsSent", Channel.SMS: "TextsSent", Channel.IN_APP: "InAppSent"}


def report(attempts: Iterable[Attempted]) -> None:
    """What came of each, without addresses. Errors of services are told by their type: their words may name the recipient."""
    for row, error in attempts:
        if row.status is Status.SENT:
            metrics.count(COUNTED[row.recipient.channel])
        if row.status is Status.FAILED:
            metrics.count("NotificationsFailed")
        known = {"shop": row.shop, "notification": row.id, "message_kind": row.notice.kind, "channel": row.recipient.channel}
        told = {"status": row.status, "code": row.error, "attempts": row.attempts, "error": type(error).__name__ if error else None}
        logger.info("attempted", extra={**known, **told})


def note_failure(message: Message, error: Exception, last: bool) -> None:
    """Only a row can say that it was given up; what else failed lies with the dead letters, and is worked at when these are sent again."""
    if not last:
        return
    if message.get("kind") == "send":
        given_up = sending.give_up(message["shop"], message["notification"], error, office=office, now=utc_now())
        report([given_up] if given_up else [])
    elif "detail" in message:
        sending.tell_staff(message["detail"]["shop"], "event", message["detail"]["type"], messages=queue, now=utc_now())
