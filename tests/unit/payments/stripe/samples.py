"""One shop's account at the fake Stripe."""

from datetime import UTC, datetime, timedelta
from typing import Any

from holdfast.kernel.money import Money
from holdfast.payments.accounts import Keyring
from holdfast.payments.model import Wish
from holdfast.payments.providers.stripe import Stripe, StripeCredentials
from infra.providers.stripe import FakeStripe
from tests.unit.payments.stand_in import Line

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
ORDER = "ord_01KAJ5V7ZK3M8Q0W2R4T6Y8B1C"
EUR = Money(amount=1999, currency="EUR")
KEYS = StripeCredentials(
    secret_key="sk_test_51Holdfast",
    webhook_secret="whsec_current_one",
    return_url="https://shop.example/thanks/{order}",
    cancel_url="https://shop.example/cart",
)


class World:
    """A connector, its fake, and the clock of both."""

    def __init__(self) -> None:
        self.now = NOW
        self.fake = FakeStripe(secret_key=KEYS.secret_key, webhook_secret=KEYS.webhook_secret, clock=lambda: self.now)
        self.line = Line("stripe", self.fake)
        self.stripe = Stripe(Keyring(KEYS), self.line)

    def pass_by(self, **time: float) -> None:
        self.now += timedelta(**time)

    def made(self, money: Money = EUR, order: str = ORDER) -> str:
        return self.stripe.create(wish(money, order=order, until=self.now + timedelta(minutes=15)), self.now).id

    def paid(self, money: Money = EUR, order: str = ORDER) -> str:
        payment = self.made(money, order)
        self.fake.act(payment, "pay")
        return payment


def wish(money: Money = EUR, **changes: Any) -> Wish:
    facts: dict[str, Any] = {"shop": "demo", "order": ORDER, "number": "A-1042", "amount": money, "email": "zoe@example.org"}
    return Wish(**{**facts, "until": NOW + timedelta(minutes=15), **changes})
