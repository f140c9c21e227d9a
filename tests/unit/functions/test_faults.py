"""When AWS refuses: what a function says, so that nothing is lost and nothing is done twice."""

import copy
import json
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError

from holdfast.platform import aws, secrets
from holdfast.platform.dynamo import Table
from tests.unit.functions import contract
from tests.unit.functions.world import World, body, load, sample


class Refuses:
    """A client of which one operation answers what it is told to, and then as it does (`None`: already now)."""

    def __init__(self, real: Any, operation: str, answers: list[Any]) -> None:
        self._real, self._operation, self._answers = real, operation, answers
        self.asked = 0

    def __getattr__(self, name: str) -> Any:
        return self._answer if name == self._operation else getattr(self._real, name)

    def _answer(self, **request: Any) -> Any:
        self.asked += 1
        answer = self._answers.pop(0) if self._answers else None
        if answer is None:
            return getattr(self._real, self._operation)(**request)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def refuse(monkeypatch: pytest.MonkeyPatch) -> Any:
    def arrange(service: str, operation: str, *answers: Any) -> None:
        real, make = aws.client(service), aws.client
        refusing = Refuses(real, operation, list(answers))
        monkeypatch.setattr(aws, "client", lambda asked: refusing if asked == service else make(asked))

    return arrange


@pytest.fixture
def trouble(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A table's store answers so, and its callers' pauses take no time."""

    def arrange(table: Table, operation: str, *answers: Any) -> Refuses:
        refusing = Refuses(table.client, operation, list(answers))
        monkeypatch.setattr(table, "client", refusing)
        monkeypatch.setattr(table, "patience", replace(table.patience, sleep=lambda seconds: None))
        return refusing

    return arrange


def failing(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "Operation")


def three(name: str) -> dict[str, Any]:
    """A batch of three records of a sample, each with a sequence number of its own."""
    (record,) = sample(name)["Records"]
    records = [copy.deepcopy(record) for _ in range(3)]
    for number, made in enumerate(records, 1):
        made["dynamodb"]["SequenceNumber"] = f"seq-{number}"
    return {"Records": records}


def test_the_bus_refuses_the_second_event_of_three(world: World, refuse: Any) -> None:
    """The stream goes on from the first that did not get through; those before it are not sent again."""
    taken, refused = {"EventId": "1"}, {"ErrorCode": "ThrottlingException", "ErrorMessage": "slow down"}
    refuse("events", "put_events", {"Entries": [taken, refused, taken], "FailedEntryCount": 1})
    assert world.call("orders_stream", three("orders_stream/paid")) == {"batchItemFailures": [{"itemIdentifier": "seq-2"}]}


def test_the_bus_is_away(world: World, refuse: Any) -> None:
    """The batch comes again as a whole: an event that goes out twice has the same id."""
    refuse("events", "put_events", failing("InternalFailure"))
    with pytest.raises(ClientError):
        world.call("orders_stream", three("orders_stream/paid"))


def test_more_events_than_the_bus_takes_at_once(world: World) -> None:
    (record,) = sample("orders_stream/paid")["Records"]
    assert world.call("orders_stream", {"Records": [record] * 23}) == {"batchItemFailures": []}
    assert len(world.published()) == 23


def test_a_queue_refuses_the_second_restock_of_three(world: World, refuse: Any) -> None:
    refuse("sqs", "send_message", None, failing("ServiceUnavailable"))
    assert world.call("stock_stream", three("stock_stream/restocked")) == {"batchItemFailures": [{"itemIdentifier": "seq-2"}]}
    assert len(world.messages("fulfilment")) == 1


def test_a_record_that_cannot_be_read_stops_the_shard_by_its_name(world: World) -> None:
    event = three("stock_stream/lock_removed_by_ttl")
    del event["Records"][1]["dynamodb"]["OldImage"]["lines"]
    assert world.call("stock_stream", event) == {"batchItemFailures": [{"itemIdentifier": "seq-2"}]}


def test_mail_is_busy_and_goes_out_at_the_next_try(world: World, refuse: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("storefront_http/place_order", "payments_sandbox/pay", "payments_webhook/succeeded", "payments_inbox/succeeded"):
        world.play(name)
    world.play("fulfilment_inbox/order_paid")
    refuse("sesv2", "send_email", failing("TooManyRequestsException"))
    assert world.play("notifications_inbox/order_completed") == {"batchItemFailures": []}
    monkeypatch.undo()
    again = as_message(world)
    assert world.call("notifications_inbox", again) == {"batchItemFailures": []}
    assert world.mails() == []  # it came too early
    world.later(minutes=1)
    assert world.call("notifications_inbox", again) == {"batchItemFailures": []}
    assert len(world.mails()) == 1


def as_message(world: World, received: int = 1) -> dict[str, Any]:
    """What lies in the queue of notifications, as their worker gets it."""
    event = sample("notifications_inbox/send")
    (message,) = world.messages("notifications")
    event["Records"][0]["body"] = json.dumps(message)
    event["Records"][0]["attributes"]["ApproximateReceiveCount"] = str(received)
    return event


def test_a_message_whose_order_cannot_be_read_is_given_up_after_the_last_try(
    world: World, refuse: Any, trouble: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its row says so, and staff are told."""
    for name in ("storefront_http/place_order", "payments_sandbox/pay", "payments_webhook/succeeded", "payments_inbox/succeeded"):
        world.play(name)
    world.play("fulfilment_inbox/order_paid")
    refuse("sesv2", "send_email", failing("TooManyRequestsException"))
    world.play("notifications_inbox/order_completed")
    monkeypatch.undo()
    event = as_message(world, received=12)
    world.later(minutes=1)
    trouble(load("notifications_inbox").writer.orders._table, "get_item", failing("AccessDeniedException"))
    assert [fault["itemIdentifier"] for fault in world.call("notifications_inbox", event)["batchItemFailures"]] != []
    (row,) = [item for item in world.items("notifications") if item.get("status") == "failed"]
    assert (row["error"], row["detail"], row["attempts"]) == ("attempts_exhausted", "ClientError", 1)
    (told,) = world.messages("notifications")
    assert told["notice"]["kind"] == "dead_letter"
    assert told["notice"]["data"] == {"what": "notification", "kind": "completed"}


@pytest.mark.parametrize(("kind", "told"), [("order_received", [("order_received", "notification")]), ("dead_letter", [])])
def test_what_could_not_even_be_written_down_is_told_to_staff_after_the_last_try(
    world: World, kind: str, told: list[tuple[str, str]]
) -> None:
    """It cannot be read, and there is no row that could say so. Of a message that says just this nobody is told."""
    event = sample("notifications_inbox/send")
    (record,) = event["Records"]
    notice = {"shop": "demo", "event": "evt_1", "kind": kind, "at": "never", "subject": "ord_1", "order": "ord_1"}
    record["body"] = json.dumps({"kind": "tell", "notice": notice})
    for received, expected in (("11", []), ("12", told)):
        record["attributes"]["ApproximateReceiveCount"] = received
        assert len(world.call("notifications_inbox", event)["batchItemFailures"]) == 1
        complaints = [message["notice"] for message in world.messages("notifications")]
        assert [(one["data"]["kind"], one["data"]["what"]) for one in complaints] == expected
        assert {one["kind"] for one in complaints} <= {"dead_letter"}


def test_the_queue_is_away_after_the_webhook_was_stored(world: World, refuse: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The provider is told that it failed and sends again; the second delivery passes on what the first had stored."""
    for name in ("storefront_http/place_order", "payments_sandbox/pay"):
        world.play(name)
    refuse("sqs", "send_message", failing("ServiceUnavailable"))
    event = sample("payments_webhook/succeeded")
    answer = contract.check(event, world.call("payments_webhook", event))
    assert (answer["statusCode"], answer["headers"]["Retry-After"]) == (503, "1")
    monkeypatch.undo()
    assert world.messages("payments") == []
    assert world.play("payments_webhook/succeeded")["statusCode"] == 200
    assert len(world.messages("payments")) == 1


def test_the_store_of_secrets_is_away(world: World, refuse: Any) -> None:
    secrets.secret.cache_clear()
    refuse("secretsmanager", "get_secret_value", failing("InternalServiceError"))
    event = sample("orders_http/show_order")
    answer = contract.check(event, world.call("orders_http", event))
    assert (answer["statusCode"], body(answer)["code"]) == (503, "unavailable")


@pytest.mark.parametrize("code", ["ResourceNotFoundException", "AccessDeniedException", "ProvisionedThroughputExceededException"])
def test_not_ready_without_its_tables(world: World, trouble: Any, code: str) -> None:
    trouble(load("health_http").tables[1], "get_item", *[failing(code)] * 99)
    for name in ("health_http/ready", "health_http/health"):
        answer = world.play(name)
        assert (answer["statusCode"], body(answer)["status"], answer["headers"]["Retry-After"]) == (503, "unavailable", "5")
    assert world.play("health_http/live")["statusCode"] == 200


AWAY = {"busy": failing("ThrottlingException"), "away": EndpointConnectionError(endpoint_url="https://dynamodb")}


@pytest.mark.parametrize("fault", AWAY.values(), ids=AWAY)
def test_a_store_that_is_busy_or_away_is_a_503_that_may_be_tried_again(world: World, trouble: Any, fault: Exception) -> None:
    """After as many calls as one call may cost: no layer above tries again."""
    table = load("storefront_http").products._table
    store = trouble(table, "get_item", *[fault] * 99)
    event = sample("storefront_http/show_product")
    answer = contract.check(event, world.call("storefront_http", event))
    assert (answer["statusCode"], body(answer)["code"], answer["headers"]["Retry-After"]) == (503, "unavailable", "1")
    assert 2 < store.asked <= table.patience.tries


@pytest.mark.parametrize("fault", AWAY.values(), ids=AWAY)
def test_a_short_trouble_of_the_store_is_noticed_by_nobody(world: World, trouble: Any, fault: Exception) -> None:
    store = trouble(load("storefront_http").products._table, "get_item", fault, fault)
    assert world.play("storefront_http/show_product")["statusCode"] == 200
    assert store.asked == 3


@pytest.mark.parametrize("fault", [failing("ValidationException"), NoCredentialsError()], ids=["refused", "never sent"])
def test_a_fault_of_ours_is_no_busy_store(world: World, trouble: Any, fault: Exception) -> None:
    """A 503 would be tried again for ever, and nobody would be called."""
    store = trouble(load("storefront_http").products._table, "get_item", *[fault] * 99)
    answer = world.play("storefront_http/show_product")
    assert (answer["statusCode"], "Retry-After" in answer["headers"]) == (500, False)
    assert store.asked == 1


def test_the_sweep_goes_on_after_a_lock_that_fails(world: World, trouble: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("storefront_http/place_order", "storefront_http/place_order_partial"):
        assert world.play(name)["statusCode"] == 201
    world.later(minutes=16)
    stock = load("stock_sweep").stock.levels._table
    trouble(stock, "update_item", *[failing("ThrottlingException")] * stock.patience.tries)
    first = world.play("stock_sweep/tick")
    assert (first["locks"], first["failed"]) == (2, 1)
    monkeypatch.undo()
    second = world.play("stock_sweep/tick")
    assert (second["locks"], second["failed"]) == (1, 0)
    assert [level["avail"] == level["on_hand"] for level in world.items("stock") if level["sk"] == "LEVEL"] == [True] * 3


def test_a_shop_whose_reconciliation_cannot_begin_keeps_no_other_waiting(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    module = load("payments_reconcile")
    begin = module.begin

    def breaking(shop: str, *given: Any, **named: Any) -> Any:
        if shop == "demo":
            raise ZeroDivisionError
        return begin(shop, *given, **named)

    monkeypatch.setattr(module, "begin", breaking)
    answer = world.play("payments_reconcile/pending")
    assert (list(answer["runs"]), answer["at_work"], answer["failed"]) == (["other"], [], ["demo"])
