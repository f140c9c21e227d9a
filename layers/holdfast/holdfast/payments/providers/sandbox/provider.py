"""The sandbox as a payment provider like any other."""

from collections.abc import Mapping
from datetime import datetime

from holdfast.kernel.ids import born_at, derived_id
from holdfast.kernel.money import Money
from holdfast.payments.errors import PaymentStateConflict
from holdfast.payments.model import Created, Given, GivenState, Listing, ProviderFact, Told, Wish
from holdfast.payments.providers.sandbox import mapper, signature
from holdfast.payments.providers.sandbox.mapper import Book
from holdfast.payments.providers.sandbox.proxy import SandboxBook
from holdfast.payments.providers.sandbox.settings import SandboxConfig


class Sandbox:
    name = "sandbox"
    live = False
    hearsay = True  # whoever has its secret may tell of a payment: its own book is only the one that the pay page writes

    def __init__(self, book: SandboxBook, config: SandboxConfig) -> None:
        self._book = book
        self._config = config

    def check(self) -> None:
        """Its book is our own table."""

    def create(self, wish: Wish, now: datetime) -> Created:
        payment = derived_id("pay", born_at(wish.order), "sandbox", wish.shop, wish.order)
        money = wish.amount
        book = Book(id=payment, shop=wish.shop, order_id=wish.order, amount=money.amount, currency=money.currency, changed_at=now)
        self._book.open(book)
        return Created(payment, {"pay_url": f"{self._config.pay_url}/{payment}"})

    def confirm(self, payment: str, brought: Mapping[str, str]) -> None:
        """Its browser page brings nothing that would be signed."""

    def verify(self, headers: Mapping[str, str], raw: bytes, now: datetime) -> Told:
        signature.verify(self._config.secret(), headers.get(signature.HEADER.lower()), raw, now)
        webhook = mapper.read_webhook(raw)
        return Told(webhook.id, webhook.type, live=False, payment=webhook.data.payment_id, fact=mapper.fact_of_webhook(webhook))

    def status(self, payment: str) -> ProviderFact:
        return mapper.fact_of_book(self._book.look_up(payment))

    def capture(self, payment: str, amount: Money, key: str) -> ProviderFact:
        raise PaymentStateConflict("The sandbox captures by itself.", payment_status=self.status(payment).news)

    def refund(self, payment: str, amount: Money, key: str, charge: str | None = None) -> Given:
        self._book.refund(payment, amount.amount, key)
        return Given(ref=key, amount=amount.amount, state=GivenState.DONE, key=key)

    def void(self, payment: str, now: datetime) -> None:
        self._book.void(payment, now)

    def listed(self, since: datetime, until: datetime, cursor: str | None) -> Listing | None:
        return None
