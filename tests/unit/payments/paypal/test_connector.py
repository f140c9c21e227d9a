"""PayPal's connector against a stand-in of PayPal: every method of the port, repeats, lost replies, refusals."""

import json
from datetime import timedelta

import pytest

from holdfast.kernel.money import Money
from holdfast.payments.errors import AmountNotPayable, CredentialsRefused, PaymentStateConflict, PaymentUnknown
from holdfast.payments.model import DisputeState, GivenState, News
from holdfast.payments.providers.paypal.proxy import PAGE
from holdfast.platform.calling import PartnerThrottles, PartnerUnavailable, PartnerUnreadable
from infra.providers.wire import Answer, Call, json_answer
from tests.unit.payments.paypal.line import answers
from tests.unit.payments.paypal.shop import EUR, ORDER, SHOP, Shop


@pytest.fixture
def shop() -> Shop:
    return Shop()


def euros(amount: int) -> Money:
    return Money(amount=amount, currency="EUR")


def test_a_payment_is_approved_then_captured(shop: Shop) -> None:
    made = shop.paypal.create(shop.wish(), shop.now)
    assert made.client == {"url": f"https://www.sandbox.paypal.com/checkoutnow?token={made.id}"}
    asked = json.loads(shop.line.calls[-1].body)
    assert asked["purchase_units"][0]["custom_id"] == f"{SHOP}/{ORDER}"
    assert asked["payment_source"]["paypal"]["experience_context"]["return_url"] == f"https://acme.example/thanks/{ORDER}"
    waiting = shop.paypal.status(made.id)
    assert (waiting.news, waiting.shop, waiting.order, waiting.amount, waiting.charge) == (News.PENDING, SHOP, ORDER, 1999, None)
    shop.fake.act(made.id, "pay")
    assert shop.paypal.status(made.id).news is News.AUTHORIZED
    taken = shop.paypal.capture(made.id, EUR, "key")
    assert (taken.news, taken.payment, taken.amount, taken.currency) == (News.SUCCEEDED, made.id, 1999, "EUR")
    assert shop.paypal.status(made.id) == taken
    assert shop.paypal.status(str(taken.charge)) == taken


def test_a_repeated_create_is_the_same_payment(shop: Shop) -> None:
    assert shop.made() == shop.made()
    shop.line.dropped = ["/v2/checkout/orders"]
    with pytest.raises(PartnerUnavailable):
        shop.made(order="order_lost")
    assert shop.made(order="order_lost") == shop.made(order="order_lost")
    assert len(shop.fake._orders) == 2


def test_one_order_is_captured_once(shop: Shop) -> None:
    payment = shop.made()
    shop.fake.act(payment, "pay")
    shop.line.dropped = ["/capture"]
    with pytest.raises(PartnerUnavailable):
        shop.paypal.capture(payment, EUR, "key")
    again = shop.paypal.capture(payment, EUR, "key")
    assert again.news is News.SUCCEEDED
    assert shop.paypal.capture(payment, EUR, "another key") == again
    assert shop.line.times("/capture") == 1
    assert len(shop.fake._orders[payment].captures) == 1


def test_a_capture_that_lost_the_race_finds_the_money(shop: Shop) -> None:
    payment = shop.made()
    shop.fake.act(payment, "pay")
    capturing = shop.line.answering

    def two(call: Call) -> Answer:
        if call.path.endswith("/capture"):
            assert capturing(call._replace(headers={**call.headers, "paypal-request-id": "the other worker's"})).status == 201
        return capturing(call)

    shop.line.answering = two
    assert shop.paypal.capture(payment, EUR, "key").news is News.SUCCEEDED


def test_another_amount_is_not_collected(shop: Shop) -> None:
    payment = shop.made()
    shop.fake.act(payment, "pay")
    for wrong in (euros(1998), Money(amount=1999, currency="USD")):
        with pytest.raises(PaymentStateConflict):
            shop.paypal.capture(payment, wrong, "key")
    assert shop.line.times("/capture") == 0


def test_what_is_not_approved_is_not_collected(shop: Shop) -> None:
    payment = shop.made()
    assert shop.paypal.capture(payment, EUR, "key").news is News.PENDING
    with pytest.raises(PaymentUnknown):
        shop.paypal.capture("5O404", EUR, "key")


def test_a_declined_card_may_be_followed_by_a_good_one(shop: Shop) -> None:
    payment = shop.made()
    shop.fake.act(payment, "decline")
    assert shop.paypal.capture(payment, EUR, "key").news is News.PENDING
    assert shop.paypal.status(payment).news is News.PENDING
    shop.fake.act(payment, "pay")
    assert shop.paypal.capture(payment, EUR, "key").news is News.SUCCEEDED


def test_a_second_order_of_the_same_invoice_is_not_collected(shop: Shop) -> None:
    shop.paid()
    shop.later(hours=7)
    second = shop.made()
    shop.fake.act(second, "pay")
    with pytest.raises(PaymentStateConflict) as refused:
        shop.paypal.capture(second, EUR, "key")
    assert refused.value.facts == {"payment_status": "duplicate_invoice_id"}


def test_money_goes_back_once_per_key(shop: Shop) -> None:
    payment = shop.paid()
    key = f"{ORDER}#rf_1"
    given = shop.paypal.refund(payment, euros(500), key)
    assert (given.amount, given.state, given.key) == (500, GivenState.DONE, key)
    shop.later(days=60)
    assert shop.paypal.refund(payment, euros(500), key) == given
    assert shop.line.times("/refund") == 1
    fact = shop.paypal.status(payment)
    assert (fact.news, fact.refunded, fact.refunds) == (News.SUCCEEDED, 500, (given,))
    rest = shop.paypal.refund(payment, euros(1499), f"{ORDER}#rf_2")
    fact = shop.paypal.status(payment)
    assert (fact.news, fact.refunded, fact.refunds) == (News.REFUNDED, 1999, (given, rest))


def test_a_refund_whose_answer_was_lost_is_found_again(shop: Shop) -> None:
    payment = shop.paid()
    shop.line.dropped = ["/refund"]
    with pytest.raises(PartnerUnavailable):
        shop.paypal.refund(payment, euros(500), "k#1")
    shop.later(days=60)
    assert shop.paypal.refund(payment, euros(500), "k#1").key == "k#1"
    assert shop.paypal.status(payment).refunded == 500


def test_two_workers_refund_the_same_at_once(shop: Shop) -> None:
    payment = shop.paid()
    giving = shop.line.answering

    def two(call: Call) -> Answer:
        if call.path.endswith("/refund"):
            giving(call._replace(headers={**call.headers, "paypal-request-id": "the other worker's"}))
        return giving(call)

    shop.line.answering = two
    assert shop.paypal.refund(payment, euros(500), "k#1").key == "k#1"
    assert shop.paypal.status(payment).refunded == 500


def test_what_cannot_be_given_back(shop: Shop) -> None:
    unpaid = shop.made(order="order_unpaid")
    with pytest.raises(PaymentStateConflict):
        shop.paypal.refund(unpaid, EUR, "k")
    payment = shop.paid()
    with pytest.raises(PaymentStateConflict) as refused:
        shop.paypal.refund(payment, euros(2000), "k")
    assert refused.value.facts == {"payment_status": "refund_amount_exceeded"}
    with pytest.raises(PaymentUnknown):
        shop.paypal.refund("5O404", EUR, "k")


def test_a_refund_by_hand_has_no_key(shop: Shop) -> None:
    payment = shop.paid()
    shop.fake.act(payment, "refund:100")
    fact = shop.paypal.status(payment)
    assert (fact.news, fact.refunded, [given.key for given in fact.refunds]) == (News.SUCCEEDED, 100, [None])
    shop.fake.act(payment, "refund")
    assert shop.paypal.status(payment).news is News.REFUNDED


def test_a_refund_of_a_named_capture(shop: Shop) -> None:
    payment = shop.paid()
    charge = shop.paypal.status(payment).charge
    assert shop.paypal.refund(payment, EUR, "k", charge).amount == 1999
    with pytest.raises(PaymentStateConflict):
        shop.paypal.refund(payment, EUR, "k2", "2G404")


def test_disputes_with_their_deadline_and_their_end(shop: Shop) -> None:
    payment = shop.paid()
    shop.fake.act(payment, "dispute")
    (dispute,) = shop.paypal.status(payment).disputes
    assert (dispute.state, dispute.amount, dispute.respond_by) == (DisputeState.OPEN, 1999, shop.now + timedelta(days=10))
    shop.fake.act(payment, "dispute_won")
    (dispute,) = shop.paypal.status(payment).disputes
    assert (dispute.state, dispute.respond_by) == (DisputeState.WON, None)
    lost = shop.paid(order="order_2")
    shop.fake.act(lost, "dispute")
    shop.fake.act(lost, "dispute_lost")
    assert shop.paypal.status(lost).disputes[0].state is DisputeState.LOST


def test_an_app_that_may_not_see_disputes_tells_the_rest(shop: Shop) -> None:
    payment = shop.paid()
    shop.fake.act(payment, "dispute")
    shop.fake.sees_disputes = False
    fact = shop.paypal.status(payment)
    assert (fact.news, fact.disputes) == (News.SUCCEEDED, ())


def test_what_nobody_approved_is_forgotten(shop: Shop) -> None:
    payment = shop.made()
    shop.fake.act(payment, "expire")
    with pytest.raises(PaymentUnknown):
        shop.paypal.status(payment)
    shop.paypal.void(payment, shop.now)


def test_what_was_approved_and_not_collected_lapses(shop: Shop) -> None:
    payment = shop.made()
    shop.fake.act(payment, "authorize")
    shop.paypal.void(payment, shop.now)
    shop.fake.act(payment, "expire")
    assert shop.paypal.status(payment).news is News.EXPIRED


def test_what_came_is_not_given_up(shop: Shop) -> None:
    with pytest.raises(PaymentStateConflict):
        shop.paypal.void(shop.paid(), shop.now)


@pytest.mark.parametrize("name", ["", "cs_test_1", "../../v1/oauth2/token", "5O404", "é", "5O404\n", "A" * 40])
def test_names_that_are_none_of_paypals(shop: Shop, name: str) -> None:
    with pytest.raises(PaymentUnknown):
        shop.paypal.status(name)


def test_a_payment_of_somebody_else(shop: Shop) -> None:
    payment = shop.made()
    for foreign in (None, "", "their own", "a/b/c", "/x", "x/"):
        shop.fake._orders[payment].unit["custom_id"] = foreign
        with pytest.raises(PaymentUnknown):
            shop.paypal.status(payment)
    shop.fake._orders[payment].unit["custom_id"] = "another-shop/order_9"
    assert shop.paypal.status(payment).shop == "another-shop"


def test_a_token_is_used_until_shortly_before_its_end(shop: Shop) -> None:
    payment = shop.made()
    shop.paypal.status(payment)
    assert shop.line.times("/v1/oauth2/token") == 1
    shop.fake.act(payment, "pay")
    shop.later(seconds=32_400 - 60)
    shop.paypal.status(payment)
    assert shop.line.times("/v1/oauth2/token") == 2


def test_a_token_that_died_early_is_replaced_once(shop: Shop) -> None:
    payment = shop.made()
    shop.fake._tokens.clear()
    assert shop.paypal.status(payment).news is News.PENDING
    assert shop.line.times("/v1/oauth2/token") == 2


def test_credentials_that_paypal_does_not_know() -> None:
    with pytest.raises(CredentialsRefused) as refused:
        Shop(client_secret="EWrongWrongWrong").made()
    assert refused.value.facts == {"provider": "paypal"}
    shop = Shop()
    shop.made()
    shop.line.answering = answers(401, b"{}")
    with pytest.raises(CredentialsRefused):
        shop.paypal.status("5O404")


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (Money(amount=1999, currency="EUR"), "19.99"),
        (Money(amount=5, currency="USD"), "0.05"),
        (Money(amount=1000, currency="JPY"), "1000"),
        (Money(amount=150_000, currency="HUF"), "1500"),
        (Money(amount=30_000, currency="TWD"), "300"),
    ],
)
def test_amounts_as_paypal_writes_them(shop: Shop, amount: Money, text: str) -> None:
    payment = shop.paid(amount)
    assert shop.fake._orders[payment].unit["amount"] == {"currency_code": amount.currency, "value": text}
    fact = shop.paypal.status(payment)
    assert (fact.amount, fact.currency) == (amount.amount, amount.currency)
    assert shop.paypal.refund(payment, amount, "k").amount == amount.amount


@pytest.mark.parametrize(
    "amount",
    [
        Money(amount=0, currency="EUR"),
        Money(amount=150_050, currency="HUF"),
        Money(amount=1, currency="TWD"),
        Money(amount=1000, currency="KWD"),
        Money(amount=1000, currency="BYN"),
    ],
)
def test_amounts_that_paypal_does_not_take(shop: Shop, amount: Money) -> None:
    with pytest.raises(AmountNotPayable):
        shop.made(amount)
    assert shop.line.calls == []


def test_an_amount_that_only_paypal_knows_it_does_not_take(shop: Shop) -> None:
    shop.made()
    details = {"name": "UNPROCESSABLE_ENTITY", "details": [{"issue": "CURRENCY_NOT_SUPPORTED_FOR_COUNTRY"}]}
    shop.line.answering = lambda call: json_answer(422, details)
    with pytest.raises(AmountNotPayable):
        shop.made(Money(amount=1, currency="BRL"), "order_brl")


def test_what_was_paid_is_listed_though_no_webhook_came(shop: Shop) -> None:
    payments = {shop.paid(order=f"order_{number}") for number in range(PAGE + 3)}
    shop.paypal.refund(next(iter(payments)), euros(500), "k")
    shop.made(order="order_unpaid")
    foreign = shop.paid(order="order_foreign")
    shop.fake._orders[foreign].unit["custom_id"] = "theirs"
    found, cursor = [], None
    while True:
        page = shop.paypal.listed(shop.now - timedelta(hours=1), shop.now + timedelta(hours=1), cursor)
        assert page is not None
        found, cursor = [*found, *page.facts], page.next
        if cursor is None:
            break
    assert {fact.payment for fact in found} == payments
    assert sum(fact.refunded for fact in found) == 500
    nothing = shop.paypal.listed(shop.now + timedelta(hours=1), shop.now + timedelta(hours=2), None)
    assert nothing is not None
    assert nothing.facts == ()


ORDER_OF = {
    "id": "5O1",
    "status": "APPROVED",
    "purchase_units": [{"custom_id": "acme/o", "amount": {"currency_code": "EUR", "value": "1.00"}}],
}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>502</html>",
        b"[]",
        b"null",
        b'"text"',
        b"\xff\xfe",
        b"{}",
        json.dumps({**ORDER_OF, "status": "PAID"}).encode(),
        json.dumps({**ORDER_OF, "purchase_units": []}).encode(),
        json.dumps({**ORDER_OF, "purchase_units": [{"custom_id": "acme/o"}]}).encode(),
        json.dumps({**ORDER_OF, "purchase_units": [{"amount": {"currency_code": "EUR", "value": "1.001"}}]}).encode(),
        json.dumps({**ORDER_OF, "purchase_units": [{"amount": {"currency_code": "EUR", "value": 1}}]}).encode(),
        json.dumps({**ORDER_OF, "purchase_units": [{"amount": {"currency_code": "EUR", "value": "-1.00"}}]}).encode(),
        json.dumps({**ORDER_OF, "purchase_units": [{"amount": {"currency_code": "EUR", "value": "999999999999.00"}}]}).encode(),
        json.dumps({**ORDER_OF, "purchase_units": [{"amount": {"currency_code": "euro", "value": "1.00"}}]}).encode(),
        json.dumps({**ORDER_OF, "id": 5}).encode(),
    ],
)
def test_answers_that_nobody_can_read(shop: Shop, body: bytes) -> None:
    shop.made()
    shop.line.answering = answers(200, body)
    with pytest.raises(PartnerUnreadable):
        shop.paypal.status("5O1")
    with pytest.raises(PartnerUnreadable):
        shop.made(order="order_2")


def test_fields_that_paypal_adds_are_passed_over(shop: Shop) -> None:
    shop.made()
    shop.line.answering = lambda call: json_answer(200, {**ORDER_OF, "colour": "blue", "payer": {"name": 1}})
    assert shop.paypal.status("5O1").news is News.AUTHORIZED


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (500, PartnerUnavailable),
        (503, PartnerUnavailable),
        (429, PartnerThrottles),
        (409, PartnerUnavailable),
        (302, PartnerUnreadable),
        (400, PartnerUnreadable),
    ],
)
def test_answers_that_mean_nothing_is_known(shop: Shop, status: int, kind: type[Exception]) -> None:
    payment = shop.made()
    shop.line.answering = answers(status, b"{}")
    with pytest.raises(kind):
        shop.paypal.status(payment)
    with pytest.raises(kind):
        shop.made(order="order_2")


def test_paypal_asks_nothing_of_the_browser(shop: Shop) -> None:
    shop.paypal.confirm("5O1", {"token": "5O1", "PayerID": "forged"})
    assert shop.line.calls == []
    assert shop.paypal.live is False
    assert Shop(mode="live", webhook_id="LIVE123").paypal.live is True
