"""What a webhook of PayPal says, once its signature is good. Pure."""

from typing import Annotated

from pydantic import Field, StringConstraints, ValidationError

from holdfast.payments.errors import WebhookUnreadable
from holdfast.payments.model import Told
from holdfast.payments.providers.paypal.mapper import Capture, Id, Linked, Named, Supplement, Word, fact_of_capture, reference_of, tail

PAID = "PAYMENT.CAPTURE.COMPLETED"


class Disputed(Word):
    seller_transaction_id: Id | None = None


class Resource(Linked):
    """The parts of an order, a capture, a refund or a dispute that say which payment it is of."""

    id: Id | None = None
    order_id: Id | None = None
    custom_id: str | None = None
    purchase_units: tuple[Named, ...] = Field(default=(), strict=False)
    supplementary_data: Supplement = Supplement()
    disputed_transactions: tuple[Disputed, ...] = Field(default=(), strict=False)


class Event(Word):
    id: Annotated[str, StringConstraints(pattern=r"^[!-~]{1,255}$")]
    event_type: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9_.-]{1,100}$")]
    resource: Resource


class Paid(Word):
    resource: Capture


def told_of(raw: bytes, live: bool) -> Told:
    """WebhookUnreadable. What others collect through the same account may be told in another way: it is not read further."""
    try:
        event = Event.model_validate_json(raw)
        ours = event.event_type == PAID and reference_of(event.resource.custom_id)
        fact = fact_of_capture(Paid.model_validate_json(raw).resource) if ours else None
    except (ValidationError, ValueError):
        raise WebhookUnreadable("The body is not an event of PayPal.") from None
    return Told(id=event.id, type=event.event_type, live=live, payment=fact.payment if fact else _payment(event), fact=fact)


def _payment(event: Event) -> str | None:
    """A name of the payment, if it may be ours. What a refund or a dispute is of, only the payment itself can say."""
    kind, resource = event.event_type, event.resource
    if kind.startswith("CHECKOUT."):
        unit = resource.purchase_units[0] if resource.purchase_units else Named()
        return (resource.order_id or resource.id) if reference_of(unit.custom_id) else None
    if kind.startswith("CUSTOMER.DISPUTE."):
        return next((disputed.seller_transaction_id for disputed in resource.disputed_transactions), None)
    if kind in {"PAYMENT.CAPTURE.REFUNDED", "PAYMENT.CAPTURE.REVERSED"}:
        related = resource.supplementary_data.related_ids
        return related.order_id or tail(resource.link("up"), "/v2/payments/captures/") or related.capture_id or resource.id
    if kind.startswith("PAYMENT.CAPTURE."):
        return (resource.supplementary_data.related_ids.order_id or resource.id) if reference_of(resource.custom_id) else None
    return None
