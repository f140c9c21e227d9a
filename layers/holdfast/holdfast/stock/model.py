"""Levels and the entries that lie in them, the head that says how a SKU is laid out, locks, and the ledger."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from pydantic import Field

from holdfast.kernel.ids import ShopId, Sku
from holdfast.kernel.model import Model, Record
from holdfast.kernel.time import Instant

MAIN = "main"
"""The location that every SKU has. Its units lie in numbered shards; any other location is one part, named like it."""
MOST_SHARDS = 64
PROMISES = "promise"
"""The pool that caps what may be sold beyond the stock: a unit of it is a promise."""
BUYER = "buyer-"
"""Begins the name of the pool that caps what one customer may have."""
SAFETY = "safety"
"""The entry under which the shop itself keeps units back. It never runs out."""
NEVER = datetime(9999, 1, 1, tzinfo=UTC)


class LevelKey(Model):
    """One part of a SKU's stock: a shard of the main location ("0", "1", ...), another location, or a pool.

    The part stands in the partition key: shards under one key would be no shards.
    """

    shop: str
    sku: str
    part: str = "0"


def is_pool(part: str) -> bool:
    """Pools count permissions, not goods: nothing of them is owned, moved or booked."""
    return part == PROMISES or part.startswith(BUYER)


class Entry(Model):
    """Units set aside for one lock, until an instant."""

    quantity: int = Field(ge=1)
    expires_at: Instant

    def expired(self, now: datetime, grace: timedelta) -> bool:
        """Dead by the clock: TTL deletion lags by days, so presence proves nothing. The grace covers clocks that differ."""
        return now >= self.expires_at + grace


class Former(Model):
    """What an earlier try of the same shopper holds: his new try may use it. Known by its expiry, since it may bear the same name."""

    name: str
    expires_at: Instant

    def left(self, name: str, entry: Entry) -> bool:
        return (name, entry.expires_at) == (self.name, self.expires_at)


class Glance(Model):
    """The numbers of a part, as the one who changed it gets them: the entries of all the others he does not need.

    `shards` and `made` are the SKU's layout as this part last heard of it: shards in use, and shards that exist.
    `cap`: of a pool, how many permissions it was opened with.
    """

    key: LevelKey
    on_hand: int
    available: int
    version: int
    shards: int = 1
    made: int = 1
    cap: int | None = None


class Level(Glance):
    """Units of one part: `on_hand = available + locked`, on every image that was ever written.

    `last` is the ledger document that changed `on_hand` last. `awaited`: paid orders wait for the SKU, and no new buyer overtakes them.
    """

    entries: Mapping[str, Entry] = {}
    last: str | None = None
    awaited: bool = False

    @property
    def locked(self) -> int:
        return sum(entry.quantity for entry in self.entries.values())

    @property
    def kept(self) -> int:
        """Units of the shop's own reserve."""
        return self.entries[SAFETY].quantity if SAFETY in self.entries else 0

    def live(self, now: datetime, grace: timedelta) -> int:
        """Locks that hold units at this instant; the shop's own reserve is none."""
        return sum(not entry.expired(now, grace) for name, entry in self.entries.items() if name != SAFETY)

    def conserved(self) -> bool:
        return self.on_hand == self.available + self.locked and self.available >= 0

    def reclaimable(self, now: datetime, grace: timedelta, former: "tuple[Former, ...]" = ()) -> dict[str, Entry]:
        """Entries that the next taker may have: expired ones, and that of his own earlier try."""
        return {
            name: entry for name, entry in self.entries.items() if entry.expired(now, grace) or any(one.left(name, entry) for one in former)
        }

    def free(self, now: datetime, grace: timedelta, former: "tuple[Former, ...]" = ()) -> int:
        """What nobody holds at this instant: the clock frees units, not the sweeper."""
        return self.available + sum(entry.quantity for entry in self.reclaimable(now, grace, former).values())

    def for_sale(self, now: datetime, grace: timedelta, former: "tuple[Former, ...]" = ()) -> int:
        """What a buyer could have at this instant: while others wait who have paid, no more than he holds himself."""
        return self.own(former) if self.awaited else self.free(now, grace, former)

    def own(self, former: "tuple[Former, ...]") -> int:
        """Units of his own earlier tries."""
        return sum(entry.quantity for name, entry in self.entries.items() if any(one.left(name, entry) for one in former))


class Place(Record):
    """A location of the shop: where units lie, and how many are on their way to it."""

    name: str
    incoming: int = Field(default=0, ge=0)
    expected_at: Instant | None = None


class Head(Record):
    """How a SKU's stock is laid out. `shards` of the main location take what comes in; up to `made` may have units (the rest is
    being emptied); up to `ever` were used once, and still have their ledger. So have the locations that `left`.

    `pinned`: a person chose the number of shards, so that no rule changes it. `locations` in the order of allocation,
    the main one first. `restocks` goes up when units come free; the stream tells those who wait.
    """

    shop: ShopId
    sku: Sku
    shards: int = Field(default=1, ge=1, le=MOST_SHARDS)
    made: int = Field(default=1, ge=1, le=MOST_SHARDS)
    ever: int = Field(default=1, ge=1, le=MOST_SHARDS)
    pinned: bool = False
    safety_stock: int = Field(default=0, ge=0)
    locations: tuple[Place, ...] = (Place(name=MAIN),)
    left: tuple[str, ...] = ()
    restocks: int = 0
    version: int = 1

    @property
    def parts(self) -> tuple[str, ...]:
        return (*shard_names(self.made), *(place.name for place in self.locations[1:]))

    @property
    def booked(self) -> tuple[str, ...]:
        """Every part that may have a ledger, also those that have no units any more."""
        names = dict.fromkeys((*(place.name for place in self.locations[1:]), *self.left))
        return (*shard_names(self.ever), *names)

    def location(self, name: str) -> Place | None:
        return next((place for place in self.locations if place.name == name), None)

    @property
    def incoming(self) -> int:
        return sum(place.incoming for place in self.locations)


def shard_names(count: int) -> tuple[str, ...]:
    return tuple(str(number) for number in range(count))


def location_of(part: str) -> str:
    return MAIN if part.isdigit() else part


class Part(Record):
    """So many units of a line in one part of the stock."""

    part: str
    quantity: int = Field(ge=0)


class Line(Record):
    """A wish for units of a SKU.

    `partial`: fewer will do, even none; what is short is owed. `promises`: how many units of the SKU may be owed in all (None:
    any number). `allowance`: how many one customer may have (None: any number).
    """

    sku: Sku
    quantity: int = Field(ge=1)
    partial: bool = False
    promises: int | None = Field(default=None, ge=0)
    allowance: int | None = Field(default=None, ge=1)
    shards: int = Field(default=1, exclude=True)
    """How many the SKU had when its checkout began: where a worker looks first that does not know better."""


class LockLine(Line):
    """A line, with the parts of the stock in which its units lie, or were about to: written before they are taken.

    A part with 0 units was tried and left; a release looks there too.
    """

    parts: tuple[Part, ...] = ()

    @property
    def goods(self) -> tuple[Part, ...]:
        """Where its units lie."""
        return tuple(part for part in self.parts if part.quantity and not is_pool(part.part))

    @property
    def taken(self) -> int:
        return sum(part.quantity for part in self.goods)


class Reason(StrEnum):
    """Why what we own changed."""

    RESTOCK = "restock"
    SALE = "sale"
    RETURN = "return"
    ADJUSTMENT = "adjustment"
    WRITE_OFF = "write_off"
    CORRECTION = "correction"
    TRANSFER = "transfer"


class Booking(Record):
    """One line of a ledger document. `quantity` is signed: what came in is positive.

    `balance`: on hand in that part after it. `before`: the document that changed that part before; so each part's ledger is a
    chain without gaps, that is walked back from its level.
    """

    sku: Sku
    part: str
    quantity: int
    balance: int
    before: str | None = None


class Movement(Record):
    """A ledger document: written with the change, never changed again. `document` names the cause in the world outside."""

    id: str
    shop: ShopId
    reason: Reason
    at: Instant
    actor: str
    document: str | None = None
    note: str | None = None
    lines: tuple[Booking, ...]

    def booking(self, sku: str, part: str) -> Booking | None:
        return next((line for line in self.lines if (line.sku, line.part) == (sku, part)), None)


class Sale(Record):
    """Seals a lock: its units were sold. The lock is then the ledger document of that sale."""

    at: Instant
    lines: tuple[Booking, ...]


class Lock(Record):
    """The document behind entries: who holds what until when. Written before anything is taken."""

    id: str
    shop: ShopId
    order: str
    owner: str = ""
    """The checkout that it serves."""
    lines: tuple[LockLine, ...]
    expires_at: Instant
    claimed_at: Instant
    claim: str = ""
    """Names the try that wrote it: two tries of one millisecond are two, a write that is delivered twice is one."""
    fingerprint: str
    buyer: str | None = None
    """Whose allowance it uses, as a digest."""
    extended: bool = False
    replaced: str | None = None
    """The order of an earlier try of the same checkout, which this one ends."""
    sale: Sale | None = None

    def dead(self, now: datetime, grace: timedelta) -> bool:
        return now >= self.expires_at + grace

    def with_line(self, changed: LockLine) -> "Lock":
        return self.model_copy(update={"lines": tuple(changed if line.sku == changed.sku else line for line in self.lines)})

    def sealed(self, sale: Sale) -> "Lock":
        """Nobody tries again under it: what told tries apart goes, since it is kept for good."""
        return self.model_copy(update={"sale": sale, "claim": "", "fingerprint": ""})

    def movement(self) -> Movement | None:
        """The sale that it was sealed with."""
        if self.sale is None:
            return None
        return Movement(
            id=self.id, shop=self.shop, reason=Reason.SALE, at=self.sale.at, actor="system", document=self.order, lines=self.sale.lines
        )


class Summary(Model):
    """A SKU's stock as an admin sees it, by the clock. `waiting` units are owed to paid orders.

    `safety_stock` of the locked units are kept back by the shop itself.
    """

    sku: str
    on_hand: int
    available: int
    locked: int
    waiting: int
    incoming: int
    shards: int
    version: int
    safety_stock: int = 0


def unheld(levels: Iterable[Level], now: datetime, grace: timedelta) -> int:
    """What nobody holds of these parts together."""
    return sum(level.free(now, grace) for level in levels)


def for_sale(levels: Iterable[Level], now: datetime, grace: timedelta, former: tuple[Former, ...] = ()) -> int:
    """What a buyer could have of these parts together."""
    return sum(level.for_sale(now, grace, former) for level in levels)
