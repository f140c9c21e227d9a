"""Stripe's connector against the fake: each thing that the port promises, repeats, and replies that got lost."""

from datetime import timedelta
from typing import Any

import pytest

from holdfast.kernel.money import Money
from holdfast.payments.accounts import Keyring
from holdfast.payments.errors import AmountNotPayable, CredentialsRefused, PaymentStateConflict, PaymentUnknown
from holdfast.payments.model import DisputeState, GivenState, News
from holdfast.payments.providers.stripe import Stripe
from holdfast.platform.calling import PartnerThrottles, PartnerUnavailable, PartnerUnreadable
from tests.unit.payments.stand_in import Canned, as_json, called
from tests.unit.payments.stripe.samples import EUR, KEYS, NOW, ORDER, World, wish


@pytest.fixture
def world() -> World:
    return World()


def test_a_payment_is_a_page_that_names_our_order(world: World) -> None:
    made = world.stripe.create(wish(), NOW)
    session = world.fake.book.things[made.id]
    assert made.client == {"url": f"https://checkout.stripe.com/c/pay/{made.id}"}
    assert (session["amount_total"], session["currency"], session["customer_email"]) == (1999, "eur", "zoe@example.org")
    assert session["metadata"] == {"shop": "demo", "order": ORDER} == world.fake.book.wishes[made.id]["metadata"]
    assert (session["client_reference_id"], session["success_url"]) == (ORDER, f"https://shop.example/thanks/{ORDER}")
    assert session["expires_at"] == int((NOW + timedelta(minutes=46)).timestamp())


def test_asked_again_later_it_is_the_same_page(world: World) -> None:
    first = world.stripe.create(wish(), NOW)
    world.pass_by(minutes=10)
    assert world.stripe.create(wish(), world.now) == first
    assert len(world.fake.book.things) == 1


def test_a_lost_reply_makes_no_second_page(world: World) -> None:
    world.line.lose()
    with pytest.raises(PartnerUnavailable):
        world.stripe.create(wish(), NOW)
    world.stripe.create(wish(), NOW)
    assert len(world.fake.book.things) == 1


def test_a_renewed_hold_gets_a_page_and_not_a_dead_end(world: World) -> None:
    first = world.stripe.create(wish(), NOW)
    second = world.stripe.create(wish(until=NOW + timedelta(minutes=20)), NOW)
    assert first.id != second.id


@pytest.mark.parametrize(
    ("hold", "lives"), [(5, 31 * 60 + 5), (15 * 60, 46 * 60), (23 * 3600, 23 * 3600 + 31 * 60), (24 * 3600, 24 * 3600)]
)
def test_a_page_lives_as_long_as_stripe_allows(world: World, hold: int, lives: int) -> None:
    made = world.stripe.create(wish(until=NOW + timedelta(seconds=hold)), NOW)
    assert world.fake.book.things[made.id]["expires_at"] == int(NOW.timestamp()) + lives


def test_a_hold_that_is_over_asks_for_a_page_all_the_same(world: World) -> None:
    made = world.stripe.create(wish(until=NOW - timedelta(minutes=5)), NOW)
    assert world.fake.book.things[made.id]["expires_at"] == int(NOW.timestamp()) + 31 * 60


def test_an_address_that_stripe_does_not_like_is_left_out(world: World) -> None:
    made = world.stripe.create(wish(email="zoe@localhost"), NOW)
    assert world.fake.book.things[made.id]["customer_email"] is None


@pytest.mark.parametrize(
    ("amount", "currency", "wire"),
    [(1999, "EUR", 1999), (1999, "JPY", 1999), (12_340, "KWD", 12_340), (700, "ISK", 70_000), (700, "UGX", 70_000), (200_000, "MGA", 2000)],
)
def test_amounts_are_written_as_stripe_wants_them_and_read_back(world: World, amount: int, currency: str, wire: int) -> None:
    payment = world.paid(Money(amount=amount, currency=currency))
    fact = world.stripe.status(payment)
    assert world.fake.book.things[payment]["amount_total"] == wire
    assert (fact.amount, fact.currency, fact.news) == (amount, currency, News.SUCCEEDED)


@pytest.mark.parametrize(
    ("amount", "currency"),
    [(12_345, "KWD"), (1999, "MGA"), (5000, "IQD"), (5000, "LYD"), (0, "EUR"), (1, "EUR"), (10**11, "EUR"), (5000, "XTS")],
)
def test_what_stripe_does_not_take_is_said_so(world: World, amount: int, currency: str) -> None:
    with pytest.raises(AmountNotPayable) as refused:
        world.made(Money(amount=amount, currency=currency))
    assert refused.value.facts == {"currency": currency}
    assert world.fake.book.things == {}


@pytest.mark.parametrize(("amount", "currency"), [(12_345, "KWD"), (1999, "MGA"), (5000, "IQD"), (5000, "LYD"), (0, "EUR")])
def test_what_stripe_would_take_for_another_amount_is_not_even_asked(world: World, amount: int, currency: str) -> None:
    with pytest.raises(AmountNotPayable):
        world.made(Money(amount=amount, currency=currency))
    assert world.line.calls == []


def test_a_page_is_pending_until_it_is_paid(world: World) -> None:
    payment = world.made()
    assert world.stripe.status(payment).news is News.PENDING
    world.fake.act(payment, "decline")
    fact = world.stripe.status(payment)
    assert (fact.news, fact.amount, fact.currency) == (News.PENDING, 1999, "EUR")  # another card may follow
    world.fake.act(payment, "pay")
    fact = world.stripe.status(payment)
    assert (fact.shop, fact.order, fact.payment, fact.news, fact.amount, fact.currency) == (
        "demo",
        ORDER,
        payment,
        News.SUCCEEDED,
        1999,
        "EUR",
    )
    assert fact.charge == world.fake.book.things[payment]["payment_intent"]
    assert (fact.beside, fact.refunded, fact.refunds, fact.disputes) == ((), 0, (), ())


def test_a_payment_is_known_by_the_name_of_its_intent(world: World) -> None:
    payment = world.paid()
    assert world.stripe.status(world.fake.book.things[payment]["payment_intent"]) == world.stripe.status(payment)


def test_nobody_pays_an_expired_page(world: World) -> None:
    payment = world.made()
    world.fake.act(payment, "expire")
    assert world.stripe.status(payment).news is News.EXPIRED


def test_a_debit_takes_days_and_may_fail_for_good(world: World) -> None:
    payment, other = world.made(), world.made(order="ord_2")
    for each in (payment, other):
        world.fake.act(each, "process")
        assert world.stripe.status(each).news is News.PENDING
    world.fake.act(payment, "decline")
    world.fake.act(other, "pay")
    assert [world.stripe.status(each).news for each in (payment, other)] == [News.FAILED, News.SUCCEEDED]


@pytest.mark.parametrize(
    "name", ["cs_test_nobody", "pi_nobody", "order_1", "", "cs_../../v1/refunds", "cs_x?expand[]=customer", "pi_" + "x" * 300]
)
def test_unknown_names(world: World, name: str) -> None:
    with pytest.raises(PaymentUnknown):
        world.stripe.status(name)


def test_a_payment_without_our_reference_is_not_ours(world: World) -> None:
    body = b"mode=payment&success_url=https%3A%2F%2Fx.example&line_items[0][quantity]=1&line_items[0][price_data][currency]=eur"
    body += b"&line_items[0][price_data][unit_amount]=900&line_items[0][price_data][product_data][name]=x"
    headers = {"authorization": f"Bearer {KEYS.secret_key}"}
    world.fake.answer(called("POST", "https://api.stripe.com/v1/checkout/sessions", headers, body))
    (foreign,) = world.fake.book.things
    with pytest.raises(PaymentUnknown):
        world.stripe.status(foreign)
    listing = world.stripe.listed(NOW - timedelta(hours=1), NOW + timedelta(hours=1), None)
    assert listing is not None
    assert listing.facts == ()


def test_another_shop_on_the_same_account_is_told_as_it_is(world: World) -> None:
    payment = world.stripe.create(wish(shop="other"), NOW).id
    assert world.stripe.status(payment).shop == "other"


def test_a_part_goes_back_once_per_key(world: World) -> None:
    payment = world.paid()
    first = world.stripe.refund(payment, Money(amount=500, currency="EUR"), "ord#r1")
    assert (first.amount, first.state, first.key) == (500, GivenState.DONE, "ord#r1")
    assert world.stripe.refund(payment, Money(amount=500, currency="EUR"), "ord#r1") == first
    second = world.stripe.refund(payment, Money(amount=500, currency="EUR"), "ord#r2")
    fact = world.stripe.status(payment)
    assert (fact.news, fact.refunded) == (News.SUCCEEDED, 1000)
    assert set(fact.refunds) == {first, second}


def test_a_refund_is_not_made_twice_when_stripe_has_forgotten_the_key(world: World) -> None:
    payment = world.paid()
    part = Money(amount=500, currency="EUR")
    world.line.lose(3)
    with pytest.raises(PartnerUnavailable):
        world.stripe.refund(payment, part, "ord#r1")
    assert world.line.asked("POST")[-1] == "/v1/refunds"
    world.pass_by(days=30)
    given = world.stripe.refund(payment, part, "ord#r1")
    assert given.key == "ord#r1"
    assert world.stripe.status(payment).refunded == 500


def test_two_at_once_give_back_once(world: World) -> None:
    """Both have looked before either has asked: then it is Stripe's own key that counts."""
    payment, part = world.paid(), Money(amount=500, currency="EUR")
    world.stripe._api.refunds = lambda intent: []  # type: ignore[method-assign]
    assert world.stripe.refund(payment, part, "ord#r1") == world.stripe.refund(payment, part, "ord#r1")
    assert len([thing for thing in world.fake.book.things.values() if thing["object"] == "refund"]) == 1


def test_without_asking_first_a_late_repeat_gives_back_twice(world: World) -> None:
    """What the look before the refund is for: the provider's own key is forgotten after a day."""
    payment = world.paid()
    world.stripe._api.refunds = lambda intent: []  # type: ignore[method-assign]
    for _ in range(2):
        world.stripe.refund(payment, Money(amount=500, currency="EUR"), "ord#r1")
        world.pass_by(days=2)
    assert [thing["amount"] for thing in world.fake.book.things.values() if thing["object"] == "refund"] == [500, 500]


def test_a_refund_of_a_named_charge(world: World) -> None:
    payment = world.paid()
    charge = world.stripe.status(payment).charge
    assert world.stripe.refund("cs_test_whatever", EUR, "ord#r1", charge).amount == 1999
    assert world.stripe.status(payment).news is News.REFUNDED


def test_a_refund_made_by_hand_has_no_key_of_ours(world: World) -> None:
    payment = world.paid()
    world.fake.act(payment, "refund:300")
    fact = world.stripe.status(payment)
    assert [(given.amount, given.key) for given in fact.refunds] == [(300, None)]
    world.fake.act(payment, "refund")
    assert world.stripe.status(payment).news is News.REFUNDED


def test_a_refund_that_the_bank_sends_back_has_failed(world: World) -> None:
    payment = world.paid()
    given = world.stripe.refund(payment, EUR, "ord#r1")
    world.fake.book.fail_refund(given.ref)
    fact = world.stripe.status(payment)
    assert (fact.news, fact.refunded, fact.refunds[0].state) == (News.SUCCEEDED, 0, GivenState.FAILED)
    assert world.stripe.refund(payment, EUR, "ord#r1").state is GivenState.FAILED


def test_more_than_came_does_not_go_back(world: World) -> None:
    payment = world.paid()
    with pytest.raises(PaymentStateConflict):
        world.stripe.refund(payment, Money(amount=2000, currency="EUR"), "ord#r1")
    world.stripe.refund(payment, EUR, "ord#r2")
    with pytest.raises(PaymentStateConflict):
        world.stripe.refund(payment, EUR, "ord#r3")
    with pytest.raises(PaymentStateConflict) as refused:
        world.stripe.refund(world.made(order="ord_2"), EUR, "ord#r1")
    assert refused.value.facts == {"payment_status": News.PENDING}


def test_hundreds_of_refunds_are_all_seen(world: World) -> None:
    payment = world.paid(Money(amount=30_000, currency="EUR"))
    for number in range(250):
        world.fake.act(payment, f"refund:{1 + number % 2}")
    fact = world.stripe.status(payment)
    assert (len(fact.refunds), fact.refunded) == (250, 375)


def test_disputes_and_their_deadline(world: World) -> None:
    payment = world.paid()
    world.fake.act(payment, "dispute")
    (dispute,) = world.stripe.status(payment).disputes
    assert (dispute.amount, dispute.currency, dispute.state, dispute.reason) == (1999, "EUR", DisputeState.OPEN, "fraudulent")
    assert dispute.respond_by == NOW + timedelta(days=7)
    world.fake.act(payment, "dispute_lost")
    world.fake.act(payment, "dispute")
    world.fake.act(payment, "dispute_won")
    assert [dispute.state for dispute in world.stripe.status(payment).disputes] == [DisputeState.WON, DisputeState.LOST]


def test_a_payment_given_up_cannot_be_paid(world: World) -> None:
    payment = world.made()
    for _ in range(2):
        world.stripe.void(payment, NOW)
    assert world.stripe.status(payment).news is News.EXPIRED
    with pytest.raises(ValueError, match="cannot be paid"):
        world.fake.act(payment, "pay")


def test_what_came_or_may_come_is_not_given_up(world: World) -> None:
    paid, underway, failed = world.paid(), world.made(order="ord_2"), world.made(order="ord_3")
    world.fake.act(underway, "process")
    world.fake.act(failed, "process")
    world.fake.act(failed, "decline")
    for payment, news in ((paid, News.SUCCEEDED), (underway, News.PENDING)):
        with pytest.raises(PaymentStateConflict) as refused:
            world.stripe.void(payment, NOW)
        assert refused.value.facts == {"payment_status": news}
    world.stripe.void(failed, NOW)
    with pytest.raises(PaymentUnknown):
        world.stripe.void("cs_test_nobody", NOW)


def test_a_lost_reply_of_giving_up_is_asked_again(world: World) -> None:
    payment = world.made()
    world.line.lose()
    with pytest.raises(PartnerUnavailable):
        world.stripe.void(payment, NOW)
    world.stripe.void(payment, NOW)


def authorized(world: World) -> str:
    payment = world.made()
    world.fake.book.wishes[payment]["capture_method"] = "manual"
    world.fake.act(payment, "authorize")
    return payment


def test_what_the_shopper_agreed_to_is_collected_once(world: World) -> None:
    payment = authorized(world)
    fact = world.stripe.status(payment)
    assert (fact.news, fact.amount) == (News.AUTHORIZED, 1999)
    collected = world.stripe.capture(payment, EUR, "ord#c")
    assert (collected.news, collected.amount, collected.charge) == (News.SUCCEEDED, 1999, fact.charge)
    assert world.stripe.capture(payment, EUR, "ord#c") == collected
    assert len([path for path in world.line.asked("POST") if path.endswith("/capture")]) == 1


def test_a_lost_reply_of_a_capture(world: World) -> None:
    payment = authorized(world)
    world.line.lose(2)
    with pytest.raises(PartnerUnavailable):
        world.stripe.capture(payment, EUR, "ord#c")
    assert world.stripe.capture(payment, EUR, "ord#c").news is News.SUCCEEDED


def test_nothing_to_collect(world: World) -> None:
    with pytest.raises(PaymentStateConflict):
        world.stripe.capture(world.made(), EUR, "ord#c")
    with pytest.raises(PaymentStateConflict):
        world.stripe.capture(authorized(world), Money(amount=5000, currency="EUR"), "ord#c")


def test_all_of_a_time_are_listed_page_by_page(world: World) -> None:
    early = world.paid(order="ord_early")
    world.pass_by(hours=1)
    inside = [world.made(order=f"ord_{number}") for number in range(205)]
    world.fake.act(inside[7], "pay")
    world.fake.act(inside[7], "refund:99")
    since, world.now = world.now, world.now + timedelta(hours=1)
    world.made(order="ord_late")
    seen, cursor, pages = {}, None, 0
    while pages < 9:
        listing = world.stripe.listed(since, world.now, cursor)
        assert listing is not None
        seen |= {fact.payment: fact for fact in listing.facts}
        pages, cursor = pages + 1, listing.next
        if cursor is None:
            break
    assert (set(seen), pages) == (set(inside), 3)
    assert (seen[inside[7]].news, seen[inside[7]].refunded, seen[inside[8]].news) == (News.SUCCEEDED, 99, News.PENDING)
    assert early not in seen


def test_every_call_bears_key_and_version(world: World) -> None:
    payment = world.paid()
    world.stripe.refund(payment, EUR, "ord#r1")
    assert {call.headers["authorization"] for call in world.line.calls} == {f"Bearer {KEYS.secret_key}"}
    assert {call.headers["stripe-version"] for call in world.line.calls} == {"2026-10-28.endive"}
    posts = [call for call in world.line.calls if call.method == "POST"]
    assert all(len(call.headers["idempotency-key"]) == 64 for call in posts)
    assert world.stripe.confirm(payment, {}) is None  # type: ignore[func-returns-value]


def test_credentials_that_stripe_does_not_know(world: World) -> None:
    stranger = Stripe(Keyring(KEYS.model_copy(update={"secret_key": "sk_test_another"})), world.line)
    with pytest.raises(CredentialsRefused) as refused:
        stranger.create(wish(), NOW)
    assert refused.value.facts == {"provider": "stripe"}


GARBAGE = [
    Canned(200, b"<html>not today</html>"),
    Canned(200, b""),
    Canned(200, b"[]"),
    Canned(200, b"\xff\xfe{}"),
    Canned(404, b"<html>who?</html>"),
    Canned(404, b'{"detail": "nothing of Stripe"}'),
    Canned(302, b""),
    Canned(418, b'{"error": {}}'),
    Canned(200, b"[" * 100_000),
]


@pytest.mark.parametrize("canned", GARBAGE)
def test_an_answer_that_is_none_says_nothing(world: World, canned: Canned) -> None:
    payment = world.paid()
    for ask in (lambda: world.stripe.status(payment), lambda: world.stripe.void(payment, NOW), lambda: world.made(order="ord_9")):
        world.line.canned = [canned]
        with pytest.raises(PartnerUnreadable) as unreadable:
            ask()
        assert unreadable.value.__cause__ is None


def session_of(world: World, payment: str) -> dict[str, Any]:
    intent = world.fake.book.things[world.fake.book.things[payment]["payment_intent"]]
    charge = world.fake.book.things[intent["latest_charge"]]
    return {**world.fake.book.things[payment], "payment_intent": {**intent, "latest_charge": charge}}


@pytest.mark.parametrize(
    "changes",
    [
        {"amount_total": None},
        {"amount_total": "1999"},
        {"amount_total": 19.99},
        {"currency": None},
        {"id": 5},
        {"mode": None},
        {"metadata": ["shop", "order"]},
        {"payment_intent": {"id": "pi_1"}},
        {"payment_intent": {"id": "pi_1", "status": "succeeded", "amount_received": -1, "amount_capturable": 0}},
        {"payment_intent": {"id": "pi_1", "status": "succeeded", "amount_received": 10**15, "amount_capturable": 0}},
    ],
)
def test_an_answer_that_lacks_something_says_nothing(world: World, changes: dict[str, Any]) -> None:
    payment = world.paid()
    world.line.canned = [as_json({**session_of(world, payment), **changes})]
    with pytest.raises(PartnerUnreadable):
        world.stripe.status(payment)


def test_fields_that_stripe_adds_are_no_trouble(world: World) -> None:
    payment = world.paid()
    world.line.canned = [as_json({**session_of(world, payment), "new": {"deep": [1]}})]
    assert world.stripe.status(payment).news is News.SUCCEEDED


@pytest.mark.parametrize(
    ("status", "refusal"), [(500, PartnerUnavailable), (503, PartnerUnavailable), (429, PartnerThrottles), (403, CredentialsRefused)]
)
def test_trouble_by_its_kind(world: World, status: int, refusal: type[Exception]) -> None:
    payment = world.made()
    world.line.canned = [Canned(status, b"<html>")]
    with pytest.raises(refusal):
        world.stripe.status(payment)


def test_the_same_work_under_way_is_asked_again(world: World) -> None:
    world.line.canned = [Canned(409, b'{"error": {"type": "idempotency_error", "code": "idempotency_key_in_use"}}')]
    with pytest.raises(PartnerUnavailable):
        world.stripe.create(wish(), NOW)


def test_a_refusal_of_something_else_is_not_blamed_on_the_amount(world: World) -> None:
    world.line.canned = [Canned(400, b'{"error": {"type": "invalid_request_error", "param": "line_items"}}')]
    with pytest.raises(PartnerUnreadable):
        world.stripe.create(wish(), NOW)


def test_endless_pages_end(world: World) -> None:
    payment = world.paid()
    refund = {"id": "re_1", "amount": 1, "currency": "eur", "status": "succeeded"}
    world.line.canned = [as_json(session_of(world, payment)), *[as_json({"data": [refund], "has_more": True})] * 30]
    with pytest.raises(PartnerUnreadable):
        world.stripe.status(payment)


REFUSAL = Canned(400, b'{"error": {"type": "invalid_request_error", "code": "parameter_invalid_integer", "param": "limit"}}')
GONE = Canned(400, b'{"error": {"type": "invalid_request_error", "code": "resource_missing", "param": "payment_intent"}}')


@pytest.mark.parametrize(("canned", "expected"), [(REFUSAL, PartnerUnreadable), (GONE, PaymentUnknown)])
@pytest.mark.parametrize("before", [0, 1, 2])
def test_a_question_that_is_refused_has_a_name(world: World, canned: Canned, expected: type[Exception], before: int) -> None:
    """Of the session, its refunds and its disputes."""
    payment = world.paid()
    world.line.canned = [*[None] * before, canned]
    with pytest.raises(expected) as failure:
        world.stripe.status(payment)
    assert failure.value.__cause__ is None


@pytest.mark.parametrize(("canned", "expected"), [(REFUSAL, PartnerUnreadable), (GONE, PaymentUnknown)])
def test_a_movement_of_money_that_is_nowhere_is_no_payment(world: World, canned: Canned, expected: type[Exception]) -> None:
    world.line.canned = [canned]
    with pytest.raises(expected):
        world.stripe.status("pi_nowhere")


@pytest.mark.parametrize("ask", ["check", "listed"])
def test_a_list_that_is_refused_is_unreadable(world: World, ask: str) -> None:
    asked = {"check": world.stripe.check, "listed": lambda: world.stripe.listed(NOW, NOW, None)}
    world.line.canned = [REFUSAL]
    with pytest.raises(PartnerUnreadable):
        asked[ask]()
