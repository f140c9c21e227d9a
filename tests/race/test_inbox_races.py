"""A provider that repeats itself, workers that meet, and staff who ask again: one event is stored once and has one effect."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from holdfast.kernel.errors import UnavailableError, VersionConflict
from holdfast.orders import events
from holdfast.orders.model import Order, Status
from holdfast.payments import keys, receiving, redriving
from holdfast.payments.model import EventState, News, ProviderEvent, Told
from tests.memory.bank import Bank
from tests.memory.house import House
from tests.memory.inbox import Desk, Passed
from tests.memory.threads import just_before, meet, together

Careless = Callable[..., House]
DELIVERIES = 25


class Telling(Bank):
    """Signs nothing, and tells of one payment."""

    def tells(self, payment: str) -> None:
        self.payment = payment

    def verify(self, headers: Mapping[str, str], raw: bytes, now: datetime) -> Told:
        return Told("evt_1", "payment", live=False, payment=self.payment)


def opened(house: House) -> tuple[Desk, Order]:
    house.product("A", 5)
    bank = Telling()
    house.stores.provider = bank
    order = house.place(house.session(("A", 2))).order
    bank.tells(order.payment.id)
    return Desk(house, bank), order


def a_millisecond_apart(desk: Desk, count: int) -> list[Desk]:
    """Each worker has a clock of its own; stores, book and queue are the same."""
    houses = [replace(desk.house, now=desk.house.now + timedelta(milliseconds=number)) for number in range(count)]
    return [replace(desk, house=house) for house in houses]


def received(desk: Desk) -> ProviderEvent:
    return receiving.receive(
        desk.house.shop, {}, b"{}", provider=desk.bank, inbox=desk.house.stores.inbox, pass_on=desk.passed, now=desk.house.now
    )


def paid_how_often(desk: Desk, order: Order) -> int:
    return [event.type for event in desk.house.order(order).events].count(events.PAID)


def test_25_deliveries_at_once_are_one_event_and_one_effect(house: House) -> None:
    desk, order = opened(house)
    desk.bank.becomes(order.payment.id, news=News.AUTHORIZED)
    stored = together([lambda own=own: received(own) for own in a_millisecond_apart(desk, DELIVERIES)])  # type: ignore[misc]
    assert {event.id for event in stored} == {"evt_1"}
    assert len({event.received_at for event in stored}) == 1  # what stands is the first one's
    messages = desk.passed.take()
    assert len(messages) == DELIVERIES
    workers = a_millisecond_apart(desk, DELIVERIES)
    ended = together([lambda own=own: own.work_at(stored[0]) for own in workers])  # type: ignore[misc]
    assert not [one for one in ended if isinstance(one, UnavailableError)]
    desk.work_at(stored[0])  # whoever met the others too often comes again by the queue
    found = desk.house.order(order)
    assert (found.status, found.payment.captured, desk.house.level("A").on_hand) == (Status.PAID, order.amount, 3)
    assert (paid_how_often(desk, order), desk.bank.book[order.payment.id].refunded) == (1, 0)
    assert desk.stored(stored[0]).state is EventState.APPLIED


def test_deliveries_and_workers_all_together(house: House) -> None:
    desk, order = opened(house)
    desk.bank.becomes(order.payment.id, news=News.SUCCEEDED)
    first = received(desk)
    both = [
        act
        for own in a_millisecond_apart(desk, 12)
        for act in (lambda own=own: received(own), lambda own=own: own.work_at(first))  # type: ignore[misc]
    ]
    together(both)
    desk.work_at(first)
    assert (paid_how_often(desk, order), desk.stored(first).state) == (1, EventState.APPLIED)


# What was applied stays so.


def delivered_after_its_effect(desk: Desk, order: Order) -> EventState:
    desk.bank.becomes(order.payment.id, news=News.SUCCEEDED)
    desk.work_at(received(desk))
    desk.house.now += timedelta(minutes=1)
    return received(desk).state


def test_a_repetition_finds_what_became_of_the_event(house: House) -> None:
    assert delivered_after_its_effect(*opened(house)) is EventState.APPLIED


def test_without_the_guard_a_repetition_begins_anew(careless: Careless) -> None:
    assert delivered_after_its_effect(*opened(careless("NEVER_SEEN"))) is EventState.RECEIVED


def failed_while_another_applied_it(desk: Desk, order: Order) -> EventState:
    """A slow worker's last try fails, and it notes that when a faster one has settled the event."""
    desk.bank.becomes(order.payment.id, news=News.SUCCEEDED)
    event = received(desk)
    just_before(desk.house.stores.inbox, "save", lambda: desk.work_at(event))
    slow = replace(desk, house=replace(desk.house, now=desk.house.now + timedelta(seconds=9)))
    slow.failed(event, UnavailableError("slow"), last=True)
    return desk.stored(event).state


def test_a_failure_does_not_hide_an_effect(house: House) -> None:
    assert failed_while_another_applied_it(*opened(house)) is EventState.APPLIED


def test_without_the_guard_it_does(careless: Careless) -> None:
    assert failed_while_another_applied_it(*opened(careless("SAME_EVENT"))) is EventState.DEAD


def asked_again_while_it_is_worked_at(desk: Desk, order: Order) -> tuple[EventState, bool]:
    """The state that it ends in, and whether staff were told that it is on its way."""
    desk.bank.becomes(order.payment.id, news=News.SUCCEEDED)
    event = received(desk)
    desk.failed(event, UnavailableError("down"))
    desk.passed.take()
    just_before(desk.house.stores.inbox, "save", lambda: desk.work_at(event))
    name, passed = keys.webhook_id(event.provider, event.id), Passed()
    try:
        redriving.replay(desk.house.shop, name, inbox=desk.house.stores.inbox, pass_on=passed, now=desk.house.now)
    except VersionConflict:
        return desk.stored(event).state, False
    return desk.stored(event).state, True


def test_who_asks_again_at_the_moment_of_its_effect_is_told_so(house: House) -> None:
    assert asked_again_while_it_is_worked_at(*opened(house)) == (EventState.APPLIED, False)


def test_without_the_guard_it_looks_as_if_nothing_had_happened(careless: Careless) -> None:
    assert asked_again_while_it_is_worked_at(*opened(careless("SAME_EVENT"))) == (EventState.RECEIVED, True)


def test_of_two_who_ask_again_one_does(house: House) -> None:
    desk, _ = opened(house)
    event = received(desk)
    desk.failed(event, UnavailableError("down"), last=True)
    name, passed = keys.webhook_id(event.provider, event.id), Passed()
    meet(desk.house.stores.inbox, "get", 2)
    inbox: Any = desk.house.stores.inbox

    def again() -> ProviderEvent:
        return redriving.replay(desk.house.shop, name, inbox=inbox, pass_on=passed, now=desk.house.now)

    answers = together([again, again])
    # The very same write is taken for a repeated delivery of itself: then both are told so, and a message more does no harm.
    assert {type(answer) for answer in answers} <= {ProviderEvent, VersionConflict}
    assert desk.stored(event).version == 3
    assert len(passed.sent) in {1, 2}


@pytest.mark.parametrize("workers", [2, 8])
def test_what_was_agreed_to_is_collected_once_by_however_many(house: House, workers: int) -> None:
    desk, order = opened(house)
    desk.bank.becomes(order.payment.id, news=News.AUTHORIZED)
    event = received(desk)
    original, collected = desk.bank.capture, []

    def capture(*given: Any) -> Any:
        fact = original(*given)
        collected.append(fact)
        return fact

    desk.bank.capture = capture  # type: ignore[method-assign]
    meet(desk.bank, "status", workers)
    together([lambda own=own: own.work_at(event) for own in a_millisecond_apart(desk, workers)])  # type: ignore[misc]
    assert (len(collected), paid_how_often(desk, order)) == (1, 1)
