"""What must come of the samples about licence keys: imports in the background, and keys that are no good."""

from collections.abc import Callable
from typing import Any

from tests.unit.functions.world import KEYS, World, body, load

Answer = dict[str, Any]
Effect = Callable[[World, Answer], None]
DESK, INBOX = "fulfilment_admin_http", "fulfilment_inbox"
KEY = "key_01KAJVKP00Q4M7T1ZB9XW3E5CD"
ORDER_PAID = (
    "storefront_http/place_order",
    "payments_sandbox/pay",
    "payments_webhook/succeeded",
    "payments_inbox/succeeded",
    "fulfilment_inbox/order_paid",
)
KEPT = (f"{DESK}/import_keys",)


def is_named(world: World) -> None:
    """Ids of keys follow from a secret that is another one in each world; the first key gets the one that the samples have."""
    (key,) = [item for item in world.items("fulfilment") if item["sk"] == "KEY#000000001"]
    world.put("fulfilment", {**key, "id": KEY})
    world.put("fulfilment", {"pk": f"demo#KEYHASH#{KEY[-16:]}", "sk": "known", "sku": "licence", "place": 1, "batch": "first"})


def is_delivered_and_named(world: World) -> None:
    is_named(world)
    (order,) = [item for item in world.items("orders") if item["sk"] == "ORDER"]
    load("orders_inbox").follow({"detail": {"shop": "demo", "order": order["id"], "type": "order.completed.v1"}})


def is_withdrawn(world: World) -> None:
    is_named(world)
    world.play(f"{DESK}/revoke_key")


def vault(world: World) -> dict[str, Any]:
    (found,) = [item for item in world.items("fulfilment") if item["sk"] == "VAULT"]
    return found


def waits_sealed(world: World, answer: Answer) -> None:
    """Two rows cannot be imported and one stands there twice; no text is readable."""
    assert world.messages("fulfilment") == [{"kind": "import", "shop": "demo", "job": body(answer)["job"], "chunk": 0}]
    items = [item for item in world.items("operations") if "#KEYS#" in item["pk"]]
    assert "licence-000" not in str(items)
    (job,) = [item for item in items if item["sk"] == "JOB"]
    assert (job["rows"], job["refused"], job["chunks"]) == (5, 2, 1)
    assert [(fault["row"], fault["line"], fault["code"]) for fault in job["faults"]] == [(4, 5, "formula_cell"), (5, 6, "formula_cell")]


def one_came(world: World, answer: Answer) -> None:
    assert answer == {"batchItemFailures": []}
    assert vault(world)["imported"] == 4
    told = body(world.play(f"{DESK}/show_import"))
    assert (told["status"], told["imported"], told["duplicates"], told["refused"]) == ("done", 1, [0, 2], 2)
    assert [item for item in world.items("operations") if "sealed" in item] == []


def nothing_came(world: World, answer: Answer) -> None:
    assert [(error["pointer"], error["code"]) for error in body(answer)["errors"]] == [("/keys/1", "formula_cell")]
    assert [item for item in world.items("operations") if "#KEYS#" in item["pk"]] == []


def masked_and_free(_: World, answer: Answer) -> None:
    assert [(item["place"], item["masked"], item["state"]) for item in body(answer)["items"]] == [
        (place, f"…000{place}", "free") for place in (1, 2, 3)
    ]
    assert "licence-0001" not in answer["body"]


def is_told(world: World, answer: Answer) -> None:
    assert body(answer)["revoked_at"] == "2026-11-21T12:00:00.000Z"
    again = world.play(f"{DESK}/revoke_key")
    assert (again["headers"]["Idempotent-Replayed"], again["body"]) == ("true", answer["body"])
    assert vault(world)["revoked"] == 1
    headers = {"X-Api-Key": KEYS["operator"], "Idempotency-Key": "revoke-0003"}
    path = {"shop": "demo", "sku": KEY}
    refused = world.http(DESK, "POST", "/shops/{shop}/admin/keys/{sku}/revoke", **path, body={}, headers=headers)
    assert (refused["statusCode"], body(refused)["code"]) == (409, "key_revoked")
    assert body(refused)["revoked_at"] == body(answer)["revoked_at"]


def another_is_there(world: World, answer: Answer) -> None:
    (last,) = [item for item in world.items("fulfilment") if item["sk"] == "KEY#000000003"]
    assert (body(answer)["replaced_by"], vault(world)["taken"]) == (last["id"], 3)


def is_for_sale_again(world: World, answer: Answer) -> None:
    assert (body(answer)["withdrawn_at"], vault(world)["withdrawn"]) == (None, [])


def is_proved(_: World, answer: Answer) -> None:
    assert answer["ok"], answer
    told = {one["sku"]: (one["imported"], one["taken"], one["proved"], one["findings"]) for one in answer["result"]["skus"]}
    assert told == {"box": (0, 0, True, []), "last": (0, 0, True, []), "licence": (3, 2, True, [])}
    assert (answer["result"]["orders"], answer["result"]["complete"]) == (1, True)


def is_misspelt(_: World, answer: Answer) -> None:
    assert (answer["ok"], answer["error"]["code"]) == (False, "validation_failed")


CASES: dict[str, dict[str, Any]] = {
    f"{DESK}/import_keys": {"status": 202, "members": {"imported": 0, "duplicates": []}, "effect": waits_sealed},
    f"{DESK}/import_keys_refused": {
        "status": 422,
        "members": {"code": "keys_refused", "rows": 2, "rows_refused": 1},
        "effect": nothing_came,
    },
    f"{DESK}/list_keys": {"status": 200, "members": {"next": None}, "effect": masked_and_free},
    f"{DESK}/show_import": {"status": 200, "members": {"status": "accepted", "rows": 5, "imported": 0}, "after": KEPT},
    f"{DESK}/show_import_unknown": {"status": 404, "members": {"code": "not_found"}},
    f"{DESK}/revoke_key": {"status": 200, "after": ORDER_PAID, "given": is_delivered_and_named, "effect": is_told},
    f"{DESK}/revoke_key_unknown": {"status": 404, "members": {"code": "not_found"}},
    f"{DESK}/replace_key": {"status": 200, "after": ORDER_PAID, "given": is_delivered_and_named, "effect": another_is_there},
    f"{DESK}/return_key": {"status": 200, "given": is_withdrawn, "effect": is_for_sale_again},
    "operations_command/audit_keys": {"after": ORDER_PAID, "effect": is_proved},
    "operations_command/audit_keys_misspelt": {"effect": is_misspelt},
    f"{INBOX}/import_keys": {"after": KEPT, "effect": one_came},
}
