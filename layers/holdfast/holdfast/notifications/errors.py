"""Why a mail is not sent now."""

from holdfast.kernel.errors import Invalid, UnavailableError


class BeingSentError(UnavailableError):
    """Another worker has claimed the mail and may be sending it. Look again when its lease is over."""

    code = "being_sent"


class MailerBusyError(UnavailableError):
    """The mail service refuses for the moment."""

    code = "mailer_busy"


class ServiceBusyError(UnavailableError):
    """A channel's service has certainly not taken the message: it is busy, or refuses us for the moment. Later perhaps."""

    code = "service_busy"


class RecipientRefused(Invalid):
    """A channel's service will never take a message to this recipient: there is none at that address, or he does not want any."""

    code = "recipient_refused"
