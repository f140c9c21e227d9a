"""A line to a stand-in whose other end can be changed in the middle of a test."""

from collections.abc import Callable

from infra.providers.wire import Answer, Call, Fake, Webhook
from tests.unit.payments import stand_in

Answering = Callable[[Call], Answer]


class Line(stand_in.Line):
    """Calls go to `answering`. `dropped`: the ends of paths, each of which loses one reply after it had its effect."""

    def __init__(self, fake: Fake) -> None:
        super().__init__("a stand-in", End(fake, self))
        self.answering: Answering = fake.answer
        self.dropped: list[str] = []

    def times(self, ending: str) -> int:
        """How often something was asked there."""
        return sum(call.path.endswith(ending) for call in self.calls)


class End:
    """The end of a line."""

    def __init__(self, fake: Fake, line: Line) -> None:
        self.hosts = fake.hosts
        self._line = line

    def answer(self, call: Call) -> Answer:
        answer = self._line.answering(call)
        ending = next(filter(call.path.endswith, self._line.dropped), None)
        if ending is None:
            return answer
        self._line.dropped.remove(ending)
        return Answer(599, {}, b"the reply got lost")

    def act(self, payment: str, action: str) -> list[Webhook]:
        raise NotImplementedError("ask the stand-in itself")


def answers(status: int, body: bytes) -> Answering:
    return lambda _: Answer(status, {}, body)
