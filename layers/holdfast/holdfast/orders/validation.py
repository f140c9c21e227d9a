"""What is wrong with a cart, and the cart that comes nearest to it and is right. Pure.

Issues that no waiting mends come first, in the order in which a checkout refuses them.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from holdfast.kernel.model import Model
from holdfast.kernel.money import MAX_AMOUNT, Money
from holdfast.orders import rules
from holdfast.orders.offers import Offer, Outlook
from holdfast.orders.pricing import Quote
from holdfast.orders.session import Obstacle, SessionLine


class Code(StrEnum):
    """In order of weight: the first issue of a cart decides what it is refused with."""

    UNKNOWN_SKU = "unknown_sku"
    QUANTITY_ABOVE_MAXIMUM = "quantity_above_maximum"
    MIXED_CURRENCIES = "mixed_currencies"
    CURRENCY_NOT_OFFERED = "currency_not_offered"
    TOTAL_TOO_LARGE = "total_too_large"
    NOT_SHIPPED_THERE = "not_shipped_there"
    OUT_OF_STOCK = "out_of_stock"
    INSUFFICIENT_STOCK = "insufficient_stock"
    CUSTOMER_LIMIT_REACHED = "customer_limit_reached"
    PRICE_CHANGED = "price_changed"
    LINES_SUMMED = "lines_summed"
    """Never an issue, only a change: the same SKU stood in two lines."""


WEIGHT = {code: weight for weight, code in enumerate(Code)}
HOPELESS = frozenset(list(Code)[: WEIGHT[Code.NOT_SHIPPED_THERE]])
"""A checkout with one of these is refused at once. The others may pass: units come back, an address is changed."""

DETAILS = {
    Code.UNKNOWN_SKU: "This shop does not sell it (any more).",
    Code.QUANTITY_ABOVE_MAXIMUM: "More than one order may have.",
    Code.MIXED_CURRENCIES: "The lines have no currency in common. Order them separately.",
    Code.CURRENCY_NOT_OFFERED: "It has no price in this currency.",
    Code.TOTAL_TOO_LARGE: "The total is more than one order may be about.",
    Code.NOT_SHIPPED_THERE: "The shop does not ship these goods to this country.",
    Code.OUT_OF_STOCK: "Nothing is left of it at this moment.",
    Code.INSUFFICIENT_STOCK: "Fewer are left than are asked for.",
    Code.CUSTOMER_LIMIT_REACHED: "One customer may not have as many, with what was bought before.",
    Code.PRICE_CHANGED: "The price is another one now.",
    Code.LINES_SUMMED: "It stood in more than one line.",
}


class Wanted(Model):
    """A line as the shopper sent it. `told`: what he believes a unit costs."""

    sku: str
    quantity: int
    told: Money | None = None


class Issue(Model):
    """`available`: what of it this order could have; `backorder`: the rest could be owed, if the shopper accepts that.

    `price` is today's and `told` the shopper's, where they differ.
    """

    code: Code
    sku: str | None = None
    detail: str
    asked: int | None = None
    available: int | None = None
    backorder: bool | None = None
    price: Money | None = None
    told: Money | None = None
    maximum: int | None = None
    currency: str | None = None
    country: str | None = None


def issue(code: Code, sku: str | None = None, **facts: Any) -> Issue:
    return Issue(code=code, sku=sku, detail=DETAILS[code], **facts)


def weighed(issues: Sequence[Issue]) -> list[Issue]:
    return sorted(issues, key=lambda found: WEIGHT[found.code])


def summed(lines: Sequence[Wanted]) -> dict[str, int]:
    """The same SKU in two lines is one wish, summed before anything is checked."""
    wishes: dict[str, int] = {}
    for line in lines:
        wishes[line.sku] = wishes.get(line.sku, 0) + line.quantity
    return wishes


def currency_of(lines: Sequence[Wanted], offers: Mapping[str, Offer], asked: str | None, home: str) -> str | None:
    """The one that is asked for; else one that all lines have: as the shopper was told, the shop's own, or the first line's.

    None when they have none in common.
    """
    if asked is not None:
        return asked
    known = [offers[line.sku] for line in lines if line.sku in offers]
    if not known:
        return home
    told = [line.told.currency for line in lines if line.told is not None]
    wanted = [*told, home, *(price.currency for price in known[0].prices)]
    return next((currency for currency in wanted if all(price_in(offer, currency) for offer in known)), None)


def price_in(offer: Offer, currency: str) -> Money | None:
    return next((price for price in offer.prices if price.currency == currency), None)


def maximum(offer: Offer) -> int | None:
    """Units that any one order of any one customer may have."""
    limits = [limit for limit in (offer.max_per_order, offer.max_per_customer) if limit is not None]
    return min(limits, default=None)


def lines_of(wishes: Mapping[str, int], currency: str, offers: Mapping[str, Offer]) -> tuple[SessionLine, ...]:
    """Those that can be priced."""
    found = [(offers[sku], quantity, price_in(offers[sku], currency)) for sku, quantity in wishes.items() if sku in offers]
    return tuple(_line(offer, quantity, price) for offer, quantity, price in found if price is not None)


def catalogue_issues(wishes: Mapping[str, int], currency: str | None, offers: Mapping[str, Offer]) -> list[Issue]:
    """What the catalogue says against a cart."""
    issues = [issue(Code.UNKNOWN_SKU, sku, asked=asked, available=0) for sku, asked in wishes.items() if sku not in offers]
    for sku, offer in offers.items():
        most = maximum(offer)
        if most is not None and wishes[sku] > most:
            issues.append(issue(Code.QUANTITY_ABOVE_MAXIMUM, sku, asked=wishes[sku], available=most, maximum=most))
        if currency is not None and price_in(offer, currency) is None:
            issues.append(issue(Code.CURRENCY_NOT_OFFERED, sku, asked=wishes[sku], available=0, currency=currency))
    if currency is None:
        issues.append(issue(Code.MIXED_CURRENCIES))
    return issues


def quote_issues(quote: Quote, country: str | None) -> list[Issue]:
    """What its price says against it. An address may come yet, and is no issue."""
    issues = [issue(Code.TOTAL_TOO_LARGE, maximum=MAX_AMOUNT)] if quote.too_large else []
    if quote.obstacle is Obstacle.NOT_SHIPPED_THERE:
        issues.append(issue(Code.NOT_SHIPPED_THERE, country=country))
    return issues


def stock_issues(
    lines: Sequence[SessionLine], outlooks: Mapping[str, Outlook], partial: str, limits: Mapping[str, int | None] | None = None
) -> list[Issue]:
    """What the stock says against it, at this moment.

    `limits`: what one order may have at most. What a shop has beyond that is nobody's business.
    """
    issues = []
    for line in lines:
        most = (limits or {}).get(line.sku)
        outlook = outlooks.get(line.sku, Outlook(0))
        asked = line.quantity if most is None else min(line.quantity, most)
        there = reachable(line, outlook, partial, asked)
        if there < asked:
            issues.append(shortage(line, there))
        if outlook.left is not None and outlook.left < asked:
            issues.append(beyond_limit(line, outlook.left))
    return issues


def shortage(line: SessionLine, available: int, *, backorder: bool = False) -> Issue:
    code = Code.INSUFFICIENT_STOCK if available > 0 else Code.OUT_OF_STOCK
    return issue(code, line.sku, asked=line.quantity, available=available, backorder=backorder)


def beyond_limit(line: SessionLine, left: int) -> Issue:
    return issue(Code.CUSTOMER_LIMIT_REACHED, line.sku, asked=line.quantity, available=left)


def may_be_owed(line: SessionLine, partial: str) -> bool:
    """If the shopper accepts it."""
    return rules.may_be_partial(line, partial != "never")


def reachable(line: SessionLine, outlook: Outlook, partial: str, wanted: int) -> int:
    """How many of `wanted` units there are, or may be owed."""
    if not may_be_owed(line, partial):
        return min(wanted, outlook.free)
    return wanted if outlook.owable is None else min(wanted, outlook.free + outlook.owable)


def price_issues(lines: Sequence[Wanted], currency: str, offers: Mapping[str, Offer]) -> list[Issue]:
    """What the shopper believes, and is not so. One issue per SKU."""
    issues: dict[str, Issue] = {}
    for line in lines:
        price = price_in(offers[line.sku], currency) if line.sku in offers else None
        if line.told is not None and price is not None and line.told != price:
            issues.setdefault(line.sku, issue(Code.PRICE_CHANGED, line.sku, price=price, told=line.told))
    return list(issues.values())


def shrunk(wishes: Mapping[str, int], skus: Sequence[str], fits: Callable[[Mapping[str, int]], bool]) -> dict[str, int]:
    """The cart with as much as possible of these SKUs, such that it fits: what stands last in it gives way first."""
    cart = dict(wishes)
    for sku in reversed(skus):
        if fits(cart):
            break
        least, most = 0, cart.pop(sku)
        while least < most:
            middle = (least + most + 1) // 2
            if fits({**cart, sku: middle}):
                least = middle
            else:
                most = middle - 1
        if least:
            cart[sku] = least
    return {sku: cart[sku] for sku in wishes if sku in cart}


def _line(offer: Offer, quantity: int, price: Money) -> SessionLine:
    return SessionLine(
        sku=offer.sku,
        title=offer.title,
        quantity=quantity,
        unit_price=price,
        digital=offer.digital,
        backorder=offer.backorder,
        preorder=offer.preorder,
        backorder_cap=offer.backorder_cap,
        max_per_customer=offer.max_per_customer,
        weight_grams=offer.weight_grams,
        tax_class=offer.tax_class,
    )
