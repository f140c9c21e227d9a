"""The pieces of work of a reconciliation, one by one: lists, orders that are asked for, statements, holds that lost their order."""

from functools import partial
from typing import Any

from holdfast.catalogue.repository import DynamoProducts
from holdfast.kernel.time import utc_now
from holdfast.orders.repository import DynamoOrders
from holdfast.orders.unsettled_repository import DynamoLists
from holdfast.payments import reconciling
from holdfast.payments.discrepancy_store import DynamoDiscrepancies
from holdfast.payments.ledger import Ledger
from holdfast.payments.reconciling import Office, Worked
from holdfast.payments.reports import Task
from holdfast.payments.repository import DynamoInbox
from holdfast.payments.run_store import DynamoRunStore
from holdfast.platform import aws, metrics
from holdfast.platform.dynamo import DynamoCommit, Table
from holdfast.platform.log import logger
from holdfast.platform.patience import IN_A_QUEUE
from holdfast.platform.queue import Queue
from holdfast.platform.runs import DynamoRuns
from holdfast.platform.settings import HoldSettings
from holdfast.platform.worker import Message, Retries, work
from holdfast.stock.recall import Recall
from holdfast.stock.repository import DynamoStock
from holdfast.tenants.repository import Directory, DynamoTenants
from holdfast.wiring.cleaning import Cleaner
from holdfast.wiring.inbox import EventQueue
from holdfast.wiring.orphans import OrdersForOrphans
from holdfast.wiring.providers import SECONDS_IN_A_QUEUE, ProviderSettings, providers_of
from holdfast.wiring.reconciling import AskingFinaliser, BooksOfOrders, Matching, PaymentsForAsking, ReconcilingDesk, Reservations
from holdfast.wiring.stock import StockForOrders
from holdfast.wiring.tenants import ShopPolicies

ENOUGH_MILLISECONDS = 40_000
"""One more order may cost a few calls of eight seconds each, and the rest must still be written down."""


TRIES = 8
"""As many as the queue's redrive policy has: some twenty minutes in all."""


class Settings(HoldSettings, ProviderSettings):
    catalogue_table: str
    orders_table: str
    stock_table: str
    locks_table: str
    payments_queue_url: str
    reconcile_queue_url: str


settings = Settings.load()
client = aws.dynamodb()
commit = DynamoCommit(client, IN_A_QUEUE)
payments_table, tenants_table, orders_table, operations_table = (
    Table(client, name, IN_A_QUEUE)
    for name in (settings.payments_table, settings.tenants_table, settings.orders_table, settings.operations_table)
)
directory = Directory(DynamoTenants(tenants_table))
inbox = DynamoInbox(payments_table)
orders = DynamoOrders(orders_table)
stock = DynamoStock(Table(client, settings.stock_table, IN_A_QUEUE), Table(client, settings.locks_table, IN_A_QUEUE), commit)
products = DynamoProducts(Table(client, settings.catalogue_table, IN_A_QUEUE))
providers = providers_of(
    settings,
    tenants=tenants_table,
    payments=payments_table,
    live_only=lambda shop: directory.shop(shop).live,
    clock=utc_now,
    seconds=SECONDS_IN_A_QUEUE,
)
finaliser = AskingFinaliser(
    orders,
    StockForOrders(stock, settings.grace, Recall()),
    PaymentsForAsking(inbox, providers, providers.offered),
    ShopPolicies(directory.shop, settings.hold),
    commit,
)
book = OrdersForOrphans(orders)
desk = ReconcilingDesk(
    orders=finaliser,
    lists_of=DynamoLists(orders_table),
    ledger=Ledger(BooksOfOrders(finaliser), providers, DynamoDiscrepancies(operations_table)),
    match=Matching(inbox, EventQueue(Queue(settings.payments_queue_url))),
    reservations=Reservations(Cleaner(stock, book, DynamoRuns(operations_table), settings.grace, utc_now), book, products.skus),
)
queue = Queue(settings.reconcile_queue_url)
office = Office(DynamoRunStore(operations_table), queue)


def handler(event: dict[str, Any], context: Any) -> Any:
    return work(event, context, partial(attend, context), retries=Retries(queue, TRIES, note_failure))


def attend(context: Any, message: Message) -> None:
    task = Task.model_validate(message)
    worked = reconciling.work(task, desk=desk, office=office, now=utc_now, enough=partial(enough, context))
    if worked.new:
        tell(task, worked)


def note_failure(message: Message, error: Exception, last: bool) -> None:
    """A piece that failed comes back after seconds, then minutes; the last time it goes to the dead letters."""
    if last:
        logger.error("a piece of work was given up", extra={"piece": message.get("name"), "run": message.get("run")}, exc_info=error)


def enough(context: Any) -> bool:
    return bool(context.get_remaining_time_in_millis() > ENOUGH_MILLISECONDS)


def tell(task: Task, worked: Worked) -> None:
    """Once per piece of work, so that a message that comes twice rings no bell twice."""
    counts = worked.part.counts
    if not task.options.dry_run:
        _count("PaymentsFoundByReconciliation", counts.found)
        _count("PaymentDiscrepancies", counts.discrepancies.get("opened", 0))
    _count("ReconciliationErrors", sum(counts.errors.values()))
    told = {"listed": counts.listed, "checked": counts.checked, "changed": counts.changed, "found": counts.found}
    logger.info("reconciled", extra={"shop": task.shop, "run": task.run, "piece": task.name, "dry_run": task.options.dry_run, **told})


def _count(metric: str, quantity: int) -> None:
    if quantity:
        metrics.count(metric, quantity)
