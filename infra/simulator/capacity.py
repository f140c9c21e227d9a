"""What a request consumed, as DynamoDB reports it."""

from collections.abc import Mapping, Sequence
from typing import Any

from infra.simulator.tables import Charge

Json = dict[str, Any]


def consumed(charges: Sequence[Charge], request: Mapping[str, Any], *, many: bool = False) -> Json:
    """The answer's ConsumedCapacity, if it was asked for: a list where a request may reach `many` tables."""
    if request.get("ReturnConsumedCapacity", "NONE") == "NONE":
        return {}
    rows = consumption(charges)
    return {"ConsumedCapacity": rows if many else rows[0]}


def consumption(charges: Sequence[Charge]) -> list[Json]:
    """Per table, with what its indexes took."""
    tables: dict[str, Json] = {}
    for charge in charges:
        row = tables.setdefault(charge.table, {"TableName": charge.table, "CapacityUnits": 0.0, "Table": {"CapacityUnits": 0.0}})
        row["CapacityUnits"] += charge.units
        parts = row["Table"] if charge.index is None else row.setdefault("GlobalSecondaryIndexes", {}).setdefault(charge.index, {})
        parts["CapacityUnits"] = parts.get("CapacityUnits", 0.0) + charge.units
    return list(tables.values())
