"""From a level's item to the level, and back for its entries. Pure translation."""

from collections.abc import Mapping
from typing import Any

from holdfast.kernel.time import epoch_ms, from_epoch_ms
from holdfast.stock.model import Entry, Glance, Level, LevelKey


def level_of(key: LevelKey, item: Mapping[str, Any]) -> Level:
    """Without validation: it is our own writing, and a shard in demand has some sixty entries to be read in each look."""
    entries = {
        name: Entry.model_construct(quantity=quantity, expires_at=from_epoch_ms(millis)) for name, (quantity, millis) in item["lk"].items()
    }
    shards, made = item.get("of", (1, 1))
    return Level.model_construct(
        key=key,
        on_hand=item["on_hand"],
        available=item["avail"],
        entries=entries,
        version=item["ver"],
        shards=shards,
        made=made,
        last=item.get("last"),
        cap=item.get("cap"),
        awaited="awaited" in item,
    )


def glance_of(key: LevelKey, changed: Mapping[str, Any]) -> Glance:
    shards, made = changed.get("of", (1, 1))
    return Glance.model_construct(
        key=key,
        on_hand=changed["on_hand"],
        available=changed["avail"],
        version=changed["ver"],
        shards=shards,
        made=made,
        cap=changed.get("cap"),
    )


def entry_wire(entry: Entry) -> list[Any]:
    """Two numbers: every live lock is paid for in every write of its item."""
    return [entry.quantity, epoch_ms(entry.expires_at)]
