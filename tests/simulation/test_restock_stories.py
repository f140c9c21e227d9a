"""Restocks in any order with anything else, and restocks of a crowd."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from functools import partial
from random import Random

import pytest

from holdfast.catalogue.model import Kind, OnShortage
from holdfast.fulfilment import feeding
from holdfast.fulfilment.model import Debt
from holdfast.fulfilment.rules import position
from holdfast.kernel.ids import derived_id
from holdfast.orders import rules
from holdfast.stock.model import Movement
from holdfast.tenants.model import Waiting
from tests.memory.audit import audit
from tests.memory.audit_batches import audit_batches, audit_queues, fed
from tests.memory.engine import Memory
from tests.memory.faults import Fault, Faults, Killed, faulty
from tests.memory.house import House
from tests.simulation import test_restocks
from tests.simulation.test_restocks import KEY, PEN, Line, Meanwhile, attempt, ended, give_up, line, sorted_out

small_batches = test_restocks.small_batches


# Anything, in any order.


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("seed", range(30))
def test_any_story_of_restocks_ends_well(seed: int) -> None:
    chance = Random(seed)
    these = line(Waiting(most_per_round=chance.choice([1, 2])) if seed % 3 == 2 else None)
    came: Counter[str] = Counter()
    for step in range(25):
        happens(these, chance, came, step)
        audit(these.memory)
    ended(these)
    for sku in (KEY, PEN):
        _all_that_came_is_somewhere(these, sku, came[sku])
        if seed % 3 != 2:
            _first_come_first_served(these, sku)


def happens(these: Line, chance: Random, came: Counter[str], step: int) -> None:
    house, sku = these.house, chance.choice([KEY, PEN])
    match chance.choice(["join", "join", "join", "restock", "restock", "killed", "cut off", "both", "gives up", "time"]):
        case "join":
            skus = chance.sample([KEY, PEN], chance.choice([1, 1, 2]))
            attempt(lambda: these.join(*((name, chance.randint(1, 4)) for name in skus)))
        case "restock":
            units = chance.randint(1, 6)
            came[sku] += units
            these.deliver(sku, units, f"note-{step}")
        case "killed":
            these.feed(sku, Faults(chance.choice([Fault.KILLED_BEFORE, Fault.KILLED_AFTER]), chance.randint(1, 30)))
        case "cut off":
            these.feed(sku, Faults(chance.choice([Fault.LOST_REPLY, Fault.TWICE, Fault.REFUSED]), chance.randint(1, 30)))
        case "both":
            these.feed(sku, Meanwhile(partial(these.feed, sku), chance.randint(1, 20)))
        case "gives up" if these.orders:
            how = chance.choice(["refunded", "cancelled", "its debt alone"])
            attempt(partial(give_up, house, chance.choice(these.orders), how))
        case _:
            house.now += feeding.LEASE


def _all_that_came_is_somewhere(these: Line, sku: str, came: int) -> None:
    """On the shelf, or with those who bought it and did not bring it back."""
    sold = sum(line.allocated for order in these.memory.of("order") if order.paid_at for line in order.lines if line.sku == sku)
    on_hand = sum(level.on_hand for part, level in these.house.parts(sku).items() if part != "promises")
    assert sold + on_hand == came


def _first_come_first_served(these: Line, sku: str) -> None:
    """While one was short nobody who came later was fed."""
    live = [order for order in map(these.house.order, these.orders) if any(line.sku == sku for line in order.lines)]
    short = [rules.owed(order, order.line(sku)) > 0 for order in live]
    after = short.index(True) + 1 if True in short else len(live)
    assert [fed(order, sku) for order in live[after:]] == [0] * len(live[after:])


# Ten thousand.


CROWD, CAME = 10_000, 7_001


def test_ten_thousand_wait_and_workers_die_among_them() -> None:
    """Each message feeds so many batches and leaves the rest to the next; every third worker dies."""
    these = line()
    crowd(these, CROWD)
    these.house.restock("BOX", CAME, "a lorry")
    messages = 0
    while (meal := fed_by_a_message(these.house, messages)) is None or meal.again_in is not None:
        these.house.now += feeding.LEASE if meal is None else meal.again_in or timedelta()
        messages += 1
    audit_batches(these.memory, ledger_of(these.memory))
    audit_queues(these.memory)
    orders = sorted(these.memory.of("order"), key=lambda order: order.paid_at)
    assert [fed(order, "BOX") for order in orders] == sorted_out([2] * CROWD, CAME)
    assert these.house.level("BOX").on_hand == 0
    assert these.house.stores.fulfilment.debts.owed(these.house.shop, "BOX") == 2 * CROWD - CAME
    served = CAME // 2 + 1
    assert messages >= served // (feeding.BATCH * feeding.MOST_BATCHES)


def fed_by_a_message(house: House, message: int) -> feeding.Meal | None:
    """None: the worker died of it."""
    dies = Faults(Fault.KILLED_AFTER, 500 + message if message % 3 == 0 else -1)
    own = replace(house, stores=faulty(house.stores, dies))
    try:
        return feeding.feed(house.shop, "BOX", world=own.fulfilment_world, now=house.now)
    except Killed:
        return None


def crowd(these: Line, many: int) -> None:
    """So many orders like the first one, each paid a millisecond after the other."""
    house = these.house
    house.product("BOX", 0, Kind.PHYSICAL, OnShortage.BACKORDER)
    first = house.order(these.join(("BOX", 2)))
    assert first.paid_at is not None
    for number in range(1, many):
        at = first.paid_at + timedelta(milliseconds=number)
        order = first.model_copy(update={"id": derived_id("ord", at, house.shop, str(number)), "paid_at": at})
        stands = position(at, order.id)
        these.memory.put(("order", house.shop, order.id), order)
        debt = Debt(shop=house.shop, sku="BOX", order=order.id, owed=2, paid_at=at, position=stands)
        these.memory.put(("debt", house.shop, "BOX", stands), debt)


def ledger_of(memory: Memory) -> list[Movement]:
    return [*memory.of("movement"), *(sale for lock in memory.of("lock") if (sale := lock.movement()))]
