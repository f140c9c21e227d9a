"""Every quarter of an hour: queues that could be fed and that nobody feeds are looked at again, and whoever waits longer than was promised
is told so. A net under the restocks, which feed those who wait by themselves.
"""

from typing import Any

from holdfast.fulfilment.repository import DynamoFulfilment
from holdfast.kernel.time import utc_now
from holdfast.orders.repository import DynamoOrders
from holdfast.platform import aws, metrics
from holdfast.platform.dynamo import DynamoCommit, Table
from holdfast.platform.log import logger
from holdfast.platform.patience import IN_A_QUEUE
from holdfast.platform.queue import Queue
from holdfast.platform.runs import DynamoRuns
from holdfast.platform.settings import HoldSettings
from holdfast.stock.repository import DynamoLevels
from holdfast.tenants.repository import DynamoTenants
from holdfast.wiring.orders import OrdersForFulfilment
from holdfast.wiring.waiting import FreeUnits, Usher


class Settings(HoldSettings):
    fulfilment_table: str
    orders_table: str
    stock_table: str
    tenants_table: str
    operations_table: str
    fulfilment_queue_url: str


settings = Settings.load()
client = aws.dynamodb()
tenants = DynamoTenants(Table(client, settings.tenants_table, IN_A_QUEUE))
usher = Usher(
    DynamoFulfilment(Table(client, settings.fulfilment_table, IN_A_QUEUE), DynamoCommit(client, IN_A_QUEUE)),
    OrdersForFulfilment(DynamoOrders(Table(client, settings.orders_table, IN_A_QUEUE))),
    FreeUnits(DynamoLevels(Table(client, settings.stock_table, IN_A_QUEUE)), settings.grace, utc_now),
    Queue(settings.fulfilment_queue_url),
    DynamoRuns(Table(client, settings.operations_table, IN_A_QUEUE)),
    utc_now,
)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`{woken, told, failed, shops}`: sums, and the report of each shop, which is kept with its run."""
    trigger = "schedule" if "detail-type" in event else "operator"
    reports = [usher.go_round(shop, trigger=trigger).report for shop in tenants.shops()]
    woken, told = (sum(report[name] for report in reports) for name in ("woken", "told"))
    failed = sum(len(report["failed"]) for report in reports)
    metrics.count("QueuesWoken", woken)
    metrics.count("DelaysTold", told)
    metrics.flush()
    logger.info("went round", extra={"shop_count": len(reports), "woken": woken, "told": told, "failed": failed})
    return {"woken": woken, "told": told, "failed": failed, "shops": reports}
