"""The rows by which an order is found: which it should have, and giving it these. Written by a worker that hears what happens to
orders, and all of them again by a command.
"""

from collections.abc import Iterator

from holdfast.kernel.errors import VersionConflict
from holdfast.kernel.model import Model
from holdfast.orders import events, search_keys
from holdfast.orders.model import Order
from holdfast.orders.search_keys import PHONE_DIGITS, By, Clue
from holdfast.orders.searching import (
    AT_ONCE,
    DISPUTED,
    EARLIEST,
    LATEST,
    Orders,
    Search,
    Span,
    Vaults,
    digits,
    payments,
    plain,
    tracking_number,
)

ATTEMPTS = 5


class Indexed(Model):
    """How many rows came and went."""

    added: int = 0
    removed: int = 0

    @property
    def changed(self) -> bool:
        return bool(self.added or self.removed)


def index(shop: str, order: str, *, search: Search, orders: Orders, vaults: Vaults, dry_run: bool = False) -> Indexed:
    """Give the order the rows that it should have, and take those that it should not. Safe to repeat, and in any order of news.

    The list of its rows is read before the order: who has seen an older order than the last writer has seen an older list as well.
    """
    for _ in range(ATTEMPTS):
        standing = search.directory(shop, order)
        found = orders.get(shop, order)
        if found is None:
            return Indexed()
        rows = search_keys.names(found, clues(found, orders), vaults.handed(shop, order))
        change = Indexed(added=len(rows - standing.rows), removed=len(standing.rows - rows))
        if dry_run or not change.changed:
            return change
        try:
            search.move(found, standing, rows)
        except VersionConflict:
            continue
        return change
    raise VersionConflict("The order's search rows keep changing.")


def clues(order: Order, orders: Orders) -> Iterator[Clue]:
    """What the order is found by."""
    yield Clue(By.NUMBER, order.number)
    for payment in sorted(payments(order)):
        yield Clue(By.PAYMENT, payment)
    if order.disputes:
        yield DISPUTED
    for line in order.lines:
        yield Clue(By.SKU, line.sku)
    if order.email:
        yield Clue(By.EMAIL, plain(order.email))
    if len(digits(order.phone)) >= PHONE_DIGITS:
        yield Clue(By.PHONE, digits(order.phone)[-PHONE_DIGITS:])
    for number in _tracking_numbers(order, orders):
        yield Clue(By.TRACKING, number)


def _tracking_numbers(order: Order, orders: Orders) -> Iterator[str]:
    complete = bool(order.events) and order.events[0].seq == 1
    for event in order.events if complete else orders.timeline(order):
        if event.type == events.SHIPPED:
            yield from map(tracking_number, event.data.get("tracking_numbers", []))


class Reindexed(Model):
    """`next`: where to go on (None: that was all)."""

    shop: str
    examined: int
    orders: int
    added: int
    removed: int
    dry_run: bool
    next: str | None


def reindex(shop: str, *, after: str | None, most: int, dry_run: bool, search: Search, orders: Orders, vaults: Vaults) -> Reindexed:
    """As `index`, for all orders of a shop from the newest on, at most so many. `orders`: whose rows were wrong."""
    examined, changes, last = 0, [], after
    while examined < most:
        limit = min(AT_ONCE, most - examined)
        positions = search.listed(shop, Span(EARLIEST, last or LATEST), limit)
        for position in positions:
            identity = search_keys.order_at(position)
            changes.append(index(shop, identity, search=search, orders=orders, vaults=vaults, dry_run=dry_run))
        examined, last = examined + len(positions), positions[-1] if len(positions) == limit else None
        if last is None:
            break
    return Reindexed(
        shop=shop,
        examined=examined,
        orders=sum(change.changed for change in changes),
        added=sum(change.added for change in changes),
        removed=sum(change.removed for change in changes),
        dry_run=dry_run,
        next=last,
    )
