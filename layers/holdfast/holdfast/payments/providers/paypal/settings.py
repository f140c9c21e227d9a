"""What a shop's PayPal account needs to be spoken to, and where PayPal is."""

from typing import Annotated, ClassVar, Literal

from pydantic import StringConstraints

from holdfast.payments.accounts import Credentials, PageUrl, Secret

API = {"live": "api-m.paypal.com", "sandbox": "api-m.sandbox.paypal.com"}
CERTIFICATES = {"live": "api.paypal.com", "sandbox": "api.sandbox.paypal.com"}
"""Where the certificates lie that webhooks are signed with."""
HOSTS = frozenset({*API.values(), *CERTIFICATES.values()})
EVENTS = (
    *("CHECKOUT.ORDER.APPROVED", "CHECKOUT.PAYMENT-APPROVAL.REVERSED"),
    *("PAYMENT.CAPTURE.COMPLETED", "PAYMENT.CAPTURE.PENDING", "PAYMENT.CAPTURE.DENIED", "PAYMENT.CAPTURE.DECLINED"),
    *("PAYMENT.CAPTURE.REFUNDED", "PAYMENT.CAPTURE.REVERSED"),
    *("CUSTOMER.DISPUTE.CREATED", "CUSTOMER.DISPUTE.UPDATED", "CUSTOMER.DISPUTE.RESOLVED"),
)
"""What the app's webhook is to be told of. A capture that fails is `DENIED` in one of their pages and `DECLINED` in another."""

ClientId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{10,160}$")]
WebhookId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{5,50}$")]


class PayPalCredentials(Credentials):
    """An app of PayPal's developer dashboard, with its webhook: signatures are made for `webhook_id`."""

    SECRETS: ClassVar[frozenset[str]] = frozenset({"client_secret"})

    client_id: ClientId
    client_secret: Secret
    webhook_id: WebhookId
    mode: Literal["live", "sandbox"]
    return_url: PageUrl
    cancel_url: PageUrl

    @property
    def live(self) -> bool:
        return self.mode == "live"
