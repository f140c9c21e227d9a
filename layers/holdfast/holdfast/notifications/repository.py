"""The notifications table: the outbox, what each subject was told, and an index of what is due and of what went wrong."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

from pydantic import ValidationError

from holdfast.kernel.time import epoch, rfc3339
from holdfast.notifications import keys, rules
from holdfast.notifications.model import Notification, Status
from holdfast.notifications.people_repository import DynamoPeople
from holdfast.platform import metrics
from holdfast.platform.dynamo import NOT_THERE, ConditionFailed, Expression, Item, record
from holdfast.platform.log import logger

BY_STATE = "by_state"
KEPT = timedelta(days=90)
"""After its last change. What has not ended is kept."""
LISTED = timedelta(days=120)
"""Longer than what it points to, as a rule."""
ROUNDS = 10
"""Reads for one page in which few are of the wanted kind."""
# Nobody made this row before: the event is told for the first time.
NOT_TOLD_YET = "attribute_not_exists(#pk)"
# The row is as it was seen: nobody claimed it, ended it or took it along meanwhile.
SAME_NOTIFICATION = "#version = :seen"
_AFTER_ALL = "~"
"""Above every place of the index."""


class DynamoNotifications(DynamoPeople):
    """`notifications.ports.NotificationStore`."""

    def add(self, row: Notification) -> Notification:
        standing = self.get(row.shop, row.id)
        if standing is not None:
            return standing
        self._point_to(row)  # before it is there: a pointer to nothing is passed over, and a row that nothing points to is lost from sight
        try:
            self._table.put(_item(row), Expression(NOT_TOLD_YET, {"#pk": "pk"}))
        except ConditionFailed as there:
            return Notification.model_validate(there.item)
        return row

    def _point_to(self, row: Notification) -> None:
        item = {
            **keys.told_key(row.shop, row.notice.subject, row.id),
            "xpk": keys.all_bucket(row.shop, keys.part_of(row.id)),
            "xsk": keys.place(row.created_at, row.id),
            "ttl": epoch(row.created_at + LISTED),
        }
        try:
            self._table.put(item, NOT_THERE)
        except ConditionFailed:
            return  # another worker was faster, or died after it

    def get(self, shop: str, notification: str) -> Notification | None:
        item = self._table.get(keys.row_key(shop, notification))
        return Notification.model_validate(item) if item else None

    def save(self, row: Notification) -> bool:
        try:
            self._table.put(_item(row), Expression(SAME_NOTIFICATION, {"#version": "version"}, {":seen": row.version - 1}))
        except ConditionFailed as refusal:
            return refusal.item is not None and Notification.model_validate(refusal.item) == row  # delivered twice
        return True

    def of_subject(self, shop: str, subject: str, latest: int | None = None) -> list[Notification]:
        of_subject = Expression("#pk = :pk", {"#pk": "pk"}, {":pk": keys.told_of(shop, subject)})
        if latest is None:
            items = list(self._table.query_all(of_subject))
        else:
            items, _ = self._table.query(of_subject, limit=latest, forward=False)
        return sorted(self._rows((shop, item["sk"]) for item in items), key=_age)

    def page(self, shop: str, statuses: frozenset[Status], limit: int, after: str | None) -> tuple[list[Notification], str | None]:
        bucket = keys.bad_bucket if statuses and statuses <= rules.BAD else keys.all_bucket
        partitions = [bucket(shop, part) for part in range(keys.BUCKETS)]
        found: list[Notification] = []
        for _ in range(ROUNDS):
            places, after = self._latest(partitions, limit, after)
            rows = self._rows((shop, keys.named(place)) for place in places)
            found += sorted((row for row in rows if not statuses or row.status in statuses), key=_age, reverse=True)
            if after is None or len(found) >= limit:
                break
        if len(found) > limit:
            after = keys.place(found[limit - 1].created_at, found[limit - 1].id)
        return found[:limit], after

    def _latest(self, partitions: Sequence[str], limit: int, after: str | None) -> tuple[list[str], str | None]:
        """Places of all parts, merged, and where to go on."""
        places: list[str] = []
        more = False
        for partition in partitions:
            before = Expression(
                "#xpk = :xpk AND #xsk < :after", {"#xpk": "xpk", "#xsk": "xsk"}, {":xpk": partition, ":after": after or _AFTER_ALL}
            )
            items, last = self._table.query(before, index=BY_STATE, limit=limit, forward=False)
            places += [item["xsk"] for item in items]
            more = more or last is not None
        places.sort(reverse=True)
        more = more or len(places) > limit
        return places[:limit], places[limit - 1] if more else None

    def overdue(self, bucket: int, before: datetime, limit: int, turn: Callable[[datetime], bool] = rules.always) -> list[Notification]:
        waiting = Expression(
            "#xpk = :xpk AND #xsk < :before",
            {"#xpk": "xpk", "#xsk": "xsk"},
            {":xpk": keys.due_bucket(bucket), ":before": rfc3339(before)},
        )
        places = (_late(item) for item in self._table.query_all(waiting, index=BY_STATE))
        chosen = rules.shared((place for place in places if turn(place.since)), limit)
        rows = self._rows((place.shop, place.id) for place in chosen)
        late = [(wake, row.id, row) for row in rows if (wake := rules.wake_at(row)) is not None and wake < before]  # the index lags
        return [row for _, _, row in sorted(late, key=lambda one: one[:2])]

    def _rows(self, named: Iterable[tuple[str, str]]) -> list[Notification]:
        """Those that can be read. Of a list one that cannot must not hide the others."""
        items = self._table.batch_get([keys.row_key(shop, notification) for shop, notification in named])
        return [row for item in items if (row := _readable(item)) is not None]


def _late(item: Item) -> rules.Late:
    return rules.Late(keys.instant_of(item["xsk"]), keys.named(item["xsk"]), item["pk"].split("#", 1)[0])


def _readable(item: Item) -> Notification | None:
    """Where it cannot be read it is told which, and not what is in it."""
    try:
        return Notification.model_validate(item)
    except ValidationError as error:
        wrong = sorted({".".join(map(str, one["loc"])) for one in error.errors(include_input=False)})
        logger.error("a notification cannot be read", extra={"row": item["pk"], "members": wrong})
        metrics.count("NotificationsUnreadable")
        return None


def _age(row: Notification) -> tuple[datetime, str]:
    return row.created_at, row.id


def _item(row: Notification) -> Item:
    return {**keys.row_key(row.shop, row.id), **_place(row), **record(row)}


def _place(row: Notification) -> Item:
    """What has ended well is found by its subject, and among all."""
    part, wake = keys.part_of(row.id), rules.wake_at(row)
    if wake is not None:
        return {"xpk": keys.due_bucket(keys.due_part_of(row.id)), "xsk": keys.place(wake, row.id)}
    ttl = {"ttl": epoch(row.updated_at + KEPT)}
    if row.status in rules.BAD:
        return {"xpk": keys.bad_bucket(row.shop, part), "xsk": keys.place(row.created_at, row.id), **ttl}
    return ttl
