"""A shop with a PayPro account at the stand-in."""

from datetime import datetime, timedelta
from typing import Any

from holdfast.kernel.money import Money
from holdfast.payments.accounts import Keyring
from holdfast.payments.model import Wish
from holdfast.payments.providers.paypro import PayPro, PayProCredentials
from infra.providers.paypro import SECRET_KEY, SHOP_ID, FakePayPro
from tests.memory.samples import NOW
from tests.unit.payments.paypal.line import Line

SHOP, ORDER = "acme", "order_01KE0000000000000000000000"
BYN = Money(amount=1999, currency="BYN")


def credentials(**changed: Any) -> PayProCredentials:
    given = {
        "shop_id": SHOP_ID,
        "secret_key": SECRET_KEY,
        "test": True,
        "return_url": "https://acme.example/thanks/{order}",
        "cancel_url": "https://acme.example/basket",
        "notification_url": "https://api.holdfast.example/webhooks/acme/paypro",
    }
    return PayProCredentials.model_validate({**given, **changed})


class Shop:
    """The connector, its stand-in, the line between them, and the time for both."""

    def __init__(self, *, former: tuple[PayProCredentials, ...] = (), **changed: Any) -> None:
        self.now = NOW
        self.fake = FakePayPro(lambda: self.now)
        self.line = Line(self.fake)
        self.paypro = PayPro(Keyring(credentials(**{"public_key": self.fake.public_key, **changed}), former), self.line)

    def later(self, **time: int) -> datetime:
        self.now += timedelta(**time)
        return self.now

    def wish(self, amount: Money = BYN, order: str = ORDER) -> Wish:
        return Wish(SHOP, order, "A-1001", amount, self.now + timedelta(hours=1), "ann@example.org")

    def made(self, amount: Money = BYN, order: str = ORDER) -> str:
        return self.paypro.create(self.wish(amount, order), self.now).id

    def paid(self, amount: Money = BYN, order: str = ORDER) -> str:
        payment = self.made(amount, order)
        self.fake.act(payment, "pay")
        return payment
