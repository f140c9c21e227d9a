"""What proves PayPro's news while an account changes, and where the news may go."""

import pytest
from pydantic import ValidationError

from holdfast.payments.errors import SignatureInvalid
from infra.providers.rsa import bare_public_key, key_pair
from infra.providers.wire import Webhook
from tests.unit.payments.paypro.shop import Shop, credentials

BODY = b'{"transaction": {"uid": "4107-1", "type": "payment", "status": "failed", "amount": 1, "currency": "EUR"}}'
GOOD = Shop().fake.signed(BODY)
SECRET_ONLY = Webhook({"Authorization": GOOD.headers["Authorization"]}, BODY)


def believes(shop: Shop, webhook: Webhook) -> bool:
    try:
        shop.paypro.verify({name.lower(): value for name, value in webhook.headers.items()}, webhook.body, shop.now)
    except SignatureInvalid:
        return False
    return True


def test_once_the_public_key_is_told_a_former_secret_is_no_proof() -> None:
    former = (credentials(),)
    told = Shop(former=former)
    assert believes(told, GOOD)
    assert not believes(told, SECRET_ONLY)
    assert believes(Shop(public_key=None, secret_key="the-next-secret", former=former), SECRET_ONLY)


def test_a_former_public_key_still_is() -> None:
    former = (credentials(public_key=Shop().fake.public_key), credentials())
    rotated = Shop(public_key=bare_public_key(key_pair("PayPro, the next")), former=former)
    assert believes(rotated, GOOD)
    assert not believes(rotated, SECRET_ONLY)


@pytest.mark.parametrize("test", [False, True])
def test_news_go_where_nobody_listens(test: bool) -> None:
    assert credentials(test=test, notification_url="https://api.example/x").notification_url == "https://api.example/x"
    for open_to_all in ("http://api.example/x", "http://localhost.example/x", "http://127.0.0.1.example/x", "http://10.0.0.1/x"):
        with pytest.raises(ValidationError, match="must be https"):
            credentials(test=test, notification_url=open_to_all)


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost:8080", "localhost"])
def test_on_ones_own_machine_play_money_needs_no_https(host: str) -> None:
    assert credentials(notification_url=f"http://{host}/x").test
    with pytest.raises(ValidationError, match="must be https"):
        credentials(test=False, notification_url=f"http://{host}/x")
