"""What a shop's staff and scripts call about payments: accounts at providers, what those told us, and asking them for what they did not."""

from functools import partial
from typing import Any

from holdfast.kernel.errors import VersionConflict
from holdfast.kernel.time import utc_now
from holdfast.orders import unsettled, unsettled_views
from holdfast.orders.repository import DynamoOrders
from holdfast.orders.unsettled_repository import DynamoLists
from holdfast.payments import account_views, browsing, enrolling, inbox_views, reconcile_views, redriving, reports
from holdfast.payments.account_store import DynamoAccounts
from holdfast.payments.accounts import Account
from holdfast.payments.discrepancy_store import DynamoDiscrepancies
from holdfast.payments.errors import (
    AccountUnreadable,
    CredentialsRefused,
    StaleAccount,
    UnknownAccount,
    UnknownProvider,
    UnknownRun,
    UnknownWebhook,
)
from holdfast.payments.reconciling import Office
from holdfast.payments.repository import DynamoInbox
from holdfast.payments.run_store import DynamoRunStore
from holdfast.platform import aws, secrets
from holdfast.platform.calling import PartnerThrottles, PartnerUnavailable, PartnerUnreadable
from holdfast.platform.dynamo import Table
from holdfast.platform.http import Api, Request
from holdfast.platform.log import logger
from holdfast.platform.pages import PageQuery
from holdfast.platform.problems import IfMatchInvalid
from holdfast.platform.queue import Queue
from holdfast.platform.reading import if_match
from holdfast.platform.sealing import KmsSealer
from holdfast.platform.tokens import InvalidCursor, Tokens
from holdfast.tenants.errors import ApiKeyInvalid, ApiKeyMissing, ScopeMissing
from holdfast.tenants.guards import api_key, may
from holdfast.tenants.model import Scope
from holdfast.tenants.repository import Directory, DynamoTenants
from holdfast.wiring.accounts import ProviderAccountBody, connect_of
from holdfast.wiring.inbox import EventQueue
from holdfast.wiring.providers import REAL, ProviderSettings, kind_of, providers_of
from holdfast.wiring.reconcile_start import PlanOfShops, begin

PROVIDERS = "/shops/{shop}/admin/payments/providers"
PROVIDER = f"{PROVIDERS}/{{provider}}"
RECONCILE = "/shops/{shop}/admin/payments/reconcile"
WEBHOOKS = "/shops/{shop}/admin/webhooks"
WEBHOOK = f"{WEBHOOKS}/{{webhook}}"


class Settings(ProviderSettings):
    orders_table: str
    payments_queue_url: str
    reconcile_queue_url: str
    token_secret_arn: str


settings = Settings.load()
client = aws.dynamodb()
tenants_table, payments_table = Table(client, settings.tenants_table), Table(client, settings.payments_table)
directory = Directory(DynamoTenants(tenants_table))
accounts = DynamoAccounts(tenants_table)
sealer = KmsSealer(settings.sealing_key_arn)
providers = providers_of(
    settings, tenants=tenants_table, payments=payments_table, live_only=lambda shop: directory.shop(shop).live, clock=utc_now
)
orders_table, operations_table = Table(client, settings.orders_table), Table(client, settings.operations_table)
orders, lists = DynamoOrders(orders_table), DynamoLists(orders_table)
runs, discrepancies = DynamoRunStore(operations_table), DynamoDiscrepancies(operations_table)
office = Office(runs, Queue(settings.reconcile_queue_url))
plan = PlanOfShops(lambda shop: [account.provider for account in accounts.accounts(shop)])
inbox = DynamoInbox(payments_table)
pass_on = EventQueue(Queue(settings.payments_queue_url))
tokens = Tokens(partial(secrets.secret, settings.token_secret_arn))

api = Api("payments-admin", clock=utc_now, shop_origins=directory.origins)
app = api.app
refused = (ApiKeyMissing, ApiKeyInvalid, ScopeMissing)
unknown = (*refused, UnknownProvider, UnknownAccount)
over = (StaleAccount, VersionConflict, IfMatchInvalid)
asking = (CredentialsRefused, AccountUnreadable, PartnerUnavailable, PartnerThrottles, PartnerUnreadable)


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


@api.get(PROVIDERS, returns=account_views.ProviderAccountList, refusals=refused, **needs(Scope.ADMIN))
def list_providers(request: Request[None]) -> account_views.ProviderAccountList:
    """All payment providers: the shop's account at each, and what the provider is to be told so that its webhooks come."""
    found = {account.provider: account for account in accounts.accounts(request.shop)}
    return account_views.ProviderAccountList(items=[_told(request, name, found.get(name)) for name in REAL], next=None)


@api.get(PROVIDER, returns=account_views.ProviderAccountView, refusals=(*refused, UnknownProvider), **needs(Scope.ADMIN))
def show_provider(request: Request[None]) -> account_views.ProviderAccountView:
    """One provider. No secret is shown; of a long one the last four characters."""
    name = _named(request)
    return _told(request, name, accounts.account(request.shop, name))


@api.put(
    PROVIDER,
    body=ProviderAccountBody,
    returns=account_views.ProviderAccountView,
    refusals=(*refused, UnknownProvider, *over),
    **needs(Scope.ADMIN),
)
def connect_provider(request: Request[ProviderAccountBody]) -> account_views.ProviderAccountView:
    """Connect the shop's account, or give it other secrets. The former ones verify webhooks for `overlap_hours` longer.

    The same again changes nothing. With `If-Match: "0"` only where there is no account yet.
    """
    command = connect_of(request.shop, request.path["provider"], request.body.root, if_match(request.headers))
    account = enrolling.connect(command, accounts=accounts, sealer=sealer, now=request.now)
    return _changed(request, "connected", account)


@api.post(f"{PROVIDER}/check", returns=account_views.ProviderAccountChecked, refusals=(*unknown, *asking), **needs(Scope.ADMIN))
def check_provider(request: Request[None]) -> account_views.ProviderAccountChecked:
    """Ask the provider whether it knows these credentials. Nothing is changed there."""
    account = enrolling.read(request.shop, _named(request), accounts=accounts)
    providers.of(account).check()
    return account_views.ProviderAccountChecked(provider=account.provider, live=account.live, checked_at=request.now)


@api.post(f"{PROVIDER}/disable", returns=account_views.ProviderAccountView, refusals=(*unknown, *over), **needs(Scope.ADMIN))
def disable_provider(request: Request[None]) -> account_views.ProviderAccountView:
    """Take no new payments with it. What is under way goes on, and money can be given back."""
    return _changed(request, "disabled", _switched(request, enabled=False))


@api.post(f"{PROVIDER}/enable", returns=account_views.ProviderAccountView, refusals=(*unknown, *over), **needs(Scope.ADMIN))
def enable_provider(request: Request[None]) -> account_views.ProviderAccountView:
    """Take payments with it again."""
    return _changed(request, "enabled", _switched(request, enabled=True))


@api.delete(PROVIDER, returns=None, status=204, refusals=(*unknown, *over), **needs(Scope.ADMIN))
def disconnect_provider(request: Request[None]) -> None:
    """Take the account away, with its secrets: its webhooks are refused from then on, and nothing can be asked or given back."""
    name, version = _named(request), if_match(request.headers)
    enrolling.disconnect(request.shop, name, over=version, accounts=accounts)
    logger.info("payment provider disconnected", extra={"provider": name, "by": request.caller.id})


@api.get(
    "/shops/{shop}/admin/payments/pending",
    returns=unsettled_views.PendingPaymentPage,
    query=PageQuery,
    refusals=(*refused, InvalidCursor),
    **needs(Scope.VIEWER),
)
def list_pending_payments(request: Request[None]) -> unsettled_views.PendingPaymentPage:
    """Orders whose payment waits for an answer of its provider, the oldest first: to be paid, to be given up, or to be given back."""
    after = _opened(request.query.cursor, "pending", request.shop)
    page, last = unsettled.pending(request.shop, after=after, limit=request.query.limit, lists=lists, orders=orders)
    items = [unsettled_views.pending_view(order, request.now) for order in page]
    return unsettled_views.PendingPaymentPage(items=items, next=_sealed(last, "pending", request.shop))


@api.post(
    RECONCILE,
    body=reconcile_views.ReconcileBody,
    returns=reconcile_views.ReconciliationView,
    status=202,
    refusals=refused,
    **needs(Scope.OPERATOR),
)
def reconcile(request: Request[reconcile_views.ReconcileBody]) -> reconcile_views.ReconciliationView:
    """Ask the providers for payments that no webhook told of, as the schedules do. The answer names the run; its report fills."""
    trigger = request.caller.id or "staff"
    run = begin(request.shop, request.body.options, trigger, plan=plan, office=office, now=request.now)
    return reconcile_views.run_view(run, reports.report(run, runs=runs))


@api.get(RECONCILE, returns=reconcile_views.ReconciliationPage, query=PageQuery, refusals=(*refused, InvalidCursor), **needs(Scope.VIEWER))
def list_reconciliations(request: Request[None]) -> reconcile_views.ReconciliationPage:
    """The runs of the last thirty days, newest first, by whomsoever they were started."""
    before, limit = _opened(request.query.cursor, "reconciliations", request.shop), request.query.limit
    found = runs.runs(request.shop, limit, before)
    items = [reconcile_views.run_view(run, reports.report(run, runs=runs)) for run in found]
    last = found[-1].id if len(found) == limit else None
    return reconcile_views.ReconciliationPage(items=items, next=_sealed(last, "reconciliations", request.shop))


@api.get(
    f"{RECONCILE}/{{run}}",
    returns=reconcile_views.ReconciliationDetail,
    query=PageQuery,
    refusals=(*refused, UnknownRun, InvalidCursor),
    **needs(Scope.VIEWER),
)
def show_reconciliation(request: Request[None]) -> reconcile_views.ReconciliationDetail:
    """What a run did so far; of a verbose one, order by order."""
    run = reports.read(request.shop, request.path["run"], runs=runs)
    after = _opened(request.query.cursor, run.id, request.shop)
    found, last = reports.lines(run, after=after, limit=request.query.limit, runs=runs)
    return reconcile_views.run_detail(run, reports.report(run, runs=runs), found, _sealed(last, run.id, request.shop))


@api.get(
    "/shops/{shop}/admin/payments/discrepancies",
    returns=reconcile_views.DiscrepancyPage,
    query=reconcile_views.DiscrepancyQuery,
    refusals=(*refused, InvalidCursor),
    **needs(Scope.VIEWER),
)
def list_discrepancies(request: Request[None]) -> reconcile_views.DiscrepancyPage:
    """Where a provider's books and ours differ, and nobody but a person can say who is right."""
    asked: reconcile_views.DiscrepancyQuery = request.query
    after = _opened(asked.cursor, f"discrepancies-{asked.state}", request.shop)
    page = discrepancies.page(request.shop, asked.state, after, asked.limit)
    items = [reconcile_views.discrepancy_view(found) for found in page if asked.kind in (None, found.drift)]
    last = page[-1].place if len(page) == asked.limit else None
    return reconcile_views.DiscrepancyPage(items=items, next=_sealed(last, f"discrepancies-{asked.state}", request.shop))


def _named(request: Request[Any]) -> str:
    """UnknownProvider, before anything is read."""
    kind_of(request.path["provider"])
    return request.path["provider"]


def _switched(request: Request[Any], *, enabled: bool) -> Account:
    version = if_match(request.headers)
    return enrolling.switch(request.shop, _named(request), enabled=enabled, over=version, accounts=accounts, now=request.now)


def _changed(request: Request[Any], what: str, account: Account) -> account_views.ProviderAccountView:
    """Who did that, when, is asked later."""
    facts = {"provider": account.provider, "version": account.version, "by": request.caller.id}
    logger.info(f"payment provider {what}", extra=facts)
    return _told(request, account.provider, account)


def _told(request: Request[Any], name: str, account: Account | None) -> account_views.ProviderAccountView:
    live = directory.shop(request.shop).live
    return account_views.account_view(request.shop, name, account, events=kind_of(name).events, live_shop=live, now=request.now)


def _opened(cursor: str | None, kind: str, shop: str) -> str | None:
    position = tokens.open_cursor(cursor, kind, shop)
    return position["after"] if position else None


def _sealed(after: str | None, kind: str, shop: str) -> str | None:
    return tokens.seal_cursor({"after": after} if after else None, kind, shop)
