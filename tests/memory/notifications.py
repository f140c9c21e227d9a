"""`notifications.ports.NotificationStore` in memory, and the world around it: services that keep what they sent, a writer of few words."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any

from holdfast.kernel.errors import HoldfastError, VersionConflict
from holdfast.kernel.ids import bucket_of
from holdfast.kernel.time import rfc3339
from holdfast.notifications import keys, rules
from holdfast.notifications.kinds import Channel
from holdfast.notifications.model import InApp, Mail, Notification, Preferences, Status, Suppression, Wish
from holdfast.notifications.refusals import TooManyWishes
from tests.memory.engine import Memory, MemoryWrite, nothing, something


class MemoryNotifications:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    # The outbox.

    def add(self, row: Notification) -> Notification:
        standing = self.get(row.shop, row.id)
        if standing is not None:
            return standing
        done, standing = self._memory.change(
            ("notification", row.shop, row.id),
            lambda standing: self._memory.condition("NOT_TOLD_YET", standing is None),
            lambda _: row,
        )
        found: Notification = row if done else standing
        return found

    def get(self, shop: str, notification: str) -> Notification | None:
        found: Notification | None = self._memory.get("notification", shop, notification)
        return found

    def save(self, row: Notification) -> bool:
        def same(standing: Notification | None) -> bool:
            return self._memory.condition("SAME_NOTIFICATION", standing is not None and standing.version == row.version - 1)

        done, standing = self._memory.change(("notification", row.shop, row.id), same, lambda _: row)
        return done or bool(standing == row)

    def of_subject(self, shop: str, subject: str, latest: int | None = None) -> list[Notification]:
        rows: list[Notification] = [row for row in self._memory.of("notification", shop) if row.notice.subject == subject]
        last = sorted(rows, key=lambda row: row.id, reverse=True)[:latest]
        return sorted(last, key=_age)

    def page(self, shop: str, statuses: frozenset[Status], limit: int, after: str | None) -> tuple[list[Notification], str | None]:
        rows: list[Notification] = [row for row in self._memory.of("notification", shop) if not statuses or row.status in statuses]
        newest = sorted((row for row in rows if after is None or _place(row) < after), key=_age, reverse=True)
        return newest[:limit], _place(newest[limit - 1]) if len(newest) > limit else None

    def overdue(self, bucket: int, before: datetime, limit: int, turn: Callable[[datetime], bool] = rules.always) -> list[Notification]:
        rows: list[Notification] = [row for row in self._memory.of("notification") if keys.due_part_of(row.id) == bucket]
        late = {rules.Late(wake, row.id, row.shop): row for row in rows if (wake := rules.wake_at(row)) is not None and wake < before}
        return [late[place] for place in rules.shared((place for place in sorted(late) if turn(place.since)), limit)]

    # Who may not be written to.

    def suppression(self, shop: str, channel: Channel, to: str) -> Suppression | None:
        found: Suppression | None = self._memory.get(*_suppressed(shop, channel, to))
        return found

    def suppress(self, suppression: Suppression) -> None:
        self._memory.change(_suppressed(suppression.shop, suppression.channel, suppression.to), nothing, lambda _: suppression)

    def lift(self, shop: str, channel: Channel, to: str) -> bool:
        return self._memory.change(_suppressed(shop, channel, to), something, lambda _: None)[0]

    def suppressions(self, shop: str, limit: int, after: str | None) -> tuple[list[Suppression], str | None]:
        named = {keys.suppression_name(found.channel, found.to): found for found in self._memory.of("suppression", shop)}
        names = [name for name in sorted(named) if after is None or name > after]
        return [named[name] for name in names[:limit]], names[limit - 1] if len(names) > limit else None

    # What customers have chosen, and read.

    def preferences(self, shop: str, customer: str) -> Preferences | None:
        found: Preferences | None = self._memory.get("preferences", shop, customer)
        return found

    def save_preferences(self, preferences: Preferences) -> bool:
        def same(standing: Preferences | None) -> bool:
            return self._memory.condition("SAME_CHOICE", (standing.version if standing else 0) == preferences.version - 1)

        done, standing = self._memory.change(("preferences", preferences.shop, preferences.customer), same, lambda _: preferences)
        return done or bool(standing == preferences)

    def put_in_app(self, message: InApp) -> None:
        self._memory.change(("in-app", message.shop, message.customer, message.id), nothing, lambda _: message)

    def in_app_message(self, shop: str, customer: str, message: str) -> InApp | None:
        found: InApp | None = self._memory.get("in-app", shop, customer, message)
        return found

    def in_app(self, shop: str, customer: str, limit: int, after: str | None) -> tuple[list[InApp], str | None]:
        found: list[InApp] = self._memory.of("in-app", shop, customer)
        newest = sorted((one for one in found if after is None or one.id < after), key=lambda one: one.id, reverse=True)
        return newest[:limit], newest[limit - 1].id if len(newest) > limit else None

    def read_in_app(self, shop: str, customer: str, message: str, now: datetime) -> InApp | None:
        self._memory.change(
            ("in-app", shop, customer, message),
            lambda standing: standing is not None and standing.read_at is None,
            lambda standing: standing.model_copy(update={"read_at": now}),
        )
        return self.in_app_message(shop, customer, message)

    # Who waits.

    def add_wish(self, wish: Wish, most: int, each: int) -> bool:
        full = TooManyWishes("So many people wait for this product already.", maximum=most)
        room = -(-most // keys.COUNTERS)

        def nobody(standing: Wish | None) -> bool:
            return self._memory.condition("NO_WISH", standing is None)

        def few(waiting: int | None) -> bool:
            return self._memory.condition("FEW_ENOUGH", (waiting or 0) < each)

        writes = [
            MemoryWrite(_pointer(wish), nobody, lambda _: wish, _taken()),
            MemoryWrite(_of_mailbox(wish), nobody, lambda _: wish, _taken()),
            MemoryWrite(_all_of_mailbox(wish), few, lambda waiting: (waiting or 0) + 1, _taken()),
            MemoryWrite(("wish", *_wish(wish)), nothing, lambda _: wish, _taken()),
            MemoryWrite(_counted(wish), lambda waiting: (waiting or 0) < room, lambda waiting: (waiting or 0) + 1, full),
        ]
        try:
            self._memory.commit(writes, token=f"wish#{_wish(wish)}")
        except VersionConflict:
            standing = self._memory.get(*_pointer(wish))
            return standing is not None and standing.at == wish.at
        return True

    def wishes(self, shop: str, sku: str, limit: int) -> list[Wish]:
        return sorted(self._memory.of("wish", shop, sku), key=lambda wish: (wish.at, wish.customer))[:limit]

    def old_wishes(self, part: int, before: datetime, limit: int) -> list[Wish]:
        found: list[Wish] = [wish for wish in self._memory.of("wish") if bucket_of(wish.customer, keys.WISH_PARTS) == part]
        return sorted((wish for wish in found if wish.at < before), key=lambda wish: (wish.at, wish.customer))[:limit]

    def drop_wish(self, wish: Wish) -> None:
        self._drop(wish)

    def drop_wishes_of(self, shop: str, sku: str, customer: str) -> bool:
        wish = self._memory.get("wish-of", shop, sku, customer)
        return self._drop(wish) if wish else False

    def _drop(self, wish: Wish) -> bool:
        writes = [
            MemoryWrite(_pointer(wish), lambda standing: standing is not None and standing.at == wish.at, lambda _: None, _taken()),
            MemoryWrite(("wish", *_wish(wish)), something, lambda _: None, _taken()),
            MemoryWrite(_of_mailbox(wish), lambda standing: standing is not None and standing.at == wish.at, lambda _: None, _taken()),
            MemoryWrite(_all_of_mailbox(wish), lambda waiting: (waiting or 0) > 0, lambda waiting: waiting - 1, _taken()),
            MemoryWrite(_counted(wish), lambda waiting: (waiting or 0) > 0, lambda waiting: waiting - 1, _taken()),
        ]
        try:
            self._memory.commit(writes, token=f"drop#{_wish(wish)}")
        except VersionConflict:
            return False
        return True


class Service:
    """A channel's service that keeps what it was given. `answers`, one after the other: an error is raised, `gone` after it went out;
    at last it takes everything.
    """

    def __init__(self, *answers: Exception | tuple[str, Exception]) -> None:
        self.sent: list[Mail] = []
        self.rows: list[Notification] = []
        self.answers = list(answers)
        self._lock = Lock()

    def send(self, notification: Notification, mail: Mail) -> str:
        with self._lock:
            answer = self.answers.pop(0) if self.answers else None
            if isinstance(answer, Exception):
                raise answer
            self.sent.append(mail)
            self.rows.append(notification)
            if answer is not None:
                raise answer[1]
            return f"message-{len(self.sent)}"


class Queued:
    """`ports.Messages` that wait for their time. `now` is moved by whoever sends."""

    def __init__(self) -> None:
        self.now = datetime.min.replace(tzinfo=UTC)
        self.waiting: list[tuple[datetime, dict[str, Any]]] = []
        self._lock = Lock()

    def send(self, message: Mapping[str, Any], *, delay: timedelta = timedelta()) -> None:
        assert timedelta() <= delay <= timedelta(minutes=15)
        assert delay == timedelta(seconds=int(delay.total_seconds())), "a queue delays by whole seconds"
        with self._lock:
            self.waiting.append((self.now + delay, json.loads(json.dumps(message))))

    def due(self, now: datetime) -> list[dict[str, Any]]:
        """Those whose time has come; they wait no more."""
        with self._lock:
            ripe = sorted((one for one in self.waiting if one[0] <= now), key=lambda one: one[0])
            self.waiting = [one for one in self.waiting if one[0] > now]
        return [message for _, message in ripe]


def gone(error: Exception) -> tuple[str, Exception]:
    """It went out, and the answer got lost."""
    return "gone", error


def _age(row: Notification) -> tuple[datetime, str]:
    return row.created_at, row.id


def _place(row: Notification) -> str:
    return keys.place(row.created_at, row.id)


def _suppressed(shop: str, channel: Channel, to: str) -> tuple[Any, ...]:
    return ("suppression", shop, channel, to.strip().lower())


def _wish(wish: Wish) -> tuple[Any, ...]:
    return (wish.shop, wish.sku, rfc3339(wish.at), wish.customer)


def _pointer(wish: Wish) -> tuple[Any, ...]:
    return ("wish-of", wish.shop, wish.sku, wish.customer)


def _of_mailbox(wish: Wish) -> tuple[Any, ...]:
    return ("wish-of-mailbox", wish.shop, wish.sku, keys.mailbox(wish.email))


def _all_of_mailbox(wish: Wish) -> tuple[Any, ...]:
    return ("wishes-of-mailbox", wish.shop, keys.mailbox(wish.email))


def _counted(wish: Wish) -> tuple[Any, ...]:
    return ("wish-count", wish.shop, wish.sku, bucket_of(wish.customer, keys.COUNTERS))


def _taken() -> HoldfastError:
    return VersionConflict("The wish is not as it was seen.")
