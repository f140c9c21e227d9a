"""What was told to whom: lists, their pages, and messages in the app."""

from datetime import UTC, datetime, timedelta

import pytest

from holdfast.notifications import admin_views, browsing, fields, rules
from holdfast.notifications.kinds import Channel, Kind
from holdfast.notifications.model import InApp, Notice, Notification, Recipient, Status
from holdfast.notifications.refusals import UnknownNotification
from tests.memory.engine import Memory
from tests.memory.notifications import MemoryNotifications

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
CUSTOMER = "c0ffee0000000001"


@pytest.fixture
def store() -> MemoryNotifications:
    return MemoryNotifications(Memory())


def told(store: MemoryNotifications, number: int, status: Status = Status.SENT, order: str = "ord_1") -> Notification:
    at = NOW + timedelta(minutes=number)
    notice = Notice(shop="demo", event=f"evt_{number}", kind=Kind.COMPLETED, at=at, subject=order, order=order)
    recipient = Recipient(channel=Channel.EMAIL, to="ada@example.com", customer=CUSTOMER)
    return store.add(rules.row(notice, recipient, at).model_copy(update={"status": status}))


def look(
    store: MemoryNotifications, *statuses: Status, subject: str | None = None, limit: int = 100, after: str | None = None
) -> tuple[list[str], str | None]:
    page = browsing.look("demo", frozenset(statuses), subject, limit=limit, after=after, notifications=store)
    return [row.notice.event for row in page.rows], page.last


def in_app(store: MemoryNotifications, number: int, order: str | None = "ord_1") -> InApp:
    at = NOW + timedelta(minutes=number)
    message = InApp(
        id=f"ntf_{number:026d}", shop="demo", customer=CUSTOMER, kind=Kind.SHIPPED, order=order, title="Shipped", text="It is.", at=at
    )
    store.put_in_app(message)
    return message


def test_of_an_order_newest_first_in_pages(store: MemoryNotifications) -> None:
    for number in range(5):
        told(store, number)
    told(store, 9, order="ord_2")
    first, last = look(store, subject="ord_1", limit=2)
    second, further = look(store, subject="ord_1", limit=2, after=last)
    third, end = look(store, subject="ord_1", limit=2, after=further)
    assert (first, second, third, end) == (["evt_4", "evt_3"], ["evt_2", "evt_1"], ["evt_0"], None)


def test_a_page_that_is_just_full_is_the_last(store: MemoryNotifications) -> None:
    for number in range(2):
        told(store, number)
    assert look(store, subject="ord_1", limit=2) == (["evt_1", "evt_0"], None)


def test_of_an_order_and_of_a_state(store: MemoryNotifications) -> None:
    for number, status in enumerate((Status.SENT, Status.FAILED, Status.DELIVERED, Status.FAILED)):
        told(store, number, status)
    assert look(store, Status.FAILED, subject="ord_1")[0] == ["evt_3", "evt_1"]
    assert look(store, Status.FAILED, Status.DELIVERED, subject="ord_1")[0] == ["evt_3", "evt_2", "evt_1"]
    assert look(store, Status.BOUNCED, subject="ord_1") == ([], None)


def test_a_row_that_left_its_state_between_two_pages_does_not_send_the_reader_back(store: MemoryNotifications) -> None:
    rows = [told(store, number, Status.FAILED) for number in range(4)]
    _, last = look(store, Status.FAILED, subject="ord_1", limit=2)
    store.save(rows[2].again(NOW, "key_1"))
    assert look(store, Status.FAILED, subject="ord_1", limit=2, after=last) == (["evt_1", "evt_0"], None)


def test_of_the_whole_shop_and_of_a_state(store: MemoryNotifications) -> None:
    for number, status in enumerate((Status.SENT, Status.FAILED, Status.WAITING)):
        told(store, number, status, order=f"ord_{number}")
    assert look(store) == (["evt_2", "evt_1", "evt_0"], None)
    assert look(store, Status.FAILED) == (["evt_1"], None)


def test_one_that_is_not_there_is_unknown(store: MemoryNotifications) -> None:
    row = told(store, 1)
    assert browsing.read("demo", row.id, notifications=store) == row
    for shop, name in (("demo", "ntf_nothing"), ("other", row.id)):
        with pytest.raises(UnknownNotification):
            browsing.read(shop, name, notifications=store)


def of_order(store: MemoryNotifications, limit: int, after: str | None = None) -> tuple[list[str], str | None]:
    found, last = browsing.in_app("demo", CUSTOMER, "ord_1", limit=limit, after=after, customers=store)
    return [message.id for message in found], last


def test_messages_of_one_order_are_picked_from_all_of_its_customer(store: MemoryNotifications) -> None:
    mine = [in_app(store, number).id for number in (1, 3, 5)]
    for number, other in ((2, "ord_2"), (4, None)):
        in_app(store, number, other)
    first, last = of_order(store, 2)
    assert (first, of_order(store, 2, last)) == ([mine[2], mine[1]], ([mine[0]], None))


def test_a_page_with_nothing_of_the_order_says_where_to_go_on(store: MemoryNotifications, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browsing, "LOOKED_AT", 2)
    mine = in_app(store, 0)
    for number in (1, 2):
        in_app(store, number, "ord_2")
    found, last = of_order(store, 2)
    assert found == []
    assert last is not None
    assert of_order(store, 2, last)[0] == [mine.id]


def read(store: MemoryNotifications, message: str, order: str = "ord_1", customer: str = CUSTOMER, minutes: int = 1) -> InApp:
    now = NOW + timedelta(minutes=minutes)
    return browsing.read_in_app("demo", customer, order, message, customers=store, now=now)


def test_the_first_reading_stays(store: MemoryNotifications) -> None:
    message = in_app(store, 1)
    assert read(store, message.id).read_at == NOW + timedelta(minutes=1)
    assert read(store, message.id, minutes=9).read_at == NOW + timedelta(minutes=1)


@pytest.mark.parametrize(("order", "customer"), [("ord_2", CUSTOMER), ("ord_1", "c0ffee0000000002")])
def test_the_token_of_one_order_reads_no_message_of_another(store: MemoryNotifications, order: str, customer: str) -> None:
    message = in_app(store, 1)
    with pytest.raises(UnknownNotification):
        read(store, message.id, order, customer)
    standing = store.in_app_message("demo", CUSTOMER, message.id)
    assert standing is not None
    assert standing.read_at is None, "and what was refused changed nothing"


@pytest.mark.parametrize(
    ("channel", "to", "shown"),
    [
        (Channel.EMAIL, "ada.lovelace@example.com", "a***@example.com"),
        (Channel.EMAIL, "a@example.com", "a***@example.com"),
        (Channel.SMS, "+4915112345678", "+49***78"),
        (Channel.IN_APP, CUSTOMER, CUSTOMER),
    ],
)
def test_addresses_are_masked(channel: Channel, to: str, shown: str) -> None:
    assert fields.masked(channel, to) == shown


def test_only_who_may_act_sees_whom_it_went_to(store: MemoryNotifications) -> None:
    row = told(store, 1).model_copy(update={"detail": "smtp; 550 <ada@example.com> unknown"})
    assert "ada@" not in admin_views.notification_view(row).model_dump_json()
    assert "ada@" not in admin_views.notification_detail(row, whole=False).model_dump_json()
    whole = admin_views.notification_detail(row, whole=True)
    assert (whole.to, whole.detail) == ("ada@example.com", row.detail)
