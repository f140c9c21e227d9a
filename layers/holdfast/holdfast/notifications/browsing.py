"""What was told to whom: for a shop's staff, and for the customer of an order."""

from collections.abc import Sequence
from datetime import datetime

from holdfast.kernel.model import Model
from holdfast.notifications.model import InApp, Notification, Status
from holdfast.notifications.ports import Customers, Notifications
from holdfast.notifications.refusals import UnknownNotification

LOOKED_AT = 100
"""Messages of a customer that are looked at for those of one order, per request: then the caller goes on with the next."""


class Page(Model):
    """`last`: where to go on after; None: that was all."""

    rows: Sequence[Notification]
    last: str | None


def look(
    shop: str, statuses: frozenset[Status], subject: str | None, *, limit: int, after: str | None, notifications: Notifications
) -> Page:
    """Newest first. `subject`: an order, or what else it is about; none of `statuses`: all."""
    if subject is None:
        rows, last = notifications.page(shop, statuses, limit, after)
        return Page(rows=rows, last=last)
    told = notifications.of_subject(shop, subject)[::-1]
    ids = [row.id for row in told]
    begin = ids.index(after) + 1 if after in ids else 0
    wanted = [row for row in told[begin:] if not statuses or row.status in statuses]
    rows = wanted[:limit]
    return Page(rows=rows, last=rows[-1].id if len(wanted) > limit else None)


def read(shop: str, notification: str, *, notifications: Notifications) -> Notification:
    """UnknownNotification."""
    row = notifications.get(shop, notification)
    if row is None:
        raise UnknownNotification
    return row


def in_app(
    shop: str, customer: str, order: str, *, limit: int, after: str | None, customers: Customers
) -> tuple[Sequence[InApp], str | None]:
    """A customer's messages about one order, newest first. A page may be shorter than asked for though there are more."""
    found, last = customers.in_app(shop, customer, LOOKED_AT, after)
    about = [message for message in found if message.order == order]
    if len(about) > limit:
        return about[:limit], about[limit - 1].id
    return about, last


def read_in_app(shop: str, customer: str, order: str, message: str, *, customers: Customers, now: datetime) -> InApp:
    """Marked as read, once. UnknownNotification, also when it is about another order: the token opens this one."""
    standing = customers.in_app_message(shop, customer, message)
    if standing is None or standing.order != order:
        raise UnknownNotification
    return customers.read_in_app(shop, customer, message, now) or standing
