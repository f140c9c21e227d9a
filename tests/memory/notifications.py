"""`notifications.ports.Outbox` in memory, and a mailer that keeps what it sent."""

from datetime import datetime
from threading import Lock
from typing import Any

from holdfast.notifications.model import Mail, Row, State
from tests.memory.engine import Memory


class MemoryOutbox:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def claim(self, row: Row, now: datetime) -> Row | None:
        def free(standing: Row | None) -> bool:
            over = standing is None or (standing.state is State.CLAIMED and standing.leased_until < now)
            return self._memory.condition("FREE", over)

        claimed, standing = self._memory.change(_row(row), free, lambda _: row)
        return None if claimed or standing == row else standing

    def release(self, row: Row) -> None:
        self._memory.change(_row(row), lambda standing: standing is not None and standing.leased_until == row.leased_until, lambda _: None)

    def sent(self, row: Row, message: str) -> None:
        self._memory.put(_row(row), row.model_copy(update={"state": State.SENT, "message": message}))


class MemoryMailer:
    def __init__(self) -> None:
        self.sent: list[Mail] = []
        self._lock = Lock()

    def send(self, mail: Mail) -> str:
        with self._lock:
            self.sent.append(mail)
            return f"message-{len(self.sent)}"


def _row(row: Row) -> tuple[Any, ...]:
    return ("mail", row.shop, row.event, row.template)
