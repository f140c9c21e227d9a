"""Stock over HTTP: what comes in, what goes out."""

from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from holdfast.kernel.model import Input, Model
from holdfast.kernel.time import Instant
from holdfast.platform.pages import PageQuery
from holdfast.stock.inventory import POLICIES, Change, InventoryRow, Only
from holdfast.stock.model import BUYER, MAIN, MOST_SHARDS, PROMISES, Lock, Place, Reason

MAX_RESTOCK = 1_000_000
MOST_LOCATIONS = 10


def _no_pool(name: str) -> str:
    if name == PROMISES or name.startswith(BUYER):
        raise ValueError("this name is the stock's own")
    return name


Location = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,39}$"), AfterValidator(_no_pool)]
# No control characters: a note ends up in tables and in logs.
Note = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
Units = Annotated[int, Field(ge=0, le=MAX_RESTOCK)]


class RestockBody(Input):
    """`reason` and `document` are for people: which delivery note, which supplier."""

    NUMBERS_OF_GOODS: ClassVar[bool] = True

    quantity: Annotated[int, Field(ge=1, le=MAX_RESTOCK)]
    location: Location = MAIN
    reason: Note | None = None
    document: Note | None = None

    def receipt(self) -> dict[str, Any]:
        return {"quantity": self.quantity, "location": self.location, "document": self.document, "note": self.reason}


class Adjustment(Input):
    """What changes by how much, and why."""

    NUMBERS_OF_GOODS: ClassVar[bool] = True
    delta: Annotated[int, Field(ge=-MAX_RESTOCK, le=MAX_RESTOCK)] | None = None
    set_available: Units | None = None
    expected_available: Units | None = None
    reason: Literal["adjustment", "write_off", "correction"] = "adjustment"
    location: Location = MAIN
    document: Note | None = None
    note: Note | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.delta is None) == (self.set_available is None):
            raise ValueError("either delta or set_available")
        return self


class AdjustBody(Adjustment):
    """Units more or fewer (`delta`), or so many available (`set_available`), which needs `expected_available` or If-Match.

    Both figures of availability are of the SKU in all locations; the difference is booked at `location`.
    """

    @model_validator(mode="after")
    def _changes(self) -> Self:
        if self.delta == 0:
            raise ValueError("a delta of 0 changes nothing")
        if self.reason == "write_off" and (self.delta or 0) >= 0:
            raise ValueError("a write-off takes units away: a negative delta")
        return self

    def change(self) -> dict[str, Any]:
        """A figure's difference follows from what it was."""
        told = self.model_dump(include={"expected_available", "location", "document", "note"})
        return {**told, "delta": self.delta or 0, "reason": Reason(self.reason)}


class TransferBody(Input):
    """Available units go from one location to another."""

    NUMBERS_OF_GOODS: ClassVar[bool] = True
    source: Location = Field(alias="from")
    target: Location = Field(alias="to")
    quantity: Annotated[int, Field(ge=1, le=MAX_RESTOCK)]
    document: Note | None = None
    note: Note | None = None

    @model_validator(mode="after")
    def _somewhere_else(self) -> Self:
        if self.source == self.target:
            raise ValueError("from and to are the same location")
        return self


class PlaceBody(Input):
    """A location. `incoming` units are on their way, expected at that instant."""

    name: Location
    incoming: Units = 0
    expected_at: Instant | None = Field(default=None, strict=False)


class InventoryPatch(Input):
    """What is left out stays. `shards` null: their number follows demand. `locations` in the order of allocation, the main one first
    whether it is named or not; one that is left out goes, if no units lie there. The rest are the product's own policies.
    """

    shards: Annotated[int, Field(ge=1, le=MOST_SHARDS)] | None = None
    safety_stock: Units = 0
    locations: list[PlaceBody] = Field(default=[], max_length=MOST_LOCATIONS)
    on_shortage: Literal["reject", "backorder"] = "reject"
    backorder_cap: Units | None = None
    low_stock_threshold: Units = 0
    max_per_order: Annotated[int, Field(ge=1, le=1000)] | None = None
    max_per_customer: Annotated[int, Field(ge=1, le=1000)] | None = None
    available_from: Instant | None = Field(default=None, strict=False)

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len({place.name for place in self.locations}) < len(self.locations):
            raise ValueError("two locations have the same name")
        return self

    def command(self, shop: str, sku: str, version: int | None) -> Change:
        given = self.model_fields_set
        return Change(
            shop=shop,
            sku=sku,
            shards=(self.shards or "automatic") if "shards" in given else None,
            safety_stock=self.safety_stock if "safety_stock" in given else None,
            places=tuple(Place(**place.model_dump()) for place in self.locations) if "locations" in given else None,
            policies={name: getattr(self, name) for name in POLICIES if name in given},
            version=version,
        )


class InventoryQuery(PageQuery):
    """`q` is looked for in SKU and title."""

    q: str | None = Field(default=None, min_length=1, max_length=100)
    filter: Literal["low", "out", "waiting"] | None = None

    @property
    def only(self) -> Only | None:
        return Only(self.filter) if self.filter else None


class SheetQuery(BaseModel):
    """`locks_per_second`: how many holds a second are expected, for the suggested number of shards."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    locks_per_second: int | None = Field(default=None, ge=1, le=100_000)


class HoldsQuery(PageQuery):
    sku: str | None = Field(default=None, min_length=1, max_length=64)


class CursorQuery(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    cursor: str | None = Field(default=None, max_length=2000)


class InventoryPage(Model):
    """A page may be short, or empty, and still have a `next`: a request looks through so many products only."""

    items: list[InventoryRow]
    next: str | None


class HeldLine(Model):
    """`quantity` was asked for, `held` is what was taken: a partial line may hold less."""

    sku: str
    quantity: int
    held: int


class StaffHold(Model):
    """`owner` is the checkout session that it serves. `age_seconds` since it was taken."""

    id: str
    order: str
    owner: str
    lines: list[HeldLine]
    held_at: Instant
    expires_at: Instant
    extended: bool
    age_seconds: int
    seconds_left: int


class HoldPage(Model):
    items: list[StaffHold]
    next: str | None


class ReleaseBody(Input):
    """Why, for the order's timeline."""

    reason: Note | None = None


class Released(Model):
    """Units that came free."""

    id: str
    units: int


def hold_view(lock: Lock, now: datetime) -> StaffHold:
    return StaffHold(
        id=lock.id,
        order=lock.order,
        owner=lock.owner,
        lines=[HeldLine(sku=line.sku, quantity=line.quantity, held=line.taken) for line in lock.lines],
        held_at=lock.claimed_at,
        expires_at=lock.expires_at,
        extended=lock.extended,
        age_seconds=seconds_left(now, lock.claimed_at),
        seconds_left=seconds_left(lock.expires_at, now),
    )


def seconds_left(until: datetime, now: datetime) -> int:
    """Whole seconds, rounded down; never negative."""
    return max(0, int((until - now).total_seconds()))
