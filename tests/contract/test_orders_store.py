"""`orders.ports.Orders` and `Sessions`."""

from datetime import timedelta

import pytest

from holdfast.kernel.errors import VersionConflict
from holdfast.orders.model import Order, Status
from holdfast.orders.session import Session
from tests.memory import samples
from tests.memory.samples import LATER, NOW
from tests.memory.stores import Stores


@pytest.mark.parametrize("make", [samples.order, samples.full_order])
def test_an_order_comes_back_as_it_was(stores: Stores, shop: str, make: type[Order]) -> None:
    order = make(shop)
    assert stores.orders.add(order)
    assert stores.orders.get(shop, order.id) == order
    assert stores.orders.get(f"{shop}-x", order.id) is None


def test_an_order_is_added_once(stores: Stores, shop: str) -> None:
    order = samples.full_order(shop)
    assert stores.orders.add(order)
    assert stores.orders.add(order)  # delivered twice: our own
    assert not stores.orders.add(samples.order(shop, status=Status.PAID))
    assert stores.orders.get(shop, order.id) == order


def test_saving_goes_over_the_version_before(stores: Stores, shop: str) -> None:
    order = samples.order(shop)
    paid = order.model_copy(update={"status": Status.PAID, "version": 2})
    assert not stores.orders.save(paid)
    stores.orders.add(order)
    assert stores.orders.save(paid)
    assert stores.orders.save(paid)  # delivered twice: our own
    assert not stores.orders.save(order.model_copy(update={"status": Status.CANCELLED, "version": 2}))
    assert not stores.orders.save(order.model_copy(update={"version": 4}))
    assert stores.orders.get(shop, order.id) == paid


def test_the_save_of_a_transaction_has_the_same_condition(stores: Stores, shop: str) -> None:
    order = samples.order(shop)
    stores.orders.add(order)
    second = order.model_copy(update={"version": 2})
    stores.commit([stores.orders.save_write(second)], token=f"{shop}-2")
    with pytest.raises(VersionConflict):
        stores.commit([stores.orders.save_write(order.model_copy(update={"version": 2, "status": Status.PAID}))], token=f"{shop}-3")
    assert stores.orders.get(shop, order.id) == second


def test_orders_are_listed_newest_first(stores: Stores, shop: str) -> None:
    orders = [samples.order(shop, number, created_at=NOW + timedelta(seconds=number // 2)) for number in range(9)]
    for order in (*orders, samples.order(f"{shop}-x", 99)):
        stores.orders.add(order)
    listed: list[Order] = []
    start: str | None = None
    while True:
        page, start = stores.orders.page(shop, 4, start)
        assert len(page) <= 4
        listed += page
        if start is None:
            break
    assert listed == sorted(orders, key=lambda order: (order.created_at, order.id), reverse=True)


@pytest.mark.parametrize("make", [samples.session, samples.full_session])
def test_a_session_comes_back_as_it_was(stores: Stores, shop: str, make: type[Session]) -> None:
    session = make(shop)
    stores.sessions.add(session)
    stores.sessions.add(session)
    assert stores.sessions.get(shop, session.id) == session
    assert stores.sessions.get(shop, "cks_none") is None


def test_a_session_is_written_over_the_version_that_was_seen(stores: Stores, shop: str) -> None:
    session = samples.full_session(shop)
    assert not stores.sessions.save(session.model_copy(update={"version": 2}))  # there is none
    assert stores.sessions.get(shop, session.id) is None
    stores.sessions.add(session)
    second = session.model_copy(update={"version": 2, "notes": "Ring twice", "address": None, "expires_at": LATER + timedelta(minutes=1)})
    for _ in range(2):  # a repeated delivery finds its own
        assert stores.sessions.save(second)
    assert stores.sessions.get(shop, session.id) == second
    assert not stores.sessions.save(second.model_copy(update={"notes": "Never seen"}))
    assert not stores.sessions.save(second.model_copy(update={"notes": "Too late", "version": 4}))
    assert stores.sessions.get(shop, session.id) == second


def test_session_and_order_in_one_read(stores: Stores, shop: str) -> None:
    session, order = samples.session(shop), samples.order(shop)
    assert stores.sessions.with_order(shop, session.id, order.id) == (None, None)
    stores.sessions.add(session)
    assert stores.sessions.with_order(shop, session.id, order.id) == (session, None)
    stores.orders.add(order)
    assert stores.sessions.with_order(shop, session.id, order.id) == (session, order)


def test_removing_a_session_may_be_repeated(stores: Stores, shop: str) -> None:
    session = samples.session(shop)
    stores.sessions.add(session)
    for _ in range(2):
        stores.sessions.remove(session)
        assert stores.sessions.get(shop, session.id) is None
