"""Who is served with what, for any queue, any vault, any shop: sharing a restock, and choosing the places of keys."""

from collections import Counter
from datetime import timedelta
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from holdfast.fulfilment.model import Allotment, Debt, Places, Vault, begin, total
from holdfast.fulfilment.rules import LAST_ROUND, allot, next_round, pick, position
from tests.memory.samples import NOW

UNITS = st.integers(0, 40)
CAP = st.none() | st.integers(1, 5)


@st.composite
def queues(draw: Any) -> tuple[list[Debt], dict[str, int]]:
    """Those who wait, in their order, and what their orders say that they wait for: some gave up a part, some all."""
    owed = draw(st.lists(st.integers(1, 9), max_size=8))
    debts = [
        Debt(shop="demo", sku="A", order=f"ord-{at}", owed=units, paid_at=NOW, position=position(NOW + timedelta(seconds=at), f"ord-{at}"))
        for at, units in enumerate(owed)
    ]
    return debts, {debt.order: draw(st.integers(0, debt.owed)) for debt in debts if draw(st.integers(0, 9))}


@given(queues(), UNITS, CAP)
def test_as_many_units_are_given_as_there_are_and_are_owed(queue: tuple[list[Debt], dict[str, int]], units: int, most: int | None) -> None:
    debts, owed = queue
    given_out = list(allot(debts, owed, units, most))
    assert sum(one.units for one in given_out) == min(units, sum(min(wanted, most or wanted) for wanted in owed.values()))
    for one in given_out:
        assert 0 < one.units <= min(owed[one.order], most or one.units)
        assert one.owed == next(debt.owed for debt in debts if debt.order == one.order)


@given(queues(), UNITS)
def test_nobody_is_passed_over_and_only_the_last_is_given_a_part(queue: tuple[list[Debt], dict[str, int]], units: int) -> None:
    debts, owed = queue
    given_out = list(allot(debts, owed, units))
    wants = [debt.order for debt in debts if owed.get(debt.order)]
    assert [one.order for one in given_out] == wants[: len(given_out)]
    parts = [one.order for one in given_out if one.units < owed[one.order]]
    assert parts in ([], [one.order for one in given_out][-1:])
    assert not any(one.later for one in given_out)


@given(queues(), UNITS, st.integers(1, 5))
def test_with_a_cap_nobody_is_passed_over_either(queue: tuple[list[Debt], dict[str, int]], units: int, most: int) -> None:
    debts, owed = queue
    given_out = list(allot(debts, owed, units, most))
    wants = [debt.order for debt in debts if owed.get(debt.order)]
    assert [one.order for one in given_out] == wants[: len(given_out)]
    assert [one.later for one in given_out] == [one.units < owed[one.order] for one in given_out]


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.lists(st.integers(1, 7), max_size=12), st.integers(1, 3))
def test_nobody_has_a_second_share_before_all_others_had_one(wanted: list[int], restocks: list[int], most: int) -> None:
    """A share is what one is given at once, `most` or what there was: of two who both wait still none is ahead by more than one."""
    debts = {f"ord-{at}": Debt(shop="demo", sku="A", order=f"ord-{at}", owed=units, paid_at=NOW) for at, units in enumerate(wanted)}
    line = [
        debt.model_copy(update={"position": position(NOW + timedelta(seconds=at), debt.order)}) for at, debt in enumerate(debts.values())
    ]
    got: Counter[str] = Counter()
    for units in restocks:
        given_out = list(allot(line, {debt.order: debt.owed for debt in line}, units, most))
        assert sum(one.units for one in given_out) == min(units, sum(min(debt.owed, most) for debt in line))
        got.update(one.order for one in given_out)
        line = sorted(_after(line, given_out), key=lambda debt: debt.position)
        standing = [got[debt.order] for debt in line]
        assert not standing or max(standing) - min(standing) <= 1


def _after(line: list[Debt], given_out: list[Allotment]) -> list[Debt]:
    """As `feeding` writes it down: paid, or behind the others with the rest, or where it stood with the rest."""
    by_order = {one.order: one for one in given_out}
    found = []
    for debt in line:
        one = by_order.get(debt.order)
        left = debt.owed - (one.units if one else 0)
        stands = next_round(debt.position) if one and one.later else debt.position
        if left:
            found.append(debt.model_copy(update={"owed": left, "position": stands}))
    return found


@given(st.lists(st.tuples(st.booleans(), st.integers(0, LAST_ROUND), st.integers(0, 99)), unique=True, min_size=1, max_size=9))
def test_positions_sort_by_round_then_priority_then_payment(places: list[tuple[bool, int, int]]) -> None:
    def stands(first: bool, rounds: int, seconds: int) -> str:
        return position(NOW + timedelta(seconds=seconds), "ord-1", first=first, rounds=rounds)

    spelled = sorted((stands(*place), place) for place in places)
    assert [place for _, place in spelled] == sorted(places, key=lambda place: (place[1], not place[0], place[2]))
    for first, rounds, seconds in places:
        assert next_round(stands(first, rounds, seconds)) == stands(first, min(rounds + 1, LAST_ROUND), seconds)


def test_of_two_who_paid_in_the_same_millisecond_the_id_decides() -> None:
    assert position(NOW, "ord-1") < position(NOW, "ord-2") < position(NOW + timedelta(milliseconds=1), "ord-0")


def test_who_has_had_many_shares_gets_the_rest_at_once() -> None:
    last = position(NOW, "ord-1", rounds=LAST_ROUND)
    debts = [Debt(shop="demo", sku="A", order="ord-1", owed=9, paid_at=NOW, position=last)]
    (share,) = allot(debts, {"ord-1": 9}, 20, most=1)
    assert (share.units, share.later) == (9, False)


# Places of keys.


@st.composite
def vaults(draw: Any) -> tuple[Vault, list[Places]]:
    """Any vault, and the list of what came back to it."""
    imported = draw(st.integers(0, 30))
    taken = draw(st.integers(0, imported))
    withdrawn = draw(st.sets(st.integers(taken + 1, imported))) if taken < imported else set()
    cuts = sorted(draw(st.sets(st.integers(1, taken)))) if taken else []
    returned = [Places(first=first, last=draw(st.integers(first, after - 1))) for first, after in pairwise([*cuts, taken + 1])]
    back = total(returned)
    stored = Vault(shop="demo", sku="A", imported=imported, taken=taken, back=back, withdrawn=tuple(sorted(withdrawn)), version=7)
    return stored, returned


@given(vaults(), UNITS)
def test_places_that_go_out_are_free_ones_and_the_vault_counts_them(stored: tuple[Vault, list[Places]], quantity: int) -> None:
    vault, returned = stored
    chosen = pick(vault, returned, quantity)
    numbers = [number for places in chosen.places for number in places.numbers]
    free = [number for places in returned for number in places.numbers]
    fresh = [number for number in range(vault.taken + 1, vault.imported + 1) if number not in vault.withdrawn]
    assert numbers == [*free, *fresh][:quantity], "those that came back first, then the next that nobody has had, never a withdrawn one"
    assert len(numbers) == chosen.quantity == min(quantity, vault.left)
    assert chosen.vault.left == vault.left - chosen.quantity
    assert chosen.vault.delivered == vault.delivered + chosen.quantity
    assert all(place > chosen.vault.taken for place in chosen.vault.withdrawn)


@given(vaults(), st.lists(st.integers(1, 6), max_size=9))
def test_no_place_goes_out_twice(stored: tuple[Vault, list[Places]], quantities: list[int]) -> None:
    vault, returned = stored
    out: list[int] = []
    for quantity in quantities:
        chosen = pick(vault, returned, quantity)
        left = {one.seen: one.left for one in chosen.reused}
        returned = [stays for places in returned if (stays := left.get(places, places)) is not None]
        assert total(returned) == chosen.vault.back
        vault = chosen.vault
        out += [number for places in chosen.places for number in places.numbers]
    assert len(out) == len(set(out))
    assert not set(out) & set(stored[0].withdrawn)


@given(vaults(), UNITS)
def test_a_cut_loses_nothing_and_keeps_the_order(stored: tuple[Vault, list[Places]], units: int) -> None:
    places = stored[1]
    first, rest = begin(places, units)
    assert [number for some in (*first, *rest) for number in some.numbers] == [number for some in places for number in some.numbers]
    assert total(first) == min(units, total(places))
