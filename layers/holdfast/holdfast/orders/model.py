"""Orders, and what may happen to them."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from pydantic import Field

from holdfast.kernel.events import Actor, Event
from holdfast.kernel.ids import ShopId, Sku, derived_id
from holdfast.kernel.model import Record
from holdfast.kernel.money import Minor, Money
from holdfast.kernel.time import Instant
from holdfast.orders.session import Address, Totals


class Status(StrEnum):
    PENDING_PAYMENT = "pending_payment"
    PAID = "paid"
    PROCESSING = "processing"
    PARTIALLY_FULFILLED = "partially_fulfilled"
    AWAITING_STOCK = "awaiting_stock"
    COMPLETED = "completed"
    PAYMENT_FAILED = "payment_failed"
    PAYMENT_REVIEW = "payment_review"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    REFUNDED = "refunded"


class PaymentStatus(StrEnum):
    """`refund_due`: the decision to give the money back is written, the provider has yet to confirm it."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    EXPIRED = "expired"
    REFUND_DUE = "refund_due"
    REFUNDED = "refunded"


class OrderLine(Record):
    """`allocated` units are the order's own: held until it is paid, sold after. `fulfilled` of them were handed over."""

    sku: Sku
    title: str
    quantity: int = Field(ge=1)
    unit_price: Money
    digital: bool
    backorder: bool
    preorder: bool = False
    backorder_cap: int | None = None
    max_per_customer: int | None = None
    allocated: int = Field(ge=0)
    fulfilled: int = Field(default=0, ge=0)

    @property
    def short(self) -> int:
        """Units that the stock did not have."""
        return self.quantity - self.allocated

    @property
    def deliverable(self) -> int:
        """Digital units that are the order's and not handed over. Physical ones wait to be picked."""
        return self.allocated - self.fulfilled if self.digital else 0


class PaymentRef(Record):
    """`client` is what the shopper's browser needs to pay; its fields are the provider's."""

    provider: str
    id: str
    status: PaymentStatus = PaymentStatus.PENDING
    client: Mapping[str, Any] = {}


class HoldRef(Record):
    lock: str
    expires_at: Instant


class Order(Record):
    """Whole, with its events. `version` goes up with every change and is the condition of the next."""

    id: str
    number: str
    shop: ShopId
    session: str
    status: Status
    email: str | None = None
    address: Address | None = None
    lines: tuple[OrderLine, ...]
    totals: Totals
    payment: PaymentRef
    hold: HoldRef | None = None
    placed_until: Instant
    """The hold's expiry as told at first: a repeated place-order gets the first answer again."""
    accept_partial: bool
    fingerprint: str
    created_at: Instant
    updated_at: Instant
    paid_at: Instant | None = None
    events: tuple[Event, ...] = ()
    version: int = 1

    @property
    def amount(self) -> Minor:
        return self.totals.total.amount

    @property
    def currency(self) -> str:
        return self.totals.total.currency

    @property
    def allocated(self) -> dict[str, int]:
        return {line.sku: line.allocated for line in self.lines}

    @property
    def hold_seconds(self) -> int:
        """The hold's length as told at first."""
        return int((self.placed_until - self.created_at).total_seconds())

    def line(self, sku: str) -> OrderLine:
        return next(line for line in self.lines if line.sku == sku)

    def with_line(self, changed: OrderLine) -> "Order":
        return self.model_copy(update={"lines": tuple(changed if line.sku == changed.sku else line for line in self.lines)})

    def happened(
        self,
        event: str,
        *,
        at: datetime,
        actor: Actor,
        reason: str | None = None,
        request_id: str | None = None,
        data: Mapping[str, Any] | None = None,
        **changes: Any,
    ) -> "Order":
        """The order after `changes`, one version on, with the event that tells of them."""
        seq = self.events[-1].seq + 1 if self.events else 1
        told = Event(
            id=derived_id("evt", at, self.shop, self.id, str(seq), event),
            seq=seq,
            type=event,
            at=at,
            actor=actor,
            reason=reason,
            request_id=request_id,
            data=dict(data or {}),
        )
        return self.model_copy(update={**changes, "events": (*self.events, told), "updated_at": at, "version": self.version + 1})


class FactKind(StrEnum):
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    EXPIRED = "expired"
    REFUNDED = "refunded"


class PaymentFact(Record):
    """What a provider says about a payment, whoever brought the news: browser, webhook, reconciler or operator.

    `event` names the stored provider event, if it was one.
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
