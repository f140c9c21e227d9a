"""The contract, from the code: docs/catalogue/openapi.json. A test compares it with what stands there."""

import contextlib
import importlib.util
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "docs" / "catalogue" / "openapi.json"
EVENTS = ROOT / "events"
HTTP_FUNCTIONS = (
    "storefront_http",
    "orders_http",
    "admin_http",
    "orders_admin_http",
    "inventory_http",
    "fulfilment_admin_http",
    "webhooks_http",
    "notifications_http",
    "notifications_admin_http",
    "payments_webhook",
    "payments_admin_http",
    "payments_sandbox",
    "health_http",
)
DESCRIPTION = (
    "Holdfast holds stock while a customer pays, turns payments into orders that are never lost, delivers what is there "
    "and owes the rest. Errors are RFC 9457 problem documents; branch on `code`. Money is integer minor units. "
    "Instants are RFC 3339 in UTC."
)
# Enough for a function to be imported: nothing is called while its routes are read.
ENVIRONMENT = {
    "ENVIRONMENT": "docs",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "POWERTOOLS_SERVICE_NAME": "docs",
    "POWERTOOLS_METRICS_NAMESPACE": "Holdfast",
    "HOLD_SECONDS": "900",
    "HOLD_GRACE_SECONDS": "30",
    "SANDBOX_ENABLED": "true",
    "SANDBOX_PAY_URL": "https://pay.example",
    "SANDBOX_SECRET_ARN": "arn:aws:secretsmanager:eu-central-1:000000000000:secret:docs",
    "TOKEN_SECRET_ARN": "arn:aws:secretsmanager:eu-central-1:000000000000:secret:docs",
    "EVENT_BUS_NAME": "docs",
    "SEALING_KEY_ARN": "arn:aws:kms:eu-central-1:000000000000:key/docs",
    "WEBHOOK_TIMEOUT_SECONDS": "10",
    "MAIL_SENDER": "shop@example.com",
    "MAIL_CONFIGURATION_SET": "docs",
    "STOREFRONT_URL": "https://shop.example",
    "API_URL": "https://api.example/v1",
    "SMS_ENABLED": "true",
    "SMS_SENDER_ID": "",
    **{
        f"{name}_TABLE": name.lower()
        for name in ["CATALOGUE", "STOCK", "LOCKS", "ORDERS", "PAYMENTS", "FULFILMENT", "NOTIFICATIONS", "TENANTS", "OPERATIONS"]
    },
    **{f"{name}_QUEUE_URL": f"https://queue.example/{name.lower()}" for name in ["PAYMENTS", "FULFILMENT", "STOCK", "NOTIFICATIONS"]},
    "WEBHOOKS_TABLE": "webhooks",
    "RECONCILE_QUEUE_URL": "https://queue.example/reconcile",
    "WEBHOOKS_QUEUE_URL": "https://queue.example/webhooks",
}


def load(function: str) -> Any:
    """A function's `app` module, imported by its path: every function's file has the same name."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    layer = str(ROOT / "layers" / "holdfast")
    if layer not in sys.path:
        sys.path.insert(0, layer)
    name = f"functions_{function}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, ROOT / "functions" / function / "app.py")
        if spec is None or spec.loader is None:
            raise FileNotFoundError(function)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


def text() -> str:
    apis = [load(function).api for function in HTTP_FUNCTIONS]
    from holdfast.platform.openapi import document

    contract = document(apis, title="Holdfast", version="1", description=DESCRIPTION, requests=requests(apis))
    return json.dumps(contract, indent=1, ensure_ascii=False) + "\n"


def requests(apis: Sequence[Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """Bodies that a route takes: those of the functions' sample events that its model lets in, and that fit what is told of it."""
    from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

    models = {(route.method, route.path): route.body for api in apis for route in api.routes if route.body}
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for path in sorted(EVENTS.glob("*/*.json")):
        event = json.loads(path.read_text("utf-8"))
        route = event.get("httpMethod"), event.get("resource")
        with contextlib.suppress(ValueError):  # neither JSON, nor what the model takes
            if route in models and event.get("body"):
                models[route].model_validate_json(event["body"])
                body = json.loads(event["body"])
                if Draft202012Validator(models[route].model_json_schema()).is_valid(body):
                    found.setdefault(route, {})[path.stem] = body
    return found


def write() -> Path:
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(text(), encoding="utf-8")
    return TARGET


if __name__ == "__main__":
    sys.stdout.write(f"wrote {write().relative_to(ROOT)}\n")
