"""What happened becomes messages to people: each written down first, then sent once."""

import random
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from holdfast.catalogue.repository import DynamoProducts
from holdfast.fulfilment.repository import DynamoFulfilment
from holdfast.fulfilment.safe import Safe
from holdfast.kernel.time import utc_now
from holdfast.notifications import digesting, reminding, sending, telling, watching, wishing
from holdfast.notifications.guards import PREFERENCES, UNSUBSCRIBE
from holdfast.notifications.in_app import InAppSender
from holdfast.notifications.kinds import Channel, Kind, switched_off
from holdfast.notifications.low_marks import DynamoMarks
from holdfast.notifications.mailer import SesSender
from holdfast.notifications.model import Notice, Status
from holdfast.notifications.ports import PostOffice, Sender
from holdfast.notifications.render import render
from holdfast.notifications.repository import DynamoNotifications
from holdfast.notifications.sending import Attempted
from holdfast.notifications.texter import SnsSender
from holdfast.orders import events, guards
from holdfast.orders.repository import DynamoOrders
from holdfast.orders.search_repository import DynamoOrderSearch
from holdfast.platform import aws, metrics, secrets
from holdfast.platform.dynamo import DynamoCommit, Table
from holdfast.platform.envelope import KmsDataKeys
from holdfast.platform.log import logger
from holdfast.platform.patience import IN_A_QUEUE
from holdfast.platform.queue import Queue
from holdfast.platform.settings import HoldSettings
from holdfast.platform.tokens import Tokens
from holdfast.platform.worker import Message, Retries, work
from holdfast.stock.recall import Recall
from holdfast.stock.repository import DynamoLevels
from holdfast.stock.shelves import availability
from holdfast.tenants.repository import Directory, DynamoTenants
from holdfast.webhooks.repository import DynamoWebhooks
from holdfast.wiring.digest import BooksOfShop
from holdfast.wiring.letters import LetterWriter, Links
from holdfast.wiring.search import KeysOfOrders
from holdfast.wiring.telling import happened
from holdfast.wiring.watching import HoldsOfOrders, ShelfOfShop


class Settings(HoldSettings):
    """`api_url`: the API as the world sees it, for links that unsubscribe; empty: there are none. `mail_configuration_set`: tells of mails;
    empty: nothing does. `sms_sender_id`: stands as sender of text messages where countries allow a name; empty: a number.
    """

    notifications_table: str
    notifications_queue_url: str
    orders_table: str
    fulfilment_table: str
    catalogue_table: str
    stock_table: str
    webhooks_table: str
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
notifications = Table(client, settings.notifications_table, IN_A_QUEUE)
store = DynamoNotifications(notifications, commit)
orders_table = Table(client, settings.orders_table, IN_A_QUEUE)
orders = DynamoOrders(orders_table)
products = DynamoProducts(Table(client, settings.catalogue_table, IN_A_QUEUE))
levels = DynamoLevels(Table(client, settings.stock_table, IN_A_QUEUE))
queue = Queue(settings.notifications_queue_url)
tokens = Tokens(partial(secrets.secret, settings.token_secret_arn))
writer = LetterWriter(
    orders=orders,
    keys=KeysOfOrders(fulfilment, orders),
    product=products.get,
    shop=directory.shop,
    preferences=store.preferences,
    links=Links(
        storefront_url=settings.storefront_url,
        api_url=settings.api_url,
        order=partial(tokens.mint, guards.ORDER),
        checkout=partial(tokens.mint, guards.CHECKOUT),
        preferences=partial(tokens.mint, PREFERENCES),
        unsubscribe=partial(tokens.mint, UNSUBSCRIBE),
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
holds, marks = HoldsOfOrders(orders), DynamoMarks(notifications)
shelf = ShelfOfShop(products, levels, settings.grace)
webhooks = DynamoWebhooks(Table(client, settings.webhooks_table, IN_A_QUEUE))
books = BooksOfShop(directory.shop, DynamoOrderSearch(orders_table, commit), orders, shelf, webhooks)


def handler(event: dict[str, Any], context: Any) -> Any:
    return work(event, context, attend, retries=Retries(queue, TRIES, note_failure))


def attend(message: Message) -> None:
    """From the bus an event of an order; all else has a kind."""
    if "detail" not in message:
        KINDS[message["kind"]](message)
        return
    event = happened(message["detail"])
    report(telling.hear(event, office=office, now=utc_now()))
    if event.type == events.PLACED:
        remind({"shop": event.shop, "order": event.order})


def told(notice: Notice) -> None:
    report(telling.tell(notice, office=office, now=utc_now()))


def written(notice: Notice) -> None:
    telling.write(notice, office=office, now=utc_now())


def tell(message: Message) -> None:
    told(Notice.model_validate(message["notice"]))


def send(message: Message) -> None:
    attempted = sending.send(message["shop"], message["notification"], office=office, now=utc_now())
    report([attempted] if attempted else [])


def remind(message: Message) -> None:
    """Its hold may be about to end."""
    reminding.remind(message["shop"], message["order"], holds=holds, tell=told, messages=queue, now=utc_now())


def watch(message: Message) -> None:
    """Its shelf has filled or emptied."""
    watching.watch(message["shop"], message["sku"], shelf=shelf, marks=marks, tell=told, now=utc_now())


def count(message: Message) -> None:
    """A shop's day has ended."""
    asked = digesting.Asked(shop=message["shop"], day=message["day"])
    notice = digesting.digest(asked, books=books, notifications=store, tell=told, now=utc_now())
    logger.info("counted" if notice else "nothing to count", extra={"shop": asked.shop, "day": asked.day.isoformat()})


def tell_back(message: Message) -> None:
    """Something is there again, and no paid order waits for it."""
    shop, sku = message["shop"], message["sku"]
    free = availability(shop, [sku], levels=levels, recall=Recall(), grace=settings.grace, now=utc_now())[sku]
    idle, off = message.get("idle", 0), switched_off(Kind.BACK_IN_STOCK, directory.shop(shop).mails_off)
    done = wishing.tell_back(shop, sku, free, book=store, tell=written, messages=queue, now=utc_now(), idle=idle, off=off)
    logger.info("told who waited", extra={"shop": shop, "sku": sku, "people": done.told, "again": done.again})


KINDS: Mapping[str, Callable[[Message], None]] = {
    "tell": tell,
    "send": send,
    reminding.MESSAGE: remind,
    watching.MESSAGE: watch,
    digesting.MESSAGE: count,
    wishing.MESSAGE: tell_back,
}
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
    """Only a row can say that it was given up; what else failed lies with the dead letters, and is worked at when these are sent again.
    Staff hear of either, and never of a message that says just this.
    """
    if not last:
        return
    if message.get("kind") == "send":
        given_up = sending.give_up(message["shop"], message["notification"], error, office=office, now=utc_now())
        report([given_up] if given_up else [])
    elif message.get("kind") == "tell" and message["notice"]["kind"] != Kind.DEAD_LETTER:
        sending.tell_staff(message["notice"]["shop"], "notification", message["notice"]["kind"], messages=queue, now=utc_now())
    elif "detail" in message:
        sending.tell_staff(message["detail"]["shop"], "event", message["detail"]["type"], messages=queue, now=utc_now())
