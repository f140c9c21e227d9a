"""One mail per event: claim, send once, mark."""

from datetime import datetime, timedelta
from typing import Any

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
    "order.refunded.v1": "refunded",
}
"""Which events a customer is told of by mail."""


class Notify(Model):
    shop: str
    order: str
    event: str
    type: str
    data: dict[str, Any]


def notify(command: Notify, *, outbox: Outbox, letters: Letters, render: Renderer, mailer: Mailer, now: datetime) -> str | None:
    """The provider's message id, or None when there is nothing to send or it was sent before. BeingSentError, MailerBusyError."""
    template = TEMPLATES.get(command.type)
    if template is None:
        return None
    row = Row(
        shop=command.shop,
        event=command.event,
        order=command.order,
        template=template,
        state=State.CLAIMED,
        leased_until=now + LEASE,
        claim=new_id("clm", now),
    )
    standing = outbox.claim(row, now)
    if standing is not None:
        if standing.state is State.SENT:
            return None
        raise BeingSentError("Another worker is sending this mail.")
    letter = letters.write(command.shop, command.order, template, command.data)
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
