"""A store in memory: rows behind one lock, and writes that are checked together and then applied together."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from threading import RLock
from typing import Any

from holdfast.kernel.errors import HoldfastError
from holdfast.kernel.writes import Write

Key = tuple[Hashable, ...]
"""The kind of the row first: `("level", shop, sku)`."""
MOST_ITEMS = 100
"""As DynamoDB has it, so that a use case that outgrows a transaction is found here."""


@dataclass(frozen=True, eq=False)
class MemoryWrite(Write):
    """What stands under `key` (None: nothing) becomes something else (None: it goes), if the condition holds."""

    key: Key
    holds: Callable[[Any], bool]
    becomes: Callable[[Any], Any]
    refusal: HoldfastError | Callable[[Any], HoldfastError]  # type: ignore[assignment]


class Memory:
    """`without` names conditions that always hold: the careless twin that a negative control needs."""

    def __init__(self, *without: str) -> None:
        self.rows: dict[Key, Any] = {}
        self.audited: dict[str, Any] = {}
        """Rows as an audit saw them last."""
        self._lock = RLock()
        self._without = frozenset(without)
        self._committed: dict[str, list[Write]] = {}

    def condition(self, name: str, truth: bool) -> bool:
        return truth or name in self._without

    def get(self, *key: Hashable) -> Any:
        with self._lock:
            return self.rows.get(key)

    def of(self, *start: Hashable) -> list[Any]:
        """All rows whose key starts so, in the order of their keys."""
        with self._lock:
            depth = len(start)
            return [self.rows[key] for key in sorted((key for key in self.rows if key[:depth] == start), key=repr)]

    def change(self, key: Key, holds: Callable[[Any], bool], becomes: Callable[[Any], Any]) -> tuple[bool, Any]:
        """Whether it was done, and what stood there before."""
        with self._lock:
            standing = self.rows.get(key)
            done = holds(standing)
            if done:
                self._put(key, becomes(standing))
            return done, standing

    def put(self, key: Key, row: Any) -> None:
        self.change(key, anything, lambda _: row)

    def commit(self, writes: Sequence[Write], *, token: str) -> None:
        """The very same writes under the same token are a repeated delivery: done already."""
        with self._lock:
            ours = [write for write in writes if isinstance(write, MemoryWrite)]
            assert len({write.key for write in ours}) == len(writes) <= MOST_ITEMS
            if self._committed.get(token) == list(writes):
                return
            for write in ours:
                if not write.holds(self.rows.get(write.key)):
                    raise write.refusal if isinstance(write.refusal, HoldfastError) else write.refusal(self.rows.get(write.key))
            for write in ours:
                self._put(write.key, write.becomes(self.rows.get(write.key)))
            self._committed[token] = list(writes)

    def _put(self, key: Key, row: Any) -> None:
        if row is None:
            self.rows.pop(key, None)
        else:
            self.rows[key] = row


def anything(_: Any) -> bool:
    return True


def nothing(row: Any) -> bool:
    return row is None


def something(row: Any) -> bool:
    return row is not None
