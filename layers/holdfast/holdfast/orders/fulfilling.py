"""What fulfilment does to an order: goods are handed over, or come later. Pure; the state follows from the lines."""

from datetime import datetime
from typing import Any

from holdfast.kernel.events import SYSTEM
from holdfast.orders import events, rules
from holdfast.orders.model import Order, OrderLine, Status


def hand_over(order: Order, now: datetime) -> Order:
    """A freshly paid order: every digital unit that is its own is handed over."""
    lines = tuple(line.model_copy(update={"fulfilled": line.fulfilled + line.deliverable}) for line in order.lines)
    status = rules.fulfilment_status(lines)
    wave = order.version + 1
    told = [{"sku": line.sku, "quantity": line.quantity, "fulfilled": line.fulfilled, "owed": line.short} for line in lines]
    return order.happened(
        rules.FULFILMENT_EVENT[status], at=now, actor=SYSTEM, data={"wave": wave, "lines": told}, status=status, lines=lines
    )


def feed(order: Order, sku: str, quantity: int, now: datetime) -> Order:
    """So many of the owed units came."""
    line = order.line(sku)
    fed = line.model_copy(update={"allocated": line.allocated + quantity, "fulfilled": line.fulfilled + (quantity if line.digital else 0)})
    lines = order.with_line(fed).lines
    status = rules.fulfilment_status(lines)
    return order.happened(
        events.KEYS_ADDED if line.digital else events.STOCK_ALLOCATED,
        at=now,
        actor=SYSTEM,
        data={"wave": order.version + 1, "sku": sku, "quantity": quantity, "complete": status is Status.COMPLETED, "lines": _told(lines)},
        status=status,
        lines=lines,
    )


def _told(lines: tuple[OrderLine, ...]) -> list[dict[str, Any]]:
    """The lines as they are at this event: a mail that goes out later must not tell of a later state."""
    return [{"sku": line.sku, "quantity": line.quantity, "fulfilled": line.fulfilled, "owed": line.short} for line in lines]
