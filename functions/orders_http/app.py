"""What the customer of an order calls, with the order's token: see it, pay it, extend, cancel, give up what is owed, send goods back."""

from functools import partial
from typing import TYPE_CHECKING, Any

from holdfast.fulfilment.repository import DynamoFulfilment
from holdfast.fulfilment.safe import Safe
from holdfast.kernel.errors import VersionConflict
from holdfast.kernel.time import utc_now
from holdfast.orders import guards, refunding, returning, settlement, usecases
from holdfast.orders.cancelling import CancelOrder, cancel
from holdfast.orders.errors import (
    NothingHeld,
    NothingOwed,
    NotReturnable,
    OrderNotCancellable,
    OrderTokenMissing,
    RefundTooLarge,
    ReturnWindowOver,
    TransitionRefused,
    UnknownLine,
    UnknownOrder,
)
from holdfast.orders.repository import DynamoOrders
from holdfast.orders.views import (
    CancelBody,
    ConfirmationBody,
    EventList,
    GiveUpDebtBody,
    KeyList,
    KeyView,
    OrderView,
    ReturnBody,
    order_view,
    timeline,
    units,
)
from holdfast.payments.errors import (
    AccountUnreadable,
    ConfirmationInvalid,
    CredentialsRefused,
    PaymentStateConflict,
    PaymentUnknown,
    UnknownProvider,
)
from holdfast.payments.repository import DynamoInbox
from holdfast.platform import aws, secrets
from holdfast.platform.calling import PartnerThrottles, PartnerUnavailable, PartnerUnreadable
from holdfast.platform.dynamo import DynamoCommit, Table
from holdfast.platform.envelope import KmsDataKeys
from holdfast.platform.http import Api, Request
from holdfast.platform.idempotency import DynamoReplays
from holdfast.platform.patience import pause
from holdfast.platform.settings import HoldSettings
from holdfast.platform.tokens import Tokens
from holdfast.stock.errors import HoldAlreadyExtended, HoldLost
from holdfast.stock.recall import Recall
from holdfast.stock.repository import DynamoStock
from holdfast.tenants.repository import Directory, DynamoTenants
from holdfast.wiring.orders import Finaliser
from holdfast.wiring.payments import PaymentsForOrders
from holdfast.wiring.providers import ProviderSettings, providers_of
from holdfast.wiring.search import KeysOfOrders
from holdfast.wiring.stock import StockForOrders
from holdfast.wiring.tenants import ShopPolicies

if TYPE_CHECKING:
    from holdfast.orders.model import Order


class Settings(HoldSettings, ProviderSettings):
    stock_table: str
    locks_table: str
    orders_table: str
    fulfilment_table: str
    token_secret_arn: str
    sandbox_pay_url: str = ""


settings = Settings.load()
client = aws.dynamodb()
commit = DynamoCommit(client)
tenants_table = Table(client, settings.tenants_table)
directory = Directory(DynamoTenants(tenants_table))
orders = DynamoOrders(Table(client, settings.orders_table))
shelf = DynamoStock(Table(client, settings.stock_table), Table(client, settings.locks_table), commit)
safe = Safe(KmsDataKeys(settings.sealing_key_arn))
fulfilment = DynamoFulfilment(Table(client, settings.fulfilment_table), commit, safe)
tokens = Tokens(partial(secrets.secret, settings.token_secret_arn))
stock = StockForOrders(shelf, settings.grace, Recall(pause))
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
finaliser = Finaliser(orders, stock, payments, policies, commit)

api = Api(
    "orders",
    clock=utc_now,
    shop_origins=directory.origins,
    replays=lambda: DynamoReplays(Table(client, settings.orders_table)),
)
app = api.app
refused = (OrderTokenMissing, UnknownOrder)
asking = (CredentialsRefused, AccountUnreadable, PartnerUnavailable, PartnerThrottles, PartnerUnreadable)
of_order = {"guard": guards.order(tokens), "security": ("orderToken",)}


@api.get("/shops/{shop}/orders/{order}", returns=OrderView, refusals=refused, **of_order)
def show_order(request: Request[None]) -> OrderView:
    """An order as its customer sees it."""
    return order_view(_order(request), request.now)


@api.get("/shops/{shop}/orders/{order}/events", returns=EventList, refusals=refused, **of_order)
def list_events(request: Request[None]) -> EventList:
    """What happened to the order, oldest first."""
    return EventList(items=timeline(orders.timeline(_order(request))), next=None)


@api.get("/shops/{shop}/orders/{order}/keys", returns=KeyList, refusals=refused, **of_order)
def reveal_keys(request: Request[None]) -> KeyList:
    """The licence keys that were delivered. Each look is recorded."""
    order = _order(request)
    keys = KeysOfOrders(fulfilment, orders)(request.shop, order.id)
    if keys:
        fulfilment.vaults.record_reveal(request.shop, order.id, request.caller.kind, len(keys), request.now)
    return KeyList(items=[KeyView(**key.model_dump()) for key in keys], next=None)


@api.post(
    "/shops/{shop}/orders/{order}/cancel",
    body=CancelBody,
    returns=OrderView,
    idempotent=True,
    refusals=(*refused, OrderNotCancellable, VersionConflict),
    **of_order,
)
def cancel_order(request: Request[CancelBody]) -> OrderView:
    """Cancel an order of which nothing was handed over: its stock goes back at once, and its money if it was paid."""
    command = CancelOrder(
        shop=request.shop,
        order=request.path["order"],
        reason=request.body.reason,
        actor=request.caller,
        request_id=request.request_id,
    )
    return order_view(cancel(command, orders=orders, stock=stock, policies=policies, commit=commit, now=request.now), request.now)


@api.post(
    "/shops/{shop}/orders/{order}/refund",
    body=GiveUpDebtBody,
    returns=OrderView,
    idempotent=True,
    refusals=(*refused, NothingOwed, RefundTooLarge, TransitionRefused, VersionConflict),
    **of_order,
)
def give_up_debt(request: Request[GiveUpDebtBody]) -> OrderView:
    """Wait no longer for what is owed: it is given up, and its money comes back."""
    command = refunding.RefundOrder(
        shop=request.shop,
        order=request.path["order"],
        identity=request.key.identity,
        kind=refunding.Kind.DEBT,
        reason=request.body.reason,
        actor=request.caller,
        request_id=request.request_id,
    )
    return order_view(refunding.refund(command, orders=orders, stock=stock, commit=commit, now=request.now), request.now)


@api.post(
    "/shops/{shop}/orders/{order}/returns",
    body=ReturnBody,
    returns=OrderView,
    status=201,
    idempotent=True,
    refusals=(*refused, NotReturnable, ReturnWindowOver, UnknownLine, VersionConflict),
    **of_order,
)
def request_return(request: Request[ReturnBody]) -> OrderView:
    """Say that goods come back. Their money comes when they are here."""
    command = returning.RequestReturn(
        shop=request.shop,
        order=request.path["order"],
        identity=request.key.identity,
        lines=units(request.body.lines),
        reason=request.body.reason,
        actor=request.caller,
        request_id=request.request_id,
    )
    return order_view(returning.request(command, orders=orders, policies=policies, now=request.now), request.now)


@api.post(
    "/shops/{shop}/orders/{order}/hold/extend",
    returns=OrderView,
    refusals=(*refused, HoldLost, NothingHeld, HoldAlreadyExtended, VersionConflict),
    **of_order,
)
def extend_hold(request: Request[None]) -> OrderView:
    """Hold the stock for one more hold time: once, and only while the hold is valid."""
    extended = usecases.extend_hold(
        request.shop,
        request.path["order"],
        orders=orders,
        stock=stock,
        policies=policies,
        commit=commit,
        now=request.now,
        request_id=request.request_id,
    )
    return order_view(extended, request.now)


@api.post(
    "/shops/{shop}/orders/{order}/payment-confirmation",
    body=ConfirmationBody,
    returns=OrderView,
    refusals=(*refused, VersionConflict, PaymentUnknown, ConfirmationInvalid, PaymentStateConflict, *asking),
    **of_order,
)
def confirm_payment(request: Request[ConfirmationBody]) -> OrderView:
    """The browser is back from the provider: the provider is asked, and its answer settles the order."""
    order = _order(request)
    if request.body.payment_id not in {None, order.payment.id}:
        raise PaymentUnknown
    try:
        providers(request.shop, order.payment.provider).confirm(order.payment.id, request.body.brought)
        fact = payments.truth(order)
    except UnknownProvider:
        raise PaymentUnknown from None
    if fact is not None:
        told = fact.model_copy(update={"request_id": request.request_id})
        order = settlement.settle(told, world=finaliser, now=request.now).order
    return order_view(order, request.now)


def _order(request: Request[Any]) -> "Order":
    return usecases.read(request.shop, request.path["order"], orders=orders)
