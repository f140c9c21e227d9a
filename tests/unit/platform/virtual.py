"""Time that passes only when somebody waits, so that no test does."""

from collections.abc import Callable
from typing import Any

from holdfast.platform.patience import Patience


class VirtualTime:
    """`chance` is what a pause is drawn with, from 0 to 1; `pauses` are those that were taken, in seconds."""

    def __init__(self, chance: Callable[[], float] = lambda: 0.5) -> None:
        self.now = 1000.0
        self.pauses: list[float] = []
        self.chance = chance

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    def patience(self, **given: Any) -> Patience:
        return Patience(sleep=self.sleep, clock=lambda: self.now, random=self.chance, **given)
