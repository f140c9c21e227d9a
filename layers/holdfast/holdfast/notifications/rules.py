"""What may become of a notification, and when: arithmetic on rows."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from itertools import islice, zip_longest
from typing import NamedTuple

from holdfast.kernel.ids import derived_id
from holdfast.notifications.kinds import MANNERS, Channel, Doubt, Manner
from holdfast.notifications.model import Notice, Notification, Recipient, Status

LEASE = timedelta(seconds=60)
"""As long as a worker lives: who holds a claim and is alive is never overtaken."""
ASK_FOR = timedelta(minutes=10)
"""The mail service's own news of a mail come within seconds. After so long none will come any more."""
FIRST_PAUSE, LONGEST_PAUSE = 10, 1800
"""Seconds. A channel that is busy is asked again after a pause that doubles."""
MOST_ATTEMPTS = 12
"""The last comes two hours after the first, or half of that: an outage is survived."""
STALE = timedelta(days=3)
"""What nobody could as much as try to send for so long kills its workers, or is no news any more."""
MOST_TAKEN_ALONG = 50

OPEN = frozenset({Status.WAITING, Status.CLAIMED})
"""It has not ended yet."""
BAD = frozenset({Status.FAILED, Status.BOUNCED, Status.COMPLAINED, Status.SUPPRESSED})
"""Its recipient did not get it, or did not want it."""
WENT = frozenset({Status.CLAIMED, Status.SENT, Status.DELIVERED, Status.BOUNCED, Status.COMPLAINED})

ATTEMPTS_EXHAUSTED = "attempts_exhausted"
OUTCOME_UNKNOWN = "outcome_unknown"
"""Two attempts may have gone out, and the service has told of none."""
TEMPLATE_ERROR = "template_error"
CHANNEL_OFF = "channel_off"
TOPIC_OFF = "topic_off"
NO_CONSENT = "no_consent"
READDRESSED = "readdressed"
"""Its recipient has another address by now, and is told there."""

Chance = Callable[[int], int]
"""A whole number below the one given."""

_RANK = {
    Status.WAITING: 0,
    Status.CLAIMED: 0,
    Status.SENT: 1,
    Status.DELIVERED: 2,
    Status.FAILED: 3,
    Status.BOUNCED: 4,
    Status.COMPLAINED: 5,
}
"""Of the channel's own news the worse is believed, in whatever order they come."""


def notification_id(notice: Notice, recipient: Recipient) -> str:
    """The same for the same event, message, channel and recipient."""
    identity = (notice.shop, notice.event, notice.kind, recipient.channel, recipient.to)
    return derived_id("ntf", notice.at, *identity)


def row(notice: Notice, recipient: Recipient, now: datetime) -> Notification:
    return Notification(
        id=notification_id(notice, recipient),
        shop=notice.shop,
        notice=notice,
        recipient=recipient,
        created_at=now,
        due_at=now,
        updated_at=now,
    )


def manner(row: Notification) -> Manner:
    return MANNERS[row.notice.kind]


# When.


def free_at(row: Notification) -> datetime:
    """From when on a worker may take it."""
    if row.status is Status.CLAIMED and row.leased_until is not None:
        return row.leased_until + (ASK_FOR if _asks(row) else timedelta())
    return row.due_at


def wake_at(row: Notification) -> datetime | None:
    """When it has to be looked at, should every message about it be lost. None: it has ended."""
    if row.status not in OPEN:
        return None
    return row.leased_until if row.status is Status.CLAIMED and row.leased_until else row.due_at


def always(_: datetime) -> bool:
    return True


class Late(NamedTuple):
    """One that has to be looked at, as the index knows it."""

    since: datetime
    id: str
    shop: str


def shared(late: Iterable[Late], limit: int) -> list[Late]:
    """So many of them, which come with the longest late first. The shops take turns: where one has thousands, those of others go on."""
    of_shops: dict[str, list[Late]] = {}
    for one in late:
        theirs = of_shops.setdefault(one.shop, [])
        if len(theirs) < limit:
            theirs.append(one)
    in_turn = (one for turn in zip_longest(*of_shops.values()) for one in turn if one is not None)
    return sorted(islice(in_turn, limit))


def _asks(row: Notification) -> bool:
    """Only the mail service has news of its own, and after a second attempt in doubt nobody may rush. In the app twice is once."""
    return row.recipient.channel is Channel.EMAIL and (row.doubtful or manner(row).doubt is Doubt.ASK)


def undecidable(row: Notification) -> bool:
    """Of two attempts nobody knows whether they went, and no news came: a third is for a person to decide. A page shows two as one."""
    return row.status is Status.CLAIMED and row.doubtful and row.recipient.channel is not Channel.IN_APP


def pause(attempts: int, chance: Chance) -> timedelta:
    """After so many attempts, of which the second half is left to chance: what failed together must not come back together."""
    full = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (attempts - 1))
    return timedelta(seconds=full - chance(full // 2 + 1))


def stale(row: Notification, now: datetime) -> bool:
    return now > row.due_at + STALE


# Bursts.


def alone(row: Notification) -> bool:
    """It neither waits for others nor takes them along: a person asked for it, or its kind does not collapse."""
    return row.notice.asked or row.resent_of is not None or not manner(row).collapse


def alike(row: Notification, other: Notification) -> bool:
    """Of one burst: the same message about the same subject to the same recipient."""
    return (
        (row.notice.kind, row.notice.subject) == (other.notice.kind, other.notice.subject)
        and (row.recipient.channel, row.recipient.to) == (other.recipient.channel, other.recipient.to)
        and other.id != row.id
        and not alone(other)
    )


def due(row: Notification, others: Iterable[Notification], now: datetime) -> datetime:
    """When it may go: at once, or so long after the one before it as its kind has it. Of those that wait the oldest goes first."""
    gap = manner(row).collapse
    if alone(row):
        return now
    before = [_before(row, other, gap, now) for other in others if alike(row, other)]
    return max(now, min(now + gap, max(before, default=now)))


def _before(row: Notification, other: Notification, gap: timedelta, now: datetime) -> datetime:
    if other.status in WENT and other.leased_until is not None:
        return other.leased_until - LEASE + gap
    if other.status is not Status.WAITING:
        return now
    if other.due_at > now:
        return other.due_at
    return now + gap if (other.created_at, other.id) < (row.created_at, row.id) else now


def companions(row: Notification, others: Iterable[Notification]) -> list[Notification]:
    """Those that it tells along, oldest first. Not those that have companions themselves: they would be lost."""
    waiting = [other for other in others if alike(row, other) and other.status is Status.WAITING and not other.also]
    return sorted(waiting, key=lambda other: (other.created_at, other.id))[:MOST_TAKEN_ALONG]


# What follows what.


def heard(
    row: Notification, status: Status, now: datetime, *, message: str | None = None, error: str | None = None, detail: str | None = None
) -> Notification | None:
    """The row after the channel's own news of it; None when it knows that, or worse, already.

    A transient `detail` (of the same status) is noted. What we have given up without knowing how it ended is put right by any news.
    """
    if status is row.status and detail is not None and detail != row.detail:
        return row.changed(now, detail=detail)
    if row.status in {Status.SUPPRESSED, Status.SKIPPED} or _rank(row) >= _RANK[status]:
        return None
    return row.changed(now, status=status, message=message or row.message, error=error, detail=detail)


def _rank(row: Notification) -> int:
    unsure = row.status is Status.FAILED and row.error in {OUTCOME_UNKNOWN, ATTEMPTS_EXHAUSTED}
    return 0 if unsure else _RANK[row.status]
