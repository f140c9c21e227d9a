"""`orders.ports.Sessions` in memory."""

from collections.abc import Callable
from typing import Any

from holdfast.orders.model import Order
from holdfast.orders.session import Session
from tests.memory.engine import Memory


class MemorySessions:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def add(self, session: Session) -> None:
        self._memory.put(_session(session), session)

    def save(self, session: Session) -> bool:
        saved, standing = self._memory.change(_session(session), self._version_before(session), lambda _: session)
        return saved or standing == session

    def get(self, shop: str, session: str) -> Session | None:
        return self._memory.get("session", shop, session)

    def with_order(self, shop: str, session: str, order: str) -> tuple[Session | None, Order | None]:
        return self.get(shop, session), self._memory.get("order", shop, order)

    def remove(self, session: Session) -> None:
        self._memory.put(_session(session), None)

    def _version_before(self, session: Session) -> Callable[[Session | None], bool]:
        return lambda row: row is not None and self._memory.condition("SESSION_AS_SEEN", row.version == session.version - 1)


def _session(session: Session) -> tuple[Any, ...]:
    return ("session", session.shop, session.id)
