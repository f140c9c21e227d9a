"""What lies between a client and its table: the way there and back, capacity, and transactions that hold items."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import RLock
from typing import TypeVar

from infra.simulator.tables import Address, Charge

Reply = TypeVar("Reply")


class Busy(Exception):
    """No capacity, or held by a transaction. `code` as a transaction's reason has it."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Straight:
    """No way to go and nothing in it: calls of many threads are carried out one after the other, and each is answered."""

    def __init__(self) -> None:
        self._one_at_a_time = RLock()

    def now(self) -> float:
        """Seconds since some instant."""
        return time.monotonic()

    def carry(self, operation: str, deliver: Callable[[], Reply]) -> Reply:
        """Bring a request there, and its answer back. May deliver it more than once, and lose answers."""
        del operation
        with self._one_at_a_time:
            return deliver()

    def take(self, charges: Sequence[Charge]) -> None:
        """All of these units, or Busy and none of them."""

    def demand_free(self, address: Address) -> None:
        """Busy when a transaction holds the item."""

    @contextmanager
    def held(self, addresses: Sequence[Address]) -> Iterator[None]:
        """A transaction between its two phases."""
        del addresses
        yield
