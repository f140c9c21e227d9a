"""Two workers, two deliveries of an event, two mails of a burst: one message per claim, one row per event, each companion told by one.

And people: one wish per address, one choice over what was read, one first reason.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from holdfast.notifications import keys
from holdfast.notifications.errors import ServiceBusyError
from holdfast.notifications.kinds import Channel, Kind
from holdfast.notifications.model import Notification, Preferences, Status, Suppressed, Suppression, Wish
from holdfast.notifications.refusals import TooManyWishes
from holdfast.notifications.rules import LEASE
from tests.memory.house import House
from tests.memory.post_room import MAIL, NOW, PAGE, FewWords, PostRoom
from tests.memory.threads import just_before, meet, together

Careless = Callable[..., House]
BURST = Kind.ADDITIONAL_KEYS


def of(house: House) -> PostRoom:
    return PostRoom(house.stores.notifications, house.shop, writer=FewWords(to=(MAIL, PAGE)))


@pytest.fixture
def room(house: House) -> PostRoom:
    return of(house)


def a_millisecond_apart(room: PostRoom, count: int) -> list[PostRoom]:
    """Each worker has a clock of its own; services and queue are the same."""
    return [replace(room, now=room.now + timedelta(milliseconds=number)) for number in range(count)]


def standing(room: PostRoom, row: Notification) -> Notification:
    found = room.store.get(room.shop, row.id)
    assert found is not None
    return found


# Two workers, one row.


def both_attempt(room: PostRoom) -> int:
    row = room.add()
    meet(room.store, "get", 2)  # both have seen it free
    together([lambda own=own: own.attempt(row) for own in a_millisecond_apart(replace(room, now=room.now + LEASE), 2)])  # type: ignore[misc]
    return len(room.mail.sent)


def test_two_workers_send_one_mail(room: PostRoom) -> None:
    assert both_attempt(room) == 1


def test_without_the_guard_they_send_two(careless: Careless) -> None:
    assert both_attempt(of(careless("SAME_NOTIFICATION"))) == 2


def test_twelve_workers_send_one_mail(room: PostRoom) -> None:
    row = room.add()
    together([lambda own=own: own.attempt(row) for own in a_millisecond_apart(room, 12)])  # type: ignore[misc]
    assert (len(room.mail.sent), standing(room, row).status, standing(room, row).attempts) == (1, Status.SENT, 1)


def test_twelve_workers_of_one_millisecond_send_one_mail(room: PostRoom) -> None:
    row = room.add()
    together([lambda: room.attempt(row)] * 12)
    assert (len(room.mail.sent), standing(room, row).status) == (1, Status.SENT)


def test_a_claim_that_a_dead_worker_left_is_taken_up_by_one(room: PostRoom) -> None:
    row = room.add(status=Status.CLAIMED, claim="clm_dead", leased_until=NOW, attempts=1)
    together([lambda own=own: own.attempt(row) for own in a_millisecond_apart(room, 8)])  # type: ignore[misc]
    assert (len(room.mail.sent), standing(room, row).attempts, standing(room, row).doubtful) == (1, 2, True)


# One event, twice.


def told_by_two(room: PostRoom) -> int:
    """The second has looked before the first wrote, and writes when the first has sent."""
    notice = room.notice()
    first, second = a_millisecond_apart(room, 2)
    just_before(room.store, "add", lambda: first.tell(notice))
    get = room.store.get
    blind = iter([None])
    room.store.get = lambda shop, row: next(blind, "seen") and get(shop, row)  # type: ignore[method-assign]
    second.tell(notice)
    return len(room.mail.sent)


def test_an_event_that_is_told_by_two_is_told_once(room: PostRoom) -> None:
    assert told_by_two(room) == 1


def test_one_event_from_eight_threads_is_one_mail(room: PostRoom) -> None:
    notice = room.notice()
    together([lambda own=own: own.tell(notice) for own in a_millisecond_apart(room, 8)])  # type: ignore[misc]
    assert len(room.mail.sent) == 1
    assert len(room.store.in_app(room.shop, "digest", 9, None)[0]) == 1
    assert [row.status for row in room.store.of_subject(room.shop, "ord_1")] == [Status.SENT] * 2


def written_twice(room: PostRoom) -> bool:
    """Whether the row of a mail that is being sent is made anew by a slow one who saw none."""
    row = room.add()
    claimed = row.changed(NOW, status=Status.CLAIMED, leased_until=NOW + LEASE)
    assert room.store.save(claimed)
    room.store.get = lambda shop, identity: None  # type: ignore[method-assign]  as he saw it
    return room.store.add(row) != claimed


def test_a_row_that_stands_is_not_made_anew(room: PostRoom) -> None:
    assert not written_twice(room)


def test_without_the_guard_it_is(careless: Careless) -> None:
    assert written_twice(of(careless("NOT_TOLD_YET")))


# A burst.


def of_one_burst(room: PostRoom, count: int) -> tuple[PostRoom, list[Notification]]:
    """All of them due."""
    rows = [room.add(room.notice(f"evt_{number}", BURST)) for number in range(count)]
    return replace(room, now=room.now + timedelta(minutes=2)), rows


def told(room: PostRoom) -> list[str]:
    return sorted(event for mail in room.mail.sent for event in mail.text.split())


def test_all_workers_on_all_rows_tell_each_event_once(room: PostRoom) -> None:
    late, rows = of_one_burst(room, 6)
    acts = [lambda own=own, row=row: own.attempt(row) for own in a_millisecond_apart(late, 3) for row in rows]  # type: ignore[misc]
    together(acts)
    assert told(room) == [row.notice.event for row in rows]


def taken_by_two(room: PostRoom) -> list[str]:
    """The companion goes by itself in the very moment in which it is taken along."""
    late, (first, second) = of_one_burst(room, 2)
    find = room.store.of_subject
    faster = replace(late, now=late.now + timedelta(milliseconds=1))

    def found(*args: Any) -> list[Notification]:
        room.store.of_subject = find  # type: ignore[method-assign]
        rows = find(*args)
        alone = faster.store.get(room.shop, second.id)
        assert alone is not None
        claimed = alone.changed(faster.now, status=Status.CLAIMED, leased_until=faster.now + LEASE)
        assert room.store.save(claimed)
        room.mail.send(claimed, faster.render(claimed))
        return rows

    room.store.of_subject = found  # type: ignore[method-assign]
    late.attempt(first)
    return told(room)


def test_a_companion_that_went_by_itself_is_not_told_again(room: PostRoom) -> None:
    assert taken_by_two(room) == ["evt_0", "evt_1"]


def test_events_of_one_moment_from_many_threads_are_all_told_by_few_mails(room: PostRoom) -> None:
    own = a_millisecond_apart(room, 8)
    together([lambda own=one, n=n: own.tell(room.notice(f"evt_{n}", BURST)) for n, one in enumerate(own)])  # type: ignore[misc]
    assert len(room.mail.sent) <= 2
    room.now = own[-1].now
    room.go_on(minutes=5)
    assert told(room) == [f"evt_{number}" for number in range(8)]
    assert len(room.mail.sent) <= 4


# A worker, and everybody else.


def test_who_was_thought_dead_does_not_undo_what_the_next_one_did(room: PostRoom) -> None:
    row = room.add()
    slow = row.changed(NOW, status=Status.CLAIMED, claim="clm_slow", leased_until=NOW + LEASE)
    assert room.store.save(slow)
    replace(room, now=NOW + LEASE).attempt(row)
    assert not room.store.save(slow.changed(NOW, status=Status.FAILED))
    assert standing(room, row).status is Status.SENT


def test_news_and_mark_at_once_leave_the_better_news(room: PostRoom) -> None:
    for number in range(6):
        row = room.add(room.notice(f"evt_{number}"))
        room.mail.answers = []
        together([lambda row=row: room.attempt(row), lambda row=row: hears(room, row, Status.DELIVERED)])  # type: ignore[misc]
        assert standing(room, row).status is Status.DELIVERED


def hears(room: PostRoom, row: Notification, status: Status) -> None:
    """As the function does that hears from the mail service: again, when the row was changed meanwhile."""
    while not any(one.id == row.id for one in room.mail.rows):
        pass
    while standing(room, row).status is not status:
        try:
            room.hear(row, status)
        except AssertionError:
            continue


def test_busy_and_given_up_at_once_is_one_of_both(room: PostRoom) -> None:
    room.mail.answers = [ServiceBusyError("busy")]
    row = room.add()
    together([lambda: room.attempt(row), lambda: room.store.save(row.changed(NOW, status=Status.FAILED))])
    assert standing(room, row).status in {Status.WAITING, Status.FAILED}
    assert standing(room, row).version in {2, 3}


# People.


def wish(room: PostRoom, number: int, customer: str = "digest") -> Wish:
    at = NOW + timedelta(milliseconds=number)
    email = "ada@example.com" if customer == "digest" else f"{customer}@example.com"
    return Wish(shop=room.shop, sku="A", email=email, customer=customer, at=at)


def test_one_address_asks_once_however_often_it_clicks(room: PostRoom) -> None:
    made = together([lambda n=n: room.store.add_wish(wish(room, n), 1000, 25) for n in range(8)])  # type: ignore[misc]
    assert made.count(True) == 1
    assert len(room.store.wishes(room.shop, "A", 9)) == 1


def test_of_many_at_once_only_as_many_wait_as_may(room: PostRoom) -> None:
    """All of them in one part of the count."""
    same = [f"c{n}" for n in range(400) if keys.wish_count_key(room.shop, "A", f"c{n}")["pk"].endswith("#3")][:10]
    most = 4 * keys.COUNTERS
    answers = together([lambda n=n, c=c: room.store.add_wish(wish(room, n, c), most, 25) for n, c in enumerate(same)])  # type: ignore[misc]
    assert answers.count(True) == len(room.store.wishes(room.shop, "A", 99)) == 4
    assert sum(isinstance(answer, TooManyWishes) for answer in answers) == 6


def test_of_two_choices_over_the_same_one_is_made(room: PostRoom) -> None:
    choices = [Preferences(shop=room.shop, customer="digest", language=one, updated_at=NOW) for one in ("en", "de", "fr", "it")]
    made = together([lambda one=one: room.store.save_preferences(one) for one in choices])  # type: ignore[misc]
    assert made.count(True) == 1
    assert room.store.preferences(room.shop, "digest") == choices[made.index(True)]


def test_the_first_reason_stays(room: PostRoom) -> None:
    reasons = [Suppression(shop=room.shop, channel=Channel.EMAIL, to=MAIL.to, why=why, at=NOW) for why in Suppressed]
    together([lambda one=one: room.store.suppress(one) for one in reasons])  # type: ignore[misc]
    first = room.store.suppression(room.shop, Channel.EMAIL, MAIL.to)
    together([lambda one=one: room.store.suppress(one) for one in reasons])  # type: ignore[misc]
    assert room.store.suppression(room.shop, Channel.EMAIL, MAIL.to) == first
