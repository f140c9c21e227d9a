"""The deployed product as its users reach it: over HTTP, and by the mails it sends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from infra.local.client import Answer, Api, expect, new_key
from infra.local.story import World, tidy


@pytest.fixture(scope="module")
def world(stack: dict[str, Any]) -> Iterator[World]:
    """Fresh SKUs and buyers for each module, so that modules do not see each other's stock."""
    world = World.of(stack)
    yield world
    demand_proved(world)
    tidy(world)
    world.close()


@pytest.fixture(scope="module")
def api(world: World) -> Api:
    return world.api


def demand_proved(world: World) -> None:
    """Whatever the module did: each SKU's stock follows from its ledger, and nothing lost its other half."""
    for sku in world.skus:
        answer = expect((200, 404), audit(world, "audit", sku))
        if answer.status == 200:  # some tests ask for a SKU that never was
            assert (answer.json["proved"], answer.json["findings"]) == (True, []), answer.json
            assert expect(200, audit(world, "orphans", sku)).json["orphans"] == []


def audit(world: World, what: str, sku: str) -> Answer:
    return world.api.admin("POST", f"/inventory/{what}", {"skus": [sku]}, {"Idempotency-Key": new_key()})
