"""A round of the schedule over shops: what fails in one holds up no other, and is told."""

from datetime import timedelta
from typing import Any

import pytest

from holdfast.catalogue.model import Kind, OnShortage
from holdfast.kernel.errors import UnavailableError
from holdfast.wiring.orders import OrdersForFulfilment
from holdfast.wiring.waiting import FreeUnits, Usher
from tests.memory.engine import Memory
from tests.memory.house import GRACE, House
from tests.memory.stores import in_memory


class Sent:
    def __init__(self) -> None:
        self.messages: list[Any] = []

    def send_all(self, messages: Any) -> None:
        self.messages += [message for message, _ in messages]


class Deaf:
    def send_all(self, messages: Any) -> None:
        raise UnavailableError("The queue does not answer.")


@pytest.fixture
def house() -> House:
    house = House(in_memory(Memory()))
    house.product("KEY", 0, Kind.DIGITAL, OnShortage.BACKORDER)
    order = house.buy(("KEY", 1), accept_partial=True)
    house.browser_returns(order)
    house.serve(order)
    house.now += timedelta(hours=25)
    house.import_keys("KEY", ["one"], "late")  # and nobody hears of it
    return house


def usher(house: House, messages: Any) -> Usher:
    stores = house.stores
    orders = OrdersForFulfilment(stores.orders)
    free = FreeUnits(stores.stock.levels, GRACE, lambda: house.now)
    return Usher(stores.fulfilment, orders, free, messages, stores.runs, lambda: house.now)


def test_a_round_wakes_tells_and_is_kept(house: House) -> None:
    sent = Sent()
    run = usher(house, sent).go_round(house.policies.shop(house.shop), trigger="schedule")
    assert run.report == {"shop": house.shop, "woken": 1, "told": 1, "failed": [], "complete": True}
    assert (sent.messages, run.trigger) == ([{"kind": "restock", "shop": house.shop, "sku": "KEY"}], "schedule")
    assert house.stores.runs.last(house.shop, "fulfilment", 9) == [run]
    assert house.feed("KEY") == 1
    again = usher(house, sent).go_round(house.policies.shop(house.shop), trigger="operator")
    assert (again.report["woken"], again.report["told"]) == (0, 0)


def test_a_queue_that_does_not_answer_keeps_nobody_from_being_told(house: House) -> None:
    run = usher(house, Deaf()).go_round(house.policies.shop(house.shop), trigger="schedule")
    assert run.report == {"shop": house.shop, "woken": 0, "told": 1, "failed": ["unavailable"], "complete": True}


def test_a_table_that_does_not_answer_is_told_and_no_error(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(*_: Any) -> Any:
        raise UnavailableError("The data store does not answer.")

    monkeypatch.setattr(house.stores.fulfilment.queues, "waiting", silent)
    run = usher(house, Sent()).go_round(house.policies.shop(house.shop), trigger="schedule")
    assert run.report == {"shop": house.shop, "woken": 0, "told": 0, "failed": ["unavailable", "unavailable"], "complete": False}
