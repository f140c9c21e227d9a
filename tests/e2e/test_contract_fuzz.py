"""Whatever is sent to whatever route of the contract: no 5xx, and no answer that docs/catalogue/openapi.json does not document.

Status, media type, headers and body of every answer are held against the document by schemathesis. The routes are read from the
document: a new one is tried without a word here. A seed repeats what is drawn (ids, and so the answers, are new in each run):

    python3 infra/dev.py test tests/e2e/test_contract_fuzz.py --hypothesis-seed=1
"""

import copy
import json
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from random import Random
from typing import Any

import pytest
import requests
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.schemas import APIOperation

from holdfast.platform.tokens import Tokens
from infra.local.aws import client
from infra.local.client import new_key
from infra.local.progress import say
from infra.local.seed import command
from infra.local.story import World
from infra.openapi import TARGET as CONTRACT
from tests.e2e.conftest import demand_proved
from tests.e2e.fuzz_run import ANSWER_SECONDS, LEAST, Fuzz, loaded
from tests.e2e.fuzzing import Shelf, links_of, names_in, schemes_of

# Hypothesis describes what it drew last, the whole document with it.
pytestmark = [pytest.mark.stack, pytest.mark.filterwarnings("ignore:Generating overly large repr")]

SEED = 1
REQUESTS = 1_500
"""Drawn over all routes, however many there are."""
JOURNEYS, STEPS = 40, 8
SECONDS = 110.0
"""For all of it, a fifth of it for journeys. Where that is too short fewer requests are sent, and it says how many."""

CERTAIN = 4
"""Requests of a route that ought to be granted, before any is drawn."""

LEFT_OUT: dict[str, str] = {}
"""Route -> why it is not tried."""
HANDED_OVER = "goods come back that were handed over, and no parcel is driven here"
NEVER_GRANTED = {
    "POST /shops/{shop}/orders/{order}/returns": HANDED_OVER,
    "POST /shops/{shop}/admin/orders/{order}/returns": HANDED_OVER,
    "POST /shops/{shop}/admin/orders/{order}/returns/{return}/receive": HANDED_OVER,
    "POST /shops/{shop}/admin/orders/{order}/payment-review": "no payment of another amount is made here",
}
"""Routes that refuse all that is sent here, and why."""

DOCUMENT: dict[str, Any] = json.loads(CONTRACT.read_text("utf-8"))
ROUTES = [f"{method.upper()} {path}" for path, methods in DOCUMENT["paths"].items() for method in methods]
LAST = ("DELETE ", "/settings", "/cancel")
TRIED = sorted(set(ROUTES) - set(LEFT_OUT), key=lambda route: ([word in route for word in LAST], route.count("{"), ROUTES.index(route)))
"""Collections before what is in them; what takes away, or makes another shop of it, comes last."""
CHECKOUT = "POST /shops/{shop}/checkout-sessions"
KINDS = ["shown"] * 4 + ["fits"] * 3 + ["does not fit"] * 3


def drawn(data: st.DataObject, operation: APIOperation, shelf: Shelf) -> Case:
    """A request of the contract's examples, one that fits it, or one that does not; not yet filled."""
    kind = data.draw(st.sampled_from(KINDS))
    case: Case = data.draw(operation.as_strategy(GenerationMode.NEGATIVE if kind == "does not fit" else GenerationMode.POSITIVE))
    return shelf.exemplify(case) if kind == "shown" else case


def journey(data: st.DataObject, fuzz: Fuzz) -> list[Case]:
    """Requests along the contract's links, from one that makes something; a provider may knock at any time."""
    ways = {route: links_of(operation) for route, operation in fuzz.operations.items()}
    starts = [route for route in ways if route.startswith("POST") and ways[route]]
    reached = {route for route, operation in fuzz.operations.items() if "providerSignature" in schemes_of(operation)}
    here = [data.draw(st.sampled_from([CHECKOUT] * len(starts) + starts))]
    while len(here) < STEPS:
        reached |= ways[here[-1]].keys()
        here.append(data.draw(st.sampled_from(sorted(reached))))
    return [drawn(data, fuzz.operations[route], fuzz.shelf) for route in here]


@pytest.fixture(scope="module")
def fuzz(stack: dict[str, Any], pytestconfig: pytest.Config) -> Iterator[Fuzz]:
    """A shop of its own: what is drawn changes everything that a shop has."""
    seed = int(pytestconfig.getoption("--hypothesis-seed") or SEED)
    shop, foreign = f"fuzz-{new_key()[:8]}", f"foreign-{new_key()[:8]}"
    keys = {scope: opened(stack, shop, scope) for scope in ("viewer", "operator", "admin")}
    world = World.of({**stack, "shop": shop, "admin_key": keys["admin"]})
    for name, units in (("delivered", 500), ("owed", 0)):
        world.put_digital(name, units)
    world.put_physical("parcel", 500)
    boxes = [world.put_physical(name, units) for name, units in (("box", 500), ("lamp", 500), ("last", 1))]
    shelf = Shelf(
        shop=shop,
        foreign_shop=foreign,
        api_keys=keys,
        foreign_key=opened(stack, foreign, "admin"),
        secret=stack["sandbox_webhook_secret"],
        tokens=Tokens(lambda: token_secret(stack)),
        skus=[world.put_digital("licence", 300), *boxes],
        paths=tuple(DOCUMENT["paths"]),
        random=Random(seed),
    )
    with requests.Session() as session:
        session.trust_env = False
        api = f"{stack['emulator_url']}/_aws/execute-api/{stack['api_id']}/v1"
        made = Fuzz(shelf, world, api, seed, session, loaded(DOCUMENT))
        yield made
    tell(made, pytestconfig)
    demand_proved(world)
    world.close()


@cache
def _token_secret(endpoint: str, function: str) -> str:
    about = client("lambda", endpoint).get_function_configuration(FunctionName=function)
    arn = about["Environment"]["Variables"]["TOKEN_SECRET_ARN"]
    return str(client("secretsmanager", endpoint).get_secret_value(SecretId=arn)["SecretString"])


def token_secret(stack: dict[str, Any]) -> str:
    """With which the deployed stack signs the links of its mails."""
    return _token_secret(stack["emulator_url"], stack["functions"]["notifications_http"])


def opened(stack: dict[str, Any], shop: str, scope: str) -> str:
    """A key of the shop, which is made if need be."""

    def ask(**event: Any) -> dict[str, Any]:
        return command(stack["emulator_url"], stack["functions"]["operations_command"], event)

    ask(command="create_shop", shop=shop, name="Fuzz", currency="EUR")
    return str(ask(command="create_api_key", shop=shop, scopes=[scope], label=scope)["api_key"])


def tell(fuzz: Fuzz, config: pytest.Config) -> None:
    sent, late = sum(map(Counter.total, fuzz.seen.values())), f", no time for {fuzz.unsent} more" if fuzz.unsent else ""
    with config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():  # type: ignore[union-attr]
        say(f"\n{sent} requests to {len(fuzz.seen)} routes with seed {fuzz.seed}, {fuzz.spent:.0f} s{late}")


def test_journeys_along_the_links_keep_the_contract(fuzz: Fuzz) -> None:
    """Session, order, payment, webhook, cancel, in any order: what one answers, the next is about."""
    with fuzz.trial():
        fuzz.draw(JOURNEYS, SECONDS / 5, lambda data: journey(data, fuzz))


@pytest.mark.parametrize("route", TRIED)
def test_a_route_keeps_its_contract(fuzz: Fuzz, route: str) -> None:
    """Each has an equal part of the time that the others left."""
    seconds = max(0.0, SECONDS - fuzz.spent) / (len(TRIED) - TRIED.index(route))
    with fuzz.trial():
        if seconds:
            fuzz.somebody_buys()
        fuzz.knock(route, CERTAIN if seconds else 1)
        fuzz.draw(max(LEAST, REQUESTS // len(TRIED)), seconds, lambda data: [drawn(data, fuzz.operations[route], fuzz.shelf)])
        if not fuzz.granted(route):
            fuzz.bought = 0.0
            fuzz.somebody_buys()
            fuzz.knock(route, 2 * CERTAIN)


def test_a_method_that_a_path_lacks(fuzz: Fuzz) -> None:
    """405 and which there are; never the gateway's own word."""
    for path, methods in DOCUMENT["paths"].items():
        other = next(method for method in ("PATCH", "PUT", "DELETE") if method.lower() not in methods)
        operation = fuzz.operations[next(route for route in ROUTES if route.endswith(f" {path}"))]
        case = fuzz.shelf.fill(operation.Case(path_parameters=dict.fromkeys(names_in(path), "x")))
        answer = fuzz.session.request(other, fuzz.base_url + case.formatted_path, timeout=ANSWER_SECONDS)
        assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed"), f"{other} {path}: {answer.text}"
        assert {method.upper() for method in methods} == set(answer.headers["Allow"].split(", "))


def test_every_route_was_granted_something(fuzz: Fuzz) -> None:
    """Who is only refused has not been tried: behind each door somebody has been."""
    refused = {route: dict(seen) for route, seen in fuzz.seen.items() if route not in NEVER_GRANTED and not fuzz.granted(route)}
    if refused and fuzz.unsent:
        pytest.skip(f"there was no time for {fuzz.unsent} requests; only refused: {refused}")
    assert refused == {}


# --- does it notice? ---------------------------------------------------------------------------------------------------------

Change = Callable[[dict[str, Any]], None]
PRODUCT, LIVE = "GET /shops/{shop}/products/{sku}", "GET /health/live"


@pytest.fixture
def doctored(fuzz: Fuzz, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Change], set[str]]:
    """What is found wrong with one true answer, when the document is another."""

    def found(route: str, change: Change) -> set[str]:
        document = copy.deepcopy(DOCUMENT)
        change(document)
        case = loaded(document)[route].Case(path_parameters={"shop": fuzz.shelf.shop, "sku": "NEVER-SOLD"})
        monkeypatch.setattr(fuzz, "wrong", {})
        fuzz.send(case)
        return {name.removeprefix(f"{route}: ") for name in fuzz.wrong}

    return found


def responses(document: dict[str, Any], route: str) -> dict[str, Any]:
    method, _, path = route.partition(" ")
    found: dict[str, Any] = document["paths"][path][method.lower()]["responses"]
    return found


@pytest.mark.parametrize("route", [PRODUCT, LIVE])
def test_the_true_document_agrees(doctored: Any, route: str) -> None:
    assert doctored(route, lambda document: None) == set()


def test_an_undocumented_status_is_noticed(doctored: Any) -> None:
    assert doctored(PRODUCT, lambda document: responses(document, PRODUCT).pop("404")) == {"Undocumented status code"}


def test_an_undocumented_code_is_noticed(doctored: Any) -> None:
    def change(document: dict[str, Any]) -> None:
        content = document["components"]["responses"]["not_found"]["content"]["application/problem+json"]
        content["schema"]["properties"] = {"code": {"enum": ["gone"]}}

    assert doctored(PRODUCT, change) == {"Response violates schema"}


def test_another_body_header_or_media_type_is_noticed(doctored: Any) -> None:
    def body(document: dict[str, Any]) -> None:
        document["components"]["schemas"]["Health"]["properties"]["at"] = {"type": "integer"}

    def header(document: dict[str, Any]) -> None:
        responses(document, LIVE)["200"]["headers"]["X-Missing"] = {"required": True, "schema": {"type": "string"}}

    def media_type(document: dict[str, Any]) -> None:
        content = responses(document, LIVE)["200"]["content"]
        content["text/csv"] = content.pop("application/json")

    assert doctored(LIVE, body) == {"Response violates schema"}
    assert doctored(LIVE, header) == {"Missing required response headers"}
    assert doctored(LIVE, media_type) == {"Undocumented Content-Type"}
