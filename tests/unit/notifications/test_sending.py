"""One attempt: who is not written to, what a service may answer, and what becomes of the row."""

from datetime import timedelta
from typing import Any

import pytest

from holdfast.kernel.errors import UnavailableError
from holdfast.notifications import rules, sending
from holdfast.notifications.errors import RecipientRefused, ServiceBusyError
from holdfast.notifications.kinds import Channel, Kind, Topic
from holdfast.notifications.model import Mail, Notification, Preferences, Recipient, Status, Suppressed, Suppression
from tests.memory.engine import Memory
from tests.memory.notifications import MemoryNotifications, Service, gone
from tests.memory.post_room import MAIL, NOW, PAGE, TEXT, PostRoom

BUSY = ServiceBusyError("The service is busy.")
TIMED_OUT = TimeoutError("no answer")


@pytest.fixture
def room() -> PostRoom:
    return PostRoom(MemoryNotifications(Memory()))


def now(room: PostRoom, row: Notification) -> Notification:
    found = room.store.get(room.shop, row.id)
    assert found is not None
    return found


def dies(*_: object) -> bool:
    raise ConnectionError


# It goes.


@pytest.mark.parametrize("recipient", [MAIL, TEXT, PAGE], ids=lambda recipient: recipient.channel)
def test_a_message_goes_once_by_its_channel(room: PostRoom, recipient: Recipient) -> None:
    room.agree()
    row = room.add(recipient=recipient)
    attempted = room.attempt(row)
    assert attempted is not None
    sent = now(room, row)
    assert (attempted.row, attempted.error) == (sent, None)
    assert (sent.status, sent.attempts, sent.error, sent.doubtful) == (Status.SENT, 1, None, False)
    assert room.attempt(row) is None
    pages = room.store.in_app(room.shop, "digest", 9, None)[0]
    went = {Channel.EMAIL: len(room.mail.sent), Channel.SMS: len(room.texts.sent), Channel.IN_APP: len(pages)}
    assert went == {channel: int(channel is recipient.channel) for channel in Channel}
    assert sent.message == (row.id if recipient is PAGE else "message-1")


def test_what_is_not_there_or_not_due_is_not_sent(room: PostRoom) -> None:
    assert sending.send(room.shop, "ntf_none", office=room.office, now=NOW) is None
    row = room.add(due_at=NOW + timedelta(minutes=40))
    assert room.attempt(row) is None
    room.later(minutes=39, seconds=59.5)
    assert room.attempt(row) is None
    assert [at for at, _ in room.queue.waiting] == [NOW + timedelta(minutes=15), NOW + timedelta(minutes=40, seconds=0.5)]
    assert room.mail.sent == []
    room.later(seconds=0.5)
    assert room.attempt(row) is not None


def test_a_message_that_comes_early_comes_again_when_it_is_time(room: PostRoom) -> None:
    row = room.add(due_at=NOW + timedelta(minutes=40))
    room.attempt(row)
    room.go_on(minutes=39)
    assert room.mail.sent == []
    room.go_on(minutes=2)
    assert now(room, row).status is Status.SENT


# It does not go.


def test_nobody_is_written_to_who_is_suppressed(room: PostRoom) -> None:
    room.agree()
    for recipient in (MAIL, TEXT):
        why = Suppressed.COMPLAINT if recipient is MAIL else Suppressed.OPTED_OUT
        room.store.suppress(Suppression(shop=room.shop, channel=recipient.channel, to=recipient.to, why=why, at=NOW))
        row = room.add(recipient=recipient)
        room.attempt(row)
        assert (now(room, row).status, now(room, row).error, now(room, row).attempts) == (Status.SUPPRESSED, why, 0)
    page = room.add(recipient=PAGE)
    room.attempt(page)
    assert now(room, page).status is Status.SENT
    assert room.mail.sent == room.texts.sent == []


@pytest.mark.parametrize(
    ("kind", "off", "status"),
    [
        (Kind.HOLD_EXPIRING, Topic.REMINDER, Status.SUPPRESSED),
        (Kind.BACK_IN_STOCK, Topic.BACK_IN_STOCK, Status.SUPPRESSED),
        (Kind.HOLD_EXPIRING, Topic.BACK_IN_STOCK, Status.SENT),
        (Kind.COMPLETED, Topic.ORDER, Status.SENT),
    ],
)
def test_what_can_be_switched_off_is_and_what_belongs_to_a_sale_is_not(room: PostRoom, kind: Kind, off: Topic, status: Status) -> None:
    """Chosen after the row was written."""
    row = room.add(room.notice(kind=kind))
    room.store.save_preferences(Preferences(shop=room.shop, customer="digest", off=(off,), updated_at=NOW))
    room.attempt(row)
    assert now(room, row).status is status
    assert now(room, row).error == (rules.TOPIC_OFF if status is Status.SUPPRESSED else None)


@pytest.mark.parametrize("phone", [None, "+4915100000000"], ids=["taken back", "another number"])
def test_a_text_message_needs_the_consent_of_that_number(room: PostRoom, phone: str | None) -> None:
    row = room.add(recipient=TEXT)
    room.agree(phone)
    room.attempt(row)
    assert (now(room, row).status, now(room, row).error) == (Status.SUPPRESSED, rules.NO_CONSENT)
    assert room.texts.sent == []


def test_a_channel_that_was_switched_off_sends_nothing(room: PostRoom) -> None:
    room.agree()
    row = room.add(recipient=TEXT)
    office = room.office._replace(senders={Channel.EMAIL: room.mail})
    attempted = sending.attempt(row, office=office, now=NOW)
    assert attempted is not None
    assert (attempted.row.status, attempted.row.error) == (Status.SUPPRESSED, rules.CHANNEL_OFF)


def test_what_waited_goes_to_the_address_that_was_put_right(room: PostRoom) -> None:
    """The keys of an order must not go to a stranger because the mail service was busy when somebody found the slip of the pen."""
    row = room.add(room.notice("evt_1", Kind.ADDITIONAL_KEYS), also=(room.notice("evt_2", Kind.ADDITIONAL_KEYS),))
    room.add(room.notice("evt_2", Kind.ADDITIONAL_KEYS), status=Status.SKIPPED, into=row.id)
    right = MAIL.model_copy(update={"to": "ada@example.org"})
    room.writer.to = (right, PAGE)
    room.later(seconds=1)
    room.attempt(row)
    assert (now(room, row).status, now(room, row).error) == (Status.SKIPPED, rules.READDRESSED)
    room.go_on(minutes=10)
    assert {mail.to for mail in room.mail.sent} == {"ada@example.org"}
    assert {event for mail in room.mail.sent for event in mail.text.split()} == {"evt_1", "evt_2"}


def test_a_worker_that_dies_while_it_readdresses_is_followed_by_one_that_tells_once(
    room: PostRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = room.add()
    room.writer.to = (MAIL.model_copy(update={"to": "ada@example.org"}),)
    room.later(seconds=1)
    with monkeypatch.context() as dying:
        dying.setattr(MemoryNotifications, "save", dies)
        with pytest.raises(ConnectionError):
            room.attempt(row)
    room.attempt(row)
    room.go_on(minutes=30)
    assert [mail.to for mail in room.mail.sent] == ["ada@example.org"]


def test_what_a_person_addressed_goes_there(room: PostRoom) -> None:
    row = room.add(recipient=MAIL.model_copy(update={"to": "eve@example.org"}), resent_of="ntf_before")
    room.later(seconds=1)
    room.attempt(row)
    assert [mail.to for mail in room.mail.sent] == ["eve@example.org"]


def test_what_is_over_is_not_told_any_more(room: PostRoom) -> None:
    room.writer.over = True
    row = room.add()
    room.attempt(row)
    assert (now(room, row).status, now(room, row).attempts) == (Status.SKIPPED, 0)


def test_a_broken_template_fails_the_row_and_staff_hear_of_it(room: PostRoom) -> None:
    def broken(_: Any) -> Mail:
        raise KeyError("ada@example.com")

    row = room.add()
    attempted = sending.attempt(row, office=room.office._replace(render=broken), now=NOW)
    assert attempted is not None
    assert isinstance(attempted.error, KeyError)
    failed = now(room, row)
    assert (failed.status, failed.error, failed.detail, failed.attempts) == (Status.FAILED, rules.TEMPLATE_ERROR, "KeyError", 0)
    ((_, message),) = room.queue.waiting
    assert (message["kind"], message["notice"]["kind"]) == ("tell", "dead_letter")
    assert "ada@example.com" not in str(message)
    assert room.store.save(failed.again(NOW, "key_1"))
    room.attempt(row)
    assert now(room, row).status is Status.SENT


def test_a_recipient_who_is_refused_is_not_tried_again(room: PostRoom) -> None:
    room.mail.answers.append(RecipientRefused("There is no such address."))
    row = room.add()
    room.attempt(row)
    failed = now(room, row)
    assert (failed.status, failed.error, failed.attempts) == (Status.FAILED, "recipient_refused", 1)
    assert room.queue.waiting == []


# It may go later.


def test_a_busy_service_is_asked_again_after_longer_and_longer_pauses(room: PostRoom) -> None:
    room.mail.answers += [BUSY, BUSY]
    row = room.add()
    attempted = room.attempt(row)
    assert attempted is not None
    assert attempted.error is BUSY
    waiting = now(room, row)
    assert (waiting.status, waiting.error, waiting.due_at) == (Status.WAITING, "service_busy", NOW + timedelta(seconds=10))
    assert [at for at, _ in room.queue.waiting] == [waiting.due_at]
    room.later(seconds=10)
    room.work()
    assert now(room, row).due_at == NOW + timedelta(seconds=30)
    room.later(seconds=20)
    room.work()
    sent = now(room, row)
    assert (sent.status, sent.error, sent.attempts, sent.doubtful) == (Status.SENT, None, 3, False)


def test_after_the_last_pause_it_is_given_up_and_staff_hear_of_it_once_an_hour(room: PostRoom) -> None:
    room.mail.answers += [BUSY] * 200
    rows = [room.add(room.notice(f"evt_{number}")) for number in range(3)]
    for row in rows:
        room.attempt(row)
    told: list[dict[str, Any]] = []
    room.queue.send, send = lambda message, delay=timedelta(): (told.append(message), send(message, delay=delay)), room.queue.send
    room.go_on(hours=3)
    for row in rows:
        failed = now(room, row)
        assert (failed.status, failed.error, failed.attempts) == (Status.FAILED, rules.ATTEMPTS_EXHAUSTED, rules.MOST_ATTEMPTS)
    complaints = [message["notice"] for message in told if message["kind"] == "tell"]
    assert {notice["event"] for notice in complaints} == {"notification#completed#2026-11-21T14:00:00.000Z"}
    assert {notice["kind"] for notice in complaints} == {"dead_letter"}
    assert {one.notice.kind for one in room.store.of_subject(room.shop, "dead_letters")} == {Kind.DEAD_LETTER}, "and not of itself"


def test_what_the_writer_cannot_read_leaves_the_row_as_it_was(room: PostRoom) -> None:
    row = room.add()
    room.writer.raises = UnavailableError("The data store is busy.")
    with pytest.raises(UnavailableError):
        room.attempt(row)
    assert now(room, row) == row


def test_the_last_message_of_a_row_gives_it_up(room: PostRoom) -> None:
    row = room.add()
    given_up = sending.give_up(room.shop, row.id, KeyError("ada@example.com"), office=room.office, now=NOW)
    assert given_up is not None
    failed = now(room, row)
    assert given_up.row == failed
    assert (failed.status, failed.error, failed.detail) == (Status.FAILED, rules.ATTEMPTS_EXHAUSTED, "KeyError")
    assert [message["kind"] for _, message in room.queue.waiting] == ["tell"]


def test_what_waits_for_its_time_or_is_at_work_is_not_given_up(room: PostRoom) -> None:
    rows = [
        room.add(room.notice("evt_1"), due_at=NOW + timedelta(seconds=1)),
        room.add(room.notice("evt_2"), status=Status.CLAIMED, leased_until=NOW + timedelta(seconds=1)),
        room.add(room.notice("evt_3"), status=Status.SENT),
    ]
    for row in rows:
        assert sending.give_up(room.shop, row.id, BUSY, office=room.office, now=NOW) is None
        assert now(room, row) == row
    assert sending.give_up(room.shop, "ntf_none", BUSY, office=room.office, now=NOW) is None


def test_what_kills_its_workers_is_not_tried_for_ever(room: PostRoom) -> None:
    row = room.add()
    room.later(days=3)
    assert room.attempt(row) is not None
    row = room.add(room.notice("evt_2"))
    room.later(days=3, seconds=1)
    room.attempt(row)
    assert (now(room, row).status, now(room, row).error) == (Status.FAILED, rules.ATTEMPTS_EXHAUSTED)


# Nobody knows.


def test_keys_go_again_at_once(room: PostRoom) -> None:
    """Better twice than never."""
    room.mail.answers.append(gone(TIMED_OUT))
    row = room.add()
    attempted = room.attempt(row)
    assert attempted is not None
    assert attempted.error is TIMED_OUT
    assert now(room, row).status is Status.CLAIMED
    assert room.attempt(row) is None  # its lease stands
    room.later(seconds=60)
    room.attempt(row)
    assert (now(room, row).status, now(room, row).attempts, now(room, row).doubtful) == (Status.SENT, 2, True)
    assert len(room.mail.sent) == 2


@pytest.mark.parametrize("news", [True, False], ids=["news come", "no news come"])
@pytest.mark.parametrize("went", [True, False], ids=["it went", "it did not go"])
def test_of_all_else_news_are_waited_for(room: PostRoom, went: bool, news: bool) -> None:
    room.mail.answers.append(gone(TIMED_OUT) if went else TIMED_OUT)
    row = room.add(room.notice(kind=Kind.REFUNDED))
    room.attempt(row)
    if went and news:
        room.hear(row)
    room.go_on(minutes=30)
    assert now(room, row).status is Status.SENT
    assert len(room.mail.sent) == (2 if went and not news else 1)


def test_two_attempts_in_doubt_are_enough(room: PostRoom) -> None:
    """Whatever the service does, no customer gets a third one; and a person is told."""
    room.mail.answers += [gone(TIMED_OUT)] * 9
    row = room.add()
    room.attempt(row)
    room.go_on(hours=2)
    failed = now(room, row)
    assert (failed.status, failed.error, failed.attempts) == (Status.FAILED, rules.OUTCOME_UNKNOWN, 2)
    assert [went.id for went in room.mail.rows].count(row.id) == 2
    assert {one.notice.kind for one in room.store.of_subject(room.shop, "dead_letters")} == {Kind.DEAD_LETTER}
    room.hear(row, Status.DELIVERED)
    assert (now(room, row).status, now(room, row).error) == (Status.DELIVERED, None)


def test_an_attempt_in_doubt_is_not_forgotten_over_a_busy_one(room: PostRoom) -> None:
    room.mail.answers += [gone(TIMED_OUT), BUSY, gone(TIMED_OUT), gone(TIMED_OUT)]
    row = room.add()
    room.attempt(row)
    room.go_on(hours=1)
    assert now(room, row).error == rules.OUTCOME_UNKNOWN
    assert [went.id for went in room.mail.rows].count(row.id) == 2


@pytest.mark.parametrize("recipient", [TEXT, PAGE], ids=lambda recipient: recipient.channel)
def test_where_no_news_can_come_none_are_waited_for(room: PostRoom, recipient: Recipient) -> None:
    room.agree()
    room.texts.answers.append(TIMED_OUT)
    row = room.add(room.notice(kind=Kind.REFUNDED), recipient, status=Status.CLAIMED, leased_until=NOW)
    assert room.attempt(row) is not None
    room.later(seconds=60)
    room.attempt(row)
    assert now(room, row).status is (Status.FAILED if recipient is TEXT and not room.texts.sent else Status.SENT)
    assert len(room.store.in_app(room.shop, "digest", 9, None)[0]) == int(recipient is PAGE)


def test_a_page_shows_two_as_one_so_it_may_be_tried_as_often_as_it_takes(room: PostRoom) -> None:
    row = room.add(recipient=PAGE, status=Status.CLAIMED, leased_until=NOW, doubtful=True, attempts=2)
    room.attempt(row)
    assert (now(room, row).status, now(room, row).attempts) == (Status.SENT, 3)


# News that are faster than we are.


class Overheard(Service):
    """The service's news come before its answer."""

    def __init__(self, room: PostRoom, *news: Any) -> None:
        super().__init__()
        self.room, self.news = room, news

    def send(self, notification: Notification, mail: Mail) -> str:
        message = super().send(notification, mail)
        for after in self.news:
            standing = self.room.store.get(notification.shop, notification.id)
            assert standing is not None
            assert self.room.store.save(after(standing))
        return message


def test_better_news_stay(room: PostRoom) -> None:
    room.mail = Overheard(room, lambda row: rules.heard(row, Status.DELIVERED, NOW, message="told"))
    row = room.add()
    room.attempt(row)
    assert (now(room, row).status, now(room, row).message, now(room, row).version) == (Status.DELIVERED, "told", 3)


def test_a_note_beside_it_does_not_keep_the_mark_away(room: PostRoom) -> None:
    room.mail = Overheard(room, lambda row: row.changed(NOW, detail="delayed"))
    row = room.add()
    room.attempt(row)
    assert (now(room, row).status, now(room, row).detail, now(room, row).message) == (Status.SENT, "delayed", "message-1")


def test_who_was_thought_dead_does_not_undo_what_the_next_one_did(room: PostRoom) -> None:
    """The slow one's mark comes when another has claimed the row."""
    room.mail = Overheard(room, lambda row: row.changed(NOW, claim="clm_other", doubtful=True))
    row = room.add()
    room.attempt(row)
    assert (now(room, row).status, now(room, row).claim, now(room, row).message) == (Status.CLAIMED, "clm_other", None)


def test_nothing_personal_is_in_what_is_printed_of_a_row(room: PostRoom) -> None:
    assert MAIL.to not in repr(room.add())
