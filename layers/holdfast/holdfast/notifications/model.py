"""What is told to whom, and the outbox row that stands before each message."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field

from holdfast.kernel.ids import ShopId, Sku
from holdfast.kernel.model import Model, Record
from holdfast.kernel.time import Instant
from holdfast.notifications.kinds import Channel, Kind, Topic


class Mail(Model):
    """A message in words. `short` is what goes as text message and in-app. `unsubscribe_url`: where one POST switches its topic off,
    for topics that can be switched off.
    """

    to: str = Field(repr=False)
    subject: str
    text: str = Field(repr=False)
    html: str = Field(repr=False)
    short: str = Field(default="", repr=False)
    sender_name: str | None = None
    reply_to: str | None = Field(default=None, repr=False)
    unsubscribe_url: str | None = Field(default=None, repr=False)


class Status(StrEnum):
    """Of a notification. What follows what: `notifications/rules.py`."""

    WAITING = "waiting"
    """Written down; it is due at some time."""
    CLAIMED = "claimed"
    """A worker has it and may be sending it."""
    SENT = "sent"
    """The service has taken it."""
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    """The address does not exist, or does not take it."""
    COMPLAINED = "complained"
    """It arrived, and was called spam."""
    FAILED = "failed"
    """Given up: a person has to look, and may have it sent again."""
    SUPPRESSED = "suppressed"
    """Not sent: the recipient does not want it, or his address is known to be no good."""
    SKIPPED = "skipped"
    """Not sent: when its time came there was nothing to tell any more, or another one had told it along."""


class Notice(Record):
    """Something to be told, and what about it. `event` names it: the same is told once.

    `at`: when it happened, never when it is told: it is a part of the identity. `subject`: the order, or (of staff's and back-in-stock
    messages) what it is about. `data` and `reason` are the event's own. `asked`: a person wants it to go out again, and now.
    """

    shop: ShopId
    event: str
    kind: Kind
    at: Instant
    subject: str
    order: str | None = None
    data: Mapping[str, Any] = Field(default={}, repr=False)
    reason: str | None = None
    asked: bool = False


class Recipient(Record):
    """`to`: an e-mail address, a telephone number (E.164), or for in-app the customer. `customer`: whose choices it is about: a digest of
    who it is, as limits know him, or of text messages perhaps the order; empty for staff.
    """

    channel: Channel
    to: str = Field(repr=False)
    customer: str = ""
    language: str = "en"


class Notification(Record):
    """One message of one event to one recipient by one channel: the outbox row that stands before each sending.

    `attempts` counts claims. `message`: the service's id of it. `error` and `detail` say why it failed. `also`: notices that it told
    along, whose own rows were skipped with `into` naming this one. `resent_of`: a person asked for it again. `by`: who asked for it, or
    for what failed to be tried once more: the id of a member of staff. `doubtful`: an attempt of it may have gone out unmarked.
    """

    id: str
    shop: ShopId
    notice: Notice
    recipient: Recipient
    status: Status = Status.WAITING
    created_at: Instant
    due_at: Instant
    updated_at: Instant
    attempts: int = 0
    claim: str = ""
    leased_until: Instant | None = None
    message: str | None = None
    error: str | None = None
    detail: str | None = None
    also: tuple[Notice, ...] = ()
    into: str | None = None
    resent_of: str | None = None
    by: str | None = None
    doubtful: bool = False
    version: int = 1

    def changed(self, now: datetime, **changes: object) -> "Notification":
        return self.model_copy(update={**changes, "updated_at": now, "version": self.version + 1})

    def again(self, now: datetime, by: str | None) -> "Notification":
        """From the beginning, under the same name, because somebody wants it."""
        fresh = {"attempts": 0, "leased_until": None, "error": None, "detail": None, "doubtful": False, "by": by}
        return self.changed(now, status=Status.WAITING, due_at=now, **fresh)


class Suppressed(StrEnum):
    BOUNCE = "bounce"
    COMPLAINT = "complaint"
    UNSUBSCRIBED = "unsubscribed"
    OPTED_OUT = "opted_out"
    """Of text messages, at the telephone company."""
    STAFF = "staff"


class Suppression(Record):
    """An address that is not written to. A person may lift it."""

    shop: ShopId
    channel: Channel
    to: str = Field(repr=False)
    why: Suppressed
    at: Instant
    detail: str | None = None


class Preferences(Record):
    """What a customer has chosen. `off`: topics that he does not want mail of. `phone` (E.164) with `sms_since` is his consent to text
    messages; without both none is sent. `customer`: his digest, or the id of the one order that it is chosen for.
    """

    shop: ShopId
    customer: str
    language: str | None = None
    off: tuple[Topic, ...] = ()
    phone: str | None = Field(default=None, repr=False)
    sms_since: Instant | None = None
    updated_at: Instant
    version: int = 1


class InApp(Record):
    """A message as a page shows it: already in words. `order` is None where it is about none."""

    id: str
    shop: ShopId
    customer: str
    kind: Kind
    order: str | None = None
    title: str
    text: str = Field(repr=False)
    at: Instant
    read_at: Instant | None = None


class Wish(Record):
    """Somebody without an order asked to be told when a SKU is back."""

    shop: ShopId
    sku: Sku
    email: str = Field(repr=False)
    customer: str
    language: str = "en"
    at: Instant
