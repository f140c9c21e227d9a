"""A `Partner` whose other end is a fake provider, or canned answers, in this very process: hosts are checked as in the real one."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from holdfast.platform.calling import Partner, PartnerThrottles, PartnerUnavailable, Reply, unguarded
from infra.providers.wire import Answer, Call, Fake


class Canned(NamedTuple):
    """An answer that no fake would give."""

    status: int
    body: bytes = b""


class Line(Partner):
    """`calls` is what was sent. `lose(n)`: the n-th call from now on has its effect, and the reply gets lost. `canned`: answers that come
    before the fake's.
    """

    def __init__(self, name: str, fake: Fake) -> None:
        super().__init__(name, fake.hosts, breaker=unguarded, seconds=1.0)
        self._fake = fake
        self.calls: list[Call] = []
        self.canned: list[Canned | None] = []
        self.lost: set[int] = set()

    def lose(self, nth: int = 1) -> None:
        self.lost.add(len(self.calls) + nth)

    def asked(self, method: str) -> list[str]:
        return [call.path for call in self.calls if call.method == method]

    def call(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None, **limits: Any) -> Reply:
        call = called(method, url, headers, body)
        if not url.startswith("https://") or call.host not in self._fake.hosts:
            raise ValueError(f"{call.host} is not a host of {self.name}")
        self.calls.append(call)
        canned = self.canned.pop(0) if self.canned else None
        answer = Answer(canned.status, {}, canned.body) if canned else self._fake.answer(call)
        if len(self.calls) in self.lost or answer.status >= 500:
            raise PartnerUnavailable("no answer", partner=self.name)
        if answer.status == 429:
            raise PartnerThrottles("fewer calls", partner=self.name)
        return Reply(self.name, answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.body)


def called(method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Call:
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    return Call(method, parts.netloc, parts.path, query, {name.lower(): value for name, value in headers.items()}, body or b"")


def as_json(content: Any) -> Canned:
    return Canned(200, json.dumps(content).encode())
