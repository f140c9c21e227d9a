"""Virtual time. Code that knows nothing of it runs in greenlets: where it would wait, the next one's turn comes.

One thread and a fixed order: the same seed gives the same run, to the last call.
"""

import heapq
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from greenlet import getcurrent, greenlet

from holdfast.kernel.time import to_millis

START = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)
"""The instant at which every run begins: of no meaning, but the same."""


class Clock:
    """Seconds since the run began, as a float of the simulation; `today` is the instant that rules are told."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._turns: list[tuple[float, int, greenlet]] = []
        self._count = 0
        self._hub = getcurrent()

    def now(self) -> float:
        return self.seconds

    def today(self) -> datetime:
        return to_millis(START + timedelta(seconds=self.seconds))

    def at(self, seconds: float, act: Callable[[], object]) -> None:
        """Begin `act` then."""
        self._turn(max(seconds, self.seconds), greenlet(act, parent=self._hub))

    def sleep(self, seconds: float) -> None:
        """RuntimeError outside of an act: nobody would ever wake it."""
        current = getcurrent()
        if current is self._hub:
            raise RuntimeError("only what the clock began can wait")
        self._turn(self.seconds + max(0.0, seconds), current)
        self._hub.switch()

    def run(self, until: float = float("inf")) -> None:
        """To the end of everything that was begun, or to that second. What an act raises is raised here."""
        if getcurrent() is not self._hub:
            raise RuntimeError("the clock is run from outside")
        while self._turns and self._turns[0][0] <= until:
            self.seconds, _, next_up = heapq.heappop(self._turns)
            next_up.switch()
        if until != float("inf"):
            self.seconds = max(self.seconds, until)

    def _turn(self, seconds: float, next_up: greenlet) -> None:
        """In order of time, and of asking where that is the same."""
        self._count += 1
        heapq.heappush(self._turns, (seconds, self._count, next_up))
