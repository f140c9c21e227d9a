"""The notifications table: who may not be written to, what customers have chosen and read, and who waits to hear that something is back."""

from datetime import datetime

from holdfast.kernel.errors import HoldfastError, VersionConflict
from holdfast.kernel.ids import bucket_of
from holdfast.kernel.time import epoch, rfc3339
from holdfast.kernel.writes import Commit, Write
from holdfast.notifications import keys
from holdfast.notifications.kinds import Channel
from holdfast.notifications.model import InApp, Preferences, Suppression, Wish
from holdfast.notifications.refusals import TooManyWishes
from holdfast.platform.dynamo import NOT_THERE, THERE, ConditionFailed, Expression, Item, Table, record

BY_STATE = "by_state"
IN_APP_KEPT_DAYS = 365
# The customer has not chosen anew since his choice was seen.
SAME_CHOICE = "#version = :seen"
# Nobody with this address, or who reads it, waits for the SKU.
NO_WISH = "attribute_not_exists(#pk)"
# There is room for one more in this part of the count.
ROOM = "attribute_not_exists(#waiting) OR #waiting < :most"
# Whoever reads this address may wait for one more SKU of the shop.
FEW_ENOUGH = "attribute_not_exists(#waiting) OR #waiting < :each"
# It is the wish that was seen, and not a later one of the same person.
SAME_WISH = "#at = :at"
# Somebody is counted.
SOME = Expression("#waiting > :none", {"#waiting": "waiting"}, {":none": 0})


class DynamoPeople:
    """`notifications.ports.Suppressions`, `Customers` and `Wishes`."""

    def __init__(self, table: Table, commit: Commit) -> None:
        self._table = table
        self._commit = commit

    # Who may not be written to.

    def suppression(self, shop: str, channel: Channel, to: str) -> Suppression | None:
        item = self._table.get(keys.suppression_key(shop, channel, to))
        return Suppression.model_validate(item) if item else None

    def suppress(self, suppression: Suppression) -> None:
        key = keys.suppression_key(suppression.shop, suppression.channel, suppression.to)
        try:
            self._table.put({**key, **record(suppression)}, NOT_THERE)
        except ConditionFailed:
            return  # the first reason stays

    def lift(self, shop: str, channel: Channel, to: str) -> bool:
        try:
            self._table.delete(keys.suppression_key(shop, channel, to), THERE)
        except ConditionFailed:
            return False
        return True

    def suppressions(self, shop: str, limit: int, after: str | None) -> tuple[list[Suppression], str | None]:
        of_shop = Expression("#pk = :pk", {"#pk": "pk"}, {":pk": keys.suppressions_of(shop)})
        start = {"pk": keys.suppressions_of(shop), "sk": after} if after else None
        items, last = self._table.query(of_shop, limit=limit, start=start)
        return [Suppression.model_validate(item) for item in items], last["sk"] if last else None

    # What customers have chosen, and read.

    def preferences(self, shop: str, customer: str) -> Preferences | None:
        item = self._table.get(keys.preferences_key(shop, customer))
        return Preferences.model_validate(item) if item else None

    def save_preferences(self, preferences: Preferences) -> bool:
        seen = Expression(SAME_CHOICE, {"#version": "version"}, {":seen": preferences.version - 1})
        item = {**keys.preferences_key(preferences.shop, preferences.customer), **record(preferences)}
        try:
            self._table.put(item, seen if preferences.version > 1 else NOT_THERE)
        except ConditionFailed as refusal:
            return refusal.item is not None and Preferences.model_validate(refusal.item) == preferences  # delivered twice
        return True

    def put_in_app(self, message: InApp) -> None:
        key = keys.in_app_key(message.shop, message.customer, message.id)
        ttl = epoch(message.at) + IN_APP_KEPT_DAYS * 24 * 3600
        try:
            self._table.put({**key, "ttl": ttl, **record(message)}, NOT_THERE)
        except ConditionFailed:
            return  # it stands there, and may have been read

    def in_app_message(self, shop: str, customer: str, message: str) -> InApp | None:
        item = self._table.get(keys.in_app_key(shop, customer, message))
        return InApp.model_validate(item) if item else None

    def in_app(self, shop: str, customer: str, limit: int, after: str | None) -> tuple[list[InApp], str | None]:
        of_customer = Expression(
            "#pk = :pk AND begins_with(#sk, :sk)",
            {"#pk": "pk", "#sk": "sk"},
            {":pk": keys.customer_of(shop, customer), ":sk": keys.in_app_key(shop, customer, "")["sk"]},
        )
        start = keys.in_app_key(shop, customer, after) if after else None
        items, last = self._table.query(of_customer, limit=limit, start=dict(start) if start else None, forward=False)
        return [InApp.model_validate(item) for item in items], InApp.model_validate(items[-1]).id if last else None

    def read_in_app(self, shop: str, customer: str, message: str, now: datetime) -> InApp | None:
        unread = Expression("attribute_exists(#pk) AND attribute_not_exists(#read)", {"#pk": "pk", "#read": "read_at"})
        change = Expression("SET #read = :now", {"#read": "read_at"}, {":now": rfc3339(now)})
        try:
            return InApp.model_validate(self._table.update(keys.in_app_key(shop, customer, message), change, unread))
        except ConditionFailed as refusal:
            return InApp.model_validate(refusal.item) if refusal.item else None

    # Who waits.

    def add_wish(self, wish: Wish, most: int, each: int) -> bool:
        by_customer = keys.wish_of_key(wish.shop, wish.sku, wish.customer)
        nobody = Expression(NO_WISH, {"#pk": "pk"})
        few = Expression(FEW_ENOUGH, {"#waiting": "waiting"}, {":each": each})
        writes = [
            self._table.put_write({**by_customer, "at": rfc3339(wish.at)}, nobody, _taken()),
            self._table.put_write({**_of_mailbox(wish), "at": rfc3339(wish.at)}, nobody, _taken()),
            self._count(_all_of_mailbox(wish), 1, few, _taken()),
            self._table.put_write({**_wish_key(wish), **_since(wish), **record(wish)}, NOT_THERE, _taken()),
            self._one_more(wish, most),
        ]
        try:
            self._commit(writes, token=f"wish#{wish.shop}#{wish.sku}#{wish.customer}#{rfc3339(wish.at)}")
        except VersionConflict:
            standing = self._table.get(by_customer)
            return standing is not None and standing["at"] == rfc3339(wish.at)  # delivered twice
        return True

    def wishes(self, shop: str, sku: str, limit: int) -> list[Wish]:
        of_sku = Expression("#pk = :pk", {"#pk": "pk"}, {":pk": keys.wishes_of(shop, sku)})
        items, _ = self._table.query(of_sku, limit=limit)
        return [Wish.model_validate(item) for item in items]

    def old_wishes(self, part: int, before: datetime, limit: int) -> list[Wish]:
        older = Expression(
            "#xpk = :xpk AND #xsk < :before",
            {"#xpk": "xpk", "#xsk": "xsk"},
            {":xpk": keys.wishes_since(part), ":before": rfc3339(before)},
        )
        found, _ = self._table.query(older, index=BY_STATE, limit=limit)
        wishes = [Wish.model_validate(item) for item in self._table.batch_get([{"pk": one["pk"], "sk": one["sk"]} for one in found])]
        return sorted(wishes, key=lambda wish: (wish.at, wish.customer))

    def drop_wish(self, wish: Wish) -> None:
        self._drop(wish)

    def drop_wishes_of(self, shop: str, sku: str, customer: str) -> bool:
        pointer = self._table.get(keys.wish_of_key(shop, sku, customer))
        item = self._table.get({"pk": keys.wishes_of(shop, sku), "sk": f"{pointer['at']}#{customer}"}) if pointer else None
        return self._drop(Wish.model_validate(item)) if item else False

    def _drop(self, wish: Wish) -> bool:
        same = Expression(SAME_WISH, {"#at": "at"}, {":at": rfc3339(wish.at)})
        writes = [
            self._table.delete_write(keys.wish_of_key(wish.shop, wish.sku, wish.customer), same, _taken()),
            self._table.delete_write(_of_mailbox(wish), same, _taken()),
            self._table.delete_write(_wish_key(wish), THERE, _taken()),
            self._count(_all_of_mailbox(wish), -1, SOME, _taken()),
            self._count(_all_of_sku(wish), -1, SOME, _taken()),
        ]
        try:
            self._commit(writes, token=f"drop#{wish.shop}#{wish.sku}#{wish.customer}#{rfc3339(wish.at)}")
        except VersionConflict:
            return False  # it was dropped before
        return True

    def _one_more(self, wish: Wish, most: int) -> Write:
        room = Expression(ROOM, {"#waiting": "waiting"}, {":most": -(-most // keys.COUNTERS)})
        full = TooManyWishes("So many people wait for this product already.", maximum=most)
        return self._count(_all_of_sku(wish), 1, room, full)

    def _count(self, key: keys.Key, by: int, condition: Expression, refusal: HoldfastError) -> Write:
        change = Expression("ADD #waiting :by", {"#waiting": "waiting"}, {":by": by})
        return self._table.update_write(key, change, condition, refusal)


def _all_of_sku(wish: Wish) -> keys.Key:
    return keys.wish_count_key(wish.shop, wish.sku, wish.customer)


def _all_of_mailbox(wish: Wish) -> keys.Key:
    return keys.wishes_of_mailbox_key(wish.shop, wish.email)


def _of_mailbox(wish: Wish) -> keys.Key:
    return keys.wish_of_mailbox_key(wish.shop, wish.sku, wish.email)


def _since(wish: Wish) -> Item:
    return {"xpk": keys.wishes_since(bucket_of(wish.customer, keys.WISH_PARTS)), "xsk": keys.place(wish.at, wish.customer)}


def _wish_key(wish: Wish) -> Item:
    return dict(keys.wish_key(wish.shop, wish.sku, wish.at, wish.customer))


def _taken() -> VersionConflict:
    return VersionConflict("The wish is not as it was seen.")
