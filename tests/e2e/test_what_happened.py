"""Whatever the deployed stack did to stock so far, in this module and in those before it, was lawful: its stream tells."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from infra.local.aws import client
from infra.local.client import Json
from infra.local.story import World
from infra.simulator.history import Image
from infra.simulator.recorder import LEVEL, image_of
from tests.memory.histories import demand_lawful

pytestmark = pytest.mark.stack


def records(endpoint: str, table: str) -> Iterator[Any]:
    """All that the table's stream still has, shard by shard, in order."""
    arn = client("dynamodb", endpoint).describe_table(TableName=table)["Table"]["LatestStreamArn"]
    stream = client("dynamodbstreams", endpoint)
    for shard in stream.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
        start = {"StreamArn": arn, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
        place = stream.get_shard_iterator(**start)["ShardIterator"]
        while place:
            page = stream.get_records(ShardIterator=place, Limit=1000)
            if not page["Records"]:
                break
            yield from page["Records"]
            place = page.get("NextShardIterator")


def level_images(found: Iterator[Any]) -> list[Image]:
    """The stream does not say which writes were one transaction, so each image stands for itself."""
    news = (record["dynamodb"].get("NewImage") for record in found)
    levels = [item for item in news if item and item["sk"]["S"] == LEVEL]
    return [image_of(item, at=place, commit=place) for place, item in enumerate(levels)]


def test_what_happened_to_stock_was_lawful(stack: Json, world: World) -> None:
    sku = world.put_physical("HISTORY", 3)
    images = level_images(records(stack["emulator_url"], stack["tables"]["stock"]))
    assert any(image.key[1] == sku and image.on_hand == 3 for image in images)
    demand_lawful(images)
