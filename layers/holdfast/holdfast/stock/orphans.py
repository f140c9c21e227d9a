"""What lost its other half: locks, entries and orders that belong together and do not. Found, and repaired through the same conditions
by which buyers' own steps go.

Nothing that somebody may still rely on is touched: what was promised until an instant is repaired after it (`due`), and what may
only be half-way is left alone until no request can live any more.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Protocol

from holdfast.kernel.errors import HoldfastError
from holdfast.kernel.ids import entry_id
from holdfast.kernel.model import Model
from holdfast.kernel.time import Instant
from holdfast.stock import releasing, shelves
from holdfast.stock.errors import UnknownStock
from holdfast.stock.model import PROMISES, SAFETY, Entry, Level, LevelKey, Lock, is_pool
from holdfast.stock.ports import Locks, StockStore

SAFE_AGE = timedelta(minutes=2)
"""A checkout is half-way no longer than that: no function that places orders or takes payments runs for more than a minute."""
LONGEST = timedelta(hours=48)
"""No hold lasts longer: a day at most, and extended once. What says that it does was not made by a checkout."""
LOOK_BACK = timedelta(hours=72)
"""Orders of so long ago are looked at: longer than any hold lasts."""
MOST = 10_000
"""Locks, and orders, that one run looks at."""
LOCK_WITHOUT_ORDER = "lock_without_order"
ORDER_WITHOUT_LOCK = "order_without_lock"
ENTRY_WITHOUT_DOCUMENT = "entry_without_document"
DOCUMENT_WITHOUT_ENTRY = "document_without_entry"


class Holder(Model):
    """An order, as far as its hold goes. `open`: its money may still come; `pending`: nothing but its hold keeps it alive."""

    order: str
    lock: str | None
    expires_at: Instant | None
    open: bool
    pending: bool


class OrderBook(releasing.OrderBook, Protocol):
    """The orders context, as far as orphans need it."""

    def holder(self, shop: str, order: str) -> Holder | None: ...

    def holders(self, shop: str, since: datetime) -> Iterator[Holder]:
        """Orders that were placed after that instant, newest first."""
        ...


class Orphan(Model):
    """`due`: from when on a repair can harm nobody. `expires_at` and `quantity` are what was seen, and a condition of the repair."""

    kind: str
    shop: str
    lock: str | None = None
    order: str | None = None
    sku: str | None = None
    part: str | None = None
    entry: str | None = None
    quantity: int | None = None
    expires_at: Instant | None = None
    due: Instant


class Repaired(Model):
    """`done`: this very orphan was put right; `units` of goods came free. `refusal`: why not, else it was no orphan any more."""

    orphan: Orphan
    done: bool
    units: int = 0
    refusal: str | None = None


class Report(Model):
    """`complete`: everything was looked at. `repaired` is empty on a dry run."""

    at: Instant
    dry_run: bool
    orphans: tuple[Orphan, ...]
    repaired: tuple[Repaired, ...]
    locks: int
    orders: int
    complete: bool


@dataclass(frozen=True)
class World:
    """What orphans are looked for in. `grace` covers clocks that differ."""

    store: StockStore
    orders: OrderBook
    grace: timedelta
    now: datetime


@dataclass
class Sight:
    """What was read, in this order: an entry is written after its document, and an order after its entries."""

    levels: Mapping[LevelKey, Level]
    locks: Mapping[str, Lock] = field(default_factory=dict)
    holders: Mapping[str, Holder] = field(default_factory=dict)
    complete: bool = True


def find_orphans(
    shop: str, skus: Sequence[str], *, store: StockStore, orders: OrderBook, grace: timedelta, now: datetime, dry_run: bool = True
) -> Report:
    """Every lock and recent order of the shop, and the entries of these SKUs. Without `dry_run` what is due is repaired. UnknownStock."""
    world = World(store, orders, grace, now)
    sight = _look(shop, skus, world)
    orphans = tuple(_orphans(shop, sight, world))
    due = [] if dry_run else [orphan for orphan in orphans if orphan.due <= now]
    return Report(
        at=now,
        dry_run=dry_run,
        orphans=orphans,
        repaired=tuple(repair(orphan, world=world) for orphan in due),
        locks=len(sight.locks),
        orders=len(sight.holders),
        complete=sight.complete,
    )


def repair(orphan: Orphan, *, world: World) -> Repaired:
    """Put one right, if it still is what was seen and is due; safe to repeat, also beside a checkout."""
    if world.now < orphan.due:
        return Repaired(orphan=orphan, done=False, refusal="not_due")
    try:
        done, units = _REPAIRS[orphan.kind](orphan, world)
    except HoldfastError as refusal:
        return Repaired(orphan=orphan, done=False, refusal=refusal.code)
    return Repaired(orphan=orphan, done=done, units=units)


def standing_locks(shop: str, locks: Locks, most: int = MOST) -> tuple[dict[str, Lock], bool]:
    """The shop's locks by their ids, without those that were sold; and whether these are all. The index may lag by a moment."""
    found: dict[str, Lock] = {}
    after: str | None = ""
    while after is not None and len(found) < most:
        page, after = locks.page(shop, 100, after)
        found |= {lock.id: lock for lock in page}
    return found, after is None


def strays(levels: Mapping[LevelKey, Level], locks: Mapping[str, Lock]) -> Iterator[tuple[LevelKey, str, Entry]]:
    """Entries that no lock document knows of."""
    known = {entry_id(lock) for lock in locks}
    for key, level in levels.items():
        yield from ((key, name, entry) for name, entry in level.entries.items() if name != SAFETY and name not in known)


def _look(shop: str, skus: Sequence[str], world: World) -> Sight:
    shelf = shelves.look_at(shop, dict.fromkeys(skus, 1), levels=world.store.levels)
    if missing := [sku for sku in skus if sku not in shelf]:
        raise UnknownStock(f"There is no such SKU: {missing[0]}.")
    pools = world.store.levels.levels([LevelKey(shop=shop, sku=sku, part=PROMISES) for sku in skus])
    sight = Sight({key: level for _, parts in shelf.values() for key, level in parts.items()} | pools)
    sight.locks, all_locks = standing_locks(shop, world.store.locks)
    recent = list(islice(world.orders.holders(shop, world.now - LOOK_BACK), MOST + 1))
    sight.holders = {holder.order: holder for holder in recent[:MOST]}
    sight.complete = all_locks and len(recent) <= MOST
    return sight


def _orphans(shop: str, sight: Sight, world: World) -> Iterator[Orphan]:
    for key, name, entry in strays(sight.levels, sight.locks) if sight.complete else ():
        yield _stray(key, name, entry, world)
    for seen in sight.locks.values():
        if not seen.dead(world.now, world.grace) and world.now >= seen.claimed_at + SAFE_AGE:
            yield from _of_lock(seen, sight, world)
    for holder in sight.holders.values():
        if holder.pending and holder.lock is not None and not _is_held(shop, holder, holder.lock, sight, world):
            expires_at = holder.expires_at or world.now
            due = expires_at + world.grace
            yield Orphan(kind=ORDER_WITHOUT_LOCK, shop=shop, order=holder.order, lock=holder.lock, expires_at=expires_at, due=due)


def _stray(key: LevelKey, name: str, entry: Entry, world: World) -> Orphan:
    """Due when its time is over, as for any buyer; at once when it is no checkout's: none lasts so long."""
    due = entry.expires_at + world.grace
    if entry.expires_at > world.now + LONGEST + world.grace:
        due = world.now
    where = {"shop": key.shop, "sku": key.sku, "part": key.part, "entry": name}
    return Orphan(kind=ENTRY_WITHOUT_DOCUMENT, **where, quantity=entry.quantity, expires_at=entry.expires_at, due=due)


def _of_lock(seen: Lock, sight: Sight, world: World) -> Iterator[Orphan]:
    """A lock that no order needs; or one that is needed, and whose units are gone. The index may lag, so the document is read again."""
    needed, suspected = _needed(seen, sight, world), _missing(seen, sight.levels)
    if needed is not None and not suspected:
        return
    standing = world.store.locks.get(seen.shop, seen.id)
    if standing is None or standing.sale is not None or standing.claim != seen.claim or standing.expires_at != seen.expires_at:
        return  # released, sold, extended or claimed anew meanwhile
    about = {"shop": seen.shop, "lock": seen.id, "order": seen.order, "expires_at": seen.expires_at}
    if needed is None:
        yield Orphan(kind=LOCK_WITHOUT_ORDER, **about, due=seen.claimed_at + SAFE_AGE)
    for key, quantity in _missing(seen, world.store.levels.levels(list(suspected))).items() if needed else ():
        where = {"sku": key.sku, "part": key.part, "entry": entry_id(seen.id), "quantity": quantity}
        yield Orphan(kind=DOCUMENT_WITHOUT_ENTRY, **about, **where, due=seen.expires_at + world.grace)


def _needed(lock: Lock, sight: Sight, world: World) -> str | None:
    """The order that the lock is held for, or that an unfinished try of the same checkout has not ended yet."""
    for order in filter(None, (lock.order, lock.replaced)):
        holder = sight.holders.get(order)
        if holder is None or not holder.open:
            holder = world.orders.holder(lock.shop, order)
        if holder is not None and holder.open and holder.lock == lock.id:
            return order
    return None


def _missing(lock: Lock, levels: Mapping[LevelKey, Level]) -> dict[LevelKey, int]:
    """Units that the document names in these parts and no entry has."""
    named = {LevelKey(shop=lock.shop, sku=line.sku, part=part.part): part.quantity for line in lock.lines for part in line.parts}
    entries = {key: levels[key].entries.get(entry_id(lock.id)) for key in named if key in levels}
    held = {key: entry.quantity if entry and entry.expires_at == lock.expires_at else 0 for key, entry in entries.items()}
    return {key: named[key] - units for key, units in held.items() if units < named[key]}


def _is_held(shop: str, holder: Holder, lock: str, sight: Sight, world: World) -> bool:
    """Also when it was sold, or another try of the checkout has it and will end this order."""
    seen = sight.locks.get(lock)
    if seen is None or holder.order not in (seen.order, seen.replaced):
        seen = world.store.locks.get(shop, lock)
    return seen is not None and holder.order in (seen.order, seen.replaced)


def _free_lock(orphan: Orphan, world: World) -> tuple[bool, int]:
    """The document first: whoever comes back to this checkout then begins anew, and takes its entries over under a later expiry.

    So only entries of the expiry that was seen are given back, and a try that renewed the document in time keeps everything.
    """
    shop, store = orphan.shop, world.store
    standing = store.locks.get(shop, orphan.lock or "")
    if standing is None or standing.sale is not None or standing.expires_at != orphan.expires_at:
        return False, 0
    if world.now < standing.claimed_at + SAFE_AGE or _needed(standing, Sight({}), world) is not None:
        return False, 0
    store.locks.forget(standing)
    if store.locks.get(shop, standing.id) is not None:
        return False, 0
    freed = 0
    for line in standing.lines:
        units = sum(_give_back(LevelKey(shop=shop, sku=line.sku, part=part.part), standing, store) for part in line.parts)
        if units:
            store.levels.announce(shop, line.sku)
        freed += units
    return True, freed


def _give_back(key: LevelKey, lock: Lock, store: StockStore) -> int:
    level, name = store.levels.level(key), entry_id(lock.id)
    entry = level.entries.get(name) if level else None
    if entry is None or entry.expires_at != lock.expires_at or not store.levels.give_back(key, name, entry):
        return 0
    return 0 if is_pool(key.part) else entry.quantity


def _end_order(orphan: Orphan, world: World) -> tuple[bool, int]:
    """As the sweep does with an order whose hold ran out; nothing happens to one that got its money."""
    order = orphan.order or ""
    holder = world.orders.holder(orphan.shop, order)
    if holder is None or not holder.pending or holder.expires_at != orphan.expires_at:
        return False, 0
    if _is_held(orphan.shop, holder, orphan.lock or "", Sight({}), world):
        return False, 0
    world.orders.expire(orphan.shop, order, world.now)
    return True, 0


def _free_entry(orphan: Orphan, world: World) -> tuple[bool, int]:
    key = LevelKey(shop=orphan.shop, sku=orphan.sku or "", part=orphan.part or "")
    if orphan.quantity is None or orphan.expires_at is None:
        return False, 0
    entry = Entry(quantity=orphan.quantity, expires_at=orphan.expires_at)
    if not world.store.levels.give_back(key, orphan.entry or "", entry):
        return False, 0
    if is_pool(key.part):
        return True, 0
    world.store.levels.announce(key.shop, key.sku)
    return True, entry.quantity


def _end_hold(orphan: Orphan, world: World) -> tuple[bool, int]:
    """Its time is over: what is left of it goes the way of every dead hold, and its order ends."""
    standing = world.store.locks.get(orphan.shop, orphan.lock or "")
    if standing is None or standing.sale is not None or standing.expires_at != orphan.expires_at:
        return False, 0
    return True, releasing.expire_lock(standing, store=world.store, orders=world.orders, grace=world.grace, now=world.now)


_REPAIRS = {
    LOCK_WITHOUT_ORDER: _free_lock,
    ORDER_WITHOUT_LOCK: _end_order,
    ENTRY_WITHOUT_DOCUMENT: _free_entry,
    DOCUMENT_WITHOUT_ENTRY: _end_hold,
}
