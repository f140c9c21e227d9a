"""Repairs beside shoppers who come back: whoever is told that he holds units does hold them, on every store."""

from collections.abc import Callable
from typing import Any

import pytest

from holdfast.kernel.errors import HoldfastError
from holdfast.stock import auditing, holding, orphans, releasing
from holdfast.stock.model import Level, Line
from holdfast.wiring.orphans import OrdersForOrphans
from tests.memory.house import GRACE, HOLD, House
from tests.memory.threads import just_before, together

CHECKOUTS = 8
Act = Callable[[], Any]
Careless = Callable[..., House]


def hold(house: House, number: int) -> Act:
    command = holding.Hold(
        shop=house.shop,
        lock=f"lck-{number}",
        order=f"ord-{number}",
        lines=(Line(sku="RACE", quantity=2), Line(sku="SIDE", quantity=1)),
        expires_at=house.now + HOLD,
        fingerprint="asked",
    )
    return lambda: holding.hold(command, store=house.stores.stock, recall=house.recall, grace=GRACE, now=house.now)


def repair(house: House) -> orphans.Report:
    return orphans.find_orphans(
        house.shop,
        ["RACE", "SIDE"],
        store=house.stores.stock,
        orders=OrdersForOrphans(house.stores.orders),
        grace=GRACE,
        now=house.now,
        dry_run=False,
    )


@pytest.mark.parametrize("shards", [1, 4])
def test_checkouts_that_died_are_freed_or_taken_up_again_and_never_both(house: House, shards: int) -> None:
    """Their locks have no order. Half of the shoppers come back at the moment of three repairs."""
    house.product("RACE", 2 * CHECKOUTS)
    house.product("SIDE", CHECKOUTS)
    house.shards("RACE", shards)
    for number in range(CHECKOUTS):
        hold(house, number)()
    house.now += orphans.SAFE_AGE
    back = range(0, CHECKOUTS, 2)
    answers = together([*[hold(house, number) for number in back], *[lambda: repair(house)] * 3])
    assert all(isinstance(answer, holding.Held | orphans.Report | HoldfastError) for answer in answers)
    held = [answer for answer in answers if isinstance(answer, holding.Held)]
    for one in held:
        lock = house.stores.stock.locks.get(house.shop, one.lock)
        assert lock is not None
        assert releasing.held_units(lock, levels=house.stores.stock.levels) == 3
    repair(house)
    taken = sum(level.locked for level in house.parts("RACE").values())
    assert taken >= 2 * len(held)
    report = auditing.audit(house.shop, ["RACE", "SIDE"], store=house.stores.stock, now=house.now)
    assert (report.proved, report.on_hand) == (True, 3 * CHECKOUTS)
    house.now += 2 * (HOLD + GRACE)
    repair(house)
    house.sweep()
    assert (house.free("RACE"), house.free("SIDE")) == (2 * CHECKOUTS, CHECKOUTS)


def came_back(house: House) -> bool:
    """He comes back just before his lock's document would go. Whether what he is told that he holds is his."""
    house.product("RACE", 2)
    house.product("SIDE", 1)
    hold(house, 0)()
    house.now += orphans.SAFE_AGE
    told: list[holding.Held] = []
    again = hold(house, 0)
    just_before(house.stores.stock.locks, "forget", lambda: told.append(again()))
    repair(house)
    lock = house.stores.stock.locks.get(house.shop, told[0].lock)
    return lock is not None and releasing.held_units(lock, levels=house.stores.stock.levels) == 3


def test_who_comes_back_in_the_middle_of_a_repair_keeps_his_units(house: House) -> None:
    assert came_back(house)


def test_without_the_condition_on_its_document_his_hold_goes(careless: Careless) -> None:
    assert not came_back(careless("SAME_CLAIM"))


def faster(house: House) -> Level:
    """Somebody edited the level; a buyer takes a unit just before the audit writes the numbers that should be there."""
    house.product("RACE", 10)
    house.product("SIDE", 1)
    edited = house.stores.stock.ledger.mend_write(house.level("RACE"), on_hand=10, available=8, document=str(house.level("RACE").last))
    house.stores.stock.commit([edited], token=f"{house.shop}-edited")
    just_before(house.stores.stock, "commit", hold(house, 0))
    auditing.audit(house.shop, ["RACE"], store=house.stores.stock, now=house.now, repair=True, dry_run=False)
    return house.level("RACE")


def test_a_buyer_beside_a_repair_keeps_his_units_and_the_sum_holds(careless: Careless) -> None:
    """Nothing is taken away here: the laws of the history would see the edit."""
    level = faster(careless())
    assert (level.available, level.locked, level.conserved()) == (8, 2, True)


def test_without_the_condition_on_the_image_his_units_are_there_twice(careless: Careless) -> None:
    level = faster(careless("SAME_IMAGE"))
    assert (level.available, level.locked, level.conserved()) == (10, 2, False)
