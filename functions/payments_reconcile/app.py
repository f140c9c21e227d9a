"""On its schedules: begin the reconciliation of every shop. It lists nothing itself and asks nobody: the work is done from a queue.

Also by hand, with the options in the event: `{"shop": "demo", "mode": "comprehensive", "dry_run": true}`; without a shop, of all.
"""

from typing import Any

from holdfast.kernel.errors import HoldfastError
from holdfast.kernel.ids import ShopId
from holdfast.kernel.time import utc_now
from holdfast.payments.account_store import DynamoAccounts
from holdfast.payments.reconciling import Office, at_work
from holdfast.payments.reports import Asked, Options
from holdfast.payments.run_store import DynamoRunStore
from holdfast.platform import aws, metrics
from holdfast.platform.dynamo import Table
from holdfast.platform.log import logger
from holdfast.platform.patience import IN_A_QUEUE
from holdfast.platform.queue import Queue
from holdfast.platform.settings import FunctionSettings
from holdfast.tenants.repository import DynamoTenants
from holdfast.wiring.reconcile_start import PlanOfShops, begin


class Settings(FunctionSettings):
    tenants_table: str
    operations_table: str
    reconcile_queue_url: str


class Tick(Asked):
    """The options, and whose payments: one shop's, or all. The schedules say that it is they."""

    shop: ShopId | None = None
    trigger: str = "operator"

    @property
    def options(self) -> Options:
        return Options.model_validate(self.model_dump(exclude={"shop", "trigger"}))


settings = Settings.load()
client = aws.dynamodb()
tenants_table = Table(client, settings.tenants_table, IN_A_QUEUE)
tenants = DynamoTenants(tenants_table)
accounts = DynamoAccounts(tenants_table)
runs = DynamoRunStore(Table(client, settings.operations_table, IN_A_QUEUE))
office = Office(runs, Queue(settings.reconcile_queue_url))
plan = PlanOfShops(lambda shop: [account.provider for account in accounts.accounts(shop)])


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`{runs: {shop: run}, at_work, failed}`: shops whose run before is still at work, and those where it could not begin."""
    tick = Tick.model_validate(event)
    begun: dict[str, str] = {}
    waiting: list[str] = []
    failed: list[str] = []
    for shop in [tick.shop] if tick.shop else [shop.id for shop in tenants.shops()]:
        try:
            run = _begin(shop, tick)
        except HoldfastError as refusal:
            logger.error("no reconciliation", extra={"shop": shop, "code": refusal.code})
            failed.append(shop)
            continue
        except Exception:  # noqa: BLE001  whatever it is, it is logged, and the other shops' runs begin
            logger.exception("no reconciliation", extra={"shop": shop})
            failed.append(shop)
            continue
        if run is None:
            waiting.append(shop)
        else:
            begun[shop] = run
    _tell(tick, begun, waiting, failed)
    return {"runs": begun, "at_work": waiting, "failed": failed}


def _begin(shop: str, tick: Tick) -> str | None:
    now = utc_now()
    if tick.trigger == "schedule" and at_work(shop, tick.mode, runs=runs, now=now):
        return None
    return begin(shop, tick.options, tick.trigger, plan=plan, office=office, now=now).id


def _tell(tick: Tick, begun: dict[str, str], waiting: list[str], failed: list[str]) -> None:
    if failed:
        metrics.count("ReconciliationsNotBegun", len(failed))
        metrics.flush()
    counts = {"begun": len(begun), "still_at_work": len(waiting), "not_begun": len(failed)}
    logger.info("reconciliation begun", extra={"mode": tick.mode, "dry_run": tick.dry_run, **counts})
