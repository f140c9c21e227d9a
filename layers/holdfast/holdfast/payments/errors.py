"""Why news of a payment is not taken, or a payment not made."""

from holdfast.kernel.errors import Conflict, Invalid, NotFound, Refusal, Unauthenticated, UnavailableError


class UnknownProvider(NotFound):
    """Unknown, or not allowed here: the same words."""


class ProviderNotOffered(Invalid):
    """The shop does not take payments with this provider. Facts: provider."""

    code = "provider_not_offered"


class UnknownAccount(NotFound):
    """The shop has no account at this provider: the same words as for anything unknown."""


class StaleAccount(Refusal):
    """If-Match names another version of the account than the one that stands. Facts: version."""

    code, status, title = "precondition_failed", 412, "Precondition failed"


class AccountUnreadable(UnavailableError):
    """What is stored of the shop's account at the provider does not fit any more; it has to be connected again. Facts: provider."""

    code = "provider_account_unreadable"


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


class UnknownRun(NotFound):
    """No such reconciliation, or it is another shop's, or older than thirty days: the same words."""
