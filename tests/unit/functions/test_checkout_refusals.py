"""Carts, sessions and settings over HTTP: what is refused, how, and that nothing changed."""

from typing import Any

import pytest

from tests.unit.functions.asking import CHECKOUT, ask, place, start
from tests.unit.functions.world import KEYS, SESSION, World, body, load, ok

CART = "/shops/{shop}/cart/validate"
ONE = CHECKOUT + "/{session}"
SETTINGS = "/shops/{shop}/admin/settings"
BOX = {"lines": [{"sku": "box", "quantity": 1}]}
ADDRESS = {"name": "Ada", "line1": "1 Main St", "city": "Berlin", "country": "DE"}


def guest(session: str = SESSION, **changed: str | None) -> dict[str, str]:
    tokens = load("storefront_http").tokens
    given = {"X-Checkout-Token": tokens.mint("checkout", "demo", session), "X-CSRF-Token": tokens.mint("csrf", "demo", session)}
    return {name: value for name, value in {**given, **{k.replace("_", "-"): v for k, v in changed.items()}}.items() if value is not None}


def change(world: World, sent: Any, *, session: str = SESSION, shop: str = "demo", **headers: str | None) -> tuple[int, str]:
    return ask(world, "storefront_http", "PATCH", ONE, {"shop": shop, "session": session}, body=sent, headers=guest(session, **headers))


def sessions(world: World) -> list[dict[str, Any]]:
    return sorted((item for item in world.items("orders") if item["sk"] == "SESSION"), key=lambda item: str(item["pk"]))


def settings(world: World, sent: Any, scope: str = "admin", shop: str = "demo", **headers: str) -> tuple[int, str]:
    return ask(world, "admin_http", "PUT", SETTINGS, {"shop": shop}, body=sent, headers={"X-Api-Key": KEYS[scope], **headers})


CONTACT: list[dict[str, Any]] = [
    {"email": "ada"},
    {"email": "ada@example.com\nBcc: all@example.com"},
    {"phone": "0170 1234567"},
    {"phone": "+49 12"},
    {"phone": "+491234567890123456"},
    {"phone": 491701234567},
    {"notes": "n" * 501},
    {"notes": "bell\x07"},
    {"notes": "two\nlines"},
    {"notes": "\x9b31m"},
    {"notes": ""},
    {"address": {**ADDRESS, "country": "de"}},
    {"address": {**ADDRESS, "country": "Germany"}},
    {"address": {**ADDRESS, "line1": "1\r\nMain"}},
    {"address": {"country": "DE"}},
    {"address": {**ADDRESS, "floor": 3}},
    {"currency": "euro"},
    {"shipping_method": "Parcel!"},
    {"total": 1},
    {"status": "paid"},
    {"lines": []},
    {"lines": [{"sku": "box", "quantity": 0}]},
    {"lines": [{"sku": "box", "quantity": -1}]},
    {"lines": [{"sku": "box", "quantity": True}]},
    {"lines": [{"sku": "box", "quantity": 0.5}]},
    {"lines": [{"sku": "box", "quantity": 10**30}]},
    {"lines": [{"sku": "box", "quantity": 1001}]},
    {"lines": [{"sku": "b#x", "quantity": 1}]},
    {"lines": [{"sku": "box", "quantity": 1, "unit_price": {"amount": 1, "currency": "EUR"}}]},
]


@pytest.mark.parametrize("wrong", CONTACT, ids=str)
def test_what_is_no_contact_and_no_line(world: World, wrong: dict[str, Any]) -> None:
    before = sessions(world)
    assert start(world, {**BOX, **wrong}) == (422, "validation_failed")
    assert change(world, wrong) == (422, "validation_failed")
    assert sessions(world) == before


def test_lines_cannot_be_taken_away(world: World) -> None:
    assert change(world, {"lines": None}) == (422, "validation_failed")


def test_prices_are_always_ours(world: World) -> None:
    asked = {"lines": [{"sku": "box", "quantity": 1, "unit_price": {"amount": 1, "currency": "EUR"}}]}
    event_answer = ok(world.http("storefront_http", "POST", CART, shop="demo", body=asked))
    assert (event_answer["totals"]["total"]["amount"], event_answer["issues"][0]["code"]) == (4900, "price_changed")


def test_who_may_change_a_session(world: World) -> None:
    before = sessions(world)
    assert change(world, {"notes": "mine"}, X_Checkout_Token=None) == (401, "checkout_token_missing")
    assert change(world, {"notes": "mine"}, X_Checkout_Token="x" * 43) == (404, "not_found")
    assert change(world, {"notes": "mine"}, X_CSRF_Token=None) == (403, "csrf_token_invalid")
    assert change(world, {"notes": "mine"}, X_CSRF_Token="x" * 43) == (403, "csrf_token_invalid")
    assert change(world, {"notes": "mine"}, shop="other") == (404, "not_found")
    unknown = "cks_01KAJVKP000000000000000077"
    assert change(world, {"notes": "mine"}, session=unknown) == (404, "not_found")
    assert sessions(world) == before


def test_a_stale_or_unreadable_if_match(world: World) -> None:
    before = sessions(world)
    assert change(world, {"notes": "mine"}, If_Match='"7"') == (412, "precondition_failed")
    assert change(world, {"notes": "mine"}, If_Match="yesterday") == (400, "if_match_invalid")
    assert sessions(world) == before
    assert change(world, {"notes": "mine"}, If_Match='"1"')[0] == 200
    assert change(world, {"notes": "yours"}, If_Match="*")[0] == 200


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ({"lines": [{"sku": "gone", "quantity": 1}]}, "unknown_sku"),
        ({"lines": [{"sku": "box", "quantity": 600}, {"sku": "box", "quantity": 600}]}, "quantity_above_maximum"),
        ({"lines": [{"sku": "box", "quantity": 1}], "currency": "USD"}, "currency_not_offered"),
        ({"lines": [{"sku": "box", "quantity": 1}] * 25}, "too_many_lines"),
    ],
)
def test_a_cart_that_can_never_work(world: World, sent: dict[str, Any], code: str) -> None:
    before = sessions(world)
    assert start(world, sent) == (422, code)
    assert change(world, sent) == (422, code)
    assert sessions(world) == before
    assert ask(world, "storefront_http", "POST", CART, {"shop": "demo"}, body=sent)[0] == (422 if code == "too_many_lines" else 200)


def test_the_refusal_and_the_cart_tell_the_same(world: World) -> None:
    sent = {"lines": [{"sku": "gone", "quantity": 1}, {"sku": "box", "quantity": 9}]}
    refused = world.http("storefront_http", "POST", CHECKOUT, shop="demo", body=sent)
    cart = ok(world.http("storefront_http", "POST", CART, shop="demo", body=sent))
    assert body(refused)["issues"] == cart["issues"]
    assert [issue["code"] for issue in cart["issues"]] == ["unknown_sku", "insufficient_stock"]


def test_a_shop_with_rates_wants_an_address_it_ships_to(world: World) -> None:
    rate = {"id": "parcel", "title": "Parcel", "countries": ["DE"], "by": "price", "bands": [{"up_to": None, "amount": 495}]}
    assert settings(world, {"name": "Demo shop", "shipping": [rate]})[0] == 200
    load("storefront_http").directory._shops.clear()  # a minute later
    session = ok(world.http("storefront_http", "POST", CHECKOUT, shop="demo", body=BOX))["id"]
    tokens = {name.replace("-", "_").lower(): value for name, value in guest(session).items()}
    assert place(world, session=session, idempotency_key="a", **tokens) == (422, "address_missing")
    assert change(world, {"address": {**ADDRESS, "country": "FR"}}, session=session)[0] == 200
    assert place(world, session=session, idempotency_key="b", **tokens) == (422, "not_shipped_there")
    assert change(world, {"address": ADDRESS, "shipping_method": "drone"}, session=session) == (422, "shipping_method_not_offered")
    assert [item for item in world.items("locks") if item["sk"] == "LOCK"] == []
    assert change(world, {"address": ADDRESS, "shipping_method": "parcel"}, session=session)[0] == 200
    assert place(world, session=session, idempotency_key="c", **tokens)[0] == 201


def test_a_session_that_was_paid_for_is_changed_no_more(world: World) -> None:
    for name in ("storefront_http/place_order", "payments_sandbox/pay", "orders_http/confirm_payment"):
        ok(world.play(name))
    assert change(world, {"notes": "too late"}) == (409, "session_already_ordered")


def test_who_comes_back_finds_the_order_of_his_try(world: World) -> None:
    placed = ok(world.play("storefront_http/place_order"))
    found = ok(world.http("storefront_http", "GET", ONE, shop="demo", session=SESSION, headers=guest()))
    assert {name: found["order"][name] for name in ("id", "number", "status", "order_token")} == {
        name: placed[name] for name in ("id", "number", "status", "order_token")
    }
    assert (found["order"]["payment"], found["issues"]) == (placed["payment"], [])


@pytest.mark.parametrize("scope", ["operator", "viewer"])
def test_settings_are_changed_by_admins(world: World, scope: str) -> None:
    assert settings(world, {"name": "Mine"}, scope) == (403, "scope_missing")
    assert ask(world, "admin_http", "GET", SETTINGS, {"shop": "demo"}, headers={"X-Api-Key": KEYS[scope]})[0] == 200


def test_settings_of_another_shop_are_nobodys(world: World) -> None:
    """A key names its shop."""
    key = {"X-Api-Key": f"hf_demo_{'k' * 43}"}
    for shop in ("other", "nowhere"):
        for method, sent in (("GET", None), ("PUT", {"name": "Mine"})):
            assert ask(world, "admin_http", method, SETTINGS, {"shop": shop}, body=sent, headers=key) == (404, "not_found")


@pytest.mark.parametrize(
    "wrong", [{"currency": "USD"}, {"id": "other"}, {"return_days": "14"}, {"name": None}, {"shipping": [{}]}], ids=str
)
def test_settings_that_make_no_sense(world: World, wrong: dict[str, Any]) -> None:
    before = [item for item in world.items("tenants") if item["sk"] == "SHOP"]
    assert settings(world, {"name": "Demo", **wrong}) == (422, "validation_failed")
    assert [item for item in world.items("tenants") if item["sk"] == "SHOP"] == before


def test_two_prices_in_one_currency(world: World) -> None:
    price = {"amount": 1, "currency": "EUR"}
    sent = {"title": "Box", "kind": "physical", "price": price, "prices": [{"amount": 2, "currency": "EUR"}]}
    path = {"shop": "demo", "sku": "box"}
    answer = ask(world, "admin_http", "PUT", "/shops/{shop}/admin/products/{sku}", path, body=sent, headers={"X-Api-Key": KEYS["admin"]})
    assert answer == (422, "validation_failed")


def test_a_link_from_a_mail_opens_the_checkout_and_changes_nothing(world: World) -> None:
    token = load("storefront_http").tokens.mint("checkout", "demo", SESSION)
    path = {"shop": "demo", "session": SESSION}
    assert ask(world, "storefront_http", "GET", ONE, path, query={"token": token}) == (200, "")
    assert ask(world, "storefront_http", "GET", ONE, path, query={"token": token + "0"})[0] == 404
    assert ask(world, "storefront_http", "GET", ONE, path)[0] == 401
    before = sessions(world)
    assert ask(world, "storefront_http", "PATCH", ONE, path, body={"notes": "x"}, query={"token": token})[0] == 401
    assert ask(world, "storefront_http", "DELETE", ONE, path, query={"token": token})[0] == 401
    assert sessions(world) == before


@pytest.mark.parametrize("name", ["completd", "completed", "refunded"])
def test_a_message_that_does_not_exist_or_is_always_sent_cannot_be_switched_off(world: World, name: str) -> None:
    sent = {"name": "Demo", "mails_off": ["shipped", name]}
    headers = {"X-Api-Key": KEYS["admin"]}
    answer = world.http("admin_http", "PUT", SETTINGS, shop="demo", body=sent, headers=headers)
    assert (answer["statusCode"], [error["pointer"] for error in body(answer)["errors"]]) == (422, ["/mails_off/1"])
    assert body(world.http("admin_http", "GET", SETTINGS, shop="demo", headers=headers))["version"] == 1
