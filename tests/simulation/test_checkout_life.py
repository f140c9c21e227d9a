"""One shopper in many tabs: sessions are changed, tried, resumed and abandoned in any order, under faults, while the shop changes its mind.

Whatever happens: what an order says is what was held for it and what its session told, and of each checkout one order at most waits
for money.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, precondition, rule

from holdfast.catalogue.model import Kind, OnShortage
from holdfast.kernel.errors import HoldfastError
from holdfast.kernel.money import Money
from holdfast.orders import pricing, rules
from holdfast.orders.checkout import Placed
from holdfast.orders.model import Order, Status
from holdfast.orders.session import Session
from holdfast.orders.sessions import SESSION_LIFE
from holdfast.payments.providers.sandbox.proxy import Action
from tests.memory.audit import audit, audit_end
from tests.memory.backstage import Backstage
from tests.memory.engine import Memory
from tests.memory.faults import Fault, Faults, Killed, faulty
from tests.memory.house import HOLD, House
from tests.memory.samples import ADDRESS
from tests.memory.shoppers import abandon, change, resume, start
from tests.memory.stores import in_memory

SKUS = ("BOX", "PEN", "SET")
RATE = {"id": "parcel", "title": "Parcel", "countries": ("DE",), "by": "weight", "bands": ({"up_to": 2000, "amount": 495},)}
TAX = {"countries": ("*",), "rates": {"standard": 1900}, "shipping": True}
TERMS = (
    {},
    {"shipping": (RATE,)},
    {"taxes": (TAX,)},
    {"shipping": (RATE,), "taxes": (TAX,), "prices_include_tax": True, "partial": "never"},
)
wishes = st.dictionaries(st.sampled_from(SKUS), st.integers(1, 4), min_size=1).map(lambda cart: tuple(cart.items()))
addresses = st.sampled_from([None, ADDRESS, ADDRESS.model_copy(update={"country": "FR"})])
KEYS = st.sampled_from(["first", "second"])
faults = st.none() | st.tuples(st.sampled_from(Fault), st.integers(1, 10))
given = st.fixed_dictionaries(
    {},
    optional={
        "lines": wishes,
        "address": addresses,
        "notes": st.sampled_from([None, "Ring twice"]),
        "email": st.sampled_from([None, "a@b.de"]),
    },
)


class DiesBeforeItsOrder(Faults):
    """What was held has no order: whoever comes next finds the lock of a try that is not there any more."""

    def __init__(self) -> None:
        super().__init__(Fault.KILLED_BEFORE, 0)

    def __call__(self, name: str, effect: Callable[[], Any]) -> Any:
        if name == "add":
            raise Killed
        return effect()


class CheckoutLife(RuleBasedStateMachine):
    sessions = Bundle("sessions")

    @initialize(units=st.integers(0, 5), terms=st.sampled_from(TERMS))
    def open_shop(self, units: int, terms: dict[str, Any]) -> None:
        self.memory = Memory()
        self.house = House(in_memory(self.memory), settings=terms)
        self.stage = Backstage(self.memory, self.house)
        self.house.product("BOX", units, weight_grams=400)
        self.house.product("PEN", 1, Kind.PHYSICAL, OnShortage.BACKORDER, backorder_cap=4, weight_grams=10)
        self.house.product("SET", 9, max_per_customer=5, weight_grams=100)
        self.versions: dict[str, int] = {}

    @precondition(lambda self: len(self.versions) < 2)  # few, so that much happens to each
    @rule(target=sessions, lines=wishes, address=addresses)
    def begins(self, lines: Any, address: Any) -> Any:
        return self.under(None, lambda house: start(house, *lines, address=address).session)

    @rule(session=sessions, what=given, seen=st.booleans(), fault=faults)
    def changes(self, session: Session | None, what: dict[str, Any], seen: bool, fault: Any) -> None:
        if session is not None:
            expected = session.version if seen else None
            self.under(fault, lambda house: change(house, session, expected, **what))

    @rule(session=sessions, key=KEYS, partial=st.booleans(), fault=faults)
    def tries(self, session: Session | None, key: str, partial: bool, fault: Any) -> None:
        if session is None:
            return
        told = self.house.stores.sessions.get(self.house.shop, session.id)
        placed = self.under(fault, lambda house: house.place(session, key, accept_partial=partial, body=str(partial)))
        if isinstance(placed, Placed) and not placed.replayed:
            assert told is not None
            self.as_told(placed.order, told)

    @rule(session=sessions, key=KEYS, partial=st.booleans())
    def a_try_dies(self, session: Session | None, key: str, partial: bool) -> None:
        if session is not None:
            house = replace(self.house, stores=faulty(self.house.stores, DiesBeforeItsOrder()))
            self.under(None, lambda _: house.place(session, key, accept_partial=partial, body=str(partial)))
            self.house.now += timedelta(seconds=11)  # nobody takes it for being under way

    @rule(session=sessions)
    def comes_back(self, session: Session | None) -> None:
        if session is None:
            return
        found = self.under(None, lambda house: resume(house, session))
        if found is not None and found.order is not None:
            assert found.order == self.house.order(found.order)
            assert found.order.session == session.id

    @rule(session=sessions, fault=faults)
    def leaves(self, session: Session | None, fault: Any) -> None:
        if session is not None:
            self.under(fault, lambda house: abandon(house, session))

    @rule(fault=faults)
    def somebody_pays(self, fault: Any) -> None:
        for order in self.stage.orders():
            if order.status is Status.PENDING_PAYMENT:
                self.house.at_provider(order, Action.PAY)
                self.under(fault, lambda house, order=order: house.browser_returns(order))  # type: ignore[misc]
                return

    @rule(sku=st.sampled_from(SKUS), amount=st.integers(1, 5000))
    def the_price_changes(self, sku: str, amount: int) -> None:
        made = self.house.stores.products.get(self.house.shop, sku)
        assert made is not None
        dearer = made.model_copy(update={"price": Money(amount=amount, currency="EUR"), "version": made.version + 1})
        self.house.stores.products.save(dearer, over=made.version)

    @rule(terms=st.sampled_from(TERMS))
    def the_shop_decides_anew(self, terms: dict[str, Any]) -> None:
        self.house.settings = terms

    @rule()
    def streams_and_queues_run(self) -> None:
        self.stage.run()

    @rule(passed=st.sampled_from([timedelta(seconds=1), timedelta(seconds=11), HOLD + timedelta(minutes=1), SESSION_LIFE]))
    def time_goes_by(self, passed: timedelta) -> None:
        self.house.now += passed

    def as_told(self, order: Order, told: Session) -> None:
        assert (order.totals, order.address, order.email, order.notes) == (told.totals, told.address, told.email, told.notes)
        assert [(line.sku, line.quantity, line.unit_price, line.tax) for line in order.lines] == [
            (line.sku, line.quantity, line.unit_price, line.tax) for line in told.lines
        ]
        assert told.obstacle is None

    @invariant()
    def everything_adds_up(self) -> None:
        audit(self.memory)

    @invariant()
    def an_order_has_what_was_held_for_it(self) -> None:
        for order in self.stage.orders():
            for line in order.lines:
                assert (
                    line.allocated == line.quantity or rules.may_be_partial(line, order.accept_partial) or order.paid_at or not order.hold
                )
            shipping_tax = order.totals.tax.amount - sum(line.tax for line in order.lines)
            added = 0 if order.totals.tax_included else order.totals.tax.amount
            assert 0 <= shipping_tax <= order.totals.shipping.amount
            assert order.totals.total.amount == order.totals.subtotal.amount + order.totals.shipping.amount + added

    @invariant()
    def one_order_of_a_checkout_waits_for_money(self) -> None:
        """But for one whose hold ran out, or whose worker died before it ended the earlier try: that one has no stock any more."""
        waiting = [order for order in self.stage.orders() if order.status is Status.PENDING_PAYMENT and order.hold is not None]
        held = {(lock.order, lock.owner) for lock in self.memory.of("lock", self.house.shop) if lock.sale is None}
        holding = [order.session for order in waiting if (order.id, order.session) in held]
        assert len(holding) == len(set(holding))

    @invariant()
    def a_session_is_what_it_says(self) -> None:
        for session in self.memory.of("session", self.house.shop):
            assert session.version >= self.versions.get(session.id, 1)
            self.versions[session.id] = session.version
            assert session.totals.subtotal.amount == sum(map(pricing.amount, session.lines))
            assert len({line.sku for line in session.lines}) == len(session.lines)

    def teardown(self) -> None:
        if hasattr(self, "stage"):
            self.house.settings = {}
            self.stage.settle_down()
            audit_end(self.memory)

    def under(self, fault: tuple[Fault, int] | None, act: Any) -> Any:
        """A step as somebody's process: it may die, be refused or be cut off, and nobody repeats it for him."""
        house = replace(self.house, stores=faulty(self.house.stores, Faults(*fault))) if fault else self.house
        try:
            return act(house)
        except (HoldfastError, Killed):
            return None


TestCheckoutLife = CheckoutLife.TestCase
TestCheckoutLife.settings = settings(
    max_examples=300, stateful_step_count=40, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck), print_blob=False
)
