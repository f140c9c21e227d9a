"""News of mails, as SES puts them on the bus: in any order, twice, of strangers, and broken."""

import json
from collections.abc import Callable
from datetime import timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from holdfast.kernel.errors import VersionConflict
from holdfast.notifications import mail_events
from holdfast.notifications.kinds import Channel
from holdfast.notifications.model import Notification, Status, Suppressed, Suppression
from tests.memory.engine import Memory
from tests.memory.notifications import MemoryNotifications
from tests.unit.notifications.rows import NOW, TO, notification

EVENTS = Path(__file__).resolve().parents[3] / "events" / "notifications_mail_events"
LATER = NOW + timedelta(seconds=5)
MESSAGE = "0107019a9a4f2d80-2d0b1d0c-5f3e-4f8a-9b7e-6a1d3c2b1f00-000000"


def event(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text("utf-8"))
    return found


def store_with(**row: Any) -> MemoryNotifications:
    store = MemoryNotifications(Memory())
    store.add(notification(**{"status": Status.SENT, "message": MESSAGE, **row}))
    return store


def standing(store: MemoryNotifications) -> Notification:
    found = store.get("demo", notification().id)
    assert found is not None
    return found


def hear(store: Any, *events: str | dict[str, Any]) -> Notification:
    for one in events:
        told = mail_events.read(event(one) if isinstance(one, str) else one)
        assert told is not None
        mail_events.apply(told, store=store, now=LATER)
    return standing(store)


@pytest.mark.parametrize(
    ("name", "status", "error", "detail"),
    [
        ("sent", Status.SENT, None, None),
        ("delivered", Status.DELIVERED, None, None),
        ("delivery_delayed", Status.SENT, None, "delayed MailboxFull 4.2.2"),
        ("bounced", Status.BOUNCED, "bounced", "Permanent General 5.1.1"),
        ("bounced_for_now", Status.SENT, None, "Transient MailboxFull 4.2.2"),
        ("complained", Status.COMPLAINED, "complained", "abuse"),
        ("rejected", Status.FAILED, "mail_rejected", "Bad content"),
        ("rendering_failed", Status.FAILED, "mail_not_rendered", None),
    ],
)
def test_what_each_of_them_means(name: str, status: Status, error: str | None, detail: str | None) -> None:
    row = hear(store_with(), name)
    assert (row.status, row.error, row.detail, row.message) == (status, error, detail, MESSAGE)


@pytest.mark.parametrize("name", sorted(path.stem for path in EVENTS.glob("*.json")))
def test_no_address_and_no_words_of_strangers_are_kept(name: str) -> None:
    told = mail_events.read(event(name))
    assert "ada@" not in str(told)
    assert "user unknown" not in str(told)


@pytest.mark.parametrize(("name", "why"), [("bounced", Suppressed.BOUNCE), ("complained", Suppressed.COMPLAINT)])
def test_who_cannot_or_does_not_want_to_be_written_to_is_not(name: str, why: Suppressed) -> None:
    store = store_with()
    row = hear(store, name, name)
    kept = Suppression(shop="demo", channel=Channel.EMAIL, to=TO[Channel.EMAIL], why=why, at=LATER, detail=row.detail)
    assert store.suppressions("demo", 10, None) == ([kept], None)


@pytest.mark.parametrize("name", ["sent", "delivered", "delivery_delayed", "bounced_for_now", "rejected", "rendering_failed"])
def test_anybody_else_is_written_to_as_before(name: str) -> None:
    store = store_with()
    hear(store, name)
    assert store.suppressions("demo", 10, None) == ([], None)


@pytest.mark.parametrize(
    ("names", "status"),
    [
        (("sent", "delivered"), Status.DELIVERED),
        (("sent", "delivery_delayed", "delivered"), Status.DELIVERED),
        (("sent", "bounced"), Status.BOUNCED),
        (("sent", "delivered", "complained"), Status.COMPLAINED),
        (("sent", "delivered", "bounced"), Status.BOUNCED),
        (("sent", "rejected"), Status.FAILED),
        (("sent", "bounced_for_now", "bounced"), Status.BOUNCED),
    ],
)
def test_in_any_order_and_however_often_it_ends_as_the_worst_that_is_known(names: tuple[str, ...], status: Status) -> None:
    for order in permutations(names):
        row = hear(store_with(), *order)
        assert row.status is status, order
        assert hear(store_with(), *order, *order).status is status, order


def test_the_same_news_again_change_nothing() -> None:
    store = store_with()
    first = hear(store, "delivered")
    assert hear(store, "delivered") == first


@pytest.mark.parametrize("status", [Status.CLAIMED, Status.WAITING])
def test_news_settle_what_a_worker_that_died_could_not_write_down(status: Status) -> None:
    row = hear(store_with(status=status, message=None, leased_until=NOW, doubtful=True), "sent")
    assert (row.status, row.message) == (Status.SENT, MESSAGE)


def test_news_of_a_mail_that_was_given_up_in_doubt_are_believed() -> None:
    assert hear(store_with(status=Status.FAILED, error="attempts_exhausted"), "delivered").status is Status.DELIVERED


def test_a_mail_that_was_taken_out_of_the_spam_is_no_complaint() -> None:
    happy = event("complained")
    happy["detail"]["complaint"]["complaintFeedbackType"] = "not-spam"
    store = store_with()
    assert hear(store, happy).status is Status.SENT
    assert store.suppressions("demo", 10, None) == ([], None)


def without(*path: str) -> Callable[[dict[str, Any]], None]:
    def damage(found: dict[str, Any]) -> None:
        for name in path[:-1]:
            found = found[name]
        del found[path[-1]]

    return damage


def put(value: Any, *path: str) -> Callable[[dict[str, Any]], None]:
    def damage(found: dict[str, Any]) -> None:
        for name in path[:-1]:
            found = found[name]
        found[path[-1]] = value

    return damage


@pytest.mark.parametrize(
    "damage",
    [
        without("source"),
        without("detail"),
        without("detail", "mail"),
        without("detail", "mail", "tags"),
        without("detail", "mail", "tags", "shop"),
        without("detail", "mail", "tags", "notification"),
        put("aws.s3", "source"),
        put("Email Opened", "detail-type"),
        put("Scheduled Event", "detail-type"),
        put("yesterday", "time"),
        put("demo", "detail", "mail", "tags", "shop"),
        put(["demo", "other"], "detail", "mail", "tags", "shop"),
        put(None, "detail"),
        put({"bounceSubType": "General"}, "detail", "bounce"),
    ],
)
def test_what_is_no_news_of_ours_is_passed_over(damage: Callable[[dict[str, Any]], None]) -> None:
    strange = event("bounced")
    damage(strange)
    assert mail_events.read(strange) is None


def test_a_bounce_that_does_not_say_of_what_kind_changes_nothing() -> None:
    bare = event("bounced")
    del bare["detail"]["bounce"]
    assert hear(store_with(), bare) == standing(store_with())


@pytest.mark.parametrize("name", ["of_a_row_that_is_gone"])
def test_news_of_a_row_that_is_gone_are_too_late(name: str) -> None:
    told = mail_events.read(event(name))
    assert told is not None
    assert mail_events.apply(told, store=store_with(), now=LATER) is None


def test_another_shops_row_is_not_found_by_its_id() -> None:
    foreign = event("bounced")
    foreign["detail"]["mail"]["tags"]["shop"] = ["other"]
    told = mail_events.read(foreign)
    store = store_with()
    assert told is not None
    assert mail_events.apply(told, store=store, now=LATER) is None
    assert (store.suppressions("other", 10, None)[0], standing(store).status) == ([], Status.SENT)


def test_a_text_message_has_no_news_of_ses() -> None:
    told = mail_events.read(event("bounced"))
    store = store_with(channel=Channel.SMS)
    assert told is not None
    assert mail_events.apply(told, store=store, now=LATER) is None


class Busy(MemoryNotifications):
    """Another worker changes the row before each of the first saves."""

    def __init__(self, memory: Memory, times: int) -> None:
        super().__init__(memory)
        self.times = times

    def save(self, row: Notification) -> bool:
        if self.times:
            self.times -= 1
            super().save(standing(self).changed(NOW, attempts=self.times))
        return super().save(row)


def busy(times: int) -> Busy:
    store = Busy(Memory(), times)
    store.add(notification(status=Status.SENT, message=MESSAGE))
    return store


def test_a_row_that_is_changed_meanwhile_is_looked_at_again() -> None:
    assert hear(busy(3), "delivered").status is Status.DELIVERED


def test_a_row_that_keeps_changing_brings_the_news_again() -> None:
    with pytest.raises(VersionConflict):
        hear(busy(mail_events.ATTEMPTS), "delivered")
