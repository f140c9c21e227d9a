"""Many buyers, few units. Each guard stands beside the harm that comes without it."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import pytest

from holdfast.kernel.errors import IdempotencyKeyInFlight
from holdfast.stock import holding
from holdfast.stock.errors import InsufficientStock, NotTaken
from holdfast.stock.model import Entry, LevelKey, Line
from tests.memory.engine import Memory
from tests.memory.house import GRACE, HOLD, START, House
from tests.memory.stores import in_memory
from tests.memory.threads import just_before, meet, together

Careless = Callable[..., House]


def hold(house: House, buyer: int, *skus: str) -> Callable[[], holding.Held]:
    lines = tuple(Line(sku=sku, quantity=1) for sku in skus)
    command = holding.Hold(
        shop=house.shop, lock=f"lck-{buyer}", order=f"ord-{buyer}", lines=lines, expires_at=house.now + HOLD, fingerprint="asked"
    )
    return lambda: holding.hold(command, store=house.stores.stock, recall=house.recall, grace=GRACE, now=house.now)


def winners(answers: list[object]) -> set[str]:
    """Locks that got their units; all others were told why not."""
    for answer in answers:
        assert isinstance(answer, holding.Held | InsufficientStock | IdempotencyKeyInFlight)
    return {answer.lock for answer in answers if isinstance(answer, holding.Held)}


def crowd(house: House, buyers: int, units: int) -> set[str]:
    house.product("RACE", units)
    return winners(together([hold(house, number // 2, "RACE") for number in range(2 * buyers)]))


def test_fifty_units_go_to_fifty_of_two_hundred(house: House) -> None:
    assert len(crowd(house, buyers=200, units=50)) == 50
    level = house.level("RACE")
    assert (level.available, len(level.entries), level.locked) == (0, 50, 50)
    assert level.conserved()


def test_without_the_guard_the_race_oversells(careless: Careless) -> None:
    assert len(crowd(careless("ENOUGH_LEFT"), buyers=60, units=10)) == 60


def twice(house: House, units: int) -> None:
    """Every take is delivered twice under its name, many at once."""
    house.product("RACE", units)
    key, entry = LevelKey(shop=house.shop, sku="RACE"), Entry(quantity=1, expires_at=house.now + HOLD)

    def take(name: str) -> None:
        for _ in range(2):
            with suppress(NotTaken):
                house.stores.stock.levels.take(key, name, entry)

    together([lambda name=name: take(name) for name in [f"buyer-{number}" for number in range(20)] * 2])  # type: ignore[misc]


def test_a_take_that_is_delivered_twice_takes_once(house: House) -> None:
    twice(house, units=30)
    assert (house.level("RACE").available, len(house.level("RACE").entries)) == (10, 20)


def test_without_the_guard_a_second_delivery_takes_again(careless: Careless) -> None:
    house = careless("NOT_TAKEN_YET")
    twice(house, units=30)
    assert not house.level("RACE").conserved()


def opposite_carts(house: House) -> set[str]:
    """Two carts with the same two SKUs, the other way round; both have begun before either goes on."""
    house.product("A", 1)
    house.product("B", 1)
    meet(house.stores.stock.levels, "take", 2)
    return winners(together([hold(house, 1, "A", "B"), hold(house, 2, "B", "A")]))


def test_of_two_opposite_carts_one_wins_whole(house: House) -> None:
    assert len(opposite_carts(house)) == 1
    assert house.level("A").locked == house.level("B").locked == 1
    assert set(house.level("A").entries) == set(house.level("B").entries)


def refused_cart(house: House) -> None:
    house.product("A", 1)
    house.product("B", 0)
    assert winners(together([hold(house, 1, "A", "B"), hold(house, 2, "B", "A")])) == set()


def test_a_refused_cart_keeps_nothing(house: House) -> None:
    refused_cart(house)
    assert (house.level("A").available, house.level("A").entries) == (1, {})


def test_without_the_release_a_refused_cart_keeps_units(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holding, "release_units", lambda lock, store: 0)
    refused_cart(house)
    assert house.level("A").available == 0


def test_a_crowd_of_opposite_carts_sells_out(house: House) -> None:
    house.product("A", 10)
    house.product("B", 10)
    answers = together([hold(house, buyer, *("AB" if buyer % 2 else "BA")) for buyer in range(40)])
    assert len(winners(answers)) == 10
    for sku in "AB":
        assert (house.level(sku).available, house.level(sku).locked) == (0, 10)
    assert set(house.level("A").entries) == set(house.level("B").entries)


def reclaimers(house: House) -> set[str]:
    """One unit, held by somebody whose time is over; two buyers see that at once."""
    house.product("A", 1)
    hold(house, 0, "A")()
    house.now += HOLD + GRACE
    meet(house.stores.stock.levels, "take", 2)
    return winners(together([hold(house, 1, "A"), hold(house, 2, "A")]))


def test_an_expired_entry_is_reclaimed_by_one(house: House) -> None:
    assert len(reclaimers(house)) == 1
    assert (house.level("A").available, house.level("A").locked) == (0, 1)


def test_without_the_guard_an_entry_is_reclaimed_twice() -> None:
    house = House(in_memory(Memory("SAME_ENTRY")))
    assert len(reclaimers(house)) == 2
    assert not house.level("A").conserved()


def test_dead_holds_of_many_are_reclaimed_by_as_many(house: House) -> None:
    house.product("A", 10)
    for buyer in range(10):
        hold(house, buyer, "A")()
    house.now += HOLD + GRACE
    assert len(winners(together([hold(house, buyer, "A") for buyer in range(100, 130)]))) == 10
    assert (house.level("A").available, house.level("A").locked) == (0, 10)


def test_a_hold_within_its_grace_is_not_reclaimed(house: House) -> None:
    house.product("A", 1)
    hold(house, 1, "A")()
    house.now += HOLD + GRACE - timedelta(milliseconds=1)
    assert winners(together([hold(house, 2, "A")])) == set()


def test_a_late_second_try_leaves_the_units_of_a_faster_one_alone(house: House) -> None:
    """Two workers go on with the same dead first try; the slower one must not give back what the faster one took."""
    house.product("A", 1)
    hold(house, 1, "A")()
    house.now = START + HOLD + timedelta(minutes=1)
    just_before(house.stores.stock.locks, "renew", hold(house, 1, "A"))
    assert isinstance(together([hold(house, 1, "A")])[0], IdempotencyKeyInFlight)
    assert house.level("A").locked == 1


def test_two_tries_of_one_millisecond_are_two(house: House) -> None:
    house.product("A", 5)
    answers = together([hold(house, 1, "A")] * 8)
    assert sum(isinstance(answer, holding.Held) for answer in answers) == 1
    assert house.level("A").locked == 1
