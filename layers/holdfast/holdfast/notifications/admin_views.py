"""How notifications look to a shop's staff over HTTP. Whole addresses are for those who may act."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, WithJsonSchema, model_validator

from holdfast.kernel.model import Input, Model
from holdfast.kernel.time import Instant
from holdfast.notifications.fields import (
    CustomerText,
    Email,
    EmailOrPhone,
    Language,
    NotificationAudience,
    NotificationChannel,
    NotificationKind,
    NotificationStatus,
    NotificationTopic,
    Phone,
    SuppressedBecause,
    masked,
)
from holdfast.notifications.kinds import ALWAYS_SENT, MANNERS, OPTIONAL, Kind, switched_off
from holdfast.notifications.model import Mail, Notification, Status, Suppressed, Suppression
from holdfast.notifications.resending import Resend, Retried, RetryFailed
from holdfast.platform.pages import PageQuery

Subject = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,128}$")]


def _listed(given: Any) -> Any:
    return given.split(",") if isinstance(given, str) else given


Statuses = Annotated[
    frozenset[Status],
    BeforeValidator(_listed),
    WithJsonSchema({"type": "array", "minItems": 1, "items": {"type": "string", "enum": [status.value for status in Status]}}),
]


class NotificationsQuery(PageQuery):
    """`status` may come several times, or with commas. `order`: those about one order, or about one SKU where people wait for it.

    A page may be shorter than `limit` though there are more. A name that is not one of these is refused, for a filter with a slip of
    the pen would be none.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    status: Statuses | None = None
    order: Subject | None = None


class LanguageQuery(BaseModel):
    """`language`: the shop's, unless another is asked for."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    language: Language | None = None


class ResendNotificationBody(Input):
    """Left out: to the address that it went to. `email` corrects that of a mail, `phone` that of a text message."""

    email: Email | None = None
    phone: Phone | None = None

    def command(self, shop: str, notification: str, identity: str, by: str | None) -> Resend:
        return Resend(shop=shop, notification=notification, identity=identity, by=by, email=self.email, phone=self.phone)


class RetryNotificationsBody(Input):
    """Without `dry_run: false` nothing is done but told. `cursor` is the `next` of the answer before."""

    dry_run: bool = True
    limit: int = Field(default=25, ge=1, le=100)
    cursor: Annotated[str, StringConstraints(max_length=6000)] | None = None

    def command(self, shop: str, after: str | None, by: str | None) -> RetryFailed:
        return RetryFailed(shop=shop, limit=self.limit, by=by, after=after, dry_run=self.dry_run)


class SuppressionNameBody(Input):
    """An address that is not to be written to: of `email` an e-mail address, of `sms` a number in E.164."""

    channel: Literal["email", "sms"]
    to: EmailOrPhone

    @model_validator(mode="after")
    def _fits_the_channel(self) -> "SuppressionNameBody":
        if ("@" in self.to) is not (self.channel == "email"):
            raise ValueError("the address is not one of this channel")
        return self


class SuppressionBody(SuppressionNameBody):
    """`detail`: why, in the words of whoever asks for it."""

    detail: CustomerText | None = None


class NotificationView(Model):
    """`recipient` is masked. `order` null: it is about none. `error` has the code of what went wrong; `told_along`: other events that it
    told as well; `into`: the notification that told this one along; `resent_of`: the one that it was sent again for.
    `by`: the API key of whoever had it sent or tried again; null: nobody had.
    """

    id: str
    kind: NotificationKind
    audience: NotificationAudience
    channel: NotificationChannel
    status: NotificationStatus
    recipient: str
    order: str | None
    subject: str
    event: str
    language: str
    attempts: int
    error: str | None
    told_along: int
    into: str | None
    resent_of: str | None
    by: str | None
    created_at: Instant
    due_at: Instant
    updated_at: Instant


class NotificationDetail(NotificationView):
    """`to` and `detail` are for operators: they may name a person. `message`: the service's id of it. `doubtful`: an attempt before may
    have gone out as well. `events`: all that it tells of.
    """

    to: str | None = Field(repr=False)
    detail: str | None = Field(repr=False)
    message: str | None
    doubtful: bool
    leased_until: Instant | None
    events: list[str]


class NotificationPage(Model):
    items: list[NotificationView]
    next: str | None


class RetriedNotificationsView(Model):
    """The notifications that it is about; unless it was a dry run, `retried` of them are sent again. Go on with `next`."""

    dry_run: bool
    matched: int
    retried: int
    items: list[NotificationView]
    next: str | None


class MailPreview(Model):
    """A message in words. `short`: what goes as text message and stands in the app."""

    subject: str
    short: str
    text: str
    html: str


class MessageKindView(Model):
    """`optional`: a customer may switch it off. `may_be_switched_off`: the shop may, by `mails_off`; not what brings keys or tells of
    money. `switched_off`: it does not send it. `collapse_seconds`: a second one about the same waits so long after the first, and takes
    along what comes meanwhile; `wait_seconds`: it is sent so long after it happened.
    """

    kind: NotificationKind
    audience: NotificationAudience
    topic: NotificationTopic
    channels: list[NotificationChannel]
    optional: bool
    may_be_switched_off: bool
    switched_off: bool
    collapse_seconds: int
    wait_seconds: int


class MessageKindList(Model):
    items: list[MessageKindView]
    next: str | None


class SuppressionView(Model):
    """`recipient` is masked; `to` and `detail` are for operators."""

    channel: NotificationChannel
    recipient: str
    to: str | None = Field(repr=False)
    why: SuppressedBecause
    at: Instant
    detail: str | None = Field(repr=False)


class SuppressionPage(Model):
    items: list[SuppressionView]
    next: str | None


def notification_view(row: Notification) -> NotificationView:
    return NotificationView.model_validate(_told(row))


def notification_detail(row: Notification, *, whole: bool) -> NotificationDetail:
    personal = {"to": row.recipient.to, "detail": row.detail} if whole else {"to": None, "detail": None}
    known = {name: getattr(row, name) for name in ("message", "doubtful", "leased_until")}
    events = [row.notice.event, *(notice.event for notice in row.also)]
    return NotificationDetail.model_validate({**_told(row), **known, **personal, "events": events})


def retried_view(retried: Retried, dry_run: bool, following: str | None) -> RetriedNotificationsView:
    items = [notification_view(row) for row in retried.rows]
    return RetriedNotificationsView(dry_run=dry_run, matched=len(items), retried=retried.retried, items=items, next=following)


def mail_preview(mail: Mail) -> MailPreview:
    return MailPreview(subject=mail.subject, short=mail.short, text=mail.text, html=mail.html)


def kind_list(off: tuple[str, ...]) -> MessageKindList:
    return MessageKindList(items=[_kind_view(kind, off) for kind in Kind], next=None)


def suppression_view(suppression: Suppression, *, whole: bool) -> SuppressionView:
    personal = {"to": suppression.to, "detail": suppression.detail} if whole else {"to": None, "detail": None}
    known = {"channel": suppression.channel, "why": Suppressed(suppression.why), "at": suppression.at}
    return SuppressionView.model_validate({**known, **personal, "recipient": masked(suppression.channel, suppression.to)})


def _kind_view(kind: Kind, off: tuple[str, ...]) -> MessageKindView:
    manner = MANNERS[kind]
    return MessageKindView(
        kind=kind,
        audience=manner.audience,
        topic=manner.topic,
        channels=list(manner.channels),
        optional=manner.topic in OPTIONAL,
        may_be_switched_off=kind not in ALWAYS_SENT,
        switched_off=switched_off(kind, off),
        collapse_seconds=int(manner.collapse.total_seconds()),
        wait_seconds=int(manner.wait.total_seconds()),
    )


def _told(row: Notification) -> dict[str, Any]:
    notice, recipient = row.notice, row.recipient
    known = {name: getattr(row, name) for name in ("id", "status", "attempts", "error", "into", "resent_of", "by", "created_at", "due_at")}
    return {
        **known,
        "kind": notice.kind,
        "audience": MANNERS[notice.kind].audience,
        "channel": recipient.channel,
        "recipient": masked(recipient.channel, recipient.to),
        "order": notice.order,
        "subject": notice.subject,
        "event": notice.event,
        "language": recipient.language,
        "told_along": len(row.also),
        "updated_at": row.updated_at,
    }
