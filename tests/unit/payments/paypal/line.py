"""A partner whose other end is a stand-in: no network, and replies that get lost after they had their effect."""

from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl, urlsplit

from holdfast.platform.calling import Partner, PartnerThrottles, PartnerUnavailable, Reply, unguarded
from infra.providers.wire import Answer, Call, Fake

Answering = Callable[[Call], Answer]


class Line(Partner):
    """Calls go to `answering`. `lost`: how many replies get lost next; `calls`: what was asked."""

    def __init__(self, fake: Fake, answering: Answering | None = None) -> None:
        super().__init__("a stand-in", fake.hosts, breaker=unguarded, seconds=5)
        self.answering = answering or fake.answer
        self.calls: list[Call] = []
        self.lost: list[str] = []

    def call(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None, *, seconds: float | None = None) -> Reply:
        parts = urlsplit(self._address(url))
        asked = Call(
            method, parts.netloc, parts.path, dict(parse_qsl(parts.query)), {k.lower(): v for k, v in headers.items()}, body or b""
        )
        self.calls.append(asked)
        answer = self.answering(asked)
        if self.lost and asked.path.endswith(self.lost[0]):
            self.lost.pop(0)
            raise PartnerUnavailable("the reply got lost", partner=self.name)
        if answer.status >= 500:
            raise PartnerUnavailable("broken", partner=self.name)
        if answer.status == 429:
            raise PartnerThrottles("too many", partner=self.name)
        return Reply(self.name, answer.status, answer.headers, answer.body)

    def asked(self, ending: str) -> int:
        return sum(call.path.endswith(ending) for call in self.calls)


def answers(status: int, body: bytes) -> Answering:
    return lambda _: Answer(status, {}, body)
