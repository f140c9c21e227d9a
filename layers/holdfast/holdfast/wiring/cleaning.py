"""The stock clean-up with its record of runs, as the schedule, the admin's request and the operator's command start it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from holdfast.kernel.errors import HoldfastError
from holdfast.kernel.ids import new_id
from holdfast.kernel.time import Clock
from holdfast.platform.log import logger
from holdfast.platform.runs import Run, Runs
from holdfast.stock import sweeping
from holdfast.stock.ports import StockStore
from holdfast.stock.releasing import OrderBook
from holdfast.stock.sweeping import JOB, Failure, Swept

MOST_LOCKS = 2000
"""Of one shop in one run, so that a flood in one shop leaves time for the others; the next run is five minutes away."""


@dataclass(frozen=True)
class Cleaner:
    """`trigger` of a run is who started it: "schedule", or the actor's id."""

    store: StockStore
    orders: OrderBook
    runs: Runs
    grace: timedelta
    clock: Clock

    def clean(self, shop: str, *, trigger: str, dry_run: bool, most: int = MOST_LOCKS) -> Run:
        """The run as it is kept; its report is `Swept`. A shop that cannot be swept now is a failure in its report, and no error."""
        started = self.clock()
        try:
            swept = sweeping.sweep(shop, store=self.store, orders=self.orders, grace=self.grace, now=started, dry_run=dry_run, most=most)
        except HoldfastError as refusal:
            swept = Swept(shop=shop, dry_run=dry_run, failed=1, failures=(Failure(code=refusal.code),), complete=False)
        for failure in swept.failures:
            logger.error("could not be cleaned up; the next run tries again", extra={"shop": shop, **failure.model_dump()})
        run = run_of(swept, started=started, finished=self.clock(), trigger=trigger)
        self.runs.add(run)
        return run


def run_of(swept: Swept, *, started: datetime, finished: datetime, trigger: str) -> Run:
    """The run as it is kept."""
    return Run(
        id=new_id("run", started),
        shop=swept.shop,
        job=JOB,
        started_at=started,
        finished_at=finished,
        trigger=trigger,
        dry_run=swept.dry_run,
        report=swept.model_dump(mode="json"),
    )
