"""Checking a cart before there is a checkout, and correcting it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from holdfast.kernel.model import Model
from holdfast.kernel.money import Money
from holdfast.orders import pricing, rules, validation
from holdfast.orders.offers import Offer, Outlook
from holdfast.orders.ports import Catalogue, Policies, Stock
from holdfast.orders.pricing import Quote, Terms
from holdfast.orders.session import Obstacle, SessionLine, Totals
from holdfast.orders.validation import Code, Issue, Wanted


class Cart(Model):
    """`country`: where the goods would go. `email`: whose, for what each customer may have so much of."""

    shop: str
    lines: tuple[Wanted, ...]
    currency: str | None = None
    country: str | None = None
    email: str | None = None


class Change(Model):
    """One correction: of a quantity, or of what the shopper believes a unit costs (Money). `code` says why."""

    sku: str
    code: Code
    before: int | Money
    after: int | Money


class Priced(NamedTuple):
    """The lines that can be priced. `totals` None: more money than one order may be about."""

    lines: tuple[SessionLine, ...]
    totals: Totals | None


class Checked(NamedTuple):
    """`owed`: units per SKU that would come later. `fixed`: the cart that comes nearest to this one and is right, and the `changes`
    that lead there.
    """

    issues: list[Issue]
    currency: str
    asked: Priced
    owed: Mapping[str, int]
    fixed: Priced
    changes: list[Change]


def check(cart: Cart, *, catalogue: Catalogue, stock: Stock, policies: Policies, now: datetime) -> Checked:
    """Nothing is held, nothing is kept, and nothing refused: what is wrong is in the answer."""
    wishes = validation.summed(cart.lines)
    terms = policies.terms(cart.shop)
    offers = catalogue.offers(cart.shop, list(wishes))
    common = validation.currency_of(cart.lines, offers, cart.currency, terms.currency)
    currency = common or next(price.currency for sku in wishes if sku in offers for price in offers[sku].prices)
    lines = validation.lines_of(wishes, currency, offers)
    outlooks = look(cart.shop, lines, email=cart.email, terms=terms, stock=stock, now=now)
    market = Market(offers, outlooks, terms, currency, cart.country)
    limits = {sku: validation.maximum(offer) for sku, offer in offers.items()}
    issues = [
        *validation.catalogue_issues(wishes, common, offers),
        *validation.quote_issues(market.quote(lines), cart.country),
        *validation.stock_issues(lines, outlooks, terms.partial, limits),
        *validation.price_issues(cart.lines, currency, offers),
    ]
    fixed, changes = _fixed(cart, wishes, market)
    return Checked(validation.weighed(issues), currency, market.priced(lines), market.owed(lines), market.priced(fixed), changes)


def look(
    shop: str, lines: tuple[SessionLine, ...], *, email: str | None, terms: Terms, stock: Stock, now: datetime
) -> Mapping[str, Outlook]:
    """What the stock has of them for this shopper."""
    asked = [rules.wish(line, accept_partial=terms.partial != "never") for line in lines]
    return stock.outlook(shop, asked, buyer=rules.buyer(email), now=now) if asked else {}


@dataclass(frozen=True)
class Market:
    """What a cart is held against. `offers` and `outlooks` are by SKU; an unknown SKU has neither."""

    offers: Mapping[str, Offer]
    outlooks: Mapping[str, Outlook]
    terms: Terms
    currency: str
    country: str | None

    def lines(self, wishes: Mapping[str, int]) -> tuple[SessionLine, ...]:
        return validation.lines_of(wishes, self.currency, self.offers)

    def quote(self, lines: tuple[SessionLine, ...]) -> Quote:
        return pricing.quote(lines, self.currency, country=self.country, choice=None, terms=self.terms)

    def priced(self, lines: tuple[SessionLine, ...]) -> Priced:
        quote = self.quote(lines)
        if quote.too_large:
            return Priced(lines, None)
        return Priced(pricing.taxed(lines, quote), quote.totals)

    def owed(self, lines: tuple[SessionLine, ...]) -> dict[str, int]:
        may = [line for line in lines if validation.may_be_owed(line, self.terms.partial)]
        short = {line.sku: line.quantity - self.outlooks.get(line.sku, Outlook(0)).free for line in may}
        return {sku: units for sku, units in short.items() if units > 0}

    def most(self, sku: str, quantity: int) -> tuple[Code, int]:
        """How many of it the shopper may have, and what sets that limit."""
        if sku not in self.offers:
            return Code.UNKNOWN_SKU, 0
        lines = self.lines({sku: quantity})
        if not lines:
            return Code.CURRENCY_NOT_OFFERED, 0
        outlook = self.outlooks.get(sku, Outlook(0))
        most = validation.maximum(self.offers[sku])
        there = validation.reachable(lines[0], outlook, self.terms.partial, quantity)
        limits = [
            (quantity if most is None else most, Code.QUANTITY_ABOVE_MAXIMUM),
            (there, Code.INSUFFICIENT_STOCK if there > 0 else Code.OUT_OF_STOCK),
            (quantity if outlook.left is None else outlook.left, Code.CUSTOMER_LIMIT_REACHED),
        ]
        least, code = min(limits, key=lambda limit: limit[0])
        return code, min(least, quantity)


Fits = Callable[[Quote], bool]
TOGETHER: tuple[tuple[Code, Fits], ...] = (
    (Code.NOT_SHIPPED_THERE, lambda quote: quote.obstacle is not Obstacle.NOT_SHIPPED_THERE),
    (Code.TOTAL_TOO_LARGE, lambda quote: not quote.too_large),
)
"""What is asked of all lines together. Only physical ones are in the way of the first."""


def _fixed(cart: Cart, wishes: Mapping[str, int], market: Market) -> tuple[tuple[SessionLine, ...], list[Change]]:
    """First what each line may have; then, from the last line on, what all together may."""
    first = {line.sku: line.quantity for line in reversed(cart.lines)}
    changes = [change for sku in wishes for change in _changed(sku, Code.LINES_SUMMED, first[sku], wishes[sku])]
    kept: dict[str, int] = {}
    for sku, quantity in wishes.items():
        code, most = market.most(sku, quantity)
        changes += _changed(sku, code, quantity, most)
        if most:
            kept[sku] = most
    for code, fits in TOGETHER:
        smaller = _shrunk(kept, code, fits, market)
        changes += [change for sku in kept for change in _changed(sku, code, kept[sku], smaller.get(sku, 0))]
        kept = smaller
    return market.lines(kept), [*changes, *_price_changes(cart, kept, market)]


def _shrunk(kept: Mapping[str, int], code: Code, fits: Fits, market: Market) -> dict[str, int]:
    in_the_way = [sku for sku in kept if code is Code.TOTAL_TOO_LARGE or not market.offers[sku].digital]
    return validation.shrunk(kept, in_the_way, lambda tried: fits(market.quote(market.lines(tried))))


def _changed(sku: str, code: Code, before: int, after: int) -> list[Change]:
    return [Change(sku=sku, code=code, before=before, after=after)] if before != after else []


def _price_changes(cart: Cart, kept: Mapping[str, int], market: Market) -> list[Change]:
    found = validation.price_issues([line for line in cart.lines if line.sku in kept], market.currency, market.offers)
    return [Change(sku=one.sku, code=one.code, before=one.told, after=one.price) for one in found if one.sku and one.told and one.price]
