"""Facts about stock."""

from holdfast.kernel.errors import Conflict, NotFound
from holdfast.stock.model import Level


class InsufficientStock(Conflict):
    """Fewer units are free than were asked for. Facts: lines of sku, requested, available."""

    code = "insufficient_stock"


class HoldLost(Conflict):
    """The lock no longer stands in the stock: it ran out and somebody else has the units, or it was given back."""

    code = "hold_expired"


class HoldAlreadyExtended(Conflict):
    """A hold is extended once."""

    code = "hold_already_extended"


class UnknownHold(NotFound):
    """No such hold in this shop; same words as for anything unknown."""


class LevelMoved(Exception):
    """Inside the context: the level changed between look and write. Look again."""


class NotTaken(Exception):
    """Inside the context: the units were not taken. `level` is what stands there, so no second read is needed."""

    def __init__(self, level: Level) -> None:
        super().__init__("not taken")
        self.level = level


class UnknownStock(NotFound):
    """No such SKU in this shop; same words as for anything unknown."""
