"""Holding stock: intent first, then the units, all or none. No clock, no store of its own: the world comes by keyword."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from holdfast.kernel.errors import IdempotencyKeyInFlight, IdempotencyKeyReused, UnavailableError
from holdfast.kernel.ids import entry_id, new_id
from holdfast.kernel.model import Model
from holdfast.kernel.time import Instant
from holdfast.kernel.writes import Write
from holdfast.stock import planning, shelves
from holdfast.stock.errors import (
    CustomerLimitReached,
    HeldForAnotherOrder,
    HoldAlreadyExtended,
    HoldLost,
    InsufficientStock,
    StockScattered,
    UnknownStock,
)
from holdfast.stock.model import Entry, Former, LevelKey, Line, Lock, LockLine
from holdfast.stock.ports import StockStore
from holdfast.stock.recall import Recall
from holdfast.stock.releasing import give_back_all, release_units
from holdfast.stock.taking import Taking, World, refuse_scattered

CLAIM_LEASE = timedelta(seconds=10)
"""How long a first try may take before a second one may go on in its place. No request lives longer."""
ONE_TICK = timedelta(milliseconds=1)


class Hold(Model):
    """Take these lines for an order, all or none (a line that is `partial` may get fewer).

    `fingerprint` is the request's: the same order asked for other things is refused. `replaces` is the order of an earlier try
    under the same lock, whose units this one may use and which it ends; `former` is what a hold under another lock left.
    `buyer` is a digest of the customer, for SKUs that each customer may have only so many of.
    """

    shop: str
    lock: str
    order: str
    owner: str = ""
    lines: tuple[Line, ...]
    expires_at: Instant
    fingerprint: str
    buyer: str | None = None
    replaces: str | None = None
    former: Former | None = None


class Held(Model):
    """What was taken per SKU, and until when. `replaced`: the order of an earlier try, which must end now."""

    lock: str
    quantities: Mapping[str, int]
    expires_at: Instant
    replaced: str | None = None


def hold(command: Hold, *, store: StockStore, recall: Recall, grace: timedelta, now: datetime) -> Held:
    """Intent first, then the units, in order of SKU so that two carts cannot wait for each other.

    InsufficientStock with every short line, and everything given back; CustomerLimitReached; HeldForAnotherOrder when an earlier
    try of the checkout stands there and is not the one to be replaced; IdempotencyKeyInFlight, IdempotencyKeyReused.
    """
    world = World(store, recall, grace, now)
    try:
        taking = _claim(command, world)
    except InsufficientStock as refusal:
        raise _every_short_line(refusal, _intent(command, world), world) from refusal
    try:
        for line in taking.lock.lines:
            taking.take(line)
    except (InsufficientStock, CustomerLimitReached, StockScattered, UnavailableError, UnknownStock) as refusal:
        _step_back(taking, store)
        raise _every_short_line(refusal, taking.lock, world) from refusal
    taken = taking.lock
    return Held(
        lock=taken.id,
        quantities={line.sku: line.taken for line in taken.lines},
        expires_at=taken.expires_at,
        replaced=taken.replaced,
    )


def _step_back(taking: Taking, store: StockStore) -> None:
    """Everything goes back. The document too, or back to the earlier try that it replaced: its order must still come to an end."""
    lock = taking.lock
    release_units(taking.touched(), store=store)
    if lock.replaced is None:
        store.locks.forget(lock)
    else:
        store.locks.renew(lock.model_copy(update={"order": lock.replaced, "replaced": None}), lock)


def extend_writes(shop: str, lock: str, order: str, *, until: datetime, store: StockStore, now: datetime) -> list[Write]:
    """The hold lasts until `until`, once. HoldLost when it ran out, also as refusal of the writes; HoldAlreadyExtended."""
    standing = store.locks.get(shop, lock)
    if standing is None or standing.order != order or now >= standing.expires_at:
        raise HoldLost("The hold has run out. Place the order again to hold the stock anew.")
    if standing.extended:
        raise HoldAlreadyExtended("A hold can be extended once.")
    writes = [store.locks.extend_write(standing, until)]
    for line in standing.lines:
        for part in line.parts:
            if part.quantity:
                key = LevelKey(shop=shop, sku=line.sku, part=part.part)
                entry = Entry(quantity=part.quantity, expires_at=standing.expires_at)
                writes.append(store.levels.extend_write(key, entry_id(lock), entry, until))
    return writes


def _claim(command: Hold, world: World) -> Taking:
    """The lock document, ours, with what earlier tries may have left.

    Before a shopper is told that nothing is left, his own earlier hold is looked for: it must never stand in his way.
    """
    lock = _intent(command, world)
    former = (command.former,) if command.former else ()
    taking = Taking(world, lock, former, first=True)
    try:
        taking.lock = lock.model_copy(update={"lines": tuple(map(taking.begun, lock.lines))})
        refuse_scattered(taking.lock)
    except InsufficientStock:
        standing = world.store.locks.get(lock.shop, lock.id)
        if standing is None:
            raise
    else:
        standing = world.store.locks.claim(taking.lock)
        if standing is None:
            return taking
    return _claim_over(standing, lock, command, world, former)


def _claim_over(standing: Lock, lock: Lock, command: Hold, world: World, former: tuple[Former, ...]) -> Taking:
    """A document stands there: this order's own first try, or an earlier try of the same checkout."""
    retry = standing.order == command.order
    if standing.sale is not None or not (retry or standing.order == command.replaces):
        raise HeldForAnotherOrder(standing)
    if retry:
        _refuse_what_is_not_a_retry(standing, lock, world.now)
    alive = world.now < standing.expires_at
    if retry and alive:  # go on under its own expiry, so that no entry outlives its promise
        taking = Taking(world, standing.model_copy(update={"claimed_at": world.now, "claim": lock.claim}), former)
    else:
        former = (*former, Former(name=entry_id(lock.id), expires_at=standing.expires_at))
        taking = _planned_over(standing, lock, former, world)
    kept = {line.sku for line in taking.lock.lines}
    for line in standing.lines:
        if line.sku in kept:
            continue
        # The cart has this line no more. Before the document forgets where its units lie, and those who wait are told.
        if give_back_all(standing, line.sku, [part.part for part in line.parts], store=world.store):
            world.store.levels.announce(lock.shop, line.sku)
    if not world.store.locks.renew(taking.lock, standing):
        raise IdempotencyKeyInFlight("Another try of this checkout is under way.", retry_after=1)
    return taking


def _planned_over(standing: Lock, lock: Lock, former: tuple[Former, ...], world: World) -> Taking:
    """Looked at before anything is touched: a refusal leaves the earlier try's hold as it was.

    Its expiry lies after the earlier one, which is how the entries of two tries are told apart.
    """
    expires_at = max(lock.expires_at, standing.expires_at + ONE_TICK)
    replaced = standing.order if standing.order != lock.order else standing.replaced
    renewed = lock.model_copy(update={"expires_at": expires_at, "replaced": replaced})
    taking = Taking(world, renewed, former)
    before = {line.sku: line.parts for line in standing.lines}
    planned = [taking.planned(line) for line in renewed.lines]
    lines = [line.model_copy(update={"parts": planning.with_tried(line.parts, before.get(line.sku, ()))}) for line in planned]
    taking.lock = renewed.model_copy(update={"lines": tuple(lines)})
    refuse_scattered(taking.lock)
    return taking


def _refuse_what_is_not_a_retry(standing: Lock, lock: Lock, now: datetime) -> None:
    if standing.fingerprint != lock.fingerprint:
        raise IdempotencyKeyReused("This Idempotency-Key was used with another body. Use a new key for a new request.")
    if now < standing.claimed_at + CLAIM_LEASE:
        raise IdempotencyKeyInFlight("The first request under this key has not been answered yet. Try again in a second.", retry_after=1)


def _intent(command: Hold, world: World) -> Lock:
    return Lock(
        id=command.lock,
        shop=command.shop,
        order=command.order,
        owner=command.owner,
        lines=tuple(LockLine(**line.model_dump(), shards=line.shards) for line in planning.by_sku(command.lines)),
        expires_at=command.expires_at,
        claimed_at=world.now,
        claim=new_id("clm", world.now),
        fingerprint=command.fingerprint,
        buyer=command.buyer,
    )


def _every_short_line(refusal: Exception, lock: Lock, world: World) -> Exception:
    """A customer wants to know about all short lines at once, not one per try."""
    if not isinstance(refusal, InsufficientStock) or len(lock.lines) == 1:
        return refusal
    skus = [line.sku for line in lock.lines]
    free = shelves.availability(lock.shop, skus, levels=world.store.levels, recall=world.recall, grace=world.grace, now=world.now)
    known = {fact["sku"]: fact for fact in refusal.facts["lines"]}
    for line in lock.lines:
        if not line.partial and free[line.sku] < line.quantity:
            known.setdefault(line.sku, {"sku": line.sku, "requested": line.quantity, "available": free[line.sku]})
    return InsufficientStock(refusal.detail, lines=[known[sku] for sku in sorted(known)])
