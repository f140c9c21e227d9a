"""The sandbox as a payment provider like any other."""

from collections.abc import Mapping
from datetime import datetime

from holdfast.kernel.ids import born_at, derived_id
from holdfast.kernel.money import Money
from holdfast.payments.errors import WebhookUnreadable
from holdfast.payments.model import Created, ProviderEvent, ProviderFact
from holdfast.payments.providers.sandbox import mapper, signature
from holdfast.payments.providers.sandbox.mapper import Book
from holdfast.payments.providers.sandbox.proxy import SandboxBook
from holdfast.payments.providers.sandbox.settings import SandboxConfig


class Sandbox:
    name = "sandbox"

    def __init__(self, book: SandboxBook, config: SandboxConfig) -> None:
        self._book = book
        self._config = config

    def create(self, shop: str, order: str, amount: Money, now: datetime) -> Created:
        payment = derived_id("pay", born_at(order), "sandbox", shop, order)
        book = Book(id=payment, shop=shop, order_id=order, amount=amount.amount, currency=amount.currency, changed_at=now)
        self._book.open(book)
        return Created(payment, {"pay_url": f"{self._config.pay_url}/{payment}"})

    def verify(self, headers: Mapping[str, str], raw: bytes, shop: str, now: datetime) -> ProviderEvent:
        signature.verify(self._config.secret(), headers.get(signature.HEADER.lower()), raw, now)
        webhook = mapper.read_webhook(raw)
        if webhook.data.shop != shop:
            raise WebhookUnreadable("The event is of another shop.")
        fact = mapper.fact_of_webhook(webhook)
        return ProviderEvent(id=webhook.id, shop=shop, provider=self.name, fact=fact, raw=raw.decode(), received_at=now)

    def status(self, payment: str) -> ProviderFact:
        return mapper.fact_of_book(self._book.look_up(payment))

    def refund(self, payment: str, amount: Money, key: str) -> None:
        self._book.refund(payment, amount.amount, key)

    def void(self, payment: str, now: datetime) -> None:
        self._book.void(payment, now)
