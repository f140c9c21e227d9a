"""A parcel that did not arrive as it should."""

import pytest

from holdfast.catalogue.model import Kind, OnShortage
from holdfast.orders import events
from holdfast.orders.errors import NothingShipped, UnknownOrder
from holdfast.orders.model import Order, Status
from tests.memory.audit import audit
from tests.memory.engine import Memory
from tests.memory.house import STAFF, House
from tests.memory.stores import in_memory


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def house(memory: Memory) -> House:
    house = House(in_memory(memory))
    house.product("BOX", 9)
    house.product("LOT", 1, Kind.PHYSICAL, OnShortage.BACKORDER)
    house.product("KEY", 2, Kind.DIGITAL)
    return house


def brought(house: House, *lines: tuple[str, int], to: Status) -> Order:
    order = house.buy(*lines, accept_partial=True)
    house.browser_returns(order)
    house.serve(order)
    for stage in (Status.PICKING, Status.PACKED, Status.SHIPPED, Status.DELIVERED, Status.COMPLETED):
        if house.order(order).status is to:
            break
        house.bring_to(order, stage)
    return house.order(order)


@pytest.mark.parametrize("status", [Status.SHIPPED, Status.DELIVERED, Status.COMPLETED])
def test_the_event_has_the_reason_and_changes_nothing_else(house: House, memory: Memory, status: Status) -> None:
    order = brought(house, ("BOX", 1), to=status)
    told = house.trouble(order, "one", "nobody was there")
    assert (told.events[-1].type, told.events[-1].reason, told.events[-1].actor) == (events.DELIVERY_PROBLEM, "nobody was there", STAFF)
    assert (told.events[-1].data, told.events[-1].after) == ({"id": "one"}, {})
    assert (told.status, told.lines, told.version) == (status, order.lines, order.version + 1)
    audit(memory)


def test_the_same_trouble_is_told_once_and_another_is_another(house: House) -> None:
    order = brought(house, ("BOX", 1), to=Status.SHIPPED)
    once = house.trouble(order, "one")
    assert house.trouble(order, "one", "in other words") == once
    house.bring_to(order, Status.DELIVERED)
    assert house.trouble(order, "one").version == once.version + 1
    twice = house.trouble(order, "two")
    assert [event.data["id"] for event in twice.events if event.type == events.DELIVERY_PROBLEM] == ["one", "two"]


def test_a_part_that_was_shipped_is_enough(house: House) -> None:
    order = brought(house, ("LOT", 2), to=Status.PARTIALLY_FULFILLED)
    with pytest.raises(NothingShipped):
        house.trouble(order)
    for stage in (Status.PICKING, Status.PACKED, Status.SHIPPED):
        house.bring_to(order, stage)
    assert house.order(order).status is Status.PARTIALLY_FULFILLED
    assert house.trouble(order).events[-1].type == events.DELIVERY_PROBLEM


def test_what_never_left_has_no_trouble_on_its_way(house: House) -> None:
    for order in (brought(house, ("BOX", 1), to=Status.PACKED), brought(house, ("KEY", 1), to=Status.COMPLETED)):
        with pytest.raises(NothingShipped) as refused:
            house.trouble(order)
        assert (refused.value.code, refused.value.facts) == ("nothing_shipped", {"order_status": order.status})
    with pytest.raises(UnknownOrder):
        house.trouble(order.model_copy(update={"id": "ord_none"}))
