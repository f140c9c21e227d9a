"""Carts: what is wrong with them, and the cart that comes nearest and is right."""

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.catalogue.model import Kind, OnShortage
from holdfast.kernel.money import MAX_AMOUNT, Money
from holdfast.orders import carts
from holdfast.orders.cart_views import cart_view
from holdfast.orders.carts import Cart, Checked
from holdfast.orders.validation import Code, Wanted, shrunk
from tests.memory.engine import Memory
from tests.memory.house import House
from tests.memory.stores import in_memory

EUR = Money(amount=1999, currency="EUR")
USD = Money(amount=2199, currency="USD")
ADA = "ada@example.com"


@pytest.fixture
def house() -> House:
    return House(in_memory(Memory()))


def wanted(*lines: tuple[str, int]) -> tuple[Wanted, ...]:
    return tuple(Wanted(sku=sku, quantity=quantity) for sku, quantity in lines)


def check(house: House, *lines: tuple[str, int], **about: Any) -> Checked:
    return check_cart(house, Cart(shop=house.shop, lines=about.pop("lines", wanted(*lines)), **about))


def check_cart(house: House, cart: Cart) -> Checked:
    world = house.session_world
    return carts.check(cart, catalogue=world.catalogue, stock=world.stock, policies=world.policies, now=house.now)


def issues(checked: Checked) -> list[tuple[str, str | None, int | None, int | None]]:
    return [(issue.code.value, issue.sku, issue.asked, issue.available) for issue in checked.issues]


def fixed(checked: Checked) -> dict[str, int]:
    return {line.sku: line.quantity for line in checked.fixed.lines}


def changes(checked: Checked) -> list[tuple[str, str, Any, Any]]:
    return [(change.sku, change.code.value, change.before, change.after) for change in checked.changes]


def reprice(house: House, sku: str, amount: int) -> None:
    product = house.stores.products.get(house.shop, sku)
    assert product is not None
    price = Money(amount=amount, currency=product.price.currency)
    assert house.stores.products.save(product.model_copy(update={"price": price, "version": 2}), over=1)


def test_a_good_cart_has_no_issues_and_needs_no_change(house: House) -> None:
    house.product("BOX", 5)
    checked = check(house, ("BOX", 5))
    assert (issues(checked), changes(checked), fixed(checked)) == ([], [], {"BOX": 5})
    assert checked.asked.totals is not None
    assert (checked.asked.totals.total, checked.currency) == (EUR.times(5), "EUR")


def test_nothing_is_held_and_nothing_kept(house: House) -> None:
    house.product("BOX", 5)
    check(house, ("BOX", 5))
    assert house.free("BOX") == 5
    assert house.stores.stock.locks.page(house.shop, 10, "")[0] == []


def test_what_the_shop_does_not_sell_goes(house: House) -> None:
    house.product("BOX", 5)
    house.product("OLD", 5, archived=True)
    checked = check(house, ("NONE", 2), ("BOX", 1), ("OLD", 1))
    assert issues(checked) == [("unknown_sku", "NONE", 2, 0), ("unknown_sku", "OLD", 1, 0)]
    assert (fixed(checked), changes(checked)) == ({"BOX": 1}, [("NONE", "unknown_sku", 2, 0), ("OLD", "unknown_sku", 1, 0)])


def test_what_is_short_is_told_with_what_is_left(house: House) -> None:
    house.product("FEW", 2)
    house.product("NONE", 0)
    checked = check(house, ("FEW", 3), ("NONE", 1))
    assert issues(checked) == [("out_of_stock", "NONE", 1, 0), ("insufficient_stock", "FEW", 3, 2)]
    assert (fixed(checked), changes(checked)) == ({"FEW": 2}, [("FEW", "insufficient_stock", 3, 2), ("NONE", "out_of_stock", 1, 0)])


def test_what_may_be_owed_is_no_issue_and_says_so(house: House) -> None:
    house.product("LATER", 2, on_shortage=OnShortage.BACKORDER)
    checked = check(house, ("LATER", 5))
    assert (issues(checked), checked.owed, fixed(checked)) == ([], {"LATER": 3}, {"LATER": 5})


def test_a_shop_that_never_owes_is_short_all_the_same(house: House) -> None:
    house.product("LATER", 2, on_shortage=OnShortage.BACKORDER)
    house.settings = {"partial": "never"}
    checked = check(house, ("LATER", 5))
    assert (issues(checked), checked.owed, fixed(checked)) == ([("insufficient_stock", "LATER", 5, 2)], {}, {"LATER": 2})


def test_no_more_may_be_owed_than_the_shop_promises(house: House) -> None:
    house.product("LATER", 2, on_shortage=OnShortage.BACKORDER, backorder_cap=4)
    assert issues(check(house, ("LATER", 6))) == []
    house.place(house.session(("LATER", 5)), accept_partial=True)  # two and three promises
    checked = check(house, ("LATER", 6))
    assert (issues(checked), fixed(checked)) == ([("insufficient_stock", "LATER", 6, 1)], {"LATER": 1})


def test_no_more_than_one_order_may_have(house: House) -> None:
    house.product("BOX", 50, max_per_order=4)
    house.product("SET", 50, max_per_order=9, max_per_customer=3)
    checked = check(house, ("BOX", 5), ("SET", 7))
    assert issues(checked) == [("quantity_above_maximum", "BOX", 5, 4), ("quantity_above_maximum", "SET", 7, 3)]
    assert fixed(checked) == {"BOX": 4, "SET": 3}


def test_a_shops_stock_beyond_what_one_order_may_have_is_nobodys_business(house: House) -> None:
    house.product("BOX", 543)
    checked = check(house, ("BOX", 1_000_000))
    assert issues(checked) == [("quantity_above_maximum", "BOX", 1_000_000, 1000), ("insufficient_stock", "BOX", 1_000_000, 543)]
    house.product("MANY", 5000, max_per_order=10)
    assert issues(check(house, ("MANY", 6000))) == [("quantity_above_maximum", "MANY", 6000, 10)]


def test_what_a_customer_had_before_counts(house: House) -> None:
    house.product("SET", 50, max_per_customer=3)
    house.browser_returns(house.buy(("SET", 2)))
    assert issues(check(house, ("SET", 2))) == []  # nobody knows whose cart it is
    checked = check(house, ("SET", 2), email=ADA.upper())
    assert (issues(checked), fixed(checked)) == ([("customer_limit_reached", "SET", 2, 1)], {"SET": 1})
    assert issues(check(house, ("SET", 2), email="bob@example.com")) == []


def test_the_same_sku_in_two_lines_is_one_wish_and_no_issue(house: House) -> None:
    house.product("BOX", 5)
    checked = check(house, ("BOX", 2), ("BOX", 3))
    assert (issues(checked), changes(checked), fixed(checked)) == ([], [("BOX", "lines_summed", 2, 5)], {"BOX": 5})


def test_summed_before_it_is_checked(house: House) -> None:
    """Two lines that could each be had, and together could not."""
    house.product("BOX", 5)
    checked = check(house, ("BOX", 3), ("BOX", 3))
    assert issues(checked) == [("insufficient_stock", "BOX", 6, 5)]
    assert changes(checked) == [("BOX", "lines_summed", 3, 6), ("BOX", "insufficient_stock", 6, 5)]


def test_a_price_that_the_shopper_believes_decides_nothing_and_is_put_right(house: House) -> None:
    house.product("BOX", 5)
    reprice(house, "BOX", 2500)
    checked = check(house, lines=(Wanted(sku="BOX", quantity=1, told=EUR),))
    (issue,) = checked.issues
    assert (issue.code, issue.told, issue.price) == (Code.PRICE_CHANGED, EUR, Money(amount=2500, currency="EUR"))
    assert changes(checked) == [("BOX", "price_changed", EUR, Money(amount=2500, currency="EUR"))]
    assert checked.asked.totals is not None
    assert checked.asked.totals.total.amount == 2500


def test_one_currency_that_all_have(house: House) -> None:
    house.product("BOTH", 5, prices=(USD,))
    house.product("EURO", 5)
    assert check(house, ("BOTH", 1)).currency == "EUR"
    assert check(house, ("BOTH", 1), currency="USD").asked.lines[0].unit_price == USD
    assert check(house, lines=(Wanted(sku="BOTH", quantity=1, told=USD),)).currency == "USD"  # as the shopper was told
    checked = check(house, ("BOTH", 1), ("EURO", 1), currency="USD")
    assert (issues(checked), fixed(checked)) == ([("currency_not_offered", "EURO", 1, 0)], {"BOTH": 1})


def test_lines_without_a_currency_in_common(house: House) -> None:
    house.product("EURO", 5)
    house.product("DOLLAR", 5)
    dollar = house.stores.products.get(house.shop, "DOLLAR")
    assert dollar is not None
    house.stores.products.save(dollar.model_copy(update={"price": USD, "version": 2}), over=1)
    checked = check(house, ("DOLLAR", 1), ("EURO", 1))
    assert issues(checked) == [("mixed_currencies", None, None, None)]
    assert (fixed(checked), changes(checked)) == ({"DOLLAR": 1}, [("EURO", "currency_not_offered", 1, 0)])


def test_more_money_than_one_order_may_be_about(house: House) -> None:
    house.product("GOLD", 1000)
    reprice(house, "GOLD", MAX_AMOUNT // 10)
    checked = check(house, ("GOLD", 25))
    assert (checked.issues[0].code, checked.issues[0].maximum, checked.asked.totals) == (Code.TOTAL_TOO_LARGE, MAX_AMOUNT, None)
    assert (fixed(checked), changes(checked)) == ({"GOLD": 10}, [("GOLD", "total_too_large", 25, 10)])
    assert cart_view(checked, fix=True).lines[0].line_total is None


SHIPPING = {"id": "parcel", "title": "Parcel", "countries": ("DE",), "by": "weight", "bands": ({"up_to": 2000, "amount": 495},)}


def test_what_is_not_shipped_there_goes_and_what_is_too_heavy_becomes_lighter(house: House) -> None:
    house.settings = {"shipping": (SHIPPING,)}
    house.product("STONE", 50, weight_grams=300)
    house.product("NOTE", 5, Kind.DIGITAL)
    abroad = check(house, ("STONE", 1), ("NOTE", 1), country="FR")
    assert [(issue.code, issue.country) for issue in abroad.issues] == [(Code.NOT_SHIPPED_THERE, "FR")]
    assert (fixed(abroad), changes(abroad)) == ({"NOTE": 1}, [("STONE", "not_shipped_there", 1, 0)])
    heavy = check(house, ("STONE", 9), ("NOTE", 1), country="DE")
    assert (fixed(heavy), changes(heavy)) == ({"STONE": 6, "NOTE": 1}, [("STONE", "not_shipped_there", 9, 6)])
    assert issues(check(house, ("STONE", 9))) == []  # where it goes, nobody said yet


def test_the_first_issue_is_the_one_that_a_checkout_is_refused_with(house: House) -> None:
    house.product("FEW", 1)
    house.product("MOST", 9, max_per_order=2)
    told = [code for code, *_ in issues(check(house, ("FEW", 2), ("MOST", 3), ("NONE", 1)))]
    assert told == ["unknown_sku", "quantity_above_maximum", "insufficient_stock"]


def test_every_code_has_a_sentence_and_an_answer_without_fix_proposes_nothing(house: House) -> None:
    house.product("BOX", 1)
    view = cart_view(check(house, ("BOX", 2)), fix=False)
    assert (view.ok, view.fixed_lines, view.changes) == (False, None, None)
    assert all(change.reason for change in cart_view(check(house, ("BOX", 2)), fix=True).changes or [])


def test_what_stands_last_gives_way_first() -> None:
    cart = {"A": 5, "B": 5, "C": 5}
    assert shrunk(cart, list(cart), lambda tried: sum(tried.values()) <= 12) == {"A": 5, "B": 5, "C": 2}
    assert shrunk(cart, list(cart), lambda tried: sum(tried.values()) <= 7) == {"A": 5, "B": 2}
    assert shrunk(cart, ["A"], lambda tried: sum(tried.values()) <= 12) == {"A": 2, "B": 5, "C": 5}
    assert shrunk(cart, list(cart), lambda tried: True) == cart


# For any shop and any cart.

prices = st.sampled_from([(EUR,), (USD,), (EUR, USD), (USD, EUR), (Money(amount=MAX_AMOUNT // 7, currency="EUR"),)])
products = st.fixed_dictionaries(
    {
        "units": st.integers(0, 6),
        "prices": prices,
        "kind": st.sampled_from(Kind),
        "on_shortage": st.sampled_from(OnShortage),
        "max_per_order": st.one_of(st.none(), st.integers(1, 8)),
        "max_per_customer": st.one_of(st.none(), st.integers(1, 5)),
        "backorder_cap": st.one_of(st.none(), st.integers(0, 4)),
        "weight_grams": st.integers(0, 900),
    }
)
shelves = st.dictionaries(st.sampled_from("ABC"), products, min_size=1)
cart_lines = st.lists(
    st.builds(Wanted, sku=st.sampled_from("ABCZ"), quantity=st.integers(1, 12), told=st.one_of(st.none(), st.sampled_from([EUR, USD]))),
    min_size=1,
    max_size=6,
)
decisions = st.fixed_dictionaries(
    {
        "partial": st.sampled_from(["never", "ask", "always"]),
        "shipping": st.sampled_from([(), (SHIPPING,)]),
        "taxes": st.sampled_from([(), ({"countries": ("*",), "rates": {"standard": 1900}},)]),
    }
)
abouts = st.fixed_dictionaries(
    {
        "currency": st.sampled_from([None, "EUR", "USD"]),
        "country": st.sampled_from([None, "DE", "FR"]),
        "email": st.sampled_from([None, ADA]),
    }
)


def furnish(shelf: dict[str, dict[str, Any]], decided: dict[str, Any]) -> House:
    house = House(in_memory(Memory()))
    house.settings = decided
    for sku, about in shelf.items():
        first, *others = about["prices"]
        policies = {name: value for name, value in about.items() if name not in {"units", "prices", "kind"}}
        house.product(sku, about["units"], about["kind"], prices=tuple(others), **policies)
        made = house.stores.products.get(house.shop, sku)
        assert made is not None
        house.stores.products.save(made.model_copy(update={"price": first, "version": 2}), over=1)
    return house


@settings(max_examples=150, deadline=None)
@given(shelves, cart_lines, decisions, abouts)
def test_a_corrected_cart_is_right(
    shelf: dict[str, dict[str, Any]], lines: list[Wanted], decided: dict[str, Any], about: dict[str, Any]
) -> None:
    house = furnish(shelf, decided)
    first = check_cart(house, Cart(shop=house.shop, lines=tuple(lines), **about))
    assert bool(first.issues) == any(change.code is not Code.LINES_SUMMED for change in first.changes)
    proposed = tuple(Wanted(sku=line.sku, quantity=line.quantity, told=line.unit_price) for line in first.fixed.lines)
    if proposed:
        again = check_cart(house, Cart(shop=house.shop, lines=proposed, **about))
        assert (again.issues, again.changes, again.currency) == ([], [], first.currency)
        assert again.fixed == first.fixed
    assert fixed(first) == applied(lines, first)


def applied(lines: Iterable[Wanted], checked: Checked) -> dict[str, int]:
    """The cart after the changes, one after the other: they tell the whole way."""
    cart = {line.sku: line.quantity for line in reversed(list(lines))}
    for change in checked.changes:
        if isinstance(change.after, int):
            assert cart[change.sku] == change.before
            cart[change.sku] = change.after
    return {sku: quantity for sku, quantity in cart.items() if quantity}


@settings(max_examples=60, deadline=None)
@given(shelves, cart_lines, abouts)
def test_nothing_more_could_be_had_of_any_line(shelf: dict[str, dict[str, Any]], lines: list[Wanted], about: dict[str, Any]) -> None:
    """One unit more of any line that was cut would be an issue: the proposal is as large as it can be."""
    house = furnish(shelf, {})
    checked = check_cart(house, Cart(shop=house.shop, lines=tuple(lines), **about))
    proposed = fixed(checked)
    asked = {line.sku: 0 for line in lines}
    for line in lines:
        asked[line.sku] += line.quantity
    for sku, quantity in proposed.items():
        if quantity < asked[sku]:
            more = {**proposed, sku: quantity + 1}
            assert check_cart(house, Cart(shop=house.shop, lines=wanted(*more.items()), **{**about, "currency": checked.currency})).issues
