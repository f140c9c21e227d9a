"""Giving held stock back: by the shopper, by staff, by the sweep, by TTL. All through one release that may be repeated."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from holdfast.kernel.errors import UnavailableError
from holdfast.kernel.ids import entry_id
from holdfast.stock.errors import UnknownHold
from holdfast.stock.model import Entry, LevelKey, Lock, LockLine, Part, is_pool
from holdfast.stock.ports import Levels, StockStore

ATTEMPTS = 8
Dead = tuple[datetime, timedelta]
"""An instant, and the grace for clocks that differ."""


def release(shop: str, lock: str, *, store: StockStore, order: str | None = None) -> int:
    """Give everything back that the lock still holds; the number of units. `order`: only if it is held for that one.

    UnknownHold when there is no such lock, or it was sold.
    """
    standing = store.locks.get(shop, lock)
    if standing is None or standing.sale is not None or order not in (None, standing.order):
        raise UnknownHold
    return release_lock(standing, store=store)


def release_lock(lock: Lock, *, store: StockStore) -> int:
    """As release, for a document at hand. Safe to repeat, and after the document is gone.

    Who paid and waits is told of its units, as of a restock, also when they came free before: a buyer who took the dead entry over
    may have needed but a part of it. The document goes last: after a crash the sweep tells.
    """
    freed = sum(_release_line(lock, line, store) for line in lock.lines)
    for line in lock.lines:
        if line.taken:
            store.levels.announce(lock.shop, line.sku)
    store.locks.forget(lock)
    return freed


def release_units(lock: Lock, *, store: StockStore) -> int:
    """Give back what was taken; the document stays. Who waits is told of what came free."""
    freed = {line.sku: _release_line(lock, line, store) for line in lock.lines}
    for sku in [sku for sku, units in freed.items() if units]:
        store.levels.announce(lock.shop, sku)
    return sum(freed.values())


def held_units(lock: Lock, *, levels: Levels) -> int:
    """Units of goods that stand under the lock at this moment."""
    keys = [LevelKey(shop=lock.shop, sku=line.sku, part=part.part) for line in lock.lines for part in line.parts if not is_pool(part.part)]
    name = entry_id(lock.id)
    return sum(level.entries[name].quantity for level in levels.levels(keys).values() if name in level.entries)


def _of_a_later_try(entry: Entry, lock: Lock, store: StockStore) -> bool:
    """Later tries outlive earlier ones; and so does what was extended since, under the same claim."""
    if entry.expires_at <= lock.expires_at:
        return False
    standing = store.locks.get(lock.shop, lock.id)
    return standing is not None and standing.claim != lock.claim


class OrderBook(Protocol):
    """The orders context, as far as the sweep needs it."""

    def expire(self, shop: str, order: str, now: datetime) -> None:
        """The hold ran out: an order that was never paid ends. Any other order is left alone."""
        ...


def plan_sweep(shops: Iterable[str], *, store: StockStore, grace: timedelta, now: datetime) -> Iterator[Lock]:
    """Every lock whose time is over, shop by shop, oldest first."""
    for shop in shops:
        yield from store.locks.dead(shop, before=now - grace)


def expire_lock(lock: Lock, *, store: StockStore, orders: OrderBook, grace: timedelta, now: datetime) -> int:
    """What sweep, TTL and stream all do with a dead lock; the number of units that came free.

    The document goes last: a crash before leaves it to the next sweep. A lock that was extended, sold or claimed anew since is
    left alone. Its units are told of whether they came free now or before (by a crash, by a buyer who took a part of them).
    """
    standing = store.locks.get(lock.shop, lock.id) or lock
    if standing.sale is not None or not standing.dead(now, grace):
        return 0
    freed = sum(_release_line(standing, line, store, dead=(now, grace)) for line in standing.lines)
    for order in filter(None, (standing.order, standing.replaced)):
        orders.expire(standing.shop, order, now)
    for line in standing.lines:
        store.levels.announce(standing.shop, line.sku)
    store.locks.forget(standing)
    return freed


def give_back_all(lock: Lock, sku: str, parts: Sequence[str], *, store: StockStore, dead: Dead | None = None) -> int:
    """Whatever stands under the lock's name in these parts, but for what a later try took; the number of units of goods that came free."""
    if not parts:
        return 0
    name, freed = entry_id(lock.id), 0
    levels = store.levels.levels([LevelKey(shop=lock.shop, sku=sku, part=part) for part in parts])
    for key, level in levels.items():
        entry = level.entries.get(name)
        ours = entry is not None and entry.expires_at <= lock.expires_at and (dead is None or entry.expired(*dead))
        if entry is not None and ours and store.levels.give_back(key, name, entry):
            freed += 0 if is_pool(key.part) else entry.quantity
    return freed


def _release_line(lock: Lock, line: LockLine, store: StockStore, *, dead: Dead | None = None) -> int:
    """A line's units, where its document says that they lie; and what a late delivery may have taken where it was tried."""
    freed = sum(_give_back(lock, line, part, store, dead) for part in line.parts if part.quantity)
    return freed + give_back_all(lock, line.sku, [part.part for part in line.parts if not part.quantity], store=store, dead=dead)


def _give_back(lock: Lock, line: LockLine, part: Part, store: StockStore, dead: Dead | None) -> int:
    """Units that came free: 0 when the entry is gone (sold, reclaimed, given back before) or a later try's. `dead`: only if expired."""
    key, name = LevelKey(shop=lock.shop, sku=line.sku, part=part.part), entry_id(lock.id)
    guess = Entry(quantity=part.quantity, expires_at=lock.expires_at)
    for _ in range(ATTEMPTS):
        if store.levels.give_back(key, name, guess):
            return 0 if is_pool(key.part) else guess.quantity
        level = store.levels.level(key)
        entry = level.entries.get(name) if level else None
        if entry is None or (dead is not None and not entry.expired(*dead)) or _of_a_later_try(entry, lock, store):
            return 0
        guess = entry
    raise UnavailableError("The hold keeps changing.")
