"""What customers are told by mail of what becomes of their orders, and that its events tell an order whole: on the deployed stack."""

from __future__ import annotations

from typing import Any

import pytest

from infra.local.client import Api, Json, expect, new_key
from infra.local.seed import command
from infra.local.story import World, wait_until_over

pytestmark = pytest.mark.stack


def act(api: Api, order: Json, rest: str, body: object) -> Json:
    return expect(200, api.admin("POST", f"/orders/{order['id']}{rest}", body, {"Idempotency-Key": new_key()})).json


def subjects(mails: list[Json]) -> list[str]:
    return [mail["Subject"] for mail in mails]


def test_an_order_that_staff_cancel_is_told_of_and_a_replaced_try_is_not(world: World, api: Api) -> None:
    sku, buyer = world.put_physical("CALLED-OFF", 4), world.buyer("carl")
    session = api.open_session({sku: 1}, buyer)
    first, second = (expect(201, api.place(session, key=world.key(number))).json for number in (1, 2))
    assert api.read_order(first)["status"] == "cancelled"
    act(api, second, "/cancel", {"reason": "it fell off the van"})
    assert subjects(world.wait_for_mails(buyer, 1)) == [f"Your order {second['number']} is cancelled"]


def test_money_goes_back_in_part_then_all_and_the_last_mail_once_more(world: World, api: Api, stack: dict[str, Any]) -> None:
    sku, buyer = world.put_physical("TORN", 4), world.buyer("tess")
    order = world.wait_for_status(world.buy(sku, 2, buyer), "processing")
    act(api, order, "/refund", {"kind": "lines", "lines": [{"sku": sku, "quantity": 1}], "reason": "one is torn"})
    part = f"A part of your money for order {order['number']} is on its way back"
    assert subjects(world.wait_for_mails(buyer, 1)) == [part]
    act(api, order, "/cancel", {"reason": "both are torn"})
    cancelled, all_of_it = f"Your order {order['number']} is cancelled", f"Your money for order {order['number']} is on its way back"
    assert set(subjects(world.wait_for_mails(buyer, 3))) == {part, cancelled, all_of_it}
    act(api, order, "/resend", {})
    assert sorted(subjects(world.wait_for_mails(buyer, 4))) == sorted([part, cancelled, all_of_it, all_of_it])
    operations = stack["functions"]["operations_command"]
    told = command(stack["emulator_url"], operations, {"command": "rebuild_orders", "shop": api.shop, "order": order["id"]})
    assert (told["orders"], told["drifting"], told["next"]) == (1, [], None)


def test_money_that_came_late_is_told_of(world: World, api: Api) -> None:
    sku, buyer = world.put_physical("LATE", 2), world.buyer("lou")
    order = world.hold(sku, 1, buyer)
    wait_until_over(world, order)
    expect(200, api.admin("POST", "/cron/stock-cleanup", {"dry_run": False}, {"Idempotency-Key": new_key()}))
    world.wait_for_status(order, "expired")
    api.pay(order)
    assert subjects(world.wait_for_mails(buyer, 1)) == [f"Your payment for order {order['number']} came late"]
