"""When an attempt is made again, and when it is enough."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from holdfast.webhooks.model import Delivery, Outcome, Reply, State

WAITS = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
"""After the first attempt, the second, ...: three days and three hours in all, ten attempts."""
LONGEST = timedelta(hours=24)
"""No receiver may ask for a longer pause."""
QUEUE_REACH = timedelta(minutes=14)
"""A queue delays by 15 minutes at most; what waits longer is found by the schedule."""
FAILING_FOR = timedelta(days=3)
"""An endpoint to which nothing came through for so long is switched off."""
ROTATION = timedelta(hours=24)
"""How long a replaced secret signs along."""
MOST_FORMER_SECRETS = 2
MOST_ENDPOINTS = 10
BUCKETS = 4
"""Parts of the index of what has not ended."""
GONE = 410
BUSY = {429, 503}

Chance = Callable[[int], int]
"""A whole number below the one given."""


def settled(claimed: Delivery, reply: Reply, now: datetime, chance: Chance) -> Delivery:
    """The delivery after the attempt that it was claimed for."""
    told = claimed.told(reply)
    if reply.outcome is Outcome.DELIVERED:
        return told.ended(State.DELIVERED)
    if reply.status == GONE:
        return told.ended(State.FAILED, "gone")
    if told.tries > len(WAITS):
        return told.ended(State.FAILED, "attempts_exhausted")
    wait = max(jittered(WAITS[told.tries - 1], chance), asked_for(reply, now))
    return told.waiting(now + wait, by_queue=wait <= QUEUE_REACH)


def jittered(wait: timedelta, chance: Chance) -> timedelta:
    """Up to a tenth more or less, so that what failed together does not come back together."""
    return wait * (900 + chance(201)) // 1000


def asked_for(reply: Reply, now: datetime) -> timedelta:
    """Retry-After of a busy receiver: seconds or an HTTP date; nothing when it is neither."""
    text = (reply.retry_after or "").strip()
    if reply.status not in BUSY or not text:
        return timedelta()
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=int(text[:9])), LONGEST)
    try:
        named = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # the second for the year 10**17, say: any text may come
        return timedelta()
    instant = named if named.tzinfo else named.replace(tzinfo=UTC)
    return min(max(instant - now, timedelta()), LONGEST)
