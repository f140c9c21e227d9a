"""Restocks feed the orders that wait, in the order in which they were paid, in batches.

A batch is opened in one transaction: its units leave the stock, its keys the vault, and it is written down who gets what of them. Then
each order takes its allotment, by a write of its own that knows the batch. Then the batch is closed, and what its orders did not want
any more goes back. A queue has one open batch at most, so a worker that was killed leaves one, and the next one finishes it.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from holdfast.fulfilment import rules
from holdfast.fulfilment.errors import QueueMoved, VaultShortError
from holdfast.fulfilment.model import Allotment, Batch, Debt, Given, Places, Queue, begin, total
from holdfast.fulfilment.ports import PaidOrder, World
from holdfast.kernel.errors import Conflict, HoldfastError, UnavailableError
from holdfast.kernel.model import Model
from holdfast.kernel.time import rfc3339
from holdfast.kernel.writes import Write

ATTEMPTS = 10
BATCH = 80
"""Orders of a batch."""
MOST_RANGES = 14
"""Of keys that go out with one batch. What its orders leave over are as many and one for each order at most, each an item of the
closing transaction, which has room for a hundred.
"""
MOST_BATCHES = 4
"""Fed by one call: some five seconds of work, of the sixty that a worker has for up to ten messages. On a crowded day it took four times
as long (measured), and a worker whose time is over leaves a queue that waits for minutes.
"""
LEASE = timedelta(seconds=90)
"""Longer than a worker lives, counted from when it began."""


class Meal(Model):
    """`units` were given to waiting orders. `again_in`: the queue is to be looked at again then, because there is more to do, or because
    another worker is at it.
    """

    units: int = 0
    again_in: timedelta | None = None


def feed(shop: str, sku: str, *, world: World, now: datetime, most: int = MOST_BATCHES) -> Meal:
    """Units came in, or somebody came to wait: those who wait are served. Safe to repeat, to kill anywhere, to do twice at once."""
    given, batches, tries = 0, 0, 0
    trouble: HoldfastError = UnavailableError("The waiting orders of this item keep changing.")
    while tries < ATTEMPTS:
        queue = world.store.queues.queue(shop, sku)
        if queue.open:
            if queue.leased_until is not None and queue.leased_until > now:
                return Meal(units=given, again_in=queue.leased_until - now)
            given += _finish(queue, world, now)
            tries += 1
            continue
        if batches == most:
            return Meal(units=given, again_in=timedelta())
        try:
            batch = _opened(queue, world, now)
        except Conflict:
            tries += 1
            continue
        except VaultShortError as short:
            trouble, tries = short, tries + 1  # or another worker took the last keys between our two reads
            continue
        if batch is None:
            return Meal(units=given)
        given, batches, tries = given + _settled(batch, world, now), batches + 1, 0
    raise trouble


def release_queue(shop: str, sku: str, *, world: World) -> bool:
    """Whether somebody waits for the SKU; new buyers get units only if nobody does.

    The queue is looked at again after it was told: a debt that was written in between may have found the way closed still, and one that
    was paid in between may have been the last. QueueMoved.
    """
    for _ in range(ATTEMPTS):
        seen = world.store.queues.queue(shop, sku)
        waits = bool(world.store.debts.head(shop, sku, 1))
        (world.stock.keep if waits else world.stock.admit)(shop, sku)
        world.store.queues.mark(seen, waiting=waits)
        if bool(world.store.debts.head(shop, sku, 1)) is waits:
            return waits
    raise QueueMoved("Those who wait come and go. Try again.")


def left_over(shop: str, sku: str, *, world: World, now: datetime) -> bool:
    """Units are free, and no paid order waits for them."""
    return not world.store.debts.head(shop, sku, 1) and world.stock.free(shop, sku, now) > 0


def _opened(queue: Queue, world: World, now: datetime) -> Batch | None:
    """The next batch; None when nobody waits, or nothing is there for them. Conflict, VaultShortError."""
    shop, sku = queue.shop, queue.sku
    if not release_queue(shop, sku, world=world):
        return None
    units = world.stock.free(shop, sku, now)
    if not units:
        return None
    debts = world.store.debts.head(shop, sku, BATCH)
    orders = world.orders.several(shop, [debt.order for debt in debts])
    owed = {name: order.owed().get(sku, 0) for name, order in orders.items()}
    if _drop_ended(debts, owed, world) == len(debts):
        raise QueueMoved("All of those whose turn it was have given up.")
    most = world.sharing(shop).most_per_round
    allotments, taken = list(rules.allot(debts, owed, units, most)), list[Write]()
    if any(order.digital(sku) for order in orders.values()):
        places, taken = _keys(shop, sku, _units(allotments), world)
        allotments = _placed(rules.allot(debts, owed, total(places), most), places)
    writes = [*world.stock.allot_writes(shop, sku, _units(allotments), queue.batches + 1, now), *taken]
    batch = Batch(shop=shop, sku=sku, number=queue.batches + 1, at=now, allotments=tuple(allotments))
    world.store.commit([*writes, *world.store.queues.open_writes(queue, batch, now + LEASE)], token=f"{sku}#batch#{batch.number}")
    return batch


def _drop_ended(debts: Sequence[Debt], owed: Mapping[str, int], world: World) -> int:
    """Debts of orders that were given up meanwhile: how many."""
    ended = [debt for debt in debts if not owed.get(debt.order)]
    for debt in ended:
        world.store.debts.pay(debt, debt.owed)
    return len(ended)


def _units(allotments: Iterable[Allotment]) -> int:
    return sum(allotment.units for allotment in allotments)


def _keys(shop: str, sku: str, units: int, world: World) -> tuple[tuple[Places, ...], list[Write]]:
    """Keys for so many units, or for fewer: the next batch goes on with the rest. VaultShortError when there are none."""
    vaults = world.store.vaults
    vault = vaults.vault(shop, sku)
    returned = vaults.returned(shop, sku, MOST_RANGES) if vault.back else ()
    pick = rules.pick(vault, returned, units)
    pick = rules.pick(vault, returned, total(pick.places[:MOST_RANGES]))
    if not pick.quantity:
        raise VaultShortError("More units are in stock than there are keys.", sku=sku, needed=units, left=vault.left)
    return pick.places, vaults.pick_writes(vault, pick)


def _placed(allotments: Iterable[Allotment], places: tuple[Places, ...]) -> list[Allotment]:
    found = []
    for allotment in allotments:
        own, places = begin(places, allotment.units)
        found.append(allotment.model_copy(update={"places": own}))
    return found


def _finish(queue: Queue, world: World, now: datetime) -> int:
    """The batch that another worker has left open. 0 when somebody else was faster."""
    if not world.store.queues.take_over(queue, now + LEASE):
        return 0
    batch = world.store.queues.batch(queue.shop, queue.sku, queue.batches)
    if batch is None:
        raise UnavailableError("The open batch cannot be read.")
    return _settled(batch, world, now)


def _settled(batch: Batch, world: World, now: datetime) -> int:
    """Everybody takes his allotment, and the batch is closed. Units given; 0 when another worker closed it, and counts them.

    An order that cannot be written keeps the batch open, and nobody of the batch from his goods.
    """
    orders = world.orders.several(batch.shop, [allotment.order for allotment in batch.allotments])
    given, trouble = [], None
    for allotment in batch.allotments:
        try:
            given.append(_hand_over(batch, allotment, orders.get(allotment.order), world, now))
        except HoldfastError as error:
            trouble = error
    if trouble is not None:
        raise trouble
    return sum(given) if _close(batch, given, world, now) else 0


def _hand_over(batch: Batch, allotment: Allotment, paid: PaidOrder | None, world: World, now: datetime) -> int:
    """Units that the order took of its allotment, now or in an earlier try: it knows its batches."""
    for _ in range(ATTEMPTS):
        taken = _taken(paid, batch)
        wanted = min(allotment.units, paid.owed().get(batch.sku, 0)) if paid is not None and not taken else 0
        if paid is None or not wanted or _fed(batch, allotment, wanted, paid, now):
            units = taken or wanted
            _pay(batch, allotment, units, world)
            return units
        paid = world.orders.paid(batch.shop, allotment.order)
    raise UnavailableError("A waiting order keeps changing.")


def _taken(paid: PaidOrder | None, batch: Batch) -> int:
    known = paid.given if paid is not None else ()
    return sum(given.units for given in known if (given.sku, given.batch) == (batch.sku, batch.number))


def _fed(batch: Batch, allotment: Allotment, units: int, paid: PaidOrder, now: datetime) -> bool:
    given = Given(sku=batch.sku, batch=batch.number, units=units, wave=paid.next_wave)
    left = paid.owed()[batch.sku] - units
    return paid.feed(given, _position(allotment) if left else None, now)


def _position(allotment: Allotment) -> str:
    return rules.next_round(allotment.position) if allotment.later else allotment.position


def _pay(batch: Batch, allotment: Allotment, units: int, world: World) -> None:
    """The debt as it was seen goes, or what is left of it stays or moves behind the others. One that was changed meanwhile, because
    something was given up, becomes what the order says.
    """
    seen = Debt(shop=batch.shop, sku=batch.sku, order=allotment.order, owed=allotment.owed, paid_at=batch.at, position=allotment.position)
    if units == allotment.owed and world.store.debts.pay(seen, units):
        return
    for _ in range(ATTEMPTS):
        if _agrees(batch, allotment, world):
            return
    raise UnavailableError("The waiting orders of this item keep changing.")


def _agrees(batch: Batch, allotment: Allotment, world: World) -> bool:
    """Make what stands in the queue what the order still waits for. The debt is read first: see `serving.forget`."""
    shop, sku, debts = batch.shop, batch.sku, world.store.debts
    standing = debts.at(shop, sku, allotment.position)
    paid = world.orders.paid(shop, allotment.order)
    owed = paid.owed().get(sku, 0) if paid is not None else 0
    if standing is None or paid is None:
        return True
    if owed and allotment.later and paid.position(sku) != allotment.position:
        moved = standing.model_copy(update={"owed": owed, "position": paid.position(sku)})
        try:
            world.store.commit(debts.move_writes(standing, moved), token=f"{allotment.order}#{sku}#{moved.position}#{owed}")
        except Conflict:
            return False
        return True
    return standing.owed == owed or debts.pay(standing, standing.owed - owed)


def _close(batch: Batch, given: Sequence[int], world: World, now: datetime) -> bool:
    """Safe to do twice at once: one of the two finds it closed, and is told False: its transaction has a name of its own. What
    an order left over is the last of its places.
    """
    shop, sku = batch.shop, batch.sku
    back = tuple(places for allotment, units in zip(batch.allotments, given, strict=True) for places in begin(allotment.places, units)[1])
    for _ in range(ATTEMPTS):
        queue = world.store.queues.queue(shop, sku)
        if not queue.open or queue.batches != batch.number:
            return False
        left = batch.units - sum(given)
        writes = [*world.stock.settle_writes(shop, sku, sum(given), left, batch.number, now), world.store.queues.close_write(queue)]
        if total(back):
            writes += world.store.vaults.give_back_writes(world.store.vaults.vault(shop, sku), back)
        try:
            world.store.commit(writes, token=f"{sku}#close#{batch.number}#{rfc3339(now)}")
            return True
        except Conflict:
            continue
    raise QueueMoved("The batch could not be closed. Try again.")
