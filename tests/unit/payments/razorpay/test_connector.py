"""Razorpay's connector against the fake: each thing that the port promises, repeats, and replies that got lost."""

from datetime import timedelta
from typing import Any

import pytest

from holdfast.kernel.money import Money
from holdfast.payments.accounts import Keyring
from holdfast.payments.errors import AmountNotPayable, CredentialsRefused, PaymentStateConflict, PaymentUnknown
from holdfast.payments.model import DisputeState, GivenState, News
from holdfast.payments.providers.razorpay import Razorpay
from holdfast.payments.providers.razorpay.proxy import MOST_PAGES
from holdfast.platform.calling import PartnerThrottles, PartnerUnavailable, PartnerUnreadable
from tests.unit.payments.razorpay.samples import INR, KEYS, NOW, ORDER, World, wish
from tests.unit.payments.stand_in import Canned, as_json, called


@pytest.fixture
def world() -> World:
    return World()


def orders(world: World) -> list[str]:
    return [order["id"] for order in world.book.of("order")]


def test_a_payment_is_an_order_there_that_names_ours(world: World) -> None:
    made = world.razorpay.create(wish(), NOW)
    order = world.book.things[made.id]
    assert made.client == {"key_id": "rzp_test_Holdfast", "order_id": made.id, "amount": 199_900, "currency": "INR"}
    assert (order["receipt"], order["notes"]) == (ORDER, {"shop": "demo", "order": ORDER, "number": "A-1042"})


def test_asked_again_it_is_the_same(world: World) -> None:
    first = world.razorpay.create(wish(), NOW)
    world.pass_by(days=3)
    assert world.razorpay.create(wish(), world.now) == first
    assert orders(world) == [first.id]


def test_a_lost_reply_makes_no_second_order(world: World) -> None:
    world.line.lose(2)
    with pytest.raises(PartnerUnavailable):
        world.razorpay.create(wish(), NOW)
    world.razorpay.create(wish(), NOW)
    assert len(orders(world)) == 1


def test_without_asking_first_a_lost_reply_makes_two(world: World) -> None:
    """What the look for the receipt is for."""
    world.razorpay._api.orders_of = lambda receipt: []  # type: ignore[method-assign]
    world.line.lose(1)
    with pytest.raises(PartnerUnavailable):
        world.razorpay.create(wish(), NOW)
    world.razorpay.create(wish(), NOW)
    assert len(orders(world)) == 2


def test_an_order_with_another_amount_is_not_taken_for_it(world: World) -> None:
    world.made()
    with pytest.raises(PaymentStateConflict):
        world.made(Money(amount=100, currency="INR"))
    with pytest.raises(PaymentStateConflict):
        world.made(Money(amount=199_900, currency="USD"))


def test_a_receipt_that_somebody_else_used_is_no_order_of_ours(world: World) -> None:
    world.book.put("order", "order", amount=199_900, currency="INR", receipt=ORDER, notes=[], status="created", amount_paid=0, attempts=0)
    foreign = orders(world)
    assert world.made() not in foreign
    assert world.razorpay.create(wish(shop="other"), NOW).id not in foreign
    assert len(orders(world)) == 3


def test_an_id_longer_than_a_receipt_is_a_mistake_of_ours(world: World) -> None:
    with pytest.raises(ValueError, match="40 characters"):
        world.made(order="o" * 41)


@pytest.mark.parametrize(
    ("amount", "currency"), [(199_900, "INR"), (1999, "JPY"), (12_340, "KWD"), (1999, "EUR"), (700, "ISK"), (700, "UGX"), (1999, "MGA")]
)
def test_amounts_are_those_of_iso(world: World, amount: int, currency: str) -> None:
    payment = world.paid(Money(amount=amount, currency=currency))
    fact = world.razorpay.status(payment)
    assert world.book.things[payment]["amount"] == amount
    assert (fact.amount, fact.currency, fact.news) == (amount, currency, News.SUCCEEDED)


@pytest.mark.parametrize(("amount", "currency"), [(12_345, "KWD"), (0, "INR"), (99, "INR"), (5000, "XTS"), (10**12, "INR")])
def test_what_razorpay_does_not_take_is_said_so(world: World, amount: int, currency: str) -> None:
    with pytest.raises(AmountNotPayable) as refused:
        world.made(Money(amount=amount, currency=currency))
    assert refused.value.facts == {"currency": currency}
    assert orders(world) == []


@pytest.mark.parametrize(("amount", "currency"), [(12_345, "KWD"), (0, "INR")])
def test_what_nobody_could_pay_is_not_even_asked_for(world: World, amount: int, currency: str) -> None:
    with pytest.raises(AmountNotPayable):
        world.made(Money(amount=amount, currency=currency))
    assert world.line.calls == []


def test_an_order_is_pending_until_money_came(world: World) -> None:
    payment = world.made()
    assert world.razorpay.status(payment).news is News.PENDING
    assert world.line.asked("GET")[-1] == f"/v1/orders/{payment}"  # nothing was tried, so nothing else is asked
    world.fake.act(payment, "decline")
    fact = world.razorpay.status(payment)
    assert (fact.news, fact.amount, fact.currency) == (News.PENDING, 199_900, "INR")  # another card may follow
    world.fake.act(payment, "pay")
    fact = world.razorpay.status(payment)
    assert (fact.shop, fact.order, fact.payment, fact.news) == ("demo", ORDER, payment, News.SUCCEEDED)
    assert (fact.amount, fact.currency, fact.beside, fact.refunded, fact.refunds, fact.disputes) == (199_900, "INR", (), 0, (), ())
    assert fact.charge == world.book.of("payment", status="captured")[0]["id"]


def test_a_payment_is_known_by_the_name_of_a_try(world: World) -> None:
    payment = world.paid()
    charge = world.razorpay.status(payment).charge
    assert charge is not None
    assert world.razorpay.status(charge) == world.razorpay.status(payment)


def test_a_failure_may_turn_into_money_days_later(world: World) -> None:
    payment = world.made()
    world.fake.act(payment, "decline")
    world.pass_by(days=3)
    world.book.captures = False
    world.fake.act(payment, "late")
    assert world.razorpay.status(payment).news is News.AUTHORIZED
    assert world.razorpay.capture(payment, INR, "ord#c").news is News.SUCCEEDED


def test_an_order_paid_twice_tells_the_second_beside(world: World) -> None:
    payment = world.paid()
    first = world.razorpay.status(payment)
    world.pass_by(minutes=5)
    world.fake.act(payment, "pay_again")
    fact = world.razorpay.status(payment)
    (second,) = fact.beside
    assert (fact.charge, fact.amount) == (first.charge, 199_900)
    assert (second.amount, second.currency) == (199_900, "INR")
    assert second.id not in {fact.charge, None}
    part = Money(amount=50_000, currency="INR")
    world.razorpay.refund(payment, part, "ord#beside", second.id)
    assert [charge.amount for charge in world.razorpay.status(payment).beside] == [149_900]
    world.razorpay.refund(payment, Money(amount=149_900, currency="INR"), "ord#beside2", second.id)
    fact = world.razorpay.status(payment)
    assert (fact.beside, fact.refunded, fact.news) == ((), 0, News.SUCCEEDED)
    assert {(given.key, given.amount) for given in fact.refunds} == {("ord#beside", 50_000), ("ord#beside2", 149_900)}


def test_what_somebody_gave_back_by_hand_of_the_second_is_only_no_longer_beside(world: World) -> None:
    payment = world.paid()
    world.pass_by(minutes=5)
    world.fake.act(payment, "pay_again")
    (second,) = world.razorpay.status(payment).beside
    world.book.give_back(world.book.things[second.id], second.amount)
    fact = world.razorpay.status(payment)
    assert (fact.beside, fact.refunded, fact.refunds, fact.news) == ((), 0, (), News.SUCCEEDED)


def test_of_several_the_one_that_fits_is_the_payment(world: World) -> None:
    payment = world.made()
    world.fake.act(payment, "pay")
    odd = world.book.of("payment")[0]
    world.pass_by(minutes=1)
    world.fake.act(payment, "pay_again")
    odd["amount"] = 100
    fact = world.razorpay.status(payment)
    assert (fact.amount, [(charge.id, charge.amount) for charge in fact.beside]) == (199_900, [(odd["id"], 100)])


def test_what_was_never_captured_was_never_money(world: World) -> None:
    payment = world.made()
    world.fake.act(payment, "authorize")
    world.fake.act(payment, "lapse")
    fact = world.razorpay.status(payment)
    assert (fact.news, fact.charge, fact.refunded) == (News.PENDING, None, 0)


@pytest.mark.parametrize(
    "name", ["order_00000000000000", "pay_00000000000000", "order_x", "cs_test_1", "", "order_../../payments", "order_1?count=1", "pay_/"]
)
def test_unknown_names(world: World, name: str) -> None:
    with pytest.raises(PaymentUnknown):
        world.razorpay.status(name)


@pytest.mark.parametrize("notes", [[], {}, {"shop": "demo"}, {"order": ORDER}, {"shop": 5, "order": ORDER}])
def test_an_order_without_our_reference_is_not_ours(world: World, notes: Any) -> None:
    order = world.book.put("order", "order", amount=100, currency="INR", receipt=None, notes=notes, status="created", amount_paid=0)
    with pytest.raises(PaymentUnknown):
        world.razorpay.status(order["id"])
    listing = world.razorpay.listed(NOW - timedelta(hours=1), NOW + timedelta(hours=1), None)
    assert listing is not None
    assert listing.facts == ()


def test_a_payment_of_a_link_belongs_to_no_order(world: World) -> None:
    loose = world.book.put("payment", "pay", amount=100, currency="INR", status="captured", captured=True, order_id=None, amount_refunded=0)
    with pytest.raises(PaymentUnknown):
        world.razorpay.status(loose["id"])


def test_another_shop_on_the_same_account_is_told_as_it_is(world: World) -> None:
    assert world.razorpay.status(world.razorpay.create(wish(shop="other"), NOW).id).shop == "other"


def test_a_part_goes_back_once_per_key(world: World) -> None:
    payment, part = world.paid(), Money(amount=50_000, currency="INR")
    first = world.razorpay.refund(payment, part, "ord#r1")
    assert (first.amount, first.state, first.key) == (50_000, GivenState.DONE, "ord#r1")
    assert world.razorpay.refund(payment, part, "ord#r1") == first
    second = world.razorpay.refund(payment, part, "ord#r2")
    fact = world.razorpay.status(payment)
    assert (fact.news, fact.refunded, set(fact.refunds)) == (News.SUCCEEDED, 100_000, {first, second})
    world.fake.act(payment, "refund")
    fact = world.razorpay.status(payment)
    assert (fact.news, fact.refunded, len(fact.refunds)) == (News.REFUNDED, 199_900, 3)


def test_a_refund_is_not_made_twice_when_the_key_is_forgotten(world: World) -> None:
    payment, part = world.paid(), Money(amount=50_000, currency="INR")
    world.line.lose(4)
    with pytest.raises(PartnerUnavailable):
        world.razorpay.refund(payment, part, "ord#r1")
    assert world.line.asked("POST")[-1].endswith("/refund")
    world.pass_by(days=30)
    assert world.razorpay.refund(payment, part, "ord#r1").key == "ord#r1"
    assert world.razorpay.status(payment).refunded == 50_000


def test_two_at_once_give_back_once(world: World) -> None:
    """Both have looked before either has asked: then it is Razorpay's own key that counts."""
    payment, part = world.paid(), Money(amount=50_000, currency="INR")
    world.razorpay._api.refunds = lambda payment: []  # type: ignore[method-assign]
    assert world.razorpay.refund(payment, part, "ord#r1") == world.razorpay.refund(payment, part, "ord#r1")
    assert len(world.book.of("refund")) == 1


def test_without_asking_first_a_late_repeat_gives_back_twice(world: World) -> None:
    payment, part = world.paid(), Money(amount=50_000, currency="INR")
    world.razorpay._api.refunds = lambda payment: []  # type: ignore[method-assign]
    for _ in range(2):
        world.razorpay.refund(payment, part, "ord#r1")
        world.pass_by(days=2)
    assert [refund["amount"] for refund in world.book.of("refund")] == [50_000, 50_000]


def test_a_refund_takes_its_time_and_may_fail(world: World) -> None:
    payment = world.paid()
    world.book.refunds_begin = "pending"
    given = world.razorpay.refund(payment, INR, "ord#r1")
    assert (given.state, world.razorpay.status(payment).news) == (GivenState.PENDING, News.REFUNDED)
    world.book.end_refund(given.ref, "failed")
    fact = world.razorpay.status(payment)
    assert (fact.news, fact.refunded, fact.refunds[0].state) == (News.SUCCEEDED, 0, GivenState.FAILED)
    assert world.razorpay.refund(payment, INR, "ord#r1").state is GivenState.FAILED
    assert world.razorpay.refund(payment, INR, "ord#r2").state is GivenState.PENDING


def test_more_than_came_does_not_go_back(world: World) -> None:
    payment = world.paid()
    with pytest.raises(PaymentStateConflict):
        world.razorpay.refund(payment, Money(amount=200_000, currency="INR"), "ord#r1")
    world.razorpay.refund(payment, INR, "ord#r2")
    with pytest.raises(PaymentStateConflict):
        world.razorpay.refund(payment, INR, "ord#r3")
    for unpaid in (world.made(order="ord_2"), world.made(order="ord_3")):
        with pytest.raises(PaymentStateConflict) as refused:
            world.razorpay.refund(unpaid, INR, "ord#r1")
        assert refused.value.facts == {"payment_status": News.PENDING}
        world.fake.act(world.made(order="ord_3"), "decline")


def test_what_is_older_than_six_months_does_not_go_back(world: World) -> None:
    payment = world.paid()
    world.pass_by(days=200)
    with pytest.raises(PaymentStateConflict):
        world.razorpay.refund(payment, INR, "ord#r1")


def test_hundreds_of_refunds_are_all_seen(world: World) -> None:
    payment = world.paid()
    for _ in range(250):
        world.fake.act(payment, "refund:100")
    fact = world.razorpay.status(payment)
    assert (len(fact.refunds), fact.refunded) == (250, 25_000)


def test_disputes_and_their_deadline(world: World) -> None:
    payment, other = world.paid(), world.paid(order="ord_2")
    world.fake.act(other, "dispute")
    world.fake.act(payment, "dispute")
    (dispute,) = world.razorpay.status(payment).disputes
    assert (dispute.amount, dispute.currency, dispute.state, dispute.reason) == (199_900, "INR", DisputeState.OPEN, "chargeback")
    assert dispute.respond_by == NOW + timedelta(days=5)
    for action, state in (("review", DisputeState.UNDER_REVIEW), ("won", DisputeState.WON)):
        world.fake.act(payment, f"dispute_{action}")
        assert [one.state for one in world.razorpay.status(payment).disputes] == [state]
    for action in ("lost", "closed"):
        world.fake.act(payment, "dispute")
        world.fake.act(payment, f"dispute_{action}")
    assert [one.state for one in world.razorpay.status(payment).disputes] == [DisputeState.WON, DisputeState.LOST, DisputeState.WON]


def test_disputes_are_read_down_to_the_day_of_the_payment(world: World) -> None:
    old = world.paid(order="ord_old")
    for _ in range(250):
        world.fake.act(old, "dispute")
    world.pass_by(days=1)
    payment = world.paid()
    world.fake.act(payment, "dispute")
    for _ in range(120):
        world.fake.act(old, "dispute")
    before = len(world.line.calls)
    assert len(world.razorpay.status(payment).disputes) == 1
    assert [call.query["skip"] for call in world.line.calls[before:] if call.path == "/v1/disputes"] == ["0", "100", "200"]
    assert len(world.razorpay.status(old).disputes) == 370


def test_what_has_not_come_can_be_given_up_and_what_has_cannot(world: World) -> None:
    """Giving up changes nothing there: money that comes all the same is the finaliser's."""
    payment = world.made()
    world.razorpay.void(payment, NOW)
    world.fake.act(payment, "decline")
    world.razorpay.void(payment, NOW)
    world.fake.act(payment, "authorize")
    world.razorpay.void(payment, NOW)
    world.fake.act(payment, "pay")
    with pytest.raises(PaymentStateConflict) as refused:
        world.razorpay.void(payment, NOW)
    assert refused.value.facts == {"payment_status": News.SUCCEEDED}
    with pytest.raises(PaymentUnknown):
        world.razorpay.void("order_00000000000000", NOW)


def test_what_the_shopper_agreed_to_is_collected_once(world: World) -> None:
    payment = world.made()
    world.fake.act(payment, "authorize")
    fact = world.razorpay.status(payment)
    assert (fact.news, fact.amount, fact.refunded) == (News.AUTHORIZED, 199_900, 0)
    collected = world.razorpay.capture(payment, INR, "ord#c")
    assert (collected.news, collected.charge) == (News.SUCCEEDED, fact.charge)
    assert world.razorpay.capture(payment, INR, "ord#c") == collected
    assert len([path for path in world.line.asked("POST") if path.endswith("/capture")]) == 1


def test_a_capture_asks_only_what_it_needs(world: World) -> None:
    payment = world.made()
    world.fake.act(payment, "decline")
    world.fake.act(payment, "authorize")
    asked = len(world.line.calls)
    collected = world.razorpay.capture(payment, INR, "ord#c")
    order = f"/v1/orders/{payment}"
    assert [call.path for call in world.line.calls[asked:]] == [order, f"{order}/payments", f"/v1/payments/{collected.charge}/capture"]
    assert collected == world.razorpay.status(payment)


@pytest.mark.parametrize("changes", [{"id": "pay_Another"}, {"status": "authorized", "captured": False}])
def test_an_answer_of_a_capture_that_does_not_fit_is_not_believed(world: World, changes: dict[str, Any]) -> None:
    payment = world.made()
    world.fake.act(payment, "authorize")
    taken = world.book.of("payment", status="authorized")[0]
    world.line.canned = [None, None, as_json({**taken, "status": "captured", "captured": True, **changes})]
    assert world.razorpay.capture(payment, INR, "ord#c").news is News.AUTHORIZED  # nothing was captured there


def test_a_lost_reply_of_a_capture(world: World) -> None:
    payment = world.made()
    world.fake.act(payment, "authorize")
    world.line.lose(3)
    with pytest.raises(PartnerUnavailable):
        world.razorpay.capture(payment, INR, "ord#c")
    assert world.razorpay.capture(payment, INR, "ord#c").news is News.SUCCEEDED


def test_an_account_that_captures_by_itself_was_faster(world: World) -> None:
    payment = world.made()
    world.fake.act(payment, "authorize")
    capture = world.razorpay._api.capture

    def late(*asked: Any) -> Any:
        world.book.capture(world.book.of("payment")[0])
        return capture(*asked)

    world.razorpay._api.capture = late  # type: ignore[method-assign]
    assert world.razorpay.capture(payment, INR, "ord#c").news is News.SUCCEEDED


def test_nothing_to_collect(world: World) -> None:
    payment = world.made()
    with pytest.raises(PaymentStateConflict):
        world.razorpay.capture(payment, INR, "ord#c")
    world.fake.act(payment, "authorize")
    with pytest.raises(PaymentStateConflict) as refused:
        world.razorpay.capture(payment, Money(amount=100, currency="INR"), "ord#c")
    assert refused.value.facts == {"payment_status": News.AUTHORIZED}


def test_all_of_a_time_are_listed_page_by_page(world: World) -> None:
    early = world.paid(order="ord_early")
    world.pass_by(hours=1)
    inside = [world.made(order=f"ord_{number}") for number in range(205)]
    world.fake.act(inside[7], "pay")
    world.fake.act(inside[7], "refund:9900")
    world.fake.act(inside[8], "decline")
    since, world.now = world.now, world.now + timedelta(hours=1)
    world.made(order="ord_late")
    seen, cursor, pages = {}, None, 0
    while pages < 9:
        listing = world.razorpay.listed(since, world.now, cursor)
        assert listing is not None
        seen |= {fact.payment: fact for fact in listing.facts}
        pages, cursor = pages + 1, listing.next
        if cursor is None:
            break
    assert (set(seen), pages) == (set(inside), 3)
    assert (seen[inside[7]].news, seen[inside[7]].refunded, seen[inside[8]].news) == (News.SUCCEEDED, 9900, News.PENDING)
    assert early not in seen


def test_credentials_that_razorpay_does_not_know(world: World) -> None:
    stranger = Razorpay(Keyring(KEYS.model_copy(update={"key_secret": "another-secret"})), world.line)
    with pytest.raises(CredentialsRefused) as refused:
        stranger.create(wish(), NOW)
    assert refused.value.facts == {"provider": "razorpay"}
    world.line.canned = [Canned(400, b'{"error": {"description": "The api key provided is invalid"}}')]
    with pytest.raises(CredentialsRefused):
        world.made()


GARBAGE = [
    Canned(200, b"<html>not today</html>"),
    Canned(200, b""),
    Canned(200, b"[]"),
    Canned(200, b"{}"),
    Canned(200, b"\xff\xfe{}"),
    Canned(404, b"<html>who?</html>"),
    Canned(404, b'{"detail": "nothing of Razorpay"}'),
    Canned(302, b""),
    Canned(418, b'{"error": {}}'),
    Canned(200, b"[" * 100_000),
]


@pytest.mark.parametrize("canned", GARBAGE)
def test_an_answer_that_is_none_says_nothing(world: World, canned: Canned) -> None:
    payment = world.paid()
    for ask in (lambda: world.razorpay.status(payment), lambda: world.razorpay.void(payment, NOW), lambda: world.made(order="ord_9")):
        world.line.canned = [canned]
        with pytest.raises(PartnerUnreadable) as unreadable:
            ask()
        assert unreadable.value.__cause__ is None


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": None},
        {"amount": "100"},
        {"amount": 1.5},
        {"amount": 10**15},
        {"currency": 5},
        {"status": None},
        {"id": "ord"},
        {"notes": "demo"},
    ],
)
def test_an_order_that_lacks_something_says_nothing(world: World, changes: dict[str, Any]) -> None:
    payment = world.made()
    world.line.canned = [as_json({**world.book.things[payment], **changes})]
    with pytest.raises(PartnerUnreadable):
        world.razorpay.status(payment)


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": None},
        {"amount": -5},
        {"amount": 10**15},
        {"currency": None},
        {"status": 3},
        {"id": "cap_1"},
        {"created_at": None},
        {"amount_refunded": "0"},
    ],
)
def test_a_payment_that_lacks_something_says_nothing(world: World, changes: dict[str, Any]) -> None:
    payment = world.paid()
    tries = [{**world.book.of("payment")[0], **changes}]
    world.line.canned = [None, as_json({"entity": "collection", "count": 1, "items": tries})]
    with pytest.raises(PartnerUnreadable):
        world.razorpay.status(payment)


def test_fields_that_razorpay_adds_are_no_trouble(world: World) -> None:
    payment = world.made()
    world.line.canned = [as_json({**world.book.things[payment], "new": {"deep": [1]}})]
    assert world.razorpay.status(payment).news is News.PENDING


@pytest.mark.parametrize(
    ("status", "refusal"),
    [(500, PartnerUnavailable), (503, PartnerUnavailable), (429, PartnerThrottles), (401, CredentialsRefused), (403, CredentialsRefused)],
)
def test_trouble_by_its_kind(world: World, status: int, refusal: type[Exception]) -> None:
    payment = world.made()
    world.line.canned = [Canned(status, b"<html>")]
    with pytest.raises(refusal):
        world.razorpay.status(payment)


def test_the_same_refund_under_way_is_asked_again_and_another_one_is_not(world: World) -> None:
    payment = world.paid()
    busy = b'{"error": {"description": "Another request with the same idempotency key is still in progress"}}'
    other = b'{"error": {"description": "Different request with the same idempotency key has already been processed."}}'
    for body, refusal in ((busy, PartnerUnavailable), (other, PaymentStateConflict)):
        world.line.canned = [None, None, None, Canned(409, body)]
        with pytest.raises(refusal):
            world.razorpay.refund(payment, INR, "ord#r1")


def test_a_refusal_of_something_else_is_not_blamed_on_the_amount(world: World) -> None:
    world.line.canned = [None, Canned(400, b'{"error": {"description": "The receipt is strange", "field": "receipt"}}')]
    with pytest.raises(PartnerUnreadable):
        world.made()


def test_endless_pages_end(world: World) -> None:
    payment = world.paid()
    refund = {"id": "rfnd_1", "amount": 1, "currency": "INR", "status": "processed"}
    world.line.canned = [None, None, *[as_json({"items": [refund] * 100})] * 30]
    with pytest.raises(PartnerUnreadable):
        world.razorpay.status(payment)


def test_more_disputes_than_are_read_hide_no_payment(world: World, caplog: pytest.LogCaptureFixture) -> None:
    payment = world.paid()
    charge = world.razorpay.status(payment).charge
    dispute = {"id": "disp_1", "amount": 1, "currency": "INR", "status": "open", "created_at": int(NOW.timestamp())}
    mine, other = ({**dispute, "payment_id": name} for name in (charge, "pay_Another"))
    pages = [as_json({"items": [other] * 100})] * (MOST_PAGES - 1)
    world.line.canned = [None, None, None, *pages, as_json({"items": [other] * 99 + [mine]})]
    asked = len(world.line.calls)
    fact = world.razorpay.status(payment)
    assert (fact.news, [one.id for one in fact.disputes]) == (News.SUCCEEDED, ["disp_1"])
    assert len([call for call in world.line.calls[asked:] if call.path == "/v1/disputes"]) == MOST_PAGES
    assert "not all disputes were read" in caplog.text


def test_as_many_disputes_as_are_read_are_no_trouble(world: World, caplog: pytest.LogCaptureFixture) -> None:
    payment = world.paid()
    dispute = {"id": "disp_1", "amount": 1, "currency": "INR", "status": "open", "created_at": int(NOW.timestamp())}
    other = {**dispute, "payment_id": "pay_Another"}
    pages = [as_json({"items": [other] * 100})] * (MOST_PAGES - 1)
    world.line.canned = [None, None, None, *pages, as_json({"items": [other] * 99})]
    assert world.razorpay.status(payment).disputes == ()
    assert "not all disputes" not in caplog.text


REFUSAL = Canned(400, b'{"error": {"code": "BAD_REQUEST_ERROR", "description": "The count is strange", "field": "count"}}')
GONE = Canned(400, b'{"error": {"code": "BAD_REQUEST_ERROR", "description": "The id provided does not exist"}}')


@pytest.mark.parametrize(("canned", "expected"), [(REFUSAL, PartnerUnreadable), (GONE, PaymentUnknown)])
@pytest.mark.parametrize("before", [0, 1, 2, 3])
def test_a_question_that_is_refused_has_a_name(world: World, canned: Canned, expected: type[Exception], before: int) -> None:
    """Of the order, its tries, their refunds and the disputes."""
    payment = world.paid()
    world.line.canned = [*[None] * before, canned]
    with pytest.raises(expected) as failure:
        world.razorpay.status(payment)
    assert failure.value.__cause__ is None


@pytest.mark.parametrize("ask", ["check", "listed", "create"])
def test_a_list_that_is_refused_is_unreadable(world: World, ask: str) -> None:
    asked = {
        "check": world.razorpay.check,
        "listed": lambda: world.razorpay.listed(NOW, NOW, None),
        "create": lambda: world.razorpay.create(wish(), NOW),
    }
    world.line.canned = [REFUSAL]
    with pytest.raises(PartnerUnreadable):
        asked[ask]()


def test_a_call_that_the_fake_does_not_know_is_refused(world: World) -> None:
    """Else the tests above would pass on anything."""
    answer = world.fake.answer(called("GET", "https://api.razorpay.com/v1/invented", world.razorpay._api._headers, None))
    assert (answer.status, b"not found on the server" in answer.body) == (400, True)
