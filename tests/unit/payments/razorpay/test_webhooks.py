"""What Razorpay tells by webhook and through the browser: signatures against fixed vectors, garbage and its own library."""

import contextlib
import hashlib
import json
from typing import Any

import pytest
import razorpay as library
from hypothesis import given
from hypothesis import strategies as st

from holdfast.payments.accounts import Keyring
from holdfast.payments.errors import ConfirmationInvalid, SignatureInvalid, WebhookUnreadable
from holdfast.payments.model import News
from holdfast.payments.providers.razorpay import Razorpay, RazorpayCredentials, mapper, signature
from infra.providers.wire import Webhook
from tests.unit.payments.razorpay.samples import INR, KEYS, ORDER, World

UTILITY = library.Utility(library.Client(auth=("key_id", "key_secret")))
BODY = b'{"event":"payment.captured"}'
DIGEST = hashlib.sha256(BODY).hexdigest()
SIGNED = signature.digest("key_secret", BODY)


@pytest.mark.parametrize(
    ("secret", "message", "digest"),
    [
        ("key_secret", "fake_order_id|fake_payment_id", "b2335e3b0801106b84a7faff035df56ecffde06918c9ddd1f0fafbb37a51cc89"),
        (
            "EnLs21M47BllR3X8PSFtjtbd",
            "plink_IH3cNucfVEgV68|TSsd1989|paid|pay_IH3d0ara9bSsjQ",
            "07ae18789e35093e51d0a491eb9922646f3f82773547e5b0f67ee3f2d3bf7d5b",
        ),
        (
            "EnLs21M47BllR3X8PSFtjtbd",
            "pay_IDZNwZZFtnjyym|sub_ID6MOhgkcoHj9I",
            "601f383334975c714c91a7d97dd723eb56520318355863dcf3821c0d07a17693",
        ),
    ],
)
def test_the_signatures_of_razorpays_own_tests(secret: str, message: str, digest: str) -> None:
    assert signature.digest(secret, message.encode()) == digest


def test_a_payment_is_signed_with_the_id_that_we_know() -> None:
    signed = "b2335e3b0801106b84a7faff035df56ecffde06918c9ddd1f0fafbb37a51cc89"
    signature.verify_payment(["key_secret"], "fake_order_id", "fake_payment_id", signed)
    for order, payment in (("other_order_id", "fake_payment_id"), ("fake_order_id", "other"), ("fake_order_id|fake", "payment_id")):
        with pytest.raises(ConfirmationInvalid):
            signature.verify_payment(["key_secret"], order, payment, signed)


REFUSED = [
    None,
    "",
    " ",
    SIGNED[:-1],
    SIGNED + "0",
    SIGNED.upper(),
    f" {SIGNED}",
    f"{SIGNED[:-1]}é",
    f"sha256={SIGNED}",
    DIGEST,
    "0" * 64,
    "x" * 1_000_000,
    "\x00\ud800",
]


@pytest.mark.parametrize("header", REFUSED, ids=range(len(REFUSED)))
def test_garbage_is_refused_in_the_same_words(header: str | None) -> None:
    with pytest.raises(SignatureInvalid, match=r"^The signature is missing, or not of this body\.$"):
        signature.verify(["key_secret"], header, BODY)


@pytest.mark.parametrize("signed", [header or "" for header in REFUSED], ids=range(len(REFUSED)))
def test_garbage_from_a_browser_is_refused(signed: str) -> None:
    with pytest.raises(ConfirmationInvalid):
        signature.verify_payment(["key_secret"], "order_1", "pay_1", signed)


@given(st.text(max_size=200) | st.from_regex(r"\A[0-9a-f]{64}\Z"))
def test_any_header_is_answered(header: str) -> None:
    with pytest.raises(SignatureInvalid):
        signature.verify(["key_secret"], header, BODY)


@given(st.text(max_size=100), st.text(max_size=100), st.text(max_size=100))
def test_anything_from_a_browser_is_answered(order: str, payment: str, signed: str) -> None:
    with pytest.raises(ConfirmationInvalid):
        signature.verify_payment(["key_secret"], order, payment, signed)


@given(st.integers(0, len(BODY) - 1), st.integers(1, 255))
def test_a_body_with_one_byte_changed_is_refused(at: int, change: int) -> None:
    forged = BODY[:at] + bytes([BODY[at] ^ change]) + BODY[at + 1 :]
    with pytest.raises(SignatureInvalid):
        signature.verify(["key_secret"], SIGNED, forged)


@given(st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=60), st.text(max_size=300))
def test_razorpays_library_takes_what_we_sign(secret: str, body: str) -> None:
    text = body.encode("utf-8", "replace").decode()
    assert UTILITY.verify_webhook_signature(text, signature.digest(secret, text.encode()), secret)


def test_razorpays_library_breaks_on_what_is_only_refused_here() -> None:
    with pytest.raises(TypeError):
        UTILITY.verify_webhook_signature(BODY.decode(), "é", "key_secret")


@pytest.fixture
def world() -> World:
    return World()


def received(world: World, webhook: Webhook, connector: Razorpay | None = None) -> Any:
    headers = {name.lower(): value for name, value in webhook.headers.items()}
    return (connector or world.razorpay).verify(headers, webhook.body, world.now)


def test_a_paid_order_is_told_as_the_api_tells_it(world: World) -> None:
    payment = world.made()
    told = {each.type: each for each in (received(world, webhook) for webhook in world.fake.act(payment, "pay"))}
    assert set(told) == {"payment.authorized", "payment.captured", "order.paid"}
    assert told["order.paid"].fact == world.razorpay.status(payment)
    assert told["order.paid"].fact.news is News.SUCCEEDED
    assert {(each.payment, each.live) for each in told.values()} == {(payment, False)}
    assert told["payment.captured"].fact is told["payment.authorized"].fact is None
    assert len({each.id for each in told.values()}) == 3


@pytest.mark.parametrize(
    ("before", "action"),
    [
        ([], "decline"),
        ([], "authorize"),
        (["decline"], "late"),
        (["pay"], "pay_again"),
        (["pay"], "refund"),
        (["pay"], "refund:500"),
        (["pay"], "dispute"),
        (["pay", "dispute"], "dispute_lost"),
    ],
)
def test_all_else_only_says_which_payment_to_ask_for(world: World, before: list[str], action: str) -> None:
    payment = world.made()
    world.book.captures = action != "late"
    for earlier in before:
        world.fake.act(payment, earlier)
    webhooks = world.fake.act(payment, action)
    assert webhooks
    for webhook in webhooks:
        told = received(world, webhook)
        assert told.fact is None
        assert world.razorpay.status(told.payment).payment == payment


def test_what_our_own_calls_cause_is_told_once(world: World) -> None:
    payment = world.made()
    world.fake.act(payment, "authorize")
    world.razorpay.capture(payment, INR, "ord#c")
    world.razorpay.refund(payment, INR, "ord#r1")
    told = [received(world, webhook) for webhook in world.fake.news()]
    assert [each.type for each in told] == ["payment.captured", "order.paid", "refund.created", "refund.processed"]
    assert {each.payment for each in told} == {payment}
    assert world.fake.news() == []


def test_two_secrets_are_good_while_one_is_replaced(world: World) -> None:
    """For a day Razorpay sends what it has signed with the former one."""
    (webhook, *_) = world.fake.act(world.made(), "pay")
    renewed = KEYS.model_copy(update={"webhook_secret": "the-next-secret"})
    assert received(world, webhook, Razorpay(Keyring(renewed, (KEYS,)), world.line)).type == "payment.authorized"
    with pytest.raises(SignatureInvalid):
        received(world, webhook, Razorpay(Keyring(renewed), world.line))


def test_the_account_that_signed_says_whether_it_is_about_real_money(world: World) -> None:
    (webhook, *_) = world.fake.act(world.made(), "pay")
    live = KEYS.model_copy(update={"key_id": "rzp_live_Holdfast", "webhook_secret": "the-live-secret"})
    connector = Razorpay(Keyring(live, (KEYS,)), world.line)
    assert (connector.live, received(world, webhook, connector).live) == (True, False)


def test_an_event_is_known_by_its_header_or_by_its_body(world: World) -> None:
    (webhook, *_) = world.fake.act(world.made(), "pay")
    assert received(world, webhook).id == webhook.headers["X-Razorpay-Event-Id"]
    for strange in (None, "", "x" * 101, "a b", "é", "evt#1"):
        headers = {**webhook.headers, "X-Razorpay-Event-Id": strange}
        bare = {name: value for name, value in headers.items() if value is not None}
        assert received(world, Webhook(bare, webhook.body)).id == hashlib.sha256(webhook.body).hexdigest()


def test_what_the_window_hands_to_the_page_is_judged(world: World) -> None:
    payment = world.paid()
    brought = world.fake.brought(payment)
    world.razorpay.confirm(payment, brought)
    world.razorpay.confirm(payment, {name: value for name, value in brought.items() if name != "razorpay_order_id"})
    other = world.made(order="ord_2")
    for confirmed, changes in (
        (other, {}),
        (other, {"razorpay_order_id": other}),
        (payment, {"razorpay_order_id": other}),
        (payment, {"razorpay_payment_id": "pay_other"}),
        (payment, {"razorpay_signature": ""}),
        (payment, {"razorpay_signature": brought["razorpay_signature"].upper()}),
        (payment, {"razorpay_signature": "é"}),
    ):
        with pytest.raises(ConfirmationInvalid):
            world.razorpay.confirm(confirmed, {**brought, **changes})
    with pytest.raises(ConfirmationInvalid):
        world.razorpay.confirm(payment, {})


def test_who_paid_before_the_key_was_renewed_is_believed_while_the_former_is_good(world: World) -> None:
    payment = world.paid()
    brought = world.fake.brought(payment)
    renewed, other = (KEYS.model_copy(update={"key_secret": secret}) for secret in ("the-next-secret", "another-secret"))
    Razorpay(Keyring(renewed, (KEYS,)), world.line).confirm(payment, brought)
    Razorpay(Keyring(renewed, (other, KEYS)), world.line).confirm(payment, brought)
    for known in (Keyring(renewed), Keyring(renewed, (other,))):
        with pytest.raises(ConfirmationInvalid):
            Razorpay(known, world.line).confirm(payment, brought)


def test_all_keys_are_compared_whichever_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    digest = signature.digest
    monkeypatch.setattr(signature, "digest", lambda secret, message: (asked.append(secret), digest(secret, message))[1])
    signature.verify_payment(["a", "b", "c"], "order_1", "pay_1", digest("a", b"order_1|pay_1"))
    assert asked == ["a", "b", "c"]


def test_razorpays_library_takes_what_the_fake_signs(world: World) -> None:
    payment = world.made()
    client = library.Client(auth=(KEYS.key_id, KEYS.key_secret))
    for action in ("pay", "refund:500", "dispute", "dispute_won"):
        for webhook in world.fake.act(payment, action):
            signed = webhook.headers["X-Razorpay-Signature"]
            assert client.utility.verify_webhook_signature(webhook.body.decode(), signed, KEYS.webhook_secret)
    assert client.utility.verify_payment_signature(world.fake.brought(payment))


def order(**changes: Any) -> dict[str, Any]:
    facts = {"id": "order_1", "amount": 100, "amount_paid": 100, "currency": "INR", "status": "paid"}
    return {**facts, "notes": {"shop": "demo", "order": ORDER}, **changes}


def paid(**changes: Any) -> dict[str, Any]:
    facts = {"id": "pay_1", "order_id": "order_1", "amount": 100, "currency": "INR", "status": "captured", "captured": True}
    return {**facts, "amount_refunded": 0, "created_at": 1_763_726_400, **changes}


def event(kind: str = "order.paid", **things: Any) -> bytes:
    payload = {name: {"entity": thing} for name, thing in things.items()}
    return json.dumps({"entity": "event", "event": kind, "contains": list(things), "payload": payload}).encode()


def told(raw: bytes) -> Any:
    return mapper.told(raw, "evt_1", live=True)


def test_a_whole_order_is_a_fact() -> None:
    fact = told(event(order=order(), payment=paid())).fact
    assert (fact.order, fact.payment, fact.charge, fact.amount, fact.news) == (ORDER, "order_1", "pay_1", 100, News.SUCCEEDED)


@pytest.mark.parametrize(
    ("of_order", "of_payment"),
    [
        ({"amount_paid": 200}, {}),
        ({"amount_paid": 0}, {}),
        ({}, {"amount": 50}),
        ({}, {"currency": "USD"}),
        ({}, {"status": "authorized", "captured": False}),
        ({}, {"status": "refunded", "captured": False}),
        ({}, {"amount_refunded": 10}),
        ({"amount": 10**14, "amount_paid": 10**14}, {"amount": 10**14}),
    ],
)
def test_in_doubt_the_payment_is_asked_for(of_order: dict[str, Any], of_payment: dict[str, Any]) -> None:
    heard = told(event(order=order(**of_order), payment=paid(**of_payment)))
    assert (heard.payment, heard.fact) == ("order_1", None)
    assert told(event("order.notified", order=order(), payment=paid())).fact is None
    assert told(event(order=order())).fact is None


@pytest.mark.parametrize(
    "raw",
    [
        event(order=order(notes=[]), payment=paid()),
        event("payment.captured", payment=paid(order_id=None)),
        event("invoice.paid", invoice={"id": "inv_1"}),
        event("refund.created", refund={"id": "rfnd_1"}),
        event("payment.downtime.started"),
    ],
)
def test_events_about_other_things(raw: bytes) -> None:
    heard = told(raw)
    assert (heard.id, heard.payment, heard.fact) == ("evt_1", None, None)


def test_a_refund_or_a_dispute_without_its_payment_names_the_charge() -> None:
    assert told(event("refund.failed", refund={"id": "rfnd_1", "payment_id": "pay_7"})).payment == "pay_7"
    assert told(event("payment.dispute.lost", dispute={"id": "disp_1", "payment_id": "pay_7"})).payment == "pay_7"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"event": "order.paid"}',
        b'{"event": "", "payload": {}}',
        b'{"event": 5, "payload": {}}',
        b'{"event": "order.paid", "payload": {"order": {}}}',
        b'{"event": "order.paid", "payload": {"order": {"entity": "order_1"}}}',
        event(order=order(id=None)),
        event(order=order(amount="100")),
        event(order=order(amount=1.5)),
        event(order=order(), payment=paid(id="x")),
        event(order=order(), payment=paid(created_at=None)),
        event("payment.failed", payment={"order_id": 5}),
    ],
)
def test_what_is_no_event_is_unreadable(raw: bytes) -> None:
    with pytest.raises(WebhookUnreadable) as unreadable:
        told(raw)
    assert unreadable.value.__cause__ is None  # the body's content goes into no log


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
)
def test_any_signed_object_is_read_or_refused(thing: Any) -> None:
    for name in ("order", "payment", "refund", "dispute"):
        with contextlib.suppress(WebhookUnreadable):
            assert (
                told(event(**{name: thing if isinstance(thing, dict) else {"id": thing, "order_id": thing, "notes": thing}})).id == "evt_1"
            )


def test_credentials_say_which_world_they_are_of() -> None:
    assert not KEYS.live
    assert KEYS.model_copy(update={"key_id": "rzp_live_abcdefgh"}).live
    for wrong in ("rzp_prod_abcdefgh", "rzp_live_", "", "live", "rzp_live_ab:cd"):
        with pytest.raises(ValueError, match="key_id"):
            RazorpayCredentials.model_validate({**KEYS.model_dump(), "key_id": wrong})
    assert "the-key-secret" not in repr(KEYS)
    assert "the-webhook-secret" not in repr(KEYS)
