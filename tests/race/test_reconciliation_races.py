"""Two workers with one message, two runs over the same orders: everything is found once and counted once."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from holdfast.kernel.errors import HoldfastError
from holdfast.orders import events
from holdfast.orders.model import Order
from holdfast.payments import discrepancies
from holdfast.payments.discrepancies import DiscrepancyState, Drift, Finding
from holdfast.payments.reconciling import Worked
from tests.memory.house import House
from tests.memory.reconciling import Round
from tests.memory.threads import meet, together

Careless = Callable[..., House]
WORKERS = 8


def paid_and_not_told(house: House, count: int = 6) -> list[Order]:
    house.product("A", 50)
    orders = []
    for _ in range(count):
        house.now += timedelta(milliseconds=1)
        orders.append(house.buy(("A", 1)))
    house.now += timedelta(minutes=6)
    return orders


def checks(rounds: Round) -> list[str]:
    """The messages that name orders; all others are worked at."""
    found = []
    while rounds.queue.waiting:
        _, text = rounds.queue.waiting.popleft()
        if json.loads(text)["kind"] == "check":
            found.append(text)
        else:
            rounds.work(text)
    return found


def each_with_its_clock(rounds: Round, text: str) -> list[Callable[[], Worked]]:
    house = rounds.house
    own = [Round(replace(house, now=house.now + timedelta(milliseconds=number)), rounds.queue) for number in range(WORKERS)]
    return [lambda one=one: one.work(text) for one in own]  # type: ignore[misc]


def paid_how_often(house: House, order: Order) -> int:
    return [event.type for event in house.order(order).events].count(events.PAID)


def new_parts(answers: list[Any]) -> int:
    return sum(answer.new for answer in answers if not isinstance(answer, HoldfastError))


def test_one_message_at_many_workers_is_one_piece_of_work(house: House) -> None:
    orders, rounds = paid_and_not_told(house), Round(house)
    run = rounds.begin()
    for text in checks(rounds):
        assert new_parts(together(each_with_its_clock(rounds, text))) == 1
    rounds.drain()
    report = rounds.report(run)
    assert (report.counts.checked, report.counts.results) == (6, {"paid": 6})
    assert [paid_how_often(house, order) for order in orders] == [1] * 6


def test_without_the_guard_each_of_them_rings_the_bell(careless: Careless) -> None:
    house = careless("ONE_PART")
    paid_and_not_told(house)
    rounds = Round(house)
    rounds.begin()
    text = checks(rounds)[0]
    meet(house.stores.reconciliations, "part", WORKERS)
    assert new_parts(together(each_with_its_clock(rounds, text))) > 1


def test_two_runs_at_once_find_each_payment_once(house: House) -> None:
    orders = paid_and_not_told(house)
    both = [Round(replace(house, now=house.now + timedelta(milliseconds=number))) for number in range(2)]
    runs = [rounds.begin() for rounds in both]
    together([rounds.drain for rounds in both])
    reports = [rounds.report(run) for rounds, run in zip(both, runs, strict=True)]
    assert all(report.finished_at for report in reports)
    assert sum(report.counts.found for report in reports) == 6
    assert [paid_how_often(house, order) for order in orders] == [1] * 6


def note(house: House, number: int, amount: int = 99) -> discrepancies.Noted:
    finding = Finding(Drift.AMOUNT_DRIFT, "ord_1", {"captured": 100}, {"amount": amount})
    return discrepancies.note(
        house.shop,
        "sandbox",
        "pay_1",
        [finding],
        judged=frozenset(Drift),
        run=f"run_{number}",
        store=house.stores.discrepancies,
        now=house.now,
    )


def test_a_discrepancy_that_many_see_is_told_once(house: House) -> None:
    meet(house.stores.discrepancies, "about", WORKERS)
    noted = together([lambda number=number: note(house, number) for number in range(WORKERS)])  # type: ignore[misc]
    assert sum(one.opened for one in noted) == 1
    assert len(house.stores.discrepancies.page(house.shop, DiscrepancyState.OPEN, None, 10)) == 1


def test_without_the_guard_it_is_told_more_than_once(careless: Careless) -> None:
    house = careless("FIRST_FOUND")
    meet(house.stores.discrepancies, "about", WORKERS)
    noted = together([lambda number=number: note(house, number) for number in range(WORKERS)])  # type: ignore[misc]
    assert sum(one.opened for one in noted) > 1


def changed_by_two(house: House) -> list[int]:
    """Two saw it differ in new ways; what each of them had seen before is the same."""
    note(house, 0)
    meet(house.stores.discrepancies, "about", 2)
    together([lambda amount=amount: note(house, 1, amount) for amount in (98, 97)])  # type: ignore[misc]
    return [one.version for one in house.stores.discrepancies.page(house.shop, DiscrepancyState.OPEN, None, 10)]


def saved_by_two(house: House) -> int:
    note(house, 0)
    [seen] = house.stores.discrepancies.about(house.shop, "sandbox", "pay_1")
    changed = [seen.model_copy(update={"theirs": {"amount": amount}, "version": 2}) for amount in (98, 97)]
    return sum(together([lambda one=one: house.stores.discrepancies.save(one) for one in changed]))  # type: ignore[misc]


def test_of_two_changes_one_counts(house: House) -> None:
    assert changed_by_two(house) == [2]
    assert saved_by_two(replace(house, shop=f"{house.shop}-2")) == 1


def test_without_the_guard_one_change_is_lost(careless: Careless) -> None:
    assert saved_by_two(careless("SAME_DISCREPANCY")) == 2
