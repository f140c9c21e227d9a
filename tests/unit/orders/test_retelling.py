"""Orders told again from their events: all of a shop, page by page."""

import pytest

from holdfast.kernel.money import Money
from holdfast.orders import retelling
from holdfast.orders.errors import UnknownOrder
from holdfast.orders.model import Order
from holdfast.orders.retelling import Retell, Retold, retell
from tests.memory.engine import Memory
from tests.memory.house import House
from tests.memory.stores import in_memory


@pytest.fixture
def house() -> House:
    house = House(in_memory(Memory()))
    house.product("BOX", 50)
    for _ in range(7):
        house.browser_returns(house.buy(("BOX", 2)))
        house.now = house.now.replace(second=house.now.second + 1)
    return house


def doctored(house: House, order: Order) -> Order:
    """A unit more than its events tell of, by hand."""
    line = order.lines[0]
    changed = order.with_line(line.model_copy(update={"fulfilled": line.fulfilled + 1})).model_copy(update={"version": order.version + 1})
    assert house.stores.orders.save(changed)
    return changed


def all_of(house: House, limit: int) -> list[Retold]:
    found = [retell(Retell(shop="demo", limit=limit), orders=house.stores.orders)]
    while found[-1].next is not None:
        found.append(retell(Retell(shop="demo", limit=limit, after=found[-1].next), orders=house.stores.orders))
    return found


def newest_first(house: House) -> list[Order]:
    return house.stores.orders.page("demo", 50, None)[0]


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8])
def test_all_orders_are_told_once_however_long_the_pages_are(house: House, limit: int) -> None:
    told = all_of(house, limit)
    assert (sum(page.orders for page in told), sum(page.events for page in told)) == (7, 14)
    assert [page.drifting for page in told if page.drifting] == []
    assert all(page.orders <= limit for page in told)


@pytest.mark.parametrize("limit", [1, 4, 50])
def test_what_stands_otherwise_is_named_with_its_path(house: House, limit: int) -> None:
    wrong = [doctored(house, order) for order in newest_first(house)[1::3]]
    told = [drifting for page in all_of(house, limit) for drifting in page.drifting]
    assert [(drifting.order, drifting.number, drifting.version) for drifting in told] == [(o.id, o.number, o.version) for o in wrong]
    for drifting in told:
        assert [drift.model_dump() for drift in drifting.drifts] == [{"path": "lines.BOX.fulfilled", "told": 0, "stands": 1}]


def test_one_order(house: House) -> None:
    first, second, *_ = newest_first(house)
    doctored(house, first)
    assert retell(Retell(shop="demo", order=second.id), orders=house.stores.orders).drifting == []
    assert len(retell(Retell(shop="demo", order=first.id), orders=house.stores.orders).drifting) == 1


def test_an_order_of_another_shop_is_unknown(house: House) -> None:
    with pytest.raises(UnknownOrder):
        retell(Retell(shop="other", order=newest_first(house)[0].id), orders=house.stores.orders)
    assert retell(Retell(shop="other"), orders=house.stores.orders) == Retold(orders=0, events=0, drifting=[], next=None)


def test_an_answer_has_an_end_and_says_where_to_go_on(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retelling, "MOST_DRIFTING", 2)
    monkeypatch.setattr(retelling, "PAGE", 1)
    for order in newest_first(house):
        doctored(house, order)
    pages = all_of(house, 50)
    assert [len(page.drifting) for page in pages] == [2, 2, 2, 1]


def test_what_does_not_change_is_no_drift(house: House) -> None:
    """A title or a total is not told by events; they are what the order was placed with."""
    order = newest_first(house)[0]
    totals = order.totals.model_copy(update={"total": Money(amount=1, currency="EUR")})
    assert house.stores.orders.save(order.model_copy(update={"totals": totals, "version": order.version + 1}))
    assert retell(Retell(shop="demo"), orders=house.stores.orders).drifting == []
