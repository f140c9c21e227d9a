"""A cold start stops at a missing or malformed setting, and shows no value of any other."""

import pytest
from pydantic import ValidationError

from holdfast.platform.settings import FunctionSettings, HoldSettings, SandboxSettings

GOOD = {"ENVIRONMENT": "dev", "HOLD_SECONDS": "900", "HOLD_GRACE_SECONDS": "30", "SOMETHING_ELSE": "x"}


class WithSecret(HoldSettings):
    token_secret_arn: str


def test_fields_are_variables() -> None:
    settings = HoldSettings.load(GOOD)
    assert (settings.environment, settings.hold.total_seconds(), settings.grace.total_seconds()) == ("dev", 900, 30)


@pytest.mark.parametrize("name", ["ENVIRONMENT", "HOLD_SECONDS", "HOLD_GRACE_SECONDS"])
def test_a_missing_one_stops_the_start(name: str) -> None:
    with pytest.raises(ValidationError, match=name.lower()):
        HoldSettings.load({key: value for key, value in GOOD.items() if key != name})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HOLD_SECONDS", "4"),
        ("HOLD_SECONDS", "86401"),
        ("HOLD_SECONDS", "soon"),
        ("HOLD_SECONDS", ""),
        ("HOLD_GRACE_SECONDS", "-1"),
        ("HOLD_GRACE_SECONDS", "301"),
    ],
)
def test_a_malformed_one_stops_the_start_without_being_shown(name: str, value: str) -> None:
    with pytest.raises(ValidationError) as stopped:
        WithSecret.load({**GOOD, name: value, "TOKEN_SECRET_ARN": "arn:very-secret"})
    assert "very-secret" not in str(stopped.value)
    assert "input_value" not in str(stopped.value)


@pytest.mark.parametrize(("environment", "enabled", "taken"), [("prod", "false", False), ("dev", "true", True), ("local", "false", False)])
def test_play_money_by_parameter(environment: str, enabled: str, taken: bool) -> None:
    assert SandboxSettings.load({"ENVIRONMENT": environment, "SANDBOX_ENABLED": enabled}).sandbox_enabled is taken


def test_play_money_is_off_unless_allowed_and_never_in_production() -> None:
    assert SandboxSettings.load({"ENVIRONMENT": "dev"}).sandbox_enabled is False
    with pytest.raises(ValidationError, match="prod"):
        SandboxSettings.load({"ENVIRONMENT": "prod", "SANDBOX_ENABLED": "true"})


def test_settings_do_not_change() -> None:
    settings = FunctionSettings.load(GOOD)
    with pytest.raises(ValidationError):
        settings.environment = "prod"
