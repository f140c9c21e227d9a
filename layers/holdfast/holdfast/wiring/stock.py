"""The stock context, as orders, fulfilment and the catalogue see it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from holdfast.kernel.ids import entry_id
from holdfast.kernel.writes import Write
from holdfast.orders.model import HoldRef
from holdfast.orders.neighbours import Standing, Taken, Wish
from holdfast.orders.offers import Outlook
from holdfast.stock import awaiting, booking, holding, releasing, selling, shelves
from holdfast.stock.errors import HeldForAnotherOrder, UnknownHold
from holdfast.stock.model import Former, Line, Lock, Reason
from holdfast.stock.outlook import outlook
from holdfast.stock.ports import StockStore
from holdfast.stock.recall import Recall


@dataclass(frozen=True)
class StockForOrders:
    """`orders.ports.Stock`. `recall` is the worker's."""

    store: StockStore
    grace: timedelta
    recall: Recall

    def hold(
        self,
        shop: str,
        lock: str,
        order: str,
        wishes: Sequence[Wish],
        *,
        owner: str,
        buyer: str | None,
        expires_at: datetime,
        fingerprint: str,
        replaces: str | None = None,
        former: HoldRef | None = None,
        now: datetime,
    ) -> Taken | Standing:
        command = holding.Hold(
            shop=shop,
            lock=lock,
            order=order,
            owner=owner,
            lines=tuple(Line(**wish._asdict()) for wish in wishes),
            expires_at=expires_at,
            fingerprint=fingerprint,
            buyer=buyer,
            replaces=replaces,
            former=next(iter(_former(former)), None),
        )
        try:
            held = holding.hold(command, store=self.store, recall=self.recall, grace=self.grace, now=now)
        except HeldForAnotherOrder as found:
            return _standing(found.lock)
        return Taken(held.quantities, held.expires_at, held.replaced)

    def outlook(
        self, shop: str, wishes: Sequence[Wish], *, buyer: str | None, former: HoldRef | None = None, now: datetime
    ) -> Mapping[str, Outlook]:
        seen = outlook(
            shop,
            [Line(**wish._asdict()) for wish in wishes],
            buyer=buyer,
            former=_former(former),
            levels=self.store.levels,
            recall=self.recall,
            grace=self.grace,
            now=now,
        )
        return {sku: Outlook(*found) for sku, found in seen.items()}

    def standing(self, shop: str, lock: str) -> Standing | None:
        found = self.store.locks.get(shop, lock)
        return _standing(found) if found else None

    def release(self, shop: str, lock: str, order: str) -> None:
        try:
            releasing.release(shop, lock, store=self.store, order=order)
        except UnknownHold:
            return  # given back, sold, swept or replaced already

    def confirm_writes(
        self, shop: str, lock: str, order: str, quantities: Mapping[str, int], given_up: Mapping[str, int], now: datetime
    ) -> list[Write]:
        return selling.confirm_writes(lock, order, quantities, given_up=given_up, shop=shop, store=self.store, now=now)

    def extend_writes(self, shop: str, lock: str, order: str, until: datetime, now: datetime) -> list[Write]:
        return holding.extend_writes(shop, lock, order, until=until, store=self.store, now=now)

    def return_writes(
        self,
        shop: str,
        order: str,
        identity: str,
        *,
        back: Mapping[str, int],
        owed: Mapping[str, int],
        buyer: str | None,
        now: datetime,
    ) -> list[Write]:
        bought = {sku: back.get(sku, 0) + owed.get(sku, 0) for sku in {**back, **owed}}
        writes = selling.promise_writes(shop, owed, levels=self.store.levels)
        if buyer is not None:
            writes += selling.allowance_writes(shop, buyer, bought, levels=self.store.levels)
        return [*writes, *booking.return_writes(shop, order, identity, back, store=self.store, now=now)]


@dataclass(frozen=True)
class StockForFulfilment:
    """`fulfilment.ports.Stock`."""

    store: StockStore
    grace: timedelta

    def free(self, shop: str, sku: str, now: datetime) -> int:
        return shelves.free_expired(shop, sku, levels=self.store.levels, grace=self.grace, now=now)

    def keep(self, shop: str, sku: str) -> None:
        awaiting.keep(shop, sku, levels=self.store.levels)

    def admit(self, shop: str, sku: str) -> None:
        awaiting.admit(shop, sku, levels=self.store.levels)

    def allot_writes(self, shop: str, sku: str, quantity: int, batch: int, now: datetime) -> list[Write]:
        return selling.allot_writes(shop, sku, quantity, batch=batch, store=self.store, now=now)

    def settle_writes(self, shop: str, sku: str, given: int, back: int, batch: int, now: datetime) -> list[Write]:
        return selling.settle_writes(shop, sku, given=given, back=back, batch=batch, store=self.store, now=now)

    def receive_writes(self, shop: str, sku: str, quantity: int, movement: str, actor: str, now: datetime) -> list[Write]:
        command = booking.Receive(shop=shop, sku=sku, quantity=quantity, identity=movement, actor=actor, note="key import", whole=True)
        return booking.receive_writes(command, store=self.store, now=now)

    def write_off_writes(self, shop: str, sku: str, movement: str, actor: str, now: datetime) -> list[Write]:
        cause = {"shop": shop, "sku": sku, "identity": movement, "actor": actor, "note": "key withdrawn"}
        command = booking.Adjust(**cause, delta=-1, reason=Reason.WRITE_OFF)
        return booking.adjust_writes(command, store=self.store, grace=self.grace, now=now)

    def replace_writes(self, shop: str, sku: str, order: str, movement: str, actor: str, now: datetime) -> list[Write]:
        cause = {"shop": shop, "sku": sku, "identity": movement, "actor": actor, "note": "key replaced", "document": order}
        command = booking.Adjust(**cause, delta=-1, reason=Reason.SALE)
        return booking.adjust_writes(command, store=self.store, grace=self.grace, now=now)

    def bring_back_writes(self, shop: str, sku: str, movement: str, actor: str, now: datetime) -> list[Write]:
        cause = {"shop": shop, "sku": sku, "identity": movement, "actor": actor, "note": "key brought back"}
        return booking.receive_writes(booking.Receive(**cause, quantity=1, reason=Reason.RETURN, whole=True), store=self.store, now=now)


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
        level = shelves.summary(shop, sku, waiting=waiting, levels=self.store.levels, grace=self.grace, now=self.clock())
        return level.locked - level.safety_stock, waiting


def _standing(lock: Lock) -> Standing:
    return Standing(lock.order, lock.claimed_at, lock.sale is not None)


def _former(hold: HoldRef | None) -> tuple[Former, ...]:
    return (Former(name=entry_id(hold.lock), expires_at=hold.expires_at),) if hold else ()
