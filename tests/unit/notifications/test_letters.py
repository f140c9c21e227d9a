"""Who is told by which channel, and what a message knows: from orders as they really become."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from holdfast.catalogue.model import Kind as ProductKind
from holdfast.catalogue.model import OnShortage
from holdfast.kernel.money import Money
from holdfast.kernel.time import rfc3339
from holdfast.notifications import rules
from holdfast.notifications.kinds import MANNERS, OF_EVENTS, Audience, Channel, Kind, Topic
from holdfast.notifications.letter import Digest, Letter
from holdfast.notifications.model import Notice, Preferences, Recipient
from holdfast.notifications.render import render
from holdfast.orders import events
from holdfast.orders.model import Order, Status
from holdfast.orders.rules import buyer
from holdfast.orders.session import Totals
from holdfast.payments.providers.sandbox.proxy import Action
from holdfast.wiring import order_letters
from holdfast.wiring.letters import LetterWriter, Links
from holdfast.wiring.search import KeysOfOrders
from infra import event_schemas
from tests.memory.engine import Memory
from tests.memory.house import HOLD, House
from tests.memory.stores import in_memory

ADA = buyer("ada@example.com") or ""
PHONE = "+4915112345678"


class Desk:
    """A shop, and who writes its letters."""

    def __init__(self, *, texts: bool = True, api_url: str = "http://api.test/v1", **settings: Any) -> None:
        self.house = House(in_memory(Memory()))
        self.house.settings.update(settings)
        self.house.product("BOX", 5)
        self.house.product("KEY", 1, ProductKind.DIGITAL, OnShortage.BACKORDER)
        self.chosen: dict[str, Preferences] = {}
        self.texts, self.api_url = texts, api_url

    @property
    def writer(self) -> LetterWriter:
        return LetterWriter(
            orders=self.house.stores.orders,
            keys=KeysOfOrders(self.house.stores.fulfilment, self.house.stores.orders),
            product=self.house.stores.products.get,
            shop=self.house.policies.shop,
            preferences=lambda _, customer: self.chosen.get(customer),
            links=Links("http://shop.test", self.api_url, *(self._token(kind) for kind in ("order", "checkout", "choose", "out"))),
            texts=self.texts,
            clock=lambda: self.house.now,
        )

    @staticmethod
    def _token(kind: str) -> Any:
        return lambda shop, subject: f"{kind}-{shop}-{subject[:3]}"

    def prefer(self, customer: str = ADA, **what: Any) -> None:
        self.chosen[customer] = Preferences(shop="demo", customer=customer, updated_at=self.house.now, **what)

    def notice(self, kind: Kind, subject: Order | str, data: dict[str, Any] | None = None, **more: Any) -> Notice:
        order = subject.id if isinstance(subject, Order) else None
        about = order or subject
        return Notice(shop="demo", event="evt_1", kind=kind, at=self.house.now, subject=about, order=order, data=data or {}, **more)

    def told(self, kind: Kind, subject: Order | str, data: dict[str, Any] | None = None, *also: Notice, **more: Any) -> Letter | None:
        notice = self.notice(kind, subject, data, **more)
        to = Recipient(channel=Channel.EMAIL, to="ada@example.com", customer=ADA, language="en")
        return self.writer.letter(rules.row(notice, to, self.house.now).model_copy(update={"also": also}))

    def letter(self, kind: Kind, subject: Order | str, data: dict[str, Any] | None = None, *also: Notice, **more: Any) -> Letter:
        written = self.told(kind, subject, data, *also, **more)
        assert written is not None
        assert render(written).subject
        return written

    def recipients(self, kind: Kind, subject: Order | str, data: dict[str, Any] | None = None, **more: Any) -> list[tuple[str, str, str]]:
        found = self.writer.recipients(self.notice(kind, subject, data, **more))
        return [(one.channel, one.to, one.language) for one in found]

    def placed(self, *lines: tuple[str, int]) -> Order:
        return self.house.place(self.house.session(*(lines or (("BOX", 1),)))).order

    def event(self, order: Order, type_: str) -> dict[str, Any]:
        return next(event.data for event in self.house.order(order).events if event.type == type_)


MAIL, APP, TEXT = ("email", "ada@example.com", "en"), ("in_app", ADA, "en"), ("sms", PHONE, "en")


# Who.


def test_a_customer_has_a_mail_and_a_message_in_the_app() -> None:
    desk = Desk()
    assert desk.recipients(Kind.COMPLETED, desk.placed()) == [MAIL, APP]


@pytest.mark.parametrize("kind", [kind for kind in Kind if MANNERS[kind].audience is Audience.CUSTOMER])
def test_text_messages_need_his_number_his_consent_a_kind_that_has_them_and_a_service(kind: Kind) -> None:
    desk = Desk()
    order = desk.placed()
    asked = {"email": "ada@example.com", "customer": ADA, "language": "en"}
    has_texts = Channel.SMS in MANNERS[kind].channels
    desk.prefer(phone=PHONE, sms_since=desk.house.now)
    assert (TEXT in desk.recipients(kind, order, asked)) == has_texts
    desk.texts = False
    assert TEXT not in desk.recipients(kind, order, asked)
    desk.texts = True
    desk.prefer(phone=PHONE)
    assert TEXT not in desk.recipients(kind, order, asked)


def test_who_has_not_paid_costs_the_shop_no_text_message() -> None:
    """Any number can be written into an order, and an order can fail to be paid as often as one likes."""
    desk = Desk()
    order = desk.placed()
    desk.prefer(order.id, phone=PHONE, sms_since=desk.house.now)
    told = [kind for kind in OF_EVENTS.values() if TEXT in desk.recipients(kind, order)]
    assert set(told) == {
        *{Kind.COMPLETED, Kind.PARTIAL_DELIVERY, Kind.ADDITIONAL_KEYS},
        *{Kind.SHIPPED, Kind.DELIVERED, Kind.DELIVERY_PROBLEM},
    }


def test_what_he_switched_off_is_not_mailed_and_what_belongs_to_a_sale_always_is() -> None:
    desk = Desk()
    order = desk.placed()
    desk.prefer(off=(Topic.REMINDER, Topic.BACK_IN_STOCK))
    assert desk.recipients(Kind.HOLD_EXPIRING, order) == [APP]
    assert desk.recipients(Kind.COMPLETED, order) == [MAIL, APP]
    wish = {"email": "ada@example.com", "customer": ADA, "language": "en"}
    assert desk.recipients(Kind.BACK_IN_STOCK, "BOX", wish) == []


def test_the_language_is_his_or_the_shops() -> None:
    desk = Desk(language="de")
    order = desk.placed()
    assert {language for _, _, language in desk.recipients(Kind.COMPLETED, order)} == {"de"}
    desk.prefer(language="en")
    assert {language for _, _, language in desk.recipients(Kind.COMPLETED, order)} == {"en"}
    wish = {"email": "eve@example.com", "customer": "eve", "language": "en"}
    assert desk.recipients(Kind.BACK_IN_STOCK, "BOX", wish) == [("email", "eve@example.com", "en")]


def test_what_the_shop_does_not_send_nobody_gets() -> None:
    desk = Desk(mails_off=("shipped", "low_stock"), staff_emails=("boss@shop.test",))
    order = desk.placed()
    assert desk.recipients(Kind.SHIPPED, order) == []
    assert desk.recipients(Kind.LOW_STOCK, "BOX") == []
    assert desk.recipients(Kind.DELIVERED, order) == [MAIL, APP]


def test_keys_and_news_of_money_are_sent_whatever_stands_in_settings_of_before() -> None:
    """They were refused later than they could be written."""
    desk = Desk(mails_off=tuple(Kind))
    order = desk.placed()
    told = {kind for kind in Kind if desk.recipients(kind, order, {"email": "ada@example.com", "customer": ADA, "language": "en"})}
    assert told == {
        *{Kind.COMPLETED, Kind.PARTIAL_DELIVERY, Kind.ADDITIONAL_KEYS, Kind.KEY_REPLACED, Kind.PAYMENT_RECEIPT, Kind.CANCELLED},
        *{Kind.REFUNDED, Kind.PARTIAL_REFUND, Kind.SECOND_PAYMENT, Kind.LATE_PAYMENT},
    }


def test_staff_are_those_whom_the_shop_names() -> None:
    assert Desk().recipients(Kind.LOW_STOCK, "BOX") == []
    desk = Desk(staff_emails=("boss@shop.test", "desk@shop.test"), language="de")
    told = [("email", "boss@shop.test", "de"), ("email", "desk@shop.test", "de")]
    for kind in (kind for kind in Kind if MANNERS[kind].audience is Audience.STAFF):
        assert desk.recipients(kind, "BOX") == told


def test_an_order_of_nobody_and_one_that_is_none_tell_nobody() -> None:
    desk = Desk()
    order = desk.placed()
    desk.house.edit(order, email=None)
    assert desk.recipients(Kind.COMPLETED, order) == []
    assert desk.recipients(Kind.COMPLETED, "ord_unknown") == []


def test_a_mail_that_staff_send_again_goes_to_the_new_address_and_is_a_mail_only() -> None:
    """In the language of whoever reads it: nobody else's choices are behind its links."""
    desk = Desk()
    order = desk.placed()
    desk.prefer(language="de", phone=PHONE, sms_since=desk.house.now)
    desk.house.edit(order, email="eve@example.com")
    assert desk.recipients(Kind.COMPLETED, order, asked=True) == [("email", "eve@example.com", "en")]
    (mail,) = desk.writer.recipients(desk.notice(Kind.COMPLETED, order, asked=True))
    assert mail.customer == buyer("eve@example.com")


def test_whoever_reads_a_corrected_address_gets_no_link_to_what_another_chose() -> None:
    desk = Desk()
    order = desk.placed()
    desk.prefer(phone=PHONE, sms_since=desk.house.now, off=(Topic.REMINDER,))
    desk.house.edit(order, email="eve@example.com")
    found = {one.channel: one for one in desk.writer.recipients(desk.notice(Kind.HOLD_EXPIRING, order))}
    assert found[Channel.EMAIL].customer == buyer("eve@example.com")
    assert found[Channel.IN_APP].to == ADA
    assert TEXT not in desk.recipients(Kind.COMPLETED, order)


def test_what_is_chosen_for_an_order_counts_before_what_its_customer_chose() -> None:
    desk = Desk()
    order, other = desk.placed(), desk.placed()
    desk.prefer(language="en", phone=PHONE, sms_since=desk.house.now)
    desk.prefer(order.id, language="de", phone="+4930123456", sms_since=desk.house.now, off=(Topic.REMINDER,))
    found = desk.writer.recipients(desk.notice(Kind.COMPLETED, order))
    assert [(one.to, one.customer) for one in found if one.channel is Channel.SMS] == [("+4930123456", order.id)]
    assert {one.language for one in found} == {"de"}
    assert MAIL not in desk.recipients(Kind.HOLD_EXPIRING, order)
    assert desk.recipients(Kind.COMPLETED, other) == [MAIL, TEXT, APP]
    assert MAIL in desk.recipients(Kind.HOLD_EXPIRING, other)


# What: orders.


def test_an_order_is_announced_while_it_waits_for_its_money() -> None:
    desk = Desk()
    order = desk.placed(("BOX", 2))
    letter = desk.letter(Kind.ORDER_RECEIVED, order)
    assert letter.until == order.placed_until
    assert letter.url == f"http://shop.test/shops/demo/orders/{order.id}?token=order-demo-ord"
    assert letter.number == order.number
    assert letter.unsubscribe_url is None


@pytest.mark.parametrize("end", ["paid", "cancelled", "failed", "hold over"])
@pytest.mark.parametrize("kind", [Kind.ORDER_RECEIVED, Kind.HOLD_EXPIRING])
def test_whoever_paid_or_gave_up_meanwhile_is_not_told_to_pay(kind: Kind, end: str) -> None:
    desk = Desk()
    order = desk.placed()
    match end:
        case "paid":
            desk.house.at_provider(order, Action.PAY)
            desk.house.browser_returns(order)
        case "cancelled":
            desk.house.cancel(order)
        case "failed":
            desk.house.at_provider(order, Action.DECLINE)
            desk.house.browser_returns(order)
        case "hold over":
            desk.house.now = order.placed_until
    assert desk.told(kind, order) is None


def test_a_reminder_leads_to_the_checkout_and_can_be_switched_off() -> None:
    desk = Desk()
    order = desk.placed()
    desk.house.now += HOLD - timedelta(milliseconds=1)
    letter = desk.letter(Kind.HOLD_EXPIRING, order)
    assert letter.url == f"http://shop.test/shops/demo/checkout-sessions/{order.session}?token=checkout-demo-cks"
    assert letter.unsubscribe_url == f"http://api.test/v1/shops/demo/customers/{ADA}/unsubscribe?topic=reminder&token=out-demo-{ADA[:3]}"
    assert letter.preferences_url == f"http://shop.test/shops/demo/customers/{ADA}/preferences?token=choose-demo-{ADA[:3]}"


def test_what_cannot_be_switched_off_has_no_link_of_its_customer() -> None:
    """It is passed on more often than others, and opens no more than it must."""
    desk = Desk()
    letter = desk.letter(Kind.ORDER_RECEIVED, desk.placed())
    assert (letter.unsubscribe_url, letter.preferences_url) == (None, None)


def test_without_an_address_of_the_api_nobody_can_unsubscribe_by_a_link() -> None:
    desk = Desk(api_url="")
    assert desk.letter(Kind.HOLD_EXPIRING, desk.placed()).unsubscribe_url is None


def test_a_payment_that_failed_is_told_until_another_one_came() -> None:
    desk = Desk()
    order = desk.placed()
    assert desk.told(Kind.PAYMENT_FAILED, order) is None
    desk.house.at_provider(order, Action.DECLINE)
    desk.house.browser_returns(order)
    assert "checkout-sessions" in desk.letter(Kind.PAYMENT_FAILED, order).url
    desk.house.at_provider(order, Action.PAY)
    desk.house.browser_returns(order)
    assert desk.told(Kind.PAYMENT_FAILED, order) is None


def test_a_receipt_names_what_came() -> None:
    desk = Desk()
    order = desk.house.buy(("BOX", 2))
    desk.house.browser_returns(order)
    letter = desk.letter(Kind.PAYMENT_RECEIPT, order, desk.event(order, events.PAID))
    assert letter.money == letter.total == Money(amount=3998, currency="EUR")
    assert [(line.title, line.quantity, line.sum.amount) for line in letter.lines] == [("The BOX", 2, 3998)]


def waiting(desk: Desk) -> Order:
    """One of three keys is there."""
    order = desk.house.buy(("KEY", 3), accept_partial=True)
    desk.house.browser_returns(order)
    desk.house.serve(order)
    return desk.house.order(order)


def test_a_delay_is_told_while_something_is_owed() -> None:
    desk = Desk(waiting={"promised_hours": 6})
    order = waiting(desk)
    letter = desk.letter(Kind.DELAY, order, {"promised_hours": 3})
    assert (letter.owed, letter.promised_hours) == (2, 3)
    assert desk.letter(Kind.DELAY, order).promised_hours == 6
    desk.house.import_keys("KEY", ["later-1", "later-2"], "second")
    desk.house.feed("KEY")
    assert desk.told(Kind.DELAY, order) is None


def test_a_burst_tells_the_keys_of_all_and_the_state_of_the_last() -> None:
    desk = Desk()
    order = waiting(desk)
    notices = []
    for number in (1, 2):
        desk.house.now += timedelta(seconds=1)
        desk.house.import_keys("KEY", [f"later-{number}"], f"batch {number}")
        desk.house.feed("KEY")
        last = desk.house.order(order).events[-1]
        notices.append(desk.notice(Kind.ADDITIONAL_KEYS, order, last.data))
    first, second = notices
    alone = desk.letter(Kind.ADDITIONAL_KEYS, order, dict(first.data))
    assert ([key.key for key in alone.keys], alone.owed, alone.complete) == (["later-1"], 1, False)
    for one, also in ((first, second), (second, first)):
        to = Recipient(channel=Channel.EMAIL, to="ada@example.com")
        whole = desk.writer.letter(rules.row(one, to, desk.house.now).model_copy(update={"also": (also,)}))
        assert whole is not None
        assert ([key.key for key in whole.keys], whole.owed, whole.complete) == (["later-1", "later-2"], 0, True)
        assert [key.title for key in whole.keys] == ["The KEY", "The KEY"]


def test_a_key_that_was_replaced_is_the_one_of_its_hand_out() -> None:
    desk = Desk()
    order = waiting(desk)
    wave = desk.event(order, events.PARTIALLY_FULFILLED)["wave"]
    assert [key.key for key in desk.letter(Kind.KEY_REPLACED, order, {"wave": wave, "sku": "KEY"}).keys] == ["KEY-0001"]
    assert desk.letter(Kind.KEY_REPLACED, order, {"wave": wave + 1, "sku": "KEY"}).keys == ()


def test_a_parcel_is_told_with_what_is_in_it() -> None:
    desk = Desk()
    order = desk.house.buy(("BOX", 2))
    desk.house.browser_returns(order)
    desk.house.serve(order)
    for state in (Status.PICKING, Status.PACKED):
        desk.house.bring_to(order, state)
    desk.house.bring_to(order, Status.SHIPPED, data={"carrier": "royal_mail", "tracking_numbers": ["T1", "T2"]})
    letter = desk.letter(Kind.SHIPPED, order, desk.event(order, events.SHIPPED))
    assert (letter.carrier, letter.tracking, letter.lines[0].units) == ("Royal Mail", ("T1", "T2"), 2)


@pytest.mark.parametrize("type_", OF_EVENTS)
def test_every_event_that_is_told_can_be_told(type_: str) -> None:
    """With all the data that its schema has, as it comes off the bus."""
    desk, kind = Desk(), OF_EVENTS[type_]
    data = json.loads(json.dumps(event_schemas.example(type_)["data"]).replace('"licence"', '"KEY"').replace('"box"', '"BOX"'))
    order = waiting(desk) if kind is Kind.DELAY else desk.placed(("BOX", 1), ("KEY", 1))
    if kind is Kind.PAYMENT_FAILED:
        desk.house.at_provider(order, Action.DECLINE)
        desk.house.browser_returns(order)
    letter = desk.letter(kind, order, data, reason="because")
    assert order.number in render(letter).text
    assert MANNERS[kind].audience is Audience.STAFF or [line.sku for line in letter.lines] == [line.sku for line in order.lines]


def test_goods_that_are_set_aside_are_ready_once_they_are_paid() -> None:
    desk = Desk()
    order = desk.placed(("BOX", 2))
    assert desk.letter(Kind.CANCELLED, order).lines[0].ready == 0
    desk.house.at_provider(order, Action.PAY)
    desk.house.browser_returns(order)
    assert desk.letter(Kind.DELIVERY_PROBLEM, order, reason="lost").lines[0].ready == 2
    assert desk.letter(Kind.DELIVERY_PROBLEM, order, reason="lost").reason == "lost"


@pytest.mark.parametrize(("code", "name"), [("ups", "UPS"), ("dhl", "DHL"), ("fedex", "Fedex"), ("royal_mail", "Royal Mail"), ("", "")])
def test_carriers_have_names(code: str, name: str) -> None:
    assert order_letters.carrier(code) == name


def totals(shipping: int, tax: int, *, included: bool = False) -> Totals:
    def eur(amount: int) -> Money:
        return Money(amount=amount, currency="EUR")

    whole = 1000 + shipping + (0 if included else tax)
    return Totals(subtotal=eur(1000), shipping=eur(shipping), tax=eur(tax), total=eur(whole), tax_included=included)


@pytest.mark.parametrize(
    ("asked", "rows"),
    [
        (totals(0, 0), {"total": 1000}),
        (totals(490, 0), {"goods": 1000, "shipping": 490, "total": 1490}),
        (totals(0, 190), {"net": 1000, "tax": 190, "total": 1190}),
        (totals(490, 190), {"goods": 1000, "shipping": 490, "net": 1490, "tax": 190, "total": 1680}),
        (totals(490, 238, included=True), {"goods": 1000, "shipping": 490, "total": 1490, "net": 1252, "tax_in_it": 238}),
    ],
)
def test_a_bill_adds_up(asked: Totals, rows: dict[str, int]) -> None:
    assert [(one.name, one.money.amount) for one in order_letters.bill(asked)] == list(rows.items())


# What: everything else.


@pytest.mark.parametrize(
    ("data", "what"),
    [
        ({"dispute": "dp_1", "amount": 100, "currency": "EUR", "respond_by": rfc3339(datetime(2026, 2, 1, tzinfo=UTC))}, "dispute"),
        ({"told": "succeeded", "amount": 100, "currency": "EUR", "expected": {"amount": 1, "currency": "EUR"}}, "payment"),
        ({"refund": "rfd_1", "amount": 100, "currency": "EUR"}, "refund"),
    ],
)
def test_what_a_person_must_decide(data: dict[str, Any], what: str) -> None:
    desk = Desk()
    review = desk.letter(Kind.REVIEW_NEEDED, desk.placed(), data, reason="so it is").review
    assert review is not None
    assert (review.what, review.came) == (what, Money(amount=100, currency="EUR"))
    assert review.due == (datetime(2026, 2, 1, tzinfo=UTC) if what == "dispute" else None)


@pytest.mark.parametrize(("amount", "currency"), [(-1, "EUR"), (1.5, "EUR"), (1, "euro"), (None, None)])
def test_an_amount_that_is_none_is_not_told(amount: Any, currency: Any) -> None:
    desk = Desk()
    data = {"told": "succeeded", "amount": amount, "currency": currency, "expected": {"amount": 1, "currency": "EUR"}}
    review = desk.letter(Kind.REVIEW_NEEDED, desk.placed(), data).review
    assert review is not None
    assert review.came is None


def test_who_asked_is_told_of_the_product_as_it_is_sold_now() -> None:
    desk = Desk()
    letter = desk.letter(Kind.BACK_IN_STOCK, "BOX", {"email": "ada@example.com", "customer": ADA, "language": "en"})
    assert (letter.title, letter.price, letter.number) == ("The BOX", Money(amount=1999, currency="EUR"), "")
    assert letter.url == "http://shop.test/shops/demo/products/BOX"
    assert (letter.unsubscribe_url or "").split("?")[1].startswith("topic=back_in_stock&sku=BOX&token=")


def test_of_a_product_that_is_gone_nobody_is_told() -> None:
    desk = Desk()
    product = desk.house.stores.products.get("demo", "BOX")
    desk.house.stores.products.save(product.model_copy(update={"archived": True, "version": 2}), over=1)
    assert desk.told(Kind.BACK_IN_STOCK, "BOX") is None
    assert desk.told(Kind.BACK_IN_STOCK, "NOTHING") is None
    assert desk.told(Kind.COMPLETED, "ord_unknown") is None


def test_staff_messages_have_what_their_notices_have() -> None:
    desk = Desk()
    low = {"sku": "BOX", "title": "The BOX", "available": 3, "threshold": 5}
    later = desk.notice(Kind.LOW_STOCK, "BOX", {**low, "available": 1})
    desk.house.now -= timedelta(seconds=1)
    assert [(one.sku, one.available) for one in desk.letter(Kind.LOW_STOCK, "BOX", low, later).low] == [("BOX", 1)]
    dead = {"what": "notification", "kind": "completed", "count": 2}
    other = desk.notice(Kind.DEAD_LETTER, "dead_letters", {"what": "webhook"})
    assert [(one.what, one.count) for one in desk.letter(Kind.DEAD_LETTER, "dead_letters", dead, other).dead] == [
        ("notification", 2),
        ("webhook", 1),
    ]
    day = {"day": "2026-01-02", "orders": {"completed": 1}, "taken": [{"amount": 1999, "currency": "EUR"}], "reviews": 2}
    assert desk.letter(Kind.DAILY_DIGEST, "digest#2026-01-02", day).digest == Digest.model_validate(day)


@pytest.mark.parametrize("kind", [Kind.LOW_STOCK, Kind.DEAD_LETTER, Kind.DAILY_DIGEST])
def test_a_notice_that_lacks_its_data_is_an_error_and_no_empty_mail(kind: Kind) -> None:
    with pytest.raises(ValidationError):
        Desk().told(kind, "BOX", {"nothing": "of it"})


def test_a_letter_looks_as_its_shop() -> None:
    brand = {
        "logo_url": "https://cdn.example/l.png",
        "color": "#ff0000",
        "sender_name": "Ada's",
        "reply_to": "a@b.test",
        "legal": "A\nB",
    }
    desk = Desk(brand=brand)
    letter = desk.letter(Kind.ORDER_RECEIVED, desk.placed())
    mail = render(letter)
    assert (letter.shop.name, letter.shop.logo_url, letter.shop.color) == ("Demo", "https://cdn.example/l.png", "#ff0000")
    assert (mail.sender_name, mail.reply_to) == ("Ada's", "a@b.test")
    assert mail.text.endswith("A\nB\n")
