"""Sending many messages: ten in a call, each with its delay, and nothing is lost silently."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from holdfast.kernel.errors import UnavailableError
from holdfast.platform import aws
from holdfast.platform.queue import Queue


class Sqs:
    """Takes messages, but those that it is told to refuse."""

    def __init__(self, *refused: str) -> None:
        self.calls: list[list[dict[str, Any]]] = []
        self._refused = refused

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803  AWS's names
        assert QueueUrl == "https://queue.example/1"
        self.calls.append(Entries)
        bad = [{"Id": entry["Id"]} for entry in Entries if json.loads(entry["MessageBody"])["name"] in self._refused]
        return {"Failed": bad} if bad else {}


@pytest.fixture
def to(monkeypatch: pytest.MonkeyPatch) -> Callable[[Sqs], Queue]:
    def build(sqs: Sqs) -> Queue:
        monkeypatch.setattr(aws, "client", lambda _: sqs)
        return Queue("https://queue.example/1")

    return build


def test_ten_go_in_a_call_and_each_waits_as_long_as_it_shall(to: Callable[[Sqs], Queue]) -> None:
    sqs = Sqs()
    to(sqs).send_all([({"name": str(number)}, timedelta(seconds=number)) for number in range(23)])
    assert [len(call) for call in sqs.calls] == [10, 10, 3]
    assert [len({entry["Id"] for entry in call}) for call in sqs.calls] == [10, 10, 3]
    sent = [(json.loads(entry["MessageBody"])["name"], entry["DelaySeconds"]) for call in sqs.calls for entry in call]
    assert sent == [(str(number), number) for number in range(23)]


def test_nothing_comes_before_its_time(to: Callable[[Sqs], Queue]) -> None:
    """A queue counts whole seconds: what came back too early would be sent again at once, and again."""
    sqs = Sqs()
    to(sqs).send_all([({"name": "soon"}, timedelta(milliseconds=1)), ({"name": "later"}, timedelta(seconds=2, milliseconds=1))])
    assert [entry["DelaySeconds"] for call in sqs.calls for entry in call] == [1, 3]


def test_nothing_is_sent_for_nothing(to: Callable[[Sqs], Queue]) -> None:
    sqs = Sqs()
    to(sqs).send_all([])
    assert sqs.calls == []


def test_one_that_the_queue_did_not_take_is_told(to: Callable[[Sqs], Queue]) -> None:
    with pytest.raises(UnavailableError):
        to(Sqs("3")).send_all([({"name": str(number)}, timedelta()) for number in range(5)])
