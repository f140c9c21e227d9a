"""What an order costs in DynamoDB's write units, counted from the real sizes of everything that the real stores send.

Transactions count twice, indexes count, refused conditions would. The sandbox's own book does not: it stands for a provider outside.
Each member has the length that it has in life: addresses, ids, fingerprints of bodies, request ids, pay links, titles.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from holdfast.catalogue.model import OnShortage
from holdfast.kernel.ids import born_at
from holdfast.kernel.time import rfc3339
from holdfast.orders import checkout, indexing, sessions
from holdfast.orders.model import Order
from holdfast.orders.session import Session
from holdfast.payments.model import ProviderEvent
from holdfast.payments.providers.sandbox import Sandbox
from holdfast.payments.providers.sandbox.proxy import Action, SandboxBook
from holdfast.payments.providers.sandbox.settings import SandboxConfig
from holdfast.platform.dynamo import Table
from holdfast.wiring.search import VaultsForSearch
from infra.simulator import template
from infra.simulator.dynamo import Client
from infra.simulator.sizes import WRITE_UNIT, item_size
from infra.simulator.tables import Charge, Judged
from tests.memory.house import HOLD, House
from tests.memory.samples import ADDRESS
from tests.memory.stores import on_dynamo
from tests.unit.stock.acts import hold, lock_at, release, wish

FINGERPRINT = "ce1d39ffdd875cdb002d08e3ccd7e146"
REQUEST = "5e1f7a3c-9d0b-4c68-8a51-2f4f3a6f0d11"
PAY_URL = "https://d111111abcdef8.cloudfront.net/pay"
BOOK = "BOOK"
"""The sandbox's own."""


@dataclass
class Meter:
    """Write units by table and index; `sizes` of the largest item of each kind that was written."""

    names: dict[str, str]
    units: Counter[str] = field(default_factory=Counter)
    sizes: Counter[str] = field(default_factory=Counter)

    def changed(self, judged: Judged, commit: int) -> None:
        del commit
        if judged.after is not None:
            kind = str(judged.key[1])
            self.sizes[kind] = max(self.sizes[kind], item_size(judged.after.item))

    def charged(self, charges: Sequence[Charge], operation: str) -> None:
        del operation
        for charge in charges:
            if charge.write and charge.sort != BOOK:
                table = next(logical for logical, name in self.names.items() if name == charge.table)
                self.units[table + (f".{charge.index}" if charge.index else "")] += int(charge.units)

    @contextmanager
    def counted(self) -> Iterator[Counter[str]]:
        """The units of what happens within."""
        before, found = self.units.copy(), Counter[str]()
        yield found
        found.update(self.units - before)


@dataclass
class Shop:
    house: House
    meter: Meter

    def order(self, skus: int, *, quantity: int = 2, **policies: Any) -> tuple[Order, dict[str, Counter[str]]]:
        """From the cart to the paid order; the units of each step."""
        names = [f"POSTER-{number:03d}" for number in range(skus)]
        for name in names:
            self.house.product(name, 100, **policies)
        steps: dict[str, Counter[str]] = {}
        session = self._step(steps, "session", lambda: self._session([(name, quantity) for name in names]))
        order: Order = self._step(steps, "place", lambda: self._place(session))
        self.house.at_provider(order, Action.PAY)
        event: ProviderEvent = self._step(steps, "payment", lambda: self._webhook(order))
        self._step(steps, "confirm", lambda: self.house.work_at(event))
        return order, steps

    def queued(self, sku: str, quantity: int = 1) -> Order:
        """Paid, and what it wants is not there."""
        order = self._place(self._session([(sku, quantity)]), accept_partial=True)
        self.house.at_provider(order, Action.PAY)
        self.house.browser_returns(order)
        self.house.serve(order)
        self.house.now += timedelta(milliseconds=5)
        return order

    def _step(self, steps: dict[str, Counter[str]], name: str, act: Callable[[], Any]) -> Any:
        with self.meter.counted() as steps[name]:
            return act()

    def _session(self, lines: Sequence[tuple[str, int]]) -> Session:
        command = sessions.StartCheckout(shop=self.house.shop, lines=tuple(lines), email="ada.lovelace@example.com", address=ADDRESS)
        return sessions.start(command, sessions=self.house.stores.sessions, world=self.house.session_world).session

    def _place(self, session: Session, accept_partial: bool = False) -> Order:
        command = checkout.PlaceOrder(
            shop=self.house.shop,
            session=session.id,
            identity="3f2504e0-4f89-41d3-9a0c-0305e82c3301",
            fingerprint=FINGERPRINT,
            provider="sandbox",
            accept_partial=accept_partial,
            request_id=REQUEST,
        )
        placed = checkout.place(
            command,
            born_at(session.id),
            orders=self.house.stores.orders,
            sessions=self.house.stores.sessions,
            stock=self.house.stock_for_orders,
            payments=self.house.payments_for_orders,
            policies=self.house.policies,
            now=self.house.now,
        )
        return placed.order

    def _webhook(self, order: Order) -> ProviderEvent:
        """As long as the sandbox's is."""
        told = {"payment_id": order.payment.id, "order_id": order.id, "shop": order.shop, "amount": order.amount, "status": "succeeded"}
        raw = str({"id": f"evt_sandbox_{order.payment.id}_succeeded", "created_at": rfc3339(self.house.now), "data": told})
        event = self.house.webhook(order)
        return event.model_copy(update={"raw": raw})


@pytest.fixture
def shop() -> Shop:
    client = Client()
    names = template.create(client, "capacity")
    stores = on_dynamo(client, names)  # type: ignore[arg-type]  it has what is called
    book = SandboxBook(Table(client, names["Payments"]))  # type: ignore[arg-type]
    stores.provider = Sandbox(book, SandboxConfig(pay_url=PAY_URL, secret=lambda: "secret"))
    meter = Meter(names)
    client.watchers.append(meter)
    return Shop(House(stores, "poster-shop"), meter)


def held(shop: Shop, lock: str, *quantities: int, **more: Any) -> Counter[str]:
    with shop.meter.counted() as units:
        hold(shop.house, lock, *[wish(sku, quantity) for sku, quantity in zip("ABCDE", quantities, strict=False)], **more)
    return units


@pytest.mark.parametrize("lines", [1, 2, 3, 5])
def test_a_hold_is_a_unit_per_line_its_document_and_one_index_entry(shop: Shop, lines: int) -> None:
    for sku in "ABCDE"[:lines]:
        shop.house.product(sku, 10)
    assert held(shop, "lck-1", *[2] * lines) == {"Stock": lines, "Locks": 1, "Locks.by_expiry": 1}


def test_a_hold_in_one_of_many_shards_costs_no_more(shop: Shop) -> None:
    shop.house.product("A", 640)
    shop.house.shards("A", 16)
    hold(shop.house, lock_at(3, 16), wish("A", 1))
    for shard in range(16):
        assert held(shop, lock_at(shard, 16, start=1000), 1) == {"Stock": 1, "Locks": 1, "Locks.by_expiry": 1}


def test_a_release_costs_what_the_hold_did_and_the_news_for_those_who_wait(shop: Shop) -> None:
    shop.house.product("A", 10)
    held(shop, "lck-1", 2)
    with shop.meter.counted() as units:
        release(shop.house, "lck-1")
    assert units == {"Stock": 2, "Locks": 1, "Locks.by_expiry": 1}


def test_a_dead_hold_is_taken_over_for_nothing(shop: Shop) -> None:
    shop.house.product("A", 1)
    hold(shop.house, "dead", wish("A", 1))
    shop.house.now += HOLD + timedelta(minutes=1)
    assert held(shop, "lck-1", 1)["Stock"] == 2  # one that finds too little, one that takes both


# 24 for one line and 3 N + 21 for N, with SKUs and titles of this length. Three of them are the index by_status: an entry when the
# order is placed, one that goes and one that comes when it is paid; three are the inbox's by_state, likewise: the event came, and was
# applied. Beyond five lines the session, the lock and the order outgrow
# their kilobytes, and each kilobyte of the order is paid for three times.
BOUNDS = {1: 24, 2: 27, 3: 30, 5: 36}
LARGER = {10: 60, 24: 112}


@pytest.mark.parametrize("lines", BOUNDS)
def test_an_order_complete(shop: Shop, lines: int) -> None:
    _, steps = shop.order(lines)
    total = sum(sum(units.values()) for units in steps.values())
    assert total <= BOUNDS[lines], steps
    assert BOUNDS[lines] == 3 * lines + 21


@pytest.mark.parametrize("lines", LARGER)
def test_a_large_order_costs_no_more_than_it_did(shop: Shop, lines: int) -> None:
    _, steps = shop.order(lines)
    assert sum(sum(units.values()) for units in steps.values()) <= LARGER[lines], steps


def test_where_the_units_of_one_line_go(shop: Shop) -> None:
    _, steps = shop.order(1)
    assert steps == {
        "session": {"Orders": 1},
        "place": {"Locks": 1, "Locks.by_expiry": 1, "Stock": 1, "Orders": 2, "Orders.by_shop": 1, "Orders.by_status": 1},
        "payment": {"Payments": 1, "Payments.by_state": 1},
        "confirm": {
            "Orders": 4,
            "Orders.by_status": 2,
            "Stock": 2,
            "Locks": 2,
            "Locks.by_expiry": 1,
            "Payments": 1,
            "Payments.by_state": 2,
        },
    }


def test_what_it_costs_to_be_found(shop: Shop) -> None:
    """Its number, its payment, its address and its SKU, and the list of them, in one transaction; off the sale's path, by a worker."""
    order, _ = shop.order(1)
    stores = shop.house.stores
    world: dict[str, Any] = {"search": stores.search, "orders": stores.orders, "vaults": VaultsForSearch(stores.fulfilment, stores.orders)}
    costs = []
    for _ in range(2):
        with shop.meter.counted() as units:
            indexing.index(order.shop, order.id, **world)
        costs.append(dict(units))
    assert costs == [{"Orders": 10}, {}]


def test_promises_and_limits_cost_a_unit_each_and_two_when_they_are_used(shop: Shop) -> None:
    _, plain = shop.order(1)
    shop.house.shop = "limited-shop"
    _, limited = shop.order(1, on_shortage=OnShortage.BACKORDER, max_per_customer=5)
    more = {step: sum(limited[step].values()) - sum(plain[step].values()) for step in plain}
    assert more == {"session": 0, "place": 3, "payment": 0, "confirm": 2}  # the pool is opened: asked in vain, made, taken from


# How items grow.


ENTRY = 27
"""Bytes of a live lock in its level: a name of ten letters, one quantity, one expiry."""


def level_size(shop: Shop, sku: str, part: str = "0") -> int:
    table: Any = shop.house.stores.stock.levels._table  # type: ignore[attr-defined]
    answer = table.client.get_item(TableName=table.name, Key={"pk": {"S": f"{shop.house.shop}#{sku}#{part}"}, "sk": {"S": "LEVEL"}})
    return item_size(answer["Item"])


def test_a_live_lock_is_few_bytes_and_thirty_of_them_fit_into_a_unit(shop: Shop) -> None:
    shop.house.product("POSTER-RED", 1000)
    sizes = [level_size(shop, "POSTER-RED")]
    for number in range(60):
        hold(shop.house, f"lck-{number}", wish("POSTER-RED", 2))
        sizes.append(level_size(shop, "POSTER-RED"))
    assert all(after - before <= ENTRY for before, after in pairwise(sizes))
    assert sizes[30] <= WRITE_UNIT
    assert sizes[60] <= 2 * WRITE_UNIT  # from there on a SKU grows


def test_what_is_written_per_line(shop: Shop) -> None:
    """The largest item of each kind, and what a line more adds to it: titles of fourteen letters."""
    sizes = {}
    for lines in (1, 2, 5, 10):
        shop.meter.sizes.clear()
        shop.order(lines)
        sizes[lines] = dict(shop.meter.sizes)
    assert {kind for kind, size in sizes[1].items() if size > WRITE_UNIT} == {"ORDER"}
    assert sizes[1]["ORDER"] <= 2 * WRITE_UNIT
    per_line = {kind: (sizes[10][kind] - sizes[5][kind]) / 5 for kind in ("SESSION", "LOCK", "ORDER")}
    assert all(per_line[kind] <= most for kind, most in (("SESSION", 115), ("LOCK", 145), ("ORDER", 130))), per_line
