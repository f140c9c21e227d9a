"""From held or free units to a sale, in one transaction with its ledger document."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from holdfast.kernel.ids import entry_id
from holdfast.kernel.writes import Write
from holdfast.stock import planning, shelves
from holdfast.stock.booking import Cause, booking, change_writes, movement, return_writes
from holdfast.stock.errors import HoldLost, InsufficientStock, LedgerMoved
from holdfast.stock.keys import buyer_pool
from holdfast.stock.model import PROMISES, Booking, Level, LevelKey, Lock, Reason, Sale, is_pool
from holdfast.stock.ports import Levels, StockStore


def confirm_writes(
    lock: str,
    order: str,
    quantities: Mapping[str, int],
    *,
    given_up: Mapping[str, int] | None = None,
    shop: str,
    store: StockStore,
    now: datetime,
) -> list[Write]:
    """The held units become sales, and the lock becomes their document. HoldLost, also as refusal; LedgerMoved as refusal.

    `given_up`: units that were not there and will not be owed either; the customer may buy as many again.
    """
    standing = store.locks.get(shop, lock)
    if standing is None or standing.order != order:
        raise _lost()
    if standing.sale is not None:
        raise LedgerMoved("These units were sold to this order already.")
    if {line.sku: line.taken for line in standing.lines} != dict(quantities):
        raise _lost()
    levels = store.levels.levels([LevelKey(shop=shop, sku=line.sku, part=part.part) for line in standing.lines for part in line.goods])
    bookings, writes = _sold(standing, levels, store.levels, given_up or {})
    return [*writes, store.locks.seal_write(standing, Sale(at=now, lines=tuple(bookings)))]


def _sold(lock: Lock, levels: Mapping[LevelKey, Level], store: Levels, given_up: Mapping[str, int]) -> tuple[list[Booking], list[Write]]:
    name, bookings, writes = entry_id(lock.id), [], []
    for line in lock.lines:
        for part in line.parts:
            key = LevelKey(shop=lock.shop, sku=line.sku, part=part.part)
            if part.quantity and is_pool(part.part):
                back = given_up.get(line.sku, 0) if part.part != PROMISES else 0
                writes.append(store.use_write(key, name, part.quantity, back))
            elif part.quantity:
                if key not in levels:
                    raise _lost()
                writes.append(store.sell_held_write(levels[key], name, part.quantity, lock.id))
                bookings.append(booking(levels[key], -part.quantity))
    return bookings, writes


def allot_writes(shop: str, sku: str, quantity: int, *, batch: int, store: StockStore, now: datetime) -> list[Write]:
    """Free units become a sale at once, for the orders that wait for them.

    `batch` numbers this hand-out of the SKU. InsufficientStock, also as refusal; LedgerMoved as refusal.
    """
    head, levels = shelves.look(shop, sku, levels=store.levels)
    found = {level.key.part: level for level in levels.values()}
    name = batch_name(sku, batch)
    parts = planning.chosen(quantity, planning.walk(name, head, levels, planning.available), planning.available)
    left = sum(part.quantity for part in parts)
    if left < quantity:
        raise InsufficientStock("Not enough is left.", lines=[{"sku": sku, "requested": quantity, "available": left}])
    changes = [(found[part.part], -part.quantity) for part in parts]
    cause = Cause(shop=shop, sku=sku, identity=f"sale#{name}", reason=Reason.SALE, actor="system", document=name)
    return [store.ledger.movement_write(movement(cause, changes, now)), *change_writes(changes, cause, store)]


def settle_writes(shop: str, sku: str, *, given: int, back: int, batch: int, store: StockStore, now: datetime) -> list[Write]:
    """Of a batch's units so many were given: promises that were made for them are kept. The others come back to the stock.

    LedgerMoved as refusal.
    """
    writes = promise_writes(shop, {sku: given}, levels=store.levels)
    if back:
        writes += return_writes(shop, batch_name(sku, batch), f"{sku}#{batch}", {sku: back}, store=store, now=now)
    return writes


def batch_name(sku: str, batch: int) -> str:
    """How the ledger names it."""
    return f"batch-{batch}-{sku}"


def promise_writes(shop: str, quantities: Mapping[str, int], *, levels: Levels) -> list[Write]:
    """Promises that were kept or given up may be made again; nothing where the SKU has no cap."""
    return _restored({LevelKey(shop=shop, sku=sku, part=PROMISES): units for sku, units in quantities.items() if units}, levels)


def allowance_writes(shop: str, buyer: str, quantities: Mapping[str, int], *, levels: Levels) -> list[Write]:
    """What a customer gave back he may buy again; nothing where the SKU has no limit per customer."""
    part = buyer_pool(buyer)
    return _restored({LevelKey(shop=shop, sku=sku, part=part): units for sku, units in quantities.items() if units}, levels)


def _restored(pools: Mapping[LevelKey, int], levels: Levels) -> list[Write]:
    found: Sequence[LevelKey] = list(levels.levels(list(pools))) if pools else []
    return [levels.restore_write(key, pools[key]) for key in found]


def _lost() -> HoldLost:
    return HoldLost("The hold has run out, and its units with it.")
