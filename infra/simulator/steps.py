"""What happened between two images of a level, told from the images alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from infra.simulator.history import Image


class Kind(StrEnum):
    TAKEN = "taken"
    FREED = "freed"
    CONFIRMED = "confirmed"
    EXTENDED = "extended"
    BOOKED = "booked"
    LAID_OUT = "laid out"
    """Neither units nor entries changed: the layout did."""


@dataclass(frozen=True)
class Step:
    kind: Kind
    name: str = ""
    units: int = 0
    expiry: int = 0
    """Of the entry before the step (of a taken one: after it)."""


class Unlawful(Exception):
    """No sequence of steps leads from the one to the other."""


def between(before: Image, after: Image, own_entry: str) -> Sequence[Step]:
    """Unlawful when units appear, vanish, or are sold without having been held."""
    owned = after.on_hand - before.on_hand
    if own_entry in before.entries or own_entry in after.entries:
        before, after = _without(before, own_entry), _without(after, own_entry)
    gone = [name for name in before.entries if name not in after.entries]
    steps = [_gone(name, before, Kind.FREED) for name in gone]
    for name, (units, expiry) in after.entries.items():
        steps += _of_entry(name, before.entries.get(name), (units, expiry))
    if not owned:
        return steps or [Step(Kind.LAID_OUT)]
    if owned == after.available - before.available and not steps:
        return [Step(Kind.BOOKED, units=owned)]
    if len(gone) == len(steps) == 1 and before.entries[gone[0]][0] == -owned and before.available == after.available:
        return [_gone(gone[0], before, Kind.CONFIRMED)]
    raise Unlawful(f"on hand {before.on_hand} to {after.on_hand}, available {before.available} to {after.available}, gone {gone}")


def _gone(name: str, before: Image, kind: Kind) -> Step:
    units, expiry = before.entries[name]
    return Step(kind, name, units, expiry)


def _of_entry(name: str, before: tuple[int, int] | None, after: tuple[int, int]) -> list[Step]:
    """The same units for longer are an extension; anything else is another hold in the place of the one before."""
    if before == after:
        return []
    taken = Step(Kind.TAKEN, name, *after)
    if before is None:
        return [taken]
    if before[0] == after[0] and before[1] < after[1]:
        return [Step(Kind.EXTENDED, name, before[0], before[1])]
    return [Step(Kind.FREED, name, *before), taken]


def _without(image: Image, name: str) -> Image:
    """The shop's own units count as available: keeping them back is no lock."""
    kept = image.entries.get(name, (0, 0))[0]
    entries = {other: entry for other, entry in image.entries.items() if other != name}
    return Image(image.at, image.key, image.version, image.on_hand, image.available + kept, entries, image.commit, image.cause)
