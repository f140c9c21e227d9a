"""The documents of the stock context: locks, and the ledger."""

import heapq
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice

from holdfast.kernel.errors import HoldfastError, VersionConflict
from holdfast.kernel.time import epoch, epoch_ms, rfc3339
from holdfast.kernel.writes import Write
from holdfast.platform.dynamo import NOT_THERE, ConditionFailed, Expression, Item, Table, record, rows
from holdfast.stock import keys
from holdfast.stock.errors import HoldAlreadyExtended, HoldLost, LedgerMoved
from holdfast.stock.model import Level, Lock, Movement, Sale

# The document is the try's that was seen, and was not sealed with its sale.
SAME_CLAIM = "#claim = :seen AND attribute_not_exists(#sale)"
# The level is what was seen, to the last digit: who edits items by hand does not count versions.
SAME_IMAGE = "#ver = :ver AND #avail = :was_available AND #on_hand = :was_on_hand AND #lk = :entries"
# A hold is extended once.
NOT_EXTENDED = "#extended = :no"

_CLAIM = {"#claim": "claim", "#sale": "sale"}

LOCK_KEPT = timedelta(hours=1)
"""TTL of a lock document after its expiry. The sweep is far quicker; TTL and its stream event are the net below it."""


class DynamoLocks:
    def __init__(self, table: Table) -> None:
        self._table = table

    def claim(self, lock: Lock) -> Lock | None:
        try:
            self._table.put(_live(lock), NOT_THERE)
        except ConditionFailed as taken:
            standing = Lock.model_validate(taken.item)
            return None if standing == lock else standing  # equal: our own claim was delivered twice
        return None

    def renew(self, lock: Lock, seen: Lock) -> bool:
        try:
            self._table.put(_live(lock), Expression(SAME_CLAIM, _CLAIM, {":seen": seen.claim}))
        except ConditionFailed as lost:
            return lost.item is not None and Lock.model_validate(lost.item) == lock
        return True

    def get(self, shop: str, lock: str) -> Lock | None:
        item = self._table.get(keys.lock_key(shop, lock))
        return Lock.model_validate(item) if item else None

    def forget(self, lock: Lock) -> None:
        try:
            self._table.delete(keys.lock_key(lock.shop, lock.id), Expression(SAME_CLAIM, _CLAIM, {":seen": lock.claim}))
        except ConditionFailed:
            return  # gone, sold, or another try's by now

    def seal_write(self, lock: Lock, sale: Sale) -> Write:
        """It leaves the index of holds, and has no time to live: what was sold is kept."""
        sealed = {**keys.lock_key(lock.shop, lock.id), **_lock(lock.sealed(sale))}
        lost = HoldLost("The hold was given back.")
        return self._table.put_write(sealed, Expression(SAME_CLAIM, _CLAIM, {":seen": lock.claim}), lost)

    def extend_write(self, lock: Lock, until: datetime) -> Write:
        extended = lock.model_copy(update={"expires_at": until, "extended": True})
        once = Expression(f"{SAME_CLAIM} AND {NOT_EXTENDED}", {**_CLAIM, "#extended": "extended"}, {":seen": lock.claim, ":no": False})

        def refusal(item: Item | None) -> HoldfastError:
            if item is not None and item["extended"]:
                return HoldAlreadyExtended("A hold can be extended once.")
            return HoldLost("The hold was given back.")

        return self._table.put_write(_live(extended), once, refusal)

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


class DynamoLedger:
    """Documents of their own in the stock table; sealed locks are the documents of their sales."""

    def __init__(self, stock: Table, locks: Table) -> None:
        self._stock, self._locks = stock, locks

    def movement(self, shop: str, movement: str) -> Movement | None:
        return self.movements(shop, [movement]).get(movement)

    def movements(self, shop: str, movements: Sequence[str]) -> dict[str, Movement]:
        sealed = [keys.lock_key(shop, name) for name in movements if name.startswith("lck_")]
        others = [keys.movement_key(shop, name) for name in movements if not name.startswith("lck_")]
        sales = [Lock.model_validate(item).movement() for item in self._locks.batch_get(sealed)]
        found = [*(Movement.model_validate(item) for item in self._stock.batch_get(others)), *(sale for sale in sales if sale)]
        return {movement.id: movement for movement in found}

    def movement_write(self, movement: Movement) -> Write:
        item = {**keys.movement_key(movement.shop, movement.id), **record(movement)}
        return self._stock.put_write(item, NOT_THERE, VersionConflict("This movement is in the ledger already."))

    def mend_write(self, seen: Level, *, on_hand: int, available: int, document: str) -> Write:
        change = Expression(
            "SET #avail = :available, #on_hand = :on_hand, #last = :document, #ver = #ver + :one",
            {"#avail": "avail", "#on_hand": "on_hand", "#last": "last", "#ver": "ver", "#lk": "lk"},
            {":available": available, ":on_hand": on_hand, ":document": document, ":one": 1},
        )
        entries = {name: [entry.quantity, epoch_ms(entry.expires_at)] for name, entry in seen.entries.items()}
        was = {":ver": seen.version, ":was_available": seen.available, ":was_on_hand": seen.on_hand, ":entries": entries}
        last = " AND #last = :last" if seen.last else " AND attribute_not_exists(#last)"
        same = Expression(SAME_IMAGE + last, {}, {**was, **({":last": seen.last} if seen.last else {})})
        return self._stock.update_write(keys.level_key(seen.key), change, same, LedgerMoved("The stock was changed meanwhile. Try again."))


def _live(lock: Lock) -> Item:
    return {**keys.lock_key(lock.shop, lock.id), **keys.lock_index(lock), "ttl": epoch(lock.expires_at + LOCK_KEPT), **_lock(lock)}


def _lock(lock: Lock) -> Item:
    return {**record(lock), "lines": rows(lock.lines)}
