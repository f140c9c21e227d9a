"""What must come of the samples of the inbox of provider events."""

from typing import Any

from holdfast.platform import aws
from tests.unit.functions import stripe_cases
from tests.unit.functions.providers import NETWORK
from tests.unit.functions.world import World, body, sample

TOLD = ("storefront_http/place_order", "payments_sandbox/pay", "payments_webhook/succeeded")
APPLIED = (*TOLD, "payments_inbox/succeeded")
Answer = dict[str, Any]


def event(world: World) -> dict[str, Any]:
    (found,) = [item for item in world.items("payments") if item["sk"] == "EVENT"]
    return found


def given_up(world: World) -> None:
    """Its tries are used up, and its message lies with the dead letters."""
    world.messages("payments")
    found = event(world)
    world.put(
        "payments", {**found, "state": "dead", "reason": "unavailable", "attempts": 12, "xpk": found["xpk"].replace("received", "dead")}
    )


def one_and_no_text(_: World, answer: Answer) -> None:
    (found,) = body(answer)["items"]
    assert (found["provider"], found["type"], found["attempts"]) == ("sandbox", "payment.succeeded", 1)
    assert "raw" not in found


def goes_on(world: World, answer: Answer) -> None:
    query = {"limit": "1", "cursor": body(answer)["next"]}
    key = {"X-Api-Key": "hf_demo-viewer-key"}
    again = world.http("payments_admin_http", "GET", "/shops/{shop}/admin/webhooks", shop="demo", headers=key, query=query)
    assert (len(body(answer)["items"]), body(again)) == (1, {"items": [], "next": None})


def with_its_text(world: World, answer: Answer) -> None:
    assert body(answer)["raw"] == sample("payments_webhook/succeeded")["body"]
    assert body(answer)["event_id"] == event(world)["id"]


def on_its_way(world: World, answer: Answer) -> None:
    found = event(world)
    assert (found["state"], found["attempts"], found.get("reason"), found["version"]) == ("received", 0, None, 2)
    assert world.messages("payments") == [{"shop": "demo", "provider": "sandbox", "event": found["id"]}]


def told_and_not_done(world: World, answer: Answer) -> None:
    assert [found["state"] for found in body(answer)["items"]] == ["dead"]
    assert (event(world)["state"], world.messages("payments")) == ("dead", [])


def the_order_is_late(world: World) -> None:
    """The provider is faster than our own write."""
    (found,) = [item for item in world.items("orders") if item["sk"] == "ORDER"]
    aws.client("dynamodb").delete_item(TableName="orders", Key={"pk": {"S": found["pk"]}, "sk": {"S": found["sk"]}})
    world.messages("payments")


def looked_for_again(world: World, answer: Answer) -> None:
    assert answer == {"batchItemFailures": []}
    found = event(world)
    assert (found["state"], found["reason"]) == ("unmatched", "unknown_order")
    assert world.messages("payments") == [{"shop": "demo", "provider": "sandbox", "event": found["id"], "looked": 1}]


def nobody_to_ask(world: World) -> None:
    """The hold ran out before the news came, so Stripe has to be asked; it is down."""
    stripe_cases.is_told(world)
    world.put("orders", {**stripe_cases.order(world), "status": "expired"})
    NETWORK.down |= NETWORK.stripe.hosts


def tried_again_later(world: World, answer: Answer) -> None:
    assert len(answer["batchItemFailures"]) == 1
    found = event(world)
    assert (found["state"], found["reason"], found["attempts"]) == ("failed", "partner_unavailable", 1)


HTTP, INBOX = "payments_admin_http", "payments_inbox"
CASES: dict[str, dict[str, Any]] = {
    f"{HTTP}/list_webhooks": {"status": 200, "members": {"next": None}, "after": APPLIED, "effect": one_and_no_text},
    f"{HTTP}/list_webhooks_page": {"status": 200, "after": TOLD, "effect": goes_on},
    f"{HTTP}/list_webhooks_dead": {"status": 200, "members": {"items": [], "next": None}, "after": TOLD},
    f"{HTTP}/show_webhook": {
        "status": 200,
        "members": {"state": "received", "raw_encoding": "text"},
        "after": TOLD,
        "effect": with_its_text,
    },
    f"{HTTP}/show_webhook_as_viewer": {"status": 200, "members": {"raw": None, "raw_encoding": None}, "after": TOLD},
    f"{HTTP}/show_webhook_unknown": {"status": 404, "members": {"code": "not_found"}},
    f"{HTTP}/replay_webhook": {"status": 202, "members": {"state": "received"}, "after": TOLD, "given": given_up, "effect": on_its_way},
    f"{HTTP}/redrive": {
        "status": 200,
        "members": {"dry_run": False, "matched": 1, "redriven": 1, "next": None},
        "after": TOLD,
        "given": given_up,
        "effect": on_its_way,
    },
    f"{HTTP}/redrive_plan": {
        "status": 200,
        "members": {"dry_run": True, "matched": 1, "redriven": 0, "next": None},
        "after": TOLD,
        "given": given_up,
        "effect": told_and_not_done,
    },
    f"{INBOX}/order_not_there_yet": {"after": TOLD, "given": the_order_is_late, "effect": looked_for_again},
    f"{INBOX}/stripe_completed_while_it_is_down": {"given": nobody_to_ask, "effect": tried_again_later},
}
