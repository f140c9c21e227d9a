"""What may stand in a request about notifications, and how an address looks to those who need not know it."""

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, StringConstraints, ValidationError, WithJsonSchema, WrapValidator
from pydantic_core import PydanticCustomError

from holdfast.kernel.addresses import LONGEST, sendable
from holdfast.notifications.kinds import Audience, Channel, Kind, Topic
from holdfast.notifications.model import Status, Suppressed


def _short_enough(address: str) -> str:
    if len(address) > LONGEST:
        raise ValueError(f"an e-mail address has {LONGEST} characters at most")
    return address


# What HTML takes for an address, with a domain that could be one: nothing in it could end a header.
_EMAIL = (
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-][A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{0,63}"
    r"@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,8}[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z0-9])"
)
_PHONE = r"\+[1-9][0-9]{6,14}"
Email = Annotated[str, StringConstraints(pattern=f"^{_EMAIL}$"), AfterValidator(sendable)]
Phone = Annotated[str, StringConstraints(pattern=f"^{_PHONE}$")]
"""E.164, with nothing between the digits: a text message goes to exactly this number."""
PhoneOrMask = Annotated[str, StringConstraints(pattern=rf"^({_PHONE}|\+[1-9][0-9]\*{{3}}[0-9]{{2}})$")]
"""Or a number that was chosen before, as it was shown: `+49***78`."""
EmailOrPhone = Annotated[str, StringConstraints(pattern=f"^({_EMAIL}|{_PHONE})$"), AfterValidator(_short_enough)]
Language = Literal["en", "de"]
"""In which messages are written."""
Optional = Literal[Topic.REMINDER, Topic.BACK_IN_STOCK]
"""Topics that a customer may switch off."""
_OPTIONAL = [Topic.REMINDER.value, Topic.BACK_IN_STOCK.value]


def _in_words(value: Any, check: Callable[[Any], Any]) -> Any:
    """A refusal names the values, and not how they are called in here."""
    try:
        return check(value)
    except ValidationError:
        raise PydanticCustomError("literal_error", f"Input should be {' or '.join(map(repr, _OPTIONAL))}") from None


OptionalTopic = Annotated[Optional, WrapValidator(_in_words), WithJsonSchema({"type": "string", "enum": _OPTIONAL})]
CustomerText = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")]


def _named(kind: type[StrEnum]) -> Any:
    """Of what is answered. In the contract its values stand where it is used: other contexts have enumerations of the same names."""
    return WithJsonSchema({"type": "string", "enum": [member.value for member in kind]})


NotificationStatus = Annotated[str, _named(Status)]
NotificationKind = Annotated[str, _named(Kind)]
NotificationChannel = Annotated[str, _named(Channel)]
NotificationTopic = Annotated[str, _named(Topic)]
NotificationAudience = Annotated[str, _named(Audience)]
SuppressedBecause = Annotated[str, _named(Suppressed)]


def masked(channel: Channel, to: str) -> str:
    """`a***@example.com`, `+49***89`. In the app it is a digest, which says nothing."""
    if channel is Channel.EMAIL:
        name, _, domain = to.rpartition("@")
        return f"{name[:1]}***@{domain}"
    return f"{to[:3]}***{to[-2:]}" if channel is Channel.SMS else to
