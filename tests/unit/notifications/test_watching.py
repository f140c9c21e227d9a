"""Low stock is told once for each time it falls to its threshold, whoever dies or is faster."""

from datetime import timedelta

import pytest

from holdfast.catalogue.model import Kind as ProductKind
from holdfast.kernel.errors import VersionConflict
from holdfast.notifications.kinds import Kind
from holdfast.notifications.letter import LowStock
from holdfast.notifications.model import Notice
from holdfast.notifications.watching import ATTEMPTS, Mark, Standing, watch
from holdfast.wiring.watching import ShelfOfShop
from tests.memory.engine import Memory
from tests.memory.house import GRACE, HOLD, House
from tests.memory.low_marks import MemoryMarks
from tests.memory.stores import in_memory
from tests.unit.notifications.rows import NOW


class Shelf:
    def __init__(self, available: int = 10, threshold: int = 5) -> None:
        self.available, self.threshold = available, threshold

    def standing(self, shop: str, sku: str, now: object) -> Standing | None:
        assert (shop, sku) == ("demo", "A")
        return Standing(title="The A", available=self.available, threshold=self.threshold) if self.threshold else None


class Watch:
    """A shelf, what was noticed of it, and what staff was told: each name once."""

    def __init__(self, marks: MemoryMarks | None = None) -> None:
        self.shelf, self.marks = Shelf(), marks or MemoryMarks(Memory())
        self.told: dict[str, Notice] = {}
        self.now = NOW
        self.dies = False

    def tell(self, notice: Notice) -> None:
        if self.dies:
            raise ConnectionError
        assert self.told.setdefault(notice.event, notice).at == notice.at, "the same under another time is another row"

    def hint(self, available: int) -> Notice | None:
        self.shelf.available = available
        self.now += timedelta(seconds=1)
        return watch("demo", "A", shelf=self.shelf, marks=self.marks, tell=self.tell, now=self.now)


def test_it_is_told_when_it_falls_to_its_threshold_and_not_before() -> None:
    staff = Watch()
    assert [staff.hint(units) is not None for units in (10, 7, 6, 5, 4, 1, 0, 5)] == [*[False] * 3, True, *[False] * 4]
    (notice,) = staff.told.values()
    assert (notice.kind, notice.subject, notice.order, notice.at) == (Kind.LOW_STOCK, "A", None, NOW + timedelta(seconds=4))
    assert LowStock.model_validate(notice.data) == LowStock(sku="A", title="The A", available=5, threshold=5)


def test_it_is_told_again_after_there_was_more() -> None:
    staff = Watch()
    assert [staff.hint(units) is not None for units in (5, 6, 5, 3, 100, 0)] == [True, False, True, False, False, True]
    assert len(staff.told) == 3


def test_what_nobody_watches_is_not_told() -> None:
    staff = Watch()
    staff.shelf.threshold = 0
    assert staff.hint(0) is None
    assert staff.marks.mark("demo", "A") == Mark(shop="demo", sku="A")


def test_whoever_watches_again_is_told_again() -> None:
    """Nobody watched while it was filled up: the mark of the fall before must not silence the next one."""
    staff = Watch()
    assert staff.hint(5) is not None
    staff.shelf.threshold = 0
    assert staff.hint(100) is None
    staff.shelf.threshold = 5
    assert staff.hint(4) is not None
    assert [notice.event for notice in staff.told.values()] == ["A#low#1", "A#low#2"]


def test_a_worker_that_dies_before_it_told_is_followed_by_one_that_does() -> None:
    staff = Watch()
    staff.dies = True
    with pytest.raises(ConnectionError):
        staff.hint(5)
    staff.dies = False
    assert staff.hint(4) is not None
    assert staff.hint(4) is None
    assert len(staff.told) == 1


class Dying(MemoryMarks):
    """A worker dies after it told, before it could write that down."""

    dead = False

    def save_mark(self, mark: Mark) -> bool:
        if mark.told and not self.dead:
            self.dead = True
            raise ConnectionError
        return super().save_mark(mark)


def test_a_worker_that_dies_after_it_told_tells_again_under_the_same_name() -> None:
    staff = Watch(Dying(Memory()))
    with pytest.raises(ConnectionError):
        staff.hint(5)
    assert staff.hint(5) is not None
    assert staff.hint(4) is None
    assert len(staff.told) == 1


def test_one_that_rose_before_it_was_told_is_no_news() -> None:
    staff = Watch()
    staff.dies = True
    with pytest.raises(ConnectionError):
        staff.hint(5)
    staff.dies = False
    assert staff.hint(6) is None
    assert staff.told == {}


class Crowded(MemoryMarks):
    """Others look at the same shelf, and are faster, so many times."""

    times = 0

    def save_mark(self, mark: Mark) -> bool:
        if self.times:
            self.times -= 1
            other = self.mark(mark.shop, mark.sku)
            super().save_mark(other.model_copy(update={"version": other.version + 1}))
        return super().save_mark(mark)


def test_who_was_slower_looks_again() -> None:
    staff = Watch(marks := Crowded(Memory()))
    marks.times = ATTEMPTS - 1
    assert staff.hint(5) is not None
    assert len(staff.told) == 1


def test_a_crowd_without_end_brings_the_hint_again() -> None:
    staff = Watch(marks := Crowded(Memory()))
    marks.times = ATTEMPTS
    with pytest.raises(VersionConflict):
        staff.hint(5)
    assert staff.told == {}


def shelf_of(house: House) -> ShelfOfShop:
    return ShelfOfShop(house.stores.products, house.stores.stock.levels, GRACE)


def available(house: House, sku: str) -> int | None:
    standing = shelf_of(house).standing("demo", sku, house.now)
    return standing.available if standing else None


def test_all_parts_of_a_shelf_count_by_the_clock() -> None:
    """Shards are added up; what a buyer holds is not there, and is again when his time is over."""
    house = House(in_memory(Memory()))
    house.product("A", 40, low_stock_threshold=5)
    house.shards("A", 4)
    assert available(house, "A") == 40
    house.place(house.session(("A", 3)))
    assert available(house, "A") == 37
    house.now += HOLD + GRACE
    assert available(house, "A") == 40


def test_who_is_looked_after() -> None:
    house = House(in_memory(Memory()))
    house.product("unwatched", 3)
    house.product("empty", low_stock_threshold=5)
    house.product("keys", 3, ProductKind.DIGITAL, low_stock_threshold=2)
    assert [available(house, sku) for sku in ("unwatched", "empty", "keys", "unknown")] == [None, 0, 3, None]
    product = house.stores.products.get("demo", "empty")
    assert product is not None
    assert house.stores.products.save(product.model_copy(update={"archived": True, "version": 2}), over=1)
    assert available(house, "empty") is None


def test_the_list_of_what_is_low() -> None:
    house = House(in_memory(Memory()))
    for number in range(120):
        house.product(f"p{number:03d}", number % 3, low_stock_threshold=1)
    found, more = shelf_of(house).low("demo", 20, house.now)
    assert ([(low.sku, low.available) for low in found[:3]], len(found), more) == ([("p000", 0), ("p001", 1), ("p003", 0)], 20, True)
    assert [len(part) if isinstance(part, list) else part for part in shelf_of(house).low("demo", 100, house.now)] == [80, False]
