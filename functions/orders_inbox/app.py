"""What happens to orders changes the rows by which they are found."""

from typing import Any

from holdfast.fulfilment.repository import DynamoFulfilment
from holdfast.orders.indexing import index
from holdfast.orders.repository import DynamoOrders
from holdfast.orders.search_repository import DynamoOrderSearch
from holdfast.platform import aws
from holdfast.platform.dynamo import DynamoCommit, Table
from holdfast.platform.log import logger
from holdfast.platform.patience import IN_A_QUEUE
from holdfast.platform.settings import FunctionSettings
from holdfast.platform.worker import Message, work
from holdfast.wiring.search import VaultsForSearch


class Settings(FunctionSettings):
    orders_table: str
    fulfilment_table: str


settings = Settings.load()
client = aws.dynamodb()
commit = DynamoCommit(client, IN_A_QUEUE)
table = Table(client, settings.orders_table, IN_A_QUEUE)
orders, search = DynamoOrders(table), DynamoOrderSearch(table, commit)
vaults = VaultsForSearch(DynamoFulfilment(Table(client, settings.fulfilment_table, IN_A_QUEUE), commit), orders)


def handler(event: dict[str, Any], context: Any) -> Any:
    return work(event, context, follow)


def follow(message: Message) -> None:
    """News that come twice, late or in another order than they happened do no harm: it is the order that is looked at."""
    told = message["detail"]
    rows = index(told["shop"], told["order"], search=search, orders=orders, vaults=vaults)
    logger.info("indexed", extra={"order": told["order"], "event": told["type"], "added": rows.added, "removed": rows.removed})
