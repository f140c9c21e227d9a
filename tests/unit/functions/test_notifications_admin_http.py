"""What staff ask about notifications: odd questions, who may see whom, previews that open nothing, and sending again over HTTP."""

import logging
from typing import Any
from unittest import mock

import jinja2
import pytest

from holdfast.notifications import render, rules
from holdfast.notifications.kinds import ALWAYS_SENT, Channel, Kind
from holdfast.notifications.model import Notification, Preferences, Recipient, Status, Suppressed, Suppression
from tests.unit.functions import contract
from tests.unit.functions import notification_cases as cases
from tests.unit.functions.api_gateway import request
from tests.unit.functions.asking import ask
from tests.unit.functions.notification_cases import CUSTOMER, ORDER, row, store
from tests.unit.functions.test_notifications_http import ADDRESSES, NUMBERS
from tests.unit.functions.world import EMAIL, KEYS, NOW, World, body, load

ADMIN = "notifications_admin_http"
LIST = "/shops/{shop}/admin/notifications"
ONE = LIST + "/{notification}"
RESEND = ONE + "/resend"
RETRY = LIST + "/retry-failed"
KIND = LIST + "/kinds/{kind}/preview"
SUPPRESSIONS = "/shops/{shop}/admin/suppressions"
LIFT = SUPPRESSIONS + "/lift"
INVALID = (422, "validation_failed")
PHONE = "+4915112345678"


def called(
    world: World, method: str, path: str, sent: Any = None, query: Any = None, scope: str = "operator", **more: str
) -> tuple[int, str]:
    headers = {"X-Api-Key": KEYS[scope], "Idempotency-Key": more.pop("key", "key-1")}
    return ask(world, ADMIN, method, path, {"shop": "demo", **more}, body=sent, query=query, headers=headers)


def answered(world: World, method: str, path: str, scope: str = "operator", query: Any = None, **at: str) -> dict[str, Any]:
    event = request(method, path, {"shop": "demo", **at}, headers={"X-Api-Key": KEYS[scope]}, query=query)
    return contract.check(event, world.call(ADMIN, event))


def sent_again(world: World, old: Notification, sent: Any, key: str = "key-1") -> tuple[int, str]:
    return called(world, "POST", RESEND, sent, notification=old.id, key=key)


def text_message() -> Notification:
    made = rules.row(row().notice, Recipient(channel=Channel.SMS, to=PHONE, customer=CUSTOMER), NOW)
    return store().add(made.model_copy(update={"status": Status.SENT}))  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    "query",
    [
        {"status": "lost"},
        {"status": ""},
        {"status": "sent,,failed"},
        {"status": "SENT"},
        {"state": "sent"},
        {"order": ""},
        {"order": "ord_1#x"},
        {"order": "x" * 129},
        {"limit": "0"},
        {"limit": "101"},
        {"limit": "many"},
    ],
    ids=str,
)
def test_questions_that_are_none(world: World, query: dict[str, str]) -> None:
    assert called(world, "GET", LIST, query=query) == INVALID


def test_cursors_are_of_one_list_and_one_shop(world: World) -> None:
    cases.a_mail_was_sent(world)
    seal = load(ADMIN).tokens.seal_cursor
    borrowed = [seal({"after": "x"}, "notifications", "other"), seal({"after": "x"}, "suppressions", "demo"), "x.y", "e30.AAAA"]
    for path, other in ((LIST, borrowed), (SUPPRESSIONS, [seal({"after": "x"}, "notifications", "demo"), "x"])):
        assert {called(world, "GET", path, query={"cursor": cursor}) for cursor in other} == {(400, "cursor_invalid")}
    assert called(world, "POST", RETRY, {"cursor": seal({"after": "x"}, "notifications", "demo")}) == (400, "cursor_invalid")


def test_pages_lead_through_all_of_them(world: World) -> None:
    for number in range(7):
        at = NOW.replace(minute=number)
        notice = row().notice.model_copy(update={"event": f"evt_{number}", "at": at, "subject": f"ord_{number}"})
        store().add(rules.row(notice, row().recipient, at).model_copy(update={"status": Status.BOUNCED}))
    seen: list[str] = []
    query = {"limit": "3", "status": "bounced,failed"}
    while True:
        page = body(answered(world, "GET", LIST, "viewer", query))
        seen += [item["event"] for item in page["items"]]
        if page["next"] is None:
            break
        query["cursor"] = page["next"]
    assert seen == [f"evt_{number}" for number in reversed(range(7))]


@pytest.mark.parametrize("name", ["ntf_nothing", "..", "x" * 128, "kinds"])
@pytest.mark.parametrize(("method", "path"), [("GET", ONE), ("GET", ONE + "/preview"), ("POST", RESEND)])
def test_what_is_not_there(world: World, method: str, path: str, name: str) -> None:
    assert called(world, method, path, {}, notification=name) == (404, "not_found")


def test_anothers_notification_is_not_there(world: World) -> None:
    cases.a_mail_was_sent(world)
    headers = {"X-Api-Key": f"{KEYS['operator']}-of-other", "Idempotency-Key": "key-1"}
    for method, path in (("GET", ONE), ("GET", ONE + "/preview"), ("POST", RESEND)):
        at = {"shop": "other", "notification": row().id}
        assert ask(world, ADMIN, method, path, at, body={}, headers=headers) == (404, "not_found")
    cases.nothing_sent(world, {})


# Sending again.


def test_addresses_that_are_none(world: World) -> None:
    cases.a_mail_was_sent(world)
    odd = [address for address in ADDRESSES if address is not None]
    assert [address for address in odd if sent_again(world, row(), {"email": address}) != INVALID] == []
    numbers = [number for number in NUMBERS if sent_again(world, row(), {"phone": number}) != INVALID]
    assert numbers == []
    assert sent_again(world, row(), {"to": "bob@example.com"}) == INVALID
    cases.nothing_sent(world, {})


def test_an_address_of_another_channel(world: World) -> None:
    cases.a_mail_was_sent(world)
    assert sent_again(world, row(), {"phone": PHONE}) == (422, "address_of_another_channel")
    assert sent_again(world, row(), {"phone": PHONE, "email": EMAIL}) == (422, "address_of_another_channel")
    cases.nothing_sent(world, {})


@pytest.mark.parametrize("status", sorted(rules.OPEN))
def test_what_is_under_way_is_waited_for(world: World, status: Status) -> None:
    store().add(row(status))
    assert sent_again(world, row(), {}) == (409, "notification_under_way")
    cases.nothing_sent(world, {})


def test_a_text_message_needs_consent(world: World) -> None:
    old = text_message()
    assert sent_again(world, old, {}) == (409, "sms_consent_missing")
    store().save_preferences(Preferences(shop="demo", customer=CUSTOMER, phone=PHONE, sms_since=NOW, updated_at=NOW))
    assert sent_again(world, old, {"phone": "+4915112345679"}) == (409, "sms_consent_missing")
    assert sent_again(world, old, {})[0] == 202


def test_a_refused_request_may_be_repeated_when_its_reason_is_gone(world: World) -> None:
    cases.a_mail_called_spam(world)
    assert sent_again(world, row(), {}) == (409, "recipient_suppressed")
    assert called(world, "POST", LIFT, {"channel": "email", "to": EMAIL.upper()})[0] == 204
    assert sent_again(world, row(), {})[0] == 202
    assert sent_again(world, row(), {"email": "ada@example.org"}) == (422, "idempotency_key_reused")


def test_a_mail_that_was_sent_again_goes_out(world: World) -> None:
    """Through the worker, to the corrected address, with the keys that a preview hides."""
    for sample in cases.DELIVERED:
        world.play(sample)
    cases.keys_were_sent(world)
    world.messages("notifications")
    assert sent_again(world, row(), {"email": "ada@example.org"})[0] == 202
    (message,) = world.messages("notifications")
    load("notifications_inbox").attend(message)
    (mail,) = world.mails()
    assert mail.destinations["ToAddresses"] == ["ada@example.org"]
    assert "licence-0001" in mail.body
    statuses = {one.resent_of: one.status for one in store().of_subject("demo", ORDER)}
    assert statuses == {None: Status.SENT, row().id: Status.SENT}


@pytest.mark.parametrize(
    "sent", [{"dry_run": "no"}, {"limit": 0}, {"limit": 101}, {"limit": True}, {"status": "bounced"}, [], {"cursor": ""}], ids=str
)
def test_retries_that_are_none(world: World, sent: Any) -> None:
    cases.a_mail_failed(world)
    assert called(world, "POST", RETRY, sent) in {INVALID, (400, "cursor_invalid")}
    cases.nothing_sent(world, {})


# Previews.


def test_a_preview_of_what_is_over_says_so(world: World) -> None:
    """The order was paid meanwhile."""
    for sample in cases.DELIVERED:
        world.play(sample)
    notice = row().notice.model_copy(update={"kind": Kind.PAYMENT_FAILED})
    over = store().add(rules.row(notice, row().recipient, NOW))
    assert called(world, "GET", ONE + "/preview", notification=over.id) == (409, "nothing_to_tell")


def test_a_template_that_is_broken_says_so_and_harms_nothing(world: World) -> None:
    world.play("storefront_http/place_order")
    cases.a_mail_was_sent(world)
    before = [item for item in world.items("orders") if item["sk"] == "ORDER"]
    with mock.patch.object(render, "render", side_effect=jinja2.UndefinedError("'ada@example.com' is undefined")):
        answer = answered(world, "GET", ONE + "/preview", notification=row().id)
    assert (answer["statusCode"], body(answer)["code"], body(answer)["kind"]) == (409, "template_error", "completed")
    assert "ada@" not in answer["body"]
    assert [item for item in world.items("orders") if item["sk"] == "ORDER"] == before


def test_a_viewer_sees_samples_and_no_customers_mail(world: World) -> None:
    cases.a_mail_was_sent(world)
    assert called(world, "GET", ONE + "/preview", scope="viewer", notification=row().id) == (403, "scope_missing")
    assert called(world, "GET", KIND, scope="viewer", kind="completed")[0] == 200


def test_every_kind_has_a_preview_in_each_language(world: World) -> None:
    for kind in Kind:
        words = {language: body(answered(world, "GET", KIND, "viewer", {"language": language}, kind=kind)) for language in ("en", "de")}
        assert words["en"]["subject"] != words["de"]["subject"]
        assert all("Demo shop" in told["html"] and told["text"] and told["short"] for told in words.values())


@pytest.mark.parametrize("kind", ["nothing", "COMPLETED", "completed.html", "..", "__class__"])
def test_kinds_that_are_none(world: World, kind: str) -> None:
    assert called(world, "GET", KIND, kind=kind) == (404, "not_found")


@pytest.mark.parametrize("language", ["fr", "", "../de", "en,de"])
def test_languages_that_are_none(world: World, language: str) -> None:
    assert called(world, "GET", KIND, query={"language": language}, kind="completed") == INVALID


def test_what_the_shop_has_switched_off_is_told(world: World) -> None:
    (shop,) = [item for item in world.items("tenants") if (item["pk"], item["sk"]) == ("demo", "SHOP")]
    world.put("tenants", {**shop, "mails_off": ["shipped", "refunded"]})  # of a time when both could be
    load(ADMIN).directory._shops.clear()
    listed = body(answered(world, "GET", LIST + "/kinds", "viewer"))["items"]
    assert [item["kind"] for item in listed if item["switched_off"]] == ["shipped"]
    assert {item["kind"] for item in listed if not item["may_be_switched_off"]} == ALWAYS_SENT


# Suppressions.


def test_addresses_that_cannot_be_suppressed(world: World) -> None:
    emails = [{"channel": "email", "to": address} for address in ADDRESSES]
    phones = [{"channel": "sms", "to": number} for number in NUMBERS]
    mixed = [
        {"channel": "email", "to": PHONE},
        {"channel": "sms", "to": EMAIL},
        {"channel": "in_app", "to": CUSTOMER},
        {"channel": "post", "to": EMAIL},
        {"to": EMAIL},
        {"channel": "email"},
        {"channel": "email", "to": EMAIL, "why": "bounce"},
        {"channel": "email", "to": EMAIL, "detail": ""},
        {"channel": "email", "to": EMAIL, "detail": "x\r\ny"},
        {"channel": "email", "to": EMAIL, "detail": "x" * 201},
    ]
    for path, asked in ((SUPPRESSIONS, [*emails, *phones, *mixed]), (LIFT, [*emails, *phones, *mixed])):
        assert [sent for sent in asked if called(world, "POST", path, sent) != INVALID] == []
    assert world.items("notifications") == []


def test_the_first_reason_stays(world: World) -> None:
    cases.a_complaint(world)
    assert called(world, "POST", SUPPRESSIONS, {"channel": "email", "to": EMAIL, "detail": "asked for it"})[0] == 201
    assert store().suppression("demo", Channel.EMAIL, EMAIL).why is Suppressed.COMPLAINT


def test_a_suppression_is_of_one_shop(world: World) -> None:
    store().suppress(Suppression(shop="other", channel=Channel.EMAIL, to=EMAIL, why=Suppressed.BOUNCE, at=NOW))
    assert body(answered(world, "GET", SUPPRESSIONS))["items"] == []
    assert called(world, "POST", LIFT, {"channel": "email", "to": EMAIL}) == (404, "not_found")


def test_whole_addresses_are_for_operators(world: World) -> None:
    cases.a_complaint(world)
    whole, masked = (answered(world, "GET", SUPPRESSIONS, scope)["body"] for scope in ("operator", "viewer"))
    assert (EMAIL in whole, EMAIL in masked, "abuse" in masked) == (True, False, False)


def test_no_address_in_logs_or_problems(world: World, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    cases.a_mail_called_spam(world)
    secrets = [EMAIL, "ada@example.org", PHONE, "grace@example.com"]
    with caplog.at_level(logging.INFO):
        told = [
            sent_again(world, row(), {}),
            sent_again(world, row(), {"email": secrets[1]}, "key-2"),
            sent_again(world, row(), {"phone": PHONE}, "key-3"),
            called(world, "POST", SUPPRESSIONS, {"channel": "email", "to": secrets[3]}),
            called(world, "POST", SUPPRESSIONS, {"channel": "sms", "to": secrets[3]}),
            called(world, "POST", LIFT, {"channel": "email", "to": EMAIL}),
            called(world, "POST", LIFT, {"channel": "email", "to": EMAIL}),
        ]
    assert [code for _, code in told] == ["recipient_suppressed", "", "address_of_another_channel", "", INVALID[1], "", "not_found"]
    out, err = capsys.readouterr()
    assert all(secret not in text for secret in secrets for text in (out, err, caplog.text, str(told)))
