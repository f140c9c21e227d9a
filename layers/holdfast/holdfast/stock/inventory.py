"""A shop's stock as its staff sees it: the list, one SKU with its locations, and what staff may set."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Literal, Protocol

from holdfast.kernel.errors import Invalid, VersionConflict
from holdfast.kernel.model import Model
from holdfast.kernel.money import Money
from holdfast.kernel.time import Instant
from holdfast.stock import booking, layout, shelves
from holdfast.stock.errors import StaleStock, UnknownStock
from holdfast.stock.model import Head, Level, LevelKey, Place, Summary, location_of, unheld
from holdfast.stock.ports import StockStore

LOOKED_AT = 500
"""Products that one request looks through at most, however few of them are asked for."""
DEBTS_LOOKED_AT = 200
"""As LOOKED_AT, where each product costs a read of its debts."""
PAGE = 100
POLICIES = ("on_shortage", "backorder_cap", "low_stock_threshold", "max_per_order", "max_per_customer", "available_from")
"""What the product says about selling it: written by the catalogue alone."""
ATTEMPTS = 8


class KeysNeeded(Invalid):
    """Digital stock comes with its keys: each is one unit."""

    code = "keys_required"


class ExpectedMissing(Invalid):
    """A figure of stock is set over what it was: by `expected_available`, or by If-Match."""

    code = "expected_available_missing"


class Article(Protocol):
    """A product of the catalogue, as far as its stock is concerned."""

    @property
    def sku(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def digital(self) -> bool: ...
    @property
    def on_sale(self) -> bool: ...
    @property
    def price(self) -> Money: ...
    @property
    def low_stock_threshold(self) -> int: ...
    @property
    def version(self) -> int: ...
    @property
    def policies(self) -> Mapping[str, Any]:
        """What the product says about selling it, as the sheet shows it."""
        ...

    def status(self, available: int) -> str: ...


class Articles(Protocol):
    """The catalogue."""

    def get(self, shop: str, sku: str) -> Article | None: ...

    def get_many(self, shop: str, skus: Sequence[str]) -> Mapping[str, Article]: ...

    def page(self, shop: str, limit: int, after: str | None) -> tuple[Sequence[Article], str | None]:
        """In order of SKU, after one; and the SKU to go on from (None: that was all)."""
        ...

    def set_policies(self, shop: str, sku: str, policies: Mapping[str, Any], *, over: int, now: datetime) -> None:
        """Into the product of that version. VersionConflict when another one stands there."""
        ...


@dataclass(frozen=True)
class Desk:
    """What the use cases of this module look at. `owed`: units of a SKU that paid orders wait for."""

    store: StockStore
    articles: Articles
    owed: Callable[[str, str], int]
    grace: timedelta
    hold: timedelta = timedelta(minutes=15)


class Only(StrEnum):
    """`low`: at or under its threshold, and not out. `out`: nothing is available. `waiting`: paid orders wait for it."""

    LOW = "low"
    OUT = "out"
    WAITING = "waiting"


class Search(Model):
    """`text` is looked for in SKU and title, in any case. `after`: the SKU that the page before ended with."""

    shop: str
    text: str | None = None
    only: Only | None = None
    limit: int = 25
    after: str | None = None


class InventoryRow(Summary):
    """A line of the list. `version` counts every change of stock, layout and product, and is the ETag."""

    title: str
    kind: str
    low_stock_threshold: int
    status: str


class Listing(Model):
    """`next`: the SKU to go on from. There may be more even where a page is short: a request looks through so many products only."""

    rows: tuple[InventoryRow, ...]
    next: str | None


class LocationFigures(Model):
    """One location's units. `incoming` of them are on their way, expected at that instant."""

    name: str
    on_hand: int
    available: int
    locked: int
    incoming: int
    expected_at: Instant | None


class Sheet(InventoryRow):
    """All there is to know about a SKU's stock, by the clock.

    `automatic_shards`: their number follows demand. `suggested_shards`: for a sale in which everything is wanted at once.
    `safety_stock` of the locked units are kept back by the shop; it asked for `safety_stock_wanted`.
    """

    on_shortage: str
    backorder_cap: int | None
    max_per_order: int | None
    max_per_customer: int | None
    available_from: Instant | None
    safety_stock_wanted: int
    automatic_shards: bool
    suggested_shards: int
    locations: tuple[LocationFigures, ...]


class Change(Model):
    """What staff sets; None: stays as it is. `policies` go to the product, whose they are. `version`: only over that one."""

    shop: str
    sku: str
    shards: int | Literal["automatic"] | None = None
    safety_stock: int | None = None
    places: tuple[Place, ...] | None = None
    policies: Mapping[str, Any] = {}
    version: int | None = None


def listed(search: Search, *, desk: Desk, now: datetime) -> Listing:
    """Page by page through the products, until there are enough rows or enough was looked at."""
    rows: list[InventoryRow] = []
    after, seen = search.after, 0
    sifting = bool(search.text or search.only)
    most = DEBTS_LOOKED_AT if search.only is Only.WAITING else LOOKED_AT
    while seen < most:
        page, last = desk.articles.page(search.shop, PAGE if sifting else search.limit, after)
        for row in _rows([article for article in page if _named(article, search.text)], search, desk, now):
            rows.append(row)
            if len(rows) == search.limit:
                end = last is None and row.sku == page[-1].sku
                return Listing(rows=tuple(rows), next=None if end else row.sku)
        seen, after = seen + PAGE, last
        if last is None:
            break
    return Listing(rows=tuple(rows), next=after)


def sheet(shop: str, sku: str, *, desk: Desk, now: datetime, locks_per_second: int | None = None) -> Sheet:
    """UnknownStock when the shop has no such SKU."""
    article = _article(shop, sku, desk)
    head, levels = shelves.look(shop, sku, levels=desk.store.levels)
    row = row_of(article, head, levels, desk, now).model_copy(update={"waiting": desk.owed(shop, sku)})
    demand = row.on_hand if locks_per_second is None else locks_per_second
    return Sheet(
        **row.model_dump(),
        **article.policies,
        safety_stock_wanted=head.safety_stock,
        automatic_shards=not head.pinned,
        suggested_shards=layout.suggested_shards(row.on_hand, demand, desk.hold),
        locations=tuple(_figures(place, levels, desk.grace, now) for place in head.locations),
    )


def change(command: Change, *, desk: Desk, now: datetime) -> None:
    """First what may be refused, so that a refusal has changed nothing; each step may be repeated.

    UnknownStock; StaleStock when `version` is not what stands there; LocationInUse when a location with units would go.
    """
    _same_version(command.shop, command.sku, command.version, desk, now)
    store = desk.store
    if command.places is not None:
        layout.place(command.shop, command.sku, command.places, store=store)
    if command.policies:
        _set_policies(command, desk, now)
    if command.safety_stock is not None:
        layout.keep_back(command.shop, command.sku, command.safety_stock, store=store, grace=desk.grace, now=now)
    if command.shards is not None:
        standing = store.levels.head(command.shop, command.sku)
        if standing is None:
            raise UnknownStock
        automatic = command.shards == "automatic"
        wanted = standing.shards if command.shards == "automatic" else command.shards
        layout.resize(command.shop, command.sku, wanted, pinned=not automatic, store=store, now=now)


def receive(command: booking.Receive, *, desk: Desk, now: datetime) -> None:
    """As booking.receive, for a physical product on sale. KeysNeeded."""
    article = _article(command.shop, command.sku, desk)
    if not article.on_sale:
        raise UnknownStock
    _refuse_keyless(article, command.quantity)
    booking.receive(command, store=desk.store, now=now)


def adjust(command: booking.Adjust, *, target: int | None, version: int | None, desk: Desk, now: datetime) -> None:
    """As booking.adjust. With `target` so many units are available: over `expected_available`, or over the ETag `version`.

    A figure only over what was seen: a count that was true an hour ago must not undo what was sold since.
    ExpectedMissing, StaleStock, KeysNeeded.
    """
    if desk.store.ledger.movement(command.shop, command.movement) is not None:
        return  # our own first try, whose answer got lost
    article, expected = _article(command.shop, command.sku, desk), command.expected_available
    if version is not None:
        seen = _same_version(command.shop, command.sku, version, desk, now)
        expected = seen if expected is None else expected
    if target is not None and expected is None:
        raise ExpectedMissing("Send expected_available, or the ETag that you have read in If-Match.")
    delta = command.delta if target is None or expected is None else target - expected
    _refuse_keyless(article, delta)
    if delta:
        changed = command.model_copy(update={"delta": delta, "expected_available": expected})
        booking.adjust(changed, store=desk.store, grace=desk.grace, now=now)
    else:
        _still(command.shop, command.sku, expected or 0, desk, now)


def row_of(article: Article, head: Head, levels: Mapping[LevelKey, Level], desk: Desk, now: datetime) -> InventoryRow:
    """Without what is owed."""
    seen = shelves.summed(head, levels, waiting=0, grace=desk.grace, now=now)
    return InventoryRow(
        **{**seen.model_dump(), "version": seen.version + article.version},
        title=article.title,
        kind="digital" if article.digital else "physical",
        low_stock_threshold=article.low_stock_threshold,
        status=article.status(seen.available),
    )


def rows_of(shop: str, articles: Sequence[Article], desk: Desk, now: datetime) -> list[InventoryRow]:
    """In one batch of reads; without what is owed."""
    found = shelves.look_at(shop, {article.sku: 1 for article in articles}, levels=desk.store.levels) if articles else {}
    shelf = {article.sku: found.get(article.sku) or (Head(shop=shop, sku=article.sku), {}) for article in articles}
    return [row_of(article, *shelf[article.sku], desk, now) for article in articles]


def low(row: InventoryRow) -> bool:
    return 0 < row.available <= row.low_stock_threshold


def _rows(articles: Sequence[Article], search: Search, desk: Desk, now: datetime) -> Iterator[InventoryRow]:
    """Debts are read row by row, as far as the rows are asked for."""
    for row in rows_of(search.shop, articles, desk, now):
        if _wanted(row, search.only):
            told = row.model_copy(update={"waiting": desk.owed(search.shop, row.sku)})
            if search.only is not Only.WAITING or told.waiting > 0:
                yield told


def _wanted(row: InventoryRow, only: Only | None) -> bool:
    if only is Only.LOW:
        return low(row)
    return only is not Only.OUT or row.available <= 0


def _named(article: Article, text: str | None) -> bool:
    return text is None or text.casefold() in article.sku.casefold() or text.casefold() in article.title.casefold()


def _figures(place: Place, levels: Mapping[LevelKey, Level], grace: timedelta, now: datetime) -> LocationFigures:
    here = [level for level in levels.values() if location_of(level.key.part) == place.name]
    on_hand, free = sum(level.on_hand for level in here), unheld(here, now, grace)
    return LocationFigures(
        name=place.name, on_hand=on_hand, available=free, locked=on_hand - free, incoming=place.incoming, expected_at=place.expected_at
    )


def _same_version(shop: str, sku: str, version: int | None, desk: Desk, now: datetime) -> int:
    """What is available, if that version stands there (None: any). UnknownStock, StaleStock."""
    article = _article(shop, sku, desk)
    row = row_of(article, *shelves.look(shop, sku, levels=desk.store.levels), desk, now)
    if version not in (None, row.version):
        raise StaleStock("The stock was changed since it was read. Read it again.", available=row.available, version=row.version)
    return row.available


def _article(shop: str, sku: str, desk: Desk) -> Article:
    found = desk.articles.get(shop, sku)
    if found is None:
        raise UnknownStock
    return found


def _refuse_keyless(article: Article, delta: int) -> None:
    if article.digital and delta > 0:
        raise KeysNeeded("Digital stock comes with its keys: POST them to admin/keys/{sku}.")


def _still(shop: str, sku: str, expected: int, desk: Desk, now: datetime) -> None:
    free = unheld(shelves.look(shop, sku, levels=desk.store.levels)[1].values(), now, desk.grace)
    if free != expected:
        raise StaleStock("The stock was changed meanwhile. Read it again.", available=free)


def _set_policies(command: Change, desk: Desk, now: datetime) -> None:
    for _ in range(ATTEMPTS):
        over = _article(command.shop, command.sku, desk).version
        try:
            return desk.articles.set_policies(command.shop, command.sku, command.policies, over=over, now=now)
        except VersionConflict:
            continue
    raise VersionConflict("The product keeps changing. Try again.")
