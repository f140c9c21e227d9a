"""What became of received events."""

from datetime import datetime

from holdfast.payments.model import EventState, ProviderEvent
from holdfast.payments.ports import Inbox


def ended(event: ProviderEvent, state: EventState, reason: str | None, *, inbox: Inbox, now: datetime) -> ProviderEvent:
    """Note what became of it. One that was applied stays applied: that is the better news."""
    while event.state is not EventState.APPLIED:
        told = {"state": state, "reason": reason, "worked_at": now}
        changed = event.model_copy(update={**told, "attempts": event.attempts + 1, "version": event.version + 1})
        if inbox.save(changed):
            return changed
        found = inbox.get(event.shop, event.provider, event.id)
        if found is None:
            return changed
        event = found
    return event


def applied(shop: str, provider: str, event: str, order: str, *, inbox: Inbox, now: datetime) -> None:
    """It had its effect. Nothing happens when that was noted before, or there is no such event."""
    found = inbox.get(shop, provider, event)
    if found is not None:
        ended(found.model_copy(update={"order": order}), EventState.APPLIED, None, inbox=inbox, now=now)
