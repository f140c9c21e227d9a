"""The sandbox's words into ours, and back. Pure."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from holdfast.kernel.model import Record
from holdfast.kernel.money import Currency, Minor
from holdfast.kernel.time import Instant, rfc3339
from holdfast.payments.errors import WebhookUnreadable
from holdfast.payments.model import News, ProviderFact

EventType = Literal["payment.succeeded", "payment.failed", "payment.refunded", "payment.expired"]


class Book(Record):
    """A payment as the sandbox keeps it."""

    id: str
    shop: str
    order_id: str
    amount: Minor
    currency: Currency
    status: News = News.PENDING
    refunds: Mapping[str, int] = {}
    """What was given back, under which key: minor units."""
    changed_at: Instant

    @property
    def left(self) -> int:
        return self.amount - sum(self.refunds.values())


class Told(BaseModel):
    """What a provider sends: strict about types, and open to fields that it may add."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class WebhookData(Told):
    payment_id: str
    order_id: str
    shop: str
    amount: Minor
    currency: Currency


class Webhook(Told):
    """The body of the contract, as far as it is acted on."""

    id: str = Field(min_length=1, max_length=255)
    type: EventType
    data: WebhookData


def webhook_of(book: Book) -> dict[str, Any]:
    """The event of the payment's present status: the same id and content however often it is sent."""
    return {
        "id": f"evt_sandbox_{book.id.removeprefix('pay_')}_{book.status}",
        "type": f"payment.{book.status}",
        "created_at": rfc3339(book.changed_at),
        "data": {
            "payment_id": book.id,
            "order_id": book.order_id,
            "shop": book.shop,
            "amount": book.amount,
            "currency": book.currency,
            "status": book.status,
        },
    }


def read_webhook(raw: bytes) -> Webhook:
    try:
        return Webhook.model_validate_json(raw)
    except (ValidationError, ValueError):
        raise WebhookUnreadable("The body is not an event of the sandbox provider.") from None


def fact_of_webhook(webhook: Webhook) -> ProviderFact:
    data = webhook.data
    return ProviderFact(
        shop=data.shop,
        order=data.order_id,
        payment=data.payment_id,
        news=News(webhook.type.removeprefix("payment.")),
        amount=data.amount,
        currency=data.currency,
    )


def fact_of_book(book: Book) -> ProviderFact:
    return ProviderFact(shop=book.shop, order=book.order_id, payment=book.id, news=book.status, amount=book.amount, currency=book.currency)
