"""Refusals as botocore raises them, so that the code under test cannot tell the difference."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

MESSAGES = {
    "ConditionalCheckFailedException": "The conditional request failed",
    "TransactionConflictException": "Transaction is ongoing for the item",
    "TransactionInProgressException": "The transaction with the given request token is already in progress.",
    "IdempotentParameterMismatchException": "Request parameters do not match the ones of the token's first use",
    "ProvisionedThroughputExceededException": "The level of configured provisioned throughput for the table was exceeded",
    "ThrottlingException": "Throughput exceeds the current capacity of one or more partitions",
    "ResourceNotFoundException": "Requested resource not found",
}
REASONS = {
    "ConditionalCheckFailed": "The conditional request failed",
    "TransactionConflict": "Transaction is ongoing for the item",
    "ProvisionedThroughputExceeded": "The level of configured provisioned throughput for one or more partitions was exceeded",
    "ThrottlingError": "Throughput exceeds the current capacity of one or more partitions",
}


@dataclass(frozen=True)
class Reason:
    """Why one action of a transaction could not be: "None" when it could."""

    code: str = "None"
    message: str | None = None
    item: Mapping[str, Any] | None = None

    def wire(self) -> dict[str, Any]:
        message = self.message or REASONS.get(self.code)
        return {"Code": self.code, **({"Message": message} if message else {}), **({"Item": dict(self.item)} if self.item else {})}


def refusal(code: str, operation: str, message: str | None = None, **facts: Any) -> ClientError:
    response: dict[str, Any] = {
        "Error": {"Code": code, "Message": message or MESSAGES[code]},
        "ResponseMetadata": {"HTTPStatusCode": 400, "RetryAttempts": 0, "HTTPHeaders": {}, "RequestId": "", "HostId": ""},
        **facts,
    }
    return ClientError(response, operation)  # type: ignore[arg-type]


def invalid(operation: str, message: str) -> ClientError:
    return refusal("ValidationException", operation, message)


def cancelled(reasons: Sequence[Reason]) -> ClientError:
    codes = ", ".join(reason.code for reason in reasons)
    message = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]"
    wired = [reason.wire() for reason in reasons]
    return refusal("TransactionCanceledException", "TransactWriteItems", message, CancellationReasons=wired)
