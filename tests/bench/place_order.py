"""Requests per second and latency of place-order at 1, 8 and 32 clients, and what one of them costs in data calls.

python3 infra/dev.py bench place_order

Each client has its own keep-alive connection; sessions are prepared beforehand and not counted. Stock is spread over
many SKUs (as a shop's is) and, in a second table, all on one (as at a flash sale).
"""

from __future__ import annotations

import http.client
import json
import os
import sys
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

SKUS = 40
REQUESTS = {1: 150, 8: 600, 32: 800}
WARM_UP = 64
Json = dict[str, Any]


class Client:
    """One connection."""

    def __init__(self, base: str) -> None:
        parts = urlsplit(base)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
        self._prefix = parts.path

    def send(self, method: str, path: str, body: Json | None, **headers: str) -> tuple[int, Json]:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        content = None if body is None else json.dumps(body).encode()
        self._connection.request(method, self._prefix + path, content, {"Content-Type": "application/json", **sent})
        reply = self._connection.getresponse()
        text = reply.read()
        return reply.status, json.loads(text) if text else {}


@dataclass(frozen=True)
class Figures:
    clients: int
    requests: int
    per_second: float
    p50: float
    p99: float
    statuses: dict[int, int]


def main() -> int:
    status: Json = json.loads(Path(os.environ["HOLDFAST_STATUS"]).read_text(encoding="utf-8"))
    run = uuid.uuid4().hex[:6]
    spread = [f"BENCH-{run}-{number}" for number in range(SKUS)]
    prepare(status, [*spread, f"BENCH-{run}-HOT"])
    report(status, "spread over 40 SKUs", lambda number: spread[number % SKUS])
    report(status, "all on one SKU, one shard", lambda _: f"BENCH-{run}-HOT")
    return 0


def prepare(status: Json, skus: list[str]) -> None:
    client = Client(status["api_url"])
    base = f"/shops/{status['shop']}/admin"
    for sku in skus:
        product = {"title": sku, "kind": "physical", "price": {"amount": 100, "currency": "EUR"}, "on_shortage": "reject"}
        _expect(client.send("PUT", f"{base}/products/{sku}", product, X_Api_Key=status["admin_key"]), 200)
        restock = {"quantity": 100_000}
        key = {"X_Api_Key": status["admin_key"], "Idempotency_Key": f"bench-{sku}"}
        _expect(client.send("POST", f"{base}/inventory/{sku}/restock", restock, **key), 200)


def report(status: Json, title: str, sku_of: Callable[[int], str]) -> None:
    print(f"\nplace-order, {title}\n{'clients':>8} {'requests':>9} {'req/s':>8} {'p50 ms':>8} {'p99 ms':>8}  statuses")
    measure(status, 8, WARM_UP, sku_of)
    for clients, requests in REQUESTS.items():
        found = measure(status, clients, requests, sku_of)
        statuses = " ".join(f"{code}:{count}" for code, count in sorted(found.statuses.items()))
        print(f"{clients:>8} {found.requests:>9} {found.per_second:>8.1f} {found.p50:>8.1f} {found.p99:>8.1f}  {statuses}", flush=True)


def measure(status: Json, clients: int, requests: int, sku_of: Callable[[int], str]) -> Figures:
    """`requests` orders in all, from so many clients at once."""
    sessions = _in_parallel(8, requests, lambda client, number: _session(client, status, sku_of(number)), status)
    waits: list[float] = []
    codes: dict[int, int] = {}
    guard = threading.Lock()

    def place(client: Client, number: int) -> None:
        session = sessions[number]
        started = time.perf_counter()
        code, _ = client.send(
            "POST",
            f"/shops/{status['shop']}/checkout-sessions/{session['id']}/place-order",
            {"payment": {"provider": "sandbox"}},
            Idempotency_Key=f"bench-{session['id']}",
            X_Checkout_Token=session["checkout_token"],
            X_CSRF_Token=session["csrf_token"],
        )
        spent = (time.perf_counter() - started) * 1000
        with guard:
            waits.append(spent)
            codes[code] = codes.get(code, 0) + 1

    started = time.perf_counter()
    _in_parallel(clients, requests, place, status)
    seconds = time.perf_counter() - started
    waits.sort()
    return Figures(clients, requests, requests / seconds, median(waits), waits[min(len(waits) - 1, int(len(waits) * 0.99))], codes)


def _session(client: Client, status: Json, sku: str) -> Json:
    body = {"lines": [{"sku": sku, "quantity": 1}], "email": "bench@example.com"}
    return _expect(client.send("POST", f"/shops/{status['shop']}/checkout-sessions", body), 201)


def _in_parallel(clients: int, count: int, work: Callable[[Client, int], Any], status: Json) -> list[Any]:
    """Work 0 to count-1, shared out among so many threads with a connection each; the results in order."""
    results: list[Any] = [None] * count
    numbers = iter(range(count))
    guard = threading.Lock()

    def loop() -> None:
        client = Client(status["api_url"])
        while True:
            with guard:
                number = next(numbers, None)
            if number is None:
                return
            results[number] = work(client, number)

    threads = [threading.Thread(target=loop) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def _expect(answer: tuple[int, Json], code: int) -> Json:
    if answer[0] != code:
        raise SystemExit(f"expected {code}, got {answer[0]}: {answer[1]}")
    return answer[1]


if __name__ == "__main__":
    sys.exit(main())
