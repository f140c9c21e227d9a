"""Where a shop's systems want to be told: endpoints, what was sent to them, and sending it again."""

from functools import partial
from typing import Any

from holdfast.kernel.errors import VersionConflict
from holdfast.kernel.time import utc_now
from holdfast.platform import aws, secrets
from holdfast.platform.dynamo import Table
from holdfast.platform.http import Answer, Api, Request
from holdfast.platform.problems import IfMatchInvalid
from holdfast.platform.queue import Queue
from holdfast.platform.reading import if_match
from holdfast.platform.sealing import KmsSealer
from holdfast.platform.tokens import InvalidCursor, Tokens
from holdfast.tenants.errors import ApiKeyInvalid, ApiKeyMissing, ScopeMissing
from holdfast.tenants.guards import api_key
from holdfast.tenants.model import Scope
from holdfast.tenants.repository import Directory, DynamoTenants
from holdfast.webhooks import endpoints, replaying
from holdfast.webhooks.errors import (
    DeliveryInFlight,
    EndpointDisabled,
    StaleEndpoint,
    TooManyEndpoints,
    UnknownDelivery,
    UnknownEndpoint,
    UnknownEventTypes,
    UrlRefused,
)
from holdfast.webhooks.repository import DynamoWebhooks
from holdfast.webhooks.views import (
    DeliveriesQuery,
    DeliveryDetail,
    DeliveryPage,
    DeliveryView,
    ReplayBody,
    ReplayView,
    RotateBody,
    WebhookEndpointBody,
    WebhookEndpointList,
    WebhookEndpointPatch,
    WebhookEndpointView,
    WebhookEndpointWithSecret,
    delivery_detail,
    delivery_view,
    endpoint_view,
    endpoint_with_secret,
    replay_view,
)
from holdfast.wiring.webhooks import TYPES, WebhookSettings

ENDPOINTS = "/shops/{shop}/admin/webhook-endpoints"
ENDPOINT = f"{ENDPOINTS}/{{endpoint}}"
DELIVERY = f"{ENDPOINT}/deliveries/{{delivery}}"


class Settings(WebhookSettings):
    webhooks_table: str
    tenants_table: str
    webhooks_queue_url: str
    sealing_key_arn: str
    token_secret_arn: str


settings = Settings.load()
client = aws.dynamodb()
directory = Directory(DynamoTenants(Table(client, settings.tenants_table)))
store = DynamoWebhooks(Table(client, settings.webhooks_table))
queue = Queue(settings.webhooks_queue_url)
sealer = KmsSealer(settings.sealing_key_arn)
tokens = Tokens(partial(secrets.secret, settings.token_secret_arn))

api = Api("webhooks", clock=utc_now, shop_origins=directory.origins)
app = api.app
refused = (ApiKeyMissing, ApiKeyInvalid, ScopeMissing)
unknown = (*refused, UnknownEndpoint)


def needs(scope: Scope) -> dict[str, Any]:
    return {"guard": api_key(directory, scope), "security": ("apiKey",)}


@api.post(
    ENDPOINTS,
    body=WebhookEndpointBody,
    returns=WebhookEndpointWithSecret,
    status=201,
    refusals=(*refused, UrlRefused, UnknownEventTypes, TooManyEndpoints),
    **needs(Scope.ADMIN),
)
def add_webhook_endpoint(request: Request[WebhookEndpointBody]) -> WebhookEndpointWithSecret:
    """Be told of events at an address. The answer has the secret that signs them, this once."""
    command = request.body.command(request.shop)
    made = endpoints.add(command, store=store, sealer=sealer, types=TYPES, doors=settings.doors, now=request.now)
    return endpoint_with_secret(made, request.now)


@api.get(ENDPOINTS, returns=WebhookEndpointList, refusals=refused, **needs(Scope.VIEWER))
def list_webhook_endpoints(request: Request[None]) -> WebhookEndpointList:
    """All of the shop: ten at most."""
    return WebhookEndpointList(items=[endpoint_view(endpoint, request.now) for endpoint in store.endpoints(request.shop)], next=None)


@api.get(ENDPOINT, returns=WebhookEndpointView, refusals=unknown, **needs(Scope.VIEWER))
def show_webhook_endpoint(request: Request[None]) -> WebhookEndpointView:
    """One endpoint; if it was switched off, why."""
    return endpoint_view(endpoints.read(request.shop, request.path["endpoint"], store=store), request.now)


@api.patch(
    ENDPOINT,
    body=WebhookEndpointPatch,
    returns=WebhookEndpointView,
    refusals=(*unknown, UrlRefused, UnknownEventTypes, StaleEndpoint, VersionConflict, IfMatchInvalid),
    **needs(Scope.ADMIN),
)
def change_webhook_endpoint(request: Request[WebhookEndpointPatch]) -> WebhookEndpointView:
    """Change its address, its events or its description, or switch it off or on."""
    command = request.body.command(request.shop, request.path["endpoint"], if_match(request.headers))
    changed = endpoints.change(command, store=store, types=TYPES, doors=settings.doors, now=request.now)
    return endpoint_view(changed, request.now)


@api.delete(ENDPOINT, returns=None, status=204, refusals=unknown, **needs(Scope.ADMIN))
def remove_webhook_endpoint(request: Request[None]) -> None:
    """Tell it nothing more; what is still on its way is skipped."""
    endpoints.remove(request.shop, request.path["endpoint"], store=store)


@api.post(
    f"{ENDPOINT}/rotate-secret",
    body=RotateBody,
    returns=WebhookEndpointWithSecret,
    refusals=(*unknown, VersionConflict),
    **needs(Scope.ADMIN),
)
def rotate_webhook_secret(request: Request[RotateBody]) -> WebhookEndpointWithSecret:
    """A new secret, shown this once; the former one signs along for 24 hours, unless it must not."""
    kept = request.body.keep_former
    rotated = endpoints.rotate(request.shop, request.path["endpoint"], keep_former=kept, store=store, sealer=sealer, now=request.now)
    return endpoint_with_secret(rotated, request.now)


@api.post(f"{ENDPOINT}/test", returns=DeliveryView, status=202, refusals=(*unknown, EndpointDisabled), **needs(Scope.ADMIN))
def send_test_webhook(request: Request[None]) -> Answer:
    """Send `webhook.test.v1` now, on the road of all others; the delivery tells what came of it."""
    made = replaying.test(request.shop, request.path["endpoint"], store=store, messages=queue, now=request.now)
    return Answer(delivery_view(made), status=202)


@api.get(f"{ENDPOINT}/deliveries", returns=DeliveryPage, query=DeliveriesQuery, refusals=(*unknown, InvalidCursor), **needs(Scope.VIEWER))
def list_webhook_deliveries(request: Request[None]) -> DeliveryPage:
    """What was sent in the last thirty days, or is to be; newest events first."""
    endpoint, asked = request.path["endpoint"], request.query
    after = _opened(request, asked.cursor, "webhook-deliveries")
    found, last = replaying.log(request.shop, endpoint, limit=asked.limit, after=after, state=asked.state, store=store, now=request.now)
    return DeliveryPage(items=[delivery_view(one) for one in found], next=_sealed(request, last, "webhook-deliveries"))


@api.get(DELIVERY, returns=DeliveryDetail, refusals=(*unknown, UnknownDelivery), **needs(Scope.VIEWER))
def show_webhook_delivery(request: Request[None]) -> DeliveryDetail:
    """One delivery: its body, and each attempt with what was answered."""
    return delivery_detail(replaying.read(request.shop, **_delivery(request), store=store, now=request.now))


@api.post(
    f"{DELIVERY}/replay",
    returns=DeliveryView,
    status=202,
    refusals=(*unknown, UnknownDelivery, EndpointDisabled, DeliveryInFlight),
    **needs(Scope.ADMIN),
)
def replay_webhook_delivery(request: Request[None]) -> Answer:
    """Send it again now, under the same webhook-id."""
    again = replaying.replay(request.shop, **_delivery(request), store=store, messages=queue, now=request.now)
    return Answer(delivery_view(again), status=202)


@api.post(
    f"{ENDPOINT}/replay",
    body=ReplayBody,
    returns=ReplayView,
    refusals=(*unknown, EndpointDisabled, InvalidCursor),
    **needs(Scope.ADMIN),
)
def replay_webhooks(request: Request[ReplayBody]) -> ReplayView:
    """Send all events of a time again, within minutes, or count them; two hundred are looked at per request."""
    after = _opened(request, request.body.cursor, "webhook-replay")
    replayed = replaying.replay_many(request.body.command(request.shop, request.path["endpoint"], after), store=store, now=request.now)
    return replay_view(replayed, _sealed(request, replayed.next, "webhook-replay"))


def _delivery(request: Request[Any]) -> dict[str, str]:
    return {"endpoint": request.path["endpoint"], "delivery": request.path["delivery"]}


def _opened(request: Request[Any], cursor: str | None, kind: str) -> str | None:
    position = tokens.open_cursor(cursor, kind, request.shop, request.path["endpoint"])
    return position["after"] if position else None


def _sealed(request: Request[Any], after: str | None, kind: str) -> str | None:
    return tokens.seal_cursor({"after": after} if after else None, kind, request.shop, request.path["endpoint"])
