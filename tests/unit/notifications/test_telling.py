"""From events to rows: who hears of what, once; and bursts that become one message."""

from datetime import timedelta
from typing import Any

import pytest

from holdfast.kernel.errors import UnavailableError
from holdfast.notifications import telling
from holdfast.notifications.kinds import MANNERS, OF_EVENTS, Audience, Channel, Kind
from holdfast.notifications.model import Notice, Notification, Status
from holdfast.notifications.telling import Happened
from holdfast.wiring.telling import happened
from tests.memory.engine import Memory
from tests.memory.notifications import MemoryNotifications
from tests.memory.post_room import MAIL, NOW, PAGE, TEXT, PostRoom

BURST = Kind.ADDITIONAL_KEYS
GAP = MANNERS[BURST].collapse


@pytest.fixture
def room() -> PostRoom:
    made = PostRoom(MemoryNotifications(Memory()))
    made.agree()
    return made


def event(type_: str = "order.completed.v1", by: str = "system", reason: str | None = None, **data: Any) -> Happened:
    return Happened(shop="demo", id="evt_1", type=type_, at=NOW, order="ord_1", by=by, number="ABCDE-FGHJK", data=data, reason=reason)


# Events.


@pytest.mark.parametrize(("type_", "kind"), OF_EVENTS.items())
def test_each_event_is_told_as_what_it_is(type_: str, kind: Kind) -> None:
    (notice,) = telling.notices(event(type_, by="staff", reason="asked for", wave=3))
    assert (notice.kind, notice.event, notice.subject, notice.order, notice.at) == (kind, "evt_1", "ord_1", "ord_1", NOW)
    assert (notice.reason, notice.data["wave"], notice.asked) == ("asked for", 3, False)
    staff = MANNERS[kind].audience is Audience.STAFF
    assert ("event" in notice.data) is ("number" in notice.data) is staff


def test_most_events_are_not_told() -> None:
    assert telling.notices(event("order.note_added.v1")) == []


@pytest.mark.parametrize(
    ("by", "data", "told"),
    [("staff", {}, 1), ("customer", {"paid": True}, 1), ("customer", {}, 0), ("system", {"replaced": True}, 0), ("system", {}, 0)],
)
def test_a_try_that_was_never_paid_is_told_only_when_staff_ended_it(by: str, data: dict[str, Any], told: int) -> None:
    assert len(telling.notices(event(telling.CANCELLED, by, **data))) == told


def test_what_is_asked_for_again_is_told_as_it_was_under_a_new_name() -> None:
    asked = event(telling.RESENT, "staff", "the customer called")
    data = {"of": "order.keys_added.v1", "told": {"wave": 4}, "reason": "first"}
    (notice,) = telling.notices(asked.model_copy(update={"data": data}))
    assert (notice.kind, notice.event, notice.data, notice.reason, notice.asked) == (BURST, "evt_1", {"wave": 4}, "first", True)


def test_an_event_is_read_as_it_comes_off_the_bus() -> None:
    detail = {
        "shop": "demo",
        "order": "ord_1",
        "number": "ABCDE-FGHJK",
        "status": "completed",
        "id": "evt_1",
        "seq": 3,
        "type": "order.completed.v1",
        "at": "2026-11-21T12:00:00.000Z",
        "actor": {"kind": "staff", "id": "key_1"},
        "data": {"wave": 3},
        "changed": [],
    }
    assert happened(detail) == event(by="staff", wave=3)


def test_who_pays_at_once_is_not_asked_for_it(room: PostRoom) -> None:
    placed = event("order.placed.v1")
    assert telling.hear(placed, office=room.office, now=NOW) == []
    assert room.store.of_subject("demo", "ord_1") == []
    room.later(minutes=2)
    room.writer.over = True  # he has paid
    room.work()
    assert {row.status for row in room.store.of_subject("demo", "ord_1")} == {Status.SKIPPED}
    assert room.mail.sent == []


# Recipients.


def statuses(room: PostRoom, subject: str = "ord_1") -> dict[Channel, list[Status]]:
    found: dict[Channel, list[Status]] = {}
    for row in room.store.of_subject("demo", subject):
        found.setdefault(row.recipient.channel, []).append(row.status)
    return found


def test_each_recipient_is_told_once_however_often_the_event_comes(room: PostRoom) -> None:
    for _ in range(3):
        telling.hear(event(), office=room.office, now=room.now)
        room.later(seconds=30)
    assert statuses(room) == {channel: [Status.SENT] for channel in (Channel.EMAIL, Channel.SMS, Channel.IN_APP)}
    assert (len(room.mail.sent), len(room.texts.sent), len(room.store.in_app("demo", "digest", 9, None)[0])) == (1, 1, 1)


def test_all_are_written_down_before_any_is_sent(room: PostRoom) -> None:
    seen: list[int] = []
    send = room.mail.send
    room.mail.send = lambda row, mail: (seen.append(len(room.store.of_subject("demo", "ord_1"))), send(row, mail))[1]  # type: ignore[method-assign]
    room.tell()
    assert seen == [3]


def test_nobody_to_tell_is_nothing_to_do(room: PostRoom) -> None:
    room.writer.to = ()
    assert room.tell() == []


def test_the_trouble_of_one_is_not_the_others(room: PostRoom) -> None:
    letter = room.writer.letter

    def troubled(row: Notification) -> Any:
        if row.recipient.channel is Channel.EMAIL and room.now == NOW:
            raise UnavailableError("The data store is busy.")
        return letter(row)

    room.writer.letter = troubled  # type: ignore[method-assign]
    room.tell()
    assert statuses(room) == {Channel.EMAIL: [Status.WAITING], Channel.SMS: [Status.SENT], Channel.IN_APP: [Status.SENT]}
    room.later(seconds=10)
    room.work()
    assert statuses(room)[Channel.EMAIL] == [Status.SENT]


def test_what_is_only_written_is_sent_by_messages_of_its_own_and_once(room: PostRoom) -> None:
    for _ in range(2):
        telling.write(room.notice(), office=room.office, now=room.now)
    assert room.mail.sent == room.texts.sent == []
    room.go_on(minutes=5)
    assert (len(room.mail.sent), len(room.texts.sent)) == (1, 1)
    telling.write(room.notice(), office=room.office, now=room.now)
    assert room.queue.due(room.now) == []


# Bursts.


def burst(room: PostRoom, *events: str, **changes: Any) -> list[Notice]:
    """Seconds apart."""
    told = []
    for name in events:
        notice = room.notice(name, BURST, at=room.now, **changes)
        room.tell(notice)
        told.append(notice)
        room.later(seconds=5)
    return told


def test_the_first_of_a_burst_goes_at_once_and_the_rest_with_one_mail(room: PostRoom) -> None:
    room.writer.to = (MAIL,)
    burst(room, "evt_1", "evt_2", "evt_3", "evt_4")
    assert [mail.text for mail in room.mail.sent] == ["evt_1"]
    room.go_on(minutes=5)
    assert [mail.text for mail in room.mail.sent] == ["evt_1", "evt_2 evt_3 evt_4"]
    rows = {row.notice.event: row for row in room.store.of_subject("demo", "ord_1")}
    sent, taken = rows["evt_2"], [rows["evt_3"], rows["evt_4"]]
    assert [notice.event for notice in sent.also] == ["evt_3", "evt_4"]
    assert [(row.status, row.into) for row in taken] == [(Status.SKIPPED, sent.id)] * 2


def test_a_second_after_the_gap_goes_at_once(room: PostRoom) -> None:
    room.writer.to = (MAIL,)
    burst(room, "evt_1")
    room.later(minutes=2)
    burst(room, "evt_2")
    assert [mail.text for mail in room.mail.sent] == ["evt_1", "evt_2"]


def test_what_does_not_collapse_goes_as_it_comes(room: PostRoom) -> None:
    room.writer.to = (MAIL,)
    for name in ("evt_1", "evt_2"):
        room.tell(room.notice(name, Kind.PARTIAL_DELIVERY))
    assert [mail.text for mail in room.mail.sent] == ["evt_1", "evt_2"]


def test_orders_and_channels_have_bursts_of_their_own(room: PostRoom) -> None:
    room.writer.to = (MAIL, PAGE, TEXT)
    burst(room, "evt_1", "evt_2")
    burst(room, "evt_3", "evt_4", subject="ord_2")
    assert [mail.text for mail in room.mail.sent] == ["evt_1", "evt_3"]
    room.go_on(minutes=5)
    assert [mail.text for mail in room.mail.sent] == ["evt_1", "evt_3", "evt_2", "evt_4"]
    assert sorted(page.text for page in room.store.in_app("demo", "digest", 9, None)[0]) == ["evt_1", "evt_2", "evt_3", "evt_4"]


def test_what_a_person_asks_for_neither_waits_nor_goes_along(room: PostRoom) -> None:
    room.writer.to = (MAIL,)
    burst(room, "evt_1", "evt_2")
    burst(room, "evt_3", asked=True)
    assert [mail.text for mail in room.mail.sent] == ["evt_1", "evt_3"]
    room.go_on(minutes=5)
    assert [mail.text for mail in room.mail.sent] == ["evt_1", "evt_3", "evt_2"]


def test_what_is_sent_again_tells_all_that_it_told(room: PostRoom) -> None:
    """Its companions were taken by the row that it repeats."""
    room.writer.to = (MAIL,)
    burst(room, "evt_1", "evt_2", "evt_3")
    room.go_on(minutes=5)
    first = room.row("evt_1", MAIL, BURST)
    whole = next(row for row in room.store.of_subject("demo", "ord_1") if row.also)
    again = room.add(whole.notice, id=first.id + "X", also=whole.also, resent_of=whole.id, due_at=room.now)
    room.attempt(again)
    assert [mail.text for mail in room.mail.sent] == ["evt_1", "evt_2 evt_3", "evt_2 evt_3"]


def test_one_that_failed_with_its_companions_goes_again_with_them(room: PostRoom) -> None:
    room.writer.to = (MAIL,)
    burst(room, "evt_1", "evt_2", "evt_3")
    room.render, render = lambda row: {}[row], room.render
    room.go_on(minutes=5)
    failed = next(row for row in room.store.of_subject("demo", "ord_1") if row.also)
    assert failed.status is Status.FAILED
    room.render = render
    room.store.save(failed.again(room.now, "key_1"))
    room.attempt(failed)
    assert [mail.text for mail in room.mail.sent] == ["evt_1", "evt_2 evt_3"]


def test_an_event_that_comes_again_in_a_burst_changes_nothing(room: PostRoom) -> None:
    room.writer.to = (MAIL,)
    notices = burst(room, "evt_1", "evt_2")
    for notice in notices * 2:
        room.tell(notice)
    room.go_on(minutes=5)
    for notice in notices:
        room.tell(notice)
    room.go_on(minutes=5)
    assert [mail.text for mail in room.mail.sent] == ["evt_1", "evt_2"]


@pytest.mark.parametrize(("count", "mails"), [(20, 2), (80, 3), (150, 60)])
def test_a_great_burst_is_told_by_few_mails_and_all_of_it(room: PostRoom, count: int, mails: int) -> None:
    """Of very great ones those that happened long before the last are told one by one."""
    room.writer.to = (MAIL,)
    for number in range(count):
        room.tell(room.notice(f"evt_{number:03}", BURST, at=room.now))
        room.later(seconds=0.1)
    room.go_on(minutes=10)
    told = [name for mail in room.mail.sent for name in mail.text.split()]
    assert sorted(told) == [f"evt_{number:03}" for number in range(count)]
    assert len(room.mail.sent) <= mails


def test_the_gap_is_longer_than_a_lease() -> None:
    """Else a second would go while nobody knows what became of the first."""
    assert timedelta(seconds=60) <= GAP
    assert TEXT.channel is Channel.SMS
