"""Orders whose payment waits, as staff see them in a list."""

from datetime import datetime

from pydantic import Field

from holdfast.kernel.model import Model
from holdfast.kernel.money import Minor, Money
from holdfast.kernel.time import Instant
from holdfast.orders.going_back import RefundState
from holdfast.orders.model import Order, PaymentStatus, Status


class PendingPayment(Model):
    """`age_minutes`: since the order was placed. `held_until`: until then its units are kept for it. `refund_due`: minor units that are
    on their way back.
    """

    order: str = Field(examples=["ord_01KAJVKP00C1G0HP0V7PKA0YPY"])
    number: str = Field(examples=["0V7PK-A0YPY"])
    status: Status
    provider: str
    payment: str
    payment_status: PaymentStatus
    total: Money
    refund_due: Minor
    placed_at: Instant
    age_minutes: int
    held_until: Instant | None


class PendingPaymentPage(Model):
    """The oldest first."""

    items: list[PendingPayment]
    next: str | None


def pending_view(order: Order, now: datetime) -> PendingPayment:
    return PendingPayment(
        order=order.id,
        number=order.number,
        status=order.status,
        provider=order.payment.provider,
        payment=order.payment.id,
        payment_status=order.payment.status,
        total=order.totals.total,
        refund_due=sum(refund.amount for refund in order.refunds if refund.state is RefundState.DUE),
        placed_at=order.created_at,
        age_minutes=int((now - order.created_at).total_seconds()) // 60,
        held_until=order.hold.expires_at if order.hold else None,
    )
