"""What may be deployed: samconfig.toml names real parameters with allowed values, and the template refuses what must never be."""

import re
from collections.abc import Mapping
from typing import Any

import pytest

from tests.infra.template_world import CONFIG, ENVIRONMENTS, PROD, Json, Sources, Stack, configured, defaults, sources, world


def refusals(parameters: Mapping[str, str], given: Sources | None = None) -> list[str]:
    """What CloudFormation says before it makes anything: the parameters' own limits, then the template's rules."""
    template = (given or sources()).root
    filled = {**defaults(template), **parameters}
    found = [f"{name} is not a parameter" for name in filled if name not in template["Parameters"]]
    found += [f"{name} is missing" for name in template["Parameters"] if name not in filled]
    found += [
        f"{name}={filled[name]}" for name, rule in template["Parameters"].items() if name in filled and not allowed(rule, filled[name])
    ]
    stack = Stack("Root", template, filled)
    for rule in template["Rules"].values():
        if stack.resolve(rule["RuleCondition"]):
            found += [one["AssertDescription"] for one in rule["Assertions"] if not stack.resolve(one["Assert"])]
    return found


def allowed(rule: Json, value: str) -> bool:
    if "AllowedValues" in rule:
        return value in map(str, rule["AllowedValues"])
    if rule["Type"] == "Number":
        return float(rule.get("MinValue", 0)) <= float(value) <= float(rule.get("MaxValue", "inf"))
    return re.search(rule.get("AllowedPattern", ""), value) is not None


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_each_environment_can_be_deployed(environment: str) -> None:
    assert refusals(configured(environment)) == []
    assert configured(environment)["Environment"] == environment


def test_each_environment_has_a_stack_of_its_own() -> None:
    names = [CONFIG[environment]["global"]["parameters"]["stack_name"] for environment in ENVIRONMENTS]
    assert names == [f"holdfast-{environment}" for environment in ENVIRONMENTS]


@pytest.mark.parametrize(
    "wrong",
    [
        {"SandboxEnabled": "true"},
        {"DeletionProtection": "false"},
        {"HoldSeconds": "4"},
        {"HoldGraceSeconds": "301"},
        {"MailSender": "nobody"},
        {"Runtime": "nodejs22.x"},
        {"StreamRecordAgeSeconds": "59"},
        {"WebhookLoopback": "true"},
        {"WebhookPorts": "443,"},
        {"WebhookTimeoutSeconds": "11"},
        {"Unknown": "x"},
    ],
    ids="-".join,
)
def test_prod_refuses(wrong: dict[str, str]) -> None:
    assert refusals(PROD) == []
    assert len(refusals({**PROD, **wrong})) == 1


def test_play_money_is_refused_by_the_rule_alone() -> None:
    """The negative control: without the rule nothing at deployment would refuse it."""
    careless = sources()
    del careless.root["Rules"]["NoPlayMoneyInProd"]
    assert refusals({**PROD, "SandboxEnabled": "true"}, careless) == []


def test_webhooks_to_this_machine_are_refused_by_the_rule_alone() -> None:
    """As above."""
    careless = sources()
    del careless.root["Rules"]["NoWebhooksToThisMachineInProd"]
    assert refusals({**PROD, "WebhookLoopback": "true"}, careless) == []


def test_arm_and_python_3_13_by_default() -> None:
    functions = world(PROD).functions().values()
    assert {(function["Runtime"], *function["Architectures"]) for function in functions} == {("python3.13", "arm64")}


def test_holds_are_long_and_play_money_is_off_by_default() -> None:
    variables: dict[str, Any] = world(PROD).functions()["StorefrontHttp"]["Environment"]["Variables"]
    assert (variables["HOLD_SECONDS"], variables["HOLD_GRACE_SECONDS"], variables["SANDBOX_ENABLED"]) == ("900", "30", "false")
