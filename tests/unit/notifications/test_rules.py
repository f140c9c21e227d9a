"""What may become of a notification, and when."""

from datetime import timedelta
from typing import Any

import pytest

from holdfast.notifications import rules
from holdfast.notifications.kinds import MANNERS, Channel, Kind
from holdfast.notifications.model import Notification, Status
from tests.memory.engine import Memory
from tests.memory.notifications import MemoryNotifications
from tests.memory.post_room import MAIL, NOW, PAGE, TEXT, PostRoom

ROOM = PostRoom(MemoryNotifications(Memory()))
BURST = Kind.ADDITIONAL_KEYS
GAP = MANNERS[BURST].collapse


def row(event: str = "evt_1", kind: Kind = Kind.COMPLETED, recipient: Any = MAIL, **changes: Any) -> Notification:
    return rules.row(ROOM.notice(event, kind), recipient, NOW).model_copy(update=changes)


def claimed(**changes: Any) -> Notification:
    return row(**{"status": Status.CLAIMED, "leased_until": NOW + rules.LEASE, **changes})


def test_the_same_event_makes_the_same_row() -> None:
    notice = ROOM.notice()
    assert rules.notification_id(notice, MAIL) == rules.notification_id(notice.model_copy(update={"data": {"x": 1}}), MAIL)
    others = [
        (ROOM.notice("evt_2"), MAIL),
        (ROOM.notice(kind=Kind.REFUNDED), MAIL),
        (notice.model_copy(update={"shop": "other"}), MAIL),
        (notice, TEXT),
        (notice, PAGE),
        (notice, MAIL.model_copy(update={"to": "eve@example.com"})),
    ]
    ids = {rules.notification_id(*each) for each in [(notice, MAIL), *others]}
    assert len(ids) == 1 + len(others)


# When.


@pytest.mark.parametrize(
    ("kind", "recipient", "doubtful", "waits"),
    [
        (Kind.COMPLETED, MAIL, False, timedelta()),
        (Kind.COMPLETED, MAIL, True, rules.ASK_FOR),
        (Kind.REFUNDED, MAIL, False, rules.ASK_FOR),
        (Kind.SHIPPED, TEXT, False, timedelta()),
        (Kind.REFUNDED, PAGE, False, timedelta()),
        (Kind.REFUNDED, PAGE, True, timedelta()),
    ],
)
def test_a_claim_in_doubt_is_free_when_all_that_could_be_heard_was_heard(kind: Kind, recipient: Any, doubtful: bool, waits: Any) -> None:
    standing = claimed(kind=kind, recipient=recipient, doubtful=doubtful)
    assert rules.free_at(standing) == NOW + rules.LEASE + waits
    assert rules.wake_at(standing) == NOW + rules.LEASE


def test_what_waits_is_free_when_it_is_due_and_what_has_ended_never_wakes() -> None:
    due = NOW + timedelta(hours=1)
    assert rules.free_at(row(due_at=due)) == rules.wake_at(row(due_at=due)) == due
    assert {status for status in Status if rules.wake_at(row(status=status)) is not None} == rules.OPEN


def test_pauses_double_and_half_of_each_is_left_to_chance() -> None:
    longest = [rules.pause(attempt, lambda below: 0).seconds for attempt in range(1, 13)]
    shortest = [rules.pause(attempt, lambda below: below - 1).seconds for attempt in range(1, 13)]
    assert longest == [10, 20, 40, 80, 160, 320, 640, 1280, 1800, 1800, 1800, 1800]
    assert shortest == [second // 2 for second in longest]
    assert sum(longest[: rules.MOST_ATTEMPTS - 1]) > 2 * 3600


# Bursts.


def test_the_first_of_a_burst_goes_at_once_and_the_second_waits() -> None:
    sent = row("evt_1", BURST, status=Status.SENT, leased_until=NOW + rules.LEASE)
    later = NOW + timedelta(seconds=20)
    second = row("evt_2", BURST)
    assert rules.due(second, [], later) == later
    assert rules.due(second, [sent], later) == NOW + GAP
    assert rules.due(second, [sent], NOW + GAP) == NOW + GAP
    assert rules.due(second, [second], later) == later


def test_of_two_in_one_moment_the_older_goes() -> None:
    first, second = sorted((row("evt_1", BURST), row("evt_2", BURST)), key=lambda one: one.id)
    assert rules.due(first, [first, second], NOW) == NOW
    assert rules.due(second, [first, second], NOW) == NOW + GAP


def test_a_third_goes_with_the_second_and_nobody_waits_longer_than_the_gap() -> None:
    second = row("evt_2", BURST, due_at=NOW + GAP)
    assert rules.due(row("evt_3", BURST), [second], NOW + timedelta(seconds=50)) == NOW + GAP
    busy = row("evt_2", BURST, due_at=NOW + timedelta(minutes=30))
    assert rules.due(row("evt_3", BURST), [busy], NOW) == NOW + GAP


STRANGERS = {
    "another kind": {"kind": Kind.STOCK_ALLOCATED},
    "another recipient": {"recipient": MAIL.model_copy(update={"to": "eve@example.com"})},
    "another channel": {"recipient": PAGE},
    "asked for by a person": {"notice": ROOM.notice("evt_2", BURST, asked=True)},
    "sent again by a person": {"resent_of": "ntf_1"},
    "about another order": {"notice": ROOM.notice("evt_2", BURST, subject="ord_2")},
}


@pytest.mark.parametrize("stranger", STRANGERS)
def test_others_are_neither_waited_for_nor_taken_along(stranger: str) -> None:
    other = row("evt_2", **{"kind": BURST, **STRANGERS[stranger]})
    mine = row("evt_3", BURST)
    assert rules.companions(mine, [other]) == []
    assert rules.due(mine, [other.model_copy(update={"due_at": NOW + timedelta(seconds=9)})], NOW) == NOW
    assert rules.companions(mine, [row("evt_2", BURST)]) != []


def test_who_has_companions_or_has_gone_is_not_taken_along() -> None:
    mine = row("evt_9", BURST)
    full = row("evt_2", BURST, also=(ROOM.notice("evt_1", BURST),))
    gone = [row(f"evt_{status}", BURST, status=status) for status in Status if status is not Status.WAITING]
    assert rules.companions(mine, [mine, full, *gone]) == []


def test_so_many_are_taken_along_and_no_more_oldest_first() -> None:
    others = [row(f"evt_{number:03}", BURST, created_at=NOW - timedelta(seconds=number)) for number in range(80)]
    taken = rules.companions(row("evt_x", BURST), others)
    assert [one.notice.event for one in taken] == [f"evt_{number:03}" for number in range(79, 79 - rules.MOST_TAKEN_ALONG, -1)]


# What follows what.

NEWS = [Status.SENT, Status.DELIVERED, Status.FAILED, Status.BOUNCED, Status.COMPLAINED]


@pytest.mark.parametrize("last", range(len(NEWS)))
@pytest.mark.parametrize("first", range(len(NEWS)))
def test_of_two_news_the_worse_stays_in_whatever_order_they_come(first: int, last: int) -> None:
    standing = claimed()
    for status in (NEWS[first], NEWS[last], NEWS[first]):
        standing = rules.heard(standing, status, NOW, message="m") or standing
    assert standing.status is NEWS[max(first, last)]


@pytest.mark.parametrize("status", [Status.SKIPPED, Status.SUPPRESSED])
def test_what_was_not_sent_has_no_news(status: Status) -> None:
    assert [rules.heard(row(status=status), news, NOW) for news in NEWS] == [None] * len(NEWS)


@pytest.mark.parametrize("error", [rules.OUTCOME_UNKNOWN, rules.ATTEMPTS_EXHAUSTED])
def test_what_was_given_up_without_knowing_is_put_right_by_news(error: str) -> None:
    given_up = row(status=Status.FAILED, error=error)
    found = rules.heard(given_up, Status.SENT, NOW, message="m")
    assert found is not None
    assert (found.status, found.error, found.message, found.version) == (Status.SENT, None, "m", 2)
    assert rules.heard(row(status=Status.FAILED, error="recipient_refused"), Status.SENT, NOW) is None


def test_a_delay_is_noted_and_changes_nothing_else() -> None:
    sent = row(status=Status.SENT, message="m")
    noted = rules.heard(sent, Status.SENT, NOW, detail="box is full")
    assert noted is not None
    assert (noted.status, noted.detail, noted.message) == (Status.SENT, "box is full", "m")
    assert rules.heard(noted, Status.SENT, NOW, detail="box is full") is None


def test_the_first_message_id_is_kept() -> None:
    delivered = rules.heard(row(status=Status.SENT, message="m"), Status.DELIVERED, NOW)
    assert delivered is not None
    assert delivered.message == "m"
    assert Channel.EMAIL is delivered.recipient.channel
