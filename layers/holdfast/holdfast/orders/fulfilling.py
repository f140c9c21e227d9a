"""What fulfilment does to an order: goods are handed over, or come later. Pure; the state follows from the lines."""

from datetime import datetime
from typing import Any

from holdfast.kernel.events import SYSTEM
from holdfast.orders import events, machine, rules
from holdfast.orders.model import Order


def hand_over(order: Order, now: datetime) -> Order:
    """A freshly paid order: every digital unit that is its own is handed over."""
    lines = tuple(line.model_copy(update={"fulfilled": line.fulfilled + line.deliverable}) for line in order.lines)
    return machine.move(order, "serve", at=now, actor=SYSTEM, data=_told(order, lines), lines=lines)


def feed(order: Order, sku: str, quantity: int, now: datetime) -> Order:
    """So many of the owed units came."""
    line = order.line(sku)
    fed = line.model_copy(update={"allocated": line.allocated + quantity, "fulfilled": line.fulfilled + (quantity if line.digital else 0)})
    lines = order.with_line(fed).lines
    complete = all(line.fulfilled == line.wanted for line in lines)
    told = {**_told(order, lines), "sku": sku, "quantity": quantity, "complete": complete}
    event = events.KEYS_ADDED if line.digital else events.STOCK_ALLOCATED
    return machine.move(order, "feed", at=now, actor=SYSTEM, event=event, data=told, lines=lines)


def _told(order: Order, lines: tuple[Any, ...]) -> dict[str, Any]:
    """`wave` names the hand-out: the version that the order gets by it."""
    return {"wave": order.version + 1, "lines": rules.told_lines(order.model_copy(update={"lines": lines}))}
