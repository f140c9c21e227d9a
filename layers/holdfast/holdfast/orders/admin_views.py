"""What staff do to orders, over HTTP, and what they see of it."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator

from holdfast.kernel.model import Input, Model
from holdfast.kernel.time import Instant
from holdfast.orders.model import Order, Status
from holdfast.orders.replay import Drift
from holdfast.orders.retrying import RetryFailed, Task, Worker
from holdfast.orders.session_views import MAX_LINES, AddressBody, Email, LineBody, Text
from holdfast.orders.views import StaffOrderView, staff_view

# A text of several lines; other control characters are refused.
Lines = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"
Note = Annotated[str, StringConstraints(min_length=1, max_length=2000, pattern=Lines)]
Notes = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=Lines)]
Phone = Annotated[str, StringConstraints(pattern=r"^\+?[0-9][0-9 ()/.-]{2,30}$")]
TrackingNumber = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9 -]*$")]
EventId = Annotated[str, StringConstraints(pattern=r"^evt_[0-9A-Z]{26}$")]
Units = Annotated[list[LineBody], Field(max_length=MAX_LINES)]


class FoundPage(Model):
    """`found_by`: what `q` was taken for. A page may have fewer orders than asked for; only `next` tells whether there are more."""

    items: list[StaffOrderView]
    next: str | None
    found_by: str | None


class NoteBody(Input):
    text: Note


class EditBody(Input):
    """What is left out stays as it is; null takes it away. E-mail and phone while the order is open, the address until it is picked."""

    email: Email | None = None
    phone: Phone | None = None
    address: AddressBody | None = None
    notes: Notes | None = None

    @model_validator(mode="after")
    def _something(self) -> "EditBody":
        if not self.model_fields_set:
            raise ValueError("say what is to be changed")
        return self

    def changes(self) -> dict[str, Any]:
        asked = {name: getattr(self, name) for name in self.model_fields_set}
        address = {"address": self.address.address} if self.address else {}
        return {**asked, **address}


class ResendBody(Input):
    """`event`: its mail; left out, the last one that had a mail. `email`: a corrected address, which the order has from then on."""

    event: EventId | None = None
    email: Email | None = None


class TransitionBody(Input):
    """`tracking_numbers` and `carrier` are of a parcel, and for `shipped` only."""

    to: Status = Field(strict=False)
    reason: Text
    tracking_numbers: list[TrackingNumber] = Field(default=[], max_length=20)
    carrier: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,30}$")] | None = None

    @model_validator(mode="after")
    def _parcel(self) -> "TransitionBody":
        if (self.tracking_numbers or self.carrier) and self.to is not Status.SHIPPED:
            raise ValueError("only what is shipped has a parcel")
        return self

    def parcel(self) -> dict[str, Any]:
        told = {"tracking_numbers": self.tracking_numbers, "carrier": self.carrier}
        return {name: value for name, value in told.items() if value}


class TroubleBody(Input):
    """`reason` goes to the customer as it is."""

    reason: Text


class CancelByStaffBody(Input):
    reason: Text


class ReviewBody(Input):
    """Of money that does not match: `accept` takes it as if it did, `refuse` gives it back and ends the order."""

    decision: Literal["accept", "refuse"]
    reason: Text


class RefundBody(Input):
    """`full`: all that is left; `lines`: so many units of these SKUs; `debt`: what is owed and has not come; `amount`: money only."""

    kind: Literal["full", "lines", "debt", "amount"]
    lines: Annotated[Units, Field(min_length=1)] | None = None
    amount: int | None = Field(default=None, ge=1, le=10**12)
    reason: Text

    @model_validator(mode="after")
    def _what_it_needs(self) -> "RefundBody":
        if (self.lines is not None) != (self.kind == "lines") or (self.amount is not None) != (self.kind == "amount"):
            raise ValueError("lines belong to the kind lines, and an amount to the kind amount")
        return self


class ReceiptBody(Input):
    """Units that go on the shelf again, and those that do not. `refund`: their money goes back."""

    restocked: Units = Field(default=[])
    written_off: Units = Field(default=[])
    refund: bool = True
    reason: Text | None = None

    @model_validator(mode="after")
    def _something(self) -> "ReceiptBody":
        if not self.restocked and not self.written_off:
            raise ValueError("say what came back")
        return self


class AskedView(Model):
    """`worker` was asked to do something about the order; `why`: what it waits for."""

    worker: Worker
    why: str


class RetryView(Model):
    """What was asked of whom. Its effect is seen in the order when the worker has come to it."""

    order: str
    status: Status
    asked: list[AskedView]


class RetryFailedBody(Input):
    """Of the orders in these `states` that did not change for so many minutes. `cursor` is the `next` of the call before."""

    dry_run: bool = True
    states: Annotated[list[Annotated[Status, Field(strict=False)]], Field(min_length=1, max_length=len(Status))] | None = None
    older_than_minutes: int = Field(default=15, ge=0, le=10 * 366 * 24 * 60)
    limit: int = Field(default=25, ge=1, le=100)
    cursor: Annotated[str, StringConstraints(max_length=6000)] | None = None

    def command(self, shop: str, after: str | None) -> RetryFailed:
        return RetryFailed(
            shop=shop,
            states=frozenset(self.states or ()),
            idle=timedelta(minutes=self.older_than_minutes),
            limit=self.limit,
            after=after,
            dry_run=self.dry_run,
        )


class StuckView(RetryView):
    number: str
    updated_at: Instant


class RetryFailedView(Model):
    """Orders that stand still, and what was asked of whom (in a dry run: would be)."""

    dry_run: bool
    items: list[StuckView]
    next: str | None


class DriftView(Model):
    """One thing that the events tell otherwise than it stands."""

    path: str
    told: Any
    stands: Any


class RebuiltOrderView(Model):
    """`agrees`: the order is what its events make of it."""

    order: str
    version: int
    events: int
    agrees: bool
    drifts: list[DriftView]


def found_page(orders: Sequence[Order], next_page: str | None, found_by: str | None, now: datetime) -> FoundPage:
    return FoundPage(items=[staff_view(order, now) for order in orders], next=next_page, found_by=found_by)


def retry_view(order: Order, tasks: Sequence[Task]) -> RetryView:
    return RetryView(**_retry(order, tasks))


def stuck_view(order: Order, tasks: Sequence[Task]) -> StuckView:
    return StuckView(**_retry(order, tasks), number=order.number, updated_at=order.updated_at)


def _retry(order: Order, tasks: Sequence[Task]) -> Mapping[str, Any]:
    return {"order": order.id, "status": order.status, "asked": [AskedView(worker=task.worker, why=task.why) for task in tasks]}


def rebuilt_view(order: Order, events: int, drifts: Sequence[Drift]) -> RebuiltOrderView:
    found = [DriftView(**drift.model_dump()) for drift in drifts]
    return RebuiltOrderView(order=order.id, version=order.version, events=events, agrees=not found, drifts=found)
