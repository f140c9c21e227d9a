"""A shop's endpoints: added, changed, switched off and on, given new secrets."""

from datetime import timedelta

import pytest

from holdfast.kernel.errors import HoldfastError, VersionConflict
from holdfast.webhooks import endpoints
from holdfast.webhooks.endpoints import ChangeEndpoint
from holdfast.webhooks.errors import StaleEndpoint, TooManyEndpoints, UnknownEndpoint, UnknownEventTypes, UrlRefused
from holdfast.webhooks.model import DisabledBecause, Endpoint
from holdfast.webhooks.rules import MOST_ENDPOINTS
from holdfast.webhooks.targets import Doors
from tests.memory.mailroom import NOTE, PAID, TYPES, Shop
from tests.memory.threads import just_before


def change(shop: Shop, endpoint: Endpoint, **changes: object) -> Endpoint:
    command = ChangeEndpoint.model_validate({"shop": shop.shop, "endpoint": endpoint.id, **changes})
    return endpoints.change(command, store=shop.store, types=TYPES, doors=Doors(), now=shop.now)


def rotate(shop: Shop, endpoint: Endpoint, *, keep_former: bool = True) -> endpoints.WithSecret:
    return endpoints.rotate(shop.shop, endpoint.id, keep_former=keep_former, store=shop.store, sealer=shop.sealer, now=shop.now)


def test_the_secret_is_told_once_and_kept_sealed(shop: Shop) -> None:
    made = shop.added()
    assert made.secret.startswith("whsec_")
    assert len(made.secret) == len("whsec_") + 44
    (kept,) = shop.store.endpoints("demo")
    assert kept.secret != made.secret
    assert shop.sealer.open(kept.secret, {"shop": "demo", "endpoint": kept.id}) == made.secret
    assert made.secret not in f"{made!r}{kept!r}"
    assert kept.secret not in repr(kept)


def test_secrets_differ(shop: Shop) -> None:
    assert shop.added().secret != shop.added().secret


def test_a_shop_has_ten_at_most(shop: Shop) -> None:
    made = [shop.endpoint() for _ in range(MOST_ENDPOINTS)]
    with pytest.raises(TooManyEndpoints) as refused:
        shop.endpoint()
    assert refused.value.facts == {"limit": 10}
    endpoints.remove("demo", made[4].id, store=shop.store)
    assert shop.endpoint().place == 4


def test_only_events_that_there_are(shop: Shop) -> None:
    with pytest.raises(UnknownEventTypes) as refused:
        shop.endpoint(PAID, "order.eaten.v1", "order.*")
    assert refused.value.facts == {"unknown": ["order.*", "order.eaten.v1"]}
    assert shop.endpoint(PAID, NOTE, PAID).events == (NOTE, PAID)


def test_a_bad_address_is_refused_at_once(shop: Shop) -> None:
    with pytest.raises(UrlRefused):
        shop.endpoint(url="https://169.254.169.254/")
    standing = shop.endpoint()
    with pytest.raises(UrlRefused):
        change(shop, standing, url="http://shop.example/")
    assert shop.store.endpoints("demo") == [standing]


def test_what_is_left_out_stays(shop: Shop) -> None:
    standing = shop.endpoint(PAID)
    changed = change(shop, standing, description="Lager")
    assert changed == standing.model_copy(update={"description": "Lager", "version": 2})
    assert change(shop, standing, events=("*",), url="https://b.example/").events == ("*",)


def test_changes_are_made_over_what_was_read(shop: Shop) -> None:
    standing = shop.endpoint()
    change(shop, standing, description="first", over=1)
    with pytest.raises(StaleEndpoint) as refused:
        change(shop, standing, description="second", over=1)
    assert refused.value.facts == {"version": 2}


def test_two_changes_at_one_moment(shop: Shop) -> None:
    standing = shop.endpoint()
    just_before(shop.store, "save_endpoint", lambda: change(shop, standing, description="first"))
    with pytest.raises(VersionConflict):
        change(shop, standing, url="https://b.example/")
    assert shop.store.endpoints("demo")[0].description == "first"


def test_switched_off_and_on(shop: Shop) -> None:
    standing = shop.endpoint()
    off = change(shop, standing, enabled=False)
    assert off.disabled is not None
    assert (off.disabled.reason, off.disabled.at, off.enabled) == (DisabledBecause.STAFF, shop.now, False)
    shop.store.failing("demo", standing.id, shop.now)
    shop.later(days=5)
    assert change(shop, standing, enabled=False).disabled == off.disabled
    assert change(shop, standing, enabled=True).enabled
    assert shop.store.failing_since("demo", standing.id) is None  # else the next failure would switch it off


def test_a_former_secret_signs_along_for_a_day(shop: Shop) -> None:
    first = shop.added()
    second = rotate(shop, first.endpoint)

    def opened() -> list[str]:
        (standing,) = shop.store.endpoints("demo")
        context = endpoints.context("demo", standing.id)
        return [shop.sealer.open(sealed, context) for sealed in standing.sealed_secrets(shop.now)]

    assert opened() == [second.secret, first.secret]
    shop.now += timedelta(hours=24) - timedelta(milliseconds=1)
    assert opened() == [second.secret, first.secret]
    shop.now += timedelta(milliseconds=1)
    assert opened() == [second.secret]


def test_a_secret_that_leaked_stops_at_once(shop: Shop) -> None:
    first = shop.endpoint()
    rotate(shop, first)
    assert rotate(shop, first, keep_former=False).endpoint.former == ()


def test_many_rotations_keep_the_last_two(shop: Shop) -> None:
    standing = shop.endpoint()
    for _ in range(5):
        last = rotate(shop, standing)
    assert len(last.endpoint.former) == 2


def test_two_rotations_at_one_moment(shop: Shop) -> None:
    """The loser is told: the secret that he would get is not the endpoint's."""
    standing = shop.endpoint()
    just_before(shop.store, "save_endpoint", lambda: rotate(shop, standing))
    with pytest.raises(VersionConflict):
        rotate(shop, standing)


@pytest.mark.parametrize("act", ["read", "remove", "change", "rotate"])
def test_foreign_and_unknown_are_told_alike(shop: Shop, act: str) -> None:
    foreign = Shop(shop.store, "other").endpoint()
    unknown = foreign.model_copy(update={"id": "whe_unknown"})
    acts = {
        "read": lambda one: endpoints.read("demo", one.id, store=shop.store),
        "remove": lambda one: endpoints.remove("demo", one.id, store=shop.store),
        "change": lambda one: change(shop, one, description="x"),
        "rotate": lambda one: rotate(shop, one),
    }
    told: list[HoldfastError] = []
    for one in (foreign, unknown):
        with pytest.raises(UnknownEndpoint) as refused:
            acts[act](one)
        told.append(refused.value)
    assert (told[0].detail, told[0].facts) == (told[1].detail, told[1].facts)
    assert shop.store.endpoints("other") == [foreign]


def test_switching_off_outlasts_a_change_at_the_same_moment(shop: Shop) -> None:
    standing = shop.endpoint()
    just_before(shop.store, "save_endpoint", lambda: change(shop, standing, description="first"))
    assert endpoints.disable("demo", standing.id, DisabledBecause.GONE, store=shop.store, now=shop.now)
    (found,) = shop.store.endpoints("demo")
    assert (found.description, found.enabled) == ("first", False)
    assert not endpoints.disable("demo", standing.id, DisabledBecause.GONE, store=shop.store, now=shop.now)
