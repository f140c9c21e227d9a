"""What a shop's staff and scripts call about payments: what providers told us, and working at it again."""

from functools import partial
from typing import Any

from holdfast.kernel.errors import VersionConflict
from holdfast.kernel.time import utc_now
from holdfast.payments import browsing, inbox_views, redriving
from holdfast.payments.errors import UnknownWebhook
from holdfast.payments.repository import DynamoInbox
from holdfast.platform import aws, secrets
from holdfast.platform.dynamo import Table
from holdfast.platform.http import Api, Request
from holdfast.platform.queue import Queue
from holdfast.platform.settings import FunctionSettings
from holdfast.platform.tokens import InvalidCursor, Tokens
from holdfast.tenants.errors import ApiKeyInvalid, ApiKeyMissing, ScopeMissing
from holdfast.tenants.guards import api_key, may
from holdfast.tenants.model import Scope
from holdfast.tenants.repository import Directory, DynamoTenants
from holdfast.wiring.inbox import EventQueue

WEBHOOKS = "/shops/{shop}/admin/webhooks"
WEBHOOK = f"{WEBHOOKS}/{{webhook}}"


class Settings(FunctionSettings):
    payments_table: str
    tenants_table: str
    payments_queue_url: str
    token_secret_arn: str


settings = Settings.load()
client = aws.dynamodb()
directory = Directory(DynamoTenants(Table(client, settings.tenants_table)))
inbox = DynamoInbox(Table(client, settings.payments_table))
pass_on = EventQueue(Queue(settings.payments_queue_url))
tokens = Tokens(partial(secrets.secret, settings.token_secret_arn))

api = Api("payments-admin", clock=utc_now, shop_origins=directory.origins)
app = api.app
refused = (ApiKeyMissing, ApiKeyInvalid, ScopeMissing)


def needs(scope: Scope) -> dict[str, Any]:
    return {"guard": api_key(directory, scope), "security": ("apiKey",)}


@api.get(
    WEBHOOKS,
    returns=inbox_views.ProviderEventPage,
    query=inbox_views.InboxQuery,
    refusals=(*refused, InvalidCursor),
    **needs(Scope.VIEWER),
)
def list_webhooks(request: Request[None]) -> inbox_views.ProviderEventPage:
    """What payment providers told us, newest first, and what became of it. Kept for 30 days."""
    asked: inbox_views.InboxQuery = request.query
    after = _opened(asked.cursor, "inbox", request.shop)
    page = browsing.look(request.shop, asked.wanted(), limit=asked.limit, after=after, inbox=inbox, now=request.now)
    items = [inbox_views.event_view(event) for event in page.events]
    return inbox_views.ProviderEventPage(items=items, next=_sealed(page.last, "inbox", request.shop))


@api.get(WEBHOOK, returns=inbox_views.ProviderEventDetail, refusals=(*refused, UnknownWebhook), **needs(Scope.VIEWER))
def show_webhook(request: Request[None]) -> inbox_views.ProviderEventDetail:
    """One event of a provider; operators see the text that came as well."""
    event = browsing.read(request.shop, request.path["webhook"], inbox=inbox, now=request.now)
    return inbox_views.event_detail(event, with_raw=may(directory, request.headers, request.shop, Scope.OPERATOR))


@api.post(
    f"{WEBHOOK}/replay",
    returns=inbox_views.ProviderEventView,
    status=202,
    refusals=(*refused, UnknownWebhook, VersionConflict),
    **needs(Scope.OPERATOR),
)
def replay_webhook(request: Request[None]) -> inbox_views.ProviderEventView:
    """Work at an event again, as if it came now. One that was applied stays so, and its provider is asked what is true."""
    event = redriving.replay(request.shop, request.path["webhook"], inbox=inbox, pass_on=pass_on, now=request.now)
    return inbox_views.event_view(event)


@api.post(
    f"{WEBHOOKS}/redrive",
    body=inbox_views.RedriveBody,
    returns=inbox_views.RedriveView,
    refusals=(*refused, InvalidCursor),
    **needs(Scope.OPERATOR),
)
def redrive_webhooks(request: Request[inbox_views.RedriveBody]) -> inbox_views.RedriveView:
    """The same for many events, some at a time. Unless it is told otherwise it is a dry run, which tells which."""
    command = request.body.command(request.shop, _opened(request.body.cursor, "redrive", request.shop))
    done = redriving.redrive(command, inbox=inbox, pass_on=pass_on, now=request.now)
    return inbox_views.redrive_view(done, command.dry_run, _sealed(done.last, "redrive", request.shop))


def _opened(cursor: str | None, kind: str, shop: str) -> str | None:
    position = tokens.open_cursor(cursor, kind, shop)
    return position["after"] if position else None


def _sealed(after: str | None, kind: str, shop: str) -> str | None:
    return tokens.seal_cursor({"after": after} if after else None, kind, shop)
