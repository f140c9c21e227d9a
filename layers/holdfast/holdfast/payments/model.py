"""Payments, and the news of them that providers send."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from holdfast.kernel.ids import ShopId
from holdfast.kernel.model import Model, Record
from holdfast.kernel.money import Minor
from holdfast.kernel.time import Instant


class News(StrEnum):
    """What a provider can tell of a payment, in our words."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    EXPIRED = "expired"
    REFUNDED = "refunded"


class ProviderFact(Model):
    """A provider's statement, translated. Amount in minor units."""

    shop: str
    order: str
    payment: str
    news: News
    amount: Minor
    currency: str


class EventState(StrEnum):
    RECEIVED = "received"
    APPLIED = "applied"
    IGNORED = "ignored"


class ProviderEvent(Record):
    """A webhook as it came: the verified bytes are evidence and are kept for 30 days."""

    id: str
    shop: ShopId
    provider: str
    fact: ProviderFact
    raw: str
    received_at: Instant
    state: EventState = EventState.RECEIVED
    reason: str | None = None


@dataclass(frozen=True)
class Created:
    """A payment made at a provider. `client` is what the shopper's browser needs to pay it."""

    id: str
    client: Mapping[str, Any]
