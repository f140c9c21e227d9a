"""The daily digest: a shop's day in UTC, in some numbers, for its staff. Counted the morning after, once for each day and shop.

Each count reads so many things at most; what is told says when there was more.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple, Protocol

from holdfast.kernel.model import Model
from holdfast.kernel.money import Money
from holdfast.notifications import rules
from holdfast.notifications.kinds import Kind
from holdfast.notifications.letter import Digest, Failures, LowStock, Waiters
from holdfast.notifications.model import Notice, Status
from holdfast.notifications.ports import Messages, Notifications

MESSAGE = "digest"
LOW_SHOWN = 20
MOST_COUNTED = 2000
"""Orders of a day. They are read a hundred at a time."""
MOST_WAITING = 500
MOST_FAILED = 500
AT_ONCE = 100
OLDEST = timedelta(days=30)
"""A digest of a day longer ago is asked for by mistake: what is counted by then has expired."""
GIVEN_UP = rules.BAD - {Status.SUPPRESSED}
"""Who wants no mails is no failure."""


class Span(NamedTuple):
    """From `start` on, and before `end`."""

    start: datetime
    end: datetime

    def has(self, instant: datetime) -> bool:
        return self.start <= instant < self.end


class Counted(NamedTuple):
    """`more`: there are more, which were not counted."""

    number: int
    more: bool = False


class Placed(NamedTuple):
    """Orders that were placed, by what became of them, and what came for them: minor units by currency."""

    by_status: Mapping[str, int]
    taken: Mapping[str, int]
    more: bool = False


class Waiting(NamedTuple):
    """Paid orders that wait for stock, and the units that they are owed."""

    orders: int
    units: int
    more: bool = False


class Books(Protocol):
    """What other contexts know of a shop's day."""

    def wanted(self, shop: str) -> bool:
        """Somebody reads it."""
        ...

    def placed(self, shop: str, span: Span, most: int) -> Placed: ...

    def waiting(self, shop: str, most: int) -> Waiting: ...

    def reviews(self, shop: str, most: int) -> Counted:
        """Orders whose money a person must decide about."""
        ...

    def low(self, shop: str, most: int, now: datetime) -> tuple[Sequence[LowStock], bool]:
        """SKUs at or under their threshold, and whether there may be more of them."""
        ...

    def failed_webhooks(self, shop: str, span: Span, most: int) -> Counted: ...


class Asked(Model):
    """A message: whose day."""

    shop: str
    day: date

    @property
    def span(self) -> Span:
        start = datetime(self.day.year, self.day.month, self.day.day, tzinfo=UTC)
        return Span(start, start + timedelta(days=1))


def ask(shops: Sequence[str], *, messages: Messages, now: datetime) -> int:
    """A message for each shop, about the day before. How many."""
    day = now.astimezone(UTC).date() - timedelta(days=1)
    for shop in shops:
        messages.send({"kind": MESSAGE, "shop": shop, "day": day.isoformat()})
    return len(shops)


def digest(asked: Asked, *, books: Books, notifications: Notifications, tell: Callable[[Notice], object], now: datetime) -> Notice | None:
    """Again for the same day: the same mail, which is sent once. None when the day has not ended, is long past, or nobody reads it."""
    if not asked.span.end <= now < asked.span.end + OLDEST or not books.wanted(asked.shop):
        return None
    told = count(asked, books=books, notifications=notifications, now=now)
    notice = Notice(
        shop=asked.shop,
        event=f"{asked.shop}#digest#{asked.day.isoformat()}",
        kind=Kind.DAILY_DIGEST,
        at=asked.span.end,
        subject=f"digest#{asked.day.isoformat()}",
        data=told.model_dump(mode="json"),
    )
    tell(notice)
    return notice


def count(asked: Asked, *, books: Books, notifications: Notifications, now: datetime) -> Digest:
    shop, span = asked.shop, asked.span
    placed = books.placed(shop, span, MOST_COUNTED)
    waiting = books.waiting(shop, MOST_WAITING)
    reviews = books.reviews(shop, MOST_WAITING)
    low, more_low = books.low(shop, LOW_SHOWN, now)
    webhooks = books.failed_webhooks(shop, span, MOST_FAILED)
    failed = _failed(shop, span, notifications)
    return Digest(
        day=asked.day,
        orders=dict(sorted(placed.by_status.items())),
        taken=tuple(Money(amount=amount, currency=currency) for currency, amount in sorted(placed.taken.items()) if amount),
        waiting=Waiters(orders=waiting.orders, units=waiting.units),
        low=tuple(low),
        failed=Failures(notifications=failed.number, webhooks=webhooks.number),
        reviews=reviews.number,
        at_least=any((placed.more, waiting.more, reviews.more, more_low, webhooks.more, failed.more)),
    )


def _failed(shop: str, span: Span, notifications: Notifications) -> Counted:
    """Messages that were made that day and did not reach their recipient. The list is newest first."""
    found = 0
    after: str | None = None
    for _ in range(MOST_FAILED // AT_ONCE):
        rows, after = notifications.page(shop, GIVEN_UP, AT_ONCE, after)
        found += sum(span.has(row.created_at) for row in rows)
        if after is None or any(row.created_at < span.start for row in rows):
            return Counted(found)
    return Counted(found, more=True)
