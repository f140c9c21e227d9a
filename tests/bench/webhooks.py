"""Requests per second and latency of the webhook route at 1, 8 and 32 clients: signed Stripe events, each another one and always the same.

python3 infra/dev.py bench webhooks

The events tell of an order that was paid a moment before, so that the queue's worker, which shares this machine, has little to do with
them. Each round begins when the worker is done with the one before.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import sys
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from statistics import median

from infra.local.client import Providers
from infra.local.story import StoryBroken, World, eventually
from infra.providers.house import STRIPE
from tests.bench.place_order import Client, Figures, Json, _in_parallel

REQUESTS = {1: 150, 8: 600, 32: 800}
WARM_UP = 64
DRAINED_IN = 240.0
"""Seconds."""


def main() -> int:
    status: Json = json.loads(Path(os.environ["HOLDFAST_STATUS"]).read_text(encoding="utf-8"))
    event = paid_event(status)
    report(status, "each another event", lambda number: {**event, "id": f"evt_{uuid.uuid4().hex}{number}"})
    report(status, "always the same event", lambda _: event)
    return 0


def paid_event(status: Json) -> Json:
    """Of an order that is paid with Stripe's stand-in, the event that tells so, delivered once."""
    world, providers = World.of(status), Providers(status["providers_url"])
    order = world.hold(world.put_physical("WEBHOOKS", 1), 1, world.buyer("bench"), provider="stripe")
    told = providers.act("stripe", order["payment"]["id"], "pay")["webhooks"]
    world.wait_for_status(order, "processing")
    event: Json = next(found for found in (json.loads(one["body"]) for one in told) if found["type"] == "checkout.session.completed")
    return event


def report(status: Json, title: str, event_of: Callable[[int], Json]) -> None:
    print(f"\nwebhooks, {title}\n{'clients':>8} {'requests':>9} {'req/s':>8} {'p50 ms':>8} {'p99 ms':>8}  statuses")
    measure(status, 8, WARM_UP, event_of)
    for clients, requests in REQUESTS.items():
        drained(status)
        found = measure(status, clients, requests, event_of)
        statuses = " ".join(f"{code}:{count}" for code, count in sorted(found.statuses.items()))
        print(f"{clients:>8} {found.requests:>9} {found.per_second:>8.1f} {found.p50:>8.1f} {found.p99:>8.1f}  {statuses}", flush=True)


def drained(status: Json) -> None:
    api = World.of(status).api
    try:
        eventually(
            lambda: api.admin("GET", "/webhooks?state=received&limit=1").json["items"], lambda items: not items, "the inbox", DRAINED_IN
        )
    except StoryBroken as slow:
        raise SystemExit(f"The worker is not done with the round before: {slow}") from slow


def measure(status: Json, clients: int, requests: int, event_of: Callable[[int], Json]) -> Figures:
    waits: list[float] = []
    codes: dict[int, int] = {}
    guard = threading.Lock()
    path = f"/shops/{status['shop']}/webhooks/payments/stripe"

    def tell(client: Client, number: int) -> None:
        event = event_of(number)
        header = signature(json.dumps(event).encode())  # the bytes that the client will send
        started = time.perf_counter()
        code, _ = client.send("POST", path, event, Stripe_Signature=header)
        spent = (time.perf_counter() - started) * 1000
        with guard:
            waits.append(spent)
            codes[code] = codes.get(code, 0) + 1

    started = time.perf_counter()
    _in_parallel(clients, requests, tell, status)
    seconds = time.perf_counter() - started
    waits.sort()
    return Figures(clients, requests, requests / seconds, median(waits), waits[min(len(waits) - 1, int(len(waits) * 0.99))], codes)


def signature(body: bytes) -> str:
    stamp = str(int(time.time()))
    made = hmac.new(STRIPE["webhook_secret"].encode(), f"{stamp}.".encode() + body, hashlib.sha256)
    return f"t={stamp},v1={made.hexdigest()}"


if __name__ == "__main__":
    sys.exit(main())
