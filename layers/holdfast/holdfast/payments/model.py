"""Payments as providers tell of them, and the news of them that they send."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from holdfast.kernel.ids import ShopId
from holdfast.kernel.model import Model, Record
from holdfast.kernel.money import Minor, Money
from holdfast.kernel.time import Instant


class News(StrEnum):
    """What a provider can tell of a payment, in our words."""

    PENDING = "pending"
    """Nothing final: the shopper may still pay, also after a try that failed."""
    AUTHORIZED = "authorized"
    """The shopper has agreed; the money comes when it is captured."""
    SUCCEEDED = "succeeded"
    """The money came. Parts of it may have gone back since."""
    FAILED = "failed"
    EXPIRED = "expired"
    """Nobody can pay it any more."""
    REFUNDED = "refunded"
    """All of it went back."""


class GivenState(StrEnum):
    PENDING = "pending"
    """The provider has taken the order to give back, and has yet to do it."""
    DONE = "done"
    FAILED = "failed"


class Given(Model):
    """Money that goes back. `key` is ours, where we asked for it; a refund without one was made at the provider by hand."""

    ref: str
    amount: Minor
    state: GivenState
    key: str | None = None


class Charge(Model):
    """One movement of money towards the shop, by the provider's name for it."""

    id: str
    amount: Minor
    currency: str


class DisputeState(StrEnum):
    OPEN = "open"
    """The shop has to answer, by `respond_by`."""
    UNDER_REVIEW = "under_review"
    WON = "won"
    LOST = "lost"
    """The bank gave the money back to the customer."""


class Dispute(Model):
    """A customer's bank asks for the money back."""

    id: str
    amount: Minor
    currency: str
    state: DisputeState
    reason: str | None = None
    respond_by: Instant | None = None


class ProviderFact(Model):
    """A provider's statement on a payment, translated. Amounts in minor units; `shop` and `order` are what we had named it for.

    `charge`: the movement of money behind it, where the provider has one; `beside`: further ones of the same payment, which nobody
    had to pay. `refunded`: all that went back of that charge so far, whoever asked for it; `refunds` are its known parts,
    and those of charges beside it that have our key. What is in `beside` is what is left of it.
    """

    shop: str
    order: str
    payment: str
    news: News
    amount: Minor
    currency: str
    charge: str | None = None
    beside: tuple[Charge, ...] = ()
    refunded: Minor = 0
    refunds: tuple[Given, ...] = ()
    disputes: tuple[Dispute, ...] = ()


class Standing(NamedTuple):
    """How an order stands towards its payment. `waiting`: it has not had its money yet; `usable`: it could still use it."""

    shop: str
    order: str
    payment: str
    amount: int
    currency: str
    waiting: bool
    usable: bool

    def meant_by(self, news: ProviderFact) -> bool:
        """Just this payment, for just this order, of just this amount."""
        return (news.shop, news.order, news.payment, news.amount, news.currency) == self[:5]


@dataclass(frozen=True)
class Wish:
    """A payment that shall be made: for what, until when it can be paid, and for whom."""

    shop: str
    order: str
    number: str
    amount: Money
    until: datetime
    email: str | None = None


@dataclass(frozen=True)
class Created:
    """A payment made at a provider. `client` is what the shopper's browser needs to pay it."""

    id: str
    client: Mapping[str, Any]


@dataclass(frozen=True)
class Told:
    """An event whose signature was good. `payment` is what to ask the provider for (any of its names for the payment).

    `fact` is what the event itself says, if it says enough to act upon; without both it is about something else.
    `live`: about real money.
    """

    id: str
    type: str
    live: bool
    payment: str | None = None
    fact: ProviderFact | None = None


@dataclass(frozen=True)
class Listing:
    """A page of what a provider has; `next` is where it goes on."""

    facts: tuple[ProviderFact, ...]
    next: str | None


class EventState(StrEnum):
    RECEIVED = "received"
    UNMATCHED = "unmatched"
    """Its order is not known (yet)."""
    APPLIED = "applied"
    IGNORED = "ignored"
    FAILED = "failed"
    """It was tried and is tried again."""
    DEAD = "dead"
    """It is not tried any more, unless a person asks for it."""


OPEN = frozenset({EventState.RECEIVED, EventState.UNMATCHED, EventState.FAILED, EventState.DEAD})
"""What became of these events is not settled."""
EVENTS_KEPT = timedelta(days=30)
"""Longer than any provider repeats an event, and long enough to be shown as evidence."""


class ProviderEvent(Record):
    """A webhook as it came: the verified bytes are evidence and are kept for 30 days. `encoded`: `raw` is in base64.

    `attempts` counts the tries of the queue's worker since it was received or asked for again. `reason` says why it is ignored, or has
    the code of what went wrong.
    """

    id: str
    shop: ShopId
    provider: str
    type: str
    live: bool = False  # rows of before it was noted are of play money: there was no other
    payment: str | None = None
    fact: ProviderFact | None = None
    raw: str
    encoded: bool = False
    received_at: Instant
    request_id: str | None = None
    state: EventState = EventState.RECEIVED
    reason: str | None = None
    order: str | None = None
    attempts: int = 0
    worked_at: Instant | None = None
    version: int = 1
