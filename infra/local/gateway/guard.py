"""Who may talk to the gateway: pages and programs of this machine, not a stranger's website in the same browser.

Two doors are closed. DNS rebinding: a foreign name that resolves to 127.0.0.1 arrives with its own Host header.
Cross-site requests: a foreign page that posts here blindly arrives with its own Origin header.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from aiohttp import web

from .problem import problem

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

OURS = frozenset({"127.0.0.1", "localhost", "::1"})


def is_local(authority: str | None) -> bool:
    """True for `127.0.0.1`, `localhost` and `[::1]`, with or without a port."""
    if not authority or "@" in authority:
        return False
    try:
        return urlsplit(f"//{authority}").hostname in OURS
    except ValueError:
        return False


def is_local_origin(origin: str) -> bool:
    scheme, separator, authority = origin.partition("://")
    return bool(separator) and scheme in ("http", "https") and is_local(authority)


@web.middleware
async def local_callers_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    if not is_local(request.headers.get("Host")):
        return problem(421, "host_not_allowed", "This gateway answers to 127.0.0.1 and localhost only.")
    origin = request.headers.get("Origin")
    if origin is not None and not is_local_origin(origin):
        return problem(403, "origin_not_allowed", "A page from another site may not use this gateway.")
    return await handler(request)
