"""The indexes of the orders table, as the reconciliation walks through them."""

from holdfast.orders import keys
from holdfast.orders.unsettled import STATUS, Source
from holdfast.platform.dynamo import Expression, Table


class DynamoLists:
    """`orders.unsettled.Lists`. Keys only: an index entry of them costs a hundred bytes to read."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def waiting(self, shop: str, source: Source, bucket: int, after: str, until: str, limit: int) -> list[str]:
        name, part, index = _index(shop, source, bucket)
        between = Expression(
            "#part = :part AND #xsk BETWEEN :after AND :until",
            {"#part": name, "#xsk": "xsk"},
            {":part": part, ":after": after, ":until": max(after, until)},
        )
        # One more than asked for, because BETWEEN has its lower end with it, and a page has not.
        items, _ = self._table.query(between, index=index, limit=limit + 1)
        return [item["xsk"] for item in items if after < item["xsk"] < until][:limit]


def _index(shop: str, source: Source, bucket: int) -> tuple[str, str, str]:
    if source is Source.UNSETTLED:
        return "upk", keys.unsettled_bucket(shop, bucket), keys.ORDERS_UNSETTLED
    if source is Source.PLACED:
        return "xpk", keys.order_bucket(shop, bucket), keys.ORDERS_BY_SHOP
    return "spk", keys.status_bucket(shop, STATUS[source], bucket), keys.ORDERS_BY_STATUS
