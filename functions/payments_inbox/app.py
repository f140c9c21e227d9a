"""Received provider events, one by one, through the one finaliser; and what orders ask of their providers: refunds, and to give up."""

from typing import Any

from holdfast.kernel.errors import NotFound
from holdfast.kernel.time import utc_now
from holdfast.orders import settlement
from holdfast.orders.events import REFUND_DUE
from holdfast.orders.repository import DynamoOrders
from holdfast.payments import working
from holdfast.payments.model import EventState
from holdfast.payments.repository import DynamoInbox
from holdfast.platform import aws, metrics
from holdfast.platform.dynamo import DynamoCommit, Table
from holdfast.platform.log import logger
from holdfast.platform.patience import IN_A_QUEUE
from holdfast.platform.queue import Queue
from holdfast.platform.settings import HoldSettings
from holdfast.platform.worker import Message, Retries, work
from holdfast.stock.recall import Recall
from holdfast.stock.repository import DynamoStock
from holdfast.tenants.repository import Directory, DynamoTenants
from holdfast.wiring.inbox import EventQueue
from holdfast.wiring.orders import Finaliser
from holdfast.wiring.payments import PaymentsForOrders
from holdfast.wiring.providers import SECONDS_IN_A_QUEUE, ProviderSettings, providers_of
from holdfast.wiring.settling import InboxWorld, OrdersForInbox
from holdfast.wiring.stock import StockForOrders
from holdfast.wiring.tenants import ShopPolicies


class Settings(HoldSettings, ProviderSettings):
    orders_table: str
    stock_table: str
    locks_table: str
    payments_queue_url: str


TRIES = 12
"""As the queue's redrive policy has it. The last comes 66 minutes after the first, or up to twice as late: an outage is survived."""
settings = Settings.load()
client = aws.dynamodb()
commit = DynamoCommit(client, IN_A_QUEUE)
payments_table = Table(client, settings.payments_table)
inbox = DynamoInbox(payments_table)
tenants_table = Table(client, settings.tenants_table)
directory = Directory(DynamoTenants(tenants_table))
stock = DynamoStock(Table(client, settings.stock_table), Table(client, settings.locks_table), commit)
providers = providers_of(
    settings,
    tenants=tenants_table,
    payments=payments_table,
    live_only=lambda shop: directory.shop(shop).live,
    clock=utc_now,
    seconds=SECONDS_IN_A_QUEUE,
)
finaliser = Finaliser(
    DynamoOrders(Table(client, settings.orders_table)),
    StockForOrders(stock, settings.grace, Recall()),
    PaymentsForOrders(inbox, providers, providers.offered),
    ShopPolicies(directory.shop, settings.hold),
    commit,
)
queue = Queue(settings.payments_queue_url)
world = InboxWorld(inbox, OrdersForInbox(finaliser), providers, EventQueue(queue))


def handler(event: dict[str, Any], context: Any) -> Any:
    return work(event, context, attend, retries=Retries(queue, TRIES, note_failure))


def attend(message: Message) -> None:
    """From the webhook an event's name; from staff an order to look at again; from the bus one whose money goes back, or shall not come."""
    told = message.get("detail")
    if message.get("kind") == "ask":
        ask(message["shop"], message["order"])
    elif message.get("kind") == "refund":
        settlement.finish_refunds(message["shop"], message["order"], world=finaliser, now=utc_now())
    elif told is None:
        settle(message)
    elif told["type"] == REFUND_DUE:
        order = settlement.finish_refunds(told["shop"], told["order"], world=finaliser, now=utc_now())
        logger.info("refunds finished", extra={"order": order.id, "status": order.payment.status})
    elif settlement.void_unpaid(told["shop"], told["order"], world=finaliser, now=utc_now()):
        logger.info("payment given up", extra={"order": told["order"]})


def ask(shop: str, order: str) -> None:
    """No news of the payment came: the provider is asked for it."""
    found = finaliser.orders.get(shop, order)
    if found is None:
        return
    try:
        fact = finaliser.payments.truth(found)
    except NotFound:
        logger.warning("the provider does not know the payment", extra={"order": order, "provider": found.payment.provider})
        return
    if fact is not None:
        settled = settlement.settle(fact, world=finaliser, now=utc_now())
        logger.info("asked the provider", extra={"order": order, "outcome": settled.outcome, "status": settled.order.status})


def settle(message: Message) -> None:
    looked = message.get("looked", 0)
    event = working.work_at(**_named(message), again=message.get("again", False), looked=looked, world=world, now=utc_now())
    if event is None:
        return
    if event.state is EventState.UNMATCHED and looked == len(working.LOOK_AGAIN):
        metrics.count("WebhooksUnmatched")
    if event.state is EventState.DEAD:
        metrics.count("WebhooksDead")
    metrics.count(f"PaymentFact{event.state.capitalize()}")
    logger.info("worked at", extra={**_named(message), "order": event.order, "state": event.state, "reason": event.reason})


def note_failure(message: Message, error: Exception, last: bool) -> None:
    """Only an event has a state of its own; what else failed is found in its order."""
    if "event" in message:
        event = working.failed(**_named(message), error=error, last=last, inbox=inbox, now=utc_now())
        if event is not None and event.state is EventState.DEAD:
            metrics.count("WebhooksDead")


def _named(message: Message) -> dict[str, str]:
    return {name: message[name] for name in ("shop", "provider", "event")}
