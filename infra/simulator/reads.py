"""GetItem, BatchGetItem and Query. A page ends at 1 MB or at `Limit`, whichever is first."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from infra.simulator.actions import normal_item, terms_of
from infra.simulator.capacity import consumed
from infra.simulator.expressions import Invalid, Terms, key_range
from infra.simulator.projections import projected, ways_of
from infra.simulator.sizes import read_units
from infra.simulator.tables import Address, Charge, Index, Item, Stored, Table, rows_between
from infra.simulator.traffic import Busy
from infra.simulator.values import Attribute, rank

if TYPE_CHECKING:
    from infra.simulator.dynamo import Client

Json = dict[str, Any]
PAGE = 1024 * 1024
MOST_KEYS = 100
LARGEST_BATCH = 16 * 1024 * 1024


def get_item(client: "Client", request: Mapping[str, Any]) -> Json:
    table = client.table(request)
    key = table.key(normal_item(request["Key"]))
    stored = table.get(key)
    charge = _read(table, None, key[0], stored, consistent=request.get("ConsistentRead", False))
    shown = _shown(request)
    client.take([charge], "GetItem")
    return {**({"Item": shown(stored)} if stored else {}), **consumed([charge], request)}


def batch_get_item(client: "Client", request: Mapping[str, Any]) -> Json:
    """What finds no capacity is left over; Busy only when nothing was read."""
    asked = [
        (name, table, key, bool(wanted.get("ConsistentRead", False)))
        for name, wanted in request["RequestItems"].items()
        for table in [client.table({"TableName": name})]
        for key in wanted["Keys"]
    ]
    _demand_one_batch([Address(name, table.key(normal_item(key))) for name, table, key, _ in asked])
    responses: dict[str, list[Item]] = {name: [] for name in request["RequestItems"]}
    left: dict[str, Json] = {}
    spent: list[Charge] = []
    shown = {name: _shown(wanted) for name, wanted in request["RequestItems"].items()}
    size, busy = 0, Busy("ProvisionedThroughputExceeded")
    for name, table, key, consistent in asked:
        place = table.key(normal_item(key))
        stored = table.get(place)
        charge = _read(table, None, place[0], stored, consistent=consistent)
        size += stored.size if stored else 0
        try:
            if size > LARGEST_BATCH:
                raise busy
            client.take([charge], "BatchGetItem")
        except Busy as throttled:
            busy = throttled
            rest = {option: value for option, value in request["RequestItems"][name].items() if option != "Keys"}
            left.setdefault(name, {**rest, "Keys": []})["Keys"].append(key)
            continue
        spent.append(charge)
        if stored:
            responses[name].append(shown[name](stored))
    if not spent:
        raise busy
    return {"Responses": responses, "UnprocessedKeys": left, **consumed(spent, request, many=True)}


def _demand_one_batch(addresses: Sequence[Address]) -> None:
    if not 1 <= len(addresses) <= MOST_KEYS:
        raise Invalid("Too many items requested for the BatchGetItem call" if addresses else "The list of keys in RequestItems is empty")
    if len(set(addresses)) != len(addresses):
        raise Invalid("Provided list of item keys contains duplicates")


def query(client: "Client", request: Mapping[str, Any]) -> Json:
    table = client.table(request)
    index = _index(table, request)
    schema = index.keys if index else table.keys
    terms = terms_of(request, request["KeyConditionExpression"], request.get("ProjectionExpression"))
    shown = _shown(request, terms)
    wanted = key_range(request["KeyConditionExpression"], terms, schema.hash, schema.sort or "")
    schema.demand(schema.hash, wanted.hash_value)
    rows = rows_between((index or table).partitions, wanted, nested=index is not None)
    if not request.get("ScanIndexForward", True):
        rows = reversed(list(rows))
    if "ExclusiveStartKey" in request:
        rows = _after(rows, _place(table, index, normal_item(request["ExclusiveStartKey"])), forward=request.get("ScanIndexForward", True))
    page, last = _page(rows, request.get("Limit"))
    size = sum(stored.size for stored in page)
    consistent = request.get("ConsistentRead", False)
    units = read_units(size, consistent=consistent)
    charge = Charge(table.name, index.name if index else None, rank(wanted.hash_value), units, write=False)
    client.take([charge], "Query")
    return {
        "Items": [shown(stored) for stored in page],
        "Count": len(page),
        "ScannedCount": len(page),
        **({"LastEvaluatedKey": _last_key(table, index, last)} if last else {}),
        **consumed([charge], request),
    }


def _shown(request: Mapping[str, Any], terms: Terms | None = None) -> Callable[[Stored], dict[str, Attribute]]:
    """How a read that was asked so shows an item. Invalid before anything is read."""
    text = request.get("ProjectionExpression")
    known = terms or terms_of(request, text)
    ways = ways_of(text, known) if text else None
    return lambda stored: dict(stored.item) if ways is None else projected(stored.item, ways)


def _index(table: Table, request: Mapping[str, Any]) -> Index | None:
    name = request.get("IndexName")
    if name is None:
        return None
    if name not in table.indexes:
        raise Invalid(f"The table does not have the specified index: {name}")
    if request.get("ConsistentRead"):
        raise Invalid("Consistent reads are not supported on global secondary indexes")
    return table.indexes[name]


def _page(rows: Iterator[tuple[Any, Stored]], limit: int | None) -> tuple[list[Stored], Stored | None]:
    """The items, and the one to go on after (None: that was all). At the limit there is always one, as nobody looked further."""
    page: list[Stored] = []
    size = 0
    for _, stored in rows:
        page.append(stored)
        size += stored.size
        if len(page) == limit or size >= PAGE:
            return page, stored
    return page, None


def _place(table: Table, index: Index | None, key: Item) -> Any:
    own = table.keys.of(key)
    return (index.keys.of(key)[1], own) if index else own[1]


def _after(rows: Iterator[tuple[Any, Stored]], place: Any, *, forward: bool) -> Iterator[tuple[Any, Stored]]:
    """The start key need not exist any more."""
    for at, stored in rows:
        if at > place if forward else at < place:
            yield at, stored


def _last_key(table: Table, index: Index | None, last: Stored) -> dict[str, Attribute]:
    names = {*table.keys.names, *(index.keys.names if index else ())}
    return {name: last.item[name] for name in last.item if name in names}


def _read(table: Table, index: Index | None, partition: Any, stored: Stored | None, *, consistent: bool) -> Charge:
    units = read_units(stored.size if stored else 0, consistent=consistent)
    return Charge(table.name, index.name if index else None, partition, units, write=False)
