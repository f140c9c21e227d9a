"""The pages. A template gives the frame; a small script fills it from the public API."""

from __future__ import annotations

import re
from pathlib import Path

import aiohttp
from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from .inbox import Mail, fetch_mails
from .problem import not_running, problem
from .proxy import SESSION, TARGETS

HERE = Path(__file__).parent
CHECKOUT = HERE.parents[2]
OPENAPI = CHECKOUT / "docs" / "catalogue" / "openapi.json"

TEMPLATES = Environment(
    loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)

PROVIDERS = {"stripe": "Stripe", "razorpay": "Razorpay", "paypal": "PayPal", "paypro": "PayPro"}
"""Beside the sandbox. The demo shop has an account at each one's stand-in."""
SHOP = re.compile(r"[a-z0-9][a-z0-9-]{1,38}[a-z0-9]")
DEMO_SHOP = "demo"

# A mail is foreign content: it may style itself and open links in a new tab, nothing else.
MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"
)

routes = web.RouteTableDef()


def page(template: str, **facts: object) -> web.Response:
    return web.Response(text=TEMPLATES.get_template(template).render(**facts), content_type="text/html")


def hold_grace_seconds(request: web.Request) -> int:
    """How long after a hold's end the API still keeps it; the pay page waits it out. Told by the deploy, else a safe guess."""
    target = request.app[TARGETS].current()
    return int(target.facts.get("hold_grace_seconds", 2)) if target else 2


@routes.get("/")
async def home(request: web.Request) -> web.Response:
    target = request.app[TARGETS].current()
    return page(
        "home.html", here="home", shop=DEMO_SHOP, origin=f"http://{request.host}", emulator_url=target.emulator_url if target else None
    )


@routes.get("/shop/{shop}")
@routes.get("/shops/{shop}")
@routes.get("/shops/{shop}/products/{sku}")  # addresses in the mails
@routes.get("/shops/{shop}/checkout-sessions/{session}")
async def storefront(request: web.Request) -> web.Response:
    if not SHOP.fullmatch(request.match_info["shop"]):
        return page_not_found()
    return page("storefront.html", here="shop", shop=request.match_info["shop"], providers=PROVIDERS)


@routes.get("/shop/{shop}/orders/{order}")
@routes.get("/shops/{shop}/orders/{order}")  # the address in the mails
async def order(request: web.Request) -> web.Response:
    if not SHOP.fullmatch(request.match_info["shop"]):
        return page_not_found()
    return page("order.html", here="shop", shop=request.match_info["shop"], order=request.match_info["order"])


@routes.get("/pay/{payment}")
async def pay(request: web.Request) -> web.Response:
    return page("pay.html", here="pay", shop=DEMO_SHOP, payment=request.match_info["payment"], grace=hold_grace_seconds(request))


@routes.get("/inbox")
async def inbox(_: web.Request) -> web.Response:
    return page("inbox.html", here="inbox", shop=DEMO_SHOP)


@routes.get("/admin")
async def admin(request: web.Request) -> web.Response:
    shop = request.query.get("shop", DEMO_SHOP)
    return page("admin.html", here="admin", shop=shop) if SHOP.fullmatch(shop) else page_not_found()


@routes.get("/docs")
async def docs(_: web.Request) -> web.Response:
    return page("docs.html", here="docs", shop=DEMO_SHOP, ready=OPENAPI.is_file())


@routes.get("/openapi.json")
async def openapi(_: web.Request) -> web.StreamResponse:
    if not OPENAPI.is_file():
        return problem(404, "not_found", "The contract is not generated yet: docs/catalogue/openapi.json is missing.")
    return web.FileResponse(OPENAPI, headers={"Content-Type": "application/json", "Cache-Control": "no-cache"})


@routes.get("/_gateway/health")
async def health(request: web.Request) -> web.Response:
    """The gateway is up when this answers; `emulator` says whether the stack behind it is."""
    return web.json_response({"status": "ok", "emulator": await emulator_answers(request)})


async def emulator_answers(request: web.Request) -> bool:
    target = request.app[TARGETS].current()
    if target is None:
        return False
    try:
        async with request.app[SESSION].get(f"{target.emulator_url}/_ministack/health") as answer:
            return answer.status == 200
    except (aiohttp.ClientError, TimeoutError):
        return False


@routes.get("/_gateway/mails")
async def mails(request: web.Request) -> web.Response:
    found = await mails_of(request)
    if found is None:
        return not_running()
    items = [
        {**{name: mail[name] for name in ("id", "from", "to", "subject", "text", "at")}, "has_html": bool(mail["html"])} for mail in found
    ]
    return web.json_response({"items": items}, headers={"Cache-Control": "no-store"})


@routes.get("/_gateway/mails/{mail}/html")
async def mail_html(request: web.Request) -> web.Response:
    found = await mails_of(request)
    if found is None:
        return not_running()
    for mail in found:
        if mail["id"] == request.match_info["mail"] and mail["html"]:
            # Links of a mail open beside the inbox, not inside its frame.
            framed = '<!doctype html><base target="_blank">' + mail["html"]
            return web.Response(text=framed, content_type="text/html", headers={"Content-Security-Policy": MAIL_POLICY})
    return problem(404, "not_found", "There is no such mail.")


async def mails_of(request: web.Request) -> list[Mail] | None:
    target = request.app[TARGETS].current()
    if target is None:
        return None
    try:
        return await fetch_mails(request.app[SESSION], target)
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return None


def page_not_found() -> web.Response:
    answer = page("missing.html", here="", shop=DEMO_SHOP)
    answer.set_status(404)
    return answer
