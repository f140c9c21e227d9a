"""Two workers, two ticks, two administrators: one attempt per claim, one delivery per event, one endpoint per place.

And a worker that dies between the request and its mark: the attempt is made again, under the same id.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from holdfast.webhooks import endpoints, replaying
from holdfast.webhooks.errors import DeliveryInFlight, TooManyEndpoints
from holdfast.webhooks.model import LEASE, Delivery, Endpoint, Outcome, State
from holdfast.webhooks.rules import MOST_ENDPOINTS
from tests.memory.house import House
from tests.memory.mailroom import Shop
from tests.memory.threads import just_before, meet, together

Careless = Callable[..., House]


@pytest.fixture
def desk(house: House) -> Shop:
    return Shop(house.stores.webhooks, house.shop)


def of(house: House) -> Shop:
    return Shop(house.stores.webhooks, house.shop)


def heard(desk: Shop) -> tuple[Endpoint, Delivery]:
    endpoint = desk.endpoint()
    desk.hear()
    return endpoint, desk.only(endpoint)


def a_millisecond_apart(desk: Shop, count: int) -> list[Shop]:
    """Each worker has a clock of its own; receiver and messages are the same."""
    return [replace(desk, now=desk.now + timedelta(milliseconds=number)) for number in range(count)]


# Two workers, one delivery.


def both_attempt(desk: Shop) -> int:
    _, row = heard(desk)
    meet(desk.store, "get", 2)  # both have seen it free
    together([lambda own=own: own.attempt(row) for own in a_millisecond_apart(desk, 2)])  # type: ignore[misc]
    return len(desk.receiver.received)


def test_two_workers_make_one_attempt(desk: Shop) -> None:
    assert both_attempt(desk) == 1


def test_without_the_guard_they_make_two(careless: Careless) -> None:
    assert both_attempt(of(careless("SAME_DELIVERY"))) == 2


def test_twelve_workers_make_one_attempt(desk: Shop) -> None:
    endpoint, row = heard(desk)
    together([lambda own=own: own.attempt(row) for own in a_millisecond_apart(desk, 12)])  # type: ignore[misc]
    assert (len(desk.receiver.received), desk.only(endpoint).state) == (1, State.DELIVERED)


# One event, twice.


def heard_twice(desk: Shop) -> int:
    """Its repetition comes when it has been delivered."""
    _, row = heard(desk)
    desk.attempt(row)
    desk.later(seconds=1)
    desk.hear()
    desk.attempt(row)
    return len(desk.receiver.received)


def test_an_event_that_comes_again_is_not_sent_again(desk: Shop) -> None:
    assert heard_twice(desk) == 1


def test_without_the_guard_it_is(careless: Careless) -> None:
    assert heard_twice(of(careless("FIRST_TIME"))) == 2


def test_one_event_from_eight_threads_is_one_delivery(desk: Shop) -> None:
    endpoint = desk.endpoint()
    together([own.hear for own in a_millisecond_apart(desk, 8)])
    together([lambda own=own: own.attempt(desk.only(endpoint)) for own in a_millisecond_apart(replace(desk, now=desk.now + LEASE), 8)])  # type: ignore[misc]
    assert len(desk.receiver.received) == 1


# A worker dies.


def test_a_crash_between_the_request_and_its_mark(desk: Shop) -> None:
    endpoint, row = heard(desk)

    class Killed(BaseException):
        pass

    def dies(*_: Any) -> bool:
        raise Killed

    saved, desk.store.save = desk.store.save, lambda delivery: saved(delivery) if not desk.receiver.received else dies()  # type: ignore[method-assign]
    with pytest.raises(Killed):
        desk.attempt(row)
    desk.store.save = saved  # type: ignore[method-assign]
    assert desk.attempt(row) is None  # the lease stands
    assert desk.tick() == 0
    desk.now += LEASE
    desk.messages.sent.clear()
    assert desk.tick() == 1
    desk.attempt(row)
    assert desk.attempt(row) is None
    ids = [headers["webhook-id"] for _, headers, _ in desk.receiver.received]
    found = desk.only(endpoint)
    assert ids == ["evt_1", "evt_1"]
    assert (found.state, [one.outcome for one in found.attempts]) == (State.DELIVERED, [Outcome.STARTED, Outcome.DELIVERED])


def test_a_worker_that_was_thought_dead_does_not_undo_what_the_next_one_did(desk: Shop) -> None:
    endpoint, row = heard(desk)
    slow = row.claimed("clm_slow", desk.now)
    assert desk.store.save(slow)
    desk.now += LEASE
    desk.attempt(row)
    assert not desk.store.save(slow.ended(State.FAILED))
    assert desk.only(endpoint).state is State.DELIVERED


# Two ticks.


def two_ticks(desk: Shop) -> int:
    """Both have seen it due; the other one is faster by a hair."""
    heard(desk)
    desk.messages.sent.clear()
    desk.later(minutes=2)
    just_before(desk.store, "postpone", replace(desk, now=desk.now + timedelta(milliseconds=1)).tick)
    desk.tick()
    return len([one for one, _ in desk.messages.sent if one["shop"] == desk.shop])


def test_two_ticks_hand_a_delivery_over_once(desk: Shop) -> None:
    assert two_ticks(desk) == 1


def test_without_the_guard_they_hand_it_over_twice(careless: Careless) -> None:
    assert two_ticks(of(careless("SAME_WAKE"))) == 2


# Places.


def test_twenty_at_once_get_ten_places(desk: Shop) -> None:
    answers = together([desk.endpoint] * 20)
    made = [answer for answer in answers if isinstance(answer, Endpoint)]
    assert sorted(endpoint.place for endpoint in made) == list(range(MOST_ENDPOINTS))
    assert sum(isinstance(answer, TooManyEndpoints) for answer in answers) == 10
    assert {endpoint.id for endpoint in desk.store.endpoints(desk.shop)} == {endpoint.id for endpoint in made}


def two_add(desk: Shop) -> list[str]:
    """The ids of those that were made and are not there."""
    meet(desk.store, "endpoints", 2)
    made = together([desk.endpoint] * 2)
    there = {endpoint.id for endpoint in desk.store.endpoints(desk.shop)}
    return [endpoint.id for endpoint in made if endpoint.id not in there]


def test_two_at_once_get_a_place_each(desk: Shop) -> None:
    assert two_add(desk) == []


def test_without_the_guard_one_is_lost(careless: Careless) -> None:
    assert len(two_add(of(careless("FREE_PLACE")))) == 1


# A replay, and a worker.


def test_a_claim_that_comes_before_the_replay_wins(desk: Shop) -> None:
    _, row = heard(desk)
    just_before(desk.store, "save", lambda: desk.attempt(row))
    with pytest.raises(DeliveryInFlight):
        replaying.replay(desk.shop, row.endpoint, row.id, store=desk.store, messages=desk.messages, now=desk.now)
    assert len(desk.receiver.received) == 1


def test_an_endpoint_that_is_switched_off_by_two_is_switched_off_once(desk: Shop) -> None:
    endpoint = desk.endpoint()
    because = endpoints.DisabledBecause.GONE
    done = together(
        [
            lambda own=own: endpoints.disable(own.shop, endpoint.id, because, store=own.store, now=own.now)
            for own in a_millisecond_apart(desk, 6)
        ]  # type: ignore[misc]
    )
    assert done.count(True) == 1
    (found,) = desk.store.endpoints(desk.shop)
    assert (found.enabled, found.version) == (False, 2)
