"""What every image of a level must be, and what its change must be, as the stream shows them.

Read straight from the wire (`{"N": "5"}`): the stream sees each write of each sale, and a model of it would take a hundred times as
long. No reads, and no errors: an image that cannot be understood is a violation like others.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from holdfast.stock.layout import LOCKS_PER_SHARD
from holdfast.stock.model import is_pool

Image = Mapping[str, Any]
"""A level's item on the wire: `avail`, `on_hand`, `lk` (name: [units, expiry]), `ver`, `last`."""
UNREADABLE = "unreadable"


@dataclass(frozen=True)
class _Numbers:
    on_hand: int
    available: int
    held: int
    version: int
    last: str | None


def part_of(image: Image) -> tuple[str, str, str]:
    """Shop, SKU and part, from the key."""
    shop, sku, part = image["pk"]["S"].split("#", 2)
    return shop, sku, part


def violations(old: Image | None, new: Image) -> list[str]:
    """What is wrong, by stable codes; nothing in a shop whose items nobody edits by hand.

    `last` may change alone: a correction of nothing explains a repair. The stream shows every write, so versions have no gap.
    """
    try:
        return _violations(_numbers(old) if old else None, _numbers(new), goods=not is_pool(part_of(new)[2]))
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        return [UNREADABLE]


def crowded(old: Image | None, new: Image) -> bool:
    """A shard has just got more live locks than are good for it: told once, when the limit is passed."""
    try:
        before = len(old["lk"]["M"]) if old else 0
        return before <= LOCKS_PER_SHARD < len(new["lk"]["M"]) and part_of(new)[2].isdigit()
    except (AttributeError, KeyError, TypeError, ValueError):
        return False  # said by `violations`


def stirred(old: Image | None, new: Image) -> bool:
    """What is free in a part went up or down by so much that somebody may want to hear of it: by any unit under 32, and by a thirty-second
    of it or more above. Few sales of a full shelf are told, and all of one that runs low.
    """
    try:
        before = int(old["avail"]["N"]) if old else 0
        return _step(before) != _step(int(new["avail"]["N"])) and not is_pool(part_of(new)[2])
    except (AttributeError, KeyError, TypeError, ValueError):
        return False  # said by `violations`


def _step(units: int) -> int:
    """Rounded down to its five highest binary digits."""
    return units >> (coarse := max(0, units.bit_length() - 5)) << coarse


def _violations(old: _Numbers | None, new: _Numbers, *, goods: bool) -> list[str]:
    was = old or _Numbers(on_hand=0, available=0, held=0, version=0, last=None)
    found = []
    if new.on_hand != new.available + new.held:
        found.append("sum_broken")
    if goods and new.available < 0:
        found.append("available_below_zero")
    if new.version != was.version + 1:
        found.append("version_skipped")
    if goods and new.on_hand != was.on_hand and new.last == was.last:
        found.append("changed_without_document")
    return found


def _numbers(image: Image) -> _Numbers:
    return _Numbers(
        on_hand=int(image["on_hand"]["N"]),
        available=int(image["avail"]["N"]),
        held=sum(int(entry["L"][0]["N"]) for entry in image["lk"]["M"].values()),
        version=int(image["ver"]["N"]),
        last=image["last"]["S"] if "last" in image else None,
    )
