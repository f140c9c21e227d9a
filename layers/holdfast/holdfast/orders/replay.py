"""The events of an order, told again: what each of them changed, and whether together they make the order that stands there.

What follows from the order itself is not stored with its events, because every byte of an order is paid for at every write: an
event's id, the state before it, the lines that it tells of. All of that is found again here, by telling the events once more.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from holdfast.kernel.events import Event
from holdfast.kernel.model import Model
from holdfast.orders import events
from holdfast.orders.model import Order, Status, event_id
from holdfast.orders.rules import SETTLED

PAGE, TOO_MANY = 20, 40
"""When an order has more events than this, a page of them moves out: an item has an end (400 KB), and each write pays for all of it."""
PERSONAL = ("email", "phone", "address", "notes")
"""May be changed by hand, so that what they were before stands nowhere else."""

State = Mapping[str, Any]


class Drift(Model):
    """One thing that the events tell otherwise than it stands. `path` as in the events; `seq` for a gap in their numbers."""

    path: str
    told: Any
    stands: Any


def rebuild(order: Order, timeline: Sequence[Event]) -> list[Drift]:
    """Tell all events of the order again and compare with the order. Empty when they agree."""
    told = dict(_born(order, timeline))
    for event in timeline:
        told.update(event.after)
    stands = order.state
    drifts = [Drift(path=path, told=told.get(path), stands=stands.get(path)) for path in sorted({*told, *stands})]
    gaps = [Drift(path="seq", told=event.seq, stands=place) for place, event in enumerate(timeline, 1) if event.seq != place]
    return [drift for drift in drifts if drift.told != drift.stands] + gaps


def trimmed(order: Order) -> tuple[Order, Sequence[Event]]:
    """The order with its latest events, and those that must be put beside it first; none while there are few.

    A page that begins with an event has always the same events: workers who put it at once, before one of them writes the order,
    put the same. All of them were written with the order before: no change brings as many events as stay.
    """
    if len(order.events) <= TOO_MANY:
        return order, ()
    older, latest = order.events[:PAGE], order.events[PAGE:]
    told = dict(order.told or _born(order, order.events))
    for event in older:
        told.update(event.after)
    return order.model_copy(update={"events": latest, "told": told}), older


def stored(order: Order, told: Sequence[Event]) -> list[dict[str, Any]]:
    """Events as they lie in the table, without what `whole` finds again."""
    return [_short(order, event, after) for event, (_, after) in zip(told, _states(order, told), strict=True)]


def whole(order: Order, rows: Sequence[Mapping[str, Any]]) -> tuple[Event, ...]:
    """The events of a stored order as they were told; `order` comes without them."""
    raw = [_read(order, row) for row in rows]
    found = zip(raw, _states(order, raw), strict=True)
    return tuple(event.model_copy(update=_implied(order, event, before, after)) for event, (before, after) in found)


def _states(order: Order, told: Sequence[Event]) -> Iterator[tuple[State, State]]:
    """The state before and after each event."""
    state: State = order.told or _born(order, told)
    for event in told:
        after = {**state, **event.after}
        yield state, after
        state = after


def _born(order: Order, told: Sequence[Event]) -> State:
    """As the order was placed: as it is now, with every edit undone."""
    born = order.placed_state
    for event in reversed(told):
        born.update({path: event.before[path] for path in PERSONAL if path in event.before})
    return born


def _short(order: Order, event: Event, after: State) -> dict[str, Any]:
    row = event.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    row["before"] = {path: value for path, value in event.before.items() if path in PERSONAL}
    if event.id == event_id(order.shop, order.id, event.seq, event.type, event.at):
        del row["id"]
    if event.type == events.PLACED and event.data == _placed(order):
        del row["data"]
    elif event.type in events.TELLS_LINES and event.data.get("lines") == _lines(order, after):
        row["data"] = {name: value for name, value in event.data.items() if name != "lines"}
    return {name: value for name, value in row.items() if value or name == "after"}


def _read(order: Order, row: Mapping[str, Any]) -> Event:
    event = Event.model_validate({"id": "", **row})
    return event if event.id else event.model_copy(update={"id": event_id(order.shop, order.id, event.seq, event.type, event.at)})


def _implied(order: Order, event: Event, before: State, after: State) -> dict[str, Any]:
    found: dict[str, Any] = {"before": {path: before.get(path) for path in event.after}}
    if event.type == events.PLACED and not event.data:
        found["data"] = _placed(order)
    elif event.type in events.TELLS_LINES and "lines" not in event.data:
        found["data"] = {**event.data, "lines": _lines(order, after)}
    return found


def _placed(order: Order) -> dict[str, Any]:
    return events.placed(order.totals.total.model_dump(), [{"sku": line.sku, "quantity": line.quantity} for line in order.lines])


def _lines(order: Order, state: State) -> list[dict[str, Any]]:
    """As `rules.told_lines`, of the order as it was in that state."""
    paid = Status(state["status"]) in SETTLED
    told = []
    for line in order.lines:
        units = {name: state[f"lines.{line.sku}.{name}"] for name in ("allocated", "fulfilled", "cancelled")}
        owed = line.quantity - units["cancelled"] - units["allocated"] if paid else 0
        told.append({"sku": line.sku, "quantity": line.quantity, "fulfilled": units["fulfilled"], "owed": owed})
    return told
