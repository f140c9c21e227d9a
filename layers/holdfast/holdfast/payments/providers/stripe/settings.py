"""What Stripe gives a merchant, and where it lives."""

from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from holdfast.payments.accounts import Credentials, PageUrl

HOSTS = frozenset({"api.stripe.com"})
EVENTS = (
    *("checkout.session.completed", "checkout.session.expired"),
    *("checkout.session.async_payment_succeeded", "checkout.session.async_payment_failed"),
    *("charge.refunded", "refund.created", "refund.updated", "refund.failed"),
    *("charge.dispute.created", "charge.dispute.updated", "charge.dispute.closed"),
)
"""What an endpoint there is to be told of."""

ApiKey = Annotated[str, StringConstraints(max_length=255, pattern=r"^(sk|rk)_(test|live)_[A-Za-z0-9_]{8,}$"), Field(repr=False)]
EndpointSecret = Annotated[str, StringConstraints(max_length=255, pattern=r"^whsec_[!-~]{8,}$"), Field(repr=False)]


class StripeCredentials(Credentials):
    """`secret_key` may be a restricted one: it needs Checkout Sessions, PaymentIntents and Refunds (write), Charges and Disputes (read).

    `webhook_secret` belongs to the endpoint and is used as it is, with its prefix. The shopper is sent on to `return_url` or `cancel_url`.
    """

    SECRETS: ClassVar[frozenset[str]] = frozenset({"secret_key", "webhook_secret"})

    secret_key: ApiKey
    webhook_secret: EndpointSecret
    return_url: PageUrl
    cancel_url: PageUrl

    @property
    def live(self) -> bool:
        return self.secret_key.split("_")[1] == "live"
