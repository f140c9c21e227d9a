"""How many calls of the data store a shopper waits for, one after the other, on the real routes of a warm worker."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.unit.functions import world as worlds
from tests.unit.functions.world import SESSION, SHOP, World, ok

Call = tuple[str, str]
PROVIDER = "payments"
"""The sandbox's own book: it stands for a provider outside."""
OWN_RECORDS = "orders"
"""Where sessions lie, and the orders, whose ids come from the Idempotency-Key."""


@pytest.fixture
def world() -> Iterator[World]:
    with worlds.furnished() as found:
        yield found


@contextmanager
def watched(function: str) -> Iterator[list[Call]]:
    """Each call of DynamoDB, with the table, in the order in which they were sent."""
    calls: list[Call] = []
    events = worlds.load(function).client.meta.events

    def note(params: dict[str, Any], model: Any, **_: Any) -> None:
        calls.append((model.name, params.get("TableName") or "+".join(params.get("RequestItems", {"several": None}))))

    events.register("provide-client-params.dynamodb", note, unique_id="watched")
    try:
        yield calls
    finally:
        events.unregister("provide-client-params.dynamodb", unique_id="watched")


def place(world: World, session: str, key: str) -> Any:
    app = worlds.load("storefront_http")
    headers = {
        "Idempotency-Key": key,
        "X-Checkout-Token": app.tokens.mint("checkout", SHOP, session),
        "X-CSRF-Token": app.tokens.mint("csrf", SHOP, session),
    }
    path = "/shops/{shop}/checkout-sessions/{session}/place-order"
    return world.http(
        "storefront_http", "POST", path, shop=SHOP, session=session, body={"payment": {"provider": "sandbox"}}, headers=headers
    )


def beyond(calls: list[Call]) -> list[Call]:
    """Beside the session's read and the order's own write, which is what makes the request idempotent; and the provider's."""
    return [call for call in calls if call[1] not in {OWN_RECORDS, PROVIDER}]


def test_place_order_waits_for_the_intent_and_for_the_units(world: World) -> None:
    world.session("cks_01KAJVKP000000000000000009", box=1)
    ok(place(world, "cks_01KAJVKP000000000000000009", "warm"))
    with watched("storefront_http") as calls:
        ok(place(world, SESSION, "first"))
    assert calls == [
        ("BatchGetItem", "orders"),  # the session, and an order that this key made before
        ("PutItem", "locks"),  # the intent
        ("UpdateItem", "stock"),  # the units
        ("PutItem", "payments"),  # at the provider
        ("PutItem", "orders"),  # the order, unless it is there
    ]
    assert len(beyond(calls)) == 2


def test_a_repeated_request_is_one_read(world: World) -> None:
    ok(place(world, SESSION, "first"))
    with watched("storefront_http") as calls:
        ok(place(world, SESSION, "first"))
    assert calls == [("BatchGetItem", "orders")]


def test_more_calls_would_be_seen(world: World) -> None:
    """The control: a limit per customer is a pool of its own, and its first use is asked for in vain, made, and asked for again."""
    path = {"shop": SHOP, "sku": "box"}
    body = {"title": "Box", "kind": "physical", "price": {"amount": 4900, "currency": "EUR"}, "max_per_customer": 3}
    ok(
        world.http(
            "admin_http", "PUT", "/shops/{shop}/admin/products/{sku}", **path, body=body, headers={"X-Api-Key": worlds.KEYS["admin"]}
        )
    )
    world.session("cks_01KAJVKP000000000000000009", box=1)
    with watched("storefront_http") as calls:
        ok(place(world, "cks_01KAJVKP000000000000000009", "first"))
    assert len(beyond(calls)) > 2


def test_a_session_is_two_reads_and_a_write(world: World) -> None:
    body = {"lines": [{"sku": "licence", "quantity": 1}, {"sku": "box", "quantity": 1}]}
    ok(world.http("storefront_http", "POST", "/shops/{shop}/checkout-sessions", shop=SHOP, body=body))
    with watched("storefront_http") as calls:
        ok(world.http("storefront_http", "POST", "/shops/{shop}/checkout-sessions", shop=SHOP, body=body))
    assert calls == [("BatchGetItem", "catalogue"), ("BatchGetItem", "stock"), ("PutItem", "orders")]


def test_a_cart_is_two_reads(world: World) -> None:
    body = {"lines": [{"sku": sku, "quantity": 1} for sku in ("licence", "box", "last")], "fix": True}
    ok(world.http("storefront_http", "POST", "/shops/{shop}/cart/validate", shop=SHOP, body=body))
    with watched("storefront_http") as calls:
        ok(world.http("storefront_http", "POST", "/shops/{shop}/cart/validate", shop=SHOP, body=body))
    assert calls == [("BatchGetItem", "catalogue"), ("BatchGetItem", "stock")]
