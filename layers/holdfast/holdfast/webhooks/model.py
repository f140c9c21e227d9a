"""Endpoints of a shop, and what was sent to each of them."""

from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import Field

from holdfast.kernel.ids import ShopId, derived_id
from holdfast.kernel.model import Model, Record
from holdfast.kernel.time import Instant

EVERYTHING = "*"
TEST = "webhook.test.v1"
"""What the test route sends. Data: shop, endpoint."""

KEPT = timedelta(days=30)
LEASE = timedelta(seconds=90)
"""Longer than a worker lives (60 s): who holds a claim and is alive is never overtaken."""
MESSAGE_LOST = timedelta(minutes=2)
"""How much later than due the schedule looks for what a message of the queue should have brought."""
MOST_ATTEMPTS_SHOWN = 40


class DisabledBecause(StrEnum):
    STAFF = "staff"
    """Somebody switched it off."""
    GONE = "gone"
    """It answered 410."""
    FAILING = "failing"
    """Nothing arrived for three days."""


class Disabled(Record):
    reason: DisabledBecause
    at: Instant


class FormerSecret(Record):
    """Signs along until then. Sealed, as the current one."""

    sealed: str = Field(repr=False)
    until: Instant


class Endpoint(Record):
    """`place` is one of the shop's numbered places, so that there cannot be more endpoints than places. `secret` is sealed."""

    id: str
    shop: ShopId
    place: int
    url: str
    events: tuple[str, ...]
    description: str = ""
    disabled: Disabled | None = None
    secret: str = Field(repr=False)
    former: tuple[FormerSecret, ...] = ()
    created_at: Instant
    updated_at: Instant
    version: int = 1

    @property
    def enabled(self) -> bool:
        return self.disabled is None

    def hears(self, type_: str, confidential: frozenset[str]) -> bool:
        """`*` is all but what is the staff's own; that has to be asked for by name."""
        return type_ in self.events or (EVERYTHING in self.events and type_ not in confidential)

    def sealed_secrets(self, now: datetime) -> list[str]:
        """Those that sign now, the current one first."""
        return [self.secret, *(former.sealed for former in self.former if now < former.until)]

    def changed(self, now: datetime, **changes: object) -> "Endpoint":
        return self.model_copy(update={**changes, "updated_at": now, "version": self.version + 1})


class State(StrEnum):
    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    SKIPPED = "skipped"
    """Not sent, because the endpoint was switched off or is gone."""


class Outcome(StrEnum):
    STARTED = "started"
    """Nothing is known of its end: the worker died, or is at it."""
    DELIVERED = "delivered"
    REFUSED = "refused"
    """Another answer than 2xx."""
    TIMED_OUT = "timed_out"
    UNREACHABLE = "unreachable"
    """No such name, no connection, no valid certificate, no HTTP."""
    FORBIDDEN = "forbidden"
    """The name led to an address that is not public."""


class Reply(Model):
    """What came of one request. `answer` is the beginning of the body; `retry_after` the header as it stood there."""

    outcome: Outcome
    milliseconds: int
    status: int | None = None
    answer: str | None = None
    detail: str | None = None
    retry_after: str | None = None


class Attempt(Record):
    number: int
    at: Instant
    outcome: Outcome = Outcome.STARTED
    status: int | None = None
    milliseconds: int | None = None
    answer: str | None = None
    detail: str | None = None


class Delivery(Record):
    """One event on its way to one endpoint. `message` is the `webhook-id`: the event's own id, the same in every attempt.

    `tries` counts the attempts since it was last asked for, `attempts` has them all. `by_queue`: a message is on its way, too.
    """

    shop: ShopId
    endpoint: str
    id: str
    message: str
    type: str
    body: str
    state: State = State.PENDING
    reason: str | None = None
    created_at: Instant
    kept_until: Instant
    due_at: Instant | None = None
    by_queue: bool = True
    tries: int = 0
    attempts: tuple[Attempt, ...] = ()
    claim: str | None = None
    leased_until: Instant | None = None
    version: int = 1

    @property
    def wake_at(self) -> datetime | None:
        """When the schedule has to look at it: a delivery that has not ended is never forgotten, whoever died."""
        if self.state is not State.PENDING or self.due_at is None:
            return None
        if self.leased_until is not None:
            return self.leased_until
        return self.due_at + MESSAGE_LOST if self.by_queue else self.due_at

    def in_flight(self, now: datetime) -> bool:
        return self.leased_until is not None and now < self.leased_until

    def ready(self, now: datetime) -> bool:
        """To be sent now, by whoever claims it first."""
        return self.state is State.PENDING and self.due_at is not None and self.due_at <= now and not self.in_flight(now)

    def gone(self, now: datetime) -> bool:
        """Dead by the clock: TTL deletion lags by days."""
        return now >= self.kept_until

    def claimed(self, claim: str, now: datetime) -> "Delivery":
        """The attempt is counted before it is made: a worker that dies in it has used it up."""
        number = self.attempts[-1].number + 1 if self.attempts else 1
        attempts = (*self.attempts, Attempt(number=number, at=now))[-MOST_ATTEMPTS_SHOWN:]
        return self._next(claim=claim, leased_until=now + LEASE, tries=self.tries + 1, attempts=attempts)

    def told(self, reply: Reply) -> "Delivery":
        """With the end of the attempt that was begun; where it goes from there is decided in rules."""
        known = reply.model_dump(exclude={"retry_after"})
        return self.model_copy(update={"attempts": (*self.attempts[:-1], self.attempts[-1].model_copy(update=known))})

    def waiting(self, due_at: datetime, *, by_queue: bool) -> "Delivery":
        return self._next(state=State.PENDING, reason=None, due_at=due_at, by_queue=by_queue, leased_until=None)

    def ended(self, state: State, reason: str | None = None) -> "Delivery":
        return self._next(state=state, reason=reason, due_at=None, leased_until=None)

    def again(self, now: datetime, *, by_queue: bool) -> "Delivery":
        """From the beginning, under the same `webhook-id`."""
        return self._next(
            state=State.PENDING, reason=None, due_at=now, by_queue=by_queue, tries=0, leased_until=None, kept_until=now + KEPT
        )

    def _next(self, **changes: object) -> "Delivery":
        return self.model_copy(update={**changes, "version": self.version + 1})


class Due(Model):
    """A delivery that the schedule has to see to, as the index knows it."""

    shop: ShopId
    endpoint: str
    delivery: str
    wake: str


def delivery_id(shop: str, endpoint: str, message: str, at: datetime) -> str:
    """The same for the same event at the same endpoint; sorted by when the event happened."""
    return derived_id("dlv", at, shop, endpoint, message)
