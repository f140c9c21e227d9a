"""The rows of the orders table by which orders are found, and its indexes."""

import heapq
from collections.abc import Sequence
from itertools import islice

from holdfast.kernel.errors import VersionConflict
from holdfast.kernel.writes import Commit, Write
from holdfast.orders import keys, search_keys
from holdfast.orders.model import Order, Status
from holdfast.orders.search_keys import Clue
from holdfast.orders.searching import Directory, Span
from holdfast.platform.dynamo import NOT_THERE, Expression, Table

MOST_MOVED = 90
"""Rows in one transaction, which takes a hundred items, the directory among them."""

# The row is new, or is there already: no row of one order ever becomes another's.
NOBODY_ELSES = "attribute_not_exists(#pk) OR #order = :order"

SAME_DIRECTORY = "#rev = :rev"


class DynamoOrderSearch:
    """`orders.searching.Search`."""

    def __init__(self, table: Table, commit: Commit) -> None:
        self._table = table
        self._commit = commit

    def listed(self, shop: str, span: Span, limit: int) -> list[str]:
        buckets = [keys.order_bucket(shop, bucket) for bucket in range(keys.ORDER_BUCKETS)]
        return self._merged("xpk", buckets, span, limit, keys.ORDERS_BY_SHOP)

    def in_status(self, shop: str, statuses: Sequence[Status], span: Span, limit: int) -> list[str]:
        buckets = [keys.status_bucket(shop, status, bucket) for status in statuses for bucket in range(keys.ORDER_BUCKETS)]
        return self._merged("spk", buckets, span, limit, keys.ORDERS_BY_STATUS)

    def found(self, shop: str, clue: Clue, span: Span, limit: int) -> list[str]:
        return self._merged("pk", search_keys.partitions(shop, clue), span, limit, None)

    def unsettled(self, shop: str, span: Span, limit: int) -> list[str]:
        buckets = [keys.unsettled_bucket(shop, bucket) for bucket in range(keys.ORDER_BUCKETS)]
        return self._merged("upk", buckets, span, limit, keys.ORDERS_UNSETTLED)

    def _merged(self, name: str, partitions: Sequence[str], span: Span, limit: int, index: str | None) -> list[str]:
        """An order changes its partition of an index, and may be seen in both: it counts once."""
        parts = [self._positions(name, partition, span, limit, index) for partition in partitions]
        return list(islice(dict.fromkeys(heapq.merge(*parts, reverse=True)), limit))

    def _positions(self, name: str, partition: str, span: Span, limit: int, index: str | None) -> list[str]:
        """One more than asked for, because BETWEEN has its upper end with it, and a span has not."""
        sort = "xsk" if index else "sk"
        text = f"#{name} = :partition AND #{sort} BETWEEN :low AND :high"
        between = Expression(
            text, {f"#{name}": name, f"#{sort}": sort}, {":partition": partition, ":low": span.low, ":high": max(span.low, span.high)}
        )
        items, _ = self._table.query(between, index=index, limit=limit + 1, forward=False)
        return [item[sort] for item in items if span.low <= item[sort] < span.high][:limit]

    def holder(self, shop: str, sku: str, place: int) -> str | None:
        """Hand-outs never overlap: the first one that ends at the place or behind it has it, or nobody."""
        partition, last = search_keys.places_partition(shop, sku, place), search_keys.last_place(place)
        from_there = Expression("#pk = :pk AND #sk >= :last", {"#pk": "pk", "#sk": "sk"}, {":pk": partition, ":last": last})
        items, _ = self._table.query(from_there, limit=1)
        return str(items[0]["order"]) if items and items[0]["first"] <= place else None

    def directory(self, shop: str, order: str) -> Directory:
        return Directory.model_validate(self._table.get(search_keys.directory_key(shop, order)) or {})

    def move(self, order: Order, standing: Directory, rows: frozenset[str]) -> None:
        """Some at a time, each with the directory that tells of them: a crash leaves the rest to be done."""
        come, go = sorted(rows - standing.rows), sorted(standing.rows - rows)
        while come or go:
            some, come = come[:MOST_MOVED], come[MOST_MOVED:]
            room = MOST_MOVED - len(some)
            gone, go = go[:room], go[room:]
            after = Directory(rows=standing.rows.union(some).difference(gone), rev=standing.rev + 1)
            writes = [self._directory_write(order, standing, after), *self._put(order, some), *self._take(order, gone)]
            self._commit(writes, token=f"{order.id}#find#{after.rev}")
            standing = after

    def _directory_write(self, order: Order, standing: Directory, after: Directory) -> Write:
        item = {**search_keys.directory_key(order.shop, order.id), "rows": sorted(after.rows), "rev": after.rev}
        same = Expression(SAME_DIRECTORY, {"#rev": "rev"}, {":rev": standing.rev}) if standing.rev else NOT_THERE
        return self._table.put_write(item, same, VersionConflict("The order's search rows were changed meanwhile."))

    def _put(self, order: Order, names: Sequence[str]) -> list[Write]:
        ours = Expression(NOBODY_ELSES, {"#pk": "pk", "#order": "order"}, {":order": order.id})
        taken = VersionConflict("A search row is another order's.")
        return [self._table.put_write(_row(order, name), ours, taken) for name in names]

    def _take(self, order: Order, names: Sequence[str]) -> list[Write]:
        gone = VersionConflict("never: there is no condition")
        return [self._table.delete_write(_key(order, name), None, gone) for name in names]


def _key(order: Order, name: str) -> dict[str, str]:
    return search_keys.row_key(order.shop, name, keys.position(order))


def _row(order: Order, name: str) -> dict[str, str | int]:
    first = {"first": search_keys.first_place(name)} if search_keys.of_places(name) else {}
    return {**_key(order, name), "order": order.id, **first}
