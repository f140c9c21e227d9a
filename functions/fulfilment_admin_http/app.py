"""What a shop's staff and scripts call about licence keys, and about orders that wait."""

from datetime import timedelta
from functools import partial
from typing import Any

from holdfast.catalogue.errors import UnknownProduct
from holdfast.catalogue.model import Kind
from holdfast.catalogue.repository import DynamoProducts
from holdfast.fulfilment import counting, key_jobs, queue_report, revoking, views, waiting_views, waking
from holdfast.fulfilment.errors import (
    KeyAlreadyReplaced,
    KeyAlreadyRevoked,
    KeyNotDelivered,
    KeyNotWithdrawn,
    KeyOnItsWay,
    KeyOrderEnded,
    KeysRefused,
    KeyWasDelivered,
    NoKeysLeft,
    NotDigital,
    TooManyWithdrawn,
    UnknownKey,
)
from holdfast.fulfilment.importing import ImportKeys, import_keys
from holdfast.fulfilment.key_job_store import DynamoKeyJobs
from holdfast.fulfilment.key_jobs import UnknownImport
from holdfast.fulfilment.repository import DynamoFulfilment
from holdfast.fulfilment.safe import Safe
from holdfast.kernel.errors import Refusal
from holdfast.kernel.time import utc_now
from holdfast.orders.repository import DynamoOrders
from holdfast.orders.rules import order_number
from holdfast.orders.search_repository import DynamoOrderSearch
from holdfast.platform import aws, secrets
from holdfast.platform.dynamo import DynamoCommit, Table
from holdfast.platform.envelope import KmsDataKeys
from holdfast.platform.http import Answer, Api, Request
from holdfast.platform.idempotency import DynamoReplays
from holdfast.platform.pages import PageQuery
from holdfast.platform.queue import Queue
from holdfast.platform.settings import HoldSettings
from holdfast.platform.tokens import InvalidCursor, Tokens
from holdfast.stock.errors import InsufficientStock, UnknownStock
from holdfast.stock.repository import DynamoStock
from holdfast.tenants.errors import ApiKeyInvalid, ApiKeyMissing, ScopeMissing
from holdfast.tenants.guards import api_key
from holdfast.tenants.model import Scope
from holdfast.tenants.repository import Directory, DynamoTenants
from holdfast.wiring.keys import OwnersOfKeys
from holdfast.wiring.stock import StockForFulfilment
from holdfast.wiring.waiting import FreeUnits


class Settings(HoldSettings):
    catalogue_table: str
    stock_table: str
    locks_table: str
    orders_table: str
    fulfilment_table: str
    tenants_table: str
    operations_table: str
    fulfilment_queue_url: str
    sealing_key_arn: str
    token_secret_arn: str


settings = Settings.load()
client = aws.dynamodb()
commit = DynamoCommit(client)
directory = Directory(DynamoTenants(Table(client, settings.tenants_table)))
stock = DynamoStock(Table(client, settings.stock_table), Table(client, settings.locks_table), commit)
safe = Safe(KmsDataKeys(settings.sealing_key_arn))
fulfilment = DynamoFulfilment(Table(client, settings.fulfilment_table), commit, safe)
products = DynamoProducts(Table(client, settings.catalogue_table))
orders_table = Table(client, settings.orders_table)
owners = OwnersOfKeys(DynamoOrderSearch(orders_table, commit), DynamoOrders(orders_table))
units = StockForFulfilment(stock, settings.grace)
key_desk = revoking.Desk(fulfilment, owners, units)
jobs = DynamoKeyJobs(Table(client, settings.operations_table), commit)
free = FreeUnits(stock.levels, settings.grace, utc_now)
queue = Queue(settings.fulfilment_queue_url)
tokens = Tokens(partial(secrets.secret, settings.token_secret_arn))

api = Api(
    "fulfilment-admin",
    clock=utc_now,
    shop_origins=directory.origins,
    replays=lambda: DynamoReplays(Table(client, settings.orders_table)),
)
app = api.app
QUEUES = "/shops/{shop}/admin/fulfilment/queue"
ONE_QUEUE = QUEUES + "/{sku}"
LIST = "queues"
KEYS = "/shops/{shop}/admin/keys/{sku}"
OF_KEY = (UnknownKey, KeyOnItsWay, InsufficientStock)


def staff(scope: Scope, *refusals: type[Refusal]) -> dict[str, Any]:
    return {
        "guard": api_key(directory, scope),
        "security": ("apiKey",),
        "refusals": (ApiKeyMissing, ApiKeyInvalid, ScopeMissing, *refusals),
    }


@api.get(QUEUES, returns=waiting_views.QueuesPage, query=PageQuery, **staff(Scope.VIEWER, InvalidCursor))
def list_queues(request: Request[None]) -> waiting_views.QueuesPage:
    """Who waits for what: per SKU the paid orders that are owed units, for how long, and how many past the promise."""
    opened = tokens.open_cursor(request.query.cursor, LIST, request.shop) or {"sku": None}
    page = {"after": opened["sku"], "limit": request.query.limit}
    told = queue_report.report(request.shop, **page, promised=_promised(request), store=fulfilment, free=free, now=request.now)
    cursor = tokens.seal_cursor({"sku": told.next} if told.next else None, LIST, request.shop)
    return waiting_views.QueuesPage(items=told.rows, totals=told.totals, next=cursor)


@api.get(ONE_QUEUE, returns=waiting_views.StandingPage, query=PageQuery, **staff(Scope.VIEWER, UnknownStock, InvalidCursor))
def show_queue(request: Request[None]) -> waiting_views.StandingPage:
    """Who waits for a SKU, in the order in which they are fed."""
    sku, limit = _sku(request), request.query.limit
    opened = tokens.open_cursor(request.query.cursor, LIST, request.shop, sku) or {"position": "", "before": 0}
    debts = fulfilment.debts.behind(request.shop, sku, opened["position"], limit + 1)
    page, before = debts[:limit], opened["before"]
    items = waiting_views.places(page, before, _promised(request), request.now, order_number)
    more = {"position": page[-1].position, "before": before + limit} if len(debts) > limit else None
    return waiting_views.StandingPage(sku=sku, items=items, next=tokens.seal_cursor(more, LIST, request.shop, sku))


@api.post(ONE_QUEUE + "/feed", returns=waiting_views.FeedView, status=202, idempotent=True, **staff(Scope.OPERATOR, UnknownStock))
def feed_queue(request: Request[None]) -> waiting_views.FeedView:
    """Ask the worker to look at a queue again. Whoever waits is fed by itself when something comes in; this is for when in doubt."""
    sku = _sku(request)
    queue.send(waking.message(request.shop, sku))
    return waiting_views.FeedView(sku=sku)


@api.get(KEYS, returns=views.VaultView, **staff(Scope.VIEWER, UnknownProduct, NotDigital))
def count_keys(request: Request[None]) -> views.VaultView:
    """How many keys a digital product has. The keys themselves are shown to their owners only."""
    return views.vault_view(fulfilment.vaults.vault(request.shop, _digital(request)))


@api.get(KEYS + "/list", returns=views.KeysPage, query=PageQuery, **staff(Scope.VIEWER, UnknownProduct, NotDigital, InvalidCursor))
def list_keys(request: Request[None]) -> views.KeysPage:
    """A product's keys, masked, in the order in which they were imported, and what became of each."""
    sku, limit = _digital(request), request.query.limit
    opened = tokens.open_cursor(request.query.cursor, "keys", request.shop, sku) or {"place": 0}
    items = counting.page(request.shop, sku, after=opened["place"], limit=limit, vaults=fulfilment.vaults)
    more = {"place": items[-1].place} if len(items) == limit else None
    return views.KeysPage(items=items, next=tokens.seal_cursor(more, "keys", request.shop, sku))


@api.post(
    KEYS,
    body=views.KeysBody,
    query=views.KeysQuery,
    returns=views.ImportedView,
    idempotent=True,
    max_body=views.MAX_BODY,
    readers={"text/csv": views.from_csv},
    also={202: "Kept, and imported in the background: ask for the job by its id."},
    **staff(Scope.OPERATOR, UnknownProduct, NotDigital, KeysRefused),
)
def add_keys(request: Request[views.KeysBody]) -> views.ImportedView | Answer:
    """Import licence keys; each is one unit of stock. Keys that the shop has already are left out and named.

    Up to 5,000 as JSON are imported at once. More of them, or a CSV file, up to 100,000, become a job.
    """
    sku, dry_run = _digital(request), request.body.dry_run or request.query.dry_run
    rows = request.body.rows(skip_bad=request.query.skip_bad)
    if not request.body.at_once:
        return _kept(request, sku, rows, dry_run)
    texts, actor = tuple(row.text for row in rows), request.caller.id or request.caller.kind
    command = ImportKeys(shop=request.shop, sku=sku, keys=texts, batch=request.key.identity, actor=actor, dry_run=dry_run)
    imported = import_keys(command, store=fulfilment, stock=units, now=request.now)
    return views.ImportedView(imported=imported.imported, duplicates=list(imported.duplicates), dry_run=dry_run)


@api.get(KEYS + "/imports/{job}", returns=views.ImportJobView, **staff(Scope.VIEWER, UnknownImport))
def show_import(request: Request[None]) -> views.ImportJobView:
    """How far an import is, and which of its rows were no new keys."""
    job = key_jobs.read(request.shop, request.path["job"], jobs=jobs)
    if job.sku != request.path["sku"]:
        raise UnknownImport
    return views.job_view(job, key_jobs.duplicates(job, jobs=jobs))


@api.post(
    KEYS + "/revoke",
    body=views.ReasonBody,
    returns=views.StaffKeyView,
    idempotent=True,
    **staff(Scope.OPERATOR, *OF_KEY, KeyAlreadyRevoked, TooManyWithdrawn),
)
def revoke_key(request: Request[views.ReasonBody]) -> views.StaffKeyView:
    """Take a key back, by its id in the place of the SKU: its order is told. One that nobody has had leaves the stock."""
    return views.key_view(revoking.revoke(_act(request), desk=key_desk, now=request.now))


@api.post(
    KEYS + "/replace",
    body=views.ReasonBody,
    returns=views.StaffKeyView,
    idempotent=True,
    **staff(Scope.OPERATOR, *OF_KEY, KeyNotDelivered, KeyAlreadyReplaced, KeyOrderEnded, NoKeysLeft),
)
def replace_key(request: Request[views.ReasonBody]) -> views.StaffKeyView:
    """Give the customer of a key another one, by the key's id in the place of the SKU: the bad one is good for nothing any more."""
    return views.key_view(revoking.replace(_act(request), desk=key_desk, now=request.now))


@api.post(
    KEYS + "/return",
    body=views.ReasonBody,
    returns=views.StaffKeyView,
    idempotent=True,
    **staff(Scope.OPERATOR, UnknownKey, KeyNotWithdrawn, KeyWasDelivered),
)
def return_key(request: Request[views.ReasonBody]) -> views.StaffKeyView:
    """Put a withdrawn key that nobody has had on sale again, by its id in the place of the SKU."""
    return views.key_view(revoking.bring_back(_act(request), desk=key_desk, now=request.now))


def _kept(request: Request[views.KeysBody], sku: str, rows: list[key_jobs.Row], dry_run: bool) -> Answer:
    """Large imports are worked in the background."""
    bad, key = request.body.faults, request.key
    made = key_jobs.Job(
        id=f"imp_{key.identity[:26]}",
        shop=request.shop,
        sku=sku,
        actor=request.caller.id or request.caller.kind,
        fingerprint=key.fingerprint,
        dry_run=dry_run,
        created_at=request.now,
        moved_at=request.now,
        rows=len(rows) + len(bad),
        refused=len(bad),
        faults=tuple(bad[: views.FAULTS_TOLD]),
    )
    job = key_jobs.submit(made, rows, jobs=jobs, sealer=safe)
    if not job.finished:
        queue.send({"kind": "import", "shop": request.shop, "job": job.id, "chunk": job.worked})
    return Answer(views.ImportedView(imported=0, duplicates=[], dry_run=dry_run, job=job.id), status=202)


def _act(request: Request[views.ReasonBody]) -> revoking.Act:
    reason, key = request.body.reason, request.path["sku"]  # API Gateway has one name for what follows /keys/
    return revoking.Act(shop=request.shop, key=key, identity=request.key.identity, actor=request.caller, reason=reason)


def _digital(request: Request[Any]) -> str:
    """The SKU. UnknownProduct, NotDigital."""
    product = products.get(request.shop, request.path["sku"])
    if product is None or product.archived:
        raise UnknownProduct
    if product.kind is not Kind.DIGITAL:
        raise NotDigital("Only digital products have keys; restock this one with a quantity.")
    return product.sku


def _sku(request: Request[Any]) -> str:
    """UnknownStock when the shop has no such SKU."""
    sku: str = request.path["sku"]
    if sku not in free(request.shop, [sku]):
        raise UnknownStock
    return sku


def _promised(request: Request[Any]) -> timedelta:
    return timedelta(hours=directory.shop(request.shop).waiting.promised_hours)
