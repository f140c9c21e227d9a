"""What a refused or repeated request leaves behind, and how the contract tells of it."""

import json

import pytest

from holdfast.kernel.money import MAX_AMOUNT
from tests.unit.functions import contract
from tests.unit.functions import world as worlds
from tests.unit.functions.api_gateway import request
from tests.unit.functions.asking import CHECKOUT, ORDER, ask, place, start
from tests.unit.functions.world import KEYS, World, body, sample


def test_the_same_sku_twice_is_summed_before_the_check(world: World) -> None:
    sent = {"lines": [{"sku": "box", "quantity": 3}, {"sku": "box", "quantity": 3}]}
    event = request("POST", CHECKOUT, {"shop": "demo"}, body=sent)
    session = worlds.ok(world.call("storefront_http", event))
    tokens = {"x_checkout_token": session["checkout_token"], "x_csrf_token": session["csrf_token"]}
    assert place(world, session=session["id"], **tokens) == (409, "insufficient_stock")
    assert [(item["avail"], item["lk"]) for item in world.items("stock") if item["pk"] == "demo#box#0"] == [(5, {})]


def test_a_total_beyond_all_money(world: World) -> None:
    world.product("island", units=5, amount=MAX_AMOUNT)
    assert start(world, {"lines": [{"sku": "island", "quantity": 1}]})[0] == 201
    assert start(world, {"lines": [{"sku": "island", "quantity": 2}]}) == (422, "total_too_large")
    assert start(world, {"lines": [{"sku": "island", "quantity": 1}, {"sku": "box", "quantity": 1}]}) == (422, "total_too_large")


def test_the_same_key_with_another_body(world: World) -> None:
    assert place(world)[0] == 201
    assert place(world, {"payment": {"provider": "sandbox"}, "accept_partial": True}) == (422, "idempotency_key_reused")


def test_a_second_try_under_a_new_key_replaces_the_hold(world: World) -> None:
    assert place(world)[0] == 201
    assert place(world, idempotency_key="order-0009")[0] == 201
    assert [(level["avail"], len(level["lk"])) for level in world.items("stock") if level["pk"] == "demo#licence#0"] == [(1, 1)]


def test_replays_are_told(world: World) -> None:
    first, again = world.play("storefront_http/place_order"), world.play("storefront_http/place_order")
    assert (again["statusCode"], again["body"]) == (201, first["body"])
    assert ("Idempotent-Replayed" in first["headers"], again["headers"]["Idempotent-Replayed"]) == (False, "true")
    assert again["headers"]["ETag"] == first["headers"]["ETag"]


def test_a_hold_that_ended_cannot_be_extended(world: World) -> None:
    for name in ("storefront_http/place_order", "orders_http/cancel_order"):
        worlds.ok(world.play(name))
    event = sample("orders_http/extend_hold")
    answer = contract.check(event, world.call("orders_http", event))
    assert (answer["statusCode"], body(answer)["code"], body(answer)["order_status"]) == (409, "hold_expired", "cancelled")


def test_what_cannot_be_cancelled_says_why(world: World) -> None:
    for name in ("storefront_http/place_order", "payments_sandbox/pay", "orders_http/confirm_payment"):
        worlds.ok(world.play(name))
    world.play("fulfilment_inbox/order_paid")
    event = sample("orders_http/cancel_order")
    answer = contract.check(event, world.call("orders_http", event))
    assert (answer["statusCode"], body(answer)["code"], body(answer)["order_status"]) == (409, "order_not_cancellable", "completed")


def test_what_the_provider_cannot_do(world: World) -> None:
    worlds.ok(world.play("storefront_http/place_order"))
    worlds.ok(world.play("payments_sandbox/expire"))
    event = sample("payments_sandbox/refund")
    answer = contract.check(event, world.call("payments_sandbox", event))
    assert (answer["statusCode"], body(answer)["payment_status"]) == (409, "expired")


def test_a_cursor_opens_its_own_list_only(world: World) -> None:
    headers, page = {"X-Api-Key": KEYS["viewer"]}, {"limit": "1"}
    seen = worlds.ok(world.http("admin_http", "GET", "/shops/{shop}/admin/products", shop="demo", headers=headers, query=page))
    cursor = {"cursor": seen["next"]}
    again = worlds.ok(world.http("admin_http", "GET", "/shops/{shop}/admin/products", shop="demo", headers=headers, query=cursor))
    assert [item["sku"] for item in seen["items"] + again["items"]] == ["box", "last", "licence"]
    foreign = {"X-Api-Key": KEYS["viewer"] + "-of-other"}
    lists = ("orders_admin", "demo", "orders", headers), ("inventory", "demo", "holds", headers), ("admin", "other", "products", foreign)
    for function, shop, resource, key in lists:
        path = f"/shops/{{shop}}/admin/{resource}"
        assert ask(world, f"{function}_http", "GET", path, {"shop": shop}, headers=key, query=cursor) == (400, "cursor_invalid")


def test_an_order_token_opens_its_own_order_only(world: World) -> None:
    placed = worlds.ok(world.play("storefront_http/place_order"))
    partial = worlds.ok(world.play("storefront_http/place_order_partial"))
    for method, last in (
        ("GET", ""),
        ("GET", "/events"),
        ("GET", "/keys"),
        ("POST", "/cancel"),
        ("POST", "/hold/extend"),
        ("POST", "/payment-confirmation"),
        ("POST", "/refund"),
        ("POST", "/returns"),
    ):
        headers = {"X-Order-Token": partial["order_token"], "Idempotency-Key": "k"}
        path = {"shop": "demo", "order": placed["id"]}
        assert ask(world, "orders_http", method, ORDER + last, path, body={}, headers=headers) == (404, "not_found")


def test_an_item_that_cannot_be_read_is_a_500_without_its_content(world: World, caplog: pytest.LogCaptureFixture) -> None:
    placed = worlds.ok(world.play("storefront_http/place_order"))
    (item,) = [item for item in world.items("orders") if item["sk"] == "ORDER"]
    world.put("orders", {**item, "placed_until": {"who": "ada@example.com"}})
    event = sample("orders_http/show_order")
    answer = world.call("orders_http", event)
    assert (answer["statusCode"], contract.problem(answer)["code"]) == (500, "internal_error")
    assert "ada@example.com" not in json.dumps(answer) + caplog.text
    assert "ValidationError" in caplog.text
    assert placed["id"] in event["path"]


@pytest.mark.parametrize("email", ["o'brien+shop@example.co.uk", "a@b.de", "x" * 64 + "@example.com"])
def test_addresses_that_mail_goes_to(world: World, email: str) -> None:
    assert start(world, {"lines": [{"sku": "box", "quantity": 1}], "email": email})[0] == 201
