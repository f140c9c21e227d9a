"""Deliveries, returns, adjustments and transfers: once per identity, in one document, whatever gets lost on the way."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from holdfast.kernel.errors import UnavailableError, VersionConflict
from holdfast.stock import booking, layout
from holdfast.stock.errors import InsufficientStock, LedgerMoved, StaleStock, UnknownLocation, UnknownStock
from holdfast.stock.model import MAIN, SAFETY, Entry, Movement, Place, Reason
from tests.memory.audit import audit
from tests.memory.engine import Memory
from tests.memory.faults import Fault, Faults, Killed, faulty
from tests.memory.house import GRACE, HOLD, House
from tests.memory.threads import just_before
from tests.unit.stock.acts import adjust, figures, held, hold, house, key, memory, parts, put, spread, transfer, wish

__all__ = ["house", "memory"]


def receive(house: House, quantity: int, identity: str = "note", **more: Any) -> None:
    command = booking.Receive(shop=house.shop, sku="A", quantity=quantity, identity=identity, actor="test", **more)
    booking.receive(command, store=house.stores.stock, now=house.now)


def places(house: House, *found: Place) -> None:
    layout.place(house.shop, "A", found, store=house.stores.stock)


def restocks(house: House) -> int:
    head = house.stores.stock.levels.head(house.shop, "A")
    assert head is not None
    return head.restocks


def booked(memory: Memory) -> list[Movement]:
    return memory.of("movement")


def lines(movement: Movement) -> dict[str, int]:
    return {line.part: line.quantity for line in movement.lines}


# What comes in.


@pytest.mark.parametrize(
    ("quantity", "shards", "in_each"), [(40, 4, [10, 10, 10, 10]), (43, 4, [11, 11, 11, 10]), (39, 4, [39]), (5, 1, [5])]
)
def test_a_large_delivery_is_spread_and_a_small_one_is_not(
    house: House, memory: Memory, quantity: int, shards: int, in_each: list[int]
) -> None:
    house.product("A", 0)
    house.shards("A", shards)
    receive(house, quantity)
    assert sorted((on_hand for on_hand, _ in figures(house, "A").values() if on_hand), reverse=True) == in_each
    (document,) = booked(memory)
    assert (document.reason, sum(lines(document).values()), restocks(house)) == (Reason.RESTOCK, quantity, 1)
    audit(memory)


def test_small_deliveries_go_to_every_shard_in_turn(house: House) -> None:
    house.product("A", 0)
    house.shards("A", 4)
    for number in range(40):
        receive(house, 1, f"note-{number}")
    assert all(on_hand > 3 for on_hand, _ in figures(house, "A").values())


def test_a_whole_delivery_stays_in_one_part(house: House) -> None:
    house.product("A", 0)
    house.shards("A", 4)
    receive(house, 400, whole=True)
    assert sorted(on_hand for on_hand, _ in figures(house, "A").values()) == [0, 0, 0, 400]


def test_a_shard_that_is_being_emptied_gets_nothing(house: House) -> None:
    spread(house, "A", 10, 10, 10, 10)
    layout.resize(house.shop, "A", 2, pinned=True, store=house.stores.stock, now=house.now)
    receive(house, 100)
    assert [on_hand for on_hand, _ in figures(house, "A").values()] == [70, 70, 0, 0]


def test_a_delivery_at_a_location_is_no_longer_on_its_way(house: House) -> None:
    house.product("A", 0)
    places(house, Place(name=MAIN, incoming=5), Place(name="berlin", incoming=7, expected_at=house.now))
    receive(house, 4, "one", location="berlin")
    receive(house, 9, "two", location="berlin")
    head = house.stores.stock.levels.head(house.shop, "A")
    assert head is not None
    assert [place.incoming for place in head.locations] == [5, 0]
    assert figures(house, "A") == {"0": (0, 0), "berlin": (13, 13)}
    with pytest.raises(UnknownLocation) as refused:
        receive(house, 1, "three", location="paris")
    assert refused.value.facts == {"locations": [MAIN, "berlin"]}
    with pytest.raises(UnknownStock):
        house.restock("Z", 1, "note")


def test_what_is_kept_back_is_filled_from_what_comes_into_the_first_shard(house: House, memory: Memory) -> None:
    house.product("A", 0)
    house.shards("A", 2)
    layout.keep_back(house.shop, "A", 15, store=house.stores.stock, grace=GRACE, now=house.now)
    for identity, kept, on_hand in (("one", 10, 20), ("two", 15, 40), ("three", 15, 60)):
        receive(house, 20, identity)
        assert parts(house, "A")["0"].entries[SAFETY].quantity == kept
        assert sum(level.on_hand for level in parts(house, "A").values()) == on_hand
        audit(memory)


def test_a_delivery_is_booked_once_however_often_it_is_told(house: House, memory: Memory) -> None:
    house.product("A", 0)
    for _ in range(3):
        receive(house, 5)
        house.now += timedelta(minutes=1)
    assert (figures(house, "A"), len(booked(memory)), restocks(house)) == ({"0": (5, 5)}, 1, 1)
    receive(house, 5, "another")
    assert figures(house, "A") == {"0": (10, 10)}


# What is counted.


def test_units_more_or_fewer_are_told_with_their_reason(house: House, memory: Memory) -> None:
    house.product("A", 5)
    adjust(house, "A", 3, "found")
    adjust(house, "A", -2, "broken")
    assert figures(house, "A") == {"0": (6, 6)}
    rows = {row.lines[0].quantity: row for row in booked(memory)}
    assert [(rows[units].reason, rows[units].lines[0].balance) for units in (3, -2)] == [(Reason.ADJUSTMENT, 8), (Reason.ADJUSTMENT, 6)]
    assert restocks(house) == 2  # the delivery, and what was found: those who wait are told
    audit(memory)


def test_held_units_are_not_taken_away(house: House, memory: Memory) -> None:
    spread(house, "A", 3, 3)
    hold(house, "lck-1", wish("A", 2))
    with pytest.raises(InsufficientStock) as refused:
        adjust(house, "A", -5)
    assert refused.value.facts["lines"] == [{"sku": "A", "requested": 5, "available": 4}]
    adjust(house, "A", -4)
    assert sum(held(house, "A", "lck-1").values()) == sum(on_hand for on_hand, _ in figures(house, "A").values()) == 2
    audit(memory)


def test_what_only_dead_holds_have_can_be_taken_away(house: House) -> None:
    house.product("A", 3)
    hold(house, "dead", wish("A", 3))
    house.now += HOLD + GRACE
    adjust(house, "A", -3)
    assert (figures(house, "A"), held(house, "A", "dead")) == ({"0": (0, 0)}, {})


def test_an_adjustment_is_of_its_location(house: House) -> None:
    house.product("A", 3)
    places(house, Place(name="berlin"))
    adjust(house, "A", 4, "counted", location="berlin")
    with pytest.raises(InsufficientStock):
        adjust(house, "A", -5, "counted again", location="berlin")
    adjust(house, "A", -4, "counted again", location="berlin")
    assert figures(house, "A") == {"0": (3, 3), "berlin": (0, 0)}
    with pytest.raises(UnknownLocation):
        adjust(house, "A", 1, "lost", location="paris")


@pytest.mark.parametrize("delta", [-3, 2])
def test_an_exact_adjustment_wants_what_was_seen(house: House, delta: int) -> None:
    spread(house, "A", 5, 5)
    with pytest.raises(StaleStock) as stale:
        adjust(house, "A", delta, expected=9)
    assert stale.value.facts == {"available": 10}
    adjust(house, "A", delta, expected=10)
    assert sum(on_hand for on_hand, _ in figures(house, "A").values()) == 10 + delta


@pytest.mark.parametrize("delta", [-3, 2])
@pytest.mark.parametrize("part", ["0", "1"])
def test_an_exact_adjustment_meets_a_buyer(house: House, delta: int, part: str) -> None:
    """He takes a unit between look and write, wherever it lies: what was seen is true no more."""
    spread(house, "A", 5, 5)
    stranger = Entry(quantity=1, expires_at=house.now + HOLD)
    just_before(house.stores.stock, "commit", lambda: house.stores.stock.levels.take(key(house, "A", part), "stranger", stranger))
    with pytest.raises(StaleStock) as stale:
        adjust(house, "A", delta, expected=10)
    assert stale.value.facts == {"available": 9}
    assert sum(on_hand for on_hand, _ in figures(house, "A").values()) == 10


def test_an_adjustment_by_a_difference_does_not_mind_a_buyer(house: House) -> None:
    house.product("A", 5)
    just_before(house.stores.stock, "commit", lambda: hold(house, "lck-1", wish("A", 2)))
    adjust(house, "A", -3)
    assert figures(house, "A") == {"0": (2, 0)}


# From one location to another.


def test_a_transfer_is_one_document_over_both(house: House, memory: Memory) -> None:
    spread(house, "A", 3, 4)
    places(house, Place(name="berlin"))
    transfer(house, "A", 6, MAIN, "berlin")
    document = next(row for row in booked(memory) if row.reason is Reason.TRANSFER and "berlin" in lines(row))
    assert (sum(lines(document).values()), lines(document)["berlin"], len(document.lines)) == (0, 6, 3)
    assert figures(house, "A")["berlin"] == (6, 6)
    transfer(house, "A", 6, "berlin", MAIN, "back")
    assert sum(on_hand for on_hand, _ in figures(house, "A").values()) == 7
    assert figures(house, "A")["berlin"] == (0, 0)
    audit(memory)


def test_held_units_are_not_transferred(house: House) -> None:
    house.product("A", 3)
    places(house, Place(name="berlin"))
    hold(house, "lck-1", wish("A", 2))
    with pytest.raises(InsufficientStock):
        transfer(house, "A", 2, MAIN, "berlin")
    house.now += HOLD + GRACE
    transfer(house, "A", 2, MAIN, "berlin")
    assert figures(house, "A") == {"0": (1, 1), "berlin": (2, 2)}
    with pytest.raises(UnknownLocation):
        transfer(house, "A", 1, "paris", MAIN, "lost")


def test_those_who_wait_are_told_of_a_transfer(house: House) -> None:
    """Units may come to a location from which they are sold."""
    house.product("A", 3)
    places(house, Place(name="berlin"))
    before = restocks(house)
    transfer(house, "A", 2, MAIN, "berlin")
    assert restocks(house) == before + 1


# Lost replies, overtaken writes.

CHANGES: dict[str, Callable[[House], None]] = {
    "receive": lambda house: receive(house, 40),
    "adjust up": lambda house: adjust(house, "A", 3),
    "adjust down": lambda house: adjust(house, "A", -12),
    "adjust exactly": lambda house: adjust(house, "A", -12, expected=12),
    "transfer": lambda house: transfer(house, "A", 12, MAIN, "berlin"),
}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("fault", [Fault.LOST_REPLY, Fault.KILLED_AFTER, Fault.KILLED_BEFORE, Fault.REFUSED, Fault.TWICE])
def test_a_change_happens_once_whatever_gets_lost(house: House, memory: Memory, name: str, fault: Fault) -> None:
    spread(house, "A", 6, 6)
    places(house, Place(name="berlin"))
    before = len(booked(memory))
    for at in range(1, 9):
        faults = Faults(fault, at)
        with suppress(Killed, UnavailableError):
            CHANGES[name](House(faulty(house.stores, faults), house.shop, house.now))
        house.now += timedelta(minutes=1)
        CHANGES[name](house)
        assert len(booked(memory)) == before + 1, (at, faults.met)
        audit(memory)


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_that_is_overtaken_looks_again(house: House, memory: Memory, name: str) -> None:
    spread(house, "A", 6, 6)
    places(house, Place(name="berlin"))
    just_before(house.stores.stock, "commit", lambda: (put(house, "A", 1, "0"), put(house, "A", -1, "0")))
    CHANGES[name](house)
    audit(memory)


def test_a_change_that_is_always_overtaken_gives_up(house: House) -> None:
    house.product("A", 5)

    def moved(writes: object, *, token: str) -> None:
        raise VersionConflict("It moved.")

    house.stores.stock.commit = moved  # type: ignore[misc, assignment]
    with pytest.raises(LedgerMoved):
        receive(house, 5, "late")
    assert figures(house, "A") == {"0": (5, 5)}


# What comes back.


def returned(house: House, back: dict[str, int]) -> list[Any]:
    return booking.return_writes(house.shop, "ord-1", "ord-1", back, store=house.stores.stock, now=house.now)


def test_what_comes_back_is_one_document_over_all_skus(house: House, memory: Memory) -> None:
    for sku in "AB":
        house.product(sku, 3)
    house.stores.commit(returned(house, {"B": 1, "A": 2}), token="back")
    document = next(row for row in booked(memory) if row.reason is Reason.RETURN)
    assert [(line.sku, line.quantity, line.balance) for line in document.lines] == [("A", 2, 5), ("B", 1, 4)]
    assert (document.document, restocks(house)) == ("ord-1", 2)
    with pytest.raises(VersionConflict):
        house.stores.commit(returned(house, {"B": 1, "A": 2}), token="again")
    assert returned(house, {}) == []
    audit(memory)


def test_what_comes_back_fills_what_is_kept_back(house: House) -> None:
    house.product("A", 1)
    layout.keep_back(house.shop, "A", 2, store=house.stores.stock, grace=GRACE, now=house.now)
    house.stores.commit(returned(house, {"A": 2}), token="back")
    assert figures(house, "A") == {"0": (3, 1)}
