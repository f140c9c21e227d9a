"""The reminder before a hold ends: when, whether, and how often."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from holdfast.notifications.kinds import Kind
from holdfast.notifications.model import Notice
from holdfast.notifications.reminding import LONGEST_DELAY, MESSAGE, Held, remind, reminded_at
from holdfast.orders.model import Status
from holdfast.payments.providers.sandbox.proxy import Action
from holdfast.wiring.watching import HoldsOfOrders
from tests.memory.engine import Memory
from tests.memory.house import HOLD, House
from tests.memory.stores import in_memory
from tests.unit.notifications.rows import NOW

MINUTE = timedelta(minutes=1)


class Queue:
    """Keeps messages until their time has come."""

    def __init__(self) -> None:
        self.sent: list[tuple[Mapping[str, Any], timedelta]] = []

    def send(self, message: Mapping[str, Any], *, delay: timedelta = timedelta()) -> None:
        assert timedelta() <= delay <= LONGEST_DELAY
        assert delay == timedelta(seconds=int(delay.total_seconds())), "a queue counts in whole seconds"
        self.sent.append((message, delay))


class Order:
    """`Holds` of one order."""

    def __init__(self, until: timedelta | None, length: timedelta = 15 * MINUTE) -> None:
        self.state = Held(NOW + until, length) if until is not None else None

    def held(self, shop: str, order: str) -> Held | None:
        assert (shop, order) == ("demo", "ord_1")
        return self.state


def run(order: Order, now: datetime = NOW) -> tuple[list[Notice], Queue]:
    told: list[Notice] = []
    queue = Queue()
    remind("demo", "ord_1", holds=order, tell=told.append, messages=queue, now=now)
    return told, queue


def live(order: Order, now: datetime = NOW) -> list[tuple[datetime, Notice]]:
    """From message to message, as the queue brings them, until none comes any more."""
    told: list[tuple[datetime, Notice]] = []
    waiting = [now]
    for _ in range(200):
        if not waiting:
            return told
        now = waiting.pop()
        found, queue = run(order, now)
        told += [(now, notice) for notice in found]
        waiting += [now + delay for _, delay in queue.sent]
    raise AssertionError("messages without end")


@pytest.mark.parametrize(
    ("length", "lead"),
    [(15, 5), (60, 5), (24 * 60, 5), (9, 3), (3, 1)],
)
def test_a_third_of_the_hold_before_its_end_and_five_minutes_at_most(length: int, lead: int) -> None:
    held = Held(NOW + length * MINUTE, length * MINUTE)
    assert held.until - reminded_at(held) == lead * MINUTE


@pytest.mark.parametrize("minutes", [3, 9, 15, 60, 24 * 60])
def test_each_hold_is_told_of_once_when_its_time_has_come(minutes: int) -> None:
    order = Order(minutes * MINUTE, minutes * MINUTE)
    ((at, notice),) = live(order)
    assert order.state is not None
    assert at == reminded_at(order.state)
    assert (notice.kind, notice.subject, notice.order, notice.at) == (Kind.HOLD_EXPIRING, "ord_1", "ord_1", at)


def test_before_that_it_is_only_looked_at_later() -> None:
    told, queue = run(Order(15 * MINUTE))
    assert (told, queue.sent) == ([], [({"kind": MESSAGE, "shop": "demo", "order": "ord_1"}, 10 * MINUTE)])


def test_a_queue_keeps_nothing_back_for_hours() -> None:
    assert run(Order(90 * MINUTE, 90 * MINUTE))[1].sent[0][1] == LONGEST_DELAY


def test_no_message_comes_early_by_a_part_of_a_second() -> None:
    """It would find that it is not yet time, and be sent on without a delay, again and again."""
    order = Order(15 * MINUTE + timedelta(milliseconds=1))
    assert run(order)[1].sent[0][1] == 10 * MINUTE + timedelta(seconds=1)
    assert len(live(order)) == 1


@pytest.mark.parametrize(
    "order", [Order(None), Order(timedelta(0)), Order(-MINUTE), Order(2 * MINUTE, 2 * MINUTE)], ids=["gone", "now", "over", "short"]
)
def test_who_has_paid_or_given_up_or_is_at_the_checkout_is_left_alone(order: Order) -> None:
    told, queue = run(order)
    assert (told, queue.sent) == ([], [])


def test_the_same_end_has_the_same_name_whenever_it_is_told() -> None:
    order = Order(4 * MINUTE)
    first, second = run(order)[0][0], run(order, NOW + MINUTE)[0][0]
    assert first == second


def test_a_hold_that_was_made_longer_is_told_of_again_at_its_new_end() -> None:
    order = Order(15 * MINUTE)
    (first,), queue = run(order, NOW + 11 * MINUTE)
    assert order.state is not None
    order.state = Held(NOW + 30 * MINUTE, order.state.length)
    later = NOW + 11 * MINUTE + queue.sent[0][1]
    ((at, second),) = live(order, later)
    assert (at, first.event != second.event) == (NOW + 25 * MINUTE, True)


def test_who_pays_after_the_reminder_hears_no_more() -> None:
    order = Order(15 * MINUTE)
    _, queue = run(order, NOW + 11 * MINUTE)
    order.state = None
    assert live(order, NOW + 11 * MINUTE + queue.sent[0][1]) == []


def test_orders_as_they_are_held() -> None:
    house = House(in_memory(Memory()))
    house.product("A", 3)
    order = house.place(house.session(("A", 1))).order
    holds = HoldsOfOrders(house.stores.orders)
    assert holds.held("demo", order.id) == Held(house.now + HOLD, HOLD)
    house.now += HOLD / 2
    longer = house.extend(order)
    assert longer.hold is not None
    assert holds.held("demo", order.id) == Held(longer.hold.expires_at, HOLD)
    house.at_provider(order, Action.PAY)
    house.browser_returns(order)
    assert house.order(order).status is not Status.PENDING_PAYMENT
    assert holds.held("demo", order.id) is None
    assert holds.held("demo", "ord_nothing") is None
    assert holds.held("other", order.id) is None
