"""Events that are worked at once more: one that staff name, many that they describe, and those whose order may have come since."""

from datetime import datetime, timedelta

from holdfast.kernel.errors import VersionConflict
from holdfast.kernel.model import Model
from holdfast.payments import browsing
from holdfast.payments.browsing import Wanted
from holdfast.payments.model import EventState, ProviderEvent
from holdfast.payments.ports import Inbox, Passing

FORGOTTEN = timedelta(minutes=15)
"""After this long, the message of an event that nobody worked at is not on its way any more: its sender died."""
TRIED = timedelta(hours=2, minutes=30)
"""A failed event is tried again sooner than this after its last try, or is dead: it is neither when its worker was killed."""
HOPELESS = timedelta(days=3)
"""An order that did not come for so long does not come any more: what its event tells of is for people."""
ENOUGH = 100
"""So often was its order looked for that the worker does not put the event off once more: the next call here does."""


class Redrive(Model):
    """`after`: where the answer before said to go on."""

    shop: str
    wanted: Wanted
    limit: int
    after: str | None = None
    dry_run: bool


class Redriven(Model):
    """The events that it is about; unless it was a dry run, `redriven` of them are on their way. `last` as in `browsing.Page`."""

    events: tuple[ProviderEvent, ...]
    redriven: int
    last: str | None


def replay(shop: str, webhook: str, *, inbox: Inbox, pass_on: Passing, now: datetime) -> ProviderEvent:
    """Worked at as if it came now; one that was applied stays so, and the provider is asked. UnknownWebhook, VersionConflict."""
    event = browsing.read(shop, webhook, inbox=inbox, now=now)
    again = _again(event, inbox=inbox, pass_on=pass_on)
    if again is None:
        raise VersionConflict("The event is being worked at. Look what came of it.")
    return again


def redrive(command: Redrive, *, inbox: Inbox, pass_on: Passing, now: datetime) -> Redriven:
    """As replay, for all that is described, some at a time. One that changes at that moment is left to whoever changed it."""
    page = browsing.look(command.shop, command.wanted, limit=command.limit, after=command.after, inbox=inbox, now=now)
    sent = [] if command.dry_run else [event for event in page.events if _again(event, inbox=inbox, pass_on=pass_on)]
    return Redriven(events=tuple(page.events), redriven=len(sent), last=page.last)


def rematch(shop: str, *, inbox: Inbox, pass_on: Passing, now: datetime, limit: int = 100, after: str | None = None) -> Redriven:
    """Look for the orders of unmatched events again, and for events whose message is not on its way any more: they were never worked at,
    or their worker was killed at the last try. They keep their state until they are worked at.
    """
    wanted = Wanted(states=frozenset({EventState.UNMATCHED, EventState.RECEIVED, EventState.FAILED}), until=now - FORGOTTEN)
    page = browsing.look(shop, wanted, limit=limit, after=after, inbox=inbox, now=now)
    lost = tuple(event for event in page.events if _lost(event, now))
    for event in lost:
        pass_on(event, looked=ENOUGH)
    return Redriven(events=lost, redriven=len(lost), last=page.last)


def _lost(event: ProviderEvent, now: datetime) -> bool:
    if event.state is EventState.UNMATCHED:
        return event.received_at > now - HOPELESS
    return event.state is EventState.RECEIVED or (event.worked_at or event.received_at) < now - TRIED


def _again(event: ProviderEvent, *, inbox: Inbox, pass_on: Passing) -> ProviderEvent | None:
    """None when somebody changed it at this moment."""
    if event.state is EventState.APPLIED:
        pass_on(event, again=True)
        return event
    anew = {"state": EventState.RECEIVED, "reason": None, "attempts": 0, "version": event.version + 1}
    fresh = event.model_copy(update=anew)
    if not inbox.save(fresh):
        return None
    pass_on(fresh)
    return fresh
