"""A shop's day in numbers: whose, when, once, and no more than can be counted."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from holdfast.catalogue.model import Kind as ProductKind
from holdfast.catalogue.model import OnShortage
from holdfast.kernel.money import Money
from holdfast.notifications import digesting
from holdfast.notifications.digesting import Asked, Counted, Placed, Span, Waiting, ask, digest
from holdfast.notifications.kinds import Kind
from holdfast.notifications.letter import Digest, Failures, LowStock, Waiters
from holdfast.notifications.model import Notice, Status
from holdfast.orders.model import Order
from holdfast.payments.providers.sandbox.proxy import Action
from holdfast.tenants.model import Shop
from holdfast.webhooks.model import State
from holdfast.wiring.digest import BooksOfShop
from holdfast.wiring.watching import ShelfOfShop
from tests.memory.engine import Memory
from tests.memory.house import GRACE, House
from tests.memory.notifications import MemoryNotifications
from tests.memory.stores import in_memory
from tests.unit.notifications.rows import notification

DAY = date(2026, 11, 20)
MIDNIGHT = datetime(2026, 11, 21, tzinfo=UTC)
MORNING = MIDNIGHT + timedelta(hours=6)
SHOP = Shop(id="demo", name="Demo", currency="EUR", created_at=MIDNIGHT, staff_emails=("staff@example.com",))
LOW = LowStock(sku="A", title="The A", available=1, threshold=5)


class Books:
    """What a day was; `more` names what there is more of than is counted."""

    def __init__(self, *more: str, wanted: bool = True) -> None:
        self.more, self.reader = more, wanted

    def wanted(self, shop: str) -> bool:
        assert shop == "demo"
        return self.reader

    def placed(self, shop: str, span: Span, most: int) -> Placed:
        assert (shop, span, most) == ("demo", Span(MIDNIGHT - timedelta(days=1), MIDNIGHT), 2000)
        return Placed({"paid": 2, "completed": 3}, {"EUR": 5997, "USD": 100, "CHF": 0}, "placed" in self.more)

    def waiting(self, shop: str, most: int) -> Waiting:
        return Waiting(4, 9, "waiting" in self.more)

    def reviews(self, shop: str, most: int) -> Counted:
        return Counted(2, "reviews" in self.more)

    def low(self, shop: str, most: int, now: datetime) -> tuple[Sequence[LowStock], bool]:
        assert most == 20
        return [LOW], "low" in self.more

    def failed_webhooks(self, shop: str, span: Span, most: int) -> Counted:
        assert span == Span(MIDNIGHT - timedelta(days=1), MIDNIGHT)
        return Counted(7, "webhooks" in self.more)


class Queue:
    def __init__(self) -> None:
        self.sent: list[Mapping[str, Any]] = []

    def send(self, message: Mapping[str, Any], *, delay: timedelta = timedelta()) -> None:
        self.sent.append(message)


def told(books: Books | None = None, now: datetime = MORNING, store: MemoryNotifications | None = None) -> list[Notice]:
    notices: list[Notice] = []
    outbox = store or MemoryNotifications(Memory())
    digest(Asked(shop="demo", day=DAY), books=books or Books(), notifications=outbox, tell=notices.append, now=now)
    return notices


def read(notices: list[Notice]) -> Digest:
    (notice,) = notices
    return Digest.model_validate(notice.data)


def test_the_day_in_numbers() -> None:
    assert read(told()) == Digest(
        day=DAY,
        orders={"completed": 3, "paid": 2},
        taken=(Money(amount=5997, currency="EUR"), Money(amount=100, currency="USD")),
        waiting=Waiters(orders=4, units=9),
        low=(LOW,),
        failed=Failures(notifications=0, webhooks=7),
        reviews=2,
        at_least=False,
    )


@pytest.mark.parametrize("more", ["placed", "waiting", "reviews", "low", "webhooks"])
def test_what_was_not_counted_to_its_end_is_told_as_such(more: str) -> None:
    assert read(told(Books(more))).at_least


def test_a_day_has_one_digest_whenever_it_is_asked_for() -> None:
    (first,), (second,) = told(), told(Books("low"), now=MORNING + timedelta(days=3))
    assert (
        (first.event, first.at, first.subject)
        == (second.event, second.at, second.subject)
        == ("demo#digest#2026-11-20", MIDNIGHT, "digest#2026-11-20")
    )
    assert (first.kind, first.order) == (Kind.DAILY_DIGEST, None)


@pytest.mark.parametrize(
    ("now", "wanted"),
    [
        (MIDNIGHT, True),
        (MIDNIGHT - timedelta(milliseconds=1), False),
        (MIDNIGHT + timedelta(days=30), False),
        (MIDNIGHT - timedelta(days=300), False),
    ],
)
def test_a_day_that_has_not_ended_or_is_long_past_has_none(now: datetime, wanted: bool) -> None:
    assert bool(told(now=now)) is wanted


def test_what_nobody_reads_is_not_counted() -> None:
    assert told(Books(wanted=False)) == []


def failures(*ages: float, status: Status = Status.FAILED) -> MemoryNotifications:
    """Rows that were made so many hours before the end of the day."""
    store = MemoryNotifications(Memory())
    for number, age in enumerate(ages):
        store.add(notification(id=f"ntf_01KAJVKP000000000000{number:06d}", status=status, created_at=MIDNIGHT - timedelta(hours=age)))
    return store


def test_messages_of_that_day_that_did_not_reach_anybody() -> None:
    assert read(told(store=failures(-1, 0, 0.1, 23, 24, 24.1, 50))).failed.notifications == 3
    for status in (Status.SENT, Status.SUPPRESSED, Status.SKIPPED, Status.WAITING):
        assert read(told(store=failures(1, status=status))).failed.notifications == 0
    for status in (Status.BOUNCED, Status.COMPLAINED):
        assert read(told(store=failures(1, status=status))).failed.notifications == 1


def test_of_many_failures_the_newest_are_counted() -> None:
    many = read(told(store=failures(*[1 + number / 1000 for number in range(digesting.MOST_FAILED + 1)])))
    assert (many.failed.notifications, many.at_least) == (digesting.MOST_FAILED, True)


def test_each_shop_is_asked_about_the_day_before() -> None:
    queue = Queue()
    assert ask(["demo", "other"], messages=queue, now=MORNING) == 2
    assert queue.sent == [{"kind": "digest", "shop": shop, "day": "2026-11-20"} for shop in ("demo", "other")]


# The day as it is found in the stores.


class Deliveries:
    """Webhooks of two endpoints; how many of the pages were read."""

    def __init__(self, *states: str) -> None:
        self.states = states

    def endpoints(self, shop: str) -> list[Any]:
        return [type("Endpoint", (), {"id": name}) for name in ("first", "second")]

    def page(
        self, shop: str, endpoint: str, limit: int, after: str | None, since: datetime, until: datetime
    ) -> tuple[list[Any], str | None]:
        start = int(after or 0)
        rows = [type("Delivery", (), {"state": State(state)}) for state in self.states[start : start + limit]]
        return rows, str(start + limit) if start + limit < len(self.states) else None


def books_of(house: House, deliveries: Any = None) -> BooksOfShop:
    shelf = ShelfOfShop(house.stores.products, house.stores.stock.levels, GRACE)
    return BooksOfShop(lambda _: SHOP, house.stores.search, house.stores.orders, shelf, deliveries or house.stores.webhooks)  # type: ignore[arg-type]


def day_of(house: House) -> Span:
    start = house.now.replace(hour=0, minute=0, second=0, microsecond=0)
    return Span(start, start + timedelta(days=1))


def paid(house: House, *lines: tuple[str, int], partial: bool = False) -> Order:
    order = house.buy(*lines, accept_partial=partial)
    house.browser_returns(order)
    house.serve(order)
    house.now += timedelta(seconds=1)
    return house.order(order)


def test_orders_money_and_debts() -> None:
    house = House(in_memory(Memory()))
    house.product("A", 9)
    house.product("KEY", 1, ProductKind.DIGITAL, OnShortage.BACKORDER)
    paid(house, ("A", 1))
    paid(house, ("KEY", 3), partial=True)
    house.place(house.session(("A", 1)), "unpaid")
    failed = house.place(house.session(("A", 1)), "failed").order
    house.at_provider(failed, Action.DECLINE)
    house.browser_returns(failed)
    books = books_of(house)
    placed = books.placed("demo", day_of(house), 2000)
    assert placed == Placed(
        {"processing": 1, "partially_fulfilled": 1, "pending_payment": 1, "payment_failed": 1}, {"EUR": 4 * 1999}, False
    )
    assert books.waiting("demo", 500) == Waiting(1, 2, False)
    assert books.placed("demo", Span(day_of(house).end, day_of(house).end + timedelta(days=1)), 2000) == Placed({}, {}, False)
    assert books.reviews("demo", 500) == Counted(0, False)


def test_money_that_does_not_match_waits_for_a_person() -> None:
    house = House(in_memory(Memory()))
    house.product("A", 9)
    order = house.buy(("A", 1))
    house.pay_another_amount(order, 1)
    house.browser_returns(order)
    assert house.order(order).status == "payment_review"
    assert books_of(house).reviews("demo", 500) == Counted(1, False)


def test_no_more_orders_are_read_than_may_be() -> None:
    house = House(in_memory(Memory()))
    house.product("A", 900)
    for number in range(201):
        house.place(house.session(("A", 1)), f"order-{number}")
        house.now += timedelta(milliseconds=1)
    books = books_of(house)
    assert sum(books.placed("demo", day_of(house), 200).by_status.values()) == 200
    assert [books.placed("demo", day_of(house), most).more for most in (200, 300)] == [True, False]


def test_failed_webhooks_of_all_endpoints() -> None:
    house = House(in_memory(Memory()))
    day = day_of(house)
    assert books_of(house, Deliveries("failed", "delivered", "failed")).failed_webhooks("demo", day, 500) == Counted(4)
    assert books_of(house, Deliveries(*["failed"] * 250)).failed_webhooks("demo", day, 200) == Counted(200, more=True)
    assert books_of(house, Deliveries()).failed_webhooks("demo", day, 500) == Counted(0)


def test_who_reads_it() -> None:
    house = House(in_memory(Memory()))
    books = books_of(house)
    for settings, wanted in (
        (SHOP, True),
        (SHOP.model_copy(update={"staff_emails": ()}), False),
        (SHOP.model_copy(update={"mails_off": ("daily_digest",)}), False),
        (SHOP.model_copy(update={"mails_off": ("low_stock",)}), True),
    ):
        object.__setattr__(books, "shop", lambda _, settings=settings: settings)
        assert books.wanted("demo") is wanted
