"""What a cart costs: goods, shipping and tax, in whole minor units, half up, each line for itself. Pure."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from holdfast.kernel.money import MAX_AMOUNT, Money
from holdfast.orders.session import Obstacle, SessionLine, ShippingOption, Totals

EVERYWHERE = "*"
STANDARD = "standard"
"""The tax class of products that name none, and of shipping."""
BASIS = 10_000


class Band(Protocol):
    """Up to and with `up_to` grams or minor units (None: without end), shipping costs `amount` minor units."""

    @property
    def up_to(self) -> int | None: ...
    @property
    def amount(self) -> int: ...


class Rate(Protocol):
    """What shipping to some countries costs, by weight or price of the physical goods. `currency` None: the shop's."""

    @property
    def id(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def countries(self) -> Sequence[str]: ...
    @property
    def by(self) -> str:
        """`weight` or `price`."""
        ...

    @property
    def bands(self) -> Sequence[Band]: ...
    @property
    def currency(self) -> str | None: ...


class TaxRule(Protocol):
    """Basis points per tax class, for orders to some countries. `shipping`: it is taxed as the class `standard`."""

    @property
    def countries(self) -> Sequence[str]: ...
    @property
    def rates(self) -> Mapping[str, int]: ...
    @property
    def shipping(self) -> bool: ...


class Terms(Protocol):
    """What a shop charges beside its prices, and whether it may owe. `partial`: `never`, `ask` or `always`."""

    @property
    def currency(self) -> str: ...
    @property
    def shipping(self) -> Sequence[Rate]: ...
    @property
    def taxes(self) -> Sequence[TaxRule]: ...
    @property
    def prices_include_tax(self) -> bool: ...
    @property
    def partial(self) -> str: ...


class Priceable(Protocol):
    """What the price of a line depends on."""

    @property
    def quantity(self) -> int: ...
    @property
    def unit_price(self) -> Money: ...
    @property
    def digital(self) -> bool: ...
    @property
    def weight_grams(self) -> int: ...
    @property
    def tax_class(self) -> str: ...


class Quote(NamedTuple):
    """Minor units of `currency`; `taxes` are per line. `method` None: nothing is shipped at a rate."""

    currency: str
    subtotal: int
    shipping: int
    taxes: tuple[int, ...]
    shipping_tax: int
    tax_included: bool
    options: tuple[ShippingOption, ...]
    method: str | None
    obstacle: Obstacle | None

    @property
    def tax(self) -> int:
        return sum(self.taxes) + self.shipping_tax

    @property
    def total(self) -> int:
        return self.subtotal + self.shipping + (0 if self.tax_included else self.tax)

    @property
    def too_large(self) -> bool:
        """More money than one order may be about; it has no `totals` then."""
        return max(self.total, self.tax) > MAX_AMOUNT

    @property
    def totals(self) -> Totals:
        def money(amount: int) -> Money:
            return Money(amount=amount, currency=self.currency)

        return Totals(
            subtotal=money(self.subtotal),
            shipping=money(self.shipping),
            tax=money(self.tax),
            total=money(self.total),
            tax_included=self.tax_included,
        )


def quote(lines: Sequence[Priceable], currency: str, *, country: str | None, choice: str | None, terms: Terms) -> Quote:
    """Price lines of one currency. `choice`: the shipping option that the shopper wants; the cheapest, if it is not offered."""
    offered = options(lines, currency, country=country, terms=terms)
    chosen = next((option for option in offered if option.id == choice), offered[0] if offered else None)
    shipping = chosen.amount.amount if chosen else 0
    rule = rule_for(country, terms.taxes)
    included = terms.prices_include_tax
    return Quote(
        currency=currency,
        subtotal=sum(amount(line) for line in lines),
        shipping=shipping,
        taxes=tuple(tax(amount(line), basis_points(rule, line.tax_class), included=included) for line in lines),
        shipping_tax=tax(shipping, basis_points(rule, STANDARD), included=included) if rule and rule.shipping else 0,
        tax_included=included,
        options=offered,
        method=chosen.id if chosen else None,
        obstacle=obstacle(lines, offered, country=country, terms=terms),
    )


def taxed(lines: Sequence[SessionLine], quoted: Quote) -> tuple[SessionLine, ...]:
    """The lines with the tax of their quote."""
    return tuple(line.model_copy(update={"tax": part}) for line, part in zip(lines, quoted.taxes, strict=True))


def options(lines: Sequence[Priceable], currency: str, *, country: str | None, terms: Terms) -> tuple[ShippingOption, ...]:
    """The rates at which these goods go to that country, the cheapest first. Only physical lines ship."""
    goods = [line for line in lines if not line.digital]
    if not goods:
        return ()
    measures = {"weight": sum(line.weight_grams * line.quantity for line in goods), "price": sum(amount(line) for line in goods)}
    found = []
    for rate in terms.shipping:
        costs = cost(rate, measures[rate.by])
        if costs is not None and (rate.currency or terms.currency) == currency and serves(rate.countries, country):
            found.append(ShippingOption(id=rate.id, title=rate.title, amount=Money(amount=costs, currency=currency)))
    return tuple(sorted(found, key=lambda option: option.amount.amount))


def obstacle(lines: Sequence[Priceable], offered: Sequence[ShippingOption], *, country: str | None, terms: Terms) -> Obstacle | None:
    """Why there is no final price yet: a shop that has rates must know where the goods go, and one that has taxes whose they are."""
    ships = bool(terms.shipping) and any(not line.digital for line in lines)
    taxed_by_country = bool(terms.taxes) and not any(EVERYWHERE in rule.countries for rule in terms.taxes)
    if country is None and (ships or taxed_by_country):
        return Obstacle.ADDRESS_MISSING
    return Obstacle.NOT_SHIPPED_THERE if ships and not offered else None


def serves(countries: Sequence[str], country: str | None) -> bool:
    return EVERYWHERE in countries or country in countries


def cost(rate: Rate, measure: int) -> int | None:
    """The amount of the first band that reaches so far; None above the last."""
    return next((band.amount for band in rate.bands if band.up_to is None or measure <= band.up_to), None)


def rule_for(country: str | None, taxes: Sequence[TaxRule]) -> TaxRule | None:
    """The one that names the country, before one for everywhere."""
    named = [rule for rule in taxes if country in rule.countries]
    anywhere = [rule for rule in taxes if EVERYWHERE in rule.countries]
    return next(iter([*named, *anywhere]), None)


def basis_points(rule: TaxRule | None, tax_class: str) -> int:
    return rule.rates.get(tax_class, 0) if rule else 0


def tax(gross: int, points: int, *, included: bool) -> int:
    """On top of the amount, or the part of it that is tax."""
    return half_up(gross * points, BASIS + points if included else BASIS)


def half_up(numerator: int, denominator: int) -> int:
    """A quotient of numbers that are not negative, to the nearest; a half goes up."""
    return (2 * numerator + denominator) // (2 * denominator)


def amount(line: Priceable) -> int:
    """Of the whole line, in minor units; it may be more than `Money` takes."""
    return line.unit_price.amount * line.quantity
