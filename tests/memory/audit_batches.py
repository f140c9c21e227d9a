"""What must be true of batches: every unit and every key that left for those who wait is with one of them, or came back."""

from collections import Counter
from typing import Any

from holdfast.fulfilment.model import Batch, Queue, Vault, begin
from holdfast.orders.model import Order
from holdfast.stock.model import Movement
from holdfast.stock.selling import batch_name
from tests.memory.engine import Memory


def fed(order: Order, sku: str) -> int:
    """Units that came with batches."""
    return sum(meal.units for meal in order.fed if meal.sku == sku)


def audit_batches(memory: Memory, ledger: list[Movement]) -> None:
    for batch in memory.of("batch"):
        queue: Queue = memory.get("queue", batch.shop, batch.sku)
        taken = _taken(memory, batch)
        assert all(units <= batch.of(order).units for order, units in taken.items()), batch
        booked = -sum(
            line.quantity
            for row in ledger
            if row.document == batch_name(batch.sku, batch.number)
            for line in row.lines
            if line.sku == batch.sku
        )
        assert booked == (batch.units if _open(queue, batch) else sum(taken.values())), batch


def audit_queues(memory: Memory) -> None:
    """When nothing is under way any more."""
    for queue in memory.of("queue"):
        assert not queue.open, queue
        assert queue.waiting == bool(memory.of("debt", queue.shop, queue.sku)), queue
    for debt in memory.of("debt"):
        assert memory.get("queue", debt.shop, debt.sku).waiting, debt


def places_in_use(memory: Memory, vault: Vault) -> list[int]:
    """Places that are with an order, set aside for one, or on the list of what came back: once for each time."""
    found: list[Any] = [places for row in memory.of("delivery", vault.shop) if row.sku == vault.sku for places in row.places]
    for batch in memory.of("batch", vault.shop, vault.sku):
        taken, open_still = _taken(memory, batch), _open(memory.get("queue", vault.shop, vault.sku), batch)
        for allotment in batch.allotments:
            units = allotment.units if open_still else taken[allotment.order]
            found += begin(allotment.places, units)[0]
    found += memory.of("places", vault.shop, vault.sku)
    return sorted(number for places in found for number in places.numbers)


def _taken(memory: Memory, batch: Batch) -> Counter[str]:
    """By order, what it knows of the batch."""
    found: Counter[str] = Counter()
    for order in memory.of("order", batch.shop):
        for meal in order.fed:
            if (meal.sku, meal.batch) == (batch.sku, batch.number):
                found[order.id] += meal.units
    return found


def _open(queue: Queue, batch: Batch) -> bool:
    return queue.open and queue.batches == batch.number
