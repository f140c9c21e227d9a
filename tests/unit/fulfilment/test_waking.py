"""Queues that could be fed, and that nobody feeds."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest

from holdfast.fulfilment import waking
from tests.memory import samples
from tests.memory.engine import Memory
from tests.memory.fulfilment import MemoryFulfilment
from tests.memory.samples import LATER, NOW


class Sent:
    def __init__(self) -> None:
        self.messages: list[Mapping[str, Any]] = []

    def send_all(self, messages: Sequence[tuple[Mapping[str, Any], timedelta]]) -> None:
        assert all(delay == timedelta() for _, delay in messages)
        self.messages += [message for message, _ in messages]


@pytest.fixture
def store() -> MemoryFulfilment:
    store = MemoryFulfilment(Memory())
    for sku in ("A", "B"):
        store.queues.mark(store.queues.queue("demo", sku), waiting=True)
    return store


def woken(store: MemoryFulfilment, now: Any = NOW, **free: int) -> list[str]:
    sent = Sent()
    count = waking.wake("demo", queues=store.queues, free=lambda _, skus: {sku: free.get(sku, 0) for sku in skus}, messages=sent, now=now)
    assert all(message["kind"] == "restock" and message["shop"] == "demo" for message in sent.messages)
    assert count == len(sent.messages)
    return [message["sku"] for message in sent.messages]


def test_who_waits_for_what_is_there_is_woken_and_nobody_else(store: MemoryFulfilment) -> None:
    assert woken(store) == []
    assert woken(store, B=1) == ["B"]
    assert woken(store, A=3, B=1, C=7) == ["A", "B"]


def test_a_batch_is_left_to_its_worker_while_he_has_time(store: MemoryFulfilment) -> None:
    store.commit(store.queues.open_writes(store.queues.queue("demo", "A"), samples.batch("demo"), LATER), token="open")
    assert woken(store, A=1) == []
    assert woken(store, LATER - timedelta(milliseconds=1), A=1) == []
    assert woken(store, LATER) == ["A"]


def test_other_shops_are_not_touched(store: MemoryFulfilment) -> None:
    store.queues.mark(store.queues.queue("other", "A"), waiting=True)
    assert woken(store, A=1) == ["A"]
