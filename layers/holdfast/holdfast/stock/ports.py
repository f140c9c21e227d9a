"""What the stock context asks of its store."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from holdfast.kernel.writes import Commit, Write
from holdfast.stock.model import Entry, Level, LevelKey, Lock, Movement


class Levels(Protocol):
    """The levels and the ledger. Every write is one conditional write and recognises its own repetition."""

    def open(self, shop: str, sku: str) -> None:
        """A place for the SKU, empty, if there is none."""
        ...

    def level(self, key: LevelKey) -> Level | None: ...

    def levels(self, shop: str, skus: Sequence[str]) -> dict[str, Level]: ...

    def take(self, key: LevelKey, name: str, entry: Entry) -> None:
        """Set units aside under `name`. NotTaken with the level as it stands: too few, or `name` is there already."""
        ...

    def reclaim_and_take(self, seen: Level, freed: Mapping[str, Entry], name: str, entry: Entry) -> None:
        """As take, with the units of `freed` entries, in one write. LevelMoved when one of them changed meanwhile."""
        ...

    def give_back(self, key: LevelKey, name: str, entry: Entry) -> bool:
        """Drop the entry and make its units available. False when that very entry no longer stands there."""
        ...

    def extend_write(self, key: LevelKey, name: str, before: Entry, until: datetime) -> Write:
        """Refusal: HoldLost."""
        ...

    def confirm_write(self, key: LevelKey, name: str, quantity: int) -> Write:
        """The entry becomes a sale: it goes, and so do its units from on hand. Refusal: HoldLost."""
        ...

    def sell_write(self, key: LevelKey, quantity: int) -> Write:
        """Free units become a sale without a lock. Refusal: InsufficientStock."""
        ...

    def receive_writes(self, key: LevelKey, quantity: int) -> list[Write]:
        """Units come in; the SKU's restock count goes up, which is what the stream tells of."""
        ...

    def announce(self, shop: str, sku: str) -> None:
        """Held units came free: the restock count goes up, because paid orders may wait for them. Once too often does no harm."""
        ...

    def movement_write(self, movement: Movement) -> Write:
        """Append to the ledger. Refusal: VersionConflict when the movement is there already."""
        ...

    def movement(self, shop: str, sku: str, movement: str) -> Movement | None: ...


class Locks(Protocol):
    """The lock documents."""

    def claim(self, lock: Lock) -> Lock | None:
        """Write the intent. None: it is ours. Else the document that stands there under the same id."""
        ...

    def renew(self, lock: Lock, seen: Lock) -> bool:
        """Write `lock` over `seen`. False when somebody was faster."""
        ...

    def get(self, shop: str, lock: str) -> Lock | None: ...

    def forget(self, lock: Lock) -> None:
        """Remove the document; nothing happens when it is gone."""
        ...

    def forget_write(self, shop: str, lock: str) -> Write: ...

    def extend_write(self, lock: Lock, until: datetime) -> Write:
        """Refusal: HoldAlreadyExtended."""
        ...

    def dead(self, shop: str, before: datetime) -> Iterator[Lock]:
        """Documents whose expiry lies before that instant, oldest first."""
        ...

    def page(self, shop: str, limit: int, after: str) -> tuple[list[Lock], str | None]:
        """Documents by expiry, after a position: an instant (RFC 3339) or what the page before ended with."""
        ...


class StockStore(Protocol):
    @property
    def levels(self) -> Levels: ...
    @property
    def locks(self) -> Locks: ...
    @property
    def commit(self) -> Commit: ...
