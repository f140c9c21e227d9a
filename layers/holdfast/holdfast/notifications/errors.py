"""Why a mail is not sent now."""

from holdfast.kernel.errors import UnavailableError


class BeingSentError(UnavailableError):
    """Another worker has claimed the mail and may be sending it. Look again when its lease is over."""

    code = "being_sent"


class MailerBusyError(UnavailableError):
    """The mail service refuses for the moment."""

    code = "mailer_busy"
