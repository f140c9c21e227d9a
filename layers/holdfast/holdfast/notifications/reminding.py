"""Who has not paid is reminded before his hold ends. A message to ourselves comes when it is time, and looks at the order again: it may be
paid by then, or given up, or held for longer.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from holdfast.kernel.time import rfc3339
from holdfast.notifications.kinds import Kind
from holdfast.notifications.model import Notice
from holdfast.notifications.ports import Messages

MESSAGE = "hold_expiring"
LONGEST_DELAY = timedelta(minutes=15)
"""A queue keeps nothing back for longer: what comes later is sent on."""
SHORTEST = timedelta(minutes=3)
"""Who has less time is still at the checkout."""
MOST_LEAD = timedelta(minutes=5)


class Held(NamedTuple):
    """An order that may still be paid: its units are held `until` then, and it was told a hold of that `length`."""

    until: datetime
    length: timedelta


class Holds(Protocol):
    def held(self, shop: str, order: str) -> Held | None:
        """None: it waits for no money any more, or its hold is gone."""
        ...


def remind(shop: str, order: str, *, holds: Holds, tell: Callable[[Notice], object], messages: Messages, now: datetime) -> Notice | None:
    """When it is time, and for each end of the hold once: it is named by it. Then once more after that end, which may have been moved."""
    held = holds.held(shop, order)
    if held is None or held.length < SHORTEST or now >= held.until:
        return None
    starts = reminded_at(held)
    if now < starts:
        _look_again(shop, order, starts - now, messages)
        return None
    notice = _notice(shop, order, held)
    tell(notice)
    _look_again(shop, order, held.until - now, messages)
    return notice


def reminded_at(held: Held) -> datetime:
    """A third of the hold before its end, and five minutes at most."""
    return held.until - min(MOST_LEAD, held.length // 3)


def _notice(shop: str, order: str, held: Held) -> Notice:
    until = rfc3339(held.until)
    at = reminded_at(held)
    return Notice(
        shop=shop,
        event=f"{order}#hold#{until}",
        kind=Kind.HOLD_EXPIRING,
        at=at,
        subject=order,
        order=order,
        data={"expires_at": until},
    )


def _look_again(shop: str, order: str, later: timedelta, messages: Messages) -> None:
    """In whole seconds, and not before the time: a message that is early would be sent on for ever."""
    seconds = timedelta(seconds=-(-later // timedelta(seconds=1)))
    messages.send({"kind": MESSAGE, "shop": shop, "order": order}, delay=min(LONGEST_DELAY, seconds))
