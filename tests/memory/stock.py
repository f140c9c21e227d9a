"""`stock.ports` in memory. Conditions have the names that they have in `stock/repository.py` and `stock/documents.py`."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from holdfast.kernel.errors import HoldfastError, VersionConflict
from holdfast.kernel.time import rfc3339
from holdfast.stock.errors import HoldAlreadyExtended, HoldLost, InsufficientStock, LedgerMoved, LevelMoved, NotTaken, UnknownStock
from holdfast.stock.model import NEVER, SAFETY, Entry, Head, Level, LevelKey, Lock, Movement, Sale
from tests.memory.engine import Memory, MemoryWrite, nothing, something


class MemoryLevels:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def open(self, shop: str, sku: str) -> None:
        self.open_part(LevelKey(shop=shop, sku=sku), 1, 1)
        self._memory.change(_head(shop, sku), nothing, lambda _: Head(shop=shop, sku=sku))

    def open_part(self, key: LevelKey, shards: int, made: int) -> None:
        self._memory.change(_level(key), nothing, lambda _: Level(key=key, on_hand=0, available=0, version=1, shards=shards, made=made))

    def open_pool(self, key: LevelKey, cap: int) -> None:
        self._memory.change(_level(key), nothing, lambda _: Level(key=key, on_hand=cap, available=cap, version=1, cap=cap))
        self._memory.change(
            _level(key),
            lambda level: level.cap != cap,
            lambda level: _changed(level, available=cap - level.cap, on_hand=cap - level.cap).model_copy(update={"cap": cap}),
        )

    def level(self, key: LevelKey) -> Level | None:
        return self._memory.get(*_level(key))

    def levels(self, keys: Sequence[LevelKey]) -> dict[LevelKey, Level]:
        return {key: level for key in keys if (level := self.level(key))}

    def head(self, shop: str, sku: str) -> Head | None:
        return self._memory.get(*_head(shop, sku))

    def with_heads(self, shop: str, wanted: Mapping[str, Sequence[str]]) -> tuple[dict[str, Head], dict[LevelKey, Level]]:
        keys = [LevelKey(shop=shop, sku=sku, part=part) for sku, parts in wanted.items() for part in parts]
        return {sku: head for sku in wanted if (head := self.head(shop, sku))}, self.levels(keys)

    def save_head(self, head: Head, seen: Head) -> bool:
        saved, standing = self._memory.change(_head(head.shop, head.sku), self._same_head(seen), lambda row: _over(row, head))
        return saved or (standing is not None and _over(standing, head) == standing)

    def head_check(self, seen: Head) -> MemoryWrite:
        return MemoryWrite(_head(seen.shop, seen.sku), self._same_head(seen), lambda row: row, _moved())

    def retire_writes(self, head: Head, seen: Head, emptied: Sequence[LevelKey]) -> list[MemoryWrite]:
        def empty(level: Level | None) -> bool:
            return self._memory.condition("EMPTY", level is not None and level.on_hand == 0 and not level.entries)

        return [
            MemoryWrite(_head(head.shop, head.sku), self._same_head(seen), lambda row: _over(row, head), _moved()),
            *(MemoryWrite(_level(key), empty, lambda row: row, _moved()) for key in emptied),
        ]

    def tell_layout(self, key: LevelKey, shards: int, made: int) -> None:
        told = {"shards": shards, "made": made}
        self._memory.change(
            _level(key),
            lambda row: row is not None and (row.shards, row.made) != (shards, made),
            lambda row: row.model_copy(update={**told, "version": row.version + 1}),
        )

    def await_units(self, key: LevelKey, waiting: bool) -> None:
        self._memory.change(
            _level(key),
            lambda row: row is not None and row.awaited is not waiting,
            lambda row: row.model_copy(update={"awaited": waiting, "version": row.version + 1}),
        )

    def _nobody_waits(self, level: Level) -> bool:
        return self._memory.condition("NOBODY_WAITS", not level.awaited)

    def mark_hot(self, shop: str, sku: str, hot: bool) -> None:
        self._memory.put(("hot", shop, sku), sku if hot else None)

    def hot(self, shop: str) -> list[str]:
        return self._memory.of("hot", shop)

    def take(self, key: LevelKey, name: str, entry: Entry) -> Level:
        taken, level = self._memory.change(
            _level(key),
            lambda level: level and self._enough(level, entry.quantity) and self._not_taken_yet(level, name) and self._nobody_waits(level),
            lambda level: _changed(level, available=-entry.quantity, put={name: entry}),
        )
        if not taken:
            raise NotTaken(level)
        return _changed(level, available=-entry.quantity, put={name: entry})

    def reclaim_and_take(self, seen: Level, freed: Mapping[str, Entry], name: str, entry: Entry) -> Level:
        back = sum(old.quantity for old in freed.values())
        taken, level = self._memory.change(
            _level(seen.key),
            lambda level: (
                level
                and level.available >= entry.quantity - back
                and (name in freed or self._not_taken_yet(level, name))
                and (seen.awaited or self._nobody_waits(level))
                and all(self._same_entry(level, old, was) for old, was in freed.items())
            ),
            lambda level: _changed(level, available=back - entry.quantity, drop=freed, put={name: entry}),
        )
        if not taken:
            raise LevelMoved
        return _changed(level, available=back - entry.quantity, drop=freed, put={name: entry})

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

    def sell_held_write(self, seen: Level, name: str, quantity: int, document: str) -> MemoryWrite:
        def held(level: Level | None) -> bool:
            units = level.entries[name].quantity if level and name in level.entries else 0
            return level is not None and self._memory.condition("STILL_HELD", units == quantity)

        return MemoryWrite(
            _level(seen.key),
            lambda level: held(level) and self._same_last(level, seen),
            lambda level: _changed(level, on_hand=-quantity, drop=[name], last=document),
            lambda level: _moved() if held(level) else HoldLost("The hold has run out."),
        )

    def level_check(self, seen: Level) -> MemoryWrite:
        return MemoryWrite(_level(seen.key), lambda level: self._same_level(level, seen), lambda level: level, _moved())

    def change_write(self, seen: Level, quantity: int, document: str, *, kept: int | None = None, exact: bool = False) -> MemoryWrite:
        kept_now = seen.kept
        more_kept = 0 if kept is None else kept - kept_now
        entries = {SAFETY: Entry(quantity=kept, expires_at=NEVER)} if kept else {}

        def holds(level: Level | None) -> bool:
            return bool(
                level
                and self._same_last(level, seen)
                and self._enough(level, more_kept - quantity)
                and (not exact or self._same_level(level, seen))
                and (not more_kept or level.kept == kept_now)
            )

        def refusal(level: Level | None) -> HoldfastError:
            if level is None:
                return UnknownStock()
            if level.last != seen.last or (exact and level.version != seen.version) or level.available >= more_kept - quantity:
                return _moved()
            short = {"sku": seen.key.sku, "requested": more_kept - quantity, "available": level.available}
            return InsufficientStock("Not enough is left.", lines=[short])

        return MemoryWrite(
            _level(seen.key),
            holds,
            lambda level: _changed(
                level,
                available=quantity - more_kept,
                on_hand=quantity,
                drop=[SAFETY] if more_kept else [],
                put=entries if more_kept else {},
                last=document,
            ),
            refusal,
        )

    def use_write(self, key: LevelKey, name: str, quantity: int, back: int = 0) -> MemoryWrite:
        return MemoryWrite(
            _level(key),
            lambda level: level and name in level.entries and level.entries[name].quantity == quantity,
            lambda level: _changed(level, available=back, on_hand=back - quantity, drop=[name]),
            HoldLost("The hold has run out."),
        )

    def restore_write(self, key: LevelKey, quantity: int) -> MemoryWrite:
        return MemoryWrite(_level(key), something, lambda level: _changed(level, available=quantity, on_hand=quantity), UnknownStock())

    def announce(self, shop: str, sku: str) -> None:
        self._memory.change(_head(shop, sku), something, lambda head: head.model_copy(update={"restocks": head.restocks + 1}))

    def announce_write(self, seen: Head) -> MemoryWrite:
        def told(head: Head) -> Head:
            return head.model_copy(update={"restocks": head.restocks + 1, "version": head.version + 1, "locations": seen.locations})

        return MemoryWrite(_head(seen.shop, seen.sku), self._same_head(seen), told, _moved())

    def _enough(self, level: Level, quantity: int) -> bool:
        return self._memory.condition("ENOUGH_LEFT", level.available >= quantity)

    def _not_taken_yet(self, level: Level, name: str) -> bool:
        return self._memory.condition("NOT_TAKEN_YET", name not in level.entries)

    def _same_entry(self, level: Level, name: str, entry: Entry) -> bool:
        return self._memory.condition("SAME_ENTRY", level.entries.get(name) == entry)

    def _same_last(self, level: Level | None, seen: Level) -> bool:
        name = "SAME_LAST" if seen.last else "NO_LAST"
        return self._memory.condition(name, level is not None and level.last == seen.last)

    def _same_level(self, level: Level | None, seen: Level) -> bool:
        return self._memory.condition("SAME_LEVEL", level is not None and level.version == seen.version)

    def _same_head(self, seen: Head) -> Any:
        return lambda row: row is not None and self._memory.condition("SAME_HEAD", row.version == seen.version)


class MemoryLedger:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def movement(self, shop: str, movement: str) -> Movement | None:
        lock: Lock | None = self._memory.get("lock", shop, movement)
        return lock.movement() if lock else self._memory.get("movement", shop, movement)

    def movements(self, shop: str, movements: Sequence[str]) -> dict[str, Movement]:
        return {name: found for name in movements if (found := self.movement(shop, name))}

    def movement_write(self, movement: Movement) -> MemoryWrite:
        key = ("movement", movement.shop, movement.id)
        new = self._memory.condition
        return MemoryWrite(key, lambda row: new("NEW_MOVEMENT", row is None), lambda _: movement, VersionConflict("It is there already."))

    def mend_write(self, seen: Level, *, on_hand: int, available: int, document: str) -> MemoryWrite:
        return MemoryWrite(
            _level(seen.key),
            lambda level: level is not None and self._memory.condition("SAME_IMAGE", _image(level) == _image(seen)),
            lambda level: level.model_copy(
                update={"on_hand": on_hand, "available": available, "last": document, "version": level.version + 1}
            ),
            _moved(),
        )


class MemoryLocks:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def claim(self, lock: Lock) -> Lock | None:
        claimed, standing = self._memory.change(_lock(lock), nothing, lambda _: lock)
        return None if claimed or standing == lock else standing

    def renew(self, lock: Lock, seen: Lock) -> bool:
        renewed, standing = self._memory.change(_lock(lock), self._same_claim(seen), lambda _: lock)
        return renewed or standing == lock

    def get(self, shop: str, lock: str) -> Lock | None:
        return self._memory.get("lock", shop, lock)

    def forget(self, lock: Lock) -> None:
        self._memory.change(_lock(lock), self._same_claim(lock), lambda _: None)

    def seal_write(self, lock: Lock, sale: Sale) -> MemoryWrite:
        sealed = lock.sealed(sale)
        return MemoryWrite(_lock(lock), self._same_claim(lock), lambda _: sealed, HoldLost("The hold was given back."))

    def extend_write(self, lock: Lock, until: datetime) -> MemoryWrite:
        once = HoldAlreadyExtended("A hold can be extended once.")
        return MemoryWrite(
            _lock(lock),
            lambda row: self._same_claim(lock)(row) and self._memory.condition("NOT_EXTENDED", not row.extended),
            lambda _: lock.model_copy(update={"expires_at": until, "extended": True}),
            lambda row: once if row is not None and row.extended else HoldLost("The hold was given back."),
        )

    def dead(self, shop: str, before: datetime) -> Iterator[Lock]:
        return iter([lock for lock in self._by_expiry(shop) if lock.expires_at < before])

    def page(self, shop: str, limit: int, after: str) -> tuple[list[Lock], str | None]:
        page = [lock for lock in self._by_expiry(shop) if _position(lock) > after][:limit]
        return page, _position(page[-1]) if len(page) == limit else None

    def _by_expiry(self, shop: str) -> list[Lock]:
        return sorted((lock for lock in self._memory.of("lock", shop) if lock.sale is None), key=_position)

    def _same_claim(self, seen: Lock) -> Any:
        return lambda row: row is not None and self._memory.condition("SAME_CLAIM", row.claim == seen.claim and row.sale is None)


class MemoryStock:
    def __init__(self, memory: Memory) -> None:
        self.levels = MemoryLevels(memory)
        self.ledger = MemoryLedger(memory)
        self.locks = MemoryLocks(memory)
        self.commit = memory.commit


def _changed(
    level: Level, *, available: int = 0, on_hand: int = 0, drop: Any = (), put: Mapping[str, Entry] | None = None, last: str | None = None
) -> Level:
    """Unchecked, as DynamoDB's arithmetic is: only conditions keep a number from going below nothing."""
    kept = {name: entry for name, entry in level.entries.items() if name not in drop}
    return level.model_copy(
        update={
            "available": level.available + available,
            "on_hand": level.on_hand + on_hand,
            "entries": kept | dict(put or {}),
            "version": level.version + 1,
            "last": last or level.last,
        }
    )


def _image(level: Level) -> tuple[Any, ...]:
    return (level.version, level.available, level.on_hand, dict(level.entries), level.last)


def _over(row: Head, head: Head) -> Head:
    return head.model_copy(update={"restocks": row.restocks})


def _moved() -> LedgerMoved:
    return LedgerMoved("The stock was changed meanwhile. Try again.")


def _level(key: LevelKey) -> tuple[Any, ...]:
    return ("level", key.shop, key.sku, key.part)


def _head(shop: str, sku: str) -> tuple[Any, ...]:
    return ("head", shop, sku)


def _lock(lock: Lock) -> tuple[Any, ...]:
    return ("lock", lock.shop, lock.id)


def _position(lock: Lock) -> str:
    return f"{rfc3339(lock.expires_at)}#{lock.id}"
