"""Each payment provider, over HTTP, from the order to the money and back: the real connectors against stand-ins on this machine."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from infra.local.client import Answer, Api, Json, Providers, Unexpected, expect, guest, new_key
from infra.local.story import World, eventually
from infra.providers.house import STRIPE
from tests.e2e.test_admin_orders import act as at_the_desk

pytestmark = pytest.mark.stack

NAMES = ("stripe", "razorpay", "paypal", "paypro")
SIGNATURES = {
    "stripe": "Stripe-Signature",
    "razorpay": "X-Razorpay-Signature",
    "paypal": "PAYPAL-TRANSMISSION-SIG",
    "paypro": "Content-Signature",
}
each = pytest.mark.parametrize("provider", NAMES)


@pytest.fixture(scope="module")
def providers(stack: dict[str, Any]) -> Iterator[Providers]:
    made = Providers(stack["providers_url"])
    yield made
    for name in NAMES:
        made.control(name)
    made.http.close()


@pytest.fixture(scope="module")
def sku(world: World) -> str:
    return world.put_digital("PAYABLE", 60)


def at_once(work: Callable[[str], Json]) -> dict[str, Json]:
    """All four providers side by side."""
    with ThreadPoolExecutor(len(NAMES)) as pool:
        return dict(zip(NAMES, pool.map(work, NAMES), strict=True))


def deliver(api: Api, provider: str, webhook: Json, **changed: str) -> Answer:
    path = api.shop_path(f"/webhooks/payments/{provider}")
    return api.http.send("POST", path, webhook["body"].encode(), {**webhook["headers"], **changed})


def come_back(api: Api, order: Json, **brought: str) -> Answer:
    body = {"payment_id": order["payment"]["id"], **brought}
    return api.call("POST", api.shop_path(f"/orders/{order['id']}/payment-confirmation"), body, guest(order["order_token"]))


def told(api: Api, order: Json, kind: str) -> int:
    return [event["type"] for event in api.events(order)].count(kind)


def once_possible(act: Callable[[], Json]) -> Json:
    """PayPal declines when the shop collects, a moment after its shopper has agreed; only then he may agree anew."""

    def tried() -> Json | None:
        try:
            return act()
        except Unexpected:
            return None

    return eventually(tried, lambda done: done is not None, "the shopper to be asked again") or {}


@pytest.fixture(scope="module")
def paid(world: World, providers: Providers, sku: str) -> dict[str, Json]:
    """An order at each: a first try was declined, the second paid; and it was delivered."""

    def one(provider: str) -> Json:
        order = world.hold(sku, 1, world.buyer(provider), provider=provider)
        first = providers.act(provider, order["payment"]["id"], "decline")
        done = once_possible(lambda: providers.act(provider, order["payment"]["id"], "pay"))
        assert {*first["answers"], *done["answers"]} == {200}
        return order | {"seen": world.wait_for_status(order, "completed"), "webhooks": done["webhooks"]}

    return at_once(one)


@each
def test_a_shopper_gets_what_the_provider_needs_to_be_paid(paid: dict[str, Json], provider: str) -> None:
    client = paid[provider]["payment"]["client"]
    assert client.keys() == ({"key_id", "order_id", "amount", "currency"} if provider == "razorpay" else {"url"})
    assert paid[provider]["payment"]["provider"] == provider


@each
def test_a_try_that_was_declined_is_not_the_end(api: Api, paid: dict[str, Json], provider: str) -> None:
    eventually(lambda: waiting(api, provider), lambda events: events == [], f"all of {provider}'s news to be worked at")
    assert told(api, paid[provider], "order.payment_failed.v1") == 0
    assert api.read_order(paid[provider])["status"] == "completed"


def waiting(api: Api, provider: str) -> list[str]:
    listed = expect(200, api.admin("GET", f"/webhooks?provider={provider}&state=received,failed")).json
    return [event["id"] for event in listed["items"]]


@each
def test_paid_at_the_provider_is_paid_here(api: Api, world: World, paid: dict[str, Json], provider: str) -> None:
    order = paid[provider]
    assert (order["seen"]["payment"]["status"], order["seen"]["status"]) == ("succeeded", "completed")
    assert (told(api, order, "order.paid.v1"), len(api.keys(order))) == (1, 1)
    assert len(world.wait_for_mails(world.buyer(provider), 1)) == 1


@each
def test_a_webhook_that_somebody_else_signed_is_refused(api: Api, paid: dict[str, Json], provider: str) -> None:
    webhook = paid[provider]["webhooks"][-1]
    name = next(name for name in webhook["headers"] if name.lower() == SIGNATURES[provider].lower())
    signature = webhook["headers"][name]
    middle = signature[len(signature) // 2]
    for answer in (
        deliver(api, provider, {**webhook, "body": webhook["body"].replace("succ", "SUCC", 1) + " "}),
        deliver(api, provider, webhook, **{name: signature.replace(middle, "A" if middle != "A" else "B")}),
        deliver(api, provider, {**webhook, "headers": {"Content-Type": "application/json"}}),
    ):
        assert (answer.status, answer.code) == (401, "signature_invalid"), answer


@each
def test_staff_give_money_back_and_the_provider_hears_of_it_once(
    api: Api, providers: Providers, paid: dict[str, Json], provider: str
) -> None:
    order, key = paid[provider], new_key()
    body = {"kind": "amount", "amount": 500, "reason": "a kindness"}
    for _ in range(2):
        expect(200, at_the_desk(api, order, "/refund", body, **{"Idempotency-Key": key}))
    back = eventually(
        lambda: api.read_order(order), lambda seen: seen["payment"]["refunded"]["amount"] > 0, f"{provider} to have given it back"
    )
    assert back["payment"]["refunded"] == {"amount": 500, "currency": "EUR"}
    rest = providers.act(provider, order["payment"]["id"], "refund:1499")  # all that was left there: it gave 500 once
    assert set(rest["answers"]) <= {200}
    with pytest.raises(Exception, match="action_refused"):
        providers.act(provider, order["payment"]["id"], "refund:1")
    whole = eventually(
        lambda: api.read_order(order), lambda seen: seen["payment"]["status"] == "refunded", "what was given by hand to be booked"
    )
    assert whole["payment"]["refunded"]["amount"] == 1999


def test_one_event_however_often_and_by_however_many(world: World, api: Api, providers: Providers, sku: str) -> None:
    order = world.hold(sku, 1, world.buyer("often"), provider="stripe")
    providers.control("stripe", webhooks=False)
    done = providers.act("stripe", order["payment"]["id"], "pay")
    providers.control("stripe")
    (webhook,) = [one for one in done["webhooks"] if '"checkout.session.completed"' in one["body"]]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: deliver(api, "stripe", webhook), range(20)))
    answers += [deliver(api, "stripe", webhook) for _ in range(5)]
    assert [answer.status for answer in answers] == [200] * 25
    assert len({answer.json["id"] for answer in answers}) == 1
    world.wait_for_status(order, "completed")
    world.wait_for_mails(world.buyer("often"), 1)
    assert (told(api, order, "order.paid.v1"), len(api.keys(order)), len(world.inbox.to(world.buyer("often")))) == (1, 1, 1)


def test_a_browser_that_comes_back_settles_the_order_without_a_webhook(world: World, api: Api, providers: Providers, sku: str) -> None:
    providers.control("stripe", webhooks=False)
    order = world.hold(sku, 1, world.buyer("back"), provider="stripe")
    assert expect(200, come_back(api, order)).json["status"] == "pending_payment"
    providers.act("stripe", order["payment"]["id"], "pay")
    assert expect(200, come_back(api, order)).json["status"] == "paid"
    providers.control("stripe")


def test_what_the_browser_brings_from_razorpay_is_judged(world: World, api: Api, providers: Providers, sku: str) -> None:
    providers.control("razorpay", webhooks=False)
    order = world.hold(sku, 1, world.buyer("brought"), provider="razorpay")
    page = f"/checkout.razorpay.com/pay/{order['payment']['id']}?back=/shop/demo"
    pressed = providers.http.send("POST", page, b"act=pay", {"Content-Type": "application/x-www-form-urlencoded"})
    brought = dict(parse_qsl(urlsplit(expect(303, pressed).headers["location"]).query))
    forged = brought["razorpay_signature"][:-1] + ("0" if brought["razorpay_signature"][-1] != "0" else "1")
    refused = come_back(api, order, **{**brought, "razorpay_signature": forged})
    assert (refused.status, refused.code) == (422, "confirmation_invalid")
    assert api.read_order(order)["status"] == "pending_payment"
    assert expect(200, come_back(api, order, **brought)).json["status"] == "paid"
    providers.control("razorpay")


def test_payments_of_which_no_webhook_told_are_found(world: World, api: Api, providers: Providers, sku: str) -> None:
    def lost(provider: str) -> Json:
        providers.control(provider, webhooks=False)
        order = world.hold(sku, 1, world.buyer(f"lost-{provider}"), provider=provider)
        assert providers.act(provider, order["payment"]["id"], "pay")["answers"] == []
        return order

    orders = at_once(lost)
    run = expect(202, api.admin("POST", "/payments/reconcile", {"min_age_minutes": 0}, {"Idempotency-Key": new_key()})).json
    for order in orders.values():
        world.wait_for_status(order, "completed")
        assert told(api, order, "order.paid.v1") == 1
    path = f"/payments/reconcile/{run['id']}"
    report = eventually(lambda: expect(200, api.admin("GET", path)).json, lambda seen: seen["finished_at"], "the reconciliation to end")
    assert report["counts"]["found"] >= len(NAMES)
    assert report["counts"]["errors"] == {}
    for provider in NAMES:
        providers.control(provider)


def test_a_refund_that_was_asked_for_twice_is_one_at_stripe(providers: Providers, paid: dict[str, Json]) -> None:
    """Asked of the provider's own API, with the shop's key: no refund of ours stands there twice."""
    key = base64.b64encode(f"{STRIPE['secret_key']}:".encode()).decode()
    listed = expect(200, providers.http.send("GET", "/api.stripe.com/v1/refunds?limit=100", None, {"Authorization": f"Basic {key}"})).json
    ours = [refund["metadata"]["key"] for refund in listed["data"] if refund["metadata"].get("key")]
    assert len(ours) == len(set(ours))
