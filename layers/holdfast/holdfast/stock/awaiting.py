"""While paid orders wait for a SKU, whatever comes in is theirs: a note on each of its parts keeps new buyers away.

Whose turn it is stands in the queue of the waiting orders; the note only says that there is one. Who writes both writes the queue
first, and who finds the queue empty takes the note away and looks at the queue again: so one of two who meet sees the other.
"""

from holdfast.stock import shelves
from holdfast.stock.ports import Levels


def keep(shop: str, sku: str, *, levels: Levels) -> None:
    """Nobody but the waiting gets units from now on. Nothing happens to a SKU without stock."""
    _note(shop, sku, levels, waiting=True)


def admit(shop: str, sku: str, *, levels: Levels) -> None:
    """Everybody may buy again."""
    _note(shop, sku, levels, waiting=False)


def _note(shop: str, sku: str, levels: Levels, *, waiting: bool) -> None:
    shelf = shelves.look_at(shop, {sku: 1}, levels=levels).get(sku)
    for level in shelf[1].values() if shelf else ():
        if level.awaited is not waiting:
            levels.await_units(level.key, waiting)
