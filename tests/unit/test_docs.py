"""Documents that are written from the code say what the code says, and say it of everything."""

import ast
import json
import re
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from holdfast.kernel.errors import HoldfastError, Refusal
from holdfast.orders import events
from infra import catalogue, openapi

STATUSES = {400, 401, 403, 404, 405, 409, 412, 413, 415, 422, 429, 500, 503}
"""What the contract knows."""
INTERNAL = {"VaultMoved", "QueueMoved", "ShopExists", "RecipientRefused"}
"""Refusals that no route answers: two are tried again inside, one is told to an operator, one is what a channel's service says to a worker.
Faults end in Error."""

PROMISED = {
    "GET /shops/{shop}/products",
    "GET /shops/{shop}/products/{sku}",
    "POST /shops/{shop}/checkout-sessions",
    "GET /shops/{shop}/checkout-sessions/{session}",
    "PATCH /shops/{shop}/checkout-sessions/{session}",
    "DELETE /shops/{shop}/checkout-sessions/{session}",
    "POST /shops/{shop}/checkout-sessions/{session}/place-order",
    "GET /shops/{shop}/orders/{order}",
    "GET /shops/{shop}/orders/{order}/events",
    "GET /shops/{shop}/orders/{order}/keys",
    "POST /shops/{shop}/orders/{order}/cancel",
    "POST /shops/{shop}/orders/{order}/refund",
    "POST /shops/{shop}/orders/{order}/returns",
    "POST /shops/{shop}/orders/{order}/hold/extend",
    "POST /shops/{shop}/orders/{order}/payment-confirmation",
    "POST /shops/{shop}/webhooks/payments/{provider}",
    "GET /shops/{shop}/admin/products",
    "POST /shops/{shop}/admin/products",
    "GET /shops/{shop}/admin/products/{sku}",
    "PUT /shops/{shop}/admin/products/{sku}",
    "DELETE /shops/{shop}/admin/products/{sku}",
    "POST /shops/{shop}/stock/check",
    "POST /shops/{shop}/cart/validate",
    "GET /shops/{shop}/admin/settings",
    "PUT /shops/{shop}/admin/settings",
    "GET /shops/{shop}/admin/inventory",
    "GET /shops/{shop}/admin/inventory/dashboard",
    "POST /shops/{shop}/admin/inventory/audit",
    "POST /shops/{shop}/admin/inventory/bulk",
    "GET /shops/{shop}/admin/inventory/{sku}",
    "PATCH /shops/{shop}/admin/inventory/{sku}",
    "GET /shops/{shop}/admin/inventory/{sku}/ledger",
    "POST /shops/{shop}/admin/inventory/{sku}/adjust",
    "POST /shops/{shop}/admin/inventory/{sku}/restock",
    "GET /shops/{shop}/admin/keys/{sku}",
    "POST /shops/{shop}/admin/keys/{sku}",
    "GET /shops/{shop}/admin/holds",
    "POST /shops/{shop}/admin/holds/{lock}/release",
    "GET /shops/{shop}/admin/cron/stock-cleanup",
    "POST /shops/{shop}/admin/cron/stock-cleanup",
    "GET /shops/{shop}/admin/orders",
    "GET /shops/{shop}/admin/orders/{order}",
    "POST /shops/{shop}/admin/orders/{order}/retry",
    "POST /shops/{shop}/admin/orders/{order}/cancel",
    "POST /shops/{shop}/admin/orders/{order}/refund",
    "POST /shops/{shop}/admin/orders/{order}/transition",
    "POST /shops/{shop}/admin/orders/{order}/notes",
    "POST /shops/{shop}/admin/orders/{order}/resend",
    "POST /shops/{shop}/admin/orders/retry-failed",
    "GET /shops/{shop}/admin/webhooks",
    "GET /shops/{shop}/admin/webhooks/{webhook}",
    "POST /shops/{shop}/admin/webhooks/{webhook}/replay",
    "POST /shops/{shop}/admin/webhooks/redrive",
    "GET /shops/{shop}/admin/webhook-endpoints",
    "POST /shops/{shop}/admin/webhook-endpoints",
    "GET /shops/{shop}/admin/webhook-endpoints/{endpoint}",
    "PATCH /shops/{shop}/admin/webhook-endpoints/{endpoint}",
    "DELETE /shops/{shop}/admin/webhook-endpoints/{endpoint}",
    "POST /shops/{shop}/admin/webhook-endpoints/{endpoint}/rotate-secret",
    "POST /shops/{shop}/admin/webhook-endpoints/{endpoint}/test",
    "POST /shops/{shop}/admin/webhook-endpoints/{endpoint}/replay",
    "GET /shops/{shop}/admin/webhook-endpoints/{endpoint}/deliveries",
    "GET /shops/{shop}/admin/webhook-endpoints/{endpoint}/deliveries/{delivery}",
    "POST /shops/{shop}/admin/webhook-endpoints/{endpoint}/deliveries/{delivery}/replay",
    "GET /shops/{shop}/admin/payments/providers",
    "GET /shops/{shop}/admin/payments/providers/{provider}",
    "PUT /shops/{shop}/admin/payments/providers/{provider}",
    "DELETE /shops/{shop}/admin/payments/providers/{provider}",
    "POST /shops/{shop}/admin/payments/providers/{provider}/check",
    "POST /shops/{shop}/admin/payments/providers/{provider}/disable",
    "POST /shops/{shop}/admin/payments/providers/{provider}/enable",
    "POST /shops/{shop}/products/{sku}/back-in-stock",
    "GET /shops/{shop}/customers/{customer}/preferences",
    "PUT /shops/{shop}/customers/{customer}/preferences",
    "POST /shops/{shop}/customers/{customer}/unsubscribe",
    "GET /shops/{shop}/orders/{order}/preferences",
    "PUT /shops/{shop}/orders/{order}/preferences",
    "GET /shops/{shop}/orders/{order}/notifications",
    "POST /shops/{shop}/orders/{order}/notifications/{notification}/read",
    "GET /shops/{shop}/admin/notifications",
    "GET /shops/{shop}/admin/notifications/{notification}",
    "GET /shops/{shop}/admin/notifications/{notification}/preview",
    "POST /shops/{shop}/admin/notifications/{notification}/resend",
    "POST /shops/{shop}/admin/notifications/retry-failed",
    "GET /shops/{shop}/admin/notifications/kinds",
    "GET /shops/{shop}/admin/notifications/kinds/{kind}/preview",
    "GET /shops/{shop}/admin/suppressions",
    "POST /shops/{shop}/admin/suppressions",
    "POST /shops/{shop}/admin/suppressions/lift",
    "GET /health",
    "GET /health/live",
    "GET /health/ready",
}
"""What clients are written against: a name that changes here breaks one of them."""


@pytest.fixture(scope="module")
def contract() -> dict[str, Any]:
    made: dict[str, Any] = json.loads(openapi.text())
    return made


@pytest.mark.parametrize("name", [*catalogue.pages(), "openapi.json"])
def test_what_stands_there_is_what_the_code_says(name: str) -> None:
    fresh = openapi.text() if name == "openapi.json" else catalogue.pages()[name]
    written = (catalogue.FOLDER / name).read_text("utf-8")
    assert written == fresh, f"docs/catalogue/{name} is old: python3 infra/dev.py openapi"


def test_the_same_code_gives_the_same_text() -> None:
    assert (openapi.text(), catalogue.pages()) == (openapi.text(), catalogue.pages())


def test_the_contract_is_valid_openapi(contract: dict[str, Any]) -> None:
    assert list(OpenAPIV31SpecValidator(contract).iter_errors()) == []


def test_an_invalid_contract_is_noticed(contract: dict[str, Any]) -> None:
    broken = json.loads(json.dumps(contract))
    del broken["info"]["title"]
    assert list(OpenAPIV31SpecValidator(broken).iter_errors()) != []


def test_every_reference_of_the_contract_leads_somewhere(contract: dict[str, Any]) -> None:
    for found in set(re.findall(r'"\$ref": "([^"]+)"', json.dumps(contract))):
        root, kind, name = found.removeprefix("#/").split("/")
        assert name in contract[root][kind], found


def test_the_contract_names_no_module_of_ours(contract: dict[str, Any]) -> None:
    """Two shapes of one name would be told apart by where they stand in the code."""
    assert [name for name in contract["components"]["schemas"] if "__" in name] == []


def test_operations_have_names_of_their_own(contract: dict[str, Any]) -> None:
    names = [operation["operationId"] for path in contract["paths"].values() for operation in path.values()]
    assert len(names) == len(set(names))
    assert all(operation["summary"] for path in contract["paths"].values() for operation in path.values())


def test_what_was_promised_is_there(contract: dict[str, Any]) -> None:
    there = {f"{method.upper()} {path}" for path, operations in contract["paths"].items() for method in operations}
    assert PROMISED - there == set()


def test_every_change_of_stock_or_money_asks_for_an_idempotency_key(contract: dict[str, Any]) -> None:
    asked = {
        path
        for path, operations in contract["paths"].items()
        if {"$ref": "#/components/parameters/IdempotencyKey"} in operations.get("post", {}).get("parameters", [])
    }
    assert {path.rsplit("/shops/{shop}", 1)[-1] for path in asked} == {
        "/checkout-sessions/{session}/place-order",
        "/orders/{order}/cancel",
        "/orders/{order}/refund",
        "/orders/{order}/returns",
        "/admin/orders/{order}/cancel",
        "/admin/orders/{order}/refund",
        "/admin/orders/{order}/transition",
        "/admin/orders/{order}/payment-review",
        "/admin/orders/{order}/returns",
        "/admin/orders/{order}/returns/{return}/receive",
        "/admin/orders/{order}/notes",
        "/admin/orders/{order}/resend",
        "/admin/inventory/{sku}/restock",
        "/admin/inventory/{sku}/adjust",
        "/admin/inventory/{sku}/transfer",
        "/admin/inventory/bulk",
        "/admin/inventory/bulk/{job}/undo",
        "/admin/inventory/audit",
        "/admin/inventory/orphans",
        "/admin/cron/stock-cleanup",
        "/admin/keys/{sku}",
        "/admin/keys/{sku}/replace",
        "/admin/keys/{sku}/return",
        "/admin/keys/{sku}/revoke",
        "/admin/fulfilment/queue/{sku}/feed",
        "/admin/orders/{order}/delivery-problem",
        "/admin/holds/{lock}/release",
        "/admin/notifications/{notification}/resend",
    }


KINDS = [kind for kinds in catalogue.by_code().values() for kind in kinds]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_each_error_can_be_told_apart(kind: type[HoldfastError]) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", kind.code)
    assert kind.code not in {"error", "bad_request", "conflict", "invalid", "forbidden", "unauthenticated", "too_large"}, (
        "has no code of its own"
    )
    assert kind.status in STATUSES
    assert kind.title != "Error"
    assert issubclass(kind, Refusal) is (400 <= kind.status < 500) or kind.status in {405, 415}


@pytest.mark.parametrize("code", sorted(catalogue.by_code()))
def test_each_code_has_one_status_and_a_sentence(code: str) -> None:
    kinds = catalogue.by_code()[code]
    assert len({(kind.status, kind.title) for kind in kinds}) == 1
    assert any(catalogue.sentences(kind)[0] for kind in kinds if "code" in vars(kind)), "say in its docstring what it means"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_each_error_is_in_the_contract_or_internal_by_name(kind: type[HoldfastError]) -> None:
    internal = kind.__name__.endswith("Error") or kind.__name__ in INTERNAL
    assert internal or f"`{kind.code}`" in openapi.text()


def test_no_raise_gives_a_fact_the_name_of_a_standard_member() -> None:
    """`status` of an order is not the status of the answer."""
    taken = {"type", "title", "status", "detail", "code", "request_id", "instance"}
    names = {kind.__name__ for kind in KINDS}
    for path in [*(openapi.ROOT / "layers").rglob("*.py"), *(openapi.ROOT / "functions").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
                assert {keyword.arg for keyword in node.keywords} & taken == set(), f"{path}:{node.lineno}"


def test_each_event_has_a_sentence() -> None:
    said = dict(catalogue.documented_events())
    assert tuple(said) == events.ALL
    assert all(said.values())


def test_a_mail_is_written_for_each_event_that_notifications_hears() -> None:
    from holdfast.notifications.kinds import OF_EVENTS
    from holdfast.notifications.telling import RESENT

    heard = {type_ for type_, who in catalogue.consumers().items() if "notifications_inbox" in who}
    assert heard == {*OF_EVENTS, RESENT}


def test_each_variable_has_a_meaning_and_each_meaning_a_variable() -> None:
    read = {name.upper() for function in catalogue.FUNCTIONS for name in openapi.load(function).Settings.model_fields}
    assert read == set(catalogue.MEANINGS)


def test_each_function_is_in_the_catalogue() -> None:
    listed = set(re.findall(r"^\| (\w+) \|", catalogue.functions(), re.MULTILINE)) - {"Function"}
    assert listed == set(catalogue.FUNCTIONS)
