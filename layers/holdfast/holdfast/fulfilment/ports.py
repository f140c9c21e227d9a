"""What fulfilment asks of its store and of its neighbours."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from holdfast.fulfilment.model import Debt, Delivery, LicenceKey, Vault
from holdfast.kernel.writes import Commit, Write


class Vaults(Protocol):
    def vault(self, shop: str, sku: str) -> Vault:
        """Empty when nothing was ever imported."""
        ...

    def known(self, shop: str, texts: Sequence[str]) -> Mapping[str, str]:
        """Which of these keys the shop has already, and under which import."""
        ...

    def place_of(self, shop: str, text: str) -> tuple[str, int] | None:
        """SKU and place of a key; None when the shop has no such key."""
        ...

    def import_writes(self, vault: Vault, texts: Sequence[str], batch: str, now: datetime) -> list[Write]:
        """The keys on the next places. Refusal: VaultMoved."""
        ...

    def hand_out_writes(self, vault: Vault, delivery: Delivery) -> list[Write]:
        """The next places become the order's. Refusal: VaultMoved."""
        ...

    def deliveries(self, shop: str, order: str) -> list[Delivery]:
        """In the order in which they were made."""
        ...

    def keys(self, shop: str, sku: str, places: Sequence[int]) -> list[LicenceKey]: ...

    def record_reveal(self, shop: str, order: str, by: str, keys_shown: int, now: datetime) -> None:
        """Somebody looked at the keys of an order."""
        ...


class Debts(Protocol):
    def add_write(self, debt: Debt) -> Write:
        """Refusal: VersionConflict when it stands there."""
        ...

    def pay_write(self, debt: Debt, quantity: int) -> Write:
        """So many units fewer, or gone. Refusal: VersionConflict when it was paid meanwhile."""
        ...

    def first(self, shop: str, sku: str) -> Debt | None:
        """The one that was paid for first."""
        ...

    def drop(self, debt: Debt) -> None: ...

    def of(self, shop: str, sku: str, order: str, paid_at: datetime) -> Debt | None:
        """What the order waits for, as it is written down."""
        ...

    def owed(self, shop: str, sku: str) -> int:
        """Units owed in all."""
        ...


class FulfilmentStore(Protocol):
    @property
    def vaults(self) -> Vaults: ...
    @property
    def debts(self) -> Debts: ...
    @property
    def commit(self) -> Commit: ...


class PaidOrder(Protocol):
    """An order as fulfilment sees it. Its writes carry their events; refusal: VersionConflict."""

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

    def hand_over_write(self, now: datetime) -> Write:
        """Everything deliverable is handed over; the state follows from the lines."""
        ...

    def feed_write(self, sku: str, quantity: int, now: datetime) -> Write:
        """So many owed units came, and are handed over if they are digital."""
        ...


class Orders(Protocol):
    def paid(self, shop: str, order: str) -> PaidOrder | None:
        """None for an order that never got its money."""
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

    def sell_writes(self, shop: str, sku: str, quantity: int, order: str, wave: str, now: datetime) -> list[Write]: ...

    def receive_writes(self, shop: str, sku: str, quantity: int, movement: str, actor: str, now: datetime) -> list[Write]: ...
