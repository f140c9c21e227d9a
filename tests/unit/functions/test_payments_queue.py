"""The worker of the payments queue with real messages: they come back later each time, and at last they are dead letters."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from moto.sqs.models import sqs_backends

from holdfast.payments import working
from holdfast.platform import aws
from tests.unit.functions import stripe_cases
from tests.unit.functions import world as worlds
from tests.unit.functions.providers import NETWORK
from tests.unit.functions.world import ACCOUNT, ROOT, SHOP, World, body, load, ok

WEBHOOK = "/shops/{shop}/admin/webhooks/{webhook}"


@pytest.fixture
def world() -> Iterator[World]:
    with worlds.furnished() as made:
        yield made


class Line:
    """Hands messages to the function as Lambda does: what is not reported as failed is deleted."""

    def __init__(self, world: World) -> None:
        self.world, self.sqs = world, aws.client("sqs")
        self.url = self.sqs.get_queue_url(QueueName="payments")["QueueUrl"]

    @property
    def waiting(self) -> list[Any]:
        return list(sqs_backends[ACCOUNT][aws.client("sqs").meta.region_name].queues["payments"]._messages)

    def deliver(self, attempt: int | None = None) -> list[str]:
        """The bodies of those that failed. `attempt`: as if they had been received so often."""
        for message in self.waiting:
            message.delayed_until = message.visible_at = 0
        wanted = {"QueueUrl": self.url, "MaxNumberOfMessages": 10, "VisibilityTimeout": 360}
        received = self.sqs.receive_message(**wanted, AttributeNames=["All"]).get("Messages", [])
        records = [record(message, attempt) for message in received]
        reply = self.world.call("payments_inbox", {"Records": records})
        failed = {failure["itemIdentifier"] for failure in reply["batchItemFailures"]}
        for message in received:
            if message["MessageId"] not in failed:
                self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return [message["Body"] for message in received if message["MessageId"] in failed]

    def pauses(self) -> list[int]:
        """Seconds until each comes back, as the store counts them."""
        now = min(message.sent_timestamp for message in self.waiting) if self.waiting else 0
        return [round((message.visible_at - now) / 1000) for message in self.waiting]


def record(message: dict[str, Any], attempt: int | None) -> dict[str, Any]:
    attributes = {**message["Attributes"], **({"ApproximateReceiveCount": str(attempt)} if attempt else {})}
    named = {"messageId": message["MessageId"], "receiptHandle": message["ReceiptHandle"], "body": message["Body"]}
    return {**named, "attributes": attributes, "eventSource": "aws:sqs", "messageAttributes": {}}


def event(world: World) -> dict[str, Any]:
    (found,) = [item for item in world.items("payments") if item["sk"] == "EVENT"]
    return found


def doubtful(world: World) -> Line:
    """Stripe told of a payment, and our order had run out: it has to be asked, and is down."""
    stripe_cases.is_told(world)
    found = stripe_cases.order(world)
    world.put("orders", {**found, "status": "expired"})
    NETWORK.down |= NETWORK.stripe.hosts
    return Line(world)


def test_the_code_and_the_template_agree_on_how_often() -> None:
    class Template(yaml.SafeLoader):
        """Short forms are of no interest here."""

    Template.add_multi_constructor("!", lambda loader, tag, node: tag)
    template = yaml.load((ROOT / "infra" / "messaging.yaml").read_text("utf-8"), Template)
    assert template["Resources"]["PaymentsQueue"]["Properties"]["RedrivePolicy"]["maxReceiveCount"] == load("payments_inbox").TRIES
    assert template["Resources"]["ReconcileQueue"]["Properties"]["RedrivePolicy"]["maxReceiveCount"] == load("reconcile_inbox").TRIES


def test_while_a_provider_is_down_its_event_waits_longer_each_time_and_then_it_is_dead(world: World) -> None:
    line = doubtful(world)
    for attempt in range(1, 12):
        assert len(line.deliver(attempt)) == 1
        found = event(world)
        assert (found["state"], found["reason"], found["attempts"]) == ("failed", "partner_unavailable", attempt)
    assert len(line.deliver(12)) == 1
    assert (event(world)["state"], event(world)["xpk"].split("#")[1]) == ("dead", "dead")


@pytest.mark.parametrize(("attempt", "least", "most"), [(1, 5, 10), (4, 40, 80), (11, 900, 1800)])
def test_a_message_is_put_off_at_the_queue_itself(world: World, attempt: int, least: int, most: int) -> None:
    line = doubtful(world)
    line.deliver(attempt)
    (pause,) = line.pauses()
    assert least - 2 <= pause <= most + 2


def test_the_last_one_is_a_dead_letter_at_once(world: World) -> None:
    line = doubtful(world)
    line.deliver(12)
    assert line.pauses()[0] <= 2


def test_a_dead_event_lives_again_when_staff_ask(world: World) -> None:
    line = doubtful(world)
    line.deliver(12)
    line.sqs.purge_queue(QueueUrl=line.url)
    NETWORK.down.clear()
    key = {"X-Api-Key": worlds.KEYS["operator"]}
    listed = world.http("payments_admin_http", "GET", "/shops/{shop}/admin/webhooks", shop=SHOP, headers=key, query={"state": "dead"})
    (found,) = body(listed)["items"]
    assert (found["reason"], found["attempts"]) == ("partner_unavailable", 1)
    ok(world.http("payments_admin_http", "POST", WEBHOOK + "/replay", shop=SHOP, webhook=found["id"], headers=key))
    world.later(minutes=3)  # the circuit may be tried again
    assert line.deliver() == []
    assert event(world)["state"] in {"applied", "ignored"}


def test_an_order_that_is_not_there_yet_is_looked_for_again(world: World) -> None:
    stripe_cases.is_told(world)
    found, line = stripe_cases.order(world), Line(world)
    key = {"pk": {"S": found["pk"]}, "sk": {"S": found["sk"]}}
    aws.client("dynamodb").delete_item(TableName="orders", Key=key)
    for looked in range(len(working.LOOK_AGAIN)):
        assert line.deliver() == []
        (message,) = line.waiting
        assert (json.loads(message.body)["looked"], event(world)["state"]) == (looked + 1, "unmatched")
    world.put("orders", found)
    assert (line.deliver(), line.waiting) == ([], [])
    assert (event(world)["state"], stripe_cases.order(world)["status"]) == ("applied", "paid")


def test_an_order_that_never_comes_is_counted_once(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    stripe_cases.is_told(world)
    found, line = stripe_cases.order(world), Line(world)
    key = {"pk": {"S": found["pk"]}, "sk": {"S": found["sk"]}}
    aws.client("dynamodb").delete_item(TableName="orders", Key=key)
    capsys.readouterr()
    for _ in range(4):
        line.deliver()
    assert (line.waiting, event(world)["state"]) == ([], "unmatched")
    assert capsys.readouterr().out.count('"WebhooksUnmatched":[1.0]') == 1


def test_what_is_applied_twice_asks_nobody(world: World) -> None:
    stripe_cases.is_told(world)
    line = Line(world)
    assert line.deliver() == []
    NETWORK.asked.clear()
    world.play("payments_inbox/stripe_completed")
    assert (NETWORK.asked, event(world)["attempts"]) == ([], 1)
