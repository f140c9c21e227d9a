"""PayPro's connector against a stand-in of PayPro: every method of the port, repeats, lost replies, refusals."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from holdfast.kernel.money import Money
from holdfast.payments.errors import AmountNotPayable, CredentialsRefused, PaymentStateConflict, PaymentUnknown
from holdfast.payments.model import DisputeState, GivenState, News
from holdfast.platform.calling import PartnerThrottles, PartnerUnavailable, PartnerUnreadable
from infra.providers.paypro import GATEWAY
from infra.providers.wire import Answer, Call, json_answer
from tests.unit.payments.paypal.line import answers
from tests.unit.payments.paypro.shop import BYN, ORDER, SHOP, Shop, credentials


@pytest.fixture
def shop() -> Shop:
    return Shop()


def roubles(amount: int) -> Money:
    return Money(amount=amount, currency="BYN")


def uid_of(shop: Shop, payment: str) -> str:
    return shop.fake._checkouts[payment].tries[-1]


def test_a_checkout_is_made_and_paid(shop: Shop) -> None:
    made = shop.paypro.create(shop.wish(), shop.now)
    assert made.client == {"url": f"https://checkout.paypro.by/v2/checkout?token={made.id}"}
    asked = json.loads(shop.line.calls[-1].body)["checkout"]
    assert asked["order"] == {
        "amount": 1999,
        "currency": "BYN",
        "description": "Order A-1001",
        "tracking_id": f"{SHOP}:{ORDER}",
        "expired_at": "2026-01-02T04:04:05+00:00",
    }
    assert asked["test"] is True
    assert asked["settings"]["success_url"] == f"https://acme.example/thanks/{ORDER}"
    assert asked["settings"]["notification_url"] == "https://api.holdfast.example/webhooks/acme/paypro"
    waiting = shop.paypro.status(made.id)
    assert (waiting.news, waiting.shop, waiting.order, waiting.amount, waiting.charge) == (News.PENDING, SHOP, ORDER, 1999, None)
    shop.fake.act(made.id, "pay")
    paid = shop.paypro.status(made.id)
    assert (paid.news, paid.payment, paid.amount, paid.currency, paid.charge) == (
        News.SUCCEEDED,
        made.id,
        1999,
        "BYN",
        uid_of(shop, made.id),
    )
    assert paid.beside == ()


def test_the_same_payment_by_the_name_of_its_transaction(shop: Shop) -> None:
    payment = shop.paid()
    uid = uid_of(shop, payment)
    assert shop.paypro.status(uid) == shop.paypro.status(payment).model_copy(update={"payment": uid})


def test_what_waits_costs_one_question(shop: Shop) -> None:
    payment = shop.made()
    before = len(shop.line.calls)
    shop.paypro.status(payment)
    assert len(shop.line.calls) == before + 1


def test_a_failed_try_is_not_the_end(shop: Shop) -> None:
    payment = shop.made()
    shop.fake.act(payment, "decline")
    assert shop.paypro.status(payment).news is News.PENDING
    assert shop.paypro.status(uid_of(shop, payment)).news is News.PENDING
    shop.fake.act(payment, "pay")
    assert shop.paypro.status(payment).news is News.SUCCEEDED


@pytest.mark.parametrize("tries", [0, 1])
def test_a_checkout_that_ended_unpaid(shop: Shop, tries: int) -> None:
    payment = shop.made()
    for _ in range(tries):
        shop.fake.act(payment, "decline")
    shop.later(hours=2)
    assert shop.paypro.status(payment).news is News.EXPIRED
    shop.paypro.void(payment, shop.now)


def test_an_order_that_is_paid_twice(shop: Shop) -> None:
    payment = shop.paid()
    first = uid_of(shop, payment)
    shop.later(seconds=5)
    shop.fake.act(payment, "pay_again")
    fact = shop.paypro.status(payment)
    (more,) = fact.beside
    assert (fact.charge, fact.amount, more.amount, more.currency) == (first, 1999, 1999, "BYN")
    assert more.id != first
    by_uid = shop.paypro.status(more.id)
    assert (by_uid.charge, by_uid.beside) == (first, (more,))
    given = shop.paypro.refund(payment, BYN, "second#1", more.id)
    fact = shop.paypro.status(payment)
    assert (fact.news, fact.refunds) == (News.SUCCEEDED, (given,))


@pytest.mark.parametrize("turned", [False, True])
def test_the_first_in_time_is_the_payment_and_the_other_beside_it(shop: Shop, turned: bool) -> None:
    payment = shop.paid()
    shop.fake.act(payment, "pay_again")
    times = ["2026-01-02T03:04:05.678Z", "2026-01-02T03:04:06.000Z"]
    for one, time in zip(shop.fake._transactions.values(), reversed(times) if turned else times, strict=True):
        one["created_at"] = time
    uids = list(shop.fake._transactions)
    fact = shop.paypro.status(payment)
    assert [fact.charge, *(more.id for more in fact.beside)] == (uids[::-1] if turned else uids)


def test_a_lost_answer_to_create_leaves_two_checkouts_and_both_are_seen(shop: Shop) -> None:
    shop.line.dropped = ["/ctp/api/checkouts"]
    with pytest.raises(PartnerUnavailable):
        shop.made()
    lost = next(iter(shop.fake._checkouts))
    payment = shop.made()
    assert payment != lost
    shop.fake.act(payment, "pay")
    shop.later(seconds=1)
    shop.fake.act(lost, "pay")
    assert [more.id for more in shop.paypro.status(payment).beside] == [uid_of(shop, lost)]


def test_money_goes_back_once_per_key(shop: Shop) -> None:
    payment = shop.paid()
    key = f"{ORDER}#rf_1"
    given = shop.paypro.refund(payment, roubles(500), key)
    assert (given.amount, given.state, given.key) == (500, GivenState.DONE, key)
    shop.later(days=60)
    assert shop.paypro.refund(payment, roubles(500), key) == given
    assert shop.line.times("/transactions/refunds") == 1
    fact = shop.paypro.status(payment)
    assert (fact.news, fact.refunded, fact.refunds) == (News.SUCCEEDED, 500, (given,))
    shop.paypro.refund(payment, roubles(1499), f"{ORDER}#rf_2")
    fact = shop.paypro.status(payment)
    assert (fact.news, fact.refunded) == (News.REFUNDED, 1999)


def test_a_refund_whose_answer_was_lost_is_found_again(shop: Shop) -> None:
    payment = shop.paid()
    shop.line.dropped = ["/transactions/refunds"]
    with pytest.raises(PartnerUnavailable):
        shop.paypro.refund(payment, roubles(500), "k#1")
    shop.later(days=60)
    assert shop.paypro.refund(payment, roubles(500), "k#1").key == "k#1"
    assert shop.paypro.status(payment).refunded == 500


def test_a_refund_is_found_by_its_key_among_many(shop: Shop) -> None:
    payment = shop.paid()
    for number in range(12):
        shop.paypro.refund(payment, roubles(number + 1), f"k#{number}")
    assert shop.paypro.refund(payment, roubles(1), "k#0").amount == 1
    assert shop.line.times("/transactions/refunds") == 12


def test_two_workers_refund_the_same_at_once(shop: Shop) -> None:
    payment = shop.paid()
    giving = shop.line.answering

    def two(call: Call) -> Answer:
        if call.path.endswith("/refunds"):
            giving(call)
        return giving(call)

    shop.line.answering = two
    assert shop.paypro.refund(payment, roubles(500), "k#1").key == "k#1"
    assert shop.paypro.status(payment).refunded == 500


def test_an_equal_refund_right_after_another_has_to_wait(shop: Shop) -> None:
    payment = shop.paid()
    shop.paypro.refund(payment, roubles(500), "k#1")
    with pytest.raises(PartnerThrottles) as throttled:
        shop.paypro.refund(payment, roubles(500), "k#2")
    shop.later(seconds=throttled.value.retry_after)
    assert shop.paypro.refund(payment, roubles(500), "k#2").key == "k#2"
    assert shop.paypro.status(payment).refunded == 1000


def test_where_refunds_are_not_told_of_no_more_than_was_paid_goes_back(shop: Shop) -> None:
    """What the documents do not promise for cards: that a refund is found by the name it was given."""
    payment = shop.paid()
    telling = shop.line.answering

    def silent(call: Call) -> Answer:
        answer = telling(call)
        if "tracking_id" not in call.path:
            return answer
        told = json.loads(answer.body)["transactions"]
        return json_answer(200, {"transactions": [one for one in told if one["type"] == "payment"]})

    shop.line.answering = silent
    shop.paypro.refund(payment, BYN, "k#1")
    shop.later(days=1)
    with pytest.raises(PaymentStateConflict):
        shop.paypro.refund(payment, BYN, "k#1")


def test_what_cannot_be_given_back(shop: Shop) -> None:
    unpaid = shop.made(order="order_unpaid")
    with pytest.raises(PaymentStateConflict):
        shop.paypro.refund(unpaid, BYN, "k")
    with pytest.raises(PaymentStateConflict):
        shop.paypro.refund(shop.paid(), roubles(2000), "k")
    with pytest.raises(PaymentUnknown):
        shop.paypro.refund("0" * 64, BYN, "k")


def test_a_refund_by_hand_has_no_key(shop: Shop) -> None:
    payment = shop.paid()
    shop.fake.act(payment, "refund:100")
    fact = shop.paypro.status(payment)
    assert (fact.news, fact.refunded, [given.key for given in fact.refunds]) == (News.SUCCEEDED, 100, [None])
    shop.fake.act(payment, "refund")
    assert shop.paypro.status(payment).news is News.REFUNDED


def test_a_chargeback_is_a_dispute_that_was_lost(shop: Shop) -> None:
    payment = shop.paid()
    (webhook,) = shop.fake.act(payment, "dispute_lost")
    uid = json.loads(webhook.body)["transaction"]["uid"]
    fact = shop.paypro.status(uid)
    (dispute,) = fact.disputes
    assert (fact.news, fact.order, fact.charge, fact.payment) == (News.SUCCEEDED, ORDER, uid_of(shop, payment), uid_of(shop, payment))
    assert (dispute.state, dispute.amount, dispute.reason, dispute.respond_by) == (DisputeState.LOST, 1999, "return", None)


def test_what_came_is_not_given_up(shop: Shop) -> None:
    with pytest.raises(PaymentStateConflict):
        shop.paypro.void(shop.paid(), shop.now)
    shop.paypro.void(shop.made(order="order_2"), shop.now)
    shop.paypro.void("0" * 64, shop.now)


def test_capturing_is_paypros_own_affair(shop: Shop) -> None:
    payment = shop.paid()
    assert shop.paypro.capture(payment, BYN, "k") == shop.paypro.status(payment)
    with pytest.raises(PaymentStateConflict):
        shop.paypro.capture(shop.made(order="order_2"), BYN, "k")
    assert shop.paypro.listed(shop.now, shop.now + timedelta(days=1), None) is None
    shop.paypro.confirm(payment, {"status": "successful"})


def test_while_the_gateway_is_away_a_checkout_that_succeeded_is_believed(shop: Shop) -> None:
    payment = shop.paid()
    declined = shop.made(order="order_2")
    shop.fake.act(declined, "decline")
    telling = shop.line.answering
    shop.line.answering = lambda call: Answer(503, {}, b"") if call.host == GATEWAY else telling(call)
    fact = shop.paypro.status(payment)
    assert (fact.news, fact.amount, fact.charge, fact.refunds) == (News.SUCCEEDED, 1999, uid_of(shop, payment), ())
    with pytest.raises(PartnerUnavailable):
        shop.paypro.status(declined)
    with pytest.raises(PartnerUnavailable):
        shop.paypro.refund(payment, BYN, "k")
    assert shop.line.times("/transactions/refunds") == 0


@pytest.mark.parametrize("name", ["", "cs_test_1", "../checkouts", "0" * 64, "4107-310b0da80b", "é", "a" * 65])
def test_names_that_are_none_of_paypros(shop: Shop, name: str) -> None:
    with pytest.raises(PaymentUnknown):
        shop.paypro.status(name)


@pytest.mark.parametrize("foreign", [None, "", "their own", "a:b:c", ":x", "x:", ";acme:order_1"])
def test_a_payment_of_somebody_else(shop: Shop, foreign: str | None) -> None:
    payment = shop.paid()
    shop.fake._checkouts[payment].asked["order"]["tracking_id"] = foreign
    shop.fake._transactions[uid_of(shop, payment)]["tracking_id"] = foreign
    for name in (payment, uid_of(shop, payment)):
        with pytest.raises(PaymentUnknown):
            shop.paypro.status(name)


def test_a_payment_of_another_shop_is_told_as_it_is(shop: Shop) -> None:
    payment = shop.made()
    shop.fake._checkouts[payment].asked["order"]["tracking_id"] = "another-shop:order_9"
    assert shop.paypro.status(payment).shop == "another-shop"


def test_play_money_is_unknown_in_a_live_account() -> None:
    playing, live = Shop(), Shop(test=False)
    live.line.answering = playing.fake.answer
    payment = playing.paid()
    for name in (payment, uid_of(playing, payment)):
        assert playing.paypro.status(name).news is News.SUCCEEDED
        with pytest.raises(PaymentUnknown):
            live.paypro.status(name)
    real = live.made()
    playing.fake.act(real, "decline")
    again = live.paypro.status(real)
    assert (again.news, again.beside, again.charge) == (News.PENDING, (), None)


def test_credentials_that_paypro_does_not_know() -> None:
    with pytest.raises(CredentialsRefused) as refused:
        Shop(secret_key="wrongwrongwrong").made()
    assert refused.value.facts == {"provider": "paypro"}


@pytest.mark.parametrize(
    ("amount", "number"),
    [
        (Money(amount=1999, currency="EUR"), 1999),
        (Money(amount=1000, currency="JPY"), 1000),
        (Money(amount=1500, currency="KWD"), 1500),
        (Money(amount=1000, currency="IQD"), 1),
        (Money(amount=250_000, currency="IDR"), 2500),
        (Money(amount=3700, currency="UGX"), 370_000),
        (Money(amount=1230, currency="MOP"), 123),
    ],
)
def test_amounts_as_paypro_counts_them(shop: Shop, amount: Money, number: int) -> None:
    payment = shop.paid(amount)
    assert shop.fake._checkouts[payment].asked["order"]["amount"] == number
    fact = shop.paypro.status(payment)
    assert (fact.amount, fact.currency) == (amount.amount, amount.currency)
    assert shop.paypro.refund(payment, amount, "k").amount == amount.amount


@pytest.mark.parametrize("amount", [Money(amount=0, currency="EUR"), Money(amount=1, currency="IQD"), Money(amount=1231, currency="MOP")])
def test_amounts_that_paypro_does_not_take(shop: Shop, amount: Money) -> None:
    with pytest.raises(AmountNotPayable):
        shop.made(amount)
    assert shop.line.calls == []


def test_an_amount_that_only_paypro_knows_it_does_not_take(shop: Shop) -> None:
    shop.line.answering = lambda _: json_answer(422, {"message": "Currency is not supported", "errors": {"currency": ["is not supported"]}})
    with pytest.raises(AmountNotPayable):
        shop.made()
    shop.line.answering = lambda _: json_answer(422, {"message": "Language is strange", "errors": {"language": ["is strange"]}})
    with pytest.raises(PartnerUnreadable):
        shop.made()


TOKEN = "3" * 64
TOLD: dict[str, Any] = {"token": TOKEN, "order": {"amount": 100, "currency": "EUR", "tracking_id": "acme:o"}}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>502</html>",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"{}",
        b'{"checkout": null}',
        b'{"checkout": []}',
        json.dumps({"checkout": {**TOLD, "token": "short"}}).encode(),
        json.dumps({"checkout": {**TOLD, "order": None}}).encode(),
        json.dumps({"checkout": {**TOLD, "order": {**TOLD["order"], "amount": "100"}}}).encode(),
        json.dumps({"checkout": {**TOLD, "order": {**TOLD["order"], "amount": -1}}}).encode(),
        json.dumps({"checkout": {**TOLD, "order": {**TOLD["order"], "amount": 10**15}}}).encode(),
        json.dumps({"checkout": {**TOLD, "order": {**TOLD["order"], "currency": "UGX", "amount": 150}}}).encode(),
        json.dumps({"checkout": {**TOLD, "order": {**TOLD["order"], "currency": "euro"}}}).encode(),
        json.dumps({"checkout": {**TOLD, "expired": "no"}}).encode(),
    ],
)
def test_answers_that_nobody_can_read(shop: Shop, body: bytes) -> None:
    shop.line.answering = answers(200, body)
    with pytest.raises(PartnerUnreadable):
        shop.paypro.status(TOKEN)
    with pytest.raises(PartnerUnreadable):
        shop.made()


@pytest.mark.parametrize("told", [{}, {"transactions": {}}, {"transactions": [1]}, {"transactions": [{"uid": "1"}]}])
def test_lists_that_nobody_can_read(shop: Shop, told: dict[str, Any]) -> None:
    payment = shop.paid()
    telling = shop.line.answering
    shop.line.answering = lambda call: json_answer(200, told) if call.host == GATEWAY else telling(call)
    with pytest.raises(PartnerUnreadable):
        shop.paypro.refund(payment, BYN, "k")


def test_a_single_transaction_of_a_name(shop: Shop) -> None:
    """One of the two ways in which the documents show the answer."""
    payment = shop.paid()
    telling = shop.line.answering

    def single(call: Call) -> Answer:
        answer = telling(call)
        if "tracking_id" not in call.path:
            return answer
        return json_answer(200, {"transaction": json.loads(answer.body)["transactions"][0]})

    shop.line.answering = single
    assert shop.paypro.status(payment).news is News.SUCCEEDED


def test_fields_that_paypro_adds_are_passed_over(shop: Shop) -> None:
    shop.line.answering = lambda _: json_answer(200, {"checkout": {**TOLD, "colour": "blue", "gateway_response": {"other": 1}}})
    assert shop.paypro.status(TOKEN).news is News.PENDING


@pytest.mark.parametrize(
    ("status", "kind"),
    [(500, PartnerUnavailable), (429, PartnerThrottles), (302, PartnerUnreadable), (401, CredentialsRefused), (403, CredentialsRefused)],
)
def test_answers_that_are_no_answer(shop: Shop, status: int, kind: type[Exception]) -> None:
    payment = shop.made()
    shop.line.answering = answers(status, b"{}")
    with pytest.raises(kind):
        shop.paypro.status(payment)
    with pytest.raises(kind):
        shop.made()


def test_credentials_show_no_secret_and_take_keys_in_any_dress(shop: Shop) -> None:
    bare = shop.fake.public_key
    lines = "\n".join(bare[at : at + 64] for at in range(0, len(bare), 64))
    for dressed in (bare, lines, f"-----BEGIN PUBLIC KEY-----\n{lines}\n-----END PUBLIC KEY-----\n"):
        made = credentials(public_key=dressed)
        assert made.public_key == bare
        assert bare not in repr(made)
        assert made.secret_key not in repr(made)
    for wrong in ("x" * 392, "A" * 392, bare[:-7], bare.replace("A", "é")):
        with pytest.raises(ValidationError):
            credentials(public_key=wrong)
    assert (credentials().live, credentials(test=False).live) == (False, True)


def test_the_end_of_a_checkout_is_told_in_whole_seconds_of_utc(shop: Shop) -> None:
    wish = shop.wish()
    assert datetime.fromisoformat("2026-01-02T04:04:05+00:00") == wish.until.replace(microsecond=0)
