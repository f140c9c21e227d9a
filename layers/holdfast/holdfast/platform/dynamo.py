"""DynamoDB as the repositories see it: plain dicts in and out, conditions that raise, transactions of `Write`s.

A call whose reply got lost is sent again (`patience`), so every write here carries a condition that recognises itself.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnection
from pydantic import BaseModel

from holdfast.kernel.errors import HoldfastError
from holdfast.kernel.writes import Write
from holdfast.platform.patience import IN_A_REQUEST, Patience, TryAgain

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Item = dict[str, Any]
Key = dict[str, str]
Verdict = HoldfastError | Callable[[Item | None], HoldfastError]
"""What a failed condition means: always the same, or told from the item that stood there (None: nothing did)."""

BATCH_GET_LIMIT = 100
# Another try may succeed. All else that DynamoDB refuses, and all that botocore refuses to send, is our own fault.
_BUSY = {
    # A plain write on an item inside somebody's transaction, and our own transaction whose first delivery is still at work.
    "TransactionConflictException",
    "TransactionInProgressException",
    "ReplicatedWriteConflictException",
    # More than a partition, a table or an account may take.
    "ProvisionedThroughputExceededException",
    "ThrottlingException",
    "ThrottledException",
    "Throttling",
    "RequestLimitExceeded",
    # The store's own faults; also known by their status, whatever they are called.
    "InternalServerError",
    "InternalServerErrorException",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "RequestTimeout",
    "RequestTimeoutException",
}
_BUSY_REASONS = {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded", "InternalServerError"}
_REFUSED = "ConditionalCheckFailed"
# No connection, a connection that broke, no answer in time: the write may have been done.
_LOST = (NoConnection, HTTPClientError)


class ConditionFailed(Exception):
    """The write's condition did not hold. `item` is what stood there instead (None: nothing did)."""

    def __init__(self, item: Item | None) -> None:
        super().__init__("condition failed")
        self.item = item


def to_wire(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _to_attribute(value) for name, value in item.items()}


def from_wire(item: Mapping[str, Any]) -> Item:
    return {name: _from_attribute(value) for name, value in item.items()}


def _to_attribute(value: Any) -> dict[str, Any]:
    """Text, whole numbers, truths, nothing, lists and maps are all that we keep.

    boto3's own translator makes Decimals of numbers and brings all of boto3 along.
    """
    match value:
        case None:
            return {"NULL": True}
        case bool():
            return {"BOOL": value}
        case str():
            return {"S": str(value)}
        case int():
            return {"N": str(value)}
        case Mapping():
            return {"M": to_wire(value)}
        case list() | tuple():
            return {"L": [_to_attribute(part) for part in value]}
    raise TypeError(f"a {type(value).__name__} cannot be kept")


def _from_attribute(attribute: Mapping[str, Any]) -> Any:
    ((kind, content),) = attribute.items()
    match kind:
        case "N":
            return int(content)
        case "M":
            return from_wire(content)
        case "L":
            return [_from_attribute(part) for part in content]
        case "NULL":
            return None
        case "S" | "BOOL":
            return content
    raise TypeError(f"an attribute of type {kind} is none of ours")


def record(model: BaseModel) -> Item:
    """A model as an item's attributes: native types, so that a person in the console can read it."""
    return model.model_dump(mode="json", exclude_none=True)


def rows(models: Iterable[BaseModel]) -> list[Item]:
    """As record, for the many like ones inside an item: what has its default is left out, since each byte is paid for at every write."""
    return [model.model_dump(mode="json", exclude_none=True, exclude_defaults=True) for model in models]


@dataclass(frozen=True)
class DynamoWrite(Write):
    """`action` is one entry of TransactItems; `refusal` is what its failed condition means to the caller."""

    action: Mapping[str, Any]
    refusal: Verdict

    def refused(self, item: Item | None) -> HoldfastError:
        """What to raise, when `item` stood there (None: nothing did)."""
        return self.refusal if isinstance(self.refusal, HoldfastError) else self.refusal(item)


@dataclass(frozen=True)
class Expression:
    """An update or a condition with its placeholders. Every name is aliased: `lock`, `status` and others are reserved."""

    text: str
    names: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)


class Table:
    """One table. Reads are consistent unless an index is asked: a shopper must see what was just written."""

    def __init__(self, client: "DynamoDBClient", name: str, patience: Patience = IN_A_REQUEST) -> None:
        self.client = client
        self.name = name
        self.patience = patience

    def get(self, key: Key) -> Item | None:
        reply = self._call(self.client.get_item, TableName=self.name, Key=to_wire(key), ConsistentRead=True)
        return from_wire(reply["Item"]) if "Item" in reply else None

    def batch_get(self, keys: Sequence[Key]) -> list[Item]:
        """The items that exist, in no order. Any number of keys; what DynamoDB leaves over is asked for again."""
        wire = [to_wire(key) for key in keys]
        return [item for start in range(0, len(wire), BATCH_GET_LIMIT) for item in self._batch(wire[start : start + BATCH_GET_LIMIT])]

    def _batch(self, left: list[Any]) -> list[Item]:
        """Keys left over are a throttle's work: they wait as long as any other call, all tries together."""
        found: list[Item] = []

        def ask() -> list[Item]:
            nonlocal left
            reply = _once(self.client.batch_get_item, RequestItems={self.name: {"Keys": left, "ConsistentRead": True}})
            found.extend(from_wire(item) for item in reply["Responses"].get(self.name, []))
            left = reply.get("UnprocessedKeys", {}).get(self.name, {}).get("Keys", [])
            if left:
                raise TryAgain("The data store is busy.")
            return found

        return self.patience.persist(ask)

    def query(
        self,
        condition: Expression,
        *,
        index: str | None = None,
        limit: int | None = None,
        start: Item | None = None,
        forward: bool = True,
    ) -> tuple[list[Item], Item | None]:
        """One page and the key to go on from (None: that was all)."""
        request: dict[str, Any] = {
            "TableName": self.name,
            "KeyConditionExpression": condition.text,
            "ExpressionAttributeNames": dict(condition.names),
            "ExpressionAttributeValues": to_wire(condition.values),
            "ScanIndexForward": forward,
            "ConsistentRead": index is None,
        }
        if index:
            request["IndexName"] = index
        if limit:
            request["Limit"] = limit
        if start:
            request["ExclusiveStartKey"] = to_wire(start)
        reply = self._call(self.client.query, **request)
        last = reply.get("LastEvaluatedKey")
        return [from_wire(item) for item in reply["Items"]], from_wire(last) if last else None

    def query_all(self, condition: Expression, *, index: str | None = None, forward: bool = True) -> Iterator[Item]:
        start: Item | None = None
        while True:
            items, start = self.query(condition, index=index, start=start, forward=forward)
            yield from items
            if start is None:
                return

    def put(self, item: Item, condition: Expression | None = None) -> None:
        """ConditionFailed carries the item that stands there: the writer looks whether it is his own."""
        self._call(self.client.put_item, **self._put(item, condition))

    def update(self, key: Key, change: Expression, condition: Expression, *, returns: str = "ALL_NEW") -> Item:
        """The item after the change (`returns`: ALL_NEW, UPDATED_NEW or NONE)."""
        reply = self._call(self.client.update_item, ReturnValues=returns, **self._update(key, change, condition))
        return from_wire(reply.get("Attributes", {}))

    def delete(self, key: Key, condition: Expression | None = None) -> None:
        self._call(self.client.delete_item, **self._delete(key, condition))

    def put_write(self, item: Item, condition: Expression, refusal: Verdict) -> DynamoWrite:
        return DynamoWrite({"Put": self._put(item, condition)}, refusal)

    def update_write(self, key: Key, change: Expression, condition: Expression, refusal: Verdict) -> DynamoWrite:
        return DynamoWrite({"Update": self._update(key, change, condition)}, refusal)

    def delete_write(self, key: Key, condition: Expression | None, refusal: Verdict) -> DynamoWrite:
        return DynamoWrite({"Delete": self._delete(key, condition)}, refusal)

    def check_write(self, key: Key, condition: Expression, refusal: Verdict) -> DynamoWrite:
        """Changes nothing: the transaction holds only if this does."""
        return DynamoWrite({"ConditionCheck": {"TableName": self.name, "Key": to_wire(key), **_conditions(None, condition)}}, refusal)

    def _call(self, operation: Callable[..., Any], **request: Any) -> Any:
        return self.patience.persist(lambda: _once(operation, **request))

    def _put(self, item: Item, condition: Expression | None) -> dict[str, Any]:
        return {"TableName": self.name, "Item": to_wire(item), **_conditions(None, condition)}

    def _update(self, key: Key, change: Expression, condition: Expression) -> dict[str, Any]:
        return {"TableName": self.name, "Key": to_wire(key), "UpdateExpression": change.text, **_conditions(change, condition)}

    def _delete(self, key: Key, condition: Expression | None) -> dict[str, Any]:
        return {"TableName": self.name, "Key": to_wire(key), **_conditions(None, condition)}


NOT_THERE = Expression("attribute_not_exists(#pk)", {"#pk": "pk"})
THERE = Expression("attribute_exists(#pk)", {"#pk": "pk"})


class DynamoCommit:
    """`kernel.writes.Commit` over TransactWriteItems.

    All tries go under the same ClientRequestToken (valid for ten minutes), so that a lost reply is answered as done and
    not as a second change. Another worker's attempt under the same name writes something else (its own instant, at
    least) and has another token: DynamoDB would call it a mismatch, where a condition can say who was faster.
    """

    def __init__(self, client: "DynamoDBClient", patience: Patience = IN_A_REQUEST) -> None:
        self._client = client
        self.patience = patience

    def __call__(self, writes: Sequence[Write], *, token: str) -> None:
        actions = [write for write in writes if isinstance(write, DynamoWrite)]
        if len(actions) != len(writes):
            raise TypeError("a write of another store cannot be committed here")
        request = {
            "TransactItems": [write.action for write in actions],
            "ClientRequestToken": _request_token(token, actions),
        }

        def send() -> None:
            try:
                _once(self._client.transact_write_items, **request)
            except ClientError as cancelled:
                _raise_meaning(cancelled, actions)
                raise

        self.patience.persist(send)


def _request_token(token: str, writes: Sequence[DynamoWrite]) -> str:
    """The same only for the same content: a later attempt with other instants is another transaction, which the conditions judge."""
    return hashlib.sha256(f"{token}{[write.action for write in writes]}".encode()).hexdigest()[:36]


def _raise_meaning(cancelled: ClientError, writes: Sequence[DynamoWrite]) -> None:
    """The first failed condition speaks for the transaction. Returns when it is a fault of ours, which no second try would mend."""
    reasons = cancelled.response.get("CancellationReasons", [])
    for write, reason in zip(writes, reasons, strict=False):
        if reason.get("Code") == _REFUSED:
            item: Any = reason.get("Item")
            raise write.refused(from_wire(item) if item else None) from cancelled
    codes = {reason.get("Code", "None") for reason in reasons} - {"None"}
    if codes and codes <= _BUSY_REASONS:
        raise TryAgain("The data store is busy.") from cancelled


def _conditions(change: Expression | None, condition: Expression | None) -> dict[str, Any]:
    if condition is None:
        return {}
    names = {**(change.names if change else {}), **condition.names}
    values = {**(change.values if change else {}), **condition.values}
    return {
        "ConditionExpression": condition.text,
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        **({"ExpressionAttributeNames": names} if names else {}),
        **({"ExpressionAttributeValues": to_wire(values)} if values else {}),
    }


def _once(operation: Callable[..., Any], **request: Any) -> Any:
    """One call, with the store's words turned into ours: ConditionFailed, TryAgain, or a fault that goes up as it is."""
    try:
        return operation(**request)
    except ClientError as error:
        if error.response["Error"]["Code"] == f"{_REFUSED}Exception":
            item: Any = error.response.get("Item")
            raise ConditionFailed(from_wire(item) if item else None) from error
        if _busy(error):
            raise TryAgain("The data store is busy.") from error
        raise
    except _LOST as error:
        raise TryAgain("The data store does not answer.") from error


def _busy(error: ClientError) -> bool:
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return error.response["Error"]["Code"] in _BUSY or status >= 500
