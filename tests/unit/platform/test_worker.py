"""A batch: one bad message spoils no other, and is named alone."""

import json
import logging
from typing import Any

import pytest

from holdfast.platform import worker
from holdfast.platform.worker import Message, work


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
