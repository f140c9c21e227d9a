"""Where a line's units come from: pure choices, over every stock that hypothesis thinks of."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from holdfast.stock import planning
from holdfast.stock.model import MAIN, NEVER, SAFETY, Entry, Head, Level, LevelKey, Line, Part, Place, location_of
from tests.memory.house import GRACE, START


def level(part: str, available: int, **entries: Entry) -> Level:
    on_hand = available + sum(entry.quantity for entry in entries.values())
    return Level(key=LevelKey(shop="demo", sku="A", part=part), on_hand=on_hand, available=available, entries=entries, version=1)


SHARDS = [str(number) for number in range(6)]
stocks = st.lists(st.sampled_from([*SHARDS, "berlin", "outlet"]), unique=True, max_size=8).flatmap(
    lambda names: st.tuples(*[st.builds(level, st.just(name), st.integers(0, 9)) for name in sorted(names)])
)
needs = st.integers(-2, 60)


def by_name(parts: list[Part]) -> dict[str, int]:
    assert len({part.part for part in parts}) == len(parts)
    return {part.part: part.quantity for part in parts}


@given(needs, stocks)
def test_never_more_than_is_there_and_all_that_is_wanted_or_all_there_is(need: int, levels: tuple[Level, ...]) -> None:
    chosen = by_name(planning.chosen(need, levels, planning.available))
    free = {level.key.part: level.available for level in levels}
    assert all(0 < units <= free[part] for part, units in chosen.items())
    assert sum(chosen.values()) == min(max(need, 0), sum(free.values()))


@given(needs, stocks)
def test_whole_from_one_part_where_that_goes_else_from_as_few_as_can_be(need: int, levels: tuple[Level, ...]) -> None:
    """Within a location; the next one is asked for what is missing only."""
    chosen = by_name(planning.chosen(need, levels, planning.available))
    for location in dict.fromkeys(location_of(level.key.part) for level in levels):
        here = [level for level in levels if location_of(level.key.part) == location]
        taken = {part: units for part, units in chosen.items() if location_of(part) == location}
        assert sum(taken.values()) == min(max(need, 0), sum(level.available for level in here))
        largest = sorted((level.available for level in here), reverse=True)
        assert len(taken) == next(count for count in range(len(here) + 1) if sum(largest[:count]) >= sum(taken.values()))
        whole = [level.key.part for level in here if level.available >= need > 0]
        assert not whole or list(taken) == whole[:1]
        need -= sum(taken.values())


@given(needs, stocks, st.sets(st.sampled_from(SHARDS)))
def test_what_is_free_is_the_callers_view(need: int, levels: tuple[Level, ...], closed: set[str]) -> None:
    chosen = by_name(planning.chosen(need, levels, lambda level: -1 if level.key.part in closed else level.available))
    assert closed.isdisjoint(chosen)


@given(
    st.integers(0, 9), st.lists(st.builds(Part, part=st.sampled_from(SHARDS), quantity=st.integers(1, 9)), unique_by=lambda one: one.part)
)
def test_of_what_is_held_no_more_is_kept_than_is_wanted(wanted: int, held: list[Part]) -> None:
    kept = by_name(planning.no_more_than(wanted, held))
    assert set(kept) == {part.part for part in held}
    assert all(kept[part.part] <= part.quantity for part in held)
    assert sum(kept.values()) == min(wanted, sum(part.quantity for part in held))


def test_more_from_a_part_where_something_is_held_is_one_part() -> None:
    mine, found = [Part(part="0", quantity=1), Part(part="2", quantity=2)], [Part(part="0", quantity=3), Part(part="1", quantity=1)]
    assert by_name(planning.together(mine, found)) == {"0": 4, "2": 2, "1": 1}


@given(st.lists(st.tuples(st.sampled_from("CAB"), st.integers(1, 9)), min_size=1, max_size=9))
def test_the_same_sku_is_one_wish_and_skus_have_an_order(cart: list[tuple[str, int]]) -> None:
    wishes = planning.by_sku([Line(sku=sku, quantity=quantity) for sku, quantity in cart])
    assert [wish.sku for wish in wishes] == sorted({sku for sku, _ in cart})
    for wish in wishes:
        assert wish.quantity == sum(quantity for sku, quantity in cart if sku == wish.sku)


@given(st.text(min_size=1, max_size=9), st.integers(1, 64))
def test_a_lock_begins_at_one_shard_always(lock: str, shards: int) -> None:
    assert planning.first_shard(lock, shards) == planning.first_shard(lock, shards)
    assert 0 <= int(planning.first_shard(lock, shards)) < shards


def test_locks_begin_everywhere() -> None:
    begun = [planning.first_shard(f"lck-{number}", 8) for number in range(4000)]
    assert all(400 < begun.count(str(shard)) < 600 for shard in range(8))


HEAD = Head(shop="demo", sku="A", shards=4, made=6, ever=6, locations=(Place(name=MAIN), Place(name="berlin"), Place(name="outlet")))


@given(st.text(min_size=1, max_size=9), stocks)
def test_a_walk_goes_round_the_shards_and_then_through_the_locations_in_their_order(lock: str, levels: tuple[Level, ...]) -> None:
    found = {level.key: level for level in levels}
    walked = [level.key.part for level in planning.walk(lock, HEAD, found, planning.available)]
    shards = [part for part in walked if part.isdigit()]
    assert sorted(walked) == sorted(level.key.part for level in levels)
    assert walked == [*shards, *(name for name in ("berlin", "outlet") if name in walked)]
    turned = [shard for shard in SHARDS if shard in shards]
    assert not shards or shards == [*turned[turned.index(shards[0]) :], *turned[: turned.index(shards[0])]]
    main = [level for level in levels if level.key.part.isdigit()]
    if any(level.available for level in main):
        assert found[LevelKey(shop="demo", sku="A", part=walked[0])].available > 0


def test_walks_of_many_begin_at_each_unit_alike() -> None:
    found = {one.key: one for one in (level("0", 1), level("1", 0), level("2", 3))}
    first = [planning.walk(f"lck-{number}", HEAD, found, planning.available)[0].key.part for number in range(4000)]
    assert first.count("1") == 0
    assert 850 < first.count("0") < 1150


dying = st.dictionaries(
    st.sampled_from("abcdef"),
    st.builds(Entry, quantity=st.integers(1, 5), expires_at=st.integers(0, 9).map(lambda second: START + timedelta(seconds=second))),
)


@given(dying, st.integers(-3, 20), st.sets(st.sampled_from("abcdef")))
def test_entries_are_freed_oldest_first_and_no_more_than_needed(entries: dict[str, Entry], missing: int, own: set[str]) -> None:
    freed = planning.oldest(entries, missing, own=own)
    assert set(freed) >= own & set(entries)
    others = [name for name in freed if name not in own]
    left = missing - sum(entries[name].quantity for name in freed if name in own)
    assert sum(entries[name].quantity for name in others[:-1]) < max(left, 1)
    kept = [entry.expires_at for name, entry in entries.items() if name not in freed]
    assert all(entries[name].expires_at <= later for name in others for later in kept)
    if sum(entry.quantity for entry in entries.values()) >= missing:
        assert sum(entry.quantity for entry in freed.values()) >= missing


def test_the_next_release_is_the_first_of_all_parts() -> None:
    soon, late = (Entry(quantity=1, expires_at=START + timedelta(seconds=second)) for second in (1, 2))
    parts = [level("0", 0, a=late), level("1", 0, b=soon), level("2", 5), level("3", 0, **{SAFETY: Entry(quantity=1, expires_at=NEVER)})]
    assert planning.next_release(parts, GRACE) == START + timedelta(seconds=1) + GRACE
    assert planning.next_release([level("2", 5)], GRACE) is None


def test_a_part_that_was_tried_stays_named() -> None:
    now, before = [Part(part="1", quantity=2)], [Part(part="0", quantity=2), Part(part="1", quantity=1), Part(part="3", quantity=0)]
    assert by_name(list(planning.with_tried(now, before))) == {"1": 2, "0": 0, "3": 0}
