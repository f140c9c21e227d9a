"""Signatures are those of the standard: its published example, and its own library as the receiver."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from holdfast.webhooks import signature

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = signature.secret_of(b"o" * 32)


def test_the_published_example() -> None:
    at = datetime.fromtimestamp(1614265330, UTC)
    assert signature.headers("msg_p5jXN8AQM9LWM0D4loKWxJek", '{"test": 2432232314}', [SECRET], at) == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@given(raw=st.binary(min_size=24, max_size=64), text=st.text())
def test_a_receiver_with_the_standards_own_library_accepts_it(raw: bytes, text: str) -> None:
    secret, body = signature.secret_of(raw), json.dumps({"text": text})
    headers = signature.headers("evt_1", body, [secret], datetime.now(UTC))
    assert Webhook(secret).verify(body, headers) == {"text": text}


def test_while_a_secret_is_replaced_both_accept_it() -> None:
    headers = signature.headers("evt_1", "{}", [OTHER, SECRET], datetime.now(UTC))
    for secret in (OTHER, SECRET):
        assert Webhook(secret).verify("{}", headers) == {}


@pytest.mark.parametrize(
    "changed",
    [
        {"body": '{"a": 2}'},
        {"webhook-id": "evt_2"},
        {"webhook-timestamp": str(int(datetime.now(UTC).timestamp()) - 1)},
        {"webhook-signature": signature.sign(OTHER, "evt_1", "1", '{"a": 1}')},
    ],
    ids=["body", "id", "time", "key"],
)
def test_what_was_changed_is_refused(changed: dict[str, str]) -> None:
    """The oracle can say no: else its yes would be worth nothing."""
    sent = {"body": '{"a": 1}', **signature.headers("evt_1", '{"a": 1}', [SECRET], datetime.now(UTC) + timedelta(seconds=2))}
    body = {**sent, **changed}.pop("body")
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(body, {**sent, **changed})
