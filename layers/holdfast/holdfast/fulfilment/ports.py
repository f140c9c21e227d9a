"""What fulfilment asks of its store and of its neighbours."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from holdfast.fulfilment.model import Batch, Debt, Delivery, Given, KeyMark, LicenceKey, Pick, Places, Queue, Sharing, Vault
from holdfast.kernel.writes import Commit, Write


class Vaults(Protocol):
    def vault(self, shop: str, sku: str) -> Vault:
        """Empty when nothing was ever imported."""
        ...

    def returned(self, shop: str, sku: str, limit: int, start: int = 0) -> list[Places]:
        """Places that came back, as the list of them has them; those that end at `start` or behind it."""
        ...

    def known(self, shop: str, texts: Sequence[str]) -> Mapping[str, str]:
        """Which of these keys the shop has already, and under which import."""
        ...

    def place_of(self, shop: str, text: str) -> tuple[str, int] | None:
        """SKU and place of a key; None when the shop has no such key."""
        ...

    def find(self, shop: str, key: str) -> LicenceKey | None:
        """The key of that id. None also for one from before ids led to their keys: that is found by its text."""
        ...

    def import_writes(self, vault: Vault, texts: Sequence[str], batch: str, now: datetime) -> list[Write]:
        """The keys on the next places. Refusal: VaultMoved."""
        ...

    def pick_writes(self, seen: Vault, pick: Pick) -> list[Write]:
        """The places go out. Refusal: VaultMoved."""
        ...

    def give_back_writes(self, seen: Vault, places: Sequence[Places]) -> list[Write]:
        """Onto the list of what came back. Refusal: VaultMoved."""
        ...

    def put_back_writes(self, seen: Vault, vault: Vault, places: Sequence[Places]) -> list[Write]:
        """The vault becomes another, and the places go onto the list of what came back. Refusal: VaultMoved."""
        ...

    def set_aside_writes(self, seen: Vault, vault: Vault, listed: Places | None, place: int) -> list[Write]:
        """The vault becomes another, and the place leaves those that are `listed` as come back. Refusal: VaultMoved."""
        ...

    def mark_write(self, shop: str, seen: LicenceKey, key: LicenceKey) -> Write:
        """What became of a key. Refusal: VaultMoved when something else became of it meanwhile."""
        ...

    def delivery_write(self, delivery: Delivery) -> Write:
        """Refusal: VaultMoved when it stands there."""
        ...

    def deliveries(self, shop: str, order: str) -> list[Delivery]:
        """In the order in which they were made."""
        ...

    def marks(self, shop: str, sku: str, places: Sequence[int]) -> list[KeyMark]:
        """In the order of their places; no text is opened."""
        ...

    def keys(self, shop: str, sku: str, places: Sequence[int]) -> list[LicenceKey]:
        """In the order of their places."""
        ...

    def record_reveal(self, shop: str, order: str, by: str, keys_shown: int, now: datetime) -> None:
        """Somebody looked at the keys of an order."""
        ...


class Debts(Protocol):
    def add_write(self, debt: Debt) -> Write:
        """Refusal: VersionConflict when it stands there."""
        ...

    def pay(self, seen: Debt, quantity: int) -> bool:
        """So many units fewer, or gone. False when it is not as it was seen."""
        ...

    def move_writes(self, seen: Debt, debt: Debt) -> list[Write]:
        """To another position. Refusal: VersionConflict when it is not as it was seen."""
        ...

    def head(self, shop: str, sku: str, limit: int) -> list[Debt]:
        """Whose turn it is."""
        ...

    def behind(self, shop: str, sku: str, position: str, limit: int) -> list[Debt]:
        """Who comes after that position ("": all). Fewer than `limit` are the last ones."""
        ...

    def note_told(self, seen: Debt, now: datetime) -> None:
        """Its customer knows that it takes longer. Nothing happens when that is written down already, or the debt is gone."""
        ...

    def at(self, shop: str, sku: str, position: str) -> Debt | None:
        """What is written down there."""
        ...

    def owed(self, shop: str, sku: str) -> int:
        """Units owed in all."""
        ...


class Queues(Protocol):
    def queue(self, shop: str, sku: str) -> Queue:
        """Empty when nobody ever waited."""
        ...

    def mark(self, seen: Queue, waiting: bool) -> None:
        """Whether somebody stands in it. Nothing happens when that is written down already."""
        ...

    def waiting(self, shop: str) -> list[Queue]:
        """Those in which somebody stands, or whose last batch is open."""
        ...

    def open_writes(self, seen: Queue, batch: Batch, leased_until: datetime) -> list[Write]:
        """The next batch, if none is open. Refusal: QueueMoved."""
        ...

    def take_over(self, seen: Queue, until: datetime) -> bool:
        """The lease of an open batch is ours from now on. False when somebody was faster."""
        ...

    def close_write(self, seen: Queue) -> Write:
        """All of the open batch was handed over. Refusal: QueueMoved."""
        ...

    def batch(self, shop: str, sku: str, number: int) -> Batch | None: ...


class FulfilmentStore(Protocol):
    @property
    def vaults(self) -> Vaults: ...
    @property
    def debts(self) -> Debts: ...
    @property
    def queues(self) -> Queues: ...
    @property
    def commit(self) -> Commit: ...


class PaidOrder(Protocol):
    """An order as fulfilment sees it. Its writes carry their events; refusal: VersionConflict."""

    @property
    def id(self) -> str: ...
    @property
    def paid_at(self) -> datetime: ...
    @property
    def fresh(self) -> bool:
        """Paid, and nothing was decided about its goods yet."""
        ...

    @property
    def next_wave(self) -> int:
        """The name of the next hand-out: the version that the order will have after it."""
        ...

    def deliverable(self) -> Mapping[str, int]:
        """Digital units per SKU that are the order's and not handed over."""
        ...

    def owed(self) -> Mapping[str, int]:
        """Units per SKU that the stock did not have; nothing for an order that is no longer served."""
        ...

    @property
    def skus(self) -> Sequence[str]: ...

    def digital(self, sku: str) -> bool: ...

    def position(self, sku: str) -> str:
        """Where it stands in the queue of the SKU."""
        ...

    def goes_first(self, sharing: Sharing) -> bool:
        """Whether the shop puts such orders before others."""
        ...

    @property
    def given(self) -> Sequence[Given]:
        """What it got with batches, in that order."""
        ...

    @property
    def delayed(self) -> bool:
        """Its customer was told that it takes longer than promised."""
        ...

    def delay(self, promised_hours: int, now: datetime) -> bool:
        """Its customer is told that it takes longer. False when the order was changed meanwhile."""
        ...

    def hand_over_write(self, positions: Mapping[str, str], now: datetime) -> Write:
        """Everything deliverable is handed over; the state follows from the lines. What is owed stands at these positions."""
        ...

    def feed(self, given: Given, position: str | None, now: datetime) -> bool:
        """So many owed units came, and are handed over if they are digital; what is owed still stands at that position. False when the
        order was changed meanwhile.
        """
        ...


class Orders(Protocol):
    def paid(self, shop: str, order: str) -> PaidOrder | None:
        """None for an order that never got its money."""
        ...

    def several(self, shop: str, orders: Sequence[str]) -> Mapping[str, PaidOrder]:
        """Those of them that got their money."""
        ...


class Stock(Protocol):
    def free(self, shop: str, sku: str, now: datetime) -> int:
        """Units that can be given at once."""
        ...

    def keep(self, shop: str, sku: str) -> None:
        """From now on nobody gets units but those who wait."""
        ...

    def admit(self, shop: str, sku: str) -> None:
        """Nobody waits any more: everybody may buy."""
        ...

    def allot_writes(self, shop: str, sku: str, quantity: int, batch: int, now: datetime) -> list[Write]:
        """Free units leave the stock for waiting orders. InsufficientStock, also as refusal."""
        ...

    def settle_writes(self, shop: str, sku: str, given: int, back: int, batch: int, now: datetime) -> list[Write]:
        """Of a batch's units so many were given, so that promises are kept; the others come back."""
        ...

    def receive_writes(self, shop: str, sku: str, quantity: int, movement: str, actor: str, now: datetime) -> list[Write]: ...

    def write_off_writes(self, shop: str, sku: str, movement: str, actor: str, now: datetime) -> list[Write]:
        """One free unit less. InsufficientStock, also as refusal."""
        ...

    def replace_writes(self, shop: str, sku: str, order: str, movement: str, actor: str, now: datetime) -> list[Write]:
        """One free unit goes to an order that had it before. InsufficientStock, also as refusal."""
        ...

    def bring_back_writes(self, shop: str, sku: str, movement: str, actor: str, now: datetime) -> list[Write]:
        """One unit that was written off is there again."""
        ...


@dataclass(frozen=True)
class World:
    """All that fulfilment needs. `sharing` says how a shop shares restocks among those who wait."""

    store: FulfilmentStore
    orders: Orders
    stock: Stock
    sharing: Callable[[str], Sharing]
