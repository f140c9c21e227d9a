"""What a shop's staff and scripts call: products and settings."""

import re
from functools import partial
from typing import Any

from holdfast.catalogue import usecases as catalogue
from holdfast.catalogue.errors import KindIsFixed, ProductExists, ProductInUse, StaleProduct, UnknownProduct
from holdfast.catalogue.model import Product
from holdfast.catalogue.repository import DynamoProducts
from holdfast.catalogue.views import ProductBody, ProductPage, ProductView, product_view
from holdfast.fulfilment.repository import DynamoFulfilment
from holdfast.kernel.errors import Invalid
from holdfast.kernel.ids import SKU_PATTERN
from holdfast.kernel.time import utc_now
from holdfast.platform import aws, secrets
from holdfast.platform.dynamo import DynamoCommit, Table
from holdfast.platform.http import Api, Request
from holdfast.platform.pages import PageQuery
from holdfast.platform.problems import IfMatchInvalid
from holdfast.platform.reading import if_match
from holdfast.platform.settings import HoldSettings
from holdfast.platform.tokens import Tokens
from holdfast.stock.repository import DynamoStock
from holdfast.tenants import usecases as tenant_usecases
from holdfast.tenants.errors import ApiKeyInvalid, ApiKeyMissing, ScopeMissing, StaleSettings, UnknownShop
from holdfast.tenants.guards import api_key
from holdfast.tenants.model import Scope
from holdfast.tenants.repository import Directory, DynamoTenants
from holdfast.tenants.views import SettingsBody, SettingsView, settings_view
from holdfast.wiring.stock import ShelfForCatalogue


class Settings(HoldSettings):
    catalogue_table: str
    stock_table: str
    locks_table: str
    fulfilment_table: str
    tenants_table: str
    token_secret_arn: str


class SkuMismatch(Invalid):
    """The SKU in the body is not the one in the path."""

    code = "sku_mismatch"


class SkuInvalid(Invalid):
    """A SKU is 1 to 64 letters, digits, dots, dashes and underscores, and begins with a letter or a digit."""

    code = "sku_invalid"


class SkuMissing(Invalid):
    """A new product needs its SKU."""

    code = "sku_missing"


settings = Settings.load()
client = aws.dynamodb()
commit = DynamoCommit(client)
tenants = DynamoTenants(Table(client, settings.tenants_table))
directory = Directory(tenants)
products = DynamoProducts(Table(client, settings.catalogue_table))
stock = DynamoStock(Table(client, settings.stock_table), Table(client, settings.locks_table), commit)
fulfilment = DynamoFulfilment(Table(client, settings.fulfilment_table), commit)
tokens = Tokens(partial(secrets.secret, settings.token_secret_arn))
shelf = ShelfForCatalogue(stock, settings.grace, fulfilment.debts.owed, utc_now)

api = Api(
    "admin",
    clock=utc_now,
    shop_origins=directory.origins,
)
app = api.app
refused = (ApiKeyMissing, ApiKeyInvalid, ScopeMissing)


def needs(scope: Scope) -> dict[str, Any]:
    return {"guard": api_key(directory, scope), "security": ("apiKey",)}


@api.get("/shops/{shop}/admin/products", returns=ProductPage, query=PageQuery, refusals=refused, **needs(Scope.VIEWER))
def list_products(request: Request[None]) -> ProductPage:
    """All products on sale, in order of SKU."""
    start = tokens.open_cursor(request.query.cursor, "admin-products", request.shop)
    page, last = products.page(request.shop, request.query.limit, start)
    return ProductPage(items=[product_view(item) for item in page], next=tokens.seal_cursor(last, "admin-products", request.shop))


@api.post(
    "/shops/{shop}/admin/products",
    body=ProductBody,
    returns=ProductView,
    status=201,
    refusals=(*refused, ProductExists, KindIsFixed, SkuMissing),
    **needs(Scope.ADMIN),
)
def add_product(request: Request[ProductBody]) -> ProductView:
    """Add a product; its SKU must be free."""
    if request.body.sku is None:
        raise SkuMissing("A new product needs its sku.")
    command = request.body.command(request.shop, request.body.sku)
    return product_view(catalogue.add(command, products=products, shelf=shelf, now=request.now))


@api.get("/shops/{shop}/admin/products/{sku}", returns=ProductView, refusals=(*refused, UnknownProduct), **needs(Scope.VIEWER))
def show_product(request: Request[None]) -> ProductView:
    """One product."""
    return product_view(_product(request))


@api.put(
    "/shops/{shop}/admin/products/{sku}",
    body=ProductBody,
    returns=ProductView,
    refusals=(*refused, StaleProduct, KindIsFixed, SkuInvalid, SkuMismatch, IfMatchInvalid),
    **needs(Scope.ADMIN),
)
def put_product(request: Request[ProductBody]) -> ProductView:
    """Make or change a product. With If-Match only over the version that you have read."""
    sku = request.path["sku"]
    if not re.fullmatch(SKU_PATTERN, sku):
        raise SkuInvalid("A SKU is 1 to 64 letters, digits, dots, dashes and underscores, and begins with a letter or a digit.")
    if request.body.sku not in (None, sku):
        raise SkuMismatch("The sku in the body is not the one in the path.")
    command = request.body.model_copy(update={"sku": sku}).command(request.shop, sku)
    return product_view(catalogue.put(command, products=products, shelf=shelf, now=request.now, expected=if_match(request.headers)))


@api.delete(
    "/shops/{shop}/admin/products/{sku}",
    returns=None,
    status=204,
    refusals=(*refused, UnknownProduct, ProductInUse, StaleProduct),
    **needs(Scope.ADMIN),
)
def withdraw_product(request: Request[None]) -> None:
    """Take a product off sale. Refused while units of it are held or owed."""
    catalogue.withdraw(request.shop, request.path["sku"], products=products, shelf=shelf, now=request.now)


@api.get("/shops/{shop}/admin/settings", returns=SettingsView, refusals=refused, **needs(Scope.VIEWER))
def show_settings(request: Request[None]) -> SettingsView:
    """What the shop has decided about itself."""
    shop = tenants.shop(request.shop)
    if shop is None:
        raise UnknownShop
    return settings_view(shop)


@api.put(
    "/shops/{shop}/admin/settings",
    body=SettingsBody,
    returns=SettingsView,
    refusals=(*refused, StaleSettings, IfMatchInvalid),
    **needs(Scope.ADMIN),
)
def change_settings(request: Request[SettingsBody]) -> SettingsView:
    """Change the settings, all at once; workers follow within a minute. With If-Match only over the version that you have read."""
    wanted = request.body.settings()
    return settings_view(tenant_usecases.change_settings(request.shop, wanted, tenants=tenants, expected=if_match(request.headers)))


def _product(request: Request[Any]) -> Product:
    product = products.get(request.shop, request.path["sku"])
    if product is None or product.archived:
        raise UnknownProduct
    return product
