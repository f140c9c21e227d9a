"""From an event to rows of the outbox, and on to their first attempt.

A row for each recipient is written before anything is sent. A worker that dies before that is called again by the queue; one that dies
later leaves rows that have not ended, and the schedule finds them.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from holdfast.kernel.errors import UnavailableError
from holdfast.kernel.ids import ShopId
from holdfast.kernel.model import Model
from holdfast.kernel.time import Instant
from holdfast.notifications import rules
from holdfast.notifications.kinds import MANNERS, OF_EVENTS, Audience
from holdfast.notifications.model import Notice, Notification, Status
from holdfast.notifications.ports import PostOffice
from holdfast.notifications.sending import LOOKED_AT, Attempted, attempt, send_later

CANCELLED = "order.cancelled.v1"
RESENT = "order.mail_resent.v1"
"""Asks for the message of an earlier event again."""


class Happened(Model):
    """An event of an order as the bus has it. `by`: the kind of who did it; `reason` in his words."""

    shop: ShopId
    id: str
    type: str
    at: Instant
    order: str
    by: str
    number: str | None = None
    data: Mapping[str, Any] = {}
    reason: str | None = None


def notices(event: Happened) -> list[Notice]:
    """What is to be told of it. Nothing, of a try that was given up at the checkout or for another one: to a customer it was no order."""
    if event.type == RESENT:
        return [_notice(event, event.data["of"], event.data["told"], event.data.get("reason"), asked=True)]
    given_up = event.type == CANCELLED and event.by != "staff" and not event.data.get("paid")
    if given_up or event.type not in OF_EVENTS:
        return []
    return [_notice(event, event.type, event.data, event.reason)]


def _notice(event: Happened, type_: str, data: Mapping[str, Any], reason: str | None, *, asked: bool = False) -> Notice:
    """Staff also read which event it was, and of which order."""
    kind = OF_EVENTS[type_]
    if MANNERS[kind].audience is Audience.STAFF:
        data = {**data, "event": type_, "number": event.number}
    return Notice(
        shop=event.shop,
        event=event.id,
        kind=kind,
        at=event.at,
        subject=event.order,
        order=event.order,
        data=data,
        reason=reason,
        asked=asked,
    )


def hear(event: Happened, *, office: PostOffice, now: datetime) -> list[Attempted]:
    """All that is to be told of it now; what is to wait comes by a message."""
    attempted: list[Attempted] = []
    for notice in notices(event):
        wait = MANNERS[notice.kind].wait
        if wait and not notice.asked:
            office.messages.send({"kind": "tell", "notice": notice.model_dump(mode="json")}, delay=wait)
        else:
            attempted += tell(notice, office=office, now=now)
    return attempted


def tell(notice: Notice, *, office: PostOffice, now: datetime) -> list[Attempted]:
    """To each recipient once, however often it is called. What cannot be sent now comes by a message of its own: one recipient's trouble is
    no other's.
    """
    made = [office.store.add(rules.row(notice, recipient, now)) for recipient in office.writer.recipients(notice)]
    open_ = [row for row in made if row.status in rules.OPEN]
    attempted = [_attempt(row, office, now) for row in _paced(open_, office, now)]
    return [one for one in attempted if one is not None]


def write(notice: Notice, *, office: PostOffice, now: datetime) -> None:
    """As `tell`, of a kind that has no bursts; each is sent by a message of its own. Whoever tells many in a row has no time to send them:
    a worker that is stopped in the middle leaves a mail in doubt, and what else was in its batch waits.
    """
    for recipient in office.writer.recipients(notice):
        row = office.store.add(rules.row(notice, recipient, now))
        if row.status in rules.OPEN:
            send_later(row, timedelta(), office.messages)


def _attempt(row: Notification, office: PostOffice, now: datetime) -> Attempted | None:
    try:
        return attempt(row, office=office, now=now)
    except UnavailableError:
        send_later(row, rules.pause(1, office.chance), office.messages)
        return None


def _paced(made: list[Notification], office: PostOffice, now: datetime) -> list[Notification]:
    """Those of a burst wait until the one before them is some time ago. Looked up after they were written: of two that are told in the same
    moment at least one sees the other.
    """
    fresh = {row.id for row in made if row.status is Status.WAITING and row.due_at == row.created_at and not rules.alone(row)}
    if not fresh:
        return made
    others = office.store.of_subject(made[0].shop, made[0].notice.subject, LOOKED_AT)
    return [_waiting(row, others, office, now) if row.id in fresh else row for row in made]


def _waiting(row: Notification, others: list[Notification], office: PostOffice, now: datetime) -> Notification:
    due = rules.due(row, others, now)
    later = row.changed(now, due_at=due)
    return later if due > now and office.store.save(later) else row
