"""What a shop's staff and scripts call about orders that wait."""

from datetime import timedelta
from functools import partial
from typing import Any

from holdfast.fulfilment import queue_report, waiting_views, waking
from holdfast.fulfilment.repository import DynamoFulfilment
from holdfast.kernel.errors import Refusal
from holdfast.kernel.time import utc_now
from holdfast.orders.rules import order_number
from holdfast.platform import aws, secrets
from holdfast.platform.dynamo import DynamoCommit, Table
from holdfast.platform.http import Api, Request
from holdfast.platform.idempotency import DynamoReplays
from holdfast.platform.pages import PageQuery
from holdfast.platform.queue import Queue
from holdfast.platform.settings import HoldSettings
from holdfast.platform.tokens import InvalidCursor, Tokens
from holdfast.stock.errors import UnknownStock
from holdfast.stock.repository import DynamoStock
from holdfast.tenants.errors import ApiKeyInvalid, ApiKeyMissing, ScopeMissing
from holdfast.tenants.guards import api_key
from holdfast.tenants.model import Scope
from holdfast.tenants.repository import Directory, DynamoTenants
from holdfast.wiring.waiting import FreeUnits


class Settings(HoldSettings):
    stock_table: str
    locks_table: str
    orders_table: str
    fulfilment_table: str
    tenants_table: str
    fulfilment_queue_url: str
    token_secret_arn: str


settings = Settings.load()
client = aws.dynamodb()
commit = DynamoCommit(client)
directory = Directory(DynamoTenants(Table(client, settings.tenants_table)))
stock = DynamoStock(Table(client, settings.stock_table), Table(client, settings.locks_table), commit)
fulfilment = DynamoFulfilment(Table(client, settings.fulfilment_table), commit)
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


def _sku(request: Request[Any]) -> str:
    """UnknownStock when the shop has no such SKU."""
    sku: str = request.path["sku"]
    if sku not in free(request.shop, [sku]):
        raise UnknownStock
    return sku


def _promised(request: Request[Any]) -> timedelta:
    return timedelta(hours=directory.shop(request.shop).waiting.promised_hours)
