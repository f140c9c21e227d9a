"""The stock context, as orders, fulfilment and the catalogue see it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from holdfast.kernel.writes import Write
from holdfast.stock import usecases as stock_usecases
from holdfast.stock.errors import UnknownHold
from holdfast.stock.model import Line, Reason
from holdfast.stock.ports import Levels, StockStore


@dataclass(frozen=True)
class StockForOrders:
    """`orders.ports.Stock`."""

    store: StockStore
    grace: timedelta

    def hold(
        self,
        shop: str,
        lock: str,
        order: str,
        wishes: Sequence[tuple[str, int, bool]],
        *,
        expires_at: datetime,
        fingerprint: str,
        replaces: str | None,
        now: datetime,
    ) -> tuple[Mapping[str, int], datetime]:
        lines = tuple(Line(sku=sku, quantity=quantity, partial=partial) for sku, quantity, partial in wishes)
        command = stock_usecases.Hold(
            shop=shop, lock=lock, order=order, lines=lines, expires_at=expires_at, fingerprint=fingerprint, replaces=replaces
        )
        held = stock_usecases.hold(command, store=self.store, grace=self.grace, now=now)
        return held.quantities, held.expires_at

    def release(self, shop: str, lock: str) -> None:
        try:
            stock_usecases.release(shop, lock, store=self.store)
        except UnknownHold:
            return  # given back, sold or swept already

    def confirm_writes(self, shop: str, lock: str, order: str, quantities: Mapping[str, int], now: datetime) -> list[Write]:
        return stock_usecases.confirm_writes(lock, quantities, shop=shop, order=order, store=self.store, now=now)

    def extend_writes(self, shop: str, lock: str, until: datetime, now: datetime) -> list[Write]:
        return stock_usecases.extend_writes(shop, lock, until=until, store=self.store, now=now)

    def return_writes(self, shop: str, order: str, quantities: Mapping[str, int], now: datetime) -> list[Write]:
        writes: list[Write] = []
        for sku, quantity in sorted(quantities.items()):
            command = stock_usecases.Receive(
                shop=shop, sku=sku, quantity=quantity, movement=f"return#{order}", reason=Reason.RETURN, actor="system", document=order
            )
            writes += stock_usecases.receive_writes(command, levels=self.store.levels, now=now)
        return writes


@dataclass(frozen=True)
class StockForFulfilment:
    """`fulfilment.ports.Stock`."""

    levels: Levels
    grace: timedelta

    def free(self, shop: str, sku: str, now: datetime) -> int:
        return stock_usecases.free_expired(shop, sku, levels=self.levels, grace=self.grace, now=now)

    def sell_writes(self, shop: str, sku: str, quantity: int, order: str, wave: str, now: datetime) -> list[Write]:
        return stock_usecases.sell_writes(shop, sku, quantity, order=order, wave=wave, levels=self.levels, now=now)

    def receive_writes(self, shop: str, sku: str, quantity: int, movement: str, actor: str, now: datetime) -> list[Write]:
        command = stock_usecases.Receive(shop=shop, sku=sku, quantity=quantity, movement=movement, actor=actor, note="key import")
        return stock_usecases.receive_writes(command, levels=self.levels, now=now)


@dataclass(frozen=True)
class ShelfForCatalogue:
    """`catalogue.ports.Shelf`."""

    store: StockStore
    grace: timedelta
    owed: Callable[[str, str], int]
    clock: Callable[[], datetime]

    def open(self, shop: str, sku: str) -> None:
        self.store.levels.open(shop, sku)

    def in_use(self, shop: str, sku: str) -> tuple[int, int]:
        waiting = self.owed(shop, sku)
        level = stock_usecases.summary(shop, sku, waiting=waiting, levels=self.store.levels, grace=self.grace, now=self.clock())
        return level.locked, waiting


def restock_movement(identity: str) -> str:
    """The ledger's name for a restock that was asked for under this idempotency identity."""
    return f"restock#{identity}"
