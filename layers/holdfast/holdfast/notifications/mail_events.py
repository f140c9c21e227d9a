"""What the mail service tells of mails that it took: they went, arrived, came back, or were called spam. It finds the row by the mail's
tags, in any order of news and however often each comes: the worst that is known of a mail stays (`rules.heard`).

Addresses and the words of other people's mail servers are not kept: these often name the recipient.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, StringConstraints, ValidationError

from holdfast.kernel.errors import VersionConflict
from holdfast.kernel.ids import ShopId
from holdfast.kernel.model import Record
from holdfast.kernel.time import Instant
from holdfast.notifications import rules
from holdfast.notifications.kinds import Channel
from holdfast.notifications.model import Notification, Status, Suppressed, Suppression
from holdfast.notifications.ports import NotificationStore

ATTEMPTS = 8
REJECTED, NOT_RENDERED = "mail_rejected", "mail_not_rendered"
NOT_SPAM = "not-spam"
"""Somebody took it out of the spam: no complaint at all."""


class News(StrEnum):
    """By the names that the service's events have on the bus."""

    SENT = "Email Sent"
    DELIVERED = "Email Delivered"
    DELAYED = "Email Delivery Delayed"
    BOUNCED = "Email Bounced"
    COMPLAINED = "Email Complaint Received"
    REJECTED = "Email Rejected"
    NOT_RENDERED = "Email Rendering Failed"


class _Tags(Record):
    """Each has one value: ours."""

    notification: tuple[Annotated[str, StringConstraints(pattern=r"^ntf_[0-9A-Z]{26}$")]]
    shop: tuple[ShopId]


class _Mail(Record):
    messageId: str  # noqa: N815  the service's own names
    tags: _Tags


class _Recipient(Record):
    status: str | None = None


class _Bounce(Record):
    """`bounceType`: Permanent, Transient or Undetermined."""

    bounceType: str  # noqa: N815
    bounceSubType: str | None = None  # noqa: N815
    bouncedRecipients: Sequence[_Recipient] = ()  # noqa: N815


class _Complaint(Record):
    complaintFeedbackType: str | None = None  # noqa: N815
    complaintSubType: str | None = None  # noqa: N815


class _Delay(Record):
    delayType: str | None = None  # noqa: N815
    delayedRecipients: Sequence[_Recipient] = ()  # noqa: N815


class _Reject(Record):
    reason: str | None = None


class _Detail(Record):
    mail: _Mail
    bounce: _Bounce | None = None
    complaint: _Complaint | None = None
    deliveryDelay: _Delay | None = None  # noqa: N815
    reject: _Reject | None = None


class _Event(Record):
    """As EventBridge hands it over. What else the service tells is passed over."""

    news: News = Field(alias="detail-type")
    source: str = Field(pattern=r"^aws\.ses$")
    time: Instant
    detail: _Detail


class Told(Record):
    """What is known of a mail by one event. `suppress`: the address is written to no more."""

    shop: str
    notification: str
    message: str
    at: Instant
    news: News
    status: Status | None = None
    error: str | None = None
    detail: str | None = None
    suppress: Suppressed | None = None


def read(event: dict[str, Any]) -> Told | None:
    """None: it is no news of a mail of ours. Others may send by the same account."""
    try:
        found = _Event.model_validate(event)
    except ValidationError:
        return None
    tags = found.detail.mail.tags
    known = {"news": found.news, "message": found.detail.mail.messageId, "at": found.time}
    told = Told(shop=tags.shop[0], notification=tags.notification[0], **known)
    return told.model_copy(update=_MEANING[found.news](found.detail))


def apply(told: Told, *, store: NotificationStore, now: datetime) -> Notification | None:
    """The row as it stands after it; None when there is none any more. VersionConflict when it keeps changing: the event comes again."""
    for _ in range(ATTEMPTS):
        row = store.get(told.shop, told.notification)
        if row is None or row.recipient.channel is not Channel.EMAIL:
            return None
        if told.suppress is not None:
            store.suppress(_suppression(row, told.suppress, told, now))
        if told.status is None:
            return row
        after = rules.heard(row, told.status, now, message=row.message or told.message, error=told.error, detail=told.detail)
        if after is None or store.save(after):
            return after or row
    raise VersionConflict("The notification keeps changing.")


def _bounced(detail: _Detail) -> dict[str, Any]:
    """Only what is permanent is the end: an absence note or a full box is a bounce as well."""
    bounce = detail.bounce
    if bounce is None:
        return {}
    said = _words(bounce.bounceType, bounce.bounceSubType, *_codes(bounce.bouncedRecipients))
    if bounce.bounceType != "Permanent":
        return {"status": Status.SENT, "detail": said}
    return {"status": Status.BOUNCED, "error": "bounced", "detail": said, "suppress": Suppressed.BOUNCE}


def _complained(detail: _Detail) -> dict[str, Any]:
    complaint = detail.complaint
    if complaint is None or complaint.complaintFeedbackType == NOT_SPAM:
        return {}
    said = _words(complaint.complaintFeedbackType, complaint.complaintSubType)
    return {"status": Status.COMPLAINED, "error": "complained", "detail": said, "suppress": Suppressed.COMPLAINT}


def _delayed(detail: _Detail) -> dict[str, Any]:
    delay = detail.deliveryDelay
    if delay is None:
        return {}
    return {"status": Status.SENT, "detail": _words("delayed", delay.delayType, *_codes(delay.delayedRecipients))}


def _rejected(detail: _Detail) -> dict[str, Any]:
    return {"status": Status.FAILED, "error": REJECTED, "detail": _words(detail.reject.reason if detail.reject else None)}


_MEANING: Mapping[News, Callable[[_Detail], dict[str, Any]]] = {
    News.SENT: lambda _: {"status": Status.SENT},
    News.DELIVERED: lambda _: {"status": Status.DELIVERED},
    News.DELAYED: _delayed,
    News.BOUNCED: _bounced,
    News.COMPLAINED: _complained,
    News.REJECTED: _rejected,
    News.NOT_RENDERED: lambda _: {"status": Status.FAILED, "error": NOT_RENDERED},
}


def _codes(recipients: Sequence[_Recipient]) -> list[str | None]:
    """`5.1.1` and the like."""
    return [recipient.status for recipient in recipients[:1]]


def _words(*parts: str | None) -> str | None:
    """Short words of the service, for a person to read."""
    return " ".join(part for part in parts if part)[:200] or None


def _suppression(row: Notification, why: Suppressed, told: Told, now: datetime) -> Suppression:
    """Of the address that we wrote to. The first reason stays."""
    return Suppression(shop=row.shop, channel=Channel.EMAIL, to=row.recipient.to, why=why, at=now, detail=told.detail)
