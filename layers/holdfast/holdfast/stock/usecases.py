"""Holding stock, giving it back, extending it, and receiving more. No clock, no store of its own: the world comes by keyword."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from holdfast.kernel.errors import IdempotencyKeyInFlight, IdempotencyKeyReused, UnavailableError, VersionConflict
from holdfast.kernel.ids import entry_id, new_id
from holdfast.kernel.model import Model
from holdfast.kernel.time import Instant
from holdfast.kernel.writes import Write
from holdfast.stock.errors import HoldAlreadyExtended, HoldLost, InsufficientStock, LevelMoved, NotTaken, UnknownHold, UnknownStock
from holdfast.stock.model import Entry, Level, LevelKey, Line, Lock, Movement, Reason, Summary
from holdfast.stock.ports import Levels, StockStore

CLAIM_LEASE = timedelta(seconds=10)
"""How long a first try may take before a second one under the same key may go on in its place."""
RECLAIMED_AT_ONCE = 40
"""Expired entries that one write frees at most: an expression has an end."""
TAKE_ATTEMPTS = 8


class Hold(Model):
    """Take these lines for an order, all or none (a line that is `partial` may get fewer).

    `fingerprint` is the request's: the same lock asked for other things is refused. `replaces` is an earlier lock of the
    same shopper, whose units this one may use.
    """

    shop: str
    lock: str
    order: str
    lines: tuple[Line, ...]
    expires_at: Instant
    fingerprint: str
    replaces: str | None = None


class Held(Model):
    """What was taken per SKU, and until when."""

    lock: str
    quantities: Mapping[str, int]
    expires_at: Instant


def hold(command: Hold, *, store: StockStore, grace: timedelta, now: datetime) -> Held:
    """Intent first, then the units, in order of SKU so that two carts cannot wait for each other.

    InsufficientStock with every short line, and everything given back; IdempotencyKeyInFlight, IdempotencyKeyReused.
    """
    lock = _claim(command, store=store, now=now)
    try:
        quantities = {line.sku: _take(line, lock, command, levels=store.levels, grace=grace, now=now) for line in by_sku(lock.lines)}
    except (InsufficientStock, UnavailableError, UnknownStock) as refusal:
        release_lock(lock, store=store)
        raise _every_short_line(refusal, lock, store=store, grace=grace, now=now) from refusal
    return Held(lock=lock.id, quantities=quantities, expires_at=lock.expires_at)


def release(shop: str, lock: str, *, store: StockStore) -> int:
    """Give everything back that the lock still holds; the number of units. UnknownHold when there is no such lock."""
    standing = store.locks.get(shop, lock)
    if standing is None:
        raise UnknownHold
    return release_lock(standing, store=store)


def release_lock(lock: Lock, *, store: StockStore) -> int:
    """As release, for a document at hand. Safe to repeat, and after the document is gone.

    Who paid and waits is told of units that came free, as of a restock. The document goes last: after a crash the sweep tells.
    """
    freed = {line.sku: _give_back(lock, line, levels=store.levels) for line in lock.lines}
    for sku in [sku for sku, units in freed.items() if units]:
        store.levels.announce(lock.shop, sku)
    store.locks.forget(lock)
    return sum(freed.values())


def held_units(lock: Lock, *, levels: Levels) -> int:
    """Units that stand under the lock at this moment."""
    found = [levels.level(LevelKey(shop=lock.shop, sku=line.sku)) for line in lock.lines]
    name = entry_id(lock.id)
    return sum(level.entries[name].quantity for level in found if level is not None and name in level.entries)


def confirm_writes(lock: str, quantities: Mapping[str, int], *, shop: str, order: str, store: StockStore, now: datetime) -> list[Write]:
    """The held units become sales, each with its ledger movement. Refusal of the writes: HoldLost."""
    writes: list[Write] = []
    for sku, quantity in sorted(quantities.items()):
        if quantity:
            key = LevelKey(shop=shop, sku=sku)
            writes += [
                store.levels.confirm_write(key, entry_id(lock), quantity),
                store.levels.movement_write(_sale(key, quantity, order=order, wave="hold", now=now)),
            ]
    return [*writes, store.locks.forget_write(shop, lock)]


def sell_writes(shop: str, sku: str, quantity: int, *, order: str, wave: str, levels: Levels, now: datetime) -> list[Write]:
    """Free units become a sale at once, for an order that waited. `wave` names this hand-out within the order."""
    key = LevelKey(shop=shop, sku=sku)
    movement = _sale(key, quantity, order=order, wave=wave, now=now)
    return [levels.sell_write(key, quantity), levels.movement_write(movement)]


def extend_writes(shop: str, lock: str, *, until: datetime, store: StockStore, now: datetime) -> list[Write]:
    """The hold lasts until `until`, once. HoldLost when it ran out, also as refusal of the writes; HoldAlreadyExtended."""
    standing = store.locks.get(shop, lock)
    if standing is None or now >= standing.expires_at:
        raise HoldLost("The hold has run out. Place the order again to hold the stock anew.")
    if standing.extended:
        raise HoldAlreadyExtended("A hold can be extended once.")
    writes = [store.locks.extend_write(standing, until)]
    for line in standing.lines:
        key = LevelKey(shop=shop, sku=line.sku)
        level = store.levels.level(key)
        entry = level.entries.get(entry_id(lock)) if level else None
        if entry is not None:
            writes.append(store.levels.extend_write(key, entry_id(lock), entry, until))
        elif not line.partial:
            raise HoldLost("The hold has run out. Place the order again to hold the stock anew.")
    return writes


class Receive(Model):
    """Units come in. `movement` is the identity of the change: the same again changes nothing."""

    shop: str
    sku: str
    quantity: int
    movement: str
    reason: Reason = Reason.RESTOCK
    actor: str
    document: str | None = None
    note: str | None = None


def receive(command: Receive, *, store: StockStore, now: datetime) -> None:
    """UnknownStock when the shop has no such SKU."""
    try:
        store.commit(receive_writes(command, levels=store.levels, now=now), token=command.movement)
    except VersionConflict:
        if store.levels.movement(command.shop, command.sku, command.movement) is None:
            raise  # the movement is not what stood in the way


def receive_writes(command: Receive, *, levels: Levels, now: datetime) -> list[Write]:
    key = LevelKey(shop=command.shop, sku=command.sku)
    movement = Movement(
        id=command.movement,
        shop=command.shop,
        sku=command.sku,
        reason=command.reason,
        quantity=command.quantity,
        at=now,
        actor=command.actor,
        document=command.document,
        note=command.note,
    )
    return [levels.movement_write(movement), *levels.receive_writes(key, command.quantity)]


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

    The document goes last: a crash before leaves it to the next sweep. A lock that was extended since is left alone.
    Its units are told of whether they came free now or before (by a crash, by a buyer who took a part of them).
    """
    standing = store.locks.get(lock.shop, lock.id) or lock
    if not standing.dead(now, grace):
        return 0
    freed = sum(_give_back(standing, line, levels=store.levels, dead=(now, grace)) for line in standing.lines)
    orders.expire(standing.shop, standing.order, now)
    for line in standing.lines:
        store.levels.announce(standing.shop, line.sku)
    store.locks.forget(standing)
    return freed


def availability(shop: str, skus: Sequence[str], *, levels: Levels, grace: timedelta, now: datetime) -> dict[str, int]:
    """Free units per SKU at this instant; 0 for a SKU without stock."""
    found = levels.levels(shop, skus)
    return {sku: found[sku].free(now, grace) if sku in found else 0 for sku in skus}


def summary(shop: str, sku: str, *, waiting: int, levels: Levels, grace: timedelta, now: datetime) -> Summary:
    """UnknownStock when the shop has no such SKU."""
    level = levels.level(LevelKey(shop=shop, sku=sku))
    if level is None:
        raise UnknownStock
    free = level.free(now, grace)
    return Summary(
        sku=sku,
        on_hand=level.on_hand,
        available=free,
        locked=level.on_hand - free,
        waiting=waiting,
        incoming=0,
        shards=1,
        version=level.version,
    )


def by_sku(lines: Sequence[Line]) -> list[Line]:
    """One line per SKU, quantities summed, in order: the same SKU twice in a cart is one wish."""
    wishes: dict[str, Line] = {}
    for line in lines:
        before = wishes.get(line.sku)
        wishes[line.sku] = line if before is None else before.model_copy(update={"quantity": before.quantity + line.quantity})
    return [wishes[sku] for sku in sorted(wishes)]


def _claim(command: Hold, *, store: StockStore, now: datetime) -> Lock:
    """The lock document, ours. A first try that died is continued under its own expiry, so that no entry outlives its promise."""
    lock = Lock(
        id=command.lock,
        shop=command.shop,
        order=command.order,
        lines=tuple(by_sku(command.lines)),
        expires_at=command.expires_at,
        claimed_at=now,
        claim=new_id("clm", now),
        fingerprint=command.fingerprint,
    )
    standing = store.locks.claim(lock)
    if standing is None:
        return lock
    if standing.fingerprint != lock.fingerprint:
        raise IdempotencyKeyReused("This Idempotency-Key was used with another body. Use a new key for a new request.")
    if now < standing.claimed_at + CLAIM_LEASE:
        raise IdempotencyKeyInFlight("The first request under this key has not been answered yet. Try again in a second.", retry_after=1)
    if standing.expires_at <= now:
        for line in standing.lines:  # only what is dead: another try may be faster and have taken its units already
            _give_back(standing, line, levels=store.levels, dead=(now, timedelta(0)))
        renewed = lock
    else:
        renewed = standing.model_copy(update={"claimed_at": now, "claim": lock.claim})
    if not store.locks.renew(renewed, standing):
        raise IdempotencyKeyInFlight("Another try under this key is under way.", retry_after=1)
    return renewed


def _take(line: Line, lock: Lock, command: Hold, *, levels: Levels, grace: timedelta, now: datetime) -> int:
    """Take the line's units, or what is left of them if it is partial. One write when there is enough."""
    key, name = LevelKey(shop=lock.shop, sku=line.sku), entry_id(lock.id)
    try:
        levels.take(key, name, Entry(quantity=line.quantity, expires_at=lock.expires_at))
    except NotTaken as refusal:
        return _take_what_can_be(line, lock, refusal.level, command, levels=levels, grace=grace, now=now)
    return line.quantity


def _take_what_can_be(line: Line, lock: Lock, level: Level, command: Hold, *, levels: Levels, grace: timedelta, now: datetime) -> int:
    """The level that refused tells which case it is: ours already, reclaimable, short, or moved meanwhile."""
    name = entry_id(lock.id)
    replaced = entry_id(command.replaces) if command.replaces else None
    for _ in range(TAKE_ATTEMPTS):
        if name in level.entries:
            return level.entries[name].quantity
        wanted = min(line.quantity, _reach(level, replaced, now, grace)) if line.partial else line.quantity
        if wanted == 0:
            return 0
        reach = _reach(level, replaced, now, grace)
        if reach < wanted:
            raise InsufficientStock("Not enough is left.", lines=[{"sku": line.sku, "requested": line.quantity, "available": reach}])
        freed = _oldest(level.reclaimable(now, grace, replaced), wanted - level.available, first=replaced)
        try:
            if len(freed) <= RECLAIMED_AT_ONCE:
                levels.reclaim_and_take(level, freed, name, Entry(quantity=wanted, expires_at=lock.expires_at))
                return wanted
            for old, entry in freed.items():  # more than one expression can name: free them one by one, then look again
                levels.give_back(level.key, old, entry)
        except LevelMoved:
            pass
        fresh = levels.level(level.key)
        if fresh is None:
            raise UnknownStock
        level = fresh
    raise UnavailableError("Too many buyers at once for this item.")


def _reach(level: Level, replaced: str | None, now: datetime, grace: timedelta) -> int:
    """What this buyer could have: free units, expired ones, and those of his own earlier hold."""
    return level.available + sum(entry.quantity for entry in level.reclaimable(now, grace, replaced).values())


def _oldest(reclaimable: Mapping[str, Entry], missing: int, *, first: str | None) -> dict[str, Entry]:
    """The entries to free for the missing units: the shopper's own, then the oldest."""
    chosen: dict[str, Entry] = {}
    for name, entry in sorted(reclaimable.items(), key=lambda pair: (pair[0] != first, pair[1].expires_at)):
        if missing <= 0:
            break
        chosen[name] = entry
        missing -= entry.quantity
    return chosen


def _give_back(lock: Lock, line: Line, *, levels: Levels, dead: tuple[datetime, timedelta] | None = None) -> int:
    """Units that came free: 0 when the entry is gone (sold, reclaimed, or given back before). `dead`: only if expired by then."""
    key, name = LevelKey(shop=lock.shop, sku=line.sku), entry_id(lock.id)
    guess = Entry(quantity=line.quantity, expires_at=lock.expires_at)
    for _ in range(TAKE_ATTEMPTS):
        if levels.give_back(key, name, guess):
            return guess.quantity
        level = levels.level(key)
        entry = level.entries.get(name) if level else None
        if entry is None or (dead is not None and not entry.expired(*dead)):
            return 0
        guess = entry
    raise UnavailableError("The hold keeps changing.")


def _every_short_line(refusal: Exception, lock: Lock, *, store: StockStore, grace: timedelta, now: datetime) -> Exception:
    """A customer wants to know about all short lines at once, not one per try."""
    if not isinstance(refusal, InsufficientStock) or len(lock.lines) == 1:
        return refusal
    free = availability(lock.shop, [line.sku for line in lock.lines], levels=store.levels, grace=grace, now=now)
    known = {fact["sku"]: fact for fact in refusal.facts["lines"]}
    for line in lock.lines:
        if not line.partial and free[line.sku] < line.quantity:
            known.setdefault(line.sku, {"sku": line.sku, "requested": line.quantity, "available": free[line.sku]})
    return InsufficientStock(refusal.detail, lines=[known[sku] for sku in sorted(known)])


def _sale(key: LevelKey, quantity: int, *, order: str, wave: str, now: datetime) -> Movement:
    """Named by what caused it, so that a repeated confirmation cannot book it twice."""
    return Movement(
        id=f"sale#{order}#{wave}",
        shop=key.shop,
        sku=key.sku,
        shard=key.shard,
        reason=Reason.SALE,
        quantity=-quantity,
        at=now,
        actor="system",
        document=order,
    )


def free_expired(shop: str, sku: str, *, levels: Levels, grace: timedelta, now: datetime) -> int:
    """Give back what the clock has freed, and answer what is available then. For sales that take no lock."""
    level = levels.level(LevelKey(shop=shop, sku=sku))
    if level is None:
        return 0
    freed = sum(entry.quantity for name, entry in level.reclaimable(now, grace).items() if levels.give_back(level.key, name, entry))
    return level.available + freed
