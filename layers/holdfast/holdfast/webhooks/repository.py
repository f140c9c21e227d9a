"""The webhooks table: a shop's endpoints in numbered places, deliveries by endpoint, and an index of those that have not ended."""

from datetime import datetime, timedelta

from holdfast.kernel.ids import first_id
from holdfast.kernel.time import epoch, parse_rfc3339, rfc3339
from holdfast.platform.dynamo import NOT_THERE, ConditionFailed, Expression, Item, Table, record
from holdfast.webhooks import keys
from holdfast.webhooks.model import KEPT, Delivery, Due, Endpoint

BY_DUE = "by_due"
# Nobody made this delivery before: the event came for the first time.
FIRST_TIME = "attribute_not_exists(#pk)"
# The delivery is as it was seen: nobody claimed it, ended it or asked for it again meanwhile.
SAME_DELIVERY = "#version = :seen"
# The endpoint is the same one, as it was seen.
SAME_ENDPOINT = "#version = :seen AND #id = :id"
# No endpoint has this place.
FREE_PLACE = "attribute_not_exists(#pk)"
# No tick saw to it, no worker claimed it.
SAME_WAKE = "#xsk = :seen"
# The far end of all ids of an endpoint: above every time.
_AFTER_ALL = "dlv_~"


class DynamoWebhooks:
    """`webhooks.ports.WebhookStore`."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def endpoints(self, shop: str) -> list[Endpoint]:
        of_shop = Expression("#pk = :pk", {"#pk": "pk"}, {":pk": keys.endpoints_of(shop)})
        return [Endpoint.model_validate(item) for item in self._table.query_all(of_shop)]

    def add_endpoint(self, endpoint: Endpoint) -> bool:
        return self._put_endpoint(endpoint, Expression(FREE_PLACE, {"#pk": "pk"}))

    def save_endpoint(self, endpoint: Endpoint) -> bool:
        names, values = {"#version": "version", "#id": "id"}, {":seen": endpoint.version - 1, ":id": endpoint.id}
        return self._put_endpoint(endpoint, Expression(SAME_ENDPOINT, names, values))

    def _put_endpoint(self, endpoint: Endpoint, condition: Expression) -> bool:
        try:
            self._table.put({**keys.endpoint_key(endpoint.shop, endpoint.place), **record(endpoint)}, condition)
        except ConditionFailed as refusal:
            return refusal.item is not None and Endpoint.model_validate(refusal.item) == endpoint  # delivered twice
        return True

    def remove_endpoint(self, endpoint: Endpoint) -> None:
        same = Expression("#id = :id", {"#id": "id"}, {":id": endpoint.id})
        try:
            self._table.delete(keys.endpoint_key(endpoint.shop, endpoint.place), same)
        except ConditionFailed:
            return  # it is gone already
        self.well(endpoint.shop, endpoint.id)

    def add(self, delivery: Delivery) -> Delivery:
        try:
            self._table.put(_item(delivery), Expression(FIRST_TIME, {"#pk": "pk"}))
        except ConditionFailed as there:
            return Delivery.model_validate(there.item)
        return delivery

    def get(self, shop: str, endpoint: str, delivery: str) -> Delivery | None:
        item = self._table.get(keys.delivery_key(shop, endpoint, delivery)) if delivery != keys.HEALTH else None
        return Delivery.model_validate(item) if item else None

    def save(self, delivery: Delivery) -> bool:
        try:
            self._table.put(_item(delivery), Expression(SAME_DELIVERY, {"#version": "version"}, {":seen": delivery.version - 1}))
        except ConditionFailed as refusal:
            return refusal.item is not None and Delivery.model_validate(refusal.item) == delivery  # delivered twice
        return True

    def page(
        self, shop: str, endpoint: str, limit: int, after: str | None, since: datetime | None, until: datetime | None
    ) -> tuple[list[Delivery], str | None]:
        values = {
            ":pk": keys.deliveries_of(shop, endpoint),
            ":low": first_id("dlv", since) if since else "dlv_",
            ":high": first_id("dlv", until) if until else _AFTER_ALL,
        }
        if values[":low"] > min(values[":high"], after or _AFTER_ALL):
            return [], None
        of_time = Expression("#pk = :pk AND #sk BETWEEN :low AND :high", {"#pk": "pk", "#sk": "sk"}, values)
        # DynamoDB takes no start from outside of the range, and a caller may go on with another time than he began with.
        start = keys.delivery_key(shop, endpoint, after) if after and after <= values[":high"] else None
        items, last = self._table.query(of_time, limit=limit, start=dict(start) if start else None, forward=False)
        return [Delivery.model_validate(item) for item in items], last["sk"] if last else None

    def due(self, bucket: int, now: datetime, limit: int) -> list[Due]:
        names, values = (
            {"#xpk": "xpk", "#xsk": "xsk"},
            {":bucket": keys.due_bucket(bucket), ":now": rfc3339(now + timedelta(milliseconds=1))},
        )
        waiting = Expression("#xpk = :bucket AND #xsk < :now", names, values)
        items, _ = self._table.query(waiting, index=BY_DUE, limit=limit)
        return [_due(item) for item in items]

    def postpone(self, due: Due, until: datetime) -> bool:
        key, names = keys.delivery_key(due.shop, due.endpoint, due.delivery), {"#xsk": "xsk"}
        later = keys.due_at(until, due.delivery)
        try:
            same = Expression(SAME_WAKE, names, {":seen": due.wake})
            self._table.update(key, Expression("SET #xsk = :later", names, {":later": later}), same, returns="NONE")
        except ConditionFailed as refusal:
            return refusal.item is not None and refusal.item.get("xsk") == later  # delivered twice
        return True

    def failing(self, shop: str, endpoint: str, now: datetime) -> datetime:
        item: Item = {**keys.health_key(shop, endpoint), "failing_since": rfc3339(now), "ttl": epoch(now + KEPT)}
        try:
            self._table.put(item, NOT_THERE)
        except ConditionFailed as there:
            return parse_rfc3339((there.item or item)["failing_since"])
        return now

    def failing_since(self, shop: str, endpoint: str) -> datetime | None:
        item = self._table.get(keys.health_key(shop, endpoint))
        return parse_rfc3339(item["failing_since"]) if item else None

    def well(self, shop: str, endpoint: str) -> None:
        self._table.delete(keys.health_key(shop, endpoint))


def _item(delivery: Delivery) -> Item:
    wake = delivery.wake_at
    waiting = {"xpk": keys.bucket_for(delivery.id), "xsk": keys.due_at(wake, delivery.id)} if wake else {}
    key = keys.delivery_key(delivery.shop, delivery.endpoint, delivery.id)
    return {**key, **waiting, "ttl": epoch(delivery.kept_until), **record(delivery)}


def _due(item: Item) -> Due:
    shop, endpoint = item["pk"].split("#", 1)
    return Due(shop=shop, endpoint=endpoint, delivery=item["sk"], wake=item["xsk"])
