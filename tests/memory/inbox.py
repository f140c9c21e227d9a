"""The worker of the inbox over a house: its queue is a list that tests hand out."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from holdfast.payments import working
from holdfast.payments.model import ProviderEvent
from holdfast.wiring.settling import InboxWorld, OrdersForInbox
from tests.memory.bank import Bank
from tests.memory.house import House


@dataclass
class Passed:
    """`payments.ports.Passing`: what was handed on, and for when."""

    sent: list[tuple[ProviderEvent, dict[str, Any], timedelta]] = field(default_factory=list)

    def __call__(self, event: ProviderEvent, *, again: bool = False, looked: int = 0, delay: timedelta = timedelta()) -> None:
        self.sent.append((event, {"again": again, "looked": looked}, delay))

    def take(self) -> list[tuple[ProviderEvent, dict[str, Any], timedelta]]:
        taken, self.sent = self.sent, []
        return taken


@dataclass
class Desk:
    house: House
    bank: Bank
    passed: Passed = field(default_factory=Passed)

    @classmethod
    def of(cls, house: House, **bank: Any) -> "Desk":
        """From now on the house's provider is a bank."""
        made = Bank(**bank)
        house.stores.provider = made
        return cls(house, made)

    @property
    def world(self) -> InboxWorld:
        return InboxWorld(self.house.stores.inbox, OrdersForInbox(self.house.finaliser), self._provider, self.passed)

    def hear(self, payment: str, identity: str, **how: Any) -> ProviderEvent:
        """The bank tells of the payment as it is now."""
        return self.house.stores.inbox.add(self.bank.event(payment, identity, self.house.shop, self.house.now, **how))

    def work_at(self, event: ProviderEvent, **how: Any) -> ProviderEvent:
        after = working.work_at(event.shop, event.provider, event.id, **how, world=self.world, now=self.house.now)
        assert after is not None
        return after

    def failed(self, event: ProviderEvent, error: Exception, *, last: bool = False) -> ProviderEvent:
        inbox = self.house.stores.inbox
        after = working.failed(event.shop, event.provider, event.id, error, last=last, inbox=inbox, now=self.house.now)
        assert after is not None
        return after

    def stored(self, event: ProviderEvent) -> ProviderEvent:
        found = self.house.stores.inbox.get(event.shop, event.provider, event.id)
        assert found is not None
        return found

    @property
    def _provider(self) -> Callable[[str, str], Any]:
        return self.house._provider
