"""How a SKU's stock is laid out: its shards, its locations, and what the shop keeps back. Selling goes on meanwhile.

Whatever happens half-way, every unit lies in a part that the head names; the next run goes on from there.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from holdfast.kernel.errors import VersionConflict
from holdfast.stock import shelves
from holdfast.stock.booking import move_writes
from holdfast.stock.errors import InsufficientStock, LedgerMoved, LevelMoved, LocationInUse, UnknownStock
from holdfast.stock.model import MAIN, MOST_SHARDS, NEVER, SAFETY, Entry, Head, Level, LevelKey, Place, shard_names
from holdfast.stock.ports import StockStore

LOCKS_PER_SHARD = 60
"""Live locks in one item: from there on each write of it costs three units, and a lock elsewhere costs one."""
GROWTH = 4
"""A SKU in demand gets so many times the shards; one that is calm again gives up as many."""
ATTEMPTS = 8
MOST_MOVES = 4 * MOST_SHARDS
"""Of one run. While selling goes on the shards keep getting uneven; the next run goes on."""


def suggested_shards(stock: int, locks_per_second: int, hold: timedelta) -> int:
    """Shards for a SKU in demand: sixty live locks each at most, rounded up to a power of two, so that most writes of a sale stay
    within one unit. No more locks can live than there are units.
    """
    live = min(stock, locks_per_second * int(hold.total_seconds()))
    needed = max(1, -(-live // LOCKS_PER_SHARD))
    return min(MOST_SHARDS, 1 << (needed - 1).bit_length())


def grow(shop: str, sku: str, *, store: StockStore, now: datetime) -> Head:
    """A shard has more live locks than are good for it. Four times the shards, as far as there are units for them."""
    head, levels = shelves.look(shop, sku, levels=store.levels)
    crowded = any(len(level.entries) > LOCKS_PER_SHARD for level in levels.values())
    units = sum(level.on_hand for level in levels.values())
    wanted = min(head.shards * GROWTH, suggested_shards(units, units, timedelta(seconds=1)))
    if head.pinned or not crowded or wanted <= head.shards:
        return head
    return resize(shop, sku, wanted, pinned=False, store=store, now=now)


def settle(shop: str, sku: str, *, store: StockStore, grace: timedelta, now: datetime) -> Head:
    """What the sweep does with a SKU that has many shards: fewer, when it is calm; what lies in shards given up goes to the others."""
    head, levels = shelves.look(shop, sku, levels=store.levels)
    live = sum(level.live(now, grace) for level in levels.values())
    wanted = max(1, head.shards // GROWTH)
    if not head.pinned and head.shards > 1 and live <= wanted * LOCKS_PER_SHARD // 2:
        head = resize(shop, sku, wanted, pinned=False, store=store, now=now)
    elif head.made > 1:
        balance(shop, sku, store=store, now=now)
    return _retire(shop, sku, store=store)


def resize(shop: str, sku: str, shards: int, *, pinned: bool, store: StockStore, now: datetime) -> Head:
    """So many shards from now on. The new ones are made first; then the stock is spread over them. UnknownStock."""
    for _ in range(ATTEMPTS):
        seen = _head(shop, sku, store)
        made = max(seen.made, shards)
        for part in shard_names(made)[seen.made :]:
            store.levels.open_part(LevelKey(shop=shop, sku=sku, part=part), shards, made)
        if made > 1:
            store.levels.mark_hot(shop, sku, True)  # before, so that no crash leaves it unseen by the sweep
        head = seen.model_copy(
            update={"shards": shards, "made": made, "ever": max(seen.ever, made), "pinned": pinned, "version": seen.version + 1}
        )
        if store.levels.save_head(head, seen):
            _tell(head, store)
            balance(shop, sku, store=store, now=now)
            return head
    raise LedgerMoved("The layout keeps changing. Try again.")


def balance(shop: str, sku: str, *, store: StockStore, now: datetime) -> int:
    """Spread what is available evenly over the shards in use; the number of moves. Each is one transaction, so it may end anywhere."""
    moves = misses = 0
    while misses < ATTEMPTS and moves < MOST_MOVES:
        head, levels = shelves.look(shop, sku, levels=store.levels)
        plan = _next_move(head, levels)
        if plan is None:
            return moves
        source, target, quantity = plan
        try:
            writes = move_writes(source, target, quantity, head, store=store, now=now)
            store.commit(writes, token=f"{source.key.part}>{target.key.part}@{source.version}")
            moves, misses = moves + 1, 0
        except (VersionConflict, InsufficientStock):
            misses += 1
    return moves


def keep_back(shop: str, sku: str, quantity: int, *, store: StockStore, grace: timedelta, now: datetime) -> Head:
    """So many units are the shop's own reserve: nobody can buy them. What is missing of it now is kept from the next delivery;
    those who wait are told of what is kept no more.
    """
    head = _change(shop, sku, {"safety_stock": quantity}, store)
    shelves.free_expired(shop, sku, levels=store.levels, grace=grace, now=now)
    key = LevelKey(shop=shop, sku=sku)
    for _ in range(ATTEMPTS):
        level = store.levels.level(key)
        if level is None:
            raise UnknownStock
        if _keep(level, quantity, store):
            store.levels.announce(shop, sku)
            return head
    raise LedgerMoved("The stock keeps changing. Try again.")


def place(shop: str, sku: str, places: Sequence[Place], *, store: StockStore) -> Head:
    """The locations of a SKU in the order of allocation, the main one first. LocationInUse when one that has units would go."""
    for _ in range(ATTEMPTS):
        seen = _head(shop, sku, store)
        wanted = (next((one for one in places if one.name == MAIN), seen.locations[0]), *(one for one in places if one.name != MAIN))
        for one in wanted[1:]:
            store.levels.open_part(LevelKey(shop=shop, sku=sku, part=one.name), 1, 1)
        gone = {one.name for one in seen.locations} - {one.name for one in wanted}
        left = tuple(sorted({*seen.left, *gone}))
        head = seen.model_copy(update={"locations": wanted, "left": left, "version": seen.version + 1})
        if _replace(head, seen, [LevelKey(shop=shop, sku=sku, part=name) for name in sorted(gone)], store):
            return head
    raise LedgerMoved("The layout keeps changing. Try again.")


def _replace(head: Head, seen: Head, emptied: Sequence[LevelKey], store: StockStore) -> bool:
    if not emptied:
        return store.levels.save_head(head, seen)
    found = store.levels.levels(emptied)
    full = [key.part for key, level in found.items() if level.on_hand or level.entries]
    if full:
        raise LocationInUse("Units lie there. Transfer or write them off first.", locations=sorted(full))
    # What is looked at no longer is counted on in the head: a version of the SKU, as its ETag, never comes again.
    head = head.model_copy(update={"version": head.version + sum(level.version for level in found.values())})
    try:
        store.commit(store.levels.retire_writes(head, seen, list(found)), token=f"{head.sku}@{head.version}")
    except LedgerMoved:
        return False
    return True


def _retire(shop: str, sku: str, *, store: StockStore) -> Head:
    """Shards that were given up and have nothing any more are looked at no longer. Their ledger stays."""
    head, levels = shelves.look(shop, sku, levels=store.levels)
    given_up = [LevelKey(shop=shop, sku=sku, part=part) for part in shard_names(head.made)[head.shards :]]
    if any(levels[key].on_hand or levels[key].entries for key in given_up if key in levels):
        return head
    if given_up:
        retired = head.model_copy(update={"made": head.shards, "version": head.version + 1})
        if not _replace(retired, head, given_up, store):
            return head
        _tell(retired, store)
        head = retired
    if head.made == 1:
        store.levels.mark_hot(shop, sku, False)
    return head


def _tell(head: Head, store: StockStore) -> None:
    for part in shard_names(head.made):
        store.levels.tell_layout(LevelKey(shop=head.shop, sku=head.sku, part=part), head.shards, head.made)


def _next_move(head: Head, levels: Mapping[LevelKey, Level]) -> tuple[Level, Level, int] | None:
    """From the fullest part to the emptiest shard in use; None when all have the same, but for a tenth that is not worth a transaction."""
    main = {level.key.part: level for level in levels.values() if level.key.part.isdigit()}
    active = [main[part] for part in shard_names(head.shards) if part in main]
    given_up = [main[part] for part in shard_names(head.made)[head.shards :] if part in main and main[part].available > 0]
    if not active:
        return None
    share = sum(level.available for level in main.values()) // len(active)
    target = min(active, key=lambda level: level.available)
    if given_up:
        return given_up[0], target, given_up[0].available
    source = max(active, key=lambda level: level.available)
    quantity = min(source.available - share, max(1, share - target.available))
    uneven = source.available - target.available > max(1, share // 5)
    return (source, target, quantity) if uneven and quantity > 0 else None


def _keep(level: Level, quantity: int, store: StockStore) -> bool:
    """The shop's own entry becomes `quantity`, or as much as can be. False when the level moved."""
    standing = level.entries.get(SAFETY)
    before = {SAFETY: standing} if standing else {}
    reachable = min(quantity, level.available + (standing.quantity if standing else 0))
    if (standing is not None and reachable == standing.quantity) or (standing is None and reachable == 0):
        return True
    if reachable == 0 and standing is not None:
        return store.levels.give_back(level.key, SAFETY, standing)
    try:
        store.levels.reclaim_and_take(level, before, SAFETY, Entry(quantity=reachable, expires_at=NEVER))
    except LevelMoved:
        return False
    return True


def _change(shop: str, sku: str, changes: Mapping[str, object], store: StockStore) -> Head:
    for _ in range(ATTEMPTS):
        seen = _head(shop, sku, store)
        head = seen.model_copy(update={**changes, "version": seen.version + 1})
        if store.levels.save_head(head, seen):
            return head
    raise LedgerMoved("The layout keeps changing. Try again.")


def _head(shop: str, sku: str, store: StockStore) -> Head:
    found = store.levels.head(shop, sku)
    if found is None:
        raise UnknownStock
    return found
