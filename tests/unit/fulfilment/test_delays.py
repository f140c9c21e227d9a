"""Who waits longer than was promised hears of it once: in any queue, under any fault, and by two runs at once."""

import contextlib
from dataclasses import replace
from datetime import timedelta

import pytest

from holdfast.catalogue.model import Kind, OnShortage
from holdfast.fulfilment import delays, rules
from holdfast.fulfilment.delays import Told
from holdfast.kernel.errors import HoldfastError
from holdfast.orders import events
from holdfast.orders.model import Order
from holdfast.orders.refunding import Kind as RefundKind
from tests.memory import samples
from tests.memory.audit import audit
from tests.memory.engine import Memory
from tests.memory.faults import Fault, Faults, Killed, faulty
from tests.memory.fulfilment import MemoryFulfilment
from tests.memory.house import House
from tests.memory.samples import NOW
from tests.memory.stores import in_memory

PROMISED = timedelta(hours=24)


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def house(memory: Memory) -> House:
    house = House(in_memory(memory))
    house.product("KEY", 0, Kind.DIGITAL, OnShortage.BACKORDER)
    house.product("LOT", 0, Kind.PHYSICAL, OnShortage.BACKORDER)
    return house


def waits(house: House, *lines: tuple[str, int]) -> Order:
    order = house.buy(*(lines or (("KEY", 2),)), accept_partial=True)
    house.browser_returns(order)
    house.serve(order)
    house.now += timedelta(seconds=1)
    return order


def notices(house: House, order: Order) -> list[object]:
    return [event.data for event in house.stores.orders.timeline(house.order(order)) if event.type == events.DELAYED]


def test_who_waits_too_long_is_told_what_is_owed_and_what_was_promised(house: House, memory: Memory) -> None:
    house.import_keys("KEY", ["one"], "first")
    order = waits(house, ("KEY", 2))
    house.now += PROMISED - timedelta(seconds=2)
    assert (house.tell_delays(), notices(house, order)) == (Told(), [])
    house.now += timedelta(seconds=1)
    assert house.tell_delays() == Told(told=1)
    assert notices(house, order) == [{"promised_hours": 24, "lines": [{"sku": "KEY", "quantity": 2, "fulfilled": 1, "owed": 1}]}]
    assert house.order(order).delayed_at == house.now
    audit(memory)


def test_he_is_told_once_however_long_it_takes_and_whatever_comes(house: House) -> None:
    order = waits(house, ("KEY", 2), ("LOT", 1))
    house.now += PROMISED
    assert house.tell_delays().told == 1  # both his debts are late
    house.import_keys("KEY", ["one"], "first")
    house.feed("KEY")
    house.now += 30 * PROMISED
    assert house.tell_delays() == Told()
    assert len(notices(house, order)) == 1
    debts = house.stores.fulfilment.debts
    assert all(debt.told_at is not None for sku in ("KEY", "LOT") for debt in debts.head(house.shop, sku, 9))


def test_the_shop_says_what_it_promises(house: House) -> None:
    house.settings["waiting"] = {"promised_hours": 2}
    order = waits(house)
    house.now += timedelta(hours=2)
    assert house.tell_delays().told == 1
    assert [told["promised_hours"] for told in notices(house, order)] == [2]  # type: ignore[index]


def test_who_gave_up_is_told_nothing(house: House) -> None:
    order, other = waits(house), waits(house)
    house.refund(order, RefundKind.DEBT)  # nobody has forgotten the debt yet
    house.now += PROMISED
    assert house.tell_delays() == Told(told=1)
    assert (notices(house, order), len(notices(house, other))) == ([], 1)


def test_a_run_ends_and_the_next_one_goes_on(house: House) -> None:
    orders = [waits(house) for _ in range(5)]
    house.now += PROMISED
    reports = [house.tell_delays(most=2) for _ in range(4)]
    assert [(report.told, report.complete) for report in reports] == [(2, False), (2, False), (1, True), (0, True)]
    assert [len(notices(house, order)) for order in orders] == [1] * 5


@pytest.mark.parametrize("fault", Fault)
def test_a_fault_at_any_call_tells_once(fault: Fault) -> None:
    at = 1
    while True:
        house = House(in_memory(Memory()))
        house.product("KEY", 0, Kind.DIGITAL, OnShortage.BACKORDER)
        orders = [waits(house) for _ in range(3)]
        house.now += PROMISED
        faults = Faults(fault, at)
        met = replace(house, stores=faulty(house.stores, faults))
        with contextlib.suppress(Killed, HoldfastError):
            met.tell_delays()
        house.tell_delays()
        assert [len(notices(house, order)) for order in orders] == [1, 1, 1], faults.met
        if not faults.met:
            break
        at += 1
    assert at > 9


def test_what_cannot_be_told_now_holds_up_nobody(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = waits(house), waits(house)
    house.now += PROMISED
    save = house.stores.orders.save
    monkeypatch.setattr(house.stores.orders, "save", lambda order: order.id != first.id and save(order))
    assert house.tell_delays() == Told(told=1, failed=("unavailable",))
    assert (notices(house, first), len(notices(house, second))) == ([], 1)
    monkeypatch.undo()
    assert house.tell_delays() == Told(told=1)


def standing(n: int) -> str:
    """Six kinds of places, one after the other: first or not, in each of three rounds."""
    position = rules.position(NOW + timedelta(minutes=n), f"ord_{n}", first=n % 2 == 0)
    for _ in range(n % 6 // 2):
        position = rules.next_round(position)
    return position


@pytest.mark.parametrize("page", [1, 3, 500])
@pytest.mark.parametrize("minutes", [-1, 0, 7, 30, 100])
def test_those_who_are_late_are_found_in_every_run_of_a_queue(page: int, minutes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delays, "PAGE", page)
    store = MemoryFulfilment(Memory())
    for n in range(60):
        debt = samples.debt("demo", n, paid_at=NOW + timedelta(minutes=n), position=standing(n))
        store.commit([store.debts.add_write(debt)], token=str(n))
    found = delays.late("demo", "A", NOW + timedelta(minutes=minutes), debts=store.debts)
    assert sorted(debt.paid_at for debt in found) == [NOW + timedelta(minutes=n) for n in range(60) if n <= minutes]


def test_younger_ones_of_a_run_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long queue of which few are late costs few reads."""
    store = MemoryFulfilment(Memory())
    for n in range(300):
        debt = samples.debt("demo", n, paid_at=NOW + timedelta(minutes=n))
        store.commit([store.debts.add_write(debt)], token=str(n))
    asked: list[str] = []
    behind = store.debts.behind
    monkeypatch.setattr(delays, "PAGE", 10)
    monkeypatch.setattr(store.debts, "behind", lambda *of: asked.append(of[2]) or behind(*of))
    assert len(list(delays.late("demo", "A", NOW, debts=store.debts))) == 1
    assert len(asked) == 2
