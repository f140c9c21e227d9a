"""Why a message is not sent now, or never will be."""

from holdfast.kernel.errors import Invalid, UnavailableError


class ServiceBusyError(UnavailableError):
    """A channel's service has certainly not taken the message: it is busy, or refuses us for the moment. Later perhaps."""

    code = "service_busy"


class RecipientRefused(Invalid):
    """A channel's service will never take a message to this recipient: there is none at that address, or he does not want any."""

    code = "recipient_refused"
