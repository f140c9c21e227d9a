"""Each use case is killed, cut off, refused or delivered twice at each of its store calls; then the world goes on.

Queues bring their messages again, shoppers may try again or not, schedules tick - and every invariant holds.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from holdfast.catalogue.model import Kind, OnShortage
from holdfast.kernel.errors import HoldfastError
from holdfast.notifications.kinds import Channel
from holdfast.notifications.model import Notification
from holdfast.notifications.model import Status as Sent
from holdfast.orders.model import Status
from holdfast.payments.providers.sandbox.proxy import Action
from holdfast.stock import layout
from holdfast.stock.model import MAIN, Place
from tests.memory.audit import audit, audit_end
from tests.memory.backstage import Backstage
from tests.memory.engine import Memory
from tests.memory.faults import Fault, Faults, Killed, faulty
from tests.memory.house import GRACE, HOLD, House
from tests.memory.stores import in_memory
from tests.unit.stock.acts import adjust, put, transfer

Given = Any


@dataclass(frozen=True)
class Scenario:
    """`act` is what meets the fault; `retried` says that its caller comes again (a queue always does, a shopper perhaps)."""

    name: str
    given: Callable[[House], Given]
    act: Callable[[House, Given], Any]
    retried: tuple[bool, ...] = (True, False)
    least_calls: int = 1


def shelf(house: House) -> None:
    house.product("BOX", 3)
    house.product("KEY", 3, Kind.DIGITAL, OnShortage.BACKORDER)
    house.product("PEN", 1, Kind.PHYSICAL, OnShortage.BACKORDER)


def cart(*lines: tuple[str, int]) -> Callable[[House], Given]:
    def given(house: House) -> Given:
        shelf(house)
        return house.session(*lines)

    return given


def bought(
    *lines: tuple[str, int], later: timedelta = timedelta(0), then: Callable[[House], None] = lambda _: None
) -> Callable[[House], Given]:
    def given(house: House) -> Given:
        shelf(house)
        order = house.buy(*lines, accept_partial=True)
        house.now += later
        then(house)
        return order

    return given


def paid(house: House) -> Given:
    order = bought(("BOX", 1), ("KEY", 5))(house)
    house.browser_returns(order)
    return order


def waiting(house: House) -> Given:
    shelf(house)
    for _ in range(2):
        order = house.buy(("KEY", 3), ("PEN", 1), accept_partial=True)
        house.browser_returns(order)
        house.serve(order)
        house.now += timedelta(seconds=1)
    house.import_keys("KEY", ["new-1", "new-2"], "second")
    return order


def replaced(house: House) -> Given:
    shelf(house)
    session = house.session(("BOX", 2), ("PEN", 1))
    house.place(session, "tab-1")
    return session


def placed(house: House) -> Given:
    shelf(house)
    return house.place(house.session(("BOX", 1), ("KEY", 2))).order


def dead(house: House) -> Given:
    orders = [placed(house), house.place(house.session(("BOX", 1), ("KEY", 1)), "other").order]
    house.now += HOLD + GRACE + timedelta(seconds=1)
    return orders


def sold_out(house: House) -> None:
    house.now += HOLD + GRACE
    house.browser_returns(house.buy(("BOX", 3)))


def refundable(house: House) -> Given:
    order = paid(house)
    house.serve(order)
    house.at_provider(order, Action.REFUND)
    return order


def settle(house: House, order: Given) -> None:
    house.work_at(house.webhook(order))


# Stock in parts: shards, locations, pools.


def parts(house: House) -> None:
    """Nothing whole anywhere: two and one in shards, one in another location, and a pen that may be owed twice."""
    shelf(house)
    house.product("SET", 0, max_per_customer=5)
    house.shards("SET", 3)
    for part, units in (("0", 2), ("1", 1)):
        put(house, "SET", units, part)
    layout.place(house.shop, "SET", [Place(name="berlin")], store=house.stores.stock)
    put(house, "SET", 1, "berlin")
    house.product("CAP", 1, Kind.PHYSICAL, OnShortage.BACKORDER, backorder_cap=3, max_per_customer=6)


def cart_in_parts(*lines: tuple[str, int]) -> Callable[[House], Given]:
    def given(house: House) -> Given:
        parts(house)
        return house.session(*lines)

    return given


def cart_of_a_regular(house: House) -> Given:
    """There is enough, but he has two already, of the five that one may have."""
    parts(house)
    house.restock("SET", 10, "more")
    house.place(house.session(("SET", 2)))
    return house.session(("BOX", 1), ("SET", 4))


def bought_in_parts(house: House) -> Given:
    parts(house)
    return house.buy(("SET", 4), ("CAP", 3), accept_partial=True)


def late_in_parts(house: House) -> Given:
    order = bought_in_parts(house)
    house.now += LATE
    return order


def refundable_in_parts(house: House) -> Given:
    order = bought_in_parts(house)
    house.browser_returns(order)
    house.serve(order)
    house.at_provider(order, Action.REFUND)
    return order


def dead_in_parts(house: House) -> Given:
    parts(house)
    house.place(house.session(("SET", 3), ("CAP", 2)), accept_partial=True)
    house.now += LATE
    return None


def replaced_in_parts(*lines: tuple[str, int]) -> Callable[[House], Given]:
    """The earlier try lies in parts; somebody else sits in one of them since."""

    def given(house: House) -> Given:
        parts(house)
        session = house.session(("SET", 2), ("CAP", 2))
        house.place(session, "tab-1", accept_partial=True)
        house.place(house.session(("SET", 1)))
        changed = house.session(*lines)
        return session.model_copy(update={"lines": changed.lines, "totals": changed.totals})

    return given


def replace_in_parts(house: House, session: Given) -> None:
    """The cart was changed since its first try."""
    house.stores.sessions.add(session)
    house.place(session, "tab-2", accept_partial=True, body="changed")


def crowded(house: House) -> Given:
    parts(house)
    for _ in range(2):
        house.place(house.session(("SET", 1)))
    house.restock("SET", 40, "many")


def calm(house: House) -> Given:
    parts(house)
    house.restock("SET", 40, "many")
    layout.resize(house.shop, "SET", 4, pinned=False, store=house.stores.stock, now=house.now)


def owed(house: House) -> Given:
    """Two wait for pens, in the order in which they paid."""
    house.product("PEN", 0, Kind.PHYSICAL, OnShortage.BACKORDER, backorder_cap=9)
    house.shards("PEN", 3)
    for _ in range(2):
        order = house.buy(("PEN", 2), accept_partial=True)
        house.browser_returns(order)
        house.serve(order)
        house.now += timedelta(seconds=1)
    for part in ("0", "1", "2"):
        put(house, "PEN", 1, part)


def resize(count: int) -> Callable[[House, Given], Any]:
    return lambda house, _: house.shards("SET", count)


def calm_down(house: House, _: Given) -> None:
    layout.settle(house.shop, "SET", store=house.stores.stock, grace=GRACE, now=house.now)


def keep_back(house: House, _: Given) -> None:
    layout.keep_back(house.shop, "SET", 2, store=house.stores.stock, grace=GRACE, now=house.now)


def close_berlin(house: House, _: Given) -> None:
    transfer(house, "SET", 1, "berlin", MAIN, "closing")
    layout.place(house.shop, "SET", [], store=house.stores.stock)


LATE = HOLD + GRACE + timedelta(milliseconds=1)

NINETY = [f"new-{number}" for number in range(90)]

SCENARIOS = [
    Scenario("place one line", cart(("BOX", 2)), lambda house, session: house.place(session), least_calls=3),
    Scenario(
        "place three lines", cart(("BOX", 2), ("KEY", 5), ("PEN", 1)), lambda house, session: house.place(session, accept_partial=True)
    ),
    Scenario("place and be short", cart(("BOX", 2), ("KEY", 3), ("PEN", 2)), lambda house, session: house.place(session)),
    Scenario("place again over an earlier try", replaced, lambda house, session: house.place(session, "tab-2")),
    Scenario("settle in time", bought(("BOX", 1), ("KEY", 5)), settle, (True,)),
    Scenario("settle without a webhook", bought(("BOX", 1)), lambda house, order: house.browser_returns(order), (True,)),
    Scenario("settle late", bought(("BOX", 1), ("KEY", 2), later=LATE, then=lambda house: house.sweep() and None), settle, (True,)),
    Scenario("settle late before the sweep", bought(("BOX", 1), ("KEY", 2), later=LATE), settle, (True,)),
    Scenario("settle late when it is sold", bought(("BOX", 3), then=sold_out), settle, (True,)),
    Scenario("settle a refund", refundable, settle, (True,)),
    Scenario("serve", paid, lambda house, order: house.serve(order), (True,)),
    Scenario("feed", waiting, lambda house, _: house.feed("KEY"), (True,)),
    Scenario("import", shelf, lambda house, _: house.import_keys("KEY", NINETY, "batch")),
    Scenario("restock", shelf, lambda house, _: house.restock("BOX", 7, "note")),
    Scenario("sweep", dead, lambda house, _: house.sweep(), (True,)),
    Scenario("cancel", placed, lambda house, order: house.cancel(order)),
    Scenario("extend", placed, lambda house, order: house.extend(order)),
    Scenario("place a line over all parts", cart_in_parts(("SET", 4)), lambda house, session: house.place(session), least_calls=8),
    Scenario("place a line that no part has whole", cart_in_parts(("SET", 3), ("BOX", 1)), lambda house, session: house.place(session)),
    Scenario("place with limits", cart_in_parts(("CAP", 4)), lambda house, session: house.place(session, accept_partial=True)),
    Scenario(
        "place beyond the cap", cart_in_parts(("SET", 2), ("CAP", 5)), lambda house, session: house.place(session, accept_partial=True)
    ),
    Scenario("place beyond the customer's limit", cart_of_a_regular, lambda house, session: house.place(session)),
    Scenario("place again over parts, more", replaced_in_parts(("SET", 3), ("CAP", 1)), replace_in_parts, least_calls=8),
    Scenario("place again over parts, less", replaced_in_parts(("SET", 1), ("CAP", 3)), replace_in_parts),
    Scenario("place again over parts, another cart", replaced_in_parts(("BOX", 1)), replace_in_parts),
    Scenario("place again over parts, and be short", replaced_in_parts(("SET", 5)), replace_in_parts),
    Scenario("settle over parts", bought_in_parts, settle, (True,)),
    Scenario("settle late over parts", late_in_parts, settle, (True,)),
    Scenario("settle a refund over parts", refundable_in_parts, settle, (True,)),
    Scenario("sweep parts", dead_in_parts, lambda house, _: house.sweep(), (True,)),
    Scenario("feed from parts", owed, lambda house, _: house.feed("PEN"), (True,)),
    Scenario("more shards", crowded, resize(6), least_calls=10),
    Scenario("fewer shards", crowded, resize(1)),
    Scenario("a calm SKU gives its shards up", calm, calm_down),
    Scenario("restock shards", crowded, lambda house, _: house.restock("SET", 90, "again")),
    Scenario("adjust down over parts", crowded, lambda house, _: adjust(house, "SET", -30)),
    Scenario("adjust exactly", crowded, lambda house, _: adjust(house, "SET", 3, expected=house.free("SET"))),
    Scenario("transfer", crowded, lambda house, _: transfer(house, "SET", 25, MAIN, "berlin")),
    Scenario("close a location", parts, close_berlin),
    Scenario("keep some back", crowded, keep_back),
]


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_every_call_may_fail(scenario: Scenario, fault: Fault) -> None:
    for retried in scenario.retried:
        at = 1
        while meets(scenario, fault, at, retried):
            at += 1
        assert at > scenario.least_calls


def meets(scenario: Scenario, fault: Fault, at: int, retried: bool) -> bool:
    """False when the use case ended before that call."""
    memory = Memory()
    house = House(in_memory(memory))
    stage = Backstage(memory, house)
    given = scenario.given(house)
    faults = Faults(fault, at)
    attempt(lambda: scenario.act(replace(house, stores=faulty(house.stores, faults)), given))
    audit(memory)
    if retried:
        attempt(lambda: scenario.act(house, given))  # at once: may be told that the first try is under way
        audit(memory)
        house.now += timedelta(seconds=11)
        attempt(lambda: scenario.act(house, given))
        audit(memory)
    stage.settle_down()
    audit_end(memory)
    assert len(house.mailer.sent) == len(mails_sent(memory))
    return bool(faults.met)


def mails_sent(memory: Memory) -> list[Notification]:
    rows: list[Notification] = memory.of("notification")
    return [row for row in rows if row.recipient.channel is Channel.EMAIL and row.status is Sent.SENT]


def attempt(act: Callable[[], Any]) -> None:
    try:
        act()
    except (Killed, HoldfastError):
        return


@pytest.mark.parametrize("fault", Fault)
def test_the_queue_of_those_who_wait_stays_in_order(fault: Fault) -> None:
    """Whatever happens to a feed, the first paid is the first served."""
    for at in range(1, 40):
        memory = Memory()
        house = House(in_memory(memory))
        waiting(house)
        first, second = sorted(memory.of("order"), key=lambda order: order.paid_at)
        cut_off = replace(house, stores=faulty(house.stores, Faults(fault, at)))
        attempt(partial(cut_off.feed, "KEY"))
        house.feed("KEY")
        assert (house.order(first).line("KEY").short, house.order(second).line("KEY").short) == (0, 1)
        audit(memory)


@pytest.mark.parametrize("end", ["its hold runs out", "it is cancelled", "its payment fails"])
def test_units_of_an_order_that_ends_go_to_who_paid_and_waits(end: str) -> None:
    memory = Memory()
    house = House(in_memory(memory))
    shelf(house)
    stage = Backstage(memory, house)
    holder = house.place(house.session(("PEN", 1))).order
    waits = house.buy(("PEN", 1), accept_partial=True)
    house.browser_returns(waits)
    stage.run()
    assert house.order(waits).status is Status.AWAITING_STOCK
    if end == "it is cancelled":
        house.cancel(holder)
    elif end == "its payment fails":
        house.at_provider(holder, Action.DECLINE)
        house.browser_returns(holder)
    else:
        house.now += LATE
        house.sweep()
    stage.run()
    assert house.order(waits).status is Status.PROCESSING
    audit_end(memory)


def test_money_for_a_hold_that_ran_out_buys_again_what_is_there() -> None:
    memory = Memory()
    house = House(in_memory(memory))
    order = bought(("BOX", 1), ("KEY", 5), later=LATE)(house)
    house.sweep()
    assert house.order(order).status is Status.EXPIRED
    settle(house, order)
    assert [line.allocated for line in house.order(order).lines] == [1, 3]
    Backstage(memory, house).settle_down()
    audit_end(memory)
