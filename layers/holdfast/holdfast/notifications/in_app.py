"""Messages inside the shop's own pages: sending one is writing it down, and twice is once."""

from holdfast.notifications.model import InApp, Mail, Notification
from holdfast.notifications.ports import Customers


class InAppSender:
    """`ports.Sender`."""

    def __init__(self, customers: Customers) -> None:
        self._customers = customers

    def send(self, notification: Notification, mail: Mail) -> str:
        """Of the row's own id: its second attempt finds the first one's message."""
        self._customers.put_in_app(
            InApp(
                id=notification.id,
                shop=notification.shop,
                customer=notification.recipient.customer,
                kind=notification.notice.kind,
                order=notification.notice.order,
                title=mail.subject,
                text=mail.short,
                at=notification.notice.at,
            )
        )
        return notification.id
