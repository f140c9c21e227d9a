"""What many adjustments would do, looked at as a whole before anything is done: every row that cannot be done is told at once."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from holdfast.kernel.errors import Invalid
from holdfast.kernel.model import Model
from holdfast.stock import shelves
from holdfast.stock.inventory import Article, Desk
from holdfast.stock.model import MAIN, Level, Reason, location_of, unheld
from holdfast.stock.spreadsheet import Fault, pointer

FAULTS_TOLD = 100


class BulkRefused(Invalid):
    """One row or more cannot be done, so nothing was. Facts: rows, rows_refused, errors (the first 100)."""

    code = "bulk_refused"


class Wish(Model):
    """A row as it was sent. Either `delta`, or `set_available` over `expected_available`."""

    number: int
    line: int | None = None
    sku: str
    delta: int | None = None
    set_available: int | None = None
    expected_available: int | None = None
    reason: Reason = Reason.ADJUSTMENT
    location: str = MAIN
    document: str | None = None
    note: str | None = None

    @property
    def change(self) -> int:
        return self.delta if self.delta is not None else (self.set_available or 0) - (self.expected_available or 0)


class Units(Model):
    """Of the SKU, in all locations."""

    on_hand: int
    available: int


class Diff(Model):
    """What a row would do, after the rows before it."""

    row: int
    sku: str
    location: str
    delta: int
    before: Units
    after: Units


def plan(shop: str, wishes: Sequence[Wish], *, desk: Desk, now: datetime) -> list[Diff]:
    """What each row would do. BulkRefused with every row that cannot be done: a dry run is refused as its application would be."""
    faults = list(_duplicates(wishes))
    skus = list(dict.fromkeys(wish.sku for wish in wishes))
    articles = desk.articles.get_many(shop, skus)
    shelf = shelves.look_at(shop, dict.fromkeys(skus, 1), levels=desk.store.levels)
    counts = {sku: _Count(levels.values(), desk.grace, now) for sku, (_, levels) in shelf.items()}
    diffs: list[Diff] = []
    for wish in wishes:
        article = articles.get(wish.sku)
        if article is None or wish.sku not in shelf:
            faults.append(_fault(wish, "unknown_sku", "The shop has no such SKU.", "sku"))
            continue
        places = [place.name for place in shelf[wish.sku][0].locations]
        fault = _misfit(wish, article, places, counts[wish.sku])
        if fault is not None:
            faults.append(fault)
        else:
            diffs.append(counts[wish.sku].moved(wish))
    if faults:
        raise refused(faults, len(wishes))
    return diffs


def refused(faults: Sequence[Fault], rows: int) -> BulkRefused:
    told = [fault.model_dump(exclude_none=True) for fault in sorted(faults, key=lambda fault: fault.row)[:FAULTS_TOLD]]
    bad = len({fault.row for fault in faults})
    return BulkRefused("Nothing was changed: some of it cannot be done.", rows=rows, rows_refused=bad, errors=told)


class _Count:
    """A SKU's figures while the rows before are thought of as done."""

    def __init__(self, levels: Iterable[Level], grace: timedelta, now: datetime) -> None:
        parts = list(levels)
        self.on_hand, self.free = sum(level.on_hand for level in parts), unheld(parts, now, grace)
        self.here: Counter[str] = Counter()
        for level in parts:
            self.here[location_of(level.key.part)] += level.free(now, grace)

    def moved(self, wish: Wish) -> Diff:
        before = Units(on_hand=self.on_hand, available=self.free)
        self.on_hand, self.free = self.on_hand + wish.change, self.free + wish.change
        self.here[wish.location] += wish.change
        after = Units(on_hand=self.on_hand, available=self.free)
        return Diff(row=wish.number, sku=wish.sku, location=wish.location, delta=wish.change, before=before, after=after)


def _duplicates(wishes: Sequence[Wish]) -> Iterator[Fault]:
    """The same place twice is a mistake of whoever made the list; and a figure of the whole SKU stands alone."""
    places = Counter((wish.sku, wish.location) for wish in wishes)
    rows = Counter(wish.sku for wish in wishes)
    for wish in wishes:
        if places[wish.sku, wish.location] > 1:
            yield _fault(wish, "duplicate_sku", "The same SKU and location stand in another row as well.", "sku")
        elif wish.set_available is not None and rows[wish.sku] > 1:
            yield _fault(wish, "duplicate_sku", "A figure is of the whole SKU, so no other row may change that.", "sku")


def _misfit(wish: Wish, article: Article, places: Sequence[str], count: _Count) -> Fault | None:
    if wish.location not in places:
        return _fault(wish, "unknown_location", f"The SKU has no such location; it has {', '.join(places)}.", "location")
    if article.digital and wish.change > 0:
        return _fault(wish, "keys_required", "Digital stock comes with its keys.", "delta")
    if wish.expected_available is not None and wish.expected_available != count.free:
        return _fault(wish, "stale_stock", f"{count.free} are available, not {wish.expected_available}.", "expected_available")
    if count.here[wish.location] + wish.change < 0:
        left = max(0, count.here[wish.location])
        return _fault(wish, "insufficient_stock", f"{left} are available at {wish.location}; held units stay.", "delta")
    return None


def _fault(wish: Wish, code: str, detail: str, column: str) -> Fault:
    return Fault(row=wish.number, line=wish.line, pointer=pointer(wish.number, column), code=code, detail=detail)
