"""What an order and its neighbours tell each other: payments bring facts, the stock is asked for units, the shop has policies."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from holdfast.kernel.events import Actor
from holdfast.kernel.model import Record


class FactKind(StrEnum):
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    EXPIRED = "expired"
    REFUNDED = "refunded"


class PaymentFact(Record):
    """What a provider says about a payment, whoever brought the news: browser, webhook, reconciler or operator.

    `event` names the stored provider event, if it was one; `request_id` the request that brought it.
    """

    shop: str
    order: str
    provider: str
    payment: str
    kind: FactKind
    amount: int
    currency: str
    actor: Actor
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
