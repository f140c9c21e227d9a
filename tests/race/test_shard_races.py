"""Many buyers over many shards, while the layout changes beneath them, units are paid, expire, move and come back."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from holdfast.kernel.errors import HoldfastError, IdempotencyKeyInFlight, UnavailableError
from holdfast.orders.model import Status
from holdfast.stock import booking, holding, layout
from holdfast.stock.errors import CustomerLimitReached, InsufficientStock, LedgerMoved
from holdfast.stock.model import MAIN, PROMISES, LevelKey, Line, Place
from holdfast.stock.recall import Recall
from tests.memory.house import GRACE, HOLD, House
from tests.memory.threads import together
from tests.race.ledgers import documents

Careless = Callable[..., House]
SHARDS = pytest.mark.parametrize("shards", [4, 16])


def hold(house: House, buyer: int, quantity: int = 1, sku: str = "RACE", **line: Any) -> Callable[[], holding.Held]:
    """A buyer at a worker of his own, which knows nothing yet; his customer is named by `of`."""
    of = line.pop("of", None)
    command = holding.Hold(
        shop=house.shop,
        lock=f"lck-{house.shop}-{buyer}",
        order=f"ord-{buyer}",
        lines=(Line(sku=sku, quantity=quantity, **line),),
        expires_at=house.now + HOLD,
        fingerprint="asked",
        buyer=of,
    )
    return lambda: holding.hold(command, store=house.stores.stock, recall=Recall(), grace=GRACE, now=house.now)


def resize(house: House, *counts: int) -> Callable[[], None]:
    def act() -> None:
        for count in counts:
            house.shards("RACE", count)

    return act


def held(answers: list[object]) -> list[holding.Held]:
    """Those that got their units; all others were told why not."""
    reasons = (InsufficientStock, CustomerLimitReached, UnavailableError, LedgerMoved)
    assert all(isinstance(answer, holding.Held) or answer is None or isinstance(answer, reasons) for answer in answers), answers
    return [answer for answer in answers if isinstance(answer, holding.Held)]


def totals(house: House, sku: str = "RACE") -> tuple[int, int]:
    """On hand and available over all parts, each of which adds up; and so does the ledger."""
    parts = house.parts(sku).values()
    assert all(level.conserved() for level in parts), parts
    documents(house, sku)
    return sum(level.on_hand for level in parts), sum(level.available for level in parts)


@SHARDS
def test_fifty_units_over_many_shards_go_to_fifty(house: House, shards: int) -> None:
    house.product("RACE", 50)
    house.shards("RACE", shards)
    winners = held(together([hold(house, buyer) for buyer in range(150)]))
    assert len(winners) == 50
    assert totals(house) == (50, 0)
    assert sum(len(level.entries) for level in house.parts("RACE").values()) == 50


def test_without_the_guard_shards_oversell(careless: Careless) -> None:
    house = careless("ENOUGH_LEFT")
    house.product("RACE", 10)
    house.shards("RACE", 4)
    assert len(held(together([hold(house, buyer) for buyer in range(40)]))) > 10


@SHARDS
def test_the_layout_changes_while_a_crowd_buys(house: House, shards: int) -> None:
    """Up, down and up again; the crowd sells out all the same. Who came too late for a moved unit may have asked again."""
    house.product("RACE", 60)
    acts = [hold(house, buyer) for buyer in range(100)]
    acts[30:30] = [resize(house, shards, 2, shards), resize(house, 3, 1)]  # type: ignore[list-item]
    first = held(together(acts))
    late = held(together([hold(house, buyer) for buyer in range(1000, 1060)]))
    assert len(first) + len(late) == 60
    assert totals(house) == (60, 0)


def test_units_that_move_between_locations_are_sold_once(house: House) -> None:
    house.product("RACE", 40)
    layout.place(house.shop, "RACE", [Place(name="berlin")], store=house.stores.stock)

    def van(number: int) -> Callable[[], None]:
        source, target = (MAIN, "berlin") if number % 2 else ("berlin", MAIN)
        identity = f"van-{number}"
        move = booking.Transfer(shop=house.shop, sku="RACE", identity=identity, actor="test", quantity=5, source=source, target=target)
        return lambda: booking.transfer(move, store=house.stores.stock, grace=GRACE, now=house.now)

    answers = together([act for number in range(20) for act in (van(number), hold(house, 2 * number), hold(house, 2 * number + 1))])
    late = held(together([hold(house, buyer) for buyer in range(1000, 1040)]))
    assert len(held(answers)) + len(late) == 40
    assert totals(house) == (40, 0)


def test_lines_that_are_split_are_held_whole_or_not_at_all(house: House) -> None:
    """Shards of two units each, and carts of three."""
    house.product("RACE", 16)
    house.shards("RACE", 8)
    winners = held(together([hold(house, buyer, 3) for buyer in range(20)]))
    assert all(winner.quantities == {"RACE": 3} for winner in winners)
    assert totals(house) == (16, 16 - 3 * len(winners))
    late = held([act() for act in [hold(house, 100 + number) for number in range(16 - 3 * len(winners))]])
    assert totals(house) == (16, 0)
    assert len(late) == 16 - 3 * len(winners)


@SHARDS
def test_dead_holds_of_many_are_taken_over_by_as_many(house: House, shards: int) -> None:
    house.product("RACE", 32)
    house.shards("RACE", shards)
    assert len(held([hold(house, buyer)() for buyer in range(32)])) == 32
    house.now += HOLD + GRACE
    assert len(held(together([hold(house, buyer) for buyer in range(100, 150)]))) == 32
    assert totals(house) == (32, 0)


# Pools.


def left(house: House, part: str) -> tuple[int, int]:
    level = house.stores.stock.levels.level(LevelKey(shop=house.shop, sku="RACE", part=part))
    assert level is not None
    assert level.on_hand == level.available + level.locked
    return level.available, level.locked


def opened(house: House, part: str, cap: int) -> None:
    """Somebody asked before."""
    house.stores.stock.levels.open_pool(LevelKey(shop=house.shop, sku="RACE", part=part), cap)


def promised(house: House) -> int:
    house.product("RACE", 3)
    opened(house, PROMISES, 10)
    answers = together([hold(house, buyer, partial=True, promises=10) for buyer in range(30)])
    return len(held(answers))


def test_no_more_is_promised_than_the_cap_however_many_ask(house: House) -> None:
    assert promised(house) == 13
    assert left(house, PROMISES) == (0, 10)


def test_without_the_guard_more_is_promised_than_the_cap(careless: Careless) -> None:
    assert promised(careless("ENOUGH_LEFT")) > 13


def rationed(house: House) -> int:
    house.product("RACE", 50)
    opened(house, "buyer-ada", 3)
    return len(held(together([hold(house, number, allowance=3, of="ada") for number in range(20)])))


def test_a_customer_who_asks_many_times_at_once_gets_his_share(house: House) -> None:
    assert rationed(house) == 3
    assert left(house, "buyer-ada") == (0, 3)
    assert totals(house) == (50, 47)


def test_without_the_guard_he_gets_more(careless: Careless) -> None:
    assert rationed(careless("ENOUGH_LEFT")) > 3


def test_a_cap_that_changes_while_many_ask_holds_in_the_end(house: House) -> None:
    """Some carts were told of the old cap: whatever order they come in, no more is promised than the larger one."""
    house.product("RACE", 0)
    answers = together([hold(house, buyer, partial=True, promises=4 + buyer % 2 * 4) for buyer in range(40)])
    assert len(held(answers)) <= 8
    level = house.stores.stock.levels.level(LevelKey(shop=house.shop, sku="RACE", part=PROMISES))
    assert level is not None
    assert level.locked == len(held(answers))
    assert level.cap in {4, 8}
    assert level.on_hand == level.available + level.locked == level.cap


# Whole orders.


def test_orders_over_shards_are_paid_expire_and_are_cancelled_at_once(house: House) -> None:
    house.product("RACE", 24)
    house.shards("RACE", 4)
    orders = [house.buy(("RACE", 1)) for _ in range(18)]
    house.now += HOLD + GRACE + timedelta(milliseconds=1)  # all of them are late, and some buyers are new
    fresh = [replace(house, recall=Recall()) for _ in range(12)]
    acts: list[Callable[[], Any]] = [lambda order=order: house.browser_returns(order) for order in orders[:12]]  # type: ignore[misc]
    acts[4:4] = [house.sweep, lambda: house.cancel(orders[17]), house.sweep]
    acts[9:9] = [lambda own=own: own.buy(("RACE", 1)) for own in fresh]  # type: ignore[misc]
    for answer in together(acts):
        assert (
            not isinstance(answer, HoldfastError)
            or isinstance(answer, InsufficientStock | UnavailableError | LedgerMoved | IdempotencyKeyInFlight)
            or answer.code in {"order_not_cancellable", "version_conflict"}
        ), repr(answer)
    house.now += timedelta(seconds=11)
    for order in orders[:12]:
        house.browser_returns(order)  # the queue brings it again
    found = [house.order(order).status for order in orders[:12]]
    assert set(found) <= {Status.PAID, Status.REFUNDED}
    on_hand, _ = totals(house)
    assert on_hand == 24 - found.count(Status.PAID)


def test_two_tabs_over_shards_leave_one_order_and_its_units(house: House) -> None:
    house.product("RACE", 6)
    house.shards("RACE", 3)
    session = house.session(("RACE", 4))
    for round_ in range(3):
        together([lambda key=f"tab-{round_}-{tab}": replace(house, recall=Recall()).place(session, key) for tab in range(3)])  # type: ignore[misc]
        house.now += timedelta(seconds=11)
    house.place(session, "last")
    orders, _ = house.stores.orders.page(house.shop, 20, None)
    assert [order.status for order in orders].count(Status.PENDING_PAYMENT) == 1
    assert totals(house) == (6, 2)
    assert sum(level.locked for level in house.parts("RACE").values()) == 4
