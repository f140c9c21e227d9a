"""A shop's day, as its digest counts it: orders, stock, webhooks."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from holdfast.kernel.time import rfc3339
from holdfast.notifications.digesting import AT_ONCE, Counted, Placed, Span, Waiting
from holdfast.notifications.kinds import Kind
from holdfast.notifications.letter import LowStock
from holdfast.orders import rules, search_keys, searching
from holdfast.orders.model import Order, Status
from holdfast.tenants.model import Shop
from holdfast.webhooks.model import State
from holdfast.webhooks.ports import WebhookStore
from holdfast.wiring.watching import ShelfOfShop

OWING = (Status.AWAITING_STOCK, Status.PARTIALLY_FULFILLED)
EVER = searching.Span(searching.EARLIEST, searching.LATEST)
Positions = Callable[[searching.Span, int], list[str]]


class Several(Protocol):
    def several(self, shop: str, orders: Sequence[str]) -> list[Order]: ...


@dataclass(frozen=True)
class BooksOfShop:
    """`notifications.digesting.Books`."""

    shop: Callable[[str], Shop]
    search: searching.Search
    orders: Several
    shelf: ShelfOfShop
    webhooks: WebhookStore

    def wanted(self, shop: str) -> bool:
        settings = self.shop(shop)
        return bool(settings.staff_emails) and Kind.DAILY_DIGEST not in settings.mails_off

    def placed(self, shop: str, span: Span, most: int) -> Placed:
        """What came for them until now; what went back is not taken off."""
        found, more = self._orders(shop, lambda at, limit: self.search.listed(shop, at, limit), most, _between(span))
        taken = Counter[str]()
        for order in found:
            taken[order.currency] += order.payment.captured
        return Placed(Counter(order.status.value for order in found), taken, more)

    def waiting(self, shop: str, most: int) -> Waiting:
        found, more = self._orders(shop, lambda at, limit: self.search.in_status(shop, OWING, at, limit), most)
        owing = [units for order in found if (units := sum(rules.owed(order, line) for line in order.lines))]
        return Waiting(len(owing), sum(owing), more)

    def reviews(self, shop: str, most: int) -> Counted:
        """Money that does not match, and disputes that no bank has decided."""
        undecided = [Status.PAYMENT_REVIEW]
        review, more = self._orders(shop, lambda at, limit: self.search.in_status(shop, undecided, at, limit), most)
        disputed, more_disputed = self._orders(shop, lambda at, limit: self.search.found(shop, searching.DISPUTED, at, limit), most)
        open_ones = {order.id for order in review if order.status is Status.PAYMENT_REVIEW}
        open_ones |= {order.id for order in disputed if any(dispute.undecided for dispute in order.disputes)}
        return Counted(len(open_ones), more or more_disputed)

    def low(self, shop: str, most: int, now: datetime) -> tuple[Sequence[LowStock], bool]:
        return self.shelf.low(shop, most, now)

    def failed_webhooks(self, shop: str, span: Span, most: int) -> Counted:
        """Deliveries of that day's events."""
        failed = seen = 0
        for endpoint in self.webhooks.endpoints(shop):
            after: str | None = None
            while seen < most:
                page, after = self.webhooks.page(shop, endpoint.id, AT_ONCE, after, span.start, span.end)
                failed, seen = failed + sum(delivery.state is State.FAILED for delivery in page), seen + len(page)
                if after is None:
                    break
            if after is not None or seen >= most:
                return Counted(failed, more=True)
        return Counted(failed)

    def _orders(self, shop: str, source: Positions, most: int, span: searching.Span = EVER) -> tuple[list[Order], bool]:
        """Newest first, at most so many; and whether there are more."""
        found: list[Order] = []
        for _ in range(most // AT_ONCE):
            positions = source(span, AT_ONCE)
            found += self.orders.several(shop, [search_keys.order_at(position) for position in positions])
            if len(positions) < AT_ONCE:
                return found, False
            span = span.below(positions[-1])
        return found, bool(source(span, 1))


def _between(span: Span) -> searching.Span:
    return searching.Span(rfc3339(span.start), rfc3339(span.end))
