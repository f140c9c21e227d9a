"""What webhooks ask of their store and of the world."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from holdfast.webhooks.model import Delivery, Due, Endpoint, Reply


class Endpoints(Protocol):
    def endpoints(self, shop: str) -> list[Endpoint]:
        """In the order of their places: a shop has few."""
        ...

    def add_endpoint(self, endpoint: Endpoint) -> bool:
        """False when its place is taken."""
        ...

    def save_endpoint(self, endpoint: Endpoint) -> bool:
        """Over the version before its own; False when another stands there."""
        ...

    def remove_endpoint(self, endpoint: Endpoint) -> None:
        """Only that one: its place may have been taken by the next."""
        ...


class Deliveries(Protocol):
    def add(self, delivery: Delivery) -> Delivery:
        """What stands there after it: this one, or the one that was made of the same event before."""
        ...

    def get(self, shop: str, endpoint: str, delivery: str) -> Delivery | None: ...

    def save(self, delivery: Delivery) -> bool:
        """Over the version before its own; False when another stands there."""
        ...

    def page(
        self, shop: str, endpoint: str, limit: int, after: str | None, since: datetime | None, until: datetime | None
    ) -> tuple[list[Delivery], str | None]:
        """Newest first; of events from `since` on and before `until`. And the id to go on after."""
        ...

    def due(self, bucket: int, now: datetime, limit: int) -> list[Due]:
        """Those whose time to be looked at has come, the longest waiting first."""
        ...

    def postpone(self, due: Due, until: datetime) -> bool:
        """Look again then, if not done by then. False when somebody saw to it meanwhile."""
        ...


class Health(Protocol):
    def failing(self, shop: str, endpoint: str, now: datetime) -> datetime:
        """An attempt failed. Since when there was no success."""
        ...

    def failing_since(self, shop: str, endpoint: str) -> datetime | None: ...

    def well(self, shop: str, endpoint: str) -> None:
        """Forget that it failed."""
        ...


class WebhookStore(Endpoints, Deliveries, Health, Protocol): ...


class Sealer(Protocol):
    """Secrets at rest. `context` names what the secret belongs to: opened under another, it stays shut."""

    def seal(self, text: str, context: Mapping[str, str]) -> str: ...
    def open(self, sealed: str, context: Mapping[str, str]) -> str: ...


class Poster(Protocol):
    def post(self, url: str, headers: Mapping[str, str], body: str) -> Reply:
        """One request, whatever comes of it. Never raises for what the other side does, and ends within seconds."""
        ...


class Messages(Protocol):
    def send(self, message: Mapping[str, Any], *, delay: timedelta = timedelta()) -> None:
        """`delay`: not before that, 15 minutes at most."""
        ...


@dataclass(frozen=True)
class EventTypes:
    """What there is to hear. `confidential` ones are the staff's own."""

    all: frozenset[str]
    confidential: frozenset[str]


@dataclass(frozen=True)
class Mailroom:
    """All that an attempt needs. `chance` draws a whole number below the one given."""

    store: WebhookStore
    sealer: Sealer
    poster: Poster
    messages: Messages
    chance: Callable[[int], int]
