"""Is it up, and can it do its work. Tiny, public, and without a word about the inside."""

from typing import Literal

from botocore.exceptions import ClientError

from holdfast.kernel.errors import HoldfastError, NotFound, UnavailableError
from holdfast.kernel.model import Model
from holdfast.kernel.time import Instant, utc_now
from holdfast.platform import aws
from holdfast.platform.dynamo import Table
from holdfast.platform.http import Answer, Api, Request
from holdfast.platform.settings import FunctionSettings


class Settings(FunctionSettings):
    tenants_table: str
    stock_table: str
    orders_table: str


class Health(Model):
    status: Literal["ok", "unavailable"]
    at: Instant


settings = Settings.load()
client = aws.dynamodb()
tables = [Table(client, name) for name in (settings.tenants_table, settings.stock_table, settings.orders_table)]


def _no_shops(shop: str) -> tuple[str, ...]:
    raise NotFound


api = Api("health", clock=utc_now, shop_origins=_no_shops)
app = api.app


@api.get("/health/live", returns=Health)
def live(request: Request[None]) -> Health:
    """The function runs."""
    return Health(status="ok", at=request.now)


@api.get("/health/ready", returns=Health, refusals=(UnavailableError,))
def ready(request: Request[None]) -> Answer:
    """The tables that a sale needs answer."""
    return _readiness(request)


@api.get("/health", returns=Health, refusals=(UnavailableError,))
def health(request: Request[None]) -> Answer:
    """200 when orders can be taken, else 503."""
    return _readiness(request)


def _readiness(request: Request[None]) -> Answer:
    try:
        for table in tables:
            table.get({"pk": "HEALTH", "sk": "HEALTH"})
    except (HoldfastError, ClientError):  # does not answer, or is not there, or not for us
        return Answer(Health(status="unavailable", at=request.now), status=503, headers={"Retry-After": "5"})
    return Answer(Health(status="ok", at=request.now))
