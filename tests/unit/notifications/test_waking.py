"""The net under the outbox: what is late goes to the queue again, and an outage is no flood."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from holdfast.notifications import keys
from holdfast.notifications.model import Status
from holdfast.notifications.waking import PER_BUCKET, TICK, wake
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


def test_what_one_shop_has_by_the_thousand_hides_nothing_of_another() -> None:
    """It was late first, and there is more of it than a tick sends on."""
    store = MemoryNotifications(Memory())
    for number in range(PER_BUCKET * keys.DUE_BUCKETS + 1000):
        store.add(notification(id=f"ntf_flood_{number:05d}", due_at=NOW - timedelta(seconds=1)))
    for shop in ("b", "c"):
        store.add(notification(id=f"ntf_{shop}").model_copy(update={"shop": shop}))
    queue = Queue()
    assert wake(notifications=store, messages=queue, now=NOW + 2 * TICK + timedelta(seconds=1)) == len(queue.sent)
    assert {message["shop"] for message in queue.sent} == {"demo", "b", "c"}
    assert PER_BUCKET < len(queue.sent) <= PER_BUCKET * keys.DUE_BUCKETS


def test_those_whose_turn_it_is_not_take_no_places() -> None:
    store = MemoryNotifications(Memory())
    for number in range(PER_BUCKET * keys.DUE_BUCKETS + 1000):
        store.add(notification(id=f"ntf_old_{number:05d}", due_at=NOW - TICK))
    store.add(notification(id="ntf_its_turn"))
    assert woken(store, 2 * TICK + timedelta(seconds=1)) == ["ntf_its_turn"]


def test_the_longer_the_outage_the_rarer_the_messages() -> None:
    store = MemoryNotifications(Memory())
    store.add(notification())
    ticks = [number for number in range(1, 300) if woken(store, number * TICK + timedelta(seconds=1))]
    assert ticks == [2, 4, 8, 16, 32, 64, 128, 256]
