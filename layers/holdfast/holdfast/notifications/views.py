"""How notifications look to a customer over HTTP."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from holdfast.kernel.ids import Sku
from holdfast.kernel.model import Input, Model
from holdfast.kernel.time import Instant
from holdfast.notifications.fields import Email, Language, NotificationKind, NotificationTopic, OptionalTopic, PhoneOrMask, masked
from holdfast.notifications.kinds import OPTIONAL, Channel
from holdfast.notifications.model import InApp, Preferences
from holdfast.notifications.preferring import Choose


class BackInStockBody(Input):
    """`language`: in which to write; left out: the shop's."""

    email: Email
    language: Language | None = None


class BackInStockView(Model):
    """The same for everybody: it does not tell whether the address is known."""

    sku: str
    accepted: Literal[True] = True


class PreferencesBody(Input):
    """All that is chosen: what is left out is not chosen, and something must be said, for a body that got lost chooses nothing.

    `off`: topics that no mail is wanted about. `sms`: the customer agrees to text messages to `phone`; another number needs his consent
    again. A `phone` that is sent as it was shown, `+49***78`, stays the one that it is.
    """

    language: Language | None = None
    off: list[OptionalTopic] = Field(default=[], max_length=len(OPTIONAL))
    phone: PhoneOrMask | None = None
    sms: bool = False

    @model_validator(mode="after")
    def _says_something(self) -> "PreferencesBody":
        if not self.model_fields_set:
            raise ValueError("say at least one of language, off, phone, sms")
        return self

    @model_validator(mode="after")
    def _sms_has_a_number(self) -> "PreferencesBody":
        if self.sms and self.phone is None:
            raise ValueError("text messages need a phone number")
        return self

    def command(self, shop: str, customer: str, over: int | None) -> Choose:
        chosen = {"language": self.language, "off": tuple(self.off), "phone": self.phone, "sms": self.sms}
        return Choose.model_validate({"shop": shop, "customer": customer, "over": over, **chosen})


class PreferencesView(Model):
    """`language` null: the shop's. `optional`: topics that can be switched off; mail about what was bought cannot. `sms_since`: when the
    customer agreed to text messages. `phone` is masked: a mail that is passed on tells nobody the number. `version` 0: nothing was chosen
    yet.
    """

    language: Language | None
    optional: list[NotificationTopic]
    off: list[NotificationTopic]
    phone: str | None = Field(repr=False)
    sms: bool
    sms_since: Instant | None
    version: int


class UnsubscribeQuery(BaseModel):
    """`topic`: what to hear no more of; `sku`: the product that is not waited for any longer."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    topic: OptionalTopic
    sku: Sku | None = None


class OneClickBody(Input):
    """What mail services send along (RFC 8058). Nothing in it is needed."""

    one_click: Annotated[Literal["One-Click"] | None, Field(alias="List-Unsubscribe")] = None


class InAppView(Model):
    """`read_at` null: not read yet."""

    id: str
    kind: NotificationKind
    order: str | None
    title: str
    text: str = Field(repr=False)
    at: Instant
    read_at: Instant | None


class InAppPage(Model):
    """A page may be shorter than `limit` though there are more: go on while `next` is not null."""

    items: list[InAppView]
    next: str | None


def preferences_view(preferences: Preferences) -> PreferencesView:
    kept = {name: getattr(preferences, name) for name in ("language", "sms_since", "version")}
    phone = preferences.phone and masked(Channel.SMS, preferences.phone)
    lists = {"optional": sorted(OPTIONAL), "off": list(preferences.off)}
    return PreferencesView.model_validate({**kept, **lists, "phone": phone, "sms": bool(preferences.phone and preferences.sms_since)})


def in_app_view(message: InApp) -> InAppView:
    return InAppView.model_validate({name: getattr(message, name) for name in InAppView.model_fields})
