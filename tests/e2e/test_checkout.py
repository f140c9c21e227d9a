"""Carts, sessions, tax and shipping over HTTP, in a shop of its own that has rates."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest

from infra.local.client import Answer, Api, Json, checkout_headers, expect, guest, new_key
from infra.local.seed import command
from infra.local.story import eventually, product

pytestmark = pytest.mark.stack

PARCEL = {"id": "parcel", "title": "Parcel", "countries": ["DE"], "by": "weight", "bands": [{"up_to": 2000, "amount": 495}]}
EXPRESS = {"id": "express", "title": "Express", "countries": ["DE", "AT"], "by": "price", "bands": [{"up_to": None, "amount": 1500}]}
SETTINGS = {
    "name": "Taxed",
    "shipping": [PARCEL, EXPRESS],
    "taxes": [{"countries": ["DE"], "rates": {"standard": 1900, "books": 700}, "shipping": True}],
}
BERLIN = {"name": "Ada Lovelace", "line1": "1 Main St", "city": "Berlin", "postal_code": "10115", "country": "DE"}


@pytest.fixture(scope="module")
def shop(stack: dict[str, Any]) -> Iterator[Api]:
    """`BOX`: physical, 700 g, five of them. `BOOK`: taxed as books, back-ordered. `NOTE`: digital, in two currencies."""
    name = f"taxed-{new_key()[:8]}"
    operations = stack["functions"]["operations_command"]
    command(stack["emulator_url"], operations, {"command": "create_shop", "shop": name, "currency": "EUR", **SETTINGS})
    key = command(stack["emulator_url"], operations, {"command": "create_api_key", "shop": name, "scopes": ["admin"]})
    api = Api(stack["api_url"], name, str(key["api_key"]))
    with closing(api.http):
        api.put_product("BOX", {**product("BOX", "Ring box", "physical", 4900, "reject"), "weight_grams": 700})
        api.put_product("BOOK", {**product("BOOK", "Book", "physical", 1050, "backorder"), "tax_class": "books"})
        dollars = {"amount": 2199, "currency": "USD"}
        api.put_product("NOTE", {**product("NOTE", "Note", "digital", 1999, "backorder"), "prices": [dollars]})
        api.restock("BOX", 5)
        yield api


def cart(shop: Api, *lines: tuple[str, int], **about: Any) -> Json:
    body = {"lines": [{"sku": sku, "quantity": quantity} for sku, quantity in lines], **about}
    return expect(200, shop.call("POST", shop.shop_path("/cart/validate"), body)).json


def start(shop: Api, *lines: tuple[str, int], **about: Any) -> Json:
    body = {"lines": [{"sku": sku, "quantity": quantity} for sku, quantity in lines], **about}
    return expect(201, shop.call("POST", shop.shop_path("/checkout-sessions"), body)).json


def change(shop: Api, session: Json, **given: Any) -> Answer:
    match = {"If-Match": given.pop("if_match")} if "if_match" in given else {}
    return shop.call("PATCH", _path(shop, session), given, {**checkout_headers(session), **match})


def read(shop: Api, session: Json) -> Answer:
    return shop.call("GET", _path(shop, session), headers=checkout_headers(session))


def _path(shop: Api, session: Json) -> str:
    return shop.shop_path(f"/checkout-sessions/{session['id']}")


def codes(told: Json) -> list[str]:
    return [issue["code"] for issue in told["issues"]]


def test_a_cart_is_corrected_and_then_right(shop: Api) -> None:
    told = cart(shop, ("BOX", 3), ("BOX", 4), ("GONE", 1), fix=True, country="DE")
    assert codes(told) == ["unknown_sku", "insufficient_stock"]
    assert [(change["sku"], change["code"], change["from"], change["to"]) for change in told["changes"]] == [
        ("BOX", "lines_summed", 3, 7),
        ("BOX", "insufficient_stock", 7, 5),
        ("GONE", "unknown_sku", 1, 0),
    ]
    again = cart(shop, *[(line["sku"], line["quantity"]) for line in told["fixed_lines"]], fix=True, country="DE")
    assert (again["ok"], again["issues"], again["changes"]) == (True, [], [])


def test_a_checkout_from_its_start_to_a_paid_order(shop: Api) -> None:
    """Priced in cents: two boxes, a book at its own rate, shipped, taxed; changed, resumed, paid."""
    session = start(shop, ("BOX", 1), ("BOOK", 1), email="ada@example.com")
    refused = shop.place(session)
    assert (refused.status, refused.code) == (422, "address_missing")
    changed = expect(200, change(shop, session, lines=[{"sku": "BOX", "quantity": 2}, {"sku": "BOOK", "quantity": 1}], address=BERLIN)).json
    assert [(line["sku"], line["tax"]["amount"]) for line in changed["lines"]] == [("BOX", 1862), ("BOOK", 74)]
    totals = {name: changed["totals"][name]["amount"] for name in ("subtotal", "shipping", "tax", "total")}
    assert totals == {"subtotal": 10850, "shipping": 495, "tax": 1862 + 74 + 94, "total": 10850 + 495 + 2030}
    express = expect(200, change(shop, session, shipping_method="express", notes="Ring twice")).json
    assert (express["totals"]["shipping"]["amount"], express["version"]) == (1500, 3)
    order = expect(201, shop.place(session, accept_partial=True)).json
    assert order["totals"] == express["totals"]
    found = expect(200, read(shop, session)).json
    assert (found["order"]["id"], found["order"]["order_token"]) == (order["id"], order["order_token"])
    shop.pay(order)
    eventually(lambda: shop.read_order(order), lambda seen: seen["status"] != "pending_payment", "the order to be paid")
    late = change(shop, session, notes="too late")
    assert (late.status, late.code) == (409, "session_already_ordered")


def test_a_shortage_refuses_no_session_and_tells_the_same_twice(shop: Api) -> None:
    session = start(shop, ("BOX", 99), address=BERLIN, shipping_method="express")
    assert codes(session) == ["insufficient_stock"]
    refused = shop.place(session)
    assert (refused.status, refused.code) == (409, "insufficient_stock")
    assert codes(refused.json) == ["insufficient_stock"]
    assert [issue["available"] for issue in refused.json["issues"]] == [line["available"] for line in refused.json["lines"]]


def test_a_cart_that_can_never_work_is_refused_with_its_list(shop: Api) -> None:
    body = {"lines": [{"sku": "GONE", "quantity": 1}, {"sku": "BOX", "quantity": 1}]}
    refused = shop.call("POST", shop.shop_path("/checkout-sessions"), body)
    assert (refused.status, refused.code, refused.json["skus"]) == (422, "unknown_sku", ["GONE"])
    assert refused.json["issues"] == cart(shop, ("GONE", 1), ("BOX", 1))["issues"]


def test_one_currency(shop: Api) -> None:
    assert start(shop, ("NOTE", 2), currency="USD", address=BERLIN)["totals"]["subtotal"] == {"amount": 4398, "currency": "USD"}
    told = cart(shop, ("NOTE", 1), ("BOX", 1), currency="USD")
    assert codes(told) == ["currency_not_offered"]


def test_of_two_tabs_that_saw_the_same_one_is_told(shop: Api) -> None:
    session = start(shop, ("NOTE", 1), address=BERLIN)
    with ThreadPoolExecutor(2) as tabs:
        answers = list(tabs.map(lambda phone: change(shop, session, phone=phone, if_match='"1"'), ["+4912345678", "+4987654321"]))
    assert sorted(answer.status for answer in answers) == [200, 412]
    kept = expect(200, read(shop, session)).json
    assert (kept["version"], kept["phone"]) == (2, next(answer for answer in answers if answer.status == 200).json["phone"])


def test_without_if_match_both_tabs_are_heard(shop: Api) -> None:
    session = start(shop, ("NOTE", 1), address=BERLIN)
    with ThreadPoolExecutor(2) as tabs:
        answers = list(tabs.map(lambda given: change(shop, session, **given), [{"phone": "+4912345678"}, {"notes": "Ring twice"}]))
    assert [answer.status for answer in answers] == [200, 200]
    kept = expect(200, read(shop, session)).json
    assert (kept["phone"], kept["notes"], kept["version"]) == ("+4912345678", "Ring twice", 3)


def test_abandoning_a_changed_session_gives_its_hold_back(shop: Api) -> None:
    session = start(shop, ("BOX", 1), address=BERLIN)
    order = expect(201, shop.place(session)).json
    before = shop.level("BOX")["available"]
    expect(200, change(shop, session, lines=[{"sku": "NOTE", "quantity": 1}]))
    assert shop.level("BOX")["available"] == before  # the try still waits for its money
    expect(204, shop.call("DELETE", _path(shop, session), headers=checkout_headers(session)))
    assert shop.level("BOX")["available"] == before + 1
    assert shop.read_order(order)["status"] == "cancelled"
    assert read(shop, session).status == 404


def test_settings_are_read_and_changed(shop: Api) -> None:
    answer = expect(200, shop.admin("GET", "/settings"))
    assert (answer.json["shipping"][0]["id"], answer.json["currency"], answer.headers["etag"]) == ("parcel", "EUR", '"1"')
    body = {**SETTINGS, "return_days": 30}
    assert expect(200, shop.admin("PUT", "/settings", body, {"If-Match": '"1"'})).json["version"] == 2
    stale = shop.admin("PUT", "/settings", SETTINGS, {"If-Match": '"1"'})
    assert (stale.status, stale.code) == (412, "precondition_failed")
    assert shop.call("PUT", shop.shop_path("/admin/settings"), body, guest("x")).status == 401
