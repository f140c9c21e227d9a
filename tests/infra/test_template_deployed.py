"""What the template asks for is there once it is deployed, the parts included that the emulator drops and the local tools put back."""

from typing import Any

import pytest

from infra.local.aws import client
from tests.infra import template_rules as rules
from tests.infra.template_world import LOCAL, World, world

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def asked() -> World:
    return world(LOCAL)


def test_routes(stack: dict[str, Any], asked: World) -> None:
    """Each method named, and ANY beside them on every path."""
    gateway = client("apigateway", stack["emulator_url"])
    rows = gateway.get_resources(restApiId=stack["api_id"], limit=500)["items"]
    there = {(method, row["path"]) for row in rows for method in row.get("resourceMethods", {})}
    wanted = set(rules.routes(asked))
    assert there == wanted | {("ANY", path) for _, path in wanted}


def test_functions(stack: dict[str, Any], asked: World) -> None:
    assert set(stack["functions"]) == {rules.snake(name) for name in asked.functions()}


def test_mappings(stack: dict[str, Any], asked: World) -> None:
    """Every one enabled, at its function; those of streams with their filter and their way out."""
    rows = client("lambda", stack["emulator_url"]).list_event_source_mappings()["EventSourceMappings"]
    there = sorted(
        (row["FunctionArn"].split("holdfast-local-")[1], row["State"], _pattern(row), "OnFailure" in (row.get("DestinationConfig") or {}))
        for row in rows
    )
    wanted = sorted(
        (rules.snake(row["FunctionName"].removeprefix("Root/")), "Enabled", _pattern(row), "DestinationConfig" in row)
        for row in asked.resources("AWS::Lambda::EventSourceMapping").values()
    )
    assert there == wanted


def test_time_to_live(stack: dict[str, Any]) -> None:
    dynamodb = client("dynamodb", stack["emulator_url"])
    described = {
        name: dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"].get("AttributeName")
        for name, table in stack["tables"].items()
    }
    assert {f"Data/{name.title()}" for name, attribute in described.items() if attribute == "ttl"} == rules.TTL_TABLES


def test_rules_of_the_default_bus(stack: dict[str, Any]) -> None:
    """Schedules, and the one that hears of mails."""
    events = client("events", stack["emulator_url"])
    found = {
        (rule.get("ScheduleExpression"), target["Arn"].split(":")[-1], "DeadLetterConfig" in target)
        for rule in events.list_rules()["Rules"]
        for target in events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
    }
    assert found == {
        ("rate(5 minutes)", stack["functions"]["stock_sweep"], True),
        ("rate(1 minute)", stack["functions"]["webhooks_retry"], True),
        ("rate(15 minutes)", stack["functions"]["fulfilment_schedule"], True),
        ("rate(5 minutes)", stack["functions"]["notifications_schedule"], True),
        ("cron(0 6 * * ? *)", stack["functions"]["notifications_schedule"], True),
        (None, stack["functions"]["notifications_mail_events"], True),
        ("rate(30 minutes)", stack["functions"]["payments_reconcile"], True),
        ("rate(6 hours)", stack["functions"]["payments_reconcile"], True),
        ("cron(30 2 * * ? *)", stack["functions"]["payments_reconcile"], True),
    }


def test_refusals_of_the_gateway(stack: dict[str, Any], asked: World) -> None:
    rows = client("apigateway", stack["emulator_url"]).get_gateway_responses(restApiId=stack["api_id"])["items"]
    there = {row["responseType"]: row["statusCode"] for row in rows if not row.get("defaultResponse")}
    wanted = {kind: str(response["statusCode"]) for kind, response in rules.gateway_responses(asked).items()}
    assert there == wanted


def _pattern(row: dict[str, Any]) -> str:
    return "".join(one["Pattern"] for one in (row.get("FilterCriteria") or {}).get("Filters", []))
