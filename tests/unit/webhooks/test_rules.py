"""The ladder of attempts: how long it is, how it is jittered, and who may make it longer."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from holdfast.webhooks import rules
from holdfast.webhooks.model import Delivery, Outcome, Reply, State, delivery_id
from tests.memory.webhooks import answered

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def middle(_: int) -> int:
    """No jitter."""
    return 100


def claimed(tries: int = 1) -> Delivery:
    row = Delivery(
        shop="demo",
        endpoint="whe_1",
        id=delivery_id("demo", "whe_1", "evt_1", NOW),
        message="evt_1",
        type="order.paid.v1",
        body="{}",
        created_at=NOW,
        kept_until=NOW + timedelta(days=30),
        due_at=NOW,
    )
    for number in range(tries):
        row = row.claimed(f"clm_{number}", NOW)
    return row


def wait(reply: Reply, tries: int = 1) -> timedelta:
    after = rules.settled(claimed(tries), reply, NOW, middle)
    assert after.due_at is not None
    return after.due_at - NOW


def test_ten_attempts_over_three_days() -> None:
    waits = [wait(answered(500), tries) for tries in range(1, 10)]
    assert waits == list(rules.WAITS)
    assert timedelta(days=3) <= sum(waits, timedelta()) <= timedelta(days=3, hours=6)
    last = rules.settled(claimed(10), answered(500), NOW, middle)
    assert (last.state, last.reason, last.due_at, last.wake_at) == (State.FAILED, "attempts_exhausted", None, None)


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_any_2xx_is_delivered(status: int) -> None:
    after = rules.settled(claimed(), answered(status), NOW, middle)
    assert (after.state, after.due_at, after.leased_until, after.attempts[-1].status) == (State.DELIVERED, None, None, status)


@pytest.mark.parametrize("status", [100, 301, 302, 307, 400, 401, 404, 418, 429, 500, 503])
def test_all_else_is_tried_again(status: int) -> None:
    after = rules.settled(claimed(), answered(status), NOW, middle)
    assert (after.state, after.attempts[-1].outcome) == (State.PENDING, Outcome.REFUSED)


@pytest.mark.parametrize("outcome", [Outcome.TIMED_OUT, Outcome.UNREACHABLE, Outcome.FORBIDDEN])
def test_no_answer_is_tried_again(outcome: Outcome) -> None:
    after = rules.settled(claimed(), Reply(outcome=outcome, milliseconds=1, detail="x"), NOW, middle)
    assert (after.state, after.attempts[-1].detail) == (State.PENDING, "x")


def test_410_is_not_tried_again() -> None:
    after = rules.settled(claimed(), answered(410), NOW, middle)
    assert (after.state, after.reason) == (State.FAILED, "gone")


def test_short_waits_go_by_queue_and_long_ones_by_the_schedule() -> None:
    after = [rules.settled(claimed(tries), answered(500), NOW, middle) for tries in range(1, 10)]
    assert [row.by_queue for row in after] == [True, True] + [False] * 7
    assert all(row.wake_at == row.due_at for row in after[2:])
    assert all(row.wake_at and row.due_at and row.wake_at > row.due_at for row in after[:2])


def test_jitter_is_a_tenth_both_ways() -> None:
    hour = timedelta(hours=1)
    assert rules.jittered(hour, lambda below: 0) == hour * 9 / 10
    assert rules.jittered(hour, lambda below: below - 1) == hour * 11 / 10


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("asked", "waited"),
    [
        ("120", timedelta(seconds=120)),
        ("1", timedelta(seconds=5)),  # never sooner than the ladder has it
        ("0", timedelta(seconds=5)),
        ("999999999999999999", timedelta(hours=24)),
        (format_datetime(NOW + timedelta(minutes=40), usegmt=True), timedelta(minutes=40)),
        (format_datetime(NOW + timedelta(days=40), usegmt=True), timedelta(hours=24)),
        (format_datetime(NOW - timedelta(days=1), usegmt=True), timedelta(seconds=5)),
        ("Sat, 21 Nov 2026 12:30:00", timedelta(minutes=30)),
        ("soon", timedelta(seconds=5)),
        ("Sat, 21 Nov 99999999999999999 12:30:00 GMT", timedelta(seconds=5)),
        ("Sat, 21 Nov 2026 99999999999999999:30:00 GMT", timedelta(seconds=5)),
        ("", timedelta(seconds=5)),
        ("-5", timedelta(seconds=5)),
        ("١٢٠", timedelta(seconds=5)),
    ],
)
def test_a_busy_receiver_may_ask_for_a_pause(status: int, asked: str, waited: timedelta) -> None:
    assert wait(answered(status, asked)) == waited


def test_nobody_else_may() -> None:
    assert wait(answered(500, "7200")) == timedelta(seconds=5)


def test_an_attempt_is_counted_before_it_is_made() -> None:
    row = claimed(2)
    assert (row.tries, [attempt.outcome for attempt in row.attempts]) == (2, [Outcome.STARTED, Outcome.STARTED])
    assert row.wake_at == row.leased_until


def test_many_replays_do_not_make_a_row_too_large() -> None:
    row = claimed(500)
    assert (len(row.attempts), row.attempts[-1].number) == (40, 500)
