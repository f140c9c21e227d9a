"""A shop's life, drawn at random: buyers, webhooks once or twice or never, sweeps, restocks, cancellations, refunds, faults.

Hypothesis looks for a sequence after which an invariant does not hold, and shows the shortest one.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from holdfast.catalogue.model import Kind, OnShortage
from holdfast.kernel.errors import HoldfastError
from holdfast.orders.model import Order, Status
from holdfast.payments.errors import PaymentStateConflict
from holdfast.payments.providers.sandbox.proxy import Action
from holdfast.stock import layout
from holdfast.stock.model import MAIN, Place
from holdfast.tenants.model import LatePayment
from tests.memory.audit import audit, audit_end
from tests.memory.backstage import Backstage
from tests.memory.engine import Memory
from tests.memory.faults import Fault, Faults, Killed, faulty
from tests.memory.house import GRACE, HOLD, House
from tests.memory.stores import in_memory
from tests.unit.stock.acts import adjust, put, transfer

SKUS = ("BOX", "KEY", "PEN", "SET")
IN_PARTS = ("PEN", "SET")
ENDS = {Status.CANCELLED, Status.REFUNDED, Status.COMPLETED}
faults = st.none() | st.tuples(st.sampled_from(Fault), st.integers(1, 12))


class ShopLife(RuleBasedStateMachine):
    sessions, orders, hooks = Bundle("sessions"), Bundle("orders"), Bundle("hooks")

    @initialize(policy=st.sampled_from(LatePayment), units=st.integers(0, 4))
    def open_shop(self, policy: LatePayment, units: int) -> None:
        self.memory = Memory()
        self.house = House(in_memory(self.memory), late_payment=policy)
        self.stage = Backstage(self.memory, self.house)
        self.batches = 0
        self.house.product("BOX", units)
        self.house.product("KEY", units, Kind.DIGITAL, OnShortage.BACKORDER)
        self.house.product("PEN", 1, Kind.PHYSICAL, OnShortage.BACKORDER, backorder_cap=4)
        self.house.product("SET", 0, max_per_customer=9)
        for sku, shards in (("SET", 3), ("PEN", 2)):
            self.house.shards(sku, shards)
            layout.place(self.house.shop, sku, [Place(name="berlin")], store=self.house.stores.stock)
        for part in ("0", "2", "berlin"):
            put(self.house, "SET", 1, part)
        self.states: dict[str, Status] = {}

    @rule(target=sessions, wishes=st.dictionaries(st.sampled_from(SKUS), st.integers(1, 3), min_size=1))
    def shop_around(self, wishes: dict[str, int]) -> Any:
        return self.house.session(*wishes.items())

    @rule(target=orders, session=sessions, key=st.sampled_from(["first", "second"]), partial=st.booleans(), fault=faults)
    def place(self, session: Any, key: str, partial: bool, fault: Any) -> Any:
        placed = self.under(fault, lambda house: house.place(session, key, accept_partial=partial, body=str(partial)))
        return placed.order if placed else None

    @rule(target=orders, wishes=st.dictionaries(st.sampled_from(SKUS), st.integers(1, 3), min_size=1), partial=st.booleans())
    def somebody_buys(self, wishes: dict[str, int], partial: bool) -> Any:
        return self.under(None, lambda house: house.buy(*wishes.items(), accept_partial=partial))

    @rule(order=orders, action=st.sampled_from(Action))
    def at_provider(self, order: Order | None, action: Action) -> None:
        if order is not None and (action is not Action.REFUND or self.house.order(order).paid_at):
            try:
                self.house.at_provider(order, action)
            except PaymentStateConflict:
                return

    @rule(target=hooks, order=orders, amount=st.sampled_from([None, None, None, 1]))
    def webhook_arrives(self, order: Order | None, amount: int | None) -> Any:
        if order is not None and self.house.stores.provider.status(order.payment.id).news != "pending":
            return self.house.webhook(order, amount=amount)
        return None

    @rule(event=hooks, fault=faults)
    def webhook_is_worked_at(self, event: Any, fault: Any) -> None:
        if event is not None:
            self.under(fault, lambda house: house.work_at(event))

    @rule(order=orders, fault=faults)
    def browser_returns(self, order: Order | None, fault: Any) -> None:
        if order is not None:
            self.under(fault, lambda house: house.browser_returns(order))

    @rule(order=orders, fault=faults)
    def cancel(self, order: Order | None, fault: Any) -> None:
        if order is not None:
            self.under(fault, lambda house: house.cancel(order))

    @rule(order=orders, fault=faults)
    def extend(self, order: Order | None, fault: Any) -> None:
        if order is not None:
            self.under(fault, lambda house: house.extend(order))

    @rule(fault=faults)
    def sweep(self, fault: Any) -> None:
        self.under(fault, lambda house: house.sweep())

    @rule(sku=st.sampled_from(["BOX", "PEN", "SET"]), units=st.sampled_from([1, 2, 3, 31]), fault=faults)
    def restock(self, sku: str, units: int, fault: Any) -> None:
        self.batches += 1
        document = f"note-{self.batches}"
        self.under(fault, lambda house: house.restock(sku, units, document))

    @rule(sku=st.sampled_from(IN_PARTS), shards=st.integers(1, 5), fault=faults)
    def resize(self, sku: str, shards: int, fault: Any) -> None:
        self.under(fault, lambda house: layout.resize(house.shop, sku, shards, pinned=False, store=house.stores.stock, now=house.now))

    @rule(sku=st.sampled_from(IN_PARTS), fault=faults)
    def settle_the_layout(self, sku: str, fault: Any) -> None:
        self.under(fault, lambda house: layout.settle(house.shop, sku, store=house.stores.stock, grace=GRACE, now=house.now))

    @rule(sku=st.sampled_from(["BOX", *IN_PARTS]), delta=st.integers(-3, 3), exact=st.booleans(), fault=faults)
    def adjust(self, sku: str, delta: int, exact: bool, fault: Any) -> None:
        self.batches += 1
        identity, expected = f"count-{self.batches}", self.house.free(sku) if exact else None
        self.under(fault, lambda house: adjust(house, sku, delta, identity, expected=expected))

    @rule(sku=st.sampled_from(IN_PARTS), units=st.integers(1, 3), there=st.booleans(), fault=faults)
    def transfer(self, sku: str, units: int, there: bool, fault: Any) -> None:
        self.batches += 1
        ends = (MAIN, "berlin") if there else ("berlin", MAIN)
        identity = f"van-{self.batches}"
        self.under(fault, lambda house: transfer(house, sku, units, *ends, identity))

    @rule(sku=st.sampled_from(["BOX", *IN_PARTS]), units=st.integers(0, 2), fault=faults)
    def keep_back(self, sku: str, units: int, fault: Any) -> None:
        self.under(fault, lambda house: layout.keep_back(house.shop, sku, units, store=house.stores.stock, grace=GRACE, now=house.now))

    @rule(keys=st.integers(1, 3), fault=faults)
    def import_keys(self, keys: int, fault: Any) -> None:
        self.batches += 1
        texts, batch = [f"{self.batches}-{number}" for number in range(keys)], f"batch-{self.batches}"
        self.under(fault, lambda house: house.import_keys("KEY", texts, batch))

    @rule(sku=st.sampled_from(SKUS), fault=faults)
    def feed(self, sku: str, fault: Any) -> None:
        self.under(fault, lambda house: house.feed(sku))

    @rule(order=orders, fault=faults)
    def serve(self, order: Order | None, fault: Any) -> None:
        if order is not None:
            self.under(fault, lambda house: house.serve(order))

    @rule()
    def streams_and_queues_run(self) -> None:
        self.stage.run()

    @rule(passed=st.sampled_from([timedelta(seconds=1), timedelta(seconds=11), HOLD, HOLD + timedelta(minutes=1)]))
    def time_goes_by(self, passed: timedelta) -> None:
        self.house.now += passed

    @invariant()
    def everything_adds_up(self) -> None:
        audit(self.memory)

    @invariant()
    def no_state_goes_backwards(self) -> None:
        for order in self.stage.orders():
            before = self.states.get(order.id)
            if before in ENDS - {order.status}:
                assert order.status is Status.REFUNDED, (before, order)
            self.states[order.id] = order.status
            assert [event.seq for event in order.events] == list(range(1, len(order.events) + 1))

    def teardown(self) -> None:
        if hasattr(self, "stage"):
            self.stage.settle_down()
            audit_end(self.memory)

    def under(self, fault: tuple[Fault, int] | None, act: Any) -> Any:
        """A step as somebody's process: it may die, be refused or be cut off, and nobody repeats it for him."""
        stores = faulty(self.house.stores, Faults(*fault)) if fault else self.house.stores
        try:
            return act(replace(self.house, stores=stores))
        except (Killed, HoldfastError):
            return None


ShopLife.TestCase.settings = settings(
    max_examples=500, stateful_step_count=40, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck), print_blob=False
)
TestShopLife = ShopLife.TestCase
