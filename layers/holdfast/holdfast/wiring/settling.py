"""The orders context, as the inbox of provider events sees it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from holdfast.orders import settlement
from holdfast.orders.errors import UnknownOrder
from holdfast.orders.paying import Outcome, World
from holdfast.payments import ports
from holdfast.payments.model import ProviderEvent, ProviderFact, Standing
from holdfast.wiring.payments import fact_of, standing_of


@dataclass(frozen=True)
class OrdersForInbox:
    """`payments.ports.Orders`."""

    world: World

    def standing(self, shop: str, order: str) -> Standing | None:
        found = self.world.orders.get(shop, order)
        return standing_of(found) if found is not None else None

    def settle(self, news: ProviderFact, event: ProviderEvent, now: datetime) -> ports.Settling | None:
        fact = fact_of(news, event.provider, event=event)
        if fact is None:
            raise TypeError("nothing that could be settled")
        try:
            settled = settlement.settle(fact, world=self.world, now=now)
        except UnknownOrder:
            return None
        return ports.Settling(settled.outcome is Outcome.APPLIED, settled.reason)

    def finish(self, event: ProviderEvent, now: datetime) -> None:
        if event.order is not None:
            settlement.finish_refunds(event.shop, event.order, world=self.world, now=now)


@dataclass(frozen=True)
class InboxWorld:
    """`payments.working.World`."""

    inbox: ports.Inbox
    orders: ports.Orders
    provider: Callable[[str, str], ports.Provider]
    pass_on: ports.Passing
