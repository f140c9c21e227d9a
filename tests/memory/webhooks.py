"""`webhooks.ports.WebhookStore` in memory, and the world around it: a sealer that hides nothing, a receiver, messages that are kept."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

from holdfast.kernel.ids import bucket_of, first_id
from holdfast.kernel.time import rfc3339
from holdfast.webhooks.model import Delivery, Due, Endpoint, Outcome, Reply
from holdfast.webhooks.rules import BUCKETS
from tests.memory.engine import Memory, anything


class MemoryWebhooks:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def endpoints(self, shop: str) -> list[Endpoint]:
        return sorted(self._memory.of("webhook-endpoint", shop), key=lambda endpoint: endpoint.place)

    def add_endpoint(self, endpoint: Endpoint) -> bool:
        return self._put_endpoint(endpoint, lambda standing: self._memory.condition("FREE_PLACE", standing is None))

    def save_endpoint(self, endpoint: Endpoint) -> bool:
        def same(standing: Endpoint | None) -> bool:
            seen = standing is not None and (standing.id, standing.version) == (endpoint.id, endpoint.version - 1)
            return self._memory.condition("SAME_ENDPOINT", seen)

        return self._put_endpoint(endpoint, same)

    def _put_endpoint(self, endpoint: Endpoint, holds: Callable[[Any], bool]) -> bool:
        done, standing = self._memory.change(("webhook-endpoint", endpoint.shop, endpoint.place), holds, lambda _: endpoint)
        return done or standing == endpoint

    def remove_endpoint(self, endpoint: Endpoint) -> None:
        key = ("webhook-endpoint", endpoint.shop, endpoint.place)
        done, _ = self._memory.change(key, lambda standing: standing is not None and standing.id == endpoint.id, lambda _: None)
        if done:
            self.well(endpoint.shop, endpoint.id)

    def add(self, delivery: Delivery) -> Delivery:
        done, standing = self._memory.change(
            _key(delivery.shop, delivery.endpoint, delivery.id),
            lambda standing: self._memory.condition("FIRST_TIME", standing is None),
            lambda _: delivery,
        )
        if done:
            self._wake(delivery)
        return delivery if done else standing

    def get(self, shop: str, endpoint: str, delivery: str) -> Delivery | None:
        found: Delivery | None = self._memory.get(*_key(shop, endpoint, delivery))
        return found

    def save(self, delivery: Delivery) -> bool:
        def same(standing: Delivery | None) -> bool:
            return self._memory.condition("SAME_DELIVERY", standing is not None and standing.version == delivery.version - 1)

        done, standing = self._memory.change(_key(delivery.shop, delivery.endpoint, delivery.id), same, lambda _: delivery)
        if done:
            self._wake(delivery)
        return done or standing == delivery

    def page(
        self, shop: str, endpoint: str, limit: int, after: str | None, since: datetime | None, until: datetime | None
    ) -> tuple[list[Delivery], str | None]:
        low, high = first_id("dlv", since) if since else "", first_id("dlv", until) if until else "~"
        rows: list[Delivery] = self._memory.of("webhook", shop, endpoint)
        wanted = [row for row in rows if low <= row.id <= high and (after is None or row.id < after)]
        newest = sorted(wanted, key=lambda row: row.id, reverse=True)[:limit]
        return newest, newest[-1].id if len(newest) == limit else None

    def due(self, bucket: int, now: datetime, limit: int) -> list[Due]:
        waiting = [due for due in self._memory.of("webhook-wake") if bucket_of(due.delivery, BUCKETS) == bucket]
        ripe = [due for due in waiting if due.wake < rfc3339(now + timedelta(milliseconds=1))]
        return sorted(ripe, key=lambda due: due.wake)[:limit]

    def postpone(self, due: Due, until: datetime) -> bool:
        later = due.model_copy(update={"wake": f"{rfc3339(until)}#{due.delivery}"})

        def same(standing: Due | None) -> bool:
            return self._memory.condition("SAME_WAKE", standing is not None and standing.wake == due.wake)

        done, standing = self._memory.change(("webhook-wake", *_key(due.shop, due.endpoint, due.delivery)[1:]), same, lambda _: later)
        return done or standing == later

    def _wake(self, row: Delivery) -> None:
        wake = row.wake_at
        due = Due(shop=row.shop, endpoint=row.endpoint, delivery=row.id, wake=f"{rfc3339(wake)}#{row.id}") if wake else None
        self._memory.change(("webhook-wake", row.shop, row.endpoint, row.id), anything, lambda _: due)

    def failing(self, shop: str, endpoint: str, now: datetime) -> datetime:
        done, standing = self._memory.change(("webhook-health", shop, endpoint), lambda row: row is None, lambda _: now)
        return now if done else standing

    def failing_since(self, shop: str, endpoint: str) -> datetime | None:
        found: datetime | None = self._memory.get("webhook-health", shop, endpoint)
        return found

    def well(self, shop: str, endpoint: str) -> None:
        self._memory.change(("webhook-health", shop, endpoint), anything, lambda _: None)


class PlainSealer:
    """Says what a secret was sealed for, and holds to it."""

    def seal(self, text: str, context: Mapping[str, str]) -> str:
        return f"{sorted(context.items())}|{text}"

    def open(self, sealed: str, context: Mapping[str, str]) -> str:
        belongs, _, text = sealed.partition("|")
        assert belongs == str(sorted(context.items()))
        return text


class Receiver:
    """A `Poster` that answers what it was told to, one after the other; 204 at last."""

    def __init__(self, *replies: Reply | int) -> None:
        self._lock = Lock()
        self.begin(*replies)

    def begin(self, *replies: Reply | int) -> None:
        """Anew: nothing was received, and these are the next answers."""
        self.received: list[tuple[str, dict[str, str], str]] = []
        self._replies = list(replies)

    def post(self, url: str, headers: Mapping[str, str], body: str) -> Reply:
        with self._lock:
            self.received.append((url, dict(headers), body))
            reply = self._replies.pop(0) if self._replies else 204
        return answered(reply) if isinstance(reply, int) else reply


class Kept:
    """Messages, with how long each is to wait."""

    def __init__(self) -> None:
        self.sent: list[tuple[dict[str, Any], timedelta]] = []

    def send(self, message: Mapping[str, Any], *, delay: timedelta = timedelta()) -> None:
        self.sent.append((dict(message), delay))


def answered(status: int, retry_after: str | None = None, milliseconds: int = 12) -> Reply:
    outcome = Outcome.DELIVERED if 200 <= status < 300 else Outcome.REFUSED
    return Reply(outcome=outcome, status=status, milliseconds=milliseconds, answer="", retry_after=retry_after)


def _key(shop: str, endpoint: str, delivery: str) -> tuple[str, str, str, str]:
    return ("webhook", shop, endpoint, delivery)
