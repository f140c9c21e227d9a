"""A shop that tells people things over any store: what tests of the outbox are written against."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from holdfast.kernel.errors import HoldfastError
from holdfast.notifications import keys, rules, sending, telling
from holdfast.notifications.in_app import InAppSender
from holdfast.notifications.kinds import Channel, Kind
from holdfast.notifications.model import Mail, Notice, Notification, Preferences, Recipient, Status
from holdfast.notifications.ports import NotificationStore, PostOffice
from holdfast.notifications.sending import Attempted
from tests.memory.notifications import Queued, Service

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
MAIL = Recipient(channel=Channel.EMAIL, to="ada@example.com", customer="digest")
TEXT = Recipient(channel=Channel.SMS, to="+4915112345678", customer="digest")
PAGE = Recipient(channel=Channel.IN_APP, to="digest", customer="digest")


@dataclass
class FewWords:
    """A `Writer` that tells of everything to everybody, until it is over. What it writes is the row itself."""

    to: tuple[Recipient, ...] = (MAIL, TEXT, PAGE)
    over: bool = False
    raises: Exception | None = None

    def recipients(self, notice: Notice) -> tuple[Recipient, ...]:
        return self.to

    def letter(self, row: Notification) -> Any:
        if self.raises is not None:
            raise self.raises
        return None if self.over else row


def words(row: Any) -> Mail:
    """Names the events that it tells of."""
    told = " ".join(sorted(notice.event for notice in (row.notice, *row.also)))
    return Mail(to=row.recipient.to, subject=row.notice.kind, text=told, html=told, short=told)


@dataclass
class PostRoom:
    """`now` is moved by hand. `mail` and `texts` keep what was sent, `queue` our own messages. `news`: the mail service tells of each mail
    within a minute; `messages_come`: else only the schedule brings what waits.
    """

    store: NotificationStore
    shop: str = "demo"
    mail: Service = field(default_factory=Service)
    texts: Service = field(default_factory=Service)
    writer: FewWords = field(default_factory=FewWords)
    queue: Any = field(default_factory=Queued)
    render: Callable[[Any], Mail] = words
    now: datetime = NOW
    news: bool = False
    messages_come: bool = True

    @property
    def office(self) -> PostOffice:
        self.queue.now = self.now
        senders: dict[Channel, Any] = {Channel.EMAIL: self.mail, Channel.SMS: self.texts, Channel.IN_APP: InAppSender(self.store)}
        return PostOffice(self.store, self.writer, self.render, senders, self.queue, lambda below: 0)

    def agree(self, phone: str | None = TEXT.to) -> None:
        """The customer wants text messages."""
        self.store.save_preferences(
            Preferences(shop=self.shop, customer="digest", phone=phone, sms_since=NOW if phone else None, updated_at=NOW)
        )

    def notice(self, event: str = "evt_1", kind: Kind = Kind.COMPLETED, **changes: Any) -> Notice:
        bare = {"shop": self.shop, "event": event, "kind": kind, "at": NOW, "subject": "ord_1", "order": "ord_1"}
        return Notice(**{**bare, **changes})

    def tell(self, notice: Notice | None = None) -> list[Attempted]:
        return telling.tell(notice or self.notice(), office=self.office, now=self.now)

    def add(self, notice: Notice | None = None, recipient: Recipient = MAIL, **changes: Any) -> Notification:
        """Written down, and not sent."""
        made = rules.row(notice or self.notice(), recipient, self.now).model_copy(update=changes)
        return self.store.add(made)

    def attempt(self, row: Notification) -> Attempted | None:
        return sending.send(self.shop, row.id, office=self.office, now=self.now)

    def row(self, event: str = "evt_1", recipient: Recipient = MAIL, kind: Kind = Kind.COMPLETED) -> Notification:
        found = self.store.get(self.shop, rules.notification_id(self.notice(event, kind), recipient))
        assert found is not None
        return found

    def hear(self, row: Notification, status: Status = Status.SENT) -> None:
        """News of the mail service."""
        standing = self.store.get(row.shop, row.id)
        assert standing is not None
        after = rules.heard(standing, status, self.now, message="message-of-the-service")
        assert after is None or self.store.save(after)

    def later(self, **by: float) -> None:
        self.now += timedelta(**by)

    def work(self) -> int:
        """At what the queue has by now. A message that fails comes again later."""
        due = self.queue.due(self.now)
        for message in due:
            self.work_at(message)
        return len(due)

    def work_at(self, message: dict[str, Any]) -> None:
        try:
            if message["kind"] == "tell":
                self.tell(Notice.model_validate(message["notice"]))
            else:
                sending.send(message["shop"], message["notification"], office=self.office, now=self.now)
        except HoldfastError:
            self.queue.now = self.now
            self.queue.send(message, delay=timedelta(seconds=30))

    def tick(self, late: timedelta = timedelta(minutes=10)) -> None:
        """As the schedule does: what should have gone long ago goes to the queue again. Other tests have shops in the same tables."""
        self.queue.now = self.now
        for bucket in range(keys.DUE_BUCKETS):
            for row in [one for one in self.store.overdue(bucket, self.now - late, 1000) if one.shop == self.shop]:
                self.queue.send({"kind": "send", "shop": row.shop, "notification": row.id})

    def go_on(self, **so_long: float) -> None:
        """Minute by minute, with queue and schedule."""
        end = self.now + timedelta(**so_long)
        while self.now < end:
            self.later(minutes=1)
            for row in self.mail.rows if self.news else []:
                self.hear(row)
            if not self.messages_come:
                self.queue.waiting.clear()
            self.tick()
            while self.work():
                pass
