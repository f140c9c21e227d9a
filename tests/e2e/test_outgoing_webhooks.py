"""Webhooks of the deployed product, received by a server on this machine that is well, flaky, gone, silent, or leads away.

Endpoints that fail hear of nothing but their own test: the emulator has one poller, and a receiver that hangs holds up everybody.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from standardwebhooks import Webhook

from infra.local.aws import client
from infra.local.client import Answer, Api, Json, expect
from infra.local.story import World, eventually

pytestmark = pytest.mark.stack

SELDOM = ["order.mail_resent.v1"]
"""What nobody here does: such an endpoint hears of its own tests only."""


class Receiver(ThreadingHTTPServer):
    """Each path answers in its own way; `received` has what came to each, with its time."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.received: list[tuple[str, dict[str, str], str, float]] = []
        self.stopping = threading.Event()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{path}"

    def at(self, path: str) -> list[tuple[dict[str, str], str, float]]:
        return [(headers, body, at) for where, headers, body, at in self.received if where == path]


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers["content-length"])).decode()
        self.server.received.append((self.path, headers, body, time.monotonic()))
        times = len(self.server.at(self.path))
        answers: dict[str, int] = {"/flaky": 500 if times == 1 else 200, "/gone": 410, "/away": 302, "/to-metadata": 302}
        if self.path == "/silent":
            self.server.stopping.wait(8)
        self.send_response(answers.get(self.path, 204))
        if self.path == "/away":
            self.send_header("Location", self.server.url("/inside"))
        if self.path == "/to-metadata":
            self.send_header("Location", "http://169.254.169.254/latest/meta-data/")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST  # noqa: N815  as the library calls it

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.stopping.set()
        server.shutdown()
        thread.join(10)


@pytest.fixture(scope="module")
def hooks(api: Api, receiver: Receiver) -> Iterator[Hooks]:
    made = Hooks(api, receiver)
    yield made
    for endpoint in made.made:
        api.admin("DELETE", f"/webhook-endpoints/{endpoint}")


class Hooks:
    def __init__(self, api: Api, receiver: Receiver) -> None:
        self.api, self.receiver, self.made = api, receiver, list[str]()

    def add(self, path: str, events: list[str]) -> Json:
        body = {"url": self.receiver.url(path), "events": events}
        made = expect(201, self.api.admin("POST", "/webhook-endpoints", body)).json
        self.made.append(made["id"])
        return made

    def call(self, endpoint: Json, rest: str = "", body: object = None, method: str = "POST") -> Answer:
        return self.api.admin(method, f"/webhook-endpoints/{endpoint['id']}{rest}", body)

    def test(self, endpoint: Json) -> Json:
        return expect(202, self.call(endpoint, "/test")).json

    def until(self, endpoint: Json, delivery: Json, attempts: int) -> Json:
        """The delivery, when its so-manieth attempt has ended."""

        def ended(seen: Json) -> bool:
            return seen["attempts_made"] >= attempts and seen["last_attempt"]["outcome"] != "started"

        rest = f"/deliveries/{delivery['id']}"
        return eventually(lambda: expect(200, self.call(endpoint, rest, method="GET")).json, ended, f"attempt {attempts}")


def test_what_happens_to_an_order_is_told(world: World, api: Api, hooks: Hooks) -> None:
    endpoint = hooks.add("/well", ["order.placed.v1", "order.paid.v1"])
    order = world.buy(world.put_digital("HOOK", 1), 1, world.buyer("hook"))

    def told() -> dict[str, tuple[dict[str, str], str]]:
        mine = [(headers, body) for headers, body, _ in hooks.receiver.at("/well") if order["id"] in body]
        return {json.loads(body)["type"]: (headers, body) for headers, body in mine}

    seen = eventually(told, lambda types: len(types) == 2, "both events")
    for headers, body in seen.values():
        found = Webhook(endpoint["secret"]).verify(body, headers)
        assert found["data"]["order"] == order["id"]
        assert world.buyer("hook") not in body
    told_to_customer = {event["type"]: event["id"] for event in api.events(order)}
    assert {kind: headers["webhook-id"] for kind, (headers, _) in seen.items()} == {kind: told_to_customer[kind] for kind in seen}


def test_a_server_that_fails_once_is_asked_again(hooks: Hooks) -> None:
    endpoint = hooks.add("/flaky", SELDOM)
    found = hooks.until(endpoint, hooks.test(endpoint), 2)
    assert (found["state"], [one["status"] for one in found["attempts"]]) == ("delivered", [500, 200])
    (first, body, at), (second, again, later) = hooks.receiver.at("/flaky")
    assert (first["webhook-id"], body) == (second["webhook-id"], again) == (found["webhook_id"], body)
    assert later - at >= 4.5  # five seconds, a tenth less at most
    for headers in (first, second):
        assert Webhook(endpoint["secret"]).verify(body, headers)["type"] == "webhook.test.v1"


def test_a_server_that_is_gone_is_left_alone(hooks: Hooks) -> None:
    endpoint = hooks.add("/gone", SELDOM)
    delivery = hooks.test(endpoint)
    found = hooks.until(endpoint, delivery, 1)
    assert (found["state"], found["reason"], found["last_attempt"]["status"]) == ("failed", "gone", 410)
    off = eventually(
        lambda: expect(200, hooks.call(endpoint, method="GET")).json, lambda seen: not seen["enabled"], "it to be switched off"
    )
    assert off["disabled"]["reason"] == "gone"
    for rest in ("/test", f"/deliveries/{delivery['id']}/replay"):
        refused = expect(409, hooks.call(endpoint, rest))
        assert (refused.code, refused.json["reason"]) == ("webhook_endpoint_disabled", "gone")


def test_a_server_that_says_nothing_is_not_waited_for(hooks: Hooks) -> None:
    endpoint = hooks.add("/silent", SELDOM)
    found = hooks.until(endpoint, hooks.test(endpoint), 1)
    last = found["last_attempt"]
    assert (found["state"], last["outcome"], last["status"]) == ("pending", "timed_out", None)
    assert 1_900 <= last["milliseconds"] < 4_000  # two seconds, locally
    assert found["next_attempt_at"]
    expect(204, hooks.call(endpoint, method="DELETE"))  # else it would be asked again, and hold up everybody


@pytest.mark.parametrize("path", ["/away", "/to-metadata"])
def test_a_server_that_leads_away_is_not_followed(hooks: Hooks, path: str) -> None:
    endpoint = hooks.add(path, SELDOM)
    found = hooks.until(endpoint, hooks.test(endpoint), 1)
    last = found["last_attempt"]
    assert (found["state"], last["outcome"], last["status"]) == ("pending", "refused", 302)
    assert hooks.receiver.at("/inside") == []
    expect(204, hooks.call(endpoint, method="DELETE"))


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://169.254.169.254/", "address"),
        ("http://169.254.169.254/", "scheme"),
        ("https://127.0.0.1/", "address"),
        ("https://[::1]/", "address"),
        ("https://2130706433/", "address"),
        ("https://0x7f.1/", "address"),
        ("https://localhost/", "host"),
        ("https://localhost./", "host"),
        ("https://user@shop.example/", "credentials"),
        ("https://shop.example:22/", "port"),
        ("https://１２７.０.０.１/", "unreadable"),
        ("http://shop.example/", "scheme"),
    ],
)
def test_an_address_inside_is_refused(api: Api, url: str, reason: str) -> None:
    refused = expect(422, api.admin("POST", "/webhook-endpoints", {"url": url, "events": ["*"]}))
    assert (refused.code, refused.json["reason"]) == ("webhook_url_refused", reason)


def test_a_secret_is_replaced_without_a_gap(hooks: Hooks) -> None:
    endpoint = hooks.add("/rotated", SELDOM)
    second = expect(200, hooks.call(endpoint, "/rotate-secret", {})).json
    hooks.until(endpoint, hooks.test(endpoint), 1)
    ((headers, body, _),) = hooks.receiver.at("/rotated")
    for secret in (endpoint["secret"], second["secret"]):
        assert Webhook(secret).verify(body, headers)
    expect(200, hooks.call(endpoint, "/rotate-secret", {"keep_former": False}))
    hooks.until(endpoint, hooks.test(endpoint), 1)
    headers, body, _ = hooks.receiver.at("/rotated")[1]
    assert len(headers["webhook-signature"].split(" ")) == 1


def test_no_secret_lies_in_the_table(hooks: Hooks, stack: Json) -> None:
    endpoint = hooks.add("/kept", SELDOM)
    items = client("dynamodb", stack["emulator_url"]).scan(TableName=stack["tables"]["webhooks"])["Items"]
    assert any(endpoint["id"] in str(item) for item in items)
    assert "whsec_" not in str(items)
    assert endpoint["secret"].removeprefix("whsec_") not in str(items)
    expect(204, hooks.call(endpoint, method="DELETE"))


def test_all_of_a_time_are_sent_again_by_the_schedule(hooks: Hooks, stack: Json) -> None:
    endpoint = hooks.add("/again", SELDOM)
    found = hooks.until(endpoint, hooks.test(endpoint), 1)
    window = {"since": "2020-01-01T00:00:00Z", "until": "2100-01-01T00:00:00Z", "state": "delivered"}
    plan = expect(200, hooks.call(endpoint, "/replay", {**window, "dry_run": True})).json
    assert (plan["matched"], plan["replayed"]) == (1, 0)
    done = expect(200, hooks.call(endpoint, "/replay", window)).json
    assert (done["matched"], done["replayed"], done["next"]) == (1, 1, None)
    client("lambda", stack["emulator_url"]).invoke(FunctionName=stack["functions"]["webhooks_retry"], Payload=b"{}")
    assert hooks.until(endpoint, found, 2)["state"] == "delivered"
    assert {headers["webhook-id"] for headers, _, _ in hooks.receiver.at("/again")} == {found["webhook_id"]}


def test_another_shop_sees_nothing_of_it(hooks: Hooks, api: Api) -> None:
    endpoint = hooks.add("/foreign", SELDOM)
    for path in (f"/shops/nobody/admin/webhook-endpoints/{endpoint['id']}", api.shop_path("/admin/webhook-endpoints/whe_nobody")):
        refused = expect(404, api.call("GET", path, headers={"X-Api-Key": api.admin_key}))
        assert refused.code == "not_found"
    expect(401, api.call("GET", api.shop_path("/admin/webhook-endpoints")))
