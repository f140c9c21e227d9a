"""What a shop's staff and scripts call about orders: find them, see them, take them away as files, and act on them."""

from functools import partial
from typing import Any
from urllib.parse import urlencode

from holdfast.fulfilment.repository import DynamoFulfilment
from holdfast.fulfilment.safe import Safe
from holdfast.kernel.errors import VersionConflict
from holdfast.kernel.time import utc_now
from holdfast.orders import admin_views as views
from holdfast.orders import cancelling, errors, exporting, refunding, replay, retrying, returning, searching, staff, troubles, usecases
from holdfast.orders.admin_queries import ExportQuery, OrderFilter, OrderQuery
from holdfast.orders.model import Order
from holdfast.orders.repository import DynamoOrders
from holdfast.orders.search_repository import DynamoOrderSearch
from holdfast.orders.views import OrderDetail, OrderView, ReturnBody, order_detail, order_view, units
from holdfast.platform import aws, secrets
from holdfast.platform.dynamo import DynamoCommit, Table
from holdfast.platform.envelope import KmsDataKeys
from holdfast.platform.http import Answer, Api, Request
from holdfast.platform.idempotency import DynamoReplays
from holdfast.platform.patience import pause
from holdfast.platform.problems import IfMatchInvalid
from holdfast.platform.queue import Queue
from holdfast.platform.reading import if_match
from holdfast.platform.settings import HoldSettings
from holdfast.platform.tokens import InvalidCursor, Tokens
from holdfast.stock.recall import Recall
from holdfast.stock.repository import DynamoStock
from holdfast.tenants.errors import ApiKeyInvalid, ApiKeyMissing, ScopeMissing
from holdfast.tenants.guards import api_key
from holdfast.tenants.model import Scope
from holdfast.tenants.repository import Directory, DynamoTenants
from holdfast.wiring.search import VaultsForSearch
from holdfast.wiring.staff import Desk, Workers
from holdfast.wiring.stock import StockForOrders
from holdfast.wiring.tenants import ShopPolicies


class Settings(HoldSettings):
    orders_table: str
    stock_table: str
    locks_table: str
    fulfilment_table: str
    sealing_key_arn: str
    tenants_table: str
    fulfilment_queue_url: str
    payments_queue_url: str
    token_secret_arn: str


settings = Settings.load()
client = aws.dynamodb()
commit = DynamoCommit(client)
directory = Directory(DynamoTenants(Table(client, settings.tenants_table)))
table = Table(client, settings.orders_table)
orders, search = DynamoOrders(table), DynamoOrderSearch(table, commit)
safe = Safe(KmsDataKeys(settings.sealing_key_arn))
vaults = VaultsForSearch(DynamoFulfilment(Table(client, settings.fulfilment_table), commit, safe), orders)
shelf = DynamoStock(Table(client, settings.stock_table), Table(client, settings.locks_table), commit)
stock = StockForOrders(shelf, settings.grace, Recall(pause))
policies = ShopPolicies(directory.shop, settings.hold)
desk = Desk(orders, stock, policies, commit)
fulfilment_queue, payments_queue = Queue(settings.fulfilment_queue_url), Queue(settings.payments_queue_url)
workers = Workers({retrying.Worker.FULFILMENT: fulfilment_queue, retrying.Worker.PAYMENTS: payments_queue})
tokens = Tokens(partial(secrets.secret, settings.token_secret_arn))

api = Api("orders-admin", clock=utc_now, shop_origins=directory.origins, replays=lambda: DynamoReplays(table))
app = api.app
refused = (ApiKeyMissing, ApiKeyInvalid, ScopeMissing)
unknown = (*refused, errors.UnknownOrder)
changes = (*unknown, VersionConflict)
LIST = "admin-orders"


def needs(scope: Scope) -> dict[str, Any]:
    return {"guard": api_key(directory, scope), "security": ("apiKey",)}


@api.get("/shops/{shop}/admin/orders", returns=views.FoundPage, query=OrderQuery, refusals=refused, **needs(Scope.VIEWER))
def list_orders(request: Request[None]) -> views.FoundPage:
    """Orders, newest first: all of them, or those that are looked for.

    What was placed or changed a moment ago may be found a moment later; what is found is as it stands.
    """
    found, by = _find(request)
    return views.found_page(found.orders, _next(found.last, by, request.shop), by, request.now)


@api.get(
    "/shops/{shop}/admin/orders/export",
    returns=None,
    query=ExportQuery,
    writes=tuple(exporting.MEDIA_TYPES.values()),
    refusals=refused,
    **needs(Scope.VIEWER),
)
def export_orders(request: Request[None]) -> Answer:
    """The same orders as files: CSV with a row per order line, or NDJSON with an order per line of text.

    Where there are more, X-Next-Cursor has the `cursor` of the next part, and Link its address; parts put behind each other are one file.
    """
    asked: ExportQuery = request.query
    found, by = _find(request)
    written = exporting.write(found.orders, asked.format, first=asked.cursor is None, mark=asked.bom)
    cursor = _next(written.last or found.last, by, request.shop)
    headers = {"Content-Type": f"{exporting.MEDIA_TYPES[asked.format]}; charset=utf-8"}
    if cursor:
        query = urlencode({**request.params, "cursor": cursor})
        headers |= {"X-Next-Cursor": cursor, "Link": f'<?{query}>; rel="next"'}
    return Answer(text=written.text, headers=headers)


@api.get("/shops/{shop}/admin/orders/{order}", returns=OrderDetail, refusals=unknown, **needs(Scope.VIEWER))
def show_order(request: Request[None]) -> OrderDetail:
    """An order with its whole timeline, and what each event changed."""
    order = _order(request)
    return order_detail(order, orders.timeline(order), request.now)


@api.patch(
    "/shops/{shop}/admin/orders/{order}",
    body=views.EditBody,
    returns=OrderView,
    refusals=(*changes, errors.OrderNotEditable, errors.StaleOrder, IfMatchInvalid),
    **needs(Scope.OPERATOR),
)
def edit_order(request: Request[views.EditBody]) -> OrderView:
    """Correct who gets it and where it goes. With If-Match only over the version that you have read."""
    act = _act(request).model_copy(update={"expected": if_match(request.headers)})
    return _seen(staff.edit(act, request.body.changes(), orders=orders, now=request.now), request)


@api.get("/shops/{shop}/admin/orders/{order}/rebuild", returns=views.RebuiltOrderView, refusals=unknown, **needs(Scope.VIEWER))
def rebuild_order(request: Request[None]) -> views.RebuiltOrderView:
    """Tell all events of the order again, and compare what they make of it with the order that stands there."""
    order = _order(request)
    told = orders.timeline(order)
    return views.rebuilt_view(order, len(told), replay.rebuild(order, told))


@api.post(
    "/shops/{shop}/admin/orders/{order}/notes",
    body=views.NoteBody,
    returns=OrderView,
    status=201,
    idempotent=True,
    refusals=changes,
    **needs(Scope.OPERATOR),
)
def add_note(request: Request[views.NoteBody]) -> OrderView:
    """Write something down on the order's timeline, for staff only."""
    return _seen(staff.add_note(_act(request), request.body.text, request.key.identity, orders=orders, now=request.now), request)


@api.post(
    "/shops/{shop}/admin/orders/{order}/resend",
    body=views.ResendBody,
    returns=OrderView,
    idempotent=True,
    refusals=(*changes, errors.NothingToResend),
    **needs(Scope.OPERATOR),
)
def resend_mail(request: Request[views.ResendBody]) -> OrderView:
    """Send a mail of the order again, to the same address or to a corrected one."""
    resent = staff.resend(_act(request), request.body.event, email=request.body.email, orders=orders, now=request.now)
    return _seen(resent, request)


@api.post(
    "/shops/{shop}/admin/orders/{order}/transition",
    body=views.TransitionBody,
    returns=OrderView,
    idempotent=True,
    refusals=(*changes, errors.TransitionRefused, errors.StaleOrder, IfMatchInvalid),
    **needs(Scope.OPERATOR),
)
def bring_order_to(request: Request[views.TransitionBody]) -> OrderView:
    """Bring the order on by hand: picking, packed, shipped, delivered, completed; or put it back to be picked again.

    An order that may not take the step is left as it is, and the refusal names the states that could be asked for. With If-Match only
    over the version that you have read.
    """
    act = _act(request, request.body.reason).model_copy(update={"expected": if_match(request.headers)})
    return _seen(staff.bring_to(act, request.body.to, data=request.body.parcel(), orders=orders, now=request.now), request)


@api.post(
    "/shops/{shop}/admin/orders/{order}/delivery-problem",
    body=views.TroubleBody,
    returns=OrderView,
    idempotent=True,
    refusals=(*changes, errors.NothingShipped),
    **needs(Scope.OPERATOR),
)
def tell_of_trouble(request: Request[views.TroubleBody]) -> OrderView:
    """A parcel of the order is late, lost, broken, or could not be delivered. The customer is told, in the words of the reason."""
    act = _act(request, request.body.reason)
    return _seen(troubles.tell_of_trouble(act, request.key.identity, orders=orders, now=request.now), request)


@api.post(
    "/shops/{shop}/admin/orders/{order}/payment-review",
    body=views.ReviewBody,
    returns=OrderView,
    idempotent=True,
    refusals=(*changes, errors.TransitionRefused),
    **needs(Scope.ADMIN),
)
def decide_payment(request: Request[views.ReviewBody]) -> OrderView:
    """Decide about money that did not match the order: take it as if it did, or give it back and end the order."""
    decide = staff.accept_payment if request.body.decision == "accept" else staff.refuse_payment
    return _seen(decide(_act(request, request.body.reason), world=desk, now=request.now), request)


@api.post(
    "/shops/{shop}/admin/orders/{order}/cancel",
    body=views.CancelByStaffBody,
    returns=OrderView,
    idempotent=True,
    refusals=(*changes, errors.OrderNotCancellable),
    **needs(Scope.OPERATOR),
)
def cancel_order(request: Request[views.CancelByStaffBody]) -> OrderView:
    """Cancel an order of which nothing was handed over. Its units go back to the stock, and its money if it was paid."""
    command = cancelling.CancelOrder(**_who(request, request.body.reason))
    cancelled = cancelling.cancel(command, orders=orders, stock=stock, policies=policies, commit=commit, now=request.now)
    return _seen(cancelled, request)


@api.post(
    "/shops/{shop}/admin/orders/{order}/refund",
    body=views.RefundBody,
    returns=OrderView,
    idempotent=True,
    refusals=(*changes, errors.UnknownLine, errors.RefundTooLarge, errors.NothingOwed, errors.TransitionRefused),
    **needs(Scope.ADMIN),
)
def refund_order(request: Request[views.RefundBody]) -> OrderView:
    """Give money back: all that is left, that of some lines, that of what is owed, or an amount. The provider is asked after."""
    command = refunding.RefundOrder(
        **_who(request, request.body.reason),
        identity=request.key.identity,
        kind=refunding.Kind(request.body.kind),
        lines=units(request.body.lines),
        amount=request.body.amount or 0,
    )
    return _seen(refunding.refund(command, orders=orders, stock=stock, commit=commit, now=request.now), request)


@api.post(
    "/shops/{shop}/admin/orders/{order}/returns",
    body=ReturnBody,
    returns=OrderView,
    status=201,
    idempotent=True,
    refusals=(*changes, errors.UnknownLine, errors.NotReturnable),
    **needs(Scope.OPERATOR),
)
def announce_return(request: Request[ReturnBody]) -> OrderView:
    """Write down that goods come back, also after the days in which customers may say so themselves."""
    command = returning.RequestReturn(
        **_who(request, request.body.reason),
        identity=request.key.identity,
        lines=units(request.body.lines),
    )
    return _seen(returning.request(command, orders=orders, policies=policies, now=request.now), request)


@api.post(
    "/shops/{shop}/admin/orders/{order}/returns/{return}/receive",
    body=views.ReceiptBody,
    returns=OrderView,
    idempotent=True,
    refusals=(*changes, errors.UnknownLine, errors.UnknownReturn, errors.ReturnAlreadyReceived, errors.NotReturnable),
    **needs(Scope.OPERATOR),
)
def receive_return(request: Request[views.ReceiptBody]) -> OrderView:
    """The goods are here: on the shelf again or written off, and their money goes back."""
    command = returning.ReceiveReturn(
        **_who(request, request.body.reason),
        identity=request.path["return"],
        restocked=units(request.body.restocked),
        written_off=units(request.body.written_off),
        refund=request.body.refund,
    )
    return _seen(returning.receive(command, orders=orders, stock=stock, commit=commit, now=request.now), request)


@api.post(
    "/shops/{shop}/admin/orders/{order}/retry",
    returns=views.RetryView,
    status=202,
    refusals=(*changes, errors.NothingToRetry),
    **needs(Scope.OPERATOR),
)
def retry_order(request: Request[None]) -> views.RetryView:
    """Ask the workers that own it to look at an order that stands still; refunds that failed are begun anew. Safe to ask often."""
    order = refunding.again(_act(request), orders=orders, now=request.now)
    return views.retry_view(order, retrying.retry(order, queues=workers))


@api.post(
    "/shops/{shop}/admin/orders/retry-failed",
    body=views.RetryFailedBody,
    returns=views.RetryFailedView,
    refusals=(*refused, InvalidCursor),
    **needs(Scope.OPERATOR),
)
def retry_failed(request: Request[views.RetryFailedBody]) -> views.RetryFailedView:
    """The same for all orders that stand still, some at a time. A dry run tells which."""
    position = tokens.open_cursor(request.body.cursor, LIST, request.shop)
    command = request.body.command(request.shop, position["after"] if position else None)
    found = retrying.retry_failed(command, search=search, orders=orders, vaults=vaults, queues=workers, now=request.now)
    items = [views.stuck_view(order, tasks) for order, tasks in found.orders]
    return views.RetryFailedView(dry_run=command.dry_run, items=items, next=_next(found.last, None, request.shop))


def _find(request: Request[Any]) -> tuple[searching.Found, str | None]:
    """What is looked for, and what `q` was taken for: on the first page that is found out, and its cursor knows it."""
    asked: OrderFilter = request.query
    position = tokens.open_cursor(request.query.cursor, LIST, request.shop) or {"after": None, "by": None}
    world: dict[str, Any] = {"limit": request.query.limit, "search": search, "orders": orders, "vaults": vaults}
    return searching.look(request.shop, asked.wanted(request.now), asked.q, position["by"], after=position["after"], **world)


def _next(last: str | None, by: str | None, shop: str) -> str | None:
    return tokens.seal_cursor({"after": last, "by": by} if last else None, LIST, shop)


def _act(request: Request[Any], reason: str | None = None) -> staff.StaffAct:
    return staff.StaffAct(**_who(request, reason))


def _who(request: Request[Any], reason: str | None) -> dict[str, Any]:
    """What every act on an order begins with."""
    path = {"shop": request.shop, "order": request.path["order"]}
    return {**path, "actor": request.caller, "reason": reason, "request_id": request.request_id}


def _order(request: Request[Any]) -> Order:
    return usecases.read(request.shop, request.path["order"], orders=orders)


def _seen(order: Order, request: Request[Any]) -> OrderView:
    return order_view(order, request.now)
