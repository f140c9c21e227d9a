"""Looking into the inbox, and having events worked at again."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from holdfast.kernel.errors import VersionConflict
from holdfast.payments import browsing, keys, redriving
from holdfast.payments.browsing import Wanted
from holdfast.payments.errors import UnknownWebhook
from holdfast.payments.model import EVENTS_KEPT, EventState, ProviderEvent
from holdfast.payments.redriving import Redrive
from tests.memory import samples
from tests.memory.engine import Memory
from tests.memory.inbox import Passed
from tests.memory.payments import MemoryInbox
from tests.memory.samples import NOW
from tests.memory.threads import just_before

LATER = NOW + timedelta(hours=2)
STATES = tuple(EventState)


@pytest.fixture
def inbox() -> MemoryInbox:
    return MemoryInbox(Memory())


def stored(inbox: MemoryInbox, number: int, **changes: Any) -> ProviderEvent:
    told = {"id": f"evt_{number}", "received_at": NOW + timedelta(minutes=number), "state": STATES[number % len(STATES)]}
    return inbox.add(samples.provider_event(changes.pop("shop", "demo"), **{**told, **changes}))


def found(inbox: MemoryInbox, wanted: Wanted, limit: int = 3, now: datetime = LATER) -> list[str]:
    """All pages of it."""
    names: list[str] = []
    after: str | None = None
    while True:
        page = browsing.look("demo", wanted, limit=limit, after=after, inbox=inbox, now=now)
        assert len(page.events) <= limit
        names += [event.id for event in page.events]
        after = page.last
        if after is None:
            return names


def test_newest_first_a_page_at_a_time(inbox: MemoryInbox) -> None:
    for number in range(20):
        stored(inbox, number)
    stored(inbox, 99, shop="other")
    assert found(inbox, Wanted()) == [f"evt_{number}" for number in reversed(range(20))]


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (Wanted(states=frozenset({EventState.DEAD})), [17, 11, 5]),
        (Wanted(states=frozenset({EventState.APPLIED})), [14, 8, 2]),
        (Wanted(states=frozenset({EventState.DEAD, EventState.IGNORED})), [17, 15, 11, 9, 5, 3]),
        (Wanted(provider="stripe"), [13, 0]),
        (Wanted(type="charge.refunded"), [13]),
        (Wanted(provider="stripe", type="payment.succeeded"), [0]),
        (Wanted(since=NOW + timedelta(minutes=16), until=NOW + timedelta(minutes=18)), [17, 16]),
        (Wanted(since=NOW + timedelta(minutes=18), until=NOW + timedelta(minutes=16)), []),
        (Wanted(states=frozenset({EventState.DEAD}), provider="stripe"), []),
    ],
)
def test_what_is_described(inbox: MemoryInbox, wanted: Wanted, numbers: list[int]) -> None:
    for number in range(18):
        changes = {0: {"provider": "stripe"}, 13: {"provider": "stripe", "type": "charge.refunded"}}.get(number, {})
        stored(inbox, number, **changes)
    assert found(inbox, wanted, limit=2) == [f"evt_{number}" for number in numbers]


def test_a_page_looks_at_so_many_and_says_where_to_go_on(inbox: MemoryInbox) -> None:
    stored(inbox, 0, state=EventState.IGNORED, provider="stripe")
    for number in range(1, browsing.MOST_EXAMINED + 1):
        stored(inbox, number, state=EventState.APPLIED)
    now = NOW + timedelta(days=2)
    page = browsing.look("demo", Wanted(provider="stripe"), limit=5, after=None, inbox=inbox, now=now)
    assert (page.events, page.last is None) == ([], False)
    assert found(inbox, Wanted(provider="stripe"), now=now) == ["evt_0"]


def test_what_is_kept_no_longer_is_gone_by_the_clock(inbox: MemoryInbox) -> None:
    event = stored(inbox, 1)
    name, end = keys.webhook_id(event.provider, event.id), event.received_at + EVENTS_KEPT
    assert browsing.read("demo", name, inbox=inbox, now=end - timedelta(milliseconds=1)) == event
    for now in (end, end + timedelta(days=1)):
        with pytest.raises(UnknownWebhook):
            browsing.read("demo", name, inbox=inbox, now=now)
    assert found(inbox, Wanted(), now=end + timedelta(milliseconds=1)) == []


@pytest.mark.parametrize("name", ["evt_x", "nothing", keys.webhook_id("stripe", "evt_1")])
def test_what_is_not_there_is_unknown(inbox: MemoryInbox, name: str) -> None:
    stored(inbox, 1)
    with pytest.raises(UnknownWebhook):
        browsing.read("demo", name, inbox=inbox, now=LATER)


# Again.


@pytest.mark.parametrize("state", STATES)
def test_one_is_worked_at_again(inbox: MemoryInbox, state: EventState) -> None:
    event, passed = stored(inbox, 1, state=state, reason="why", attempts=12, order="ord_1"), Passed()
    again = redriving.replay("demo", keys.webhook_id(event.provider, event.id), inbox=inbox, pass_on=passed, now=LATER)
    applied = state is EventState.APPLIED
    assert (again.state, again.attempts) == (EventState.APPLIED, 12) if applied else (EventState.RECEIVED, 0)
    assert inbox.get("demo", event.provider, event.id) == again
    assert passed.sent == [(again, {"again": applied, "looked": 0}, timedelta())]


def test_one_that_changes_at_that_moment_is_left_alone(inbox: MemoryInbox) -> None:
    event, passed = stored(inbox, 1, state=EventState.FAILED), Passed()
    just_before(inbox, "save", lambda: inbox.save(event.model_copy(update={"state": EventState.APPLIED, "version": 2})))
    with pytest.raises(VersionConflict):
        redriving.replay("demo", keys.webhook_id(event.provider, event.id), inbox=inbox, pass_on=passed, now=LATER)
    assert passed.sent == []


def test_many_are_a_plan_and_then_done_a_part_at_a_time(inbox: MemoryInbox) -> None:
    for number in range(18):
        stored(inbox, number)
    wanted = Wanted(states=frozenset({EventState.FAILED, EventState.DEAD}))
    passed, after, seen = Passed(), None, []
    plan = redriving.redrive(Redrive(shop="demo", wanted=wanted, limit=100, dry_run=True), inbox=inbox, pass_on=passed, now=LATER)
    assert (len(plan.events), plan.redriven, plan.last, passed.sent) == (6, 0, None, [])
    while True:
        command = Redrive(shop="demo", wanted=wanted, limit=2, after=after, dry_run=False)
        done = redriving.redrive(command, inbox=inbox, pass_on=passed, now=LATER)
        assert done.redriven == len(done.events)
        seen += [event.id for event in done.events]
        after = done.last
        if after is None:
            break
    assert seen == [event.id for event in plan.events]
    assert [event.id for event, _, _ in passed.sent] == seen
    assert found(inbox, wanted) == []


def test_orders_are_looked_for_again_and_forgotten_events_found(inbox: MemoryInbox) -> None:
    for number, state in enumerate([EventState.UNMATCHED, EventState.RECEIVED, EventState.FAILED, EventState.DEAD]):
        stored(inbox, number, state=state)
    fresh = stored(inbox, 119, state=EventState.RECEIVED)
    passed = Passed()
    done = redriving.rematch("demo", inbox=inbox, pass_on=passed, now=LATER)
    assert fresh.received_at + redriving.FORGOTTEN > LATER
    assert ([event.id for event in done.events], done.redriven, done.last) == (["evt_1", "evt_0"], 2, None)
    assert [how["looked"] for _, how, _ in passed.sent] == [redriving.ENOUGH] * 2
    assert {event.state for event, _, _ in passed.sent} == {EventState.UNMATCHED, EventState.RECEIVED}


@pytest.mark.parametrize(
    ("state", "received", "worked", "lost"),
    [
        (EventState.FAILED, timedelta(days=9), redriving.TRIED + timedelta(seconds=1), True),
        (EventState.FAILED, timedelta(days=9), redriving.TRIED - timedelta(seconds=1), False),
        (EventState.FAILED, redriving.TRIED + timedelta(seconds=1), None, True),
        (EventState.UNMATCHED, redriving.HOPELESS - timedelta(seconds=1), timedelta(minutes=1), True),
        (EventState.UNMATCHED, redriving.HOPELESS, timedelta(minutes=1), False),
        (EventState.RECEIVED, timedelta(days=9), None, True),
        (EventState.DEAD, timedelta(days=1), timedelta(days=1), False),
    ],
)
def test_who_is_on_its_way_or_hopeless_is_left_alone(
    inbox: MemoryInbox, state: EventState, received: timedelta, worked: timedelta | None, lost: bool
) -> None:
    """An event that failed comes back by itself, unless its worker was killed at the last try."""
    worked_at = LATER - worked if worked is not None else None
    event, passed = stored(inbox, 1, state=state, received_at=LATER - received, worked_at=worked_at), Passed()
    done = redriving.rematch("demo", inbox=inbox, pass_on=passed, now=LATER)
    assert (done.events, done.redriven, len(passed.sent)) == (((event,), 1, 1) if lost else ((), 0, 0))
