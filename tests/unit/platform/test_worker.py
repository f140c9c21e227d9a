"""A batch: one bad message spoils no other, and is named alone."""

import json
import logging
import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from holdfast.kernel.errors import UnavailableError
from holdfast.platform import worker
from holdfast.platform.queue import Queue
from holdfast.platform.worker import Message, Retries, work


@pytest.fixture(autouse=True)
def _no_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker.metrics, "flush", lambda: None)


def batch(*bodies: str) -> dict[str, Any]:
    return {
        "Records": [
            {"messageId": f"m{number}", "body": body, "attributes": {"ApproximateReceiveCount": "2"}, "eventSource": "aws:sqs"}
            for number, body in enumerate(bodies, 1)
        ]
    }


def handle(message: Message) -> None:
    if message["number"] < 0:
        raise ValueError("negative")


def failed(*bodies: str) -> list[str]:
    return [failure["itemIdentifier"] for failure in work(batch(*bodies), None, handle)["batchItemFailures"]]


@pytest.mark.parametrize(
    ("bodies", "named"),
    [
        (['{"number": 1}', '{"number": 2}'], []),
        (['{"number": 1}', '{"number": -2}', '{"number": 3}'], ["m2"]),
        (["{", '{"number": 1}', "[]", "{}"], ["m1", "m3", "m4"]),
        (['{"number": -1}', '{"number": -2}'], ["m1", "m2"]),
    ],
)
def test_each_failure_is_named(bodies: list[str], named: list[str]) -> None:
    assert failed(*bodies) == named


def test_the_good_ones_were_worked_at() -> None:
    seen: list[Message] = []

    def note(message: Message) -> None:
        handle(message)
        seen.append(message)

    work(batch('{"number": -1}', '{"number": 2}'), None, note)
    assert seen == [{"number": 2}]


def test_a_failure_is_logged_with_its_reason(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        failed(json.dumps({"number": -1, "email": "ada@example.com"}))
    assert "negative" in caplog.text
    assert "ada@example.com" not in caplog.text


# Coming back.


class Visible(Queue):
    """A queue that notes for how long messages are put off; `down`: it does not answer."""

    def __init__(self, down: bool = False) -> None:
        super().__init__("https://queue.example/q")
        self.put_off: list[tuple[str, int]] = []
        self.down = down

    def postpone(self, receipt: str, until: timedelta) -> None:
        if self.down:
            raise UnavailableError("The queue does not answer.")
        self.put_off.append((receipt, int(until.total_seconds())))


def worked(queue: Visible, number: int, *bodies: str, chance: Callable[[int], int] = lambda _: 0) -> list[tuple[Message, str, bool]]:
    noted: list[tuple[Message, str, bool]] = []
    event = batch(*bodies)
    for record in event["Records"]:
        record |= {"receiptHandle": f"r-{record['messageId']}", "attributes": {"ApproximateReceiveCount": str(number)}}
    retries = Retries(queue, 12, lambda message, error, last: noted.append((message, str(error), last)), chance)
    work(event, None, handle, retries=retries)
    return noted


def test_what_failed_comes_back_later_each_time_and_goes_to_the_dead_letters_after_the_last() -> None:
    pauses = []
    for number in range(1, 13):
        queue = Visible()
        noted = worked(queue, number, '{"number": 1}', '{"number": -1}')
        assert noted == [({"number": -1}, "negative", number == 12)]
        ((receipt, seconds),) = queue.put_off
        assert receipt == "r-m2"
        pauses.append(seconds)
    assert pauses == [10, 20, 40, 80, 160, 320, 640, 1280, 1800, 1800, 1800, 0]
    assert sum(pauses) == 7950  # seconds: a provider may be down for two hours, or half as long with the worst of luck


def test_the_second_half_of_a_pause_is_chance() -> None:
    least, most, drawn = Visible(), Visible(), Visible()
    worked(least, 5, '{"number": -1}', chance=lambda below: below - 1)
    worked(most, 5, '{"number": -1}', chance=lambda below: 0)
    assert (least.put_off[0][1], most.put_off[0][1]) == (80, 160)
    for _ in range(50):
        worked(drawn, 5, '{"number": -1}', chance=random.randrange)
    assert {80 <= seconds <= 160 for _, seconds in drawn.put_off} == {True}
    assert len({seconds for _, seconds in drawn.put_off}) > 5


def test_a_queue_that_does_not_answer_keeps_nothing_from_being_noted() -> None:
    assert worked(Visible(down=True), 1, '{"number": -1}') == [({"number": -1}, "negative", False)]


def test_what_cannot_be_read_is_nobodys_failure() -> None:
    queue = Visible()
    assert (worked(queue, 1, "{"), queue.put_off) == ([], [])
