"""What DynamoDB learnt after the release of DynamoDB Local that npm has (January 2020), added on its client's side.

Two things: texts may be empty, and a single write's failed condition shows the item. The second is a read after the
refusal, so that it is right for one thread only; contract tests have one.
"""

from typing import Any

from botocore.exceptions import ClientError

EMPTY = "\ue000"
"""Of Unicode's private area, so no text of ours."""
SHOWING = "ReturnValuesOnConditionCheckFailure"
WRITES = {"put_item", "update_item", "delete_item"}


class Modernised:
    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        operation = getattr(self._client, name)
        if not callable(operation) or name.startswith("_"):
            return operation

        def called(**request: Any) -> Any:
            given = {option: value for option, value in request.items() if not (name in WRITES and option == SHOWING)}
            try:
                return _translated(operation(**_translated(given, "", EMPTY)), EMPTY, "")
            except ClientError as error:
                raise self._shown(error, name, request) from error

        return called

    def _shown(self, error: ClientError, name: str, request: dict[str, Any]) -> ClientError:
        response: Any = _translated(error.response, EMPTY, "")
        if name in WRITES and response["Error"]["Code"] == "ConditionalCheckFailedException" and request.get(SHOWING) == "ALL_OLD":
            key = request.get("Key") or {part: request["Item"][part] for part in ("pk", "sk")}
            response |= {"Item": self.get_item(TableName=request["TableName"], Key=key, ConsistentRead=True).get("Item", {})}
        return ClientError(response, error.operation_name)


def _translated(value: Any, old: str, new: str) -> Any:
    match value:
        case {"S": content} if content == old and len(value) == 1:
            return {"S": new}
        case dict():
            return {name: _translated(part, old, new) for name, part in value.items()}
        case list():
            return [_translated(part, old, new) for part in value]
    return value
