"""The stock clean-up: holds whose time is over give their units back, and SKUs that are calm again give up shards.

One code for the schedule, the admin's request and the operator's command. What it does is safe to repeat and to do twice at once.
"""

from datetime import datetime, timedelta

from holdfast.kernel.errors import HoldfastError
from holdfast.kernel.model import Model
from holdfast.kernel.time import Instant
from holdfast.stock import layout, releasing
from holdfast.stock.errors import UnknownStock
from holdfast.stock.model import Lock
from holdfast.stock.ports import StockStore

JOB = "stock-cleanup"
"""The name under which its runs are kept."""
REPORTED = 100
"""Examples that a report names."""


class Failure(Model):
    """A lock or a SKU that could not be dealt with this time; the next run tries again. `code` is the refusal's."""

    lock: str | None = None
    sku: str | None = None
    code: str


class Example(Model):
    """A lock whose time is over."""

    lock: str
    order: str
    expired_at: Instant


class Swept(Model):
    """`locks` whose time was over, `units` of goods that came free, `shards` that were given up over all SKUs.

    `hot`: SKUs with more than one shard that were looked at. A dry run counts the locks, and what lies under them.
    """

    shop: str
    dry_run: bool
    locks: int = 0
    units: int = 0
    failed: int = 0
    hot: int = 0
    shards: int = 0
    examples: tuple[Example, ...] = ()
    failures: tuple[Failure, ...] = ()
    complete: bool = True


def sweep(
    shop: str,
    *,
    store: StockStore,
    orders: releasing.OrderBook,
    grace: timedelta,
    now: datetime,
    dry_run: bool = False,
    most: int | None = None,
) -> Swept:
    """One that fails keeps no other from its release. `most` locks are dealt with; `complete` says whether there were more."""
    report = Swept(shop=shop, dry_run=dry_run)
    for number, lock in enumerate(releasing.plan_sweep([shop], store=store, grace=grace, now=now)):
        if number == most:
            return report.model_copy(update={"complete": False})
        report = _counted(report, lock)
        try:
            units = (
                releasing.held_units(lock, levels=store.levels)
                if dry_run
                else releasing.expire_lock(lock, store=store, orders=orders, grace=grace, now=now)
            )
            report = report.model_copy(update={"units": report.units + units})
        except HoldfastError as refusal:
            report = _failed(report, Failure(lock=lock.id, code=refusal.code))
    for sku in store.levels.hot(shop):
        report = report.model_copy(update={"hot": report.hot + 1})
        if dry_run:
            continue
        try:
            report = report.model_copy(update={"shards": report.shards + _settled(shop, sku, store, grace, now)})
        except HoldfastError as refusal:
            report = _failed(report, Failure(sku=sku, code=refusal.code))
    return report


def _settled(shop: str, sku: str, store: StockStore, grace: timedelta, now: datetime) -> int:
    """How many shards the SKU has fewer; a note about a SKU that never was is taken away."""
    try:
        before = store.levels.head(shop, sku)
        after = layout.settle(shop, sku, store=store, grace=grace, now=now)
    except UnknownStock:
        store.levels.mark_hot(shop, sku, False)
        return 0
    return max(0, before.made - after.made) if before else 0


def _counted(report: Swept, lock: Lock) -> Swept:
    example = Example(lock=lock.id, order=lock.order, expired_at=lock.expires_at)
    return report.model_copy(update={"locks": report.locks + 1, "examples": (*report.examples, example)[:REPORTED]})


def _failed(report: Swept, failure: Failure) -> Swept:
    return report.model_copy(update={"failed": report.failed + 1, "failures": (*report.failures, failure)[:REPORTED]})
