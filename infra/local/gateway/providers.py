"""Stand-ins of the payment providers under `/providers/`, where the local deployment sends what it would send to the real ones.

`/providers/{host}/...` is what `https://{host}/...` is outside; the pages on which shoppers pay are among it. Three doors are for tests
and for the demo: `_accounts` tells what a shop needs to be a customer, `_control/{provider}` how it behaves, `_act/{provider}/{payment}`
lets a shopper, a bank or the clock do something.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine, Sequence
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web
from multidict import CIMultiDict

from infra.providers.house import House, Tenant
from infra.providers.tills import payment_at, till_of, way_back
from infra.providers.wire import Answer, Call, Webhook

from .guard import is_local
from .pages import DEMO_SHOP, PROVIDERS, page, page_not_found
from .problem import problem
from .proxy import SESSION, TARGETS

ROOT = "/providers/"
HOUSE: web.AppKey[House] = web.AppKey("house", House)
PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds before a webhook is sent again. Real providers go on for days."""

routes = web.RouteTableDef()


class Errands:
    """What goes on beside the answers. Held until it is done: a task that nobody holds may be collected."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, errand: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(errand)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self, _: web.Application) -> None:
        for task in list(self._tasks):
            task.cancel()


ERRANDS: web.AppKey[Errands] = web.AppKey("errands", Errands)


@routes.get(ROOT + "_accounts")
async def accounts(request: web.Request) -> web.Response:
    """As the demo shop enters them. A shopper who is back from paying is told from one who is not."""
    pages = f"http://{request.host}"
    order = f"{pages}/shops/{DEMO_SHOP}/orders/{{order}}"
    told = f"{pages}/v1/shops/{DEMO_SHOP}/webhooks/payments/paypro"
    addresses = {"return_url": f"{order}?paid=yes", "cancel_url": order, "notification_url": told}
    return web.json_response(request.app[HOUSE].accounts(addresses))


@routes.get(ROOT + "_control/{provider}")
async def show_control(request: web.Request) -> web.Response:
    tenant = request.app[HOUSE].tenants.get(request.match_info["provider"])
    return web.json_response(tenant.state) if tenant else _unknown()


@routes.post(ROOT + "_control/{provider}")
async def control(request: web.Request) -> web.Response:
    try:
        return web.json_response(request.app[HOUSE].control(request.match_info["provider"], await _asked(request)))
    except KeyError:
        return _unknown()
    except ValueError as refused:
        return problem(400, "control_refused", str(refused))


@routes.post(ROOT + "_act/{provider}/{payment}")
async def act(request: web.Request) -> web.Response:
    """The webhooks that tell of it, and what the shop has answered to those that were sent."""
    provider, payment = request.match_info["provider"], request.match_info["payment"]
    try:
        told, sent = request.app[HOUSE].act(provider, payment, str((await _asked(request)).get("action")))
    except KeyError:
        return _unknown()
    except ValueError as refused:
        return problem(400, "action_refused", str(refused))
    answers = [await _deliver(request.app, provider, webhook) for webhook in sent]
    return web.json_response({"webhooks": [{"headers": one.headers, "body": one.body.decode()} for one in told], "answers": answers})


@routes.route("*", ROOT + "{host}/{path:.*}")
async def visit(request: web.Request) -> web.StreamResponse:
    found = payment_at(_address(request))
    if found is not None:
        return await _till(request, *found)
    lives = request.app[HOUSE].at(request.match_info["host"])
    return await _answered(request, *lives) if lives else _unknown()


async def _answered(request: web.Request, provider: str, tenant: Tenant) -> web.StreamResponse:
    house, call = request.app[HOUSE], await _call(request)
    mood = house.mood(tenant, call)
    await asyncio.sleep(mood.latency_ms / 1000)
    answer, news = house.answer(tenant, call, mood)
    _send_out(request.app, provider, news)
    if mood.drop and request.transport is not None:
        request.transport.abort()
    return _response(answer)


async def _till(request: web.Request, provider: str, payment: str) -> web.StreamResponse:
    """The page on which a shopper pays, and its two buttons."""
    house = request.app[HOUSE]
    fake = house.tenants[provider].fake
    try:
        till, back = till_of(fake, payment), _local(request.query.get("back"))
        goes_on, gives_up = _here(till.back) or back, _here(till.cancel) or back
        if request.method == "GET":
            return _page(provider, payment, till.amount, till.open, goes_on, gives_up)
        pressed = (await request.post()).get("act")
        if pressed not in {"pay", "decline"}:
            return problem(400, "action_refused", "There are two buttons: pay and decline.")
        _send_out(request.app, provider, house.act(provider, payment, str(pressed))[1])
        if pressed == "pay" and goes_on:
            return web.Response(status=303, headers={"Location": way_back(fake, payment, goes_on)})
        return _page(provider, payment, till.amount, till_of(fake, payment).open, goes_on, gives_up, pressed=str(pressed))
    except KeyError:
        return page_not_found()
    except ValueError as refused:
        return problem(400, "action_refused", str(refused))


def _page(
    provider: str, payment: str, amount: str, is_open: bool, back: str | None, cancel: str | None, pressed: str | None = None
) -> web.Response:
    facts = {"amount": amount, "open": is_open, "back": back, "cancel": cancel, "pressed": pressed}
    return page("till.html", here="pay", shop=DEMO_SHOP, provider=PROVIDERS[provider], payment=payment, **facts)


def _here(url: str | None) -> str | None:
    """Pages of this gateway by their path: the browser keeps its orders by origin, and may know this one by another name."""
    parts = urlsplit(url or "")
    if not is_local(parts.netloc):
        return url
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _local(path: str | None) -> str | None:
    """A page of this gateway, or nothing: the link may come from anywhere."""
    if not path or not path.startswith("/") or path.startswith(("//", "/\\")):
        return None
    return path


def _send_out(app: web.Application, provider: str, webhooks: Sequence[Webhook]) -> None:
    """In their order, while the answer goes its own way."""
    if not webhooks:
        return

    async def errand() -> None:
        for webhook in webhooks:
            await _deliver(app, provider, webhook)

    app[ERRANDS].begin(errand())


async def _deliver(app: web.Application, provider: str, webhook: Webhook) -> int:
    """The shop's status, 0 when it did not answer. One that was not taken is sent again, later."""
    status = await _posted(app, provider, webhook)
    if not 200 <= status < 300:
        app[ERRANDS].begin(_again(app, provider, webhook))
    return status


async def _again(app: web.Application, provider: str, webhook: Webhook) -> None:
    for pause in PAUSES:
        await asyncio.sleep(pause)
        if 200 <= await _posted(app, provider, webhook) < 300:
            return


async def _posted(app: web.Application, provider: str, webhook: Webhook) -> int:
    target = app[TARGETS].current()
    if target is None:
        return 0
    url = target.api(f"/v1/shops/{DEMO_SHOP}/webhooks/payments/{provider}")
    try:
        async with app[SESSION].post(url, data=webhook.body, headers=webhook.headers) as answer:
            await answer.read()
            return answer.status
    except (aiohttp.ClientError, TimeoutError):
        return 0


async def _call(request: web.Request) -> Call:
    headers = {name.lower(): value for name, value in request.headers.items()}
    parts = urlsplit(_address(request))
    path = "/" + parts.path.partition("/")[2]
    return Call(request.method, request.match_info["host"], path, dict(request.query), headers, await request.read())


def _address(request: web.Request) -> str:
    """What would stand behind `https://`."""
    return request.raw_path.removeprefix(ROOT)


def _response(answer: Answer) -> web.Response:
    return web.Response(status=answer.status, headers=CIMultiDict(answer.headers), body=answer.body)


async def _asked(request: web.Request) -> dict[str, Any]:
    """ValueError."""
    asked = json.loads(await request.read() or b"{}")
    if not isinstance(asked, dict):
        raise ValueError("not an object")
    return asked


def _unknown() -> web.Response:
    return problem(404, "not_found", "No provider, or none of its payments, is here.")


def add_providers(app: web.Application) -> None:
    app[HOUSE], app[ERRANDS] = House(), Errands()
    app.on_shutdown.append(app[ERRANDS].stop)
    app.add_routes(routes)
