"""Why news of a payment is not taken, or a payment not made."""

from holdfast.kernel.errors import Conflict, Invalid, NotFound, Unauthenticated


class UnknownProvider(NotFound):
    """Unknown, or not allowed here: the same words."""


class ProviderNotOffered(Invalid):
    """The shop does not take payments with this provider. Facts: provider."""

    code = "provider_not_offered"


class AmountNotPayable(Invalid):
    """The provider does not take this currency, or not this amount of it. Facts: currency."""

    code = "amount_not_payable"


class SignatureInvalid(Unauthenticated):
    """Missing, malformed, too old, or not of this body. Nothing was stored."""

    code = "signature_invalid"


class WebhookUnreadable(Invalid):
    """Signed, yet not an event that this provider is documented to send."""

    code = "webhook_unreadable"


class ConfirmationInvalid(Invalid):
    """What the browser brought is not what the provider signed."""

    code = "confirmation_invalid"


class CredentialsRefused(Invalid):
    """The provider does not know these credentials, or they may not do this. Facts: provider."""

    code = "credentials_refused"


class PaymentUnknown(NotFound):
    """The same words as for anything unknown."""


class PaymentStateConflict(Conflict):
    """The provider cannot do this with the payment as it is. Facts: payment_status."""

    code = "payment_state_conflict"


class UnknownWebhook(NotFound):
    """The inbox has no such event, or it is another shop's: the same words."""
