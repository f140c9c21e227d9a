"""Facts about stock."""

from holdfast.kernel.errors import Conflict, Invalid, NotFound, VersionConflict
from holdfast.stock.model import Level, Lock


class InsufficientStock(Conflict):
    """Fewer units are free than were asked for. Facts: lines of sku, requested, available."""

    code = "insufficient_stock"


class StockScattered(Conflict):
    """The units lie in more places than one transaction could sell. Facts: maximum. Order fewer at a time."""

    code = "stock_scattered"


class CustomerLimitReached(Conflict):
    """One customer may not have as many units of this SKU. Facts: lines of sku, requested, available (to this customer)."""

    code = "customer_limit_reached"


class HoldLost(Conflict):
    """The lock no longer stands in the stock: it ran out and somebody else has the units, or it was given back."""

    code = "hold_expired"


class HoldAlreadyExtended(Conflict):
    """A hold is extended once."""

    code = "hold_already_extended"


class UnknownHold(NotFound):
    """No such hold in this shop; same words as for anything unknown."""


class UnknownStock(NotFound):
    """No such SKU in this shop; same words as for anything unknown."""


class UnknownLocation(Invalid):
    """The SKU has no stock at a location of that name. Facts: locations."""

    code = "unknown_location"


class LocationInUse(Conflict):
    """Units lie at a location, so it cannot go. Facts: locations."""

    code = "location_in_use"


class StaleStock(Conflict):
    """The stock is not what the caller has seen. Facts: available, version. Read it again and decide again."""

    code, status, title = "stale_stock", 412, "Precondition failed"


class LedgerMoved(VersionConflict):
    """The stock of a part was changed by somebody else between our look and our write: its ledger goes on from there."""

    code = "ledger_moved"


class LevelMoved(Exception):
    """Inside the context: the level changed between look and write. Look again."""


class NotTaken(Exception):
    """Inside the context: the units were not taken. `level` is what stands there, so no second read is needed (None: nothing)."""

    def __init__(self, level: Level | None) -> None:
        super().__init__("not taken")
        self.level = level


class HeldForAnotherOrder(Exception):
    """Inside the context and its wiring: an earlier try of this checkout stands there. `lock` is its document."""

    def __init__(self, lock: Lock) -> None:
        super().__init__("held for another order")
        self.lock = lock
