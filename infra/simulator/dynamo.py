"""A DynamoDB client of botocore's shape over tables in this process: the operations that the repositories call, with their errors.

Answers share their items with the tables and are for reading only, as the repositories do: they translate each into their own.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from botocore.exceptions import ClientError

from infra.simulator import errors, reads
from infra.simulator.actions import Action, judge
from infra.simulator.capacity import consumed
from infra.simulator.expressions import Invalid
from infra.simulator.tables import Charge, Item, Judged, Table, table_of
from infra.simulator.traffic import Busy, Reply, Straight
from infra.simulator.transactions import Transactions

Json = dict[str, Any]
THROTTLES = {"ProvisionedThroughputExceeded": "ProvisionedThroughputExceededException", "ThrottlingError": "ThrottlingException"}


class Watcher(Protocol):
    """Told of every change, as a stream is, and of every unit. `commit` names the request whose effect it is."""

    def changed(self, judged: Judged, commit: int) -> None: ...
    def charged(self, charges: Sequence[Charge], operation: str) -> None: ...


class Client:
    """`traffic` decides when a request arrives, and whether: the default has neither time nor limits."""

    def __init__(self, traffic: Straight | None = None) -> None:
        self.traffic = traffic or Straight()
        self.tables: dict[str, Table] = {}
        self.watchers: list[Watcher] = []
        self._transactions = Transactions(self)
        self._commits = 0

    def create_table(self, **request: Any) -> Json:
        if request["TableName"] in self.tables:
            raise errors.refusal("ResourceInUseException", "CreateTable", f"Table already exists: {request['TableName']}")
        self.tables[request["TableName"]] = table_of(request)
        return {"TableDescription": {"TableName": request["TableName"], "TableStatus": "ACTIVE"}}

    def get_item(self, **request: Any) -> Json:
        return self._carry("GetItem", lambda: reads.get_item(self, request))

    def batch_get_item(self, **request: Any) -> Json:
        return self._carry("BatchGetItem", lambda: reads.batch_get_item(self, request))

    def query(self, **request: Any) -> Json:
        return self._carry("Query", lambda: reads.query(self, request))

    def scan(self, **request: Any) -> Json:
        """All of a small table at once: tests look around with it, the product may not."""
        table = self.table(request)
        items = [stored.item for rows in table.partitions.values() for stored in rows.items.values()]
        return {"Items": items, "Count": len(items), "ScannedCount": len(items)}

    def put_item(self, **request: Any) -> Json:
        return self._carry("PutItem", lambda: self._write("Put", request))

    def update_item(self, **request: Any) -> Json:
        return self._carry("UpdateItem", lambda: self._write("Update", request))

    def delete_item(self, **request: Any) -> Json:
        return self._carry("DeleteItem", lambda: self._write("Delete", request))

    def transact_write_items(self, **request: Any) -> Json:
        return self._carry("TransactWriteItems", lambda: self._transactions.write(request))

    def table(self, request: Mapping[str, Any]) -> Table:
        try:
            return self.tables[request["TableName"]]
        except KeyError:
            raise errors.refusal("ResourceNotFoundException", "Request") from None

    def take(self, charges: Sequence[Charge], operation: str) -> None:
        self.traffic.take(charges)
        for watcher in self.watchers:
            watcher.charged(charges, operation)

    def apply(self, judgements: Sequence[Judged]) -> None:
        """Together: whoever watches sees them under one number."""
        self._commits += 1
        for judged in judgements:
            judged.table.apply(judged)
            if judged.before is not judged.after:
                for watcher in self.watchers:
                    watcher.changed(judged, self._commits)

    def _carry(self, operation: str, deliver: Callable[[], Reply]) -> Reply:
        def answered() -> Reply:
            try:
                return deliver()
            except Invalid as error:
                raise errors.invalid(operation, str(error)) from error
            except Busy as busy:
                raise _busy(busy, operation) from busy

        return self.traffic.carry(operation, answered)

    def _write(self, kind: Action, request: Mapping[str, Any]) -> Json:
        operation = f"{kind}Item"
        judged = judge(self.table(request), kind, request)
        charges = judged.charges()
        self.take(charges, operation)
        self.traffic.demand_free(judged.address)
        if judged.failed:
            raise _condition_failed(judged, request, operation)
        self.apply([judged])
        return {**_returned(judged, request), **consumed(charges, request)}


def _condition_failed(judged: Judged, request: Mapping[str, Any], operation: str) -> ClientError:
    wanted = request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
    facts: Json = {"Item": dict(judged.before.item)} if wanted and judged.before else {}
    return errors.refusal("ConditionalCheckFailedException", operation, **facts)


def _busy(busy: Busy, operation: str) -> ClientError:
    return errors.refusal(THROTTLES.get(busy.code, f"{busy.code}Exception"), operation)


def _returned(judged: Judged, request: Mapping[str, Any]) -> Json:
    wanted = request.get("ReturnValues", "NONE")
    before: Item = judged.before.item if judged.before else {}
    after: Item = judged.after.item if judged.after else {}
    match wanted:
        case "NONE":
            found: Item = {}
        case "ALL_OLD":
            found = before
        case "ALL_NEW":
            found = after
        case "UPDATED_OLD":
            found = _only(before, judged.addressed)
        case "UPDATED_NEW":
            found = _only(after, judged.addressed)
        case _:
            raise Invalid(f"Return values set to invalid value: {wanted}")
    return {"Attributes": dict(found)} if found else {}


def _only(item: Item, names: frozenset[str]) -> Item:
    """Whole attributes, also when only a part of one was addressed: DynamoDB answers that part."""
    return {name: value for name, value in item.items() if name in names}
