"""Every store of the product at once, in memory or on DynamoDB: what a test of use cases is written against."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from holdfast.catalogue.ports import Products
from holdfast.catalogue.repository import DynamoProducts
from holdfast.fulfilment.ports import FulfilmentStore
from holdfast.fulfilment.repository import DynamoFulfilment
from holdfast.fulfilment.safe import Safe
from holdfast.kernel.writes import Commit
from holdfast.notifications.low_marks import DynamoMarks
from holdfast.notifications.ports import NotificationStore
from holdfast.notifications.repository import DynamoNotifications
from holdfast.notifications.watching import Marks
from holdfast.orders.ports import Orders, Sessions
from holdfast.orders.repository import DynamoOrders
from holdfast.orders.search_repository import DynamoOrderSearch
from holdfast.orders.searching import Search
from holdfast.orders.session_repository import DynamoSessions
from holdfast.orders.unsettled import Lists
from holdfast.orders.unsettled_repository import DynamoLists
from holdfast.payments.account_store import DynamoAccounts
from holdfast.payments.discrepancies import Discrepancies
from holdfast.payments.discrepancy_store import DynamoDiscrepancies
from holdfast.payments.ports import Accounts, Inbox
from holdfast.payments.providers.sandbox import Sandbox
from holdfast.payments.providers.sandbox.proxy import SandboxBook
from holdfast.payments.providers.sandbox.settings import SandboxConfig
from holdfast.payments.reports import RunStore
from holdfast.payments.repository import DynamoInbox
from holdfast.payments.run_store import DynamoRunStore
from holdfast.platform.dynamo import DynamoCommit, Table
from holdfast.platform.idempotency import DynamoReplays, Replays
from holdfast.platform.runs import DynamoRuns, Runs
from holdfast.stock.ports import StockStore
from holdfast.stock.repository import DynamoStock
from holdfast.tenants.ports import Tenants
from holdfast.tenants.repository import DynamoTenants
from holdfast.webhooks.ports import WebhookStore
from holdfast.webhooks.repository import DynamoWebhooks
from tests.memory.accounts import MemoryAccounts
from tests.memory.catalogue import MemoryProducts
from tests.memory.data_keys import LocalDataKeys
from tests.memory.engine import Memory
from tests.memory.fulfilment import MemoryFulfilment
from tests.memory.low_marks import MemoryMarks
from tests.memory.notifications import MemoryNotifications
from tests.memory.orders import MemoryOrders
from tests.memory.payments import MemoryInbox, MemoryProvider
from tests.memory.reconciliations import MemoryDiscrepancies, MemoryLists, MemoryRunStore
from tests.memory.replays import MemoryReplays
from tests.memory.runs import MemoryRuns
from tests.memory.search import MemoryOrderSearch
from tests.memory.sessions import MemorySessions
from tests.memory.stock import MemoryStock
from tests.memory.tenants import MemoryTenants
from tests.memory.webhooks import MemoryWebhooks

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass
class Stores:
    stock: StockStore
    orders: Orders
    search: Search
    sessions: Sessions
    inbox: Inbox
    accounts: Accounts
    fulfilment: FulfilmentStore
    notifications: NotificationStore
    marks: Marks
    tenants: Tenants
    products: Products
    replays: Replays
    runs: Runs
    webhooks: WebhookStore
    lists: Lists
    reconciliations: RunStore
    discrepancies: Discrepancies
    provider: Any
    commit: Commit


def in_memory(memory: Memory) -> Stores:
    return Stores(
        stock=MemoryStock(memory),
        orders=MemoryOrders(memory),
        search=MemoryOrderSearch(memory),
        sessions=MemorySessions(memory),
        inbox=MemoryInbox(memory),
        accounts=MemoryAccounts(memory),
        fulfilment=MemoryFulfilment(memory),
        notifications=MemoryNotifications(memory),
        marks=MemoryMarks(memory),
        tenants=MemoryTenants(memory),
        products=MemoryProducts(memory),
        replays=MemoryReplays(memory),
        runs=MemoryRuns(memory),
        webhooks=MemoryWebhooks(memory),
        lists=MemoryLists(memory),
        reconciliations=MemoryRunStore(memory),
        discrepancies=MemoryDiscrepancies(memory),
        provider=MemoryProvider(memory),
        commit=memory.commit,
    )


def on_dynamo(client: "DynamoDBClient", names: dict[str, str]) -> Stores:
    table = {logical: Table(client, name) for logical, name in names.items()}
    commit = DynamoCommit(client)
    return Stores(
        stock=DynamoStock(table["Stock"], table["Locks"], commit),
        orders=DynamoOrders(table["Orders"]),
        search=DynamoOrderSearch(table["Orders"], commit),
        sessions=DynamoSessions(table["Orders"]),
        inbox=DynamoInbox(table["Payments"]),
        accounts=DynamoAccounts(table["Tenants"]),
        fulfilment=DynamoFulfilment(table["Fulfilment"], commit, Safe(LocalDataKeys())),
        notifications=DynamoNotifications(table["Notifications"], commit),
        marks=DynamoMarks(table["Notifications"]),
        tenants=DynamoTenants(table["Tenants"]),
        products=DynamoProducts(table["Catalogue"]),
        replays=DynamoReplays(table["Orders"]),
        runs=DynamoRuns(table["Operations"]),
        webhooks=DynamoWebhooks(table["Webhooks"]),
        lists=DynamoLists(table["Orders"]),
        reconciliations=DynamoRunStore(table["Operations"]),
        discrepancies=DynamoDiscrepancies(table["Operations"]),
        provider=Sandbox(SandboxBook(table["Payments"]), SandboxConfig(pay_url="", secret=lambda: "secret")),
        commit=commit,
    )
