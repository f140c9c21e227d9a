"""Paid orders are served, restocks feed those that wait, large imports of keys go on."""

from datetime import datetime, timedelta
from functools import partial
from typing import Any

from holdfast.fulfilment import key_jobs, waking
from holdfast.fulfilment.feeding import feed, left_over
from holdfast.fulfilment.key_job_store import DynamoKeyJobs
from holdfast.fulfilment.ports import World
from holdfast.fulfilment.repository import DynamoFulfilment
from holdfast.fulfilment.safe import Safe
from holdfast.fulfilment.serving import forget, serve
from holdfast.kernel.time import utc_now
from holdfast.notifications import wishing
from holdfast.orders.events import CANCELLED, CHARGED_BACK, PARTIALLY_REFUNDED, REFUND_DUE, REFUNDED
from holdfast.orders.repository import DynamoOrders
from holdfast.platform import aws, metrics
from holdfast.platform.dynamo import DynamoCommit, Table
from holdfast.platform.envelope import KmsDataKeys
from holdfast.platform.log import logger
from holdfast.platform.patience import IN_A_QUEUE
from holdfast.platform.queue import Queue
from holdfast.platform.settings import HoldSettings
from holdfast.platform.worker import Message, work
from holdfast.stock.repository import DynamoStock
from holdfast.tenants.repository import Directory, DynamoTenants
from holdfast.wiring.orders import OrdersForFulfilment
from holdfast.wiring.stock import StockForFulfilment
from holdfast.wiring.tenants import SharingOfShops


class Settings(HoldSettings):
    fulfilment_table: str
    orders_table: str
    stock_table: str
    locks_table: str
    tenants_table: str
    operations_table: str
    sealing_key_arn: str
    fulfilment_queue_url: str
    notifications_queue_url: str


settings = Settings.load()
client = aws.dynamodb()
commit = DynamoCommit(client, IN_A_QUEUE)
safe = Safe(KmsDataKeys(settings.sealing_key_arn))
store = DynamoFulfilment(Table(client, settings.fulfilment_table), commit, safe)
jobs = DynamoKeyJobs(Table(client, settings.operations_table), commit)
orders = OrdersForFulfilment(DynamoOrders(Table(client, settings.orders_table)))
stock = StockForFulfilment(DynamoStock(Table(client, settings.stock_table), Table(client, settings.locks_table), commit), settings.grace)
world = World(store, orders, stock, SharingOfShops(Directory(DynamoTenants(Table(client, settings.tenants_table))).shop))
BEGINS = timedelta(seconds=25)
"""No restock is begun later than this after the invocation began: paid orders may stand behind it, and all have a minute together."""
queue, notifications = Queue(settings.fulfilment_queue_url), Queue(settings.notifications_queue_url)


def handler(event: dict[str, Any], context: Any) -> Any:
    return work(event, context, partial(fulfil, until=utc_now() + BEGINS))


def fulfil(message: Message, until: datetime) -> None:
    """From the stock stream a restock; from staff an order to look at again, or keys to import; from the bus an order that was paid, or
    of which something was given up."""
    if message.get("kind") == waking.MESSAGE:
        restock(message, until)
        return
    if message.get("kind") == "serve":
        deliver(message["shop"], message["order"])
        logger.info("looked at again", extra={"order": message["order"]})
        return
    if message.get("kind") == "import":
        go_on(message)
        return
    told = message["detail"]
    if told["type"] in {REFUND_DUE, PARTIALLY_REFUNDED, REFUNDED, CHARGED_BACK, CANCELLED}:
        forget(told["shop"], told["order"], world=world)
    else:
        deliver(told["shop"], told["order"])
    logger.info("worked", extra={"order": told["order"], "event": told["type"]})


def deliver(shop: str, order: str) -> None:
    """And a batch for those who wait with him: the rest by messages of their own, since others who have paid come after this one."""
    for sku in serve(shop, order, world=world, now=utc_now(), most=1):
        queue.send(waking.message(shop, sku))


def restock(message: Message, until: datetime) -> None:
    """A part of a long queue, and the rest by the next message: a worker that dies has lost little time. When nobody waits any more who
    has paid, the others are told who asked to hear of it.

    Who has waited for another worker once, and finds one at it again, ends: that one goes on, or its own message comes back. Each
    restock has a message, and a long queue would keep all of them going round.
    """
    if utc_now() > until:
        queue.send(message)
        return
    meal = feed(message["shop"], message["sku"], world=world, now=utc_now())
    metrics.count("OwedUnitsGiven", meal.units)
    logger.info("restock fed", extra={"sku": message["sku"], "given": meal.units, "more": meal.again_in is not None})
    if meal.again_in is not None:
        waited = {"waited": True} if meal.again_in else {}
        if not (waited and message.get("waited")):
            queue.send({**waking.message(message["shop"], message["sku"]), **waited}, delay=meal.again_in)
    elif left_over(message["shop"], message["sku"], world=world, now=utc_now()):
        notifications.send(wishing.message(message["shop"], message["sku"]))


def go_on(message: Message) -> None:
    """A part of an import, and the rest by the next message."""
    shop, job, chunk = message["shop"], message["job"], message["chunk"]
    following = key_jobs.work(shop, job, chunk, jobs=jobs, sealer=safe, store=store, stock=stock, now=utc_now())
    logger.info("keys imported", extra={"job": job, "chunk": chunk})
    if following is not None:
        queue.send({**message, "chunk": following})
