"""What a customer chooses: consent, topics, and that two who choose at once do not lose each other's choice unseen."""

from datetime import UTC, datetime, timedelta

import pytest

from holdfast.kernel.errors import VersionConflict
from holdfast.notifications import fields, preferring
from holdfast.notifications.kinds import OPTIONAL, Topic
from holdfast.notifications.model import Preferences, Wish
from holdfast.notifications.preferring import Choose
from holdfast.notifications.refusals import OtherNumber, StalePreferences
from holdfast.tenants import model as tenants
from tests.memory.engine import Memory
from tests.memory.notifications import MemoryNotifications

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
CUSTOMER = "c0ffee0000000001"
PHONE, OTHER = "+4915112345678", "+4915112345679"


@pytest.fixture
def store() -> MemoryNotifications:
    return MemoryNotifications(Memory())


def chosen(store: MemoryNotifications, now: datetime = NOW, **choice: object) -> Preferences:
    command = Choose.model_validate({"shop": "demo", "customer": CUSTOMER, **choice})
    return preferring.choose(command, customers=store, now=now)


def unsubscribed(store: MemoryNotifications, topic: Topic, sku: str | None = None) -> Preferences:
    return preferring.unsubscribe("demo", CUSTOMER, topic, sku, store=store, now=LATER)


def test_who_chose_nothing_has_version_nought(store: MemoryNotifications) -> None:
    found = preferring.read("demo", CUSTOMER, customers=store, now=NOW)
    assert (found.version, found.language, found.off, found.phone, found.sms_since) == (0, None, (), None, None)
    assert store.preferences("demo", CUSTOMER) is None


def test_consent_is_of_one_number_and_from_one_instant(store: MemoryNotifications) -> None:
    assert chosen(store, phone=PHONE, sms=True).sms_since == NOW
    assert chosen(store, LATER, phone=PHONE, sms=True, language="de").sms_since == NOW, "the consent stands, whatever else is chosen"
    assert chosen(store, LATER, phone=OTHER, sms=True).sms_since == LATER, "another number, another consent"


def test_another_number_without_consent_has_none(store: MemoryNotifications) -> None:
    chosen(store, phone=PHONE, sms=True)
    changed = chosen(store, LATER, phone=OTHER)
    assert (changed.phone, changed.sms_since) == (OTHER, None)


def test_consent_that_was_taken_back_is_given_anew(store: MemoryNotifications) -> None:
    chosen(store, phone=PHONE, sms=True)
    assert chosen(store, NOW, phone=PHONE).sms_since is None
    assert chosen(store, LATER, phone=PHONE, sms=True).sms_since == LATER


def test_consent_without_a_number_is_none(store: MemoryNotifications) -> None:
    assert chosen(store, sms=True).sms_since is None


def test_a_number_that_is_sent_as_it_was_shown_stays(store: MemoryNotifications) -> None:
    first = chosen(store, phone=PHONE, sms=True)
    again = chosen(store, LATER, phone="+49***78", sms=True, language="de")
    assert (again.phone, again.sms_since, again.language) == (PHONE, first.sms_since, "de")
    assert chosen(store, LATER, phone="+49***78", language="de").sms_since is None, "and without consent it has none"


@pytest.mark.parametrize("standing", [None, OTHER])
def test_a_mask_of_another_number_is_none(store: MemoryNotifications, standing: str | None) -> None:
    chosen(store, phone=standing)
    with pytest.raises(OtherNumber):
        chosen(store, LATER, phone="+49***78", sms=True)
    assert store.preferences("demo", CUSTOMER) == chosen(store, phone=standing)


def test_the_same_again_changes_nothing(store: MemoryNotifications) -> None:
    first = chosen(store, off=(Topic.REMINDER, Topic.BACK_IN_STOCK, Topic.REMINDER), language="en")
    again = chosen(store, LATER, off=(Topic.BACK_IN_STOCK, Topic.REMINDER), language="en")
    assert (first.version, again) == (1, first)


def test_to_choose_nothing_is_a_choice(store: MemoryNotifications) -> None:
    assert chosen(store).version == 1


@pytest.mark.parametrize("over", [0, 2, 7])
def test_a_choice_over_another_version_is_refused(store: MemoryNotifications, over: int) -> None:
    chosen(store, language="de")
    with pytest.raises(StalePreferences) as refusal:
        chosen(store, LATER, language="en", over=over)
    assert (refusal.value.facts, store.preferences("demo", CUSTOMER)) == ({"version": 1}, chosen(store, language="de"))


def test_a_choice_over_what_was_read_is_taken(store: MemoryNotifications) -> None:
    assert [chosen(store, over=0).version, chosen(store, LATER, language="de", over=1).version] == [1, 2]


class Faster(MemoryNotifications):
    """Somebody else chooses between our read and our write, so many times."""

    def __init__(self, times: int) -> None:
        super().__init__(Memory())
        self.times = times

    def save_preferences(self, preferences: Preferences) -> bool:
        if self.times:
            self.times -= 1
            standing = preferring.read("demo", CUSTOMER, customers=self, now=NOW)
            other = standing.model_copy(update={"language": f"{self.times:02d}", "version": standing.version + 1})
            assert super().save_preferences(other)
        return super().save_preferences(preferences)


def test_two_who_choose_at_once_are_told(store: MemoryNotifications) -> None:
    with pytest.raises(VersionConflict):
        chosen(Faster(1), language="de")


def test_unsubscribing_switches_one_topic_off_and_keeps_the_rest(store: MemoryNotifications) -> None:
    chosen(store, language="de", phone=PHONE, sms=True, off=(Topic.REMINDER,))
    found = unsubscribed(store, Topic.BACK_IN_STOCK)
    assert (found.off, found.language, found.phone, found.sms_since) == ((Topic.BACK_IN_STOCK, Topic.REMINDER), "de", PHONE, NOW)
    assert unsubscribed(store, Topic.BACK_IN_STOCK) == found, "however often"


def test_unsubscribing_wins_over_others_who_choose_meanwhile() -> None:
    store = Faster(3)
    found = unsubscribed(store, Topic.REMINDER)
    assert (found.off, found.language, found.version) == ((Topic.REMINDER,), "00", 4)


def test_unsubscribing_does_not_try_for_ever() -> None:
    with pytest.raises(VersionConflict):
        unsubscribed(Faster(preferring.TRIES), Topic.REMINDER)


@pytest.mark.parametrize(("topic", "left"), [(Topic.BACK_IN_STOCK, ["other"]), (Topic.REMINDER, ["box", "other"])])
def test_the_wish_for_the_named_product_goes_with_its_topic(store: MemoryNotifications, topic: Topic, left: list[str]) -> None:
    for sku in ("box", "other"):
        store.add_wish(Wish(shop="demo", sku=sku, email="ada@example.com", customer=CUSTOMER, at=NOW), 10, 25)
    unsubscribed(store, topic, "box")
    assert [wish.sku for sku in ("box", "other") for wish in store.wishes("demo", sku, 10)] == left


def test_the_contract_names_the_languages_and_topics_that_there_are() -> None:
    assert set(fields.Language.__args__) == {language.value for language in tenants.Language}  # type: ignore[attr-defined]
    assert set(fields.Optional.__args__) == OPTIONAL  # type: ignore[attr-defined]
