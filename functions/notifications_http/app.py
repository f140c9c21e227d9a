"""What customers choose to be told, what they were told in the app, and people who wait for something to be back in stock."""

from functools import partial
from typing import TYPE_CHECKING, Any

from holdfast.catalogue.errors import UnknownProduct
from holdfast.catalogue.repository import DynamoProducts
from holdfast.catalogue.views import MAX_QUANTITY
from holdfast.kernel.errors import VersionConflict
from holdfast.kernel.time import utc_now
from holdfast.notifications import browsing, guards, preferring, unsubscribe_page, views, wishing
from holdfast.notifications.model import Wish
from holdfast.notifications.refusals import (
    InStock,
    NobodyToTell,
    OtherNumber,
    PreferencesTokenMissing,
    StalePreferences,
    TooManyWishes,
    UnknownCustomer,
    UnknownNotification,
)
from holdfast.notifications.repository import DynamoNotifications
from holdfast.orders import guards as order_guards
from holdfast.orders import rules, usecases
from holdfast.orders.errors import OrderTokenMissing, UnknownOrder
from holdfast.orders.repository import DynamoOrders
from holdfast.platform import aws, secrets
from holdfast.platform.dynamo import DynamoCommit, Table
from holdfast.platform.http import Answer, Api, Request
from holdfast.platform.pages import PageQuery
from holdfast.platform.patience import pause
from holdfast.platform.problems import IfMatchInvalid
from holdfast.platform.reading import if_match
from holdfast.platform.settings import HoldSettings
from holdfast.platform.tokens import InvalidCursor, Tokens
from holdfast.stock.recall import Recall
from holdfast.stock.repository import DynamoLevels
from holdfast.stock.shelves import availability
from holdfast.tenants.repository import Directory, DynamoTenants

if TYPE_CHECKING:
    from holdfast.notifications.model import Preferences

CUSTOMER = "/shops/{shop}/customers/{customer}"
ORDER = "/shops/{shop}/orders/{order}"
UNSUBSCRIBE = f"{CUSTOMER}/unsubscribe"
IN_APP = "in-app"


class Settings(HoldSettings):
    notifications_table: str
    orders_table: str
    catalogue_table: str
    stock_table: str
    tenants_table: str
    token_secret_arn: str


settings = Settings.load()
client = aws.dynamodb()
commit = DynamoCommit(client)
directory = Directory(DynamoTenants(Table(client, settings.tenants_table)))
products = DynamoProducts(Table(client, settings.catalogue_table))
orders = DynamoOrders(Table(client, settings.orders_table))
levels = DynamoLevels(Table(client, settings.stock_table))
recall = Recall(pause)
store = DynamoNotifications(Table(client, settings.notifications_table), commit)
tokens = Tokens(partial(secrets.secret, settings.token_secret_arn))

api = Api("notifications", clock=utc_now, shop_origins=directory.origins)
app = api.app
of_customer = {"guard": guards.customer(tokens, guards.PREFERENCES), "security": ("preferencesToken",)}
of_subscriber = {"guard": guards.customer(tokens, guards.UNSUBSCRIBE), "security": ("unsubscribeToken",)}
of_order = {"guard": order_guards.order(tokens), "security": ("orderToken",)}
refused = (PreferencesTokenMissing, UnknownCustomer)
refused_of_order = (OrderTokenMissing, UnknownOrder, NobodyToTell)
over = (StalePreferences, OtherNumber, VersionConflict, IfMatchInvalid)


def one_click(content: bytes) -> views.OneClickBody:
    """A POST to the link means one thing, whatever it says."""
    return views.OneClickBody()


@api.post(
    "/shops/{shop}/products/{sku}/back-in-stock",
    body=views.BackInStockBody,
    returns=views.BackInStockView,
    status=202,
    refusals=(UnknownProduct, InStock, TooManyWishes),
)
def ask_for_back_in_stock(request: Request[views.BackInStockBody]) -> views.BackInStockView:
    """Be told once when a product is back. Those who asked first are told first, after the orders that wait for it are served."""
    sku = request.path["sku"]
    product = products.get(request.shop, sku)
    if product is None or product.archived:
        raise UnknownProduct
    free = availability(request.shop, [sku], levels=levels, recall=recall, grace=settings.grace, now=request.now)
    told = min(free[sku], product.max_per_order or MAX_QUANTITY)  # how much a shop has beyond one order is nobody's business
    wishing.ask(_wish(request), free=told, book=store)
    return views.BackInStockView(sku=sku)


@api.get(f"{CUSTOMER}/preferences", returns=views.PreferencesView, refusals=refused, **of_customer)
def show_preferences(request: Request[None]) -> views.PreferencesView:
    """What a customer has chosen to be told, and how."""
    return _preferences(request, request.path["customer"])


@api.put(f"{CUSTOMER}/preferences", body=views.PreferencesBody, returns=views.PreferencesView, refusals=(*refused, *over), **of_customer)
def choose_preferences(request: Request[views.PreferencesBody]) -> views.PreferencesView:
    """Choose all of it. With If-Match only over the version that you have read; `"0"` where nothing was chosen yet."""
    return _choose(request, request.path["customer"])


@api.get(UNSUBSCRIBE, returns=None, query=views.UnsubscribeQuery, writes=("text/html",), refusals=refused, **of_subscriber)
def show_unsubscribe(request: Request[None]) -> Answer:
    """A page that asks. Opening it changes nothing."""
    chosen = preferring.read(request.shop, request.path["customer"], customers=store, now=request.now)
    return _page(request, chosen)


@api.post(
    UNSUBSCRIBE,
    returns=None,
    body=views.OneClickBody,
    query=views.UnsubscribeQuery,
    writes=("text/plain", "text/html"),
    readers={"application/x-www-form-urlencoded": one_click, "multipart/form-data": one_click},
    refusals=(*refused, VersionConflict),
    **of_subscriber,
)
def unsubscribe(request: Request[views.OneClickBody]) -> Answer:
    """Switch a topic off by one click (RFC 8058). However often; a browser is answered with a page."""
    asked: views.UnsubscribeQuery = request.query
    chosen = preferring.unsubscribe(request.shop, request.path["customer"], asked.topic, asked.sku, store=store, now=request.now)
    if "text/html" in request.headers.get("accept", ""):
        return _page(request, chosen)
    said = unsubscribe_page.sentence(asked.topic, _language(request.shop, chosen), off=True)
    return Answer(text=said, headers={"Content-Type": "text/plain; charset=utf-8"})


@api.get(f"{ORDER}/preferences", returns=views.PreferencesView, refusals=refused_of_order, **of_order)
def show_preferences_of_order(request: Request[None]) -> views.PreferencesView:
    """What was chosen for this order. What its customer has chosen for all of them is behind the links of his mails only: anybody can
    order under his address.
    """
    return _preferences(request, _of_order(request))


@api.put(
    f"{ORDER}/preferences",
    body=views.PreferencesBody,
    returns=views.PreferencesView,
    refusals=(*refused_of_order, *over),
    **of_order,
)
def choose_preferences_of_order(request: Request[views.PreferencesBody]) -> views.PreferencesView:
    """Choose all of it, for this order. It counts before what its customer has chosen for all of them."""
    return _choose(request, _of_order(request))


@api.get(
    f"{ORDER}/notifications",
    returns=views.InAppPage,
    query=PageQuery,
    refusals=(*refused_of_order, InvalidCursor),
    **of_order,
)
def list_order_notifications(request: Request[None]) -> views.InAppPage:
    """Messages about this order, newest first, as a page or an app shows them."""
    scope = IN_APP, request.shop, request.path["order"]
    position = tokens.open_cursor(request.query.cursor, *scope)
    after = position["after"] if position else None
    found, last = browsing.in_app(*_at(request), limit=request.query.limit, after=after, customers=store)
    following = tokens.seal_cursor({"after": last} if last else None, *scope)
    return views.InAppPage(items=[views.in_app_view(message) for message in found], next=following)


@api.post(
    f"{ORDER}/notifications/{{notification}}/read",
    returns=views.InAppView,
    refusals=(*refused_of_order, UnknownNotification),
    **of_order,
)
def read_order_notification(request: Request[None]) -> views.InAppView:
    """Mark it as read. The first time stays."""
    return views.in_app_view(browsing.read_in_app(*_at(request), request.path["notification"], customers=store, now=request.now))


def _wish(request: Request[views.BackInStockBody]) -> Wish:
    email, language = request.body.email, request.body.language or directory.shop(request.shop).language
    return Wish(
        shop=request.shop,
        sku=request.path["sku"],
        email=email,
        customer=rules.buyer(email) or "",
        language=language,
        at=request.now,
    )


def _preferences(request: Request[Any], customer: str) -> views.PreferencesView:
    return views.preferences_view(preferring.read(request.shop, customer, customers=store, now=request.now))


def _choose(request: Request[views.PreferencesBody], customer: str) -> views.PreferencesView:
    command = request.body.command(request.shop, customer, if_match(request.headers))
    return views.preferences_view(preferring.choose(command, customers=store, now=request.now))


def _page(request: Request[Any], chosen: "Preferences") -> Answer:
    topic, shop = request.query.topic, directory.shop(request.shop)
    text = unsubscribe_page.page(shop.name, topic, _language(request.shop, chosen), off=topic in chosen.off)
    return Answer(text=text, headers=unsubscribe_page.HEADERS)


def _language(shop: str, chosen: "Preferences") -> str:
    return chosen.language or directory.shop(shop).language


def _at(request: Request[Any]) -> tuple[str, str, str]:
    return request.shop, _customer(request), request.path["order"]


def _of_order(request: Request[Any]) -> str:
    """Whose choices an order's token opens: its own. NobodyToTell, UnknownOrder."""
    _customer(request)
    return request.path["order"]


def _customer(request: Request[Any]) -> str:
    """NobodyToTell, UnknownOrder."""
    customer = rules.customer(usecases.read(request.shop, request.path["order"], orders=orders))
    if customer is None:
        raise NobodyToTell("The order has no e-mail address.")
    return customer
