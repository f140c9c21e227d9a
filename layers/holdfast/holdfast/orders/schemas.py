"""What each event of an order carries, and how it travels on the bus. The catalogue and the schemas in docs are written from this.

A type's name has its version. Members may come; one that goes, or becomes something else, makes another version.
Strict, and closed: no event may have a member that is not written down here. Listeners pass over what they do not know.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

from pydantic import ConfigDict, Field
from pydantic_core import to_json

from holdfast.kernel.events import Actor, Event
from holdfast.kernel.ids import ShopId, Sku
from holdfast.kernel.model import Model
from holdfast.kernel.money import Currency, Minor, Money
from holdfast.kernel.time import Instant
from holdfast.orders import events
from holdfast.orders.model import Status
from holdfast.orders.neighbours import DisputeState, FactKind, LatePolicy


class Data(Model):
    """The data of an event: nothing, unless its type has more."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


def _example(value: Any, says: str) -> Any:
    return Field(description=says, examples=[value])


Count = Annotated[int, Field(ge=0)]
Units = Mapping[Sku, Count]
OfSku = Annotated[Sku, _example("licence", "What was ordered.")]
PaymentId = Annotated[str, _example("pay_01KAJVKP0027VYN7B47MV54GJ8", "The payment, as its provider names it.")]
RefundId = Annotated[str, _example("rfd_01KAJVKP00S4N9GT0Q7BXWRH31", "The refund in the order's `refunds`.")]
ReturnId = Annotated[str, _example("ret_01KAJVKP00D80T2V5M6Q1XJ9EA", "The return in the order's `returns`.")]
Amount = Annotated[Minor, _example(3998, "Minor units of the currency.")]
InCurrency = Annotated[Currency, _example("EUR", "ISO 4217.")]
Wave = Annotated[int, _example(3, "Names the hand-out: its keys are revealed under it.")]
KeyId = Annotated[str, _example("key_01KAJVKP00Q4M7T1ZB9XW3E5CD", "The key that is good for nothing any more.")]
Returned = Annotated[Units, _example({"box": 1}, "Units per SKU that went back to stock.")]
NoLongerOwed = Annotated[Units, _example({"licence": 1}, "Units per SKU that are owed no more.")]


class LineThen(Data):
    """A line as it was at that moment."""

    sku: OfSku
    quantity: Annotated[int, Field(ge=1), _example(2, "Units ordered.")]
    fulfilled: Annotated[Count, _example(1, "Units handed over.")]
    owed: Annotated[Count, _example(1, "Units paid for that are not there yet.")]


LinesThen = Annotated[list[LineThen], Field(min_length=1, description="All lines as they were at that moment.")]


class LineWanted(Data):
    """A line as it was ordered."""

    sku: OfSku
    quantity: Annotated[int, Field(ge=1), _example(2, "Units ordered.")]


class Placed(Data):
    total: Annotated[Money, _example({"amount": 3998, "currency": "EUR"}, "What the order costs.")]
    lines: Annotated[list[LineWanted], Field(min_length=1, description="What was ordered.")]


class MoneyCame(Data):
    payment: PaymentId
    amount: Amount
    currency: InCurrency


class PaymentEnded(Data):
    payment: PaymentId


class MoneyOdd(Data):
    told: Annotated[FactKind, _example("succeeded", "What the provider said about it.")]
    payment: PaymentId
    provider: Annotated[str, _example("sandbox", "Who said it.")]
    amount: Annotated[int, _example(1, "Minor units, as told.")]
    currency: Annotated[str, _example("EUR", "As told.")]
    expected: Annotated[Money, _example({"amount": 3998, "currency": "EUR"}, "What the order costs.")]


class Expired(Data):
    payment: PaymentId | None = Field(None, description="Where the payment ran out, and not the hold.")


class Cancelled(Data):
    """`paid` and `replaced` are there where they are true."""

    paid: Annotated[bool, _example(True, "It was paid: its money goes back.")] = False
    replaced: Annotated[bool, _example(True, "A second try of the same checkout took its place.")] = False
    returned: Returned | None = None
    owed: NoLongerOwed | None = None


class LateOutcome(StrEnum):
    RETAKEN = "retaken"
    """All of it was taken again."""
    PARTIAL = "partial"
    """A part was there; the money for the rest goes back."""
    OWED = "owed"
    """A part was there; the rest comes later."""


class MoneyLate(Data):
    """`amount`, `currency` and `refunded` are there where money goes back."""

    policy: Annotated[LatePolicy, _example("partial", "The shop's policy for late money.")]
    outcome: Annotated[LateOutcome, _example("partial", "What became of the order.")]
    late_seconds: Annotated[Count, _example(125, "Seconds after the end of the hold.")]
    lines: LinesThen
    amount: Annotated[Minor, _example(1999, "What goes back, in minor units.")] = 0
    currency: InCurrency | None = None
    refunded: Annotated[Units, _example({"licence": 1}, "Units per SKU whose money goes back.")] | None = None


class HandedOver(Data):
    """`wave` is there where something was handed over by it."""

    wave: Wave | None = None
    lines: LinesThen


class Came(Data):
    wave: Wave
    sku: OfSku
    quantity: Annotated[int, Field(ge=1), _example(1, "Units that came.")]
    complete: Annotated[bool, _example(True, "Nothing of the order is owed or to be picked any more.")]
    batch: Annotated[int, Field(ge=1), _example(7, "The number of the SKU's batch that it came with.")] | None = None
    lines: LinesThen


class Delayed(Data):
    promised_hours: Annotated[int, Field(ge=1), _example(24, "Within so many hours after it was paid it should have come.")]
    lines: LinesThen


class KeyRevoked(Data):
    sku: OfSku
    key: KeyId


class KeyReplaced(Data):
    """`wave` names the hand-out of the new key."""

    wave: Wave
    sku: OfSku
    key: KeyId
    lines: LinesThen


class Shipped(Data):
    shipped: Annotated[Units, _example({"box": 1}, "Units per SKU in the parcel.")]
    tracking_numbers: Annotated[list[str], _example(["1Z999AA10123456784"], "The carrier's.")] | None = None
    carrier: Annotated[str, _example("ups", "Who brings it.")] | None = None


class ParcelTrouble(Data):
    id: Annotated[str, _example("trouble-7", "The trouble's: the same one is told once.")]


class RefundDue(Data):
    payment: PaymentId
    refund: RefundId
    amount: Amount
    currency: InCurrency
    attempt: Annotated[int, Field(ge=1), _example(2, "How often it was begun anew, if it was.")] = 1
    refunded: Annotated[Units, _example({"licence": 2}, "Units per SKU whose money goes back.")] | None = None
    returned: Returned | None = None
    owed: NoLongerOwed | None = None


class RefundAsked(Data):
    refund: RefundId
    amount: Amount
    currency: InCurrency
    ref: Annotated[str, _example("re_3Nx9", "The provider's name for it.")] | None = None


class PartRefunded(Data):
    refund: RefundId
    amount: Annotated[Minor, _example(1999, "What went back, in minor units.")]
    currency: InCurrency
    lines: Annotated[Units, _example({"licence": 1}, "Units per SKU whose money that is; none where it is for no particular goods.")]
    returned: Returned | None = None


class Refunded(Data):
    amount: Annotated[Minor, _example(3998, "What went back in all, in minor units.")]
    currency: InCurrency
    refund: RefundId | None = Field(None, description="The last one; none where the provider told first.")
    returned: Returned | None = None


class SecondPayment(Data):
    payment: PaymentId
    provider: Annotated[str, _example("sandbox", "Where it came.")]
    charge: Annotated[str, _example("ch_3Nx9", "The movement of money, where the provider names it.")] | None = None
    amount: Amount
    currency: InCurrency
    refund: RefundId


class SecondRefunded(Data):
    refund: RefundId
    amount: Annotated[Minor, _example(3998, "What went back, in minor units.")]
    currency: InCurrency


class OfDispute(Data):
    dispute: Annotated[str, _example("dp_3Nx9", "The provider's name for it.")]
    amount: Annotated[Minor, _example(3998, "What the bank asks for, in minor units.")]
    currency: InCurrency
    state: Annotated[DisputeState, _example("open", "Where it stands.")]
    why: Annotated[str, _example("fraudulent", "What the bank gave as the reason.")] | None = None
    respond_by: Annotated[Instant, _example("2026-12-01T23:59:59.000Z", "Until when the shop may answer.")] | None = None


class ChargedBack(OfDispute):
    """`handed_over`, `returned` and `owed` are there where the order ended by it."""

    handed_over: Annotated[Units, _example({"licence": 1}, "Units per SKU that the customer has.")] | None = None
    returned: Returned | None = None
    owed: NoLongerOwed | None = None


class ReturnRequested(Data):
    return_: ReturnId = Field(alias="return")
    lines: Annotated[Units, _example({"box": 1}, "Units per SKU that come back.")]


class ReturnReceived(Data):
    return_: ReturnId = Field(alias="return")
    restocked: Annotated[Units, _example({"box": 1}, "Units per SKU that are for sale again.")]
    written_off: Annotated[Units, _example({}, "Units per SKU that are not.")]


class Edited(Data):
    fields: Annotated[list[str], _example(["address"], "Names of `email`, `phone`, `address`, `notes`: those that were changed.")]


class NoteAdded(Data):
    id: Annotated[str, _example("note-7", "The note's: the same one is written once.")]
    note: str = Field("", description="Its text.")


class MailResent(Data):
    of: Annotated[str, _example(events.COMPLETED, "The type of the event whose mail goes out again.")]
    event: Annotated[str, _example("evt_01M7YZMHG0YB4F63S979YDKJET", "That event's id.")]
    told: Annotated[Mapping[str, Any], _example({"refund": "rfd_01KAJVKP00S4N9GT0Q7BXWRH31"}, "That event's data.")]
    reason: Annotated[str, _example("sold before the money came", "That event's reason, if it had one.")] | None = None


DATA: Mapping[str, type[Data]] = {
    events.PLACED: Placed,
    events.HOLD_EXTENDED: Data,
    events.PAID: MoneyCame,
    events.PAYMENT_FAILED: PaymentEnded,
    events.PAYMENT_ENDED: PaymentEnded,
    events.PAYMENT_REVIEW: MoneyOdd,
    events.EXPIRED: Expired,
    events.CANCELLED: Cancelled,
    events.LATE_PAYMENT: MoneyLate,
    events.PAYMENT_ACCEPTED: MoneyCame,
    events.COMPLETED: HandedOver,
    events.PARTIALLY_FULFILLED: HandedOver,
    events.AWAITING_STOCK: HandedOver,
    events.PROCESSING: HandedOver,
    events.PICKING: Data,
    events.PACKED: Data,
    events.PICKING_STOPPED: Data,
    events.SHIPPED: Shipped,
    events.DELIVERED: Data,
    events.KEYS_ADDED: Came,
    events.STOCK_ALLOCATED: Came,
    events.DELAYED: Delayed,
    events.KEY_REVOKED: KeyRevoked,
    events.KEY_REPLACED: KeyReplaced,
    events.DELIVERY_PROBLEM: ParcelTrouble,
    events.REFUND_DUE: RefundDue,
    events.REFUND_PENDING: RefundAsked,
    events.REFUND_FAILED: RefundAsked,
    events.PARTIALLY_REFUNDED: PartRefunded,
    events.REFUNDED: Refunded,
    events.SECOND_PAYMENT: SecondPayment,
    events.SECOND_PAYMENT_REFUNDED: SecondRefunded,
    events.DISPUTED: OfDispute,
    events.DISPUTE_CHANGED: OfDispute,
    events.DISPUTE_WON: OfDispute,
    events.CHARGED_BACK: ChargedBack,
    events.RETURN_REQUESTED: ReturnRequested,
    events.RETURN_RECEIVED: ReturnReceived,
    events.EDITED: Edited,
    events.NOTE_ADDED: NoteAdded,
    events.MAIL_RESENT: MailResent,
}


class Envelope(Data):
    """An event as it travels on the bus, as the detail of an entry whose detail-type is its `type`."""

    shop: Annotated[ShopId, _example("demo", "Whose order it is.")]
    order: Annotated[str, _example("ord_01KAJVKP00C1G0HP0V7PKA0YPY", "The order's id.")]
    number: Annotated[str, _example("0V7PK-A0YPY", "The order's number, for people.")]
    status: Annotated[Status, _example("paid", "The order's state after the write that the event came with.")]
    id: Annotated[str, _example("evt_01M7YZMHG014SMJXZPN3W33F2E", "The event's: know a repeated one by it.")]
    seq: Annotated[int, Field(ge=1), _example(2, "Counts the order's events from 1, without a gap.")]
    type: Annotated[str, _example(events.PAID, "What happened.")]
    at: Annotated[Instant, _example("2026-11-21T12:00:00.000Z", "When.")]
    actor: Annotated[Actor, _example({"kind": "provider", "id": "sandbox"}, "Who did it. `id` names a key, a provider or a job.")]
    reason: Annotated[str, _example("paid after the hold ran out", "Why, in words: ours, or those of who did it.")] | None = None
    request_id: Annotated[str, _example("5e1f7a3c-9d0b-4c68-8a51-2f4f3a6f0d11", "The request that brought it about.")] | None = None
    data: Annotated[Mapping[str, Any], _example({}, "By type.")]
    changed: Annotated[list[str], _example(["payment.status", "status"], "Paths of the order that changed; values stay at home.")]


def data_of(event: Event) -> Data:
    """As the schema of its type reads it. ValidationError when it does not fit; KeyError when there is no such type."""
    return DATA[event.type].model_validate_json(to_json(event.data))


def read(detail: str | bytes) -> tuple[Envelope, Data]:
    """An entry's detail, and its data. ValidationError, KeyError."""
    envelope = Envelope.model_validate_json(detail)
    return envelope, DATA[envelope.type].model_validate_json(to_json(envelope.data))
