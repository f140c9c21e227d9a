"""What Stripe tells by webhook: signatures against fixed vectors, garbage and Stripe's own library; and its words in ours."""

import contextlib
import json
import time
from datetime import timedelta
from typing import Any

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernel.time import epoch
from holdfast.payments.accounts import Keyring
from holdfast.payments.errors import SignatureInvalid, WebhookUnreadable
from holdfast.payments.model import News
from holdfast.payments.providers.stripe import Stripe, StripeCredentials, mapper, signature
from infra.providers.wire import Webhook
from tests.unit.payments.stripe.samples import EUR, KEYS, NOW, ORDER, World

SECRET = "whsec_kat_secret"
BODY = b'{"id":"evt_kat","object":"event","type":"payment_intent.succeeded"}'
STAMP = 1_700_000_000
DIGEST = "706f8c8959694f20e808dd5bcda0298c156274e51e6c4de4047931bcbbb29e95"
"""Made with Stripe's library, 16.1.0."""
AT = NOW + timedelta(seconds=STAMP - epoch(NOW))


def test_the_signature_of_a_known_body() -> None:
    assert signature.digest(SECRET, str(STAMP), BODY) == DIGEST
    signature.verify([SECRET], f"t={STAMP},v1={DIGEST}", BODY, AT)
    signature.verify([SECRET], f"v0=abc, v1={'0' * 64}, v1={DIGEST}, t={STAMP}", BODY, AT)
    signature.verify(["whsec_next", SECRET], f"t={STAMP},v1={DIGEST}", BODY, AT)


@pytest.mark.parametrize("off", [-300, 300])
def test_five_minutes_either_way(off: int) -> None:
    signature.verify([SECRET], f"t={STAMP},v1={DIGEST}", BODY, AT + timedelta(seconds=off))
    with pytest.raises(SignatureInvalid):
        signature.verify([SECRET], f"t={STAMP},v1={DIGEST}", BODY, AT + timedelta(seconds=off + (1 if off > 0 else -1)))


def test_stripes_library_lets_the_future_pass() -> None:
    """Why the other side is judged here, too."""
    future = int(time.time()) + 3600
    header = stripe.WebhookSignature.generate_signature_header(BODY.decode(), SECRET, future)
    assert stripe.WebhookSignature.verify_header(BODY, header, SECRET, tolerance=300)
    with pytest.raises(SignatureInvalid):
        signature.verify([SECRET], header, BODY, NOW + timedelta(seconds=future - 3600 - epoch(NOW)))


REFUSED = [
    None,
    "",
    ",",
    "=",
    "t=,v1=",
    f"t={STAMP}",
    f"v1={DIGEST}",
    f"t={STAMP},v1=",
    f"t={STAMP},v1={DIGEST[:-1]}",
    f"t={STAMP},v1={DIGEST[:-1]}é",
    f"t={STAMP},v1={DIGEST.upper()}",
    f"t={STAMP},V1={DIGEST}",
    f"t={STAMP},v0={DIGEST}",
    f"t={STAMP + 1},v1={DIGEST}",
    f"t={STAMP},t={STAMP},v1={DIGEST}",
    f"t=-{STAMP},v1={DIGEST}",
    f"t=+{STAMP},v1={DIGEST}",
    f"t={STAMP}.0,v1={DIGEST}",
    f"t=0{STAMP},v1={DIGEST}",
    f"t=0{'9' * 40},v1={DIGEST}",
    f"t=١٧٠٠٠٠٠٠٠٠,v1={DIGEST}",
    f"t={STAMP};v1={DIGEST}",
    f"t={STAMP},v1={DIGEST}" + ",v1=0" * 10_000,
    "x" * 1_000_000,
    "\x00\ud800",
]


@pytest.mark.parametrize("header", REFUSED, ids=range(len(REFUSED)))
def test_garbage_is_refused_in_the_same_words(header: str | None) -> None:
    with pytest.raises(SignatureInvalid, match=r"^The signature is missing, too old, or not of this body\.$"):
        signature.verify([SECRET], header, BODY, AT)


@given(st.text(max_size=200) | st.from_regex(r"\At=[0-9]{1,12},v1=[0-9a-f]{64}\Z"))
def test_any_header_is_answered(header: str) -> None:
    with pytest.raises(SignatureInvalid):
        signature.verify([SECRET], header, BODY, AT)


@given(st.integers(0, len(BODY) - 1), st.integers(1, 255))
def test_a_body_with_one_byte_changed_is_refused(at: int, change: int) -> None:
    forged = BODY[:at] + bytes([BODY[at] ^ change]) + BODY[at + 1 :]
    with pytest.raises(SignatureInvalid):
        signature.verify([SECRET], f"t={STAMP},v1={DIGEST}", forged, AT)


@given(
    st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=60),
    st.text(max_size=300),
    st.integers(0, 2_000_000_000),
)
def test_what_stripes_library_signs_is_taken(secret: str, body: str, stamp: int) -> None:
    raw = body.encode("utf-8", "replace")
    header = stripe.WebhookSignature.generate_signature_header(raw.decode(), secret, stamp)
    signature.verify([secret], header, raw, NOW + timedelta(seconds=stamp - epoch(NOW)))


@pytest.fixture
def world() -> World:
    return World()


def received(world: World, webhook: Webhook, connector: Stripe | None = None) -> Any:
    headers = {name.lower(): value for name, value in webhook.headers.items()}
    return (connector or world.stripe).verify(headers, webhook.body, world.now)


def test_a_paid_page_is_told_as_the_api_tells_it(world: World) -> None:
    payment = world.made()
    told = {each.type: each for each in (received(world, webhook) for webhook in world.fake.act(payment, "pay"))}
    assert set(told) == {"charge.succeeded", "payment_intent.succeeded", "checkout.session.completed"}
    completed = told["checkout.session.completed"]
    assert completed.fact == world.stripe.status(payment)
    assert (completed.payment, completed.live, completed.fact.news) == (payment, False, News.SUCCEEDED)
    for each in ("charge.succeeded", "payment_intent.succeeded"):
        assert told[each].fact is None
        assert world.stripe.status(told[each].payment).payment == payment


@pytest.mark.parametrize(
    ("before", "action"),
    [
        ([], "decline"),
        ([], "expire"),
        ([], "process"),
        (["process"], "decline"),
        (["pay"], "refund"),
        (["pay"], "refund:5"),
        (["pay"], "dispute"),
        (["pay", "dispute"], "dispute_lost"),
    ],
)
def test_all_else_only_says_which_payment_to_ask_for(world: World, before: list[str], action: str) -> None:
    payment = world.made()
    for earlier in before:
        world.fake.act(payment, earlier)
    webhooks = world.fake.act(payment, action)
    assert webhooks
    for webhook in webhooks:
        told = received(world, webhook)
        assert told.fact is None
        assert world.stripe.status(told.payment).payment == payment


def test_a_debit_that_arrives_is_a_fact(world: World) -> None:
    payment = world.made()
    world.fake.act(payment, "process")
    facts = [received(world, webhook).fact for webhook in world.fake.act(payment, "pay")]
    assert [fact for fact in facts if fact] == [world.stripe.status(payment)]


def test_what_our_own_calls_cause_is_told_once(world: World) -> None:
    payment, given_up = world.paid(), world.made(order="ord_2")
    world.stripe.refund(payment, EUR, "ord#r1")
    world.stripe.void(given_up, world.now)
    told = [received(world, webhook) for webhook in world.fake.news()]
    assert [each.type for each in told] == ["refund.created", "charge.refunded", "checkout.session.expired"]
    assert {world.stripe.status(each.payment).payment for each in told} == {payment, given_up}
    assert world.fake.news() == []


def test_two_secrets_are_good_while_one_is_replaced(world: World) -> None:
    (webhook, *_) = world.fake.act(world.made(), "expire")
    renewed = KEYS.model_copy(update={"webhook_secret": "whsec_the_next_one"})
    assert received(world, webhook, Stripe(Keyring(renewed, (KEYS,)), world.line)).type == "checkout.session.expired"
    with pytest.raises(SignatureInvalid):
        received(world, webhook, Stripe(Keyring(renewed), world.line))


def test_stripes_library_takes_the_webhooks_of_the_fake(world: World) -> None:
    payment = world.made()
    for action in ("pay", "refund:5", "dispute", "dispute_won"):
        for webhook in world.fake.act(payment, action):
            assert stripe.WebhookSignature.verify_header(webhook.body, webhook.headers["Stripe-Signature"], KEYS.webhook_secret)
            assert stripe.Webhook.construct_event_without_verification(webhook.body).data.object.id


def test_a_payment_of_others_is_none_of_our_business(world: World) -> None:
    payment = world.made()
    intent_wish, session = world.fake.book.wishes[payment], world.fake.book.things[payment]
    intent_wish["metadata"] = session["metadata"] = {"cart": "7"}
    told = [received(world, webhook) for webhook in world.fake.act(payment, "pay")]
    assert {(each.type, each.payment) for each in told if not each.type.startswith("charge.")} == {
        ("payment_intent.succeeded", None),
        ("checkout.session.completed", None),
    }
    assert all(each.fact is None for each in told)


def event(thing: Any = None, **changes: Any) -> bytes:
    whole = {"id": "evt_1", "object": "event", "type": "checkout.session.completed", "livemode": True, "data": {"object": thing or {}}}
    return json.dumps({**whole, **changes}).encode()


def session(**changes: Any) -> dict[str, Any]:
    facts: dict[str, Any] = {"id": "cs_1", "object": "checkout.session", "mode": "payment", "status": "complete", "payment_status": "paid"}
    named = {"metadata": {"shop": "demo", "order": ORDER}, "payment_intent": "pi_1"}
    return {**facts, **named, "amount_total": 1999, "currency": "eur", **changes}


def test_real_money_is_told_apart() -> None:
    assert mapper.told(event(session())).live is True
    assert mapper.told(event(session(), livemode=False)).live is False


@pytest.mark.parametrize(
    "changes",
    [
        {"payment_status": "unpaid"},
        {"payment_status": "no_payment_required"},
        {"amount_total": None},
        {"amount_total": 0},
        {"currency": None},
        {"currency": "isk", "amount_total": 1999},
        {"payment_intent": None},
        {"amount_total": 10**14},
    ],
)
def test_in_doubt_the_payment_is_asked_for(changes: dict[str, Any]) -> None:
    told = mapper.told(event(session(**changes)))
    assert (told.payment, told.fact) == ("cs_1", None)


def test_only_an_event_of_payment_tells_of_payment() -> None:
    told = mapper.told(event(session(), type="checkout.session.expired"))
    assert (told.payment, told.fact) == ("cs_1", None)


@pytest.mark.parametrize("changes", [{"mode": "subscription"}, {"metadata": {}}, {"metadata": None}, {"metadata": {"shop": "demo"}}])
def test_sessions_without_our_reference(changes: dict[str, Any]) -> None:
    told = mapper.told(event(session(**changes)))
    assert (told.payment, told.fact) == (None, None)


@pytest.mark.parametrize(
    "thing", [{"object": "customer", "id": "cus_1"}, {"object": ["list"]}, {}, {"object": "charge", "payment_intent": None}]
)
def test_events_about_other_things(thing: dict[str, Any]) -> None:
    told = mapper.told(event(thing))
    assert (told.id, told.payment, told.fact) == ("evt_1", None, None)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"id": "evt_1"}',
        event(id=""),
        event(id="x" * 256),
        event(id=7),
        event(livemode="true"),
        event(livemode=None),
        event(data={}),
        event(data={"object": "cs_1"}),
        event(session(id=None)),
        event(session(amount_total="1999")),
        event(session(amount_total=19.99)),
        event(session(metadata=[1])),
        event({"object": "payment_intent", "id": 5}),
        event({"object": "payment_intent", "id": "pi_1", "metadata": "shop"}),
    ],
)
def test_what_is_no_event_is_unreadable(raw: bytes) -> None:
    with pytest.raises(WebhookUnreadable) as unreadable:
        mapper.told(raw)
    assert unreadable.value.__cause__ is None  # the body's content goes into no log


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
)
def test_any_signed_object_is_read_or_refused(thing: Any) -> None:
    for kind in ("checkout.session", "payment_intent", "charge"):
        raw = event({**(thing if isinstance(thing, dict) else {"id": thing, "metadata": thing, "payment_intent": thing}), "object": kind})
        with contextlib.suppress(WebhookUnreadable):
            assert mapper.told(raw).id == "evt_1"


def test_credentials_say_which_world_they_are_of() -> None:
    assert not KEYS.live
    assert KEYS.model_copy(update={"secret_key": "rk_live_abcdefgh"}).live
    for wrong in ("pk_live_abcdefgh", "sk_prod_abcdefgh", "sk_live_", "", "sk_live_abc defgh"):
        with pytest.raises(ValueError, match="secret_key"):
            StripeCredentials.model_validate({**KEYS.model_dump(), "secret_key": wrong})
    assert "sk_test" not in repr(KEYS)
    assert "whsec" not in repr(KEYS)
