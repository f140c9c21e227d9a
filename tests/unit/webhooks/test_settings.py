"""What a deployment allows webhooks."""

import pytest
from pydantic import ValidationError

from holdfast.webhooks.targets import Doors
from holdfast.wiring.webhooks import WebhookSettings


def test_nothing_but_https_unless_told() -> None:
    assert WebhookSettings.load({"ENVIRONMENT": "prod"}).doors == Doors(ports=frozenset({443}), loopback=False)


def test_ports_as_a_variable_has_them() -> None:
    assert WebhookSettings.load({"ENVIRONMENT": "dev", "WEBHOOK_PORTS": "443,8443"}).doors.ports == {443, 8443}


@pytest.mark.parametrize("ports", ["", "443,", "https", "443;8443", "-1", "443, 8443"])
def test_ports_that_are_none_stop_the_start(ports: str) -> None:
    with pytest.raises(ValidationError):
        WebhookSettings.load({"ENVIRONMENT": "dev", "WEBHOOK_PORTS": ports})


@pytest.mark.parametrize("environment", ["local", "dev", "staging"])
def test_this_machine_is_for_laptops(environment: str) -> None:
    assert WebhookSettings.load({"ENVIRONMENT": environment, "WEBHOOK_LOOPBACK": "true"}).doors.loopback
    with pytest.raises(ValidationError, match="prod"):
        WebhookSettings.load({"ENVIRONMENT": "prod", "WEBHOOK_LOOPBACK": "true"})
