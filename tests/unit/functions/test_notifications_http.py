"""What customers send about notifications: odd addresses, borrowed tokens, links that programs open; and what is never told."""

import logging
from collections.abc import Mapping
from typing import Any

import pytest

from holdfast.notifications import wishing
from holdfast.notifications.kinds import Channel, Topic
from holdfast.notifications.model import Preferences, Suppressed, Suppression
from holdfast.orders.rules import buyer
from tests.unit.functions import contract
from tests.unit.functions import notification_cases as cases
from tests.unit.functions.api_gateway import request
from tests.unit.functions.asking import ask
from tests.unit.functions.notification_cases import CUSTOMER, ORDER, store
from tests.unit.functions.world import EMAIL, NOW, World, body, load

HTTP = "notifications_http"
BACK = "/shops/{shop}/products/{sku}/back-in-stock"
PREFERENCES = "/shops/{shop}/customers/{customer}/preferences"
UNSUBSCRIBE = "/shops/{shop}/customers/{customer}/unsubscribe"
OF_ORDER = "/shops/{shop}/orders/{order}/preferences"
IN_APP = "/shops/{shop}/orders/{order}/notifications"
READ = IN_APP + "/{notification}/read"
INVALID = (422, "validation_failed")
ADDRESSES = [
    *["", "ada", "ada@", "@example.com", "ada@example", "ada@@example.com", "ada@example..com", "ada@.example.com", "ada@example.com."],
    *["ada@-example.com", "ada@example-.com", "ada@exam ple.com", "ada lovelace@example.com", ".ada@example.com", "ada@example.c"],
    *["ada@example.com\n", "ada@example.com\r\nBcc: all@example.com", "ada@example.com%0d%0aBcc:all@example.com", "ada\x00@example.com"],
    *["Ada <ada@example.com>", '"ada"@example.com', "ada@[127.0.0.1]", "a@example.com,b@example.com", "a@example.com;b@example.com"],
    *["\u0430da@example.com", "ada@ex\u00e4mple.com", "ada@example.com\u2028", "\u202eada@example.com", "x" * 65 + "@example.com"],
    *["ada@" + "x" * 64 + ".com", "ada@" + ".".join(["x" * 60] * 5) + ".com", "x" * 10_000 + "@example.com"],
    *[None, 1, True, [], ["ada@example.com"], {"email": EMAIL}],
]
NUMBERS = [
    *["", "+", "015112345678", "004915112345678", "+0151123456", "+49 151 12345678", "+49-151-12345678", "+49(151)12345678"],
    *[
        "+123456",
        "+1234567890123456",
        "+4915112345678\n",
        "+4915112345678\r\nX: y",
        "+49151123456a8",
        "+\u0664\u0669151123456",
        "tel:+4915112345678",
    ],
    *[4915112345678, True, [], {}],
]


def token(customer: str = CUSTOMER, shop: str = "demo", purpose: str = "preferences") -> str:
    return str(load(HTTP).tokens.mint(purpose, shop, customer))


def ask_back(world: World, sent: Any, sku: str = "rare") -> tuple[int, str]:
    return ask(world, HTTP, "POST", BACK, {"shop": "demo", "sku": sku}, body=sent)


def shelf_answer(world: World, sku: str) -> Any:
    return body(world.call(HTTP, request("POST", BACK, {"shop": "demo", "sku": sku}, body={"email": EMAIL})))


def choose(world: World, sent: Any, headers: Mapping[str, str] | None = None, **query: str) -> tuple[int, str]:
    path = {"shop": "demo", "customer": CUSTOMER}
    return ask(world, HTTP, "PUT", PREFERENCES, path, body=sent, headers=headers, query={"token": token(), **query})


def unsubscribe(world: World, method: str = "POST", sent: Any = None, headers: Mapping[str, str] | None = None, **query: str) -> Any:
    given = {"token": token(purpose="unsubscribe"), "topic": "reminder", **query}
    event = request(method, UNSUBSCRIBE, {"shop": "demo", "customer": CUSTOMER}, body=sent, headers=headers, query=given)
    return contract.check(event, world.call(HTTP, event))


def kept(world: World) -> list[dict[str, Any]]:
    return world.items("notifications")


@pytest.fixture
def shelf(world: World) -> World:
    """With a product that is sold out."""
    cases.sold_out(world)
    return world


# Back in stock.


def test_addresses_that_are_none(shelf: World) -> None:
    refused_by_the_mail_service = ["ada.@example.com", "ada..l@example.com"]
    assert [email for email in ADDRESSES + refused_by_the_mail_service if ask_back(shelf, {"email": email}) != INVALID] == []
    assert kept(shelf) == []


def test_addresses_that_are_some(shelf: World) -> None:
    given = ["a@b.de", "ada+shop@example.co.uk", "o'hara@example.com", "ada.lovelace@mail.example.museum", "ada@xn--exmple-cua.com"]
    for seconds, email in enumerate(given):
        shelf.later(seconds=seconds)
        assert ask_back(shelf, {"email": email})[0] == 202
    assert [wish.email for wish in store().wishes("demo", "rare", 9)] == given


BODIES: list[tuple[Any, tuple[int, str]]] = [
    ({}, INVALID),
    ([], INVALID),
    (None, (400, "malformed_json")),
    ("{", (400, "malformed_json")),
    ({"email": EMAIL, "language": "fr"}, INVALID),
    ({"email": EMAIL, "language": "DE"}, INVALID),
    ({"email": EMAIL, "language": ["de"]}, INVALID),
    ({"email": EMAIL, "sku": "box"}, INVALID),
    ({"email": EMAIL, "customer": CUSTOMER}, INVALID),
    ({"email": EMAIL, "name": "Ada\r\nBcc: all@example.com"}, INVALID),
    ({"email": EMAIL, "note": "x" * 300_000}, (413, "body_too_large")),
    ({"email": EMAIL, "note": "4111 1111 1111 1111"}, (422, "card_data_refused")),
]


def test_bodies_that_are_not_taken(shelf: World) -> None:
    assert [(sent, ask_back(shelf, sent)) for sent, _ in BODIES] == BODIES
    assert kept(shelf) == []


@pytest.mark.parametrize("sku", ["nothing", "-dash", "x" * 65, ".hidden"])
def test_nobody_waits_for_what_is_not_sold(shelf: World, sku: str) -> None:
    assert ask_back(shelf, {"email": EMAIL}, sku) == (404, "not_found")
    assert kept(shelf) == []


def test_nobody_waits_for_what_was_withdrawn(shelf: World) -> None:
    headers = {"X-Api-Key": "hf_demo-admin-key"}
    assert (
        shelf.http("admin_http", "DELETE", "/shops/{shop}/admin/products/{sku}", shop="demo", sku="rare", headers=headers)["statusCode"]
        == 204
    )
    assert ask_back(shelf, {"email": EMAIL}) == (404, "not_found")


def test_the_last_unit_in_somebodys_hand_may_be_waited_for(world: World) -> None:
    """It is not for sale at this moment, and it may come back."""
    world.play("storefront_http/place_order_partial")
    assert ask_back(world, {"email": EMAIL}, "licence")[0] == 202


@pytest.mark.parametrize(("most", "told"), [(None, 5), (5, 5), (2, 2)])
def test_nobody_learns_how_much_is_there_beyond_what_one_order_may_have(world: World, most: int | None, told: int) -> None:
    world.product("many", units=5)
    row = next(item for item in world.items("catalogue") if item.get("sku") == "many")
    world.put("catalogue", {**row, "max_per_order": most})
    answer = shelf_answer(world, "many")
    assert (answer["code"], answer["available"]) == ("in_stock", told)


def test_the_answer_does_not_tell_who_is_known(shelf: World) -> None:
    """New, asked before, not to be written to, unsubscribed: the same words."""
    store().suppress(Suppression(shop="demo", channel=Channel.EMAIL, to="bounced@example.com", why=Suppressed.BOUNCE, at=NOW))
    customer = buyer("gone@example.com") or ""
    query = {"token": token(customer, purpose="unsubscribe"), "topic": "back_in_stock"}
    gone = request("POST", UNSUBSCRIBE, {"shop": "demo", "customer": customer}, query=query)
    assert shelf.call(HTTP, gone)["statusCode"] == 200
    told = set()
    for email in (EMAIL, EMAIL, "ADA@example.com", "bounced@example.com", "gone@example.com"):
        event = request("POST", BACK, {"shop": "demo", "sku": "rare"}, body={"email": email})
        answer = contract.check(event, shelf.call(HTTP, event))
        told.add((answer["statusCode"], answer["body"]))
    assert told == {(202, '{"sku":"rare","accepted":true}')}
    assert [wish.email for wish in store().wishes("demo", "rare", 9)] == [EMAIL]


def test_there_is_an_end_of_wishes(shelf: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wishing, "MOST", 8)
    answers = [ask_back(shelf, {"email": f"c{number}@example.com"}) for number in range(40)]
    assert set(answers) == {(202, ""), (409, "too_many_wishes")}
    assert (answers.count((202, "")), len(store().wishes("demo", "rare", 99))) == (8, 8)


# Preferences.


def test_numbers_that_are_none(world: World) -> None:
    assert [phone for phone in NUMBERS if choose(world, {"phone": phone, "sms": True}) != INVALID] == []
    assert [phone for phone in NUMBERS if choose(world, {"phone": phone}) != INVALID] == []
    assert kept(world) == []


CHOICES: list[tuple[Any, tuple[int, str]]] = [
    ({"sms": True}, INVALID),
    ({"sms": True, "phone": None}, INVALID),
    ({"sms": "true", "phone": "+4915112345678"}, INVALID),
    ({"sms": 1, "phone": "+4915112345678"}, INVALID),
    ({"off": ["order"]}, INVALID),
    ({"off": ["staff"]}, INVALID),
    ({"off": "reminder"}, INVALID),
    ({"off": ["reminder", "reminder", "back_in_stock"]}, INVALID),
    ({"off": None}, INVALID),
    ({"language": "tlh"}, INVALID),
    ({"sms_since": "2020-01-01T00:00:00Z"}, INVALID),
    ({"email": "eve@example.com"}, INVALID),
    ({"version": 7}, INVALID),
    ([], INVALID),
    ("{", (400, "malformed_json")),
]


def test_who_names_another_topic_is_told_which_there_are(world: World) -> None:
    event = request("PUT", PREFERENCES, {"shop": "demo", "customer": CUSTOMER}, query={"token": token()}, body={"off": ["order"]})
    (error,) = body(world.call(HTTP, event))["errors"]
    assert (error["pointer"], error["detail"]) == ("/off/0", "Input should be 'reminder' or 'back_in_stock'")


def test_choices_that_are_not_taken(world: World) -> None:
    assert [(sent, choose(world, sent)) for sent, _ in CHOICES] == CHOICES
    assert kept(world) == []


def test_choices_are_made_over_what_was_read(world: World) -> None:
    assert choose(world, {"language": "de"}, {"If-Match": '"0"'})[0] == 200
    assert choose(world, {"language": "en"}, {"If-Match": '"0"'}) == (412, "precondition_failed")
    assert choose(world, {"language": "en"}, {"If-Match": "newest"}) == (400, "if_match_invalid")
    assert choose(world, {"language": "en"}, {"If-Match": '"1"'})[0] == 200
    assert store().preferences("demo", CUSTOMER).version == 2


@pytest.mark.parametrize(("method", "path"), [("GET", PREFERENCES), ("PUT", PREFERENCES), ("GET", UNSUBSCRIBE), ("POST", UNSUBSCRIBE)])
def test_no_door_of_a_customer_opens_without_his_token(world: World, method: str, path: str) -> None:
    def asked(query: Mapping[str, str] | None, headers: Mapping[str, str] | None = None) -> tuple[int, str]:
        given = {"topic": "reminder", **(query or {})}
        return ask(world, HTTP, method, path, {"shop": "demo", "customer": CUSTOMER}, body={}, query=given, headers=headers)

    own, other = ("unsubscribe", "preferences")[:: 1 if path == UNSUBSCRIBE else -1]
    assert asked(None) == (401, "preferences_token_missing")
    assert asked(None, {"X-Order-Token": token(ORDER, purpose="order")}) == (401, "preferences_token_missing")
    whole = token(purpose=own)
    borrowed = ["", "x" * 43, "\ud800", "a" * 10_000, token("0123456789abcdef", purpose=own), token(shop="other", purpose=own), whole + "x"]
    borrowed += [token(purpose=other), token(purpose="order")]
    assert {asked({"token": text}) for text in borrowed} == {(404, "not_found")}
    assert kept(world) == []
    said = {"off": []} if method == "PUT" else {}
    good = request(method, path, {"shop": "demo", "customer": CUSTOMER}, body=said, query={"topic": "reminder", "token": whole})
    assert world.call(HTTP, good)["statusCode"] == 200


@pytest.mark.parametrize("customer", ["nobody", "..", "x" * 128])
def test_a_customer_whom_nobody_knows_is_told_like_a_wrong_token(world: World, customer: str) -> None:
    query = {"token": token()}
    assert ask(world, HTTP, "GET", PREFERENCES, {"shop": "demo", "customer": customer}, query=query) == (404, "not_found")


def test_an_order_under_somebodys_address_opens_nothing_of_his(world: World) -> None:
    """Anybody can order under any address, and is given the order's token at once."""
    phone = "+4915112345678"
    his = Preferences(shop="demo", customer=CUSTOMER, phone=phone, sms_since=NOW, updated_at=NOW)
    assert store().save_preferences(his)
    world.play("storefront_http/place_order")
    seen = world.play("notifications_http/show_preferences_of_order")
    assert (seen["statusCode"], body(seen)["version"]) == (200, 0)
    assert phone not in seen["body"]
    assert world.play("notifications_http/choose_preferences_of_order")["statusCode"] == 200
    assert store().preferences("demo", CUSTOMER) == his
    event = request("GET", PREFERENCES, {"shop": "demo", "customer": CUSTOMER}, query={"token": token()})
    told = world.call(HTTP, event)
    assert (body(told)["phone"], phone in told["body"]) == ("+49***78", False)


def test_a_number_is_shown_masked_and_may_be_sent_back_so(world: World) -> None:
    assert choose(world, {"phone": "+49***78", "sms": True}) == (422, "phone_not_the_same")
    assert choose(world, {"phone": "+4915112345678", "sms": True})[0] == 200
    event = request("GET", PREFERENCES, {"shop": "demo", "customer": CUSTOMER}, query={"token": token()})
    shown = body(world.call(HTTP, event))
    assert choose(world, {"phone": shown["phone"], "sms": shown["sms"], "language": "de"})[0] == 200
    found = store().preferences("demo", CUSTOMER)
    assert (found.phone, found.sms_since, found.language) == ("+4915112345678", NOW, "de")


def test_an_order_that_nobody_hears_of_has_no_preferences(world: World) -> None:
    world.play("storefront_http/place_order")
    order = next(item for item in world.items("orders") if item["sk"] == "ORDER")
    world.put("orders", {name: value for name, value in order.items() if name != "email"} | {"bought_as": ""})
    headers = {"X-Order-Token": token(ORDER, purpose="order")}
    path = {"shop": "demo", "order": ORDER}
    for method, route, more in (
        ("GET", OF_ORDER, {}),
        ("PUT", OF_ORDER, {}),
        ("GET", IN_APP, {}),
        ("POST", READ, {"notification": "ntf_1"}),
    ):
        said = {"off": []} if method == "PUT" else {}
        assert ask(world, HTTP, method, route, {**path, **more}, body=said, headers=headers) == (409, "nobody_to_tell")


# Unsubscribing.


@pytest.mark.parametrize("topic", ["order", "staff", "", "REMINDER", "reminder,back_in_stock", "reminder\r\nX: y"])
def test_what_belongs_to_a_sale_cannot_be_switched_off(world: World, topic: str) -> None:
    for method in ("GET", "POST"):
        answer = unsubscribe(world, method, topic=topic)
        assert (answer["statusCode"], body(answer)["code"]) == INVALID
    assert kept(world) == []


@pytest.mark.parametrize("sku", ["", "#", "../x", "x" * 65, "<script>"])
def test_a_product_that_cannot_be_one(world: World, sku: str) -> None:
    assert unsubscribe(world, topic="back_in_stock", sku=sku)["statusCode"] == 422
    assert kept(world) == []


@pytest.mark.parametrize(
    ("sent", "headers"),
    [
        (None, {}),
        ("", {}),
        ({}, {}),
        ("List-Unsubscribe=One-Click", {"Content-Type": "application/x-www-form-urlencoded"}),
        ("List-Unsubscribe=One-Click", {"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}),
        (
            '--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--',
            {"Content-Type": "multipart/form-data; boundary=b"},
        ),
        (b"List-Unsubscribe=One-Click", {"Content-Type": "application/x-www-form-urlencoded"}),
    ],
    ids=lambda value: str(value)[:50],
)
def test_whatever_a_mail_service_posts_unsubscribes(world: World, sent: Any, headers: dict[str, str]) -> None:
    assert unsubscribe(world, sent=sent, headers=headers)["statusCode"] == 200
    assert store().preferences("demo", CUSTOMER).off == (Topic.REMINDER,)


def test_looking_at_the_link_changes_nothing_however_often(world: World) -> None:
    """Scanners of mail open every link, some with HEAD."""
    for _ in range(3):
        assert unsubscribe(world, "GET")["statusCode"] == 200
    assert unsubscribe(world, "HEAD")["statusCode"] == 405
    assert kept(world) == []


def test_the_page_shows_the_shop_and_the_customers_language_and_runs_nothing(world: World) -> None:
    (shop,) = [item for item in world.items("tenants") if (item["pk"], item["sk"]) == ("demo", "SHOP")]
    world.put("tenants", {**shop, "name": "<script>alert(1)</script>"})
    load(HTTP).directory._shops.clear()
    assert choose(world, {"language": "de"})[0] == 200
    page = unsubscribe(world, "GET")["body"]
    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert '<html lang="de">' in page
    assert "Abbestellen" in page
    assert "bald ablaufende Bestellungen" in page


# In the app.


def test_the_cursor_of_one_order_is_none_of_another(world: World) -> None:
    world.play("storefront_http/place_order")
    cases.a_message_in_the_app(world)
    path, headers = {"shop": "demo", "order": ORDER}, {"X-Order-Token": token(ORDER, purpose="order")}
    borrowed = load(HTTP).tokens.seal_cursor({"after": "ntf_1"}, "in-app", "demo", "ord_other")
    for cursor in (borrowed, "x", "x.y", "e30.AAAA"):
        assert ask(world, HTTP, "GET", IN_APP, path, headers=headers, query={"cursor": cursor}) == (400, "cursor_invalid")
    assert ask(world, HTTP, "GET", IN_APP, path, headers=headers, query={"limit": "0"}) == INVALID


def test_a_message_about_another_order_is_not_there(world: World) -> None:
    world.play("storefront_http/place_order")
    cases.a_message_in_the_app(world)
    before, headers = kept(world), {"X-Order-Token": token(ORDER, purpose="order")}
    other = next(item["id"] for item in before if item.get("order") == "ord_other")
    for name in (other, "ntf_nothing"):
        path = {"shop": "demo", "order": ORDER, "notification": name}
        assert ask(world, HTTP, "POST", READ, path, headers=headers) == (404, "not_found")
    assert kept(world) == before


# What is never told.


def test_no_address_and_no_token_in_logs_or_problems(
    world: World, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    cases.sold_out(world)
    secrets = ["grace.hopper@example.com", "+4915112345678", token()]
    with caplog.at_level(logging.INFO):
        told = [
            ask_back(world, {"email": secrets[0]}),
            ask_back(world, {"email": f"{secrets[0]}\r\nBcc: x"}),
            ask_back(world, {"email": secrets[0]}, "box"),
            choose(world, {"phone": secrets[1], "sms": True}),
            choose(world, {"phone": f"{secrets[1]}\n"}),
            choose(world, {"phone": secrets[1], "sms": True}, {"If-Match": '"9"'}),
            unsubscribe(world)["body"],
        ]
    out, err = capsys.readouterr()
    assert all(secret not in text for secret in secrets for text in (out, err, caplog.text, str(told)))
