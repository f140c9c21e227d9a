"""The ports of payments, tenants, catalogue and idempotency."""

from datetime import timedelta
from typing import Any

import pytest

from holdfast.catalogue.model import Product
from holdfast.kernel.errors import IdempotencyKeyInFlight, IdempotencyKeyReused
from holdfast.payments import working
from holdfast.payments.model import EventState, ProviderEvent
from holdfast.platform.idempotency import KEPT, LEASE, IdempotencyKey, Replay
from holdfast.tenants.model import Scope, Shop
from tests.memory import samples
from tests.memory.samples import LATER, NOW
from tests.memory.stores import Stores

# Payments.


@pytest.mark.parametrize("make", [samples.provider_event, samples.ignored_event])
def test_an_event_is_stored_once(stores: Stores, shop: str, make: type[ProviderEvent]) -> None:
    event = make(shop)
    assert stores.inbox.get(shop, "sandbox", event.id) is None
    assert stores.inbox.add(event) == event
    assert stores.inbox.add(event.model_copy(update={"received_at": LATER})) == event
    assert stores.inbox.get(shop, "sandbox", event.id) == event
    assert stores.inbox.get(shop, "other", event.id) is stores.inbox.get(f"{shop}-x", "sandbox", event.id) is None


def test_an_event_that_had_its_effect_stays_so(stores: Stores, shop: str) -> None:
    event = stores.inbox.add(samples.provider_event(shop))
    for _ in range(2):
        working.applied(shop, "sandbox", event.id, "ord_1", inbox=stores.inbox, now=LATER)
        working.ended(event, EventState.IGNORED, "too late", inbox=stores.inbox, now=LATER)
        found = stores.inbox.get(shop, "sandbox", event.id)
        assert found is not None
        assert (found.state, found.reason) == (EventState.APPLIED, None)


def test_an_unknown_event_is_not_made_up(stores: Stores, shop: str) -> None:
    working.applied(shop, "sandbox", "evt_none", "ord_1", inbox=stores.inbox, now=NOW)
    assert stores.inbox.get(shop, "sandbox", "evt_none") is None


def test_an_ignored_event_says_why_and_may_be_applied_after_all(stores: Stores, shop: str) -> None:
    event = stores.inbox.add(samples.provider_event(shop))
    for _ in range(2):
        working.ended(event, EventState.IGNORED, "known already", inbox=stores.inbox, now=LATER)
        found = stores.inbox.get(shop, "sandbox", event.id)
        assert found is not None
        assert (found.state, found.reason) == (EventState.IGNORED, "known already")
    working.applied(shop, "sandbox", event.id, "ord_1", inbox=stores.inbox, now=LATER)
    found = stores.inbox.get(shop, "sandbox", event.id)
    assert found is not None
    assert found.state is EventState.APPLIED


# Tenants.


@pytest.mark.parametrize("make", [samples.tenant, samples.full_tenant])
def test_a_shop_is_added_once(stores: Stores, shop: str, make: type[Shop]) -> None:
    tenant: Any = make(shop)  # type: ignore[call-arg]
    assert stores.tenants.shop(shop) is None
    assert stores.tenants.add_shop(tenant)
    assert stores.tenants.add_shop(tenant)  # delivered twice
    assert not stores.tenants.add_shop(tenant.model_copy(update={"name": "Another"}))
    assert stores.tenants.shop(shop) == tenant
    assert [found for found in stores.tenants.shops() if found.id == shop] == [tenant]


def test_settings_are_written_over_the_version_that_was_seen(stores: Stores, shop: str) -> None:
    made = samples.tenant(shop)
    assert not stores.tenants.save_shop(made.model_copy(update={"version": 2}))  # there is none
    assert stores.tenants.shop(shop) is None
    stores.tenants.add_shop(made)
    second = samples.full_tenant(shop).model_copy(update={"version": 2})
    for _ in range(2):  # a repeated delivery finds its own
        assert stores.tenants.save_shop(second)
    assert stores.tenants.shop(shop) == second
    assert not stores.tenants.save_shop(second.model_copy(update={"name": "Another"}))
    assert stores.tenants.save_shop(second.model_copy(update={"name": "Another", "version": 3}))
    assert not stores.tenants.save_shop(second.model_copy(update={"version": 5}))


def test_a_key_belongs_to_one_shop(stores: Stores, shop: str) -> None:
    key = samples.api_key(shop, label="till", scopes=(Scope.VIEWER, Scope.OPERATOR))
    assert stores.tenants.api_key(shop, key.hash) is None
    stores.tenants.add_api_key(key)
    assert stores.tenants.api_key(shop, key.hash) == key
    assert stores.tenants.api_key(f"{shop}-x", key.hash) is None


# Catalogue.


@pytest.mark.parametrize("make", [samples.product, samples.full_product])
def test_a_product_comes_back_as_it_was(stores: Stores, shop: str, make: type[Product]) -> None:
    product: Any = make(shop)  # type: ignore[call-arg]
    assert stores.products.get(shop, "A") is None
    assert stores.products.save(product, over=None)
    assert stores.products.get(shop, "A") == product
    assert stores.products.get_many(shop, ["A", "A", "B"]) == {"A": product}


def test_a_product_is_written_over_the_version_that_was_seen(stores: Stores, shop: str) -> None:
    first, second = samples.product(shop), samples.product(shop, title="New", version=2)
    assert not stores.products.save(second, over=1)
    assert stores.products.save(first, over=None)
    assert stores.products.save(first, over=None)  # delivered twice
    assert not stores.products.save(second, over=None)
    assert stores.products.save(second, over=1)
    assert stores.products.save(second, over=1)
    assert not stores.products.save(samples.product(shop, title="Other", version=2), over=1)
    assert stores.products.get(shop, "A") == second


def test_products_are_listed_by_sku_without_withdrawn_ones(stores: Stores, shop: str) -> None:
    products = [samples.product(shop, f"SKU-{number}", archived=number % 3 == 0) for number in range(8)]
    for product in reversed(products):
        stores.products.save(product, over=None)
    stores.products.save(samples.product(f"{shop}-x", "SKU-9"), over=None)
    listed: list[Product] = []
    start: dict[str, Any] | None = None
    while True:
        page, start = stores.products.page(shop, 3, start)
        assert len(page) <= 3
        listed += page
        if start is None:
            break
    assert listed == [product for product in products if not product.archived]


# Idempotency keys.

ANSWER = Replay(status=201, body='{"Ω": 1}')


def key(shop: str, fingerprint: str = "asked") -> IdempotencyKey:
    return IdempotencyKey(scope=f"{shop}/restock", value="key-1", fingerprint=fingerprint)


def test_the_first_answer_is_given_again(stores: Stores, shop: str) -> None:
    assert stores.replays.begin(key(shop), NOW) is None
    stores.replays.finish(key(shop), ANSWER, NOW)
    assert stores.replays.begin(key(shop), NOW + timedelta(hours=23)) == ANSWER
    with pytest.raises(IdempotencyKeyReused):
        stores.replays.begin(key(shop, "something else"), NOW)


def test_a_key_in_flight_is_taken_over_after_its_lease(stores: Stores, shop: str) -> None:
    assert stores.replays.begin(key(shop), NOW) is None
    with pytest.raises(IdempotencyKeyInFlight):
        stores.replays.begin(key(shop), NOW + LEASE - timedelta(milliseconds=1))
    with pytest.raises(IdempotencyKeyReused):
        stores.replays.begin(key(shop, "something else"), NOW + LEASE)
    assert stores.replays.begin(key(shop), NOW + LEASE) is None
    with pytest.raises(IdempotencyKeyInFlight):
        stores.replays.begin(key(shop), NOW + LEASE + timedelta(milliseconds=1))


def test_two_requests_of_one_millisecond_are_two(stores: Stores, shop: str) -> None:
    assert stores.replays.begin(key(shop), NOW) is None
    with pytest.raises(IdempotencyKeyInFlight):
        stores.replays.begin(key(shop), NOW)


def test_a_key_is_forgotten_after_a_day(stores: Stores, shop: str) -> None:
    stores.replays.begin(key(shop), NOW)
    stores.replays.finish(key(shop), ANSWER, NOW)
    assert stores.replays.begin(key(shop, "something else"), NOW + KEPT + timedelta(seconds=1)) is None


def test_an_abandoned_key_is_free(stores: Stores, shop: str) -> None:
    stores.replays.begin(key(shop), NOW)
    stores.replays.abandon(key(shop))
    assert stores.replays.begin(key(shop, "something else"), NOW) is None
