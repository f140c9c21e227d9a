"""A shop with webhook endpoints over any store: what tests of webhooks are written against."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from holdfast.webhooks import delivering, endpoints
from holdfast.webhooks.delivering import Attempted, Happened
from holdfast.webhooks.model import Delivery, Endpoint
from holdfast.webhooks.ports import EventTypes, Mailroom, WebhookStore
from holdfast.webhooks.targets import Doors
from tests.memory.webhooks import Kept, PlainSealer, Receiver

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
PAID, NOTE = "order.paid.v1", "order.note_added.v1"
TYPES = EventTypes(all=frozenset({PAID, NOTE, "order.refunded.v1"}), confidential=frozenset({NOTE}))
URL = "https://shop.example/in"


def no_jitter(_: int) -> int:
    return 100


@dataclass
class Shop:
    """`now` is moved by hand; `receiver` answers, `messages` are those that were sent to the queue."""

    store: WebhookStore
    shop: str
    receiver: Receiver = field(default_factory=Receiver)
    messages: Kept = field(default_factory=Kept)
    sealer: PlainSealer = field(default_factory=PlainSealer)
    now: datetime = NOW

    @property
    def room(self) -> Mailroom:
        return Mailroom(self.store, self.sealer, self.receiver, self.messages, no_jitter)

    def endpoint(self, *events: str, url: str = URL) -> Endpoint:
        return self.added(*events, url=url).endpoint

    def added(self, *events: str, url: str = URL) -> endpoints.WithSecret:
        command = endpoints.AddEndpoint(shop=self.shop, url=url, events=events or ("*",))
        return endpoints.add(command, store=self.store, sealer=self.sealer, types=TYPES, doors=Doors(), now=self.now)

    def event(self, identity: str = "evt_1", type_: str = PAID, **data: Any) -> Happened:
        return Happened(shop=self.shop, id=identity, type=type_, at=NOW, order="ord_1", status="paid", seq=2, data=data)

    def hear(self, event: Happened | None = None) -> int:
        told = event or self.event()
        return delivering.fan_out(told, confidential=TYPES.confidential, store=self.store, messages=self.messages, now=self.now)

    def only(self, endpoint: Endpoint) -> Delivery:
        (found,) = self.store.page(self.shop, endpoint.id, 10, None, None, None)[0]
        return found

    def attempt(self, delivery: Delivery) -> Attempted | None:
        return delivering.attempt(self.shop, delivery.endpoint, delivery.id, room=self.room, now=self.now)

    def tick(self) -> int:
        """How many of this shop's deliveries were handed over: the schedule serves all shops of the store."""
        before = len(self.messages.sent)
        delivering.send_due(store=self.store, messages=self.messages, now=self.now)
        return sum(message["shop"] == self.shop for message, _ in self.messages.sent[before:])

    def later(self, **by: int) -> None:
        self.now += timedelta(**by)
