"""The simulated client: writes and reads, and their refusals, as botocore has them."""

from typing import Any

import pytest

from infra.simulator.dynamo import Client
from infra.simulator.reads import PAGE
from tests.unit.simulator.things import NOT_THERE, TABLE, THERE, Json, Narrow, adding, batch, get, key, made, put, refused


@pytest.fixture
def client() -> Client:
    return made(Client())


PK, N = {"ExpressionAttributeNames": {"#pk": "pk"}}, {"ExpressionAttributeNames": {"#n": "n"}}


# Single writes.


def test_what_was_put_is_got(client: Client) -> None:
    assert get(client) is None
    put(client, n={"N": "07.50"}, deep={"M": {"l": {"L": [{"N": "1e2"}]}}})
    assert get(client) == {**key(), "n": {"N": "7.5"}, "deep": {"M": {"l": {"L": [{"N": "100"}]}}}}
    client.delete_item(TableName=TABLE, Key=key())
    assert get(client) is None


def test_an_update_makes_what_is_not_there(client: Client) -> None:
    client.update_item(**adding(2))
    assert get(client) == {**key(), "n": {"N": "2"}}


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("NONE", {}),
        ("ALL_OLD", {**key(), "n": {"N": "1"}, "other": {"S": "x"}}),
        ("ALL_NEW", {**key(), "n": {"N": "3"}, "other": {"S": "x"}}),
        ("UPDATED_OLD", {"n": {"N": "1"}}),
        ("UPDATED_NEW", {"n": {"N": "3"}}),
    ],
)
def test_what_an_update_answers(client: Client, wanted: str, found: Json) -> None:
    put(client, n={"N": "1"}, other={"S": "x"})
    assert client.update_item(**adding(2), ReturnValues=wanted).get("Attributes", {}) == found


def test_a_failed_condition_shows_what_stands_there_if_asked(client: Client) -> None:
    put(client, n={"N": "1"})
    with refused("ConditionalCheckFailedException") as seen:
        client.put_item(TableName=TABLE, Item=key(), **NOT_THERE)
    assert "Item" not in seen[0]
    with refused("ConditionalCheckFailedException") as seen:
        client.put_item(TableName=TABLE, Item=key(), ReturnValuesOnConditionCheckFailure="ALL_OLD", **NOT_THERE)
    assert seen[0]["Item"] == {**key(), "n": {"N": "1"}}
    assert get(client) == {**key(), "n": {"N": "1"}}


@pytest.mark.parametrize(
    ("operation", "request_", "text"),
    [
        ("put_item", {"Item": {"pk": {"S": "a"}}}, "Missing the key sk"),
        ("put_item", {"Item": {**key(), "pk": {"N": "1"}}}, "Type mismatch for key pk expected: S actual: N"),
        ("put_item", {"Item": key(pk="")}, "empty string"),
        ("put_item", {"Item": {**key(), "xpk": {"N": "1"}, "xsk": {"S": "x"}}}, "Type mismatch for key xpk"),
        ("put_item", {"Item": {**key(), "n": {"N": "many"}}}, "numeric value: many"),
        ("put_item", {"Item": {**key(), "n": {"N": "1" * 39}}}, "numeric value"),
        ("put_item", {"Item": {**key(), "t": {"S": "x" * 400 * 1024}}}, "maximum allowed size"),
        ("get_item", {"Key": {"pk": {"S": "a"}}}, "does not match the schema"),
        ("delete_item", {"Key": key(), "ConditionExpression": "#pk = :x", **PK}, "not defined; attribute value: :x"),
        ("delete_item", {"Key": key(), "ConditionExpression": "attribute_exists(#x)"}, "not defined; attribute name: #x"),
        ("delete_item", {"Key": key(), **THERE, "ExpressionAttributeValues": {":x": {"N": "1"}}}, "unused in expressions: keys: {:x}"),
        ("delete_item", {"Key": key(), "ConditionExpression": "attribute_exists(pk)"}, "alias"),
        ("delete_item", {"Key": key(), "ConditionExpression": "#pk = ", **PK}, "ends too early"),
        ("delete_item", {"Key": key(), "ConditionExpression": "size(#pk, #pk) = #pk", **PK}, "number of operands"),
        ("update_item", {"Key": key(), "UpdateExpression": "SET #n = #n", **N}, "does not exist in the item"),
        ("update_item", {"Key": key(), "UpdateExpression": "REMOVE #n REMOVE #n", **N}, "only be used once"),
        ("update_item", {"Key": key(), "UpdateExpression": "REMOVE #n, #n", **N}, "overlap"),
        ("update_item", {"Key": key(), "UpdateExpression": "REMOVE #n.#n, #n[1]", **N}, "conflict with each other"),
        ("update_item", {"Key": key(), "UpdateExpression": "REMOVE #sk", "ExpressionAttributeNames": {"#sk": "sk"}}, "part of the key"),
    ],
)  # fmt: skip
def test_requests_that_no_table_would_take(client: Client, operation: str, request_: Json, text: str) -> None:
    with refused("ValidationException", text):
        getattr(client, operation)(TableName=TABLE, **request_)
    assert client.scan(TableName=TABLE)["Items"] == []


def test_a_table_that_is_none(client: Client) -> None:
    with refused("ResourceNotFoundException"):
        client.get_item(TableName="none", Key=key())
    with refused("ResourceInUseException"):
        made(client)


# Reads.


def query(client: Client, condition: str, values: Json, **more: Any) -> Json:
    names = {name: name[1:] for name in ("#pk", "#sk", "#xpk", "#xsk") if name in condition}
    found: Json = client.query(
        TableName=TABLE, KeyConditionExpression=condition, ExpressionAttributeNames=names, ExpressionAttributeValues=values, **more
    )
    return found


def sort_keys(reply: Json) -> list[str]:
    return [item["sk"]["S"] for item in reply["Items"]]


@pytest.mark.parametrize(
    ("condition", "values", "found"),
    [
        ("#pk = :p", {}, ["1", "2", "20", "3"]),
        ("#pk = :p AND #sk = :a", {":a": "2"}, ["2"]),
        ("#pk = :p AND #sk < :a", {":a": "2"}, ["1"]),
        ("#pk = :p AND #sk <= :a", {":a": "2"}, ["1", "2"]),
        ("#pk = :p AND #sk > :a", {":a": "2"}, ["20", "3"]),
        ("#pk = :p AND #sk >= :a", {":a": "2"}, ["2", "20", "3"]),
        ("#pk = :p AND #sk BETWEEN :a AND :b", {":a": "10", ":b": "20"}, ["2", "20"]),
        ("#pk = :p AND begins_with(#sk, :a)", {":a": "2"}, ["2", "20"]),
        ("#sk = :a AND #pk = :p", {":a": "none"}, []),
    ],
)
def test_ranges_of_sort_keys(client: Client, condition: str, values: dict[str, str], found: list[str]) -> None:
    for sk in ("20", "1", "3", "2"):
        put(client, sk=sk)
        put(client, pk="b", sk=sk)
    wire = {":p": {"S": "a"}, **{name: {"S": value} for name, value in values.items()}}
    assert sort_keys(query(client, condition, wire)) == found
    assert sort_keys(query(client, condition, wire, ScanIndexForward=False)) == found[::-1]


@pytest.mark.parametrize(
    "condition",
    [
        "#sk = :p",
        "#pk > :p",
        "#pk = :p OR #sk = :p",
        "#pk = :p AND #sk <> :p",
        "#pk = :p AND #sk = :p AND #sk > :p",
        "#pk = :p AND #xsk = :p",
    ],
)
def test_conditions_that_are_none_of_a_key(client: Client, condition: str) -> None:
    with refused("ValidationException"):
        query(client, condition, {":p": {"S": "a"}})


@pytest.mark.parametrize("forward", [True, False])
def test_pages_by_limit(client: Client, forward: bool) -> None:
    names = [f"{number:02d}" for number in range(7)]
    for name in names:
        put(client, sk=name, xpk={"S": "x"}, xsk={"S": "same"})
    for index, condition in ((None, "#pk = :p"), ("all", "#xpk = :p")):
        listed, more = list[str](), dict[str, Any]()
        while True:
            asked = {"IndexName": index} if index else {}
            page = query(client, condition, {":p": {"S": "x" if index else "a"}}, Limit=3, ScanIndexForward=forward, **asked, **more)
            listed += sort_keys(page)
            if "LastEvaluatedKey" not in page:
                break
            more = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
            client.delete_item(TableName=TABLE, Key={name: page["LastEvaluatedKey"][name] for name in ("pk", "sk")})
        assert listed == (names if forward else names[::-1])
        for name in names:
            put(client, sk=name, xpk={"S": "x"}, xsk={"S": "same"})


def test_a_page_ends_at_a_megabyte(client: Client) -> None:
    for number in range(4):
        put(client, sk=str(number), t={"S": "x" * (PAGE // 3)})
    page = query(client, "#pk = :p", {":p": {"S": "a"}})
    assert (sort_keys(page), page["LastEvaluatedKey"]) == (["0", "1", "2"], key(sk="2"))


def test_an_index_has_what_has_its_keys(client: Client) -> None:
    put(client, sk="1", xpk={"S": "x"}, xsk={"S": "2"}, more={"S": "more"})
    put(client, sk="2", xpk={"S": "x"}, xsk={"S": "1"})
    put(client, sk="3", xpk={"S": "x"})
    whole, keys = (query(client, "#xpk = :p", {":p": {"S": "x"}}, IndexName=name) for name in ("all", "keys"))
    assert sort_keys(whole) == sort_keys(keys) == ["2", "1"]
    assert ("more" in whole["Items"][1], "more" in keys["Items"][1]) == (True, False)
    put(client, sk="1", xpk={"S": "y"}, xsk={"S": "2"})
    client.delete_item(TableName=TABLE, Key=key(sk="2"))
    assert query(client, "#xpk = :p", {":p": {"S": "x"}}, IndexName="all")["Items"] == []
    with refused("ValidationException", "Consistent reads"):
        query(client, "#xpk = :p", {":p": {"S": "x"}}, IndexName="all", ConsistentRead=True)


def test_a_batch_of_keys(client: Client) -> None:
    put(client, n={"N": "1"})
    reply = client.batch_get_item(**batch(key(), key("b")))
    assert (reply["Responses"], reply["UnprocessedKeys"]) == ({TABLE: [{**key(), "n": {"N": "1"}}]}, {})
    with refused("ValidationException", "duplicates"):
        client.batch_get_item(**batch(key(), key()))
    with refused("ValidationException", "Too many"):
        client.batch_get_item(**batch(*(key(str(number)) for number in range(101))))


def test_what_finds_no_capacity_is_left_over() -> None:
    traffic = Narrow(2)
    client = made(Client(traffic))
    reply = client.batch_get_item(**batch(key("a"), key("b"), key("c")))
    assert reply["UnprocessedKeys"] == {TABLE: {"Keys": [key("c")], "ConsistentRead": True}}
    with refused("ProvisionedThroughputExceededException"):
        client.batch_get_item(**batch(key("c")))
    with refused("ProvisionedThroughputExceededException"):
        put(client)
    assert client.scan(TableName=TABLE)["Items"] == []


DEEP = {"m": {"M": {"a": {"N": "1"}, "b": {"L": [{"S": "x"}, {"S": "y"}, {"S": "z"}]}}}, "n": {"N": "5"}}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("#n", {"n": {"N": "5"}}),
        ("#gone, #m.#gone, #m.#b[7]", {}),
        ("#m.#a, #n", {"m": {"M": {"a": {"N": "1"}}}, "n": {"N": "5"}}),
        ("#m.#b[2], #m.#b[0]", {"m": {"M": {"b": {"L": [{"S": "x"}, {"S": "z"}]}}}}),
    ],
)
def test_a_part_of_an_item(client: Client, text: str, found: Json) -> None:
    put(client, **DEEP)
    names = {f"#{name}": name for name in ("n", "m", "a", "b", "gone") if f"#{name}" in text}
    asked = {"ProjectionExpression": text, "ExpressionAttributeNames": names}
    assert client.get_item(TableName=TABLE, Key=key(), **asked)["Item"] == found
    assert client.batch_get_item(RequestItems={TABLE: {"Keys": [key()], **asked}})["Responses"] == {TABLE: [found]}
    ofp = {"KeyConditionExpression": "#pk = :p", "ExpressionAttributeValues": {":p": {"S": "a"}}, "ProjectionExpression": text}
    assert client.query(TableName=TABLE, **ofp, ExpressionAttributeNames={**names, "#pk": "pk"})["Items"] == [found]


def test_parts_of_each_other(client: Client) -> None:
    with refused("ValidationException", "overlap"):
        client.get_item(TableName=TABLE, Key=key(), ProjectionExpression="#n, #n[0]", **N)
    with refused("ValidationException", "not defined"):
        client.get_item(TableName=TABLE, Key=key(), ProjectionExpression="#n, #x", **N)
