"""Which stream records wake a function, and which events reach a queue."""

import json
from typing import Any

import pytest

from holdfast.notifications.kinds import OF_EVENTS
from holdfast.orders import events
from tests.infra.template_filters import matches
from tests.infra.template_world import LOCAL, ROOT, world

TTL = {"userIdentity": {"type": "Service", "principalId": "dynamodb.amazonaws.com"}}


def record(change: str, sk: str, **extra: Any) -> dict[str, Any]:
    return {"eventName": change, "eventSource": "aws:dynamodb", "dynamodb": {"Keys": {"pk": {"S": "demo#x"}, "sk": {"S": sk}}}, **extra}


RECORDS = [
    ("StockStreamStock", record("MODIFY", "SKU"), True),
    ("StockStreamStock", record("INSERT", "SKU"), True),
    ("StockStreamStock", record("REMOVE", "SKU"), False),
    ("StockStreamStock", record("MODIFY", "LEVEL"), True),  # every image of a level is checked
    ("StockStreamStock", record("INSERT", "LEVEL"), True),
    ("StockStreamStock", record("INSERT", "MOVEMENT"), False),
    ("StockStreamLocks", record("REMOVE", "LOCK", **TTL), True),
    ("StockStreamLocks", record("REMOVE", "LOCK"), False),  # deleted by us, when a hold was paid or released
    ("StockStreamLocks", record("INSERT", "LOCK"), False),
    ("StockStreamLocks", record("MODIFY", "LOCK", **TTL), False),
    ("OrdersStreamOrders", record("INSERT", "ORDER"), True),
    ("OrdersStreamOrders", record("MODIFY", "ORDER"), True),
    ("OrdersStreamOrders", record("REMOVE", "ORDER", **TTL), False),
    ("OrdersStreamOrders", record("INSERT", "SESSION"), False),
]


def filters() -> dict[str, list[dict[str, Any]]]:
    mappings = world(LOCAL).resources("AWS::Lambda::EventSourceMapping")
    return {
        name.removeprefix("Root/"): [json.loads(one["Pattern"]) for one in mapping["FilterCriteria"]["Filters"]]
        for name, mapping in mappings.items()
        if "FilterCriteria" in mapping
    }


def wakes(mapping: str, event: dict[str, Any]) -> bool:
    return any(matches(pattern, event) for pattern in filters()[mapping])


@pytest.mark.parametrize(("mapping", "event", "expected"), RECORDS)
def test_a_stream_record_wakes_its_function(mapping: str, event: dict[str, Any], expected: bool) -> None:
    assert wakes(mapping, event) is expected


def test_each_filter_is_tried_both_ways() -> None:
    assert {(mapping, expected) for mapping, _, expected in RECORDS} == {(mapping, way) for mapping in filters() for way in (True, False)}


@pytest.mark.parametrize(
    ("function", "mappings"), [("stock_stream", {"StockStreamStock", "StockStreamLocks"}), ("orders_stream", {"OrdersStreamOrders"})]
)
def test_the_samples_in_events_pass_the_filters(function: str, mappings: set[str]) -> None:
    """A sample that the deployed filter would hold back tests something that never happens; and each filter has a sample."""
    samples = {path.name: json.loads(path.read_text()) for path in sorted((ROOT / "events" / function).glob("*.json"))}
    woken = {
        name: {mapping for mapping in mappings for one in sample["Records"] if wakes(mapping, one)} for name, sample in samples.items()
    }
    assert [name for name, by in woken.items() if not by] == []
    assert set().union(*woken.values()) == mappings


def test_a_sample_that_is_held_back_is_noticed() -> None:
    assert not any(wakes(mapping, record("REMOVE", "SESSION")) for mapping in filters())


EVENTS = [
    ("order.paid.v1", {"NotificationsQueue", "FulfilmentQueue"}),
    ("order.completed.v1", {"NotificationsQueue", "OrdersQueue"}),
    ("order.partially_fulfilled.v1", {"NotificationsQueue", "OrdersQueue"}),
    ("order.awaiting_stock.v1", {"NotificationsQueue"}),
    ("order.keys_added.v1", {"NotificationsQueue", "OrdersQueue"}),
    ("order.refunded.v1", {"NotificationsQueue", "FulfilmentQueue"}),
    ("order.cancelled.v1", {"NotificationsQueue", "PaymentsQueue", "FulfilmentQueue"}),
    ("order.late_payment.v1", {"NotificationsQueue"}),
    ("order.partially_refunded.v1", {"NotificationsQueue", "FulfilmentQueue"}),
    ("order.refund_due.v1", {"PaymentsQueue", "FulfilmentQueue"}),
    ("order.charged_back.v1", {"FulfilmentQueue", "OrdersQueue"}),
    ("order.second_payment.v1", {"OrdersQueue"}),
    ("order.second_payment_refunded.v1", {"NotificationsQueue"}),
    ("order.disputed.v1", {"NotificationsQueue", "OrdersQueue"}),
    ("order.dispute_won.v1", {"OrdersQueue"}),
    ("order.stock_allocated.v1", {"NotificationsQueue"}),
    ("order.key_replaced.v1", {"NotificationsQueue", "OrdersQueue"}),
    ("order.delivered.v1", {"NotificationsQueue"}),
    ("order.delivery_problem.v1", {"NotificationsQueue"}),
    ("order.delayed.v1", {"NotificationsQueue"}),
    ("order.payment_review.v1", {"NotificationsQueue"}),
    ("order.refund_failed.v1", {"NotificationsQueue"}),
    ("order.payment_failed.v1", {"NotificationsQueue"}),
    ("order.mail_resent.v1", {"NotificationsQueue", "OrdersQueue"}),
    ("order.placed.v1", {"NotificationsQueue", "OrdersQueue"}),
    ("order.edited.v1", {"OrdersQueue"}),
    ("order.shipped.v1", {"NotificationsQueue", "OrdersQueue"}),
]


@pytest.mark.parametrize(("kind", "queues"), EVENTS)
def test_an_event_reaches_its_queues(kind: str, queues: set[str]) -> None:
    assert reached({"source": "holdfast.orders", "detail-type": kind, "detail": {}}) == queues | {"WebhooksQueue"}


def test_an_event_of_somebody_else_reaches_nobody() -> None:
    assert reached({"source": "somebody", "detail-type": "order.paid.v1", "detail": {}}) == set()


def test_people_are_told_of_what_there_is_a_message_of() -> None:
    """And a mail that a person asked for again is told of by an event of its own."""
    told = {kind for kind in events.ALL if "NotificationsQueue" in reached({"source": "holdfast.orders", "detail-type": kind})}
    assert told == {*OF_EVENTS, "order.mail_resent.v1"}


def test_only_news_of_our_own_mails_are_heard() -> None:
    """Told on the account's default bus, where others hear of theirs."""
    rules = world(LOCAL).resources("AWS::Events::Rule").values()
    (rule,) = [rule for rule in rules if rule.get("EventPattern", {}).get("source") == ["aws.ses"]]
    assert "EventBusName" not in rule
    pattern = json.loads(json.dumps(rule["EventPattern"]).replace("Messaging/MailConfiguration", "holdfast"))
    news = json.loads((ROOT / "events" / "notifications_mail_events" / "bounced.json").read_text())
    assert matches(pattern, news)
    news["detail"]["mail"]["tags"]["ses:configuration-set"] = ["somebody"]
    assert not matches(pattern, news)


def reached(event: dict[str, Any]) -> set[str]:
    rules = [rule for rule in world(LOCAL).resources("AWS::Events::Rule").values() if rule.get("EventBusName") == "Messaging/Bus"]
    return {
        target["Arn"].removeprefix("Messaging/").removesuffix(".Arn")
        for rule in rules
        if matches(rule["EventPattern"], event)
        for target in rule["Targets"]
    }
