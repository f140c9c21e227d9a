"""What the contract says of a route, from its declaration alone."""

import json
from typing import Any

import pytest
from pydantic import BaseModel

from holdfast.kernel.errors import Conflict, NotFound
from holdfast.platform.http import Api, Request
from holdfast.platform.openapi import document
from holdfast.platform.problems import IfMatchInvalid
from infra.openapi import TARGET


class Wish(BaseModel):
    name: str = ""


class Payment(BaseModel):
    id: str


class Thing(BaseModel):
    id: str
    version: int
    order_token: str
    payment: Payment


class Taken(Conflict):
    """It is there already."""

    code = "taken"


def no_shops(shop: str) -> tuple[str, ...]:
    raise NotFound


@pytest.fixture(scope="module")
def contract() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(TARGET.read_text("utf-8"))
    return found


@pytest.fixture
def written() -> dict[str, Any]:
    api = Api("storefront", clock=lambda: None, shop_origins=no_shops)  # type: ignore[arg-type, return-value]

    @api.post("/shops/{shop}/things", body=Wish, returns=Thing, status=201, idempotent=True, refusals=(Taken,))
    def make(request: Request[Wish]) -> None:
        """Make one."""

    @api.patch("/shops/{shop}/things/{thing}", body=Wish, returns=Thing, refusals=(IfMatchInvalid,))
    def change(request: Request[Wish]) -> None:
        """Change it."""

    @api.get("/shops/{shop}/orders/{order}", returns=Payment, security=("orderToken",))
    def show(request: Request[None]) -> None:
        """Show it."""

    @api.get("/sandbox/payments/{payment}", returns=Payment)
    def look(request: Request[None]) -> None:
        """Look it up."""

    requests = {("POST", "/shops/{shop}/things"): {"plain": {"name": "a"}}}
    return document([api], title="T", version="1", description="", requests=requests)


def operation(document: dict[str, Any], method: str, path: str) -> dict[str, Any]:
    found: dict[str, Any] = document["paths"][path][method]
    return found


def test_a_success_leads_to_what_stands_below_it_to_what_its_token_opens_and_to_its_parts(written: dict[str, Any]) -> None:
    links = operation(written, "post", "/shops/{shop}/things")["responses"]["201"]["links"]
    assert {name: link["parameters"] for name, link in links.items()} == {
        "change": {"shop": "$request.path.shop", "thing": "$response.body#/id"},
        "show": {
            "shop": "$request.path.shop",
            "order": "$response.body#/id",
            "header.X-Order-Token": "$response.body#/order_token",
        },
        "look": {"payment": "$response.body#/payment/id"},
    }


def test_headers_of_requests(written: dict[str, Any]) -> None:
    def named(method: str, path: str) -> set[str]:
        parameters = operation(written, method, path)["parameters"]
        return {parameter["$ref"].rpartition("/")[2] for parameter in parameters if "$ref" in parameter}

    assert named("post", "/shops/{shop}/things") == {"IdempotencyKey", "RequestId"}
    assert named("patch", "/shops/{shop}/things/{thing}") == {"IfMatch", "RequestId"}


def test_headers_of_answers(written: dict[str, Any]) -> None:
    answers = operation(written, "post", "/shops/{shop}/things")["responses"]
    assert answers["201"]["headers"].keys() == {"X-Request-Id", "ETag", "Idempotent-Replayed"}
    assert answers["409"]["headers"].keys() == {"X-Request-Id", "Retry-After"}
    shared = written["components"]["responses"]
    assert shared["unavailable"]["headers"].keys() == shared["too_many_requests"]["headers"].keys() == {"X-Request-Id", "Retry-After"}
    assert shared["method_not_allowed"]["headers"].keys() == {"X-Request-Id", "Allow"}


def test_each_status_names_its_codes(written: dict[str, Any]) -> None:
    answers = operation(written, "post", "/shops/{shop}/things")["responses"]
    schema = answers["409"]["content"]["application/problem+json"]["schema"]
    assert schema["properties"]["code"]["enum"] == ["idempotency_key_in_flight", "taken"]
    assert answers["404"] == {"$ref": "#/components/responses/not_found"}


def test_path_parameters_have_patterns(contract: dict[str, Any]) -> None:
    for path, operations in contract["paths"].items():
        for one in operations.values():
            assert all(parameter["schema"]["pattern"] for parameter in one["parameters"] if parameter.get("in") == "path"), path


def test_a_body_is_needed_where_a_member_is(written: dict[str, Any]) -> None:
    assert operation(written, "post", "/shops/{shop}/things")["requestBody"]["required"] is False


def test_examples_are_bodies_that_are_taken(written: dict[str, Any], contract: dict[str, Any]) -> None:
    body = operation(written, "post", "/shops/{shop}/things")["requestBody"]["content"]["application/json"]
    assert body["examples"] == {"plain": {"value": {"name": "a"}}}
    order = operation(contract, "post", "/shops/{shop}/checkout-sessions/{session}/place-order")["requestBody"]
    assert order["content"]["application/json"]["examples"]
