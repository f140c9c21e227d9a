"""Discrepancies in the operations table: the open ones of a shop in one partition, the resolved ones in another, until they expire."""

from datetime import timedelta

from holdfast.kernel.time import epoch
from holdfast.payments.discrepancies import Discrepancy, DiscrepancyState
from holdfast.platform.dynamo import ConditionFailed, Expression, Table, record

KEPT = timedelta(days=90)
"""After it was resolved."""
# Nobody found it before.
FIRST_FOUND = "attribute_not_exists(#pk)"
# Nobody changed it since it was read.
SAME_DISCREPANCY = "#version = :seen"


class DynamoDiscrepancies:
    """`payments.discrepancies.Discrepancies`."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def about(self, shop: str, provider: str, payment: str) -> list[Discrepancy]:
        values = {":pk": _partition(shop, DiscrepancyState.OPEN), ":sk": f"{provider}#{payment}#"}
        of_payment = Expression("#pk = :pk AND begins_with(#sk, :sk)", {"#pk": "pk", "#sk": "sk"}, values)
        return [Discrepancy.model_validate(item) for item in self._table.query_all(of_payment)]

    def page(self, shop: str, state: DiscrepancyState, after: str | None, limit: int) -> list[Discrepancy]:
        newest_first = state is DiscrepancyState.RESOLVED
        text = "#pk = :pk AND #sk < :after" if newest_first else "#pk = :pk AND #sk > :after"
        start = after or ("~" if newest_first else " ")
        behind = Expression(text, {"#pk": "pk", "#sk": "sk"}, {":pk": _partition(shop, state), ":after": start})
        return [Discrepancy.model_validate(item) for item in self._table.query(behind, limit=limit, forward=not newest_first)[0]]

    def save(self, found: Discrepancy) -> bool:
        seen = found.version - 1
        same = Expression(SAME_DISCREPANCY, {"#version": "version"}, {":seen": seen})
        before = same if seen else Expression(FIRST_FOUND, {"#pk": "pk"})
        try:
            self._table.put({**_key(found.shop, DiscrepancyState.OPEN, found.name), **record(found)}, before)
        except ConditionFailed as refusal:
            return refusal.item is not None and Discrepancy.model_validate(refusal.item) == found  # our own, delivered twice
        return True

    def resolve(self, resolved: Discrepancy) -> None:
        """First it is kept, then it goes from the open ones: who dies in between leaves it open, and the next look resolves it again."""
        key = _key(resolved.shop, DiscrepancyState.RESOLVED, resolved.place)
        self._table.put({**key, **record(resolved), "ttl": epoch((resolved.resolved_at or resolved.seen_at) + KEPT)})
        same = Expression(SAME_DISCREPANCY, {"#version": "version"}, {":seen": resolved.version})
        try:
            self._table.delete(_key(resolved.shop, DiscrepancyState.OPEN, resolved.name), same)
        except ConditionFailed:
            return  # gone already, or something new was found meanwhile


def _key(shop: str, state: DiscrepancyState, name: str) -> dict[str, str]:
    return {"pk": _partition(shop, state), "sk": name}


def _partition(shop: str, state: DiscrepancyState) -> str:
    return f"{shop}#DISCREPANCIES#{state}"
