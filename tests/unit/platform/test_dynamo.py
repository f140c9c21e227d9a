"""DynamoDB's moods that no emulator shows: conflicts, throttles, lost replies, keys left over, reasons of a cancellation."""

from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
    UnknownServiceError,
)

from holdfast.kernel.errors import HoldfastError, UnavailableError, VersionConflict
from holdfast.platform import dynamo
from holdfast.platform.dynamo import NOT_THERE, THERE, ConditionFailed, DynamoCommit, Expression, Table
from holdfast.platform.patience import IN_A_QUEUE, IN_A_REQUEST
from holdfast.stock.errors import HoldLost
from tests.unit.platform.virtual import VirtualTime


class Client:
    """Answers each call with the next of what it was given, and remembers what it was asked."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, operation: str) -> Any:
        def call(**request: Any) -> Any:
            self.asked.append((operation, request))
            answer = self.answers.pop(0) if self.answers else {}
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call

    @property
    def operations(self) -> list[str]:
        return [operation for operation, _ in self.asked]


def table(*answers: Any) -> tuple[Table, Client]:
    client = Client(*answers)
    return Table(client, "things", VirtualTime().patience()), client  # type: ignore[arg-type]


def error(code: str, **more: Any) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}, **more}, "Operation")  # type: ignore[typeddict-item]


def cancelled(*reasons: str) -> ClientError:
    return error("TransactionCanceledException", CancellationReasons=[{"Code": reason} for reason in reasons])


KEY = {"pk": "a", "sk": "b"}
BUSY = [
    "TransactionConflictException",
    "TransactionInProgressException",
    "ReplicatedWriteConflictException",
    "ProvisionedThroughputExceededException",
    "ThrottlingException",
    "ThrottledException",
    "Throttling",
    "RequestLimitExceeded",
    "InternalServerError",
    "InternalServerErrorException",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "RequestTimeout",
    "RequestTimeoutException",
]
REASONS = ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded", "InternalServerError"]
LOST = [
    kind(endpoint_url="https://dynamodb")
    for kind in (ConnectTimeoutError, ReadTimeoutError, EndpointConnectionError, ConnectionClosedError)
]
OURS = [
    ParamValidationError(report="no such parameter"),
    NoCredentialsError(),
    UnknownServiceError(service_name="dynamo", known_service_names="dynamodb"),
]
CALLS = {
    "get": lambda things: things.get(KEY),
    "put": lambda things: things.put(KEY),
    "update": lambda things: things.update(KEY, Expression("REMOVE #n", {"#n": "n"}), THERE),
    "delete": lambda things: things.delete(KEY),
    "query": lambda things: list(things.query_all(Expression("#pk = :pk", {"#pk": "pk"}, {":pk": "a"}))),
    "batch_get": lambda things: things.batch_get([KEY]),
}


def unnamed(status: int) -> ClientError:
    """As a proxy before the store answers: a status, and a name that nobody knows."""
    return error("Unknown", ResponseMetadata={"HTTPStatusCode": status})


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("fault", [*map(error, BUSY), unnamed(502), *LOST], ids=repr)
def test_what_may_pass_is_tried_again_in_every_call(call: Any, fault: Exception) -> None:
    things, client = table(fault, fault, {"Items": [], "Responses": {}})
    call(things)
    assert len(client.asked) == 3
    assert client.asked[0] == client.asked[1] == client.asked[2]


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize(
    ("fault", "words"), [(error("ThrottlingException"), "is busy"), (LOST[0], "does not answer")], ids=["throttled", "lost"]
)
def test_what_does_not_pass_is_a_503_after_a_known_number_of_calls(call: Any, fault: Exception, words: str) -> None:
    things, client = table(*[fault] * 99)
    with pytest.raises(UnavailableError, match=words) as given_up:
        call(things)
    assert (given_up.value.status, given_up.value.retry_after) == (503, 1)
    assert given_up.value.__cause__ is fault
    assert len(client.asked) == 7  # pauses of half their bound: 12.5 + 25 + 50 + 100 + 100 + 100 ms of the 400


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("fault", [*OURS, unnamed(400)], ids=repr)
def test_a_bug_stays_a_bug(call: Any, fault: Exception) -> None:
    """Neither repeated nor told as a store that is away: 503 would send callers and operators the wrong way."""
    things, client = table(fault)
    with pytest.raises(type(fault)) as raised:
        call(things)
    assert raised.value is fault
    assert len(client.asked) == 1


def test_a_reply_that_got_lost_is_met_as_our_own_write() -> None:
    """The first delivery was done: the second is refused and shows what stands there, for the writer to recognise."""
    things, client = table(LOST[1], error("ConditionalCheckFailedException", Item={"pk": {"S": "a"}, "sk": {"S": "b"}}))
    with pytest.raises(ConditionFailed) as met:
        things.put(KEY, NOT_THERE)
    assert met.value.item == KEY
    assert client.operations == ["put_item"] * 2


@pytest.mark.parametrize("code", ["ValidationException", "AccessDeniedException", "ResourceNotFoundException"])
def test_a_fault_of_ours_goes_up_as_it_is(code: str) -> None:
    things, _ = table(error(code))
    with pytest.raises(ClientError, match=code):
        things.get({"pk": "a", "sk": "b"})


def test_a_failed_condition_brings_what_stands_there() -> None:
    things, client = table(error("ConditionalCheckFailedException", Item={"pk": {"S": "a"}, "n": {"N": "3"}}))
    with pytest.raises(ConditionFailed) as refused:
        things.put({"pk": "a", "sk": "b"}, NOT_THERE)
    assert refused.value.item == {"pk": "a", "n": 3}
    assert client.asked[0][1]["ReturnValuesOnConditionCheckFailure"] == "ALL_OLD"


def test_a_failed_condition_on_nothing() -> None:
    things, _ = table(error("ConditionalCheckFailedException"))
    with pytest.raises(ConditionFailed) as refused:
        things.delete({"pk": "a", "sk": "b"}, THERE)
    assert refused.value.item is None


# Batches and pages.


def batch(*names: str, left: tuple[str, ...] = ()) -> dict[str, Any]:
    items = [{"pk": {"S": name}, "sk": {"S": "x"}} for name in names]
    keys = [{"pk": {"S": name}, "sk": {"S": "x"}} for name in left]
    return {"Responses": {"things": items}, "UnprocessedKeys": {"things": {"Keys": keys}} if keys else {}}


def test_keys_that_were_left_over_are_asked_for_again() -> None:
    things, client = table(batch("a", left=("b", "c")), batch("b", left=("c",)), batch("c"))
    found = things.batch_get([{"pk": name, "sk": "x"} for name in "abc"])
    assert [item["pk"] for item in found] == ["a", "b", "c"]
    assert client.asked[1][1]["RequestItems"]["things"]["Keys"] == [{"pk": {"S": name}, "sk": {"S": "x"}} for name in "bc"]


def test_what_was_left_over_is_read_consistently_too() -> None:
    """Although the store's reply says nothing about it."""
    things, client = table(batch("a", left=("b",)), batch("b"))
    things.batch_get([{"pk": name, "sk": "x"} for name in "ab"])
    assert [request["RequestItems"]["things"]["ConsistentRead"] for _, request in client.asked] == [True, True]


def test_keys_that_are_left_over_for_ever_are_a_busy_store() -> None:
    things, client = table(*[batch(left=("a",))] * 20)
    with pytest.raises(UnavailableError):
        things.batch_get([{"pk": "a", "sk": "x"}])
    assert len(client.asked) == 7


def test_left_over_throttled_and_lost_share_one_budget() -> None:
    """Each of them alone would be tried as often: together they are not tried three times as often."""
    moods = [batch(left=("a",)), error("ThrottlingException"), LOST[0]] * 20
    things, client = table(*moods)
    with pytest.raises(UnavailableError):
        things.batch_get([{"pk": "a", "sk": "x"}])
    assert len(client.asked) == 7


def test_a_lost_page_of_a_batch_brings_nothing_twice() -> None:
    things, _ = table(batch("a", left=("b",)), LOST[1], batch("b"))
    assert [item["pk"] for item in things.batch_get([{"pk": name, "sk": "x"} for name in "ab"])] == ["a", "b"]


def test_no_keys_are_no_call() -> None:
    things, client = table()
    assert things.batch_get([]) == []
    assert client.asked == []


def test_a_query_goes_on_over_its_pages_also_over_an_empty_one() -> None:
    last = {"pk": {"S": "a"}, "sk": {"S": "1"}}
    things, client = table(
        {"Items": [{"n": {"N": "1"}}], "LastEvaluatedKey": last}, {"Items": [], "LastEvaluatedKey": last}, {"Items": [{"n": {"N": "2"}}]}
    )
    assert [item["n"] for item in things.query_all(Expression("#pk = :pk", {"#pk": "pk"}, {":pk": "a"}))] == [1, 2]
    assert [request.get("ExclusiveStartKey") for _, request in client.asked] == [None, last, last]


@pytest.mark.parametrize(("index", "consistent"), [(None, True), ("by_shop", False)])
def test_reads_are_consistent_unless_an_index_is_asked(index: str | None, consistent: bool) -> None:
    things, client = table({"Items": []})
    things.query(Expression("#pk = :pk", {"#pk": "pk"}, {":pk": "a"}), index=index)
    assert client.asked[0][1]["ConsistentRead"] is consistent


@pytest.mark.parametrize("value", ["text", "", 0, -(10**37), True, False, None, [], [1, ["a", {"b": None}]], {}, {"Ω": {"deep": [1]}}])
def test_what_is_kept_comes_back(value: Any) -> None:
    assert dynamo.from_wire(dynamo.to_wire({"value": value})) == {"value": value}


# Transactions.


def commit(*answers: Any, **patience: Any) -> tuple[DynamoCommit, Client, VirtualTime]:
    client, time = Client(*answers), VirtualTime()
    return DynamoCommit(client, time.patience(**patience)), client, time  # type: ignore[arg-type]


def writes() -> list[Any]:
    things, _ = table()
    return [
        things.put_write({"pk": "a", "sk": "x"}, NOT_THERE, VersionConflict("first")),
        things.update_write({"pk": "b", "sk": "x"}, Expression("SET #n = :n", {"#n": "n"}, {":n": 1}), THERE, HoldLost("second")),
        things.delete_write({"pk": "c", "sk": "x"}, None, HoldLost("third")),
    ]


def test_a_check_changes_nothing_and_refuses_like_a_write() -> None:
    things, _ = table()
    check = things.check_write(KEY, THERE, told)
    assert check.action == {
        "ConditionCheck": {
            "TableName": "things",
            "Key": {"pk": {"S": "a"}, "sk": {"S": "b"}},
            "ConditionExpression": "attribute_exists(#pk)",
            "ExpressionAttributeNames": {"#pk": "pk"},
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
    }
    send, _, _ = commit(cancelled("ConditionalCheckFailed"))
    with pytest.raises(HoldLost, match="gone"):
        send([check], token="order")


def test_writes_go_as_one_transaction() -> None:
    send, client, _ = commit({})
    send(writes(), token="order")
    [(operation, request)] = client.asked
    assert operation == "transact_write_items"
    assert [next(iter(action)) for action in request["TransactItems"]] == ["Put", "Update", "Delete"]
    assert len(request["ClientRequestToken"]) == 36


@pytest.mark.parametrize(
    ("reasons", "refusal", "words"),
    [
        (("ConditionalCheckFailed", "None", "None"), VersionConflict, "first"),
        (("None", "ConditionalCheckFailed", "None"), HoldLost, "second"),
        (("None", "ConditionalCheckFailed", "ConditionalCheckFailed"), HoldLost, "second"),
        (("TransactionConflict", "ConditionalCheckFailed", "None"), HoldLost, "second"),
    ],
)
def test_the_first_failed_condition_speaks(reasons: tuple[str, ...], refusal: type[Exception], words: str) -> None:
    send, client, _ = commit(cancelled(*reasons))
    with pytest.raises(refusal, match=words):
        send(writes(), token="order")
    assert len(client.asked) == 1


def told(item: dict[str, Any] | None) -> HoldfastError:
    """As a repository writes it: gone, or moved on."""
    return HoldLost("gone") if item is None else VersionConflict("moved", version=item["version"])


@pytest.mark.parametrize(
    ("standing", "refusal", "facts"),
    [({}, HoldLost, {}), ({"Item": {}}, HoldLost, {}), ({"Item": {"version": {"N": "7"}}}, VersionConflict, {"version": 7})],
)
def test_a_refusal_may_be_told_from_what_stood_there(standing: dict[str, Any], refusal: type[HoldfastError], facts: dict[str, Any]) -> None:
    things, _ = table()
    asked = [
        things.put_write({"pk": "a", "sk": "x"}, NOT_THERE, VersionConflict("first")),
        things.update_write({"pk": "b", "sk": "x"}, Expression("REMOVE #n", {"#n": "n"}), THERE, told),
    ]
    failed = error("TransactionCanceledException", CancellationReasons=[{"Code": "None"}, {"Code": "ConditionalCheckFailed", **standing}])
    send, client, _ = commit(failed)
    with pytest.raises(refusal) as refused:
        send(asked, token="order")
    assert refused.value.facts == facts
    [(_, request)] = client.asked
    assert request["TransactItems"][1]["Update"]["ReturnValuesOnConditionCheckFailure"] == "ALL_OLD"


CROWDED = [
    *[cancelled("None", reason, "None") for reason in REASONS],
    cancelled("TransactionConflict", "ThrottlingError", "None"),
    *map(error, BUSY),
    unnamed(503),
    *LOST,
]


@pytest.mark.parametrize("fault", CROWDED, ids=repr)
def test_a_transaction_in_a_crowd_is_tried_again_under_its_token(fault: Exception) -> None:
    send, client, time = commit(*[fault] * 3, {})
    send(writes(), token="order")
    assert len(client.asked) == 4
    assert len({request["ClientRequestToken"] for _, request in client.asked}) == 1
    assert time.pauses == [0.0125, 0.025, 0.05]


@pytest.mark.parametrize("fault", CROWDED, ids=repr)
def test_a_crowd_that_stays_is_a_busy_store(fault: Exception) -> None:
    """Also a token that stays in use: it is not for a layer above to try again what was tried here."""
    send, client, _ = commit(*[fault] * 99)
    with pytest.raises(UnavailableError) as given_up:
        send(writes(), token="order")
    assert given_up.value.__cause__ is fault
    assert len(client.asked) == 7


def test_ten_conflicts_in_a_row_and_then_it_is_done() -> None:
    """A worker's patience: the order is paid although its SKU is hot."""
    send, client, time = commit(
        *[cancelled("TransactionConflict")] * 10, {}, budget=IN_A_QUEUE.budget, cap=IN_A_QUEUE.cap, tries=IN_A_QUEUE.tries
    )
    send(writes(), token="order")
    assert len(client.asked) == 11
    assert sum(time.pauses) < IN_A_QUEUE.budget


def test_a_lost_reply_a_transaction_under_way_and_then_it_was_done() -> None:
    send, client, _ = commit(LOST[1], error("TransactionInProgressException"), {})
    send(writes(), token="order")
    assert len({request["ClientRequestToken"] for _, request in client.asked}) == 1


def test_a_shopper_is_not_kept_waiting() -> None:
    things = Table(Client(), "things")  # type: ignore[arg-type]
    assert things.patience is IN_A_REQUEST
    assert DynamoCommit(Client()).patience is IN_A_REQUEST  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "fault",
    [
        cancelled("ValidationError"),
        cancelled("TransactionConflict", "ValidationError"),
        cancelled("ItemCollectionSizeLimitExceeded"),
        cancelled(),
        error("ValidationException"),
        error("IdempotentParameterMismatchException"),
        *OURS,
    ],
    ids=repr,
)
def test_a_transaction_that_is_wrong_goes_up_as_it_is(fault: Exception) -> None:
    send, client, _ = commit(fault)
    with pytest.raises(type(fault)) as raised:
        send(writes(), token="order")
    assert raised.value is fault
    assert len(client.asked) == 1


def test_a_token_names_an_attempt_with_its_content() -> None:
    """The same again is the same; another instant or another name is another transaction, which conditions judge."""
    send, client, _ = commit()
    other = [*writes()[:2]]
    for token, content in [("order", writes()), ("order", writes()), ("order", other), ("other", writes())]:
        send(content, token=token)
    tokens = [request["ClientRequestToken"] for _, request in client.asked]
    assert tokens[0] == tokens[1]
    assert len(set(tokens)) == 3
