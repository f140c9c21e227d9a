"""Two restocks, two clicks on two links, two pages of one customer: nobody is told twice or forgotten, and no choice is lost unseen."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from holdfast.kernel.errors import VersionConflict
from holdfast.notifications import preferring, resending, wishing
from holdfast.notifications.kinds import Channel, Topic
from holdfast.notifications.model import Notice, Preferences, Recipient, Status, Wish
from tests.memory.house import House
from tests.memory.notifications import Queued
from tests.memory.post_room import NOW, FewWords, PostRoom
from tests.memory.threads import meet, together

Careless = Callable[..., House]
CUSTOMER = "digest"


@dataclass
class ToWhoAsked(FewWords):
    def recipients(self, notice: Notice) -> tuple[Recipient, ...]:
        return (Recipient(channel=Channel.EMAIL, to=notice.data["email"], customer=notice.data["customer"]),)


def of(house: House) -> PostRoom:
    return PostRoom(house.stores.notifications, house.shop, writer=ToWhoAsked())


@pytest.fixture
def room(house: House) -> PostRoom:
    return of(house)


# Restocks.


def people_wait(room: PostRoom, people: int) -> list[str]:
    addresses = [f"c{number:02d}@example.com" for number in range(people)]
    for number, address in enumerate(addresses):
        at = NOW + timedelta(seconds=number)
        wishing.ask(Wish(shop=room.shop, sku="A", email=address, customer=f"c{number:02d}", at=at), free=0, book=room.store)
    return addresses


def restocked(room: PostRoom, free: int) -> None:
    wishing.tell_back(room.shop, "A", free, book=room.store, tell=room.tell, messages=Queued(), now=room.now)


def told(room: PostRoom) -> list[str]:
    """Who has got a mail, in the end: what another worker was at comes by a message."""
    room.go_on(minutes=30)
    return sorted(mail.to for mail in room.mail.sent)


def test_two_restocks_at_once_tell_nobody_twice_and_nobody_is_forgotten(room: PostRoom) -> None:
    everybody = people_wait(room, 6)
    meet(room.store, "wishes", 2)  # both have read the same people
    together([lambda own=own: restocked(own, 6) for own in (room, replace(room, now=room.now + timedelta(milliseconds=1)))])  # type: ignore[misc]
    assert (told(room), room.store.wishes(room.shop, "A", 9)) == (everybody, [])


def test_eight_restocks_at_once_tell_those_who_asked_first(room: PostRoom) -> None:
    everybody = people_wait(room, 6)
    meet(room.store, "wishes", 8)
    together([lambda: restocked(room, 4)] * 8)
    assert told(room) == everybody[:4]
    assert [wish.email for wish in room.store.wishes(room.shop, "A", 9)] == everybody[4:]


# Whose address it is does not matter to a stranger.


def asked_at_once(room: PostRoom, *wanted: tuple[str, str], each: int) -> int:
    """Wishes that stand after it."""
    wishes = [
        Wish(shop=room.shop, sku=sku, email=email, customer=f"d{number}", at=NOW + timedelta(seconds=number))
        for number, (sku, email) in enumerate(wanted)
    ]
    together([lambda wish=wish: room.store.add_wish(wish, 1000, each) for wish in wishes])  # type: ignore[misc]
    return sum(len(room.store.wishes(room.shop, sku, 99)) for sku in {sku for sku, _ in wanted})


ALIASES = [("A", f"ada+{number}@example.com") for number in range(6)]
PRODUCTS = [(f"S{number}", "ada@example.com") for number in range(6)]


def test_other_names_of_one_mailbox_wait_once(room: PostRoom) -> None:
    assert asked_at_once(room, *ALIASES, each=25) == 1


def test_without_the_guard_one_mailbox_waits_many_times(careless: Careless) -> None:
    assert asked_at_once(of(careless("NO_WISH")), *ALIASES, each=25) == 6


def test_one_mailbox_waits_for_so_many_products(room: PostRoom) -> None:
    assert asked_at_once(room, *PRODUCTS, each=3) == 3


def test_without_the_guard_one_mailbox_waits_for_any_number_of_products(careless: Careless) -> None:
    assert asked_at_once(of(careless("FEW_ENOUGH")), *PRODUCTS, each=3) == 6


# Choices.


def two_clicks(room: PostRoom) -> set[Topic]:
    """On the links of two mails, about two topics."""
    room.store.save_preferences(Preferences(shop=room.shop, customer=CUSTOMER, language="de", updated_at=NOW))
    meet(room.store, "preferences", 2)
    together([lambda topic=topic: unsubscribed(room, topic) for topic in (Topic.REMINDER, Topic.BACK_IN_STOCK)])  # type: ignore[misc]
    chosen = room.store.preferences(room.shop, CUSTOMER)
    assert chosen is not None
    return set(chosen.off)


def unsubscribed(room: PostRoom, topic: Topic) -> Preferences:
    return preferring.unsubscribe(room.shop, CUSTOMER, topic, None, store=room.store, now=room.now)


def test_two_clicks_switch_two_topics_off(room: PostRoom) -> None:
    assert two_clicks(room) == {Topic.REMINDER, Topic.BACK_IN_STOCK}


def test_without_the_guard_one_click_is_lost(careless: Careless) -> None:
    assert len(two_clicks(of(careless("SAME_CHOICE")))) == 1


def test_first_clicks_of_somebody_who_never_chose(room: PostRoom) -> None:
    together([lambda topic=topic: unsubscribed(room, topic) for topic in (Topic.REMINDER, Topic.BACK_IN_STOCK) * 2])  # type: ignore[misc]
    chosen = room.store.preferences(room.shop, CUSTOMER)
    assert chosen is not None
    assert set(chosen.off) == {Topic.REMINDER, Topic.BACK_IN_STOCK}


def two_pages(room: PostRoom) -> list[Any]:
    """Both have read the first version."""
    room.store.save_preferences(Preferences(shop=room.shop, customer=CUSTOMER, updated_at=NOW))
    meet(room.store, "preferences", 2)
    commands = [preferring.Choose(shop=room.shop, customer=CUSTOMER, language=language, over=1) for language in ("de", "en")]
    return together([lambda c=c: preferring.choose(c, customers=room.store, now=room.now) for c in commands])  # type: ignore[misc]


def test_of_two_pages_one_is_told_that_it_is_old(room: PostRoom) -> None:
    answers = two_pages(room)
    (kept,) = [answer for answer in answers if isinstance(answer, Preferences)]
    assert [type(answer) for answer in answers if answer is not kept] == [VersionConflict]
    assert room.store.preferences(room.shop, CUSTOMER) == kept


def test_without_the_guard_one_choice_is_lost_unseen(careless: Careless) -> None:
    assert all(isinstance(answer, Preferences) for answer in two_pages(of(careless("SAME_CHOICE"))))


# Sending again.


def test_one_request_that_comes_eight_times_sends_one_mail(room: PostRoom) -> None:
    old = room.add(status=Status.BOUNCED)
    command = resending.Resend(shop=room.shop, notification=old.id, identity="one", by="key_1", email="right@example.com")
    rows = together([lambda: resending.resend(command, book=room.store, messages=room.office.messages, now=room.now)] * 8)
    assert len({row.id for row in rows}) == 1
    assert told(room) == ["right@example.com"]


def test_all_that_failed_are_retried_once_by_two_who_ask_at_once(room: PostRoom) -> None:
    for number in range(4):
        room.add(room.notice(f"evt_{number}", data={"email": "ada@example.com", "customer": CUSTOMER}), status=Status.FAILED)
    meet(room.store, "page", 2)
    command = resending.RetryFailed(shop=room.shop, limit=10, by="key_1", dry_run=False)

    def ask(milliseconds: int) -> int:
        now = room.now + timedelta(milliseconds=milliseconds)
        return resending.retry_failed(command, notifications=room.store, messages=room.office.messages, now=now).retried

    assert sum(together([lambda: ask(0), lambda: ask(1)])) == 4
    assert len(told(room)) == 4
