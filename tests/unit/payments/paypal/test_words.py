"""PayPal's words in ours: every state of an order, a capture, a refund and a dispute."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.payments.model import DisputeState, GivenState, News, ProviderFact
from holdfast.payments.providers.paypal import mapper
from holdfast.payments.providers.paypal.mapper import Case, Order

EUR = {"currency_code": "EUR", "value": "10.00"}


def capture(status: str, name: str = "2G1", **more: Any) -> dict[str, Any]:
    return {"id": name, "status": status, "amount": EUR, **more}


def refund(value: str, status: str = "COMPLETED", of: str | None = "2G1", **more: str) -> dict[str, Any]:
    links = [{"rel": "up", "href": f"https://api.paypal.com/v2/payments/captures/{of}"}] if of else []
    return {"id": "1J1", "status": status, "amount": {"currency_code": "EUR", "value": value}, "links": links, **more}


def fact(status: str, captures: list[dict[str, Any]], refunds: list[dict[str, Any]] | None = None) -> ProviderFact:
    unit = {"custom_id": "acme/order_1", "amount": EUR, "payments": {"captures": captures, "refunds": refunds or []}}
    found = mapper.fact_of(Order.model_validate({"id": "5O1", "status": status, "purchase_units": [unit]}))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("status", "captures", "news"),
    [
        ("CREATED", [], News.PENDING),
        ("SAVED", [], News.PENDING),
        ("PAYER_ACTION_REQUIRED", [], News.PENDING),
        ("APPROVED", [], News.AUTHORIZED),
        ("VOIDED", [], News.EXPIRED),
        ("COMPLETED", [], News.PENDING),
        ("COMPLETED", ["COMPLETED"], News.SUCCEEDED),
        ("COMPLETED", ["PARTIALLY_REFUNDED"], News.SUCCEEDED),
        ("COMPLETED", ["REFUNDED"], News.REFUNDED),
        ("COMPLETED", ["PENDING"], News.PENDING),
        ("APPROVED", ["PENDING"], News.PENDING),
        ("COMPLETED", ["DECLINED"], News.FAILED),
        ("COMPLETED", ["FAILED"], News.FAILED),
        ("COMPLETED", ["DECLINED", "PENDING"], News.PENDING),
        ("COMPLETED", ["DECLINED", "COMPLETED"], News.SUCCEEDED),
        ("APPROVED", ["DECLINED"], News.AUTHORIZED),
        ("PAYER_ACTION_REQUIRED", ["DECLINED"], News.PENDING),
    ],
)
def test_orders_and_their_captures(status: str, captures: list[str], news: News) -> None:
    assert fact(status, [capture(each, f"2G{number}") for number, each in enumerate(captures)]).news is news


@pytest.mark.parametrize(
    ("reason", "news"), [("BUYER_COMPLAINT", News.SUCCEEDED), ("CHARGEBACK", News.SUCCEEDED), ("ECHECK", News.PENDING)]
)
def test_money_that_is_held_back_has_come(reason: str, news: News) -> None:
    assert fact("COMPLETED", [capture("PENDING", status_details={"reason": reason})]).news is news


def test_refunds_and_what_they_leave() -> None:
    told = fact("COMPLETED", [capture("PARTIALLY_REFUNDED")], [refund("3.00"), refund("2.00", "PENDING"), refund("1.00", "FAILED")])
    assert (told.news, told.refunded) == (News.SUCCEEDED, 500)
    assert [given.state for given in told.refunds] == [GivenState.DONE, GivenState.PENDING, GivenState.FAILED]
    assert fact("COMPLETED", [capture("COMPLETED")], [refund("1.00", "CANCELLED")]).refunded == 0
    assert fact("COMPLETED", [capture("REFUNDED")]).refunded == 1000
    assert fact("COMPLETED", [capture("REFUNDED")], [refund("4.00")]).refunded == 1000
    assert fact("COMPLETED", [capture("COMPLETED")], [refund("10.00", of=None)]).news is News.REFUNDED


def test_a_second_capture_stands_beside_the_first() -> None:
    told = fact("COMPLETED", [capture("COMPLETED"), capture("COMPLETED", "2G2")])
    assert (told.news, told.charge, told.refunded, told.amount) == (News.SUCCEEDED, "2G1", 0, 1000)
    assert [(more.id, more.amount, more.currency) for more in told.beside] == [("2G2", 1000, "EUR")]


@pytest.mark.parametrize(
    ("status", "outcome", "state"),
    [
        ("OPEN", None, DisputeState.OPEN),
        ("WAITING_FOR_SELLER_RESPONSE", None, DisputeState.OPEN),
        ("WAITING_FOR_BUYER_RESPONSE", None, DisputeState.UNDER_REVIEW),
        ("UNDER_REVIEW", None, DisputeState.UNDER_REVIEW),
        ("OTHER", None, DisputeState.UNDER_REVIEW),
        ("RESOLVED", "RESOLVED_BUYER_FAVOUR", DisputeState.LOST),
        ("RESOLVED", "ACCEPTED", DisputeState.LOST),
        ("RESOLVED", "RESOLVED_SELLER_FAVOUR", DisputeState.WON),
        ("RESOLVED", "RESOLVED_WITH_PAYOUT", DisputeState.WON),
        ("RESOLVED", "CANCELED_BY_BUYER", DisputeState.WON),
        ("RESOLVED", "DENIED", DisputeState.WON),
    ],
)
def test_disputes(status: str, outcome: str | None, state: DisputeState) -> None:
    case = {"dispute_id": "PP-D-1", "status": status, "dispute_amount": EUR, "dispute_outcome": {"outcome_code": outcome}}
    assert mapper.dispute_of(Case.model_validate(case)).state is state


@given(st.text(max_size=60))
def test_a_key_comes_back_as_it_was_and_fits_paypals_letters(key: str) -> None:
    written = mapper.written_key(key)
    assert mapper.read_key(written) == key
    assert set(written) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.,")


@pytest.mark.parametrize("custom_id", [None, "", "acme/order_1", "theirs"])
def test_a_refund_that_was_not_asked_for_by_us_has_no_key(custom_id: str | None) -> None:
    assert mapper.read_key(custom_id) is None
