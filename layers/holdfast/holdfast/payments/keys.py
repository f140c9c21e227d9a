"""Keys of the payments table, and of the payment accounts in the tenants table."""

import base64
import binascii
import hashlib

from holdfast.kernel.ids import bucket_of
from holdfast.kernel.time import rfc3339
from holdfast.payments.model import OPEN, EventState, ProviderEvent

EVENTS_BY_STATE = "by_state"
EVENT_BUCKETS = 2
"""Index partitions per shop and shelf."""
SHELVES = (*sorted(OPEN), "ended")
"""Where events lie in the index: those that have not ended by their state, all others together."""
LONGEST_NAME = 80
"""Bytes. With its provider's name in front, and in base64, it still fits a path."""
WEBHOOK = "evt_"


def event_key(shop: str, provider: str, event: str) -> dict[str, str]:
    return {"pk": f"{shop}#{provider}#{event_name(event)}", "sk": "EVENT"}


def event_name(event: str) -> str:
    """A provider's id for an event, or its digest where that would be too long for a key and a path. That of a name is the name."""
    raw = event.encode("utf-8", "surrogatepass")
    return event if len(raw) <= LONGEST_NAME else f"sha256.{hashlib.sha256(raw).hexdigest()}"


def webhook_id(provider: str, event: str) -> str:
    """An event's name in paths, whatever signs the provider uses in its own."""
    told = f"{provider}:{event_name(event)}".encode("utf-8", "surrogatepass")
    return WEBHOOK + base64.urlsafe_b64encode(told).decode().rstrip("=")


def webhook_of(name: str) -> tuple[str, str]:
    """Provider and event behind it. ValueError when it is none of ours."""
    text = name.removeprefix(WEBHOOK)
    try:
        told = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise ValueError("not an event") from None
    provider, _, event = told.partition(":")
    if not (provider and event) or webhook_id(provider, event) != name:
        raise ValueError("not an event")
    return provider, event


def position(event: ProviderEvent) -> str:
    """Sorts events by when they came, and names them."""
    return f"{rfc3339(event.received_at)}#{webhook_id(event.provider, event.id)}"


def event_at(shop: str, position: str) -> dict[str, str]:
    return event_key(shop, *webhook_of(position.partition("#")[2]))


def event_index(event: ProviderEvent) -> dict[str, str]:
    bucket = bucket_of(event.id, EVENT_BUCKETS)
    return {"xpk": shelf_bucket(event.shop, shelf_of(event.state), bucket), "xsk": position(event)}


def shelf_of(state: EventState) -> str:
    return state if state in OPEN else "ended"


def shelf_bucket(shop: str, shelf: str, bucket: int) -> str:
    return f"{shop}#{shelf}#{bucket}"


def sandbox_key(payment: str) -> dict[str, str]:
    """The sandbox provider's own book. It stands for a company outside, so no shop stands in front."""
    return {"pk": f"SANDBOX#{payment}", "sk": "BOOK"}


def account_key(shop: str, provider: str) -> dict[str, str]:
    return {"pk": shop, "sk": f"PROVIDER#{provider}"}


def accounts_of(shop: str) -> dict[str, str]:
    """Values of a query for all of them."""
    return {":pk": shop, ":sk": "PROVIDER#"}
