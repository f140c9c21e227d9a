"""What must come of the samples of webhooks."""

import json
from datetime import timedelta
from typing import Any
from unittest import mock

from standardwebhooks import Webhook

from holdfast.webhooks import delivering, endpoints
from holdfast.wiring.webhooks import TYPES, happened
from tests.unit.functions.world import CLOCK, NOW, RECEIVER, World, body, load, sample

ENDPOINT = "whe_01KAJVKP00WEBH00KWEBH00K01"
SECRETS: list[str] = []
Answer = dict[str, Any]


def an_endpoint(world: World) -> None:
    """Under an id that samples can name."""
    app = load("webhooks_http")
    command = endpoints.AddEndpoint(shop="demo", url="https://erp.example/hooks", events=("*",))
    with mock.patch.object(endpoints, "new_id", return_value=ENDPOINT):
        made = endpoints.add(command, store=app.store, sealer=app.sealer, types=TYPES, doors=app.settings.doors, now=CLOCK.now)
    SECRETS[:] = [made.secret]


def two_deliveries(world: World) -> None:
    """That of the sample, and one of a moment before."""
    an_endpoint(world)
    inbox = load("webhooks_inbox")
    detail = json.loads(sample("webhooks_inbox/order_paid")["Records"][0]["body"])["detail"]
    for event in (happened(detail), happened({**detail, "id": "evt_01M7YZMHG0EAR11EREAR11ER00", "at": "2026-11-21T11:59:00.000Z"})):
        delivering.fan_out(event, confidential=TYPES.confidential, store=inbox.room.store, messages=inbox.room.messages, now=CLOCK.now)
    world.messages("webhooks")


def delivered(world: World) -> None:
    two_deliveries(world)
    world.play("webhooks_inbox/attempt")


def rows(world: World) -> list[dict[str, Any]]:
    return [item for item in world.items("webhooks") if item["sk"].startswith("dlv_")]


def the_secret_is_in_the_answer_only(world: World, answer: Answer) -> None:
    secret = body(answer)["secret"]
    assert secret.startswith("whsec_")
    assert all(secret not in str(item) for item in world.items("webhooks"))
    listed = world.play("webhooks_http/list_endpoints")
    assert [found["id"] for found in body(listed)["items"]] == [body(answer)["id"]]
    assert "secret" not in body(listed)["items"][0]


def nothing_added(world: World, answer: Answer) -> None:
    assert (body(answer)["reason"], world.items("webhooks")) == ("address", [])


def is_gone(world: World, _: Answer) -> None:
    assert world.items("webhooks") == []
    assert world.play("webhooks_http/show_endpoint")["statusCode"] == 404


def two_secrets(world: World, answer: Answer) -> None:
    assert body(answer)["former_secrets_until"] == "2026-11-22T12:00:00.000Z"
    world.play("webhooks_http/send_test")
    (message,) = world.messages("webhooks")
    load("webhooks_inbox").take(message)
    ((_, headers, sent),) = RECEIVER.received
    wanted = [Webhook(secret).sign(headers["webhook-id"], NOW, sent) for secret in (body(answer)["secret"], *SECRETS)]
    assert headers["webhook-signature"].split(" ") == wanted


def on_its_way(world: World, answer: Answer) -> None:
    (message,) = world.messages("webhooks")
    assert (message["kind"], message["endpoint"], message["delivery"]) == ("attempt", ENDPOINT, body(answer)["id"])


def one_and_more(_: World, answer: Answer) -> None:
    (found,) = body(answer)["items"]
    assert (found["webhook_id"], found["state"], found["last_attempt"]) == ("evt_01M7YZMHG0YB4F63S979YDKJET", "pending", None)
    assert body(answer)["next"]


def one_attempt(_: World, answer: Answer) -> None:
    (attempt,) = body(answer)["attempts"]
    assert (attempt["outcome"], attempt["status"], body(answer)["body"]["type"]) == ("delivered", 204, "order.paid.v1")


def marked_for_the_schedule(world: World, _: Answer) -> None:
    assert world.messages("webhooks") == []
    assert world.play("webhooks_retry/tick") == {"sent": 1}


def one_row_and_a_message(world: World, answer: Answer) -> None:
    assert answer == {"batchItemFailures": []}
    (row,) = rows(world)
    assert (row["state"], row["message"], row["type"]) == ("pending", "evt_01M7YZMHG0YB4F63S979YDKJET", "order.paid.v1")
    assert [message["delivery"] for message in world.messages("webhooks")] == [row["id"]]
    world.play("webhooks_inbox/order_paid")
    assert rows(world) == [row]


def nobody_to_tell(world: World, answer: Answer) -> None:
    assert (answer, rows(world), world.messages("webhooks")) == ({"batchItemFailures": []}, [], [])


def arrived(world: World, answer: Answer) -> None:
    assert answer == {"batchItemFailures": []}
    ((url, headers, sent),) = RECEIVER.received
    assert url == "https://erp.example/hooks"
    assert headers["webhook-signature"] == Webhook(SECRETS[0]).sign(headers["webhook-id"], NOW, sent)
    assert [row["state"] for row in rows(world) if "xsk" not in row] == ["delivered"]


def nothing_sent(world: World, answer: Answer) -> None:
    assert (answer, RECEIVER.received) == ({"batchItemFailures": []}, [])


def both_are_woken(world: World, answer: Answer) -> None:
    assert answer == {"sent": 2}
    assert {message["delivery"] for message in world.messages("webhooks")} == {row["id"] for row in rows(world)}


HTTP, INBOX = "webhooks_http", "webhooks_inbox"
CASES: dict[str, dict[str, Any]] = {
    f"{HTTP}/add_endpoint": {"status": 201, "members": {"enabled": True, "version": 1}, "effect": the_secret_is_in_the_answer_only},
    f"{HTTP}/add_endpoint_inside": {"status": 422, "members": {"code": "webhook_url_refused"}, "effect": nothing_added},
    f"{HTTP}/list_endpoints": {"status": 200, "members": {"items": []}},
    f"{HTTP}/show_endpoint": {"status": 200, "members": {"id": ENDPOINT, "disabled": None}, "given": an_endpoint},
    f"{HTTP}/change_endpoint": {
        "status": 200,
        "members": {"events": ["order.paid.v1", "order.refunded.v1"], "enabled": False, "version": 2},
        "given": an_endpoint,
    },
    f"{HTTP}/remove_endpoint": {"status": 204, "given": an_endpoint, "effect": is_gone},
    f"{HTTP}/rotate_secret": {"status": 200, "given": an_endpoint, "effect": two_secrets},
    f"{HTTP}/send_test": {"status": 202, "members": {"type": "webhook.test.v1"}, "given": an_endpoint, "effect": on_its_way},
    f"{HTTP}/list_deliveries": {"status": 200, "given": two_deliveries, "effect": one_and_more},
    f"{HTTP}/show_delivery": {"status": 200, "members": {"state": "delivered"}, "given": delivered, "effect": one_attempt},
    f"{HTTP}/replay_delivery": {"status": 202, "members": {"state": "pending"}, "given": delivered, "effect": on_its_way},
    f"{HTTP}/replay_window": {
        "status": 200,
        "members": {"looked_at": 2, "matched": 1, "replayed": 1, "next": None},
        "given": delivered,
        "effect": marked_for_the_schedule,
    },
    f"{INBOX}/order_paid": {"given": an_endpoint, "effect": one_row_and_a_message},
    f"{INBOX}/nobody_hears_of_it": {"effect": nobody_to_tell},
    f"{INBOX}/attempt": {"given": two_deliveries, "effect": arrived},
    f"{INBOX}/attempt_of_nothing": {"effect": nothing_sent},
    "webhooks_retry/tick": {"given": two_deliveries, "later": timedelta(minutes=3), "effect": both_are_woken},
}
