"""Streams, queues and schedules over the stores in memory: what was written is told, what failed comes again, time goes on."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from holdfast.kernel.errors import HoldfastError
from holdfast.notifications.kinds import OF_EVENTS
from holdfast.notifications.telling import RESENT
from holdfast.orders import events
from holdfast.orders.model import Order
from holdfast.payments.model import EventState, News
from tests.memory.engine import Memory
from tests.memory.house import House

DELIVERIES = 8
GIVES_UP = {events.REFUND_DUE, events.PARTIALLY_REFUNDED, events.REFUNDED, events.CHARGED_BACK, events.CANCELLED}


@dataclass
class Backstage:
    memory: Memory
    house: House
    published: dict[str, int] = field(default_factory=dict)
    forwarded: dict[str, int] = field(default_factory=dict)

    def messages(self) -> list[Callable[[], Any]]:
        """What the streams have to tell since the last time."""
        told: list[Callable[[], Any]] = []
        for order in self.orders():
            for event in self.house.stores.orders.timeline(order)[self.published.get(order.id, 0) :]:
                told += self._of_event(order, event)
            self.published[order.id] = order.seq
        for key in [key for key in self.memory.rows if key[0] == "head"]:
            sku, restocks = str(key[2]), self.memory.rows[key].restocks
            if restocks != self.forwarded.get(sku, 0):
                told.append(lambda sku=sku: self.house.feed(sku))  # type: ignore[misc]
            self.forwarded[sku] = restocks
        return [*told, *self._post()]

    def run(self) -> None:
        """Until nothing is left to tell. A message that fails comes again, later."""
        while queue := self.messages():
            for message in queue:
                self.deliver(message)

    def deliver(self, message: Callable[[], Any]) -> None:
        for attempt in range(DELIVERIES):
            try:
                message()
                return
            except HoldfastError:
                assert attempt < DELIVERIES - 1, "this message would end as a dead letter"
                self.house.now += timedelta(seconds=30)

    def providers_repeat(self) -> None:
        """Webhooks come again until they are answered; also those whose first delivery died."""
        for order in self.orders():
            if self.house.stores.provider.status(order.payment.id).news is not News.PENDING:
                event = self.house.webhook(order)
                if event.state is not EventState.IGNORED:
                    self.deliver(lambda event=event: self.house.work_at(event))  # type: ignore[misc]

    def settle_down(self) -> None:
        """Everything that was begun comes to its end: hours go by, schedules tick."""
        self.house.now += timedelta(seconds=11)
        for _ in range(3):
            self.run()
            self.providers_repeat()
            self.run()
            self.house.now += timedelta(hours=1)
            self.house.sweep()

    def orders(self) -> list[Order]:
        return self.memory.of("order", self.house.shop)

    def _post(self) -> list[Callable[[], Any]]:
        """What notifications have sent themselves, as far as its time has come."""
        return [lambda message=message: self.house.work_post(message) for message in self.house.post.due(self.house.now)]  # type: ignore[misc]

    def _of_event(self, order: Order, event: Any) -> list[Callable[[], Any]]:
        told: list[Callable[[], Any]] = []
        if event.type == events.PAID:
            told.append(lambda: self.house.serve(order))
        if event.type in GIVES_UP:
            told.append(lambda: self.house.forget(order))
        if event.type == events.REFUND_DUE:
            told.append(lambda: self.house.finish_refunds(order))
        if event.type == events.CANCELLED:
            told.append(lambda: self.house.void(order))
        if event.type in {*OF_EVENTS, RESENT}:
            told.append(lambda: self.house.tell(order, event))
        return told
