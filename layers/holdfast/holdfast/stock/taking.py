"""Taking the units of one line: a write where the first part has enough; else a look at all parts, a plan, and its writes.

The plan is written into the lock's document before a part is touched, so that whoever comes after a crash knows where to look.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from holdfast.kernel.errors import IdempotencyKeyInFlight, UnavailableError
from holdfast.kernel.ids import bucket_of, entry_id, new_id
from holdfast.stock import planning, shelves
from holdfast.stock.errors import CustomerLimitReached, InsufficientStock, LevelMoved, NotTaken, StockScattered, UnknownStock
from holdfast.stock.keys import buyer_pool
from holdfast.stock.model import PROMISES, Entry, Former, Glance, Level, LevelKey, Line, Lock, LockLine, Part, is_pool
from holdfast.stock.ports import StockStore
from holdfast.stock.recall import Recall
from holdfast.stock.releasing import give_back_all

RECLAIMED_AT_ONCE = 40
"""Expired entries that one write frees at most: an expression has an end."""
TAKE_ATTEMPTS = 8
CONTENDERS = 2
"""Per shard: so many buyers of a SKU in demand are under way to their units at a time, between look and write."""
MOST_WAITS, MOST_PAUSE = 3, 20
"""Times, and milliseconds each: about as long as two writes last."""
MOST_PARTS = 96
"""Of one lock, its pools among them. With the order, the payment's event and the lock they must fit into the hundred actions of one
transaction."""


@dataclass(frozen=True)
class World:
    """What a hold is made in. `grace` covers clocks that differ."""

    store: StockStore
    recall: Recall
    grace: timedelta
    now: datetime


@dataclass
class Taking:
    """One try at the lines of a lock. `former`: holds of the same shopper, whose units this try may use. `first`: nobody tried before."""

    world: World
    lock: Lock
    former: tuple[Former, ...] = ()
    first: bool = False
    _seen: dict[LevelKey, Level] = field(default_factory=dict)
    _held: set[LevelKey] = field(default_factory=set)
    _waits: bool = False
    _touched: set[LevelKey] = field(default_factory=set)

    def begun(self, line: LockLine) -> LockLine:
        """Where a line will begin. InsufficientStock where this worker knows that nothing is left."""
        recall, shop, now = self.world.recall, self.lock.shop, self.world.now
        if recall.sold_out(shop, line.sku, now) and not self.former and not line.partial:
            raise short(line, 0)
        if recall.scarce(shop, line.sku, now) or (recall.shards(shop, line.sku, line.shards) > 1 and not recall.fresh(shop, line.sku, now)):
            return self._planned_among_others(line)
        start = planning.first_shard(self.lock.id, recall.shards(shop, line.sku, line.shards))
        return line.model_copy(update={"parts": (*self._allowance(line), Part(part=start, quantity=line.quantity))})

    def _planned_among_others(self, line: LockLine) -> LockLine:
        """Few units are left, and others are on their way to them: not everybody tries at once. Who waits looks again.

        Otherwise most of those who come in the last moment write a document, and take it back.
        """
        planned = self.planned(line)
        for _ in range(MOST_WAITS):
            if not self._waits:
                break
            self.world.recall.pause(timedelta(milliseconds=bucket_of(self.lock.id, MOST_PAUSE)))
            planned = self.planned(line)
        return planned

    def planned(self, line: LockLine) -> LockLine:
        """Where a line's units lie, from a look at all parts. InsufficientStock when they are not there."""
        shop = self.lock.shop
        head, levels = shelves.look(
            shop, line.sku, levels=self.world.store.levels, made=self.world.recall.made(shop, line.sku, line.shards)
        )
        self._seen |= levels
        walked = planning.walk(self.lock.id, head, levels, self._free)
        free = sum(map(self._free, walked))
        self._waits = bucket_of(self.lock.id, CONTENDERS * head.shards) >= free
        self.world.recall.looked(shop, line.sku, free, sum(level.on_hand for level in walked), self.world.now)
        standing = [Part(part=level.key.part, quantity=entry.quantity) for level in walked if (entry := self._mine(level))]
        self._held |= {self._key(line, part) for part in standing}
        mine = planning.no_more_than(line.quantity, standing)
        need = line.quantity - sum(part.quantity for part in mine)
        found = planning.chosen(need, walked, self._free)
        missing = need - sum(part.quantity for part in found)
        if missing > 0 and not line.partial:
            if not standing and not found:
                self.world.recall.refused(shop, line.sku, self.world.now, planning.next_release(walked, self.world.grace))
            raise short(line, line.quantity - missing)
        goods = planning.together(mine, found)
        promised = [Part(part=PROMISES, quantity=missing)] if missing > 0 and line.promises is not None else []
        return line.model_copy(update={"parts": planning.with_tried((*self._allowance(line), *goods, *promised), line.parts)})

    def take(self, line: LockLine) -> Lock:
        """Take the line; the lock as its document then says. InsufficientStock, CustomerLimitReached, UnknownStock, UnavailableError."""
        taken: set[Part] = set()
        for _ in range(TAKE_ATTEMPTS):
            refused = [part for part in line.parts if part.quantity and part not in taken and not self._touch(line, part, taken)]
            if not refused:
                self._leave(line, taken)
                return self.lock
            self._refuse_at_pools(line, refused)
            line = self.planned(line)
            self._renew(line)
        raise UnavailableError("Too many buyers at once for this item.")

    def touched(self) -> Lock:
        """The lock, with the parts in which something may lie under its name: of a first try not those that refused it."""
        if not self.first:
            return self.lock
        lines = [
            line.model_copy(update={"parts": tuple(part for part in line.parts if self._key(line, part) in self._touched)})
            for line in self.lock.lines
        ]
        return self.lock.model_copy(update={"lines": tuple(lines)})

    def _touch(self, line: LockLine, part: Part, taken: set[Part]) -> bool:
        """Noted before, because an answer may never come."""
        key = self._key(line, part)
        untouched = key not in self._touched
        self._touched.add(key)
        done = self._take_part(line, part, taken)
        if not done and untouched and not is_pool(part.part):  # a pool may refuse what it gave, when its cap was lowered
            self._touched.discard(key)
        return done

    def _renew(self, line: LockLine) -> None:
        moved = self.lock.with_line(line).model_copy(update={"claim": new_id("clm", self.world.now)})
        refuse_scattered(moved)
        if not self.world.store.locks.renew(moved, self.lock):
            raise IdempotencyKeyInFlight("Another try of this checkout is under way.", retry_after=1)
        self.lock = moved

    def _free(self, level: Level) -> int:
        return level.for_sale(self.world.now, self.world.grace, self.former)

    def _mine(self, level: Level) -> Entry | None:
        """What this very try has taken there."""
        entry = level.entries.get(entry_id(self.lock.id))
        return entry if entry is not None and entry.expires_at == self.lock.expires_at else None

    def _allowance(self, line: LockLine) -> tuple[Part, ...]:
        if line.allowance is None or self.lock.buyer is None:
            return ()
        return (Part(part=buyer_pool(self.lock.buyer), quantity=line.quantity),)

    def _key(self, line: LockLine, part: Part) -> LevelKey:
        return LevelKey(shop=self.lock.shop, sku=line.sku, part=part.part)

    def _take_part(self, line: LockLine, part: Part, taken: set[Part]) -> bool:
        """False when the part has not that much. An entry of ours with these units is a take that happened before."""
        key = self._key(line, part)
        name, entry = entry_id(self.lock.id), Entry(quantity=part.quantity, expires_at=self.lock.expires_at)
        level = self._seen.pop(key, None)
        if level is None or (name not in level.entries and level.available >= part.quantity and not level.awaited):
            try:
                seen = self.world.store.levels.take(key, name, entry)
                if not self._cap_moved(line, seen):
                    self._saw(seen)
                    taken.add(part)
                    return True
                level = self.world.store.levels.level(key)
            except NotTaken as refusal:
                level = refusal.level
        for _ in range(TAKE_ATTEMPTS):
            if level is None or self._cap_moved(line, level):
                self._open(line, key)
            elif not self._within_reach(level, part):
                return False
            elif level.entries.get(name) == entry or self._reclaimed(level, name, entry):
                taken.add(part)
                return True
            level = self.world.store.levels.level(key)
            if level is None and not is_pool(key.part):
                return False
        raise UnavailableError("Too many buyers at once for this item.")

    def _within_reach(self, level: Level, part: Part) -> bool:
        self._saw(level)
        if self._mine(level) == Entry(quantity=part.quantity, expires_at=self.lock.expires_at):
            return level.available >= 0  # less is there in a pool whose cap was lowered
        return level.for_sale(self.world.now, self.world.grace, self._own(level)) >= part.quantity

    def _own(self, level: Level) -> tuple[Former, ...]:
        """Also what stands under our own name: an earlier try's, or a late delivery of a take that was planned anew.

        Each try's expiry lies after that of the one before; so what outlives ours is a later try's, and we are too slow.
        """
        name = entry_id(self.lock.id)
        entry = level.entries.get(name)
        if entry is None:
            return self.former
        if entry.expires_at > self.lock.expires_at:
            raise IdempotencyKeyInFlight("Another try of this checkout is under way.", retry_after=1)
        return (*self.former, Former(name=name, expires_at=entry.expires_at))

    def _reclaimed(self, level: Level, name: str, entry: Entry) -> bool:
        own = self._own(level)
        reclaimable = level.reclaimable(self.world.now, self.world.grace, own)
        freed = planning.oldest(reclaimable, entry.quantity - level.available, own={one.name for one in own})
        try:
            if len(freed) <= RECLAIMED_AT_ONCE:
                self._saw(self.world.store.levels.reclaim_and_take(level, freed, name, entry))
                return True
        except LevelMoved:
            return False
        for old, dead in freed.items():  # more than one expression can name: free them one by one, then look again
            if old != name:
                self.world.store.levels.give_back(level.key, old, dead)
        return False

    def _open(self, line: LockLine, key: LevelKey) -> None:
        """A pool is made when it is first asked. A shop without a place for the SKU does not know it."""
        if is_pool(key.part):
            self.world.store.levels.open_pool(key, _cap(line, key))
        elif key.part == "0":
            raise UnknownStock

    def _cap_moved(self, line: LockLine, level: Glance) -> bool:
        """The shop decided anew since the pool was made."""
        return is_pool(level.key.part) and level.cap != _cap(line, level.key)

    def _refuse_at_pools(self, line: LockLine, refused: Sequence[Part]) -> None:
        for part in refused:
            if is_pool(part.part):
                level = self.world.store.levels.level(self._key(line, part))
                left = max(0, level.free(self.world.now, self.world.grace, self._own(level))) if level else 0
                if part.part == PROMISES:
                    raise short(line, line.taken + left)
                fact = {"sku": line.sku, "requested": line.quantity, "available": left}
                raise CustomerLimitReached("One customer may not have more of this.", lines=[fact])

    def _leave(self, line: LockLine, taken: set[Part]) -> None:
        """Entries under our name in parts that the final plan does not use go back, so that nothing is held twice."""
        unused = {part.part for part in line.parts if part.quantity == 0}
        if not self.former:
            unused &= {part.part for part in taken} | {key.part for key in self._held if key.sku == line.sku}
        give_back_all(self.lock, line.sku, sorted(unused), store=self.world.store)

    def _saw(self, level: Glance) -> None:
        self.world.recall.saw(level, self.world.now)


def refuse_scattered(lock: Lock) -> None:
    """What one transaction could not sell must not be held."""
    if sum(part.quantity > 0 for line in lock.lines for part in line.parts) > MOST_PARTS:
        raise StockScattered("The units lie in too many places. Order fewer at a time.", maximum=MOST_PARTS)


def _cap(line: Line, key: LevelKey) -> int:
    return (line.promises if key.part == PROMISES else line.allowance) or 0


def short(line: Line, available: int) -> InsufficientStock:
    fact = {"sku": line.sku, "requested": line.quantity, "available": available}
    return InsufficientStock("Not enough is left.", lines=[fact])
