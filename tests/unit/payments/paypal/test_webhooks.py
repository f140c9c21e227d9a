"""PayPal's webhooks: signatures judged here and by PayPal, hostile headers and bodies, and what the events say."""

import base64
import json
import subprocess
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.payments.certificates import NotTrusted, signed, trusted_key
from holdfast.payments.errors import SignatureInvalid, WebhookUnreadable
from holdfast.payments.model import News, Told
from holdfast.payments.providers.paypal import signature
from holdfast.payments.providers.paypal.proxy import MOST_CERTIFICATES, Certificates, roots
from holdfast.payments.providers.paypal.signature import Transmission
from holdfast.platform.calling import PartnerUnavailable
from infra.providers.rsa import authority, issued, key_pair
from infra.providers.wire import Answer, Call, Webhook
from tests.unit.payments.paypal.shop import ORDER, SHOP, Shop, credentials

TRUSTED = Shop()
VOUCHED = "/v1/notifications/verify-webhook-signature"
BODY = b'{"id": "WH-1", "event_type": "PAYMENT.CAPTURE.PENDING", "resource": {"id": "2G1"}}'


def lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def verified(shop: Shop, webhook: Webhook, **changed: str | None) -> Told:
    headers = {**lower(webhook.headers), **{f"paypal-{name.replace('_', '-')}": value for name, value in changed.items()}}
    return shop.paypal.verify({name: value for name, value in headers.items() if value is not None}, webhook.body, shop.now)


def refuses(shop: Shop, webhook: Webhook, **changed: str | None) -> None:
    with pytest.raises(SignatureInvalid) as refused:
        verified(shop, webhook, **changed)
    assert refused.value.detail == "The signature is missing, too old, or not of this body."


def test_the_message_of_paypals_own_test() -> None:
    """From PayPal's Python SDK, whose test holds the body's checksum and the signed string."""
    told = Transmission("dfb3be50-fd74-11e4-8bf3-77339302725b", "2015-05-18T15:45:13Z", "", "")
    checksum = 2771810304
    body = next(bytes([a, b, c, d]) for a, b, c, d in [_preimage(checksum)])
    assert zlib.crc32(body) == checksum
    expected = b"dfb3be50-fd74-11e4-8bf3-77339302725b|2015-05-18T15:45:13Z|4JH86294D6297924G|2771810304"
    assert signature.message(told, "4JH86294D6297924G", body) == expected


def _preimage(checksum: int) -> tuple[int, int, int, int]:
    """Four bytes with that CRC-32: it is linear, so a system of 32 equations."""
    empty = zlib.crc32(bytes(4))
    rows = [(zlib.crc32((1 << bit).to_bytes(4, "big")) ^ empty, 1 << bit) for bit in range(32)]
    target, found = checksum ^ empty, 0
    for place in reversed(range(32)):
        pivot = next((row for row in rows if row[0].bit_length() == place + 1), None)
        if pivot is None:
            continue
        rows = [
            (row[0] ^ pivot[0], row[1] ^ pivot[1]) if row is not pivot and row[0] >> place & 1 else row for row in rows if row is not pivot
        ]
        if target >> place & 1:
            target, found = target ^ pivot[0], found ^ pivot[1]
    assert target == 0
    one, two, three, four = found.to_bytes(4, "big")
    return one, two, three, four


def test_openssl_signs_what_we_verify(tmp_path: Path) -> None:
    """An independent signer."""
    key = key_pair("openssl")
    (tmp_path / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (tmp_path / "message").write_bytes(b"dfb3be50|2015-05-18T15:45:13Z|4JH86294D6297924G|2771810304")
    command = ["openssl", "dgst", "-sha256", "-sign", "key.pem", "message"]
    made = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True).stdout
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert signed(public, made, (tmp_path / "message").read_bytes())
    assert not signed(public, made, b"another message")
    assert not signed(public, made[:-1], (tmp_path / "message").read_bytes())
    assert not signed(b"not a key", made, (tmp_path / "message").read_bytes())


def test_a_trusted_certificate_needs_no_question() -> None:
    shop = Shop()
    payment = shop.made()
    (webhook,) = shop.fake.act(payment, "pay")
    told = verified(shop, webhook)
    assert (told.type, told.live, told.payment, told.fact) == ("CHECKOUT.ORDER.APPROVED", False, payment, None)
    assert shop.line.times(VOUCHED) == 0
    verified(shop, webhook)
    assert shop.line.times("/v1/notifications/certs/CERT-360caa42-fca2a594-1d93a270") == 1


def test_the_news_of_money_says_all() -> None:
    shop = Shop()
    payment = shop.paid()
    *_, webhook = shop.fake.news()
    told = verified(shop, webhook)
    assert told.type == "PAYMENT.CAPTURE.COMPLETED"
    assert told.fact == shop.paypal.status(payment)
    assert told.payment == payment


@pytest.mark.parametrize("action", ["refund", "refund:100", "dispute"])
def test_for_all_else_the_payment_is_asked(action: str) -> None:
    shop = Shop()
    payment = shop.paid()
    shop.fake.news()
    (webhook,) = shop.fake.act(payment, action)
    told = verified(shop, webhook)
    assert told.fact is None
    assert shop.paypal.status(str(told.payment)) == shop.paypal.status(payment)


def test_an_approval_that_lapsed_names_its_order() -> None:
    shop = Shop()
    payment = shop.made()
    shop.fake.act(payment, "authorize")
    (webhook,) = shop.fake.act(payment, "expire")
    told = verified(shop, webhook)
    assert (told.type, told.payment) == ("CHECKOUT.PAYMENT-APPROVAL.REVERSED", payment)


@pytest.mark.parametrize(
    ("event", "payment"),
    [
        ({"event_type": "BILLING.PLAN.CREATED", "resource": {"id": "P-1"}}, None),
        ({"event_type": "PAYMENT.CAPTURE.DENIED", "resource": {"id": "2G1", "custom_id": f"{SHOP}/{ORDER}"}}, "2G1"),
        ({"event_type": "PAYMENT.CAPTURE.DECLINED", "resource": {"id": "2G1", "custom_id": "theirs"}}, None),
        ({"event_type": "PAYMENT.CAPTURE.PENDING", "resource": {"id": "2G1"}}, None),
        ({"event_type": "CHECKOUT.ORDER.APPROVED", "resource": {"id": "5O1", "purchase_units": [{"custom_id": "theirs"}]}}, None),
        ({"event_type": "CHECKOUT.ORDER.APPROVED", "resource": {"id": "5O1"}}, None),
        ({"event_type": "CUSTOMER.DISPUTE.UPDATED", "resource": {"dispute_id": "PP-D-1"}}, None),
        ({"event_type": "CUSTOMER.DISPUTE.UPDATED", "resource": {"disputed_transactions": [{"seller_transaction_id": "2G1"}]}}, "2G1"),
        (
            {
                "event_type": "PAYMENT.CAPTURE.REVERSED",
                "resource": {"id": "1J1", "links": [{"rel": "up", "href": "https://api.paypal.com/v2/payments/captures/2G1"}]},
            },
            "2G1",
        ),
        (
            {
                "event_type": "PAYMENT.CAPTURE.REVERSED",
                "resource": {"id": "1J1", "supplementary_data": {"related_ids": {"order_id": "5O1"}}},
            },
            "5O1",
        ),
    ],
)
def test_events_and_the_payments_they_are_of(event: dict[str, object], payment: str | None) -> None:
    told = verified(TRUSTED, TRUSTED.fake.signed(json.dumps({"id": "WH-1", **event}).encode()))
    assert (told.id, told.payment, told.fact) == ("WH-1", payment, None)


CAPTURE = {"id": "2G1", "status": "COMPLETED", "amount": {"currency_code": "EUR", "value": "1.00"}, "custom_id": f"{SHOP}/{ORDER}"}


@pytest.mark.parametrize("changed", [{"custom_id": "theirs"}, {"status": "PENDING"}, {"supplementary_data": {}}])
def test_money_that_the_event_does_not_say_all_of(changed: dict[str, object]) -> None:
    whole = {**CAPTURE, "supplementary_data": {"related_ids": {"order_id": "5O1"}}}
    for resource, fact in ((whole, News.SUCCEEDED), ({**whole, **changed}, None)):
        body = json.dumps({"id": "WH-1", "event_type": "PAYMENT.CAPTURE.COMPLETED", "resource": resource}).encode()
        told = verified(TRUSTED, TRUSTED.fake.signed(body))
        assert (told.fact and told.fact.news) == fact


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff",
        b'{"id": 1}',
        b'{"id": "WH-1", "event_type": "X"}',
        b"[" * 100_000,
        b'{"id": "WH-1", "event_type": "PAYMENT.CAPTURE.COMPLETED", "resource": {"id": "2G1", "custom_id": "acme/o"}}',
    ],
)
def test_a_good_signature_under_something_else(body: bytes) -> None:
    with pytest.raises(WebhookUnreadable):
        verified(TRUSTED, TRUSTED.fake.signed(body))


GOOD = TRUSTED.fake.signed(BODY)
SIGNATURE = GOOD.headers["PAYPAL-TRANSMISSION-SIG"]
PLACE = "https://api.sandbox.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-1d93a270"


@pytest.mark.parametrize("name", ["transmission_id", "transmission_time", "transmission_sig", "cert_url", "auth_algo"])
@pytest.mark.parametrize("value", [None, "", " ", "é", "\x00", "a" * 100_000, "|", "\n", "None"])
def test_headers_that_are_missing_empty_foreign_or_huge(name: str, value: str | None) -> None:
    refuses(TRUSTED, GOOD, **{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("transmission_sig", SIGNATURE[:-2]),
        ("transmission_sig", SIGNATURE.swapcase()),
        ("transmission_sig", f" {SIGNATURE}"),
        ("transmission_sig", f"{SIGNATURE}\n"),
        ("transmission_sig", base64.b64encode(bytes(256)).decode()),
        ("transmission_id", "another"),
        ("transmission_id", GOOD.headers["PAYPAL-TRANSMISSION-ID"].upper()),
        ("transmission_time", "2026-01-02T03:04:06Z"),
        ("transmission_time", "2026-13-02T03:04:05Z"),
        ("transmission_time", "2026-01-02 03:04:05Z"),
        ("auth_algo", "SHA1withRSA"),
        ("auth_algo", "sha256withrsa"),
        ("auth_algo", "SHA256withRSA "),
        ("cert_url", PLACE.replace("https", "http")),
        ("cert_url", PLACE.replace("api.sandbox.paypal.com", "api.paypal.com")),
        ("cert_url", PLACE.replace("api.sandbox.paypal.com", "api.sandbox.paypal.com.evil.example")),
        ("cert_url", PLACE.replace("api.sandbox.paypal.com", "evil.example/api.sandbox.paypal.com")),
        ("cert_url", PLACE.replace("https://", "https://evil@")),
        ("cert_url", PLACE.replace("api.sandbox.paypal.com", "api.sandbox.paypal.com:8443")),
        ("cert_url", PLACE.replace("certs/", "certs/../../v1/")),
        ("cert_url", f"{PLACE}?x=1"),
        ("cert_url", f"{PLACE}#x"),
        ("cert_url", f"{PLACE}%2f.."),
        ("cert_url", PLACE.replace("CERT-360", "CERT-404")),
        ("cert_url", "file:///etc/passwd"),
    ],
)
def test_headers_that_are_nearly_right(name: str, value: str) -> None:
    refuses(TRUSTED, GOOD, **{name: value})
    assert all(call.host in TRUSTED.fake.hosts for call in TRUSTED.line.calls)


@given(st.sampled_from(["transmission_id", "transmission_time", "transmission_sig", "cert_url", "auth_algo"]), st.text(max_size=400))
@settings(max_examples=200, deadline=None)
def test_any_text_in_any_header(name: str, value: str) -> None:
    refuses(TRUSTED, GOOD, **{name: value})


@given(st.binary(max_size=200))
@settings(max_examples=100, deadline=None)
def test_any_other_body(body: bytes) -> None:
    if body != BODY:
        refuses(TRUSTED, Webhook(GOOD.headers, body))


@given(st.integers(0, 2047))
@settings(max_examples=50, deadline=None)
def test_any_bit_of_the_signature(bit: int) -> None:
    turned = int.from_bytes(base64.b64decode(SIGNATURE), "big") ^ 1 << bit
    refuses(TRUSTED, GOOD, transmission_sig=base64.b64encode(turned.to_bytes(256, "big")).decode())


@pytest.mark.parametrize(
    ("off", "good"),
    [
        (timedelta(days=4, seconds=-1), True),
        (timedelta(days=4, seconds=1), False),
        (-timedelta(minutes=5), True),
        (-timedelta(minutes=5, seconds=1), False),
    ],
)
def test_paypal_tries_for_days_and_never_ahead_of_time(off: timedelta, good: bool) -> None:
    shop = Shop()
    webhook = shop.fake.signed(BODY)
    shop.now += off
    if good:
        assert verified(shop, webhook).id == "WH-1"
    else:
        refuses(shop, webhook)


def test_a_bad_signature_under_a_good_certificate_is_not_asked_about() -> None:
    shop = Shop()
    webhook = shop.fake.signed(BODY)
    refuses(shop, Webhook(webhook.headers, BODY + b" "))
    refuses(shop, webhook, transmission_id="another")
    assert shop.line.times(VOUCHED) == 0


def test_the_webhook_before_a_rotation_is_good_for_a_while() -> None:
    rotated = Shop(webhook_id="NEWWEBHOOK1", former=(credentials(),))
    webhook = rotated.fake.signed(BODY)
    assert verified(rotated, webhook).id == "WH-1"
    refuses(Shop(webhook_id="NEWWEBHOOK1"), webhook)


def test_where_we_cannot_judge_paypal_is_asked_with_the_very_bytes() -> None:
    shop = Shop(trusting=False)
    odd = b'{ "id":"WH-1",\t"event_type" : "PAYMENT.CAPTURE.PENDING","resource":{"id":"2G1","note":"\\u00e9\xc3\xa9"} }'
    assert verified(shop, shop.fake.signed(odd)).id == "WH-1"
    assert shop.line.times(VOUCHED) == 1
    assert odd in shop.line.calls[-1].body
    webhook = shop.fake.signed(BODY)
    refuses(shop, Webhook(webhook.headers, BODY + b" "))
    refuses(shop, webhook, transmission_id="another")
    other = Shop(trusting=False, webhook_id="ANOTHER123")
    refuses(other, other.fake.signed(BODY))
    assert verified(Shop(trusting=False, webhook_id="NEWWEBHOOK1", former=(credentials(),)), webhook).id == "WH-1"


@pytest.mark.parametrize(
    "body",
    [
        b'{"id":"WH-1"}, "webhook_id": "THEIROWN1"',
        b'{"id":"WH-1"}}',
        b'{"a":1} {"b":2}',
        b"[]",
        b"1",
        b"",
        b"\xff",
        b"\xef\xbb\xbf{}",
        b'{"a":' * 100_000,
    ],
)
def test_a_body_that_would_say_more_than_an_event_is_not_asked_about(body: bytes) -> None:
    shop = Shop(trusting=False)
    refuses(shop, shop.fake.signed(body))
    assert shop.line.times(VOUCHED) == 0


def test_a_certificate_that_does_not_come_is_paypals_to_judge() -> None:
    shop = Shop()
    answering = shop.line.answering

    def no_certificates(call: Call) -> Answer:
        return Answer(503, {}, b"") if "/certs/" in call.path else answering(call)

    shop.line.answering = no_certificates
    assert verified(shop, shop.fake.signed(BODY)).id == "WH-1"
    assert shop.line.times(VOUCHED) == 1
    shop.line.answering = answering
    assert verified(shop, shop.fake.signed(BODY)).id == "WH-1"
    assert shop.line.times(VOUCHED) == 1


def test_a_certificate_that_paypal_does_not_have_is_no_ones() -> None:
    shop = Shop()
    refuses(shop, shop.fake.signed(BODY), cert_url=PLACE + "x")
    assert shop.line.times(VOUCHED) == 0


def test_nothing_is_believed_while_paypal_is_away() -> None:
    shop = Shop(trusting=False)
    shop.line.answering = lambda _: Answer(503, {}, b"")
    with pytest.raises(PartnerUnavailable):
        verified(shop, shop.fake.signed(BODY))


def test_nothing_is_believed_while_our_credentials_are_wrong() -> None:
    shop = Shop(trusting=False, client_secret="EWrongWrongWrong")
    with pytest.raises(PartnerUnavailable):
        verified(shop, shop.fake.signed(BODY))


def test_certificates_are_kept_and_not_without_end() -> None:
    shop, kept = Shop(), Certificates()
    shop.line.answering = lambda _: Answer(200, {}, shop.fake.root)
    for number in range(MOST_CERTIFICATES + 5):
        kept.at(f"{PLACE}{number}", shop.line)
    assert len(kept._known) == MOST_CERTIFICATES
    kept.at(f"{PLACE}{MOST_CERTIFICATES + 4}", shop.line)
    assert len(shop.line.calls) == MOST_CERTIFICATES + 5


NOW = datetime(2026, 11, 21, tzinfo=UTC)
HOST = "messageverificationcerts.paypal.com"


def judged(chain: bytes, root: bytes | None = None, now: datetime = NOW) -> bytes:
    return trusted_key(chain, domain="paypal.com", roots=root or authority().pem, now=now)


def test_a_chain_that_leads_to_a_root() -> None:
    leaf = issued(HOST, authority())
    assert judged(leaf.pem) == leaf.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert judged(leaf.pem + authority().pem) == judged(leaf.pem)


@pytest.mark.parametrize("host", ["paypal.com.evil.example", "evilpaypal.com", "evil.example", "paypal.com", "*.paypal.com"])
def test_a_certificate_of_somebody_else(host: str) -> None:
    with pytest.raises(NotTrusted):
        judged(issued(host, authority()).pem)


def test_a_certificate_that_nobody_vouches_for() -> None:
    with pytest.raises(NotTrusted):
        judged(issued(HOST, authority("Another Root")).pem)
    with pytest.raises(NotTrusted):
        judged(issued(HOST, authority()).pem, roots())
    with pytest.raises(NotTrusted):
        judged(authority("Another Root").pem)


def test_a_certificate_before_and_after_its_time() -> None:
    leaf = issued(HOST, authority(), begin=NOW - timedelta(days=1), end=NOW + timedelta(days=1))
    judged(leaf.pem)
    for off in (timedelta(days=2), -timedelta(days=2)):
        with pytest.raises(NotTrusted):
            judged(leaf.pem, now=NOW + off)


@pytest.mark.parametrize("chain", [b"", b"text", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", b"\xff"])
def test_what_is_no_certificate(chain: bytes) -> None:
    with pytest.raises(NotTrusted):
        judged(chain)


def test_the_roots_are_those_of_the_web() -> None:
    assert roots().count(b"BEGIN CERTIFICATE") > 100
