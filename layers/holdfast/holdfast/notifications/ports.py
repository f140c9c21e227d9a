"""What notifications ask of their store and of the world."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol

from holdfast.notifications.kinds import Channel
from holdfast.notifications.letter import Letter
from holdfast.notifications.model import (
    InApp,
    Mail,
    Notice,
    Notification,
    Preferences,
    Recipient,
    Status,
    Suppression,
    Wish,
)


class Notifications(Protocol):
    """The outbox."""

    def add(self, row: Notification) -> Notification:
        """What stands there after it: this one, or the one that was made of the same event before. Its subject knows it from then on."""
        ...

    def get(self, shop: str, notification: str) -> Notification | None: ...

    def save(self, row: Notification) -> bool:
        """Over the version before its own. False when another stands there; true when it is this very one already."""
        ...

    def of_subject(self, shop: str, subject: str, latest: int | None = None) -> list[Notification]:
        """Oldest first; `latest`: only so many of what happened last."""
        ...

    def page(self, shop: str, statuses: frozenset[Status], limit: int, after: str | None) -> tuple[list[Notification], str | None]:
        """Newest first; none: all. And where to go on after: a page may be shorter than asked for though there are more."""
        ...

    def overdue(self, bucket: int, before: datetime, limit: int, turn: Callable[[datetime], bool] = ...) -> list[Notification]:
        """Of all shops: waiting or claimed, and due (or their lease over) before that. The longest first.

        `turn`: whether one that is late since then is wanted. The others take no places, and shops take turns: none hides another's.
        One that cannot be read is passed over, and counted.
        """
        ...


class Suppressions(Protocol):
    def suppression(self, shop: str, channel: Channel, to: str) -> Suppression | None: ...

    def suppress(self, suppression: Suppression) -> None:
        """The first reason stays."""
        ...

    def lift(self, shop: str, channel: Channel, to: str) -> bool:
        """False when there was none."""
        ...

    def suppressions(self, shop: str, limit: int, after: str | None) -> tuple[list[Suppression], str | None]: ...


class Customers(Protocol):
    """What customers have chosen, and their messages in the app."""

    def preferences(self, shop: str, customer: str) -> Preferences | None: ...

    def save_preferences(self, preferences: Preferences) -> bool:
        """Over the version before its own; False when another stands there."""
        ...

    def put_in_app(self, message: InApp) -> None:
        """Once: the one that stands there stays, read or not."""
        ...

    def in_app(self, shop: str, customer: str, limit: int, after: str | None) -> tuple[list[InApp], str | None]:
        """Newest first."""
        ...

    def in_app_message(self, shop: str, customer: str, message: str) -> InApp | None: ...

    def read_in_app(self, shop: str, customer: str, message: str, now: datetime) -> InApp | None:
        """Read from then on; the first time stays. None when there is none."""
        ...


class Wishes(Protocol):
    """Who asked to be told when a SKU is back, in the order in which they asked."""

    def add_wish(self, wish: Wish, most: int, each: int) -> bool:
        """False when whoever reads that address asked for this SKU before and was not told yet, or waits for `each` SKUs of the shop
        already. TooManyWishes: about so many wait for it.
        """
        ...

    def old_wishes(self, part: int, before: datetime, limit: int) -> list[Wish]:
        """Of all shops: made before that. The oldest first."""
        ...

    def wishes(self, shop: str, sku: str, limit: int) -> list[Wish]:
        """The longest waiting first."""
        ...

    def drop_wish(self, wish: Wish) -> None: ...

    def drop_wishes_of(self, shop: str, sku: str, customer: str) -> bool: ...


class NotificationStore(Notifications, Suppressions, Customers, Wishes, Protocol): ...


class Messages(Protocol):
    def send(self, message: Mapping[str, Any], *, delay: timedelta = timedelta()) -> None:
        """To our own queue. `delay`: not before that, 15 minutes at most."""
        ...


class Writer(Protocol):
    """Knows orders, keys, products and shops, and puts a notice into what a template needs."""

    def recipients(self, notice: Notice) -> Sequence[Recipient]:
        """All who are to be told, by whatever channel the kind has; without those who must not be by their own or the shop's choice."""
        ...

    def letter(self, notification: Notification) -> Letter | None:
        """None: there is nothing to tell any more."""
        ...


class Sender(Protocol):
    """One channel's service."""

    def send(self, notification: Notification, mail: Mail) -> str:
        """One attempt; the service's id of it. ServiceBusyError: certainly not accepted, later perhaps. RecipientRefused: certainly not
        accepted, and never will be. Any other error: nobody knows.
        """
        ...


class PostOffice(NamedTuple):
    """All that sending takes. `senders`: of the channels that this deployment has; `chance`: a whole number below the one given."""

    store: NotificationStore
    writer: Writer
    render: Callable[[Letter], Mail]
    senders: Mapping[Channel, Sender]
    messages: Messages
    chance: Callable[[int], int]
