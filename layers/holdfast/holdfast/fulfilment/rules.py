"""Who is served with what: places of a vault, and shares of a restock. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from holdfast.fulfilment.model import Allotment, Debt, Pick, Places, Reused, Vault, begin, total
from holdfast.kernel.time import rfc3339

FIRST = "0#"
"""Sorts before any instant."""
ROUND = "R"
"""Sorts after any instant."""
LAST_ROUND = 50
"""Who has had so many shares gets all that he is owed with the next: an order remembers each of its batches, and has room for some."""
AFTER_INSTANTS = ":"
"""Sorts between the two: after every digit, and before any letter."""


def position(paid_at: datetime, order: str, *, first: bool = False, rounds: int = 0) -> str:
    """Where a debt stands in its queue: those that the shop puts first, then by the time of payment, and after them all those that had
    their share of a round. The order's id decides between two of the same millisecond.
    """
    return f"{f'{ROUND}{rounds:03d}#' if rounds else ''}{FIRST if first else ''}{rfc3339(paid_at)}#{order}"


def next_round(standing: str) -> str:
    """Behind all who have not had so many rounds."""
    if standing.startswith(ROUND):
        number, _, rest = standing[1:].partition("#")
        return f"{ROUND}{min(int(number) + 1, LAST_ROUND):03d}#{rest}"
    return f"{ROUND}001#{standing}"


def end_of_run(standing: str) -> str:
    """Sorts after all that stand in the same round and rank, and before those of the next. Within such a run who paid first is first."""
    run, _, _ = standing.rpartition("#")[0].rpartition("#")
    return f"{run}#{AFTER_INSTANTS}" if run else AFTER_INSTANTS


def allot(debts: Sequence[Debt], owed: Mapping[str, int], units: int, most: int | None = None) -> Iterator[Allotment]:
    """Share units among those who wait, in their order: all that each is owed, or what is left of the units, or `most`.

    `owed`: by order, what it still waits for; nothing for one that gave up.
    """
    for debt in debts:
        wanted = min(debt.owed, owed.get(debt.order, 0))
        share = None if debt.position.startswith(f"{ROUND}{LAST_ROUND:03d}#") else most
        given = min(wanted, units, share or wanted)
        if given:
            # Also who was given less than `most`, because no more was there: or units that come one by one would all be his.
            later = share is not None and given < wanted
            yield Allotment(order=debt.order, units=given, owed=debt.owed, position=debt.position, later=later)
            units -= given


def pick(vault: Vault, returned: Sequence[Places], quantity: int) -> Pick:
    """So many places, or all that there are: those that came back first, then the next ones that nobody has had."""
    reused: list[Reused] = []
    places: list[Places] = []
    need = quantity
    for seen in returned:
        taken, left = begin([seen], need)
        if taken:
            reused.append(Reused(seen=seen, left=left[0] if left else None))
            places += taken
            need -= total(taken)
    fresh, reached = _next(vault, need)
    back = vault.back - (quantity - need)
    withdrawn = tuple(place for place in vault.withdrawn if place > reached)
    passed = vault.passed + len(vault.withdrawn) - len(withdrawn)
    after = vault.model_copy(update={"taken": reached, "back": back, "withdrawn": withdrawn, "passed": passed})
    return Pick(places=(*places, *fresh), vault=after, reused=tuple(reused))


def without(seen: Places, place: int) -> tuple[Places, ...]:
    """What is left of them when one is taken out."""
    ends = ((seen.first, place - 1), (place + 1, seen.last))
    return tuple(Places(first=first, last=last) for first, last in ends if first <= last)


def _next(vault: Vault, need: int) -> tuple[list[Places], int]:
    """Places behind those that were taken, and up to where they reach. Withdrawn ones are passed over."""
    runs: list[Places] = []
    reached = vault.taken
    for stop in [*sorted(vault.withdrawn), vault.imported + 1]:
        room = min(need, stop - reached - 1)
        if room > 0:
            runs.append(Places(first=reached + 1, last=reached + room))
            need -= room
            reached += room
        if need == 0 or stop > vault.imported:
            return runs, reached
        reached = stop
    return runs, reached
