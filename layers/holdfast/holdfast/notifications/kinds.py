"""What people are told: every message there is, whom it is for, by which channels, and how it behaves when something goes wrong."""

from collections.abc import Collection, Mapping
from datetime import timedelta
from enum import StrEnum

from holdfast.kernel.model import Model


class Channel(StrEnum):
    EMAIL = "email"
    SMS = "sms"
    IN_APP = "in_app"


class Audience(StrEnum):
    CUSTOMER = "customer"
    STAFF = "staff"


class Topic(StrEnum):
    """What can be switched off as one. What belongs to a sale cannot: who paid has a right to hear of it."""

    ORDER = "order"
    REMINDER = "reminder"
    BACK_IN_STOCK = "back_in_stock"
    STAFF = "staff"


OPTIONAL = frozenset({Topic.REMINDER, Topic.BACK_IN_STOCK})
"""Topics that a customer may switch off for his mail. Every text message needs his consent, whatever it is about."""


class Doubt(StrEnum):
    """A worker died between sending and marking: nobody knows whether the message went."""

    SEND = "send"
    """Again at once: to have it twice is better than not to have it. It carries keys."""
    ASK = "ask"
    """The mail service's own news of it is waited for; without any it is sent again."""


class Kind(StrEnum):
    ORDER_RECEIVED = "order_received"
    PAYMENT_RECEIPT = "payment_receipt"
    COMPLETED = "completed"
    PARTIAL_DELIVERY = "partial_delivery"
    AWAITING_STOCK = "awaiting_stock"
    ADDITIONAL_KEYS = "additional_keys"
    STOCK_ALLOCATED = "stock_allocated"
    KEY_REPLACED = "key_replaced"
    PAYMENT_FAILED = "payment_failed"
    HOLD_EXPIRING = "hold_expiring"
    LATE_PAYMENT = "late_payment"
    CANCELLED = "cancelled"
    REFUNDED = "refunded"
    PARTIAL_REFUND = "partial_refund"
    SECOND_PAYMENT = "second_payment"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    DELIVERY_PROBLEM = "delivery_problem"
    DELAY = "delay"
    BACK_IN_STOCK = "back_in_stock"
    LOW_STOCK = "low_stock"
    DEAD_LETTER = "dead_letter"
    REVIEW_NEEDED = "review_needed"
    DAILY_DIGEST = "daily_digest"


class Manner(Model):
    """`collapse`: a second message of the kind about the same subject waits so long after the first, and takes along what comes
    meanwhile. `wait`: it goes out so long after it happened, if there is still something to tell.
    """

    audience: Audience = Audience.CUSTOMER
    topic: Topic = Topic.ORDER
    channels: tuple[Channel, ...] = (Channel.EMAIL, Channel.IN_APP)
    doubt: Doubt = Doubt.ASK
    collapse: timedelta = timedelta()
    wait: timedelta = timedelta()


EVERYWHERE = (Channel.EMAIL, Channel.IN_APP, Channel.SMS)
"""Only of what was paid: each text message costs money, and any number can be written into an order that never is."""
_BURST = timedelta(minutes=2)
_HOUR = timedelta(hours=1)
_STAFF = Manner(audience=Audience.STAFF, topic=Topic.STAFF, channels=(Channel.EMAIL,))

MANNERS: Mapping[Kind, Manner] = {
    Kind.ORDER_RECEIVED: Manner(wait=timedelta(minutes=2)),
    Kind.PAYMENT_RECEIPT: Manner(),
    Kind.COMPLETED: Manner(channels=EVERYWHERE, doubt=Doubt.SEND),
    Kind.PARTIAL_DELIVERY: Manner(channels=EVERYWHERE, doubt=Doubt.SEND),
    Kind.AWAITING_STOCK: Manner(),
    Kind.ADDITIONAL_KEYS: Manner(channels=EVERYWHERE, doubt=Doubt.SEND, collapse=_BURST),
    Kind.STOCK_ALLOCATED: Manner(collapse=_BURST),
    Kind.KEY_REPLACED: Manner(doubt=Doubt.SEND),
    Kind.PAYMENT_FAILED: Manner(),
    Kind.HOLD_EXPIRING: Manner(topic=Topic.REMINDER),
    Kind.LATE_PAYMENT: Manner(),
    Kind.CANCELLED: Manner(),
    Kind.REFUNDED: Manner(),
    Kind.PARTIAL_REFUND: Manner(),
    Kind.SECOND_PAYMENT: Manner(),
    Kind.SHIPPED: Manner(channels=EVERYWHERE),
    Kind.DELIVERED: Manner(channels=EVERYWHERE),
    Kind.DELIVERY_PROBLEM: Manner(channels=EVERYWHERE),
    Kind.DELAY: Manner(),
    Kind.BACK_IN_STOCK: Manner(topic=Topic.BACK_IN_STOCK, channels=(Channel.EMAIL,)),
    Kind.LOW_STOCK: _STAFF.model_copy(update={"collapse": _HOUR}),
    Kind.DEAD_LETTER: _STAFF.model_copy(update={"collapse": _HOUR}),
    Kind.REVIEW_NEEDED: _STAFF,
    Kind.DAILY_DIGEST: _STAFF,
}

ALWAYS_SENT = frozenset(
    {
        *(kind for kind, manner in MANNERS.items() if manner.doubt is Doubt.SEND),
        *{Kind.PAYMENT_RECEIPT, Kind.CANCELLED, Kind.REFUNDED, Kind.PARTIAL_REFUND, Kind.SECOND_PAYMENT, Kind.LATE_PAYMENT},
    }
)
"""What a shop cannot switch off: keys that were paid for, and what became of a customer's money. Settings that are older than this rule
may name them still.
"""


def switched_off(kind: Kind, off: Collection[str]) -> bool:
    """The shop does not send it. `off`: its `mails_off`."""
    return kind in off and kind not in ALWAYS_SENT


OF_EVENTS: Mapping[str, Kind] = {
    "order.placed.v1": Kind.ORDER_RECEIVED,
    "order.paid.v1": Kind.PAYMENT_RECEIPT,
    "order.completed.v1": Kind.COMPLETED,
    "order.partially_fulfilled.v1": Kind.PARTIAL_DELIVERY,
    "order.awaiting_stock.v1": Kind.AWAITING_STOCK,
    "order.keys_added.v1": Kind.ADDITIONAL_KEYS,
    "order.stock_allocated.v1": Kind.STOCK_ALLOCATED,
    "order.key_replaced.v1": Kind.KEY_REPLACED,
    "order.payment_failed.v1": Kind.PAYMENT_FAILED,
    "order.late_payment.v1": Kind.LATE_PAYMENT,
    "order.cancelled.v1": Kind.CANCELLED,
    "order.refunded.v1": Kind.REFUNDED,
    "order.partially_refunded.v1": Kind.PARTIAL_REFUND,
    "order.second_payment_refunded.v1": Kind.SECOND_PAYMENT,
    "order.shipped.v1": Kind.SHIPPED,
    "order.delivered.v1": Kind.DELIVERED,
    "order.delivery_problem.v1": Kind.DELIVERY_PROBLEM,
    "order.delayed.v1": Kind.DELAY,
    "order.payment_review.v1": Kind.REVIEW_NEEDED,
    "order.refund_failed.v1": Kind.REVIEW_NEEDED,
    "order.disputed.v1": Kind.REVIEW_NEEDED,
}
"""Which message an event of an order brings about."""
