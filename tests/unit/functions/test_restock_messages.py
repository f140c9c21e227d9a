"""Messages of restocks to each other: none is lost while there is something to do, and they do not keep each other going."""

import json
from datetime import timedelta
from typing import Any

import pytest

from holdfast.fulfilment import feeding
from holdfast.fulfilment.model import Allotment, Batch
from tests.unit.functions.notice_cases import two_wait_for_the_box
from tests.unit.functions.waiting_cases import WOKEN, two_wait
from tests.unit.functions.world import NOW, World, load, sample


def work(world: World, message: dict[str, Any]) -> None:
    event = sample("fulfilment_inbox/restock")
    event["Records"][0]["body"] = json.dumps(message)
    assert world.call("fulfilment_inbox", event) == {"batchItemFailures": []}


def another_is_at_it() -> None:
    queues = load("fulfilment_inbox").store.queues
    allotment = Allotment(order="ord_1", units=1, owed=1, position="first")
    batch = Batch(shop="demo", sku="licence", number=1, at=NOW, allotments=(allotment,))
    writes = queues.open_writes(queues.queue("demo", "licence"), batch, NOW + timedelta(milliseconds=1500))
    load("fulfilment_inbox").commit(writes, token="open")


def test_who_meets_another_worker_waits_for_it_and_not_again_for_the_next(world: World) -> None:
    another_is_at_it()
    work(world, WOKEN)
    assert world.delayed("fulfilment") == [({**WOKEN, "waited": True}, 2)]
    work(world, {**WOKEN, "waited": True})
    assert world.messages("fulfilment") == []


def test_who_has_waited_goes_on_with_a_long_queue(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    two_wait(world)
    monkeypatch.setattr(feeding, "BATCH", 1)
    monkeypatch.setattr(feeding.feed, "__kwdefaults__", {"most": 1})
    work(world, {**WOKEN, "waited": True})
    assert world.messages("fulfilment") == [WOKEN]


def test_who_comes_to_wait_and_has_a_part_of_a_long_queue_fed_has_the_rest_fed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    two_wait(world)
    (order,) = {item["order"] for item in world.items("fulfilment") if "owed" in item and item["paid_at"].startswith("2026-11-21T12:02")}
    monkeypatch.setattr(feeding, "BATCH", 1)
    work(world, {"kind": "serve", "shop": "demo", "order": order})
    assert world.messages("fulfilment") == [WOKEN]


def test_a_restock_that_comes_late_in_an_invocation_is_left_to_the_next(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or all of the messages come back, those of paid orders too, because the worker was stopped."""
    two_wait(world)
    fed = []

    def slow(shop: str, sku: str, **_: Any) -> feeding.Meal:
        fed.append(sku)
        world.later(seconds=26)
        return feeding.Meal()

    monkeypatch.setattr(load("fulfilment_inbox"), "feed", slow)
    event = sample("fulfilment_inbox/restock")
    event["Records"] *= 3
    assert world.call("fulfilment_inbox", event) == {"batchItemFailures": []}
    assert (fed, world.messages("fulfilment")) == (["licence"], [WOKEN, WOKEN])


def test_while_the_shop_does_not_write_of_it_who_waits_is_not_forgotten(world: World) -> None:
    (shop,) = [item for item in world.items("tenants") if (item["pk"], item["sk"]) == ("demo", "SHOP")]
    world.put("tenants", {**shop, "mails_off": ["back_in_stock"]})
    inbox = load("notifications_inbox")
    inbox.directory._shops.clear()
    two_wait_for_the_box(world)
    world.play("notifications_inbox/back_in_stock")
    assert (world.messages("notifications"), len(inbox.store.wishes("demo", "box", 9))) == ([], 2)
