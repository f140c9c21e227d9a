"""Webhooks of every provider at the real function: what is signed is kept once, to the byte, and passed on."""

from collections.abc import Iterator
from types import SimpleNamespace
from unittest import mock

import pytest

from holdfast.wiring import providers as wiring
from tests.unit.functions import world as worlds
from tests.unit.functions.street import PAGES, PROVIDERS, Street, connect
from tests.unit.functions.world import SHOP, body, load


@pytest.fixture
def street() -> Iterator[Street]:
    with worlds.furnished() as world:
        yield Street(world)


# What is signed.


@pytest.mark.parametrize("name", PROVIDERS)
@pytest.mark.parametrize("encoded", [False, True], ids=["text", "base64"])
def test_what_is_signed_is_kept_to_the_byte_and_passed_on(street: Street, name: str, encoded: bool) -> None:
    told = street.told[name]
    answer = street.post(name, told.body, told.headers, encoded=encoded)
    assert (answer["statusCode"], body(answer)["state"]) == (200, "received")
    (event,) = street.events()
    assert (event["raw"].encode(), event["provider"], event["id"]) == (told.body, name, body(answer)["id"])
    assert street.world.messages("payments") == [{"shop": SHOP, "provider": name, "event": event["id"]}]
    assert "xpk" in event


@pytest.mark.parametrize("name", PROVIDERS)
def test_names_of_headers_may_come_in_any_case(street: Street, name: str) -> None:
    told = street.told[name]
    for change in (str.upper, str.lower, str.title):
        sent = {change(header): value for header, value in told.headers.items() if header.lower() != "content-type"}
        assert street.post(name, told.body, sent)["statusCode"] == 200
    assert len(street.events()) == 1


@pytest.mark.parametrize("name", PROVIDERS)
def test_what_comes_25_times_is_one_event(street: Street, name: str) -> None:
    told = street.told[name]
    answers = [street.post(name, told.body, told.headers) for _ in range(25)]
    assert {answer["statusCode"] for answer in answers} == {200}
    assert len(street.events()) == 1


def test_what_is_of_another_shop_is_kept_and_not_passed_on(street: Street) -> None:
    told = street.paid("stripe", "foreign", shop="other")
    answer = street.post("stripe", told.body, told.headers)
    assert (answer["statusCode"], body(answer)["state"]) == (200, "ignored")
    assert (len(street.events()), street.world.messages("payments")) == (1, [])


@pytest.mark.parametrize("name", ["stripe", "paypal"])
@pytest.mark.parametrize("days", [-30, 30])
def test_an_old_event_and_one_of_the_future(street: Street, name: str, days: int) -> None:
    """Those of Razorpay and PayPro carry no time: the id is what tells a repetition."""
    told = street.told[name]
    street.world.later(days=days)
    answer = street.post(name, told.body, told.headers)
    assert (answer["statusCode"], street.events()) == (401, [])


# Who may send.


@pytest.mark.parametrize("name", [*PROVIDERS, "sandbox"])
def test_a_live_shop_takes_no_play_money(street: Street, name: str) -> None:
    world = street.world
    (shop,) = [item for item in world.items("tenants") if item["pk"] == SHOP and item["sk"] == "SHOP"]
    world.put("tenants", {**shop, "live": True})
    load("payments_webhook").directory._shops.clear()
    told = street.told.get(name, street.told["stripe"])
    assert street.post(name, told.body, told.headers)["statusCode"] == 404
    assert street.events() == []


# A secret that was changed a moment ago.


def test_a_new_secret_is_known_at_its_first_use(street: Street) -> None:
    told, ticks = street.told["stripe"], [1000.0]
    credentials = street.house.accounts(PAGES)["stripe"]
    providers = load("payments_webhook").providers
    providers.seen.clear()
    with mock.patch.object(wiring, "time", SimpleNamespace(monotonic=lambda: ticks[0])):
        connect("stripe", {**credentials, "webhook_secret": "whsec_OfSomebodyElse"})
        assert street.post("stripe", told.body, told.headers)["statusCode"] == 401
        connect("stripe", credentials)
        assert street.post("stripe", told.body, told.headers)["statusCode"] == 401  # it was read a moment ago
        ticks[0] += wiring.READ_AGAIN.total_seconds()
        assert street.post("stripe", told.body, told.headers)["statusCode"] == 200
