"""What fulfilment does to an order: goods are handed over, or come later. Pure; the state follows from the lines."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from holdfast.kernel.events import SYSTEM, Actor
from holdfast.orders import events, machine, rules
from holdfast.orders.model import Fed, Order


def hand_over(order: Order, queued: Mapping[str, str], now: datetime) -> Order:
    """A freshly paid order: every digital unit that is its own is handed over. `queued`: where it waits for the rest, if not where its
    time of payment puts it.
    """
    lines = tuple(line.model_copy(update={"fulfilled": line.fulfilled + line.deliverable}) for line in order.lines)
    return machine.move(order, "serve", at=now, actor=SYSTEM, data=_told(order, lines), lines=lines, queued=queued)


def feed(order: Order, came: Fed, queued: Mapping[str, str], now: datetime) -> Order:
    """So many of the owed units came, with a batch."""
    line, units = order.line(came.sku), came.units
    fed = line.model_copy(update={"allocated": line.allocated + units, "fulfilled": line.fulfilled + (units if line.digital else 0)})
    lines = order.with_line(fed).lines
    complete = all(line.fulfilled == line.wanted for line in lines)
    told = {**_told(order, lines), "sku": came.sku, "quantity": units, "batch": came.batch, "complete": complete}
    event = events.KEYS_ADDED if line.digital else events.STOCK_ALLOCATED
    fed_with = (*order.fed, came)
    return machine.move(order, "feed", at=now, actor=SYSTEM, event=event, data=told, lines=lines, fed=fed_with, queued=queued)


def delay(order: Order, promised_hours: int, now: datetime) -> Order:
    """Its customer is told that what it owes takes longer than promised. The same order when he was told, or nothing is owed."""
    if order.delayed_at is not None or not any(rules.owed(order, line) for line in order.lines):
        return order
    data = {"promised_hours": promised_hours, "lines": rules.told_lines(order)}
    return order.happened(events.DELAYED, at=now, actor=SYSTEM, data=data, delayed_at=now)


def revoke_key(order: Order, sku: str, key: str, reason: str | None, actor: Actor, now: datetime) -> Order:
    """A key of it is good for nothing any more."""
    return order.happened(events.KEY_REVOKED, at=now, actor=actor, reason=reason, data={"sku": sku, "key": key})


def replace_key(order: Order, sku: str, key: str, reason: str | None, actor: Actor, now: datetime) -> Order:
    """Another key came in the place of one; what was handed over stays what it was."""
    told = {**_told(order, order.lines), "sku": sku, "key": key}
    return order.happened(events.KEY_REPLACED, at=now, actor=actor, reason=reason, data=told)


def _told(order: Order, lines: tuple[Any, ...]) -> dict[str, Any]:
    """`wave` names the hand-out: the version that the order gets by it."""
    return {"wave": order.version + 1, "lines": rules.told_lines(order.model_copy(update={"lines": lines}))}
