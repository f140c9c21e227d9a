"""What goes back of an order: money, that a customer's bank may ask for, and goods."""

from collections.abc import Mapping
from enum import StrEnum

from holdfast.kernel.model import Record
from holdfast.kernel.money import Minor
from holdfast.kernel.time import Instant
from holdfast.orders.neighbours import DisputeState


class RefundState(StrEnum):
    DUE = "due"
    """Decided; the provider has yet to confirm it."""
    DONE = "done"
    FAILED = "failed"
    """The provider could not: the money is with the shop. A person may have it tried again."""


class Beside(Record):
    """Money for an order that had its own: where it came."""

    provider: str
    payment: str
    charge: str | None = None


class Refund(Record):
    """Money that goes back: `amount` in minor units, for `lines` (units per SKU; none where it is for no particular goods).

    `of`: where it is not the order's own money. `by_hand`: made at the provider, and not by us. `ref` is the provider's name for it,
    as soon as it has one; `attempt` counts how often it was begun anew, each time under another key.
    """

    id: str
    amount: Minor
    lines: Mapping[str, int] = {}
    state: RefundState = RefundState.DUE
    reason: str | None = None
    of: Beside | None = None
    by_hand: bool = False
    ref: str | None = None
    attempt: int = 1


class Disputed(Record):
    """A customer's bank asks for `amount` of the order's money; the shop has until `respond_by` to answer."""

    id: str
    amount: Minor
    state: DisputeState
    reason: str | None = None
    respond_by: Instant | None = None
    opened_at: Instant

    @property
    def undecided(self) -> bool:
        return self.state in {DisputeState.OPEN, DisputeState.UNDER_REVIEW}


class ReturnState(StrEnum):
    REQUESTED = "requested"
    RECEIVED = "received"


class Return(Record):
    """Goods on their way back. Received units went back on the shelf (`restocked`) or were written off."""

    id: str
    lines: Mapping[str, int]
    state: ReturnState = ReturnState.REQUESTED
    reason: str | None = None
    restocked: Mapping[str, int] = {}
    written_off: Mapping[str, int] = {}
