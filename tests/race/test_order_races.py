"""One order per wish, one payment per order, one key per unit, one mail per event - however many ask at once."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from holdfast.catalogue.model import Kind, OnShortage
from holdfast.fulfilment import rules
from holdfast.fulfilment.errors import VaultMoved
from holdfast.fulfilment.importing import Imported
from holdfast.kernel.errors import HoldfastError, IdempotencyKeyInFlight
from holdfast.orders.checkout import Placed
from holdfast.orders.model import Order, Status
from holdfast.orders.settlement import Outcome, Settled
from holdfast.payments.model import EventState
from holdfast.platform.idempotency import LEASE, IdempotencyKey
from holdfast.stock.errors import NotTaken
from holdfast.stock.model import Entry, LevelKey
from tests.memory import samples
from tests.memory.engine import Memory
from tests.memory.house import GRACE, HOLD, House
from tests.memory.stores import in_memory
from tests.memory.threads import just_before, meet, together

Careless = Callable[..., House]
Act = Callable[[House], Any]


def a_millisecond_apart(house: House, acts: list[Act]) -> list[Callable[[], Any]]:
    """Each worker has a clock of its own."""
    houses = [replace(house, now=house.now + timedelta(milliseconds=number)) for number in range(len(acts))]
    return [lambda act=act, own=own: act(own) for act, own in zip(acts, houses, strict=True)]  # type: ignore[misc]


# Placing.


def test_one_key_from_twenty_threads_is_one_order(house: House) -> None:
    house.product("A", 30)
    session = house.session(("A", 2))
    answers = together(a_millisecond_apart(house, [lambda own: own.place(session)] * 20))
    placed = [answer for answer in answers if isinstance(answer, Placed)]
    assert all(isinstance(answer, Placed | IdempotencyKeyInFlight) for answer in answers)
    assert len({answer.order.model_dump_json() for answer in placed}) == 1
    assert (house.level("A").available, house.level("A").locked) == (28, 2)


def test_without_one_key_each_thread_holds_its_own(house: House) -> None:
    house.product("A", 30)
    sessions = [house.session(("A", 2)) for _ in range(5)]
    together([lambda session=session: house.place(session) for session in sessions])  # type: ignore[misc]
    assert house.level("A").locked == 10


def test_a_dead_try_under_a_key_is_taken_over_by_one(house: House) -> None:
    key = IdempotencyKey(scope=house.shop, value="key-1", fingerprint="asked")
    replays = house.stores.replays
    replays.begin(key, house.now)
    house.now += LEASE
    answers = together(a_millisecond_apart(house, [lambda own: replays.begin(key, own.now)] * 12))
    assert answers.count(None) == 1
    assert sum(isinstance(answer, IdempotencyKeyInFlight) for answer in answers) == 11


def test_one_session_under_two_keys_keeps_one_order(house: House) -> None:
    """Two tabs: whoever is slower gives way or replaces; never two orders that both wait for money."""
    house.product("A", 5)
    session = house.session(("A", 2))
    together([lambda: house.place(session, "tab-1"), lambda: house.place(session, "tab-2")])
    orders, _ = house.stores.orders.page(house.shop, 10, None)
    assert [order.status for order in orders].count(Status.PENDING_PAYMENT) == 1
    assert house.level("A").locked == 2


# Settling.


def settled_by_three(house: House, at: tuple[Any, str] | None = None) -> tuple[Order, list[Any]]:
    house.product("A", 5)
    order = house.buy(("A", 2))
    event = house.webhook(order)
    meet(*(at or (house.stores.orders, "get")), 3)
    acts: list[Act] = [lambda own: own.browser_returns(order), lambda own: own.work_at(event), lambda own: own.browser_returns(order)]
    return order, together(a_millisecond_apart(house, acts))


def test_browser_webhook_and_poller_at_once_pay_once(house: House) -> None:
    order, answers = settled_by_three(house)
    assert sorted(answer.outcome for answer in answers) == [Outcome.APPLIED, Outcome.IGNORED, Outcome.IGNORED]
    paid = house.order(order)
    assert [event.type for event in paid.events] == ["order.placed.v1", "order.paid.v1"]
    assert (house.level("A").on_hand, house.level("A").available) == (3, 3)
    assert order.hold is not None
    sale = house.stores.stock.ledger.movement(house.shop, order.hold.lock)
    assert sale is not None
    assert [(line.sku, line.quantity, line.balance) for line in sale.lines] == [("A", -2, 3)]


def test_without_the_guards_units_are_sold_twice() -> None:
    house = House(in_memory(Memory("VERSION_BEFORE", "STILL_HELD", "SAME_LAST", "SAME_CLAIM")))
    settled_by_three(house, at=(house.stores.stock.levels, "levels"))
    assert house.level("A").on_hand < 3


def test_news_of_several_kinds_at_once_settle_once(house: House) -> None:
    house.product("A", 5)
    order = house.buy(("A", 2))
    event = house.webhook(order)
    answers = together(a_millisecond_apart(house, [lambda own: own.work_at(event)] * 6))
    assert all(isinstance(answer, Settled) for answer in answers)
    assert sum(answer.outcome is Outcome.APPLIED for answer in answers) == 1
    found = house.stores.inbox.get(house.shop, "sandbox", event.id)
    assert found is not None
    assert found.state is EventState.APPLIED


# The sweep, and a payment at the same instant.


def test_sweep_and_payment_at_once_lose_neither_money_nor_goods(house: House) -> None:
    house.product("A", 5)
    for _ in range(4):
        before = house.level("A").on_hand
        order = house.buy(("A", 1))
        house.now += HOLD + GRACE + timedelta(milliseconds=1)
        together([house.sweep, lambda order=order: house.browser_returns(order)])  # type: ignore[misc]
        house.now += timedelta(seconds=11)  # the queue brings it again, if it was refused
        house.browser_returns(order)
        assert house.order(order).status is Status.PAID
        assert (house.level("A").on_hand, house.level("A").locked) == (before - 1, 0)


def paid_just_before_it_expires(house: House) -> Order:
    house.product("A", 5)
    order = house.buy(("A", 1))
    house.now += HOLD + GRACE + timedelta(milliseconds=1)
    just_before(house.stores.orders, "save", lambda: house.browser_returns(order))
    house.sweep()
    return house.order(order)


def test_the_sweep_leaves_an_order_alone_that_was_paid_meanwhile(house: House) -> None:
    assert paid_just_before_it_expires(house).status is Status.PAID


def test_without_the_guard_the_sweep_ends_a_paid_order(careless: Careless) -> None:
    assert paid_just_before_it_expires(careless("VERSION_BEFORE")).status is Status.EXPIRED


def test_a_hold_sold_to_another_is_not_sold_again(house: House) -> None:
    """The money comes late, and the unit is another's by then: it goes back."""
    house.product("A", 1)
    late = house.buy(("A", 1))
    house.now += HOLD + GRACE
    quick = house.buy(("A", 1))
    together([lambda: house.browser_returns(late), lambda: house.browser_returns(quick)])
    assert (house.order(late).status, house.order(quick).status) == (Status.REFUNDED, Status.PAID)
    assert house.level("A").on_hand == 0


# Keys and debts.


def waiting(house: House, orders: int) -> list[Order]:
    """Orders that are paid, in this order, for a digital SKU that has no key."""
    house.product("KEY", 0, Kind.DIGITAL, OnShortage.BACKORDER)
    bought = []
    for _ in range(orders):
        order = house.buy(("KEY", 2), accept_partial=True)
        house.browser_returns(order)
        house.serve(order)
        bought.append(order)
        house.now += timedelta(milliseconds=1)
    return bought


def test_two_feeds_of_one_restock_give_each_unit_once(house: House) -> None:
    orders = waiting(house, 4)
    house.import_keys("KEY", [f"key-{number}" for number in range(5)], "batch")
    answers = together(a_millisecond_apart(house, [lambda own: own.feed("KEY")] * 3))
    assert sum(answers) == 5
    keys = [house.keys_of(order) for order in orders]
    assert [len(of_order) for of_order in keys] == [2, 2, 1, 0]
    assert len({key for of_order in keys for key in of_order}) == 5
    assert [house.order(order).status for order in orders] == ["completed", "completed", "partially_fulfilled", "awaiting_stock"]
    assert house.stores.fulfilment.debts.owed(house.shop, "KEY") == 3
    assert (house.level("KEY").on_hand, house.level("KEY").available) == (0, 0)


def test_an_order_that_is_served_twice_at_once_gets_its_keys_once(house: House) -> None:
    """Also when it takes the last keys: to the slower worker the vault looks short."""
    house.product("KEY", 2, Kind.DIGITAL)
    order = house.buy(("KEY", 2))
    house.browser_returns(order)
    just_before(house.stores.fulfilment.vaults, "vault", lambda: house.serve(order))
    house.serve(order)
    assert house.keys_of(order) == ["KEY-0001", "KEY-0002"]


def test_a_feed_that_is_slower_by_a_hair_gives_nothing(house: House) -> None:
    waiting(house, 2)
    house.import_keys("KEY", ["one", "two"], "batch")
    just_before(house.stores.fulfilment.vaults, "vault", lambda: house.feed("KEY"))
    assert house.feed("KEY") == 0


def handed_out(house: House) -> list[Any]:
    """Two workers saw the same vault."""
    house.product("KEY", 3, Kind.DIGITAL)
    vaults = house.stores.fulfilment.vaults
    vault = vaults.vault(house.shop, "KEY")

    def hand_out(order: str) -> str:
        made = samples.delivery(house.shop, 1, 1, order=order, sku="KEY")
        writes = [*vaults.pick_writes(vault, rules.pick(vault, (), 1)), vaults.delivery_write(made)]
        house.stores.commit(writes, token=order)
        return order

    return together([lambda order=order: hand_out(order) for order in ("ord-1", "ord-2", "ord-3")])  # type: ignore[misc]


def test_a_key_goes_to_one(house: House) -> None:
    answers = handed_out(house)
    assert sum(isinstance(answer, str) for answer in answers) == 1
    assert sum(isinstance(answer, VaultMoved) for answer in answers) == 2


def test_without_the_guard_a_key_goes_to_many(careless: Careless) -> None:
    assert handed_out(careless("SAME_VAULT")) == ["ord-1", "ord-2", "ord-3"]


def test_crowds_of_buyers_get_keys_of_their_own(house: House) -> None:
    house.product("KEY", 12, Kind.DIGITAL)
    orders = [house.buy(("KEY", 2)) for _ in range(6)]
    for order in orders:
        house.browser_returns(order)
    answers = together([lambda order=order: house.serve(order) for order in orders for _ in range(2)])  # type: ignore[misc]
    for order, answer in zip([order for order in orders for _ in range(2)], answers, strict=True):
        if isinstance(answer, HoldfastError):  # the queue brings it again
            house.serve(order)
    keys = [key for order in orders for key in house.keys_of(order)]
    assert len(keys) == len(set(keys)) == 12


def imported_twice(house: House) -> list[Imported]:
    house.product("KEY", 0, Kind.DIGITAL)
    keys = [f"key-{number}" for number in range(10)]
    meet(house.stores.fulfilment.vaults, "known", 2)
    return together([lambda: house.import_keys("KEY", keys, "monday"), lambda: house.import_keys("KEY", keys, "tuesday")])


def test_two_imports_of_the_same_keys_bring_them_once(house: House) -> None:
    answers = imported_twice(house)
    assert house.stores.fulfilment.vaults.vault(house.shop, "KEY").imported == 10
    assert (house.level("KEY").on_hand, house.level("KEY").available) == (10, 10)
    assert sorted(answer.imported for answer in answers) == [0, 10]
    assert sorted(len(answer.duplicates) for answer in answers) == [0, 10]


def test_without_the_guards_keys_are_imported_twice() -> None:
    house = House(in_memory(Memory("SAME_VAULT", "NEW_ROW")))
    imported_twice(house)
    assert house.level("KEY").on_hand == 20


# Those who have paid go first.


def overtaken(house: House) -> tuple[Order, list[Any]]:
    """Units come in for an order that waits, and twelve buyers stand at the door."""
    house.product("A", 0, on_shortage=OnShortage.BACKORDER)
    order = house.buy(("A", 4), accept_partial=True)
    house.browser_returns(order)
    house.serve(order)
    sessions = [house.session(("A", 1)) for _ in range(12)]
    house.restock("A", 6, "late")
    bought = together([lambda session=session: house.place(session) for session in sessions] + [lambda: house.feed("A")])  # type: ignore[misc]
    house.feed("A")
    return house.order(order), bought[:-1]


def test_no_buyer_overtakes_an_order_that_waits(house: House) -> None:
    order, bought = overtaken(house)
    assert order.line("A").allocated == 4
    assert sum(isinstance(answer, Placed) for answer in bought) <= 2
    assert house.level("A").conserved()


def taken_by_a_stranger(house: House) -> tuple[bool, int]:
    """Whether a buyer got the units that came in for an order that waits, and what was left for that."""
    house.product("A", 0, on_shortage=OnShortage.BACKORDER)
    order = house.buy(("A", 4), accept_partial=True)
    house.browser_returns(order)
    house.serve(order)
    house.restock("A", 4, "late")
    try:
        house.stores.stock.levels.take(LevelKey(shop=house.shop, sku="A"), "stranger", Entry(quantity=4, expires_at=house.now + HOLD))
        taken = True
    except NotTaken:
        taken = False
    return taken, house.feed("A")


def test_a_take_that_did_not_look_is_refused(house: House) -> None:
    assert taken_by_a_stranger(house) == (False, 4)


def test_without_the_note_buyers_take_what_others_paid_for(careless: Careless) -> None:
    assert taken_by_a_stranger(careless("NOBODY_WAITS")) == (True, 0)
