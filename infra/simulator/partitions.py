"""Partitions with their limits, the time that calls take, transactions in each other's way, and a network that loses and repeats.

Each partition serves 1,000 write units and 3,000 read units a second and lends what it did not serve in the last second
(DynamoDB lends more, and promises nothing). An index has partitions of its own; one that is busy refuses the table's
write. A failed condition costs what stands there. Times are seconds.
"""

import math
import random
import zlib
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from botocore.exceptions import ClientError, ConnectionClosedError

from infra.simulator.clock import Clock
from infra.simulator.tables import Address, Charge
from infra.simulator.traffic import Busy, Reply, Straight

CALL: ContextVar[int | None] = ContextVar("call", default=None)
"""The call whose delivery is at work: what changes an item names it as the cause."""
THROTTLES = ("ProvisionedThroughputExceeded", "ThrottlingError")
MOST_DELIVERIES = 4
WRITES = {"PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems"}


@dataclass(frozen=True)
class Limits:
    """`partitions` 0: each partition key has one of its own; else keys are spread over so many per table and index."""

    write_units: float = 1000
    read_units: float = 3000
    burst: float = 1.0
    partitions: int = 0


@dataclass(frozen=True)
class Times:
    """Medians of log-normal times: there and back of a read or write, and of a whole transaction."""

    call: float = 0.005
    transaction: float = 0.020
    sigma: float = 0.35


@dataclass(frozen=True)
class Faults:
    """Chances per call. `lost_reply`: it was done, and the caller learns nothing. `lost_request`: it never arrives.

    `late`: the caller learns nothing, and the write arrives up to `late_by` seconds after he gave it up. `repeated`: a write
    arrives up to four times, and only the last answer comes back.
    """

    lost_reply: float = 0.0
    lost_request: float = 0.0
    repeated: float = 0.0
    late: float = 0.0
    late_by: float = 0.5


class Bucket:
    """Units that flow in at a rate, up to what `burst` seconds bring."""

    __slots__ = ("_at", "_most", "_rate", "_units")

    def __init__(self, rate: float, burst: float) -> None:
        self._rate, self._most, self._units, self._at = rate, rate * burst, rate * burst, 0.0

    def left(self, now: float) -> float:
        self._units, self._at = min(self._most, self._units + (now - self._at) * self._rate), now
        return self._units

    def take(self, units: float) -> None:
        self._units -= units


class Partitioned(Straight):
    def __init__(self, clock: Clock, chance: random.Random, limits: Limits | None = None, times: Times | None = None) -> None:
        super().__init__()
        self.clock, self.chance = clock, chance
        self.limits, self.times, self.faults = limits or Limits(), times or Times(), Faults()
        self.throttled = self.conflicts = 0
        self._buckets: dict[Hashable, Bucket] = {}
        self._held: set[Address] = set()

    def now(self) -> float:
        return self.clock.seconds

    def carry(self, operation: str, deliver: Callable[[], Reply]) -> Reply:
        share = 0.4 if operation == "TransactWriteItems" else 0.5
        if self._happens(self.faults.lost_request):
            raise self._broken(share)
        if operation in WRITES and self._happens(self.faults.late):
            self._deliver_late(deliver)
            raise self._broken(share)
        if operation in WRITES and self._happens(self.faults.repeated):
            for _ in range(self.chance.randrange(1, MOST_DELIVERIES)):
                self._one_delivery(share, deliver)
        self._way(share)
        reply = deliver()
        self._way(share)
        if self._happens(self.faults.lost_reply):
            raise self._broken(0)
        return reply

    def take(self, charges: Sequence[Charge]) -> None:
        now, wanted = self.clock.seconds, [(self._bucket(charge), charge.units) for charge in charges]
        if any(bucket.left(now) < units for bucket, units in wanted):
            self.throttled += 1
            raise Busy(self.chance.choice(THROTTLES))
        for bucket, units in wanted:
            bucket.take(units)

    def demand_free(self, address: Address) -> None:
        if address in self._held:
            self.conflicts += 1
            raise Busy("TransactionConflict")

    @contextmanager
    def held(self, addresses: Sequence[Address]) -> Iterator[None]:
        self._held.update(addresses)
        try:
            self.clock.sleep(max(self.times.call * 0.4, self._drawn(self.times.transaction) - 0.8 * self.times.call))
            yield
        finally:
            self._held.difference_update(addresses)

    def _bucket(self, charge: Charge) -> Bucket:
        spread = self.limits.partitions
        place = zlib.crc32(repr(charge.partition).encode()) % spread if spread else charge.partition
        key = (charge.table, charge.index, place, charge.write)
        found = self._buckets.get(key)
        if found is None:
            rate = self.limits.write_units if charge.write else self.limits.read_units
            found = self._buckets[key] = Bucket(rate, self.limits.burst)
        return found

    def _way(self, share: float) -> None:
        self.clock.sleep(self._drawn(self.times.call) * share)

    def _drawn(self, median: float) -> float:
        return median * math.exp(self.chance.gauss(0, self.times.sigma))

    def _happens(self, probability: float) -> bool:
        return probability > 0 and self.chance.random() < probability

    def _broken(self, share: float) -> ConnectionClosedError:
        self._way(share)
        return ConnectionClosedError(endpoint_url="simulated")

    def _one_delivery(self, share: float, deliver: Callable[[], object]) -> None:
        """Its answer never comes back."""
        self._way(share)
        try:
            deliver()
        except ClientError:
            return

    def _deliver_late(self, deliver: Callable[[], object]) -> None:
        call = CALL.get()

        def again() -> None:
            CALL.set(call)
            self._one_delivery(0.5, deliver)

        self.clock.at(self.clock.seconds + self.chance.random() * self.faults.late_by, again)
