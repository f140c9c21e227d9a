"""`stock.ports` in memory. Conditions have the names that they have in `stock/repository.py`."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from holdfast.kernel.errors import VersionConflict
from holdfast.kernel.time import rfc3339
from holdfast.stock.errors import HoldAlreadyExtended, HoldLost, InsufficientStock, LevelMoved, NotTaken, UnknownStock
from holdfast.stock.model import Entry, Level, LevelKey, Lock, Movement
from tests.memory.engine import Memory, MemoryWrite, anything, nothing, something


class MemoryLevels:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def open(self, shop: str, sku: str) -> None:
        key = LevelKey(shop=shop, sku=sku)
        self._memory.change(_level(key), nothing, lambda _: Level(key=key, on_hand=0, available=0, version=1))
        self._memory.change(("head", shop, sku), nothing, lambda _: 0)

    def level(self, key: LevelKey) -> Level | None:
        return self._memory.get(*_level(key))

    def levels(self, shop: str, skus: Sequence[str]) -> dict[str, Level]:
        found = {sku: self.level(LevelKey(shop=shop, sku=sku)) for sku in skus}
        return {sku: level for sku, level in found.items() if level}

    def take(self, key: LevelKey, name: str, entry: Entry) -> None:
        taken, level = self._memory.change(
            _level(key),
            lambda level: level and self._enough(level, entry.quantity) and self._not_taken_yet(level, name),
            lambda level: _changed(level, available=-entry.quantity, put={name: entry}),
        )
        if not taken:
            raise NotTaken(level) if level else UnknownStock

    def reclaim_and_take(self, seen: Level, freed: Mapping[str, Entry], name: str, entry: Entry) -> None:
        back = sum(old.quantity for old in freed.values())
        taken, _ = self._memory.change(
            _level(seen.key),
            lambda level: (
                level
                and level.available >= entry.quantity - back
                and self._not_taken_yet(level, name)
                and all(self._same_entry(level, old, was) for old, was in freed.items())
            ),
            lambda level: _changed(level, available=back - entry.quantity, drop=freed, put={name: entry}),
        )
        if not taken:
            raise LevelMoved

    def give_back(self, key: LevelKey, name: str, entry: Entry) -> bool:
        return self._memory.change(
            _level(key),
            lambda level: level and self._same_entry(level, name, entry),
            lambda level: _changed(level, available=entry.quantity, drop=[name]),
        )[0]

    def extend_write(self, key: LevelKey, name: str, before: Entry, until: datetime) -> MemoryWrite:
        after = Entry(quantity=before.quantity, expires_at=until)
        return MemoryWrite(
            _level(key),
            lambda level: level and self._same_entry(level, name, before),
            lambda level: _changed(level, put={name: after}),
            HoldLost("The hold has run out."),
        )

    def confirm_write(self, key: LevelKey, name: str, quantity: int) -> MemoryWrite:
        def still_held(level: Level | None) -> bool:
            held = level.entries[name].quantity if level and name in level.entries else 0
            return level is not None and self._memory.condition("STILL_HELD", held == quantity)

        return MemoryWrite(
            _level(key),
            still_held,
            lambda level: _changed(level, on_hand=-quantity, drop=[name]),
            HoldLost("The hold has run out."),
        )

    def sell_write(self, key: LevelKey, quantity: int) -> MemoryWrite:
        return MemoryWrite(
            _level(key),
            lambda level: level and self._enough(level, quantity),
            lambda level: _changed(level, available=-quantity, on_hand=-quantity),
            InsufficientStock("Not enough is left.", lines=[{"sku": key.sku, "requested": quantity}]),
        )

    def receive_writes(self, key: LevelKey, quantity: int) -> list[MemoryWrite]:
        return [
            MemoryWrite(_level(key), something, lambda level: _changed(level, available=quantity, on_hand=quantity), UnknownStock()),
            MemoryWrite(("head", key.shop, key.sku), something, lambda restocks: restocks + 1, UnknownStock()),
        ]

    def announce(self, shop: str, sku: str) -> None:
        self._memory.change(("head", shop, sku), something, lambda restocks: restocks + 1)

    def movement_write(self, movement: Movement) -> MemoryWrite:
        key = ("movement", movement.shop, movement.sku, movement.id)
        new = self._memory.condition
        return MemoryWrite(key, lambda row: new("NEW_MOVEMENT", row is None), lambda _: movement, VersionConflict("It is there already."))

    def movement(self, shop: str, sku: str, movement: str) -> Movement | None:
        return self._memory.get("movement", shop, sku, movement)

    def _enough(self, level: Level, quantity: int) -> bool:
        return self._memory.condition("ENOUGH_LEFT", level.available >= quantity)

    def _not_taken_yet(self, level: Level, name: str) -> bool:
        return self._memory.condition("NOT_TAKEN_YET", name not in level.entries)

    def _same_entry(self, level: Level, name: str, entry: Entry) -> bool:
        return self._memory.condition("SAME_ENTRY", level.entries.get(name) == entry)


class MemoryLocks:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def claim(self, lock: Lock) -> Lock | None:
        claimed, standing = self._memory.change(_lock(lock), nothing, lambda _: lock)
        return None if claimed or standing == lock else standing

    def renew(self, lock: Lock, seen: Lock) -> bool:
        renewed, standing = self._memory.change(
            _lock(lock), lambda row: row is not None and row.claimed_at == seen.claimed_at, lambda _: lock
        )
        return renewed or standing == lock

    def get(self, shop: str, lock: str) -> Lock | None:
        return self._memory.get("lock", shop, lock)

    def forget(self, lock: Lock) -> None:
        self._memory.put(_lock(lock), None)

    def forget_write(self, shop: str, lock: str) -> MemoryWrite:
        return MemoryWrite(("lock", shop, lock), anything, lambda _: None, HoldLost("The hold has run out."))

    def extend_write(self, lock: Lock, until: datetime) -> MemoryWrite:
        return MemoryWrite(
            _lock(lock),
            lambda row: row is not None and not row.extended,
            lambda _: lock.model_copy(update={"expires_at": until, "extended": True}),
            HoldAlreadyExtended("A hold can be extended once."),
        )

    def dead(self, shop: str, before: datetime) -> Iterator[Lock]:
        return iter([lock for lock in self._by_expiry(shop) if lock.expires_at < before])

    def page(self, shop: str, limit: int, after: str) -> tuple[list[Lock], str | None]:
        page = [lock for lock in self._by_expiry(shop) if _position(lock) > after][:limit]
        return page, _position(page[-1]) if len(page) == limit else None

    def _by_expiry(self, shop: str) -> list[Lock]:
        return sorted(self._memory.of("lock", shop), key=_position)


class MemoryStock:
    def __init__(self, memory: Memory) -> None:
        self.levels = MemoryLevels(memory)
        self.locks = MemoryLocks(memory)
        self.commit = memory.commit


def _changed(level: Level, *, available: int = 0, on_hand: int = 0, drop: Any = (), put: Mapping[str, Entry] | None = None) -> Level:
    """Unchecked, as DynamoDB's arithmetic is: only conditions keep a number from going below nothing."""
    kept = {name: entry for name, entry in level.entries.items() if name not in drop}
    return level.model_copy(
        update={
            "available": level.available + available,
            "on_hand": level.on_hand + on_hand,
            "entries": kept | dict(put or {}),
            "version": level.version + 1,
        }
    )


def _level(key: LevelKey) -> tuple[Any, ...]:
    return ("level", key.shop, key.sku, key.shard)


def _lock(lock: Lock) -> tuple[Any, ...]:
    return ("lock", lock.shop, lock.id)


def _position(lock: Lock) -> str:
    return f"{rfc3339(lock.expires_at)}#{lock.id}"
