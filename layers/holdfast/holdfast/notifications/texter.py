"""Text messages by SNS. One attempt per claim, as with mails.

SNS takes a message to a number whose owner has answered STOP, and then does not send it: he gets none, and nobody is told. Where it does
say so the number is put on the shop's own list.
"""

import re

from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError

from holdfast.kernel.time import Clock
from holdfast.notifications.errors import RecipientRefused, ServiceBusyError
from holdfast.notifications.model import Mail, Notification, Suppressed, Suppression
from holdfast.notifications.ports import Suppressions
from holdfast.platform import aws
from holdfast.platform.log import logger

E164 = re.compile(r"\+[1-9][0-9]{6,14}")
BUSY = frozenset({"Throttled", "ThrottledException", "Throttling", "ThrottlingException"})
OURS = frozenset(
    {
        *{"AuthorizationError", "AuthorizationErrorException", "AccessDenied", "AccessDeniedException", "InvalidClientTokenId"},
        *{"ExpiredToken", "InvalidSecurity", "InvalidSecurityException"},
    }
)
"""A person has to put it right."""
NEVER = frozenset({"InvalidParameter", "InvalidParameterException", "ParameterValueInvalid", "InvalidParameterValueException"})
"""The number is none that SNS sends to. Everything else in the request is made by us, and is the same for all."""
OPTED_OUT = frozenset({"OptedOut", "OptedOutException"})


class SnsSender:
    """`ports.Sender`. `sender_id`: what stands as sender where countries allow a name; empty: the account's number."""

    def __init__(self, sender_id: str, suppressions: Suppressions, clock: Clock) -> None:
        self._attributes = {"AWS.SNS.SMS.SMSType": {"DataType": "String", "StringValue": "Transactional"}}
        if sender_id:
            self._attributes["AWS.SNS.SMS.SenderID"] = {"DataType": "String", "StringValue": sender_id}
        self._suppressions = suppressions
        self._clock = clock

    def send(self, notification: Notification, mail: Mail) -> str:
        """The short form alone: a text message lies open on a locked screen, so it never carries keys."""
        if not E164.fullmatch(mail.to):
            raise RecipientRefused("No text message can go to such a number.")
        try:
            reply = aws.client("sns").publish(PhoneNumber=mail.to, Message=mail.short, MessageAttributes=self._attributes)
        except (ConnectTimeoutError, EndpointConnectionError) as error:
            raise ServiceBusyError("The text message service cannot be reached.") from error
        except ClientError as error:
            raise self._told(error, notification) from error
        message: str = reply["MessageId"]
        return message

    def _told(self, error: ClientError, notification: Notification) -> Exception:
        code = error.response["Error"]["Code"]
        if code in OPTED_OUT or "opted out" in error.response["Error"].get("Message", ""):
            self._opted_out(notification)
            return RecipientRefused("He wants no text messages.")
        if code in NEVER:
            return RecipientRefused("No text message can go to such a number.")
        if code in BUSY:
            return ServiceBusyError("The text message service is busy.")
        if code in OURS:
            logger.error("the text message service does not take our messages", extra={"error": code})
            return ServiceBusyError(f"The text message service does not take our messages: {code}.")
        return error

    def _opted_out(self, notification: Notification) -> None:
        recipient = notification.recipient
        self._suppressions.suppress(
            Suppression(shop=notification.shop, channel=recipient.channel, to=recipient.to, why=Suppressed.OPTED_OUT, at=self._clock())
        )
