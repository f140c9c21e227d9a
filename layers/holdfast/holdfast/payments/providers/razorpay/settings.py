"""What Razorpay gives a merchant, and where it lives."""

from typing import Annotated, ClassVar

from pydantic import StringConstraints

from holdfast.payments.accounts import Credentials, Secret

HOSTS = frozenset({"api.razorpay.com"})
EVENTS = (
    *("order.paid", "payment.authorized", "payment.captured", "payment.failed"),
    *("refund.created", "refund.processed", "refund.failed"),
    *("payment.dispute.created", "payment.dispute.action_required", "payment.dispute.under_review"),
    *("payment.dispute.won", "payment.dispute.lost", "payment.dispute.closed"),
)
"""What a webhook there is to be told of."""

KeyId = Annotated[str, StringConstraints(max_length=100, pattern=r"^rzp_(test|live)_[A-Za-z0-9]{4,}$")]


class RazorpayCredentials(Credentials):
    """`key_id` is shown to every browser; `key_secret` signs what the browser brings. `webhook_secret` is another one, of the merchant's
    own choice.
    """

    SECRETS: ClassVar[frozenset[str]] = frozenset({"key_secret", "webhook_secret"})

    key_id: KeyId
    key_secret: Secret
    webhook_secret: Secret

    @property
    def live(self) -> bool:
        return self.key_id.startswith("rzp_live_")
