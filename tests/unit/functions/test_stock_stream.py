"""The stream of stock: an image that does not add up is told of at once and holds up nobody."""

import json
from copy import deepcopy
from time import perf_counter
from typing import Any

import pytest

from tests.infra import template_rules as rules
from tests.infra.template_world import PROD
from tests.infra.template_world import world as deployed
from tests.unit.functions.world import World, load, sample

Batch = dict[str, Any]
DAMAGED = "stock_stream/level_out_of_balance"


def batch(*names: str) -> Batch:
    """Samples in one batch, each with a number of its own."""
    records = [deepcopy(record) for name in names for record in sample(name)["Records"]]
    for number, record in enumerate(records):
        record["dynamodb"]["SequenceNumber"] = str(number)
    return {"Records": records}


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]


def counted(told: list[dict[str, Any]]) -> list[float]:
    return [number for line in told for number in line.get("StockConservationViolated", [])]


def test_a_violation_is_a_metric_and_a_line_with_both_images(
    world: World, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    capsys.readouterr()
    caplog.clear()
    assert world.call("stock_stream", batch(DAMAGED)) == {"batchItemFailures": []}
    assert counted(lines(capsys)) == [1.0]
    (error,) = [vars(record) for record in caplog.records if record.levelname == "ERROR"]
    assert error["violations"] == ["sum_broken", "version_skipped"]
    assert [(image["pk"], image["avail"]) for image in (error["image"], error["image_before"])] == [
        ({"S": "demo#licence#0"}, {"N": "7"}),
        ({"S": "demo#licence#0"}, {"N": "3"}),
    ]


def test_each_violation_counts(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    world.call("stock_stream", batch(DAMAGED, "stock_stream/level_taken", DAMAGED))
    assert sum(counted(lines(capsys))) == 2


def test_a_healthy_image_says_nothing(world: World, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    capsys.readouterr()
    caplog.clear()
    world.call("stock_stream", batch("stock_stream/level_taken"))
    assert (counted(lines(capsys)), [record for record in caplog.records if record.levelname != "INFO"]) == ([], [])


def test_what_comes_after_a_violation_is_forwarded(world: World) -> None:
    assert world.call("stock_stream", batch(DAMAGED, "stock_stream/restocked", "stock_stream/level_crowded")) == {"batchItemFailures": []}
    assert [message["kind"] for message in world.messages("fulfilment")] == ["restock"]
    assert [message["kind"] for message in world.messages("stock")] == ["grow"]


@pytest.mark.parametrize(
    "damage", [{"lk": {"S": "nothing"}}, {"ver": {"S": "five"}}, {"avail": {"NULL": True}}, {"pk": {"S": "x"}}], ids=str
)
def test_an_image_that_cannot_be_read_is_told_of_and_holds_up_nobody(
    world: World, capsys: pytest.CaptureFixture[str], damage: dict[str, Any]
) -> None:
    event = batch("stock_stream/level_taken", "stock_stream/restocked")
    event["Records"][0]["dynamodb"]["NewImage"] |= damage
    capsys.readouterr()
    assert world.call("stock_stream", event) == {"batchItemFailures": []}
    assert counted(lines(capsys)) == [1.0]
    assert len(world.messages("fulfilment")) == 1


def test_what_was_counted_is_told_though_the_queue_refuses(
    world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(message: Any) -> None:
        raise ConnectionError

    monkeypatch.setattr(load("stock_stream").fulfilment, "send", refuse)
    answer = world.call("stock_stream", batch(DAMAGED, "stock_stream/restocked", "stock_stream/level_crowded"))
    assert answer == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    assert counted(lines(capsys)) == [1.0]
    assert world.messages("stock") == []  # the stream goes on from the record that failed


def test_the_alarm_listens_where_the_function_speaks() -> None:
    here = deployed(PROD)
    alarm = here.resources("AWS::CloudWatch::Alarm")["Monitoring/StockConservation"]
    spoken = here.resources("AWS::Lambda::Function")["Root/StockStream"]["Environment"]["Variables"]
    assert alarm["Namespace"] == spoken["POWERTOOLS_METRICS_NAMESPACE"]
    assert alarm["Dimensions"] == [{"Name": "service", "Value": spoken["POWERTOOLS_SERVICE_NAME"]}]
    assert (alarm["MetricName"], alarm["Threshold"], alarm["Period"]) == ("StockConservationViolated", 0, 60)
    assert rules.alarms_tell_somebody(here) == []


def test_a_full_batch_of_crowded_levels_takes_milliseconds(world: World) -> None:
    """Sixty live locks in each of a hundred images. The bound is many times what a laptop needs."""
    event = batch(*["stock_stream/level_crowded"] * 100)
    for record in event["Records"]:
        record["dynamodb"]["OldImage"] = {**record["dynamodb"]["NewImage"], "ver": {"N": "61"}}
    began = perf_counter()
    assert world.call("stock_stream", event) == {"batchItemFailures": []}
    assert (perf_counter() - began) / 100 < 0.005


def free(old: int | None, new: int, part: str = "0") -> dict[str, Any]:
    """A write that leaves so many units free."""
    (record,) = batch("stock_stream/level_taken")["Records"]
    images = record["dynamodb"]
    images["Keys"]["pk"]["S"] = images["NewImage"]["pk"]["S"] = images["OldImage"]["pk"]["S"] = f"demo#licence#{part}"
    images["NewImage"]["avail"], images["OldImage"]["avail"] = {"N": str(new)}, {"N": str(old)}
    if old is None:
        del images["OldImage"]
    found: dict[str, Any] = record
    return found


@pytest.mark.parametrize(
    ("old", "new", "hinted"),
    [(5, 4, True), (4, 5, True), (1, 0, True), (5, 5, False), (None, 5, True), (None, 0, False), (64, 63, True), (66, 65, False)],
)
def test_a_shelf_that_fills_or_empties_is_told_to_those_who_watch_it(world: World, old: int | None, new: int, hinted: bool) -> None:
    world.call("stock_stream", {"Records": [free(old, new)]})
    assert world.messages("notifications") == ([{"kind": "low_stock", "shop": "demo", "sku": "licence"}] if hinted else [])


def test_of_many_writes_of_a_batch_each_shelf_is_told_once(world: World) -> None:
    """Whoever looks sees what all of them have made of it."""
    others = [free(9, 8)]
    others[0]["dynamodb"]["NewImage"]["pk"]["S"] = "demo#box#0"
    world.call("stock_stream", {"Records": [free(5, 4), free(4, 3), free(8, 7, part="1"), *others]})
    assert [message["sku"] for message in world.messages("notifications")] == ["licence", "box"]


@pytest.mark.parametrize("part", ["promise", "buyer-0123456789abcdef"])
def test_permissions_are_no_units(world: World, part: str) -> None:
    world.call("stock_stream", {"Records": [free(5, 4, part)]})
    assert world.messages("notifications") == []
