"""The deployed product as its users reach it: over HTTP, and by the mails it sends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from infra.local.client import Api
from infra.local.story import World, tidy


@pytest.fixture(scope="module")
def world(stack: dict[str, Any]) -> Iterator[World]:
    """Fresh SKUs and buyers for each module, so that modules do not see each other's stock."""
    world = World.of(stack)
    yield world
    tidy(world)
    world.close()


@pytest.fixture(scope="module")
def api(world: World) -> Api:
    return world.api
