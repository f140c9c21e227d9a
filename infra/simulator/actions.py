"""Put, Update, Delete and ConditionCheck: what one of them would do to the item that stands there."""

from collections.abc import Mapping
from typing import Any, Literal

from infra.simulator.expressions import Invalid, Terms, demand_matched, holds
from infra.simulator.sizes import LARGEST_ITEM
from infra.simulator.tables import Item, Judged, Key, Table
from infra.simulator.updates import Misfit, demand_sound, updated
from infra.simulator.values import BadValue, normal

Action = Literal["Put", "Update", "Delete", "ConditionCheck"]
ITEM_TOO_LARGE = "Item size has exceeded the maximum allowed size"


def judge(table: Table, kind: Action, request: Mapping[str, Any]) -> Judged:
    """Invalid when the request is wrong for every item; Misfit when it is for this one."""
    terms = terms_of(request, request.get("ConditionExpression"), request.get("UpdateExpression"))
    if kind == "Put":
        item = normal_item(request["Item"])
        key = table.keys.of(item)
        return _judged(table, key, item, request, terms)
    key = table.key(normal_item(request["Key"]))
    if kind == "Update":
        return _judge_update(table, key, request, terms)
    if kind == "Delete":
        return _judged(table, key, None, request, terms)
    stored = table.get(key)
    return Judged(table, key, stored, stored, failed=not _allowed(_standing(table, key), request, terms))


def terms_of(request: Mapping[str, Any], *texts: str | None) -> Terms:
    terms = Terms(request.get("ExpressionAttributeNames", {}), normal_item(request.get("ExpressionAttributeValues", {})))
    demand_matched(terms, *filter(None, texts))
    return terms


def normal_item(item: Item) -> Item:
    try:
        return {name: normal(value) for name, value in item.items()}
    except BadValue as error:
        raise Invalid(str(error)) from error


def _judge_update(table: Table, key: Key, request: Mapping[str, Any], terms: Terms) -> Judged:
    if "UpdateExpression" in request:
        demand_sound(request["UpdateExpression"], terms)
    standing = _standing(table, key)
    if not _allowed(standing, request, terms):
        return table.judged(key, None, failed=True)
    base = standing or normal_item(request["Key"])
    after, addressed = updated(request["UpdateExpression"], base, terms) if "UpdateExpression" in request else (dict(base), frozenset())
    if touched := addressed & set(table.keys.names):
        message = f"Cannot update attribute {min(touched)}. This attribute is part of the key"
        raise Invalid(f"One or more parameter values were invalid: {message}")
    return _sized(table.judged(key, after, failed=False, addressed=addressed))


def _judged(table: Table, key: Key, after: Item | None, request: Mapping[str, Any], terms: Terms) -> Judged:
    return _sized(table.judged(key, after, failed=not _allowed(_standing(table, key), request, terms)))


def _sized(judged: Judged) -> Judged:
    if judged.after is not None and judged.after.size > LARGEST_ITEM:
        raise Misfit(ITEM_TOO_LARGE)
    return judged


def _allowed(standing: Item, request: Mapping[str, Any], terms: Terms) -> bool:
    return "ConditionExpression" not in request or holds(request["ConditionExpression"], standing, terms)


def _standing(table: Table, key: Key) -> Item:
    """Empty when there is none: to a condition that is the same."""
    stored = table.get(key)
    return stored.item if stored else {}
