"""What a shopper's browser calls: products, checkout, orders."""

from functools import partial
from typing import TYPE_CHECKING, Any

from holdfast.catalogue.errors import UnknownProduct
from holdfast.catalogue.repository import DynamoProducts
from holdfast.catalogue.views import MAX_QUANTITY, OfferPage, OfferView, StockCheck, StockCheckBody, offer_view, stock_check
from holdfast.kernel.errors import Invalid, VersionConflict
from holdfast.kernel.ids import born_at
from holdfast.kernel.time import utc_now
from holdfast.orders import carts, checkout, guards, sessions
from holdfast.orders.cart_views import CartBody, CartView, cart_view
from holdfast.orders.errors import (
    AddressMissing,
    CheckoutTokenMissing,
    CsrfTokenInvalid,
    CurrencyNotOffered,
    EmailMissing,
    MixedCurrencies,
    NotShippedThere,
    QuantityAboveMaximum,
    SessionAlreadyOrdered,
    SessionExpired,
    ShippingMethodNotOffered,
    StaleSession,
    TotalTooLarge,
    UnknownSession,
    UnknownSku,
)
from holdfast.orders.repository import DynamoOrders
from holdfast.orders.resume_views import ResumedView, resumed_view, tried_order
from holdfast.orders.session_repository import DynamoSessions
from holdfast.orders.session_views import MAX_LINES, ChangeBody, CheckoutBody, PlaceOrderBody, SessionView, session_view
from holdfast.orders.views import (
    OrderPlaced,
    placed_view,
)
from holdfast.payments.errors import AccountUnreadable, AmountNotPayable, CredentialsRefused, ProviderNotOffered
from holdfast.payments.repository import DynamoInbox
from holdfast.platform import aws, metrics, secrets
from holdfast.platform.calling import PartnerThrottles, PartnerUnavailable, PartnerUnreadable
from holdfast.platform.dynamo import DynamoCommit, Table
from holdfast.platform.http import Answer, Api, Request
from holdfast.platform.idempotency import DynamoReplays
from holdfast.platform.pages import PageQuery
from holdfast.platform.patience import pause
from holdfast.platform.problems import IfMatchInvalid
from holdfast.platform.reading import if_match
from holdfast.platform.settings import HoldSettings
from holdfast.platform.tokens import Tokens
from holdfast.stock.errors import CustomerLimitReached, InsufficientStock, StockScattered
from holdfast.stock.recall import Recall
from holdfast.stock.repository import DynamoStock
from holdfast.stock.shelves import availability
from holdfast.tenants.repository import Directory, DynamoTenants
from holdfast.wiring.catalogue import CatalogueForOrders
from holdfast.wiring.payments import PaymentsForOrders
from holdfast.wiring.providers import ProviderSettings, providers_of
from holdfast.wiring.stock import StockForOrders
from holdfast.wiring.tenants import ShopPolicies

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from holdfast.orders.model import Order
    from holdfast.orders.session import Session
    from holdfast.orders.validation import Issue


class Settings(HoldSettings, ProviderSettings):
    catalogue_table: str
    stock_table: str
    locks_table: str
    orders_table: str
    token_secret_arn: str
    sandbox_pay_url: str = ""


class TooManyLines(Invalid):
    """A cart has an end. Facts: maximum."""

    code = "too_many_lines"


settings = Settings.load()
client = aws.dynamodb()
commit = DynamoCommit(client)
tenants_table = Table(client, settings.tenants_table)
directory = Directory(DynamoTenants(tenants_table))
products = DynamoProducts(Table(client, settings.catalogue_table))
orders = DynamoOrders(Table(client, settings.orders_table))
sessions_table = DynamoSessions(Table(client, settings.orders_table))
shelf = DynamoStock(Table(client, settings.stock_table), Table(client, settings.locks_table), commit)
tokens = Tokens(partial(secrets.secret, settings.token_secret_arn))
recall = Recall(pause)
stock = StockForOrders(shelf, settings.grace, recall)
policies = ShopPolicies(directory.shop, settings.hold)
payments_table = Table(client, settings.payments_table)
providers = providers_of(
    settings,
    tenants=tenants_table,
    payments=payments_table,
    live_only=lambda shop: directory.shop(shop).live,
    clock=utc_now,
    pay_url=settings.sandbox_pay_url,
)
payments = PaymentsForOrders(DynamoInbox(payments_table), providers, providers.offered)

api = Api(
    "storefront",
    clock=utc_now,
    shop_origins=directory.origins,
    replays=lambda: DynamoReplays(Table(client, settings.orders_table)),
)
app = api.app
asking = (AmountNotPayable, CredentialsRefused, AccountUnreadable, PartnerUnavailable, PartnerThrottles, PartnerUnreadable)
of_session = {"guard": guards.checkout_session(tokens), "security": ("checkoutToken",)}
UNSELLABLE = (
    UnknownSku,
    QuantityAboveMaximum,
    MixedCurrencies,
    CurrencyNotOffered,
    TotalTooLarge,
    ShippingMethodNotOffered,
    TooManyLines,
)


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
    _limit_lines(len(request.body.lines))
    wishes = request.body.wishes()
    return stock_check(wishes, products.get_many(request.shop, list(wishes)), _free(request.shop, list(wishes), request.now))


@api.post("/shops/{shop}/cart/validate", body=CartBody, returns=CartView, refusals=(TooManyLines,))
def validate_cart(request: Request[CartBody]) -> CartView:
    """What is wrong with a cart at this moment, and on request the cart that comes nearest and is right. Nothing is held."""
    _limit_lines(len(request.body.lines))
    catalogue = CatalogueForOrders(products, MAX_QUANTITY, lambda: request.now)
    checked = carts.check(request.body.cart(request.shop), catalogue=catalogue, stock=stock, policies=policies, now=request.now)
    return cart_view(checked, fix=request.body.fix)


@api.post("/shops/{shop}/checkout-sessions", body=CheckoutBody, returns=SessionView, status=201, refusals=UNSELLABLE)
def start_checkout(request: Request[CheckoutBody]) -> SessionView:
    """Start a checkout: the cart is priced and kept for thirty minutes. Nothing is held yet."""
    _limit_lines(len(request.body.lines))
    told = sessions.start(request.body.command(request.shop), sessions=sessions_table, world=_world(request))
    return _session_view(told.session, told.issues)


@api.get("/shops/{shop}/checkout-sessions/{session}", returns=ResumedView, refusals=(CheckoutTokenMissing, UnknownSession), **of_session)
def show_checkout(request: Request[None]) -> ResumedView:
    """A checkout session as it is now, with the order of its latest try: where a shopper goes on who was away."""
    session = request.path["session"]
    found = sessions.resume(request.shop, session, born_at(session), sessions=sessions_table, orders=orders, world=_world(request))
    order = tried_order(found.order, _order_token(found.order), request.now) if found.order else None
    return resumed_view(_session_view(found.session, found.issues), order)


@api.patch(
    "/shops/{shop}/checkout-sessions/{session}",
    body=ChangeBody,
    returns=SessionView,
    refusals=(
        *UNSELLABLE,
        CheckoutTokenMissing,
        CsrfTokenInvalid,
        UnknownSession,
        SessionAlreadyOrdered,
        StaleSession,
        IfMatchInvalid,
        VersionConflict,
    ),
    **of_session,
)
def change_checkout(request: Request[ChangeBody]) -> SessionView:
    """Change the lines, the contact, the address or how it is shipped; the thirty minutes begin anew.

    With If-Match only over the version that you have read.
    """
    _limit_lines(len(request.body.lines))
    session = request.path["session"]
    command = request.body.command(request.shop, session, if_match(request.headers))
    told = sessions.change(command, born_at(session), sessions=sessions_table, orders=orders, world=_world(request))
    return _session_view(told.session, told.issues)


@api.delete(
    "/shops/{shop}/checkout-sessions/{session}",
    returns=None,
    status=204,
    refusals=(CheckoutTokenMissing, CsrfTokenInvalid, UnknownSession),
    **of_session,
)
def abandon_checkout(request: Request[None]) -> None:
    """Abandon a checkout: what it holds goes back to stock."""
    session = sessions.read(request.shop, request.path["session"], sessions=sessions_table, now=request.now)
    sessions.abandon(session, born_at(session.id), sessions=sessions_table, orders=orders, stock=stock, now=request.now)


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
        AddressMissing,
        NotShippedThere,
        SessionExpired,
        SessionAlreadyOrdered,
        VersionConflict,
        ProviderNotOffered,
        *asking,
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
            sessions=sessions_table,
            stock=stock,
            payments=payments,
            policies=policies,
            now=request.now,
        )
    except InsufficientStock:
        metrics.count("PlaceOrderInsufficientStock")
        raise
    metrics.count("OrdersReplayed" if placed.replayed else "OrdersPlaced")
    return Answer(placed_view(placed.order, _order_token(placed.order)), headers={"Idempotent-Replayed": "true"} if placed.replayed else {})


def _free(shop: str, skus: "Sequence[str]", now: "datetime") -> dict[str, int]:
    return availability(shop, skus, levels=shelf.levels, recall=recall, grace=settings.grace, now=now)


def _limit_lines(lines: int) -> None:
    if lines > MAX_LINES:
        raise TooManyLines(f"A cart has at most {MAX_LINES} lines.", maximum=MAX_LINES)


def _world(request: Request[Any]) -> sessions.World:
    return sessions.World(CatalogueForOrders(products, MAX_QUANTITY, lambda: request.now), stock, policies, request.now)


def _session_view(session: "Session", issues: "Sequence[Issue]") -> SessionView:
    subject = session.shop, session.id
    return session_view(session, issues, tokens.mint(guards.CHECKOUT, *subject), tokens.mint(guards.CSRF, *subject))


def _order_token(order: "Order") -> str:
    return tokens.mint(guards.ORDER, order.shop, order.id)
