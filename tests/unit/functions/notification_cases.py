"""What must come of the samples about notifications: what customers choose and wait for, what staff look at and send again."""

from typing import Any

from holdfast.notifications import rules
from holdfast.notifications.kinds import Channel, Kind, Topic
from holdfast.notifications.model import InApp, Notice, Notification, Preferences, Recipient, Status, Suppressed, Suppression, Wish
from holdfast.orders.rules import buyer
from holdfast.tenants.model import Scope
from tests.unit.functions.world import EMAIL, KEY_NAMES, NOW, World, body, load

ORDER = "ord_01KAJVKP00C1G0HP0V7PKA0YPY"
"""That of the sample of place-order."""
CUSTOMER = buyer(EMAIL) or ""
Answer = dict[str, Any]
PLACED = ("storefront_http/place_order",)
DELIVERED = (
    *PLACED,
    "payments_sandbox/pay",
    "payments_webhook/succeeded",
    "payments_inbox/succeeded",
    "fulfilment_inbox/order_paid",
)


def store() -> Any:
    return load("notifications_admin_http").store


def row(status: Status = Status.SENT, **data: Any) -> Notification:
    notice = Notice(shop="demo", event="evt_01KAJVKP00CMP1ETEDC0MP1ETE", kind=Kind.COMPLETED, at=NOW, subject=ORDER, order=ORDER, data=data)
    made = rules.row(notice, Recipient(channel=Channel.EMAIL, to=EMAIL, customer=CUSTOMER), NOW)
    return made.model_copy(update={"status": status, "attempts": 1, "message": "m-1"})


def a_mail_was_sent(world: World) -> None:
    store().add(row())


def a_mail_failed(world: World) -> None:
    store().add(row(Status.FAILED).model_copy(update={"error": "template_error"}))


def keys_were_sent(world: World) -> None:
    """Of the hand-out that the order has in this world."""
    (delivery,) = [item for item in world.items("fulfilment") if item["sk"].startswith("DELIVERY#")]
    store().add(row(wave=delivery["wave"]))


def a_complaint(world: World) -> None:
    store().suppress(Suppression(shop="demo", channel=Channel.EMAIL, to=EMAIL, why=Suppressed.COMPLAINT, at=NOW, detail="abuse"))


def a_mail_called_spam(world: World) -> None:
    store().add(row(Status.COMPLAINED))
    a_complaint(world)


def a_message_in_the_app(world: World) -> None:
    name = rules.notification_id(row().notice, Recipient(channel=Channel.IN_APP, to=CUSTOMER))
    for number, (message, order) in enumerate([(name, ORDER), (f"{name[:-1]}0", "ord_other")]):
        store().put_in_app(
            InApp(
                id=message,
                shop="demo",
                customer=CUSTOMER,
                kind=Kind.COMPLETED,
                order=order,
                title="Your order is complete",
                text=f"Message {number}",
                at=NOW,
            )
        )


def sold_out(world: World) -> None:
    world.product("rare")


def somebody_waits(world: World) -> None:
    sold_out(world)
    store().add_wish(Wish(shop="demo", sku="rare", email=EMAIL, customer=CUSTOMER, at=NOW), 10, 25)


def chosen_for_the_order(world: World) -> None:
    store().save_preferences(Preferences(shop="demo", customer=ORDER, language="en", off=(Topic.BACK_IN_STOCK,), updated_at=NOW))


def waits_in_german(world: World, answer: Answer) -> None:
    """And asking again tells the same and changes nothing."""
    (wish,) = store().wishes("demo", "rare", 10)
    assert (wish.email, wish.customer, wish.language, wish.at) == ("grace@example.com", buyer("grace@example.com"), "de", NOW)
    world.later(minutes=5)
    again = world.play("notifications_http/ask_for_back_in_stock")
    assert (again["statusCode"], again["body"], store().wishes("demo", "rare", 10)) == (202, answer["body"], [wish])


def nobody_waits(world: World, _: Answer) -> None:
    assert [item for item in world.items("notifications") if "#WISH" in item["pk"]] == []


def nothing_is_chosen(world: World, _: Answer) -> None:
    assert world.items("notifications") == []


def he_agreed_now(_: World, answer: Answer) -> None:
    assert (answer["headers"]["ETag"], body(answer)["sms_since"]) == ('"1"', "2026-11-21T12:00:00.000Z")
    kept = store().preferences("demo", CUSTOMER)
    assert (kept.phone, kept.sms_since, kept.off, kept.language) == ("+4915112345678", NOW, (Topic.REMINDER,), "de")


def a_page_with_a_button_that_changed_nothing(world: World, answer: Answer) -> None:
    assert answer["headers"]["Content-Type"] == "text/html; charset=utf-8"
    assert "form-action 'self'" in answer["headers"]["Content-Security-Policy"]
    assert '<form method="post"><button>Unsubscribe</button></form>' in answer["body"]
    nothing_is_chosen(world, answer)


def switched_off_and_forgotten(world: World, answer: Answer) -> None:
    assert answer["headers"]["Content-Type"] == "text/plain; charset=utf-8"
    assert "no more mail about products that are back in stock" in answer["body"]
    assert store().preferences("demo", CUSTOMER).off == (Topic.BACK_IN_STOCK,)
    assert store().wishes("demo", "rare", 10) == []
    assert world.play("notifications_http/unsubscribe")["body"] == answer["body"]
    assert store().preferences("demo", CUSTOMER).version == 1


def a_page_without_a_button(_: World, answer: Answer) -> None:
    assert answer["headers"]["Content-Type"] == "text/html; charset=utf-8"
    assert "<button>" not in answer["body"]
    assert store().preferences("demo", CUSTOMER).off == (Topic.REMINDER,)


def reminded_no_more(_: World, answer: Answer) -> None:
    assert "orders that are about to expire" in answer["body"]
    assert store().preferences("demo", CUSTOMER).off == (Topic.REMINDER,)


def of_this_order_only(_: World, answer: Answer) -> None:
    (message,) = body(answer)["items"]
    assert (message["order"], message["text"], message["read_at"]) == (ORDER, "Message 0", None)


def masked(_: World, answer: Answer) -> None:
    (item,) = body(answer)["items"]
    assert (item["id"], item["recipient"], item["status"], item["kind"]) == (row().id, "a***@example.com", "sent", "completed")
    assert item["by"] is None
    assert EMAIL not in answer["body"]


def only_the_failed(_: World, answer: Answer) -> None:
    assert [(item["status"], item["error"]) for item in body(answer)["items"]] == [("failed", "template_error")]


def hides_the_address(_: World, answer: Answer) -> None:
    assert EMAIL not in answer["body"]


def shows_no_key_and_no_way_to_them(_: World, answer: Answer) -> None:
    told = body(answer)
    for part in (told["html"], told["text"]):
        assert part.count("••••-••••-••••") == 2
        assert "licence-000" not in part
        assert f"/orders/{ORDER}?token=hidden" in part


def another_row_and_a_message(world: World, answer: Answer) -> None:
    again = store().get("demo", body(answer)["id"])
    assert (again.recipient.to, again.resent_of, again.status) == ("ada@example.org", row().id, Status.WAITING)
    assert again.by == body(answer)["by"] == KEY_NAMES[Scope.OPERATOR]
    assert world.messages("notifications") == [{"kind": "send", "shop": "demo", "notification": again.id}]
    repeated = world.play("notifications_admin_http/resend_notification")
    assert (repeated["headers"]["Idempotent-Replayed"], repeated["body"]) == ("true", answer["body"])
    assert (len(store().of_subject("demo", ORDER)), world.messages("notifications")) == (2, [])


def nothing_sent(world: World, _: Answer) -> None:
    assert (len(store().of_subject("demo", ORDER)), world.messages("notifications")) == (1, [])


def waits_again(world: World, _: Answer) -> None:
    waiting = store().get("demo", row().id)
    assert (waiting.status, waiting.by) == (Status.WAITING, KEY_NAMES[Scope.OPERATOR])
    assert world.messages("notifications") == [{"kind": "send", "shop": "demo", "notification": row().id}]


def every_kind(_: World, answer: Answer) -> None:
    items = {item["kind"]: item for item in body(answer)["items"]}
    assert list(items) == [kind.value for kind in Kind]
    assert {kind for kind, item in items.items() if item["optional"]} == {"hold_expiring", "back_in_stock"}
    assert (items["additional_keys"]["collapse_seconds"], items["order_received"]["wait_seconds"]) == (120, 120)


def in_german(_: World, answer: Answer) -> None:
    told = body(answer)
    assert "Demo shop" in told["html"]
    assert "Bestellung" in told["subject"]


def a_page_that_runs_nothing(_: World, answer: Answer) -> None:
    assert answer["headers"]["Content-Type"] == "text/html; charset=utf-8"
    assert "sandbox" in answer["headers"]["Content-Security-Policy"]
    assert "Demo shop" in answer["body"]


def one_masked_complaint(_: World, answer: Answer) -> None:
    (item,) = body(answer)["items"]
    assert item == {
        "channel": "email",
        "recipient": "a***@example.com",
        "to": None,
        "why": "complaint",
        "at": "2026-11-21T12:00:00.000Z",
        "detail": None,
    }


def not_written_to(_: World, __: Answer) -> None:
    found = store().suppression("demo", Channel.EMAIL, "grace@example.com")
    assert (found.why, found.detail) == (Suppressed.STAFF, "asked for it by phone")


def written_to_again(world: World, _: Answer) -> None:
    assert world.items("notifications") == []


HTTP, ADMIN = "notifications_http", "notifications_admin_http"
CASES: dict[str, dict[str, Any]] = {
    f"{HTTP}/ask_for_back_in_stock": {"status": 202, "members": {"accepted": True}, "given": sold_out, "effect": waits_in_german},
    f"{HTTP}/ask_for_back_in_stock_of_what_is_there": {
        "status": 409,
        "members": {"code": "in_stock", "available": 5},
        "effect": nobody_waits,
    },
    f"{HTTP}/ask_for_back_in_stock_with_a_header": {
        "status": 422,
        "members": {"code": "validation_failed"},
        "given": sold_out,
        "effect": nobody_waits,
    },
    f"{HTTP}/show_preferences": {"status": 200, "members": {"version": 0, "off": [], "phone": None, "sms": False}},
    f"{HTTP}/choose_preferences": {"status": 200, "members": {"version": 1, "sms": True}, "effect": he_agreed_now},
    f"{HTTP}/choose_preferences_stale": {
        "status": 412,
        "members": {"code": "precondition_failed", "version": 0},
        "effect": nothing_is_chosen,
    },
    f"{HTTP}/choose_preferences_of_somebody_else": {"status": 404, "members": {"code": "not_found"}, "effect": nothing_is_chosen},
    f"{HTTP}/show_unsubscribe": {"status": 200, "effect": a_page_with_a_button_that_changed_nothing},
    f"{HTTP}/unsubscribe": {"status": 200, "given": somebody_waits, "effect": switched_off_and_forgotten},
    f"{HTTP}/unsubscribe_in_a_browser": {"status": 200, "effect": a_page_without_a_button},
    f"{HTTP}/unsubscribe_as_json": {"status": 200, "effect": reminded_no_more},
    f"{HTTP}/show_preferences_of_order": {
        "status": 200,
        "members": {"language": "en", "off": ["back_in_stock"], "version": 1},
        "after": PLACED,
        "given": chosen_for_the_order,
    },
    f"{HTTP}/choose_preferences_of_order": {
        "status": 200,
        "members": {"language": "de", "off": [], "version": 2},
        "after": PLACED,
        "given": chosen_for_the_order,
    },
    f"{HTTP}/list_order_notifications": {
        "status": 200,
        "members": {"next": None},
        "after": PLACED,
        "given": a_message_in_the_app,
        "effect": of_this_order_only,
    },
    f"{HTTP}/read_order_notification": {
        "status": 200,
        "members": {"read_at": "2026-11-21T12:00:00.000Z"},
        "after": PLACED,
        "given": a_message_in_the_app,
    },
    f"{ADMIN}/list_notifications": {"status": 200, "members": {"next": None}, "given": a_mail_was_sent, "effect": masked},
    f"{ADMIN}/list_failed_of_order": {"status": 200, "members": {"next": None}, "given": a_mail_failed, "effect": only_the_failed},
    f"{ADMIN}/show_notification": {"status": 200, "members": {"to": EMAIL, "message": "m-1", "attempts": 1}, "given": a_mail_was_sent},
    f"{ADMIN}/show_notification_masked": {
        "status": 200,
        "members": {"to": None, "recipient": "a***@example.com"},
        "given": a_mail_was_sent,
        "effect": hides_the_address,
    },
    f"{ADMIN}/preview_notification": {
        "status": 200,
        "after": DELIVERED,
        "given": keys_were_sent,
        "effect": shows_no_key_and_no_way_to_them,
    },
    f"{ADMIN}/resend_notification": {
        "status": 202,
        "members": {"recipient": "a***@example.org", "status": "waiting"},
        "given": a_mail_was_sent,
        "effect": another_row_and_a_message,
    },
    f"{ADMIN}/resend_notification_to_a_complainer": {
        "status": 409,
        "members": {"code": "recipient_suppressed", "reason": "complaint"},
        "given": a_mail_called_spam,
        "effect": nothing_sent,
    },
    f"{ADMIN}/retry_failed": {
        "status": 200,
        "members": {"matched": 1, "retried": 1, "next": None},
        "given": a_mail_failed,
        "effect": waits_again,
    },
    f"{ADMIN}/retry_failed_dry_run": {
        "status": 200,
        "members": {"dry_run": True, "matched": 1, "retried": 0},
        "given": a_mail_failed,
        "effect": nothing_sent,
    },
    f"{ADMIN}/list_kinds": {"status": 200, "effect": every_kind},
    f"{ADMIN}/preview_kind": {"status": 200, "effect": in_german},
    f"{ADMIN}/preview_kind_as_page": {"status": 200, "effect": a_page_that_runs_nothing},
    f"{ADMIN}/list_suppressions": {"status": 200, "members": {"next": None}, "given": a_complaint, "effect": one_masked_complaint},
    f"{ADMIN}/suppress_address": {
        "status": 201,
        "members": {"to": "grace@example.com", "why": "staff"},
        "effect": not_written_to,
    },
    f"{ADMIN}/lift_suppression": {"status": 204, "given": a_complaint, "effect": written_to_again},
    f"{ADMIN}/lift_suppression_of_nobody": {"status": 404, "members": {"code": "not_found"}},
}
