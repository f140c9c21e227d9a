"""What a shop's staff and scripts call about stock: levels, changes, bulk changes, the ledger and its audit, holds."""

from functools import partial
from typing import Any

from holdfast.catalogue.repository import DynamoProducts
from holdfast.fulfilment.repository import DynamoFulfilment
from holdfast.kernel.errors import Refusal, VersionConflict
from holdfast.kernel.time import utc_now
from holdfast.orders.cancelling import CancelOrder, cancel_unpaid
from holdfast.orders.errors import OrderNotCancellable
from holdfast.orders.repository import DynamoOrders
from holdfast.platform import aws, secrets
from holdfast.platform.dynamo import DynamoCommit, Table
from holdfast.platform.http import Answer, Api, Request
from holdfast.platform.idempotency import DynamoReplays
from holdfast.platform.pages import PageQuery
from holdfast.platform.problems import IfMatchInvalid
from holdfast.platform.queue import Queue
from holdfast.platform.reading import if_match
from holdfast.platform.runs import DynamoRuns
from holdfast.platform.settings import HoldSettings
from holdfast.platform.tokens import Tokens
from holdfast.stock import auditing, booking, bulk, bulk_plan, holds, inventory, ledger, orphans, releasing, sweeping, views
from holdfast.stock import report_views as reports
from holdfast.stock.bulk import BulkNotFinished, UndoTokenInvalid, UnknownJob
from holdfast.stock.bulk_plan import BulkRefused
from holdfast.stock.bulk_views import MAX_BULK, BulkBody, BulkQuery, BulkView, UndoBody, chunks_of, from_csv, job_view, planned_view
from holdfast.stock.dashboard import Dashboard, dashboard
from holdfast.stock.errors import InsufficientStock, LedgerMoved, LocationInUse, StaleStock, UnknownHold, UnknownLocation, UnknownStock
from holdfast.stock.inventory import ExpectedMissing, KeysNeeded
from holdfast.stock.jobs import DynamoJobs
from holdfast.stock.recall import Recall
from holdfast.stock.repository import DynamoStock
from holdfast.tenants.errors import ApiKeyInvalid, ApiKeyMissing, ScopeMissing
from holdfast.tenants.guards import api_key
from holdfast.tenants.model import Scope
from holdfast.tenants.repository import Directory, DynamoTenants
from holdfast.wiring.cleaning import run_of
from holdfast.wiring.inventory import ArticlesForStock
from holdfast.wiring.orphans import OrdersForOrphans
from holdfast.wiring.stock import ShelfForCatalogue, StockForOrders


class Settings(HoldSettings):
    catalogue_table: str
    stock_table: str
    locks_table: str
    orders_table: str
    fulfilment_table: str
    operations_table: str
    tenants_table: str
    stock_queue_url: str
    token_secret_arn: str


settings = Settings.load()
client = aws.dynamodb()
commit = DynamoCommit(client)
directory = Directory(DynamoTenants(Table(client, settings.tenants_table)))
orders = DynamoOrders(Table(client, settings.orders_table))
stock = DynamoStock(Table(client, settings.stock_table), Table(client, settings.locks_table), commit)
debts = DynamoFulfilment(Table(client, settings.fulfilment_table), commit).debts
tokens = Tokens(partial(secrets.secret, settings.token_secret_arn))
shelf = ShelfForCatalogue(stock, settings.grace, debts.owed, utc_now)
articles = ArticlesForStock(DynamoProducts(Table(client, settings.catalogue_table)), shelf)
desk = inventory.Desk(stock, articles, debts.owed, settings.grace, settings.hold)
operations = Table(client, settings.operations_table)
jobs = DynamoJobs(operations, commit)
runs = DynamoRuns(operations)
queue = Queue(settings.stock_queue_url)

api = Api(
    "inventory",
    clock=utc_now,
    shop_origins=directory.origins,
    replays=lambda: DynamoReplays(Table(client, settings.orders_table)),
)
app = api.app
ADMIN = "/shops/{shop}/admin"
INVENTORY = ADMIN + "/inventory"
ONE = INVENTORY + "/{sku}"
UNDO = "undo-bulk"
LOCKS_SWEPT = 200
"""By one request: each costs some writes, and API Gateway waits 29 s. The schedule takes them all."""
BOOKING = (UnknownStock, UnknownLocation, InsufficientStock, LedgerMoved)


def staff(scope: Scope, *refusals: type[Refusal]) -> dict[str, Any]:
    return {
        "guard": api_key(directory, scope),
        "security": ("apiKey",),
        "refusals": (ApiKeyMissing, ApiKeyInvalid, ScopeMissing, *refusals),
    }


@api.get(INVENTORY, returns=views.InventoryPage, query=views.InventoryQuery, **staff(Scope.VIEWER))
def list_inventory(request: Request[None]) -> views.InventoryPage:
    """All products with their stock, in order of SKU; or those that are low, out, or waited for."""
    query = request.query
    after = _opened(request, "inventory")
    search = inventory.Search(shop=request.shop, text=query.q, only=query.only, limit=query.limit, after=after)
    found = inventory.listed(search, desk=desk, now=request.now)
    return views.InventoryPage(items=list(found.rows), next=_sealed(found.next, request, "inventory"))


@api.get(INVENTORY + "/dashboard", returns=Dashboard, query=views.CursorQuery, **staff(Scope.VIEWER))
def show_dashboard(request: Request[None]) -> Dashboard:
    """Units, value, what is low, out or owed, live holds, SKUs in demand."""
    found = dashboard(request.shop, after=_opened(request, "dashboard"), desk=desk, now=request.now)
    return found.model_copy(update={"next": _sealed(found.next, request, "dashboard")})


@api.get(ONE, returns=inventory.Sheet, query=views.SheetQuery, **staff(Scope.VIEWER, UnknownStock))
def show_inventory(request: Request[None]) -> inventory.Sheet:
    """A SKU's stock, per location, and how it is sold: on hand = available + locked."""
    return _sheet(request, request.query.locks_per_second)


@api.patch(
    ONE,
    body=views.InventoryPatch,
    returns=inventory.Sheet,
    **staff(Scope.ADMIN, UnknownStock, LocationInUse, StaleStock, LedgerMoved, VersionConflict, IfMatchInvalid),
)
def change_inventory(request: Request[views.InventoryPatch]) -> inventory.Sheet:
    """Set shards, safety stock, locations and policies. With If-Match only over what you have read."""
    command = request.body.command(request.shop, request.path["sku"], if_match(request.headers))
    inventory.change(command, desk=desk, now=request.now)
    return _sheet(request)


@api.post(
    ONE + "/adjust",
    body=views.AdjustBody,
    returns=inventory.Sheet,
    idempotent=True,
    **staff(Scope.OPERATOR, *BOOKING, KeysNeeded, ExpectedMissing, StaleStock, IfMatchInvalid),
)
def adjust_stock(request: Request[views.AdjustBody]) -> inventory.Sheet:
    """Units more or fewer, with a reason; or a figure, over what it was when it was counted."""
    command = booking.Adjust(**_cause(request, "adjust"), **request.body.change())
    inventory.adjust(command, target=request.body.set_available, version=if_match(request.headers), desk=desk, now=request.now)
    return _sheet(request)


@api.post(ONE + "/transfer", body=views.TransferBody, returns=inventory.Sheet, idempotent=True, **staff(Scope.OPERATOR, *BOOKING))
def transfer_stock(request: Request[views.TransferBody]) -> inventory.Sheet:
    """Available units go from one location to another."""
    command = booking.Transfer(**_cause(request, "transfer"), **request.body.model_dump())
    booking.transfer(command, store=stock, grace=settings.grace, now=request.now)
    return _sheet(request)


@api.post(ONE + "/restock", body=views.RestockBody, returns=inventory.Sheet, idempotent=True, **staff(Scope.OPERATOR, *BOOKING, KeysNeeded))
def restock(request: Request[views.RestockBody]) -> inventory.Sheet:
    """Units of a physical product came in. Orders that wait for them are served by themselves."""
    command = booking.Receive(**_cause(request, "restock"), **request.body.receipt())
    inventory.receive(command, desk=desk, now=request.now)
    return _sheet(request)


@api.post(
    INVENTORY + "/bulk",
    body=BulkBody,
    query=BulkQuery,
    returns=BulkView,
    idempotent=True,
    replays=False,
    max_body=MAX_BULK,
    readers={"text/csv": from_csv},
    also={202: "Kept, and worked in the background: ask for it by its id."},
    **staff(Scope.OPERATOR, BulkRefused),
)
def change_in_bulk(request: Request[BulkBody]) -> BulkView | Answer:
    """Up to 10,000 adjustments, as JSON or CSV: refused as a whole, told row by row, and to be undone once."""
    wishes = request.body.wishes()
    if request.body.dry_run or request.query.dry_run:
        return planned_view(bulk_plan.plan(request.shop, wishes, desk=desk, now=request.now))
    made = bulk.new_job(
        request.shop, f"blk_{request.key.identity[:26]}", _actor(request), request.key.fingerprint, len(wishes), request.now
    )
    return _worked(bulk.submit(made, wishes, jobs=jobs, desk=desk, now=request.now), request)


@api.get(INVENTORY + "/bulk/{job}", returns=BulkView, query=PageQuery, **staff(Scope.VIEWER, UnknownJob))
def show_bulk(request: Request[None]) -> BulkView:
    """How far a bulk change is, and what became of each row."""
    job = bulk.read(request.shop, request.path["job"], jobs=jobs)
    first = tokens.open_cursor(request.query.cursor, "bulk", request.shop, job.id) or {"row": 1}
    rows = range(first["row"], min(first["row"] + request.query.limit, job.rows + 1))
    more = {"row": rows.stop} if rows.stop <= job.rows else None
    found = jobs.chunks(request.shop, job.id, chunks_of(rows))
    return job_view(job, found, rows=rows, cursor=tokens.seal_cursor(more, "bulk", request.shop, job.id))


@api.post(
    INVENTORY + "/bulk/{job}/undo",
    body=UndoBody,
    returns=BulkView,
    idempotent=True,
    replays=False,
    also={202: "Begun, and worked in the background: ask for it by its id."},
    **staff(Scope.OPERATOR, UnknownJob, BulkNotFinished, UndoTokenInvalid),
)
def undo_bulk(request: Request[UndoBody]) -> Answer:
    """Reverse a bulk change, once: each row that was applied, by a new adjustment. What was sold since stays sold."""
    job = bulk.read(request.shop, request.path["job"], jobs=jobs)
    if not tokens.opens(request.body.undo_token, UNDO, request.shop, job.id):
        raise UndoTokenInvalid("This is not the token that the bulk change was answered with.")
    return _worked(bulk.undo(request.shop, job.id, jobs=jobs, now=request.now), request)


@api.get(ONE + "/ledger", returns=reports.LedgerPage, query=PageQuery, **staff(Scope.VIEWER, UnknownStock))
def show_ledger(request: Request[None]) -> reports.LedgerPage:
    """Everything that changed what the shop owns of a SKU, newest first."""
    scope = "ledger", request.shop, request.path["sku"]
    before = tokens.open_cursor(request.query.cursor, *scope)
    page = ledger.history(request.shop, request.path["sku"], store=stock, limit=request.query.limit, before=before)
    return reports.ledger_page(page, tokens.seal_cursor(dict(page.next) if page.next else None, *scope))


@api.get(ONE + "/rebuild", returns=reports.RebuiltView, query=reports.AtQuery, **staff(Scope.VIEWER, UnknownStock))
def rebuild_stock(request: Request[None]) -> reports.RebuiltView:
    """What was on hand at an instant, out of the ledger."""
    at = request.query.at or request.now
    return reports.RebuiltView(**ledger.rebuild(request.shop, request.path["sku"], at=at, store=stock, most=reports.DOCUMENTS).model_dump())


@api.post(INVENTORY + "/audit", body=reports.AuditBody, returns=reports.AuditView, idempotent=True, **staff(Scope.OPERATOR, UnknownStock))
def audit_stock(request: Request[reports.AuditBody]) -> reports.AuditView:
    """Prove that received - sold - written off = on hand = available + locked; repair by dated corrections."""
    skus, after = _skus(request)
    report = auditing.audit(
        request.shop,
        skus,
        store=stock,
        now=request.now,
        actor=_actor(request),
        repair=request.body.repair,
        dry_run=request.body.dry_run,
        most=reports.DOCUMENTS,
    )
    return reports.audit_view(report, after)


@api.post(
    INVENTORY + "/orphans", body=reports.OrphansBody, returns=reports.OrphansView, idempotent=True, **staff(Scope.OPERATOR, UnknownStock)
)
def find_orphans(request: Request[reports.OrphansBody]) -> reports.OrphansView:
    """Locks, entries and orders that lost each other; repaired without dry_run."""
    skus, after = _skus(request)
    book, dry_run = OrdersForOrphans(orders), request.body.dry_run
    found = orphans.find_orphans(request.shop, skus, store=stock, orders=book, grace=settings.grace, now=request.now, dry_run=dry_run)
    return reports.OrphansView(**found.model_dump(), next=after)


@api.get(ADMIN + "/holds", returns=views.HoldPage, query=views.HoldsQuery, **staff(Scope.VIEWER))
def list_holds(request: Request[None]) -> views.HoldPage:
    """Who holds what until when; the next to run out first."""
    query = request.query
    after = _opened(request, "holds")
    page, last = holds.listed(request.shop, sku=query.sku, limit=query.limit, after=after, locks=stock.locks, now=request.now)
    return views.HoldPage(items=[views.hold_view(lock, request.now) for lock in page], next=_sealed(last, request, "holds"))


@api.post(
    ADMIN + "/holds/{lock}/release",
    body=views.ReleaseBody,
    returns=views.Released,
    idempotent=True,
    **staff(Scope.OPERATOR, UnknownHold, OrderNotCancellable),
)
def release_hold(request: Request[views.ReleaseBody]) -> views.Released:
    """Give a hold back: its order is cancelled, its units are free at once."""
    lock = stock.locks.get(request.shop, request.path["lock"])
    if lock is None or lock.sale is not None:
        raise UnknownHold
    units = releasing.held_units(lock, levels=stock.levels)
    if orders.get(request.shop, lock.order) is not None:  # None: a checkout that died between its lock and its order
        seller, reason = StockForOrders(stock, settings.grace, Recall()), request.body.reason or "the hold was released by staff"
        command = CancelOrder(shop=request.shop, order=lock.order, reason=reason, actor=request.caller, request_id=request.request_id)
        cancel_unpaid(command, orders=orders, stock=seller, now=request.now)
    releasing.release_lock(lock, store=stock)  # what a cancellation that died half-way has left
    return views.Released(id=lock.id, units=units)


@api.post(ADMIN + "/cron/stock-cleanup", body=reports.CleanupBody, returns=reports.CleanupView, idempotent=True, **staff(Scope.OPERATOR))
def clean_up(request: Request[reports.CleanupBody]) -> reports.CleanupView:
    """What the schedule does every five minutes, now: ended holds give back, calm SKUs give up shards."""
    book, dry_run = OrdersForOrphans(orders), request.body.dry_run
    swept = sweeping.sweep(request.shop, store=stock, orders=book, grace=settings.grace, now=request.now, dry_run=dry_run, most=LOCKS_SWEPT)
    run = run_of(swept, started=request.now, finished=utc_now(), trigger=_actor(request))
    runs.add(run)
    return reports.CleanupView(**swept.model_dump(), run=run.id)


@api.get(ADMIN + "/cron/stock-cleanup", returns=reports.RunPage, query=reports.RunsQuery, **staff(Scope.VIEWER))
def list_clean_ups(request: Request[None]) -> reports.RunPage:
    """The last runs, by the schedule and by people, newest first."""
    return reports.run_page(runs.last(request.shop, sweeping.JOB, request.query.limit))


def _sheet(request: Request[Any], locks_per_second: int | None = None) -> inventory.Sheet:
    return inventory.sheet(request.shop, request.path["sku"], desk=desk, now=request.now, locks_per_second=locks_per_second)


def _actor(request: Request[Any]) -> str:
    return request.caller.id or request.caller.kind


def _cause(request: Request[Any], kind: str) -> dict[str, Any]:
    """The ledger's name for it is of the request, so that a repeated one is the same."""
    return {"shop": request.shop, "sku": request.path["sku"], "identity": f"{kind}#{request.key.identity}", "actor": _actor(request)}


def _worked(job: bulk.Job, request: Request[Any]) -> Answer:
    """A hundred rows at once, more of them in the background."""
    replayed = {"Idempotent-Replayed": "true"} if job.finished and job.phase is bulk.Phase.APPLY else {}
    if not job.finished and job.chunks == 1:
        bulk.work(request.shop, job.id, 0, jobs=jobs, store=stock, grace=settings.grace, now=request.now)
        job = bulk.read(request.shop, job.id, jobs=jobs)
    elif not job.finished:
        for number in range(job.chunks):
            queue.send({"kind": "bulk", "shop": request.shop, "job": job.id, "chunk": number}, delay=number * bulk.PACE)
    found = jobs.chunks(request.shop, job.id, [0]) if job.chunks == 1 else []
    view = job_view(job, found, rows=range(1, job.rows + 1), token=tokens.mint(UNDO, request.shop, job.id))
    return Answer(view, status=200 if job.finished else 202, headers=replayed)


def _skus(request: Request[Any]) -> tuple[list[str], str | None]:
    """Those asked for, or the shop's own from one on; and the one to go on after."""
    if request.body.skus is not None:
        return request.body.skus, None
    found, last = articles.page(request.shop, reports.AUDITED, request.body.after)
    return [article.sku for article in found], last


def _opened(request: Request[Any], kind: str) -> str | None:
    position = tokens.open_cursor(request.query.cursor, kind, request.shop)
    return position["after"] if position else None


def _sealed(after: str | None, request: Request[Any], kind: str) -> str | None:
    return tokens.seal_cursor({"after": after} if after else None, kind, request.shop)
