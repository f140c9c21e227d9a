"""Letters, and the outbox row that stands before each of them."""

from enum import StrEnum

from pydantic import Field

from holdfast.kernel.ids import ShopId
from holdfast.kernel.model import Model, Record
from holdfast.kernel.time import Instant


class State(StrEnum):
    CLAIMED = "claimed"
    SENT = "sent"


class Row(Record):
    """One mail of one event to one recipient. Claimed with a lease before it is sent, so that two workers send one mail."""

    shop: ShopId
    event: str
    order: str
    template: str
    state: State
    leased_until: Instant
    claim: str = ""
    """Names the try: two workers of one millisecond are two, a write that is delivered twice is one."""
    message: str | None = None


class LetterLine(Model):
    """`refunded`: units whose money goes back by what the mail tells of."""

    sku: str
    title: str
    quantity: int
    fulfilled: int
    owed: int
    refunded: int = 0


class LetterKey(Model):
    title: str
    key: str = Field(repr=False)


class Letter(Model):
    """What a template may know. `keys` are those of the hand-out that the mail tells of; `money` is what goes back by it, and
    `paid` whether there is any; `outcome` says what became of an order whose money came late; `retry_url` is where a shopper whose
    payment failed tries again.
    """

    template: str
    to: str = Field(repr=False)
    shop_name: str
    number: str
    order_url: str = Field(repr=False)
    retry_url: str = Field(default="", repr=False)
    lines: tuple[LetterLine, ...]
    keys: tuple[LetterKey, ...] = ()
    total: str
    money: str
    complete: bool = True
    paid: bool = False
    outcome: str | None = None
    reason: str | None = None

    @property
    def owed(self) -> int:
        return sum(line.owed for line in self.lines)


class Mail(Model):
    to: str = Field(repr=False)
    subject: str
    text: str = Field(repr=False)
    html: str = Field(repr=False)
