"""What a message may know: facts, read and cleaned, before anybody puts them into words."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, Field

from holdfast.kernel.ids import Sku
from holdfast.kernel.model import Model, Record
from holdfast.kernel.money import Money
from holdfast.kernel.time import Instant
from holdfast.notifications.kinds import Kind
from holdfast.notifications.spelling import one_line, some_lines

Line = Annotated[str, AfterValidator(one_line)]
"""Words of strangers: one line, without marks that would turn what stands beside them."""
Lines = Annotated[str, AfterValidator(some_lines)]

MOST_KEYS = 200
"""That a mail shows. The page of the order has all: mail programs cut what is too long, and mail services refuse it."""


class Look(Model):
    """The shop, as its letters show it. `color`: of buttons. `legal`: what must stand at the end."""

    name: Line
    logo_url: str | None = None
    color: str = "#1f5f4a"
    sender_name: Line | None = None
    reply_to: str | None = Field(default=None, repr=False)
    legal: Lines | None = None
    promised_hours: int = 24


class LetterLine(Model):
    """A line of the order. `ready` units are set aside for the customer and not handed over yet. `units`: those that are in the parcel;
    `refunded`: those whose money goes back by what is told. `sum`: the price of the whole line.
    """

    sku: str
    title: Line
    quantity: int
    fulfilled: int
    owed: int
    ready: int = 0
    refunded: int = 0
    units: int = 0
    sum: Money


class LetterKey(Model):
    """The key itself is told letter by letter."""

    title: Line
    key: str = Field(repr=False)


class Sum(Model):
    """A line of the bill. `name` is one of goods, shipping, net, tax, total, tax_in_it."""

    name: str
    money: Money


class LowStock(Record):
    """Data of a notice of the kind low_stock. `available` units are left; from `threshold` downwards it is told."""

    sku: Sku
    title: Line
    available: int
    threshold: int


class DeadLetter(Record):
    """Data of a notice of the kind dead_letter: something was tried as often as it may be. `what`: notification, webhook, ...; `kind`
    says which, for instance the message's kind; `count`: how many.
    """

    what: Line
    kind: Line = ""
    count: int = Field(default=1, ge=1)


class Waiters(Record):
    orders: int = 0
    units: int = 0


class Failures(Record):
    notifications: int = 0
    webhooks: int = 0


class Digest(Record):
    """Data of a notice of the kind daily_digest, about one day in UTC. `orders` per status; `taken`: money that came, one for each
    currency; `at_least`: there was more than could be counted.
    """

    day: date
    orders: Mapping[str, int] = {}
    taken: tuple[Money, ...] = ()
    waiting: Waiters = Waiters()
    low: tuple[LowStock, ...] = ()
    failed: Failures = Failures()
    reviews: int = 0
    at_least: bool = False


class Count(NamedTuple):
    name: str
    number: int


class Review(Model):
    """What a person must decide: `what` is payment (money that does not match), refund (that could not be made) or dispute.

    `came` is None where the provider told an amount that is none. `due`: until when a dispute must be answered.
    """

    what: str
    came: Money | None = None
    expected: Money | None = None
    why: Line = ""
    due: Instant | None = None


class Letter(Model):
    """All that a template may know. What is not of its kind is empty.

    `to`: as its recipient has it. `url`: where the button leads. `keys`: of the hand-outs that it tells of. `money`: what goes back, or
    came. `paid`, `complete` and `outcome` are those of the event. `until`: when a hold ends. `at`: when it happened.
    `unsubscribe_url` is there where its topic can be switched off: a page for people, and for mail services a place to POST to.
    `preferences_url`, a page of the storefront, stands in the words only: whoever has it may read and change what the customer has chosen.
    """

    kind: Kind
    to: str = Field(repr=False)
    language: str = "en"
    shop: Look
    at: Instant
    number: str = ""
    url: str = Field(default="", repr=False)
    unsubscribe_url: str | None = Field(default=None, repr=False)
    preferences_url: str | None = Field(default=None, repr=False)
    lines: tuple[LetterLine, ...] = ()
    keys: tuple[LetterKey, ...] = ()
    bill: tuple[Sum, ...] = ()
    money: Money | None = None
    complete: bool = True
    paid: bool = False
    outcome: str | None = None
    reason: Line | None = None
    until: Instant | None = None
    promised_hours: int = 24
    carrier: Line = ""
    tracking: tuple[Line, ...] = ()
    title: Line = ""
    price: Money | None = None
    low: tuple[LowStock, ...] = ()
    dead: tuple[DeadLetter, ...] = ()
    review: Review | None = None
    digest: Digest | None = None

    @property
    def owed(self) -> int:
        return sum(line.owed for line in self.lines)

    @property
    def there(self) -> int:
        """Units that are the customer's: handed over, or set aside for him."""
        return sum(line.fulfilled + line.ready for line in self.lines)

    @property
    def total(self) -> Money | None:
        return next((sum_.money for sum_ in self.bill if sum_.name == "total"), None)

    @property
    def keys_shown(self) -> int:
        return min(len(self.keys), MOST_KEYS)

    @property
    def keys_by_title(self) -> dict[str, list[str]]:
        """In the order in which they came: those that are shown."""
        found: dict[str, list[str]] = {}
        for key in self.keys[:MOST_KEYS]:
            found.setdefault(key.title, []).append(key.key)
        return found
