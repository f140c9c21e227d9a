"""Receiving a provider's news: verify, store once, pass on."""

from collections.abc import Mapping
from datetime import datetime

from holdfast.payments.model import EventState, ProviderEvent
from holdfast.payments.ports import Inbox, Outbox, Provider


def receive(
    shop: str, headers: Mapping[str, str], raw: bytes, *, provider: Provider, inbox: Inbox, pass_on: Outbox, now: datetime
) -> ProviderEvent:
    """Durable before it is acknowledged. A repeated event that was not worked at yet is passed on again: the first
    delivery may have died between storing and passing on. SignatureInvalid, WebhookUnreadable.
    """
    event = inbox.add(provider.verify(headers, raw, shop, now))
    if event.state is EventState.RECEIVED:
        pass_on(event)
    return event
