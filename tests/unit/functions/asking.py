"""Asking the real routes, and holding each answer against the contract."""

from typing import Any

from holdfast.platform.http import Route
from tests.unit.functions import contract
from tests.unit.functions.api_gateway import request
from tests.unit.functions.world import FUNCTIONS, SESSION, World, body, load, sample

CHECKOUT = "/shops/{shop}/checkout-sessions"
PLACE = CHECKOUT + "/{session}/place-order"
ORDER = "/shops/{shop}/orders/{order}"
ROUTES = [(function, route) for function in FUNCTIONS if hasattr(load(function), "api") for route in load(function).api.routes]
OF_SHOPS = [(function, route) for function, route in ROUTES if "{shop}" in route.path]


def path_of(route: Route, **given: str) -> dict[str, str]:
    samples = {
        "shop": "demo",
        "sku": "licence",
        "session": SESSION,
        "order": "ord_1",
        "lock": "lck_1",
        "provider": "sandbox",
        "payment": "pay_1",
        "job": "blk_1",
        "return": "ret_1",
        "endpoint": "whe_1",
        "delivery": "dlv_1",
        "run": "run_1",
        "webhook": "evt_1",
        "customer": "b5fc85e55755f9e0",
        "notification": "ntf_1",
        "kind": "completed",
    }
    names = [part[1:-1] for part in route.path.split("/") if part.startswith("{")]
    return {name: given.get(name, samples[name]) for name in names}


def ask(world: World, function: str, method: str, resource: str, path: dict[str, str], **options: Any) -> tuple[int, str]:
    """Status and code, of an answer that keeps the contract."""
    event = request(method, resource, path, **options)
    answer = contract.check(event, world.call(function, event))
    return answer["statusCode"], (body(answer) or {}).get("code", "")


def start(world: World, sent: Any, shop: str = "demo", **headers: str) -> tuple[int, str]:
    return ask(world, "storefront_http", "POST", CHECKOUT, {"shop": shop}, body=sent, headers=headers)


def place(world: World, sent: Any = None, session: str = SESSION, shop: str = "demo", **changed: str | None) -> tuple[int, str]:
    """place-order as the sample has it, with headers changed, or left out where None."""
    given = {name.lower(): value for name, value in sample("storefront_http/place_order")["headers"].items()}
    given |= {name.replace("_", "-"): value for name, value in changed.items()}
    headers = {name: value for name, value in given.items() if value is not None}
    sent = {"payment": {"provider": "sandbox"}} if sent is None else sent
    return ask(world, "storefront_http", "POST", PLACE, {"shop": shop, "session": session}, body=sent, headers=headers)
