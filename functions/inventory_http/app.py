"""What a shop's staff and scripts call about stock: levels, changes, holds."""

from functools import partial
from typing import Any

from holdfast.catalogue.errors import UnknownProduct
from holdfast.catalogue.model import Kind, Product
from holdfast.catalogue.repository import DynamoProducts
from holdfast.fulfilment.errors import KeysRequired
from holdfast.fulfilment.repository import DynamoFulfilment
from holdfast.kernel.errors import VersionConflict
from holdfast.kernel.time import rfc3339, utc_now
from holdfast.orders import usecases as order_usecases
from holdfast.orders.errors import OrderNotCancellable
from holdfast.orders.repository import DynamoOrders
from holdfast.platform import aws, secrets
from holdfast.platform.dynamo import DynamoCommit, Table
from holdfast.platform.http import Api, Request
from holdfast.platform.idempotency import DynamoReplays
from holdfast.platform.pages import PageQuery
from holdfast.platform.settings import HoldSettings
from holdfast.platform.tokens import Tokens
from holdfast.stock import booking, releasing, shelves
from holdfast.stock.errors import UnknownHold, UnknownLocation, UnknownStock
from holdfast.stock.recall import Recall
from holdfast.stock.repository import DynamoStock
from holdfast.stock.views import HoldPage, LevelView, Released, RestockBody, hold_view
from holdfast.tenants.errors import ApiKeyInvalid, ApiKeyMissing, ScopeMissing
from holdfast.tenants.guards import api_key
from holdfast.tenants.model import Scope
from holdfast.tenants.repository import Directory, DynamoTenants
from holdfast.wiring.stock import StockForOrders, restock_identity


class Settings(HoldSettings):
    catalogue_table: str
    stock_table: str
    locks_table: str
    orders_table: str
    fulfilment_table: str
    tenants_table: str
    token_secret_arn: str


settings = Settings.load()
client = aws.dynamodb()
commit = DynamoCommit(client)
directory = Directory(DynamoTenants(Table(client, settings.tenants_table)))
products = DynamoProducts(Table(client, settings.catalogue_table))
orders = DynamoOrders(Table(client, settings.orders_table))
stock = DynamoStock(Table(client, settings.stock_table), Table(client, settings.locks_table), commit)
fulfilment = DynamoFulfilment(Table(client, settings.fulfilment_table), commit)
tokens = Tokens(partial(secrets.secret, settings.token_secret_arn))

api = Api(
    "inventory",
    clock=utc_now,
    shop_origins=directory.origins,
    replays=lambda: DynamoReplays(Table(client, settings.orders_table)),
)
app = api.app
refused = (ApiKeyMissing, ApiKeyInvalid, ScopeMissing)


def needs(scope: Scope) -> dict[str, Any]:
    return {"guard": api_key(directory, scope), "security": ("apiKey",)}


@api.get("/shops/{shop}/admin/inventory/{sku}", returns=LevelView, refusals=(*refused, UnknownStock), **needs(Scope.VIEWER))
def show_level(request: Request[None]) -> LevelView:
    """A SKU's stock: on hand = available + locked."""
    return _level(request)


@api.post(
    "/shops/{shop}/admin/inventory/{sku}/restock",
    body=RestockBody,
    returns=LevelView,
    idempotent=True,
    refusals=(*refused, UnknownProduct, KeysRequired, UnknownLocation, VersionConflict),
    **needs(Scope.OPERATOR),
)
def restock(request: Request[RestockBody]) -> LevelView:
    """Units of a physical product came in. Orders that wait for them are served by themselves."""
    if _product(request).kind is Kind.DIGITAL:
        raise KeysRequired("Digital stock comes with its keys: POST them to admin/keys/{sku}.")
    command = booking.Receive(
        shop=request.shop,
        sku=request.path["sku"],
        quantity=request.body.quantity,
        location=request.body.location,
        identity=restock_identity(request.key.identity),
        actor=request.caller.id or request.caller.kind,
        document=request.body.document,
        note=request.body.reason,
    )
    booking.receive(command, store=stock, now=request.now)
    return _level(request)


@api.get("/shops/{shop}/admin/holds", returns=HoldPage, query=PageQuery, refusals=refused, **needs(Scope.VIEWER))
def list_holds(request: Request[None]) -> HoldPage:
    """Who holds what until when; the next to run out first."""
    start = tokens.open_cursor(request.query.cursor, "holds", request.shop)
    page, last = stock.locks.page(request.shop, request.query.limit, start["after"] if start else rfc3339(request.now))
    return HoldPage(
        items=[hold_view(lock, request.now) for lock in page],
        next=tokens.seal_cursor({"after": last} if last else None, "holds", request.shop),
    )


@api.post(
    "/shops/{shop}/admin/holds/{lock}/release",
    returns=Released,
    idempotent=True,
    refusals=(*refused, UnknownHold, OrderNotCancellable),
    **needs(Scope.OPERATOR),
)
def release_hold(request: Request[None]) -> Released:
    """Give a hold back: its order is cancelled, its units are free at once."""
    lock = stock.locks.get(request.shop, request.path["lock"])
    if lock is None or lock.sale is not None:
        raise UnknownHold
    units = releasing.held_units(lock, levels=stock.levels)
    if orders.get(request.shop, lock.order) is not None:  # None: a checkout that died between its lock and its order
        seller, reason = StockForOrders(stock, settings.grace, Recall()), "the hold was released by staff"
        order_usecases.cancel(request.shop, lock.order, actor=request.caller, reason=reason, orders=orders, stock=seller, now=request.now)
    releasing.release_lock(lock, store=stock)  # what a cancellation that died half-way has left
    return Released(id=lock.id, units=units)


def _level(request: Request[Any]) -> LevelView:
    sku = request.path["sku"]
    waiting = fulfilment.debts.owed(request.shop, sku)
    level = shelves.summary(request.shop, sku, waiting=waiting, levels=stock.levels, grace=settings.grace, now=request.now)
    return LevelView(**level.model_dump())


def _product(request: Request[Any]) -> Product:
    product = products.get(request.shop, request.path["sku"])
    if product is None or product.archived:
        raise UnknownProduct
    return product
