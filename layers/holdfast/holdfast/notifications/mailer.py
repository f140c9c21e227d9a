"""SES as a mailer. One attempt per claim: after a time-out nobody knows whether the mail went."""

from botocore.exceptions import ClientError

from holdfast.notifications.errors import MailerBusyError
from holdfast.notifications.model import Mail
from holdfast.platform import aws

_NOT_ACCEPTED = {"ThrottlingException", "Throttling", "TooManyRequestsException", "LimitExceededException", "SendingPausedException"}


class SesMailer:
    def __init__(self, sender: str) -> None:
        self._sender = sender

    def send(self, mail: Mail) -> str:
        try:
            reply = aws.client("sesv2").send_email(
                FromEmailAddress=self._sender,
                Destination={"ToAddresses": [mail.to]},
                Content={
                    "Simple": {
                        "Subject": {"Data": mail.subject, "Charset": "UTF-8"},
                        "Body": {
                            "Text": {"Data": mail.text, "Charset": "UTF-8"},
                            "Html": {"Data": mail.html, "Charset": "UTF-8"},
                        },
                    }
                },
            )
        except ClientError as error:
            if error.response["Error"]["Code"] in _NOT_ACCEPTED:
                raise MailerBusyError("The mail service is busy.") from error
            raise
        message: str = reply["MessageId"]
        return message
