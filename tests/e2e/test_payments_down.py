"""A payment provider that is down, slow or busy: shoppers are told so in time, nothing stays held, and it goes on by itself later."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from infra.local.aws import client
from infra.local.client import Answer, Api, Json, Providers, expect
from infra.local.story import World, eventually

pytestmark = pytest.mark.stack

DOWN, HOST = "paypro", "checkout.paypro.by"
ANSWERED_IN = 6.0
"""A call has 3.5 s; the rest is what a busy laptop takes for all else."""
OPENS_AFTER, SEEN_SECONDS, OPEN_SECONDS = 5, 5, 30


@pytest.fixture(scope="module")
def providers(stack: dict[str, Any]) -> Iterator[Providers]:
    made = Providers(stack["providers_url"])
    yield made
    made.control(DOWN)
    made.http.close()


@pytest.fixture(scope="module")
def sku(world: World) -> str:
    return world.put_physical("DOWN", 3)


def order(api: Api, sku: str, world: World) -> tuple[Answer, float]:
    session = api.open_session({sku: 1}, world.buyer("down"))
    began = time.monotonic()
    return api.place(session, provider=DOWN), time.monotonic() - began


def circuit(stack: Json, **changed: int) -> None:
    """As if it had been opened so long ago."""
    client("dynamodb", stack["emulator_url"]).update_item(
        TableName=stack["tables"]["operations"],
        Key={"pk": {"S": "CIRCUITS"}, "sk": {"S": f"{DOWN}:{HOST}"}},
        UpdateExpression="SET opened_at = :then",
        ConditionExpression="#state = :open",
        ExpressionAttributeNames={"#state": "state"},
        ExpressionAttributeValues={":then": {"N": str(changed["opened_at"])}, ":open": {"S": "OPEN"}},
    )


def test_a_slow_one_is_given_up_in_time_and_nothing_stays_held(api: Api, world: World, providers: Providers, sku: str) -> None:
    providers.control(DOWN, latency_ms=9000, calls=1)
    answer, spent = order(api, sku, world)
    assert (answer.status, answer.code, answer.json["partner"]) == (503, "partner_unavailable", DOWN)
    assert spent < ANSWERED_IN
    assert int(answer.headers["retry-after"]) > 0
    level = api.level(sku)
    assert (level["available"], level["locked"]) == (3, 0)
    providers.control(DOWN)


def test_a_busy_one_says_for_how_long(api: Api, world: World, providers: Providers, sku: str) -> None:
    providers.control(DOWN, status=429, retry_after=17, calls=1)
    answer, _ = order(api, sku, world)
    assert (answer.status, answer.code, answer.headers["retry-after"]) == (503, "partner_throttles", "17")
    assert api.level(sku)["available"] == 3


def test_an_answer_that_got_lost_is_found_again(api: Api, world: World, providers: Providers, sku: str) -> None:
    """The payment was made, its answer was lost, and the shopper tries again: one order."""
    providers.control(DOWN, drop=True, calls=1)
    session, key = api.open_session({sku: 1}, world.buyer("again")), "lost-" + world.run
    first = api.place(session, key=key, provider=DOWN)
    assert (first.status, first.code) == (503, "partner_unavailable")
    placed = expect(201, api.place(session, key=key, provider=DOWN)).json
    expect(200, world.cancel(placed))
    assert api.level(sku)["available"] == 3


def test_one_that_is_down_is_left_alone_until_it_is_well(stack: Json, api: Api, world: World, providers: Providers, sku: str) -> None:
    providers.control(DOWN, status=503)
    before, tries = providers.state(DOWN)["asked"], 0
    while True:
        asked = providers.state(DOWN)["asked"]
        answer, _ = order(api, sku, world)
        tries += 1
        assert (answer.status, answer.code) == (503, "partner_unavailable")
        if providers.state(DOWN)["asked"] == asked:
            break
        assert tries < 40, "the circuit never opened"
    assert providers.state(DOWN)["asked"] - before >= OPENS_AFTER
    assert int(answer.headers["retry-after"]) == OPEN_SECONDS
    assert (api.level(sku)["available"], api.level(sku)["locked"]) == (3, 0)
    providers.control(DOWN)
    circuit(stack, opened_at=int(time.time()) - OPEN_SECONDS - 1)
    well = eventually(lambda: order(api, sku, world)[0], lambda answer: answer.status == 201, "the provider to be asked again")
    expect(200, world.cancel(well.json))
