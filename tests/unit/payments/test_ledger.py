"""A day's payments at the provider against the day's orders: what differs is put right or told, and told once."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from holdfast.kernel.money import Money
from holdfast.orders.model import Order, PaymentStatus, Status
from holdfast.payments import reconciling
from holdfast.payments.comparing import Booked, compare
from holdfast.payments.discrepancies import Discrepancy, DiscrepancyState, Drift
from holdfast.payments.errors import CredentialsRefused
from holdfast.payments.model import Charge, Given, GivenState, Listing, News, ProviderFact
from holdfast.payments.reports import Asked, Report
from holdfast.platform.calling import PartnerUnavailable
from holdfast.platform.problems import ValidationFailed
from tests.memory.bank import Bank
from tests.memory.engine import Memory
from tests.memory.house import START, House
from tests.memory.reconciling import Round
from tests.memory.stores import in_memory

NEXT_DAY = timedelta(hours=30)


@dataclass
class ListingBank(Bank):
    """Has a list of what was made, a few to a page."""

    made_at: dict[str, datetime] = field(default_factory=dict)

    def create(self, wish: Any, now: datetime) -> Any:
        created = super().create(wish, now)
        self.made_at.setdefault(created.id, now)
        return created

    def refund(self, payment: str, amount: Money, key: str, charge: str | None = None) -> Given:
        """Of a movement beside: that is in no sum of the payment."""
        fact = self.book[payment]
        if charge in {None, fact.charge}:
            return super().refund(payment, amount, key, charge)
        left = tuple(one.model_copy(update={"amount": one.amount - amount.amount}) if one.id == charge else one for one in fact.beside)
        given = Given(ref=f"re_{key}", amount=amount.amount, state=GivenState.DONE, key=key)
        self.becomes(payment, beside=left, refunds=(*fact.refunds, given))
        return given

    def listed(self, since: datetime, until: datetime, cursor: str | None) -> Listing | None:
        self._call("listed")
        names = sorted(name for name, at in self.made_at.items() if since <= at < until and name > (cursor or ""))
        page = names[:3]
        return Listing(tuple(self.book[name] for name in page), page[-1] if len(names) > 3 else None)


@pytest.fixture
def bank() -> ListingBank:
    return ListingBank()


@pytest.fixture
def house(bank: ListingBank) -> House:
    house = House(in_memory(Memory()))
    house.stores.provider = bank
    house.product("box", units=100)
    return house


@pytest.fixture
def rounds(house: House) -> Round:
    return Round(house, accounts=("sandbox",))


def placed(house: House) -> Order:
    house.now += timedelta(milliseconds=1)
    return house.place(house.session(("box", 1))).order


def paid(house: House, bank: ListingBank) -> Order:
    order = placed(house)
    bank.becomes(order.payment.id, news=News.SUCCEEDED, charge=f"ch_{order.id}")
    house.browser_returns(order)
    return house.order(order)


def of_the_day(house: House, rounds: Round, **options: Any) -> Report:
    house.now = max(house.now, START + NEXT_DAY)
    return rounds.tick(mode="ledger", **options)


def drifts(rounds: Round, state: DiscrepancyState = DiscrepancyState.OPEN) -> list[Drift]:
    return [one.drift for one in rounds.discrepancies.page("demo", state, None, 100)]


def test_books_that_agree_leave_nothing(house: House, bank: ListingBank, rounds: Round) -> None:
    for _ in range(8):
        paid(house, bank)
    placed(house)
    report = of_the_day(house, rounds)
    assert report.counts.results == {"agrees": 8, "unchanged": 1}
    assert (report.counts.listed, report.counts.discrepancies, drifts(rounds)) == (9, {}, [])
    assert report.finished_at is not None


def test_only_the_days_orders_are_compared(house: House, bank: ListingBank, rounds: Round) -> None:
    paid(house, bank)
    house.now = START + timedelta(days=1)
    paid(house, bank)
    assert of_the_day(house, rounds, day=START.date()).counts.listed == 1
    assert of_the_day(house, rounds, day=(START + timedelta(days=1)).date()).counts.listed == 1
    assert of_the_day(house, rounds, day=(START - timedelta(days=1)).date()).counts.listed == 0


@pytest.mark.parametrize(("day", "known"), [("1960-05-05", False), ("1999-12-31", False), ("2000-01-01", True), (None, True)])
def test_nobody_sold_anything_before_this_century(day: str | None, known: bool) -> None:
    if known:
        assert str(Asked.model_validate({"day": day}).day) == str(day)
        return
    with pytest.raises(ValidationError):
        Asked.model_validate({"day": day})


def test_a_day_that_is_yet_to_come_has_no_ledger(rounds: Round) -> None:
    today = START.date()
    for day in (today + timedelta(days=1), date.max):
        with pytest.raises(ValidationFailed) as refused:
            rounds.begin(mode="ledger", day=day)
        assert refused.value.facts["errors"][0]["pointer"] == "/day"
    assert rounds.runs.runs("demo", 10, None) == []
    assert rounds.begin(mode="ledger", day=today).options.day == today


def test_a_payment_that_no_order_has_is_applied(house: House, bank: ListingBank, rounds: Round) -> None:
    order = placed(house)
    bank.becomes(order.payment.id, news=News.SUCCEEDED)
    report = of_the_day(house, rounds)
    assert report.counts.results == {"settled": 1, "unchanged": 1}
    assert house.order(order).payment.status is PaymentStatus.SUCCEEDED
    assert drifts(rounds) == []


def test_money_that_came_beside_the_orders_own_goes_back(house: House, bank: ListingBank, rounds: Round) -> None:
    order = paid(house, bank)
    bank.becomes(order.payment.id, beside=(Charge(id="ch_more", amount=order.amount, currency=order.currency),))
    report = of_the_day(house, rounds)
    assert report.counts.results["settled"] >= 1
    [refund] = house.order(order).refunds
    assert refund.of is not None
    assert (refund.of.charge, refund.amount) == ("ch_more", order.amount)
    assert (house.order(order).payment.refunded, drifts(rounds)) == (0, [])


def test_a_dry_run_only_tells_of_it(house: House, bank: ListingBank, rounds: Round) -> None:
    order = placed(house)
    bank.becomes(order.payment.id, news=News.SUCCEEDED)
    before = house.order(order)
    report = of_the_day(house, rounds, dry_run=True)
    assert report.counts.discrepancies == {"payment_not_applied": 1}
    assert (house.order(order), drifts(rounds)) == (before, [])


def test_a_refund_that_was_made_by_hand_is_booked(house: House, bank: ListingBank, rounds: Round) -> None:
    order = paid(house, bank)
    bank.give_by_hand(order.payment.id, 500)
    report = of_the_day(house, rounds)
    assert report.counts.results["settled"] >= 1
    assert house.order(order).payment.refunded == 500
    assert drifts(rounds) == []


def test_money_without_an_order_is_for_people(house: House, bank: ListingBank, rounds: Round) -> None:
    fact = ProviderFact(shop="demo", order="ord_gone", payment="pay_gone", news=News.SUCCEEDED, amount=100, currency="EUR")
    bank.book["pay_gone"], bank.made_at["pay_gone"] = fact, START
    report = of_the_day(house, rounds)
    assert report.counts.results == {"differs": 1}
    [found] = rounds.discrepancies.page("demo", DiscrepancyState.OPEN, None, 10)
    assert (found.drift, found.payment, found.order) == (Drift.PAID_WITHOUT_ORDER, "pay_gone", "ord_gone")
    assert found.theirs == {"news": "succeeded", "amount": 100, "currency": "EUR", "refunded": 0}


def test_it_is_told_once_and_closed_when_it_is_fine(house: House, bank: ListingBank, rounds: Round) -> None:
    test_money_without_an_order_is_for_people(house, bank, rounds)
    again = of_the_day(house, rounds)
    assert again.counts.discrepancies == {"paid_without_order": 2}  # by the statement, and because it was open
    bank.becomes("pay_gone", news=News.REFUNDED, refunded=100)
    fine = of_the_day(house, rounds, day=(START - timedelta(days=7)).date())
    assert fine.counts.discrepancies == {"resolved": 1}
    assert (drifts(rounds), drifts(rounds, DiscrepancyState.RESOLVED)) == ([], [Drift.PAID_WITHOUT_ORDER])


def test_any_number_of_open_discrepancies_is_asked_for_a_page_at_a_time(
    house: House, bank: ListingBank, rounds: Round, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a payment with two of them lies on two pages."""
    monkeypatch.setattr(reconciling, "STANDING", 7)
    for number in range(60):
        for drift in (Drift.AMOUNT_DRIFT, Drift.REFUND_MISSING):
            told = {"shop": "demo", "drift": drift, "provider": "sandbox", "payment": f"pay_{number}"}
            rounds.discrepancies.save(
                Discrepancy.model_validate({**told, "order": None, "ours": {}, "theirs": {}, "run": "run_1", "seen_at": START})
            )
    house.now = START + NEXT_DAY
    run = rounds.begin(mode="ledger")
    rounds.drain()
    parts = [part for part in rounds.runs.parts("demo", run.id) if part.name.startswith("again")]
    assert max(sum(len(task.about) for task in part.next) for part in parts) <= 7
    assert rounds.report(run).counts.checked == 60
    assert (rounds.calls["status"], drifts(rounds), rounds.report(run).finished_at is not None) == (60, [], True)


def test_money_of_another_shop_is_none_of_ours(house: House, bank: ListingBank, rounds: Round) -> None:
    fact = ProviderFact(shop="other", order="ord_gone", payment="pay_gone", news=News.SUCCEEDED, amount=100, currency="EUR")
    bank.book["pay_gone"], bank.made_at["pay_gone"] = fact, START
    assert of_the_day(house, rounds).counts.results == {}


@pytest.mark.parametrize(
    ("change", "drift"),
    [
        ({"news": News.PENDING}, Drift.ORDER_WITHOUT_PAYMENT),
        ({"amount": 1998}, Drift.AMOUNT_DRIFT),
        ({"currency": "USD"}, Drift.CURRENCY_DRIFT),
    ],
)
def test_what_the_provider_says_otherwise_is_told(
    house: House, bank: ListingBank, rounds: Round, change: dict[str, Any], drift: Drift
) -> None:
    order = paid(house, bank)
    bank.becomes(order.payment.id, **change)
    of_the_day(house, rounds)
    assert drifts(rounds) == [drift]
    assert house.order(order).status is Status.PAID


def test_a_payment_that_the_provider_has_forgotten_is_told(house: House, bank: ListingBank, rounds: Round) -> None:
    order = paid(house, bank)
    del bank.book[order.payment.id], bank.made_at[order.payment.id]
    of_the_day(house, rounds)
    [found] = rounds.discrepancies.page("demo", DiscrepancyState.OPEN, None, 10)
    assert (found.drift, found.order, found.theirs) == (Drift.ORDER_WITHOUT_PAYMENT, order.id, {"news": "unknown"})


def test_a_refund_of_ours_that_the_provider_does_not_have_is_told(house: House, bank: ListingBank, rounds: Round) -> None:
    order = paid(house, bank)
    house.refund(order)
    house.finish_refunds(order)
    assert house.order(order).payment.status is PaymentStatus.REFUNDED
    bank.becomes(order.payment.id, news=News.SUCCEEDED, refunded=0, refunds=())
    of_the_day(house, rounds)
    assert drifts(rounds) == [Drift.REFUND_MISSING]


def test_a_provider_without_a_list_is_asked_for_each_paid_order(house: House, bank: ListingBank, rounds: Round) -> None:
    bank.listed = lambda *_: None  # type: ignore[method-assign]
    paid(house, bank)
    assert of_the_day(house, rounds).counts.results == {"agrees": 1}


def test_a_list_that_cannot_be_had_is_asked_for_again(house: House, bank: ListingBank, rounds: Round) -> None:
    order = placed(house)
    bank.becomes(order.payment.id, news=News.SUCCEEDED)
    failures = iter([PartnerUnavailable("down", 5, partner="sandbox")] * 2)

    def failing(method: str, _: str) -> None:
        if method == "listed" and (failure := next(failures, None)):
            raise failure

    rounds.failing = failing
    report = of_the_day(house, rounds)
    assert report.finished_at is not None
    assert report.counts.results["settled"] == 1


def test_a_list_that_is_refused_is_an_error_and_the_run_ends(house: House, bank: ListingBank, rounds: Round) -> None:
    paid(house, bank)

    def failing(method: str, _: str) -> None:
        if method == "listed":
            raise CredentialsRefused("no", provider="sandbox")

    rounds.failing = failing
    report = of_the_day(house, rounds)
    assert (report.counts.errors, report.counts.results) == ({"credentials_refused": 1}, {"agrees": 1})
    assert report.finished_at is not None


def test_a_provider_that_is_down_leaves_the_ledger_for_later(house: House, bank: ListingBank, rounds: Round) -> None:
    paid(house, bank)

    def failing(method: str, _: str) -> None:
        if method == "status":
            raise PartnerUnavailable("down", 5, partner="sandbox")

    rounds.failing = failing
    report = of_the_day(house, rounds)
    assert (report.counts.skipped, drifts(rounds)) == ({"provider_down": 1}, [])


FACT = ProviderFact(shop="demo", order="ord_1", payment="pay_1", news=News.SUCCEEDED, amount=100, currency="EUR", charge="ch_1")
MORE = Charge(id="ch_2", amount=100, currency="EUR")
BACK = Given(ref="re_2", amount=100, state=GivenState.DONE, key="ours")
"""Of what came beside."""
BOOKED = Booked(
    order="ord_1", provider="stripe", payment="pay_1", currency="EUR", expected=100, captured=100, refunded=0, due=0, beside=frozenset()
)


@pytest.mark.parametrize(
    ("fact", "booked", "found"),
    [
        ({}, {}, []),
        ({"refunded": 30}, {"refunded": 30}, []),
        ({"refunded": 30}, {"due": 30}, []),
        ({}, {"due": 30}, []),
        ({"refunded": 30}, {}, [Drift.REFUND_NOT_BOOKED]),
        ({"refunded": 30}, {"refunded": 40}, [Drift.REFUND_MISSING]),
        ({"news": News.REFUNDED, "refunded": 100}, {"refunded": 100}, []),
        ({"news": News.REFUNDED}, {"captured": 0}, []),
        ({}, {"captured": 0}, [Drift.PAYMENT_NOT_APPLIED]),
        ({"amount": 99}, {"captured": 0}, [Drift.AMOUNT_DRIFT]),
        ({"amount": 99}, {"captured": 99}, []),
        ({"news": News.FAILED}, {"captured": 0}, []),
        ({"news": News.EXPIRED}, {}, [Drift.ORDER_WITHOUT_PAYMENT]),
        ({"payment": "pay_2"}, {}, [Drift.PAYMENT_NOT_APPLIED]),
        ({"payment": "pay_2"}, {"beside": {"pay_2"}}, []),
        ({"payment": "pay_2", "charge": "ch_2"}, {"beside": {"ch_2"}}, []),
        ({"payment": "pay_2", "news": News.REFUNDED}, {}, []),
        ({"beside": (MORE,)}, {}, [Drift.PAYMENT_NOT_APPLIED]),
        ({"beside": (MORE,)}, {"captured": 0}, [Drift.PAYMENT_NOT_APPLIED]),
        ({"beside": (MORE,)}, {"beside": {"pay_1", "ch_2"}}, []),
        ({"beside": (MORE,)}, {"charge": "ch_2"}, [Drift.PAYMENT_NOT_APPLIED]),
        ({"beside": (MORE.model_copy(update={"amount": 0}),)}, {}, []),
        ({"beside": (MORE,), "refunded": 30}, {}, [Drift.REFUND_NOT_BOOKED, Drift.PAYMENT_NOT_APPLIED]),
        ({"beside": (MORE,), "news": News.REFUNDED, "refunded": 100}, {"refunded": 100}, [Drift.PAYMENT_NOT_APPLIED]),
        ({"beside": (MORE,), "payment": "pay_2"}, {"beside": {"pay_2"}}, [Drift.PAYMENT_NOT_APPLIED]),
        ({"charge": "ch_3"}, {"charge": "ch_1"}, [Drift.PAYMENT_NOT_APPLIED]),
        ({"charge": "ch_3", "refunded": 100}, {"charge": "ch_1", "beside": {"pay_1", "ch_3"}}, []),
        ({"beside": (MORE.model_copy(update={"amount": 0}),), "refunds": (BACK,)}, {"beside": {"pay_1", "ch_2"}}, []),
        ({"refunded": 30, "refunds": (BACK,)}, {"beside": {"pay_1", "ch_2"}, "refunded": 30}, []),
    ],
)
def test_each_way_to_differ(fact: dict[str, Any], booked: dict[str, Any], found: list[Drift]) -> None:
    told, ours = FACT.model_copy(update=fact), BOOKED.model_copy(update=booked)
    assert [finding.drift for finding in compare(told.payment, told, ours)] == found
