"""The life of orders, drawn at random: money in time, late, wrong or twice; goods picked, shipped, owed, sent back; refunds of
every kind, by us and by hand, slow ones and failed ones; disputes; staff, customers, providers and schedules in any order - under
faults. What the provider has of an order's money at the end is what the order says.

As `test_shop_life.py`, which is about the stock; here the shelves are simple and the orders are not.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from holdfast.catalogue.model import Kind, OnShortage
from holdfast.kernel.errors import HoldfastError
from holdfast.kernel.events import CUSTOMER, Actor
from holdfast.orders import events, machine, replay
from holdfast.orders.going_back import ReturnState
from holdfast.orders.model import Order, Status
from holdfast.orders.neighbours import FactKind
from holdfast.orders.refunding import Kind as RefundKind
from holdfast.payments.errors import PaymentStateConflict
from holdfast.payments.model import DisputeState, GivenState
from holdfast.payments.providers.sandbox.proxy import Action
from holdfast.tenants.model import LatePayment
from tests.memory.acquirer import Acquirer, AcquirerHouse, AcquirerStage
from tests.memory.acquirer_book import Mood
from tests.memory.audit import audit, audit_end
from tests.memory.engine import Memory
from tests.memory.faults import Fault, Faults, Killed, faulty
from tests.memory.house import HOLD, STAFF
from tests.memory.progress import progress
from tests.memory.stores import in_memory

SKUS = ("BOX", "KEY", "PEN")
wishes = st.dictionaries(st.sampled_from(SKUS), st.integers(1, 3), min_size=1)
units = st.dictionaries(st.sampled_from(SKUS), st.integers(1, 2), min_size=1)
faults = st.none() | st.none() | st.tuples(st.sampled_from(Fault), st.integers(1, 10))
actors = st.sampled_from([STAFF, STAFF, CUSTOMER])
identities = st.sampled_from(["one", "two", "three"])
STATES = {"o": DisputeState.OPEN, "u": DisputeState.UNDER_REVIEW, "l": DisputeState.LOST, "w": DisputeState.WON}
spilling = {"PAGE": 6, "TOO_MANY": 12}
"""Small pages, so that events move out of the orders here."""


class OrderLife(RuleBasedStateMachine):
    sessions, orders, hooks = Bundle("sessions"), Bundle("orders"), Bundle("hooks")

    def __init__(self) -> None:
        super().__init__()
        self.spill = patch.multiple(replay, **spilling)
        self.spill.start()

    @initialize(policy=st.sampled_from(LatePayment), grace=st.sampled_from([None, None, 3600]), mine=st.booleans(), boxes=st.integers(1, 6))
    def open_shop(self, policy: LatePayment, grace: int | None, mine: bool, boxes: int) -> None:
        self.memory = Memory()
        decided = {"late_grace_seconds": grace, "customer_cancel": "unfulfilled" if mine else "unpaid"}
        stores = replace(in_memory(self.memory), provider=Acquirer(self.memory))
        self.house = AcquirerHouse(stores, late_payment=policy, settings=decided)
        self.stage = AcquirerStage(self.memory, self.house)
        self.house.product("BOX", boxes, max_per_customer=30)
        self.house.product("KEY", 2, Kind.DIGITAL, OnShortage.BACKORDER)
        self.house.product("PEN", 3, Kind.PHYSICAL, OnShortage.BACKORDER, backorder_cap=9)
        self.before: dict[str, Order] = {}
        self.batches = 0

    # Shoppers.

    @rule(target=sessions, wishes=wishes)
    def shop_around(self, wishes: dict[str, int]) -> Any:
        return self.house.session(*wishes.items())

    @rule(target=orders, session=sessions, key=st.sampled_from(["first", "second"]), partial=st.booleans(), fault=faults)
    def place(self, session: Any, key: str, partial: bool, fault: Any) -> Any:
        placed = self.under(fault, lambda house: house.place(session, key, accept_partial=partial, body=str(partial)))
        return placed.order if placed else None

    @rule(
        target=orders,
        wishes=wishes,
        partial=st.booleans(),
        acts=st.lists(st.sampled_from([Action.PAY, Action.DECLINE, Action.EXPIRE]), max_size=2),
        told=st.booleans(),
    )
    def somebody_buys(self, wishes: dict[str, int], partial: bool, acts: list[Action], told: bool) -> Any:
        placed = self.under(None, lambda house: house.place(house.session(*wishes.items()), accept_partial=partial))
        for action in acts if placed else ():
            self.at_provider(placed.order, action)
            if told:
                self.under(None, lambda house: house.browser_returns(placed.order))
        return placed.order if placed else None

    @rule(
        target=orders,
        wishes=wishes,
        brought_to=st.sampled_from([None, Status.PACKED, Status.SHIPPED, Status.DELIVERED]),
        put_back=st.booleans(),
    )
    def somebody_bought(self, wishes: dict[str, int], brought_to: Status | None, put_back: bool) -> Any:
        """Paid and served, and what is there is on its way: most of what can happen to an order begins there."""
        order = self.under(None, lambda house: house.buy(*wishes.items(), accept_partial=True))
        if order is not None:
            self.under(None, lambda house: house.browser_returns(order))
            self.stage.run()
        for state in (Status.PICKING, Status.PACKED, Status.SHIPPED, Status.DELIVERED) if brought_to else ():
            self.to(order, None, lambda house, state=state: house.bring_to(order, state))
            if state is brought_to:
                break
        if brought_to is Status.PACKED and put_back:
            self.to(order, None, lambda house: house.bring_to(order, Status.PROCESSING))
        return order

    @rule(
        target=orders,
        wishes=wishes,
        partial=st.booleans(),
        extended=st.booleans(),
        passed=st.sampled_from([timedelta(minutes=1), timedelta(hours=2)]),
        swept=st.booleans(),
        others=st.booleans(),
        fault=faults,
    )
    def somebody_pays_late(
        self, wishes: dict[str, int], partial: bool, extended: bool, passed: timedelta, swept: bool, others: bool, fault: Any
    ) -> Any:
        """The hold runs out, perhaps others buy, and then the money comes."""
        order = self.under(None, lambda house: house.buy(*wishes.items(), accept_partial=partial))
        if order is None:
            return None
        if extended:
            self.under(None, lambda house: house.extend(order))
        self.house.now += HOLD * (2 if extended else 1) + passed
        if swept:
            self.house.sweep()
        if others:
            self.under(None, lambda house: house.browser_returns(house.buy(("BOX", 1), ("KEY", 1), ("PEN", 1))))
        self.under(fault, lambda house: house.browser_returns(order))
        return order

    @rule(order=orders, fault=faults)
    def extend(self, order: Order | None, fault: Any) -> None:
        self.to(order, fault, lambda house: house.extend(order))

    @rule(order=orders, actor=actors, fault=faults)
    def cancel(self, order: Order | None, actor: Actor, fault: Any) -> None:
        self.to(order, fault, lambda house: house.cancel(order, actor))

    @rule(order=orders, sku=st.sampled_from(["BOX", "PEN"]), count=st.integers(1, 2), identity=identities, actor=actors, fault=faults)
    def announce_a_return(self, order: Order | None, sku: str, count: int, identity: str, actor: Actor, fault: Any) -> None:
        self.to(order, fault, lambda house: house.send_back(order, {sku: count}, identity, actor))

    @rule(
        target=orders,
        sku=st.sampled_from(["BOX", "PEN"]),
        count=st.integers(1, 2),
        passed=st.sampled_from([0, 20]),
        actor=actors,
        written_off=st.integers(0, 1),
        refund=st.booleans(),
        fault=faults,
    )
    def somebody_sends_it_back(self, sku: str, count: int, passed: int, actor: Actor, written_off: int, refund: bool, fault: Any) -> Any:
        order = self.somebody_bought({sku: 2, "KEY": 1}, Status.DELIVERED, put_back=False)
        self.house.now += timedelta(days=passed)
        self.announce_a_return(order, sku, count, "one", actor, fault)
        self.a_return_comes(order, written_off, refund, fault)
        return order

    # Money.

    @rule(order=orders, action=st.sampled_from([*Action, Action.PAY, Action.PAY]))
    def at_provider(self, order: Order | None, action: Action) -> None:
        if order is not None:
            try:
                self.house.at_provider(order, action)
            except PaymentStateConflict:
                return

    @rule(
        target=orders,
        wishes=wishes,
        amount=st.sampled_from([1, 1500, 99_999]),
        passed=st.sampled_from([timedelta(0), HOLD + timedelta(minutes=1)]),
        cancelled=st.booleans(),
        accepted=st.sampled_from([None, True, True, False]),
        fault=faults,
    )
    def somebody_pays_another_amount(
        self, wishes: dict[str, int], amount: int, passed: timedelta, cancelled: bool, accepted: bool | None, fault: Any
    ) -> Any:
        placed = self.under(None, lambda house: house.place(house.session(*wishes.items()), accept_partial=True))
        if placed is None:
            return None
        self.house.pay_another_amount(placed.order, amount)
        if cancelled:
            self.cancel(placed.order, STAFF, None)
        self.under(None, lambda house: house.browser_returns(placed.order))
        self.house.now += passed
        if accepted is not None:
            self.a_person_decides_about_money(placed.order, accepted, fault)
        return placed.order

    @rule(target=hooks, order=orders)
    def webhook_arrives(self, order: Order | None) -> Any:
        if order is not None and self.house.stores.provider.status(order.payment.id).news != "pending":
            return self.house.webhook(order)
        return None

    @rule(order=orders, amount=st.sampled_from([1, 500, 1999, 3998]), charge=st.integers(0, 1))
    def somebody_gives_back_by_hand(self, order: Order | None, amount: int, charge: int) -> None:
        if order is not None:
            self.at_bank(order, lambda bank: bank.give_back(order.payment.id, amount, f"ch_{order.payment.id}_{charge}"))

    @rule(target=hooks, order=orders, elsewhere=st.booleans(), told=st.booleans())
    def somebody_pays_again(self, order: Order | None, elsewhere: bool, told: bool) -> Any:
        if order is None or not self.house.order(order).payment.captured:
            return None
        payment = order.payment.id
        if elsewhere:
            payment = self.house.bank.pay_elsewhere(order, order.amount)
        else:
            self.house.bank.come(payment, order.amount)
        return self.house.webhook(order, payment=payment) if told else None

    @rule(order=orders, state=st.sampled_from(DisputeState), amount=st.sampled_from([None, None, 500, 1999]))
    def the_customers_bank_speaks(self, order: Order | None, state: DisputeState, amount: int | None) -> None:
        if order is not None:
            self.at_bank(order, lambda bank: bank.dispute(order.payment.id, state, amount))

    @rule(
        target=orders,
        states=st.sampled_from(["o", "ou", "oul", "ow", "olw", "l", "uw"]),
        amount=st.sampled_from([None, None, 500]),
        refunded=st.booleans(),
        fault=faults,
    )
    def a_dispute_is_heard_of(self, states: str, amount: int | None, refunded: bool, fault: Any) -> Any:
        order = self.somebody_bought({"PEN": 1}, None, put_back=False)
        for letter in states if order is not None else "":
            self.the_customers_bank_speaks(order, STATES[letter], amount)
            self.browser_returns(order, fault)
            if refunded and letter == "o":
                self.refund(order, RefundKind.AMOUNT, "disputed", {}, 500, fault)
        return order

    @rule(mood=st.sampled_from([*Mood, Mood.DONE, Mood.DONE]))
    def the_provider_is(self, mood: Mood) -> None:
        self.house.bank.be(mood)

    @rule(order=orders, state=st.sampled_from([GivenState.DONE, GivenState.FAILED]), done_too=st.booleans())
    def money_on_its_way_ends(self, order: Order | None, state: GivenState, done_too: bool) -> None:
        """Its refund comes, or fails, perhaps after it was told to have come."""
        if order is not None:
            self.house.bank.ends(order.payment.id, state, done_too=done_too and state is GivenState.FAILED)

    @rule(order=orders, fault=faults)
    def staff_try_failed_refunds_again(self, order: Order | None, fault: Any) -> None:
        self.to(order, fault, lambda house: house.again(order))

    def at_bank(self, order: Order, act: Any) -> None:
        try:
            act(self.house.bank)
        except (PaymentStateConflict, KeyError):
            return

    @rule(event=hooks, fault=faults)
    def webhook_is_worked_at(self, event: Any, fault: Any) -> None:
        """Once, twice, at once or much later."""
        self.to(event, fault, lambda house: house.work_at(event))

    @rule(order=orders, fault=faults)
    def browser_returns(self, order: Order | None, fault: Any) -> None:
        self.to(order, fault, lambda house: house.browser_returns(order))

    @rule(order=orders, fault=faults)
    def news_of_another_payment(self, order: Order | None, fault: Any) -> None:
        self.to(order, fault, lambda house: house.settle(house.fact(order, FactKind.FAILED, payment="pay_other")))

    @rule(order=orders, accepted=st.booleans(), fault=faults)
    def a_person_decides_about_money(self, order: Order | None, accepted: bool, fault: Any) -> None:
        self.to(order, fault, lambda house: house.accept(order) if accepted else house.refuse(order))

    @rule(
        order=orders,
        kind=st.sampled_from(RefundKind),
        identity=identities,
        lines=units,
        amount=st.sampled_from([1, 500, 1999, 3998]),
        fault=faults,
    )
    def refund(self, order: Order | None, kind: RefundKind, identity: str, lines: dict[str, int], amount: int, fault: Any) -> None:
        what: dict[str, Any] = {"lines": lines} if kind is RefundKind.LINES else {"amount": amount} if kind is RefundKind.AMOUNT else {}
        self.to(order, fault, lambda house: house.refund(order, kind, identity, **what))

    @rule(order=orders, fault=faults)
    def give_up_the_debt(self, order: Order | None, fault: Any) -> None:
        self.to(order, fault, lambda house: house.refund(order, RefundKind.DEBT, "debt", CUSTOMER))

    @rule(order=orders, fault=faults)
    def finish_refunds(self, order: Order | None, fault: Any) -> None:
        self.to(order, fault, lambda house: house.finish_refunds(order))

    @rule(order=orders, fault=faults)
    def void(self, order: Order | None, fault: Any) -> None:
        self.to(order, fault, lambda house: house.void(order))

    # Goods.

    @rule(order=orders, fault=faults)
    def serve(self, order: Order | None, fault: Any) -> None:
        self.to(order, fault, lambda house: house.serve(order))

    @rule(sku=st.sampled_from(SKUS), fault=faults)
    def feed(self, sku: str, fault: Any) -> None:
        self.under(fault, lambda house: house.feed(sku))

    @rule(sku=st.sampled_from(["BOX", "PEN"]), count=st.integers(1, 4), fault=faults)
    def restock(self, sku: str, count: int, fault: Any) -> None:
        self.batches += 1
        document = f"note-{self.batches}"
        self.under(fault, lambda house: house.restock(sku, count, document))

    @rule(act=st.sampled_from(["revoke", "replace", "bring_back"]), place=st.integers(1, 3), fault=faults)
    def a_key_is_no_good(self, act: str, place: int, fault: Any) -> None:
        """Staff name a key by its id. Rows tell who has it, as soon as a worker has written them."""
        for order in self.stage.orders():
            self.house.index(order)
        for key in self.house.stores.fulfilment.vaults.keys(self.house.shop, "KEY", [place]):
            self.under(fault, lambda house, key=key: getattr(house, act)(key.id, f"{act}-{self.batches}"))

    @rule(count=st.integers(1, 3), fault=faults)
    def import_keys(self, count: int, fault: Any) -> None:
        self.batches += 1
        texts, batch = [f"{self.batches}-{number}" for number in range(count)], f"batch-{self.batches}"
        self.under(fault, lambda house: house.import_keys("KEY", texts, batch))

    @rule(order=orders, wanted=st.sampled_from(sorted(machine.BY_HAND)), actor=actors, fault=faults)
    def bring_to(self, order: Order | None, wanted: Status, actor: Actor, fault: Any) -> None:
        self.to(order, fault, lambda house: house.bring_to(order, wanted, actor))

    @rule(order=orders, choice=st.integers(0, 3), fault=faults)
    def bring_on(self, order: Order | None, choice: int, fault: Any) -> None:
        """One of the steps that the table has for it."""
        standing = self.house.order(order) if order is not None else None
        wanted = [state for state, step in machine.BY_HAND.items() if standing and machine.possible(standing, machine.TABLE[step])]
        if wanted:
            self.to(order, fault, lambda house: house.bring_to(order, wanted[choice % len(wanted)]))

    @rule(order=orders, written_off=st.integers(0, 1), refund=st.booleans(), fault=faults)
    def a_return_comes(self, order: Order | None, written_off: int, refund: bool, fault: Any) -> None:
        standing = self.house.order(order) if order is not None else None
        announced = [back for back in standing.returns if back.state is ReturnState.REQUESTED] if standing else []
        if announced:
            back = announced[0]
            lost = {sku: min(count, written_off) for sku, count in back.lines.items()}
            came = {sku: count - lost[sku] for sku, count in back.lines.items()}
            self.to(order, fault, lambda house: house.receive(order, back.id, restocked=came, written_off=lost, refund=refund))

    # Desk.

    @rule(order=orders, number=st.integers(0, 2), fault=faults)
    def edit(self, order: Order | None, number: int, fault: Any) -> None:
        changes = ({"email": "eve@example.com"}, {"phone": "+49123"}, {"notes": "ring twice", "email": "ada@example.com"})[number]
        self.to(order, fault, lambda house: house.edit(order, **changes))

    @rule(order=orders, identity=identities, fault=faults)
    def write_a_note(self, order: Order | None, identity: str, fault: Any) -> None:
        self.to(order, fault, lambda house: house.note(order, f"note {identity}", identity))

    @rule(order=orders, email=st.sampled_from([None, "eve@example.com"]), fault=faults)
    def resend(self, order: Order | None, email: str | None, fault: Any) -> None:
        self.to(order, fault, lambda house: house.resend(order, email=email))

    @rule(order=orders, identity=identities, fault=faults)
    def a_parcel_has_trouble(self, order: Order | None, identity: str, fault: Any) -> None:
        self.to(order, fault, lambda house: house.trouble(order, identity))

    # Time.

    @rule(target=orders, count=st.integers(4, 6), fault=faults)
    def somebody_waits_too_long(self, count: int, fault: Any) -> Any:
        order = self.somebody_bought({"PEN": count}, None, put_back=False)
        self.house.now += timedelta(hours=25)
        self.under(fault, lambda house: house.tell_delays())
        return order

    @rule(fault=faults)
    def sweep(self, fault: Any) -> None:
        self.under(fault, lambda house: house.sweep())

    @rule()
    def streams_and_queues_run(self) -> None:
        self.stage.run()

    @rule(passed=st.sampled_from([timedelta(seconds=11), HOLD, HOLD + timedelta(minutes=1), timedelta(hours=2)]))
    def time_goes_by(self, passed: timedelta) -> None:
        self.house.now += passed

    # What must be true.

    @invariant()
    def everything_adds_up(self) -> None:
        if hasattr(self, "memory"):
            audit(self.memory)

    @invariant()
    def no_order_goes_back_but_by_a_compensation(self) -> None:
        for order in self.stage.orders() if hasattr(self, "stage") else ():
            before = self.before.get(order.id)
            if before is not None and before.version != order.version:
                told = [event for event in self.house.stores.orders.timeline(order) if event.seq > before.seq]
                back = any(event.type in {step.event for step in machine.STEPS if step.back} for event in told)
                assert back or progress(order) >= progress(before), (before, order)
            self.before[order.id] = order

    def teardown(self) -> None:
        try:
            if hasattr(self, "stage"):
                self.house.bank.be(Mood.DONE)
                self.the_banks_decide()
                self.stage.settle_down()
                self.a_person_clears_the_desk()
                self.stage.settle_down()
                audit_end(self.memory)
                SEEN.update(event.type for order in self.stage.orders() for event in self.house.stores.orders.timeline(order))
        finally:
            self.spill.stop()

    def the_banks_decide(self) -> None:
        for book in self.house.bank.books():
            self.house.bank.ends(book.id, GivenState.DONE)
            for dispute in book.disputes.values():
                if dispute.state in {DisputeState.OPEN, DisputeState.UNDER_REVIEW}:
                    self.house.bank.dispute(book.id, DisputeState.WON)

    def a_person_clears_the_desk(self) -> None:
        """Money that did not match waits for nobody else."""
        for order in self.stage.orders():
            self.to(order, None, lambda house, order=order: house.refuse(order))
            self.to(order, None, lambda house, order=order: house.again(order))

    def to(self, thing: Any, fault: Any, act: Any) -> Any:
        """As `under`, to something that an earlier step may have failed to make."""
        return self.under(fault, act) if thing is not None else None

    def under(self, fault: tuple[Fault, int] | None, act: Any) -> Any:
        """A step as somebody's process: it may die, be refused or be cut off, and nobody repeats it for him."""
        stores = faulty(self.house.stores, Faults(*fault)) if fault else self.house.stores
        try:
            return act(replace(self.house, stores=stores))
        except (Killed, HoldfastError):
            return None


SEEN: set[str] = set()
"""Events that happened in any of the lives."""


def test_orders_live_and_nothing_is_lost() -> None:
    bounded = settings(max_examples=320, stateful_step_count=40, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(OrderLife, settings=bounded)
    assert set(events.ALL) - SEEN == set(), "what never happened was not tried"
