"""Received provider events, one by one, through the one finaliser; and what orders ask of their providers: refunds, and to give up."""

from typing import Any

from holdfast.kernel.time import utc_now
from holdfast.orders import settlement
from holdfast.orders.events import REFUND_DUE
from holdfast.orders.paying import Outcome
from holdfast.orders.repository import DynamoOrders
from holdfast.payments import working
from holdfast.payments.model import EventState
from holdfast.payments.repository import DynamoInbox
from holdfast.platform import aws, metrics
from holdfast.platform.dynamo import DynamoCommit, Table
from holdfast.platform.log import logger
from holdfast.platform.patience import IN_A_QUEUE
from holdfast.platform.settings import HoldSettings
from holdfast.platform.worker import Message, work
from holdfast.stock.recall import Recall
from holdfast.stock.repository import DynamoStock
from holdfast.tenants.repository import Directory, DynamoTenants
from holdfast.wiring.orders import Finaliser
from holdfast.wiring.payments import PaymentsForOrders, fact_of
from holdfast.wiring.providers import SECONDS_IN_A_QUEUE, ProviderSettings, providers_of
from holdfast.wiring.stock import StockForOrders
from holdfast.wiring.tenants import ShopPolicies


class Settings(HoldSettings, ProviderSettings):
    orders_table: str
    stock_table: str
    locks_table: str


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


def handler(event: dict[str, Any], context: Any) -> Any:
    return work(event, context, attend)


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
    fact = finaliser.payments.truth(found)
    if fact is not None:
        settled = settlement.settle(fact, world=finaliser, now=utc_now())
        logger.info("asked the provider", extra={"order": order, "outcome": settled.outcome, "status": settled.order.status})


def settle(message: Message) -> None:
    event = inbox.get(message["shop"], message["provider"], message["event"])
    if event is None or event.state is EventState.IGNORED:
        return
    news = event.fact or providers(event.shop, event.provider).status(event.payment or "")
    fact = fact_of(news, event.provider, event=event)
    if fact is None:
        return
    # An applied event is settled again: a refund that died half-way is finished there, and all else changes nothing.
    settled = settlement.settle(fact, world=finaliser, now=utc_now())
    if settled.outcome is Outcome.IGNORED and event.state is EventState.RECEIVED:
        working.ended(event, EventState.IGNORED, settled.reason, inbox=inbox, now=utc_now())
    metrics.count(f"PaymentFact{settled.outcome.capitalize()}")
    logger.info("settled", extra={"order": settled.order.id, "outcome": settled.outcome, "status": settled.order.status})
