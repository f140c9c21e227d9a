"""E-mail by SES. One attempt per claim: after a time-out nobody knows whether the mail went."""

import re
from email.header import Header
from email.utils import formataddr
from typing import Any

from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError

from holdfast.notifications.errors import RecipientRefused, ServiceBusyError
from holdfast.notifications.model import Mail, Notification
from holdfast.platform import aws
from holdfast.platform.log import logger

BUSY = frozenset({"ThrottlingException", "Throttling", "TooManyRequestsException", "LimitExceededException", "SendingPausedException"})
"""By itself it will be well again."""
OURS = frozenset(
    {
        *{"AccountSuspendedException", "MailFromDomainNotVerifiedException", "NotFoundException", "BadRequestException"},
        *{"MessageRejected", "AccessDeniedException", "ExpiredTokenException", "UnrecognizedClientException"},
    }
)
"""A person has to put it right: the sender, the account, the configuration set. Until then no mail goes, and none must be lost for it.

SES does not say whose address a bad request is about, nor whether a message is rejected for itself or for its sender. The recipient's is
looked at before, so that one bad address is not tried for an hour; what is still refused comes back until the queue gives it up.
"""
LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
LOCAL = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
ADDRESS = re.compile(rf"(?=.{{1,64}}@){LOCAL}(?:\.{LOCAL})*@(?:{LABEL}\.)+[A-Za-z0-9-]{{2,63}}")
"""What SES takes. Shops and checkouts take some more: dots where none may be."""
CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


class SesSender:
    """`ports.Sender`. `sender`: the address that SES knows; `configuration_set`: where its news of the mails go (None: nowhere)."""

    def __init__(self, sender: str, configuration_set: str | None) -> None:
        self._sender = sender
        self._configuration_set = configuration_set

    def send(self, notification: Notification, mail: Mail) -> str:
        if not ADDRESS.fullmatch(mail.to):
            raise RecipientRefused("No mail can go to such an address.")
        try:
            reply = aws.client("sesv2").send_email(**self._request(notification, mail))
        except (ConnectTimeoutError, EndpointConnectionError) as error:
            raise ServiceBusyError("The mail service cannot be reached.") from error
        except ClientError as error:
            raise _told(error) from error
        message: str = reply["MessageId"]
        return message

    def _request(self, notification: Notification, mail: Mail) -> dict[str, Any]:
        """Only what is there: SES takes no empty members."""
        request: dict[str, Any] = {
            "FromEmailAddress": sender_of(mail.sender_name, self._sender),
            "Destination": {"ToAddresses": [mail.to]},
            "Content": {"Simple": _content(mail)},
            # By these its news of the mail find the row.
            "EmailTags": [{"Name": "notification", "Value": notification.id}, {"Name": "shop", "Value": notification.shop}],
        }
        if mail.reply_to and ADDRESS.fullmatch(mail.reply_to):  # else SES would refuse every mail of the shop
            request["ReplyToAddresses"] = [mail.reply_to]
        if self._configuration_set:
            request["ConfigurationSetName"] = self._configuration_set
        return request


def sender_of(name: str | None, address: str) -> str:
    """The address with a name before it, as a header may carry it: one line of ASCII, whatever the name is."""
    plain = CONTROLS.sub(" ", name or "").strip()
    if plain.isascii():
        return formataddr((plain, address))
    return f"{Header(plain, 'utf-8').encode(linesep='')} <{address}>"


def _content(mail: Mail) -> dict[str, Any]:
    content: dict[str, Any] = {
        "Subject": {"Data": CONTROLS.sub(" ", mail.subject), "Charset": "UTF-8"},
        "Body": {"Text": {"Data": mail.text, "Charset": "UTF-8"}, "Html": {"Data": mail.html, "Charset": "UTF-8"}},
    }
    if mail.unsubscribe_url:  # RFC 8058: one POST to this address, by a button of the mail program
        content["Headers"] = [
            {"Name": "List-Unsubscribe", "Value": f"<{mail.unsubscribe_url}>"},
            {"Name": "List-Unsubscribe-Post", "Value": "List-Unsubscribe=One-Click"},
        ]
    return content


def _told(error: ClientError) -> Exception:
    """What SES has answered was not accepted; of anything that is no clear answer nobody knows."""
    code = error.response["Error"]["Code"]
    if code in BUSY:
        return ServiceBusyError("The mail service is busy.")
    if code in OURS:
        logger.error("the mail service does not take our mails", extra={"error": code})  # its words may name the recipient
        return ServiceBusyError(f"The mail service does not take our mails: {code}.")
    return error
