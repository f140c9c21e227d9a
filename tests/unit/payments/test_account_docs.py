"""docs/payments.md tells of each provider what the code wants: its fields, and the events to subscribe to."""

import json
import re

import pytest

from holdfast.payments.account_views import AccountStatus
from holdfast.payments.accounts import LONGEST_OVERLAP, MOST_FORMER, SHORTEST_WITH_END, USUAL_OVERLAP
from holdfast.payments.model import EventState
from holdfast.wiring.accounts import HOUR
from holdfast.wiring.providers import REAL, SECONDS_IN_A_QUEUE, SECONDS_IN_A_REQUEST, kind_of
from infra.local.paths import ROOT

PAGE = (ROOT / "docs" / "payments.md").read_text("utf-8")
NAMES = {"stripe": "Stripe", "razorpay": "Razorpay", "paypal": "PayPal", "paypro": "PayPro"}


def told_of(provider: str) -> str:
    return PAGE.split(f"### {NAMES[provider]}\n", 1)[1].split("\n##", 1)[0]


@pytest.mark.parametrize("provider", REAL)
def test_the_events_to_subscribe_to_are_those_that_the_code_wants(provider: str) -> None:
    kind = r"`([A-Z]+\.[A-Z.-]+[A-Z])`" if provider == "paypal" else r"`([a-z]+\.[a-z_.]+[a-z])`"
    others = {"gateway.paypro.by", "payment.client", "payment.client.url"}
    assert sorted(set(re.findall(kind, told_of(provider))) - others) == sorted(kind_of(provider).events)


@pytest.mark.parametrize("provider", REAL)
def test_the_example_has_the_fields_of_the_provider(provider: str) -> None:
    (example,) = re.findall(r"```json\n(.*?)\n```", told_of(provider), re.DOTALL)
    assert list(json.loads(example)) != []
    assert set(json.loads(example)) == set(kind_of(provider).credentials.model_fields)


@pytest.mark.parametrize("provider", REAL)
def test_secrets_are_fields_and_hosts_are_named(provider: str) -> None:
    kind = kind_of(provider)
    assert kind.credentials.SECRETS
    assert set(kind.credentials.model_fields) >= kind.credentials.SECRETS
    assert all(re.fullmatch(r"[a-z0-9.-]+\.[a-z]{2,3}", host) for host in kind.hosts)


def test_each_status_is_told() -> None:
    for status in (*AccountStatus, *EventState):
        assert f"| `{status}` |" in PAGE


def test_figures_are_those_of_the_code() -> None:
    assert f"0 to {LONGEST_OVERLAP // HOUR}, {USUAL_OVERLAP // HOUR} if left out" in PAGE
    assert f"a secret of {SHORTEST_WITH_END} characters" in PAGE
    assert f"for {SECONDS_IN_A_REQUEST} seconds at most in a request and {SECONDS_IN_A_QUEUE:.0f} in a queue" in PAGE
    assert (MOST_FORMER, "Three former sets are remembered at most" in PAGE) == (3, True)
