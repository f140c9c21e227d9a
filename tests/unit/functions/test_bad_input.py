"""Bad input through the real routes: a typed 4xx of the contract, nothing changed, never a 500."""

from collections.abc import Iterator
from typing import Any

import pytest

from holdfast.kernel.money import MAX_AMOUNT
from holdfast.platform.http import Route
from tests.unit.functions import contract
from tests.unit.functions import world as worlds
from tests.unit.functions.api_gateway import request
from tests.unit.functions.asking import OF_SHOPS, ROUTES, ask, path_of, place, start
from tests.unit.functions.world import KEYS, ORIGIN, World


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """One for all: nothing here may change it."""
    with worlds.furnished() as made:
        before = everything(made)
        yield made
        after = everything(made)
        assert {name: [item for item in after[name] if item not in before[name]] for name in before} == {name: [] for name in before}
        assert after == before


def everything(world: World) -> dict[str, Any]:
    """But for the count of changes of a level: what was taken and given back at once is no change."""
    kept = {
        table: [{**item, "ver": 0} for item in world.items(table)]
        for table in ("catalogue", "stock", "locks", "payments", "fulfilment", "tenants")
    }
    return {**kept, "orders": [item for item in world.items("orders") if item["sk"] != "IDEM"]}


@pytest.mark.parametrize("quantity", [0, -1, 0.5, 1e30, True, "1", None, [], 1001, 10**30])
def test_quantities(world: World, quantity: Any) -> None:
    assert start(world, {"lines": [{"sku": "box", "quantity": quantity}]}) == (422, "validation_failed")


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_json_does_not_have(world: World, text: str) -> None:
    assert start(world, f'{{"lines": [{{"sku": "box", "quantity": {text}}}]}}') == (400, "malformed_json")


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({"lines": []}, (422, "validation_failed")),
        ({}, (422, "validation_failed")),
        ([], (422, "validation_failed")),
        ({"lines": [{"sku": "box", "quantity": 1, "price": 1}]}, (422, "validation_failed")),
        ({"lines": [{"sku": "box", "quantity": 1}], "total": 1}, (422, "validation_failed")),
        ({"lines": [{"sku": "bo#x", "quantity": 1}]}, (422, "validation_failed")),
        ({"lines": [{"sku": "b\u043ex", "quantity": 1}]}, (422, "unknown_sku")),
        ({"lines": [{"sku": "box", "quantity": 1}], "email": "a@b.de\r\nBcc: x@y.de"}, (422, "validation_failed")),
        ({"lines": [{"sku": "box", "quantity": 1}], "email": "not an address"}, (422, "validation_failed")),
        ({"lines": [{"sku": "box", "quantity": 1}], "email": "\u0430da@example.com"}, (422, "validation_failed")),
        ({"lines": [{"sku": "nothing", "quantity": 1}]}, (422, "unknown_sku")),
        ({"lines": [{"sku": "box", "quantity": 600}, {"sku": "box", "quantity": 600}]}, (422, "quantity_above_maximum")),
        ({"lines": [{"sku": "box", "quantity": 1}] * 51}, (422, "too_many_lines")),
        ({"lines": [{"sku": "box", "quantity": 1}] * 5_000}, (422, "too_many_lines")),
        ({"lines": [{"sku": "box", "quantity": 1}] * 10_000}, (413, "body_too_large")),
        ({"lines": [{"sku": "box", "quantity": 1}], "note": "x" * 1024 * 1024}, (413, "body_too_large")),
    ],
    ids=lambda value: str(value)[:60],
)
def test_carts(world: World, sent: Any, expected: tuple[int, str]) -> None:
    if expected == (422, "unknown_sku") and "\u043e" in str(sent):
        expected = (422, "validation_failed")  # a letter that only looks like one of ours
    assert start(world, sent) == expected


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"x_checkout_token": None}, (401, "checkout_token_missing")),
        ({"x_checkout_token": ""}, (404, "not_found")),
        ({"x_checkout_token": "x" * 43}, (404, "not_found")),
        ({"x_checkout_token": "\ud800"}, (404, "not_found")),
        ({"x_csrf_token": None}, (403, "csrf_token_invalid")),
        ({"x_csrf_token": "x" * 43}, (403, "csrf_token_invalid")),
        ({"idempotency_key": None}, (400, "idempotency_key_missing")),
        ({"idempotency_key": ""}, (400, "idempotency_key_invalid")),
        ({"idempotency_key": "ключ"}, (400, "idempotency_key_invalid")),
        ({"idempotency_key": "x" * 256}, (400, "idempotency_key_invalid")),
        ({"content_type": "text/plain"}, (415, "unsupported_media_type")),
        ({"content_type": ""}, (415, "unsupported_media_type")),
        ({"session": "cks_01KAJVKP0000000000000000ZZ"}, (404, "not_found")),
        ({"session": "cks_\u00e9"}, (404, "not_found")),
        ({"shop": "other"}, (404, "not_found")),
        ({"shop": "nobody"}, (404, "not_found")),
        ({"sent": {"payment": {"provider": "paypal"}}}, (422, "provider_not_offered")),
        ({"sent": {"payment": {"provider": "../x"}}}, (422, "validation_failed")),
        ({"sent": {"payment": {"provider": "sandbox"}, "accept_partial": "yes"}}, (422, "validation_failed")),
        ({"sent": {"payment": {"provider": "sandbox"}, "total": {"amount": 1}}}, (422, "validation_failed")),
        ({"sent": {}}, (422, "validation_failed")),
        ({"sent": ""}, (400, "malformed_json")),
    ],
    ids=str,
)
def test_place_order(world: World, changed: dict[str, Any], expected: tuple[int, str]) -> None:
    assert place(world, **changed) == expected


@pytest.mark.parametrize("sku", ["x" * 65, ".hidden", "-dash", "_under"])
def test_a_product_under_an_impossible_sku(world: World, sku: str) -> None:
    product = {"title": "A", "kind": "physical", "price": {"amount": 1, "currency": "EUR"}}
    path, headers = {"shop": "demo", "sku": sku}, {"X-Api-Key": KEYS["admin"]}
    resource = "/shops/{shop}/admin/products/{sku}"
    assert ask(world, "admin_http", "PUT", resource, path, body=product, headers=headers) == (422, "sku_invalid")
    assert ask(world, "admin_http", "GET", resource, path, headers=headers) == (404, "not_found")


@pytest.mark.parametrize("amount", [-1, 0.5, 1e3, "1", True, MAX_AMOUNT + 1])
def test_prices(world: World, amount: Any) -> None:
    product = {"sku": "a", "title": "A", "kind": "physical", "price": {"amount": amount, "currency": "EUR"}}
    headers = {"X-Api-Key": KEYS["admin"]}
    asked = ask(world, "admin_http", "POST", "/shops/{shop}/admin/products", {"shop": "demo"}, body=product, headers=headers)
    assert asked == (422, "validation_failed")


@pytest.mark.parametrize("tag", ["3", '"x"', '"1", "2"', '"-1"', '"٣"', '"' + "9" * 20 + '"', "W/", ""])
def test_if_match_takes_what_was_answered(world: World, tag: str) -> None:
    product = {"title": "A", "kind": "physical", "price": {"amount": 1, "currency": "EUR"}}
    headers = {"X-Api-Key": KEYS["admin"], "If-Match": tag}
    path = {"shop": "demo", "sku": "box"}
    status, code = ask(world, "admin_http", "PUT", "/shops/{shop}/admin/products/{sku}", path, body=product, headers=headers)
    assert (status, code) in {(400, "if_match_invalid"), (412, "precondition_failed")}


@pytest.mark.parametrize("cursor", ["x", "x.y", "", "e30.AAAA", "é.é", "\ud800", "x" * 2001])
@pytest.mark.parametrize(
    ("function", "resource"), [("admin_http", "products"), ("orders_admin_http", "orders"), ("inventory_http", "holds")]
)
def test_cursors_are_only_those_that_were_given_out(world: World, function: str, resource: str, cursor: str) -> None:
    path, headers = {"shop": "demo"}, {"X-Api-Key": KEYS["viewer"]}
    asked = ask(world, function, "GET", f"/shops/{{shop}}/admin/{resource}", path, headers=headers, query={"cursor": cursor})
    assert asked in {(400, "cursor_invalid"), (422, "validation_failed")}


@pytest.mark.parametrize(
    ("function", "route"), OF_SHOPS, ids=lambda given: f"{given.method} {given.path}" if isinstance(given, Route) else ""
)
def test_foreign_and_unknown_shops_get_the_same_404(world: World, function: str, route: Route) -> None:
    answers = [world.call(function, request(route.method, route.path, path_of(route, shop=shop), body={})) for shop in ("nobody", "n#b")]
    assert [answer["statusCode"] for answer in answers] == [404, 404]
    assert answers[0]["body"] == answers[1]["body"]


@pytest.mark.parametrize(
    ("function", "route"), ROUTES, ids=lambda given: f"{given.method} {given.path}" if isinstance(given, Route) else ""
)
def test_each_route_refuses_another_method_and_answers_preflights(world: World, function: str, route: Route) -> None:
    allowed = sorted(other.method for _, other in ROUTES if other.path == route.path)
    other = next(method for method in ("PATCH", "PUT", "DELETE") if method not in allowed)
    refused = world.call(function, request(other, route.path, path_of(route)))
    assert (refused["statusCode"], refused["headers"]["Allow"]) == (405, ", ".join(allowed))
    contract.problem(refused)
    asked = world.call(function, request("OPTIONS", route.path, path_of(route), headers={"Origin": ORIGIN}))
    assert asked["statusCode"] == 204
    assert ("Access-Control-Allow-Origin" in asked["headers"]) is ("{shop}" in route.path)


GUARDED = [(function, route) for function, route in ROUTES if set(route.security) & {"apiKey", "orderToken", "checkoutToken"}]


@pytest.mark.parametrize(
    ("function", "route"), GUARDED, ids=lambda given: f"{given.method} {given.path}" if isinstance(given, Route) else ""
)
@pytest.mark.parametrize("token", [None, "", "x" * 43, "\ud800", "a" * 10_000])
def test_no_route_opens_without_its_token(world: World, function: str, route: Route, token: str | None) -> None:
    names = ("X-Api-Key", "X-Order-Token", "X-Checkout-Token")
    headers = {} if token is None else dict.fromkeys(names, token)
    status, _ = ask(world, function, route.method, route.path, path_of(route), body={}, headers=headers)
    assert status in ({401} if token is None or "apiKey" in route.security else {404})


def test_a_key_of_another_shop_is_no_key(world: World) -> None:
    headers = {"X-Api-Key": KEYS["admin"] + "-of-other"}
    assert ask(world, "orders_admin_http", "GET", "/shops/{shop}/admin/orders", {"shop": "demo"}, headers=headers) == (
        401,
        "api_key_invalid",
    )


@pytest.mark.parametrize(
    ("function", "route"), ROUTES, ids=lambda given: f"{given.method} {given.path}" if isinstance(given, Route) else ""
)
def test_a_scope_may_do_what_it_is_for(world: World, function: str, route: Route) -> None:
    """A viewer reads and changes nothing; who may not is told so before anything is read."""
    if "apiKey" not in route.security or route.method == "GET":
        return
    status, code = ask(world, function, route.method, route.path, path_of(route), body={}, headers={"X-Api-Key": KEYS["viewer"]})
    assert (status, code) == (403, "scope_missing")


@pytest.mark.parametrize(
    "signature", [None, "", "t=1", "t=1,v1=", "t=x,v1=y", "t=²,v1=y", "v1=y", "t=99999999999999,v1=y", "\ud800", "t=1795262400,v1=\ud800"]
)
def test_signatures(world: World, signature: str | None) -> None:
    headers = {} if signature is None else {"X-Sandbox-Signature": signature}
    path = {"shop": "demo", "provider": "sandbox"}
    resource = "/shops/{shop}/webhooks/payments/{provider}"
    assert ask(world, "payments_webhook", "POST", resource, path, body="{}", headers=headers) == (401, "signature_invalid")
