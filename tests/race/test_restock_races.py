"""Restocks, workers, refunds and buyers at once: each unit and each key goes to one order, and to the one whose turn it is."""

from collections.abc import Callable
from contextlib import suppress
from copy import copy
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from holdfast.catalogue.model import Kind, OnShortage
from holdfast.fulfilment import feeding
from holdfast.fulfilment.errors import QueueMoved
from holdfast.fulfilment.feeding import LEASE
from holdfast.fulfilment.model import Allotment, Batch
from holdfast.kernel.errors import HoldfastError
from holdfast.orders import refunding, rules
from holdfast.orders.checkout import Placed
from holdfast.orders.model import Order, Status
from holdfast.stock.model import PROMISES
from holdfast.wiring.orders import PaidOrderView
from tests.memory.faults import Fault, Faults, Killed, faulty
from tests.memory.house import House
from tests.memory.stores import Stores
from tests.memory.threads import just_before, meet, together
from tests.race.test_order_races import a_millisecond_apart, waiting

Careless = Callable[..., House]
GIVEN = 2
"""Units that each of those wants who wait."""


class DiesAfter(Faults):
    """The worker is gone after its first call of this name."""

    def __init__(self, name: str) -> None:
        super().__init__(Fault.KILLED_AFTER, 0)
        self._name = name

    def __call__(self, name: str, effect: Callable[[], Any]) -> Any:
        answer = effect()
        if name == self._name:
            raise Killed
        return answer


def dies(house: House, after: str, sku: str = "KEY") -> None:
    """A worker feeds those who wait, as far as it comes."""
    own = replace(house, stores=faulty(house.stores, DiesAfter(after)))
    with pytest.raises(Killed):
        feeding.feed(house.shop, sku, world=own.fulfilment_world, now=house.now)


def keys(house: House, orders: list[Order]) -> list[int]:
    """How many each has; no key is two people's."""
    found = [house.keys_of(order) for order in orders]
    assert len({key for of_order in found for key in of_order}) == sum(map(len, found))
    return [len(of_order) for of_order in found]


def bring(house: House, many: int, name: str = "late") -> None:
    house.import_keys("KEY", [f"{name}-{number}" for number in range(many)], name)


# Two restocks, two workers.


def test_two_restocks_at_once_feed_the_queue_once(house: House) -> None:
    orders = waiting(house, 4)

    def comes(own: House, name: str) -> int:
        bring(own, 3, name)
        return own.feed("KEY")

    answers = together(a_millisecond_apart(house, [lambda own: comes(own, "one"), lambda own: comes(own, "two")]))
    assert house.feed("KEY") + sum(answers) == 6
    assert keys(house, orders) == [2, 2, 2, 0]
    assert (house.level("KEY").on_hand, house.stores.fulfilment.debts.owed(house.shop, "KEY")) == (0, GIVEN)


def test_two_workers_who_saw_the_same_queue_open_one_batch(house: House) -> None:
    orders = waiting(house, 3)
    bring(house, 5)
    meet(house.stores.fulfilment.queues, "queue", 2)
    answers = together(a_millisecond_apart(house, [lambda own: own.feed("KEY")] * 2))
    assert sum(answers) == 5
    assert keys(house, orders) == [2, 2, 1]
    assert house.stores.fulfilment.queues.queue(house.shop, "KEY").batches == 1


def test_two_workers_at_one_open_batch_because_the_lease_is_over(house: House) -> None:
    orders = waiting(house, 3)
    bring(house, 5)
    dies(house, "commit")
    house.now += LEASE
    meet(house.stores.fulfilment.queues, "queue", 2)
    answers = together(a_millisecond_apart(house, [lambda own: own.feed("KEY")] * 2))
    assert sum(answers) == 5
    assert keys(house, orders) == [2, 2, 1]
    assert not house.stores.fulfilment.queues.queue(house.shop, "KEY").open


# Everybody at once.


def test_workers_new_orders_refunds_and_buyers_at_once(house: House) -> None:
    orders = waiting(house, 5)
    fresh = house.buy(("KEY", 1), accept_partial=True)
    house.browser_returns(fresh)
    sessions = [house.session(("KEY", 1)) for _ in range(3)]
    bring(house, 6)

    def gives_up(own: House) -> None:
        own.refund(orders[1])
        own.forget(orders[1])

    acts: list[Callable[[House], Any]] = [
        lambda own: own.feed("KEY"),
        lambda own: own.feed("KEY"),
        lambda own: own.serve(fresh),
        gives_up,
        *[lambda own, session=session: own.place(session) for session in sessions],
    ]
    answers = together(a_millisecond_apart(house, acts))
    for again in (lambda: house.serve(fresh), lambda: gives_up(house), lambda: house.feed("KEY")):
        _whatever_is_left(again)
    bought = sum(isinstance(answer, Placed) for answer in answers)
    assert bought == 0, "while others wait nobody buys what came for them"
    assert house.level("KEY").on_hand == 0
    got = keys(house, orders)
    assert got in ([2, 0, 2, 2, 0], [2, 2, 2, 0, 0]), got
    assert keys(house, [fresh]) == [0]
    _written_down_is_what_is_owed(house, [*orders, fresh])


def _whatever_is_left(act: Callable[[], Any]) -> None:
    try:
        act()
    except HoldfastError:
        return


def _written_down_is_what_is_owed(house: House, orders: list[Order]) -> None:
    owed = sum(rules.owed(order, order.line("KEY")) for order in map(house.order, orders))
    assert house.stores.fulfilment.debts.owed(house.shop, "KEY") == owed


# Without its guards.


def opened_beside(house: House) -> bool:
    """A worker that does not see that a batch is open; the one that opened it had units to give back."""
    orders = waiting(house, 2)
    bring(house, 4)
    dies(house, "commit")
    house.refund(orders[1])
    queue = house.stores.fulfilment.queues.queue(house.shop, "KEY")
    stands = house.stores.fulfilment.debts.head(house.shop, "KEY", 1)[0].position
    given = Allotment(order=orders[0].id, units=1, owed=2, position=stands)
    second = Batch(shop=house.shop, sku="KEY", number=2, at=house.now, allotments=(given,))
    with suppress(QueueMoved):
        house.stores.fulfilment.commit(house.stores.fulfilment.queues.open_writes(queue, second, house.now), token=f"{house.shop}#beside")
    house.feed("KEY")
    return house.free("KEY") == 2


def test_no_batch_is_opened_beside_another(house: House) -> None:
    assert opened_beside(house)


def test_without_the_guard_what_the_first_batch_leaves_over_is_lost(careless: Careless) -> None:
    assert not opened_beside(careless("NONE_OPEN"))


def closed_twice(house: House) -> tuple[int, int]:
    """Two finish a dead worker's batch. What may still be promised, and what is owed."""
    house.product("BOX", 0, on_shortage=OnShortage.BACKORDER, backorder_cap=10)
    for _ in range(3):
        order = house.buy(("BOX", 2), accept_partial=True)
        house.browser_returns(order)
        house.serve(order)
        house.now += timedelta(seconds=1)
    house.restock("BOX", 4, "late")
    dies(house, "commit", "BOX")
    house.now += LEASE
    slower, faster = house, replace(house, stores=_beside(house), now=house.now + LEASE)
    just_before(house.stores.fulfilment, "commit", lambda: faster.feed("BOX"))
    slower.feed("BOX")
    return house.level("BOX", PROMISES).available, house.stores.fulfilment.debts.owed(house.shop, "BOX")


def _beside(house: House) -> Stores:
    """The same stores, for a worker with whom nothing is timed."""
    return replace(house.stores, fulfilment=copy(house.stores.fulfilment))


def test_a_batch_is_closed_once(house: House) -> None:
    assert closed_twice(house) == (8, 2)


def test_without_the_guard_promises_are_kept_twice(careless: Careless) -> None:
    """Units that come back have a name in the ledger, and would not come twice; promises have none."""
    assert closed_twice(careless("STILL_OPEN")) == (12, 2)


def trimmed_while_fed(house: House) -> tuple[int, int]:
    """What is written down, and what the order waits for, when a part was given up and another part came at once."""
    house.product("KEY", 0, Kind.DIGITAL, OnShortage.BACKORDER)
    order = house.buy(("KEY", 5), accept_partial=True)
    house.browser_returns(order)
    house.serve(order)
    bring(house, 1)
    house.refund(order, refunding.Kind.LINES, lines={"KEY": 2})
    just_before(house.stores.fulfilment.debts, "pay", lambda: house.feed("KEY"))
    house.forget(order)
    return house.stores.fulfilment.debts.owed(house.shop, "KEY"), house.order(order).line("KEY").short


def test_a_debt_that_was_changed_meanwhile_is_looked_at_again(house: House) -> None:
    assert trimmed_while_fed(house) == (2, 2)


def test_without_the_guard_more_is_written_down_than_is_owed(careless: Careless) -> None:
    assert trimmed_while_fed(careless("SAME_DEBT")) == (3, 2)


def fed_by_one_that_died(house: House) -> list[list[str]]:
    """The worker died when the first had his keys, before anything else was written."""
    orders = waiting(house, 3)
    bring(house, 4)
    dies(house, "save")
    assert house.order(orders[0]).status is Status.COMPLETED
    house.feed("KEY")
    return [house.keys_of(order) for order in orders]


def test_an_order_remembers_what_it_was_fed(house: House) -> None:
    assert fed_by_one_that_died(house) == [["late-0", "late-1"], ["late-2", "late-3"], []]


def test_an_order_that_forgets_its_batches_has_its_keys_given_to_another(careless: Careless, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PaidOrderView, "given", ())
    first, second, third = fed_by_one_that_died(careless())
    assert (first, second) == (["late-0", "late-1"], ["late-2", "late-3"])
    assert third == first
