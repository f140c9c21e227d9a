"""A table of things on the simulated client, and short words for what is done with it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.simulator.dynamo import Client
from infra.simulator.traffic import Busy, Straight

Json = dict[str, Any]
TABLE = "things"
NOT_THERE = {"ConditionExpression": "attribute_not_exists(#pk)", "ExpressionAttributeNames": {"#pk": "pk"}}
THERE = {"ConditionExpression": "attribute_exists(#pk)", "ExpressionAttributeNames": {"#pk": "pk"}}


def made(client: Client) -> Client:
    index = {"AttributeName": "xpk", "KeyType": "HASH"}, {"AttributeName": "xsk", "KeyType": "RANGE"}
    client.create_table(
        TableName=TABLE,
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "xpk", "xsk")],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        GlobalSecondaryIndexes=[
            {"IndexName": "all", "KeySchema": list(index), "Projection": {"ProjectionType": "ALL"}},
            {"IndexName": "keys", "KeySchema": list(index), "Projection": {"ProjectionType": "KEYS_ONLY"}},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    return client


def key(pk: str = "a", sk: str = "1") -> Json:
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def put(client: Client, pk: str = "a", sk: str = "1", **attributes: Any) -> None:
    client.put_item(TableName=TABLE, Item={**key(pk, sk), **attributes})


def get(client: Client, pk: str = "a", sk: str = "1") -> Json | None:
    found: Json | None = client.get_item(TableName=TABLE, Key=key(pk, sk), ConsistentRead=True).get("Item")
    return found


@contextmanager
def refused(code: str, text: str | None = None) -> Iterator[list[Any]]:
    """The error's response, once it is there."""
    seen: list[Any] = []
    with pytest.raises(ClientError, match=text) as error:
        yield seen
    seen.append(error.value.response)
    assert error.value.response["Error"]["Code"] == code


def adding(number: int, **more: Any) -> Json:
    values = {":n": {"N": str(number)}}
    return {
        "TableName": TABLE,
        "Key": key(),
        "UpdateExpression": "ADD #n :n",
        "ExpressionAttributeNames": {"#n": "n"},
        "ExpressionAttributeValues": values,
        **more,
    }


class Narrow(Straight):
    """So many units, and then no more; and one item that a transaction holds."""

    def __init__(self, units: float) -> None:
        super().__init__()
        self.left = units
        self.busy: set[Any] = set()
        self.time = 0.0

    def now(self) -> float:
        return self.time

    def take(self, charges: Any) -> None:
        wanted = sum(charge.units for charge in charges)
        if wanted > self.left:
            raise Busy("ProvisionedThroughputExceeded")
        self.left -= wanted

    def demand_free(self, address: Any) -> None:
        if address.key in self.busy:
            raise Busy("TransactionConflict")


def batch(*keys: Json) -> Json:
    return {"RequestItems": {TABLE: {"Keys": list(keys), "ConsistentRead": True}}}
