"""What must be refused, how it must be refused, and that nothing happened: exact status, exact code, problem+json, stock as before."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from infra.local.client import Answer, Api, Json, checkout_headers, expect, guest, new_key
from infra.local.story import World

pytestmark = pytest.mark.stack

JSON = {"Content-Type": "application/json"}
WHOLE = {"payment": {"provider": "sandbox"}}
MEMBERS = {"type", "title", "status", "detail", "code", "request_id"}


@dataclass(frozen=True)
class Shelf:
    box: str
    licence: str


@pytest.fixture(scope="module")
def shelf(world: World) -> Shelf:
    return Shelf(box=world.put_physical("SOLID", 5), licence=world.put_digital("KEYED", 2))


@pytest.fixture(autouse=True)
def nothing_happens(api: Api, shelf: Shelf) -> Iterator[None]:
    """Around every case: as many units are there, free and held as before. (What was taken and given back has a new version.)"""
    before = [counted(api.level(sku)) for sku in (shelf.box, shelf.licence)]
    yield
    assert [counted(api.level(sku)) for sku in (shelf.box, shelf.licence)] == before


def counted(level: Json) -> tuple[int, ...]:
    return tuple(level[name] for name in ("on_hand", "available", "locked", "waiting"))


@pytest.fixture
def session(world: World, api: Api, shelf: Shelf) -> Json:
    return api.open_session({shelf.box: 1}, world.buyer("bad"))


def refused(answer: Answer, status: int, code: str) -> Json:
    """The one shape of every refusal."""
    assert (answer.status, answer.code) == (status, code), answer
    problem = answer.json
    assert problem.keys() >= MEMBERS
    assert problem["status"] == status
    assert problem["request_id"] == answer.headers.get("x-request-id", problem["request_id"])  # API Gateway's own answers have none
    return problem


def checkout(api: Api, raw: bytes, headers: dict[str, str] | None = None) -> Answer:
    return api.http.send("POST", api.shop_path("/checkout-sessions"), raw, JSON if headers is None else headers)


def place(api: Api, session: Json, body: object = WHOLE, **changed: str | None) -> Answer:
    """place-order with some headers changed; None leaves one out."""
    given: dict[str, str | None] = {
        **checkout_headers(session),
        "Idempotency-Key": new_key(),
        **JSON,
        **{name.replace("_", "-"): value for name, value in changed.items()},
    }
    headers = {name: value for name, value in given.items() if value is not None}
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return api.http.send("POST", api.shop_path(f"/checkout-sessions/{session['id']}/place-order"), raw, headers)


# --- bodies ------------------------------------------------------------------------------------------------------------------

UNREADABLE = {
    "empty": b"",
    "half": b'{"lines": [',
    "words": b"buy me a box",
    "not text": b"\xff\xfe{}",
    "nan": b'{"lines": NaN}',
    "two values": b"{} {}",
}


@pytest.mark.parametrize("raw", UNREADABLE.values(), ids=UNREADABLE)
def test_malformed_json(api: Api, raw: bytes) -> None:
    refused(checkout(api, raw), 400, "malformed_json")


@pytest.mark.parametrize("raw", UNREADABLE.values(), ids=UNREADABLE)
def test_malformed_json_takes_no_stock(api: Api, session: Json, raw: bytes) -> None:
    refused(place(api, session, raw), 400, "malformed_json")


@pytest.mark.parametrize("raw", [b"[]", b"null", b"7", b'"lines"'])
def test_json_that_is_no_object(api: Api, raw: bytes) -> None:
    refused(checkout(api, raw), 422, "validation_failed")


QUANTITIES = ["0", "-1", "0.5", "1.0", "true", "null", '"1"', "1e30", "1e-1", "100000000000000000000000000000000", "[1]", "{}"]


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_a_quantity_is_a_small_whole_number(api: Api, shelf: Shelf, quantity: str) -> None:
    raw = f'{{"lines": [{{"sku": "{shelf.box}", "quantity": {quantity}}}]}}'.encode()
    problem = refused(checkout(api, raw), 422, "validation_failed")
    assert [error["pointer"] for error in problem["errors"]] == ["/lines/0/quantity"]
    assert all(error.keys() >= {"pointer", "code", "detail"} for error in problem["errors"])


WRONG_BODIES: dict[str, object] = {
    "unknown member": {"lines": [{"sku": "SKU", "quantity": 1}], "coupon": "FREE"},
    "unknown member of a line": {"lines": [{"sku": "SKU", "quantity": 1, "price": 1}]},
    "no lines": {},
    "no line": {"lines": []},
    "lines are text": {"lines": "SKU"},
    "a line is text": {"lines": ["SKU"]},
    "sku is a number": {"lines": [{"sku": 7, "quantity": 1}]},
    "sku is empty": {"lines": [{"sku": "", "quantity": 1}]},
    "sku is no sku": {"lines": [{"sku": "a/b#c", "quantity": 1}]},
    "email is no address": {"lines": [{"sku": "SKU", "quantity": 1}], "email": "nobody"},
    "email would end a header": {"lines": [{"sku": "SKU", "quantity": 1}], "email": "a@b.example\r\nBcc: all@b.example"},
    "email is a list": {"lines": [{"sku": "SKU", "quantity": 1}], "email": ["a@b.example"]},
}


@pytest.mark.parametrize("body", WRONG_BODIES.values(), ids=WRONG_BODIES)
def test_a_checkout_that_says_something_else(api: Api, body: object) -> None:
    problem = refused(checkout(api, json.dumps(body).encode()), 422, "validation_failed")
    assert problem["errors"]


WRONG_ORDERS: dict[str, object] = {
    "no payment": {},
    "unknown member": {**WHOLE, "price": 1},
    "partial is text": {**WHOLE, "accept_partial": "yes"},
    "partial is a number": {**WHOLE, "accept_partial": 1},
    "provider is a number": {"payment": {"provider": 1}},
    "unknown member of payment": {"payment": {"provider": "sandbox", "amount": 1}},
}


@pytest.mark.parametrize("body", WRONG_ORDERS.values(), ids=WRONG_ORDERS)
def test_an_order_that_says_something_else(api: Api, session: Json, body: object) -> None:
    refused(place(api, session, body), 422, "validation_failed")


def test_an_unknown_provider_is_refused(api: Api, session: Json) -> None:
    assert 400 <= expect(range(400, 500), place(api, session, {"payment": {"provider": "bitcoin"}})).status < 500


def test_the_same_sku_twice_is_summed_before_the_check(world: World, api: Api, shelf: Shelf) -> None:
    lines = [{"sku": shelf.box, "quantity": 3}, {"sku": shelf.box, "quantity": 3}]
    opened = expect(201, api.call("POST", api.shop_path("/checkout-sessions"), {"lines": lines, "email": world.buyer("sum")})).json
    assert [(line["sku"], line["quantity"]) for line in opened["lines"]] == [(shelf.box, 6)]
    problem = refused(api.place(opened), 409, "insufficient_stock")
    assert problem["lines"] == [{"sku": shelf.box, "requested": 6, "available": 5}]


def test_one_short_line_takes_nothing_of_the_others(world: World, api: Api, shelf: Shelf) -> None:
    opened = api.open_session({shelf.licence: 1, shelf.box: 6}, world.buyer("all"))
    problem = refused(api.place(opened), 409, "insufficient_stock")
    assert [line["sku"] for line in problem["lines"]] == [shelf.box]


def test_more_than_one_order_may_take(api: Api, shelf: Shelf) -> None:
    lines = [{"sku": shelf.box, "quantity": 600}, {"sku": shelf.box, "quantity": 600}]
    refused(api.call("POST", api.shop_path("/checkout-sessions"), {"lines": lines}), 422, "quantity_above_maximum")


@pytest.mark.parametrize("count", [51, 10_000])
def test_too_many_lines(api: Api, count: int) -> None:
    body = {"lines": [{"sku": "S", "quantity": 1}] * count}
    refused(checkout(api, json.dumps(body, separators=(",", ":")).encode()), 422, "too_many_lines")


def test_a_megabyte_is_too_large(api: Api, session: Json) -> None:
    megabyte = json.dumps({"lines": [], "note": "x" * 1024 * 1024}).encode()
    refused(checkout(api, megabyte), 413, "body_too_large")
    refused(place(api, session, megabyte), 413, "body_too_large")


def test_deep_nesting_is_no_bomb(api: Api) -> None:
    answer = checkout(api, b'{"lines":' + b"[" * 50_000 + b"]" * 50_000 + b"}")
    assert (answer.status, answer.code) in ((400, "malformed_json"), (422, "validation_failed"))


# --- names of things that are not there --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/shops/nobody/products", "/shops/NOBODY!/products", "/shops/nobody/admin/orders", "/shops/nobody/orders/ord_1"]
)
def test_a_foreign_shop_is_not_found(api: Api, path: str) -> None:
    refused(api.call("GET", path), 404, "not_found")


def test_every_unknown_shop_is_told_the_same(api: Api) -> None:
    told = [refused(api.call("GET", f"/shops/{shop}/products"), 404, "not_found") for shop in ("nobody", "other")]
    assert [{name: value for name, value in problem.items() if name not in ("request_id", "instance")} for problem in told].count(
        {name: value for name, value in told[0].items() if name not in ("request_id", "instance")}
    ) == 2


def test_an_unknown_sku_in_the_cart(api: Api) -> None:
    refused(checkout(api, b'{"lines": [{"sku": "NEVER-SOLD", "quantity": 1}]}'), 422, "unknown_sku")


@pytest.mark.parametrize("path", ["/products/NEVER-SOLD", "/orders"])
def test_unknown_paths_and_products(api: Api, path: str) -> None:
    refused(api.call("GET", api.shop_path(path)), 404, "not_found")


def test_an_unknown_session(api: Api, session: Json) -> None:
    for unknown in ("cks_00000000000000000000000000", "nonsense", "cks_" + "Z" * 26):
        refused(place(api, {**session, "id": unknown}), 404, "not_found")


def test_a_session_of_somebody_else(world: World, api: Api, shelf: Shelf, session: Json) -> None:
    other = api.open_session({shelf.box: 1}, world.buyer("other"))
    refused(place(api, {**other, "id": session["id"]}), 404, "not_found")


def test_an_unknown_order(api: Api) -> None:
    refused(api.call("GET", api.shop_path("/orders/ord_00000000000000000000000000"), headers=guest("nonsense")), 404, "not_found")


def test_an_unknown_payment(api: Api) -> None:
    refused(api.call("GET", "/sandbox/payments/pay_00000000000000000000000000"), 404, "not_found")


# --- who are you -------------------------------------------------------------------------------------------------------------

CSRF = {"missing": None, "empty": "", "wrong": "nonsense"}


@pytest.mark.parametrize("token", CSRF.values(), ids=CSRF)
def test_csrf(api: Api, session: Json, token: str | None) -> None:
    refused(place(api, session, X_CSRF_Token=token), 403, "csrf_token_invalid")


def test_the_csrf_token_of_another_session(world: World, api: Api, shelf: Shelf, session: Json) -> None:
    other = api.open_session({shelf.box: 1}, world.buyer("other"))
    refused(place(api, session, X_CSRF_Token=other["csrf_token"]), 403, "csrf_token_invalid")


def test_no_checkout_token(api: Api, session: Json) -> None:
    refused(place(api, session, X_Checkout_Token=None), 401, "checkout_token_missing")


def test_a_wrong_checkout_token(api: Api, session: Json) -> None:
    refused(place(api, session, X_Checkout_Token="nonsense"), 404, "not_found")


def test_the_csrf_token_is_no_checkout_token(api: Api, session: Json) -> None:
    refused(place(api, session, X_Checkout_Token=session["csrf_token"]), 404, "not_found")


def test_no_order_token(api: Api) -> None:
    refused(api.call("GET", api.shop_path("/orders/ord_00000000000000000000000000")), 401, "order_token_missing")


@pytest.mark.parametrize("path", ["/orders", "/holds", "/inventory/ANY", "/products"])
def test_admin_without_a_key(api: Api, path: str) -> None:
    refused(api.call("GET", api.shop_path(f"/admin{path}")), 401, "api_key_missing")


@pytest.mark.parametrize("key", ["nonsense", "", "hf_" + "a" * 60])
def test_admin_with_a_wrong_key(api: Api, key: str) -> None:
    answer = api.call("GET", api.shop_path("/admin/orders"), headers={"X-Api-Key": key})
    assert (answer.status, answer.code) in ((401, "api_key_invalid"), (401, "api_key_missing") if not key else (401, "api_key_invalid"))


# --- Idempotency-Key ---------------------------------------------------------------------------------------------------------


def test_no_idempotency_key(api: Api, session: Json) -> None:
    refused(place(api, session, Idempotency_Key=None), 400, "idempotency_key_missing")


BAD_KEYS = {"too long": "k" * 256, "with a space": "a b", "with a tab": "a\tb", "empty": ""}


@pytest.mark.parametrize("key", BAD_KEYS.values(), ids=BAD_KEYS)
def test_a_bad_idempotency_key(api: Api, session: Json, key: str) -> None:
    answer = place(api, session, Idempotency_Key=key)
    refused(answer, 400, "idempotency_key_invalid" if key else answer.code or "")
    assert answer.code in ("idempotency_key_invalid", "idempotency_key_missing")


def test_restock_needs_a_key_too(api: Api, shelf: Shelf) -> None:
    refused(api.admin("POST", f"/inventory/{shelf.box}/restock", {"quantity": 1}), 400, "idempotency_key_missing")
    refused(api.admin("POST", f"/keys/{shelf.licence}", {"keys": ["A-KEY"]}), 400, "idempotency_key_missing")


def test_one_key_for_two_different_orders(world: World, api: Api) -> None:
    sku, key = world.put_digital("TWO-WISHES", 2), new_key()
    opened = api.open_session({sku: 1}, world.buyer("two"))
    expect(201, api.place(opened, key=key))
    refused(api.place(opened, key=key, accept_partial=True), 422, "idempotency_key_reused")
    assert (api.level(sku)["available"], api.level(sku)["locked"]) == (1, 1)


# --- methods and media types -------------------------------------------------------------------------------------------------

WRONG_METHODS = [
    ("PUT", "/products", "GET"),
    ("GET", "/checkout-sessions", "POST"),
    ("DELETE", "/orders/ord_1", "GET"),
    ("PATCH", "/products/X", "GET"),
]


@pytest.mark.parametrize(("method", "path", "allowed"), WRONG_METHODS)
def test_a_wrong_method(api: Api, method: str, path: str, allowed: str) -> None:
    answer = api.call(method, api.shop_path(path))
    refused(answer, 405, "method_not_allowed")
    assert allowed in [name.strip() for name in answer.headers["allow"].split(",")]


MEDIA_TYPES = {"text": "text/plain", "form": "application/x-www-form-urlencoded", "xml": "application/xml", "none": ""}


@pytest.mark.parametrize("media_type", MEDIA_TYPES.values(), ids=MEDIA_TYPES)
def test_a_wrong_content_type(api: Api, shelf: Shelf, media_type: str) -> None:
    raw = json.dumps({"lines": [{"sku": shelf.box, "quantity": 1}]}).encode()
    refused(checkout(api, raw, {"Content-Type": media_type} if media_type else {}), 415, "unsupported_media_type")


# --- webhooks ----------------------------------------------------------------------------------------------------------------


def signature(secret: str, body: bytes, at: float) -> str:
    """As the contract says it, written a second time: HMAC-SHA256 over the time, a dot and the raw body."""
    return f"t={int(at)},v1={hmac.new(secret.encode(), f'{int(at)}.'.encode() + body, hashlib.sha256).hexdigest()}"


def event_of(order: Json, **changed: Any) -> Json:
    data = {
        "payment_id": order["payment"]["id"],
        "order_id": order["id"],
        "shop": order["shop"],
        **order["totals"]["total"],
        "status": "succeeded",
    }
    return {"id": f"evt_{new_key()}", "type": "payment.succeeded", "created_at": "2026-01-01T00:00:00.000Z", "data": {**data, **changed}}


def knock(api: Api, body: bytes, signed: str | None, provider: str = "sandbox") -> Answer:
    headers = {**JSON, **({"X-Sandbox-Signature": signed} if signed is not None else {})}
    return api.http.send("POST", api.shop_path(f"/webhooks/payments/{provider}"), body, headers)


@pytest.fixture(scope="module")
def waiting(world: World) -> Json:
    """An order that nobody pays."""
    return world.hold(world.put_physical("UNPAID", 1), 1, world.buyer("unpaid"))


def test_webhook_signatures(stack: dict[str, Any], world: World, api: Api, waiting: Json) -> None:
    secret, body, now = stack["sandbox_webhook_secret"], json.dumps(event_of(waiting)).encode(), time.time()
    good = signature(secret, body, now)
    bad = {
        "missing": None,
        "empty": "",
        "nonsense": "nonsense",
        "other secret": signature("other", body, now),
        "other body": signature(secret, body + b" ", now),
        "no time": good.partition(",")[2],
        "other time": good.replace(f"t={int(now)}", f"t={int(now) - 1}"),
        "time is text": good.replace(f"t={int(now)}", "t=now"),
        "too old": signature(secret, body, now - 400),
        "from the future": signature(secret, body, now + 400),
        "upper case": good.replace(good[-64:], good[-64:].upper()) if good[-64:].upper() != good[-64:] else "nonsense",
        "huge time": f"t={'9' * 400},v1={good[-64:]}",
    }
    answers = {name: knock(api, body, signed) for name, signed in bad.items()}
    assert {name: (answer.status, answer.code) for name, answer in answers.items() if name != "upper case"} == {
        name: (401, "signature_invalid") for name in bad if name != "upper case"
    }
    assert answers["upper case"].status in (200, 401)  # hex has no case of its own


@pytest.mark.parametrize("wrong", [{"amount": 1}, {"currency": "USD"}])
def test_a_signed_webhook_with_other_money_pays_nothing(stack: dict[str, Any], world: World, api: Api, wrong: Json) -> None:
    """Signed by the provider and still not what was ordered: kept for a person to look at, never counted as paid."""
    sku = world.put_physical(f"MONEY-{next(iter(wrong))}", 1)
    order = world.hold(sku, 1, world.buyer(f"money-{next(iter(wrong))}"))
    body = json.dumps(event_of(order, **wrong)).encode()
    assert knock(api, body, signature(stack["sandbox_webhook_secret"], body, time.time())).status == 200
    settled = world.buy(world.put_physical(f"AFTER-{next(iter(wrong))}", 1), 1, world.buyer("after"))
    world.wait_for_status(settled, "processing")  # what came later through the same queue is through
    assert api.read_order(order)["status"] in ("pending_payment", "payment_review", "expired")


def test_webhooks_to_nobody(stack: dict[str, Any], api: Api, waiting: Json) -> None:
    body = json.dumps(event_of(waiting)).encode()
    signed = signature(stack["sandbox_webhook_secret"], body, time.time())
    refused(knock(api, body, signed, provider="nobody"), 404, "not_found")
    refused(
        api.http.send("POST", "/shops/nobody/webhooks/payments/sandbox", body, {**JSON, "X-Sandbox-Signature": signed}), 404, "not_found"
    )


# --- the staff's doors -------------------------------------------------------------------------------------------------------

WRONG_RESTOCKS: list[object] = [
    {},
    {"quantity": 0},
    {"quantity": -5},
    {"quantity": 1.5},
    {"quantity": True},
    {"quantity": "5"},
    {"quantity": 1, "x": 1},
]


@pytest.mark.parametrize("body", WRONG_RESTOCKS)
def test_wrong_restocks(api: Api, shelf: Shelf, body: object) -> None:
    refused(api.admin("POST", f"/inventory/{shelf.box}/restock", body, {"Idempotency-Key": new_key()}), 422, "validation_failed")


def test_a_restock_of_raw_1e30(api: Api, shelf: Shelf) -> None:
    headers = {**JSON, "Idempotency-Key": new_key(), "X-Api-Key": api.admin_key}
    path = api.shop_path(f"/admin/inventory/{shelf.box}/restock")
    refused(api.http.send("POST", path, b'{"quantity": 1e30}', headers), 422, "validation_failed")


WRONG_KEYS: list[object] = [{}, {"keys": []}, {"keys": "A"}, {"keys": [1]}, {"keys": [""]}, {"keys": ["A"], "x": 1}, {"keys": ["A\nB"]}]


@pytest.mark.parametrize("body", WRONG_KEYS)
def test_wrong_keys(api: Api, shelf: Shelf, body: object) -> None:
    refused(api.admin("POST", f"/keys/{shelf.licence}", body, {"Idempotency-Key": new_key()}), 422, "validation_failed")


def test_stock_of_what_is_not_sold(api: Api) -> None:
    key = {"Idempotency-Key": new_key()}
    refused(api.admin("GET", "/inventory/NEVER-SOLD"), 404, "not_found")
    refused(api.admin("POST", "/inventory/NEVER-SOLD/restock", {"quantity": 1}, key), 404, "not_found")
    refused(api.admin("POST", "/keys/NEVER-SOLD", {"keys": ["A"]}, key), 404, "not_found")


WRONG_PRODUCTS: dict[str, Json] = {
    "float money": {"price": {"amount": 19.99, "currency": "EUR"}},
    "negative money": {"price": {"amount": -1, "currency": "EUR"}},
    "no currency": {"price": {"amount": 1}},
    "other kind": {"kind": "liquid"},
    "other policy": {"on_shortage": "pray"},
    "no title": {"title": ""},
    "unknown member": {"stock": 5},
}


@pytest.mark.parametrize("change", WRONG_PRODUCTS.values(), ids=WRONG_PRODUCTS)
def test_wrong_products(api: Api, change: Json) -> None:
    good = {"title": "Thing", "kind": "physical", "price": {"amount": 1, "currency": "EUR"}, "on_shortage": "reject"}
    refused(api.admin("PUT", "/products/THING", {**good, **change}), 422, "validation_failed")


@pytest.mark.parametrize("action", [{}, {"action": "steal"}, {"action": 1}, {"action": "pay", "amount": 1}])
def test_wrong_actions_at_the_provider(api: Api, waiting: Json, action: Json) -> None:
    refused(api.call("POST", f"/sandbox/payments/{waiting['payment']['id']}/actions", action), 422, "validation_failed")


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "limit=-1", "cursor=nonsense"])
def test_wrong_pages(api: Api, query: str) -> None:
    answer = api.call("GET", api.shop_path(f"/products?{query}"))
    assert answer.status in (400, 422), answer
    refused(answer, answer.status, answer.code or "")
