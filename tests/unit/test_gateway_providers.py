"""The stand-ins of payment providers behind the gateway: calls by host, bad moods, webhooks as they are ordered, pages to pay on."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from infra.local.gateway import providers
from infra.local.gateway.app import build_app
from infra.local.gateway.target import Targets
from infra.providers.house import RAZORPAY, STRIPE
from infra.providers.paypal import CLIENT_ID, CLIENT_SECRET
from infra.providers.paypro import SECRET_KEY, SHOP_ID

SESSION = (
    "mode=payment&client_reference_id=ord_1&success_url=http://127.0.0.1/shops/demo/orders/ord_1&cancel_url=http://127.0.0.1/c"
    "&line_items[0][price_data][currency]=eur&line_items[0][price_data][unit_amount]=1999&line_items[0][quantity]=1"
    "&line_items[0][price_data][product_data][name]=Order"
)


class Shop:
    """The deployed route, as far as it matters here: it notes what comes and answers as told."""

    def __init__(self) -> None:
        self.came: list[tuple[str, dict[str, str], bytes]] = []
        self.statuses: list[int] = []

    async def take(self, request: web.Request) -> web.Response:
        self.came.append((request.path, dict(request.headers), await request.read()))
        return web.Response(status=self.statuses.pop(0) if self.statuses else 200)

    @property
    def types(self) -> list[str]:
        return [json.loads(body)["type"] for _, _, body in self.came]


class Town:
    def __init__(self, url: str, session: aiohttp.ClientSession, shop: Shop) -> None:
        self.url, self.session, self.shop = url, session, shop

    async def ask(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        async with self.session.request(method, f"{self.url}/providers/{path}", allow_redirects=False, **options) as answer:
            text = await answer.text()
            self.headers = answer.headers
            return answer.status, json.loads(text) if answer.content_type.endswith("json") else text

    async def stripe(self, method: str, path: str, data: str | None = None, **headers: str) -> tuple[int, Any]:
        given = {"Authorization": f"Bearer {STRIPE['secret_key']}", "Content-Type": "application/x-www-form-urlencoded", **headers}
        return await self.ask(method, f"api.stripe.com{path}", data=data, headers=given)

    async def opened(self) -> str:
        status, session = await self.stripe("POST", "/v1/checkout/sessions", SESSION)
        assert status == 200, session
        return str(session["id"])

    async def act(self, payment: str, action: str, provider: str = "stripe") -> tuple[int, Any]:
        return await self.ask("POST", f"_act/{provider}/{payment}", json={"action": action})

    async def control(self, **asked: Any) -> tuple[int, Any]:
        return await self.ask("POST", "_control/stripe", json=asked)

    async def came(self, count: int) -> None:
        for _ in range(200):
            if len(self.shop.came) >= count:
                return
            await asyncio.sleep(0.01)
        raise AssertionError(self.shop.came)


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def play(what: Callable[[Town], Awaitable[None]]) -> None:
    async def run() -> None:
        async with town() as made:
            await what(made)

    asyncio.run(run())


@asynccontextmanager
async def town() -> AsyncIterator[Town]:
    shop = Shop()
    async with serving(_deployed(shop)) as emulator:
        gateway = build_app(Targets(emulator_url=emulator, api_id="api1"))
        async with serving(gateway) as url, aiohttp.ClientSession() as session:
            yield Town(url, session, shop)


def _deployed(shop: Shop) -> web.Application:
    app = web.Application()
    app.router.add_post("/_aws/execute-api/api1/v1/shops/demo/webhooks/payments/{provider}", shop.take)
    return app


@asynccontextmanager
async def serving(app: web.Application) -> AsyncIterator[str]:
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def test_a_call_reaches_the_provider_of_its_host() -> None:
    async def what(town: Town) -> None:
        payment = await town.opened()
        status, session = await town.stripe("GET", f"/v1/checkout/sessions/{payment}?expand[]=payment_intent")
        assert (status, session["amount_total"]) == (200, 1999)
        assert (await town.ask("GET", "api.stripe.com/v1/checkout/sessions/x"))[0] == 401
        assert (await town.ask("GET", "_control/stripe"))[1]["seen"] == 3

    play(what)


def test_all_providers_let_their_customer_in() -> None:
    async def what(town: Town) -> None:
        _, accounts = await town.ask("GET", "_accounts")
        assert accounts.keys() == {"stripe", "razorpay", "paypal", "paypro"}
        headers = basic(RAZORPAY["key_id"], RAZORPAY["key_secret"])
        assert (await town.ask("GET", "api.razorpay.com/v1/orders", headers=headers))[0] == 200
        headers = basic(CLIENT_ID, CLIENT_SECRET)
        token = town.ask("POST", "api-m.sandbox.paypal.com/v1/oauth2/token", headers=headers, data={"grant_type": "client_credentials"})
        assert (await token)[0] == 200
        headers = basic(SHOP_ID, SECRET_KEY)
        assert (await town.ask("GET", "checkout.paypro.by/ctp/api/checkouts/nothing", headers=headers))[0] == 404
        assert base64.b64decode(accounts["paypro"]["public_key"]).startswith(b"\x30")

    play(what)


@pytest.mark.parametrize("path", ["api.example.com/v1", "_control/nobody", "_act/nobody/x", "_act/stripe/cs_test_unknown"])
def test_what_is_not_here(path: str) -> None:
    async def what(town: Town) -> None:
        for method in ("GET", "POST") if path.startswith("api") else ("POST",):
            status, problem = await town.ask(method, path, json={"action": "pay"} if "_act" in path else {})
            assert (status, problem["code"]) == (404, "not_found")

    play(what)


def test_webhooks_go_to_the_deployed_route() -> None:
    async def what(town: Town) -> None:
        payment = await town.opened()
        status, answer = await town.act(payment, "pay")
        assert (status, answer["answers"]) == (200, [200] * len(answer["webhooks"]))
        assert "checkout.session.completed" in town.shop.types
        path, headers, body = town.shop.came[-1]
        assert path.endswith("/v1/shops/demo/webhooks/payments/stripe")
        assert headers["Stripe-Signature"].startswith("t=")
        assert answer["webhooks"][-1]["body"].encode() == body
        assert (await town.act(payment, "pay"))[1]["code"] == "action_refused"
        assert (await town.act(payment, "dance"))[1]["code"] == "action_refused"

    play(what)


def test_news_of_the_shops_own_calls_are_sent_beside_the_answer() -> None:
    async def what(town: Town) -> None:
        payment = await town.opened()
        assert (await town.stripe("POST", f"/v1/checkout/sessions/{payment}/expire"))[0] == 200
        await town.came(1)
        assert town.shop.types == ["checkout.session.expired"]

    play(what)


def test_webhooks_as_they_are_ordered() -> None:
    async def what(town: Town) -> None:
        payment = await town.opened()
        await town.control(webhooks=False)
        _, answer = await town.act(payment, "pay")
        assert (len(answer["webhooks"]) > 1, answer["answers"], town.shop.came) == (True, [], [])
        await town.control(copies=2, backwards=True)
        await town.act(payment, "refund:100")
        assert town.shop.types == ["charge.refunded", "refund.created"] * 2

    play(what)


def test_a_webhook_that_is_not_taken_comes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(providers, "PAUSES", (0.01,) * 6)

    async def what(town: Town) -> None:
        payment = await town.opened()
        town.shop.statuses = [500, 503, 401]
        _, answer = await town.act(payment, "expire")
        assert answer["answers"] == [500]
        await town.came(4)
        assert len({body for _, _, body in town.shop.came}) == 1

    play(what)


@pytest.mark.parametrize(
    ("mood", "status"),
    [({"status": 500}, 500), ({"status": 429, "retry_after": 7}, 429), ({"html": True}, 200), ({"html": True, "status": 502}, 502)],
)
def test_in_a_bad_mood_nothing_happens(mood: dict[str, Any], status: int) -> None:
    async def what(town: Town) -> None:
        assert (await town.control(**mood, calls=1))[0] == 200
        found, body = await town.stripe("POST", "/v1/checkout/sessions", SESSION)
        assert found == status
        assert ("Bad Gateway" in body) if mood.get("html") else isinstance(body, dict)
        assert town.headers.get("Retry-After") == ("7" if "retry_after" in mood else None)
        assert (await town.ask("GET", "_control/stripe"))[1]["seen"] == 0
        await town.opened()  # it lasted for one call

    play(what)


def test_an_answer_is_lost_after_the_deed() -> None:
    async def what(town: Town) -> None:
        await town.control(drop=True, calls=1)
        with pytest.raises(aiohttp.ClientError):
            await town.stripe("POST", "/v1/checkout/sessions", SESSION, **{"Idempotency-Key": "k1"})
        _, listed = await town.stripe("GET", "/v1/checkout/sessions")
        _, again = await town.stripe("POST", "/v1/checkout/sessions", SESSION, **{"Idempotency-Key": "k1"})
        assert [one["id"] for one in listed["data"]] == [again["id"]]

    play(what)


def test_a_slow_one_does_it_all_the_same_and_some_paths_only() -> None:
    async def what(town: Town) -> None:
        await town.control(latency_ms=300, path="/v1/checkout")
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(town.opened(), 0.1)
        assert (await asyncio.wait_for(town.stripe("GET", "/v1/refunds"), 0.2))[0] == 200
        await asyncio.sleep(0.4)
        await town.control()
        assert len((await town.stripe("GET", "/v1/checkout/sessions"))[1]["data"]) == 1

    play(what)


@pytest.mark.parametrize(
    "asked",
    [{"mood": 1}, {"latency_ms": "1"}, {"latency_ms": -1}, {"status": 99}, {"calls": -1}, {"drop": 1}, {"copies": 0}, {"webhooks": 1}, []],
)
def test_what_is_no_order_changes_nothing(asked: Any) -> None:
    async def what(town: Town) -> None:
        _, before = await town.ask("GET", "_control/stripe")
        status, refused = await town.ask("POST", "_control/stripe", json=asked)
        assert (status, refused["code"]) == (400, "control_refused")
        assert (await town.ask("GET", "_control/stripe"))[1] == before

    play(what)


def test_a_shopper_pays_on_the_page_and_goes_on_to_the_shop() -> None:
    async def what(town: Town) -> None:
        payment = await town.opened()
        page = f"checkout.stripe.com/c/pay/{payment}"
        status, text = await town.ask("GET", page)
        assert (status, "19.99 EUR" in text, "Stripe" in text) == (200, True, True)
        status, text = await town.ask("POST", page, data={"act": "decline"})
        assert (status, "declined" in text, 'value="pay"' in text) == (200, True, True)
        status, _ = await town.ask("POST", page, data={"act": "pay"})
        assert (status, town.headers["Location"]) == (303, "/shops/demo/orders/ord_1")
        await town.came(5)
        assert "checkout.session.completed" in town.shop.types
        assert 'value="pay"' not in (await town.ask("GET", page))[1]
        assert (await town.ask("POST", page, data={"act": "pay"}))[0] == 400
        assert (await town.ask("POST", page, data={"act": "dance"}))[0] == 400
        assert (await town.ask("GET", "checkout.stripe.com/c/pay/cs_test_unknown"))[0] == 404

    play(what)


def test_razorpays_page_gives_its_signature_along() -> None:
    async def what(town: Town) -> None:
        headers = basic(RAZORPAY["key_id"], RAZORPAY["key_secret"])
        order = {"amount": 499900, "currency": "INR", "receipt": "ord_1"}
        _, made = await town.ask("POST", "api.razorpay.com/v1/orders", json=order, headers=headers)
        page = f"checkout.razorpay.com/pay/{made['id']}?back=/shop/demo/orders/ord_1"
        assert "4999.00 INR" in (await town.ask("GET", page))[1]
        await town.ask("POST", page, data={"act": "pay"})
        assert town.headers["Location"].startswith("/shop/demo/orders/ord_1?razorpay_payment_id=pay_")
        assert "razorpay_signature=" in town.headers["Location"]

    play(what)


@pytest.mark.parametrize("back", ["//evil.example", "https://evil.example", "javascript:alert(1)", "/\\evil.example", ""])
def test_the_way_back_is_a_page_of_ours(back: str) -> None:
    assert providers._local(back) is None


def test_strangers_are_kept_out() -> None:
    async def what(town: Town) -> None:
        assert (await town.ask("POST", "_control/stripe", json={}, headers={"Origin": "https://evil.example"}))[0] == 403
        assert (await town.ask("GET", "_accounts", headers={"Host": "rebound.example"}))[0] == 421

    play(what)
