"""What an order and its neighbours tell each other: payments bring facts, the stock is asked for units, the shop has policies."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from holdfast.kernel.events import Actor
from holdfast.kernel.model import Model, Record
from holdfast.kernel.money import Minor, Money
from holdfast.kernel.time import Instant


class Bill(NamedTuple):
    """What a provider is asked to collect, until when, and for whom."""

    shop: str
    order: str
    number: str
    amount: Money
    until: datetime
    email: str | None = None


class GiveBack(NamedTuple):
    """Money that a provider is asked to give back. `key` names this wish for ever.

    `charge`: of that movement of money, where it is known.
    """

    shop: str
    provider: str
    payment: str
    amount: Money
    key: str
    charge: str | None = None


class Progress(StrEnum):
    """How far money is on its way back."""

    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"


class Returned(Model):
    """Money that went back, or is on its way. `key` is that of our `GiveBack`; without one it was made at the provider by hand."""

    ref: str
    amount: Minor
    progress: Progress
    key: str | None = None


class Movement(Model):
    """Money that came, by the provider's name for it."""

    id: str
    amount: Minor
    currency: str


class DisputeState(StrEnum):
    OPEN = "open"
    UNDER_REVIEW = "under_review"
    WON = "won"
    LOST = "lost"


class Dispute(Model):
    """A customer's bank asks for the money back; the shop has until `respond_by` to answer."""

    id: str
    amount: Minor
    currency: str
    state: DisputeState
    reason: str | None = None
    respond_by: Instant | None = None


class FactKind(StrEnum):
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    EXPIRED = "expired"
    REFUNDED = "refunded"


class PaymentFact(Record):
    """What a provider says about a payment, whoever brought the news: browser, webhook, reconciler or operator.

    `charge` is the movement of money behind it, `beside` are further ones for which nothing was asked, with what is left of them.
    `refunded`: all that went back so far of the first, by whomsoever, of which `refunds` are the known parts. `event` names the stored
    provider event, if it was one; `request_id` the request that brought it.
    """

    shop: str
    order: str
    provider: str
    payment: str
    kind: FactKind
    amount: int
    currency: str
    actor: Actor
    charge: str | None = None
    beside: tuple[Movement, ...] = ()
    refunded: int = 0
    refunds: tuple[Returned, ...] = ()
    disputes: tuple[Dispute, ...] = ()
    event: str | None = None
    request_id: str | None = None


class LatePolicy(StrEnum):
    """What a shop does with money that comes when the hold has run out."""

    RETAKE = "retake"
    """Take the stock again, as it was ordered: what is short is owed if the shopper accepted that, else all money goes back."""
    PARTIAL = "partial"
    """Deliver what is there; the money for the rest goes back."""
    OWE = "owe"
    """Deliver what is there and owe the rest, whatever the shopper accepted."""
    REFUND = "refund"
    """All money goes back."""


class Wish(NamedTuple):
    """Units of a SKU. `partial`: fewer will do, and the rest is owed; `promises`: so many of the SKU may be owed in all;
    `allowance`: so many may one customer have; `shards`: a hint where to look first.
    """

    sku: str
    quantity: int
    partial: bool = False
    promises: int | None = None
    allowance: int | None = None
    shards: int = 1


class Taken(NamedTuple):
    """What is held per SKU, and until when. `replaced`: the order of an earlier try, whose hold this is now."""

    quantities: Mapping[str, int]
    expires_at: datetime
    replaced: str | None


class Standing(NamedTuple):
    """Whose a lock is. `sold`: it was paid."""

    order: str
    claimed_at: datetime
    sold: bool
