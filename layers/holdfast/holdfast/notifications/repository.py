"""The notifications table: the outbox."""

from datetime import datetime, timedelta

from holdfast.kernel.time import epoch, rfc3339
from holdfast.notifications.model import Row, State
from holdfast.platform.dynamo import ConditionFailed, Expression, Item, Table, record

KEPT = timedelta(days=90)

# Nobody has this mail, or the one who had it let his lease run out before he could say that it went.
FREE = "attribute_not_exists(#pk) OR (#state = :claimed AND #lease < :now)"


class DynamoOutbox:
    def __init__(self, table: Table) -> None:
        self._table = table

    def claim(self, row: Row, now: datetime) -> Row | None:
        free = Expression(
            FREE,
            {"#pk": "pk", "#state": "state", "#lease": "leased_until"},
            {":claimed": State.CLAIMED, ":now": rfc3339(now)},
        )
        try:
            self._table.put(_item(row), free)
        except ConditionFailed as taken:
            standing = Row.model_validate(taken.item)
            return None if standing == row else standing  # equal: our own claim was delivered twice
        return None

    def release(self, row: Row) -> None:
        ours = Expression("#lease = :ours", {"#lease": "leased_until"}, {":ours": rfc3339(row.leased_until)})
        try:
            self._table.delete(_key(row), ours)
        except ConditionFailed:
            return  # the lease ran out and another has it

    def sent(self, row: Row, message: str) -> None:
        self._table.put(_item(row.model_copy(update={"state": State.SENT, "message": message})))


def _key(row: Row) -> dict[str, str]:
    return {"pk": f"{row.shop}#{row.event}", "sk": f"EMAIL#{row.template}"}


def _item(row: Row) -> Item:
    return {**_key(row), "ttl": epoch(row.leased_until + KEPT), **record(row)}
