"""Every five minutes: holds whose time is over give their units back, calm SKUs give up shards. Also by hand, with `{"dry_run": true}`."""

from typing import Any

from holdfast.kernel.time import utc_now
from holdfast.orders.repository import DynamoOrders
from holdfast.platform import aws, metrics
from holdfast.platform.dynamo import DynamoCommit, Table
from holdfast.platform.log import logger
from holdfast.platform.runs import DynamoRuns
from holdfast.platform.settings import HoldSettings
from holdfast.stock.repository import DynamoStock
from holdfast.tenants.repository import DynamoTenants
from holdfast.wiring.cleaning import Cleaner
from holdfast.wiring.orders import OrdersForSweep


class Settings(HoldSettings):
    stock_table: str
    locks_table: str
    orders_table: str
    tenants_table: str
    operations_table: str


settings = Settings.load()
client = aws.dynamodb()
stock = DynamoStock(Table(client, settings.stock_table), Table(client, settings.locks_table), DynamoCommit(client))
orders = OrdersForSweep(DynamoOrders(Table(client, settings.orders_table)))
tenants = DynamoTenants(Table(client, settings.tenants_table))
cleaner = Cleaner(stock, orders, DynamoRuns(Table(client, settings.operations_table)), settings.grace, utc_now)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`{dry_run, locks, units, failed, shards, shops}`: sums, and the report of each shop, which is kept with its run."""
    dry_run = event.get("dry_run") is True
    trigger = "schedule" if "detail-type" in event else "operator"
    reports = [cleaner.clean(shop.id, trigger=trigger, dry_run=dry_run).report for shop in tenants.shops()]
    sums = {name: sum(report[name] for report in reports) for name in ("locks", "units", "failed", "shards")}
    if not dry_run:
        metrics.count("LocksSwept", sums["locks"] - sums["failed"])
        metrics.flush()
    logger.info("swept", extra={"dry_run": dry_run, "shop_count": len(reports), **sums})
    return {"dry_run": dry_run, **sums, "shops": reports}
