"""Notifications: a worker is killed, cut off or refused at each of its calls - store, order, mail service, queue - and the customer hears
of each event once.

The event's own message comes again, as the bus has it. Our own messages may be lost for good: the schedule alone brings what waits.
What a worker that died may have sent is told by the mail service's news; where these do not come it goes once more, and no third time.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from holdfast.kernel.errors import HoldfastError, UnavailableError
from holdfast.notifications import rules, sending
from holdfast.notifications.errors import ServiceBusyError
from holdfast.notifications.in_app import InAppSender
from holdfast.notifications.kinds import Channel, Kind
from holdfast.notifications.model import Notification, Status
from holdfast.notifications.ports import PostOffice
from tests.memory.engine import Memory
from tests.memory.faults import Fault, Faults, Faulty, Killed
from tests.memory.notifications import MemoryNotifications, Service, gone
from tests.memory.post_room import MAIL, PAGE, TEXT, FewWords, PostRoom

BURST = Kind.ADDITIONAL_KEYS
ONCE = [fault for fault in Fault if fault is not Fault.TWICE]
"""What may happen to the call of a service, which nobody repeats."""


@dataclass
class Troubled(PostRoom):
    """The same room, in which calls go through faults."""

    faults: Any = None

    @property
    def office(self) -> PostOffice:
        calm, faults = super().office, self.faults
        services: dict[Channel, Any] = {
            Channel.EMAIL: Named(self.mail, faults, "mail"),
            Channel.SMS: Named(self.texts, faults, "text"),
            Channel.IN_APP: InAppSender(Faulty(self.store, faults)),
        }
        return calm._replace(
            store=Faulty(self.store, faults),
            writer=Faulty(self.writer, faults),
            senders=services,
            messages=Named(self.queue, faults, "queue"),
        )


class Named:
    """A service or a queue: its calls are told apart by their name, and not delivered twice."""

    def __init__(self, target: Any, faults: Any, name: str) -> None:
        self._target, self._faults, self._name = target, faults, name

    def send(self, *args: Any, **kwargs: Any) -> Any:
        def call() -> Any:
            return self._target.send(*args, **kwargs)

        return self._faults(self._name, call)


@dataclass(frozen=True)
class Scenario:
    """`given` makes the room ready, `act` is what meets the fault. `kind` is the message's, `events` are those that are told by the end."""

    name: str
    kind: Kind
    act: Callable[[PostRoom], Any]
    events: tuple[str, ...] = ("evt_1",)
    given: Callable[[PostRoom], Any] = lambda room: None
    least_calls: int = 8


def tell(name: str, kind: Kind) -> Callable[[PostRoom], Any]:
    return lambda room: room.tell(room.notice(name, kind))


def tell_in_turn(*names: str) -> Callable[[PostRoom], None]:
    def act(room: PostRoom) -> None:
        for name in names:
            room.tell(room.notice(name, BURST))
            room.later(seconds=5)

    return act


def waiting(room: PostRoom) -> None:
    """The first has gone, the others are due."""
    tell_in_turn("evt_1", "evt_2", "evt_3", "evt_4")(room)
    room.later(minutes=2)


def send_all(room: PostRoom) -> None:
    for row in room.store.of_subject(room.shop, "ord_1"):
        sending.send(room.shop, row.id, office=room.office, now=room.now)


SCENARIOS = [
    Scenario("keys", Kind.COMPLETED, tell("evt_1", Kind.COMPLETED)),
    Scenario("a refund", Kind.REFUNDED, tell("evt_1", Kind.REFUNDED)),
    Scenario("the first of a burst", BURST, tell("evt_1", BURST)),
    Scenario("the second of a burst", BURST, tell("evt_2", BURST), ("evt_1", "evt_2"), tell("evt_1", BURST)),
    Scenario("the rest of a burst", BURST, send_all, ("evt_1", "evt_2", "evt_3", "evt_4"), waiting, 12),
]
TROUBLES: dict[str, tuple[Any, ...]] = {
    "well": (),
    "busy": (ServiceBusyError("busy"), ServiceBusyError("busy")),
    "no answer": (TimeoutError("no answer"),),
    "gone, no answer": (gone(TimeoutError("no answer")),),
}


def fresh(kind: Kind, *answers: Any, news: bool, messages_come: bool = True) -> PostRoom:
    to = (MAIL, TEXT, PAGE) if Channel.SMS in rules.MANNERS[kind].channels else (MAIL, PAGE)
    room = PostRoom(MemoryNotifications(Memory()), mail=Service(*answers), writer=FewWords(to=to), news=news, messages_come=messages_come)
    room.agree()
    return room


def meets(scenario: Scenario, room: PostRoom, faults: Any) -> None:
    """The act in trouble; then the event comes again, and an hour goes by."""
    troubled = Troubled(**{name: getattr(room, name) for name in room.__dataclass_fields__}, faults=faults)
    try:
        scenario.act(troubled)
    except (Killed, HoldfastError):
        room.later(seconds=10)
        scenario.act(room)
    room.now = max(room.now, troubled.now)
    room.go_on(minutes=35)


def told(room: PostRoom, recipient: Any, event: str) -> int:
    """How often he was told of it."""
    sent = {Channel.EMAIL: room.mail.sent, Channel.SMS: room.texts.sent}
    pages = room.store.in_app(room.shop, "digest", 100, None)[0]
    texts = [page.text for page in pages] if recipient is PAGE else [mail.text for mail in sent[recipient.channel]]
    return sum(event in text.split() for text in texts)


def teller(room: PostRoom, recipient: Any, event: str, kind: Kind) -> Notification:
    """The row that told it: its own, or the one that took it along."""
    row = room.row(event, recipient, kind)
    found = room.store.get(room.shop, row.into) if row.into else row
    assert found is not None
    return found


def judge(scenario: Scenario, room: PostRoom) -> set[int]:
    """Nobody is forgotten. Twice is for attempts in doubt only, of which the mail service had nothing to tell; a page shows it once."""
    counts = set()
    for event in scenario.events:
        for recipient in room.writer.to:
            row, count = teller(room, recipient, event, scenario.kind), told(room, recipient, event)
            assert row.status is Status.SENT, row
            assert 1 <= count <= (1 if recipient is PAGE else 1 + row.doubtful), (recipient, count, row)
            if recipient is MAIL:
                counts.add(count)
                assert count == 1 or not room.news, row
    return counts


@pytest.mark.parametrize("messages_come", [True, False], ids=["messages come", "messages are lost"])
@pytest.mark.parametrize("news", [True, False], ids=["news come", "no news"])
@pytest.mark.parametrize("trouble", ["well", "busy"])
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_every_call_may_fail(scenario: Scenario, trouble: str, news: bool, messages_come: bool) -> None:
    for fault in Fault:
        at, met = 0, True
        while met:
            at += 1
            room = fresh(scenario.kind, news=news, messages_come=messages_come)
            scenario.given(room)
            room.mail.answers = list(TROUBLES[trouble])
            faults = Gentle(fault, at)
            meets(scenario, room, faults)
            judge(scenario, room)
            met = bool(faults.met)
        assert at > scenario.least_calls


class Gentle(Faults):
    """Services and queues are not called twice by anybody."""

    def __call__(self, name: str, effect: Callable[[], Any]) -> Any:
        if self.fault is Fault.TWICE and name in {"mail", "text", "queue"}:
            self.count += 1
            self.met = name if self.count == self.at else self.met
            return effect()
        return super().__call__(name, effect)


@pytest.mark.parametrize("news", [True, False], ids=["news come", "no news"])
@pytest.mark.parametrize("trouble", ["no answer", "gone, no answer"])
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_a_mail_service_that_does_not_answer(scenario: Scenario, trouble: str, news: bool) -> None:
    room = fresh(scenario.kind, news=news)
    scenario.given(room)
    room.mail.answers = list(TROUBLES[trouble])
    meets(scenario, room, lambda name, effect: effect())
    counts = judge(scenario, room)
    assert max(counts) == (2 if trouble == "gone, no answer" and not news else 1)


@pytest.mark.parametrize("kind", [Kind.COMPLETED, Kind.REFUNDED])
def test_a_mail_is_doubled_only_where_nobody_could_note_it(kind: Kind) -> None:
    """At every other place of death the customer has it exactly once, even without news."""
    twice = set()
    for fault in ONCE:
        for at in range(1, 30):
            room = fresh(kind, news=False)
            faults = Gentle(fault, at)
            meets(Scenario("", kind, tell("evt_1", kind)), room, faults)
            if told(room, MAIL, "evt_1") == 2:
                twice.add((str(fault), faults.met))
    assert twice == {
        (str(Fault.KILLED_AFTER), "mail"),
        (str(Fault.LOST_REPLY), "mail"),
        (str(Fault.KILLED_BEFORE), "save"),
        (str(Fault.REFUSED), "save"),
    }


# Many faults at once.


SEEDS = 40


class Storm:
    """Each call has its own luck, until it is over."""

    def __init__(self, seed: int, share: float) -> None:
        self.luck, self.share = random.Random(seed), share

    def __call__(self, name: str, effect: Callable[[], Any]) -> Any:
        if self.luck.random() > self.share:
            return effect()
        fault = self.luck.choice(ONCE if name in {"mail", "text", "queue"} else list(Fault))
        return Faults(fault, 1)(name, effect)


@pytest.mark.parametrize("news", [True, False], ids=["news come", "no news"])
@pytest.mark.parametrize("kind", [Kind.COMPLETED, Kind.REFUNDED, BURST])
def test_a_storm_forgets_nobody_and_tells_nobody_a_third_time(kind: Kind, news: bool) -> None:
    """Workers die over and over. What two of them may have sent, and nobody told of, is given up in the open: staff hear of it."""
    given_up = 0
    for seed in range(SEEDS):
        room = fresh(kind, news=news)
        storm = Troubled(**{name: getattr(room, name) for name in room.__dataclass_fields__}, faults=Storm(seed, 0.12))
        events = [f"evt_{number}" for number in range(6)]
        for event in [*events, *events, *events]:
            try:
                storm.tell(storm.notice(event, kind))
                while storm.work():
                    pass
            except (Killed, UnavailableError):
                pass
            storm.later(seconds=7)
        room.now = storm.now
        for event in events:  # the bus has it until somebody was well
            room.tell(room.notice(event, kind))
        room.go_on(hours=2)
        for event in events:
            row, count = teller(room, MAIL, event, kind), told(room, MAIL, event)
            assert told(room, PAGE, event) == 1
            assert count <= 2, row
            if row.status is Status.FAILED:
                assert row.error == rules.OUTCOME_UNKNOWN
                assert not (news and count)
                assert room.store.of_subject(room.shop, "dead_letters") != []
                given_up += 1
            else:
                assert (row.status, count >= 1) == (Status.SENT, True), row
    assert given_up < SEEDS * 6 // 30


# Negative controls.


def test_without_a_row_before_it_is_sent_a_busy_service_means_never(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MemoryNotifications, "add", lambda self, row: row)
    room = fresh(Kind.COMPLETED, news=False)
    meets(SCENARIOS[0], room, lambda name, effect: effect())
    assert told(room, MAIL, "evt_1") == 0


def test_without_the_schedule_what_a_dead_worker_had_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MemoryNotifications, "overdue", lambda *_: [])
    room = fresh(Kind.REFUNDED, news=False, messages_come=False)
    room.mail.answers = [ServiceBusyError("busy")]
    meets(SCENARIOS[1], room, lambda name, effect: effect())
    assert (told(room, MAIL, "evt_1"), room.row("evt_1", MAIL, Kind.REFUNDED).status) == (0, Status.WAITING)


def test_without_finding_its_companions_again_a_burst_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who takes up a dead worker's row, and looks for companions anew, finds them ended in its favour."""
    find = sending._with_companions

    def anew(row: Notification, office: PostOffice, now: Any) -> Notification | None:
        return find(row.model_copy(update={"also": ()}), office, now)

    def lost() -> int:
        rest, worst = SCENARIOS[4], 0
        for at in range(1, 40):
            room = fresh(BURST, news=False)
            rest.given(room)
            meets(rest, room, Gentle(Fault.KILLED_AFTER, at))
            worst = max(worst, sum(told(room, MAIL, event) == 0 for event in rest.events))
        return worst

    assert lost() == 0
    monkeypatch.setattr(sending, "_with_companions", anew)
    assert lost() >= 1


def test_without_the_claim_two_workers_send_two() -> None:
    """And with it one does."""

    def two(*without: str) -> int:
        room = PostRoom(MemoryNotifications(Memory(*without)))
        row = room.add()
        other = replace(room)
        render = room.render
        room.render = lambda letter: (other.attempt(row), render(letter))[1]  # between its look and its claim
        room.attempt(row)
        return len(room.mail.sent)

    assert (two(), two("SAME_NOTIFICATION")) == (1, 2)
