"""The orders context, as the finder of orphans sees it. Apart from the others: who sells need not load repairs."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from holdfast.orders import rules
from holdfast.orders.model import Order, Status
from holdfast.stock.orphans import Holder
from holdfast.wiring.orders import OrdersForSweep


@dataclass(frozen=True)
class OrdersForOrphans(OrdersForSweep):
    """`stock.orphans.OrderBook`."""

    def holder(self, shop: str, order: str) -> Holder | None:
        found = self.orders.get(shop, order)
        return _holder(found) if found else None

    def holders(self, shop: str, since: datetime) -> Iterator[Holder]:
        start: str | None = None
        while True:
            page, start = self.orders.page(shop, 100, start)
            for order in page:
                if order.created_at < since:
                    return
                yield _holder(order)
            if start is None:
                return


def _holder(order: Order) -> Holder:
    return Holder(
        order=order.id,
        lock=order.hold.lock if order.hold else None,
        expires_at=order.hold.expires_at if order.hold else None,
        open=order.status in rules.AWAITING_MONEY,
        pending=order.status is Status.PENDING_PAYMENT,
    )
