"""Sending again what was sent before, or could not be: one by one, perhaps to another address, or all that failed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from holdfast.kernel.ids import born_at, derived_id
from holdfast.kernel.model import Model
from holdfast.notifications import browsing, rules
from holdfast.notifications.kinds import Channel
from holdfast.notifications.model import Notification, Recipient, Status
from holdfast.notifications.ports import Customers, Messages, Notifications, Suppressions
from holdfast.notifications.refusals import AddressOfAnotherChannel, ConsentMissing, NotificationUnderWay, RecipientSuppressed

FAILED = frozenset({Status.FAILED})


class Book(Notifications, Suppressions, Customers, Protocol):
    """What was sent, and who may be written to."""


class Resend(Model):
    """`identity` names the request: the same one makes the same notification. `email`, `phone`: a corrected address. `by`: who asks."""

    shop: str
    notification: str
    identity: str
    by: str | None
    email: str | None = None
    phone: str | None = None


class RetryFailed(Model):
    """All that failed, newest first, so many per call. `after`: where the call before ended. `by`: who asks."""

    shop: str
    limit: int
    by: str | None
    after: str | None = None
    dry_run: bool = True


class Retried(Model):
    """`rows`: those that it is about; `retried` of them are sent again. `last`: where to go on; None: that was all."""

    rows: Sequence[Notification]
    retried: int
    last: str | None


def resend(command: Resend, *, book: Book, messages: Messages, now: datetime) -> Notification:
    """A new row: what became of the old one stays to be seen. UnknownNotification, NotificationUnderWay, RecipientSuppressed,
    ConsentMissing, AddressOfAnotherChannel.
    """
    old = browsing.read(command.shop, command.notification, notifications=book)
    if old.status in rules.OPEN:
        raise NotificationUnderWay("It is not sent yet. Look what comes of it.", notification_status=old.status)
    again = _again(old, _address(old, command), command, now)
    _demand_welcome(again, book)
    standing = book.add(again)
    messages.send(send_message(standing))
    return standing


def retry_failed(command: RetryFailed, *, notifications: Notifications, messages: Messages, now: datetime) -> Retried:
    """Each under its own row, which waits again: what is asked for twice is sent once. Whoever changed one meanwhile has it."""
    rows, last = notifications.page(command.shop, FAILED, command.limit, command.after)
    retried = 0 if command.dry_run else sum(_retried(row, command.by, notifications, messages, now) for row in rows)
    return Retried(rows=rows, retried=retried, last=last)


def send_message(row: Notification) -> dict[str, str]:
    return {"kind": "send", "shop": row.shop, "notification": row.id}


def _retried(row: Notification, by: str | None, notifications: Notifications, messages: Messages, now: datetime) -> bool:
    waiting = row.again(now, by)
    if not notifications.save(waiting):
        return False
    messages.send(send_message(waiting))
    return True


def _address(old: Notification, command: Resend) -> str:
    given = {Channel.EMAIL: command.email, Channel.SMS: command.phone}
    channel = old.recipient.channel
    if any(address is not None for other, address in given.items() if other is not channel):
        raise AddressOfAnotherChannel("An address of another channel cannot be written to with this message.", channel=channel)
    return given.get(channel) or old.recipient.to


def _demand_welcome(row: Notification, book: Book) -> None:
    """RecipientSuppressed, ConsentMissing: a number that staff corrected needs the customer's consent as any other."""
    channel, to, customer = row.recipient.channel, row.recipient.to, row.recipient.customer
    suppression = book.suppression(row.shop, channel, to)
    if suppression is not None:
        raise RecipientSuppressed("This recipient is not written to.", reason=suppression.why)
    if channel is Channel.SMS:
        chosen = book.preferences(row.shop, customer)
        if chosen is None or chosen.sms_since is None or chosen.phone != to:
            raise ConsentMissing("The customer has not agreed to text messages to this number.")


def _again(old: Notification, to: str, command: Resend, now: datetime) -> Notification:
    return Notification(
        id=derived_id("ntf", born_at(old.id), old.shop, old.id, command.identity),
        shop=old.shop,
        notice=old.notice,
        recipient=_recipient(old, to),
        created_at=now,
        due_at=now,
        updated_at=now,
        also=old.also,
        resent_of=old.id,
        by=command.by,
    )


def _recipient(old: Notification, to: str) -> Recipient:
    """At another e-mail address somebody else may read it: the links of the first one's choices are not his."""
    moved = old.recipient.channel is Channel.EMAIL and to != old.recipient.to
    return old.recipient.model_copy(update={"to": to, **({"customer": ""} if moved else {})})
