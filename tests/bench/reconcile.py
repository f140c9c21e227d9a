"""Reconciling 10,000 pending payments: time, calls to the provider, capacity units, and memory of one worker; then by the deployed queue.

python3 infra/dev.py bench reconcile

The provider is the sandbox, which answers out of a table: a real one takes some hundred milliseconds for each call. First the
worker runs in this process, one piece after the other, and a botocore hook counts its calls. The units are DynamoDB's by its rules for
sizes: write units as the emulator tells them, read units by the sizes of what it answered.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
import uuid
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

from holdfast.kernel.ids import derived_id
from holdfast.kernel.time import utc_now
from holdfast.orders.model import HoldRef, Order
from holdfast.orders.repository import DynamoOrders
from holdfast.payments import reports
from holdfast.payments.providers.sandbox.mapper import Book
from holdfast.payments.providers.sandbox.proxy import SandboxBook
from holdfast.payments.reconciling import Office
from holdfast.payments.reports import Options, Report, Run
from holdfast.platform import aws
from holdfast.platform.dynamo import Table
from holdfast.tenants.model import Shop
from holdfast.tenants.repository import DynamoTenants
from holdfast.wiring.reconcile_start import PlanOfShops, begin
from infra import openapi
from infra.local import emulator
from infra.local.aws import client as client_of
from infra.simulator.sizes import item_size, read_units
from tests.memory.house import House
from tests.memory.stores import on_dynamo

PENDING, PAID = 9_800, 200
OLD = timedelta(minutes=20)
PAID_AGO = timedelta(minutes=10)
PATIENCE = 900
Json = dict[str, Any]


def main() -> int:
    status: Json = json.loads(Path(os.environ["HOLDFAST_STATUS"]).read_text(encoding="utf-8"))
    os.environ.update(emulator.credentials(status["emulator_url"]))
    os.environ.update({f"{name.upper()}_TABLE": table for name, table in status["tables"].items()})
    os.environ["SANDBOX_ENABLED"] = "true"
    shop = f"bench-{uuid.uuid4().hex[:8]}"
    prepare(status, shop)
    in_this_process(shop)
    by_the_queue(status, shop)
    return 0


def prepare(status: Json, shop: str) -> None:
    """Orders that nobody paid, and some that were paid while no webhook came."""
    started = time.perf_counter()
    tables = {name: Table(aws.dynamodb(), table) for name, table in status["tables"].items()}
    now = utc_now()
    DynamoTenants(tables["tenants"]).add_shop(Shop(id=shop, name="Bench", currency="EUR", created_at=now))
    house = House(on_dynamo(aws.dynamodb(), {name.title(): table for name, table in status["tables"].items()}), shop, now - PAID_AGO)
    house.product("box", units=PAID + 1)
    first = house.place(house.session(("box", 1))).order
    orders, books = DynamoOrders(tables["orders"]), SandboxBook(tables["payments"])

    def place(number: int) -> None:
        order = like(first, number)
        money = {"shop": shop, "order_id": order.id, "amount": order.amount, "currency": order.currency}
        books.open(Book(id=order.payment.id, changed_at=order.created_at, **money))
        orders.add(order)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(place, range(PENDING - 1)))
    for _ in range(PAID):
        house.now += timedelta(milliseconds=1)
        house.buy(("box", 1))
    print(f"\n{PENDING} pending and {PAID} paid orders, prepared in {time.perf_counter() - started:.0f} s", flush=True)


def like(first: Order, number: int) -> Order:
    """As the first one, placed a while ago: its hold is over, and what it held is not counted here."""
    at = first.created_at - OLD + timedelta(milliseconds=number)
    identity = derived_id("ord", at, first.shop, str(number))
    payment = first.payment.model_copy(update={"id": derived_id("pay", at, first.shop, str(number))})
    hold = HoldRef(lock=derived_id("lck", at, first.shop, str(number)), expires_at=at + timedelta(minutes=15))
    return first.model_copy(update={"id": identity, "created_at": at, "updated_at": at, "payment": payment, "hold": hold})


class Line:
    """A queue in this process."""

    def __init__(self) -> None:
        self.waiting: deque[Json] = deque()

    def send_all(self, messages: Sequence[tuple[Mapping[str, Any], timedelta]]) -> None:
        self.waiting.extend(json.loads(json.dumps(message)) for message, _ in messages)


class Endless:
    """A context of Lambda with time enough."""

    def get_remaining_time_in_millis(self) -> int:
        return 120_000


def in_this_process(shop: str) -> None:
    app = openapi.load("reconcile_inbox")
    line = Line()
    app.office = Office(app.office.runs, line)
    units, asked = watched(app.client), counted(app)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    started = time.perf_counter()
    run = begin(shop, Options(), "bench", plan=PlanOfShops(lambda _: ()), office=app.office, now=utc_now())
    pieces, longest = 0, 0.0
    while line.waiting:
        begun = time.perf_counter()
        app.attend(Endless(), line.waiting.popleft())
        longest = max(longest, time.perf_counter() - begun)
        pieces += 1
    seconds = time.perf_counter() - started
    counts = dict(units)  # without those of the report
    found = reports.report(run, runs=app.office.runs)
    told("one worker, one piece after the other", found, seconds)
    print(f"{'pieces':<24}{pieces:>10}   the longest took {longest:.1f} s")
    print(f"{'calls to the provider':<24}{sum(asked.values()):>10}   {dict(asked)}")
    print(f"{'read units':<24}{counts['read']:>10.0f}   {counts['read'] / found.counts.listed:.2f} per order")
    print(f"{'write units':<24}{counts['write']:>10.0f}   of which {found.counts.changed} orders were changed")
    print(f"{'memory':<24}{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024:>7} MB   {before} MB before it began", flush=True)


def by_the_queue(status: Json, shop: str) -> None:
    """The deployed functions: begun as an operator does it."""
    asked = {"shop": shop, "trigger": "bench"}
    functions = client_of("lambda", status["emulator_url"])
    started = time.perf_counter()
    reply = functions.invoke(FunctionName=status["functions"]["payments_reconcile"], Payload=json.dumps(asked).encode())
    answer = json.loads(reply["Payload"].read())
    runs = openapi.load("reconcile_inbox").office.runs
    run: Run | None = runs.run(shop, answer["runs"][shop])
    assert run is not None
    found = reports.report(run, runs=runs)
    while found.finished_at is None and time.perf_counter() < started + PATIENCE:
        time.sleep(1)
        found = reports.report(run, runs=runs)
    told("the deployed queue and its workers", found, time.perf_counter() - started)


def told(title: str, found: Report, seconds: float) -> None:
    counts = found.counts
    print(f"\n{title}: {'complete' if found.finished_at else 'NOT complete'}, {found.parts} of {found.planned} pieces written down")
    print(f"{'seconds':<24}{seconds:>10.1f}   {counts.checked / seconds:.0f} orders a second")
    print(f"{'orders':<24}{counts.listed:>10}   {dict(counts.results)} {dict(counts.skipped)}", flush=True)


def counted(app: Any) -> Counter[str]:
    """Calls to the sandbox, by their name."""
    calls: Counter[str] = Counter()
    make = app.providers.sandbox

    class Counted:
        def __init__(self, provider: Any) -> None:
            self._provider = provider

        def __getattr__(self, name: str) -> Any:
            found = getattr(self._provider, name)
            if callable(found):
                calls[name] += 1
            return found

    app.providers.sandbox = lambda: Counted(make())
    return calls


def watched(client: Any) -> dict[str, float]:
    """Units of every call from now on."""
    units = {"read": 0.0, "write": 0.0}

    def ask(params: Json, model: Any, **_: Any) -> Json:
        consistent[0] = bool(params.get("ConsistentRead", "RequestItems" in params))
        return {**params, "ReturnConsumedCapacity": "TOTAL"}

    def note(parsed: Json, model: Any, **_: Any) -> None:
        if model.name in {"GetItem", "Query", "BatchGetItem"}:
            units["read"] += sum(read_units(size, consistent=consistent[0]) for size in sizes(model.name, parsed))
            return
        told = parsed.get("ConsumedCapacity", [])
        units["write"] += sum(row["CapacityUnits"] for row in (told if isinstance(told, list) else [told]))

    consistent = [False]
    client.meta.events.register("provide-client-params.dynamodb.*", ask)
    client.meta.events.register("after-call.dynamodb.*", note)
    return units


def sizes(operation: str, parsed: Json) -> list[int]:
    """Of each thing that is rounded up by itself: an item, or a page of a query."""
    if operation == "GetItem":
        return [item_size(parsed["Item"]) if "Item" in parsed else 0]
    if operation == "Query":
        return [sum(map(item_size, parsed["Items"]))]
    return [item_size(item) for items in parsed["Responses"].values() for item in items]


if __name__ == "__main__":
    sys.exit(main())
