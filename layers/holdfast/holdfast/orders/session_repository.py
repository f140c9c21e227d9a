"""The orders table: checkout sessions. They lie beside the orders, so that a shopper's try reads both at once."""

from holdfast.kernel.time import epoch
from holdfast.orders import keys
from holdfast.orders.model import Order
from holdfast.orders.repository import order_of
from holdfast.orders.session import Session
from holdfast.platform.dynamo import ConditionFailed, Expression, Item, Table, record, rows


class DynamoSessions:
    def __init__(self, table: Table) -> None:
        self._table = table

    def add(self, session: Session) -> None:
        self._table.put(_item(session))

    def save(self, session: Session) -> bool:
        try:
            self._table.put(_item(session), _as_seen(session))
        except ConditionFailed as refusal:
            return refusal.item is not None and Session.model_validate(refusal.item) == session
        return True

    def get(self, shop: str, session: str) -> Session | None:
        item = self._table.get(keys.session_key(shop, session))
        return Session.model_validate(item) if item else None

    def with_order(self, shop: str, session: str, order: str) -> tuple[Session | None, Order | None]:
        found = {item["sk"]: item for item in self._table.batch_get([keys.session_key(shop, session), keys.order_key(shop, order)])}
        return (
            Session.model_validate(found["SESSION"]) if "SESSION" in found else None,
            order_of(found["ORDER"]) if "ORDER" in found else None,
        )

    def remove(self, session: Session) -> None:
        self._table.delete(keys.session_key(session.shop, session.id))


def _item(session: Session) -> Item:
    item = {**keys.session_key(session.shop, session.id), "ttl": epoch(session.expires_at), **record(session)}
    return {**item, "lines": rows(session.lines)}


def _as_seen(session: Session) -> Expression:
    """The version that the change was made from still stands: of two changes at once none is lost without a word."""
    return Expression("#version = :before", {"#version": "version"}, {":before": session.version - 1})
