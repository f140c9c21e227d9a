"""Data calls and capacity units of one place-order, one line, as DynamoDB itself would bill them.

python3 infra/dev.py bench cost

The function runs in this process against the emulator's tables; a botocore hook counts its calls. The emulator's write units
are right (indexes and transactions too), its read units are not, so only writes are reported.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from infra import openapi
from infra.local import emulator
from tests.bench.place_order import prepare

Json = dict[str, Any]
SKU = "BENCH-COST"


def main() -> int:
    status: Json = json.loads(Path(os.environ["HOLDFAST_STATUS"]).read_text(encoding="utf-8"))
    os.environ.update(emulator.credentials(status["emulator_url"]))
    os.environ.update({f"{name.upper()}_TABLE": table for name, table in status["tables"].items()})
    prepare(status, [SKU])
    storefront = openapi.load("storefront_http")
    storefront.tokens._secret = lambda: "x" * 40
    session = json.loads(_call(storefront, "/shops/{shop}/checkout-sessions", {}, {"lines": [{"sku": SKU, "quantity": 1}]}, {}))
    calls = _watch(storefront.client)
    _call(
        storefront,
        "/shops/{shop}/checkout-sessions/{session}/place-order",
        {"session": session["id"]},
        {"payment": {"provider": "sandbox"}},
        {"Idempotency-Key": session["id"], "X-Checkout-Token": session["checkout_token"], "X-CSRF-Token": session["csrf_token"]},
    )
    print(f"\n{'call':<22}{'write units':>12}")
    for name, units in calls:
        print(f"{name:<22}{units:>12g}")
    print(f"{f'{len(calls)} calls':<22}{sum(units for _, units in calls):>12g}")
    return 0


def _watch(client: Any) -> list[tuple[str, float]]:
    """Every call from now on, with its write units."""
    calls: list[tuple[str, float]] = []

    def ask(params: Json, model: Any, **_: Any) -> Json:
        return {**params, "ReturnConsumedCapacity": "TOTAL"}

    def note(parsed: Json, model: Any, **_: Any) -> None:
        found = parsed.get("ConsumedCapacity", [])
        rows = found if isinstance(found, list) else [found]
        writes = 0.0 if model.name.startswith(("Get", "BatchGet", "Query")) else sum(row["CapacityUnits"] for row in rows)
        calls.append((model.name, writes))

    client.meta.events.register("provide-client-params.dynamodb.*", ask)
    client.meta.events.register("after-call.dynamodb.*", note)
    return calls


def _call(storefront: Any, resource: str, path: Json, body: Json, headers: Json) -> str:
    event = {
        "headers": {"Content-Type": "application/json", **headers},
        "multiValueHeaders": {},
        "pathParameters": {"shop": "demo", **path},
        "multiValueQueryStringParameters": None,
        "stageVariables": None,
        "body": json.dumps(body),
        "isBase64Encoded": False,
        "requestContext": {"resourcePath": resource, "httpMethod": "POST", "requestId": "cost", "path": resource},
    }
    answer = storefront.app(event, None)
    if answer["statusCode"] != 201:
        raise SystemExit(answer["body"])
    return str(answer["body"])


if __name__ == "__main__":
    sys.exit(main())
