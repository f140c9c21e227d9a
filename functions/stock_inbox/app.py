"""Locks that TTL removed: their units go back through the same release as the sweep's."""

from typing import Any

from holdfast.kernel.time import utc_now
from holdfast.orders.repository import DynamoOrders
from holdfast.platform import aws, metrics
from holdfast.platform.dynamo import DynamoCommit, Table
from holdfast.platform.settings import HoldSettings
from holdfast.platform.worker import Message, work
from holdfast.stock import releasing
from holdfast.stock.model import Lock
from holdfast.stock.repository import DynamoStock
from holdfast.wiring.orders import OrdersForSweep


class Settings(HoldSettings):
    stock_table: str
    locks_table: str
    orders_table: str


settings = Settings.load()
client = aws.dynamodb()
stock = DynamoStock(Table(client, settings.stock_table), Table(client, settings.locks_table), DynamoCommit(client))
orders = OrdersForSweep(DynamoOrders(Table(client, settings.orders_table)))


def handler(event: dict[str, Any], context: Any) -> Any:
    return work(event, context, release)


def release(message: Message) -> None:
    lock = Lock.model_validate(message["lock"])
    freed = releasing.expire_lock(lock, store=stock, orders=orders, grace=settings.grace, now=utc_now())
    if freed:
        metrics.count("UnitsReleasedByTtl", freed)
