"""A shop with a PayPal account at the stand-in."""

from datetime import datetime, timedelta

from holdfast.kernel.money import Money
from holdfast.payments.accounts import Keyring
from holdfast.payments.model import Wish
from holdfast.payments.providers.paypal import PayPal, PayPalCredentials
from holdfast.payments.providers.paypal.proxy import Certificates
from infra.providers.paypal import CLIENT_ID, CLIENT_SECRET, WEBHOOK_ID, FakePayPal
from tests.memory.samples import NOW
from tests.unit.payments.paypal.line import Line

SHOP, ORDER = "acme", "order_01KE0000000000000000000000"
EUR = Money(amount=1999, currency="EUR")


def credentials(**changed: str) -> PayPalCredentials:
    given = {
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "webhook_id": WEBHOOK_ID,
        "mode": "sandbox",
        "return_url": "https://acme.example/thanks/{order}",
        "cancel_url": "https://acme.example/basket?order={order}",
    }
    return PayPalCredentials.model_validate({**given, **changed})


class Shop:
    """The connector, its stand-in, the line between them, and the time for both."""

    def __init__(self, *, trusting: bool = True, former: tuple[PayPalCredentials, ...] = (), **changed: str) -> None:
        self.now = NOW
        self.fake = FakePayPal(lambda: self.now)
        self.line = Line(self.fake)
        self.certificates = Certificates()
        self.paypal = PayPal(
            Keyring(credentials(**changed), former),
            self.line,
            seconds=lambda: int(self.now.timestamp()),
            certificates=lambda: self.certificates,
            **({"authorities": lambda: self.fake.root} if trusting else {}),
        )

    def later(self, **time: int) -> datetime:
        self.now += timedelta(**time)
        return self.now

    def wish(self, amount: Money = EUR, order: str = ORDER) -> Wish:
        return Wish(SHOP, order, "A-1001", amount, self.now + timedelta(hours=1), "ann@example.org")

    def made(self, amount: Money = EUR, order: str = ORDER) -> str:
        return self.paypal.create(self.wish(amount, order), self.now).id

    def paid(self, amount: Money = EUR, order: str = ORDER) -> str:
        payment = self.made(amount, order)
        self.fake.act(payment, "pay")
        self.paypal.capture(payment, amount, f"{order}#capture")
        return payment
