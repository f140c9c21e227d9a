"""Paid orders are served, restocks feed those that wait."""

from typing import Any

from holdfast.fulfilment import waking
from holdfast.fulfilment.feeding import feed, left_over
from holdfast.fulfilment.ports import World
from holdfast.fulfilment.repository import DynamoFulfilment
from holdfast.fulfilment.serving import forget, serve
from holdfast.kernel.time import utc_now
from holdfast.notifications import wishing
from holdfast.orders.events import CANCELLED, CHARGED_BACK, PARTIALLY_REFUNDED, REFUND_DUE, REFUNDED
from holdfast.orders.repository import DynamoOrders
from holdfast.platform import aws, metrics
from holdfast.platform.dynamo import DynamoCommit, Table
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
    fulfilment_queue_url: str
    notifications_queue_url: str


settings = Settings.load()
client = aws.dynamodb()
commit = DynamoCommit(client, IN_A_QUEUE)
store = DynamoFulfilment(Table(client, settings.fulfilment_table), commit)
orders = OrdersForFulfilment(DynamoOrders(Table(client, settings.orders_table)))
stock = StockForFulfilment(DynamoStock(Table(client, settings.stock_table), Table(client, settings.locks_table), commit), settings.grace)
world = World(store, orders, stock, SharingOfShops(Directory(DynamoTenants(Table(client, settings.tenants_table))).shop))
queue, notifications = Queue(settings.fulfilment_queue_url), Queue(settings.notifications_queue_url)


def handler(event: dict[str, Any], context: Any) -> Any:
    return work(event, context, fulfil)


def fulfil(message: Message) -> None:
    """From the stock stream a restock; from staff an order to look at again; from the bus one that was paid, or of which something was
    given up."""
    if message.get("kind") == waking.MESSAGE:
        restock(message)
        return
    if message.get("kind") == "serve":
        deliver(message["shop"], message["order"])
        logger.info("looked at again", extra={"order": message["order"]})
        return
    told = message["detail"]
    if told["type"] in {REFUND_DUE, PARTIALLY_REFUNDED, REFUNDED, CHARGED_BACK, CANCELLED}:
        forget(told["shop"], told["order"], world=world)
    else:
        deliver(told["shop"], told["order"])
    logger.info("worked", extra={"order": told["order"], "event": told["type"]})


def deliver(shop: str, order: str) -> None:
    for sku in serve(shop, order, world=world, now=utc_now()):
        queue.send(waking.message(shop, sku))


def restock(message: Message) -> None:
    """A part of a long queue, and the rest by the next message: a worker that dies has lost little time. When nobody waits any more who
    has paid, the others are told who asked to hear of it.

    Who has waited for another worker once, and finds one at it again, ends: that one goes on, or its own message comes back. Each
    restock has a message, and a long queue would keep all of them going round.
    """
    meal = feed(message["shop"], message["sku"], world=world, now=utc_now())
    metrics.count("OwedUnitsGiven", meal.units)
    logger.info("restock fed", extra={"sku": message["sku"], "given": meal.units, "more": meal.again_in is not None})
    if meal.again_in is not None:
        waited = {"waited": True} if meal.again_in else {}
        if not (waited and message.get("waited")):
            queue.send({**waking.message(message["shop"], message["sku"]), **waited}, delay=meal.again_in)
    elif left_over(message["shop"], message["sku"], world=world, now=utc_now()):
        notifications.send(wishing.message(message["shop"], message["sku"]))
