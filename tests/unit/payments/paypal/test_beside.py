"""Money beside the payment's own at PayPal, and what others collect through the same account."""

import json
from datetime import timedelta
from typing import Any

import pytest

from holdfast.payments.errors import WebhookUnreadable
from holdfast.payments.model import News
from holdfast.payments.providers.paypal import mapper
from holdfast.platform.calling import PartnerUnreadable
from infra.providers.wire import Answer, Call, json_answer
from tests.unit.payments.paypal.shop import ORDER, SHOP, Shop
from tests.unit.payments.paypal.test_words import capture, fact, refund

OURS = {"custom_id": f"{SHOP}/{ORDER}"}
OLD = {"id": "8F148933LY9388354", "amount": {"total": "30.00", "currency": "USD"}, "state": "completed", "parent_payment": "PAY-1"}
"""A capture of the API before this one."""
SECOND = mapper.written_key("second#1")


def test_what_went_back_of_another_capture_is_not_of_the_payment() -> None:
    by_hand, by_us = refund("3.00", of="2G2"), refund("2.00", of="2G2", custom_id=SECOND)
    told = fact("COMPLETED", [capture("COMPLETED"), capture("PARTIALLY_REFUNDED", "2G2")], [refund("1.00"), by_hand, by_us])
    assert (told.news, told.refunded) == (News.SUCCEEDED, 100)
    assert [(given.amount, given.key) for given in told.refunds] == [(100, None), (200, "second#1")]
    assert [(more.id, more.amount) for more in told.beside] == [("2G2", 500)]


@pytest.mark.parametrize(
    ("status", "refunds"),
    [("COMPLETED", [refund("10.00", of="2G2", custom_id=SECOND)]), ("REFUNDED", []), ("COMPLETED", [refund("10.00", "PENDING", of="2G2")])],
)
def test_a_capture_that_went_back_as_a_whole_is_not_beside(status: str, refunds: list[dict[str, Any]]) -> None:
    told = fact("COMPLETED", [capture("COMPLETED"), capture(status, "2G2")], refunds)
    assert (told.beside, told.refunded, told.news) == ((), 0, News.SUCCEEDED)


def test_a_refund_that_failed_leaves_all_of_it_beside() -> None:
    told = fact("COMPLETED", [capture("COMPLETED"), capture("COMPLETED", "2G2")], [refund("10.00", "FAILED", of="2G2")])
    assert [more.amount for more in told.beside] == [1000]


def test_a_refund_that_does_not_say_of_which_is_of_the_first_that_came() -> None:
    told = fact("COMPLETED", [capture("DECLINED"), capture("COMPLETED", "2G2")], [refund("10.00", of=None)])
    assert (told.charge, told.news, told.refunded, len(told.refunds)) == ("2G2", News.REFUNDED, 1000, 1)


def test_disputes_are_asked_for_of_the_payments_own_capture_only() -> None:
    shop = Shop()
    payment = shop.paid()
    charge = shop.paypal.status(payment).charge
    telling = shop.line.answering

    def twice(call: Call) -> Answer:
        answer = telling(call)
        if not call.path.endswith(payment):
            return answer
        order = json.loads(answer.body)
        captures = order["purchase_units"][0]["payments"]["captures"]
        captures.append({**captures[0], "id": "2G2"})
        return json_answer(200, order)

    shop.line.answering = twice
    shop.line.calls.clear()
    assert [more.id for more in shop.paypal.status(payment).beside] == ["2G2"]
    asked = [call.query["disputed_transaction_id"] for call in shop.line.calls if call.path.endswith("/disputes")]
    assert asked == [charge]


def listing(shop: Shop, *more: dict[str, Any]) -> None:
    """The list of events tells these too."""
    telling = shop.line.answering

    def among_others(call: Call) -> Answer:
        answer = telling(call)
        if not call.path.endswith("/webhooks-events"):
            return answer
        told = json.loads(answer.body)
        return json_answer(200, {**told, "events": [*({"resource": resource} for resource in more), *told["events"]]})

    shop.line.answering = among_others


def listed(shop: Shop) -> list[str]:
    page = shop.paypal.listed(shop.now - timedelta(hours=1), shop.now + timedelta(hours=1), None)
    assert page is not None
    return [told.payment for told in page.facts]


def test_what_others_collect_does_not_hide_ours_in_the_list() -> None:
    shop = Shop()
    payment = shop.paid()
    listing(shop, OLD, {**OLD, "custom_id": "theirs"}, {**OLD, "custom_id": 5}, {**OLD, "custom_id": None}, {})
    assert listed(shop) == [payment]


def test_ours_that_nobody_can_read_is_not_passed_over() -> None:
    shop = Shop()
    shop.paid()
    listing(shop, {**OLD, **OURS})
    with pytest.raises(PartnerUnreadable):
        listed(shop)


@pytest.mark.parametrize("status", [400, 404, 422])
def test_a_list_that_paypal_refuses(status: int) -> None:
    shop = Shop()
    shop.paid()
    shop.line.answering = lambda _: json_answer(status, {"name": "INVALID_REQUEST"})
    with pytest.raises(PartnerUnreadable):
        listed(shop)


@pytest.mark.parametrize("foreign", [OLD, {**OLD, "custom_id": "theirs"}, {"id": "2G1"}])
def test_news_of_what_others_collect_is_taken_and_means_nothing(foreign: dict[str, Any]) -> None:
    shop = Shop()
    event = {"id": "WH-1", "event_type": "PAYMENT.CAPTURE.COMPLETED"}
    webhook = shop.fake.signed(json.dumps({**event, "resource": foreign}).encode())
    told = shop.paypal.verify({name.lower(): value for name, value in webhook.headers.items()}, webhook.body, shop.now)
    assert (told.id, told.payment, told.fact) == ("WH-1", None, None)
    webhook = shop.fake.signed(json.dumps({**event, "resource": {**foreign, **OURS}}).encode())
    with pytest.raises(WebhookUnreadable):
        shop.paypal.verify({name.lower(): value for name, value in webhook.headers.items()}, webhook.body, shop.now)
