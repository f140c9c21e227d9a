"""History by page and a SKU at any instant, over histories that are drawn at random; and what a broken chain is told as."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdfast.kernel.errors import HoldfastError
from holdfast.stock import auditing, booking, layout, ledger
from holdfast.stock.errors import UnknownStock
from holdfast.stock.ledger import Figures, Row
from holdfast.stock.model import MAIN, Booking, Level, LevelKey, Movement, Place, Reason
from tests.memory.engine import Memory
from tests.memory.house import GRACE, House
from tests.memory.stores import in_memory

SHOP = "demo"


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def house(memory: Memory) -> House:
    return House(in_memory(memory))


def later(house: House, **by: float) -> None:
    house.now += timedelta(**by or {"seconds": 1})


def sell(house: House, sku: str, units: int = 1) -> None:
    house.browser_returns(house.buy((sku, units)))


def adjust(house: House, sku: str, delta: int, identity: str, reason: Reason = Reason.ADJUSTMENT, location: str = MAIN) -> None:
    command = booking.Adjust(shop=SHOP, sku=sku, identity=identity, reason=reason, actor="ada", delta=delta, location=location)
    booking.adjust(command, store=house.stores.stock, grace=GRACE, now=house.now)


def transfer(house: House, sku: str, units: int, source: str, target: str, identity: str) -> None:
    command = booking.Transfer(shop=SHOP, sku=sku, identity=identity, actor="ada", quantity=units, source=source, target=target)
    booking.transfer(command, store=house.stores.stock, grace=GRACE, now=house.now)


def pages(house: House, sku: str, limit: int) -> list[Row]:
    rows: list[Row] = []
    page = ledger.history(SHOP, sku, store=house.stores.stock, limit=limit)
    rows += page.rows
    while page.next is not None:
        assert len(page.rows) == limit
        page = ledger.history(SHOP, sku, store=house.stores.stock, limit=limit, before=page.next)
        rows += page.rows
    return rows


def rebuild(house: House, sku: str, at: Any = None) -> ledger.Rebuilt:
    return ledger.rebuild(SHOP, sku, at=at or house.now, store=house.stores.stock)


def busy(house: House) -> None:
    """A year of a SKU in an hour: two shards, a second location, every reason there is."""
    house.product("A", 40)
    house.shards("A", 2)
    layout.place(SHOP, "A", [Place(name=MAIN), Place(name="north")], store=house.stores.stock)
    for _ in range(3):
        later(house)
        sell(house, "A", 2)
    later(house)
    adjust(house, "A", -3, "broken", Reason.WRITE_OFF)
    adjust(house, "A", 2, "found")
    later(house)
    transfer(house, "A", 5, MAIN, "north", "truck")
    later(house)
    adjust(house, "A", -1, "north-count", Reason.CORRECTION, "north")


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 100])
def test_history_is_the_same_however_it_is_paged(house: House, limit: int) -> None:
    busy(house)
    rows = pages(house, "A", limit)
    assert rows == pages(house, "A", 1000)
    assert [row.at for row in rows] == sorted((row.at for row in rows), reverse=True)
    assert sum(row.quantity for row in rows) == sum(level.on_hand for level in house.parts("A").values())
    assert {row.location for row in rows} == {MAIN, "north"}
    for part, level in house.parts("A").items():
        balances = [(row.balance, row.quantity) for row in rows if row.part == part]
        assert balances[0][0] == level.on_hand
        assert [balance for balance, _ in balances[1:]] == [balance - quantity for balance, quantity in balances[:-1]]
        assert balances[-1][0] == balances[-1][1]


def test_a_row_says_who_why_and_by_which_document(house: House) -> None:
    house.product("A")
    command = booking.Receive(shop=SHOP, sku="A", identity="note-7", actor="key_ada", document="DN-7", note="two boxes", quantity=20)
    booking.receive(command, store=house.stores.stock, now=house.now)
    (row,) = pages(house, "A", 10)
    assert (row.reason, row.quantity, row.balance, row.actor, row.document, row.note, row.at) == (
        Reason.RESTOCK,
        20,
        20,
        "key_ada",
        "DN-7",
        "two boxes",
        house.now,
    )


def test_a_sale_is_told_with_its_order(house: House) -> None:
    house.product("A", 3)
    order = house.buy(("A", 2))
    house.browser_returns(order)
    row = pages(house, "A", 10)[0]
    assert (row.reason, row.quantity, row.balance, row.document) == (Reason.SALE, -2, 1, order.id)


def test_documents_of_many_parts_are_read_together(house: House) -> None:
    """A page of sixteen shards costs as many reads as its longest stretch in one of them, not one for each row."""
    house.product("A", 1600)
    house.shards("A", 16)
    for number in range(3):
        later(house)
        house.restock("A", 160, f"more-{number}")
    counted = Counting(house.stores.stock)
    page = ledger.history(SHOP, "A", store=counted, limit=48)
    assert (len(page.rows), len({row.part for row in page.rows})) == (48, 16)
    assert counted.reads <= 6


class Counting:
    """A stock store that counts how often the ledger is read."""

    def __init__(self, store: Any) -> None:
        self.levels, self.locks, self.commit, self._ledger, self.reads = store.levels, store.locks, store.commit, store.ledger, 0

    @property
    def ledger(self) -> Any:
        self.reads += 1
        return self._ledger


def test_nobody_else_may_be_asked_for(house: House) -> None:
    with pytest.raises(UnknownStock):
        ledger.history(SHOP, "GHOST", store=house.stores.stock, limit=5)
    house.product("A", 3)
    with pytest.raises(UnknownStock):
        ledger.rebuild("other", "A", at=house.now, store=house.stores.stock)


def test_figures_of_every_reason(house: House) -> None:
    busy(house)
    told = rebuild(house, "A")
    assert told.figures == Figures(received=40, sold=6, written_off=3, adjusted=2, corrected=-1)
    assert told.figures.balance == told.on_hand == 32
    assert (told.complete, told.findings) == (True, ())


def test_before_its_first_document_there_was_nothing(house: House) -> None:
    busy(house)
    told = rebuild(house, "A", house.now - timedelta(days=1))
    assert (told.on_hand, told.figures, told.complete) == (0, Figures(), True)


def test_a_location_that_went_keeps_its_ledger(house: House) -> None:
    busy(house)
    then = house.now
    later(house)
    transfer(house, "A", 4, "north", MAIN, "back")
    layout.place(SHOP, "A", [Place(name=MAIN)], store=house.stores.stock)
    assert "north" not in house.parts("A")
    assert rebuild(house, "A", then).parts["north"] == 4
    assert "north" in {row.location for row in pages(house, "A", 4)}
    layout.place(SHOP, "A", [Place(name=MAIN), Place(name="north")], store=house.stores.stock)
    assert rebuild(house, "A", then).parts["north"] == 4


def test_shards_that_were_given_up_keep_their_ledger(house: House) -> None:
    house.product("A", 400)
    head = house.shards("A", 8)
    then = house.now
    later(house)
    house.shards("A", 1)
    while layout.settle(SHOP, "A", store=house.stores.stock, grace=GRACE, now=house.now).made > 1:
        later(house)
    assert (len(house.parts("A")), head.shards) == (1, 8)
    assert rebuild(house, "A", then).parts == {str(number): 50 for number in range(8)}


def test_a_long_ledger_is_read_up_to_a_limit_and_says_so(house: House) -> None:
    house.product("A", 9)
    for number in range(9):
        adjust(house, "A", 1, f"count-{number}")
    told = ledger.rebuild(SHOP, "A", at=house.now, store=house.stores.stock, most=4)
    assert (told.on_hand, told.documents, told.complete, told.findings) == (18, 4, False, ())


STEPS = st.one_of(
    st.tuples(st.just("receive"), st.integers(1, 60)),
    st.tuples(st.just("sell"), st.integers(1, 4)),
    st.tuples(st.just("adjust"), st.integers(-5, 5).filter(bool)),
    st.tuples(st.just("write off"), st.integers(-4, -1)),
    st.tuples(st.just("transfer"), st.integers(1, 9)),
    st.tuples(st.just("back"), st.integers(1, 9)),
    st.tuples(st.just("shards"), st.integers(1, 5)),
    st.tuples(st.just("hold"), st.integers(1, 3)),
    st.tuples(st.just("wait"), st.integers(1, 2000)),
)


def step(house: House, number: int, act: str, value: int) -> None:
    acts: dict[str, Callable[[], Any]] = {
        "receive": lambda: house.restock("A", value, str(number)),
        "sell": lambda: sell(house, "A", value),
        "adjust": lambda: adjust(house, "A", value, str(number)),
        "write off": lambda: adjust(house, "A", value, str(number), Reason.WRITE_OFF),
        "transfer": lambda: transfer(house, "A", value, MAIN, "north", str(number)),
        "back": lambda: transfer(house, "A", value, "north", MAIN, str(number)),
        "shards": lambda: house.shards("A", value),
        "hold": lambda: house.place(house.session(("A", value))),
        "wait": lambda: later(house, seconds=value),
    }
    try:
        acts[act]()
    except HoldfastError:
        return  # too few, or not now: then nothing must have happened


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(STEPS, max_size=14))
def test_whatever_happens_the_audit_is_clean_and_each_instant_is_as_it_was_seen(steps: list[tuple[str, int]]) -> None:
    house = House(in_memory(Memory()))
    house.product("A", 30)
    layout.place(SHOP, "A", [Place(name=MAIN), Place(name="north")], store=house.stores.stock)
    seen = []
    for number, (act, value) in enumerate(steps):
        later(house)
        step(house, number, act, value)
        seen.append((house.now, {part: level.on_hand for part, level in house.parts("A").items()}))
    for at, parts in seen:
        told = rebuild(house, "A", at)
        assert {part: units for part, units in told.parts.items() if units} == {part: units for part, units in parts.items() if units}
        assert told.figures.balance == told.on_hand == sum(parts.values())
        assert (told.complete, told.findings) == (True, ())
    report = auditing.audit(SHOP, ["A"], store=house.stores.stock, now=house.now)
    assert report.proved, report
    assert report.figures.balance == report.on_hand == report.available + report.locked


# What does not fit is told, and hides nothing else.


def key(part: str = "0") -> LevelKey:
    return LevelKey(shop=SHOP, sku="A", part=part)


def edit(memory: Memory, part: str = "0", **changes: Any) -> Level:
    """As a person does in the console: no condition, no version."""
    level: Level = memory.get("level", SHOP, "A", part)
    memory.put(("level", SHOP, "A", part), level.model_copy(update=changes))
    return level


def three(house: House) -> list[str]:
    """Three documents of one part, oldest first: 10, +5, -2."""
    house.product("A", 10)
    for delta, identity in ((5, "found"), (-2, "lost")):
        later(house)
        adjust(house, "A", delta, identity)
    return [row.id for row in reversed(pages(house, "A", 10))]


def test_a_document_that_is_lost_is_a_finding_and_the_rest_is_told(memory: Memory, house: House) -> None:
    documents = three(house)
    memory.put(("movement", SHOP, documents[1]), None)
    page = ledger.history(SHOP, "A", store=house.stores.stock, limit=10)
    assert ([row.id for row in page.rows], page.next) == ([documents[2]], None)
    told = rebuild(house, "A")
    assert (told.on_hand, told.complete) == (13, False)
    for findings in (page.findings, told.findings):
        (finding,) = findings
        assert (finding.code, finding.part, finding.document, finding.expected) == ("document_missing", "0", documents[1], 15)


def test_a_document_that_tells_of_another_part_is_as_good_as_lost(memory: Memory, house: House) -> None:
    documents = three(house)
    found: Movement = memory.get("movement", SHOP, documents[2])
    memory.put(("movement", SHOP, documents[2]), found.model_copy(update={"lines": (Booking(sku="B", part="0", quantity=1, balance=1),)}))
    assert [(finding.code, finding.document) for finding in rebuild(house, "A").findings] == [("document_missing", documents[2])]


def test_a_chain_that_bites_its_tail_ends(memory: Memory, house: House) -> None:
    documents = three(house)
    first: Movement = memory.get("movement", SHOP, documents[0])
    again = first.lines[0].model_copy(update={"before": documents[2]})
    memory.put(("movement", SHOP, documents[0]), first.model_copy(update={"lines": (again,)}))
    assert [finding.code for finding in rebuild(house, "A").findings] == ["document_missing"]


def test_a_balance_that_does_not_follow_is_named(memory: Memory, house: House) -> None:
    documents = three(house)
    found: Movement = memory.get("movement", SHOP, documents[1])
    forged = found.lines[0].model_copy(update={"quantity": 4})
    memory.put(("movement", SHOP, documents[1]), found.model_copy(update={"lines": (forged,)}))
    (finding,) = rebuild(house, "A").findings
    assert (finding.code, finding.document, finding.expected, finding.found) == ("balance_gap", documents[1], 14, 15)


def test_a_level_beside_its_ledger_is_named(memory: Memory, house: House) -> None:
    documents = three(house)
    edit(memory, on_hand=20, available=20)
    (finding,) = rebuild(house, "A").findings
    assert (finding.code, finding.document, finding.expected, finding.found) == ("level_beside_ledger", documents[2], 13, 20)
