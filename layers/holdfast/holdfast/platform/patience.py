"""How long a store is asked again: the one place where a call to DynamoDB is repeated.

Retries are selfish, and layers of them multiply: botocore is told to try once, and nobody above tries again. What is
repeated here must be safe to repeat: a read, or a write that recognises its own first delivery.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from holdfast.kernel.errors import UnavailableError

Result = TypeVar("Result")


class TryAgain(Exception):
    """This try came to nothing, another may not: a conflict, a throttle, a lost connection. `detail` is for the caller."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


@dataclass(frozen=True)
class Patience:
    """Full jitter: a pause is drawn between nothing and `base` x 2^k, at most `cap`, so that losers do not meet again.

    No try begins later than `budget` after the first, and there are never more than `tries`, however short the pauses
    were drawn: an endless throttle costs a known number of calls. All times are seconds. A simulator brings its own
    clock, sleep and chance.
    """

    budget: float = 0.4
    base: float = 0.025
    cap: float = 0.2
    tries: int = 8
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    random: Callable[[], float] = random.random

    def persist(self, attempt: Callable[[], Result]) -> Result:
        """`attempt` until it returns, or raises anything but TryAgain. UnavailableError when patience is at its end."""
        begun, failed = self.clock(), 0
        while True:
            try:
                return attempt()
            except TryAgain as again:
                pause = self._pause(failed)
                failed += 1
                if failed >= self.tries or self.clock() + pause > begun + self.budget:
                    raise UnavailableError(again.detail) from (again.__cause__ or again)
            self.sleep(pause)

    def _pause(self, failed: int) -> float:
        doublings = min(failed, 60)  # further ones are beyond any cap, and at last beyond any float
        return self.random() * min(self.cap, self.base * 2.0**doublings)


IN_A_REQUEST = Patience()
"""A shopper waits: half a second is much, and who asks again a second later (Retry-After) meets a calmer store."""
IN_A_QUEUE = Patience(budget=3, cap=0.4, tries=16)
"""Nobody waits, and coming back by the queue takes minutes. Ten messages that wait in vain still end within 60 s."""


def pause(moment: timedelta) -> None:
    """Wait, once: for something that will be over by then."""
    time.sleep(moment.total_seconds())
