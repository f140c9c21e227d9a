"""Sending again: once per request, to somebody who may be written to, and not while it is under way."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from holdfast.notifications import resending, rules
from holdfast.notifications.kinds import Channel, Kind
from holdfast.notifications.model import Notice, Notification, Preferences, Recipient, Status, Suppressed, Suppression
from holdfast.notifications.refusals import (
    AddressOfAnotherChannel,
    ConsentMissing,
    NotificationUnderWay,
    RecipientSuppressed,
    UnknownNotification,
)
from holdfast.notifications.resending import Resend, RetryFailed
from tests.memory.engine import Memory
from tests.memory.notifications import MemoryNotifications

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
CUSTOMER = "c0ffee0000000001"
TO = {Channel.EMAIL: "ada@example.com", Channel.SMS: "+4915112345678", Channel.IN_APP: CUSTOMER}
ENDED = sorted(set(Status) - rules.OPEN)


class Desk:
    def __init__(self) -> None:
        self.book = MemoryNotifications(Memory())
        self.sent: list[Mapping[str, Any]] = []

    def send(self, message: Mapping[str, Any], *, delay: timedelta = timedelta()) -> None:
        assert delay == timedelta()
        self.sent.append(message)

    def told(self, status: Status = Status.SENT, channel: Channel = Channel.EMAIL, number: int = 1) -> Notification:
        notice = Notice(
            shop="demo", event=f"evt_{number}", kind=Kind.COMPLETED, at=NOW + timedelta(seconds=number), subject="ord_1", order="ord_1"
        )
        recipient = Recipient(channel=channel, to=TO[channel], customer=CUSTOMER, language="de")
        return self.book.add(rules.row(notice, recipient, NOW).model_copy(update={"status": status, "attempts": 3, "error": "oops"}))

    def resent(self, row: Notification, identity: str = "one", **to: str) -> Notification:
        command = Resend(shop="demo", notification=row.id, identity=identity, by="key_1", **to)
        return resending.resend(command, book=self.book, messages=self, now=LATER)

    def suppress(self, to: str, channel: Channel = Channel.EMAIL) -> None:
        self.book.suppress(Suppression(shop="demo", channel=channel, to=to, why=Suppressed.COMPLAINT, at=NOW))

    def rows(self) -> list[Notification]:
        return self.book.of_subject("demo", "ord_1")


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.mark.parametrize("status", ENDED)
def test_what_has_ended_is_sent_again_as_another(desk: Desk, status: Status) -> None:
    old = desk.told(status)
    again = desk.resent(old)
    assert (again.status, again.attempts, again.error, again.resent_of, again.due_at) == (Status.WAITING, 0, None, old.id, LATER)
    assert (again.by, old.by) == ("key_1", None)
    assert (again.notice, again.recipient) == (old.notice, old.recipient)
    assert desk.sent == [{"kind": "send", "shop": "demo", "notification": again.id}]
    assert desk.book.get("demo", old.id) == old, "what became of the first stays to be seen"


@pytest.mark.parametrize("status", sorted(rules.OPEN))
def test_what_is_under_way_is_not(desk: Desk, status: Status) -> None:
    old = desk.told(status)
    with pytest.raises(NotificationUnderWay) as refusal:
        desk.resent(old)
    assert (refusal.value.facts, desk.sent, desk.rows()) == ({"notification_status": status}, [], [old])


def test_one_request_sends_one_however_often_it_comes(desk: Desk) -> None:
    old = desk.told()
    first, second = desk.resent(old), desk.resent(old)
    assert (first, len(desk.rows())) == (second, 2)
    assert desk.resent(old, identity="another").id != first.id
    assert len(desk.rows()) == 3


def test_what_was_told_along_is_told_again(desk: Desk) -> None:
    old = desk.told()
    other = old.notice.model_copy(update={"event": "evt_2"})
    desk.book.save(old.changed(NOW, also=(other,)))
    assert desk.resent(old).also == (other,)


def test_to_a_corrected_address(desk: Desk) -> None:
    again = desk.resent(desk.told(Status.BOUNCED), email="ada@example.org")
    assert (again.recipient.to, again.recipient.language) == ("ada@example.org", "de")


def test_at_another_address_nobody_else_gets_the_links_of_the_first(desk: Desk) -> None:
    row = desk.told()
    assert desk.resent(row).recipient.customer == CUSTOMER
    assert desk.resent(row, "two", email="eve@example.com").recipient.customer == ""


def test_an_address_that_is_not_written_to_is_refused_with_the_reason(desk: Desk) -> None:
    old = desk.told(Status.BOUNCED)
    desk.suppress("Ada@Example.com")
    with pytest.raises(RecipientSuppressed) as refusal:
        desk.resent(old)
    assert (refusal.value.facts, desk.sent, desk.rows()) == ({"reason": Suppressed.COMPLAINT}, [], [old])
    assert desk.resent(old, email="ada@example.org").status is Status.WAITING
    desk.suppress("bob@example.org")
    with pytest.raises(RecipientSuppressed):
        desk.resent(old, email="bob@example.org")


@pytest.mark.parametrize(
    ("channel", "to"),
    [
        (Channel.EMAIL, {"phone": "+4915112345678"}),
        (Channel.EMAIL, {"phone": "+4915112345678", "email": "ada@example.org"}),
        (Channel.SMS, {"email": "ada@example.org"}),
        (Channel.IN_APP, {"email": "ada@example.org"}),
        (Channel.IN_APP, {"phone": "+4915112345678"}),
    ],
)
def test_a_channel_takes_its_own_addresses_only(desk: Desk, channel: Channel, to: dict[str, str]) -> None:
    with pytest.raises(AddressOfAnotherChannel) as refusal:
        desk.resent(desk.told(channel=channel), **to)
    assert (refusal.value.facts, desk.sent) == ({"channel": channel}, [])


def consent(desk: Desk, phone: str, since: datetime | None) -> None:
    desk.book.save_preferences(Preferences(shop="demo", customer=CUSTOMER, phone=phone, sms_since=since, updated_at=NOW))


def test_a_text_message_needs_consent_and_a_corrected_number_its_own(desk: Desk) -> None:
    old = desk.told(channel=Channel.SMS)
    with pytest.raises(ConsentMissing):
        desk.resent(old)
    consent(desk, TO[Channel.SMS], NOW)
    assert desk.resent(old).recipient.to == TO[Channel.SMS]
    with pytest.raises(ConsentMissing):
        desk.resent(old, "another", phone="+4915112345679")


def test_a_consent_that_was_taken_back_is_none(desk: Desk) -> None:
    consent(desk, TO[Channel.SMS], None)
    with pytest.raises(ConsentMissing):
        desk.resent(desk.told(channel=Channel.SMS))


def test_a_message_in_the_app_can_be_sent_again(desk: Desk) -> None:
    assert desk.resent(desk.told(channel=Channel.IN_APP)).recipient.to == CUSTOMER


def test_one_that_is_not_there_is_unknown(desk: Desk) -> None:
    with pytest.raises(UnknownNotification):
        desk.resent(desk.told().model_copy(update={"id": "ntf_nothing"}))


def retried(desk: Desk, *, dry_run: bool = False, limit: int = 100, after: str | None = None) -> resending.Retried:
    command = RetryFailed(shop="demo", limit=limit, by="key_2", after=after, dry_run=dry_run)
    return resending.retry_failed(command, notifications=desk.book, messages=desk, now=LATER)


def test_all_that_failed_wait_again_under_their_own_names(desk: Desk) -> None:
    rows = {status: desk.told(status, number=number) for number, status in enumerate(Status)}
    failed = rows[Status.FAILED]
    found = retried(desk)
    assert ([row.id for row in found.rows], found.retried, found.last) == ([failed.id], 1, None)
    standing = desk.book.get("demo", failed.id)
    assert standing is not None
    assert (standing.status, standing.attempts, standing.error, standing.due_at) == (Status.WAITING, 0, None, LATER)
    assert (standing.by, standing.resent_of) == ("key_2", None)
    assert desk.sent == [{"kind": "send", "shop": "demo", "notification": failed.id}]
    untouched = [row for status, row in rows.items() if status is not Status.FAILED]
    assert [desk.book.get("demo", row.id) for row in untouched] == untouched
    assert list(retried(desk).rows) == [], "asked for twice, sent once"


def test_a_dry_run_only_tells(desk: Desk) -> None:
    row = desk.told(Status.FAILED)
    found = retried(desk, dry_run=True)
    assert (list(found.rows), found.retried, desk.sent, desk.rows()) == ([row], 0, [], [row])


def test_some_at_a_time(desk: Desk) -> None:
    for number in range(5):
        desk.told(Status.FAILED, number=number)
    after, counts = None, []
    while True:
        found = retried(desk, limit=2, after=after)
        counts.append(found.retried)
        after = found.last
        if after is None:
            break
    assert (sum(counts), len(desk.sent), max(counts)) == (5, 5, 2)


def test_one_that_somebody_else_took_meanwhile_is_left_to_him(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    row = desk.told(Status.FAILED)
    seen = [row]
    desk.book.save(row.again(NOW, "key_1"))
    monkeypatch.setattr(desk.book, "page", lambda *_: (seen, None))
    assert (retried(desk).retried, desk.sent) == (0, [])
