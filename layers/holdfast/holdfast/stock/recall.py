"""What one worker remembers of SKUs that are in demand. It may be wrong for a second and harms nothing: only conditions sell.

- how many shards a SKU has, from the last level that was seen of it; a new worker begins with what the checkout was told;
- that little is left: then the shelf is looked at before anything is written, so that who comes too late costs reads only;
- that nothing is left, for a second: then nobody asks at all. Not after a single refusal: a calm shop gets fresh answers.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from holdfast.stock.model import Glance

SOLD_OUT_FOR = timedelta(seconds=1)
SCARCE_FOR = timedelta(seconds=60)
"""Longer than the memory of nothing left: else all who come when that ends write before they look. A look with plenty ends it."""
FRESH_FOR = timedelta(milliseconds=50)
SCARCE_PART = 3
"""A third of the units is left, or less: look before you write. Most sales are before that, in one write each."""
PRESSURE = 3
"""Refusals of one worker within a second, from which on it need not ask for each."""
REMEMBERED = 1000


@dataclass
class _Memory:
    shards: int = 1
    made: int = 1
    seen_at: datetime | None = None
    scarce_until: datetime | None = None
    refusals: int = 0
    counted_until: datetime | None = None
    sold_out_until: datetime | None = None


class Recall:
    """Of one process, for its few hundred SKUs in demand; the ones not asked for longest are forgotten.

    `pause`: how the worker waits a moment. By default it does not.
    """

    def __init__(self, pause: Callable[[timedelta], None] = lambda _: None) -> None:
        self.pause = pause
        self._skus: OrderedDict[tuple[str, str], _Memory] = OrderedDict()

    def shards(self, shop: str, sku: str, told: int = 1) -> int:
        """`told`: what the checkout was told, for a worker that has not seen the SKU itself."""
        found = self._skus.get((shop, sku))
        return found.shards if found else told

    def made(self, shop: str, sku: str, told: int = 1) -> int:
        found = self._skus.get((shop, sku))
        return found.made if found else told

    def saw(self, level: Glance, now: datetime) -> None:
        """A part of the main location as a write has left it, or refused to."""
        if not level.key.part.isdigit():
            return
        memory = self._of(level.key.shop, level.key.sku)
        memory.shards, memory.made, memory.seen_at = level.shards, level.made, now
        if level.shards > 1 and level.available * SCARCE_PART <= level.on_hand:
            memory.scarce_until = now + SCARCE_FOR
        if level.available > 0:
            memory.sold_out_until = None

    def fresh(self, shop: str, sku: str, now: datetime) -> bool:
        """A worker that has not seen a SKU in demand for a moment looks before it writes: by now all may be sold."""
        found = self._skus.get((shop, sku))
        return found is not None and found.seen_at is not None and now < found.seen_at + FRESH_FOR

    def looked(self, shop: str, sku: str, free: int, on_hand: int, now: datetime) -> None:
        """All parts, seen at once: what a single shard seemed to say is settled."""
        memory = self._of(shop, sku)
        memory.seen_at = now
        memory.scarce_until = now + SCARCE_FOR if free * SCARCE_PART <= on_hand and memory.shards > 1 else None

    def scarce(self, shop: str, sku: str, now: datetime) -> bool:
        found = self._skus.get((shop, sku))
        return found is not None and found.scarce_until is not None and now < found.scarce_until

    def sold_out(self, shop: str, sku: str, now: datetime) -> bool:
        found = self._skus.get((shop, sku))
        return found is not None and found.sold_out_until is not None and now < found.sold_out_until

    def refused(self, shop: str, sku: str, now: datetime, until: datetime | None) -> None:
        """Nothing was left at all. `until`: when the clock will free the next unit, which ends the memory."""
        memory = self._of(shop, sku)
        if memory.counted_until is None or now >= memory.counted_until:
            memory.refusals, memory.counted_until = 0, now + SOLD_OUT_FOR
        memory.refusals += 1
        memory.scarce_until = now + SCARCE_FOR
        if memory.refusals >= PRESSURE:
            memory.sold_out_until = min(now + SOLD_OUT_FOR, until or now + SOLD_OUT_FOR)

    def _of(self, shop: str, sku: str) -> _Memory:
        key = (shop, sku)
        memory = self._skus.setdefault(key, _Memory())
        self._skus.move_to_end(key)
        if len(self._skus) > REMEMBERED:
            self._skus.popitem(last=False)
        return memory
