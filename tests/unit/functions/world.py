"""Every function on an AWS in this process: tables from infra/data.yaml, queues, bus, secrets, mail, and a clock that stands still.

Functions are loaded as copies of their own, with their own environment, so that no other test sees them.
"""

import importlib.util
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import moto  # before any client of ours is made: it hooks into botocore when it is imported
import yaml
from moto.ses.models import ses_backends
from moto.sqs.models import sqs_backends

from holdfast.kernel import time as kernel_time
from holdfast.orders import schemas, sessions
from holdfast.platform import aws, metrics
from holdfast.platform.dynamo import Table, from_wire, to_wire
from holdfast.tenants.model import ApiKey, Scope, Shop
from holdfast.tenants.repository import DynamoTenants
from holdfast.tenants.usecases import hash_of
from holdfast.wiring.catalogue import CatalogueForOrders
from infra.openapi import ENVIRONMENT
from tests.memory.webhooks import Receiver
from tests.unit.functions import api_gateway
from tests.unit.functions.providers import connected

ROOT = Path(__file__).resolve().parents[3]
EVENTS = ROOT / "events"
FUNCTIONS = sorted(path.parent.name for path in ROOT.glob("functions/*/app.py"))
ACCOUNT = "123456789012"
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SECRETS = {"token": "t" * 64, "sandbox": "s" * 64}
GIVEN = {
    **ENVIRONMENT,
    "ENVIRONMENT": "test",
    "TOKEN_SECRET_ARN": "token",
    "SANDBOX_SECRET_ARN": "sandbox",
    "EVENT_BUS_NAME": "orders",
    "SEALING_KEY_ARN": "alias/sealing",
}
RECEIVER = Receiver()
"""Where webhooks arrive."""
QUEUES = ("webhooks", "payments", "reconcile", "fulfilment", "stock", "notifications")

SHOP = "demo"
ORIGIN = "https://shop.example"
KEYS = {"admin": "hf_demo-admin-key", "operator": "hf_demo-operator-key", "viewer": "hf_demo-viewer-key"}
KEY_NAMES = {scope: f"key_01KAJVKP00{name}" for scope, name in zip(KEYS, ("ADM1N" * 4, "0PER8" * 4, "V1EWR" * 4), strict=True)}
SESSION = "cks_01KAJVKP000000000000000001"
SESSION_BOTH = "cks_01KAJVKP000000000000000002"
EMAIL = "ada@example.com"


PUBLISHED: list[dict[str, Any]] = []


class Clock:
    """Stands where it is put."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


CLOCK = Clock()


@cache
def load(function: str) -> ModuleType:
    """The function's module under the test's environment and clock."""
    spec = importlib.util.spec_from_file_location(f"tested_{function}", ROOT / "functions" / function / "app.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # pydantic looks annotations up there
    with mock.patch.dict(os.environ, GIVEN), mock.patch.object(kernel_time, "utc_now", CLOCK):
        spec.loader.exec_module(module)
    return module


class World:
    """`call` gives an event to a function; `play` gives it a sample."""

    def call(self, function: str, event: dict[str, Any]) -> dict[str, Any]:
        module = load(function)
        answer: dict[str, Any] = (module.app if hasattr(module, "app") else module.handler)(event, None)
        return json.loads(json.dumps(answer))  # Lambda answers JSON, or fails

    def play(self, name: str) -> dict[str, Any]:
        return self.call(name.split("/", maxsplit=1)[0], sample(name))

    def http(self, function: str, method: str, resource: str, **path: Any) -> dict[str, Any]:
        """One request; `body`, `headers` and `query` are not part of the path."""
        options = {name: path.pop(name) for name in ("body", "headers", "query") if name in path}
        return self.call(function, api_gateway.request(method, resource, path, **options))

    def later(self, **by: float) -> None:
        CLOCK.now += timedelta(**by)

    def items(self, table: str) -> list[dict[str, Any]]:
        return [from_wire(item) for item in aws.client("dynamodb").scan(TableName=table)["Items"]]

    def put(self, table: str, item: dict[str, Any]) -> None:
        aws.client("dynamodb").put_item(TableName=table, Item=to_wire(item))

    def messages(self, queue: str) -> list[dict[str, Any]]:
        """What lies in a queue, taken out of it; also what was sent to come later."""
        sqs = aws.client("sqs")
        for waiting in sqs_backends[ACCOUNT][_region()].queues[queue]._messages:
            waiting.delayed_until = 0
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        found = []
        while batch := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in batch:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                found.append(json.loads(message["Body"]))
        return found

    def delayed(self, queue: str) -> list[tuple[dict[str, Any], int]]:
        """As `messages`, each with the seconds after which it comes."""
        waiting = sqs_backends[ACCOUNT][_region()].queues[queue]._messages
        seconds = [(json.loads(one.body), round((one.delayed_until - one.sent_timestamp) / 1000)) for one in waiting]
        self.messages(queue)
        return seconds

    def published(self) -> list[dict[str, Any]]:
        """What was put on the bus: name and detail of each event, in order. ValidationError where that is not what was promised."""
        for entry in PUBLISHED:
            schemas.read(entry["Detail"])
        return [{"detail-type": entry["DetailType"], "detail": json.loads(entry["Detail"])} for entry in PUBLISHED]

    def mails(self) -> list[Any]:
        return list(ses_backends[ACCOUNT][_region()].sent_messages)

    def product(self, sku: str, *, keys: int = 0, units: int = 0, backorder: bool = False, amount: int = 1999) -> None:
        body = {
            "title": sku.title(),
            "kind": "digital" if keys or backorder else "physical",
            "price": {"amount": amount, "currency": "EUR"},
            "on_shortage": "backorder" if backorder else "reject",
        }
        path = {"shop": SHOP, "sku": sku}
        admin = {"X-Api-Key": KEYS["admin"], "Idempotency-Key": f"seed-{sku}"}
        ok(self.http("admin_http", "PUT", "/shops/{shop}/admin/products/{sku}", **path, body=body, headers=admin))
        if keys:
            texts = [f"{sku}-{number:04d}" for number in range(1, keys + 1)]
            ok(self.http("fulfilment_admin_http", "POST", "/shops/{shop}/admin/keys/{sku}", **path, body={"keys": texts}, headers=admin))
        if units:
            restock = "/shops/{shop}/admin/inventory/{sku}/restock"
            ok(self.http("inventory_http", "POST", restock, **path, body={"quantity": units}, headers=admin))

    def session(self, session: str, **lines: int) -> None:
        """A checkout session under an id that samples can name."""
        app = load("storefront_http")
        command = sessions.StartCheckout(shop=SHOP, lines=tuple((sku.replace("_", "-"), n) for sku, n in lines.items()), email=EMAIL)
        world = sessions.World(CatalogueForOrders(app.products, 1000, CLOCK), app.stock, app.policies, CLOCK.now)
        with mock.patch.object(sessions, "new_id", return_value=session):
            sessions.start(command, sessions=app.sessions_table, world=world)


def sample(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text("utf-8"))
    return event


def samples() -> list[str]:
    return sorted(f"{path.parent.name}/{path.stem}" for path in EVENTS.glob("*/*.json"))


def body(answer: dict[str, Any]) -> Any:
    return json.loads(answer["body"]) if answer["body"] else None


def ok(answer: dict[str, Any]) -> Any:
    assert 200 <= answer["statusCode"] < 300, answer
    return body(answer)


@contextmanager
def empty() -> Iterator[World]:
    """An AWS with the tables and queues and nothing in them."""
    CLOCK.now = NOW
    with moto.mock_aws():
        made = [
            load(name)
            for name in (
                "admin_http",
                "fulfilment_admin_http",
                "inventory_http",
                "orders_admin_http",
                "storefront_http",
                "orders_http",
                "payments_webhook",
                "payments_admin_http",
                "payments_inbox",
                "notifications_inbox",
                "webhooks_http",
                "notifications_http",
                "notifications_admin_http",
            )
        ]
        for module in made:  # what a worker remembers belongs to the world before
            module.directory._shops.clear()
            module.directory._keys.clear()
        for module in [*made, load("fulfilment_inbox")]:
            if hasattr(module, "safe"):
                module.safe._secrets.clear()
                module.safe._data_keys._sealing.clear()
        metrics._metrics.provider.namespace = metrics._metrics.provider.namespace or "Holdfast"
        RECEIVER.begin()
        inbox = load("webhooks_inbox")
        inbox.room = replace(inbox.room, poster=RECEIVER, chance=lambda below: below // 2)
        _tables()
        _messaging()
        with connected(CLOCK):
            yield World()


@contextmanager
def furnished() -> Iterator[World]:
    """As empty, with the shop `demo`, its API keys, three products and two checkout sessions."""
    with empty() as world:
        _shop(SHOP, origins=(ORIGIN,))
        _shop("other")
        world.product("licence", keys=3, backorder=True)
        world.product("box", units=5, amount=4900)
        world.product("last", units=1)
        world.session(SESSION, licence=2)
        world.session(SESSION_BOTH, licence=4, box=1)
        yield world


def _shop(name: str, origins: tuple[str, ...] = ()) -> None:
    tenants = DynamoTenants(Table(load("admin_http").client, "tenants"))
    tenants.add_shop(Shop(id=name, name="Demo shop", currency="EUR", origins=origins, created_at=NOW))
    for scope, text in KEYS.items():
        held = (Scope(scope),)
        given = text if name == SHOP else f"{text}-of-{name}"
        tenants.add_api_key(ApiKey(id=KEY_NAMES[scope], shop=name, label=scope, scopes=held, hash=hash_of(given), created_at=NOW))


def _tables() -> None:
    dynamodb = aws.client("dynamodb")
    for name, resource in templates()["Resources"].items():
        properties = resource["Properties"]
        made = {key: properties[key] for key in WANTED if key in properties}
        dynamodb.create_table(TableName=name.lower(), **made)


def _messaging() -> None:
    kms = aws.client("kms")
    kms.create_alias(AliasName=GIVEN["SEALING_KEY_ARN"], TargetKeyId=kms.create_key()["KeyMetadata"]["KeyId"])
    sqs, events, secrets = aws.client("sqs"), aws.client("events"), aws.client("secretsmanager")
    for name in QUEUES:
        sqs.create_queue(QueueName=name)
    events.create_event_bus(Name="orders")
    events.meta.events.register("provide-client-params.events.PutEvents", _overheard, unique_id="overheard")
    PUBLISHED.clear()
    for name, value in SECRETS.items():
        secrets.create_secret(Name=name, SecretString=value)
    aws.client("sesv2").create_email_identity(EmailIdentity=GIVEN["MAIL_SENDER"])


def _overheard(params: dict[str, Any], **_: Any) -> None:
    PUBLISHED.extend(params["Entries"])


def _region() -> str:
    return str(aws.client("sqs").meta.region_name)


WANTED = ("AttributeDefinitions", "KeySchema", "BillingMode", "GlobalSecondaryIndexes")


class _Template(yaml.SafeLoader):
    """CloudFormation's short forms (!Ref, !GetAtt) are of no interest here."""


_Template.add_multi_constructor("!", lambda loader, tag, node: tag)


@cache
def templates() -> dict[str, Any]:
    made: dict[str, Any] = yaml.load((ROOT / "infra" / "data.yaml").read_text("utf-8"), _Template)
    return made
