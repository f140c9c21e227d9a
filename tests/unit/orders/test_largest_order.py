"""An order of as many lines as there may be fits into every transaction: the store in memory takes a hundred items, as DynamoDB does."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from holdfast.catalogue.model import Kind, OnShortage
from holdfast.orders.model import Order, Status
from holdfast.orders.refunding import Kind as RefundKind
from holdfast.orders.session_views import MAX_LINES
from holdfast.payments.providers.sandbox.proxy import Action
from holdfast.tenants.model import LatePayment
from tests.memory.audit import audit_end
from tests.memory.backstage import Backstage
from tests.memory.engine import MOST_ITEMS, Memory
from tests.memory.house import GRACE, HOLD, House
from tests.memory.stores import in_memory

SKUS = [f"SKU-{number:02d}" for number in range(MAX_LINES)]


class Measured(Memory):
    """Remembers its largest transaction."""

    most = 0

    def commit(self, writes: Any, *, token: str) -> None:
        self.most = max(self.most, len(writes))
        super().commit(writes, token=token)


@pytest.fixture
def memory() -> Measured:
    return Measured()


@pytest.fixture
def house(memory: Measured) -> House:
    """Every SKU may be owed up to a cap, and is limited per customer: each line has two pools beside its goods. Of two, one is here."""
    house = House(in_memory(memory))
    for sku in SKUS:
        house.product(sku, 1, Kind.PHYSICAL, OnShortage.BACKORDER, backorder_cap=9, max_per_customer=9)
    return house


def paid(house: House) -> Order:
    order = house.buy(*[(sku, 2) for sku in SKUS], accept_partial=True)
    house.browser_returns(order)
    return order


def served(house: House) -> Order:
    order = paid(house)
    house.serve(order)
    return house.order(order)


def returned(house: House) -> Any:
    order = served(house)
    house.bring_to(order, Status.SHIPPED)
    (back,) = house.send_back(order, dict.fromkeys(SKUS, 1)).returns
    return house.receive(order, back.id, restocked=dict.fromkeys(SKUS, 1))


def refunded_by_the_provider(house: House) -> Any:
    order = served(house)
    house.at_provider(order, Action.REFUND)
    return house.browser_returns(order)


def late(house: House, policy: LatePayment) -> Any:
    house.late_payment = policy
    order = house.buy(*[(sku, 2) for sku in SKUS], accept_partial=True)
    house.now += HOLD + GRACE + timedelta(seconds=1)
    house.sweep()
    return house.browser_returns(order)


PATHS: dict[str, Callable[[House], Any]] = {
    "cancelled when it was just paid": lambda house: house.cancel(paid(house)),
    "cancelled when it was served": lambda house: house.cancel(served(house)),
    "refunded": lambda house: house.refund(served(house)),
    "refunded line by line": lambda house: house.refund(served(house), RefundKind.LINES, lines=dict.fromkeys(SKUS, 2)),
    "its debt is given up": lambda house: house.refund(served(house), RefundKind.DEBT),
    "refunded by the provider": refunded_by_the_provider,
    "sent back": returned,
    "late, retaken": lambda house: late(house, LatePayment.RETAKE),
    "late, in part": lambda house: late(house, LatePayment.PARTIAL),
    "late, owed": lambda house: late(house, LatePayment.OWE),
}


@pytest.mark.parametrize("path", PATHS)
def test_the_largest_order_fits(house: House, memory: Measured, path: str) -> None:
    PATHS[path](house)
    Backstage(memory, house).settle_down()
    audit_end(memory)
    assert MAX_LINES < memory.most <= MOST_ITEMS


def test_one_line_more_would_not_fit(house: House, memory: Measured) -> None:
    """Why there may be no more lines: each of them is four items where it comes back half and half."""
    house.product("SKU-XX", 1, Kind.PHYSICAL, OnShortage.BACKORDER, backorder_cap=9, max_per_customer=9)
    order = house.buy(*[(sku, 2) for sku in (*SKUS, "SKU-XX")], accept_partial=True)
    house.browser_returns(order)
    house.serve(order)
    with pytest.raises(AssertionError):
        house.refund(order)
