"""What the stock context asks of its store."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from holdfast.kernel.writes import Commit, Write
from holdfast.stock.model import Entry, Glance, Head, Level, LevelKey, Lock, Movement, Sale


class Levels(Protocol):
    """The parts of each SKU's stock. Every write is one conditional write and recognises its own repetition."""

    def open(self, shop: str, sku: str) -> None:
        """A place for the SKU, empty, if there is none."""
        ...

    def open_part(self, key: LevelKey, shards: int, made: int) -> None:
        """An empty part, if there is none; it knows the layout."""
        ...

    def open_pool(self, key: LevelKey, cap: int) -> None:
        """A pool of `cap` permissions, or that pool with its cap changed to this."""
        ...

    def level(self, key: LevelKey) -> Level | None: ...

    def levels(self, keys: Sequence[LevelKey]) -> dict[LevelKey, Level]:
        """Those that exist, in one read (per hundred)."""
        ...

    def head(self, shop: str, sku: str) -> Head | None: ...

    def with_heads(self, shop: str, wanted: Mapping[str, Sequence[str]]) -> tuple[dict[str, Head], dict[LevelKey, Level]]:
        """The heads of these SKUs and the parts named of each, in one read (per hundred)."""
        ...

    def save_head(self, head: Head, seen: Head) -> bool:
        """Write `head` over `seen`; its `restocks` stay as they are. False when somebody was faster."""
        ...

    def head_check(self, seen: Head) -> Write:
        """Nothing but a condition: the layout is still this. Refusal: LedgerMoved."""
        ...

    def retire_writes(self, head: Head, seen: Head, emptied: Sequence[LevelKey]) -> list[Write]:
        """As save_head, if these parts have nothing at all. Refusal: LedgerMoved."""
        ...

    def tell_layout(self, key: LevelKey, shards: int, made: int) -> None:
        """The part's note of the layout, from which workers learn it."""
        ...

    def await_units(self, key: LevelKey, waiting: bool) -> None:
        """Note on the part that paid orders wait for the SKU, or that none does any more. Only they get its units meanwhile."""
        ...

    def mark_hot(self, shop: str, sku: str, hot: bool) -> None:
        """Note (or forget) that the SKU has more than one shard."""
        ...

    def hot(self, shop: str) -> list[str]:
        """The SKUs that are noted."""
        ...

    def take(self, key: LevelKey, name: str, entry: Entry) -> Glance:
        """Set units aside under `name`; the numbers after it. NotTaken with the level as it stands: too few, or `name` is there."""
        ...

    def reclaim_and_take(self, seen: Level, freed: Mapping[str, Entry], name: str, entry: Entry) -> Glance:
        """As take, with the units of `freed` entries, in one write; `name` may be one of them.

        LevelMoved when one of them changed meanwhile.
        """
        ...

    def give_back(self, key: LevelKey, name: str, entry: Entry) -> bool:
        """Drop the entry and make its units available. False when that very entry no longer stands there."""
        ...

    def extend_write(self, key: LevelKey, name: str, before: Entry, until: datetime) -> Write:
        """Refusal: HoldLost."""
        ...

    def sell_held_write(self, seen: Level, name: str, quantity: int, document: str) -> Write:
        """The entry becomes a sale: it goes, and so do its units from on hand. Refusals: HoldLost, LedgerMoved."""
        ...

    def level_check(self, seen: Level) -> Write:
        """Nothing but a condition: the level is exactly as it was seen. Refusal: LedgerMoved."""
        ...

    def change_write(self, seen: Level, quantity: int, document: str, *, kept: int | None = None, exact: bool = False) -> Write:
        """Available units come in (or go: negative). `kept`: so many units the shop keeps back of this part from now on; the difference
        is taken from what came in. `exact`: only if nobody took or gave back anything either. Refusals: InsufficientStock, LedgerMoved.
        """
        ...

    def use_write(self, key: LevelKey, name: str, quantity: int, back: int = 0) -> Write:
        """Held permissions of a pool are used up, but for those that go `back`. Refusal: HoldLost."""
        ...

    def restore_write(self, key: LevelKey, quantity: int) -> Write:
        """Permissions of a pool come back. Refusal: UnknownStock."""
        ...

    def announce(self, shop: str, sku: str) -> None:
        """Held units came free: the restock count goes up, because paid orders may wait for them. Once too often does no harm."""
        ...

    def announce_write(self, seen: Head) -> Write:
        """As announce, if the layout is still this; with the `incoming` of `seen`. Refusal: LedgerMoved."""
        ...


class Ledger(Protocol):
    """The documents of every change of what we own."""

    def movement(self, shop: str, movement: str) -> Movement | None:
        """Also of a sealed lock: it is the document of its sale."""
        ...

    def movements(self, shop: str, movements: Sequence[str]) -> dict[str, Movement]:
        """In one read (per hundred)."""
        ...

    def movement_write(self, movement: Movement) -> Write:
        """Append. Refusal: VersionConflict when the document is there already."""
        ...

    def mend_write(self, seen: Level, *, on_hand: int, available: int, document: str) -> Write:
        """A level whose numbers do not add up gets these, if it still is what was seen to the last digit. Refusal: LedgerMoved."""
        ...


class Locks(Protocol):
    """The lock documents."""

    def claim(self, lock: Lock) -> Lock | None:
        """Write the intent. None: it is ours. Else the document that stands there under the same id."""
        ...

    def renew(self, lock: Lock, seen: Lock) -> bool:
        """Write `lock` over `seen`. False when somebody was faster, or it was sealed."""
        ...

    def get(self, shop: str, lock: str) -> Lock | None: ...

    def forget(self, lock: Lock) -> None:
        """Remove the document; nothing happens when it is gone, sealed or another try's."""
        ...

    def seal_write(self, lock: Lock, sale: Sale) -> Write:
        """The lock becomes the document of its sale, for good. Refusal: HoldLost."""
        ...

    def extend_write(self, lock: Lock, until: datetime) -> Write:
        """Refusals: HoldAlreadyExtended, HoldLost."""
        ...

    def dead(self, shop: str, before: datetime) -> Iterator[Lock]:
        """Documents whose expiry lies before that instant, oldest first."""
        ...

    def page(self, shop: str, limit: int, after: str) -> tuple[list[Lock], str | None]:
        """Documents by expiry, after a position: an instant (RFC 3339) or what the page before ended with. Sealed ones are not listed."""
        ...


class StockStore(Protocol):
    @property
    def levels(self) -> Levels: ...
    @property
    def ledger(self) -> Ledger: ...
    @property
    def locks(self) -> Locks: ...
    @property
    def commit(self) -> Commit: ...
