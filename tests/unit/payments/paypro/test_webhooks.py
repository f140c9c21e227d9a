"""PayPro's webhooks: by signature, by basic authorization where there is no key, hostile input, and what the events say."""

import base64
import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.payments.errors import SignatureInvalid, WebhookUnreadable
from holdfast.payments.model import News, Told
from infra.providers.rsa import bare_public_key, key_pair
from infra.providers.wire import Webhook
from tests.unit.payments.paypro.shop import ORDER, SHOP, Shop, credentials

TRUSTED = Shop()
OPEN = Shop(public_key=None)
BODY = json.dumps({"transaction": {"uid": "4107-1", "type": "payment", "status": "failed", "amount": 1, "currency": "EUR"}}).encode()
GOOD = TRUSTED.fake.signed(BODY)


def verified(shop: Shop, webhook: Webhook, changed: Mapping[str, str | None] | None = None) -> Told:
    headers = {**{name.lower(): value for name, value in webhook.headers.items()}, **(changed or {})}
    return shop.paypro.verify({name: value for name, value in headers.items() if value is not None}, webhook.body, shop.now)


def refuses(shop: Shop, webhook: Webhook, changed: Mapping[str, str | None] | None = None) -> None:
    with pytest.raises(SignatureInvalid) as refused:
        verified(shop, webhook, changed)
    assert refused.value.detail == "The signature is missing, or not of this body."


def test_openssl_signs_what_we_verify(tmp_path: Path) -> None:
    """An independent signer."""
    key = key_pair("openssl")
    (tmp_path / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (tmp_path / "body").write_bytes(BODY)
    command = ["openssl", "dgst", "-sha256", "-sign", "key.pem", "body"]
    made = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True).stdout
    shop = Shop(public_key=bare_public_key(key))
    assert verified(shop, Webhook({"Content-Signature": base64.b64encode(made).decode()}, BODY)).id == "4107-1:failed"
    assert verified(shop, Webhook({"Content-Signature": base64.encodebytes(made).decode()}, BODY)).id == "4107-1:failed"
    refuses(shop, GOOD)


def test_a_paid_transaction_names_itself_and_its_status_says_the_rest() -> None:
    shop = Shop()
    payment = shop.made()
    (webhook,) = shop.fake.act(payment, "pay")
    told = verified(shop, webhook)
    assert (told.type, told.live, told.fact) == ("payment.successful", False, None)
    assert told.id == f"{told.payment}:successful"
    fact = shop.paypro.status(str(told.payment))
    assert (fact.news, fact.shop, fact.order, fact.charge) == (News.SUCCEEDED, SHOP, ORDER, told.payment)
    assert verified(shop, webhook) == told


def test_the_same_transaction_in_another_state_is_other_news() -> None:
    shop = Shop()
    body = json.loads(shop.fake.act(shop.made(), "pay")[0].body)
    ids = set()
    for status in ("pending", "successful", "successful"):
        body["transaction"]["status"] = status
        ids.add(verified(shop, shop.fake.signed(json.dumps(body).encode())).id)
    assert len(ids) == 2


def test_the_end_of_a_checkout_comes_unwrapped() -> None:
    shop = Shop()
    payment = shop.made()
    (webhook,) = shop.fake.act(payment, "expire")
    told = verified(shop, webhook)
    assert (told.id, told.type, told.payment, told.live) == (f"{payment}:expired", "token.expired", payment, False)
    assert shop.paypro.status(payment).news is News.EXPIRED


@pytest.mark.parametrize("action", ["refund", "refund:100", "dispute_lost"])
def test_money_that_goes_back_names_a_payment_that_can_be_asked_for(action: str) -> None:
    shop = Shop()
    payment = shop.paid()
    (webhook,) = shop.fake.act(payment, action)
    fact = shop.paypro.status(str(verified(shop, webhook).payment))
    assert (fact.order, fact.charge) == (ORDER, shop.paypro.status(payment).charge)
    assert fact.refunded or fact.disputes


@pytest.mark.parametrize(
    ("changed", "payment", "live"),
    [
        ({"tracking_id": f"{SHOP}:{ORDER}", "test": True}, "4107-1", False),
        ({"tracking_id": f"{SHOP}:{ORDER};more", "test": False}, "4107-1", True),
        ({"tracking_id": "theirs"}, None, False),
        ({"tracking_id": None, "test": False}, None, True),
        ({"parent_uid": "4107-0"}, "4107-1", False),
    ],
)
def test_events_and_the_payments_they_are_of(changed: dict[str, Any], payment: str | None, live: bool) -> None:
    transaction = {**json.loads(BODY)["transaction"], **changed}
    told = verified(TRUSTED, TRUSTED.fake.signed(json.dumps({"transaction": transaction}).encode()))
    assert (told.payment, told.live) == (payment, live)


@pytest.mark.parametrize(("shop_id", "tracking"), [(362, f"{SHOP}:{ORDER}"), (361, "theirs"), (361, None)])
def test_the_end_of_somebody_elses_checkout(shop_id: int, tracking: str | None) -> None:
    lapsed = {"token": "a" * 64, "shop_id": shop_id, "order": {"amount": 1, "currency": "EUR", "tracking_id": tracking}}
    assert verified(TRUSTED, TRUSTED.fake.signed(json.dumps(lapsed).encode())).payment is None


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"[]", b"null", b"\xff", b'{"transaction": {}}', b'{"transaction": null}', b'{"token": "x"}', b"[" * 100_000]
    + [
        json.dumps({"transaction": {**json.loads(BODY)["transaction"], **wrong}}).encode()
        for wrong in ({"uid": 5}, {"amount": "1"}, {"status": "A B"}, {"uid": "a/b"})
    ],
)
def test_a_good_signature_under_something_else(body: bytes) -> None:
    for shop in (TRUSTED, OPEN):
        with pytest.raises(WebhookUnreadable):
            verified(shop, shop.fake.signed(body))


SIGNATURE = GOOD.headers["Content-Signature"]


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        " ",
        "é",
        "\x00",
        "a" * 100_000,
        "=",
        SIGNATURE[:-2],
        SIGNATURE.swapcase(),
        f" {SIGNATURE}",
        base64.b64encode(bytes(256)).decode(),
    ],
)
def test_signatures_that_are_missing_empty_foreign_or_huge(value: str | None) -> None:
    refuses(TRUSTED, GOOD, {"content-signature": value})


@given(st.text(max_size=500))
@settings(max_examples=100, deadline=None)
def test_any_text_as_a_signature(value: str) -> None:
    refuses(TRUSTED, GOOD, {"content-signature": value})


@given(st.binary(max_size=200))
@settings(max_examples=100, deadline=None)
def test_any_other_body(body: bytes) -> None:
    if body != BODY:
        refuses(TRUSTED, Webhook(GOOD.headers, body))


def test_with_a_public_key_the_secret_alone_is_no_proof() -> None:
    refuses(TRUSTED, GOOD, {"content-signature": None})
    assert "Authorization" in GOOD.headers


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


AUTHORIZATION = GOOD.headers["Authorization"]


def test_without_one_the_secret_is() -> None:
    assert verified(OPEN, GOOD, {"content-signature": None}).id == "4107-1:failed"
    assert verified(OPEN, GOOD, {"authorization": AUTHORIZATION.replace("Basic", "basic")}).id == "4107-1:failed"


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "Basic",
        "Basic ",
        "Bearer x",
        AUTHORIZATION[6:],
        AUTHORIZATION[:-1],
        AUTHORIZATION + "x",
        AUTHORIZATION.swapcase(),
        "Basic é",
        "Basic " + "a" * 100_000,
        basic("361:"),
        basic(":"),
        basic("361:wrong"),
        basic("362:b8647b68898b084b836474ed8d61ffe117c9a01168d867f24953b776ddcb134d"),
        AUTHORIZATION.replace("Basic", "Bearer"),
        "Basic  " + AUTHORIZATION[6:],
    ],
)
def test_secrets_that_are_wrong(value: str | None) -> None:
    refuses(OPEN, GOOD, {"authorization": value})


@given(st.text(max_size=300))
@settings(max_examples=100, deadline=None)
def test_any_text_as_a_secret(value: str) -> None:
    refuses(OPEN, GOOD, {"authorization": value})
    refuses(OPEN, GOOD, {"authorization": f"Basic {value}"})


def test_before_a_rotation_is_good_for_a_while() -> None:
    fresh = bare_public_key(key_pair("PayPro, the next"))
    former = credentials(public_key=TRUSTED.fake.public_key)
    assert verified(Shop(public_key=fresh, former=(former,)), GOOD).id == "4107-1:failed"
    refuses(Shop(public_key=fresh), GOOD)
    assert (
        verified(Shop(public_key=None, secret_key="the next secret".replace(" ", "-"), former=(credentials(),)), GOOD).id == "4107-1:failed"
    )
    refuses(Shop(public_key=None, secret_key="the-next-secret"), GOOD)
