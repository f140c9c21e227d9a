"""What a shop's staff and scripts call about messages: what was sent to whom, what failed, sending it again, and how it looks."""

from functools import partial
from typing import TYPE_CHECKING, Any

from holdfast.catalogue.repository import DynamoProducts
from holdfast.fulfilment.repository import DynamoFulfilment
from holdfast.kernel.time import utc_now
from holdfast.notifications import admin_views as views
from holdfast.notifications import browsing, resending
from holdfast.notifications.kinds import Channel, Kind
from holdfast.notifications.model import Suppressed, Suppression
from holdfast.notifications.refusals import (
    AddressOfAnotherChannel,
    ConsentMissing,
    NothingToTell,
    NotificationUnderWay,
    RecipientSuppressed,
    TemplateBroken,
    UnknownMessageKind,
    UnknownNotification,
    UnknownSuppression,
)
from holdfast.notifications.repository import DynamoNotifications
from holdfast.orders.repository import DynamoOrders
from holdfast.platform import aws, secrets
from holdfast.platform.dynamo import DynamoCommit, Table
from holdfast.platform.http import Answer, Api, Request
from holdfast.platform.idempotency import DynamoReplays
from holdfast.platform.log import logger
from holdfast.platform.pages import PageQuery
from holdfast.platform.queue import Queue
from holdfast.platform.settings import FunctionSettings
from holdfast.platform.tokens import InvalidCursor, Tokens
from holdfast.tenants.errors import ApiKeyInvalid, ApiKeyMissing, ScopeMissing
from holdfast.tenants.guards import api_key, may
from holdfast.tenants.model import Scope
from holdfast.tenants.repository import Directory, DynamoTenants
from holdfast.wiring import previews

if TYPE_CHECKING:
    from holdfast.notifications.model import Mail

NOTIFICATIONS = "/shops/{shop}/admin/notifications"
NOTIFICATION = f"{NOTIFICATIONS}/{{notification}}"
KINDS = f"{NOTIFICATIONS}/kinds"
SUPPRESSIONS = "/shops/{shop}/admin/suppressions"
LIST, FAILED, UNWELCOME = "notifications", "failed-notifications", "suppressions"
HTML = {
    "Content-Type": "text/html; charset=utf-8",
    # Mails have their styles where they are used, and the shop's logo; nothing else is loaded, and nothing runs.
    "Content-Security-Policy": "default-src 'none'; img-src https:; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox",
    "Referrer-Policy": "no-referrer",
}


class Settings(FunctionSettings):
    notifications_table: str
    orders_table: str
    fulfilment_table: str
    catalogue_table: str
    tenants_table: str
    notifications_queue_url: str
    token_secret_arn: str
    storefront_url: str


settings = Settings.load()
client = aws.dynamodb()
table = Table(client, settings.notifications_table)
directory = Directory(DynamoTenants(Table(client, settings.tenants_table)))
commit = DynamoCommit(client)
store = DynamoNotifications(table, commit)
queue = Queue(settings.notifications_queue_url)
tokens = Tokens(partial(secrets.secret, settings.token_secret_arn))
writer = previews.blind_writer(
    orders=DynamoOrders(Table(client, settings.orders_table)),
    store=DynamoFulfilment(Table(client, settings.fulfilment_table), commit),
    product=DynamoProducts(Table(client, settings.catalogue_table)).get,
    shop=directory.shop,
    customers=store,
    storefront_url=settings.storefront_url,
    clock=utc_now,
)

api = Api("notifications-admin", clock=utc_now, shop_origins=directory.origins, replays=lambda: DynamoReplays(table))
app = api.app
refused = (ApiKeyMissing, ApiKeyInvalid, ScopeMissing)
unknown = (*refused, UnknownNotification)


def needs(scope: Scope) -> dict[str, Any]:
    return {"guard": api_key(directory, scope), "security": ("apiKey",)}


@api.get(
    NOTIFICATIONS,
    returns=views.NotificationPage,
    query=views.NotificationsQuery,
    refusals=(*refused, InvalidCursor),
    **needs(Scope.VIEWER),
)
def list_notifications(request: Request[None]) -> views.NotificationPage:
    """What was told to whom and what became of it, newest first. Kept for 90 days."""
    asked: views.NotificationsQuery = request.query
    after = _opened(request, asked.cursor, LIST)
    page = browsing.look(request.shop, asked.status or frozenset(), asked.order, limit=asked.limit, after=after, notifications=store)
    return views.NotificationPage(items=[views.notification_view(row) for row in page.rows], next=_sealed(request, page.last, LIST))


@api.get(KINDS, returns=views.MessageKindList, refusals=refused, **needs(Scope.VIEWER))
def list_message_kinds(request: Request[None]) -> views.MessageKindList:
    """Every message there is: whom it is for, by which channels, and whether the shop sends it."""
    return views.kind_list(directory.shop(request.shop).mails_off)


@api.get(
    f"{KINDS}/{{kind}}/preview",
    returns=views.MailPreview,
    query=views.LanguageQuery,
    writes=("text/html",),
    refusals=(*refused, UnknownMessageKind),
    **needs(Scope.VIEWER),
)
def preview_message_kind(request: Request[None]) -> Answer:
    """A message as this shop's customers get it, made of samples. With `Accept: text/html` as a page."""
    shop = directory.shop(request.shop)
    kind = next((kind for kind in Kind if kind == request.path["kind"]), None)
    if kind is None:
        raise UnknownMessageKind
    return _shown(request, previews.of_sample(kind, shop, request.query.language or shop.language))


@api.get(NOTIFICATION, returns=views.NotificationDetail, refusals=unknown, **needs(Scope.VIEWER))
def show_notification(request: Request[None]) -> views.NotificationDetail:
    """One of them, with all that is known of it; operators see the address as well."""
    row = browsing.read(request.shop, request.path["notification"], notifications=store)
    return views.notification_detail(row, whole=_is_operator(request))


@api.get(
    f"{NOTIFICATION}/preview",
    returns=views.MailPreview,
    writes=("text/html",),
    refusals=(*unknown, NothingToTell, TemplateBroken),
    **needs(Scope.OPERATOR),
)
def preview_notification(request: Request[None]) -> Answer:
    """As it would be sent now, without what only its recipient may have: keys are masked, and its links open nothing."""
    row = browsing.read(request.shop, request.path["notification"], notifications=store)
    mail = previews.of_notification(row, writer)
    if mail is None:
        raise NothingToTell("There is nothing to tell any more.")
    return _shown(request, mail)


@api.post(
    f"{NOTIFICATION}/resend",
    body=views.ResendNotificationBody,
    returns=views.NotificationView,
    status=202,
    idempotent=True,
    refusals=(*unknown, NotificationUnderWay, RecipientSuppressed, ConsentMissing, AddressOfAnotherChannel),
    **needs(Scope.OPERATOR),
)
def resend_notification(request: Request[views.ResendNotificationBody]) -> views.NotificationView:
    """Send it once more, to the same address or a corrected one: as another notification, and what became of this one stays."""
    command = request.body.command(request.shop, request.path["notification"], request.key.identity, request.caller.id)
    again = resending.resend(command, book=store, messages=queue, now=request.now)
    logger.info("notification sent again", extra={"notification": again.id, "resent_of": again.resent_of, "by": again.by})
    return views.notification_view(again)


@api.post(
    f"{NOTIFICATIONS}/retry-failed",
    body=views.RetryNotificationsBody,
    returns=views.RetriedNotificationsView,
    refusals=(*refused, InvalidCursor),
    **needs(Scope.OPERATOR),
)
def retry_failed_notifications(request: Request[views.RetryNotificationsBody]) -> views.RetriedNotificationsView:
    """Try all again that failed, some at a time. Unless it is told otherwise it is a dry run, which tells which."""
    command = request.body.command(request.shop, _opened(request, request.body.cursor, FAILED), request.caller.id)
    retried = resending.retry_failed(command, notifications=store, messages=queue, now=request.now)
    return views.retried_view(retried, command.dry_run, _sealed(request, retried.last, FAILED))


@api.get(SUPPRESSIONS, returns=views.SuppressionPage, query=PageQuery, refusals=(*refused, InvalidCursor), **needs(Scope.VIEWER))
def list_suppressions(request: Request[None]) -> views.SuppressionPage:
    """Addresses that are not written to, and why."""
    after = _opened(request, request.query.cursor, UNWELCOME)
    found, last = store.suppressions(request.shop, request.query.limit, after)
    whole = _is_operator(request)
    items = [views.suppression_view(suppression, whole=whole) for suppression in found]
    return views.SuppressionPage(items=items, next=_sealed(request, last, UNWELCOME))


@api.post(SUPPRESSIONS, body=views.SuppressionBody, returns=views.SuppressionView, status=201, refusals=refused, **needs(Scope.OPERATOR))
def suppress_address(request: Request[views.SuppressionBody]) -> views.SuppressionView:
    """Write to this address no more. One that is not written to already keeps its first reason."""
    asked, channel = request.body, Channel(request.body.channel)
    suppression = Suppression(shop=request.shop, channel=channel, to=asked.to, why=Suppressed.STAFF, at=request.now, detail=asked.detail)
    store.suppress(suppression)
    logger.info("address suppressed", extra={"channel": channel, "by": request.caller.id})
    return views.suppression_view(store.suppression(request.shop, channel, asked.to) or suppression, whole=True)


@api.post(
    f"{SUPPRESSIONS}/lift",
    body=views.SuppressionNameBody,
    returns=None,
    status=204,
    refusals=(*refused, UnknownSuppression),
    **needs(Scope.OPERATOR),
)
def lift_suppression(request: Request[views.SuppressionNameBody]) -> None:
    """Write to this address again. It stands in the body: paths lie in the logs of gateways, and an address must not."""
    channel = Channel(request.body.channel)
    if not store.lift(request.shop, channel, request.body.to):
        raise UnknownSuppression
    logger.info("suppression lifted", extra={"channel": channel, "by": request.caller.id})


def _shown(request: Request[Any], mail: "Mail") -> Answer:
    if "text/html" in request.headers.get("accept", ""):
        return Answer(text=mail.html, headers=HTML)
    return Answer(views.mail_preview(mail))


def _is_operator(request: Request[Any]) -> bool:
    return may(directory, request.headers, request.shop, Scope.OPERATOR)


def _opened(request: Request[Any], cursor: str | None, kind: str) -> str | None:
    position = tokens.open_cursor(cursor, kind, request.shop)
    return position["after"] if position else None


def _sealed(request: Request[Any], after: str | None, kind: str) -> str | None:
    return tokens.seal_cursor({"after": after} if after else None, kind, request.shop)
