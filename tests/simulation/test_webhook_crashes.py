"""Webhooks: a worker is killed, cut off or refused at each of its calls - store, key service, request, queue - and nothing is forgotten.

The event's own message comes again, as the bus has it. The others may be lost for good: the schedule alone brings what waits.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from holdfast.kernel.errors import HoldfastError
from holdfast.webhooks import delivering
from holdfast.webhooks.model import Endpoint, State
from tests.memory.engine import Memory
from tests.memory.faults import Fault, Faults, Faulty, Killed
from tests.memory.mailroom import Shop
from tests.memory.webhooks import MemoryWebhooks, Receiver

Act = Callable[[Shop, Endpoint], Any]


def hear(shop: Shop, _: Endpoint) -> None:
    shop.hear()


def attempt(shop: Shop, endpoint: Endpoint) -> None:
    shop.attempt(shop.only(endpoint))


def tick(shop: Shop, _: Endpoint) -> None:
    delivering.send_due(store=shop.store, messages=shop.messages, now=shop.now)


def fresh(*replies: int) -> tuple[Memory, Shop, Endpoint]:
    memory = Memory()
    shop = Shop(MemoryWebhooks(memory), "demo", receiver=Receiver(*replies))
    return memory, shop, shop.endpoint()


def cut_off(shop: Shop, faults: Faults) -> Shop:
    parts = {name: Faulty(getattr(shop, name), faults) for name in ("store", "sealer", "receiver", "messages")}
    return replace(shop, **parts)


def meets(faults: Faults, act: Callable[[], Any]) -> None:
    try:
        act()
    except (Killed, HoldfastError):
        faults.dead = True


def goes_on(shop: Shop, endpoint: Endpoint, *, messages_come: bool) -> None:
    """An hour of ticks. What the ticks send comes; all other messages come a minute later, or never."""
    for _ in range(60):
        shop.later(minutes=1)
        if not messages_come:
            shop.messages.sent.clear()
        tick(shop, endpoint)
        waiting, shop.messages.sent = shop.messages.sent, []
        for message, _delay in waiting:
            delivering.attempt("demo", endpoint.id, message["delivery"], room=shop.room, now=shop.now)


def judged(memory: Memory, shop: Shop, endpoint: Endpoint, at_most: int) -> None:
    row = shop.only(endpoint)
    assert row.state is State.DELIVERED, row
    assert {headers["webhook-id"] for _, headers, _ in shop.receiver.received} == {"evt_1"}
    assert 1 <= len(shop.receiver.received) <= at_most
    assert memory.of("webhook-wake") == []
    assert shop.store.failing_since("demo", endpoint.id) is None
    assert shop.store.endpoints("demo")[0].enabled


@pytest.mark.parametrize("messages_come", [True, False], ids=["messages come", "messages are lost"])
@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize(("replies", "needed"), [((), 1), ((500,), 2), ((503, 500), 3)], ids=["well", "fails once", "fails twice"])
@pytest.mark.parametrize("act", [hear, attempt, tick], ids=lambda act: act.__name__)
def test_nothing_is_forgotten(act: Act, replies: tuple[int, ...], needed: int, fault: Fault, messages_come: bool) -> None:
    seen = 0
    for at in range(1, 12):
        memory, shop, endpoint = fresh(*replies)
        if act is not hear:
            shop.hear()
        if act is tick:
            shop.messages.sent.clear()
            shop.later(minutes=3)
        faults = Faults(fault, at)
        meets(faults, lambda shop=shop, endpoint=endpoint, faults=faults: act(cut_off(shop, faults), endpoint))  # type: ignore[misc]
        if act is hear and faults.dead:
            shop.hear()
        goes_on(shop, endpoint, messages_come=messages_come)
        judged(memory, shop, endpoint, at_most=needed + 1)
        seen += bool(faults.met)
    assert seen >= 2, "the fault met nothing"


def test_a_request_is_repeated_only_where_nobody_could_note_it() -> None:
    """At every other place of death the receiver hears of it exactly once."""
    twice = set()
    for at in range(1, 12):
        memory, shop, endpoint = fresh()
        shop.hear()
        faults = Faults(Fault.KILLED_AFTER, at)
        meets(faults, lambda shop=shop, endpoint=endpoint, faults=faults: attempt(cut_off(shop, faults), endpoint))  # type: ignore[misc]
        goes_on(shop, endpoint, messages_come=True)
        judged(memory, shop, endpoint, at_most=2)
        if len(shop.receiver.received) == 2:
            twice.add(faults.met)
    assert twice == {"post"}


def test_without_the_schedule_what_a_dead_worker_had_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: it is the index that remembers."""
    _, shop, endpoint = fresh()
    shop.hear()
    faults = Faults(Fault.KILLED_AFTER, 5)
    monkeypatch.setattr(MemoryWebhooks, "due", lambda *_: [])
    meets(faults, lambda: attempt(cut_off(shop, faults), endpoint))
    goes_on(shop, endpoint, messages_come=True)
    assert (faults.met, shop.only(endpoint).state) == ("save", State.PENDING)
