"""What is done for orders that wait, shop by shop, as the schedule starts it; and what is free for them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from holdfast.fulfilment import delays, waking
from holdfast.fulfilment.delays import Told
from holdfast.fulfilment.ports import FulfilmentStore, Orders
from holdfast.kernel.errors import HoldfastError
from holdfast.kernel.ids import new_id
from holdfast.kernel.model import Model
from holdfast.kernel.time import Clock
from holdfast.platform.log import logger
from holdfast.platform.runs import Run, Runs
from holdfast.stock import shelves
from holdfast.stock.model import unheld
from holdfast.stock.ports import Levels
from holdfast.tenants.model import Shop

JOB = "fulfilment"


@dataclass(frozen=True)
class FreeUnits:
    """Units per SKU that nobody holds, in one batch of reads; nothing for a SKU without stock."""

    levels: Levels
    grace: timedelta
    clock: Clock

    def __call__(self, shop: str, skus: Sequence[str]) -> Mapping[str, int]:
        found = shelves.look_at(shop, dict.fromkeys(skus, 1), levels=self.levels) if skus else {}
        return {sku: unheld(parts.values(), self.clock(), self.grace) for sku, (_, parts) in found.items()}


class Round(Model):
    """`woken`: queues that could be fed and that nobody fed. `told`: orders whose customers were told of a delay. `failed`: codes of what
    could not be done. `complete`: there was nobody else to tell.
    """

    shop: str
    woken: int = 0
    told: int = 0
    failed: tuple[str, ...] = ()
    complete: bool = True


@dataclass(frozen=True)
class Usher:
    """`trigger` of a run is who started it: "schedule", or "operator"."""

    store: FulfilmentStore
    orders: Orders
    free: FreeUnits
    messages: waking.Messages
    runs: Runs
    clock: Clock

    def go_round(self, shop: Shop, *, trigger: str) -> Run:
        """The run as it is kept; its report is `Round`. What cannot be done now is a code in its report, and no error: the next shop is
        looked after all the same, and the next run tries again.
        """
        started = self.clock()
        failed: list[str] = []
        woken, told = self._wake(shop, failed), self._tell(shop, failed)
        report = Round(shop=shop.id, woken=woken, told=told.told, failed=(*failed, *told.failed), complete=told.complete)
        if report.failed:
            logger.error("orders that wait could not be looked after; the next run tries again", extra=report.model_dump())
        run = Run(
            id=new_id("run", started),
            shop=shop.id,
            job=JOB,
            started_at=started,
            finished_at=self.clock(),
            trigger=trigger,
            dry_run=False,
            report=report.model_dump(mode="json"),
        )
        self.runs.add(run)
        return run

    def _wake(self, shop: Shop, failed: list[str]) -> int:
        try:
            return waking.wake(shop.id, queues=self.store.queues, free=self.free, messages=self.messages, now=self.clock())
        except HoldfastError as trouble:
            failed.append(trouble.code)
            return 0

    def _tell(self, shop: Shop, failed: list[str]) -> Told:
        promised = timedelta(hours=shop.waiting.promised_hours)
        try:
            return delays.tell(shop.id, promised, store=self.store, orders=self.orders, now=self.clock())
        except HoldfastError as trouble:
            failed.append(trouble.code)
            return Told(complete=False)
