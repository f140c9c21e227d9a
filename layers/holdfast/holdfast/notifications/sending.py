"""One attempt to send one notification: everything is made ready, the row is claimed, the channel's service is called once, and what came
of it is written down.

what happens                                and then
the service is busy or cannot be reached    it waits, and goes again after a pause that doubles; failed after the last one
the recipient is refused                    failed
nobody knows whether it went                it stays claimed. What carries keys goes again when the lease is over; for all else the mail
                                            service's own news are waited for first. After two attempts in doubt only they can tell
the worker dies                             before the claim nothing went; after it, as above
the words cannot be made                    failed: a person can see it, and have it sent again
its address was put right while it waited   skipped: another one goes to the right address
"""

from datetime import datetime, timedelta
from itertools import product
from typing import NamedTuple

from holdfast.kernel.ids import new_id
from holdfast.kernel.time import rfc3339
from holdfast.notifications import rules
from holdfast.notifications.errors import RecipientRefused, ServiceBusyError
from holdfast.notifications.kinds import OPTIONAL, Channel, Kind
from holdfast.notifications.model import Mail, Notice, Notification, Status
from holdfast.notifications.ports import Messages, PostOffice

LOOKED_AT = 100
"""Of what a subject was told last, for those of a burst."""
LONGEST_DELAY = timedelta(minutes=15)
"""Of a queue. What is due later comes by several messages."""
DEAD_LETTER = frozenset({rules.ATTEMPTS_EXHAUSTED, rules.OUTCOME_UNKNOWN, rules.TEMPLATE_ERROR})
"""Failures that staff hear of."""


class Attempted(NamedTuple):
    """The row as the attempt left it; `error`: what the channel's service, or the template, did wrong."""

    row: Notification
    error: Exception | None = None


def send(shop: str, notification: str, *, office: PostOffice, now: datetime) -> Attempted | None:
    """As `attempt`, of the row as it stands."""
    row = office.store.get(shop, notification)
    return attempt(row, office=office, now=now) if row is not None else None


def attempt(row: Notification, *, office: PostOffice, now: datetime) -> Attempted | None:
    """None: there was nothing to do, not yet, or another worker is at it. What the store or the writer raise, certainly before anything
    was sent, goes up: the message comes again.
    """
    if row.status not in rules.OPEN:
        return None
    if now < rules.free_at(row):
        send_later(row, rules.free_at(row) - now, office.messages)
        return None
    if rules.undecidable(row) or rules.stale(row, now):
        return _ended(row, Status.FAILED, now, office, rules.OUTCOME_UNKNOWN if rules.undecidable(row) else rules.ATTEMPTS_EXHAUSTED)
    if _told_elsewhere(row, office, now):
        return _ended(row, Status.SKIPPED, now, office, rules.READDRESSED)
    unwelcome = _unwelcome(row, office)
    if unwelcome is not None:
        return _ended(row, Status.SUPPRESSED, now, office, unwelcome)
    whole = _with_companions(row, office, now)
    return _written(whole, office, now) if whole is not None else None


def _told_elsewhere(row: Notification, office: PostOffice, now: datetime) -> bool:
    """What waited may be for an address that was put right meanwhile: with all that it tells along it goes to the right one instead. What
    a person addressed goes there.
    """
    if row.resent_of is not None or row.created_at == now:
        return False
    theirs = [one for one in office.writer.recipients(row.notice) if one.channel is row.recipient.channel]
    if not theirs or any(one.to == row.recipient.to for one in theirs):
        return False
    for notice, recipient in product((row.notice, *row.also), theirs):
        send_later(office.store.add(rules.row(notice, recipient, now)), timedelta(), office.messages)
    return True


def _unwelcome(row: Notification, office: PostOffice) -> str | None:
    """Why its recipient does not get it. His choice counts at the last moment: it may be newer than the row."""
    channel, to = row.recipient.channel, row.recipient.to
    if channel not in office.senders:
        return rules.CHANNEL_OFF
    if channel is Channel.IN_APP:
        return None
    suppression = office.store.suppression(row.shop, channel, to)
    if suppression is not None:
        return suppression.why
    topic = rules.manner(row).topic
    if channel is not Channel.SMS and topic not in OPTIONAL:
        return None
    chosen = office.store.preferences(row.shop, row.recipient.customer)
    if chosen is not None and topic in OPTIONAL & set(chosen.off):
        return rules.TOPIC_OFF
    agreed = chosen is not None and chosen.sms_since is not None and chosen.phone == to
    return rules.NO_CONSENT if channel is Channel.SMS and not agreed else None


# Bursts.


def _with_companions(row: Notification, office: PostOffice, now: datetime) -> Notification | None:
    """The row with what it tells along. Which ones is written down before any of them is ended in its favour: a worker that dies between
    is followed by one that finds them again. None: another worker was faster.
    """
    if rules.alone(row):
        return row
    if not row.also:
        waiting = rules.companions(row, office.store.of_subject(row.shop, row.notice.subject, LOOKED_AT))
        if not waiting:
            return row
        row = row.changed(now, also=tuple(other.notice for other in waiting))
        if not office.store.save(row):
            return None
    return row.model_copy(update={"also": tuple(notice for notice in row.also if _taken(notice, row, office, now))})


def _taken(notice: Notice, row: Notification, office: PostOffice, now: datetime) -> bool:
    """Whether this row tells it, and no other. One that went by itself meanwhile is left out."""
    other = office.store.get(row.shop, rules.notification_id(notice, row.recipient))
    if other is None or other.into == row.id:
        return other is not None
    taken = other.changed(now, status=Status.SKIPPED, into=row.id)
    return other.status is Status.WAITING and not other.also and office.store.save(taken)


# Words, claim, call, and what came of it.


def _written(row: Notification, office: PostOffice, now: datetime) -> Attempted | None:
    letter = office.writer.letter(row)
    if letter is None:
        return _ended(row, Status.SKIPPED, now, office)
    try:
        mail = office.render(letter)
    except Exception as error:  # noqa: BLE001  whatever a template does wrong, it does again at every try
        return _ended(row, Status.FAILED, now, office, rules.TEMPLATE_ERROR, error)
    claimed = row.changed(
        now,
        status=Status.CLAIMED,
        claim=new_id("clm", now),
        leased_until=now + rules.LEASE,
        attempts=row.attempts + 1,
        doubtful=row.doubtful or row.status is Status.CLAIMED,
    )
    return _sent(claimed, mail, office, now) if office.store.save(claimed) else None


def _sent(claimed: Notification, mail: Mail, office: PostOffice, now: datetime) -> Attempted:
    try:
        message = office.senders[claimed.recipient.channel].send(claimed, mail)
    except ServiceBusyError as busy:
        return _busy(claimed, busy, office, now)
    except RecipientRefused as refused:
        return _noted(claimed, office, now, error=refused, status=Status.FAILED, code=refused.code)
    except Exception as error:  # noqa: BLE001  whatever it was, it may have gone
        send_later(claimed, rules.free_at(claimed) - now, office.messages)
        return Attempted(claimed, error)
    return _noted(claimed, office, now, status=Status.SENT, message=message)


def _busy(claimed: Notification, busy: ServiceBusyError, office: PostOffice, now: datetime) -> Attempted:
    if claimed.attempts >= rules.MOST_ATTEMPTS:
        return _noted(claimed, office, now, error=busy, status=Status.FAILED, code=rules.ATTEMPTS_EXHAUSTED)
    pause = rules.pause(claimed.attempts, office.chance)
    after = _noted(claimed, office, now, error=busy, status=Status.WAITING, due_at=now + pause, code=busy.code)
    send_later(after.row, pause, office.messages)
    return after


def _noted(
    claimed: Notification, office: PostOffice, now: datetime, *, error: Exception | None = None, code: str | None = None, **what: object
) -> Attempted:
    """Over whatever was heard of it meanwhile, as long as the claim is ours. If it is not, what stands there is the better news."""
    row = claimed
    while row.status is Status.CLAIMED and row.claim == claimed.claim:
        after = row.changed(now, error=code, **what)
        if office.store.save(after):
            _complain(after, office.messages)
            return Attempted(after, error)
        row = office.store.get(row.shop, row.id) or after
    return Attempted(row, error)


def _ended(
    row: Notification, status: Status, now: datetime, office: PostOffice, code: str | None = None, error: Exception | None = None
) -> Attempted | None:
    """Without a call. None: another worker was faster."""
    after = row.changed(now, status=status, error=code, detail=type(error).__name__ if error else None)
    if not office.store.save(after):
        return None
    _complain(after, office.messages)
    return Attempted(after, error)


# Messages.


def give_up(shop: str, notification: str, error: Exception, *, office: PostOffice, now: datetime) -> Attempted | None:
    """The last message about it failed, before anything was sent. None: it has ended, waits for its time, or somebody is at it."""
    row = office.store.get(shop, notification)
    if row is None or row.status not in rules.OPEN or now < rules.free_at(row):
        return None
    return _ended(row, Status.FAILED, now, office, rules.ATTEMPTS_EXHAUSTED, error)


def send_later(row: Notification, wait: timedelta, messages: Messages) -> None:
    """In whole seconds and not too early: else it would be sent on and on."""
    message = {"kind": "send", "shop": row.shop, "notification": row.id}
    messages.send(message, delay=min(LONGEST_DELAY, timedelta(seconds=-(-wait // timedelta(seconds=1)))))


def tell_staff(shop: str, what: str, kind: str, *, messages: Messages, now: datetime) -> None:
    """That something was tried as often as it may be. Once an hour for each kind of it: all of them are in the list of what failed."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    notice = Notice(
        shop=shop,
        event=f"{what}#{kind}#{rfc3339(hour)}",
        kind=Kind.DEAD_LETTER,
        at=hour,
        subject="dead_letters",
        data={"what": what, "kind": kind},
    )
    messages.send({"kind": "tell", "notice": notice.model_dump(mode="json")})


def _complain(row: Notification, messages: Messages) -> None:
    """Never about a message that says just this."""
    if row.status is Status.FAILED and row.error in DEAD_LETTER and row.notice.kind is not Kind.DEAD_LETTER:
        tell_staff(row.shop, "notification", row.notice.kind, messages=messages, now=row.updated_at)
