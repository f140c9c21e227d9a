"""With a good token of one's own at somebody else's door: as if nothing were there, on every route of customers."""

from collections.abc import Iterator
from typing import Any

import pytest

from holdfast.platform.http import Route
from tests.unit.functions import world as worlds
from tests.unit.functions.api_gateway import request
from tests.unit.functions.asking import ROUTES, path_of
from tests.unit.functions.world import SESSION, SESSION_BOTH, SHOP, World

NOBODY = "01KAJVKP00000000000000000Z"
OF_CUSTOMERS = [(function, route) for function, route in ROUTES if set(route.security) & {"orderToken", "checkoutToken"}]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """Two shoppers, each with a session and an order."""
    with worlds.furnished() as made:
        for sample in ("place_order", "place_order_partial"):
            worlds.ok(made.play(f"storefront_http/{sample}"))
        yield made


def orders(world: World) -> list[str]:
    return sorted(item["id"] for item in world.items("orders") if item["sk"] == "ORDER")


def tokens(shop: str, session: str, order: str) -> dict[str, str]:
    mint = worlds.load("storefront_http").tokens.mint
    return {
        "X-Checkout-Token": mint("checkout", shop, session),
        "X-CSRF-Token": mint("csrf", shop, session),
        "X-Order-Token": mint("order", shop, order),
    }


def asked(world: World, function: str, route: Route, session: str, order: str, headers: dict[str, str]) -> dict[str, Any]:
    path = path_of(route, session=session, order=order)
    return world.call(function, request(route.method, route.path, path, body={}, headers={**headers, "Idempotency-Key": "key"}))


@pytest.mark.parametrize(
    ("function", "route"), OF_CUSTOMERS, ids=lambda given: f"{given.method} {given.path}" if isinstance(given, Route) else ""
)
def test_what_is_anothers_is_told_like_what_is_nobodys(world: World, function: str, route: Route) -> None:
    before = world.items("orders")
    first, second = orders(world)
    unknown = asked(
        world, function, route, "cks_01KAJVKP00000000000000000Z", "ord_01KAJVKP00000000000000000Z", tokens(SHOP, SESSION, first)
    )
    assert unknown["statusCode"] == 404
    kinds_mixed = {name: tokens(SHOP, second, SESSION)[name] for name in ("X-Checkout-Token", "X-Order-Token")}
    for headers in (
        tokens(SHOP, SESSION, first),  # another's
        tokens("other", SESSION_BOTH, second),  # the same ids in another shop
        kinds_mixed,  # the right ids, as tokens of another kind
        {**tokens(SHOP, SESSION, first), "X-Order-Token": tokens(SHOP, SESSION_BOTH, second)["X-Checkout-Token"]},
    ):
        answer = asked(world, function, route, SESSION_BOTH, second, headers)
        assert (answer["statusCode"], answer["body"]) == (404, unknown["body"])
    assert world.items("orders") == before


def test_the_owner_is_let_in(world: World) -> None:
    """The control: with these very tokens each door opens, or says why not."""
    _, second = orders(world)
    for function, route in OF_CUSTOMERS:
        if route.method == "GET":
            answer = asked(world, function, route, SESSION_BOTH, second, tokens(SHOP, SESSION_BOTH, second))
            assert answer["statusCode"] == 200, route.path
