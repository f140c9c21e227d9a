"""Twelve have paid and wait, keys for seven come: on the deployed stack, by the stream, the queue and the workers that feed it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from infra.local.client import Api, Json, expect
from infra.local.story import World, eventually

pytestmark = pytest.mark.stack

WAITING, CAME = 12, 7


def standing(api: Api, sku: str) -> list[Json]:
    """Those who wait, as staff see them."""
    return list(expect(200, api.admin("GET", f"/fulfilment/queue/{sku}?limit=50")).json["items"])


def queue_row(api: Api, sku: str) -> Json | None:
    rows: list[Json] = []
    cursor = ""
    while True:
        page = expect(200, api.admin("GET", f"/fulfilment/queue?limit=50{cursor}")).json
        rows += page["items"]
        if page["next"] is None:
            return next((row for row in rows if row["sku"] == sku), None)
        cursor = f"&cursor={page['next']}"


def test_who_paid_first_is_served_and_told_and_the_others_stay_in_line(world: World, api: Api) -> None:
    sku = world.put_digital("QUEUE", 0)
    orders = in_line(world, sku)
    assert [place["owed"] for place in standing(api, sku)] == [1] * WAITING
    by_payment = [place["order"] for place in standing(api, sku)]
    assert sorted(by_payment) == sorted(order["id"] for order in orders)

    keys = [f"{sku}-{world.key(number)}" for number in range(CAME)]
    api.add_keys(sku, keys)
    eventually(lambda: len(standing(api, sku)), lambda left: left == WAITING - CAME, f"{CAME} of {WAITING} to be fed")
    assert [place["order"] for place in standing(api, sku)] == by_payment[CAME:]
    assert [place["place"] for place in standing(api, sku)] == list(range(1, WAITING - CAME + 1))

    known = {order["id"]: order for order in orders}
    served, left = by_payment[:CAME], by_payment[CAME:]
    assert {world.wait_for_status(known[name], "completed")["status"] for name in served} == {"completed"}
    assert [api.keys(known[name]) for name in served] == [[key] for key in keys]
    assert [api.read_order(known[name])["status"] for name in left] == ["awaiting_stock"] * len(left)
    row = queue_row(api, sku)
    assert row is not None
    assert (row["orders"], row["units"]) == (WAITING - CAME, WAITING - CAME)

    for name in served:  # the first mail said that it will take a while; the second brings the key
        mails = world.wait_for_mails(known[name]["buyer"], 2)
        assert [mail for mail in mails if api.keys(known[name])[0] in str(mail)]
    assert [len(world.inbox.to(known[name]["buyer"])) for name in left] == [1] * len(left)


def in_line(world: World, sku: str) -> list[Json]:
    """Paid by several at once: who is before whom is what the queue says."""

    def join(number: int) -> Json:
        buyer = world.buyer(f"waits-{number}")
        order = {**world.buy(sku, 1, buyer, accept_partial=True), "buyer": buyer}
        world.wait_for_status(order, "awaiting_stock")
        world.wait_for_mails(buyer, 1)
        return order

    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(join, range(WAITING)))
