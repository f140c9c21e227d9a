"""What operators do by hand: invoked from the AWS console, the AWS CLI or ours, with `{"command": name, ...}`.

Answers `{"ok": true, "result": …}` or `{"ok": false, "error": {code, detail}}`; nothing is thrown at the operator. What changes
stock does so only with `"dry_run": false`; without it the answer is the plan. Payments are reconciled as the schedule does it,
unless it is told `"dry_run": true`.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from holdfast.catalogue.repository import DynamoProducts
from holdfast.fulfilment import key_audit
from holdfast.fulfilment.repository import DynamoFulfilment
from holdfast.kernel.errors import HoldfastError
from holdfast.kernel.ids import ShopId, Sku
from holdfast.kernel.model import Model
from holdfast.kernel.time import Instant, utc_now
from holdfast.orders import indexing
from holdfast.orders.repository import DynamoOrders
from holdfast.orders.retelling import Retell, retell
from holdfast.orders.search_repository import DynamoOrderSearch
from holdfast.payments import enrolling
from holdfast.payments.account_store import DynamoAccounts
from holdfast.payments.account_views import account_view
from holdfast.payments.reconcile_views import run_view
from holdfast.payments.reconciling import Office
from holdfast.payments.reports import Asked, Options
from holdfast.payments.run_store import DynamoRunStore
from holdfast.platform import aws
from holdfast.platform.dynamo import DynamoCommit, Table
from holdfast.platform.log import logger
from holdfast.platform.patience import pause
from holdfast.platform.queue import Queue
from holdfast.platform.runs import DynamoRuns
from holdfast.platform.sealing import KmsSealer
from holdfast.platform.settings import HoldSettings
from holdfast.stock import auditing, layout, ledger, orphans, shelves
from holdfast.stock.repository import DynamoStock
from holdfast.tenants import usecases
from holdfast.tenants.repository import Directory, DynamoTenants
from holdfast.wiring.accounts import connect_of
from holdfast.wiring.cleaning import Cleaner
from holdfast.wiring.keys import BookForKeyAudit
from holdfast.wiring.orders import OrdersForSweep
from holdfast.wiring.orphans import OrdersForOrphans
from holdfast.wiring.providers import kind_of
from holdfast.wiring.reconcile_start import PlanOfShops, awaited, begin
from holdfast.wiring.search import VaultsForSearch

ACTOR = "operator"
MOST_DOCUMENTS = 200_000
"""Of the ledger, in one command. One part's are read one after the other, some 3 ms each; the function has fifteen minutes."""


class Settings(HoldSettings):
    catalogue_table: str
    stock_table: str
    locks_table: str
    orders_table: str
    fulfilment_table: str
    tenants_table: str
    operations_table: str
    sealing_key_arn: str
    reconcile_queue_url: str


settings = Settings.load()
client = aws.dynamodb()
tenants_table = Table(client, settings.tenants_table)
tenants = DynamoTenants(tenants_table)
accounts = DynamoAccounts(tenants_table)
sealer = KmsSealer(settings.sealing_key_arn)
products = DynamoProducts(Table(client, settings.catalogue_table))
orders = DynamoOrders(Table(client, settings.orders_table))
commit = DynamoCommit(client)
search = DynamoOrderSearch(Table(client, settings.orders_table), commit)
fulfilment = DynamoFulfilment(Table(client, settings.fulfilment_table), commit)
vaults = VaultsForSearch(fulfilment, orders)
stock = DynamoStock(Table(client, settings.stock_table), Table(client, settings.locks_table), commit)
cleaner = Cleaner(stock, OrdersForSweep(orders), DynamoRuns(Table(client, settings.operations_table)), settings.grace, utc_now)


runs = DynamoRunStore(Table(client, settings.operations_table))
office = Office(runs, Queue(settings.reconcile_queue_url))
plan = PlanOfShops(lambda shop: [account.provider for account in accounts.accounts(shop)])


class OfStock(Model):
    """`skus`: these; or all of the shop, the withdrawn ones too."""

    shop: ShopId
    skus: tuple[Sku, ...] = Field(default=(), max_length=1000)
    dry_run: bool = True

    @property
    def wanted(self) -> tuple[str, ...]:
        return self.skus or tuple(products.skus(self.shop))


class AuditStock(OfStock):
    """`repair` plans corrections, and writes them unless it is a dry run."""

    repair: bool = False


class RebuildStock(Model):
    """`at`: now, unless told."""

    shop: ShopId
    sku: Sku
    at: Instant | None = None


class CleanUp(Model):
    shop: ShopId
    dry_run: bool = True


class Reshard(Model):
    """`shards`: null lets the rules choose again."""

    shop: ShopId
    sku: Sku
    shards: int | None = Field(ge=1, le=64)
    dry_run: bool = True


class Reindex(Model):
    """`most` orders, newest first; `after`: the `next` of the run before."""

    shop: ShopId
    after: str | None = Field(default=None, max_length=200)
    most: int = Field(default=5000, ge=1, le=20_000)
    dry_run: bool = True


class ConnectProvider(Model):
    """`account`: the provider's own fields, and `overlap_hours`."""

    shop: ShopId
    provider: str = Field(max_length=40)
    account: dict[str, Any] = Field(repr=False)


class Reconcile(Asked):
    """`wait_seconds`: so long it is waited for the end of the run; it goes on all the same."""

    shop: ShopId
    wait_seconds: int = Field(default=20, ge=0, le=600)


class Resharded(Model):
    """`shards` take what comes in; up to `made` may have units until the clean-up has emptied the rest."""

    sku: str
    shards: int
    made: int
    wanted: int
    pinned: bool
    dry_run: bool


def create_shop(options: dict[str, Any]) -> BaseModel:
    return usecases.create_shop(usecases.CreateShop.model_validate(options), tenants=tenants, now=utc_now())


def create_api_key(options: dict[str, Any]) -> BaseModel:
    return usecases.create_api_key(usecases.CreateApiKey.model_validate(options), tenants=tenants, now=utc_now())


def connect_provider(options: dict[str, Any]) -> BaseModel:
    """A shop's account at a payment provider, connected or given other secrets; the answer has none of them."""
    asked, now = ConnectProvider.model_validate(options), utc_now()
    shop = Directory(tenants).shop(asked.shop)
    account = enrolling.connect(connect_of(asked.shop, asked.provider, asked.account), accounts=accounts, sealer=sealer, now=now)
    return account_view(asked.shop, asked.provider, account, events=kind_of(asked.provider).events, live_shop=shop.live, now=now)


def audit_stock(options: dict[str, Any]) -> BaseModel:
    """Proofs that hold are counted, and not listed: an answer has 6 MB at most."""
    asked = AuditStock.model_validate(options)
    report = auditing.audit(
        asked.shop, asked.wanted, store=stock, now=utc_now(), actor=ACTOR, repair=asked.repair, dry_run=asked.dry_run, most=MOST_DOCUMENTS
    )
    return report.without_proved()


def audit_keys(options: dict[str, Any]) -> BaseModel:
    """That each licence key belongs to one order line at most."""
    book = BookForKeyAudit(orders, products.skus)
    return key_audit.audit(key_audit.AuditKeys.model_validate(options), store=fulfilment, book=book)


def rebuild_stock(options: dict[str, Any]) -> BaseModel:
    asked = RebuildStock.model_validate(options)
    return ledger.rebuild(asked.shop, asked.sku, at=asked.at or utc_now(), store=stock, most=MOST_DOCUMENTS)


def rebuild_orders(options: dict[str, Any]) -> BaseModel:
    return retell(Retell.model_validate(options), orders=orders)


def find_orphans(options: dict[str, Any]) -> BaseModel:
    asked = OfStock.model_validate(options)
    book = OrdersForOrphans(orders)
    return orphans.find_orphans(
        asked.shop, asked.wanted, store=stock, orders=book, grace=settings.grace, now=utc_now(), dry_run=asked.dry_run
    )


def stock_cleanup(options: dict[str, Any]) -> BaseModel:
    asked = CleanUp.model_validate(options)
    return cleaner.clean(asked.shop, trigger=ACTOR, dry_run=asked.dry_run)


def reshard(options: dict[str, Any]) -> BaseModel:
    asked = Reshard.model_validate(options)
    head, _ = shelves.look(asked.shop, asked.sku, levels=stock.levels)
    wanted, pinned = asked.shards or head.shards, asked.shards is not None
    if not asked.dry_run:
        head = layout.resize(asked.shop, asked.sku, wanted, pinned=pinned, store=stock, now=utc_now())
    return Resharded(sku=asked.sku, shards=head.shards, made=head.made, wanted=wanted, pinned=pinned, dry_run=asked.dry_run)


def reindex(options: dict[str, Any]) -> BaseModel:
    """The rows by which orders are found, made again from the orders."""
    asked = Reindex.model_validate(options)
    return indexing.reindex(
        asked.shop, after=asked.after, most=asked.most, dry_run=asked.dry_run, search=search, orders=orders, vaults=vaults
    )


def reconcile_payments(options: dict[str, Any]) -> BaseModel:
    """Begun here and worked at by the queue: the report as it is when it is done, or when nobody waits any more."""
    asked = Reconcile.model_validate(options)
    given = Options.model_validate(asked.model_dump(exclude={"shop", "wait_seconds"}))
    run = begin(asked.shop, given, ACTOR, plan=plan, office=office, now=utc_now())
    return run_view(run, awaited(run, timedelta(seconds=asked.wait_seconds), runs=runs, now=utc_now, pause=pause))


COMMANDS: dict[str, Callable[[dict[str, Any]], BaseModel]] = {
    "create_shop": create_shop,
    "create_api_key": create_api_key,
    "connect_provider": connect_provider,
    "audit_stock": audit_stock,
    "audit_keys": audit_keys,
    "rebuild_stock": rebuild_stock,
    "rebuild_orders": rebuild_orders,
    "find_orphans": find_orphans,
    "stock_cleanup": stock_cleanup,
    "reshard": reshard,
    "reindex": reindex,
    "reconcile_payments": reconcile_payments,
    "check_pending_payments": reconcile_payments,
}


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    name = event.get("command")
    command = COMMANDS.get(str(name))
    if command is None:
        return _refused("unknown_command", f"Known commands: {', '.join(sorted(COMMANDS))}.")
    try:
        result = command({key: value for key, value in event.items() if key != "command"})
    except ValidationError as invalid:
        wrong = "; ".join(f"{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in invalid.errors(include_input=False))
        return _refused("validation_failed", wrong)
    except HoldfastError as refusal:
        pointed = [f"{error['pointer']}: {error['detail']}" for error in refusal.facts.get("errors", ())]
        return _refused(refusal.code, "; ".join([refusal.detail, *pointed]))
    logger.info("command done", extra={"command": name, "shop": event.get("shop")})
    return {"ok": True, "result": result.model_dump(mode="json")}


def _refused(code: str, detail: str) -> dict[str, Any]:
    logger.info("command refused", extra={"code": code})
    return {"ok": False, "error": {"code": code, "detail": detail}}
