"""The inbox as staff look at it: what providers told us, newest first, and what became of it."""

from datetime import datetime
from typing import NamedTuple

from holdfast.kernel.model import Model
from holdfast.kernel.time import Instant, rfc3339
from holdfast.payments import keys
from holdfast.payments.errors import UnknownWebhook
from holdfast.payments.model import EVENTS_KEPT, EventState, ProviderEvent
from holdfast.payments.ports import Inbox

AT_ONCE = 50
"""Events that are read in one call: each has the whole text that the provider sent."""
MOST_EXAMINED = 500
"""Events that are looked at for one page: a page may be short, or empty, and say where to go on."""


class Wanted(Model):
    """All of this must be true of an event; None and nothing: whatever it is. `since` is in, `until` is not."""

    states: frozenset[EventState] = frozenset()
    provider: str | None = None
    type: str | None = None
    since: Instant | None = None
    until: Instant | None = None

    @property
    def shelves(self) -> tuple[str, ...]:
        return tuple(sorted({keys.shelf_of(state) for state in self.states})) or keys.SHELVES

    def fits(self, event: ProviderEvent) -> bool:
        asked = self.provider in {None, event.provider} and self.type in {None, event.type}
        return asked and (not self.states or event.state in self.states)


class Page(NamedTuple):
    """`last`: the position to go on after; None when that was all."""

    events: list[ProviderEvent]
    last: str | None


def look(shop: str, wanted: Wanted, *, limit: int, after: str | None, inbox: Inbox, now: datetime) -> Page:
    """What is stored for longer than it is kept is not there, whether it was deleted yet or not."""
    low = rfc3339(max(wanted.since or now - EVENTS_KEPT, now - EVENTS_KEPT))
    high = min(after or "9", rfc3339(wanted.until) if wanted.until else "9")
    found: list[ProviderEvent] = []
    for _ in range(MOST_EXAMINED // AT_ONCE):
        positions = inbox.listed(shop, wanted.shelves, low, high, AT_ONCE)
        events = inbox.read(shop, positions)
        for high in positions:
            event = events.get(high)
            if event is not None and wanted.fits(event):
                found.append(event)
            if len(found) == limit:
                return Page(found, high)
        if len(positions) < AT_ONCE:
            return Page(found, None)
    return Page(found, high)


def read(shop: str, webhook: str, *, inbox: Inbox, now: datetime) -> ProviderEvent:
    """By its name in paths (`keys.webhook_id`). UnknownWebhook."""
    try:
        provider, event = keys.webhook_of(webhook)
    except ValueError:
        raise UnknownWebhook from None
    found = inbox.get(shop, provider, event)
    if found is None or found.received_at + EVENTS_KEPT <= now:
        raise UnknownWebhook
    return found
