"""The net under the outbox: what is late goes to the queue again, and an outage is no flood."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from holdfast.notifications.model import Status
from holdfast.notifications.waking import TICK, wake
from tests.memory.engine import Memory
from tests.memory.notifications import MemoryNotifications
from tests.unit.notifications.rows import NOW, notification


class Queue:
    def __init__(self) -> None:
        self.sent: list[Mapping[str, Any]] = []

    def send(self, message: Mapping[str, Any], *, delay: timedelta = timedelta()) -> None:
        self.sent.append(message)


def woken(store: MemoryNotifications, after: timedelta) -> list[str]:
    queue = Queue()
    assert wake(notifications=store, messages=queue, now=NOW + after) == len(queue.sent)
    assert all((message["kind"], message["shop"]) == ("send", "demo") for message in queue.sent)
    return [message["notification"] for message in queue.sent]


@pytest.mark.parametrize(
    ("row", "late"),
    [
        ({}, True),
        ({"status": Status.CLAIMED, "leased_until": NOW}, True),
        ({"status": Status.CLAIMED, "leased_until": NOW + timedelta(minutes=5)}, False),
        ({"due_at": NOW + timedelta(minutes=5)}, False),
        *[({"status": status}, False) for status in set(Status) - {Status.WAITING, Status.CLAIMED}],
    ],
)
def test_only_what_has_not_ended_and_is_late_is_woken(row: dict[str, Any], late: bool) -> None:
    store = MemoryNotifications(Memory())
    store.add(notification(**row))
    assert bool(woken(store, timedelta(minutes=11))) is late


def test_each_is_found_in_whatever_part_of_the_index_it_lies() -> None:
    store = MemoryNotifications(Memory())
    names = [f"ntf_01KAJVKP0000000000000000{number:02d}" for number in range(30)]
    for name in names:
        store.add(notification(id=name))
    assert sorted(woken(store, timedelta(minutes=11))) == names


def test_the_longer_the_outage_the_rarer_the_messages() -> None:
    store = MemoryNotifications(Memory())
    store.add(notification())
    ticks = [number for number in range(1, 300) if woken(store, number * TICK + timedelta(seconds=1))]
    assert ticks == [2, 4, 8, 16, 32, 64, 128, 256]
