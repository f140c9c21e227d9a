"""Many requests at once, through the real API: one wish is one order, one payment is one sale."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from infra.local.client import Answer, Api, expect, guest, new_key
from infra.local.story import World

pytestmark = pytest.mark.stack
MANY = 20


def test_twenty_place_orders_under_one_key_are_one_order_and_tell_it_alike(world: World, api: Api) -> None:
    sku = world.put_physical("ONE", 50)
    session, key = api.open_session({sku: 2}, world.buyer("twenty")), new_key()
    with ThreadPoolExecutor(MANY) as pool:
        answers = list(pool.map(lambda _: api.place(session, key=key), range(MANY)))
    assert {answer.status for answer in answers} <= {201, 409}
    assert {answer.code for answer in answers if answer.status == 409} <= {"idempotency_key_in_flight"}
    answers += [expect(201, api.place(session, key=key))]
    placed = [answer.json for answer in answers if answer.status == 201]
    assert all(body == placed[-1] for body in placed)
    level = api.level(sku)
    assert (level["on_hand"], level["available"], level["locked"]) == (50, 48, 2)


def test_one_payment_is_told_by_everybody_at_once(world: World, api: Api) -> None:
    """Eight browsers come back while the provider's webhook arrives."""
    sku = world.put_physical("PAID", 9)
    order = world.hold(sku, 3, world.buyer("eight"))

    def comes_back(_: int) -> Answer:
        headers = {**guest(order["order_token"]), "Idempotency-Key": new_key()}
        body = {"payment_id": order["payment"]["id"]}
        return api.call("POST", api.shop_path(f"/orders/{order['id']}/payment-confirmation"), body, headers)

    with ThreadPoolExecutor(9) as pool:
        paying = pool.submit(api.pay, order)
        answers = list(pool.map(comes_back, range(8)))
        paying.result()
    assert {answer.status for answer in answers} <= {200, 409}, answers
    world.wait_for_status(order, "processing")
    assert [event["type"] for event in api.events(order)].count("order.paid.v1") == 1
    level = api.level(sku)
    assert (level["on_hand"], level["available"], level["locked"]) == (6, 6, 0)
