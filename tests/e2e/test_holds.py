"""A hold's life: extended once, given back, replaced, and what a payment does that comes after its end.

The holds that must run out are all made first, so that the module waits once.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from infra.local.client import Answer, Api, Json, expect, guest, new_key
from infra.local.story import World, eventually, wait_until_over

pytestmark = pytest.mark.stack


def on_order(api: Api, order: Json, path: str, body: object = None) -> Answer:
    return api.call(
        "POST", api.shop_path(f"/orders/{order['id']}{path}"), body, {**guest(order["order_token"]), "Idempotency-Key": new_key()}
    )


def counted(level: Json) -> tuple[int, int, int]:
    return level["on_hand"], level["available"], level["locked"]


@dataclass(frozen=True)
class Ended:
    """Two holds that ran out while nobody swept."""

    digital: str
    accepts_part: Json
    forgotten: Json


@pytest.fixture(scope="module")
def ended(world: World) -> Ended:
    digital, box = world.put_digital("LATE", 1), world.put_physical("FORGOTTEN", 1)
    found = Ended(digital, world.hold(digital, 1, world.buyer("paula"), accept_partial=True), world.hold(box, 1, world.buyer("fred")))
    wait_until_over(world, found.forgotten)
    return found


def test_a_hold_is_extended_once(world: World, api: Api) -> None:
    order = world.hold(world.put_physical("MORE", 1), 1, world.buyer("eva"))
    extended = expect(200, on_order(api, order, "/hold/extend")).json
    assert extended["hold"]["expires_at"] > order["hold"]["expires_at"]
    again = on_order(api, order, "/hold/extend")
    assert (again.status, again.code) == (409, "hold_already_extended")


def test_a_hold_that_ran_out_is_not_extended(api: Api, ended: Ended) -> None:
    answer = on_order(api, ended.forgotten, "/hold/extend")
    assert (answer.status, answer.code) == (409, "hold_expired")


def test_a_late_payment_of_who_accepts_a_part_is_owed(world: World, api: Api, ended: Ended) -> None:
    quick = world.buy(ended.digital, 1, world.buyer("quentin"))
    world.wait_for_status(quick, "completed")
    api.pay(ended.accepts_part)
    seen = world.wait_for_status(ended.accepts_part, "awaiting_stock")
    assert (seen["lines"][0]["fulfilled"], seen["lines"][0]["owed"]) == (0, 1)
    assert api.keys(ended.accepts_part) == []


def test_a_cancelled_order_gives_its_units_back_at_once(world: World, api: Api) -> None:
    sku = world.put_physical("CANCEL", 2)
    order = world.hold(sku, 2, world.buyer("carl"))
    assert counted(api.level(sku)) == (2, 0, 2)
    assert expect(200, on_order(api, order, "/cancel", {})).json["status"] == "cancelled"
    assert counted(api.level(sku)) == (2, 2, 0)


def test_a_paid_order_of_which_nothing_was_handed_over_is_given_up(world: World, api: Api) -> None:
    sku = world.put_physical("REGRET", 1)
    order = world.buy(sku, 1, world.buyer("karl"))
    world.wait_for_status(order, "processing")
    expect(200, on_order(api, order, "/cancel", {}))
    eventually(lambda: api.payment(order)["status"], lambda seen: seen == "refunded", "the money to go back")
    assert counted(api.level(sku)) == (1, 1, 0)


def test_an_order_that_was_handed_over_is_not_cancelled(world: World, api: Api) -> None:
    order = world.buy(world.put_digital("KEEP", 1), 1, world.buyer("karla"))
    world.wait_for_status(order, "completed")
    answer = on_order(api, order, "/cancel", {})
    assert (answer.status, answer.code) == (409, "order_not_cancellable")


def test_a_declined_payment_gives_the_units_back(world: World, api: Api) -> None:
    sku = world.put_physical("DECLINE", 1)
    order = world.hold(sku, 1, world.buyer("doris"))
    expect(200, api.deliver(api.at_provider(order, "decline")))
    world.wait_for_status(order, "payment_failed")
    level = eventually(lambda: counted(api.level(sku)), lambda seen: seen == (1, 1, 0), "the unit to be free")
    assert level == (1, 1, 0)


def test_an_abandoned_checkout_gives_its_hold_back(world: World, api: Api) -> None:
    sku = world.put_physical("ABANDON", 1)
    session = api.open_session({sku: 1}, world.buyer("abel"))
    expect(201, api.place(session))
    headers = {"X-Checkout-Token": session["checkout_token"], "X-CSRF-Token": session["csrf_token"]}
    assert api.call("DELETE", api.shop_path(f"/checkout-sessions/{session['id']}"), headers=headers).status == 204
    assert counted(api.level(sku)) == (1, 1, 0)


def test_a_second_try_of_a_session_replaces_its_own_hold(world: World, api: Api) -> None:
    """The last unit is mine already: trying again must not run into my own hold."""
    sku = world.put_physical("AGAIN", 1)
    session = api.open_session({sku: 1}, world.buyer("agnes"))
    first, second = expect(201, api.place(session)).json, expect(201, api.place(session)).json
    assert counted(api.level(sku)) == (1, 0, 1)
    assert first["id"] == second["id"] or api.read_order(first)["status"] == "cancelled"


def test_live_holds_are_listed_with_their_time_left(world: World, api: Api) -> None:
    order = world.hold(world.put_physical("LISTED", 1), 1, world.buyer("lisa"))
    (hold,) = [hold for hold in api.holds() if hold["order"] == order["id"]]
    assert [line["quantity"] for line in hold["lines"]] == [1]
    assert 0 <= hold["seconds_left"] <= order["hold"]["seconds_left"]


def test_staff_releases_a_hold(world: World, api: Api) -> None:
    sku = world.put_physical("RELEASE", 1)
    order = world.hold(sku, 1, world.buyer("rita"))
    (hold,) = [hold for hold in api.holds() if hold["order"] == order["id"]]
    expect(200, api.admin("POST", f"/holds/{hold['id']}/release", None, {"Idempotency-Key": new_key()}))
    assert counted(api.level(sku)) == (1, 1, 0)
    assert api.read_order(order)["status"] in ("cancelled", "expired")


def test_the_same_key_is_the_same_order(world: World, api: Api) -> None:
    sku = world.put_physical("REPLAY", 5)
    session, key = api.open_session({sku: 2}, world.buyer("remy")), new_key()
    first, again = api.place(session, key=key), api.place(session, key=key)
    assert (first.status, again.status) == (201, 201)
    assert first.json["id"] == again.json["id"]
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert counted(api.level(sku)) == (5, 3, 2)


def test_the_same_key_sent_many_times_at_once_takes_once(world: World, api: Api) -> None:
    sku = world.put_physical("DOUBLE", 5)
    session, key = api.open_session({sku: 1}, world.buyer("duke")), new_key()
    with ThreadPoolExecutor(8) as crowd:
        answers = list(crowd.map(lambda _: api.place(session, key=key), range(8)))
    assert {answer.status for answer in answers} <= {201, 409}
    assert len({answer.json["id"] for answer in answers if answer.status == 201}) == 1
    assert {answer.code for answer in answers if answer.status == 409} <= {"idempotency_key_in_flight"}
    assert counted(api.level(sku)) == (5, 4, 1)


def test_the_browser_alone_can_settle_a_payment(world: World, api: Api) -> None:
    """The webhook never comes: the confirmation asks the provider and settles the order."""
    order = world.hold(world.put_physical("BROWSER", 1), 1, world.buyer("brit"))
    api.at_provider(order, "pay")
    body = {"payment_id": order["payment"]["id"]}
    expect(200, api.call("POST", api.shop_path(f"/orders/{order['id']}/payment-confirmation"), body, guest(order["order_token"])))
    world.wait_for_status(order, "processing")


def test_a_partial_restock_goes_to_who_waits_longest(world: World, api: Api) -> None:
    sku = world.put_digital("QUEUE", 0)
    orders = [world.buy(sku, quantity, world.buyer(name), accept_partial=True) for name, quantity in (("first", 2),)]
    world.wait_for_status(orders[0], "awaiting_stock")
    orders.append(world.buy(sku, 1, world.buyer("second"), accept_partial=True))
    world.wait_for_status(orders[1], "awaiting_stock")
    api.add_keys(sku, [world.key(901)])
    eventually(lambda: len(api.keys(orders[0])), lambda count: count == 1, "the first in the queue to get the one key")
    assert (api.keys(orders[1]), api.level(sku)["waiting"]) == ([], 2)
    api.add_keys(sku, [world.key(902), world.key(903)])
    for order in orders:
        world.wait_for_status(order, "completed")
    assert [len(api.keys(order)) for order in orders] == [2, 1]
