"""What every image of a level must be, and what its change must be, as the stream shows them: numbers in the item's own words.

No reads and no models: the stream sees each write of each sale.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from holdfast.stock.layout import LOCKS_PER_SHARD
from holdfast.stock.model import is_pool

Image = Mapping[str, Any]
"""A level's item: `avail`, `on_hand`, `lk` (name: [units, expiry]), `ver`, `last`."""


def part_of(image: Image) -> tuple[str, str, str]:
    """Shop, SKU and part, from the key."""
    shop, sku, part = str(image["pk"]).split("#", 2)
    return shop, sku, part


def violations(old: Image | None, new: Image) -> list[str]:
    """What is wrong, by stable codes; nothing in a shop whose items nobody edits by hand.

    `last` may change alone: a correction of nothing explains a repair. The stream shows every write, so versions have no gap.
    """
    goods = not is_pool(part_of(new)[2])
    was, last_was, version_was = (old["on_hand"], old.get("last"), old["ver"]) if old else (0 if goods else new["on_hand"], None, 0)
    found = []
    if new["on_hand"] != new["avail"] + sum(units for units, _ in new["lk"].values()):
        found.append("sum_broken")
    if goods and new["avail"] < 0:
        found.append("available_below_zero")
    if new["ver"] != version_was + 1:
        found.append("version_skipped")
    if goods and new["on_hand"] != was and new.get("last") == last_was:
        found.append("changed_without_document")
    return found


def crowded(old: Image | None, new: Image) -> bool:
    """A shard has just got more live locks than are good for it: told once, when the limit is passed."""
    before: Sequence[str] | Mapping[str, Any] = old["lk"] if old else ()
    return part_of(new)[2].isdigit() and len(before) <= LOCKS_PER_SHARD < len(new["lk"])
