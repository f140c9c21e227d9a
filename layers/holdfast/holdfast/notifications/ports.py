"""What notifications ask of their store and of the world."""

from datetime import datetime
from typing import Any, Protocol

from holdfast.notifications.model import Letter, Mail, Row


class Outbox(Protocol):
    def claim(self, row: Row, now: datetime) -> Row | None:
        """The row is ours to send (None), or the one that stands there: sent, or claimed by another until its lease is over."""
        ...

    def release(self, row: Row) -> None:
        """It was certainly not sent: the next try need not wait for the lease."""
        ...

    def sent(self, row: Row, message: str) -> None: ...


class Letters(Protocol):
    def write(self, shop: str, order: str, template: str, data: dict[str, Any], reason: str | None) -> Letter | None:
        """What is to be told; None when the order has no address. `data` and `reason` are those of the event that it is about."""
        ...


class Mailer(Protocol):
    def send(self, mail: Mail) -> str:
        """One attempt; the provider's message id. MailerBusyError when it was certainly not accepted."""
        ...


class Renderer(Protocol):
    def __call__(self, letter: Letter) -> Mail: ...
