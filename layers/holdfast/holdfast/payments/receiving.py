"""Receiving a provider's news: verify, store once, pass on. The work is done from the queue."""

import base64
from collections.abc import Callable, Mapping
from datetime import datetime

from holdfast.payments.errors import SignatureInvalid
from holdfast.payments.model import EventState, ProviderEvent, Told
from holdfast.payments.ports import Inbox, Outbox, Provider

NOT_OURS = "it is about something else"
ANOTHER_SHOP = "it is about an order of another shop"
ANOTHER_WORLD = "test money in a live account, or the other way round"


def receive(
    shop: str,
    headers: Mapping[str, str],
    raw: bytes,
    *,
    provider: Provider,
    inbox: Inbox,
    pass_on: Outbox,
    fresh: Callable[[], Provider | None] = lambda: None,
    request_id: str | None = None,
    now: datetime,
) -> ProviderEvent:
    """Durable before it is acknowledged. A repeated event that was not worked at yet is passed on again: the first
    delivery may have died between storing and passing on. SignatureInvalid, WebhookUnreadable.

    What was signed and is none of our business is kept as evidence, and not worked at. `fresh`: the connector with the secrets of this
    moment, if they are others than those that `provider` knows.
    """
    verifier, told = _verified(provider, fresh, headers, raw, now)
    event = inbox.add(_event(shop, verifier, told, raw, request_id, now))
    if event.state is EventState.RECEIVED:
        pass_on(event)
    return event


def _verified(
    provider: Provider, fresh: Callable[[], Provider | None], headers: Mapping[str, str], raw: bytes, now: datetime
) -> tuple[Provider, Told]:
    try:
        return provider, provider.verify(headers, raw, now)
    except SignatureInvalid:
        renewed = fresh()
        if renewed is None:
            raise
    return renewed, renewed.verify(headers, raw, now)


def _event(shop: str, provider: Provider, told: Told, raw: bytes, request_id: str | None, now: datetime) -> ProviderEvent:
    reason = refused(shop, told, live=provider.live)
    text, encoded = _text(raw)
    return ProviderEvent(
        id=told.id,
        shop=shop,
        provider=provider.name,
        type=told.type,
        live=told.live,
        payment=told.payment,
        fact=told.fact,
        raw=text,
        encoded=encoded,
        received_at=now,
        request_id=request_id,
        state=EventState.IGNORED if reason else EventState.RECEIVED,
        reason=reason,
        order=told.fact.order if told.fact else None,
    )


def refused(shop: str, told: Told | ProviderEvent, *, live: bool) -> str | None:
    """Why it is not worked at. `live`: the shop's account there moves real money."""
    if told.live != live:
        return ANOTHER_WORLD
    if told.fact is not None and told.fact.shop != shop:
        return ANOTHER_SHOP
    return NOT_OURS if told.payment is None and told.fact is None else None


def _text(raw: bytes) -> tuple[str, bool]:
    try:
        return raw.decode(), False
    except UnicodeDecodeError:
        return base64.b64encode(raw).decode(), True
