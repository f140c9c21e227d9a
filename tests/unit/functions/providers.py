"""Payment providers without a network: what a function would send over a socket is given to the stand-in of the host."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from unittest import mock
from urllib.parse import parse_qsl, unquote, urlsplit

from aws_lambda_powertools.utilities.circuit_breaker import base
from aws_lambda_powertools.utilities.circuit_breaker.persistence import base as persistence
from aws_lambda_powertools.utilities.circuit_breaker.persistence import dynamodb

from holdfast.platform.calling import Partner, PartnerUnavailable, Reply
from infra.providers.stripe import FakeStripe
from infra.providers.wire import Call, Fake

STRIPE = {
    "secret_key": "sk_test_4eC39HqLyjWDarjtT1zdp7dc",
    "webhook_secret": "whsec_9f86d081884c7d659a2feaa0c55ad015",
    "return_url": "https://shop.example/orders/{order}",
    "cancel_url": "https://shop.example/orders/{order}?paid=no",
}


class Network:
    """`down`: the hosts that do not answer. `asked`: the method and path of each call that came through."""

    def __init__(self) -> None:
        self.fakes: dict[str, Fake] = {}
        self.down: set[str] = set()
        self.asked: list[tuple[str, str]] = []

    def begin(self, clock: Callable[[], datetime]) -> None:
        self.stripe = FakeStripe(secret_key=STRIPE["secret_key"], webhook_secret=STRIPE["webhook_secret"], clock=clock)
        self.fakes = dict.fromkeys(self.stripe.hosts, self.stripe)
        self.down.clear()
        self.asked.clear()

    def exchange(self, partner: Partner, method: str, url: str, headers: Mapping[str, str], body: bytes | None, seconds: float) -> Reply:
        """In the place of `Partner._exchange`, behind the breaker."""
        assert seconds <= 8
        parts = urlsplit(url)
        if parts.netloc in self.down:
            raise PartnerUnavailable(f"{partner.name} does not answer.", retry_after=5, partner=partner.name)
        self.asked.append((method, parts.path))
        lower = {name.lower(): value for name, value in headers.items()}
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        answer = self.fakes[parts.netloc].answer(Call(method, parts.netloc, unquote(parts.path), query, lower, body or b""))
        return Reply(partner.name, answer.status, answer.headers, answer.body)


NETWORK = Network()


@contextmanager
def connected(clock: Callable[[], datetime]) -> Iterator[None]:
    """A world in which partners are stand-ins, and in which nobody remembers another world's accounts and outages."""
    NETWORK.begin(clock)
    for name, module in sys.modules.items():
        if name.startswith("tested_") and hasattr(module, "providers"):
            module.providers.seen.clear()
            module.providers.made.clear()
            vars(module.providers.wire.breaker).pop("_store", None)
    for counters in (base._LOCAL_FAILURES, base._LOCAL_SUCCESSES, base._LAST_OBSERVED_STATE):
        counters.clear()

    def exchange(partner: Partner, *given: Any) -> Reply:
        return NETWORK.exchange(partner, *given)

    with mock.patch.object(Partner, "_exchange", exchange), _at(clock):
        yield


@contextmanager
def _at(clock: Callable[[], datetime]) -> Iterator[None]:
    """The breaker looks at a clock of its own."""

    class Module:
        class datetime:  # noqa: N801
            now = staticmethod(clock)

    with mock.patch.object(base, "dt", Module), mock.patch.object(persistence, "dt", Module), mock.patch.object(dynamodb, "dt", Module):
        yield
