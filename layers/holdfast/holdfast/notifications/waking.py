"""The net under the outbox: a row that should have gone long ago, and whose message was lost, goes to the queue again."""

from datetime import datetime, timedelta

from holdfast.notifications import keys, rules
from holdfast.notifications.model import Notification
from holdfast.notifications.ports import Messages, Notifications

TICK = timedelta(minutes=5)
"""How often it is looked."""
LATE = timedelta(minutes=10)
PER_BUCKET = 250
"""Rows of a tick: as many as it sends on within its time."""


def wake(*, notifications: Notifications, messages: Messages, now: datetime) -> int:
    """How many were sent on."""
    late = [row for bucket in range(keys.BUCKETS) for row in notifications.overdue(bucket, now - LATE, PER_BUCKET)]
    turn = [row for row in late if _its_turn(row, now)]
    for row in turn:
        messages.send({"kind": "send", "shop": row.shop, "notification": row.id})
    return len(turn)


def _its_turn(row: Notification, now: datetime) -> bool:
    """After ten minutes, twenty, forty and so on: while a service is down each row has a message in the queue already, and a tick that adds
    one for each makes of an outage of hours a flood.
    """
    since = rules.wake_at(row)
    ticks = (now - since) // TICK if since else 0
    return ticks.bit_count() == 1
