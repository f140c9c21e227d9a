"""What must come of news of mails, of the schedule of notifications, and of the messages that notifications send to themselves."""

from datetime import timedelta
from typing import Any

from holdfast.notifications.model import Status, Wish
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


def some_are_late_and_somebody_waits_too_long(world: World) -> None:
    some_are_late(world)
    for name, days in (("bob", 181), ("eve", 179)):
        at = NOW - timedelta(days=days)
        asked = Wish(shop="demo", sku="box", email=f"{name}@example.com", customer=f"digest-of-{name}", at=at)
        load("notifications_inbox").store.add_wish(asked, 10, 25)


def late_ones_go_again_and_old_wishes_end(world: World, answer: Answer) -> None:
    late_ones_go_again(world, answer)
    assert [wish.email for wish in load("notifications_inbox").store.wishes("demo", "box", 10)] == ["eve@example.com"]


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


def something_is_watched(world: World) -> None:
    staff_reads_mail(world)
    (product,) = [item for item in world.items("catalogue") if item["sku"] == "licence"]
    world.put("catalogue", {**product, "low_stock_threshold": 3})


def two_wait_for_the_box(world: World) -> None:
    store = load("notifications_inbox").store
    for number, name in enumerate(("bob", "eve")):
        at = NOW - timedelta(minutes=9 - number)
        store.add_wish(Wish(shop="demo", sku="box", email=f"{name}@example.com", customer=f"digest-of-{name}", at=at), 10, 25)


def mails(*to: str, says: str = "") -> Any:
    """To each one, in that order."""

    def check(world: World, answer: Answer) -> None:
        assert answer == {"batchItemFailures": []}
        found = world.mails()
        assert [address for mail in found for address in mail.destinations["ToAddresses"]] == list(to)
        assert all(says in str(mail.body) for mail in found)

    return check


def looked_at_later(*kinds: tuple[str, int]) -> Any:
    """Messages to ourselves, and after how many seconds they come."""

    def check(world: World, answer: Answer) -> None:
        assert (answer, world.mails()) == ({"batchItemFailures": []}, [])
        assert sorted((message["kind"], seconds) for message, seconds in world.delayed("notifications")) == sorted(kinds)

    return check


def once_for_each_end(world: World, answer: Answer) -> None:
    """However often the message comes."""
    mails(EMAIL, says="12:15")(world, answer)
    assert world.play("notifications_inbox/hold_expiring") == answer
    assert len(world.mails()) == 1


def once_for_each_crossing(world: World, answer: Answer) -> None:
    mails("staff@example.com", says="3 left")(world, answer)
    world.play("notifications_inbox/low_stock")
    assert len(world.mails()) == 1


def nobody_waits_any_more(world: World, answer: Answer) -> None:
    """Each mail comes by a message of its own."""
    inbox = load("notifications_inbox")
    for message in world.messages("notifications"):
        inbox.KINDS[message["kind"]](message)
    mails("bob@example.com", "eve@example.com", says="49.00")(world, answer)
    assert load("notifications_inbox").store.wishes("demo", "box", 10) == []


PLACED = ("storefront_http/place_order",)
PAID = (*PLACED, "payments_sandbox/pay", "payments_webhook/succeeded", "payments_inbox/succeeded")
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
    "notifications_schedule/tick": {
        "given": some_are_late_and_somebody_waits_too_long,
        "effect": late_ones_go_again_and_old_wishes_end,
    },
    "notifications_schedule/digest": {"given": staff_reads_mail, "effect": digests_are_asked_for},
    "notifications_inbox/order_placed": {"after": PLACED, "effect": looked_at_later(("tell", 120), ("hold_expiring", 600))},
    "notifications_inbox/hold_expiring": {"after": PLACED, "later": timedelta(minutes=11), "effect": once_for_each_end},
    "notifications_inbox/hold_expiring_too_early": {"after": PLACED, "effect": looked_at_later(("hold_expiring", 600))},
    "notifications_inbox/hold_expiring_though_paid": {"after": PAID, "later": timedelta(minutes=11), "effect": looked_at_later()},
    "notifications_inbox/low_stock": {"given": something_is_watched, "effect": once_for_each_crossing},
    "notifications_inbox/low_stock_of_nothing_watched": {"given": staff_reads_mail, "effect": looked_at_later()},
    "notifications_inbox/digest": {"given": staff_reads_mail, "effect": mails("staff@example.com", says="20 Nov")},
    "notifications_inbox/digest_nobody_reads": {"effect": looked_at_later()},
    "notifications_inbox/back_in_stock": {"given": two_wait_for_the_box, "effect": nobody_waits_any_more},
}
