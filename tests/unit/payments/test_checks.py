"""Asking each provider whether it knows the credentials: a question that changes nothing there."""

from collections.abc import Callable
from typing import Any

import pytest

from holdfast.payments.accounts import Keyring
from holdfast.payments.errors import CredentialsRefused
from holdfast.payments.providers.paypal import PayPal
from holdfast.payments.providers.paypro import PayPro
from holdfast.payments.providers.razorpay import Razorpay
from holdfast.payments.providers.stripe import Stripe
from holdfast.platform.calling import PartnerThrottles, PartnerUnavailable, PartnerUnreadable
from tests.unit.payments.paypal import shop as paypal
from tests.unit.payments.paypro import shop as paypro
from tests.unit.payments.razorpay import samples as razorpay
from tests.unit.payments.stand_in import Canned, Line
from tests.unit.payments.stripe import samples as stripe


def at_stripe(**wrong: str) -> tuple[Any, Line]:
    line = stripe.World().line
    return Stripe(Keyring(stripe.KEYS.model_copy(update=wrong)), line), line


def at_razorpay(**wrong: str) -> tuple[Any, Line]:
    line = razorpay.World().line
    return Razorpay(Keyring(razorpay.KEYS.model_copy(update=wrong)), line), line


def at_paypal(**wrong: str) -> tuple[Any, Line]:
    line = Line("paypal", paypal.Shop().fake)
    return PayPal(Keyring(paypal.credentials(**wrong)), line), line


def at_paypro(**wrong: str) -> tuple[Any, Line]:
    line = Line("paypro", paypro.Shop().fake)
    return PayPro(Keyring(paypro.credentials(**wrong)), line), line


GOOD = {"stripe": at_stripe, "razorpay": at_razorpay, "paypal": at_paypal, "paypro": at_paypro}
WRONG = [
    (at_stripe, {"secret_key": "sk_test_another_one"}),
    (at_razorpay, {"key_id": "rzp_test_another"}),
    (at_razorpay, {"key_secret": "another-secret"}),
    (at_paypro, {"shop_id": "4711"}),
    (at_paypro, {"secret_key": "another-secret"}),
    (at_paypal, {"client_id": "another_client"}),
    (at_paypal, {"client_secret": "another-secret"}),
    (at_paypal, {"webhook_id": "8PT597110X687430L"}),
]


@pytest.mark.parametrize("name", GOOD)
def test_a_provider_that_knows_the_account_is_asked_and_nothing_is_made(name: str) -> None:
    connector, line = GOOD[name]()
    connector.check()
    made = [call.path for call in line.calls if call.method != "GET" and not call.path.endswith("/oauth2/token")]
    assert line.calls
    assert made == []


@pytest.mark.parametrize(("at", "wrong"), WRONG, ids=lambda value: "-".join(value) if isinstance(value, dict) else "")
def test_one_that_does_not_says_so(at: Callable[..., Any], wrong: dict[str, str]) -> None:
    connector, _ = at(**wrong)
    with pytest.raises(CredentialsRefused) as refused:
        connector.check()
    assert not any(value in f"{refused.value} {refused.value.facts}" for value in wrong.values())


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize(
    ("canned", "error"),
    [
        (Canned(200, b"<html>"), PartnerUnreadable),
        (Canned(200, b"[]"), PartnerUnreadable),
        (Canned(403, b"{}"), CredentialsRefused),
        (Canned(429), PartnerThrottles),
        (Canned(503), PartnerUnavailable),
    ],
    ids=lambda value: str(value.status) + value.body.decode() if isinstance(value, Canned) else "",
)
def test_what_else_may_come(name: str, canned: Canned, error: type[Exception]) -> None:
    connector, line = GOOD[name]()
    line.canned = [canned]
    with pytest.raises(error):
        connector.check()
