"""The port of webhooks: endpoints in their places, deliveries that change over what was seen, an index that forgets nothing."""

from datetime import timedelta
from typing import Any

import pytest

from holdfast.webhooks.model import Attempt, Delivery, Disabled, DisabledBecause, Endpoint, FormerSecret, Outcome, State, delivery_id
from holdfast.webhooks.rules import BUCKETS
from tests.memory.samples import LATER, NOW
from tests.memory.stores import Stores

ENDPOINT = "whe_1"


def endpoint(shop: str, place: int = 0, identity: str = ENDPOINT, **changes: Any) -> Endpoint:
    made = Endpoint(
        id=identity, shop=shop, place=place, url="https://shop.example/in", events=("*",), secret="sealed", created_at=NOW, updated_at=NOW
    )
    return made.model_copy(update=changes)


def delivery(shop: str, message: str = "evt_1", at: Any = NOW, **changes: Any) -> Delivery:
    made = Delivery(
        shop=shop,
        endpoint=ENDPOINT,
        id=delivery_id(shop, ENDPOINT, message, at),
        message=message,
        type="order.paid.v1",
        body="{}",
        created_at=at,
        kept_until=at + timedelta(days=30),
        due_at=at,
    )
    return made.model_copy(update=changes)


# Endpoints.


def test_an_endpoint_comes_back_as_it_was(stores: Stores, shop: str) -> None:
    full = endpoint(
        shop,
        events=("order.paid.v1", "order.refunded.v1"),
        description="Lager Ω",
        disabled=Disabled(reason=DisabledBecause.GONE, at=LATER),
        former=(FormerSecret(sealed="older", until=LATER),),
        version=7,
    )
    assert stores.webhooks.endpoints(shop) == []
    assert stores.webhooks.add_endpoint(full)
    assert stores.webhooks.endpoints(shop) == [full]
    assert stores.webhooks.endpoints(f"{shop}-x") == []


def test_a_place_has_one_endpoint(stores: Stores, shop: str) -> None:
    first, second = endpoint(shop, 3), endpoint(shop, 3, "whe_2")
    assert stores.webhooks.add_endpoint(first)
    assert stores.webhooks.add_endpoint(first)  # delivered twice
    assert not stores.webhooks.add_endpoint(second)
    assert stores.webhooks.add_endpoint(endpoint(shop, 0, "whe_2"))
    assert [found.id for found in stores.webhooks.endpoints(shop)] == ["whe_2", ENDPOINT]


def test_an_endpoint_is_changed_over_what_was_seen(stores: Stores, shop: str) -> None:
    first = endpoint(shop)
    second = first.changed(LATER, url="https://shop.example/other")
    assert not stores.webhooks.save_endpoint(second)
    stores.webhooks.add_endpoint(first)
    assert stores.webhooks.save_endpoint(second)
    assert stores.webhooks.save_endpoint(second)  # delivered twice
    assert not stores.webhooks.save_endpoint(first.changed(LATER, description="lost"))
    assert stores.webhooks.endpoints(shop) == [second]


def test_the_next_in_a_place_is_neither_changed_nor_removed_in_its_stead(stores: Stores, shop: str) -> None:
    first, second = endpoint(shop), endpoint(shop, identity="whe_2")
    stores.webhooks.add_endpoint(first)
    stores.webhooks.remove_endpoint(first)
    stores.webhooks.remove_endpoint(first)
    assert stores.webhooks.add_endpoint(second)
    stores.webhooks.remove_endpoint(first)
    assert not stores.webhooks.save_endpoint(first.changed(LATER))
    assert stores.webhooks.endpoints(shop) == [second]


# Deliveries.


def test_a_delivery_is_made_once(stores: Stores, shop: str) -> None:
    first = delivery(shop)
    claimed = first.claimed("clm_1", NOW)
    assert stores.webhooks.get(shop, ENDPOINT, first.id) is None
    assert stores.webhooks.add(first) == first
    assert stores.webhooks.add(first) == first
    assert stores.webhooks.save(claimed)
    assert stores.webhooks.add(first) == claimed
    assert stores.webhooks.get(shop, ENDPOINT, first.id) == claimed
    assert stores.webhooks.get(f"{shop}-x", ENDPOINT, first.id) is None


def test_a_delivery_comes_back_as_it_was(stores: Stores, shop: str) -> None:
    attempts = (
        Attempt(number=1, at=NOW, outcome=Outcome.REFUSED, status=500, milliseconds=12, answer="nö", detail="why"),
        Attempt(number=2, at=LATER),
    )
    full = delivery(
        shop, state=State.FAILED, reason="gone", due_at=None, by_queue=False, tries=2, attempts=attempts, claim="clm_1", version=5
    )
    stores.webhooks.add(full)
    assert stores.webhooks.get(shop, ENDPOINT, full.id) == full


def test_a_delivery_is_changed_over_what_was_seen(stores: Stores, shop: str) -> None:
    first = delivery(shop)
    ours, theirs = first.claimed("clm_ours", NOW), first.claimed("clm_theirs", NOW)
    assert not stores.webhooks.save(ours)
    stores.webhooks.add(first)
    assert stores.webhooks.save(ours)
    assert stores.webhooks.save(ours)  # delivered twice
    assert not stores.webhooks.save(theirs)
    assert stores.webhooks.save(ours.ended(State.DELIVERED))
    assert not stores.webhooks.save(ours.ended(State.FAILED))


def test_deliveries_are_listed_by_time_of_their_event(stores: Stores, shop: str) -> None:
    rows = [delivery(shop, f"evt_{number}", NOW + timedelta(minutes=number)) for number in range(7)]
    for row in rows:
        stores.webhooks.add(row)
    stores.webhooks.failing(shop, ENDPOINT, NOW)
    listed: list[Delivery] = []
    after: str | None = None
    while True:
        page, after = stores.webhooks.page(shop, ENDPOINT, 3, after, None, None)
        listed += page
        if after is None:
            break
    assert listed == rows[::-1]
    since, until = NOW + timedelta(minutes=2), NOW + timedelta(minutes=5)
    assert stores.webhooks.page(shop, ENDPOINT, 10, None, since, until)[0] == rows[4:1:-1]
    assert stores.webhooks.page(shop, ENDPOINT, 10, None, until, since) == ([], None)
    assert stores.webhooks.page(shop, "whe_2", 10, None, None, None) == ([], None)


def test_who_goes_on_with_another_time_gets_what_is_left_of_that(stores: Stores, shop: str) -> None:
    rows = [delivery(shop, f"evt_{minute}", NOW + timedelta(minutes=minute)) for minute in range(6)]
    for row in rows:
        stores.webhooks.add(row)
    since, until = NOW + timedelta(minutes=2), NOW + timedelta(minutes=4)
    assert stores.webhooks.page(shop, ENDPOINT, 10, rows[5].id, since, until)[0] == rows[3:1:-1]
    assert stores.webhooks.page(shop, ENDPOINT, 10, rows[3].id, since, until)[0] == [rows[2]]
    assert stores.webhooks.page(shop, ENDPOINT, 10, rows[2].id, since, until)[0] == []
    assert stores.webhooks.page(shop, ENDPOINT, 10, rows[0].id, since, until) == ([], None)


# What has not ended.


def due(stores: Stores, shop: str, at: Any) -> list[str]:
    return [found.delivery for bucket in range(BUCKETS) for found in stores.webhooks.due(bucket, at, 1000) if found.shop == shop]


def test_what_has_not_ended_is_found_when_its_time_has_come(stores: Stores, shop: str) -> None:
    row = delivery(shop, by_queue=False)
    stores.webhooks.add(row)
    assert due(stores, shop, NOW - timedelta(milliseconds=1)) == []
    assert due(stores, shop, NOW) == [row.id]
    claimed = row.claimed("clm_1", NOW)
    stores.webhooks.save(claimed)
    assert due(stores, shop, NOW) == []
    assert claimed.wake_at is not None
    assert due(stores, shop, claimed.wake_at) == [row.id]
    stores.webhooks.save(claimed.ended(State.DELIVERED))
    assert due(stores, shop, NOW + timedelta(days=29)) == []


def test_one_tick_sees_to_it(stores: Stores, shop: str) -> None:
    row = delivery(shop, by_queue=False)
    stores.webhooks.add(row)
    (found,) = [one for bucket in range(BUCKETS) for one in stores.webhooks.due(bucket, NOW, 1000) if one.shop == shop]
    assert (found.endpoint, found.delivery) == (ENDPOINT, row.id)
    assert stores.webhooks.postpone(found, LATER)
    assert stores.webhooks.postpone(found, LATER)  # delivered twice
    assert not stores.webhooks.postpone(found, LATER + timedelta(minutes=1))
    assert due(stores, shop, NOW) == []
    assert due(stores, shop, LATER) == [row.id]
    assert stores.webhooks.get(shop, ENDPOINT, row.id) == row
    assert stores.webhooks.save(row.claimed("clm_1", NOW))


@pytest.mark.parametrize("ends", [State.DELIVERED, State.FAILED, State.SKIPPED])
def test_what_ended_is_not_brought_back_by_a_late_tick(stores: Stores, shop: str, ends: State) -> None:
    row = delivery(shop, by_queue=False)
    stores.webhooks.add(row)
    (found,) = [one for bucket in range(BUCKETS) for one in stores.webhooks.due(bucket, NOW, 1000) if one.shop == shop]
    stores.webhooks.save(row.ended(ends))
    assert not stores.webhooks.postpone(found, LATER)
    assert due(stores, shop, LATER) == []


# Health.


def test_failing_is_counted_from_the_first_failure(stores: Stores, shop: str) -> None:
    assert stores.webhooks.failing_since(shop, ENDPOINT) is None
    assert stores.webhooks.failing(shop, ENDPOINT, NOW) == NOW
    assert stores.webhooks.failing(shop, ENDPOINT, LATER) == NOW
    assert stores.webhooks.failing_since(shop, ENDPOINT) == NOW
    assert stores.webhooks.failing_since(shop, "whe_2") is None
    stores.webhooks.well(shop, ENDPOINT)
    stores.webhooks.well(shop, ENDPOINT)
    assert stores.webhooks.failing_since(shop, ENDPOINT) is None
    assert stores.webhooks.failing(shop, ENDPOINT, LATER) == LATER
