"""Everything that changes what we own, but for sales: restocks, returns, adjustments, transfers.

Each is one transaction with its ledger document, and each part's ledger is a chain: a write goes through only where the part's
last document is the one that was seen.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from holdfast.kernel.errors import VersionConflict
from holdfast.kernel.model import Model
from holdfast.kernel.writes import Write
from holdfast.stock import planning, shelves
from holdfast.stock.errors import InsufficientStock, LedgerMoved, StaleStock, UnknownLocation
from holdfast.stock.keys import movement_id
from holdfast.stock.model import MAIN, Booking, Head, Level, Movement, Place, Reason, shard_names, unheld
from holdfast.stock.ports import StockStore

ATTEMPTS = 8
SPREAD_FROM = 10
"""Units per shard, from which on a delivery is spread over all of them at once."""
Changes = Sequence[tuple[Level, int]]
"""Parts as they were seen, and the units that come in (or go: negative)."""


class Cause(Model):
    """Why stock changes, for the ledger. `identity` names the change (of the SKU, if it is of one): the same again changes nothing."""

    shop: str
    sku: str = ""
    identity: str
    reason: Reason
    actor: str
    document: str | None = None
    note: str | None = None

    @property
    def movement(self) -> str:
        """The id of its ledger document."""
        return movement_id(self.shop, self.sku, self.identity)


class Receive(Cause):
    """Units come in. `whole`: into one part, where the transaction has no room for more."""

    quantity: int
    location: str = MAIN
    reason: Reason = Reason.RESTOCK
    whole: bool = False


class Adjust(Cause):
    """Units more or fewer (`delta` negative) for a reason that is not a delivery: counted, broken, found, corrected.

    `expected_available`: only if this is what is available, to the unit.
    """

    delta: int
    reason: Reason = Reason.ADJUSTMENT
    location: str = MAIN
    expected_available: int | None = None


class Transfer(Cause):
    """Units go from one location of a SKU to another."""

    quantity: int
    source: str
    target: str
    reason: Reason = Reason.TRANSFER


def receive(command: Receive, *, store: StockStore, now: datetime) -> None:
    """UnknownStock when the shop has no such SKU; UnknownLocation."""
    book(command, lambda: receive_writes(command, store=store, now=now), store=store)


def receive_writes(command: Receive, *, store: StockStore, now: datetime) -> list[Write]:
    """What the shop keeps back is filled up first; those who wait are told of the rest. LedgerMoved as refusal."""
    head, levels = shelves.look(command.shop, command.sku, levels=store.levels)
    place = _place(head, command.location)
    found = {level.key.part: level for level in levels.values()}
    changes = [(found[part], units) for part, units in _incoming(command, head).items() if units]
    if command.reason is Reason.RESTOCK:
        head = with_place(head, place.model_copy(update={"incoming": max(0, place.incoming - command.quantity)}))
    kept = _kept_back(head, changes)
    return [
        store.ledger.movement_write(movement(command, changes, now)),
        *change_writes(changes, command, store, kept=kept),
        store.levels.announce_write(head),
    ]


def return_writes(shop: str, order: str, identity: str, back: Mapping[str, int], *, store: StockStore, now: datetime) -> list[Write]:
    """What an order had and did not keep comes back, under one document. LedgerMoved as refusal; a SKU that is no more is left out.

    `identity` names this return: an order may give back more than once.
    """
    cause = Cause(shop=shop, identity=f"return#{identity}", reason=Reason.RETURN, actor="system", document=order)
    found = shelves.look_at(shop, dict.fromkeys(sorted(back), 1), levels=store.levels)
    changes, writes = [], []
    for sku, (head, levels) in found.items():
        part = planning.first_shard(cause.movement, head.shards)
        level = next(level for level in levels.values() if level.key.part == part)
        changed = [(level, back[sku])]
        changes += changed
        writes += [*change_writes(changed, cause, store, kept=_kept_back(head, changed)), store.levels.announce_write(head)]
    return [store.ledger.movement_write(movement(cause, changes, now)), *writes] if changes else []


def adjust(command: Adjust, *, store: StockStore, grace: timedelta, now: datetime) -> None:
    """UnknownStock, UnknownLocation; InsufficientStock when fewer are available than shall go; StaleStock."""
    if command.delta < 0:
        shelves.free_expired(command.shop, command.sku, levels=store.levels, grace=grace, now=now)
    book(command, lambda: adjust_writes(command, store=store, grace=grace, now=now), store=store)


def adjust_writes(command: Adjust, *, store: StockStore, grace: timedelta, now: datetime) -> list[Write]:
    """Held units are not taken away: only what is available can go. LedgerMoved as refusal."""
    head, levels = shelves.look(command.shop, command.sku, levels=store.levels)
    _place(head, command.location)
    exact = command.expected_available is not None
    free = unheld(levels.values(), now, grace)
    if exact and free != command.expected_available:
        raise StaleStock("The stock was changed meanwhile. Read it again.", available=free)
    parts = [level for level in planning.walk(command.movement, head, levels, planning.available) if at(level, command.location)]
    changes = [(parts[0], command.delta)] if command.delta >= 0 else _going(command.sku, -command.delta, parts)
    changed = {level.key for level, _ in changes}
    checks = [store.levels.level_check(level) for key, level in levels.items() if exact and key not in changed]
    return [
        store.ledger.movement_write(movement(command, changes, now)),
        *change_writes(changes, command, store, exact=exact),
        *checks,
        *([store.levels.announce_write(head)] if command.delta > 0 else []),
    ]


def transfer(command: Transfer, *, store: StockStore, grace: timedelta, now: datetime) -> None:
    """UnknownStock, UnknownLocation; InsufficientStock when the source has not that many available."""
    shelves.free_expired(command.shop, command.sku, levels=store.levels, grace=grace, now=now)
    book(command, lambda: _transfer_writes(command, store=store, now=now), store=store)


def _transfer_writes(command: Transfer, *, store: StockStore, now: datetime) -> list[Write]:
    head, levels = shelves.look(command.shop, command.sku, levels=store.levels)
    for location in (command.source, command.target):
        _place(head, location)
    walked = planning.walk(command.movement, head, levels, planning.available)
    target = next(level for level in walked if at(level, command.target))
    going = _going(command.sku, command.quantity, [level for level in walked if at(level, command.source)])
    changes = [*going, (target, command.quantity)]
    return [
        store.ledger.movement_write(movement(command, changes, now)),
        *change_writes(changes, command, store),
        store.levels.announce_write(head),
    ]


def move_writes(source: Level, target: Level, quantity: int, head: Head, *, store: StockStore, now: datetime) -> list[Write]:
    """Available units go to another shard while selling goes on. LedgerMoved and InsufficientStock as refusals."""
    seen = f"{source.key.part}@{source.version}>{target.key.part}@{target.version}"
    cause = Cause(shop=head.shop, sku=head.sku, identity=f"reshard#{seen}", reason=Reason.TRANSFER, actor="system", note="between shards")
    changes = [(source, -quantity), (target, quantity)]
    document = store.ledger.movement_write(movement(cause, changes, now))
    return [document, *change_writes(changes, cause, store), store.levels.head_check(head)]


def book(cause: Cause, writes: Callable[[], Sequence[Write]], *, store: StockStore) -> None:
    """Commit what `writes` makes of the stock as it is, anew while others change it; once per cause."""
    for _ in range(ATTEMPTS):
        try:
            store.commit(writes(), token=cause.movement)
            return
        except (VersionConflict, InsufficientStock, StaleStock) as refusal:
            if store.ledger.movement(cause.shop, cause.movement) is not None:
                return  # our own first try, whose reply got lost: it is what changed the stock
            if not isinstance(refusal, VersionConflict):
                raise
    raise LedgerMoved("The stock keeps changing. Try again.")


def movement(cause: Cause, changes: Changes, now: datetime) -> Movement:
    """The ledger document of these changes."""
    return Movement(
        id=cause.movement,
        shop=cause.shop,
        reason=cause.reason,
        at=now,
        actor=cause.actor,
        document=cause.document,
        note=cause.note,
        lines=tuple(booking(level, units) for level, units in changes),
    )


def booking(level: Level, quantity: int) -> Booking:
    return Booking(sku=level.key.sku, part=level.key.part, quantity=quantity, balance=level.on_hand + quantity, before=level.last)


def change_writes(
    changes: Changes, cause: Cause, store: StockStore, *, kept: Mapping[str, int] | None = None, exact: bool = False
) -> list[Write]:
    keep = kept or {}
    return [store.levels.change_write(level, units, cause.movement, kept=keep.get(level.key.part), exact=exact) for level, units in changes]


def at(level: Level, location: str) -> bool:
    return level.key.part.isdigit() if location == MAIN else level.key.part == location


def with_place(head: Head, changed: Place) -> Head:
    return head.model_copy(update={"locations": tuple(changed if place.name == changed.name else place for place in head.locations)})


def _place(head: Head, location: str) -> Place:
    found = head.location(location)
    if found is None:
        raise UnknownLocation("The SKU has no such location.", locations=[place.name for place in head.locations])
    return found


def _incoming(command: Receive, head: Head) -> dict[str, int]:
    """Large deliveries are spread over the shards in use; a small one goes to one of them, another one each time."""
    if command.location != MAIN:
        return {command.location: command.quantity}
    if command.whole or command.quantity < SPREAD_FROM * head.shards:
        return {planning.first_shard(command.movement, head.shards): command.quantity}
    each, rest = divmod(command.quantity, head.shards)
    return {part: each + (number < rest) for number, part in enumerate(shard_names(head.shards))}


def _kept_back(head: Head, changes: Changes) -> dict[str, int]:
    """The shop's own reserve lies in the first shard; missing units of it are filled up from what comes in there."""
    for level, units in changes:
        if level.key.part == "0" and level.kept < head.safety_stock:
            return {"0": level.kept + min(head.safety_stock - level.kept, units)}
    return {}


def _going(sku: str, quantity: int, parts: Sequence[Level]) -> list[tuple[Level, int]]:
    chosen = planning.chosen(quantity, parts, planning.available)
    available = sum(part.quantity for part in chosen)
    if available < quantity:
        fact = {"sku": sku, "requested": quantity, "available": available}
        raise InsufficientStock("Fewer units are available than shall go; held units stay.", lines=[fact])
    found = {level.key.part: level for level in parts}
    return [(found[part.part], -part.quantity) for part in chosen]
