"""What a shop has, counted over its products: bounded, and truthful about how far it came."""

from datetime import datetime

from holdfast.kernel.model import Model
from holdfast.kernel.time import Instant, rfc3339
from holdfast.stock import shelves
from holdfast.stock.inventory import DEBTS_LOOKED_AT, PAGE, Desk, low, rows_of

HOLDS_COUNTED = 1000
HOT_SHOWN = 20


class Worth(Model):
    """What is on hand at today's prices, in minor units of one currency."""

    currency: str
    amount: int
    units: int


class HotSku(Model):
    """A SKU with more than one shard. `live_locks` in all of them."""

    sku: str
    shards: int
    live_locks: int
    available: int


class Dashboard(Model):
    """Units over all products that were counted, and how many SKUs are low, out, or waited for.

    `complete` false: the shop has more products than one request counts; what is told is of the first `products`, up to the SKU
    `counted_to`, and `next` counts on. `live_holds` are at least so many where `more_holds`.
    """

    at: Instant
    products: int
    on_hand: int
    available: int
    locked: int
    waiting: int
    incoming: int
    skus_low: int
    skus_out: int
    skus_waiting: int
    value: tuple[Worth, ...]
    live_holds: int
    more_holds: bool
    hot: tuple[HotSku, ...]
    complete: bool
    counted_to: str | None
    next: str | None = None


def dashboard(shop: str, *, after: str | None, desk: Desk, now: datetime) -> Dashboard:
    """Two hundred products at most, after a SKU: each costs a read of its debts beside the batches."""
    rows, worth, seen, last = [], dict[str, Worth](), 0, after
    complete = False
    while seen < DEBTS_LOOKED_AT and not complete:
        articles, last = desk.articles.page(shop, PAGE, last)
        found = rows_of(shop, articles, desk, now)
        for article, row in zip(articles, found, strict=True):
            rows.append(row.model_copy(update={"waiting": desk.owed(shop, row.sku)}))
            price = article.price
            before = worth.get(price.currency, Worth(currency=price.currency, amount=0, units=0))
            worth[price.currency] = Worth(
                currency=price.currency, amount=before.amount + price.amount * row.on_hand, units=before.units + row.on_hand
            )
        seen, complete = seen + PAGE, last is None
    holds, more = desk.store.locks.page(shop, HOLDS_COUNTED, rfc3339(now))
    return Dashboard(
        at=now,
        products=len(rows),
        on_hand=sum(row.on_hand for row in rows),
        available=sum(row.available for row in rows),
        locked=sum(row.locked for row in rows),
        waiting=sum(row.waiting for row in rows),
        incoming=sum(row.incoming for row in rows),
        skus_low=sum(low(row) for row in rows),
        skus_out=sum(row.available <= 0 for row in rows),
        skus_waiting=sum(row.waiting > 0 for row in rows),
        value=tuple(worth[currency] for currency in sorted(worth)),
        live_holds=len(holds),
        more_holds=more is not None,
        hot=_hot(shop, desk, now),
        complete=complete,
        counted_to=rows[-1].sku if rows else None,
        next=last,
    )


def _hot(shop: str, desk: Desk, now: datetime) -> tuple[HotSku, ...]:
    """The busiest first."""
    skus = desk.store.levels.hot(shop)[: 2 * PAGE]
    shelf = shelves.look_at(shop, dict.fromkeys(skus, 1), levels=desk.store.levels) if skus else {}
    found = [
        HotSku(
            sku=sku,
            shards=head.shards,
            live_locks=sum(level.live(now, desk.grace) for level in levels.values()),
            available=sum(level.free(now, desk.grace) for level in levels.values()),
        )
        for sku, (head, levels) in shelf.items()
    ]
    return tuple(sorted(found, key=lambda hot: (-hot.live_locks, hot.sku))[:HOT_SHOWN])
