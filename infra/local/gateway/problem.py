"""Answers of the gateway itself, in the shape that the API uses for its own problems (RFC 9457)."""

from __future__ import annotations

import json

from aiohttp import web

TITLES = {
    400: "Bad request",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    413: "Body too large",
    421: "Misdirected request",
    500: "Gateway error",
    502: "The emulator broke off",
    503: "The local stack is not running",
    504: "The emulator did not answer in time",
}


def problem(status: int, code: str, detail: str, headers: dict[str, str] | None = None) -> web.Response:
    body = {"type": "about:blank", "title": TITLES[status], "status": status, "code": code, "detail": detail}
    return web.Response(status=status, text=json.dumps(body), content_type="application/problem+json", headers=headers)


def not_running() -> web.Response:
    return problem(
        503,
        "local_stack_down",
        "The emulator is not running or nothing is deployed on it. Start it with `python3 infra/dev.py demo`, "
        "or see `python3 infra/dev.py status`.",
        {"Retry-After": "5"},
    )
