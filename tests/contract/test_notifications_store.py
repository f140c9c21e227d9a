"""The port of notifications: rows that change over what was seen, lists that find them, people who wait and people who want no mail."""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count, islice
from typing import Any

import pytest

from holdfast.kernel.ids import bucket_of
from holdfast.notifications import keys, rules
from holdfast.notifications.kinds import Channel, Kind, Topic
from holdfast.notifications.model import (
    InApp,
    Notice,
    Notification,
    Preferences,
    Recipient,
    Status,
    Suppressed,
    Suppression,
    Wish,
)
from holdfast.notifications.refusals import TooManyWishes
from tests.memory.samples import LATER, NOW
from tests.memory.stores import Stores

ADA = Recipient(channel=Channel.EMAIL, to="ada@example.com", customer="digest", language="de")


def notice(shop: str, event: str = "evt_1", at: datetime = NOW, **changes: Any) -> Notice:
    bare = {"shop": shop, "event": event, "kind": Kind.COMPLETED, "at": at, "subject": "ord_1", "order": "ord_1"}
    return Notice(**{**bare, **changes})


def row(shop: str, event: str = "evt_1", at: datetime = NOW, **changes: Any) -> Notification:
    return rules.row(notice(shop, event, at), ADA, at).model_copy(update=changes)


def full(shop: str) -> Notification:
    told = notice(
        shop, data={"wave": 3, "lines": [{"sku": "A", "owed": 0}], "paid": True, "none": None, "Ω": {}}, reason="späht", asked=True
    )
    return rules.row(told, ADA, NOW).model_copy(
        update={
            "status": Status.BOUNCED,
            "attempts": 2,
            "claim": "clm_1",
            "leased_until": LATER,
            "message": "message-1",
            "error": "bounce",
            "detail": "no such box",
            "also": (notice(shop, "evt_2", data={"wave": 4}),),
            "into": "ntf_other",
            "resent_of": "ntf_first",
            "by": "key_1",
            "doubtful": True,
            "version": 7,
        }
    )


# Rows.


@pytest.mark.parametrize("make", [row, full])
def test_a_row_comes_back_as_it_was(stores: Stores, shop: str, make: Callable[[str], Notification]) -> None:
    made = make(shop)
    assert stores.notifications.get(shop, made.id) is None
    assert stores.notifications.add(made) == made
    assert stores.notifications.get(shop, made.id) == made
    assert stores.notifications.get(f"{shop}-x", made.id) is None


def test_a_row_is_made_once(stores: Stores, shop: str) -> None:
    first = row(shop)
    claimed = first.changed(LATER, status=Status.CLAIMED, leased_until=LATER)
    assert stores.notifications.add(first) == first
    assert stores.notifications.save(claimed)
    assert stores.notifications.add(row(shop, created_at=LATER)) == claimed


def test_a_row_is_changed_over_what_was_seen(stores: Stores, shop: str) -> None:
    first = row(shop)
    ours, theirs = first.changed(LATER, claim="clm_ours"), first.changed(LATER, claim="clm_theirs")
    assert not stores.notifications.save(ours)
    stores.notifications.add(first)
    assert stores.notifications.save(ours)
    assert stores.notifications.save(ours)  # delivered twice
    assert not stores.notifications.save(theirs)
    assert stores.notifications.get(shop, first.id) == ours


def test_a_subject_knows_what_it_was_told(stores: Stores, shop: str) -> None:
    rows = [row(shop, f"evt_{number}", NOW + timedelta(minutes=number)) for number in range(5)]
    for one in reversed(rows):
        stores.notifications.add(one)
    stores.notifications.add(rules.row(notice(shop, "evt_9", subject="ord_2"), ADA, NOW))
    assert stores.notifications.of_subject(shop, "ord_1") == rows
    assert stores.notifications.of_subject(shop, "ord_1", 2) == rows[3:]
    assert stores.notifications.of_subject(shop, "ord_3") == stores.notifications.of_subject(f"{shop}-x", "ord_1") == []


# Lists.


def pages(stores: Stores, shop: str, *statuses: Status, limit: int = 3) -> list[Notification]:
    found: list[Notification] = []
    after: str | None = None
    for _ in range(40):
        page, after = stores.notifications.page(shop, frozenset(statuses), limit, after)
        assert len(page) <= limit
        found += page
        if after is None:
            return found
    raise AssertionError("there is no end")


def test_all_of_a_shop_are_listed_newest_first(stores: Stores, shop: str) -> None:
    states = [*Status, *Status]
    rows = [row(shop, f"evt_{number}", NOW + timedelta(seconds=number), status=status) for number, status in enumerate(states)]
    for one in rows:
        stores.notifications.add(one)
    stores.notifications.add(row(f"{shop}-x", status=Status.FAILED))
    assert pages(stores, shop) == rows[::-1]
    assert pages(stores, shop, limit=100) == rows[::-1]
    for status in Status:
        assert pages(stores, shop, status) == [one for one in rows[::-1] if one.status is status]
    wanted = {Status.FAILED, Status.SENT}
    assert pages(stores, shop, *wanted) == [one for one in rows[::-1] if one.status in wanted]
    assert pages(stores, f"{shop}-y") == []


def test_a_page_goes_on_where_the_one_before_it_ended(stores: Stores, shop: str) -> None:
    rows = [row(shop, f"evt_{number}", NOW + timedelta(seconds=number), status=Status.FAILED) for number in range(7)]
    for one in rows:
        stores.notifications.add(one)
    first, after = stores.notifications.page(shop, rules.BAD, 2, None)
    assert (first, after is None) == (rows[:4:-1], False)
    assert stores.notifications.save(rows[2].changed(LATER, status=Status.SENT))
    assert [one.id for one in stores.notifications.page(shop, rules.BAD, 9, after)[0]] == [rows[n].id for n in (4, 3, 1, 0)]


def overdue(stores: Stores, shop: str, before: datetime) -> list[str]:
    found = [one for bucket in range(keys.DUE_BUCKETS) for one in stores.notifications.overdue(bucket, before, 1000)]
    return sorted(one.id for one in found if one.shop == shop)


def test_what_has_not_ended_is_found_when_it_is_late(stores: Stores, shop: str) -> None:
    first = row(shop, due_at=LATER)
    instant = timedelta(milliseconds=1)
    stores.notifications.add(first)
    assert overdue(stores, shop, LATER) == []
    assert overdue(stores, shop, LATER + instant) == [first.id]
    lease = LATER + timedelta(hours=1)
    claimed = first.changed(LATER, status=Status.CLAIMED, leased_until=lease)
    assert stores.notifications.save(claimed)
    assert overdue(stores, shop, lease) == []
    assert overdue(stores, shop, lease + instant) == [first.id]
    for status in Status:
        if status not in rules.OPEN:
            claimed = claimed.changed(LATER, status=status)
            assert stores.notifications.save(claimed)
            assert overdue(stores, shop, lease + timedelta(days=80)) == []


def test_of_the_late_ones_the_longest_late_come_first(stores: Stores, shop: str) -> None:
    rows = [row(shop, f"evt_{number}", due_at=NOW - timedelta(days=9000 - number)) for number in range(12)]
    for one in reversed(rows):
        stores.notifications.add(one)
    for bucket in range(keys.DUE_BUCKETS):
        of_bucket = [one for one in rows if keys.due_part_of(one.id) == bucket]
        found = [one for one in stores.notifications.overdue(bucket, NOW, 1000) if one.shop == shop]
        assert found == of_bucket
        if len(of_bucket) > 1:
            assert [one for one in stores.notifications.overdue(bucket, NOW - timedelta(days=8000), 1) if one.shop == shop] in (
                of_bucket[:1],
                [],  # the oldest of all shops is another's
            )


def test_those_whose_turn_it_is_not_take_no_places(stores: Stores, shop: str) -> None:
    rows = [row(shop, f"evt_{number}", due_at=NOW - timedelta(days=7000 - number)) for number in range(40)]
    for one in rows:
        stores.notifications.add(one)
    last = rows[-1]
    found = stores.notifications.overdue(keys.due_part_of(last.id), NOW, 1, lambda since: since == last.due_at)
    assert found == [last]


def test_shops_take_turns(stores: Stores, shop: str) -> None:
    """Of one that has many, late for longer, no more are taken than leave room for another's."""
    since = NOW - timedelta(days=6000)
    other = row(f"{shop}-x", due_at=since + timedelta(seconds=1))
    part = keys.due_part_of(other.id)
    flood = list(islice((one for n in count() if keys.due_part_of((one := row(shop, f"evt_{n}", due_at=since)).id) == part), 4))
    for one in [*flood, other]:
        stores.notifications.add(one)
    found = stores.notifications.overdue(part, NOW, 2, lambda late: since <= late <= other.due_at)
    assert found[1:] == [other]
    assert found[0] in flood


# Who may not be written to.


def suppression(shop: str, to: str = "ada@example.com", channel: Channel = Channel.EMAIL, **changes: Any) -> Suppression:
    bare = {"shop": shop, "channel": channel, "to": to, "why": Suppressed.BOUNCE, "at": NOW}
    return Suppression(**{**bare, **changes})


def test_an_address_is_suppressed_and_the_first_reason_stays(stores: Stores, shop: str) -> None:
    first = suppression(shop, detail="no such box")
    assert stores.notifications.suppression(shop, Channel.EMAIL, first.to) is None
    stores.notifications.suppress(first)
    stores.notifications.suppress(suppression(shop, why=Suppressed.STAFF, at=LATER))
    assert stores.notifications.suppression(shop, Channel.EMAIL, "Ada@Example.COM ") == first
    assert stores.notifications.suppression(shop, Channel.SMS, first.to) is None
    assert stores.notifications.suppression(f"{shop}-x", Channel.EMAIL, first.to) is None


def test_a_suppression_is_lifted(stores: Stores, shop: str) -> None:
    assert not stores.notifications.lift(shop, Channel.EMAIL, "ada@example.com")
    stores.notifications.suppress(suppression(shop))
    assert stores.notifications.lift(shop, Channel.EMAIL, "ADA@example.com")
    assert stores.notifications.suppression(shop, Channel.EMAIL, "ada@example.com") is None
    assert not stores.notifications.lift(shop, Channel.EMAIL, "ada@example.com")


def test_suppressions_are_listed(stores: Stores, shop: str) -> None:
    made = [suppression(shop, f"{number}@example.com") for number in range(4)] + [suppression(shop, "+4915112345678", Channel.SMS)]
    for one in made:
        stores.notifications.suppress(one)
    found: list[Suppression] = []
    after: str | None = None
    while True:
        page, after = stores.notifications.suppressions(shop, 2, after)
        assert len(page) <= 2
        found += page
        if after is None:
            break
    assert sorted(found, key=lambda one: one.to) == sorted(made, key=lambda one: one.to)
    assert stores.notifications.suppressions(f"{shop}-x", 2, None) == ([], None)


# What customers have chosen, and read.


def test_a_choice_is_made_over_what_was_seen(stores: Stores, shop: str) -> None:
    first = Preferences(shop=shop, customer="digest", updated_at=NOW)
    chosen = {"language": "de", "off": (Topic.REMINDER,), "phone": "+4915112345678", "sms_since": LATER}
    second = first.model_copy(update={**chosen, "updated_at": LATER, "version": 2})
    assert stores.notifications.preferences(shop, "digest") is None
    assert not stores.notifications.save_preferences(second)
    assert stores.notifications.save_preferences(first)
    assert stores.notifications.save_preferences(first)  # delivered twice
    assert not stores.notifications.save_preferences(first.model_copy(update={"language": "en"}))
    assert stores.notifications.save_preferences(second)
    assert stores.notifications.save_preferences(second)
    assert not stores.notifications.save_preferences(second.model_copy(update={"language": "en"}))
    assert stores.notifications.preferences(shop, "digest") == second
    assert stores.notifications.preferences(shop, "other") is stores.notifications.preferences(f"{shop}-x", "digest") is None


def in_app(shop: str, number: int = 1, **changes: Any) -> InApp:
    bare = {
        "id": f"ntf_{number:02d}",
        "shop": shop,
        "customer": "digest",
        "kind": Kind.SHIPPED,
        "title": "Ω",
        "text": "On its way",
        "at": NOW,
    }
    return InApp(**{**bare, **changes})


def test_a_message_in_the_app_is_written_once_and_read_once(stores: Stores, shop: str) -> None:
    message = in_app(shop, order="ord_1")
    assert stores.notifications.in_app_message(shop, "digest", message.id) is None
    assert stores.notifications.read_in_app(shop, "digest", message.id, NOW) is None
    stores.notifications.put_in_app(message)
    read = message.model_copy(update={"read_at": LATER})
    assert stores.notifications.in_app_message(shop, "digest", message.id) == message
    assert stores.notifications.read_in_app(shop, "digest", message.id, LATER) == read
    stores.notifications.put_in_app(message)
    assert stores.notifications.read_in_app(shop, "digest", message.id, LATER + timedelta(days=1)) == read
    assert stores.notifications.in_app_message(shop, "digest", message.id) == read
    assert stores.notifications.in_app_message(shop, "other", message.id) is None


def test_messages_in_the_app_are_listed_newest_first(stores: Stores, shop: str) -> None:
    messages = [in_app(shop, number) for number in range(5)]
    for message in messages:
        stores.notifications.put_in_app(message)
    stores.notifications.save_preferences(Preferences(shop=shop, customer="digest", updated_at=NOW))
    stores.notifications.put_in_app(in_app(shop, 7, customer="other"))
    found: list[InApp] = []
    after: str | None = None
    while True:
        page, after = stores.notifications.in_app(shop, "digest", 2, after)
        assert len(page) <= 2
        found += page
        if after is None:
            break
    assert found == messages[::-1]
    assert stores.notifications.in_app(f"{shop}-x", "digest", 2, None) == ([], None)


# Who waits.


def wish(shop: str, number: int = 1, sku: str = "A", **changes: Any) -> Wish:
    at = NOW + timedelta(minutes=number)
    bare = {"shop": shop, "sku": sku, "email": f"{number}@example.com", "customer": f"digest-{number}", "language": "de", "at": at}
    return Wish(**{**bare, **changes})


def test_who_asked_first_is_first(stores: Stores, shop: str) -> None:
    asked = [wish(shop, number) for number in range(4)]
    for one in reversed(asked):
        assert stores.notifications.add_wish(one, 100, 25)
    assert stores.notifications.add_wish(wish(shop, 9, "B"), 100, 25)
    assert stores.notifications.wishes(shop, "A", 3) == asked[:3]
    assert stores.notifications.wishes(shop, "C", 3) == stores.notifications.wishes(f"{shop}-x", "A", 3) == []


def test_one_wish_per_address_and_sku_until_it_is_told(stores: Stores, shop: str) -> None:
    first, again = wish(shop), wish(shop, at=LATER)
    assert stores.notifications.add_wish(first, 100, 25)
    assert stores.notifications.add_wish(first, 100, 25)  # delivered twice
    assert not stores.notifications.add_wish(again, 100, 25)
    assert stores.notifications.wishes(shop, "A", 9) == [first]
    stores.notifications.drop_wish(first)
    stores.notifications.drop_wish(first)
    assert stores.notifications.wishes(shop, "A", 9) == []
    assert stores.notifications.add_wish(again, 100, 25)
    stores.notifications.drop_wish(first)  # it comes late, and is not this one
    assert stores.notifications.wishes(shop, "A", 9) == [again]
    assert not stores.notifications.add_wish(wish(shop, at=LATER + timedelta(days=1)), 100, 25)


def test_of_one_mailbox_once_per_sku_and_so_many_in_all(stores: Stores, shop: str) -> None:
    mine = [wish(shop, number, sku, email=f"ada+{number}@example.com") for number, sku in enumerate(("A", "A", "B", "C"))]
    assert [stores.notifications.add_wish(one, 100, 2) for one in mine] == [True, False, True, False]
    assert stores.notifications.add_wish(mine[0], 100, 2)  # delivered twice
    stores.notifications.drop_wish(mine[0])
    stores.notifications.drop_wish(mine[0])
    assert [stores.notifications.add_wish(one, 100, 2) for one in (mine[3], mine[1])] == [True, False]
    assert stores.notifications.add_wish(wish(f"{shop}-x", 1, email="ada@example.com"), 100, 2)
    assert [stores.notifications.wishes(shop, sku, 9) for sku in "ABC"] == [[], [mine[2]], [mine[3]]]


def test_old_wishes_are_found_over_all_products(stores: Stores, shop: str) -> None:
    old, young = wish(shop, 1, "A"), wish(shop, 1, "B", at=LATER, email="b@example.com")
    for one in (old, young):
        assert stores.notifications.add_wish(one, 100, 25)
    part = bucket_of(old.customer, keys.WISH_PARTS)
    found = stores.notifications.old_wishes(part, NOW + timedelta(minutes=2), 100)
    assert [one for one in found if one.shop == shop] == [old]
    assert [one for one in stores.notifications.old_wishes(part, NOW, 100) if one.shop == shop] == []
    stores.notifications.drop_wish(old)
    assert [one for one in stores.notifications.old_wishes(part, LATER + timedelta(days=1), 100) if one.shop == shop] == [young]


def test_a_wish_is_taken_back(stores: Stores, shop: str) -> None:
    stores.notifications.add_wish(wish(shop, 1), 100, 25)
    stores.notifications.add_wish(wish(shop, 2), 100, 25)
    assert stores.notifications.drop_wishes_of(shop, "A", "digest-1")
    assert not stores.notifications.drop_wishes_of(shop, "A", "digest-1")
    assert not stores.notifications.drop_wishes_of(shop, "B", "digest-2")
    assert stores.notifications.wishes(shop, "A", 9) == [wish(shop, 2)]


def test_so_many_and_no_more_wait(stores: Stores, shop: str) -> None:
    """The count is kept in parts: one that is full refuses, and has room again when somebody was told."""
    same_part = [number for number in range(200) if keys.wish_count_key(shop, "A", f"digest-{number}")["pk"].endswith("#3")][:3]
    first, second, third = (wish(shop, number) for number in same_part)
    most = 2 * keys.COUNTERS
    assert stores.notifications.add_wish(first, most, 25)
    assert stores.notifications.add_wish(second, most, 25)
    with pytest.raises(TooManyWishes) as full:
        stores.notifications.add_wish(third, most, 25)
    assert full.value.facts == {"maximum": most}
    assert stores.notifications.add_wish(first, most, 25)  # he waits already
    stores.notifications.drop_wish(first)
    assert stores.notifications.add_wish(third, most, 25)
    assert stores.notifications.wishes(shop, "A", 9) == [second, third]
