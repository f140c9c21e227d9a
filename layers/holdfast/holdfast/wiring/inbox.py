"""The queue between the inbox of provider events and its worker."""

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from holdfast.platform.queue import Queue

if TYPE_CHECKING:
    from holdfast.payments.model import ProviderEvent


@dataclass(frozen=True)
class EventQueue:
    """`payments.ports.Passing`."""

    queue: Queue

    def __call__(self, event: "ProviderEvent", *, again: bool = False, looked: int = 0, delay: timedelta = timedelta()) -> None:
        besides = {"again": True} if again else {"looked": looked} if looked else {}
        self.queue.send({"shop": event.shop, "provider": event.provider, "event": event.id, **besides}, delay=delay)
