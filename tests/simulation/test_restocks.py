"""Many wait, goods come in bit by bit, and whatever may go wrong goes wrong: workers die at every call, others are at it at once, those
who wait give up, buyers come. Who paid first is served first, with what there is, and no key is two people's.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from holdfast.catalogue.model import Kind, OnShortage
from holdfast.fulfilment import feeding
from holdfast.kernel.errors import HoldfastError
from holdfast.orders import refunding
from holdfast.orders.model import Order
from holdfast.stock.errors import InsufficientStock
from holdfast.tenants.model import Waiting
from tests.memory.audit import audit, audit_end
from tests.memory.audit_batches import fed
from tests.memory.backstage import Backstage
from tests.memory.engine import Memory
from tests.memory.faults import Fault, Faults, Killed, faulty
from tests.memory.house import House
from tests.memory.stores import in_memory

KEY, PEN = "KEY", "PEN"
CAP = 60
LONG = 400
"""More calls than a feed of these queues makes."""


class Meanwhile(Faults):
    """Just before the chosen call somebody else does something, all of it."""

    def __init__(self, act: Callable[[], Any], at: int) -> None:
        super().__init__(Fault.REFUSED, at)
        self._act = act

    def __call__(self, name: str, effect: Callable[[], Any]) -> Any:
        self.count += 1
        if self.count == self.at:
            self.met = name
            self._act()
        return effect()


@dataclass
class Line:
    """Those who wait, as they came: who paid, and for what."""

    memory: Memory
    house: House
    stage: Backstage
    orders: list[Order]

    def join(self, *lines: tuple[str, int]) -> Order:
        order = self.house.buy(*lines, accept_partial=True)
        self.house.browser_returns(order)
        self.house.serve(order)
        self.house.now += timedelta(seconds=1)
        self.orders.append(order)
        return order

    def deliver(self, sku: str, units: int, name: str) -> None:
        if sku == KEY:
            self.house.import_keys(KEY, [f"{name}-{number}" for number in range(units)], name)
        else:
            self.house.restock(sku, units, name)

    def feed(self, sku: str, faults: Faults | None = None) -> None:
        """One message of the worker: it may die of it."""
        house = replace(self.house, stores=faulty(self.house.stores, faults)) if faults else self.house
        attempt(partial(feeding.feed, house.shop, sku, world=house.fulfilment_world, now=house.now))

    def got(self, sku: str) -> list[int]:
        return [fed(self.house.order(order), sku) for order in self.orders]

    def keys(self) -> list[str]:
        return [key for order in self.orders for key in self.house.keys_of(order)]


def attempt(act: Callable[[], Any]) -> None:
    try:
        act()
    except (Killed, HoldfastError):
        return


def line(waiting: Waiting | None = None) -> Line:
    memory = Memory()
    house = House(in_memory(memory), settings={"waiting": waiting} if waiting else {})
    house.product(KEY, 0, Kind.DIGITAL, OnShortage.BACKORDER, backorder_cap=CAP)
    house.product(PEN, 0, Kind.PHYSICAL, OnShortage.BACKORDER, backorder_cap=CAP)
    house.shards(PEN, 3)
    return Line(memory, house, Backstage(memory, house), [])


def ended(these: Line) -> None:
    these.stage.settle_down()
    audit_end(these.memory)
    keys = these.keys()
    assert len(keys) == len(set(keys))


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeding, "BATCH", 2)


WANTED, HERE = (2, 1, 3, 2), 5
SERVED = [2, 1, 2, 0]


def waiting_line() -> Line:
    """Four wait for eight keys, and five came."""
    these = line()
    for units in WANTED:
        these.join((KEY, units))
    these.deliver(KEY, HERE, "first")
    return these


def everywhere(meets: Callable[[int], Faults]) -> None:
    """Until a feed ends before the chosen call."""
    assert next(at for at in range(1, LONG) if not meets(at).met) > 15


# A worker is killed, cut off, refused, delivered twice.


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("fault", Fault)
def test_who_paid_first_is_served_first_wherever_a_worker_dies(fault: Fault) -> None:
    def meets(at: int) -> Faults:
        these = waiting_line()
        these.feed(KEY, faults := Faults(fault, at))
        audit(these.memory)
        these.house.feed(KEY)
        audit(these.memory)
        assert these.got(KEY) == SERVED
        assert sorted(these.keys()) == [f"first-{number}" for number in range(HERE)]
        these.deliver(KEY, 4, "second")
        ended(these)
        assert these.got(KEY) == list(WANTED)
        assert these.house.free(KEY) == 1
        return faults

    everywhere(meets)


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("giving_up", ["refunded", "cancelled", "its debt alone"])
@pytest.mark.parametrize("killed", [Fault.KILLED_BEFORE, Fault.KILLED_AFTER])
def test_one_gives_up_after_a_worker_died(killed: Fault, giving_up: str) -> None:
    """The second's unit, set aside or not, goes to who comes next; if he has it already, that is known to all."""

    def meets(at: int) -> Faults:
        these = waiting_line()
        these.feed(KEY, faults := Faults(killed, at))
        attempt(partial(give_up, these.house, these.orders[1], giving_up))
        audit(these.memory)
        ended(these)
        assert sum(these.got(KEY)) == HERE
        assert these.got(KEY) in ([2, 0, 3, 0], SERVED)
        return faults

    everywhere(meets)


def give_up(house: House, order: Order, how: str) -> None:
    if how == "cancelled":
        house.cancel(order)
    else:
        house.refund(order, refunding.Kind.DEBT if how == "its debt alone" else refunding.Kind.FULL)


# Somebody else comes in between, at every call.


@pytest.mark.usefixtures("small_batches")
def test_two_workers_at_once_give_each_unit_once() -> None:
    def meets(at: int) -> Faults:
        these = waiting_line()
        these.feed(KEY, faults := Meanwhile(partial(these.feed, KEY), at))
        audit(these.memory)
        these.house.feed(KEY)
        assert these.got(KEY) == SERVED
        ended(these)
        return faults

    everywhere(meets)


@pytest.mark.usefixtures("small_batches")
def test_two_workers_on_one_batch_because_the_lease_is_over() -> None:
    """The first is slow: when its lease is over the second finishes its batch, and goes on."""

    def meets(at: int) -> Faults:
        these = waiting_line()
        these.feed(KEY, faults := Meanwhile(partial(these.house.feed, KEY), at))
        audit(these.memory)
        these.house.feed(KEY)
        assert these.got(KEY) == SERVED
        assert sorted(these.keys()) == [f"first-{number}" for number in range(HERE)]
        ended(these)
        return faults

    everywhere(meets)


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("kind", [refunding.Kind.FULL, refunding.Kind.DEBT])
def test_one_gives_up_while_a_worker_is_at_it(kind: refunding.Kind, number: int) -> None:
    def meets(at: int) -> Faults:
        these = waiting_line()
        order = these.orders[number]

        def refund() -> None:
            these.house.refund(order, kind)
            these.house.forget(order)

        these.feed(KEY, faults := Meanwhile(partial(attempt, refund), at))
        audit(these.memory)
        ended(these)
        others = [units for at, units in enumerate(these.got(KEY)) if at != number]
        assert sum(these.got(KEY)) + these.house.free(KEY) == HERE
        assert others == sorted_out([units for at, units in enumerate(WANTED) if at != number], HERE - these.got(KEY)[number])
        return faults

    everywhere(meets)


def sorted_out(wanted: list[int], units: int) -> list[int]:
    found = []
    for one in wanted:
        found.append(min(one, units))
        units -= found[-1]
    return found


@pytest.mark.usefixtures("small_batches")
def test_a_new_buyer_gets_nothing_before_those_who_wait() -> None:
    """At whatever moment he comes: he is refused, or finds what nobody waits for."""

    def meets(at: int) -> Faults:
        these = waiting_line()
        these.house.product("CARD", 1)

        def come() -> None:
            with pytest.raises(InsufficientStock):
                these.house.place(these.house.session((KEY, HERE + CAP)), "too many")
            late = these.house.buy((KEY, 2), accept_partial=True)
            assert late.allocated.get(KEY, 0) == 0
            these.house.browser_returns(late)

        these.feed(KEY, faults := Meanwhile(come, at))
        audit(these.memory)
        ended(these)
        assert these.got(KEY) == SERVED
        return faults

    everywhere(meets)


# Caps and priorities.


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("fault", Fault)
def test_with_a_cap_all_have_their_turn_before_anybody_has_a_second(fault: Fault) -> None:
    def meets(at: int) -> Faults:
        these = line(Waiting(most_per_round=2))
        for units in (5, 1, 3):
            these.join((KEY, units))
        these.deliver(KEY, 6, "first")
        these.feed(KEY, faults := Faults(fault, at))
        audit(these.memory)
        these.house.feed(KEY)
        assert these.got(KEY) == [3, 1, 2]
        these.deliver(KEY, 1, "second")
        these.house.feed(KEY)
        assert these.got(KEY) == [3, 1, 3]
        these.deliver(KEY, 3, "third")
        ended(these)
        assert these.got(KEY) == [5, 1, 3]
        return faults

    everywhere(meets)


def test_who_goes_first_goes_before_all_who_paid_earlier_but_not_before_what_they_have() -> None:
    these = line(Waiting(first_from=10_000))
    for units in (2, 2, 6):
        these.join((KEY, units))
    these.deliver(KEY, 1, "first")
    these.house.feed(KEY)
    assert these.got(KEY) == [0, 0, 1]
    these.join((KEY, 7))
    these.deliver(KEY, 7, "second")
    these.house.feed(KEY)
    assert these.got(KEY) == [0, 0, 6, 2]
    these.deliver(KEY, 9, "third")
    ended(these)
    assert these.got(KEY) == [2, 2, 6, 7]
