"""What must come of the samples of payment accounts."""

import json
from typing import Any

from infra.providers.stripe import FakeStripe
from tests.unit.functions.providers import NETWORK
from tests.unit.functions.world import CLOCK, World, body, sample

CONNECTED = ("payments_admin_http/connect_provider",)
OFF = (*CONNECTED, "payments_admin_http/disable_provider")
COMMANDED = ("operations_command/connect_provider",)
KEY = "sk_test_not_a_real_key_1"
SECRETS = (KEY, "whsec_not_a_real_secret_1", "whsec_not_a_real_secret_2")
Answer = dict[str, Any]


def account(world: World) -> dict[str, Any] | None:
    return next((item for item in world.items("tenants") if item["sk"] == "PROVIDER#stripe"), None)


def no_secret_is_told_or_stored(world: World, answer: Answer) -> None:
    kept = json.dumps(account(world))
    assert [secret for secret in SECRETS if secret in kept or secret in json.dumps(answer)] == []


def known_at_stripe(world: World) -> None:
    clock = CLOCK
    NETWORK.fakes["api.stripe.com"] = FakeStripe(secret_key=KEY, webhook_secret=SECRETS[1], clock=clock)


def as_before(world: World, answer: Answer) -> None:
    first = body(answer)
    again = body(world.play("payments_admin_http/connect_provider"))
    assert (first["version"], again) == (1, first)
    no_secret_is_told_or_stored(world, answer)


def former_are_good_for_three_days(world: World, answer: Answer) -> None:
    assert body(answer)["former_secrets_until"] == "2026-11-24T12:00:00.000Z"
    no_secret_is_told_or_stored(world, answer)


def pointed_at(world: World, answer: Answer) -> None:
    assert {(error["pointer"], error["code"]) for error in body(answer)["errors"]} == {
        ("/webhook_secret", "string_pattern_mismatch"),
        ("/overlap_hours", "less_than_equal"),
    }
    assert "not_a_real" not in answer["body"]
    assert account(world) is None


def all_four(_: World, answer: Answer) -> None:
    told = {item["provider"]: item["status"] for item in body(answer)["items"]}
    assert told == {"stripe": "ready", "razorpay": "not_connected", "paypal": "not_connected", "paypro": "not_connected"}


def gone(world: World, _: Answer) -> None:
    assert account(world) is None


def still_there(world: World, _: Answer) -> None:
    assert account(world) is not None


def connected_by_hand(version: int) -> Any:
    def check(world: World, answer: Answer) -> None:
        found, stored = answer["result"], account(world)
        assert stored is not None
        assert (found["provider"], found["status"], found["version"], stored["version"]) == ("stripe", "ready", version, version)
        no_secret_is_told_or_stored(world, answer)

    return check


def refused_by_hand(code: str, *words: str) -> Any:
    def check(world: World, answer: Answer) -> None:
        assert (answer["ok"], answer["error"]["code"], account(world)) == (False, code, None)
        assert [word for word in words if word not in answer["error"]["detail"]] == []
        assert "not_a_real" not in json.dumps(answer)

    return check


def key_is_told_apart(_: World, answer: Answer) -> None:
    assert body(answer)["secrets"] == {"secret_key": "…ey_1", "webhook_secret": "…et_1"}
    assert sample("payments_admin_http/connect_provider")["httpMethod"] == "PUT"


STRIPE = {"provider": "stripe"}
CASES: dict[str, dict[str, Any]] = {
    "payments_admin_http/list_providers": {"status": 200, "after": CONNECTED, "effect": all_four},
    "payments_admin_http/show_provider": {"status": 200, "after": CONNECTED, "members": STRIPE, "effect": key_is_told_apart},
    "payments_admin_http/show_provider_not_connected": {"status": 200, "members": {"status": "not_connected", "version": 0}},
    "payments_admin_http/show_provider_unknown": {"status": 404},
    "payments_admin_http/show_provider_as_operator": {"status": 403, "after": CONNECTED, "members": {"code": "scope_missing"}},
    "payments_admin_http/connect_provider": {"status": 200, "members": {**STRIPE, "live": False}, "effect": as_before},
    "payments_admin_http/connect_provider_with_other_secrets": {
        "status": 200,
        "after": CONNECTED,
        "members": {"version": 2},
        "effect": former_are_good_for_three_days,
    },
    "payments_admin_http/connect_provider_stale": {"status": 412, "after": CONNECTED, "members": {"version": 1}},
    "payments_admin_http/connect_provider_refused": {"status": 422, "members": {"code": "validation_failed"}, "effect": pointed_at},
    "payments_admin_http/check_provider": {
        "status": 200,
        "after": CONNECTED,
        "given": known_at_stripe,
        "members": {**STRIPE, "live": False},
    },
    "payments_admin_http/disable_provider": {"status": 200, "after": CONNECTED, "members": {"status": "disabled", "version": 2}},
    "payments_admin_http/enable_provider": {"status": 200, "after": OFF, "members": {"status": "ready", "version": 3}},
    "payments_admin_http/disconnect_provider": {"status": 204, "after": CONNECTED, "effect": gone},
    "payments_admin_http/disconnect_provider_not_connected": {"status": 404, "after": CONNECTED, "effect": still_there},
    "operations_command/connect_provider": {"effect": connected_by_hand(1)},
    "operations_command/connect_provider_with_other_secrets": {"after": COMMANDED, "effect": connected_by_hand(2)},
    "operations_command/connect_provider_refused": {"effect": refused_by_hand("validation_failed", "/webhook_secret", "/secret_kye")},
    "operations_command/connect_provider_unknown": {"effect": refused_by_hand("not_found")},
}
