"""Forwards `/v1/...` to the deployed API byte for byte, over kept-alive connections."""

from __future__ import annotations

import asyncio
import io
import os
import re

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from .problem import not_running, problem
from .target import Targets

TARGETS: web.AppKey[Targets] = web.AppKey("targets", Targets)
SESSION: web.AppKey[aiohttp.ClientSession] = web.AppKey("session", aiohttp.ClientSession)

# API Gateway itself stops at 10 MB; a little above it lets the API give its own answer first.
LARGEST_BODY = 12 * 1024 * 1024
# A larger one is fed to the connection piece by piece, so that others are served in between.
IN_ONE_PIECE = 512 * 1024
# Shorter than the emulator keeps an idle connection, so that a POST never meets a connection that is just being closed.
IDLE_SECONDS = 2.0
ANSWER_SECONDS = 65.0
# Requests under way at once; the rest wait their turn here. The emulator starts a process for each (on AWS: an environment),
# and a laptop that starts thirty at a time is busy with nothing else.
AT_ONCE = 2 * (os.cpu_count() or 2)

# RFC 9110 7.6.1: these describe one connection, not the message. Host and length are written anew.
OF_THE_CONNECTION = ("Connection", "Keep-Alive", "Proxy-Connection", "TE", "Trailer", "Transfer-Encoding", "Upgrade")
NOT_SENT_ON = (*OF_THE_CONNECTION, "Host", "Content-Length", "Expect")
NOT_GIVEN_BACK = (*OF_THE_CONNECTION, "Content-Length")

# `/v1/../` would walk out of the API into the emulator's own controls.
DOT_SEGMENT = re.compile(r"/(?:\.|%2e){1,2}(?=[/?#\\]|$)", re.IGNORECASE)


async def open_session(app: web.Application) -> None:
    app[SESSION] = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=AT_ONCE, keepalive_timeout=IDLE_SECONDS),
        timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS, sock_connect=5.0),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        trust_env=False,
    )


async def close_session(app: web.Application) -> None:
    await app[SESSION].close()


def without(headers: CIMultiDict[str], names: tuple[str, ...]) -> CIMultiDict[str]:
    """A copy without these headers, nor those that `Connection` names as its own."""
    kept = headers.copy()
    own = [name.strip() for value in headers.getall("Connection", []) for name in value.split(",")]
    for name in (*names, *own):
        kept.popall(name, None)
    return kept


def stays_inside_the_api(raw_path: str) -> bool:
    path = raw_path.partition("?")[0]
    return path.startswith("/v1") and "\\" not in path and DOT_SEGMENT.search(path) is None


async def forward(request: web.Request) -> web.StreamResponse:
    target = request.app[TARGETS].current()
    if target is None:
        return not_running()
    if not stays_inside_the_api(request.raw_path):
        return problem(404, "not_found", "There is nothing at this path.")
    body = await request.read() if request.can_read_body else None
    try:
        return await _exchange(request, target.api(request.raw_path), body)
    except (aiohttp.ClientError, asyncio.IncompleteReadError, TimeoutError, UnicodeEncodeError) as failure:
        return _said_of(failure)


def _said_of(failure: Exception) -> web.Response:
    """Why there is no answer, and what to do about it."""
    if isinstance(failure, aiohttp.ClientConnectorError):
        return not_running()
    if isinstance(failure, UnicodeEncodeError):
        return problem(400, "header_not_text", "A header of this request is not valid UTF-8.")
    if isinstance(failure, TimeoutError):
        return problem(504, "emulator_timeout", f"No answer within {ANSWER_SECONDS:.0f} seconds. See `python3 infra/dev.py logs`.")
    return problem(
        502,
        "emulator_broke_off",
        f"The emulator closed the connection ({type(failure).__name__}). Whether the request took effect is unknown: "
        "send it again with the same Idempotency-Key.",
    )


async def _exchange(request: web.Request, url: str, body: bytes | None) -> web.Response:
    headers = without(request.headers.copy(), NOT_SENT_ON)
    async with request.app[SESSION].request(
        request.method, URL(url, encoded=True), headers=headers, data=_sendable(body), allow_redirects=False
    ) as answer:
        content = await answer.read()
        given_back = without(answer.headers.copy(), NOT_GIVEN_BACK)
        if request.method == "HEAD" and "Content-Length" in answer.headers:
            given_back["Content-Length"] = answer.headers["Content-Length"]
        return web.Response(status=answer.status, reason=answer.reason, headers=given_back, body=content or None)


def _sendable(body: bytes | None) -> bytes | io.BytesIO | None:
    return io.BytesIO(body) if body is not None and len(body) > IN_ONE_PIECE else body
