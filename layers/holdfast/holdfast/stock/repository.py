"""The stock and locks tables. Each condition has a name and says what its failure means."""

import heapq
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from holdfast.kernel.errors import VersionConflict
from holdfast.kernel.time import epoch, epoch_ms, from_epoch_ms, rfc3339
from holdfast.kernel.writes import Commit, Write
from holdfast.platform.dynamo import NOT_THERE, THERE, ConditionFailed, Expression, Item, Table, record
from holdfast.stock import keys
from holdfast.stock.errors import HoldAlreadyExtended, HoldLost, InsufficientStock, LevelMoved, NotTaken, UnknownStock
from holdfast.stock.model import Entry, Level, LevelKey, Lock, Movement

# Enough units are free, and this lock has not taken any yet: a repeated delivery must not take twice.
ENOUGH_LEFT = "#avail >= :quantity"
NOT_TAKEN_YET = "attribute_not_exists(#lk.#name)"
# The entry is the very one that was seen: neither extended, nor sold, nor given back since.
SAME_ENTRY = "#lk.#name = :entry"
# The entry stands and has as many units as are to be sold.
STILL_HELD = "#lk.#name[0] = :quantity"

_LEVEL = {"#avail": "avail", "#ver": "ver"}
_LOCKED = {**_LEVEL, "#lk": "lk"}

ONE_RESTOCK_MORE = Expression("SET #restocks = #restocks + :one", {"#restocks": "restocks"}, {":one": 1})
"""On the SKU's head, whose stream wakes those who wait."""

LOCK_KEPT = timedelta(hours=1)
"""TTL of a lock document after its expiry. The sweep is far quicker; TTL and its stream event are the net below it."""


class DynamoLevels:
    def __init__(self, table: Table) -> None:
        self._table = table

    def open(self, shop: str, sku: str) -> None:
        """The head last: it is what announces the SKU to the stream."""
        level = {**keys.level_key(LevelKey(shop=shop, sku=sku)), "avail": 0, "on_hand": 0, "lk": {}, "ver": 1}
        head = {**keys.head_key(shop, sku), "shop": shop, "sku": sku, "shards": 1, "restocks": 0}
        for item in (level, head):
            try:
                self._table.put(item, NOT_THERE)
            except ConditionFailed:
                continue  # it is there already

    def level(self, key: LevelKey) -> Level | None:
        item = self._table.get(keys.level_key(key))
        return _level(key, item) if item else None

    def levels(self, shop: str, skus: Sequence[str]) -> dict[str, Level]:
        wanted = {keys.level_key(LevelKey(shop=shop, sku=sku))["pk"]: LevelKey(shop=shop, sku=sku) for sku in skus}
        items = self._table.batch_get([keys.level_key(key) for key in wanted.values()])
        return {wanted[item["pk"]].sku: _level(wanted[item["pk"]], item) for item in items}

    def take(self, key: LevelKey, name: str, entry: Entry) -> None:
        change = Expression(
            "SET #avail = #avail - :quantity, #lk.#name = :entry, #ver = #ver + :one",
            {**_LOCKED, "#name": name},
            {":quantity": entry.quantity, ":entry": _wire(entry), ":one": 1},
        )
        try:
            self._table.update(keys.level_key(key), change, Expression(f"{ENOUGH_LEFT} AND {NOT_TAKEN_YET}"), returns="NONE")
        except ConditionFailed as refusal:
            if refusal.item is None:
                raise UnknownStock from refusal
            raise NotTaken(_level(key, refusal.item)) from refusal

    def reclaim_and_take(self, seen: Level, freed: Mapping[str, Entry], name: str, entry: Entry) -> None:
        gone = {f"#f{i}": old for i, old in enumerate(freed)}
        back = sum(old.quantity for old in freed.values())
        same = [f"#lk.#f{i} = :f{i}" for i in range(len(freed))]
        removed = " REMOVE " + ", ".join(f"#lk.{alias}" for alias in gone) if gone else ""
        change = Expression(
            "SET #avail = #avail + :delta, #lk.#name = :entry, #ver = #ver + :one" + removed,
            {**_LOCKED, "#name": name, **gone},
            {
                ":delta": back - entry.quantity,
                ":entry": _wire(entry),
                ":one": 1,
                ":needed": entry.quantity - back,
                **{f":f{i}": _wire(old) for i, old in enumerate(freed.values())},
            },
        )
        unchanged = Expression(" AND ".join(["#avail >= :needed", NOT_TAKEN_YET, *same]))
        try:
            self._table.update(keys.level_key(seen.key), change, unchanged, returns="NONE")
        except ConditionFailed as refusal:
            raise LevelMoved from refusal

    def give_back(self, key: LevelKey, name: str, entry: Entry) -> bool:
        change = Expression(
            "SET #avail = #avail + :quantity, #ver = #ver + :one REMOVE #lk.#name",
            {**_LOCKED, "#name": name},
            {":quantity": entry.quantity, ":one": 1, ":entry": _wire(entry)},
        )
        try:
            self._table.update(keys.level_key(key), change, Expression(SAME_ENTRY), returns="NONE")
        except ConditionFailed:
            return False
        return True

    def extend_write(self, key: LevelKey, name: str, before: Entry, until: datetime) -> Write:
        change = Expression(
            "SET #lk.#name = :after, #ver = #ver + :one",
            {"#lk": "lk", "#ver": "ver", "#name": name},
            {":after": [before.quantity, epoch_ms(until)], ":one": 1, ":entry": _wire(before)},
        )
        return self._table.update_write(keys.level_key(key), change, Expression(SAME_ENTRY), _hold_lost())

    def confirm_write(self, key: LevelKey, name: str, quantity: int) -> Write:
        change = Expression(
            "SET #on_hand = #on_hand - :quantity, #ver = #ver + :one REMOVE #lk.#name",
            {"#on_hand": "on_hand", "#ver": "ver", "#lk": "lk", "#name": name},
            {":quantity": quantity, ":one": 1},
        )
        return self._table.update_write(keys.level_key(key), change, Expression(STILL_HELD), _hold_lost())

    def sell_write(self, key: LevelKey, quantity: int) -> Write:
        change = Expression(
            "SET #avail = #avail - :quantity, #on_hand = #on_hand - :quantity, #ver = #ver + :one",
            {"#avail": "avail", "#on_hand": "on_hand", "#ver": "ver"},
            {":quantity": quantity, ":one": 1},
        )
        refusal = InsufficientStock("Not enough is left.", lines=[{"sku": key.sku, "requested": quantity}])
        return self._table.update_write(keys.level_key(key), change, Expression(ENOUGH_LEFT), refusal)

    def receive_writes(self, key: LevelKey, quantity: int) -> list[Write]:
        """Guarded against repetition by the movement in the same transaction."""
        level = Expression(
            "SET #avail = #avail + :quantity, #on_hand = #on_hand + :quantity, #ver = #ver + :one",
            {"#avail": "avail", "#on_hand": "on_hand", "#ver": "ver"},
            {":quantity": quantity, ":one": 1},
        )
        return [
            self._table.update_write(keys.level_key(key), level, THERE, UnknownStock()),
            self._table.update_write(keys.head_key(key.shop, key.sku), ONE_RESTOCK_MORE, THERE, UnknownStock()),
        ]

    def announce(self, shop: str, sku: str) -> None:
        try:
            self._table.update(keys.head_key(shop, sku), ONE_RESTOCK_MORE, THERE, returns="NONE")
        except ConditionFailed:
            return  # a SKU that never was: nobody waits for it

    def movement_write(self, movement: Movement) -> Write:
        item = {**keys.movement_key(movement.shop, movement.sku, movement.id), **record(movement)}
        return self._table.put_write(item, NOT_THERE, VersionConflict("This movement is in the ledger already."))

    def movement(self, shop: str, sku: str, movement: str) -> Movement | None:
        item = self._table.get(keys.movement_key(shop, sku, movement))
        return Movement.model_validate(item) if item else None


class DynamoLocks:
    def __init__(self, table: Table) -> None:
        self._table = table

    def claim(self, lock: Lock) -> Lock | None:
        try:
            self._table.put(_lock_item(lock), NOT_THERE)
        except ConditionFailed as taken:
            standing = Lock.model_validate(taken.item)
            return None if standing == lock else standing  # equal: botocore delivered our own claim twice
        return None

    def renew(self, lock: Lock, seen: Lock) -> bool:
        unchanged = Expression("#claimed = :seen", {"#claimed": "claimed_at"}, {":seen": rfc3339(seen.claimed_at)})
        try:
            self._table.put(_lock_item(lock), unchanged)
        except ConditionFailed as lost:
            return lost.item is not None and Lock.model_validate(lost.item) == lock
        return True

    def get(self, shop: str, lock: str) -> Lock | None:
        item = self._table.get(keys.lock_key(shop, lock))
        return Lock.model_validate(item) if item else None

    def forget(self, lock: Lock) -> None:
        self._table.delete(keys.lock_key(lock.shop, lock.id))

    def forget_write(self, shop: str, lock: str) -> Write:
        return self._table.delete_write(keys.lock_key(shop, lock), None, _hold_lost())

    def extend_write(self, lock: Lock, until: datetime) -> Write:
        extended = lock.model_copy(update={"expires_at": until, "extended": True})
        once = Expression("#extended = :no", {"#extended": "extended"}, {":no": False})
        return self._table.put_write(_lock_item(extended), once, HoldAlreadyExtended("A hold can be extended once."))

    def dead(self, shop: str, before: datetime) -> Iterator[Lock]:
        """The index lags a little: what it shows is looked at again before it is acted on."""
        return map(Lock.model_validate, self._between(shop, "0", rfc3339(before)))

    def page(self, shop: str, limit: int, after: str) -> tuple[list[Lock], str | None]:
        items = list(islice(self._between(shop, after + "\x00", "9"), limit))
        return [Lock.model_validate(item) for item in items], items[-1]["xsk"] if len(items) == limit else None

    def _between(self, shop: str, low: str, high: str) -> Iterator[Item]:
        """Merged over the buckets of the index, by expiry."""
        buckets = [self._bucket(keys.lock_bucket(shop, bucket), low, high) for bucket in range(keys.LOCK_BUCKETS)]
        return heapq.merge(*buckets, key=lambda item: str(item["xsk"]))

    def _bucket(self, bucket: str, low: str, high: str) -> Iterator[Item]:
        between = Expression(
            "#xpk = :xpk AND #xsk BETWEEN :low AND :high",
            {"#xpk": "xpk", "#xsk": "xsk"},
            {":xpk": bucket, ":low": low, ":high": high},
        )
        return self._table.query_all(between, index=keys.LOCKS_BY_EXPIRY)


class DynamoStock:
    """The stock context's store."""

    def __init__(self, stock: Table, locks: Table, commit: Commit) -> None:
        self.levels = DynamoLevels(stock)
        self.locks = DynamoLocks(locks)
        self.commit = commit


def _level(key: LevelKey, item: Item) -> Level:
    entries = {name: Entry(quantity=quantity, expires_at=from_epoch_ms(millis)) for name, (quantity, millis) in item["lk"].items()}
    return Level(key=key, on_hand=item["on_hand"], available=item["avail"], entries=entries, version=item["ver"])


def _wire(entry: Entry) -> list[Any]:
    """Two numbers: every live lock is paid for in every write of its item."""
    return [entry.quantity, epoch_ms(entry.expires_at)]


def _lock_item(lock: Lock) -> Item:
    return {**keys.lock_key(lock.shop, lock.id), **keys.lock_index(lock), "ttl": epoch(lock.expires_at + LOCK_KEPT), **record(lock)}


def _hold_lost() -> HoldLost:
    return HoldLost("The hold has run out, and its units with it.")
