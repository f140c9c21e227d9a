"""One mail per event: claim, send once, mark."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from holdfast.kernel.ids import new_id
from holdfast.kernel.model import Model
from holdfast.notifications.errors import BeingSentError, MailerBusyError
from holdfast.notifications.model import Row, State
from holdfast.notifications.ports import Letters, Mailer, Outbox, Renderer

LEASE = timedelta(seconds=60)
TEMPLATES = {
    "order.completed.v1": "completed",
    "order.partially_fulfilled.v1": "partial_delivery",
    "order.awaiting_stock.v1": "awaiting_stock",
    "order.keys_added.v1": "additional_keys",
    "order.late_payment.v1": "late_payment",
    "order.cancelled.v1": "cancelled",
    "order.payment_failed.v1": "payment_failed",
    "order.partially_refunded.v1": "partial_refund",
    "order.refunded.v1": "refunded",
    "order.second_payment_refunded.v1": "second_payment",
}
"""Which events a customer is told of by mail."""
CANCELLED = "order.cancelled.v1"
RESENT = "order.mail_resent.v1"
"""Asks for the mail of an earlier event again."""


class Notify(Model):
    """An event of an order. `by`: the kind of who did it; `reason` in his words."""

    shop: str
    order: str
    event: str
    type: str
    by: str
    data: dict[str, Any]
    reason: str | None = None


class Told(NamedTuple):
    """Which mail, and what it tells of: the data and the reason of the event that it is about."""

    template: str
    data: dict[str, Any]
    reason: str | None


def told(command: Notify) -> Told | None:
    """None: nobody wants a mail of it. A try that was given up at the checkout, or for another one, is no order to a customer."""
    if command.type == RESENT:
        return Told(TEMPLATES[command.data["of"]], command.data["told"], command.data.get("reason"))
    if command.type == CANCELLED and command.by != "staff" and not command.data.get("paid"):
        return None
    template = TEMPLATES.get(command.type)
    return Told(template, command.data, command.reason) if template else None


def notify(command: Notify, *, outbox: Outbox, letters: Letters, render: Renderer, mailer: Mailer, now: datetime) -> str | None:
    """The provider's message id, or None when there is nothing to send or it was sent before. BeingSentError, MailerBusyError."""
    mail = told(command)
    if mail is None:
        return None
    row = Row(
        shop=command.shop,
        event=command.event,
        order=command.order,
        template=mail.template,
        state=State.CLAIMED,
        leased_until=now + LEASE,
        claim=new_id("clm", now),
    )
    standing = outbox.claim(row, now)
    if standing is not None:
        if standing.state is State.SENT:
            return None
        raise BeingSentError("Another worker is sending this mail.")
    letter = letters.write(command.shop, command.order, mail.template, mail.data, mail.reason)
    if letter is None:
        outbox.sent(row, "no-address")
        return None
    try:
        message = mailer.send(render(letter))
    except MailerBusyError:
        outbox.release(row)
        raise
    outbox.sent(row, message)
    return message
