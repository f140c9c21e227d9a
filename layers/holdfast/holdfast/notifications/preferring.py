"""What a customer chooses: his language, what he does not want to hear of, and whether he may be sent text messages."""

from datetime import datetime
from typing import Protocol

from holdfast.kernel.errors import VersionConflict
from holdfast.kernel.model import Model
from holdfast.notifications.fields import masked
from holdfast.notifications.kinds import Channel, Topic
from holdfast.notifications.model import Preferences
from holdfast.notifications.ports import Customers, Wishes
from holdfast.notifications.refusals import OtherNumber, StalePreferences

TRIES = 5
"""Of a change that takes nothing from anybody else's: it is made over whatever stands."""


class Choices(Customers, Wishes, Protocol):
    """What customers have chosen, and what they wait for."""


class Choose(Model):
    """All of it: what is not named is not chosen. `phone` may be masked as it was shown: the number stays. `sms`: he
    agrees to text messages to it. `over`: the version that he has
    read; None: whichever stands.
    """

    shop: str
    customer: str
    language: str | None = None
    off: tuple[Topic, ...] = ()
    phone: str | None = None
    sms: bool = False
    over: int | None = None


def read(shop: str, customer: str, *, customers: Customers, now: datetime) -> Preferences:
    """Version 0: he has chosen nothing yet."""
    standing = customers.preferences(shop, customer)
    return standing or Preferences(shop=shop, customer=customer, updated_at=now, version=0)


def choose(command: Choose, *, customers: Customers, now: datetime) -> Preferences:
    """The same again changes nothing. StalePreferences, OtherNumber, VersionConflict."""
    standing = read(command.shop, command.customer, customers=customers, now=now)
    if command.over not in {None, standing.version}:
        raise StalePreferences("Somebody has chosen otherwise meanwhile. Read again.", version=standing.version)
    phone = _number(standing, command.phone)
    chosen = {
        "language": command.language,
        "off": tuple(sorted(set(command.off))),
        "phone": phone,
        "sms_since": _consent(standing, phone if command.sms else None, now),
    }
    if standing.version and all(getattr(standing, name) == value for name, value in chosen.items()):
        return standing
    changed = _over(standing, now, **chosen)
    if not customers.save_preferences(changed):
        raise VersionConflict("Somebody has chosen otherwise at the same moment. Read again.")
    return changed


def unsubscribe(shop: str, customer: str, topic: Topic, sku: str | None, *, store: Choices, now: datetime) -> Preferences:
    """One topic, from now on; and the wish for that SKU, if one is named. However often. VersionConflict."""
    if sku is not None and topic is Topic.BACK_IN_STOCK:
        store.drop_wishes_of(shop, sku, customer)
    for _ in range(TRIES):
        standing = read(shop, customer, customers=store, now=now)
        if topic in standing.off:
            return standing
        without = _over(standing, now, off=tuple(sorted({*standing.off, topic})))
        if store.save_preferences(without):
            return without
    raise VersionConflict("Too many changes at the same moment. Try again.")


def _number(standing: Preferences, phone: str | None) -> str | None:
    """In full. OtherNumber."""
    if phone is None or "*" not in phone:
        return phone
    if standing.phone is None or masked(Channel.SMS, standing.phone) != phone:
        raise OtherNumber("No such number was chosen before. Send it in full.")
    return standing.phone


def _consent(standing: Preferences, phone: str | None, now: datetime) -> datetime | None:
    """Since when he agrees to text messages to it. Another number needs another consent, and one that was taken back is given anew."""
    if phone is None:
        return None
    return standing.sms_since if standing.sms_since and standing.phone == phone else now


def _over(standing: Preferences, now: datetime, **changes: object) -> Preferences:
    return standing.model_copy(update={**changes, "updated_at": now, "version": standing.version + 1})
