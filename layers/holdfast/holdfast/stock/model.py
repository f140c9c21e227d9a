"""Levels, the locks that lie in them, and movements of what we own."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import Field

from holdfast.kernel.ids import ShopId, Sku
from holdfast.kernel.model import Model, Record
from holdfast.kernel.time import Instant


class LevelKey(Model):
    """One shard of a SKU's stock. Ordinary SKUs have the one shard 0; the number is part of the partition key."""

    shop: str
    sku: str
    shard: int = 0


class Entry(Model):
    """Units set aside for one lock, until an instant."""

    quantity: int = Field(ge=1)
    expires_at: Instant

    def expired(self, now: datetime, grace: timedelta) -> bool:
        """Dead by the clock: TTL deletion lags by days, so presence proves nothing. The grace covers clocks that differ."""
        return now >= self.expires_at + grace


class Level(Model):
    """Units of one shard: `on_hand = available + locked`, on every image that was ever written."""

    key: LevelKey
    on_hand: int = Field(ge=0)
    available: int = Field(ge=0)
    entries: Mapping[str, Entry] = {}
    version: int

    @property
    def locked(self) -> int:
        return sum(entry.quantity for entry in self.entries.values())

    def conserved(self) -> bool:
        return self.on_hand == self.available + self.locked

    def reclaimable(self, now: datetime, grace: timedelta, own: str | None = None) -> dict[str, Entry]:
        """Entries that the next taker may have: expired ones, and the one of his own that the new lock replaces."""
        return {name: entry for name, entry in self.entries.items() if name == own or entry.expired(now, grace)}

    def free(self, now: datetime, grace: timedelta) -> int:
        """What a buyer could have at this instant: the clock frees units, not the sweeper."""
        return self.available + sum(entry.quantity for entry in self.reclaimable(now, grace).values())


class Summary(Model):
    """A SKU's stock as an admin sees it, by the clock. `waiting` units are owed to paid orders."""

    sku: str
    on_hand: int
    available: int
    locked: int
    waiting: int
    incoming: int
    shards: int
    version: int


class Line(Model):
    """A wish for units of a SKU. `partial`: fewer will do, even none."""

    sku: str
    quantity: int = Field(ge=1)
    partial: bool = False


class Lock(Record):
    """The document behind entries: who holds what until when. Written before anything is taken."""

    id: str
    shop: ShopId
    order: str
    lines: tuple[Line, ...]
    expires_at: Instant
    claimed_at: Instant
    claim: str = ""
    """Names the try that wrote it: two tries of one millisecond are two, a write that is delivered twice is one."""
    fingerprint: str
    extended: bool = False

    def dead(self, now: datetime, grace: timedelta) -> bool:
        return now >= self.expires_at + grace


class Reason(StrEnum):
    """Why what we own changed."""

    RESTOCK = "restock"
    SALE = "sale"
    RETURN = "return"


class Movement(Record):
    """One append-only line of a SKU's ledger. `quantity` is signed: what came in is positive. `document` names the cause."""

    id: str
    shop: ShopId
    sku: Sku
    shard: int = 0
    reason: Reason
    quantity: int
    at: Instant
    actor: str
    document: str | None = None
    note: str | None = None
