"""DynamoDB's moods that no emulator shows: conflicts, throttles, lost replies, keys left over, reasons of a cancellation."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from holdfast.kernel.errors import HoldfastError, UnavailableError, VersionConflict
from holdfast.platform import dynamo
from holdfast.platform.dynamo import NOT_THERE, THERE, ConditionFailed, DynamoCommit, Expression, Table
from holdfast.stock.errors import HoldLost


class Client:
    """Answers each call with the next of what it was given, and remembers what it was asked."""

    def __init__(self, *answers: Any) -> None:
        self.answers, self.asked = list(answers), []

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
    return Table(client, "things"), client  # type: ignore[arg-type]


def error(code: str, **more: Any) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}, **more}, "Operation")  # type: ignore[typeddict-item]


def cancelled(*reasons: str) -> ClientError:
    return error("TransactionCanceledException", CancellationReasons=[{"Code": reason} for reason in reasons])


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(dynamo.random, "uniform", lambda low, high: 0.0)
    return


@pytest.mark.parametrize("code", ["TransactionConflictException", "TransactionInProgressException"])
def test_a_conflict_is_tried_again(code: str) -> None:
    things, client = table(error(code), error(code), {})
    things.put({"pk": "a", "sk": "b"})
    assert client.operations == ["put_item"] * 3


def test_a_conflict_that_stays_is_a_busy_store() -> None:
    things, client = table(*[error("TransactionConflictException")] * 20)
    with pytest.raises(UnavailableError) as busy:
        things.put({"pk": "a", "sk": "b"})
    assert busy.value.retry_after == 1
    assert len(client.asked) == 6


@pytest.mark.parametrize(
    "code", ["ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded", "InternalServerError"]
)
def test_a_throttled_store_is_not_asked_again_by_us(code: str) -> None:
    """botocore did that already; whoever called may come again."""
    things, client = table(error(code))
    with pytest.raises(UnavailableError) as busy:
        things.get({"pk": "a", "sk": "b"})
    assert busy.value.retry_after == 1
    assert len(client.asked) == 1


@pytest.mark.parametrize("fault", [ReadTimeoutError(endpoint_url="http://x"), EndpointConnectionError(endpoint_url="http://x")])
def test_no_answer_is_an_unavailable_store(fault: Exception) -> None:
    things, _ = table(fault)
    with pytest.raises(UnavailableError):
        things.get({"pk": "a", "sk": "b"})


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


def test_keys_that_are_left_over_for_ever_are_a_busy_store() -> None:
    things, client = table(*[batch(left=("a",))] * 20)
    with pytest.raises(UnavailableError):
        things.batch_get([{"pk": "a", "sk": "x"}])
    assert len(client.asked) == 6


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


def commit(*answers: Any) -> tuple[DynamoCommit, Client, list[float]]:
    client, waits = Client(*answers), []
    return DynamoCommit(client, waits.append), client, waits  # type: ignore[arg-type]


def writes() -> list[Any]:
    things, _ = table()
    return [
        things.put_write({"pk": "a", "sk": "x"}, NOT_THERE, VersionConflict("first")),
        things.update_write({"pk": "b", "sk": "x"}, Expression("SET #n = :n", {"#n": "n"}, {":n": 1}), THERE, HoldLost("second")),
        things.delete_write({"pk": "c", "sk": "x"}, None, HoldLost("third")),
    ]


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


@pytest.mark.parametrize("reason", ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"])
def test_a_transaction_in_a_crowd_is_tried_again_under_its_token(reason: str) -> None:
    send, client, waits = commit(*[cancelled("None", reason, "None")] * 3, {})
    send(writes(), token="order")
    assert len(client.asked) == 4
    assert len({request["ClientRequestToken"] for _, request in client.asked}) == 1
    assert len(waits) == 3


def test_a_crowd_that_stays_is_a_busy_store() -> None:
    send, client, _ = commit(*[cancelled("TransactionConflict")] * 20)
    with pytest.raises(UnavailableError):
        send(writes(), token="order")
    assert len(client.asked) == 6


@pytest.mark.parametrize(
    "fault", [cancelled("ValidationError"), cancelled("ItemCollectionSizeLimitExceeded"), error("ValidationException")]
)
def test_a_transaction_that_is_wrong_goes_up_as_it_is(fault: ClientError) -> None:
    send, client, _ = commit(fault)
    with pytest.raises(ClientError):
        send(writes(), token="order")
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
