"""Tables and their indexes: what an action would do to them, what that costs, and doing it.

Judging changes nothing, so that capacity and conflicts can be asked about in between.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from infra.simulator.expressions import Invalid, KeyRange
from infra.simulator.sizes import item_size, write_units
from infra.simulator.values import Attribute, kind_of, rank

Item = Mapping[str, Attribute]
Rank = Any
"""A key's value as it is sorted: text, bytes or a number."""
Key = tuple[Rank, Rank]
FIRST: Rank = ""
"""The sort key of tables that have none."""


@dataclass(frozen=True)
class Stored:
    item: Item
    size: int


@dataclass(frozen=True)
class Address:
    """An item's place: what transactions hold and partitions are chosen by."""

    table: str
    key: Key


@dataclass(frozen=True)
class Charge:
    """Units that a request takes from one partition. `index` is None for the table itself."""

    table: str
    index: str | None
    partition: Rank
    units: float
    write: bool = True
    sort: Rank = FIRST
    refused: bool = False
    """Spent on a condition that did not hold."""


@dataclass(frozen=True)
class Keys:
    """A key schema: the names of its attributes, and their types."""

    hash: str
    sort: str | None
    types: Mapping[str, str]

    @property
    def names(self) -> tuple[str, ...]:
        return (self.hash, self.sort) if self.sort else (self.hash,)

    def of(self, item: Item) -> Key:
        """Invalid when one is missing, empty, or of another type."""
        for name in self.names:
            if name not in item:
                raise Invalid(f"One or more parameter values were invalid: Missing the key {name} in the item")
            self.demand(name, item[name])
        return rank(item[self.hash]), rank(item[self.sort]) if self.sort else FIRST

    def demand(self, name: str, value: Attribute) -> None:
        if kind_of(value) != self.types[name]:
            expected, actual = self.types[name], kind_of(value)
            message = f"Type mismatch for key {name} expected: {expected} actual: {actual}"
            raise Invalid(f"One or more parameter values were invalid: {message}")
        if rank(value) in ("", b""):
            raise Invalid(f"One or more parameter values are not valid. The value of key {name} is an empty string")

    def within(self, item: Item) -> bool:
        """Whether an index has the item."""
        there = [name for name in self.names if name in item]
        for name in there:
            self.demand(name, item[name])
        return len(there) == len(self.names)


@dataclass(eq=False)
class Rows:
    """Items of one partition key, in the order of their sort keys (and, in an index, of the table's key)."""

    items: dict[Rank, Stored] = field(default_factory=dict)
    order: list[Rank] = field(default_factory=list)

    def put(self, at: Rank, row: Stored | None) -> None:
        if row is None:
            if self.items.pop(at, None) is not None:
                del self.order[bisect_left(self.order, at)]
            return
        if at not in self.items:
            insort(self.order, at)
        self.items[at] = row


@dataclass(frozen=True)
class IndexChange:
    """An entry that goes, comes or is written again."""

    index: "Index"
    hash: Rank
    at: Rank
    row: Stored | None
    units: int


@dataclass(eq=False)
class Index:
    name: str
    keys: Keys
    projected: frozenset[str] | None
    """None: every attribute."""
    partitions: dict[Rank, Rows] = field(default_factory=dict)

    def entry(self, stored: Stored | None) -> Stored | None:
        if stored is None or not self.keys.within(stored.item):
            return None
        if self.projected is None:
            return stored
        item = {name: value for name, value in stored.item.items() if name in self.projected}
        return Stored(item, item_size(item))

    def changes(self, key: Key, before: Stored | None, after: Stored | None) -> Iterator[IndexChange]:
        """None when nothing changed that it shows; two when the entry moves."""
        old, new = self.entry(before), self.entry(after)
        if old is not None and new is not None and old.item == new.item:
            return
        left = self._place(key, old) if old else None
        comes = self._place(key, new) if new else None
        if old is not None and left is not None and left != comes:
            yield IndexChange(self, *left, None, write_units(old.size))
        if new is not None and comes is not None:
            yield IndexChange(self, *comes, new, write_units(new.size, old.size if old and left == comes else 0))

    def _place(self, key: Key, entry: Stored) -> tuple[Rank, Rank]:
        own = self.keys.of(entry.item)
        return own[0], (own[1], key)


@dataclass(frozen=True)
class Judged:
    """What an action would do. `failed`: its condition does not hold, so that it does nothing."""

    table: "Table"
    key: Key
    before: Stored | None
    after: Stored | None
    failed: bool
    addressed: frozenset[str] = frozenset()
    index_changes: tuple[IndexChange, ...] = ()

    @property
    def address(self) -> Address:
        return Address(self.table.name, self.key)

    def charges(self, *, times: int = 1) -> list[Charge]:
        """The table's own, then its indexes'. A failed condition costs as much as what stands there."""
        sizes = [stored.size for stored in ((self.before,) if self.failed else (self.before, self.after)) if stored]
        own = Charge(self.table.name, None, self.key[0], times * write_units(*sizes), sort=self.key[1], refused=self.failed)
        indexed = [Charge(self.table.name, change.index.name, change.hash, change.units) for change in self.index_changes]
        return [own, *indexed]


@dataclass(eq=False)
class Table:
    name: str
    keys: Keys
    indexes: dict[str, Index]
    partitions: dict[Rank, Rows] = field(default_factory=dict)

    def get(self, key: Key) -> Stored | None:
        rows = self.partitions.get(key[0])
        return rows.items.get(key[1]) if rows else None

    def key(self, given: Item) -> Key:
        """Of a request's `Key`, which has the key's attributes and no other."""
        if given.keys() != set(self.keys.names):
            raise Invalid("The provided key element does not match the schema")
        return self.keys.of(given)

    def judged(self, key: Key, after: Item | None, *, failed: bool, addressed: frozenset[str] = frozenset()) -> Judged:
        """`after` is None when the item goes."""
        before = self.get(key)
        if failed:
            return Judged(self, key, before, before, failed=True)
        stored = Stored(after, item_size(after)) if after is not None else None
        changes = tuple(change for index in self.indexes.values() for change in index.changes(key, before, stored))
        return Judged(self, key, before, stored, failed=False, addressed=addressed, index_changes=changes)

    def apply(self, judged: Judged) -> None:
        """RuntimeError when the item is not what was judged: whoever waited in between did not hold it."""
        if self.get(judged.key) is not judged.before:
            raise RuntimeError(f"{judged.address} changed between judgement and effect")
        self.partitions.setdefault(judged.key[0], Rows()).put(judged.key[1], judged.after)
        for change in judged.index_changes:
            change.index.partitions.setdefault(change.hash, Rows()).put(change.at, change.row)


def rows_between(partitions: Mapping[Rank, Rows], wanted: KeyRange, *, nested: bool) -> Iterator[tuple[Rank, Stored]]:
    """In ascending order. `nested`: the sort keys are an index's, which carry the table's key."""
    rows = partitions.get(rank(wanted.hash_value))
    if rows is None:
        return
    own: Callable[[Rank], Rank] = (lambda at: at[0]) if nested else (lambda at: at)
    low = rank(wanted.low) if wanted.low else None
    high = rank(wanted.high) if wanted.high else None
    start = 0 if low is None else (bisect_right if wanted.low_open else bisect_left)(rows.order, low, key=own)
    for at in rows.order[start:]:
        if high is not None and (own(at) > high or (wanted.high_open and own(at) == high)):
            return
        if wanted.prefix is not None and not own(at).startswith(rank(wanted.prefix)):
            return
        yield at, rows.items[at]


def table_of(request: Mapping[str, Any]) -> Table:
    """From what CreateTable is asked."""
    types = {definition["AttributeName"]: definition["AttributeType"] for definition in request["AttributeDefinitions"]}
    keys = _keys(request["KeySchema"], types)
    indexes = {}
    for asked in request.get("GlobalSecondaryIndexes", ()):
        own = _keys(asked["KeySchema"], types)
        projection = asked["Projection"]
        some = frozenset((*keys.names, *own.names, *projection.get("NonKeyAttributes", ())))
        indexes[asked["IndexName"]] = Index(asked["IndexName"], own, None if projection["ProjectionType"] == "ALL" else some)
    return Table(request["TableName"], keys, indexes)


def _keys(schema: list[Mapping[str, str]], types: Mapping[str, str]) -> Keys:
    names = {part["KeyType"]: part["AttributeName"] for part in schema}
    return Keys(names["HASH"], names.get("RANGE"), {name: types[name] for name in names.values()})
