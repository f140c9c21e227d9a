"""Puts the gateway together: the guard at the door, the proxy, the pages, and what every page answer carries."""

from __future__ import annotations

from aiohttp import web

from .guard import Handler, local_callers_only
from .pages import HERE, page_not_found, routes
from .problem import problem
from .providers import add_providers
from .proxy import LARGEST_BODY, TARGETS, close_session, forward, open_session
from .target import Targets

API = "/v1/"

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
PAGE_HEADERS = {
    "Content-Security-Policy": PAGE_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Cache-Control": "no-cache",
}


@web.middleware
async def errors_as_answers(request: web.Request, handler: Handler) -> web.StreamResponse:
    """aiohttp raises its own answers (no such page, wrong method, body too large); they get our shape."""
    try:
        return await handler(request)
    except web.HTTPRequestEntityTooLarge:
        return problem(413, "body_too_large", f"The gateway takes at most {LARGEST_BODY} bytes.")
    except web.HTTPMethodNotAllowed as refusal:
        return problem(405, "method_not_allowed", "This page takes another method.", {"Allow": ", ".join(sorted(refusal.allowed_methods))})
    except web.HTTPNotFound:
        if "text/html" in request.headers.get("Accept", ""):
            return page_not_found()
        return problem(404, "not_found", "There is nothing at this path.")


async def dress(request: web.Request, response: web.StreamResponse) -> None:
    """Page answers get the page headers; what the API answered is left alone."""
    response.headers.popall("Server", None)
    if not request.path.startswith(API):
        for name, value in PAGE_HEADERS.items():
            response.headers.setdefault(name, value)


def build_app(targets: Targets) -> web.Application:
    app = web.Application(client_max_size=LARGEST_BODY, middlewares=[local_callers_only, errors_as_answers])
    app[TARGETS] = targets
    app.on_startup.append(open_session)
    app.on_cleanup.append(close_session)
    app.on_response_prepare.append(dress)
    app.router.add_route("*", API + "{path:.*}", forward)
    app.add_routes(routes)
    add_providers(app)
    app.router.add_static("/static/", HERE / "static")
    app.router.add_static("/vendor/", HERE / "vendor")
    return app
