"""Orphans: each kind is planted, found by its name, left alone until it is due, and then put right. A live checkout keeps everything."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from holdfast.kernel.errors import HoldfastError, UnavailableError
from holdfast.kernel.events import CUSTOMER
from holdfast.kernel.ids import entry_id
from holdfast.orders.model import Order, Status
from holdfast.payments.providers.sandbox.proxy import Action
from holdfast.stock import orphans, selling
from holdfast.stock.errors import UnknownStock
from holdfast.stock.model import NEVER, PROMISES, SAFETY, Entry, Level, LevelKey, Lock, Sale
from holdfast.stock.orphans import (
    DOCUMENT_WITHOUT_ENTRY,
    ENTRY_WITHOUT_DOCUMENT,
    LOCK_WITHOUT_ORDER,
    ORDER_WITHOUT_LOCK,
    SAFE_AGE,
    Report,
)
from holdfast.wiring.orphans import OrdersForOrphans
from tests.memory.audit import audit, audit_end
from tests.memory.engine import Memory
from tests.memory.house import GRACE, HOLD, START, House
from tests.memory.stores import in_memory
from tests.memory.threads import just_before, together

SHOP = "demo"


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def house(memory: Memory) -> House:
    house = House(in_memory(memory))
    house.product("A", 10)
    house.product("B", 5)
    return house


def find(house: House, *skus: str, dry_run: bool = True) -> Report:
    return orphans.find_orphans(
        SHOP,
        skus or ("A", "B"),
        store=house.stores.stock,
        orders=OrdersForOrphans(house.stores.orders),
        grace=GRACE,
        now=house.now,
        dry_run=dry_run,
    )


def kinds(report: Report) -> list[str]:
    return [orphan.kind for orphan in report.orphans]


def place(house: House, *lines: tuple[str, int]) -> Order:
    return house.place(house.session(*(lines or (("A", 2),)))).order


def lock_of(memory: Memory, order: Order) -> Lock:
    assert order.hold is not None
    lock: Lock = memory.get("lock", SHOP, order.hold.lock)
    return lock


def edit(memory: Memory, part: str = "0", sku: str = "A", **changes: object) -> None:
    level: Level = memory.get("level", SHOP, sku, part)
    memory.put(("level", SHOP, sku, part), level.model_copy(update=changes))


def test_a_shop_that_lives_has_none(house: House) -> None:
    """Held, paid, cancelled, ended, kept back by the shop: at every age."""
    place(house)
    house.browser_returns(house.buy(("A", 1), ("B", 1)))
    house.cancel(place(house, ("B", 1)))
    house.stores.stock.levels.take(LevelKey(shop=SHOP, sku="A"), SAFETY, Entry(quantity=1, expires_at=NEVER))
    for _ in range(8):
        report = find(house)
        assert (report.orphans, report.complete) == ((), True)
        house.now += timedelta(minutes=2)
    house.now += HOLD
    house.sweep()
    assert find(house).orphans == ()


# A lock without an order.


def crashed(memory: Memory, house: House) -> Lock:
    """The lock and its entries were written; then the worker died."""
    order = place(house, ("A", 2), ("B", 1))
    memory.put(("order", SHOP, order.id), None)
    return lock_of(memory, order)


def test_a_lock_without_an_order_is_freed_when_nobody_can_be_at_it_any_more(memory: Memory, house: House) -> None:
    lock = crashed(memory, house)
    assert find(house, dry_run=False).orphans == ()
    house.now += SAFE_AGE
    before = dict(memory.rows)
    (orphan,) = find(house).orphans
    assert memory.rows == before
    assert (orphan.kind, orphan.lock, orphan.order, orphan.due) == (LOCK_WITHOUT_ORDER, lock.id, lock.order, house.now)
    (repaired,) = find(house, dry_run=False).repaired
    assert (repaired.done, repaired.units, repaired.refusal) == (True, 3, None)
    assert (house.level("A").available, house.level("B").available, memory.of("lock")) == (10, 5, [])
    assert find(house).orphans == ()
    audit_end(memory)


def test_a_lock_whose_order_has_ended_is_freed(memory: Memory, house: House) -> None:
    """Its cancellation died half-way."""
    order = place(house)
    ended = house.order(order).happened("order.cancelled.v1", at=house.now, actor=CUSTOMER, status=Status.CANCELLED, hold=None)
    assert house.stores.orders.save(ended)
    house.now += SAFE_AGE
    assert kinds(find(house, dry_run=False)) == [LOCK_WITHOUT_ORDER]
    assert (house.level("A").available, memory.of("lock")) == (10, [])


def test_a_lock_of_another_hold_of_the_same_order_is_freed(memory: Memory, house: House) -> None:
    order = place(house)
    lock = lock_of(memory, order)
    memory.put(("lock", SHOP, "lck_stray"), lock.model_copy(update={"id": "lck_stray", "lines": ()}))
    house.now += SAFE_AGE
    report = find(house, dry_run=False)
    assert [(one.orphan.kind, one.orphan.lock, one.done) for one in report.repaired] == [(LOCK_WITHOUT_ORDER, "lck_stray", True)]
    assert lock_of(memory, order) == lock


def test_a_lock_under_review_is_needed(memory: Memory, house: House) -> None:
    order = place(house)
    house.settle(house.fact(order, amount=1))
    assert house.order(order).status is Status.PAYMENT_REVIEW
    house.now += SAFE_AGE
    assert find(house).orphans == ()


def test_a_shopper_who_comes_back_before_the_repair_keeps_his_hold(memory: Memory, house: House) -> None:
    """The plan was made; he placed his order; the repair sees it."""
    session = house.session(("A", 2))
    order = house.place(session).order
    memory.put(("order", SHOP, order.id), None)
    house.now += SAFE_AGE
    (orphan,) = find(house).orphans
    again = house.place(session).order
    repaired = orphans.repair(orphan, world=world(house))
    assert (repaired.done, repaired.units) == (False, 0)
    house.at_provider(again, Action.PAY)
    house.browser_returns(again)
    assert house.order(again).paid_at is not None
    audit(memory)


def test_a_shopper_who_comes_back_in_the_middle_of_the_repair_keeps_his_hold(memory: Memory, house: House) -> None:
    """His try renews the document just before it would go."""
    session = house.session(("A", 2))
    order = house.place(session).order
    memory.put(("order", SHOP, order.id), None)
    house.now += SAFE_AGE
    placed: list[Order] = []
    just_before(house.stores.stock.locks, "forget", lambda: placed.append(house.place(session).order))
    (repaired,) = find(house, dry_run=False).repaired
    assert (repaired.done, repaired.units) == (False, 0)
    pays(house, memory, placed[0])


def test_without_its_condition_the_repair_would_end_his_hold() -> None:
    memory = Memory("SAME_CLAIM")
    house = House(in_memory(memory))
    house.product("A", 10)
    session = house.session(("A", 2))
    order = house.place(session).order
    memory.put(("order", SHOP, order.id), None)
    house.now += SAFE_AGE
    just_before(house.stores.stock.locks, "forget", lambda: house.place(session))
    assert [one.done for one in find(house, "A", dry_run=False).repaired] == [True]
    assert memory.of("lock") == []


def test_a_shopper_who_comes_back_when_the_document_is_gone_begins_anew(memory: Memory, house: House) -> None:
    """Between the document and its entries: he takes the entries over, and the repair does not take them from him."""
    session = house.session(("A", 2))
    order = house.place(session).order
    memory.put(("order", SHOP, order.id), None)
    house.now += SAFE_AGE
    placed: list[Order] = []
    just_before(house.stores.stock.levels, "give_back", lambda: placed.append(house.place(session).order))
    find(house, "A", dry_run=False)
    pays(house, memory, placed[0])


def pays(house: House, memory: Memory, order: Order) -> None:
    house.at_provider(order, Action.PAY)
    house.browser_returns(order)
    paid = house.order(order)
    assert paid.paid_at is not None
    assert paid.lines[0].allocated == 2
    audit(memory)
    assert house.level("A").available == 8


def test_repairs_beside_shoppers_who_come_back(memory: Memory, house: House) -> None:
    """Five checkouts died; their shoppers and three repairs come at the same moment. Each shopper has his units or a clean refusal."""
    sessions = [house.session(("A", 2)) for _ in range(5)]
    for session in sessions:
        order = house.place(session).order
        memory.put(("order", SHOP, order.id), None)
    house.now += SAFE_AGE
    shoppers: list[Callable[[], Any]] = [lambda session=session: house.place(session).order for session in sessions]
    repairs: list[Callable[[], Any]] = [lambda: find(house, "A", dry_run=False)] * 3
    answers = together([*repairs, *shoppers])
    placed = [answer for answer in answers if isinstance(answer, Order)]
    assert all(isinstance(answer, Order | Report | HoldfastError) for answer in answers)
    for order in placed:
        assert selling.confirm_writes(
            str(order.hold and order.hold.lock), order.id, order.allocated, shop=SHOP, store=house.stores.stock, now=house.now
        )
        house.at_provider(order, Action.PAY)
        house.browser_returns(order)
        assert house.order(order).lines[0].allocated == 2
    audit(memory)
    assert house.level("A").on_hand == 10 - 2 * len(placed)


def test_a_try_that_replaces_an_earlier_order_is_left_to_its_end(memory: Memory, house: House) -> None:
    """The second try died before its order: the first order still names the lock, and ends with it."""
    session = house.session(("A", 2))
    first = house.place(session, "first").order
    house.now += timedelta(seconds=20)
    second = house.place(session, "second").order
    memory.put(("order", SHOP, second.id), None)
    memory.put(("order", SHOP, first.id), first)
    house.now += SAFE_AGE
    assert find(house, dry_run=False).orphans == ()
    house.now += HOLD + GRACE
    house.sweep()
    assert (house.order(first).status, house.level("A").available, find(house).orphans) == (Status.EXPIRED, 10, ())


def test_a_lock_whose_entries_are_gone_too_is_told_once(memory: Memory, house: House) -> None:
    crashed(memory, house)
    edit(memory, available=10, entries={})
    edit(memory, sku="B", available=5, entries={})
    before = restocks(memory, "A"), restocks(memory, "B")
    house.now += SAFE_AGE
    assert [(one.orphan.kind, one.units) for one in find(house, dry_run=False).repaired] == [(LOCK_WITHOUT_ORDER, 0)]
    assert (restocks(memory, "A"), restocks(memory, "B")) == before  # nobody is told of units that did not come


def test_those_who_wait_are_told_of_units_that_come_free(memory: Memory, house: House) -> None:
    crashed(memory, house)
    edit(memory, sku="B", available=5, entries={})
    before = restocks(memory, "A"), restocks(memory, "B")
    house.now += SAFE_AGE
    find(house, dry_run=False)
    assert (restocks(memory, "A"), restocks(memory, "B")) == (before[0] + 1, before[1])


def restocks(memory: Memory, sku: str) -> int:
    return int(memory.get("head", SHOP, sku).restocks)


Changes = dict[str, Any]
MEANWHILE: dict[str, Changes | None] = {
    "gone": None,
    "sold": {"sale": Sale(at=START, lines=())},
    "extended": {"expires_at": START + 2 * HOLD},
    "claimed anew": {"claimed_at": START + SAFE_AGE, "claim": "clm_another"},
}


@pytest.mark.parametrize("changes", MEANWHILE.values(), ids=MEANWHILE)
def test_a_lock_that_changed_after_the_plan_is_left_alone(memory: Memory, house: House, changes: Changes | None) -> None:
    lock = crashed(memory, house)
    house.now += SAFE_AGE
    (orphan,) = find(house).orphans
    memory.put(("lock", SHOP, lock.id), None if changes is None else lock.model_copy(update=changes))
    before = dict(memory.rows)
    assert not orphans.repair(orphan, world=world(house)).done
    assert memory.rows == before


@pytest.mark.parametrize("changes", MEANWHILE.values(), ids=MEANWHILE)
def test_a_lock_that_the_index_shows_as_it_was_is_no_orphan(memory: Memory, house: House, changes: Changes | None) -> None:
    lock = crashed(memory, house)
    house.now += SAFE_AGE
    memory.put(("lock", SHOP, lock.id), None if changes is None else lock.model_copy(update=changes))
    house.stores.stock.locks.page = lambda *_: ([lock], None)  # type: ignore[method-assign]  an index that lags
    assert find(house).orphans == ()


def test_an_order_that_came_late_keeps_its_lock(memory: Memory, house: House) -> None:
    """Its lock was not claimed anew: only the order tells."""
    order = place(house)
    memory.put(("order", SHOP, order.id), None)
    house.now += SAFE_AGE
    (orphan,) = find(house).orphans
    memory.put(("order", SHOP, order.id), order)
    assert not orphans.repair(orphan, world=world(house)).done
    assert house.level("A").locked == 2


# An order without its lock.


def test_an_order_without_a_lock_ends_when_its_time_is_over(memory: Memory, house: House) -> None:
    order = place(house)
    memory.put(("lock", SHOP, lock_of(memory, order).id), None)
    house.now += SAFE_AGE
    report = find(house, dry_run=False)
    assert (kinds(report), report.repaired) == ([ENTRY_WITHOUT_DOCUMENT, ORDER_WITHOUT_LOCK], ())
    assert {orphan.due for orphan in report.orphans} == {order.placed_until + GRACE}
    assert house.order(order).status is Status.PENDING_PAYMENT
    house.now = order.placed_until + GRACE
    assert [one.done for one in find(house, dry_run=False).repaired] == [True, True]
    assert (house.order(order).status, house.level("A").available) == (Status.EXPIRED, 10)
    assert find(house).orphans == ()
    audit_end(memory)


def test_an_order_that_got_its_money_meanwhile_is_not_ended(memory: Memory, house: House) -> None:
    order = place(house)
    memory.put(("lock", SHOP, lock_of(memory, order).id), None)
    house.now = order.placed_until + GRACE
    planned = find(house).orphans
    house.at_provider(order, Action.PAY)
    house.browser_returns(order)
    assert house.order(order).paid_at is not None
    for orphan in planned:
        orphans.repair(orphan, world=world(house))
    assert house.order(order).paid_at is not None
    audit(memory)


def test_money_that_comes_in_the_middle_of_the_repair_wins(memory: Memory, house: House) -> None:
    order = place(house)
    memory.put(("lock", SHOP, lock_of(memory, order).id), None)
    house.at_provider(order, Action.PAY)
    house.now = order.placed_until + GRACE
    just_before(house.stores.orders, "save", lambda: house.browser_returns(order))
    find(house, dry_run=False)
    assert house.order(order).paid_at is not None
    audit(memory)


def test_an_order_whose_lock_is_there_after_all_is_not_ended(memory: Memory, house: House) -> None:
    order = place(house)
    lock = lock_of(memory, order)
    memory.put(("lock", SHOP, lock.id), None)
    house.now = order.placed_until + GRACE
    (planned,) = [orphan for orphan in find(house).orphans if orphan.kind == ORDER_WITHOUT_LOCK]
    memory.put(("lock", SHOP, lock.id), lock)
    assert not orphans.repair(planned, world=world(house)).done
    memory.put(("lock", SHOP, lock.id), lock.model_copy(update={"order": "ord_of_another_try", "replaced": order.id}))
    assert not orphans.repair(planned, world=world(house)).done
    memory.put(("lock", SHOP, lock.id), lock.model_copy(update={"order": "ord_of_somebody_else"}))
    assert orphans.repair(planned, world=world(house)).done


@pytest.mark.parametrize("change", ["gone", "extended", "cancelled"])
def test_an_order_that_changed_after_the_plan_is_left_alone(memory: Memory, house: House, change: str) -> None:
    order = place(house)
    memory.put(("lock", SHOP, lock_of(memory, order).id), None)
    house.now = order.placed_until + GRACE
    (planned,) = [orphan for orphan in find(house).orphans if orphan.kind == ORDER_WITHOUT_LOCK]
    assert order.hold is not None
    until = order.hold.model_copy(update={"expires_at": order.hold.expires_at + HOLD})
    changed = {
        "gone": None,
        "extended": order.model_copy(update={"hold": until}),
        "cancelled": order.model_copy(update={"status": Status.CANCELLED}),
    }
    memory.put(("order", SHOP, order.id), changed[change])
    assert not orphans.repair(planned, world=world(house)).done
    assert memory.get("order", SHOP, order.id) == changed[change]


# Entries without a document.


def test_an_entry_without_a_document_is_freed_when_the_clock_would(memory: Memory, house: House) -> None:
    lock = crashed(memory, house)
    memory.put(("lock", SHOP, lock.id), None)
    report = find(house, dry_run=False)
    assert [(orphan.kind, orphan.sku, orphan.part, orphan.entry, orphan.quantity) for orphan in report.orphans] == [
        (ENTRY_WITHOUT_DOCUMENT, "A", "0", entry_id(lock.id), 2),
        (ENTRY_WITHOUT_DOCUMENT, "B", "0", entry_id(lock.id), 1),
    ]
    assert (report.repaired, house.level("A").available) == ((), 8)
    house.now = lock.expires_at + GRACE
    assert [(one.done, one.units) for one in find(house, dry_run=False).repaired] == [(True, 2), (True, 1)]
    assert (house.level("A").available, house.level("B").available, find(house).orphans) == (10, 5, ())
    audit_end(memory)


def test_an_entry_that_lasts_longer_than_any_hold_is_freed_at_once(memory: Memory, house: House) -> None:
    edit(memory, on_hand=10, available=6, entries={"planted": Entry(quantity=4, expires_at=NEVER)})
    before = restocks(memory, "A")
    assert [(one.orphan.kind, one.units) for one in find(house, dry_run=False).repaired] == [(ENTRY_WITHOUT_DOCUMENT, 4)]
    assert (house.level("A").available, restocks(memory, "A")) == (10, before + 1)


def test_only_the_very_entry_that_was_seen_is_freed(memory: Memory, house: House) -> None:
    edit(memory, available=6, entries={"planted": Entry(quantity=4, expires_at=house.now - HOLD)})
    (orphan,) = find(house).orphans
    edit(memory, entries={"planted": Entry(quantity=4, expires_at=house.now + HOLD)})
    assert not orphans.repair(orphan, world=world(house)).done
    assert house.level("A").locked == 4


def test_an_entry_in_the_pool_of_promises_is_seen_and_is_no_goods(memory: Memory, house: House) -> None:
    key = LevelKey(shop=SHOP, sku="A", part=PROMISES)
    house.stores.stock.levels.open_pool(key, 5)
    house.stores.stock.levels.take(key, "planted", Entry(quantity=2, expires_at=house.now - HOLD))
    assert [(one.done, one.units) for one in find(house, dry_run=False).repaired] == [(True, 0)]
    assert house.level("A", PROMISES).available == 5


# Documents without an entry.


def test_a_hold_that_lost_its_units_ends_at_its_time(memory: Memory, house: House) -> None:
    order = place(house)
    lock = lock_of(memory, order)
    edit(memory, available=10, entries={})
    assert find(house).orphans == ()  # it may be half-way
    house.now += SAFE_AGE
    (orphan,) = find(house, dry_run=False).orphans
    assert (orphan.kind, orphan.sku, orphan.part, orphan.quantity, orphan.due) == (
        DOCUMENT_WITHOUT_ENTRY,
        "A",
        "0",
        2,
        lock.expires_at + GRACE,
    )
    house.now = orphan.due
    assert orphans.repair(orphan, world=world(house)).done
    assert (house.order(order).status, memory.of("lock"), house.level("A").available) == (Status.EXPIRED, [], 10)
    audit_end(memory)


def test_a_hold_that_was_extended_meanwhile_is_left_alone(memory: Memory, house: House) -> None:
    order = place(house)
    edit(memory, available=10, entries={})
    house.now += SAFE_AGE
    (orphan,) = find(house).orphans
    lock = lock_of(memory, order)
    memory.put(("lock", SHOP, lock.id), lock.model_copy(update={"expires_at": lock.expires_at + HOLD, "extended": True}))
    house.now = orphan.due
    assert not orphans.repair(orphan, world=world(house)).done
    assert house.order(order).status is Status.PENDING_PAYMENT


def test_a_lock_that_the_index_still_shows_is_read_again(memory: Memory, house: House) -> None:
    """It was paid between the look at the index and the look at the rest."""
    order = house.buy(("A", 2))
    house.now += SAFE_AGE
    just_before(house.stores.orders, "page", lambda: house.browser_returns(order))
    assert find(house).orphans == ()


# The report.


def test_what_was_not_due_is_refused_by_hand_too(memory: Memory, house: House) -> None:
    lock = crashed(memory, house)
    memory.put(("lock", SHOP, lock.id), None)
    orphan = find(house).orphans[0]
    assert orphans.repair(orphan, world=world(house)).refusal == "not_due"


def test_a_repair_that_fails_says_why_and_keeps_no_other(memory: Memory, house: House) -> None:
    for _ in range(2):
        crashed(memory, house)
    house.now += SAFE_AGE

    def unwell() -> None:
        raise UnavailableError("Not now.")

    just_before(house.stores.stock.locks, "forget", unwell)
    assert [(one.done, one.refusal) for one in find(house, dry_run=False).repaired] == [(False, "unavailable"), (True, None)]


def test_a_look_that_was_cut_short_accuses_no_entry(memory: Memory, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        place(house, ("A", 1))
    edit(memory, sku="B", available=4, entries={"planted": Entry(quantity=1, expires_at=NEVER)})
    assert kinds(find(house)) == [ENTRY_WITHOUT_DOCUMENT]
    monkeypatch.setattr(orphans, "MOST", 2)
    report = find(house)
    assert (report.complete, report.orphans, report.orders) == (False, (), 2)


def test_many_locks_are_read_page_by_page_up_to_a_limit(memory: Memory, house: House) -> None:
    lock = crashed(memory, house)
    for number in range(149):
        memory.put(("lock", SHOP, f"lck_{number:03d}"), lock.model_copy(update={"id": f"lck_{number:03d}"}))
    locks = house.stores.stock.locks
    found, complete = orphans.standing_locks(SHOP, locks)
    assert (len(found), complete) == (150, True)
    found, complete = orphans.standing_locks(SHOP, locks, most=100)
    assert (len(found), complete) == (100, False)


def test_an_unknown_sku_is_refused(house: House) -> None:
    with pytest.raises(UnknownStock):
        find(house, "GHOST")


def world(house: House) -> orphans.World:
    return orphans.World(house.stores.stock, OrdersForOrphans(house.stores.orders), GRACE, house.now)
