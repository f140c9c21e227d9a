"""A partner on this machine, and metrics that can be read."""

import pytest

from holdfast.platform import metrics
from holdfast.platform.calling import Breaker, Partner, Reply, unguarded
from tests.unit.webhooks.receivers import Server

HOST = "api.partner.example"
URL = f"https://{HOST}/v1/things?a=1"


def partner(server: Server, seconds: float = 3.0, breaker: Breaker = unguarded) -> Partner:
    return Partner("partner", frozenset({HOST}), breaker=breaker, seconds=seconds, reroute=f"http://127.0.0.1:{server.port}/fakes/")


def ask(server: Server, seconds: float = 3.0, breaker: Breaker = unguarded) -> Reply:
    return partner(server, seconds, breaker).call("POST", URL, {"Authorization": "Bearer x"}, b"a=1")


def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []
    monkeypatch.setattr(metrics, "count", lambda name, quantity=1: found.extend([name] * quantity))
    return found
