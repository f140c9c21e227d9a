"""What one call of the feed does, and what it leaves to the next."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from holdfast.catalogue.model import Kind, OnShortage
from holdfast.fulfilment import feeding
from holdfast.fulfilment.feeding import LEASE, Meal, feed
from holdfast.fulfilment.rules import next_round
from holdfast.orders import refunding
from holdfast.orders.model import Order, Status
from holdfast.tenants.model import Waiting
from tests.memory.engine import Memory
from tests.memory.faults import Fault, Faults, Killed, faulty
from tests.memory.house import House
from tests.memory.stores import Stores, in_memory


@pytest.fixture
def house() -> House:
    house = House(in_memory(Memory()))
    house.product("KEY", 0, Kind.DIGITAL, OnShortage.BACKORDER)
    return house


def queued(house: House, *units: int) -> list[Order]:
    orders = []
    for wanted in units:
        order = house.buy(("KEY", wanted), accept_partial=True)
        house.browser_returns(order)
        house.serve(order)
        house.now += timedelta(seconds=1)
        orders.append(order)
    return orders


def bring(house: House, units: int) -> None:
    house.import_keys("KEY", [f"key-{number}" for number in range(units)], "late")


def fed(house: House, most: int = feeding.MOST_BATCHES, stores: Stores | None = None) -> Meal:
    world = (house if stores is None else House(stores, now=house.now)).fulfilment_world
    return feed(house.shop, "KEY", world=world, now=house.now, most=most)


def killed_at_its_first_order(house: House) -> None:
    """The batch is open, and the first order has its keys."""

    class Dies(Faults):
        def __call__(self, name: str, effect: Callable[[], Any]) -> Any:
            answer = effect()
            if name == "save":
                raise Killed
            return answer

    with pytest.raises(Killed):
        fed(house, stores=faulty(house.stores, Dies(Fault.KILLED_AFTER, 0)))


def test_nothing_is_done_where_nobody_waits_or_nothing_is_there(house: House) -> None:
    assert fed(house) == Meal()
    queued(house, 2)
    assert fed(house) == Meal()
    assert house.stores.fulfilment.queues.queue(house.shop, "KEY").batches == 0


def test_a_call_feeds_so_many_batches_and_says_that_there_is_more(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeding, "BATCH", 2)
    orders = queued(house, *[1] * 5)
    bring(house, 9)
    assert fed(house, most=2) == Meal(units=4, again_in=timedelta())
    assert fed(house, most=2) == Meal(units=1)
    assert {house.order(order).status for order in orders} == {Status.COMPLETED}
    assert [house.keys_of(order) for order in orders] == [[f"key-{number}"] for number in range(5)]
    assert house.free("KEY") == 4


def test_a_batch_of_one_who_may_live_still_is_left_alone_until_its_lease_is_over(house: House) -> None:
    orders = queued(house, 1, 2)
    bring(house, 3)
    killed_at_its_first_order(house)
    house.now += timedelta(seconds=30)
    assert fed(house) == Meal(again_in=LEASE - timedelta(seconds=30))
    assert house.order(orders[1]).status is Status.AWAITING_STOCK
    house.now += LEASE
    assert fed(house).units == 3, "the first one's unit is counted by who closes the batch"
    assert [house.keys_of(order) for order in orders] == [["key-0"], ["key-1", "key-2"]]


def test_what_one_gave_up_meanwhile_goes_back_and_on_to_the_next(house: House) -> None:
    orders = queued(house, 1, 3, 2)
    bring(house, 4)
    killed_at_its_first_order(house)
    house.refund(orders[1], refunding.Kind.LINES, lines={"KEY": 2})
    house.now += LEASE
    assert fed(house).units == 4
    assert [house.keys_of(order) for order in orders] == [["key-0"], ["key-1"], ["key-2", "key-3"]]
    vault = house.stores.fulfilment.vaults.vault(house.shop, "KEY")
    assert (vault.taken, vault.back, house.level("KEY").on_hand) == (4, 0, 0)


def test_who_gave_up_before_is_not_given_anything(house: House) -> None:
    first, second = queued(house, 2, 2)
    house.refund(first)
    bring(house, 2)
    assert fed(house) == Meal(units=2)
    assert (house.keys_of(first), house.keys_of(second)) == ([], ["key-0", "key-1"])
    assert house.stores.fulfilment.debts.head(house.shop, "KEY", 9) == []


def test_who_had_his_share_stands_behind_the_others(house: House) -> None:
    house.settings = {"waiting": Waiting(most_per_round=2)}
    first, second = queued(house, 5, 1)
    standing = house.stores.fulfilment.debts.head(house.shop, "KEY", 9)
    bring(house, 2)
    assert fed(house).units == 2
    after = house.stores.fulfilment.debts.head(house.shop, "KEY", 9)
    assert [(debt.order, debt.owed) for debt in after] == [(second.id, 1), (first.id, 3)]
    assert [debt.position for debt in after] == [standing[1].position, next_round(standing[0].position)]
    assert house.order(first).queued == {"KEY": after[1].position}


def test_who_is_worth_it_stands_before_the_others_and_among_equals_who_paid_first(house: House) -> None:
    house.settings = {"waiting": Waiting(first_from=3 * 1999)}
    small, large, larger = queued(house, 1, 3, 4)
    line = [debt.order for debt in house.stores.fulfilment.debts.head(house.shop, "KEY", 9)]
    assert line == [large.id, larger.id, small.id]
    bring(house, 5)
    assert fed(house).units == 5
    assert [len(house.keys_of(order)) for order in (small, large, larger)] == [0, 3, 2]
