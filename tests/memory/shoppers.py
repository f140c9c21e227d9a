"""What shoppers do with their checkout sessions, between its start and the order."""

from typing import Any

from holdfast.kernel.ids import born_at
from holdfast.orders import sessions
from holdfast.orders.session import Session
from tests.memory.house import House


def start(house: House, *lines: tuple[str, int], **about: Any) -> sessions.Told:
    command = sessions.StartCheckout(shop=house.shop, lines=lines, **{"email": "ada@example.com", **about})
    return sessions.start(command, sessions=house.stores.sessions, world=house.session_world)


def change(house: House, session: Session, expected: int | None = None, **given: Any) -> sessions.Told:
    """`given`: the members that change; None takes one away."""
    command = sessions.ChangeCheckout(shop=house.shop, session=session.id, given=frozenset(given), expected=expected, **given)
    stores = house.stores
    return sessions.change(command, born_at(session.id), sessions=stores.sessions, orders=stores.orders, world=house.session_world)


def resume(house: House, session: Session) -> sessions.Resumed:
    stores = house.stores
    return sessions.resume(
        house.shop, session.id, born_at(session.id), sessions=stores.sessions, orders=stores.orders, world=house.session_world
    )


def abandon(house: House, session: Session) -> None:
    stores = house.stores
    found = sessions.read(house.shop, session.id, sessions=stores.sessions, now=house.now)
    sessions.abandon(
        found, born_at(session.id), sessions=stores.sessions, orders=stores.orders, stock=house.stock_for_orders, now=house.now
    )
