"""Money beside the payment's own at PayPro."""

from typing import Any

import pytest

from holdfast.payments.model import News, ProviderFact
from holdfast.payments.providers.paypro import mapper
from holdfast.payments.providers.paypro.mapper import Reference, Transaction
from tests.unit.payments.paypro.shop import BYN, Shop

FIRST, SECOND = "4107-1", "4107-2"
OURS = "key=second#1"


def moved(uid: str, kind: str, amount: int, of: str | None = None, status: str = "successful", **more: Any) -> Transaction:
    told = {"uid": uid, "type": kind, "status": status, "amount": amount, "currency": "EUR", "parent_uid": of, **more}
    return Transaction.model_validate(told)


def fact(*back: Transaction) -> ProviderFact:
    """Of an order that is paid twice."""
    return mapper.fact_of(FIRST, Reference("acme", "order_1"), [moved(FIRST, "payment", 1000), moved(SECOND, "payment", 1000), *back])


def test_what_went_back_of_another_charge_is_not_of_the_payment() -> None:
    told = fact(moved("r1", "refund", 100, FIRST), moved("r2", "refund", 300, SECOND), moved("r3", "refund", 200, SECOND, reason=OURS))
    assert (told.news, told.charge, told.refunded) == (News.SUCCEEDED, FIRST, 100)
    assert [(given.ref, given.key) for given in told.refunds] == [("r1", None), ("r3", "second#1")]
    assert [(more.id, more.amount) for more in told.beside] == [(SECOND, 500)]


@pytest.mark.parametrize(
    "back",
    [
        moved("r1", "refund", 1000, SECOND, reason=OURS),
        moved("r1", "refund", 1000, SECOND, "pending"),
        moved("c1", "chargeback", 1000, SECOND),
    ],
)
def test_a_charge_that_went_back_as_a_whole_is_not_beside(back: Transaction) -> None:
    told = fact(back)
    assert (told.beside, told.refunded, told.disputes, told.news) == ((), 0, (), News.SUCCEEDED)


@pytest.mark.parametrize(
    "back", [moved("r1", "refund", 1000, SECOND, "failed"), moved("c1", "chargeback", 1000, SECOND, "failed"), moved("r1", "refund", 1000)]
)
def test_what_did_not_go_back_is_still_beside(back: Transaction) -> None:
    assert [more.amount for more in fact(back).beside] == [1000]


def test_a_chargeback_of_the_payments_own_charge_is_its_dispute() -> None:
    told = fact(moved("c1", "chargeback", 1000, FIRST))
    assert ([dispute.id for dispute in told.disputes], [more.amount for more in told.beside]) == (["c1"], [1000])


def test_a_second_payment_that_was_given_back() -> None:
    shop = Shop()
    payment = shop.paid()
    shop.later(seconds=5)
    shop.fake.act(payment, "pay_again")
    (more,) = shop.paypro.status(payment).beside
    given = shop.paypro.refund(payment, BYN, "second#1", more.id)
    told = shop.paypro.status(payment)
    assert (told.news, told.refunded, told.refunds, told.beside) == (News.SUCCEEDED, 0, (given,), ())
    assert shop.paypro.refund(payment, BYN, "second#1", more.id) == given
    assert shop.line.times("/transactions/refunds") == 1


@pytest.mark.parametrize(
    ("word", "state"), [("successful", "done"), ("failed", "failed"), ("declined", "failed"), ("under_review", "pending")]
)
def test_a_refund_is_failed_only_by_a_word_that_says_so(word: str, state: str) -> None:
    """What is taken for failed is asked for anew, under another key."""
    assert mapper._state(moved("r1", "refund", 1000, FIRST, word)) == state
