"""Every five minutes: locks whose time is over give their units back. Also by hand, with `{"dry_run": true}`."""

from typing import Any

from holdfast.kernel.errors import HoldfastError
from holdfast.kernel.time import utc_now
from holdfast.orders.repository import DynamoOrders
from holdfast.platform import aws, metrics
from holdfast.platform.dynamo import DynamoCommit, Table
from holdfast.platform.log import logger
from holdfast.platform.settings import HoldSettings
from holdfast.stock import releasing
from holdfast.stock.repository import DynamoStock
from holdfast.tenants.repository import DynamoTenants
from holdfast.wiring.orders import OrdersForSweep

REPORTED = 100


class Settings(HoldSettings):
    stock_table: str
    locks_table: str
    orders_table: str
    tenants_table: str


settings = Settings.load()
client = aws.dynamodb()
stock = DynamoStock(Table(client, settings.stock_table), Table(client, settings.locks_table), DynamoCommit(client))
orders = OrdersForSweep(DynamoOrders(Table(client, settings.orders_table)))
tenants = DynamoTenants(Table(client, settings.tenants_table))


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`{dry_run, locks, units, failed, examples}`. One lock that fails keeps no other from its release."""
    now, dry_run = utc_now(), event.get("dry_run") is True
    report: dict[str, Any] = {"dry_run": dry_run, "locks": 0, "units": 0, "failed": 0, "examples": []}
    for lock in releasing.plan_sweep((shop.id for shop in tenants.shops()), store=stock, grace=settings.grace, now=now):
        report["locks"] += 1
        if len(report["examples"]) < REPORTED:
            report["examples"].append({"shop": lock.shop, "lock": lock.id, "order": lock.order})
        if dry_run:
            continue
        try:
            report["units"] += releasing.expire_lock(lock, store=stock, orders=orders, grace=settings.grace, now=now)
        except HoldfastError:
            report["failed"] += 1
            logger.exception("a lock could not be released; the next sweep tries again", extra={"lock": lock.id})
    metrics.count("LocksSwept", report["locks"] - report["failed"])
    metrics.flush()
    logger.info("swept", extra={name: value for name, value in report.items() if name != "examples"})
    return report
