"""`platform.idempotency.Replays` in memory."""

from dataclasses import dataclass
from datetime import datetime

from holdfast.kernel.errors import IdempotencyKeyInFlight
from holdfast.platform.idempotency import KEPT, LEASE, IdempotencyKey, Replay
from tests.memory.engine import Memory


@dataclass(frozen=True)
class Kept:
    fingerprint: str
    leased_until: datetime
    kept_until: datetime
    answer: Replay | None = None


class MemoryReplays:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def begin(self, key: IdempotencyKey, now: datetime) -> Replay | None:
        claim = Kept(key.fingerprint, now + LEASE, now + KEPT)
        _, standing = self._memory.change(("replay", key.identity), lambda row: _over(row, claim, now), lambda _: claim)
        if standing is None or standing.kept_until <= now:
            return None
        key.same_request(standing.fingerprint)
        if standing.answer is None and standing.leased_until > now:
            raise IdempotencyKeyInFlight("The first request under this key has not been answered yet.", retry_after=1)
        return standing.answer

    def finish(self, key: IdempotencyKey, answer: Replay, now: datetime) -> None:
        self._memory.put(("replay", key.identity), Kept(key.fingerprint, now, now + KEPT, answer))

    def abandon(self, key: IdempotencyKey) -> None:
        self._memory.put(("replay", key.identity), None)


def _over(row: Kept | None, claim: Kept, now: datetime) -> bool:
    """Nobody has it, nobody remembers it, or who had it for the same request died without an answer."""
    died = row is not None and row.answer is None and row.leased_until <= now and row.fingerprint == claim.fingerprint
    return row is None or row.kept_until <= now or died
