"""The net under the outbox: a row that should have gone long ago, and whose message was lost, goes to the queue again."""

from datetime import datetime, timedelta
from functools import partial

from holdfast.notifications import keys
from holdfast.notifications.ports import Messages, Notifications

TICK = timedelta(minutes=5)
"""How often it is looked."""
LATE = timedelta(minutes=10)
PER_BUCKET = 60
"""Rows of a tick: as many as it sends on within its time."""


def wake(*, notifications: Notifications, messages: Messages, now: datetime) -> int:
    """How many were sent on."""
    turn = partial(_its_turn, now)
    late = [row for bucket in range(keys.DUE_BUCKETS) for row in notifications.overdue(bucket, now - LATE, PER_BUCKET, turn)]
    for row in late:
        messages.send({"kind": "send", "shop": row.shop, "notification": row.id})
    return len(late)


def _its_turn(now: datetime, since: datetime) -> bool:
    """After ten minutes, twenty, forty and so on: while a service is down each row has a message in the queue already, and a tick that adds
    one for each makes of an outage of hours a flood.
    """
    return ((now - since) // TICK).bit_count() == 1
