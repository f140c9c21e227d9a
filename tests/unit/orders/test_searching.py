"""Finding orders: what a text may mean, what fits, and that a search finds exactly what a plain filter over all orders would."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdfast.kernel.errors import VersionConflict
from holdfast.kernel.events import SYSTEM
from holdfast.orders import events, indexing, keys, searching
from holdfast.orders.model import Order, PaymentRef, Status
from holdfast.orders.search_keys import By, Clue
from holdfast.orders.searching import EARLIEST, LATEST, Directory, Found, Span, Wanted
from holdfast.wiring.search import VaultsForSearch
from tests.memory import samples
from tests.memory.engine import Memory
from tests.memory.samples import NOW
from tests.memory.stores import Stores, in_memory

SHOP = "demo"
EVER = Span(EARLIEST, LATEST)


@pytest.fixture
def stores() -> Stores:
    return in_memory(Memory())


def vaults(stores: Stores) -> VaultsForSearch:
    return VaultsForSearch(stores.fulfilment, stores.orders)


def index(stores: Stores, order: Order, **options: Any) -> indexing.Indexed:
    return indexing.index(SHOP, order.id, search=stores.search, orders=stores.orders, vaults=vaults(stores), **options)


def put(stores: Stores, *orders: Order) -> None:
    for order in orders:
        assert stores.orders.add(order)
        index(stores, order)


def find(stores: Stores, wanted: Wanted, **options: Any) -> Found:
    options = {"limit": 25, "after": None, **options}
    return searching.find(SHOP, wanted, search=stores.search, orders=stores.orders, vaults=vaults(stores), **options)


def pages(stores: Stores, wanted: Wanted, limit: int, most: int) -> Iterator[Order]:
    after: str | None = None
    while True:
        found = find(stores, wanted, limit=limit, after=after, most=most)
        assert len(found.orders) <= limit
        yield from found.orders
        after = found.last
        if after is None:
            return


def order(number: int = 1, **changes: Any) -> Order:
    own = {"number": changes.pop("called", f"AAAAA-BBBB{number}"), "payment": PaymentRef(provider="sandbox", id=f"pay_{number}")}
    return samples.order(SHOP, number, **changes).model_copy(update={name: own[name] for name in own.keys() - changes.keys()})


def line(sku: str) -> Any:
    return samples.order(SHOP).lines[0].model_copy(update={"sku": sku})


EMAILS, SKUS, PHONES = (
    ["ada@example.com", "Ada@Example.com", "bob@example.com"],
    ["A", "B", "A-1"],
    ["+49 170 1234567", "030 1234567", "12"],
)
STATUSES = [Status.PENDING_PAYMENT, Status.PAID, Status.SHIPPED]
instants = st.integers(0, 5).map(lambda seconds: NOW + timedelta(seconds=seconds))


@st.composite
def some_orders(draw: st.DrawFn) -> list[Order]:
    return [
        order(
            number,
            email=draw(st.none() | st.sampled_from(EMAILS)),
            phone=draw(st.none() | st.sampled_from(PHONES)),
            status=draw(st.sampled_from(STATUSES)),
            lines=tuple(map(line, draw(st.lists(st.sampled_from(SKUS), min_size=1, max_size=3, unique=True)))),
            created_at=draw(instants),
            payment=PaymentRef(provider="sandbox", id=f"pay_{draw(st.integers(0, 3))}"),
            called=draw(st.sampled_from(["AAAAA-BBBBB", "CCCCC-DDDDD"])),
        )
        for number in range(draw(st.integers(0, 12)))
    ]


def maybe(*values: Any) -> st.SearchStrategy[Any]:
    return st.none() | st.none() | st.sampled_from(values)


wishes = st.builds(
    Wanted,
    number=maybe("AAAAA-BBBBB", "CCCCC-DDDDD"),
    email=maybe(*EMAILS, "nobody@example.com"),
    phone=maybe("1234567", "4567", "491701234567", "01234567", "9999"),
    sku=maybe(*SKUS, "C"),
    payment=maybe("pay_0", "pay_3"),
    statuses=st.frozensets(st.sampled_from(STATUSES)),
    created_from=st.none() | instants,
    created_to=st.none() | instants,
)


def plainly(order: Order, wanted: Wanted) -> bool:
    """The same question, asked without any of the code under test."""
    digits = "".join(filter(str.isdigit, order.phone or ""))
    return all(
        [
            wanted.number is None or order.number == wanted.number,
            wanted.email is None or (order.email or "").lower() == wanted.email.lower(),
            wanted.phone is None or digits.endswith((wanted.phone, wanted.phone.removeprefix("0"))),
            wanted.sku is None or wanted.sku in [line.sku for line in order.lines],
            wanted.payment is None or order.payment.id == wanted.payment,
            not wanted.statuses or order.status in wanted.statuses,
            wanted.created_from is None or wanted.created_from <= order.created_at,
            wanted.created_to is None or order.created_at < wanted.created_to,
        ]
    )


@given(orders=some_orders(), wanted=wishes, limit=st.integers(1, 5), most=st.integers(1, 20))
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_search_finds_what_a_plain_filter_finds(orders: list[Order], wanted: Wanted, limit: int, most: int) -> None:
    stores = in_memory(Memory())
    put(stores, *orders, *[samples.order("other", 99, email=EMAILS[0])])
    expected = sorted((order for order in orders if plainly(order, wanted)), key=lambda order: (order.created_at, order.id), reverse=True)
    assert list(pages(stores, wanted, limit, most)) == expected


@given(orders=some_orders(), later=some_orders())
@settings(max_examples=100, deadline=None)
def test_after_any_edits_the_rows_are_those_of_a_fresh_index(orders: list[Order], later: list[Order]) -> None:
    edited, fresh = in_memory(Memory()), in_memory(Memory())
    put(edited, *orders)
    for before, after in zip(orders, later, strict=False):
        now = after.model_copy(update={"version": before.version + 1, "created_at": before.created_at})
        assert edited.orders.save(now)
        put(fresh, now)
        index(edited, now)
        index(edited, before)  # older news, late: the order is looked at, not the news
        rows = edited.search.directory(SHOP, now.id).rows
        assert rows == fresh.search.directory(SHOP, now.id).rows
        clues = set(indexing.clues(now, edited.orders))
        for clue in {*indexing.clues(before, edited.orders), *clues}:
            assert (keys.position(now) in edited.search.found(SHOP, clue, EVER, 100)) is (clue in clues)


def test_an_order_is_found_by_its_tracking_numbers(stores: Stores) -> None:
    bare = order(1)
    shipped = bare.happened(events.SHIPPED, at=NOW, actor=SYSTEM, data={"tracking_numbers": ["jd 01 02", "JD03"]})
    put(stores, shipped, order(2))
    assert find(stores, Wanted(tracking="JD0102")).orders == [shipped]
    assert find(stores, Wanted(tracking="JD03", sku="A")).orders == [shipped]
    assert find(stores, Wanted(tracking="JD03", sku="B")).orders == []
    assert find(stores, Wanted(tracking="JD04")).orders == []
    assert find(stores, Wanted(tracking="JD03", number="AAAAA-BBBB2")).orders == []


def sold(stores: Stores, buyer: Order, keys: list[str], first: int) -> None:
    vault = stores.fulfilment.vaults
    if first == 1:
        stores.commit(vault.import_writes(vault.vault(SHOP, "A"), ["k-1", "k-2", "k-3"], "batch", NOW), token="import")
    delivery = samples.delivery(SHOP, first, first + len(keys) - 1, order=buyer.id)
    stores.commit(samples.hand_out_writes(vault, delivery), token=buyer.id)


def test_an_order_is_found_by_a_key_that_it_was_handed(stores: Stores) -> None:
    first, second = order(1), order(2)
    put(stores, first, second)
    sold(stores, first, ["k-1"], 1)
    sold(stores, second, ["k-2"], 2)
    assert find(stores, Wanted(key="k-1")).orders == []  # the news has not come yet
    for one in (first, second):
        assert index(stores, one).added == 1
    assert [find(stores, Wanted(key=key)).orders for key in ("k-1", "k-2", "k-3", "k-4")] == [[first], [second], [], []]
    assert find(stores, Wanted(key="k-1", order=second.id)).orders == []


def test_a_row_that_is_too_old_finds_nothing_wrong(stores: Stores) -> None:
    """The worker has not come to it yet: the row of the old address still stands."""
    old = order(1, email="old@example.com")
    put(stores, old)
    assert stores.orders.save(old.model_copy(update={"email": "new@example.com", "version": 2}))
    assert stores.search.found(SHOP, Clue(By.EMAIL, "old@example.com"), EVER, 5) != []
    assert find(stores, Wanted(email="old@example.com")).orders == []


def test_indexing_twice_changes_nothing(stores: Stores) -> None:
    one = order(1, email="ada@example.com", phone="+49 170 1234567")
    stores.orders.add(one)
    assert index(stores, one, dry_run=True).added == 5
    assert stores.search.directory(SHOP, one.id) == Directory()
    assert index(stores, one) == indexing.Indexed(added=5)
    assert index(stores, one) == indexing.Indexed()
    assert indexing.index(SHOP, "ord_none", search=stores.search, orders=stores.orders, vaults=vaults(stores)) == indexing.Indexed()


class Interrupted:
    """Between the look at the directory and the write, another worker is faster: with the order as it is after an edit."""

    def __init__(self, stores: Stores, edited: Order, *, forever: bool = False) -> None:
        self.stores, self.edited, self.forever, self.tries = stores, edited, forever, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stores.search, name)

    def move(self, order: Order, standing: Directory, rows: frozenset[str]) -> None:
        self.tries += 1
        if self.tries == 1 and not self.forever:
            self.stores.orders.save(self.edited)
            index(self.stores, self.edited)
        if self.forever:
            raise VersionConflict("again")
        self.stores.search.move(order, standing, rows)


def race(memory: Memory, *, forever: bool = False) -> tuple[Stores, Interrupted]:
    stores = in_memory(memory)
    old = order(1, email="old@example.com")
    stores.orders.add(old)
    interrupted = Interrupted(stores, old.model_copy(update={"email": "new@example.com", "version": 2}), forever=forever)
    indexing.index(SHOP, old.id, search=interrupted, orders=stores.orders, vaults=vaults(stores))
    return stores, interrupted


def test_a_slower_worker_does_not_bring_old_rows_back() -> None:
    stores, interrupted = race(Memory())
    assert interrupted.tries == 1  # the second look finds nothing to do
    assert stores.search.found(SHOP, Clue(By.EMAIL, "old@example.com"), EVER, 5) == []
    assert stores.search.found(SHOP, Clue(By.EMAIL, "new@example.com"), EVER, 5) != []


def test_without_its_guard_it_would() -> None:
    stores, _ = race(Memory("SAME_DIRECTORY"))
    assert stores.search.found(SHOP, Clue(By.EMAIL, "old@example.com"), EVER, 5) != []


def test_rows_that_never_stand_still_are_given_up() -> None:
    with pytest.raises(VersionConflict):
        race(Memory(), forever=True)


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("ord_01KAJVKP00C1G0HP0V7PKA0YPY", ("order", "ord_01KAJVKP00C1G0HP0V7PKA0YPY")),
        (" Ada@Example.com ", ("email", "Ada@Example.com")),
        ("7pka0-ypy12", ("number", "7PKA0-YPY12")),
        ("7pka0ypy12", ("number", "7PKA0-YPY12")),
        ("pay_01KAJVKP00C1G0HP0V7PKA0YPY", ("payment", "pay_01KAJVKP00C1G0HP0V7PKA0YPY")),
    ],
)
def test_what_a_text_means_first(typed: str, first: tuple[str, str]) -> None:
    assert searching.guesses(typed)[0] == first


def test_a_text_may_mean_much() -> None:
    assert searching.guesses("12345-67890") == [
        ("number", "12345-67890"),
        ("payment", "12345-67890"),
        ("tracking", "12345-67890"),
        ("phone", "1234567890"),
        ("sku", "12345-67890"),
        ("key", "12345-67890"),
    ]
    assert searching.guesses("  ") == []
    assert [member for member, _ in searching.guesses("Ü b")] == ["payment", "tracking", "key"]


def guess(stores: Stores, text: str, **wanted: Any) -> tuple[str | None, list[Order]]:
    world: dict[str, Any] = {"search": stores.search, "orders": stores.orders, "vaults": vaults(stores)}
    found, member = searching.look(SHOP, Wanted(**wanted), text, None, after=None, limit=5, **world)
    return member, found.orders


def test_one_box_finds_by_whatever_it_is(stores: Stores) -> None:
    one = order(1, email="ada@example.com", phone="+49 170 1234567", lines=(line("MUG-RED"),))
    put(stores, one)
    sold(stores, one, ["k-1"], 1)
    index(stores, one)
    typed = [one.id, "ADA@example.com", "aaaaabbbb1", "pay_1", "0170 / 123-4567", "4567", "MUG-RED", "k-1"]
    assert [guess(stores, text) for text in typed] == [
        (member, [one]) for member in ("order", "email", "number", "payment", "phone", "phone", "sku", "key")
    ]
    assert guess(stores, "nothing") == (None, [])
    assert guess(stores, "MUG-RED", statuses=frozenset({Status.PAID})) == (None, [])
    assert guess(stores, "MUG-RED", sku="MUG-RED") == ("sku", [one])
    assert guess(stores, "MUG-RED", sku="MUG-BLUE") == (None, [])


def test_the_next_page_takes_the_text_for_the_same(stores: Stores) -> None:
    """A SKU that is also the number of a payment: the page after the first looks on for what the first has found."""
    both = [order(number, lines=(line("MUG"),)) for number in (1, 2)]
    put(stores, *both, order(3, payment=PaymentRef(provider="sandbox", id="MUG")))
    world: dict[str, Any] = {"limit": 1, "search": stores.search, "orders": stores.orders, "vaults": vaults(stores)}
    first, by = searching.look(SHOP, Wanted(), "MUG", "sku", after=None, **world)
    second, again = searching.look(SHOP, Wanted(), "MUG", by, after=first.last, **world)
    assert (by, again, {one.id for one in first.orders + second.orders}) == ("sku", "sku", {one.id for one in both})
    assert searching.look(SHOP, Wanted(), "MUG", None, after=None, **world)[1] == "payment"


@pytest.mark.parametrize(
    ("typed", "digits"), [("0049 (170) 1234567", "00491701234567"), ("0170 123", "0170123"), ("0018", "0018"), ("012", None), ("", None)]
)
def test_digits_of_a_phone(typed: str, digits: str | None) -> None:
    assert searching.phone_digits(typed) == digits


def test_a_page_that_examined_enough_says_where_to_go_on(stores: Stores) -> None:
    orders = [order(number, created_at=NOW + timedelta(seconds=number)) for number in range(9)]
    put(stores, *orders)
    found = find(stores, Wanted(email="nobody@example.com"))
    assert found == Found([], None)
    paid = Wanted(sku="A", statuses=frozenset({Status.PAID}))
    short = find(stores, paid, most=4)
    assert (short.orders, short.last) == ([], keys.position(orders[5]))
    assert list(pages(stores, paid, 2, 4)) == []


def at(seconds: int) -> datetime:
    return NOW + timedelta(seconds=seconds)


def reindex(stores: Stores, **options: Any) -> indexing.Reindexed:
    options = {"after": None, "most": 100, "dry_run": False, **options}
    return indexing.reindex(SHOP, search=stores.search, orders=stores.orders, vaults=vaults(stores), **options)


def test_reindexing_is_planned_then_done_and_goes_on_where_it_stopped(stores: Stores) -> None:
    orders = [order(number, created_at=at(number), email="ada@example.com") for number in range(5)]
    for one in orders:
        stores.orders.add(one)
    index(stores, orders[4])
    plan = reindex(stores, dry_run=True)
    assert (plan.examined, plan.orders, plan.added, plan.removed, plan.next) == (5, 4, 16, 0, None)
    assert find(stores, Wanted(email="ada@example.com")).orders == [orders[4]]
    first = reindex(stores, most=3)
    assert (first.examined, first.orders, first.next) == (3, 2, keys.position(orders[2]))
    second = reindex(stores, after=first.next)
    assert (second.examined, second.orders, second.next) == (2, 2, None)
    assert find(stores, Wanted(email="ada@example.com")).orders == orders[::-1]
    assert reindex(stores).orders == 0


def test_reindexing_takes_rows_that_are_too_much(stores: Stores) -> None:
    one = order(1, email="old@example.com")
    put(stores, one)
    stores.orders.save(one.model_copy(update={"email": None, "version": 2}))
    assert (reindex(stores).removed, reindex(stores).removed) == (1, 0)
    assert stores.search.found(SHOP, Clue(By.EMAIL, "old@example.com"), EVER, 5) == []
