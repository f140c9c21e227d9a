"""Checkout sessions: priced once, changed, resumed, abandoned; and what place-order makes of them."""

from datetime import timedelta
from typing import Any

import pytest

from holdfast.catalogue.model import Kind, OnShortage
from holdfast.kernel.errors import IdempotencyKeyReused, VersionConflict
from holdfast.kernel.money import MAX_AMOUNT, Money
from holdfast.orders import checkout
from holdfast.orders.errors import (
    AddressMissing,
    CurrencyNotOffered,
    MixedCurrencies,
    NotShippedThere,
    QuantityAboveMaximum,
    SessionAlreadyOrdered,
    ShippingMethodNotOffered,
    StaleSession,
    TotalTooLarge,
    UnknownSession,
    UnknownSku,
)
from holdfast.orders.model import Status
from holdfast.orders.session import Obstacle, Session
from holdfast.orders.sessions import ATTEMPTS, SESSION_LIFE, Told
from holdfast.stock.errors import CustomerLimitReached, InsufficientStock
from tests.memory.engine import Memory
from tests.memory.house import House
from tests.memory.samples import ADDRESS
from tests.memory.shoppers import abandon, change, resume, start
from tests.memory.stores import in_memory
from tests.memory.threads import just_before

USD = Money(amount=2199, currency="USD")
PARIS = ADDRESS.model_copy(update={"country": "FR", "city": "Paris"})
PARCEL = {"id": "parcel", "title": "Parcel", "countries": ("DE",), "by": "weight", "bands": ({"up_to": 2000, "amount": 495},)}
EXPRESS = {"id": "express", "title": "Express", "countries": ("DE", "FR"), "by": "price", "bands": ({"amount": 1500},)}
VAT = {"countries": ("DE",), "rates": {"standard": 1900}, "shipping": True}
EVERYWHERE = {"countries": ("*",), "rates": {"standard": 0}}


@pytest.fixture
def house() -> House:
    house = House(in_memory(Memory()))
    house.product("BOX", 5)
    house.product("NOTE", 5, Kind.DIGITAL, prices=(USD,))
    return house


def codes(told: Any) -> list[str]:
    return [issue.code.value for issue in told.issues]


def reprice(house: House, sku: str, **changes: Any) -> None:
    product = house.stores.products.get(house.shop, sku)
    assert product is not None
    changed = product.model_copy(update={**changes, "version": product.version + 1})
    assert house.stores.products.save(changed, over=product.version)


def kept(house: House, session: Session) -> Session | None:
    return house.stores.sessions.get(house.shop, session.id)


# Starting.


@pytest.mark.parametrize(
    ("lines", "refusal", "facts"),
    [
        ([("NONE", 1), ("BOX", 1)], UnknownSku, {"skus": ["NONE"]}),
        ([("SET", 9)], QuantityAboveMaximum, {"lines": [{"sku": "SET", "requested": 9, "maximum": 3}]}),
        ([("BOX", 1), ("YEN", 1)], MixedCurrencies, {}),
        ([("GOLD", 11)], TotalTooLarge, {"maximum": MAX_AMOUNT}),
    ],
)
def test_a_checkout_that_can_never_work_is_refused_with_the_list_of_the_cart(
    house: House, lines: list[tuple[str, int]], refusal: type[Exception], facts: dict[str, Any]
) -> None:
    house.product("SET", 20, max_per_order=5, max_per_customer=3)
    house.product("YEN", 5)
    reprice(house, "YEN", price=Money(amount=300, currency="JPY"))
    house.product("GOLD", 20)
    reprice(house, "GOLD", price=Money(amount=MAX_AMOUNT // 10, currency="EUR"))
    with pytest.raises(refusal) as refused:
        start(house, *lines)
    told = refused.value.facts  # type: ignore[attr-defined]
    assert {name: value for name, value in told.items() if name != "issues"} == facts
    assert told["issues"][0]["code"] == refused.value.code  # type: ignore[attr-defined]


def test_a_shortage_refuses_no_session_and_is_told(house: House) -> None:
    told = start(house, ("BOX", 7))
    assert (codes(told), told.issues[0].available) == (["insufficient_stock"], 5)
    with pytest.raises(InsufficientStock) as refused:
        house.place(told.session)
    assert refused.value.facts["lines"] == [{"sku": "BOX", "requested": 7, "available": 5}]
    assert [(issue["code"], issue["available"]) for issue in refused.value.facts["issues"]] == [("insufficient_stock", 5)]
    house.restock("BOX", 2, "more")
    assert codes(resume(house, told.session)) == []
    assert house.place(told.session, "second").order.status is Status.PENDING_PAYMENT


def test_who_had_all_that_one_may_have_is_told_in_the_words_of_the_cart(house: House) -> None:
    house.product("SET", 9, max_per_customer=3)
    house.settle(house.fact(house.place(start(house, ("SET", 2)).session).order))
    told = start(house, ("SET", 2))
    assert (codes(told), told.issues[0].available) == (["customer_limit_reached"], 1)
    with pytest.raises(CustomerLimitReached) as refused:
        house.place(told.session)
    assert refused.value.facts["issues"] == [issue.model_dump(mode="json") for issue in told.issues]


def test_a_session_has_one_currency(house: House) -> None:
    assert start(house, ("NOTE", 2), currency="USD").session.totals.total == USD.times(2)
    assert start(house, ("NOTE", 2)).session.totals.total.currency == "EUR"
    with pytest.raises(CurrencyNotOffered) as refused:
        start(house, ("NOTE", 1), ("BOX", 1), currency="USD")
    assert (refused.value.facts["skus"], refused.value.facts["currency"]) == (["BOX"], "USD")


def test_tax_and_shipping_are_computed_once_and_copied_to_the_order(house: House) -> None:
    house.settings = {"shipping": (PARCEL, EXPRESS), "taxes": (VAT,)}
    session = start(house, ("BOX", 2), ("NOTE", 1), address=ADDRESS, phone="+4912345678", notes="Ring twice").session
    assert [line.tax for line in session.lines] == [760, 380]
    assert (session.shipping_method, [option.id for option in session.shipping_options]) == ("parcel", ["parcel", "express"])
    assert session.totals.total.amount == 3 * 1999 + 495 + 760 + 380 + 94
    house.settings = {}  # what was told holds
    order = house.place(session).order
    assert (order.totals, [line.tax for line in order.lines]) == (session.totals, [760, 380])
    assert (order.phone, order.notes, order.shipping_method, order.address) == ("+4912345678", "Ring twice", "parcel", ADDRESS)


def test_an_order_waits_for_an_address_and_goes_nowhere_else(house: House) -> None:
    house.settings = {"shipping": (PARCEL,)}
    session = start(house, ("BOX", 1)).session
    assert session.obstacle is Obstacle.ADDRESS_MISSING
    with pytest.raises(AddressMissing):
        house.place(session)
    abroad = change(house, session, address=PARIS)
    assert codes(abroad) == ["not_shipped_there"]
    with pytest.raises(NotShippedThere) as refused:
        house.place(abroad.session)
    assert refused.value.facts == {"country": "FR"}
    assert house.free("BOX") == 5
    assert house.place(change(house, session, address=ADDRESS).session).order.totals.shipping.amount == 495


def test_what_is_digital_needs_no_address(house: House) -> None:
    house.settings = {"shipping": (PARCEL,), "taxes": (EVERYWHERE,)}
    assert house.place(start(house, ("NOTE", 1)).session).order.totals.shipping.amount == 0


def test_a_way_of_shipping_may_be_chosen_of_those_offered(house: House) -> None:
    house.settings = {"shipping": (PARCEL, EXPRESS)}
    session = start(house, ("BOX", 1), address=ADDRESS, shipping_choice="express").session
    assert (session.shipping_method, session.totals.shipping.amount) == ("express", 1500)
    cheapest = change(house, session, shipping_choice=None).session
    assert (cheapest.shipping_method, cheapest.totals.shipping.amount) == ("parcel", 495)
    with pytest.raises(ShippingMethodNotOffered) as refused:
        change(house, session, shipping_choice="parcel", address=PARIS)
    assert refused.value.facts == {"offered": ["express"]}
    moved = change(house, change(house, session, shipping_choice="parcel").session, address=PARIS).session
    assert (moved.shipping_choice, moved.shipping_method) == ("parcel", "express")  # as near as can be, and told


# Changing.


def test_each_change_is_one_version_and_thirty_minutes(house: House) -> None:
    session = start(house, ("BOX", 1)).session
    house.now += timedelta(minutes=29)
    changed = change(house, session, notes="Ring twice", phone="+4912345678").session
    assert (changed.version, changed.expires_at) == (2, house.now + SESSION_LIFE)
    assert (changed.notes, changed.phone, changed.email, changed.lines) == ("Ring twice", "+4912345678", "ada@example.com", session.lines)
    house.now += timedelta(minutes=29)
    again = change(house, changed, notes=None, email=None, address=ADDRESS).session
    assert (again.version, again.notes, again.email, again.phone, again.address) == (3, None, None, "+4912345678", ADDRESS)
    assert kept(house, session) == again


def test_what_changes_nothing_writes_nothing(house: House) -> None:
    session = start(house, ("BOX", 7)).session
    house.now += timedelta(minutes=5)
    told = change(house, session)
    assert (told.session, codes(told)) == (session, ["insufficient_stock"])
    assert kept(house, session) == session


def test_lines_are_priced_again_and_the_rest_of_a_promise_holds(house: House) -> None:
    session = start(house, ("BOX", 1)).session
    reprice(house, "BOX", price=Money(amount=9999, currency="EUR"))
    assert change(house, session, notes="Still the old price").session.totals.total.amount == 1999
    assert house.place(session, "old").order.totals.total.amount == 1999
    changed = change(house, session, lines=(("BOX", 2),)).session
    assert changed.totals.total.amount == 19998
    assert changed.priced_at == house.now


def test_a_promise_of_thirty_minutes_is_not_drawn_out_by_notes(house: House) -> None:
    session = start(house, ("BOX", 1)).session
    reprice(house, "BOX", price=Money(amount=9999, currency="EUR"))
    house.now += timedelta(minutes=20)
    assert change(house, session, notes="one").session.totals.total.amount == 1999
    house.now += timedelta(minutes=20)
    assert change(house, session, notes="two").session.totals.total.amount == 9999


def test_a_withdrawn_product_is_sold_as_promised_and_not_promised_again(house: House) -> None:
    session = start(house, ("BOX", 1)).session
    reprice(house, "BOX", archived=True)
    assert codes(resume(house, session)) == []
    with pytest.raises(UnknownSku):
        change(house, session, lines=(("BOX", 2),))
    assert kept(house, session) == session
    assert house.place(session).order.status is Status.PENDING_PAYMENT


def test_another_currency_is_another_price(house: House) -> None:
    session = start(house, ("NOTE", 2)).session
    changed = change(house, session, currency="USD").session
    assert (changed.totals.total, changed.currency) == (USD.times(2), "USD")
    with pytest.raises(CurrencyNotOffered):
        change(house, changed, lines=(("BOX", 1),))
    assert change(house, changed, currency=None, lines=(("BOX", 1),)).session.totals.total.currency == "EUR"


def test_who_said_what_he_has_seen_is_told_when_it_is_old(house: House) -> None:
    session = start(house, ("BOX", 1)).session
    change(house, session, expected=1, notes="first")
    with pytest.raises(StaleSession) as refused:
        change(house, session, expected=1, notes="second")
    assert refused.value.facts == {"version": 2}


def test_who_did_not_say_changes_what_is_there_by_then(house: House) -> None:
    session = start(house, ("BOX", 1)).session
    just_before(house.stores.sessions, "save", lambda: change(house, session, phone="+4912345678"))
    changed = change(house, session, notes="Ring twice").session
    assert (changed.version, changed.phone, changed.notes) == (3, "+4912345678", "Ring twice")


def test_a_session_that_keeps_changing_is_given_up(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    session = start(house, ("BOX", 1)).session
    tries: list[Session] = []
    monkeypatch.setattr(house.stores.sessions, "save", lambda tried: bool(tries.append(tried)))
    with pytest.raises(VersionConflict):
        change(house, session, notes="never")
    assert len(tries) == ATTEMPTS


def test_an_old_or_unknown_session_is_not_changed(house: House) -> None:
    session = start(house, ("BOX", 1)).session
    house.now += SESSION_LIFE
    for act in (lambda: change(house, session, notes="late"), lambda: resume(house, session), lambda: abandon(house, session)):
        with pytest.raises(UnknownSession):
            act()
    assert kept(house, session) == session


# With an order.


def test_the_hold_of_a_try_stays_and_the_next_try_replaces_it(house: House) -> None:
    session = start(house, ("BOX", 4)).session
    first = house.place(session, "first").order
    told = change(house, session, lines=(("BOX", 5),))
    assert (codes(told), house.free("BOX")) == ([], 1)  # his own four are his
    assert house.order(first).status is Status.PENDING_PAYMENT
    second = house.place(told.session, "second").order
    assert (house.order(first).status, second.lines[0].quantity, house.free("BOX")) == (Status.CANCELLED, 5, 0)


def test_somebody_elses_hold_is_an_issue(house: House) -> None:
    house.place(house.session(("BOX", 4)))
    assert codes(start(house, ("BOX", 2))) == ["insufficient_stock"]


def test_who_comes_back_finds_his_order(house: House) -> None:
    session = start(house, ("BOX", 5)).session
    assert resume(house, session).order is None
    order = house.place(session).order
    found = resume(house, session)
    assert (found.order, codes(found)) == (order, [])


def test_a_paid_checkout_is_changed_no_more_and_still_found(house: House) -> None:
    session = start(house, ("BOX", 5)).session
    order = house.place(session).order
    house.settle(house.fact(order))
    with pytest.raises(SessionAlreadyOrdered) as refused:
        change(house, session, lines=(("BOX", 1),))
    assert refused.value.facts == {"order": order.id}
    found = resume(house, session)
    assert found.order is not None
    assert (found.order.status, codes(found)) == (Status.PAID, [])


def test_an_order_that_ended_is_nobodys_try_any_more(house: House) -> None:
    session = start(house, ("BOX", 5)).session
    house.cancel(house.place(session).order)
    assert resume(house, session).order is None
    assert change(house, session, lines=(("BOX", 1),)).session.version == 2


def test_a_changed_session_under_an_old_key_is_refused_before_there_is_an_order(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A try that died after its hold is gone on with under the same key: with the lines that it holds, never with others."""
    house.product("PEN", 5)
    session = start(house, ("BOX", 2)).session
    dies_before_its_order(house, session, monkeypatch)
    house.now += timedelta(seconds=11)  # the first try's claim is over
    changed = change(house, session, lines=(("PEN", 1),)).session
    with pytest.raises(IdempotencyKeyReused):
        house.place(changed, "first")
    order = house.place(changed, "second").order
    assert [(line.sku, line.allocated) for line in order.lines] == [("PEN", 1)]
    assert house.free("BOX") == 5


def dies_before_its_order(house: House, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(_: Any) -> bool:
        raise ConnectionError

    with monkeypatch.context() as dying:
        dying.setattr(house.stores.orders, "add", die)
        with pytest.raises(ConnectionError):
            house.place(session, "first")


def test_an_unchanged_session_under_an_old_key_goes_on(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    session = start(house, ("BOX", 2)).session
    dies_before_its_order(house, session, monkeypatch)
    house.now += timedelta(seconds=11)
    assert house.place(session, "first").order.lines[0].allocated == 2


# What the shop owes.


@pytest.mark.parametrize(
    ("partial", "accepts", "owes"),
    [("never", True, False), ("never", False, False), ("ask", True, True), ("ask", False, False), ("always", False, True)],
)
def test_a_part_is_owed_as_the_shop_has_decided(house: House, partial: str, accepts: bool, owes: bool) -> None:
    house.product("LATER", 1, on_shortage=OnShortage.BACKORDER)
    house.settings = {"partial": partial}
    assert checkout.accepted(partial, accepts) is owes
    session = start(house, ("LATER", 3)).session
    if owes:
        order = house.place(session, accept_partial=accepts).order
        assert (order.lines[0].short, order.accept_partial) == (2, True)
        return
    with pytest.raises(InsufficientStock) as refused:
        house.place(session, accept_partial=accepts)
    assert refused.value.facts["issues"][0]["backorder"] is (partial == "ask")


def test_a_preorder_is_owed_whatever_the_shop_says(house: House) -> None:
    house.settings = {"partial": "never"}
    house.product("SOON", 0, on_shortage=OnShortage.BACKORDER, available_from=house.now + timedelta(days=9))
    told: Told = start(house, ("SOON", 2))
    assert codes(told) == []
    assert house.place(told.session).order.lines[0].short == 2
