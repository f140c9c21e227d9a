"""What a shopper's browser calls: products, checkout, orders."""

from functools import partial
from typing import TYPE_CHECKING

from holdfast.catalogue.errors import UnknownProduct
from holdfast.catalogue.repository import DynamoProducts
from holdfast.catalogue.views import MAX_QUANTITY, OfferPage, OfferView, StockCheck, StockCheckBody, offer_view, stock_check
from holdfast.fulfilment.repository import DynamoFulfilment
from holdfast.kernel.errors import Invalid, VersionConflict
from holdfast.kernel.ids import born_at
from holdfast.kernel.time import utc_now
from holdfast.orders import checkout, guards
from holdfast.orders.errors import (
    CheckoutTokenMissing,
    CsrfTokenInvalid,
    EmailMissing,
    MixedCurrencies,
    QuantityAboveMaximum,
    SessionAlreadyOrdered,
    SessionExpired,
    TotalTooLarge,
    UnknownSession,
    UnknownSku,
)
from holdfast.orders.repository import DynamoOrders
from holdfast.orders.session_repository import DynamoSessions
from holdfast.orders.session_views import MAX_LINES, CheckoutBody, PlaceOrderBody, SessionView, session_view
from holdfast.orders.views import (
    OrderPlaced,
    placed_view,
)
from holdfast.payments.errors import ProviderNotOffered
from holdfast.payments.repository import DynamoInbox
from holdfast.platform import aws, metrics, secrets
from holdfast.platform.dynamo import DynamoCommit, Table
from holdfast.platform.http import Answer, Api, Request
from holdfast.platform.idempotency import DynamoReplays
from holdfast.platform.pages import PageQuery
from holdfast.platform.patience import pause
from holdfast.platform.settings import HoldSettings, SandboxSettings
from holdfast.platform.tokens import Tokens
from holdfast.stock.errors import CustomerLimitReached, InsufficientStock, StockScattered
from holdfast.stock.recall import Recall
from holdfast.stock.repository import DynamoStock
from holdfast.stock.shelves import availability
from holdfast.tenants.repository import Directory, DynamoTenants
from holdfast.wiring.catalogue import CatalogueForOrders
from holdfast.wiring.orders import Finaliser
from holdfast.wiring.payments import PaymentsForOrders, Providers, sandbox
from holdfast.wiring.stock import StockForOrders
from holdfast.wiring.tenants import ShopPolicies

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from holdfast.orders.session import Session


class Settings(HoldSettings, SandboxSettings):
    catalogue_table: str
    stock_table: str
    locks_table: str
    orders_table: str
    payments_table: str
    fulfilment_table: str
    tenants_table: str
    token_secret_arn: str
    sandbox_pay_url: str = ""


class TooManyLines(Invalid):
    """A cart has an end. Facts: maximum."""

    code = "too_many_lines"


settings = Settings.load()
client = aws.dynamodb()
commit = DynamoCommit(client)
directory = Directory(DynamoTenants(Table(client, settings.tenants_table)))
products = DynamoProducts(Table(client, settings.catalogue_table))
orders = DynamoOrders(Table(client, settings.orders_table))
sessions = DynamoSessions(Table(client, settings.orders_table))
shelf = DynamoStock(Table(client, settings.stock_table), Table(client, settings.locks_table), commit)
fulfilment = DynamoFulfilment(Table(client, settings.fulfilment_table), commit)
tokens = Tokens(partial(secrets.secret, settings.token_secret_arn))
recall = Recall(pause)
stock = StockForOrders(shelf, settings.grace, recall)
policies = ShopPolicies(directory.shop, settings.hold)
payments_table = Table(client, settings.payments_table)
providers = Providers({"sandbox": partial(sandbox, payments_table, pay_url=settings.sandbox_pay_url)} if settings.sandbox_enabled else {})
payments = PaymentsForOrders(DynamoInbox(payments_table), providers)
finaliser = Finaliser(orders, stock, payments, policies, commit)

api = Api(
    "storefront",
    clock=utc_now,
    shop_origins=directory.origins,
    replays=lambda: DynamoReplays(Table(client, settings.orders_table)),
)
app = api.app
of_session = {"guard": guards.checkout_session(tokens), "security": ("checkoutToken",)}


@api.get("/shops/{shop}/products", returns=OfferPage, query=PageQuery)
def list_products(request: Request[None]) -> OfferPage:
    """What the shop sells, with price and stock status."""
    start = tokens.open_cursor(request.query.cursor, "products", request.shop)
    page, last = products.page(request.shop, request.query.limit, start)
    free = _free(request.shop, [item.sku for item in page], request.now)
    return OfferPage(items=[offer_view(item, free[item.sku]) for item in page], next=tokens.seal_cursor(last, "products", request.shop))


@api.get("/shops/{shop}/products/{sku}", returns=OfferView, refusals=(UnknownProduct,))
def show_product(request: Request[None]) -> OfferView:
    """One product."""
    product = products.get(request.shop, request.path["sku"])
    if product is None or product.archived:
        raise UnknownProduct
    return offer_view(product, _free(request.shop, [product.sku], request.now)[product.sku])


@api.post("/shops/{shop}/stock/check", body=StockCheckBody, returns=StockCheck, refusals=(TooManyLines,))
def check_stock(request: Request[StockCheckBody]) -> StockCheck:
    """What of a cart could be had at this moment, all SKUs in one call. Nothing is held."""
    if len(request.body.lines) > MAX_LINES:
        raise TooManyLines(f"A cart has at most {MAX_LINES} lines.", maximum=MAX_LINES)
    wishes = request.body.wishes()
    return stock_check(wishes, products.get_many(request.shop, list(wishes)), _free(request.shop, list(wishes), request.now))


@api.post(
    "/shops/{shop}/checkout-sessions",
    body=CheckoutBody,
    returns=SessionView,
    status=201,
    refusals=(UnknownSku, QuantityAboveMaximum, MixedCurrencies, TotalTooLarge, TooManyLines),
)
def start_checkout(request: Request[CheckoutBody]) -> SessionView:
    """Start a checkout: the cart is priced and kept for thirty minutes. Nothing is held yet."""
    if len(request.body.lines) > MAX_LINES:
        raise TooManyLines(f"A cart has at most {MAX_LINES} lines.", maximum=MAX_LINES)
    catalogue = CatalogueForOrders(products, MAX_QUANTITY, lambda: request.now)
    session = checkout.start(request.body.command(request.shop), catalogue=catalogue, stock=stock, sessions=sessions, now=request.now)
    return _session_view(session)


@api.get("/shops/{shop}/checkout-sessions/{session}", returns=SessionView, refusals=(CheckoutTokenMissing, UnknownSession), **of_session)
def show_checkout(request: Request[None]) -> SessionView:
    """A checkout session."""
    return _session_view(_session(request))


@api.delete(
    "/shops/{shop}/checkout-sessions/{session}",
    returns=None,
    status=204,
    refusals=(CheckoutTokenMissing, CsrfTokenInvalid, UnknownSession),
    **of_session,
)
def abandon_checkout(request: Request[None]) -> None:
    """Abandon a checkout: what it holds goes back to stock."""
    session = _session(request)
    checkout.abandon(session, born_at(session.id), sessions=sessions, orders=orders, stock=stock, now=request.now)


@api.post(
    "/shops/{shop}/checkout-sessions/{session}/place-order",
    body=PlaceOrderBody,
    returns=OrderPlaced,
    status=201,
    idempotent=True,
    replays=False,
    refusals=(
        InsufficientStock,
        CustomerLimitReached,
        StockScattered,
        EmailMissing,
        SessionExpired,
        SessionAlreadyOrdered,
        VersionConflict,
        ProviderNotOffered,
        CheckoutTokenMissing,
        CsrfTokenInvalid,
        UnknownSession,
    ),
    **of_session,
)
def place_order(request: Request[PlaceOrderBody]) -> Answer:
    """Hold every line or none, make the order, and get what the browser needs to pay it."""
    try:
        born = born_at(request.path["session"])
    except ValueError:
        raise UnknownSession from None
    command = checkout.PlaceOrder(
        shop=request.shop,
        session=request.path["session"],
        identity=request.key.identity,
        fingerprint=request.key.fingerprint,
        provider=request.body.payment.provider,
        accept_partial=request.body.accept_partial,
        request_id=request.request_id,
    )
    try:
        placed = checkout.place(
            command,
            born,
            orders=orders,
            sessions=sessions,
            stock=stock,
            payments=payments,
            policies=policies,
            now=request.now,
        )
    except InsufficientStock:
        metrics.count("PlaceOrderInsufficientStock")
        raise
    metrics.count("OrdersReplayed" if placed.replayed else "OrdersPlaced")
    token = tokens.mint(guards.ORDER, request.shop, placed.order.id)
    return Answer(placed_view(placed.order, token), headers={"Idempotent-Replayed": "true"} if placed.replayed else {})


def _free(shop: str, skus: "Sequence[str]", now: "datetime") -> dict[str, int]:
    return availability(shop, skus, levels=shelf.levels, recall=recall, grace=settings.grace, now=now)


def _session(request: Request[None]) -> "Session":
    return checkout.read(request.shop, request.path["session"], sessions=sessions, now=request.now)


def _session_view(session: "Session") -> SessionView:
    subject = session.shop, session.id
    return session_view(session, tokens.mint(guards.CHECKOUT, *subject), tokens.mint(guards.CSRF, *subject))
