"""What there is, over all parts of a SKU: availability, the admin's summary, and how the stock is laid out."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from holdfast.stock.errors import UnknownStock
from holdfast.stock.model import Head, Level, LevelKey, Summary, for_sale, shard_names, unheld
from holdfast.stock.ports import Levels
from holdfast.stock.recall import Recall

Shelf = tuple[Head, dict[LevelKey, Level]]
"""How a SKU is laid out, and all its parts."""


def look(shop: str, sku: str, *, levels: Levels, made: int = 1) -> Shelf:
    """One read where `made` shards in one location are what there is; else a second one for the rest. UnknownStock."""
    found = look_at(shop, {sku: made}, levels=levels)
    if sku not in found:
        raise UnknownStock
    return found[sku]


def look_at(shop: str, made: Mapping[str, int], *, levels: Levels) -> dict[str, Shelf]:
    """As look, for many SKUs; unknown ones are left out."""
    heads, found = levels.with_heads(shop, {sku: shard_names(count) for sku, count in made.items()})
    keys = {sku: [LevelKey(shop=shop, sku=sku, part=part) for part in head.parts] for sku, head in heads.items()}
    missing = [key for of_sku in keys.values() for key in of_sku if key not in found]
    if missing:
        found |= levels.levels(missing)
    return {sku: (heads[sku], {key: found[key] for key in of_sku if key in found}) for sku, of_sku in keys.items()}


def availability(shop: str, skus: Sequence[str], *, levels: Levels, recall: Recall, grace: timedelta, now: datetime) -> dict[str, int]:
    """Units per SKU that a buyer could have at this instant; 0 for a SKU without stock."""
    shelves = look_at(shop, {sku: recall.made(shop, sku) for sku in skus}, levels=levels)
    for _, parts in shelves.values():
        for level in parts.values():
            recall.saw(level, now)
    return {sku: for_sale(shelves[sku][1].values(), now, grace) if sku in shelves else 0 for sku in skus}


def summary(shop: str, sku: str, *, waiting: int, levels: Levels, grace: timedelta, now: datetime) -> Summary:
    """UnknownStock when the shop has no such SKU."""
    head, found = look(shop, sku, levels=levels)
    return summed(head, found, waiting=waiting, grace=grace, now=now)


def summed(head: Head, found: Mapping[LevelKey, Level], *, waiting: int, grace: timedelta, now: datetime) -> Summary:
    """By the clock: what a dead hold still has counts as available."""
    on_hand = sum(level.on_hand for level in found.values())
    free = unheld(found.values(), now, grace)
    return Summary(
        sku=head.sku,
        on_hand=on_hand,
        available=free,
        locked=on_hand - free,
        waiting=waiting,
        incoming=head.incoming,
        shards=head.shards,
        version=sum(level.version for level in found.values()) + head.version,
        safety_stock=sum(level.kept for level in found.values()),
    )


def free_expired(shop: str, sku: str, *, levels: Levels, grace: timedelta, now: datetime) -> int:
    """Give back what the clock has freed, and answer what is available then. For changes that take no lock; 0 for an unknown SKU."""
    shelf = look_at(shop, {sku: 1}, levels=levels).get(sku)
    if shelf is None:
        return 0
    parts = shelf[1].values()
    dead = [(level.key, name, entry) for level in parts for name, entry in level.reclaimable(now, grace).items()]
    freed = sum(entry.quantity for key, name, entry in dead if levels.give_back(key, name, entry))
    return sum(level.available for level in parts) + freed
