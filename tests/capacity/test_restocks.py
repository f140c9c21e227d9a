"""What a restock costs for each order that it feeds, in DynamoDB's write units.

Five of them are the order's own: its item is between one and two kilobytes (two), its entry in by_status goes and another comes (two),
its debt is deleted (one). None can be left out: an order that is not written does not know what it got, staff look for orders by status,
and a debt that stays stands in the way of the next. An update would cost what a put does, and to write many at once saves calls, no units.
What all orders of a batch share is the batch itself, at twice its kilobytes, as it is written in a transaction, and the notes of its
opening and closing.
"""

from collections import Counter

import pytest

from holdfast.catalogue.model import Kind, OnShortage
from holdfast.fulfilment.feeding import BATCH
from tests.capacity import test_units
from tests.capacity.test_units import Shop

SKU = "POSTER-000"
shop = test_units.shop


def fed(shop: Shop, kind: Kind, waiting: int, units: int) -> Counter[str]:
    """The units of a feed of so many orders that wait for one each."""
    shop.house.product(SKU, 0, kind, OnShortage.BACKORDER)
    for _ in range(waiting):
        shop.queued(SKU)
    if kind is Kind.DIGITAL:
        shop.house.import_keys(SKU, [f"ABCD-EFGH-IJKL-{number:05d}" for number in range(units)], "late")
    else:
        shop.house.restock(SKU, units, "late")
    with shop.meter.counted() as counted:
        assert shop.house.feed(SKU) == units
    return counted


@pytest.mark.parametrize("kind", Kind)
def test_an_order_in_a_full_batch_costs_five_units_and_a_half(shop: Shop, kind: Kind) -> None:
    units = fed(shop, kind, BATCH, BATCH)
    assert (units["Orders"], units["Orders.by_status"]) == (2 * BATCH, 2 * BATCH)
    assert units["Fulfilment"] - BATCH <= 2 * 12 + 8, "twelve kilobytes of a batch, the queue, the vault"
    assert units["Stock"] <= 5
    assert sum(units.values()) / BATCH <= 5.5


def test_a_second_batch_costs_as_much_again(shop: Shop) -> None:
    """A straight line: who waits behind does not make it dearer."""
    units = fed(shop, Kind.PHYSICAL, BATCH + 50, BATCH + 40)
    assert sum(units.values()) / (BATCH + 40) <= 5.5


def test_one_who_waits_alone_pays_for_all_of_it(shop: Shop) -> None:
    assert fed(shop, Kind.PHYSICAL, 1, 1) == {"Orders": 2, "Orders.by_status": 2, "Fulfilment": 8, "Stock": 5}
