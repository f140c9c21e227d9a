"""Where to take a line's units from: pure choices over what was seen."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain

from holdfast.kernel.ids import bucket_of
from holdfast.stock.model import Entry, Head, Level, LevelKey, Line, Part, location_of, shard_names


def by_sku(lines: Sequence[Line]) -> list[Line]:
    """One line per SKU, quantities summed, in order: the same SKU twice in a cart is one wish."""
    wishes: dict[str, Line] = {}
    for line in lines:
        before = wishes.get(line.sku)
        wishes[line.sku] = line if before is None else before.model_copy(update={"quantity": before.quantity + line.quantity})
    return [wishes[sku] for sku in sorted(wishes)]


def first_shard(lock: str, shards: int) -> str:
    """Where a lock begins: the same for every try of it, and spread evenly over locks."""
    return str(bucket_of(lock, shards))


def walk(lock: str, head: Head, levels: Mapping[LevelKey, Level], free: Callable[[Level], int]) -> list[Level]:
    """The parts in the order in which this lock takes from them: the main location from one shard on, then the others.

    It begins at the shard that has the lock's own unit, when all free units are counted through: so many who look at the same
    moment go each for another unit, and few of them meet.
    """
    found = {key.part: level for key, level in levels.items()}
    shards = [found[part] for part in shard_names(head.made) if part in found]
    start = _holder(lock, [max(0, free(level)) for level in shards])
    others = [found[place.name] for place in head.locations[1:] if place.name in found]
    return [*shards[start:], *shards[:start], *others]


def _holder(lock: str, free: Sequence[int]) -> int:
    unit = bucket_of(lock, max(1, sum(free)))
    for number, units in enumerate(free):
        if unit < units:
            return number
        unit -= units
    return 0


def chosen(need: int, levels: Sequence[Level], free: Callable[[Level], int]) -> list[Part]:
    """So many units from these parts, or all there is: location by location, whole from one part where that goes, else from few."""
    parts: list[Part] = []
    for location in dict.fromkeys(location_of(level.key.part) for level in levels):
        here = {level.key.part: free(level) for level in levels if location_of(level.key.part) == location}
        found = _from_location(need, here) if need > 0 else []
        parts += found
        need -= sum(part.quantity for part in found)
    return parts


def no_more_than(wanted: int, held: Sequence[Part]) -> list[Part]:
    """What is held already, as far as it is wanted: a late delivery may have taken what was planned elsewhere meanwhile."""
    parts = []
    for part in held:
        parts.append(Part(part=part.part, quantity=min(part.quantity, wanted)))
        wanted -= parts[-1].quantity
    return parts


def together(*plans: Sequence[Part]) -> list[Part]:
    """One part per name: more may be taken where something is held."""
    units: dict[str, int] = {}
    for part in chain(*plans):
        units[part.part] = units.get(part.part, 0) + part.quantity
    return [Part(part=name, quantity=quantity) for name, quantity in units.items()]


def available(level: Level) -> int:
    return level.available


def _from_location(need: int, free: Mapping[str, int]) -> list[Part]:
    whole = next((part for part, units in free.items() if units >= need), None)
    if whole is not None:
        return [Part(part=whole, quantity=need)]
    parts = []
    for part, units in sorted(free.items(), key=lambda item: -item[1]):
        if units <= 0 or need <= 0:
            break
        parts.append(Part(part=part, quantity=min(units, need)))
        need -= parts[-1].quantity
    return parts


def oldest(reclaimable: Mapping[str, Entry], missing: int, *, own: Collection[str]) -> dict[str, Entry]:
    """The entries to free for the missing units: the shopper's own in any case, then the oldest."""
    found: dict[str, Entry] = {}
    for name, entry in sorted(reclaimable.items(), key=lambda pair: (pair[0] not in own, pair[1].expires_at)):
        if missing <= 0 and name not in own:
            break
        found[name] = entry
        missing -= entry.quantity
    return found


def next_release(levels: Sequence[Level], grace: timedelta) -> datetime | None:
    """When the clock frees the next unit of these parts."""
    return min((entry.expires_at + grace for level in levels for entry in level.entries.values()), default=None)


def tried(parts: Sequence[Part]) -> tuple[Part, ...]:
    return tuple(Part(part=part.part, quantity=0) for part in parts)


def with_tried(parts: Sequence[Part], before: Sequence[Part]) -> tuple[Part, ...]:
    """A part that was tried stays named, so that a release finds a take that came late."""
    names = {part.part for part in parts}
    return (*parts, *tried([part for part in before if part.part not in names]))
