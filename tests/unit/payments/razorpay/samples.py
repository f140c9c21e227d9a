"""One shop's account at the fake Razorpay."""

from datetime import UTC, datetime, timedelta
from typing import Any

from holdfast.kernel.money import Money
from holdfast.payments.accounts import Keyring
from holdfast.payments.model import Wish
from holdfast.payments.providers.razorpay import Razorpay, RazorpayCredentials
from infra.providers.razorpay import FakeRazorpay
from tests.unit.payments.stand_in import Line

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
ORDER = "ord_01KAJ5V7ZK3M8Q0W2R4T6Y8B1C"
INR = Money(amount=199_900, currency="INR")
KEYS = RazorpayCredentials(key_id="rzp_test_Holdfast", key_secret="the-key-secret", webhook_secret="the-webhook-secret")


class World:
    """A connector, its fake, and the clock of both."""

    def __init__(self) -> None:
        self.now = NOW
        self.fake = FakeRazorpay(key_id=KEYS.key_id, key_secret=KEYS.key_secret, webhook_secret=KEYS.webhook_secret, clock=lambda: self.now)
        self.book = self.fake.book
        self.line = Line("razorpay", self.fake)
        self.razorpay = Razorpay(Keyring(KEYS), self.line)

    def pass_by(self, **time: float) -> None:
        self.now += timedelta(**time)

    def made(self, money: Money = INR, order: str = ORDER) -> str:
        return self.razorpay.create(wish(money, order=order), self.now).id

    def paid(self, money: Money = INR, order: str = ORDER) -> str:
        payment = self.made(money, order)
        self.fake.act(payment, "pay")
        return payment


def wish(money: Money = INR, **changes: Any) -> Wish:
    facts: dict[str, Any] = {"shop": "demo", "order": ORDER, "number": "A-1042", "amount": money, "until": NOW + timedelta(minutes=15)}
    return Wish(**{**facts, **changes})
