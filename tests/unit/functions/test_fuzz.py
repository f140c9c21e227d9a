"""Whatever is sent to whatever route: never a 5xx, and always an answer of the contract."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdfast.payments.providers.sandbox import signature
from holdfast.platform.http import Route
from tests.unit.functions import contract
from tests.unit.functions import world as worlds
from tests.unit.functions.api_gateway import request
from tests.unit.functions.asking import ROUTES
from tests.unit.functions.world import NOW, SECRETS, SESSION, World, sample, samples

quick = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
texts = st.text(max_size=30) | st.sampled_from(
    ["licence", "box", "sandbox", "EUR", "digital", SESSION, "\x00", "#", "../", "\ud800", "x" * 300]
)
numbers = st.integers() | st.floats() | st.sampled_from([0, -1, 1, 10**12, 10**40, True])
scalars = st.none() | st.booleans() | numbers | texts
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=8)
BODIES = {
    (event["httpMethod"], event["resource"]): event
    for name in samples()
    for event in [sample(name)]
    if event.get("body") and event["headers"].get("Content-Type", "") == "application/json"
}
READ = [(function, route) for function, route in ROUTES if route.body]


def named(given: object) -> str:
    return f"{given.method} {given.path}" if isinstance(given, Route) else ""


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with worlds.furnished() as made:
        worlds.ok(made.play("storefront_http/place_order"))
        yield made


@st.composite
def damaged(draw: st.DrawFn, good: Any) -> Any:
    """A good body in which one thing is replaced, added or left out, at any depth."""
    body = copy.deepcopy(good)
    at = body
    while isinstance(at, dict) and at:
        name = draw(st.sampled_from(sorted(at)))
        if isinstance(at[name], dict | list) and draw(st.booleans()):
            at = at[name][0] if isinstance(at[name], list) else at[name]
            continue
        match draw(st.integers(0, 2)):
            case 0:
                at[name] = draw(values)
            case 1:
                at[draw(texts)] = draw(values)
            case _:
                del at[name]
        break
    return body


def asked(event: dict[str, Any], world: World, function: str) -> None:
    answer = contract.check(event, world.call(function, event))
    assert answer["statusCode"] < 500, answer


@pytest.mark.parametrize(("function", "route"), READ, ids=named)
def test_bodies(world: World, function: str, route: Route) -> None:
    event = BODIES[route.method, route.path]

    @quick
    @given(values | damaged(json.loads(event["body"])) | st.text(max_size=50))
    def check(body: Any) -> None:
        asked({**event, "body": body if isinstance(body, str) else json.dumps(body)}, world, function)

    check()


@pytest.mark.parametrize(("function", "route"), ROUTES, ids=named)
def test_paths_queries_and_headers(world: World, function: str, route: Route) -> None:
    """With the sample's tokens, so that what stands behind the guard is reached as well."""
    good = next(event for name in samples() for event in [sample(name)] if is_of(event, route))
    given_headers, own = good["headers"], good["pathParameters"] or {}

    @settings(quick, max_examples=40)
    @given(
        st.just(own) | st.fixed_dictionaries(dict.fromkeys(own, texts)),
        st.dictionaries(st.sampled_from(["limit", "cursor", "token", "x"]), texts, max_size=3),
        st.dictionaries(st.sampled_from(sorted(given_headers)), texts, max_size=2),
    )
    def check(path: dict[str, str], query: dict[str, str], headers: dict[str, str]) -> None:
        event = request(route.method, route.path, path, query=query, headers={**given_headers, **headers}, body={})
        asked(event, world, function)

    check()


SHEET = sample("inventory_http/change_in_bulk_refused")
cells = st.text(max_size=12) | st.sampled_from(["sku", "delta", "available", "note", "box", "-1", "=1+1", '"', "\ufeff", "\x00", "9" * 30])


@quick
@given(
    st.binary(max_size=80)
    | st.lists(st.lists(cells, max_size=5).map(",".join), max_size=5).map(lambda rows: "\r\n".join(rows).encode("utf-8", "replace"))
)
def test_spreadsheets(world: World, sent: bytes) -> None:
    query = {"dry_run": "true"}
    asked(
        request("POST", SHEET["resource"], SHEET["pathParameters"], body=sent, headers=SHEET["headers"], query=query),
        world,
        "inventory_http",
    )


SIGNED = BODIES["POST", "/shops/{shop}/webhooks/payments/{provider}"]


@quick
@given(values | damaged(json.loads(SIGNED["body"])) | st.binary(max_size=50))
def test_signed_webhooks(world: World, sent: Any) -> None:
    """The signature is good, so that what is behind it has to cope."""
    raw = sent if isinstance(sent, bytes) else json.dumps(sent).encode()
    headers = {"Content-Type": "application/json", signature.HEADER: signature.sign(SECRETS["sandbox"], raw, NOW)}
    asked(request("POST", SIGNED["resource"], SIGNED["pathParameters"], body=raw, headers=headers), world, "payments_webhook")


def is_of(event: dict[str, Any], route: Route) -> bool:
    return (event.get("httpMethod"), event.get("resource")) == (route.method, route.path)
