"""`orders.ports.Orders`: an order that lived comes back whole, also when its older events lie beside it."""

from typing import Any

import pytest

from holdfast.kernel.errors import VersionConflict
from holdfast.orders import events, replay
from holdfast.orders.going_back import Refund, RefundState, Return, ReturnState
from holdfast.orders.model import Order, PaymentStatus, Status
from tests.memory import samples
from tests.memory.house import STAFF
from tests.memory.samples import LATER, NOW
from tests.memory.stores import Stores


def lived(shop: str) -> Order:
    """Refunds, returns, edits, a customer who bought under another address, and events that tell of all that."""
    order = samples.full_order(shop).model_copy(update={"events": (), "paid_at": None, "hold": None, "version": 0})
    line = order.lines[0]
    told: dict[str, Any] = {"at": NOW, "actor": STAFF}
    placed = events.placed(order.totals.total.model_dump(), [line.model_dump()])
    order = order.happened(events.PLACED, **told, data=placed)
    for edit in ({"email": "eve@example.com"}, {"email": None}, {"phone": "+49 1"}, {"notes": "ring"}, {"address": None}):
        order = order.happened(events.EDITED, **told, data={"fields": list(edit)}, **edit, bought_as="0123456789abcdef")
    payment = order.payment.model_copy(update={"status": PaymentStatus.PARTIALLY_REFUNDED, "captured": 1999, "refunded": 5})
    order = order.happened(events.PAID, **told, status=Status.PAID, payment=payment, paid_at=LATER)
    refunds = (Refund(id="rfd_1", amount=5, lines={"A": 1}, state=RefundState.DONE, reason="broken"), Refund(id="rfd_2", amount=1))
    returns = (
        Return(id="ret_1", lines={"A": 2}, state=ReturnState.RECEIVED, restocked={"A": 1}, written_off={"A": 0}),
        Return(id="ret_2", lines={"A": 1}, reason="too small"),
    )
    units = line.model_copy(update={"fulfilled": 1, "refunded": 1, "returned": 1})
    order = order.happened(events.REFUND_DUE, **told, refunds=refunds, data={"refund": "rfd_2", "amount": 1})
    order = order.happened(events.RETURN_RECEIVED, **told, returns=returns, lines=(units,), reason="back")
    return order.model_copy(update={"version": 1})


def noted(order: Order, count: int, start: int = 0) -> Order:
    """So many events more, as one change."""
    for number in range(start, start + count):
        data = {"note": f"number {number}", "id": str(number)}
        order = order.also(events.NOTE_ADDED, at=NOW, actor=STAFF, data=data)
    return order.model_copy(update={"version": order.version + 1})


def about_to_spill(stores: Stores, shop: str) -> Order:
    """One more event is too many."""
    order = lived(shop)
    order = noted(order, replay.TOO_MANY - len(order.events)).model_copy(update={"version": 1})
    stores.orders.add(order)
    return found(stores, order)


def found(stores: Stores, order: Order) -> Order:
    standing = stores.orders.get(order.shop, order.id)
    assert standing is not None
    return standing


def test_an_order_that_lived_comes_back_as_it_was(stores: Stores, shop: str) -> None:
    order = lived(shop)
    stores.orders.add(order)
    assert found(stores, order) == order
    assert stores.orders.timeline(found(stores, order)) == order.events
    assert replay.rebuild(order, order.events) == []


def test_older_events_move_beside_the_order_and_are_told_all_the_same(stores: Stores, shop: str) -> None:
    order = lived(shop)
    stores.orders.add(order)
    told = order.events
    for number in range(0, 90, 3):
        changed = noted(found(stores, order), 3, number)
        told += changed.events[-3:]
        if number % 2:
            assert stores.orders.save(changed)
            assert stores.orders.save(changed)  # delivered twice: our own
        else:
            stores.commit([stores.orders.save_write(changed)], token=f"{shop}-{number}")
    standing = found(stores, order)
    assert len(standing.events) <= replay.TOO_MANY < len(told)
    assert stores.orders.timeline(standing) == told
    assert replay.rebuild(standing, told) == []


def test_pages_of_two_workers_at_once_lose_no_event(stores: Stores, shop: str) -> None:
    """Both put a page; the slower one puts its own last, and only the faster one writes the order."""
    standing = about_to_spill(stores, shop)
    faster, slower = noted(standing, 4, 100), noted(standing, 1, 200)
    first, second = stores.orders.save_write(faster), stores.orders.save_write(slower)
    stores.commit([first], token=f"{shop}-faster")
    with pytest.raises(VersionConflict):
        stores.commit([second], token=f"{shop}-slower")
    assert stores.orders.timeline(found(stores, standing)) == faster.events


def test_a_page_without_its_order_tells_nothing_twice(stores: Stores, shop: str) -> None:
    """The worker died between the two."""
    standing = about_to_spill(stores, shop)
    stores.orders.save_write(noted(standing, 4, 100))
    assert stores.orders.timeline(found(stores, standing)) == standing.events


def test_without_one_length_of_pages_an_event_is_lost(stores: Stores, shop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The careless twin: what moves out depends on how many events a worker brings."""

    def careless(order: Order) -> tuple[Order, Any]:
        kept, older = order.events[-replay.PAGE :], order.events[: -replay.PAGE]
        return order.model_copy(update={"events": kept, "told": {"status": "pending_payment"}}), older

    standing = about_to_spill(stores, shop)
    monkeypatch.setattr(replay, "trimmed", careless)
    first, _ = stores.orders.save_write(noted(standing, 4, 100)), stores.orders.save_write(noted(standing, 1, 200))
    stores.commit([first], token=f"{shop}-faster")
    assert len(stores.orders.timeline(found(stores, standing))) < replay.TOO_MANY + 4
