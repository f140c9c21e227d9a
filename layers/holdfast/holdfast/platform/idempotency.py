"""Idempotency-Key for requests whose effect has no identity of its own.

A record under (shop, caller, route, key) is claimed before the work and finished with the answer. The work itself is
idempotent under an id derived from the same key, so a claim whose worker died may be taken over after its lease.
"""

import contextlib
import hashlib
import json
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from holdfast.kernel.errors import BadRequest, IdempotencyKeyInFlight, IdempotencyKeyReused
from holdfast.kernel.ids import new_id
from holdfast.kernel.model import Model
from holdfast.kernel.time import epoch, epoch_ms
from holdfast.platform.dynamo import NOT_THERE, ConditionFailed, Expression, Item, Table

KEPT = timedelta(hours=24)
LEASE = timedelta(seconds=30)
# Matched in full: `$` alone would let a line break through at the end.
_TEXT = re.compile(r"[\x21-\x7e]{1,255}")


class IdempotencyKeyMissing(BadRequest):
    """This route needs the header Idempotency-Key."""

    code = "idempotency_key_missing"


class IdempotencyKeyInvalid(BadRequest):
    """An Idempotency-Key is 1 to 255 visible ASCII characters."""

    code = "idempotency_key_invalid"


class IdempotencyKey(Model):
    """What the caller named his request, and what he asked under that name."""

    scope: str
    value: str
    fingerprint: str

    @property
    def identity(self) -> str:
        """One text for (shop, caller, route, key): ids of what the request makes are derived from it."""
        return hashlib.sha256(f"{self.scope}\x1f{self.value}".encode()).hexdigest()

    def same_request(self, fingerprint: str) -> None:
        if fingerprint != self.fingerprint:
            raise IdempotencyKeyReused("This Idempotency-Key was used with another body. Use a new key for a new request.")


class Replay(Model):
    """The first answer, to be given again."""

    status: int
    body: str


class Replays(Protocol):
    def begin(self, key: IdempotencyKey, now: datetime) -> Replay | None: ...
    def finish(self, key: IdempotencyKey, answer: Replay, now: datetime) -> None: ...
    def abandon(self, key: IdempotencyKey) -> None: ...


class DynamoReplays:
    """Records `IDEM#…` in the orders table; TTL removes them, but they are dead by the clock after 24 h."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def begin(self, key: IdempotencyKey, now: datetime) -> Replay | None:
        """None: the work is ours. Raises when it is somebody's, or another request's."""
        # `claim` names the try: two requests of one millisecond are two, a write that is delivered twice is one.
        claim = {"claim": new_id("clm", now), "lease": epoch_ms(now + LEASE)}
        record = {**_key(key), **claim, "fingerprint": key.fingerprint, "ttl": epoch(now + KEPT)}
        try:
            self._table.put(record, NOT_THERE)
        except ConditionFailed as taken:
            return self._taken(key, record, taken.item or {}, now)
        return None

    def _taken(self, key: IdempotencyKey, record: Item, found: Item, now: datetime) -> Replay | None:
        if found == record:  # our own claim was delivered twice
            return None
        if found.get("ttl", 0) > epoch(now):
            key.same_request(found["fingerprint"])
            if "answer" in found:
                return Replay(status=found["status"], body=found["answer"])
            if found["lease"] > epoch_ms(now):
                raise IdempotencyKeyInFlight(
                    "The first request under this key has not been answered yet. Try again in a second.", retry_after=1
                )
        # The worker died, or the record is a day old and TTL is late: take it over, unless somebody just did.
        unchanged = Expression(
            "#ttl = :ttl AND #lease = :lease", {"#ttl": "ttl", "#lease": "lease"}, {":ttl": found["ttl"], ":lease": found["lease"]}
        )
        try:
            self._table.put(record, unchanged)
        except ConditionFailed as lost:
            if lost.item != record:
                raise IdempotencyKeyInFlight("Another try under this key is under way.", retry_after=1) from lost
        return None

    def finish(self, key: IdempotencyKey, answer: Replay, now: datetime) -> None:
        done = {**_key(key), "fingerprint": key.fingerprint, "lease": 0, "status": answer.status, "answer": answer.body}
        self._table.put({**done, "ttl": epoch(now + KEPT)})

    def abandon(self, key: IdempotencyKey) -> None:
        """A refused request changed nothing: the key may be used again."""
        self._table.delete(_key(key))


def _key(key: IdempotencyKey) -> dict[str, str]:
    return {"pk": f"IDEM#{key.identity}", "sk": "IDEM"}


def key_of(value: str | None, scope: Sequence[str], content: bytes) -> IdempotencyKey:
    """From the header's value. IdempotencyKeyMissing, IdempotencyKeyInvalid."""
    if value is None:
        raise IdempotencyKeyMissing("Send an Idempotency-Key: any text of your own that names this one request.")
    if not _TEXT.fullmatch(value):
        raise IdempotencyKeyInvalid("An Idempotency-Key is 1 to 255 visible ASCII characters.")
    return IdempotencyKey(scope="\x1f".join(scope), value=value, fingerprint=_fingerprint(content))


def _fingerprint(content: bytes) -> str:
    """The body's meaning, not its bytes: another spacing or field order is the same request."""
    with contextlib.suppress(ValueError, RecursionError):
        content = json.dumps(json.loads(content), sort_keys=True, separators=(",", ":")).encode()
    return hashlib.sha256(content).hexdigest()[:32]
