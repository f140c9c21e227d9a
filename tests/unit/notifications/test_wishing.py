"""Back in stock: who asked first is told first, nobody twice, and nobody for a unit that is not there."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from holdfast.notifications import preferring, rules, wishing
from holdfast.notifications.kinds import Channel, Kind, Topic
from holdfast.notifications.model import Notice, Recipient, Status, Suppressed, Suppression, Wish
from holdfast.notifications.refusals import InStock, TooManyWishes
from tests.memory.engine import Memory
from tests.memory.notifications import MemoryNotifications

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


class Crash(Exception):
    """The worker dies here."""


class Room:
    """A shop with people who wait, and an outbox that makes one row of one event."""

    def __init__(self, people: int = 0) -> None:
        self.book = MemoryNotifications(Memory())
        self.told: list[str] = []
        self.sent: list[tuple[Mapping[str, Any], timedelta]] = []
        self.now = NOW
        for number in range(people):
            wishing.ask(wish(number), free=0, book=self.book)

    def tell(self, notice: Notice) -> None:
        assert (notice.kind, notice.subject, notice.order) == (Kind.BACK_IN_STOCK, "box", None)
        to = notice.data["email"]
        recipient = Recipient(channel=Channel.EMAIL, to=to, customer=notice.data["customer"], language=notice.data["language"])
        made = rules.row(notice, recipient, self.now)
        if self.book.add(made) == made:
            self.told.append(to)

    def send(self, message: Mapping[str, Any], *, delay: timedelta = timedelta()) -> None:
        self.sent.append((message, delay))

    def restocked(self, free: int, idle: int = 0, after: timedelta = wishing.PAUSE) -> wishing.Told:
        self.now += after
        return wishing.tell_back("demo", "box", free, book=self.book, tell=self.tell, messages=self, now=self.now, idle=idle)

    @property
    def waiting(self) -> list[str]:
        return [wish.email for wish in self.book.wishes("demo", "box", 1000)]


def wish(number: int, email: str | None = None, at: datetime | None = None) -> Wish:
    address = email or f"c{number}@example.com"
    return Wish(shop="demo", sku="box", email=address, customer=f"{number:016x}", language="de", at=at or NOW + timedelta(seconds=number))


def addresses(*numbers: int) -> list[str]:
    return [f"c{number}@example.com" for number in numbers]


def test_as_many_are_told_as_there_are_units_and_who_asked_first_goes_first() -> None:
    room = Room(5)
    assert room.restocked(3) == wishing.Told(told=3, again=True)
    assert (room.told, room.waiting) == (addresses(0, 1, 2), addresses(3, 4))


def test_the_order_is_that_of_asking_and_not_of_names() -> None:
    room = Room()
    for number, minutes in ((1, 30), (2, 10), (3, 20)):
        wishing.ask(wish(number, at=NOW + timedelta(minutes=minutes)), free=0, book=room.book)
    room.restocked(2)
    assert room.told == addresses(2, 3)


def test_the_next_are_told_a_while_later_if_there_is_still_something() -> None:
    room = Room(5)
    room.restocked(3)
    ((message, delay),) = room.sent
    assert (message, delay) == ({"kind": "back_in_stock", "shop": "demo", "sku": "box", "idle": 0}, timedelta(minutes=15))
    assert room.restocked(1).again
    assert not room.restocked(1).again
    assert (room.told, room.waiting, len(room.sent)) == (addresses(0, 1, 2, 3, 4), [], 2)


def test_when_all_were_told_nothing_is_looked_at_again() -> None:
    room = Room(2)
    assert room.restocked(50) == wishing.Told(told=2, again=False)
    assert room.sent == []


@pytest.mark.parametrize("free", [0, -3])
def test_nobody_is_told_of_what_is_not_there(free: int) -> None:
    room = Room(2)
    assert room.restocked(free) == wishing.Told(told=0, again=True)
    assert (room.told, room.waiting) == ([], addresses(0, 1))


def test_what_is_held_is_looked_at_again_for_a_while_and_then_left_to_the_next_restock() -> None:
    """A shopper who was told holds it, and may give it up: no restock would tell of that."""
    room = Room(1)
    idle, rounds = 0, 0
    while room.restocked(0, idle).again:
        idle = room.sent[-1][0]["idle"]
        rounds += 1
    assert (rounds, room.told) == (wishing.IDLE, [])
    assert room.restocked(1).told == 1


def test_a_round_that_tells_somebody_begins_to_count_anew() -> None:
    room = Room(2)
    room.restocked(1, idle=wishing.IDLE)
    assert room.sent[-1][0]["idle"] == 0


def test_while_the_shop_does_not_send_it_people_wait_on() -> None:
    room = Room(2)
    done = wishing.tell_back("demo", "box", 5, book=room.book, tell=room.tell, messages=room, now=room.now, off=True)
    assert (done, room.told, room.sent, room.waiting) == (wishing.Told(told=0, again=False), [], [], addresses(0, 1))
    assert room.restocked(5).told == 2


def test_nobody_waits_nothing_happens() -> None:
    room = Room()
    assert room.restocked(10) == wishing.Told(told=0, again=False)
    assert room.restocked(0) == wishing.Told(told=0, again=False)


def test_one_message_tells_a_hundred_at_most() -> None:
    room = Room(130)
    assert room.restocked(1000) == wishing.Told(told=100, again=True)
    assert room.restocked(900) == wishing.Told(told=30, again=False)
    assert room.told == addresses(*range(130))


@pytest.mark.parametrize("crashes_at", range(4))
@pytest.mark.parametrize("told_before_it", [True, False])
def test_a_worker_that_dies_tells_nobody_twice_and_forgets_nobody(
    crashes_at: int, told_before_it: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between telling and dropping, and between dropping and telling the next."""
    room = Room(4)
    drop, calls = room.book.drop_wish, iter(range(100))

    def dies(wish: Wish) -> None:
        here = next(calls) == crashes_at
        if here and told_before_it:
            raise Crash
        drop(wish)
        if here:
            raise Crash

    with monkeypatch.context() as patched:
        patched.setattr(room.book, "drop_wish", dies)
        with pytest.raises(Crash):
            room.restocked(4)
    room.restocked(4, after=timedelta(seconds=90))
    assert (room.told, room.waiting) == (addresses(0, 1, 2, 3), [])


def test_two_restocks_at_once_tell_nobody_twice() -> None:
    """Both have read the same people before either has told one."""
    room = Room(3)
    asked = room.book.wishes("demo", "box", 3)

    class Late(MemoryNotifications):
        def wishes(self, shop: str, sku: str, limit: int) -> list[Wish]:
            return asked[:limit]

    room.restocked(3)
    late = Late(Memory())
    late._memory = room.book._memory
    room.book = late
    assert room.restocked(3, after=AT_ONCE).told == 3
    assert room.told == addresses(0, 1, 2)


AT_ONCE = timedelta(seconds=1)


def test_units_that_some_were_told_of_are_not_told_of_again_at_once() -> None:
    """Three came and three people know. One more comes: one more is told, and not four."""
    room = Room(9)
    room.restocked(3)
    assert room.restocked(4, after=AT_ONCE) == wishing.Told(told=1, again=True)
    assert room.restocked(4, after=AT_ONCE) == wishing.Told(told=0, again=True)
    assert room.told == addresses(0, 1, 2, 3)
    assert room.restocked(4).told == 4, "they had their quarter of an hour"


def test_who_could_not_be_told_takes_no_unit_from_the_next() -> None:
    room = Room(4)
    room.restocked(2)
    for row in room.book.of_subject("demo", "box")[:1]:
        room.book.save(row.changed(room.now, status=Status.SUPPRESSED))
    assert room.restocked(2, after=AT_ONCE).told == 1
    assert room.told == addresses(0, 1, 2)


def test_a_mail_that_was_sent_again_is_no_unit() -> None:
    room = Room(2)
    room.restocked(1)
    (row,) = room.book.of_subject("demo", "box")
    room.book.add(row.model_copy(update={"id": "ntf_01KAJVKP000000000000000001", "resent_of": row.id}))
    assert room.restocked(2, after=AT_ONCE).told == 1


def test_a_row_named_by_the_moment_of_telling_would_be_told_twice() -> None:
    """The negative control of the two above: the wish's own instant is its name, not the worker's clock."""
    room = Room(1)
    (asked,) = room.book.wishes("demo", "box", 1)
    notice = wishing._notice(asked)
    room.tell(notice)
    room.tell(notice.model_copy(update={"at": NOW + timedelta(minutes=1)}))
    assert room.told == addresses(0, 0)


def test_who_asks_again_after_he_was_told_is_told_again() -> None:
    room = Room(1)
    room.restocked(1)
    wishing.ask(wish(0, at=NOW + timedelta(days=1)), free=0, book=room.book)
    room.restocked(1)
    assert room.told == addresses(0, 0)


def test_one_wish_per_address_and_product() -> None:
    room = Room(2)
    wishing.ask(wish(0, at=NOW + timedelta(days=1)), free=0, book=room.book)
    assert room.waiting == addresses(0, 1), "and his place in the queue is the first one"


def test_there_is_nothing_to_wait_for_while_it_is_in_stock() -> None:
    room = Room()
    with pytest.raises(InStock) as refusal:
        wishing.ask(wish(1), free=2, book=room.book)
    assert (refusal.value.facts, room.waiting) == ({"available": 2}, [])


def test_an_address_that_is_not_written_to_is_not_kept() -> None:
    room = Room()
    room.book.suppress(Suppression(shop="demo", channel=Channel.EMAIL, to="c1@example.com", why=Suppressed.BOUNCE, at=NOW))
    wishing.ask(wish(1), free=0, book=room.book)
    assert room.waiting == []


def test_who_has_unsubscribed_is_not_subscribed_again_by_whoever_types_his_address() -> None:
    room = Room()
    preferring.unsubscribe("demo", f"{1:016x}", Topic.BACK_IN_STOCK, None, store=room.book, now=NOW)
    wishing.ask(wish(1), free=0, book=room.book)
    wishing.ask(wish(2), free=0, book=room.book)
    assert room.waiting == addresses(2)


def test_who_has_switched_off_something_else_may_ask() -> None:
    room = Room()
    preferring.unsubscribe("demo", f"{1:016x}", Topic.REMINDER, None, store=room.book, now=NOW)
    wishing.ask(wish(1), free=0, book=room.book)
    assert room.waiting == addresses(1)


def of(email: str, sku: str, customer: str, days: int = 0) -> Wish:
    return Wish(shop="demo", sku=sku, email=email, customer=customer, at=NOW - timedelta(days=days))


def test_one_person_waits_for_so_many_products_and_no_more_are_kept() -> None:
    """Anybody can write down anybody's address. Who does it is told the same as ever."""
    room = Room()
    for number in range(wishing.EACH + 5):
        wishing.ask(of("ada@example.com", f"sku-{number}", "ada"), free=0, book=room.book)
    kept = [number for number in range(wishing.EACH + 5) if room.book.wishes("demo", f"sku-{number}", 9)]
    assert kept == list(range(wishing.EACH))
    wishing.ask(of("bob@example.com", "sku-29", "bob"), free=0, book=room.book)
    assert len(room.book.wishes("demo", "sku-29", 9)) == 1, "others may"


def test_who_was_told_may_ask_for_another_one() -> None:
    room = Room()
    for number in range(wishing.EACH):
        wishing.ask(of("ada@example.com", f"sku-{number}", "ada"), free=0, book=room.book)
    (first,) = room.book.wishes("demo", "sku-0", 9)
    room.book.drop_wish(first)
    room.book.drop_wish(first)
    for sku in ("sku-98", "sku-99"):
        wishing.ask(of("ada@example.com", sku, "ada"), free=0, book=room.book)
    assert [len(room.book.wishes("demo", sku, 9)) for sku in ("sku-98", "sku-99")] == [1, 0]


def test_other_names_of_one_mailbox_are_one_person() -> None:
    room = Room()
    for number, email in enumerate(["ada@example.com", "ada+a@example.com", "Ada+b+c@Example.com", "ADA@example.com"]):
        wishing.ask(of(email, "box", f"digest-{number}"), free=0, book=room.book)
    assert room.waiting == ["ada@example.com"]
    for number in range(2 * wishing.EACH):
        wishing.ask(of(f"ada+{number}@example.com", f"sku-{number}", f"other-{number}"), free=0, book=room.book)
    assert sum(len(room.book.wishes("demo", f"sku-{number}", 9)) for number in range(2 * wishing.EACH)) == wishing.EACH - 1


def test_people_with_a_plus_and_no_name_are_not_one_person() -> None:
    room = Room()
    for number, email in enumerate(["+a@example.com", "+b@example.com", "a+b@example.com", "a+b@other.example"]):
        wishing.ask(of(email, "box", f"digest-{number}"), free=0, book=room.book)
    assert len(room.waiting) == 4


def test_a_wish_ends_and_is_not_told_any_more() -> None:
    room = Room()
    wishing.ask(of("old@example.com", "box", "old", days=181), free=0, book=room.book)
    wishing.ask(of("new@example.com", "box", "new", days=179), free=0, book=room.book)
    assert room.restocked(5).told == 1
    assert (room.told, room.waiting) == (["new@example.com"], [])


def test_many_old_wishes_do_not_stand_before_a_young_one() -> None:
    room = Room()
    for number in range(wishing.ROUND + 1):
        wishing.ask(of(f"c{number}@example.com", "box", f"{number:016x}", days=200), free=0, book=room.book)
    wishing.ask(of("young@example.com", "box", "young"), free=0, book=room.book)
    assert room.restocked(1, idle=wishing.IDLE) == wishing.Told(told=0, again=True)
    assert room.restocked(1).told == 1
    assert room.told == ["young@example.com"]


def test_old_wishes_of_what_never_came_back_count_no_more() -> None:
    room = Room()
    for number in range(wishing.EACH):
        wishing.ask(of("ada@example.com", f"sku-{number}", "ada", days=100 + number * 10), free=0, book=room.book)
    assert wishing.sweep(book=room.book, now=NOW) == 16
    assert wishing.sweep(book=room.book, now=NOW) == 0
    wishing.ask(of("ada@example.com", "sku-99", "ada"), free=0, book=room.book)
    assert len(room.book.wishes("demo", "sku-99", 9)) == 1


def test_there_is_an_end_of_people_who_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wishing, "MOST", 16)
    room = Room()
    taken = [_taken(room, number) for number in range(60)]
    assert (sum(taken), len(room.waiting)) == (16, 16), "in any part of the count"


def _taken(room: Room, number: int) -> bool:
    try:
        wishing.ask(wish(number), free=0, book=room.book)
    except TooManyWishes:
        return False
    return True
