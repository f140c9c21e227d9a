"""A store in memory writes down what happens to stock on it, and a careless one is found out."""

from datetime import UTC, datetime

import pytest

from holdfast.stock.model import Entry, LevelKey
from infra.simulator.history import Image
from tests.memory.histories import WatchedMemory, demand_lawful
from tests.memory.stores import in_memory

KEY = LevelKey(shop="shop", sku="A")
TWO = Entry(quantity=2, expires_at=datetime(2026, 1, 1, tzinfo=UTC))


def test_each_level_that_is_written_is_an_image() -> None:
    images: list[Image] = []
    levels = in_memory(WatchedMemory(images)).stock.levels
    levels.open("shop", "A")
    levels.open("shop", "A")
    levels.open_pool(LevelKey(shop="shop", sku="A", part="promise"), 5)
    levels.take(LevelKey(shop="shop", sku="A", part="promise"), "a", TWO)
    levels.give_back(LevelKey(shop="shop", sku="A", part="promise"), "a", TWO)
    demand_lawful(images)
    assert [(image.key[2], image.version, image.available) for image in images] == [
        ("0", 1, 0),
        *(("promise", *rest) for rest in ((1, 5), (2, 3), (3, 5))),
    ]
    assert len({image.commit for image in images}) == len(images)


def test_a_careless_store_is_found_out() -> None:
    images: list[Image] = []
    levels = in_memory(WatchedMemory(images, "ENOUGH_LEFT")).stock.levels
    levels.open("shop", "A")
    levels.take(KEY, "a", TWO)
    with pytest.raises(AssertionError, match="H4: version 2 of shop#A#0: available -2"):
        demand_lawful(images)
