"""What must come of news of mails, and of the schedule of notifications."""

from datetime import timedelta
from typing import Any

from holdfast.notifications.model import Status
from tests.unit.functions.world import CLOCK, EMAIL, NOW, World, load
from tests.unit.notifications.rows import notification

Answer = dict[str, Any]


def a_mail_was_sent(world: World) -> None:
    load("notifications_mail_events").store.add(notification(status=Status.SENT, message="m-1"))


def some_are_late(world: World) -> None:
    """One by ten minutes, one by five, one that has ended; and one of another shop."""
    store = load("notifications_schedule").store
    for number, (minutes, status) in enumerate([(10, Status.WAITING), (5, Status.WAITING), (30, Status.SENT), (20, Status.CLAIMED)]):
        due = NOW - timedelta(minutes=minutes, seconds=1)
        store.add(notification(id=f"ntf_01KAJVKP00000000000000000{number}", status=status, due_at=due, leased_until=due))


def staff_reads_mail(world: World) -> None:
    (shop,) = [item for item in world.items("tenants") if (item["pk"], item["sk"]) == ("demo", "SHOP")]
    world.put("tenants", {**shop, "staff_emails": ["staff@example.com"]})


def told(status: Status, *, suppressed: bool = False) -> Any:
    def check(world: World, answer: Answer) -> None:
        row = notification()
        store = load("notifications_mail_events").store
        found = store.get("demo", row.id)
        assert (answer, found.status) == ({"notification": row.id, "status": status.value}, status)
        listed, _ = store.suppressions("demo", 10, None)
        assert [(one.to, one.at) for one in listed] == ([(EMAIL, CLOCK.now)] if suppressed else [])

    return check


def is_none_of_ours(world: World, answer: Answer) -> None:
    found = load("notifications_mail_events").store.get("demo", notification().id)
    assert (answer, found.status) == ({"notification": None, "status": None}, Status.SENT)


def late_ones_go_again(world: World, answer: Answer) -> None:
    messages = world.messages("notifications")
    assert answer == {"job": "wake", "sent": 2}
    assert sorted(message["notification"][-1] for message in messages) == ["0", "3"]
    assert {(message["kind"], message["shop"]) for message in messages} == {("send", "demo")}


def digests_are_asked_for(world: World, answer: Answer) -> None:
    """For the day before, and not for the shop whose staff reads no mail."""
    assert answer == {"job": "digest", "sent": 1}
    assert world.messages("notifications") == [{"kind": "digest", "shop": "demo", "day": "2026-11-20"}]


CASES: dict[str, dict[str, Any]] = {
    "notifications_mail_events/sent": {"given": a_mail_was_sent, "effect": told(Status.SENT)},
    "notifications_mail_events/delivered": {"given": a_mail_was_sent, "effect": told(Status.DELIVERED)},
    "notifications_mail_events/delivery_delayed": {"given": a_mail_was_sent, "effect": told(Status.SENT)},
    "notifications_mail_events/bounced": {"given": a_mail_was_sent, "effect": told(Status.BOUNCED, suppressed=True)},
    "notifications_mail_events/bounced_for_now": {"given": a_mail_was_sent, "effect": told(Status.SENT)},
    "notifications_mail_events/complained": {"given": a_mail_was_sent, "effect": told(Status.COMPLAINED, suppressed=True)},
    "notifications_mail_events/rejected": {"given": a_mail_was_sent, "effect": told(Status.FAILED)},
    "notifications_mail_events/rendering_failed": {"given": a_mail_was_sent, "effect": told(Status.FAILED)},
    "notifications_mail_events/of_somebody_else": {"given": a_mail_was_sent, "effect": is_none_of_ours},
    "notifications_mail_events/of_a_row_that_is_gone": {"given": a_mail_was_sent, "effect": is_none_of_ours},
    "notifications_schedule/tick": {"given": some_are_late, "effect": late_ones_go_again},
    "notifications_schedule/digest": {"given": staff_reads_mail, "effect": digests_are_asked_for},
}
