"""Idempotency records: one worker works, all others get its answer or are told to wait; a dead worker's claim is taken over."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from holdfast.kernel.errors import IdempotencyKeyInFlight, IdempotencyKeyReused
from holdfast.platform import aws
from holdfast.platform.dynamo import Table
from holdfast.platform.idempotency import KEPT, LEASE, DynamoReplays, IdempotencyKey, Replay
from tests.unit.functions import contract
from tests.unit.functions import world as worlds
from tests.unit.functions.world import CLOCK, NOW, World, body, load, sample

KEY = IdempotencyKey(scope="demo\x1froute", value="k-1", fingerprint="f")
OTHER_BODY = KEY.model_copy(update={"fingerprint": "g"})
ANSWER = Replay(status=201, body='{"id":"1"}')


@pytest.fixture
def replays() -> Iterator[DynamoReplays]:
    with worlds.empty():
        yield DynamoReplays(Table(aws.dynamodb(), "orders"))


def test_the_first_one_works_and_the_next_get_its_answer(replays: DynamoReplays) -> None:
    assert replays.begin(KEY, NOW) is None
    replays.finish(KEY, ANSWER, NOW)
    assert replays.begin(KEY, NOW + KEPT - timedelta(seconds=1)) == ANSWER


def test_while_it_works_the_others_wait(replays: DynamoReplays) -> None:
    replays.begin(KEY, NOW)
    for moment in (NOW, NOW + LEASE - timedelta(milliseconds=1)):
        with pytest.raises(IdempotencyKeyInFlight) as told:
            replays.begin(KEY, moment)
        assert told.value.facts["retry_after"] == 1


def test_a_dead_workers_claim_is_taken_over_once(replays: DynamoReplays) -> None:
    replays.begin(KEY, NOW)
    later = NOW + LEASE
    assert replays.begin(KEY, later) is None
    with pytest.raises(IdempotencyKeyInFlight):
        replays.begin(KEY, later)


@pytest.mark.parametrize("finished", [True, False])
def test_another_body_is_refused_whether_the_first_is_finished_or_not(replays: DynamoReplays, finished: bool) -> None:
    replays.begin(KEY, NOW)
    if finished:
        replays.finish(KEY, ANSWER, NOW)
    for moment in (NOW, NOW + LEASE):
        with pytest.raises(IdempotencyKeyReused):
            replays.begin(OTHER_BODY, moment)


def test_after_a_day_the_key_is_free_though_the_record_stands(replays: DynamoReplays) -> None:
    """TTL may be days late."""
    replays.begin(KEY, NOW)
    replays.finish(KEY, ANSWER, NOW)
    assert replays.begin(OTHER_BODY, NOW + KEPT) is None


def test_a_refused_request_frees_its_key(replays: DynamoReplays) -> None:
    replays.begin(KEY, NOW)
    replays.abandon(KEY)
    assert replays.begin(OTHER_BODY, NOW) is None


def test_keys_of_other_scopes_do_not_meet(replays: DynamoReplays) -> None:
    replays.begin(KEY, NOW)
    assert replays.begin(KEY.model_copy(update={"scope": "other\x1froute"}), NOW) is None


def test_through_a_route_in_flight_is_409_with_retry_after_and_then_taken_over(world: World) -> None:
    """The worker that died between its claim and its answer is played by an unexpected error in the middle."""
    inventory, event = load("inventory_http"), sample("inventory_http/restock")
    receive = inventory.booking.receive
    inventory.booking.receive = None  # calling it fails as no refusal does
    try:
        assert world.call("inventory_http", event)["statusCode"] == 500
    finally:
        inventory.booking.receive = receive
    waiting = contract.check(event, world.call("inventory_http", event))
    assert (waiting["statusCode"], body(waiting)["code"], waiting["headers"]["Retry-After"]) == (409, "idempotency_key_in_flight", "1")
    CLOCK.now += LEASE
    done = contract.check(event, world.call("inventory_http", event))
    assert (done["statusCode"], body(done)["on_hand"]) == (200, 25)
    assert "Idempotent-Replayed" not in done["headers"]
