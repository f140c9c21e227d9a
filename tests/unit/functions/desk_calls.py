"""Calls to the staff's stock routes, each held against the contract."""

from typing import Any

from tests.unit.functions import contract
from tests.unit.functions.api_gateway import request
from tests.unit.functions.asking import ask
from tests.unit.functions.world import KEYS, World, body, ok

INVENTORY = "/shops/{shop}/admin/inventory"
ONE = INVENTORY + "/{sku}"
Asked = tuple[int, str]


def post(world: World, path: str, sent: Any, *, sku: str = "box", scope: str = "operator", key: str = "k-1", **more: Any) -> dict[str, Any]:
    headers = {"X-Api-Key": KEYS[scope], "Idempotency-Key": key, **more.pop("headers", {})}
    parts = {"shop": "demo", **({"sku": sku} if "{sku}" in path else {}), **more.pop("at", {})}
    event = request("POST", path, parts, body=sent, headers=headers, **more)
    return contract.check(event, world.call("inventory_http", event))


def asked(answer: dict[str, Any]) -> Asked:
    return answer["statusCode"], (body(answer) or {}).get("code", "")


def csv(world: World, text: str | bytes, *, key: str = "k-1", **query: str) -> dict[str, Any]:
    return post(world, INVENTORY + "/bulk", text, key=key, headers={"Content-Type": "text/csv"}, query=query)


def patch(world: World, sent: Any, *, sku: str = "box", scope: str = "admin", **headers: str) -> Asked:
    given = {"X-Api-Key": KEYS[scope], **{name.replace("_", "-"): value for name, value in headers.items()}}
    return ask(world, "inventory_http", "PATCH", ONE, {"shop": "demo", "sku": sku}, body=sent, headers=given)


def show(world: World, sku: str = "box") -> dict[str, Any]:
    answer = world.http("inventory_http", "GET", ONE, shop="demo", sku=sku, headers={"X-Api-Key": KEYS["viewer"]})
    assert answer["headers"]["ETag"] == f'"{body(answer)["version"]}"'
    return dict(ok(answer))
