"""What one shopper could have of some SKUs: units, promises, and his own allowance, from one look. Nothing is held."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from holdfast.stock.keys import buyer_pool
from holdfast.stock.model import PROMISES, Former, Head, Level, LevelKey, Line, for_sale, shard_names
from holdfast.stock.ports import Levels
from holdfast.stock.recall import Recall


class Outlook(NamedTuple):
    """`free` units; `owable`: more that may be promised, and `left` of the customer's allowance (None: without limit)."""

    free: int
    owable: int | None
    left: int | None
    shards: int


def outlook(
    shop: str,
    lines: Sequence[Line],
    *,
    buyer: str | None,
    former: tuple[Former, ...],
    levels: Levels,
    recall: Recall,
    grace: timedelta,
    now: datetime,
) -> dict[str, Outlook]:
    """By SKU; unknown ones are left out. One read, and one more where stock lies in more parts than this worker knew of.

    A pool that nobody drew from yet does not exist, and is whole.
    """
    asked = {line.sku: [*shard_names(recall.made(shop, line.sku, line.shards)), *_pools(line, buyer)] for line in lines}
    heads, found = levels.with_heads(shop, asked)
    missing = [key for sku, head in heads.items() for part in head.parts if (key := LevelKey(shop=shop, sku=sku, part=part)) not in found]
    if missing:
        found |= levels.levels(missing)
    for level in found.values():
        recall.saw(level, now)

    def of(line: Line) -> Outlook:
        head = heads[line.sku]
        goods = _parts(shop, head, found)
        owable = _left(shop, line.sku, PROMISES, line.promises, found, former, grace, now)
        left = _left(shop, line.sku, buyer_pool(buyer), line.allowance, found, former, grace, now) if buyer else None
        return Outlook(for_sale(goods, now, grace, former), owable, left, head.shards)

    return {line.sku: of(line) for line in lines if line.sku in heads}


def _pools(line: Line, buyer: str | None) -> list[str]:
    promises = [PROMISES] if line.promises is not None else []
    return [*promises, buyer_pool(buyer)] if buyer and line.allowance is not None else promises


def _parts(shop: str, head: Head, found: Mapping[LevelKey, Level]) -> list[Level]:
    keys = [LevelKey(shop=shop, sku=head.sku, part=part) for part in head.parts]
    return [found[key] for key in keys if key in found]


def _left(
    shop: str,
    sku: str,
    pool: str,
    cap: int | None,
    found: Mapping[LevelKey, Level],
    former: tuple[Former, ...],
    grace: timedelta,
    now: datetime,
) -> int | None:
    """Of a pool under the cap of today: the shop may have decided anew since it was made."""
    if cap is None:
        return None
    level = found.get(LevelKey(shop=shop, sku=sku, part=pool))
    return cap if level is None else max(0, level.free(now, grace, former) + cap - (level.cap or 0))
