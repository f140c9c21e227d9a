"""Payments that no webhook told of are found; nothing is said twice, nothing is decided while a provider says nothing."""

from datetime import timedelta
from typing import Any

import pytest

from holdfast.kernel.errors import IdempotencyKeyInFlight, UnavailableError, VersionConflict
from holdfast.kernel.ids import derived_id, new_id
from holdfast.kernel.money import Money
from holdfast.orders.model import Order, PaymentStatus, Status
from holdfast.payments import reconciling
from holdfast.payments.discrepancies import DiscrepancyState, Drift
from holdfast.payments.errors import CredentialsRefused, PaymentUnknown, UnknownProvider
from holdfast.payments.model import Given, GivenState, News
from holdfast.payments.providers.sandbox.proxy import Action
from holdfast.payments.reports import ROOT, Report
from holdfast.platform.calling import PartnerThrottles, PartnerUnavailable, PartnerUnreadable
from holdfast.tenants.model import LatePayment
from holdfast.wiring.reconcile_start import TRIES, awaited
from tests.memory.bank import Bank
from tests.memory.engine import Memory
from tests.memory.house import House
from tests.memory.reconciling import Killed, Round
from tests.memory.stores import in_memory

LATER = timedelta(minutes=6)
"""Old enough to be asked for, young enough to be held."""


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def house(memory: Memory) -> House:
    house = House(in_memory(memory))
    house.product("box", units=10_000)
    return house


@pytest.fixture
def rounds(house: House) -> Round:
    return Round(house)


def placed(house: House, count: int, *, paid: bool = False) -> list[Order]:
    orders = []
    for _ in range(count):
        house.now += timedelta(milliseconds=1)
        orders.append(house.buy(("box", 1)) if paid else house.place(house.session(("box", 1))).order)
    return orders


def stands(house: House, orders: list[Order]) -> list[tuple[Status, PaymentStatus]]:
    return [(order.status, order.payment.status) for order in map(house.order, orders)]


def test_all_webhooks_dropped_one_run_finds_every_payment(house: House, rounds: Round) -> None:
    paid, unpaid = placed(house, 130, paid=True), placed(house, 20)
    house.now += LATER
    report = rounds.tick()
    assert stands(house, paid) == [(Status.PAID, PaymentStatus.SUCCEEDED)] * 130
    assert stands(house, unpaid) == [(Status.PENDING_PAYMENT, PaymentStatus.PENDING)] * 20
    assert (report.counts.listed, report.counts.checked, report.counts.asked) == (150, 150, 150)
    assert (report.counts.changed, report.counts.found) == (130, 130)
    assert report.counts.results == {"paid": 130, "pending": 20}
    assert report.finished_at is not None
    assert report.parts == report.planned
    assert rounds.calls == {"status": 150}


def test_the_next_run_asks_only_for_those_that_still_wait(house: House, rounds: Round) -> None:
    placed(house, 5, paid=True)
    placed(house, 2)
    house.now += LATER
    rounds.tick()
    rounds.calls.clear()
    assert rounds.tick().counts.results == {"pending": 2}
    assert rounds.calls == {"status": 2}


def test_who_is_too_young_is_counted_and_not_asked_for(house: House, rounds: Round) -> None:
    placed(house, 3, paid=True)
    house.now += timedelta(minutes=4)
    report = rounds.tick()
    assert (report.counts.listed, report.counts.checked, report.counts.skipped) == (3, 0, {"too_young": 3})
    assert not rounds.calls
    assert rounds.tick(min_age_minutes=0).counts.results == {"paid": 3}


def test_who_is_too_old_is_told_and_left_to_people(house: House, rounds: Round) -> None:
    [order] = placed(house, 1)
    house.now += timedelta(hours=49)
    report = rounds.tick()
    assert report.counts.skipped == {"too_old": 1}
    assert not rounds.calls
    assert report.counts.discrepancies == {"opened": 1, "resolved": 0}
    [found] = rounds.discrepancies.page("demo", DiscrepancyState.OPEN, None, 10)
    assert (found.drift, found.order, found.payment) == (Drift.PENDING_TOO_OLD, order.id, order.payment.id)
    assert rounds.tick().counts.discrepancies == {"opened": 0, "resolved": 0}


def test_a_comprehensive_run_asks_for_old_ones_too_and_closes_what_it_settles(house: House, rounds: Round) -> None:
    [order] = placed(house, 1)
    house.now += timedelta(hours=49)
    rounds.tick()
    report = rounds.tick(mode="comprehensive")
    assert report.counts.results == {"timed_out": 1}
    assert report.counts.discrepancies == {"opened": 0, "resolved": 1}
    assert stands(house, [order]) == [(Status.EXPIRED, PaymentStatus.EXPIRED)]
    assert rounds.discrepancies.page("demo", DiscrepancyState.OPEN, None, 10) == []
    assert [one.drift for one in rounds.discrepancies.page("demo", DiscrepancyState.RESOLVED, None, 10)] == [Drift.PENDING_TOO_OLD]


def test_what_nobody_paid_in_time_is_given_up_at_the_provider_first(house: House, rounds: Round) -> None:
    [order] = placed(house, 1)
    house.now += timedelta(hours=1)
    assert rounds.tick().counts.results == {"pending": 1}
    house.now += timedelta(hours=1)
    assert rounds.tick().counts.results == {"timed_out": 1}
    assert rounds.calls["void"] == 1
    assert stands(house, [order]) == [(Status.EXPIRED, PaymentStatus.EXPIRED)]
    assert house.free("box") == 10_000
    assert rounds.tick().counts.listed == 0


def test_a_swept_order_leaves_the_list_of_unsettled_ones_when_its_payment_is_given_up(house: House, rounds: Round) -> None:
    [order] = placed(house, 1)
    house.now += timedelta(minutes=20)
    house.sweep()
    assert stands(house, [order]) == [(Status.EXPIRED, PaymentStatus.PENDING)]
    assert rounds.tick().counts.results == {"pending": 1}
    house.now += timedelta(hours=2)
    assert rounds.tick().counts.results == {"timed_out": 1}
    assert stands(house, [order]) == [(Status.EXPIRED, PaymentStatus.EXPIRED)]
    assert rounds.tick().counts.listed == 0


def test_a_cancelled_order_whose_payment_was_given_up_leaves_the_list(house: House, rounds: Round) -> None:
    [order] = placed(house, 1)
    house.cancel(order)
    house.void(order)
    house.now += LATER
    assert rounds.tick().counts.results == {"expired": 1}
    assert stands(house, [order]) == [(Status.CANCELLED, PaymentStatus.EXPIRED)]
    assert rounds.tick().counts.listed == 0


def test_money_for_a_cancelled_order_goes_back(house: House, rounds: Round) -> None:
    [order] = placed(house, 1)
    house.cancel(order)
    house.at_provider(order, Action.PAY)
    house.now += LATER
    report = rounds.tick()
    assert (report.counts.results, report.counts.found) == ({"given_back": 1}, 1)
    assert stands(house, [order]) == [(Status.REFUNDED, PaymentStatus.REFUNDED)]


def test_late_money_follows_the_shops_policy(house: House, rounds: Round) -> None:
    [order] = placed(house, 1)
    house.now += timedelta(minutes=20)
    house.sweep()
    house.at_provider(order, Action.PAY)
    assert rounds.tick().counts.results == {"paid": 1}
    assert house.order(order).status is Status.PAID


def test_late_money_goes_back_where_the_shop_says_so(house: House) -> None:
    house.late_payment = LatePayment.REFUND
    rounds = Round(house)
    [order] = placed(house, 1)
    house.now += timedelta(minutes=20)
    house.sweep()
    house.at_provider(order, Action.PAY)
    assert rounds.tick().counts.results == {"given_back": 1}


def test_a_declined_payment_that_nobody_told_of_ends_its_order(house: House, rounds: Round) -> None:
    [order] = placed(house, 1)
    house.at_provider(order, Action.DECLINE)
    house.now += LATER
    assert rounds.tick().counts.results == {"failed": 1}
    assert stands(house, [order]) == [(Status.PAYMENT_FAILED, PaymentStatus.FAILED)]


def test_a_failed_payment_that_came_after_all_is_found_by_a_comprehensive_run(house: House, rounds: Round) -> None:
    [order] = placed(house, 1)
    house.at_provider(order, Action.DECLINE)
    house.browser_returns(order)
    house.at_provider(order, Action.PAY)
    house.now += LATER
    assert rounds.tick().counts.listed == 0
    report = rounds.tick(mode="comprehensive")
    assert (report.counts.results, report.counts.found) == ({"paid": 1}, 1)
    assert house.order(order).status is Status.PAID


def test_an_order_that_was_failed_and_still_is_stays_as_it_was(house: House, rounds: Round) -> None:
    [order] = placed(house, 1)
    house.at_provider(order, Action.DECLINE)
    house.browser_returns(order)
    house.now += LATER
    before = house.order(order)
    assert rounds.tick(mode="comprehensive").counts.results == {"unchanged": 1}
    assert house.order(order) == before


def test_money_that_does_not_match_is_for_a_person(house: House, rounds: Round) -> None:
    [order] = placed(house, 1)
    house.pay_another_amount(order, 1)
    house.now += LATER
    assert rounds.tick().counts.results == {"review": 1}
    assert house.order(order).status is Status.PAYMENT_REVIEW
    again = rounds.tick()
    assert (again.counts.results, again.counts.changed) == ({"review": 1}, 0)


def test_a_refund_that_nobody_finished_is_finished_whatever_its_age(house: House, rounds: Round) -> None:
    [order] = placed(house, 1, paid=True)
    house.browser_returns(order)
    house.refund(house.order(order))
    house.now += timedelta(days=20)
    assert house.order(order).payment.status is PaymentStatus.REFUND_DUE
    report = rounds.tick()
    assert (report.counts.results, rounds.calls) == ({"refunded": 1}, {"refund": 1})
    assert house.order(order).payment.status is PaymentStatus.REFUNDED


def test_force_gives_up_what_is_younger_and_never_what_is_held(house: House, rounds: Round) -> None:
    [held] = placed(house, 1)
    house.now += LATER
    assert rounds.tick(force_timeout=True).counts.results == {"pending": 1}
    house.now += timedelta(minutes=10)
    assert rounds.tick(force_timeout=True).counts.results == {"timed_out": 1}
    assert house.order(held).payment.status is PaymentStatus.EXPIRED


def test_money_that_comes_while_it_is_given_up_is_taken(house: House, rounds: Round) -> None:
    [order] = placed(house, 1)
    house.now += timedelta(hours=3)

    def at_the_last_moment(method: str, _: str) -> None:
        if method == "void":
            house.at_provider(order, Action.PAY)

    rounds.failing = at_the_last_moment
    report = rounds.tick()
    assert (report.counts.results, report.counts.found) == ({"paid": 1}, 1)


@pytest.mark.parametrize("silence", [PartnerUnavailable("down", 5, partner="sandbox"), PartnerThrottles("slow down", 5, partner="sandbox")])
def test_a_provider_that_says_nothing_changes_nothing_and_is_asked_again(
    house: House, memory: Memory, rounds: Round, silence: Exception
) -> None:
    orders = placed(house, 60, paid=True)
    house.now += timedelta(hours=3)
    before, down = dict(memory.rows), house.now + timedelta(minutes=2)

    def failing(method: str, _: str) -> None:
        if house.now < down:
            raise silence

    rounds.failing = failing
    run = rounds.begin()
    rounds.drain(1 + 2 * 4 + 4)
    orders_then = {key: row for key, row in memory.rows.items() if key[0] == "order"}
    assert orders_then == {key: row for key, row in before.items() if key[0] == "order"}
    assert rounds.report(run).finished_at is None
    strikes = 1 if isinstance(silence, PartnerThrottles) else reconciling.STRIKES
    assert rounds.calls["status"] == 4 * strikes
    rounds.drain()
    assert stands(house, orders) == [(Status.PAID, PaymentStatus.SUCCEEDED)] * 60
    assert rounds.report(run).counts.results == {"paid": 60}
    assert rounds.report(run).counts.skipped == {}


def test_a_provider_that_stays_down_is_told_of_after_a_bounded_number_of_tries(house: House, rounds: Round) -> None:
    orders = placed(house, 60)
    house.now += timedelta(hours=3)

    def failing(method: str, _: str) -> None:
        raise PartnerUnavailable("down", 5, partner="sandbox")

    rounds.failing = failing
    report = rounds.tick()
    assert report.counts.results == {"skipped": 60}
    assert report.counts.skipped == {"provider_down": 60}
    assert report.finished_at is not None
    assert set(rounds.calls) == {"status"}
    assert rounds.calls["status"] <= 4 * reconciling.STRIKES * (len(reconciling.RETRIES) + 1)
    assert stands(house, orders) == [(Status.PENDING_PAYMENT, PaymentStatus.PENDING)] * 60


def test_a_provider_that_goes_down_half_way_keeps_what_was_learned(house: House, rounds: Round) -> None:
    placed(house, 100, paid=True)
    house.now += LATER
    asked: list[str] = []

    def failing(method: str, payment: str) -> None:
        asked.append(payment)
        if 40 < len(asked) < 60:
            raise PartnerUnavailable("down", 5, partner="sandbox")

    rounds.failing = failing
    report = rounds.tick()
    assert report.counts.results == {"paid": 100}
    assert (report.counts.checked, report.counts.found) == (100, 100)


def test_one_payment_that_cannot_be_read_keeps_no_other_waiting(house: House, rounds: Round) -> None:
    orders = placed(house, 10, paid=True)
    bad = orders[4].payment.id
    house.now += LATER

    def failing(method: str, payment: str) -> None:
        if payment == bad:
            raise PartnerUnreadable("what?", 5, partner="sandbox")

    rounds.failing = failing
    report = rounds.tick()
    assert report.counts.results == {"paid": 9, "skipped": 1}
    assert report.counts.skipped == {"provider_unreadable": 1}


def test_credentials_that_are_refused_stop_the_asking_and_are_told(house: House, rounds: Round) -> None:
    placed(house, 60, paid=True)
    house.now += LATER

    def failing(method: str, _: str) -> None:
        raise CredentialsRefused("no", provider="sandbox")

    rounds.failing = failing
    report = rounds.tick()
    assert report.counts.skipped == {"credentials_refused": 60}
    assert rounds.calls["status"] == 4


@pytest.mark.parametrize("refusal", [IdempotencyKeyInFlight("at work"), VersionConflict("changed"), UnavailableError("the store")])
def test_what_is_being_changed_by_somebody_is_asked_for_once_more(house: House, rounds: Round, refusal: Exception) -> None:
    placed(house, 3, paid=True)
    house.now += LATER
    refusals = iter([refusal] * 2)

    def failing(method: str, _: str) -> None:
        if (raised := next(refusals, None)) is not None:
            raise raised

    rounds.failing = failing
    report = rounds.tick()
    assert (report.counts.results, report.counts.errors, report.counts.skipped) == ({"paid": 3}, {}, {})


def test_an_account_that_is_gone_is_told(house: House, rounds: Round) -> None:
    placed(house, 1)
    house.now += LATER
    rounds.provider = _Gone()
    assert rounds.tick().counts.skipped == {"provider_not_connected": 1}


def test_a_refund_at_an_account_that_is_gone_is_told_and_stays_due(house: House, rounds: Round) -> None:
    [order] = placed(house, 1, paid=True)
    house.browser_returns(order)
    house.refund(house.order(order))
    house.now += LATER
    rounds.provider = _Gone()
    report = rounds.tick()
    assert (report.counts.skipped, report.counts.errors) == ({"provider_not_connected": 1}, {})
    assert house.order(order).payment.status is PaymentStatus.REFUND_DUE


class _Gone:
    def __getattr__(self, name: str) -> Any:
        raise UnknownProvider


def test_what_the_provider_does_not_know_is_told_and_given_up_in_the_end(house: House, rounds: Round) -> None:
    [order] = placed(house, 1)
    house.now += LATER

    def failing(method: str, _: str) -> None:
        raise PaymentUnknown

    rounds.failing = failing
    assert rounds.tick().counts.skipped == {"unknown_at_provider": 1}
    assert [one.drift for one in rounds.discrepancies.page("demo", DiscrepancyState.OPEN, None, 10)] == [Drift.PENDING_UNKNOWN]
    house.now += timedelta(hours=49)
    assert rounds.tick(mode="comprehensive").counts.results == {"timed_out": 1}
    assert house.order(order).payment.status is PaymentStatus.EXPIRED
    assert rounds.discrepancies.page("demo", DiscrepancyState.OPEN, None, 10) == []


def test_a_fault_of_ours_in_one_order_spoils_no_other(house: House, rounds: Round) -> None:
    orders = placed(house, 10, paid=True)
    house.now += LATER

    def failing(method: str, payment: str) -> None:
        if payment == orders[3].payment.id:
            raise ZeroDivisionError

    rounds.failing = failing
    report = rounds.tick()
    assert report.counts.results == {"error": 1, "paid": 9}
    assert report.counts.errors == {"unexpected": 1}


def test_a_payment_of_another_order_settles_nothing(house: House, rounds: Round) -> None:
    first, second = placed(house, 2, paid=True)
    house.now += LATER
    rounds.provider = _Swapped(house, first, second)
    report = rounds.tick()
    assert report.counts.errors == {"foreign_reference": 2}
    assert stands(house, [first, second]) == [(Status.PENDING_PAYMENT, PaymentStatus.PENDING)] * 2


class _Swapped:
    """Answers for one payment what is true of another."""

    hearsay = False

    def __init__(self, house: House, first: Order, second: Order) -> None:
        self._house = house
        self._other = {first.payment.id: second.payment.id, second.payment.id: first.payment.id}

    def status(self, payment: str) -> Any:
        return self._house.stores.provider.status(self._other[payment])


def all_but_reports(memory: Memory) -> dict[Any, Any]:
    """What runs did is kept, also that of dry ones."""
    return {key: row for key, row in memory.rows.items() if key[0] not in {"reconciliation", "reconciliation-part", "run"}}


def test_a_dry_run_changes_nothing_and_foretells(house: House, memory: Memory, rounds: Round) -> None:
    placed(house, 3, paid=True)
    declined, odd, cancelled, refunded, old = placed(house, 5)
    house.at_provider(declined, Action.DECLINE)
    house.pay_another_amount(odd, 1)
    house.cancel(cancelled)
    house.at_provider(cancelled, Action.PAY)
    house.at_provider(refunded, Action.PAY)
    house.browser_returns(refunded)
    house.refund(house.order(refunded))
    house.now += timedelta(hours=3)
    before = all_but_reports(memory)
    foretold = rounds.tick(dry_run=True, force_timeout=True, check_orphaned_reservations=True, cleanup_reservations=True)
    assert all_but_reports(memory) == before
    assert set(rounds.calls) == {"status"}
    came = rounds.tick(force_timeout=True)
    assert foretold.counts.results == came.counts.results
    assert foretold.counts.results == {"failed": 1, "given_back": 1, "paid": 3, "refunded": 1, "review": 1, "timed_out": 1}
    assert (foretold.counts.changed, foretold.counts.found) == (came.counts.changed, came.counts.found)
    assert house.order(old).payment.status is PaymentStatus.EXPIRED


def test_a_verbose_run_tells_of_each_order(house: House, rounds: Round) -> None:
    [paid], [unpaid] = placed(house, 1, paid=True), placed(house, 1)
    house.now += LATER
    run = rounds.begin(verbose=True)
    rounds.drain()
    told = {line.order: (line.result, line.status, line.provider) for line in rounds.lines(run)}
    assert told == {paid.id: ("paid", "paid", "sandbox"), unpaid.id: ("pending", "pending_payment", "sandbox")}
    assert rounds.lines(rounds.begin(verbose=False)) == []


def test_messages_that_come_twice_count_once(house: House, rounds: Round) -> None:
    placed(house, 130, paid=True)
    house.now += LATER
    run = rounds.begin()
    seen: list[str] = []
    while rounds.queue.waiting:
        _, text = rounds.queue.waiting.popleft()
        if seen.count(text) < 2:
            seen.append(text)
            first = rounds.work(text)
            again = rounds.work(text)
            assert (first.new, again.new) == (seen.count(text) == 1, False)
            assert again.part == first.part
    report = rounds.report(run)
    assert (report.counts.listed, report.counts.results, report.counts.found) == (130, {"paid": 130}, 130)
    assert rounds.calls == {"status": 130}


def test_two_overlapping_runs_tell_each_payment_once_between_them(house: House, rounds: Round) -> None:
    orders = placed(house, 40, paid=True)
    house.now += LATER
    first, second = rounds.begin(), rounds.begin()
    rounds.drain()
    reports = [rounds.report(first), rounds.report(second)]
    assert sum(report.counts.found for report in reports) == 40
    assert all(report.finished_at for report in reports)
    assert [len([event for event in house.order(order).events if event.type == "order.paid.v1"]) for order in orders] == [1] * 40


def test_a_worker_that_is_killed_in_the_middle_is_followed_by_one_that_tells_all(house: House, rounds: Round) -> None:
    placed(house, 30, paid=True)
    house.now += LATER
    run = rounds.begin()
    killed: list[str] = []

    def failing(method: str, payment: str) -> None:
        if len(killed) < 4 and rounds.calls["status"] % 5 == 4:
            killed.append(payment)
            raise Killed

    rounds.failing = failing
    while rounds.queue.waiting:
        _, text = rounds.queue.waiting.popleft()
        try:
            rounds.work(text)
        except Killed:
            rounds.queue.waiting.append((timedelta(), text))
    assert len(killed) == 4
    report = rounds.report(run)
    assert report.counts.results == {"paid": 30}
    assert (report.counts.checked, report.counts.changed) == (30, 30)


def test_a_piece_whose_time_is_over_leaves_the_rest_to_another(house: House, rounds: Round) -> None:
    placed(house, 30, paid=True)
    house.now += LATER
    run = rounds.begin()
    pieces = 0
    while rounds.queue.waiting:
        _, text = rounds.queue.waiting.popleft()
        pieces += "/check" in text
        rounds.work(text, enough=lambda: False)
    report = rounds.report(run)
    assert pieces == 30  # one order each: each piece comes on
    assert (report.counts.results, report.finished_at is not None) == ({"paid": 30}, True)


def test_a_page_goes_on_where_the_one_before_ended(house: House, rounds: Round, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconciling, "PAGE", 7)
    monkeypatch.setattr(reconciling, "CHUNK", 3)
    placed(house, 100, paid=True)
    house.now += LATER
    report = rounds.tick()
    assert (report.counts.listed, report.counts.results) == (100, {"paid": 100})


def test_a_report_that_is_not_complete_says_so_and_is_not_kept(house: House, rounds: Round) -> None:
    placed(house, 3, paid=True)
    house.now += LATER
    run = rounds.begin()
    assert rounds.report(run).finished_at is None
    assert rounds.report(run).parts == 1
    assert [part.name for part in rounds.runs.parts("demo", run.id)] == [ROOT]
    rounds.drain()
    kept: Report = rounds.report(run)
    found = rounds.runs.run("demo", run.id)
    assert found is not None
    assert found.report == kept


def test_a_schedule_waits_for_its_run_before(house: House, rounds: Round) -> None:
    placed(house, 3)
    house.now += LATER
    run = rounds.begin()
    rounds.drain(1)
    mode = run.options.mode
    ends = house.now + reconciling.STILL_AT_WORK
    assert reconciling.at_work("demo", mode, runs=rounds.runs, now=house.now) == run
    assert reconciling.at_work("demo", mode, runs=rounds.runs, now=ends - timedelta(seconds=1)) == run
    assert reconciling.at_work("demo", mode, runs=rounds.runs, now=ends) is None
    rounds.drain()
    assert reconciling.at_work("demo", mode, runs=rounds.runs, now=house.now) is None


@pytest.mark.parametrize("written", ["run", "root"])
def test_a_run_whose_work_never_began_keeps_nobody_waiting_for_long(house: House, rounds: Round, written: str) -> None:
    run = rounds.begin()
    if written == "run":
        run = run.model_copy(update={"id": new_id("run", house.now + timedelta(seconds=1))})
        rounds.runs.begin(run)
        rounds.drain()
    lost = house.now + reconciling.BEGUN_WITHIN
    mode = run.options.mode
    assert reconciling.at_work("demo", mode, runs=rounds.runs, now=lost - timedelta(seconds=1)) == run
    assert reconciling.at_work("demo", mode, runs=rounds.runs, now=lost) is None


@pytest.mark.parametrize("failures", [1, 2])
def test_a_beginning_that_failed_half_way_is_made_again(
    house: House, rounds: Round, monkeypatch: pytest.MonkeyPatch, failures: int
) -> None:
    placed(house, 3, paid=True)
    house.now += LATER
    unsteady(monkeypatch, rounds, failures)
    report = rounds.tick()
    assert (report.counts.results, rounds.calls, len(rounds.runs.runs("demo", 10, None))) == ({"paid": 3}, {"status": 3}, 1)


def test_a_beginning_that_fails_each_time_is_told(rounds: Round, monkeypatch: pytest.MonkeyPatch) -> None:
    unsteady(monkeypatch, rounds, TRIES)
    with pytest.raises(UnavailableError):
        rounds.begin()


def unsteady(monkeypatch: pytest.MonkeyPatch, rounds: Round, failures: int) -> None:
    """The queue takes the first message, and says then that it did not take all of them."""
    send_all, left = rounds.queue.send_all, iter(range(failures))

    def send(messages: Any) -> None:
        if next(left, None) is None:
            return send_all(messages)
        send_all(messages[:1])
        raise UnavailableError("The queue did not take all of it.")

    monkeypatch.setattr(rounds.queue, "send_all", send)


def test_unmatched_webhooks_are_looked_at_again(house: House, rounds: Round) -> None:
    [order] = placed(house, 1, paid=True)
    house.webhook(order)
    house.now += timedelta(minutes=20)
    assert rounds.tick(dry_run=True).counts.events == {"looked_at_again": 1}
    assert rounds.matched == []
    assert rounds.tick().counts.events == {"looked_at_again": 1}
    assert len(rounds.matched) == 1


def test_reservations_are_cleaned_up_where_that_is_asked(house: House, rounds: Round) -> None:
    placed(house, 2)
    house.now += timedelta(minutes=20)
    assert rounds.tick().counts.reservations == {}
    foretold = rounds.tick(cleanup_reservations=True, dry_run=True)
    assert foretold.counts.reservations == {"cleaned_locks": 2, "cleaned_units": 2}
    assert rounds.tick(cleanup_reservations=True).counts.reservations == {"cleaned_locks": 2, "cleaned_units": 2}
    assert house.free("box") == 10_000


def agreed(house: House) -> tuple[Bank, Order]:
    """The shopper agreed at a provider that waits for us to collect."""
    bank = Bank()
    house.stores.provider = bank
    [order] = placed(house, 1)
    bank.becomes(order.payment.id, news=News.AUTHORIZED)
    house.now += LATER
    return bank, order


def test_what_was_only_agreed_to_is_collected(house: House, rounds: Round) -> None:
    bank, order = agreed(house)
    assert rounds.tick().counts.results == {"paid": 1}
    assert (bank.asked.count("capture"), house.order(order).status) == (1, Status.PAID)


def test_a_dry_run_collects_nothing_and_foretells_it(house: House, rounds: Round) -> None:
    bank, order = agreed(house)
    assert rounds.tick(dry_run=True).counts.results == {"paid": 1}
    assert (bank.asked, house.order(order).status) == (["status"], Status.PENDING_PAYMENT)


def test_a_refund_that_the_provider_has_yet_to_do_is_told_as_due(house: House, rounds: Round) -> None:
    bank = Slow()
    house.stores.provider = bank
    [order] = placed(house, 1)
    bank.becomes(order.payment.id, news=News.SUCCEEDED)
    house.browser_returns(order)
    house.refund(house.order(order))
    house.now += LATER
    assert rounds.tick().counts.results == {"refund_due": 1}
    bank.state = GivenState.DONE
    house.now += LATER
    assert rounds.tick().counts.results == {"refunded": 1}
    assert rounds.tick().counts.listed == 0


class Slow(Bank):
    """Takes its time with refunds."""

    state = GivenState.PENDING

    def refund(self, payment: str, amount: Money, key: str, charge: str | None = None) -> Given:
        given = Given(ref=f"re_{key}", amount=amount.amount, state=self.state, key=key)
        self.becomes(payment, refunds=(given,), refunded=amount.amount if self.state is GivenState.DONE else 0)
        return given


def test_ten_thousand_are_asked_for_once_each(house: House, rounds: Round, memory: Memory) -> None:
    [first] = placed(house, 1)
    for number in range(1, 10_000):
        at = first.created_at + timedelta(milliseconds=number)
        identity = derived_id("ord", at, str(number))
        copy = first.model_copy(update={"id": identity, "created_at": at, "hold": None})
        memory.put(("order", "demo", identity), copy)
    house.now += timedelta(minutes=30)
    report = rounds.tick()
    assert (report.counts.listed, report.counts.checked) == (10_000, 10_000)
    assert rounds.calls == {"status": 10_000}
    assert report.counts.results == {"pending": 10_000}
    assert report.parts == report.planned >= 10_000 // reconciling.CHUNK


def test_an_operator_waits_for_the_end_of_a_run(house: House, rounds: Round) -> None:
    placed(house, 3, paid=True)
    house.now += LATER
    run, looks = rounds.begin(), iter((1, 1, 100))

    def pause(moment: timedelta) -> None:
        house.now += moment
        rounds.drain(next(looks))

    waited = awaited(run, timedelta(seconds=20), runs=rounds.runs, now=lambda: house.now, pause=pause)
    assert (waited.finished_at is not None, waited.counts.results) == (True, {"paid": 3})


def test_an_operator_does_not_wait_for_ever(house: House, rounds: Round) -> None:
    placed(house, 3)

    def pause(moment: timedelta) -> None:
        house.now += moment

    run, began = rounds.begin(), house.now
    assert awaited(run, timedelta(seconds=5), runs=rounds.runs, now=lambda: house.now, pause=pause).finished_at is None
    assert house.now == began + timedelta(seconds=5)


def test_an_order_that_leaves_one_list_for_another_is_asked_for_all_the_same(
    house: House, rounds: Round, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciling, "PAGE", 2)
    orders = placed(house, 40, paid=True)
    house.now += LATER
    rounds.begin()
    rounds.drain(6)
    house.now += timedelta(minutes=15)
    house.sweep()  # all that are not asked for yet are no longer among those that wait
    rounds.drain()
    assert {house.order(order).payment.status for order in orders} == {PaymentStatus.SUCCEEDED}
