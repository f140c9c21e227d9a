"""Orders, and what may happen to them."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field

from holdfast.kernel.events import Actor, Event
from holdfast.kernel.ids import ShopId, Sku, derived_id
from holdfast.kernel.model import Record
from holdfast.kernel.money import Minor, Money
from holdfast.kernel.time import Instant, rfc3339
from holdfast.orders.going_back import Disputed, Refund, RefundState, Return
from holdfast.orders.session import Address, Totals


class Status(StrEnum):
    """What may follow what stands in `orders/machine.py`."""

    PENDING_PAYMENT = "pending_payment"
    PAID = "paid"
    PROCESSING = "processing"
    PARTIALLY_FULFILLED = "partially_fulfilled"
    AWAITING_STOCK = "awaiting_stock"
    PICKING = "picking"
    PACKED = "packed"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    COMPLETED = "completed"
    PAYMENT_FAILED = "payment_failed"
    PAYMENT_REVIEW = "payment_review"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    REFUNDED = "refunded"
    PARTIALLY_REFUNDED = "partially_refunded"


class PaymentStatus(StrEnum):
    """`refund_due`: the decision to give money back is written, the provider has yet to confirm it. `refund_failed`: it could not, and
    a person has to try again. `charged_back`: the customer's bank took it.
    """

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    EXPIRED = "expired"
    REFUND_DUE = "refund_due"
    REFUND_FAILED = "refund_failed"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"
    CHARGED_BACK = "charged_back"


UNITS = {"allocated", "fulfilled", "cancelled", "refunded", "returned"}
"""The numbers of a line that change after it was placed."""


class OrderLine(Record):
    """`allocated` units are the order's own: held until it is paid, sold after. `fulfilled` of them were handed over.

    `cancelled` units were given up before they were handed over. `refunded`: units whose money goes back, given up or handed over;
    `returned`: units that came back after they were handed over. `tax`: of the whole line, in minor units.
    """

    sku: Sku
    title: str
    quantity: int = Field(ge=1)
    unit_price: Money
    tax: Minor = 0
    digital: bool
    backorder: bool
    preorder: bool = False
    backorder_cap: int | None = None
    max_per_customer: int | None = None
    allocated: int = Field(ge=0)
    fulfilled: int = Field(default=0, ge=0)
    cancelled: int = Field(default=0, ge=0)
    refunded: int = Field(default=0, ge=0)
    returned: int = Field(default=0, ge=0)

    @property
    def wanted(self) -> int:
        """Units that were handed over or shall be."""
        return self.quantity - self.cancelled

    @property
    def short(self) -> int:
        """Units that the stock did not have."""
        return self.wanted - self.allocated

    @property
    def here(self) -> int:
        """Units that are the order's and not handed over."""
        return self.allocated - self.fulfilled

    @property
    def deliverable(self) -> int:
        """Digital units that are the order's and not handed over. Physical ones wait to be picked."""
        return self.here if self.digital else 0


class PaymentRef(Record):
    """`client` is what the shopper's browser needs to pay; its fields are the provider's.

    `captured` is what came, `refunded` what the provider has confirmed to have given back, `charged_back` what banks took: minor units of
    the order's currency. `charge`: the movement of money that paid the order, where the provider names it; any other is not its own.
    """

    provider: str
    id: str
    status: PaymentStatus = PaymentStatus.PENDING
    client: Mapping[str, Any] = {}
    charge: str | None = None
    captured: Minor = 0
    refunded: Minor = 0
    charged_back: Minor = 0


class HoldRef(Record):
    lock: str
    expires_at: Instant


class Fed(Record):
    """Owed units that came with a SKU's batch: the batch knows which keys they are. `wave` is the order's version that it made."""

    sku: Sku
    batch: int
    units: int = Field(ge=1)
    wave: int


class Order(Record):
    """Whole, with its latest events. `version` goes up with every change and is the condition of the next."""

    id: str
    number: str
    shop: ShopId
    session: str
    status: Status
    email: str | None = None
    bought_as: str | None = None
    """Who bought, if the e-mail was changed since: a digest, empty for nobody. Limits per customer count for him."""
    phone: str | None = None
    address: Address | None = None
    notes: str | None = None
    """The shopper's own words."""
    shipping_method: str | None = None
    lines: tuple[OrderLine, ...]
    totals: Totals
    payment: PaymentRef
    refunds: tuple[Refund, ...] = ()
    returns: tuple[Return, ...] = ()
    disputes: tuple[Disputed, ...] = ()
    fed: tuple[Fed, ...] = ()
    """Batches of owed units that it got."""
    queued: Mapping[str, str] = {}
    """Where it stands in the queue of a SKU, if that is not where its time of payment puts it."""
    delayed_at: Instant | None = None
    """When its customer was told that it comes later than promised."""
    hold: HoldRef | None = None
    placed_until: Instant
    """The hold's expiry as told at first: a repeated place-order gets the first answer again."""
    accept_partial: bool
    fingerprint: str
    created_at: Instant
    updated_at: Instant
    paid_at: Instant | None = None
    events: tuple[Event, ...] = ()
    """The latest; older ones lie beside the order (`Orders.timeline`)."""
    told: Mapping[str, Any] = {}
    """The state before the first of `events`, when older ones were put beside the order."""
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

    @property
    def own_refunds(self) -> tuple[Refund, ...]:
        """Those of its own money."""
        return tuple(refund for refund in self.refunds if refund.of is None)

    @property
    def refund_due(self) -> bool:
        """Some money is to go back, its own or what came beside it, and the provider has not confirmed it."""
        return any(refund.state is RefundState.DUE for refund in self.refunds)

    @property
    def to_refund(self) -> int:
        """What came and neither went back, nor is decided to, nor was taken by a bank: minor units."""
        gone = sum(refund.amount for refund in self.own_refunds if refund.state is not RefundState.FAILED)
        return max(0, self.payment.captured - self.payment.charged_back - gone)

    @property
    def placed_state(self) -> dict[str, Any]:
        """The state that an order is born with, if all of its units were there."""
        units = {f"lines.{line.sku}.{name}": 0 for line in self.lines for name in UNITS}
        return {
            **self._contact,
            **units,
            **{f"lines.{line.sku}.allocated": line.quantity for line in self.lines},
            "status": Status.PENDING_PAYMENT.value,
            "hold": rfc3339(self.placed_until),
            "payment.status": PaymentStatus.PENDING.value,
            "payment.charge": None,
            "payment.captured": 0,
            "payment.refunded": 0,
            "payment.charged_back": 0,
            "paid_at": None,
        }

    @property
    def _contact(self) -> dict[str, Any]:
        address = self.address.model_dump(exclude_none=True) if self.address else None
        return {"email": self.email, "phone": self.phone, "address": address, "notes": self.notes}

    @property
    def state(self) -> dict[str, Any]:
        """All that may change, flat: what events tell the before and after of."""
        units = {f"lines.{line.sku}.{name}": getattr(line, name) for line in self.lines for name in sorted(UNITS)}
        many = (("refunds", self.refunds), ("returns", self.returns), ("disputes", self.disputes))
        return {
            **self._contact,
            "status": self.status.value,
            "hold": rfc3339(self.hold.expires_at) if self.hold else None,
            "payment.status": self.payment.status.value,
            "payment.charge": self.payment.charge,
            "payment.captured": self.payment.captured,
            "payment.refunded": self.payment.refunded,
            "payment.charged_back": self.payment.charged_back,
            "paid_at": rfc3339(self.paid_at) if self.paid_at else None,
            **units,
            **{f"{of}.{one.id}": one.model_dump(mode="json", exclude_defaults=True, exclude={"id"}) for of, all_ in many for one in all_},
        }

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
        """The order after `changes`, one version on, with the event that tells of them: of what it was and what it is."""
        changed = self.model_copy(update={**changes, "updated_at": at, "version": self.version + 1})
        was = self.state if self.seq else self.placed_state
        after = {path: value for path, value in changed.state.items() if was.get(path) != value}
        told = Event(
            id=event_id(self.shop, self.id, self.seq + 1, event, at),
            seq=self.seq + 1,
            type=event,
            at=at,
            actor=actor,
            reason=reason,
            request_id=request_id,
            data=dict(data or {}),
            before={path: was.get(path) for path in after},
            after=after,
        )
        return changed.model_copy(update={"events": (*self.events, told)})

    @property
    def seq(self) -> int:
        """The number of events so far."""
        return self.events[-1].seq if self.events else 0

    def also(self, event: str, **told: Any) -> "Order":
        """One more event of the same change: as `happened`, without a version of its own."""
        return self.happened(event, **told).model_copy(update={"version": self.version})


def event_id(shop: str, order: str, seq: int, event: str, at: datetime) -> str:
    """Always the same for the same event, so that who hears of it twice knows it again."""
    return derived_id("evt", at, shop, order, str(seq), event)
