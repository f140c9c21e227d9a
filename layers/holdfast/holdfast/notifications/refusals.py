"""Why a customer or a shop's staff is refused something about notifications."""

from holdfast.kernel.errors import Conflict, Invalid, NotFound, Refusal, Unauthenticated


class PreferencesTokenMissing(Unauthenticated):
    """The token of a customer's preferences stands in the links of his mails. Send it as `?token=`."""

    code = "preferences_token_missing"


class UnknownCustomer(NotFound):
    """Unknown, or asked for with a wrong token: the same words."""


class StalePreferences(Refusal):
    """If-Match names another version of the preferences than the one that stands. Facts: version."""

    code, status, title = "precondition_failed", 412, "Precondition failed"


class OtherNumber(Invalid):
    """A masked `phone` stays the number that it was read of, and another one stands, or none. Send the number in full."""

    code = "phone_not_the_same"


class NobodyToTell(Conflict):
    """The order has no e-mail address, so there is no customer who could choose anything."""

    code = "nobody_to_tell"


class InStock(Conflict):
    """There is nothing to wait for: the product can be had now. Facts: available."""

    code = "in_stock"


class TooManyWishes(Conflict):
    """So many people wait for this product already that nobody else is written down. Facts: maximum."""

    code = "too_many_wishes"


class UnknownNotification(NotFound):
    """Same words as for anything unknown."""


class NotificationUnderWay(Conflict):
    """It waits to be sent, or is being sent at this moment. Look what came of it. Facts: notification_status."""

    code = "notification_under_way"


class RecipientSuppressed(Conflict):
    """Nothing is sent to this recipient. Lift the suppression first, or name another address. Facts: reason."""

    code = "recipient_suppressed"


class ConsentMissing(Conflict):
    """The customer has not agreed to text messages to this number."""

    code = "sms_consent_missing"


class AddressOfAnotherChannel(Invalid):
    """A text message goes to a `phone`, a mail to an `email`, and a message in the app to its customer only. Facts: channel."""

    code = "address_of_another_channel"


class NothingToTell(Conflict):
    """What it would tell of is over: sent now, it would be skipped."""

    code = "nothing_to_tell"


class TemplateBroken(Conflict):
    """The words of this message cannot be made: a fault of its template. The order is as it was."""

    code = "template_error"


class UnknownMessageKind(NotFound):
    """There is no message of that name."""


class UnknownSuppression(NotFound):
    """Nothing keeps us from writing to this address."""
