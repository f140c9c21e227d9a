"""What a buyer does with the stock, without an order around it."""

from typing import Any

import pytest

from holdfast.kernel.ids import entry_id
from holdfast.stock import booking, holding, releasing
from holdfast.stock.model import MAIN, Level, LevelKey, Line, Lock, Reason
from holdfast.stock.planning import first_shard
from holdfast.wiring.orders import OrdersForSweep
from tests.memory.engine import Memory
from tests.memory.house import GRACE, HOLD, House
from tests.memory.stores import in_memory


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def house(memory: Memory) -> House:
    return House(in_memory(memory))


def wish(sku: str, quantity: int, partial: bool = False, **limits: Any) -> Line:
    return Line(sku=sku, quantity=quantity, partial=partial, **limits)


def hold(house: House, lock: str, *lines: Line, order: str = "ord", fingerprint: str = "asked", **more: Any) -> holding.Held:
    command = holding.Hold(
        shop=house.shop, lock=lock, order=order, lines=lines, expires_at=house.now + HOLD, fingerprint=fingerprint, **more
    )
    return holding.hold(command, store=house.stores.stock, recall=house.recall, grace=GRACE, now=house.now)


def standing(house: House, lock: str) -> Lock:
    found = house.stores.stock.locks.get(house.shop, lock)
    assert found is not None
    return found


def release(house: House, lock: str) -> int:
    return releasing.release(house.shop, lock, store=house.stores.stock)


def swept(house: House, lock: Lock) -> int:
    return releasing.expire_lock(lock, store=house.stores.stock, orders=OrdersForSweep(house.stores.orders), grace=GRACE, now=house.now)


def parts(house: House, sku: str) -> dict[str, Level]:
    """Every part of the SKU, checked."""
    found = house.parts(sku)
    assert all(level.conserved() for level in found.values()), found
    return found


def held(house: House, sku: str, lock: str) -> dict[str, int]:
    """Units under the lock's name, by part."""
    name = entry_id(lock)
    return {part: level.entries[name].quantity for part, level in parts(house, sku).items() if name in level.entries}


def figures(house: House, sku: str) -> dict[str, tuple[int, int]]:
    """On hand and available, by part."""
    return {part: (level.on_hand, level.available) for part, level in parts(house, sku).items()}


def spread(house: House, sku: str, *units: int) -> None:
    """A SKU with so many units in its shards."""
    house.product(sku, 0)
    house.shards(sku, len(units))
    for part, quantity in enumerate(units):
        if quantity:
            put(house, sku, quantity, str(part))


def put(house: House, sku: str, quantity: int, part: str) -> None:
    """Units come into one part."""
    level = house.level(sku, part)
    cause = booking.Cause(
        shop=house.shop,
        sku=sku,
        identity=f"{part}@{level.version}",
        reason=Reason.RESTOCK if quantity > 0 else Reason.WRITE_OFF,
        actor="test",
    )
    changes = [(level, quantity)]
    writes = [
        house.stores.stock.ledger.movement_write(booking.movement(cause, changes, house.now)),
        *booking.change_writes(changes, cause, house.stores.stock),
    ]
    house.stores.stock.commit(writes, token=cause.movement)


def adjust(house: House, sku: str, delta: int, identity: str = "count", location: str = MAIN, expected: int | None = None) -> None:
    command = booking.Adjust(
        shop=house.shop, sku=sku, identity=identity, actor="test", delta=delta, location=location, expected_available=expected
    )
    booking.adjust(command, store=house.stores.stock, grace=GRACE, now=house.now)


def transfer(house: House, sku: str, quantity: int, source: str, target: str, identity: str = "van") -> None:
    command = booking.Transfer(shop=house.shop, sku=sku, identity=identity, actor="test", quantity=quantity, source=source, target=target)
    booking.transfer(command, store=house.stores.stock, grace=GRACE, now=house.now)


def lock_at(shard: int, shards: int, start: int = 0) -> str:
    """The name of a lock that begins at that shard."""
    return next(name for number in range(start, start + 10_000) if first_shard(name := f"lck-{number}", shards) == str(shard))


def key(house: House, sku: str, part: str) -> LevelKey:
    return LevelKey(shop=house.shop, sku=sku, part=part)
