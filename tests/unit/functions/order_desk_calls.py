"""Asking about orders as staff do, and holding each answer against the contract."""

from typing import Any

from tests.unit.functions import contract
from tests.unit.functions.api_gateway import request
from tests.unit.functions.asking import ask
from tests.unit.functions.order_desk_cases import DESK, ORDER
from tests.unit.functions.world import KEYS, World, body

ORDERS = "/shops/{shop}/admin/orders"
ONE = ORDERS + "/{order}"


def get(world: World, query: dict[str, str] | None = None, *, path: str = ORDERS, shop: str = "demo", key: str = "viewer") -> Any:
    """The body of a success that keeps the contract."""
    event = request("GET", path, {"shop": shop}, query=query, headers={"X-Api-Key": key_of(key, shop)})
    answer = contract.check(event, world.call(DESK, event))
    assert answer["statusCode"] == 200, answer
    return body(answer)


def refused(world: World, method: str, where: str, sent: Any = None, *, scope: str = "operator", shop: str = "demo", **more: Any) -> Any:
    headers = {"X-Api-Key": key_of(scope, shop), **({"Idempotency-Key": "k-1"} if method == "POST" else {}), **more.pop("headers", {})}
    parts = {"shop": shop, **({"order": more.pop("order", ORDER)} if "{order}" in where else {}), **more.pop("path", {})}
    return ask(world, DESK, method, where, parts, body=sent, headers=headers, **more)


def key_of(scope: str, shop: str) -> str:
    return KEYS[scope] if shop == "demo" else f"{KEYS[scope]}-of-{shop}"


def get_text(world: World, query: dict[str, str], shop: str = "demo") -> str:
    event = request("GET", ORDERS + "/export", {"shop": shop}, query=query, headers={"X-Api-Key": key_of("viewer", shop)})
    return str(contract.check(event, world.call(DESK, event))["body"])
