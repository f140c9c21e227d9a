"""A notification, as tests of what becomes of it begin with one."""

from datetime import UTC, datetime
from typing import Any

from holdfast.notifications.kinds import Channel, Kind
from holdfast.notifications.model import Mail, Notice, Notification, Recipient

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
TO = {Channel.EMAIL: "ada@example.com", Channel.SMS: "+4915112345678", Channel.IN_APP: "digest-of-ada"}


def notification(channel: Channel = Channel.EMAIL, kind: Kind = Kind.COMPLETED, **changes: Any) -> Notification:
    notice = Notice(shop="demo", event="evt_1", kind=kind, at=NOW, subject="ord_1", order="ord_1")
    recipient = Recipient(channel=channel, to=changes.pop("to", TO[channel]), customer="digest-of-ada")
    row = {"id": "ntf_01KAJVKP000000000000000001", "created_at": NOW, "due_at": NOW, "updated_at": NOW}
    return Notification(shop="demo", notice=notice, recipient=recipient, **{**row, **changes})


def mail(**changes: Any) -> Mail:
    words = {"to": "ada@example.com", "subject": "Your order", "text": "Text", "html": "<p>Html</p>", "short": "Order ABC is complete."}
    return Mail(**{**words, **changes})
