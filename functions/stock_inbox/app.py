"""Work on stock that streams told of: locks that TTL removed give their units back, crowded SKUs get more shards;
and bulk changes, a chunk at a time."""

from collections.abc import Callable
from typing import Any

from holdfast.kernel.time import utc_now
from holdfast.orders.repository import DynamoOrders
from holdfast.platform import aws, metrics
from holdfast.platform.dynamo import DynamoCommit, Table
from holdfast.platform.log import logger
from holdfast.platform.settings import HoldSettings
from holdfast.platform.worker import Message, work
from holdfast.stock import bulk, layout, releasing
from holdfast.stock.errors import UnknownStock
from holdfast.stock.jobs import DynamoJobs
from holdfast.stock.model import Lock
from holdfast.stock.repository import DynamoStock
from holdfast.wiring.orders import OrdersForSweep


class Settings(HoldSettings):
    stock_table: str
    locks_table: str
    orders_table: str
    operations_table: str


settings = Settings.load()
client = aws.dynamodb()
commit = DynamoCommit(client)
stock = DynamoStock(Table(client, settings.stock_table), Table(client, settings.locks_table), commit)
jobs = DynamoJobs(Table(client, settings.operations_table), commit)
orders = OrdersForSweep(DynamoOrders(Table(client, settings.orders_table)))


def release(message: Message) -> None:
    """TTL removed a lock."""
    lock = Lock.model_validate(message["lock"])
    freed = releasing.expire_lock(lock, store=stock, orders=orders, grace=settings.grace, now=utc_now())
    if freed:
        metrics.count("UnitsReleasedByTtl", freed)


def grow(message: Message) -> None:
    """A shard has more live locks than are good for it. Nothing happens when that was dealt with meanwhile."""
    shop, sku = message["shop"], message["sku"]
    try:
        head = layout.grow(shop, sku, store=stock, now=utc_now())
    except UnknownStock:
        return  # the SKU is gone, and the wish with it
    logger.info("grown", extra={"shop": shop, "sku": sku, "shards": head.shards})


def change_in_bulk(message: Message) -> None:
    """A chunk of a bulk change."""
    bulk.work(message["shop"], message["job"], message["chunk"], jobs=jobs, store=stock, grace=settings.grace, now=utc_now())


KINDS: dict[str, Callable[[Message], None]] = {"expired": release, "grow": grow, "bulk": change_in_bulk}


def handler(event: dict[str, Any], context: Any) -> Any:
    return work(event, context, lambda message: KINDS[message["kind"]](message))
