"""How long those who wait have to wait when goods come: 100, 1,000 and 5,000 paid orders, and a restock of seven tenths of that.

python3 infra/dev.py bench restock

The first order of each queue is bought and paid over HTTP and is served by the deployed workers. The others are copies of it, written
into the tables with their place in the queue and without their history, which would have to be told to thousands first. The restock is a
request of staff, and all that follows is the deployed functions' work: the stream that wakes the queue, batches, events, mails.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from pathlib import Path
from typing import Any

from holdfast.fulfilment import rules
from holdfast.fulfilment.feeding import BATCH
from holdfast.fulfilment.model import Debt
from holdfast.fulfilment.repository import DynamoFulfilment
from holdfast.kernel.ids import derived_id
from holdfast.notifications.kinds import Channel
from holdfast.notifications.model import Status as Sent
from holdfast.notifications.repository import DynamoNotifications
from holdfast.orders.model import Order, Status
from holdfast.orders.repository import DynamoOrders
from holdfast.platform import aws
from holdfast.platform.dynamo import DynamoCommit, Table
from infra.local import emulator
from infra.local.story import World, product

SIZES = (100, 1_000, 5_000)
MAILED = 1_000
"""In longer queues the mails are not waited for: the emulator sends few a second, and what one of them takes is known by then."""
COMMITTED = 50
PATIENCE = 1_200.0
LOOK_AGAIN = 0.1
Json = dict[str, Any]


@dataclass(frozen=True)
class Stores:
    orders: DynamoOrders
    fulfilment: DynamoFulfilment
    notifications: DynamoNotifications


@dataclass(frozen=True)
class Figures:
    """Seconds, from the moment when the restock was answered."""

    waiting: int
    units: int
    batches: int
    answered: float
    fed: float
    mailed: float | None


def main(sizes: Sequence[int] = SIZES) -> int:
    status: Json = json.loads(Path(os.environ["HOLDFAST_STATUS"]).read_text(encoding="utf-8"))
    os.environ.update(emulator.credentials(status["emulator_url"]))
    tables = {name: Table(aws.dynamodb(), table) for name, table in status["tables"].items()}
    stores = Stores(
        DynamoOrders(tables["orders"]),
        DynamoFulfilment(tables["fulfilment"], DynamoCommit(aws.dynamodb())),
        DynamoNotifications(tables["notifications"], DynamoCommit(aws.dynamodb())),
    )
    print(
        f"\n{'waiting':>8} {'units':>6} {'batches':>8} {'answer s':>9} {'all fed s':>10} {'ms each':>8} {'all mails s':>12} {'ms each':>8}"
    )
    for size in sizes:
        report(measure(World.of(status), stores, size))
    return 0


def report(found: Figures) -> None:
    head = f"{found.waiting:>8} {found.units:>6} {found.batches:>8} {found.answered:>9.2f} {found.fed:>10.1f}"
    mails = f"{found.mailed:>12.1f} {1000 * found.mailed / found.units:>8.1f}" if found.mailed is not None else ""
    print(f"{head} {1000 * found.fed / found.units:>8.1f} {mails}", flush=True)


def measure(world: World, stores: Stores, size: int) -> Figures:
    sku = world.new_sku(f"QUEUE-{size}")
    orders = crowd(world, stores, sku, size)
    units = size * 7 // 10
    begun = time.monotonic()
    world.api.restock(sku, units)
    answered = time.monotonic()
    shop = world.api.shop
    patiently(lambda: is_fed(world, stores, sku, units), f"{units} of {size} to be fed")
    fed = time.monotonic()
    for order in orders[:units] if size <= MAILED else ():
        patiently(lambda order=order: is_told(stores, order), f"the mail about {order.id}")  # type: ignore[misc]
    mailed = time.monotonic() - answered if size <= MAILED else None
    right_ones(stores, orders, units)
    return Figures(size, units, stores.fulfilment.queues.queue(shop, sku).batches, answered - begun, fed - answered, mailed)


def crowd(world: World, stores: Stores, sku: str, size: int) -> list[Order]:
    """In the order in which they were paid."""
    world.api.put_product(sku, product(sku, "Ring box", "physical", 4900, "backorder"))
    placed = world.wait_for_status(world.buy(sku, 1, world.buyer("queue"), accept_partial=True), Status.AWAITING_STOCK)
    first = stores.orders.get(world.api.shop, placed["id"])
    assert first is not None
    orders = [first, *(like(first, number) for number in range(1, size))]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(stores.orders.add, orders[1:]))
    for start in range(1, size, COMMITTED):
        writes = [stores.fulfilment.debts.add_write(debt_of(order, sku)) for order in orders[start : start + COMMITTED]]
        stores.fulfilment.commit(writes, token=f"{sku}#{start}")
    return orders


def like(first: Order, number: int) -> Order:
    """Paid so many milliseconds later."""
    assert first.paid_at is not None
    at = first.paid_at + timedelta(milliseconds=number)
    identity = derived_id("ord", at, first.shop, first.id, str(number))
    return first.model_copy(update={"id": identity, "paid_at": at, "events": ()})


def debt_of(order: Order, sku: str) -> Debt:
    assert order.paid_at is not None
    stands = rules.position(order.paid_at, order.id)
    return Debt(shop=order.shop, sku=sku, order=order.id, owed=1, paid_at=order.paid_at, position=stands)


def is_fed(world: World, stores: Stores, sku: str, units: int) -> bool:
    queue = stores.fulfilment.queues.queue(world.api.shop, sku)
    return queue.batches >= ceil(units / BATCH) and not queue.open and world.api.level(sku)["on_hand"] == 0


def is_told(stores: Stores, order: Order) -> bool:
    """That the goods are there: the mail is out."""
    rows = stores.notifications.of_subject(order.shop, order.id)
    out = {Sent.SENT, Sent.DELIVERED}
    return any(row.notice.kind == "stock_allocated" and row.recipient.channel is Channel.EMAIL and row.status in out for row in rows)


def right_ones(stores: Stores, orders: list[Order], units: int) -> None:
    """Who paid first, and nobody twice."""
    for place, order in enumerate(orders):
        now = stores.orders.get(order.shop, order.id)
        assert now is not None
        assert sum(fed.units for fed in now.fed) == (1 if place < units else 0), (place, order.id)


def patiently(done: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not done():
        if time.monotonic() > end:
            raise SystemExit(f"waited {PATIENCE:.0f} s for {what}")
        time.sleep(LOOK_AGAIN)


if __name__ == "__main__":
    sys.exit(main())
