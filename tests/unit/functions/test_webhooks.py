"""Webhooks through the real routes and workers: what is refused, what is told of, and what an alarm hears."""

import json
import logging
from typing import Any

import pytest

from holdfast.webhooks.model import Outcome, Reply
from tests.infra.template_world import PROD
from tests.infra.template_world import world as deployed
from tests.unit.functions import webhook_cases as cases
from tests.unit.functions import world as worlds
from tests.unit.functions.asking import ask
from tests.unit.functions.webhook_cases import ENDPOINT
from tests.unit.functions.world import KEYS, World, body, load

ENDPOINTS = "/shops/{shop}/admin/webhook-endpoints"
ONE = ENDPOINTS + "/{endpoint}"
DELIVERIES = ONE + "/deliveries"
DELIVERY = DELIVERIES + "/{delivery}"
GOOD = {"url": "https://erp.example/hooks", "events": ["*"]}


def called(world: World, method: str, path: str, sent: Any = None, scope: str = "admin", query: Any = None, **at: str) -> tuple[int, str]:
    given = {"shop": "demo", **({"endpoint": ENDPOINT} if "{endpoint}" in path else {}), **at}
    return ask(world, "webhooks_http", method, path, given, body=sent, headers={"X-Api-Key": KEYS[scope]}, query=query)


def work(world: World) -> None:
    """All that lies in the queue."""
    for message in world.messages("webhooks"):
        load("webhooks_inbox").take(message)


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({**GOOD, "url": "http://erp.example/"}, (422, "webhook_url_refused")),
        ({**GOOD, "url": "https://user:pw@erp.example/"}, (422, "webhook_url_refused")),
        ({**GOOD, "url": "https://10.0.0.1/"}, (422, "webhook_url_refused")),
        ({**GOOD, "url": "http://127.0.0.1:9000/"}, (422, "webhook_url_refused")),
        ({**GOOD, "url": "https://erp.example/" + "x" * 2048}, (422, "validation_failed")),
        ({**GOOD, "url": ""}, (422, "validation_failed")),
        ({**GOOD, "url": None}, (422, "validation_failed")),
        ({**GOOD, "url": ["https://erp.example/"]}, (422, "validation_failed")),
        ({**GOOD, "events": []}, (422, "validation_failed")),
        ({**GOOD, "events": "*"}, (422, "validation_failed")),
        ({**GOOD, "events": ["order.eaten.v1"]}, (422, "unknown_event_types")),
        ({**GOOD, "events": ["webhook.test.v1"]}, (422, "unknown_event_types")),
        ({**GOOD, "events": ["order.paid.v1"] * 101}, (422, "validation_failed")),
        ({**GOOD, "description": "x" * 201}, (422, "validation_failed")),
        ({**GOOD, "secret": "whsec_mine"}, (422, "validation_failed")),
        ({**GOOD, "shop": "other"}, (422, "validation_failed")),
        ({"url": GOOD["url"]}, (422, "validation_failed")),
        ([], (422, "validation_failed")),
        ("{", (400, "malformed_json")),
    ],
    ids=lambda value: str(value)[:70],
)
def test_endpoints_that_are_not_taken(world: World, sent: Any, expected: tuple[int, str]) -> None:
    assert called(world, "POST", ENDPOINTS, sent) == expected
    assert world.items("webhooks") == []


def test_a_shop_has_ten_endpoints_at_most(world: World) -> None:
    assert [called(world, "POST", ENDPOINTS, GOOD)[0] for _ in range(10)] == [201] * 10
    assert called(world, "POST", ENDPOINTS, GOOD) == (409, "too_many_webhook_endpoints")
    assert len(world.items("webhooks")) == 10


@pytest.mark.parametrize(
    ("method", "path", "sent"),
    [
        ("PATCH", ONE, {"description": "x"}),
        ("DELETE", ONE, None),
        ("POST", ONE + "/rotate-secret", {}),
        ("POST", ONE + "/test", None),
        ("POST", ONE + "/replay", {"since": "2026-11-21T00:00:00Z", "until": "2026-11-22T00:00:00Z"}),
        ("POST", DELIVERY + "/replay", None),
        ("GET", ONE, None),
        ("GET", DELIVERIES, None),
        ("GET", DELIVERY, None),
    ],
    ids=lambda value: str(value)[-40:],
)
def test_another_shops_endpoint_is_not_there(world: World, method: str, path: str, sent: Any) -> None:
    """Its id, with a key of one's own shop; and nothing happened to it."""
    cases.two_deliveries(world)
    before = world.items("webhooks")
    path_of = {"shop": "other", "endpoint": ENDPOINT, **({"delivery": cases.rows(world)[0]["id"]} if "{delivery}" in path else {})}
    key = {"X-Api-Key": f"{KEYS['admin']}-of-other"}
    assert ask(world, "webhooks_http", method, path, path_of, body=sent, headers=key) == (404, "not_found")
    assert ask(world, "webhooks_http", method, path, {**path_of, "endpoint": "whe_nothing"}, body=sent, headers=key) == (404, "not_found")
    assert (world.items("webhooks"), world.messages("webhooks")) == (before, [])


@pytest.mark.parametrize("scope", ["viewer", "operator"])
def test_who_may_read_may_not_change(world: World, scope: str) -> None:
    cases.an_endpoint(world)
    assert called(world, "GET", ONE, scope=scope)[0] == 200
    for method, path, sent in (("PATCH", ONE, {"enabled": False}), ("DELETE", ONE, None), ("POST", ENDPOINTS, GOOD)):
        assert called(world, method, path, sent, scope=scope) == (403, "scope_missing")
    for rest in ("/rotate-secret", "/test", "/replay"):
        assert called(world, "POST", ONE + rest, {}, scope=scope) == (403, "scope_missing")


def test_changes_are_made_over_what_was_read(world: World) -> None:
    cases.an_endpoint(world)
    event = worlds.sample("webhooks_http/change_endpoint")
    event["headers"]["If-Match"] = '"1"'
    assert world.call("webhooks_http", event)["headers"]["ETag"] == '"2"'
    stale = world.call("webhooks_http", event)
    assert (stale["statusCode"], body(stale)["code"]) == (412, "precondition_failed")


@pytest.mark.parametrize(
    "sent",
    [
        {"since": "2026-11-22T00:00:00Z", "until": "2026-11-21T00:00:00Z"},
        {"since": "2026-11-21T00:00:00", "until": "2026-11-22T00:00:00Z"},
        {"since": "yesterday", "until": "today"},
        {"until": "2026-11-22T00:00:00Z"},
        {"since": "2026-11-21T00:00:00Z", "until": "2026-11-22T00:00:00Z", "state": "lost"},
        {"since": "2026-11-21T00:00:00Z", "until": "2026-11-22T00:00:00Z", "all": True},
    ],
    ids=str,
)
def test_times_that_are_none(world: World, sent: Any) -> None:
    cases.an_endpoint(world)
    assert called(world, "POST", ONE + "/replay", sent) == (422, "validation_failed")


def test_a_cursor_is_for_its_list(world: World) -> None:
    cases.two_deliveries(world)
    following = body(world.play("webhooks_http/list_deliveries"))["next"]
    window = {"since": "2026-11-21T00:00:00Z", "until": "2026-11-22T00:00:00Z", "cursor": following}
    assert called(world, "GET", DELIVERIES, query={"cursor": following})[0] == 200
    assert called(world, "POST", ONE + "/replay", window) == (400, "cursor_invalid")
    assert called(world, "GET", DELIVERIES, query={"state": "lost"}) == (422, "validation_failed")


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]


def test_an_endpoint_that_is_switched_off_rings(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """The metric is the one that the alarm watches, an operator reads why, and staff is written to."""
    cases.two_deliveries(world)
    worlds.RECEIVER.begin(410)
    capsys.readouterr()
    world.play("webhooks_inbox/attempt")
    assert [line["WebhookEndpointsDisabled"] for line in lines(capsys) if "WebhookEndpointsDisabled" in line] == [[1.0]]
    (message,) = world.messages("notifications")
    assert (message["kind"], message["notice"]["kind"]) == ("tell", "dead_letter")
    assert message["notice"]["data"] == {"what": "webhook_endpoint", "kind": "gone"}
    assert called(world, "POST", ONE + "/test") == (409, "webhook_endpoint_disabled")
    replay = {"since": "2026-11-21T00:00:00Z", "until": "2026-11-22T00:00:00Z"}
    assert called(world, "POST", ONE + "/replay", replay) == (409, "webhook_endpoint_disabled")


def test_the_alarm_listens_where_the_worker_speaks() -> None:
    here = deployed(PROD)
    alarm = here.resources("AWS::CloudWatch::Alarm")["Monitoring/WebhookEndpointDisabled"]
    spoken = here.resources("AWS::Lambda::Function")["Root/WebhooksInbox"]["Environment"]["Variables"]
    assert (alarm["Namespace"], alarm["MetricName"]) == (spoken["POWERTOOLS_METRICS_NAMESPACE"], "WebhookEndpointsDisabled")
    assert alarm["Dimensions"] == [{"Name": "service", "Value": spoken["POWERTOOLS_SERVICE_NAME"]}]


def test_what_is_being_sent_is_not_sent_again(world: World) -> None:
    cases.two_deliveries(world)
    store, row = load("webhooks_inbox").room.store, cases.rows(world)[0]
    seen = store.get("demo", ENDPOINT, row["id"])
    store.save(seen.claimed("clm_1", worlds.CLOCK.now))
    assert called(world, "POST", DELIVERY + "/replay", delivery=row["id"]) == (409, "webhook_in_flight")


def test_failed_well_and_shown(world: World) -> None:
    """Twice in vain, then delivered: the log tells all three, the record of failures is wiped."""
    cases.an_endpoint(world)
    world.play("webhooks_inbox/order_paid")
    worlds.RECEIVER.begin(500, Reply(outcome=Outcome.TIMED_OUT, milliseconds=10_000, detail="no answer in time"), 200)
    for _ in range(3):
        work(world)
        world.later(minutes=6)
    shown = body(world.play("webhooks_http/show_delivery"))
    assert [(one["outcome"], one["status"], one["detail"]) for one in shown["attempts"]] == [
        ("refused", 500, None),
        ("timed_out", None, "no answer in time"),
        ("delivered", 200, None),
    ]
    assert (shown["state"], shown["next_attempt_at"]) == ("delivered", None)
    assert [item for item in world.items("webhooks") if item["sk"] == "HEALTH"] == []


def test_no_secret_in_logs_lists_or_problems(world: World, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        made = body(world.play("webhooks_http/add_endpoint"))
        sealed = world.items("webhooks")[0]["secret"]
        world.play("webhooks_inbox/order_paid")
        worlds.RECEIVER.begin(500)
        work(world)
        told = [world.play("webhooks_http/list_endpoints")["body"]]
        for path in (ONE, DELIVERIES):
            event = worlds.api_gateway.request("GET", path, {"shop": "demo", "endpoint": made["id"]}, headers={"X-Api-Key": KEYS["viewer"]})
            told.append(world.call("webhooks_http", event)["body"])
    out, err = capsys.readouterr()
    for secret in (made["secret"], sealed):
        assert all(secret not in text for text in (out, err, caplog.text, *told))
