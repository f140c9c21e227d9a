"""Queues that nothing may hold up: keys in many pieces, keys that are missing, workers that die or meet, carts of many items."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from holdfast.catalogue.model import Kind, OnShortage
from holdfast.fulfilment import feeding, serving
from holdfast.fulfilment.errors import VaultShortError
from holdfast.fulfilment.model import Places
from holdfast.fulfilment.ports import World
from holdfast.kernel.errors import UnavailableError
from holdfast.orders.model import Order, Status
from holdfast.payments.providers.sandbox.proxy import Action
from tests.memory.audit import audit
from tests.memory.engine import Memory
from tests.memory.faults import Fault, Faults, Killed, faulty
from tests.memory.house import House
from tests.memory.stores import in_memory


@dataclass
class Shop:
    memory: Memory
    house: House

    @property
    def world(self) -> World:
        return self.house.fulfilment_world

    def waits(self, units: int = 1) -> Order:
        order = self.house.buy(("KEY", units), accept_partial=True)
        self.house.browser_returns(order)
        self.house.serve(order)
        self.house.now += timedelta(seconds=1)
        return order

    def gives_up(self, order: Order) -> None:
        self.house.at_provider(order, Action.REFUND)
        self.house.browser_returns(order)
        self.house.forget(order)

    def opened(self) -> None:
        """As by a worker that dies before anybody has got anything of it."""
        assert feeding._opened(self.world.store.queues.queue("demo", "KEY"), self.world, self.house.now)
        self.house.now += feeding.LEASE

    def in_pieces(self, pieces: int) -> None:
        """Keys that came back one by one: every other one of those who waited had given up."""
        orders = [self.waits() for _ in range(2 * pieces)]
        self.house.import_keys("KEY", [f"piece-{number}" for number in range(2 * pieces)], "pieces")
        self.opened()
        for order in orders[::2]:
            self.gives_up(order)
        assert self.house.feed("KEY") == pieces
        assert len(self.world.store.vaults.returned("demo", "KEY", 1000)) == pieces

    def statuses(self, orders: list[Order]) -> list[Status]:
        return [self.house.order(order).status for order in orders]


def new_shop() -> Shop:
    memory = Memory()
    house = House(in_memory(memory))
    house.product("KEY", 0, Kind.DIGITAL, OnShortage.BACKORDER)
    return Shop(memory, house)


@pytest.fixture
def shop() -> Shop:
    return new_shop()


def test_keys_in_more_pieces_than_a_batch_takes_go_out_with_several(shop: Shop) -> None:
    shop.in_pieces(2 * feeding.MOST_RANGES)
    held = shop.house.place(shop.house.session(("KEY", 2 * feeding.MOST_RANGES)), "held").order
    orders = [shop.waits() for _ in range(2 * feeding.MOST_RANGES)]
    shop.house.cancel(held)
    assert shop.house.feed("KEY") == 2 * feeding.MOST_RANGES
    assert set(shop.statuses(orders)) == {Status.COMPLETED}
    audit(shop.memory)


@pytest.mark.parametrize("gaps", [0, 12, 60])
def test_what_a_whole_batch_leaves_over_fits_into_the_transaction_that_closes_it(shop: Shop, gaps: int) -> None:
    """Though its keys are in pieces, with gaps of withdrawn ones between them."""
    vaults = shop.world.store.vaults
    shop.house.import_keys("KEY", [f"key-{number}" for number in range(300)], "many")
    gone = tuple(range(2, 2 * gaps + 2, 2))
    vault = vaults.vault("demo", "KEY")
    withdrawn = vaults.set_aside_writes(vault, vault.model_copy(update={"withdrawn": gone}), None, 2)
    shop.house.stores.commit(withdrawn, token="withdrawn")
    held = shop.house.place(shop.house.session(("KEY", 300)), "held").order
    orders = [shop.waits(2) for _ in range(feeding.BATCH)]
    shop.house.cancel(held)
    shop.opened()
    for order in orders:
        shop.gives_up(order)
    assert shop.house.feed("KEY") == 0
    assert not shop.world.store.queues.queue("demo", "KEY").open
    assert (shop.memory.of("debt"), vaults.vault("demo", "KEY").left) == ([], 300 - gaps)


def test_who_is_first_gets_his_key_though_one_is_missing_for_the_next(shop: Shop) -> None:
    orders = [shop.waits(), shop.waits()]
    shop.house.restock("KEY", 1, "a number instead of keys")
    shop.house.import_keys("KEY", ["a"], "one")
    with pytest.raises(VaultShortError):
        shop.house.feed("KEY")
    assert shop.statuses(orders) == [Status.COMPLETED, Status.AWAITING_STOCK]


def test_a_cart_of_many_items_is_handed_over_from_keys_that_came_back(shop: Shop) -> None:
    skus = [f"KEY-{number:02d}" for number in range(24)]
    store = shop.world.store
    for sku in skus:
        shop.house.product(sku, 9, Kind.DIGITAL, OnShortage.BACKORDER)
        vault = store.vaults.vault("demo", sku)
        taken = vault.model_copy(update={"taken": 8})
        pieces = [Places(first=place, last=place) for place in range(1, 9, 2)]
        shop.house.stores.commit(store.vaults.set_aside_writes(vault, taken, None, 1), token=f"taken-{sku}")
        shop.house.stores.commit(store.vaults.give_back_writes(store.vaults.vault("demo", sku), pieces), token=f"back-{sku}")
        shop.house.place(shop.house.session((sku, 7)), f"held-{sku}")
    order = shop.house.buy(*((sku, 3) for sku in skus), accept_partial=True)
    shop.house.browser_returns(order)
    shop.house.serve(order)
    assert shop.house.order(order).status is Status.PARTIALLY_FULFILLED
    assert len(shop.memory.of("debt")) == len(shop.memory.of("delivery")) == 24


# Workers that meet, and workers that die.


def test_a_worker_that_saw_somebody_wait_does_not_close_the_way_when_he_has_gone(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another one served him, and opened the way, between the look and the note."""
    order = shop.waits()
    shop.house.import_keys("KEY", ["a", "b"], "two")
    others = [lambda: shop.house.feed("KEY")]
    look = shop.house.stores.fulfilment.debts.head

    def beside(*asked: Any) -> Any:
        seen = look(*asked)
        if others:
            others.pop()()
        return seen

    monkeypatch.setattr(shop.house.stores.fulfilment.debts, "head", beside)
    assert feeding.release_queue("demo", "KEY", world=shop.world) is False
    assert shop.house.order(order).status is Status.COMPLETED
    assert (shop.house.level("KEY").awaited, shop.house.free("KEY")) == (False, 1)
    assert not shop.world.store.queues.queue("demo", "KEY").waiting


def killed(shop: Shop, order: Order, act: Callable[[House, Order], Any], fault: Fault, at: int) -> bool:
    """Whether it happened before the end."""
    faults = Faults(fault, at)
    with suppress(Killed, UnavailableError):
        act(replace(shop.house, stores=faulty(shop.house.stores, faults)), order)
    return faults.met != ""


@pytest.mark.parametrize("fault", [Fault.KILLED_BEFORE, Fault.KILLED_AFTER, Fault.LOST_REPLY])
def test_the_way_opens_though_who_saw_the_last_one_give_up_died_of_it(fault: Fault) -> None:
    for at in range(1, 100):
        shop = new_shop()
        order = shop.waits()
        shop.house.at_provider(order, Action.REFUND)
        shop.house.browser_returns(order)
        met = killed(shop, order, House.forget, fault, at)
        shop.house.forget(order)  # the message comes back
        assert (shop.house.level("KEY").awaited, shop.memory.of("debt")) == (False, []), at
        if not met:
            assert at > 5
            return
    pytest.fail("it does not end")


def test_a_batch_that_fed_the_order_of_a_worker_that_died_is_closed_when_its_message_comes_back(shop: Shop) -> None:
    """Though the order itself waits for nothing any more."""
    at = 0
    while not shop.world.store.queues.queue("demo", "KEY").open or shop.memory.of("debt"):
        at, shop = at + 1, new_shop()
        shop.house.import_keys("KEY", ["a"], "one")
        held = shop.house.place(shop.house.session(("KEY", 1)), "held").order
        order = shop.house.buy(("KEY", 1), accept_partial=True)
        shop.house.browser_returns(order)
        shop.house.cancel(held)
        assert killed(shop, order, House.serve, Fault.KILLED_BEFORE, at), "never between the hand-over and the end of the batch"
    assert shop.house.order(order).status is Status.COMPLETED
    assert shop.world.store.queues.queue("demo", "KEY").open
    shop.house.now += feeding.LEASE
    shop.house.serve(order)
    assert not shop.world.store.queues.queue("demo", "KEY").open
    audit(shop.memory)


def test_who_came_to_wait_and_found_more_to_do_than_one_message_may_says_so(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeding, "BATCH", 1)
    for _ in range(feeding.MOST_BATCHES + 2):
        shop.waits()
    shop.house.import_keys("KEY", [f"key-{number}" for number in range(feeding.MOST_BATCHES + 1)], "many")
    late = shop.house.buy(("KEY", 1), accept_partial=True)
    shop.house.browser_returns(late)
    assert serving.serve("demo", late.id, world=shop.world, now=shop.house.now) == ["KEY"]
    assert serving.serve("demo", late.id, world=shop.world, now=shop.house.now) == []


def test_an_order_that_cannot_be_written_keeps_nobody_else_of_its_batch_from_his_goods(shop: Shop) -> None:
    bad, good = shop.waits(), shop.waits()
    shop.house.import_keys("KEY", ["one", "two"], "batch")
    orders = shop.house.stores.orders
    save = orders.save
    orders.save = lambda order: order.id != bad.id and save(order)  # type: ignore[method-assign]
    with pytest.raises(UnavailableError):
        shop.house.feed("KEY")
    assert (shop.house.order(good).status, shop.house.order(bad).status) == (Status.COMPLETED, Status.AWAITING_STOCK)
    audit(shop.memory)
    orders.save = save  # type: ignore[method-assign]
    shop.house.now += feeding.LEASE
    shop.house.feed("KEY")
    assert shop.house.order(bad).status is Status.COMPLETED
    audit(shop.memory)
