"""Why news of a payment is not taken, or a payment not made."""

from holdfast.kernel.errors import Conflict, Invalid, NotFound, Unauthenticated


class UnknownProvider(NotFound):
    """Unknown, or not allowed here: the same words."""


class ProviderNotOffered(Invalid):
    """The shop does not take payments with this provider. Facts: provider."""

    code = "provider_not_offered"


class SignatureInvalid(Unauthenticated):
    """Missing, malformed, too old, or not of this body. Nothing was stored."""

    code = "signature_invalid"


class WebhookUnreadable(Invalid):
    """Signed, yet not an event that this provider is documented to send."""

    code = "webhook_unreadable"


class PaymentUnknown(NotFound):
    """The same words as for anything unknown."""


class PaymentStateConflict(Conflict):
    """The provider cannot do this with the payment as it is. Facts: payment_status."""

    code = "payment_state_conflict"
