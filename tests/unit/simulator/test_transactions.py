"""The simulated client: transactions, and what everything costs."""

from typing import Any

import pytest

from infra.simulator.dynamo import Client
from tests.unit.simulator.things import NOT_THERE, TABLE, THERE, Json, Narrow, adding, batch, get, key, made, put, refused


@pytest.fixture
def client() -> Client:
    return made(Client())


# Transactions.


def transact(client: Client, *actions: Json, **more: Any) -> Any:
    return client.transact_write_items(TransactItems=list(actions), **more)


def putting(pk: str, **more: Any) -> Json:
    return {"Put": {"TableName": TABLE, "Item": key(pk), **more}}


CHECK = {"ConditionCheck": {"TableName": TABLE, "Key": key("checked"), **THERE, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}}


def test_all_or_nothing(client: Client) -> None:
    with refused("TransactionCanceledException") as seen:
        transact(client, putting("b"), {"Update": adding(1)}, CHECK)
    assert [reason["Code"] for reason in seen[0]["CancellationReasons"]] == ["None", "None", "ConditionalCheckFailed"]
    assert client.scan(TableName=TABLE)["Items"] == []
    put(client, pk="checked")
    transact(client, putting("b"), {"Update": adding(1)}, CHECK, {"Delete": {"TableName": TABLE, "Key": key("none")}})
    assert get(client) == {**key(), "n": {"N": "1"}}
    assert get(client, "b") == key("b")


def test_a_reason_carries_the_item_that_stands_there(client: Client) -> None:
    put(client, pk="b", n={"N": "1"})
    with refused("TransactionCanceledException", "ConditionalCheckFailed") as seen:
        transact(client, putting("b", **NOT_THERE, ReturnValuesOnConditionCheckFailure="ALL_OLD"), putting("c"))
    assert seen[0]["CancellationReasons"][0]["Item"] == {**key("b"), "n": {"N": "1"}}


def test_what_does_not_fit_the_item_is_a_reason_too(client: Client) -> None:
    wrong = {"Update": {"TableName": TABLE, "Key": key(), "UpdateExpression": "SET #n = #n", "ExpressionAttributeNames": {"#n": "n"}}}
    with refused("TransactionCanceledException") as seen:
        transact(client, wrong, putting("b"))
    assert [reason["Code"] for reason in seen[0]["CancellationReasons"]] == ["ValidationError", "None"]


def test_transactions_that_are_none(client: Client) -> None:
    with refused("ValidationException", "multiple operations on one item"):
        transact(client, putting("b"), {"Delete": {"TableName": TABLE, "Key": key("b")}})
    with refused("ValidationException", "100"):
        transact(client, *(putting(str(number)) for number in range(101)))
    with refused("ValidationException"):
        transact(client)


def test_a_token_makes_a_repetition_an_answer() -> None:
    traffic = Narrow(1000)
    client = made(Client(traffic))
    for _ in range(3):
        transact(client, {"Update": adding(1)}, ClientRequestToken="t")
    assert get(client) == {**key(), "n": {"N": "1"}}
    with refused("IdempotentParameterMismatchException"):
        transact(client, {"Update": adding(2)}, ClientRequestToken="t")
    traffic.time = 601
    transact(client, {"Update": adding(1)}, ClientRequestToken="t")
    assert get(client) == {**key(), "n": {"N": "2"}}


def test_a_cancelled_transaction_may_be_asked_for_again(client: Client) -> None:
    with refused("TransactionCanceledException"):
        transact(client, {"Update": adding(1)}, CHECK, ClientRequestToken="t")
    put(client, pk="checked")
    transact(client, {"Update": adding(1)}, CHECK, ClientRequestToken="t")
    assert get(client) == {**key(), "n": {"N": "1"}}


def test_an_item_in_a_running_transaction() -> None:
    traffic = Narrow(1000)
    client = made(Client(traffic))
    traffic.busy.add(("a", "1"))
    with refused("TransactionConflictException"):
        put(client)
    with refused("TransactionCanceledException") as seen:
        transact(client, putting("a"), putting("b"))
    assert [reason["Code"] for reason in seen[0]["CancellationReasons"]] == ["TransactionConflict", "None"]
    assert client.scan(TableName=TABLE)["Items"] == []


# Units.


def units(client: Client, operation: str, **request: Any) -> Json:
    reply = getattr(client, operation)(ReturnConsumedCapacity="INDEXES", **request)["ConsumedCapacity"]
    found: Json = reply[0] if isinstance(reply, list) else reply
    indexes = {name: part["CapacityUnits"] for name, part in found.get("GlobalSecondaryIndexes", {}).items()}
    return {"table": found["Table"]["CapacityUnits"], **indexes}


def test_what_writes_cost(client: Client) -> None:
    small, large = {"t": {"S": "x" * 100}}, {"t": {"S": "x" * 2500}}
    indexed = {"xpk": {"S": "x"}, "xsk": {"S": "1"}}
    assert units(client, "put_item", TableName=TABLE, Item={**key(), **small}) == {"table": 1}
    assert units(client, "put_item", TableName=TABLE, Item={**key(), **large}) == {"table": 3}
    assert units(client, "put_item", TableName=TABLE, Item={**key(), **small}) == {"table": 3}  # the larger of both
    assert units(client, "put_item", TableName=TABLE, Item={**key(), **large, **indexed}) == {"table": 3, "all": 3, "keys": 1}
    more = {**key(), **large, **indexed, "n": {"N": "1"}}
    assert units(client, "put_item", TableName=TABLE, Item=more) == {"table": 3, "all": 3}  # the other one does not show it
    moved = {**more, "xsk": {"S": "2"}}
    assert units(client, "put_item", TableName=TABLE, Item=moved) == {"table": 3, "all": 6, "keys": 2}  # one entry goes, one comes
    assert units(client, "delete_item", TableName=TABLE, Key=key()) == {"table": 3, "all": 3, "keys": 1}
    assert units(client, "delete_item", TableName=TABLE, Key=key()) == {"table": 1}


def test_what_a_transaction_costs(client: Client) -> None:
    indexed = {"xpk": {"S": "x"}, "xsk": {"S": "1"}}
    actions = [putting("b"), {"Put": {"TableName": TABLE, "Item": {**key("c"), **indexed}}}]
    assert units(client, "transact_write_items", TransactItems=actions) == {"table": 4, "all": 1, "keys": 1}


def test_what_reads_cost(client: Client) -> None:
    put(client, t={"S": "x" * 5000})
    assert units(client, "get_item", TableName=TABLE, Key=key(), ConsistentRead=True) == {"table": 2}
    assert units(client, "get_item", TableName=TABLE, Key=key()) == {"table": 1}
    assert units(client, "get_item", TableName=TABLE, Key=key("none")) == {"table": 0.5}
    assert units(client, "batch_get_item", **batch(key(), key("none"))) == {"table": 3}


def test_a_failed_condition_costs_what_stands_there() -> None:
    traffic = Narrow(1000)
    client = made(Client(traffic))
    put(client, t={"S": "x" * 2500})
    before = traffic.left
    with refused("ConditionalCheckFailedException"):
        client.put_item(TableName=TABLE, Item=key(), **NOT_THERE)
    assert before - traffic.left == 3
