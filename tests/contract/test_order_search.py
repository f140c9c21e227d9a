"""`orders.searching.Search`: the rows by which orders are found, and the indexes."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from holdfast.kernel.errors import VersionConflict
from holdfast.orders import keys, search_keys, search_repository
from holdfast.orders.going_back import Beside, Refund, RefundState
from holdfast.orders.model import Order, PaymentRef, PaymentStatus, Status
from holdfast.orders.search_keys import By, Clue, Places
from holdfast.orders.searching import EARLIEST, LATEST, Directory, Span
from tests.memory import samples
from tests.memory.samples import NOW
from tests.memory.stores import Stores

EVER = Span(EARLIEST, LATEST)
SKU_A, PAY_1 = Clue(By.SKU, "A"), Clue(By.PAYMENT, "pay_1")


def placed(stores: Stores, shop: str, count: int = 1) -> list[Order]:
    """Newest first; two of them in each second."""
    orders = [samples.order(shop, number, created_at=NOW + timedelta(seconds=number // 2)) for number in range(count)]
    for order in orders:
        stores.orders.add(order)
    return sorted(orders, key=keys.position, reverse=True)


def have(stores: Stores, order: Order, clues: Sequence[Clue] = (SKU_A,), handed: Sequence[Places] = ()) -> None:
    stores.search.move(order, stores.search.directory(order.shop, order.id), search_keys.names(order, clues, handed))


def positions(orders: Sequence[Order]) -> list[str]:
    return [keys.position(order) for order in orders]


@pytest.mark.parametrize(
    "clue", [Clue(by, value) for by, value in zip(By, ["AAAAA-BBBBB", "ü@b.de", "4567", "A", "p#1", "JD 01"], strict=False)]
)
def test_an_order_is_found_by_each_of_its_clues(stores: Stores, shop: str, clue: Clue) -> None:
    (order,) = placed(stores, shop)
    have(stores, order, [clue])
    assert stores.search.found(shop, clue, EVER, 5) == positions([order])
    assert stores.search.found(f"{shop}-x", clue, EVER, 5) == []
    assert stores.search.found(shop, Clue(clue.by, clue.value + "0"), EVER, 5) == []
    others = [Clue(by, clue.value) for by in By if by not in {clue.by, By.PLACE}]
    assert [stores.search.found(shop, other, EVER, 5) for other in others] == [[]] * len(others)


def test_those_of_one_clue_come_newest_first_and_page_by_page(stores: Stores, shop: str) -> None:
    orders = placed(stores, shop, 9)
    for order in orders:
        have(stores, order)
    expected = positions(orders)
    for ask in (
        lambda span, limit: stores.search.found(shop, SKU_A, span, limit),
        lambda span, limit: stores.search.listed(shop, span, limit),
        lambda span, limit: stores.search.in_status(shop, [Status.PENDING_PAYMENT, Status.PAID], span, limit),
    ):
        assert ask(EVER, 100) == expected
        assert ask(EVER, 4) == expected[:4]
        assert ask(Span(EARLIEST, expected[3]), 4) == expected[4:8]
        assert ask(Span(expected[7], expected[3]), 100) == expected[4:8]
        assert ask(Span(expected[3], expected[3]), 100) == []
        assert ask(Span(expected[3], expected[7]), 100) == []


def test_an_order_is_listed_under_the_state_that_it_is_in(stores: Stores, shop: str) -> None:
    first, second = placed(stores, shop, 2)
    paid = first.model_copy(update={"status": Status.PAID, "version": 2})
    assert stores.orders.save(paid)
    assert stores.search.in_status(shop, [Status.PENDING_PAYMENT], EVER, 5) == positions([second])
    assert stores.search.in_status(shop, [Status.PAID], EVER, 5) == positions([paid])
    assert stores.search.in_status(shop, [Status.PAID, Status.PENDING_PAYMENT], EVER, 5) == positions([paid, second])
    assert stores.search.in_status(shop, [Status.EXPIRED], EVER, 5) == []
    assert stores.search.in_status(f"{shop}-x", [Status.PAID], EVER, 5) == []


def test_orders_whose_money_is_on_its_way_are_listed_whatever_their_state(stores: Stores, shop: str) -> None:
    _, second, third = placed(stores, shop, 3)
    due = Refund(id="rfd_1", amount=1, of=Beside(provider="sandbox", payment="pay_2"))
    done = second.model_copy(update={"status": Status.COMPLETED, "refunds": (due,), "version": 2})
    ended = third.model_copy(update={"status": Status.CANCELLED, "version": 2})
    assert stores.orders.save(done)
    assert stores.orders.save(ended)
    assert stores.search.unsettled(shop, EVER, 5) == positions([done, ended])
    assert stores.search.unsettled(shop, EVER, 1) == positions([done])
    assert stores.search.unsettled(shop, Span(EARLIEST, keys.position(done)), 5) == positions([ended])
    assert stores.search.unsettled(f"{shop}-x", EVER, 5) == []
    confirmed = {"refunds": (due.model_copy(update={"state": RefundState.DONE}),), "version": 3}
    paid = {"payment": done.payment.model_copy(update={"status": PaymentStatus.SUCCEEDED})}
    assert stores.orders.save(done.model_copy(update={**confirmed, **paid}))
    assert stores.search.unsettled(shop, EVER, 5) == positions([ended])


def test_an_order_has_the_rows_that_it_was_given_last(stores: Stores, shop: str) -> None:
    (order,) = placed(stores, shop)
    assert stores.search.directory(shop, order.id) == Directory()
    have(stores, order, [SKU_A, Clue(By.EMAIL, "old@example.com")])
    have(stores, order, [SKU_A, Clue(By.EMAIL, "new@example.com")])
    assert stores.search.found(shop, Clue(By.EMAIL, "old@example.com"), EVER, 5) == []
    assert stores.search.found(shop, Clue(By.EMAIL, "new@example.com"), EVER, 5) == positions([order])
    assert stores.search.found(shop, SKU_A, EVER, 5) == positions([order])
    assert stores.search.directory(shop, order.id).rev == 2
    have(stores, order, [])
    assert stores.search.found(shop, SKU_A, EVER, 5) == []


def test_of_two_writers_the_second_is_told(stores: Stores, shop: str) -> None:
    (order,) = placed(stores, shop)
    seen = stores.search.directory(shop, order.id)
    have(stores, order, [PAY_1])
    with pytest.raises(VersionConflict):
        stores.search.move(order, seen, search_keys.names(order, [SKU_A], []))
    assert stores.search.found(shop, SKU_A, EVER, 5) == []
    assert stores.search.found(shop, PAY_1, EVER, 5) == positions([order])


def many_rows(stores: Stores, shop: str, count: int) -> None:
    (order,) = placed(stores, shop)
    many = [Clue(By.TRACKING, f"JD{number:03d}") for number in range(count)]
    have(stores, order, many)
    assert all(stores.search.found(shop, clue, EVER, 5) for clue in many)
    assert len(stores.search.directory(shop, order.id).rows) == count
    have(stores, order, [*many[-5:], SKU_A])
    assert [bool(stores.search.found(shop, clue, EVER, 5)) for clue in many] == [False] * (count - 5) + [True] * 5
    assert stores.search.found(shop, SKU_A, EVER, 5) == positions([order])
    assert len(stores.search.directory(shop, order.id).rows) == 6


def test_rows_in_several_transactions(stores: Stores, shop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """DynamoDB Local takes ten items in one."""
    monkeypatch.setattr(search_repository, "MOST_MOVED", 9)
    many_rows(stores, shop, 25)


def test_more_rows_than_a_transaction_takes(simulated: Stores, shop: str) -> None:
    many_rows(simulated, shop, 205)


def test_who_was_handed_a_key(stores: Stores, shop: str) -> None:
    third, second, first = placed(stores, shop, 3)
    have(stores, first, handed=[Places("A", 1, 3), Places("B", 1, 1)])
    have(stores, second, handed=[Places("A", 990, 2010)])
    have(stores, third, handed=[Places("A", 5, 5), Places("A", 2011, 2011)])
    held = {place: stores.search.holder(shop, "A", place) for place in (1, 3, 4, 5, 6, 989, 990, 999, 1000, 1999, 2000, 2010, 2011, 2012)}
    assert [place for place, order in held.items() if order == first.id] == [1, 3]
    assert [place for place, order in held.items() if order == second.id] == [990, 999, 1000, 1999, 2000, 2010]
    assert [place for place, order in held.items() if order == third.id] == [5, 2011]
    assert (stores.search.holder(shop, "B", 1), stores.search.holder(shop, "B", 2)) == (first.id, None)
    assert stores.search.holder(f"{shop}-x", "A", 1) is None


def test_no_address_and_no_number_of_a_person_stands_in_a_key(shop: str) -> None:
    order = samples.order(shop, payment=PaymentRef(provider="sandbox", id="pay_1"))
    names = search_keys.names(order, [Clue(By.EMAIL, "ada@example.com"), Clue(By.PHONE, "4567")], [])
    assert not any(part in name for name in names for part in ("ada", "example", "4567"))
    assert names.isdisjoint(search_keys.names(samples.order(f"{shop}-x"), [Clue(By.EMAIL, "ada@example.com")], []))


def test_several_orders_in_one_read(stores: Stores, shop: str) -> None:
    orders = placed(stores, shop, 3)
    asked = [orders[2].id, "ord_none", orders[0].id]
    assert sorted(stores.orders.several(shop, asked), key=keys.position) == [orders[2], orders[0]]
    assert stores.orders.several(f"{shop}-x", asked) == []
    assert stores.orders.several(shop, []) == []
