"""What goes over the wire to a stand-in of a provider, and back: no sockets here, so that a test needs none."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple, Protocol

Clock = Callable[[], datetime]


class Call(NamedTuple):
    """A request to a provider. `headers` by their lower-case names; `query` decoded, the last of several values."""

    method: str
    host: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes


class Webhook(NamedTuple):
    """What the provider would POST to the shop: signed."""

    headers: dict[str, str]
    body: bytes


class Fake(Protocol):
    """A provider with a book of its own, built from its public contract and not from our connector."""

    hosts: frozenset[str]

    def answer(self, call: Call) -> Answer:
        """What the provider answers. It refuses what the real one would refuse."""
        ...

    def act(self, payment: str, action: str) -> list[Webhook]:
        """What the shopper, the bank or the clock does with the payment, and the news that the provider sends of it.

        `pay`, `decline`, `expire`, `refund` (all that is left), `refund:<minor units>`, `dispute`, `dispute_won`, `dispute_lost`,
        and, where the provider knows them, `authorize` and `pay_again`. KeyError for an unknown payment; ValueError for an action
        that the provider does not know, or not now.
        """
        ...

    def news(self) -> list[Webhook]:
        """What is on its way to the shop beside that: news of what its own calls have caused. Each once."""
        ...


def json_answer(status: int, content: Any, **headers: str) -> Answer:
    return Answer(status, {"content-type": "application/json", **headers}, json.dumps(content).encode())
