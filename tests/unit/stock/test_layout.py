"""Shards, locations and reserves change while selling goes on: nothing is lost, nothing is sold twice, and it comes to an end."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.catalogue.model import OnShortage
from holdfast.kernel.errors import VersionConflict
from holdfast.orders.model import Status
from holdfast.stock import booking, layout, shelves
from holdfast.stock.errors import InsufficientStock, LedgerMoved, LocationInUse, UnknownStock
from holdfast.stock.model import MAIN, MOST_SHARDS, NEVER, SAFETY, Entry, Head, Place
from tests.memory.audit import audit
from tests.memory.backstage import Backstage
from tests.memory.engine import Memory
from tests.memory.house import GRACE, HOLD, House
from tests.memory.stores import in_memory
from tests.memory.threads import just_before
from tests.unit.stock.acts import figures, held, hold, house, key, memory, parts, put, release, transfer, wish

__all__ = ["house", "memory"]


def head(house: House, sku: str = "A") -> Head:
    found = house.stores.stock.levels.head(house.shop, sku)
    assert found is not None
    return found


def total(house: House, sku: str = "A") -> int:
    return sum(on_hand for on_hand, _ in figures(house, sku).values())


def settle(house: House, sku: str = "A") -> Head:
    return layout.settle(house.shop, sku, store=house.stores.stock, grace=GRACE, now=house.now)


def grow(house: House, sku: str = "A") -> Head:
    return layout.grow(house.shop, sku, store=house.stores.stock, now=house.now)


# Shards.


@pytest.mark.parametrize(("units", "shards"), [(100, 4), (3, 4), (0, 8), (64, 64), (7, 1)])
def test_what_is_there_is_spread_over_the_shards(house: House, memory: Memory, units: int, shards: int) -> None:
    house.product("A", units)
    found = house.shards("A", shards)
    assert (found.shards, found.made, found.ever, found.pinned) == (shards, shards, shards, True)
    assert total(house) == units
    available = [available for _, available in figures(house, "A").values()]
    assert max(available) - min(available) <= max(1, units // shards // 5)
    assert {(level.shards, level.made) for level in parts(house, "A").values()} == {(shards, shards)}
    audit(memory)


def test_fewer_shards_give_their_units_to_the_others_and_their_locks_stay(house: House, memory: Memory) -> None:
    house.product("A", 40)
    house.shards("A", 4)
    for number in range(12):
        hold(house, f"lck-{number}", wish("A", 1))
    found = house.shards("A", 1)
    assert (found.shards, found.made, found.ever) == (1, 4, 4)
    assert [level.available for part, level in parts(house, "A").items() if part != "0"] == [0, 0, 0]
    assert sum(len(held(house, "A", f"lck-{number}")) for number in range(12)) == 12
    assert total(house) == 40
    assert hold(house, "rest", wish("A", 28)).quantities == {"A": 28}
    assert release(house, "lck-1") == 1
    audit(memory)


def test_resizing_to_the_same_again_moves_nothing(house: House, memory: Memory) -> None:
    house.product("A", 40)
    house.shards("A", 4)
    before = {part: level.on_hand for part, level in parts(house, "A").items()}, len(memory.of("movement"))
    house.shards("A", 4)
    assert ({part: level.on_hand for part, level in parts(house, "A").items()}, len(memory.of("movement"))) == before


def test_an_unknown_sku_has_no_layout(house: House) -> None:
    with pytest.raises(UnknownStock):
        house.shards("Z", 2)
    with pytest.raises(UnknownStock):
        layout.keep_back(house.shop, "Z", 2, store=house.stores.stock, grace=GRACE, now=house.now)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, 200), min_size=1, max_size=12), st.integers(1, 12))
def test_balance_ends_with_even_shards(units: list[int], shards: int) -> None:
    memory = Memory()
    house = House(in_memory(memory))
    house.product("A", 0)
    house.shards("A", len(units))
    for part, quantity in enumerate(units):
        if quantity:
            put(house, "A", quantity, str(part))
    house.shards("A", shards)
    available = {int(part): level.available for part, level in parts(house, "A").items()}
    used, rest = [available[part] for part in range(shards)], [units for part, units in available.items() if part >= shards]
    assert sum(used) == sum(units)
    assert not any(rest)
    assert max(used) - min(used) <= max(1, sum(units) // shards // 5)
    moves = len([row for row in memory.of("movement") if row.reason == "transfer"])
    assert moves <= 2 * (len(units) + shards)
    audit(memory)


def test_a_move_that_is_overtaken_is_planned_anew(house: House, memory: Memory) -> None:
    """Somebody buys out of the shard that units are just moved from, and somebody restocks: nothing is moved that is not there."""
    house.product("A", 40)
    commit = house.stores.stock.commit
    tries = []

    def overtaken(writes: object, *, token: str) -> None:
        if ">" in token and len(tries) < 3:
            tries.append(token)
            put(house, "A", 1, "0")
            hold(house, f"lck-{len(tries)}", wish("A", 10))
        commit(writes, token=token)  # type: ignore[arg-type]

    house.stores.stock.commit = overtaken  # type: ignore[misc, assignment]
    house.shards("A", 2)
    assert total(house) == 43
    assert sum(level.available for level in parts(house, "A").values()) == 13
    audit(memory)


def test_balance_gives_up_when_it_is_always_overtaken(house: House) -> None:
    house.product("A", 40)

    def refused(writes: object, *, token: str) -> None:
        raise VersionConflict("It moved.")

    seen = head(house)
    house.stores.stock.levels.open_part(key(house, "A", "1"), 2, 2)
    assert house.stores.stock.levels.save_head(seen.model_copy(update={"shards": 2, "made": 2, "version": 2}), seen)
    house.stores.stock.commit = refused  # type: ignore[misc, assignment]
    assert layout.balance(house.shop, "A", store=house.stores.stock, now=house.now) == 0


def test_a_layout_that_is_changed_meanwhile_is_changed_again(house: House) -> None:
    house.product("A", 40)
    just_before(house.stores.stock.levels, "save_head", lambda: house.shards("A", 3))
    found = house.shards("A", 2)
    assert (found.shards, found.made, found.version) == (2, 3, 4)  # a restock, and two layouts
    assert [level.available for level in parts(house, "A").values()] == [20, 20, 0]


def test_shards_follow_demand() -> None:
    minute = timedelta(minutes=1)
    assert (
        layout.suggested_shards(0, 100, minute) == layout.suggested_shards(60, 100, minute) == layout.suggested_shards(1000, 1, minute) == 1
    )
    assert layout.suggested_shards(61, 100, minute) == 2
    assert layout.suggested_shards(10**6, 10**6, minute) == MOST_SHARDS
    for units in range(1, 4000, 37):
        assert layout.suggested_shards(units, units, timedelta(seconds=1)) * layout.LOCKS_PER_SHARD >= min(units, 64 * 60)


def crowd(house: House, locks: int) -> None:
    for number in range(locks):
        hold(house, f"crowd-{number}", wish("A", 1))


def test_a_crowded_sku_grows(house: House) -> None:
    house.product("A", 1000)
    crowd(house, 60)
    assert grow(house).shards == 1
    crowd_more = hold(house, "one-more", wish("A", 1))
    assert crowd_more.quantities == {"A": 1}
    assert grow(house).shards == 4
    assert house.stores.stock.levels.hot(house.shop) == ["A"]
    assert grow(house).shards == 16  # its first shard is still crowded
    assert total(house) == 1000


def test_a_sku_with_few_units_does_not_grow_beyond_them(house: House) -> None:
    house.product("A", 100)
    crowd(house, 61)
    assert grow(house).shards == 2
    assert grow(house).shards == 2


def test_what_a_person_chose_is_not_changed(house: House) -> None:
    house.product("A", 1000)
    house.shards("A", 2)
    for number in range(200):
        hold(house, f"crowd-{number}", wish("A", 1))
    assert grow(house).shards == 2
    house.now += HOLD + GRACE
    house.sweep()
    assert settle(house).shards == 2
    assert house.stores.stock.levels.hot(house.shop) == ["A"]


def grown(house: House, shards: int, units: int = 1000) -> None:
    house.product("A", units)
    layout.resize(house.shop, "A", shards, pinned=False, store=house.stores.stock, now=house.now)


def test_a_calm_sku_gives_its_shards_up_step_by_step(house: House, memory: Memory) -> None:
    grown(house, 16)
    layouts = []
    for _ in range(4):
        found = settle(house)
        layouts.append((found.shards, found.made, found.ever))
        audit(memory)
    assert layouts == [(4, 4, 16), (1, 1, 16), (1, 1, 16), (1, 1, 16)]
    assert figures(house, "A") == {"0": (1000, 1000)}
    assert house.stores.stock.levels.hot(house.shop) == []


def test_a_sku_that_is_still_in_demand_keeps_its_shards(house: House) -> None:
    grown(house, 4)
    for number in range(31):
        hold(house, f"lck-{number}", wish("A", 1))
    assert settle(house).shards == 4
    release(house, "lck-0")
    assert settle(house).shards == 1


def test_locks_that_are_dead_are_no_demand(house: House) -> None:
    grown(house, 4)
    for number in range(100):
        hold(house, f"lck-{number}", wish("A", 1))
    house.now += HOLD + GRACE
    assert settle(house).shards == 1


def test_a_shard_is_given_up_for_good_when_nothing_is_left_in_it(house: House, memory: Memory) -> None:
    grown(house, 4)
    for number in range(20):
        hold(house, f"lck-{number}", wish("A", 1))
    found = settle(house)
    assert (found.shards, found.made) == (1, 4)
    for number in range(20):
        release(house, f"lck-{number}")
        audit(memory)
    found = settle(house)
    assert (found.shards, found.made) == (1, 1)
    assert figures(house, "A") == {"0": (1000, 1000)}
    assert house.stores.stock.levels.level(key(house, "A", "3")) is not None  # its ledger stays


def test_a_shard_in_which_something_lands_meanwhile_is_not_given_up(house: House) -> None:
    grown(house, 2)
    layout.resize(house.shop, "A", 1, pinned=False, store=house.stores.stock, now=house.now)
    just_before(house.stores.stock, "commit", lambda: put(house, "A", 1, "1"))
    assert settle(house).made == 2
    assert settle(house).made == 1
    assert figures(house, "A") == {"0": (1001, 1001)}


def test_a_shard_that_comes_back_goes_on_with_its_ledger(house: House, memory: Memory) -> None:
    grown(house, 4)
    for _ in range(3):
        settle(house)
    house.shards("A", 4)
    assert total(house) == 1000
    assert head(house).ever == 4
    audit(memory)


# Locations.


def place(house: House, *names: str) -> Head:
    return layout.place(house.shop, "A", [Place(name=name) for name in names], store=house.stores.stock)


def test_locations_have_an_order_with_the_main_one_first(house: House) -> None:
    house.product("A", 2)
    assert [place.name for place in place(house, "berlin", MAIN, "outlet").locations] == [MAIN, "berlin", "outlet"]
    assert [place.name for place in place(house, "outlet", "berlin").locations] == [MAIN, "outlet", "berlin"]
    assert set(parts(house, "A")) == {"0", "outlet", "berlin"}


def test_a_location_that_has_units_or_holds_stays(house: House) -> None:
    house.product("A", 2)
    place(house, "berlin", "outlet")
    transfer(house, "A", 2, MAIN, "berlin")
    hold(house, "lck-1", wish("A", 2))
    with pytest.raises(LocationInUse) as refused:
        place(house, "outlet")
    assert refused.value.facts == {"locations": ["berlin"]}
    release(house, "lck-1")
    with pytest.raises(LocationInUse):
        place(house)
    transfer(house, "A", 2, "berlin", MAIN, "back")
    assert [one.name for one in place(house).locations] == [MAIN]
    assert figures(house, "A") == {"0": (2, 2)}


def test_a_location_in_which_something_lands_meanwhile_stays(house: House) -> None:
    house.product("A", 2)
    place(house, "berlin")
    just_before(house.stores.stock, "commit", lambda: transfer(house, "A", 1, MAIN, "berlin"))
    with pytest.raises(LocationInUse):
        place(house)
    assert figures(house, "A") == {"0": (1, 1), "berlin": (1, 1)}


def test_what_is_on_its_way_is_noted_per_location(house: House) -> None:
    house.product("A", 2)
    places = [Place(name=MAIN, incoming=5), Place(name="berlin", incoming=2, expected_at=house.now)]
    assert layout.place(house.shop, "A", places, store=house.stores.stock).incoming == 7
    summary = shelves.summary(house.shop, "A", waiting=0, levels=house.stores.stock.levels, grace=GRACE, now=house.now)
    assert (summary.incoming, summary.on_hand, summary.shards) == (7, 2, 1)


# What the shop keeps back.


def keep(house: House, quantity: int) -> Head:
    return layout.keep_back(house.shop, "A", quantity, store=house.stores.stock, grace=GRACE, now=house.now)


def kept(house: House) -> int:
    entry = house.level("A").entries.get(SAFETY)
    assert entry is None or entry.expires_at == NEVER
    return entry.quantity if entry else 0


def test_nobody_can_buy_what_the_shop_keeps_back(house: House) -> None:
    house.product("A", 5)
    assert keep(house, 2).safety_stock == 2
    with pytest.raises(InsufficientStock):
        hold(house, "lck-1", wish("A", 4))
    hold(house, "lck-2", wish("A", 3))
    house.now += timedelta(days=400 * 365)
    assert house.sweep() == 3
    assert kept(house) == 2
    summary = shelves.summary(house.shop, "A", waiting=0, levels=house.stores.stock.levels, grace=GRACE, now=house.now)
    assert (summary.on_hand, summary.available, summary.locked, summary.safety_stock) == (5, 3, 2, 2)


@pytest.mark.parametrize(
    ("first", "then", "left"), [(2, 4, 1), (4, 2, 3), (3, 3, 2), (3, 0, 5), (0, 0, 5), (9, 9, 0), (9, 5, 0), (9, 4, 1)]
)
def test_what_is_kept_back_can_be_changed(house: House, first: int, then: int, left: int) -> None:
    house.product("A", 5)
    keep(house, first)
    keep(house, then)
    assert (kept(house), house.level("A").available) == (min(then, 5), left)


def test_who_waits_is_told_of_what_is_kept_back_no_more(house: House, memory: Memory) -> None:
    house.product("A", 2, on_shortage=OnShortage.BACKORDER)
    keep(house, 2)
    order = house.buy(("A", 1), accept_partial=True)
    house.browser_returns(order)
    stage = Backstage(memory, house)
    stage.run()
    assert house.order(order).status is Status.AWAITING_STOCK
    keep(house, 1)
    stage.run()
    assert house.order(order).status is Status.PROCESSING
    audit(memory)


def test_what_is_missing_is_kept_from_the_next_delivery(house: House, memory: Memory) -> None:
    house.product("A", 2)
    keep(house, 5)
    house.restock("A", 1, "one")
    assert (kept(house), house.level("A").available) == (3, 0)
    house.restock("A", 9, "two")
    assert (kept(house), house.level("A").available) == (5, 7)
    house.restock("A", 1, "three")
    assert (kept(house), house.level("A").available) == (5, 8)
    audit(memory)


def test_dead_holds_are_kept_back_first(house: House) -> None:
    house.product("A", 3)
    hold(house, "dead", wish("A", 2))
    keep(house, 3)
    assert kept(house) == 1
    house.now += HOLD + GRACE
    keep(house, 3)
    assert (kept(house), held(house, "A", "dead")) == (3, {})


def test_a_hundred_dead_holds_are_no_obstacle(house: House) -> None:
    house.product("A", 100)
    for number in range(100):
        hold(house, f"dead-{number}", wish("A", 1))
    house.now += HOLD + GRACE
    keep(house, 90)
    assert (kept(house), house.level("A").available) == (90, 10)


def test_keeping_back_beside_a_buyer_is_tried_again(house: House) -> None:
    house.product("A", 3)
    just_before(house.stores.stock.levels, "reclaim_and_take", lambda: hold(house, "lck-1", wish("A", 2)))
    keep(house, 3)
    assert (kept(house), held(house, "A", "lck-1")) == (1, {"0": 2})


def test_moving_units_leaves_the_reserve_where_it_is(house: House) -> None:
    house.product("A", 10)
    keep(house, 4)
    house.shards("A", 2)
    assert kept(house) == 4
    assert figures(house, "A") == {"0": (7, 3), "1": (3, 3)}
    assert Entry(quantity=4, expires_at=NEVER) == house.level("A").entries[SAFETY]


# A move between shards goes through only while the layout is the one that it was planned for.


def late_move(house: House) -> None:
    """A worker plans a move to the last shard; before it is sent, that shard is given up, emptied and looked at no more."""
    house.product("A", 40)
    house.shards("A", 4)
    seen, levels = shelves.look(house.shop, "A", levels=house.stores.stock.levels)
    by_part = {level.key.part: level for level in levels.values()}
    house.shards("A", 1)
    layout.settle(house.shop, "A", store=house.stores.stock, grace=GRACE, now=house.now)
    source = house.level("A", "0")
    target = house.level("A", "3")
    assert by_part["3"].key == target.key
    writes = booking.move_writes(source, target, 5, seen, store=house.stores.stock, now=house.now)
    house.stores.commit(writes, token="late")


def test_a_move_of_an_old_layout_is_refused(house: House, memory: Memory) -> None:
    with pytest.raises(LedgerMoved):
        late_move(house)
    assert house.free("A") == 40
    audit(memory)


def test_without_the_guard_units_go_where_nobody_looks() -> None:
    house = House(in_memory(Memory("SAME_HEAD")))
    late_move(house)
    assert house.free("A") == 35
