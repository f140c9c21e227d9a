"""Carts over HTTP: what comes in, what is wrong with it, what would be right."""

from pydantic import ConfigDict, Field

from holdfast.kernel.ids import Sku
from holdfast.kernel.model import Input, Model
from holdfast.kernel.money import MAX_AMOUNT, Currency, Minor, Money
from holdfast.orders.carts import Cart, Checked, Priced
from holdfast.orders.session import SessionLine, Totals
from holdfast.orders.session_views import Country, Email
from holdfast.orders.validation import DETAILS, Code, Issue, Wanted

MOST_UNITS = 1_000_000
"""Of one line: far more than any order may have, so that the answer can say how many that is."""


class PriceBody(Input):
    amount: Minor
    currency: Currency


class CartLineBody(Input):
    """`unit_price`: what the shopper was shown; it decides nothing."""

    sku: Sku
    quantity: int = Field(ge=1, le=MOST_UNITS)
    unit_price: PriceBody | None = None


class CartBody(Input):
    """`fix` asks for the cart that comes nearest and is right. `country`: where it would go; `email`: whose limits count."""

    lines: list[CartLineBody] = Field(min_length=1)
    fix: bool = False
    currency: Currency | None = None
    country: Country | None = None
    email: Email | None = None

    def cart(self, shop: str) -> Cart:
        return Cart(
            shop=shop,
            lines=tuple(
                Wanted(sku=line.sku, quantity=line.quantity, told=Money(**line.unit_price.model_dump()) if line.unit_price else None)
                for line in self.lines
            ),
            currency=self.currency,
            country=self.country,
            email=self.email,
        )


class CartLineView(Model):
    """`line_total` null: more than an amount can be. `owed`: units that would come later, if the shopper accepts that."""

    sku: str
    title: str
    quantity: int
    unit_price: Money
    line_total: Money | None
    tax: Money
    owed: int


class FixedLine(Model):
    sku: str
    quantity: int
    unit_price: Money


class Correction(Model):
    """`from` and `to`: quantities (0: the line is gone), or what a unit costs."""

    model_config = ConfigDict(serialize_by_alias=True, validate_by_name=True, validate_by_alias=True)

    sku: str
    code: Code
    before: int | Money = Field(alias="from")
    after: int | Money = Field(alias="to")
    reason: str


class CartView(Model):
    """`lines` and `totals` are of the cart as it was sent, as far as it can be priced; `fixed_lines` only where they were asked for."""

    ok: bool
    currency: str
    issues: list[Issue]
    lines: list[CartLineView]
    totals: Totals | None
    fixed_lines: list[FixedLine] | None = None
    fixed_totals: Totals | None = None
    changes: list[Correction] | None = None


def cart_view(checked: Checked, *, fix: bool) -> CartView:
    lines = [_line(line, checked) for line in checked.asked.lines]
    view = CartView(ok=not checked.issues, currency=checked.currency, issues=checked.issues, lines=lines, totals=checked.asked.totals)
    return view.model_copy(update=_fixed(checked.fixed, checked)) if fix else view


def _fixed(fixed: Priced, checked: Checked) -> dict[str, object]:
    changes = [
        Correction(sku=change.sku, code=change.code, before=change.before, after=change.after, reason=DETAILS[change.code])
        for change in checked.changes
    ]
    lines = [FixedLine(sku=line.sku, quantity=line.quantity, unit_price=line.unit_price) for line in fixed.lines]
    return {"fixed_lines": lines, "fixed_totals": fixed.totals, "changes": changes}


def _line(line: SessionLine, checked: Checked) -> CartLineView:
    fits = line.unit_price.amount * line.quantity <= MAX_AMOUNT
    return CartLineView(
        sku=line.sku,
        title=line.title,
        quantity=line.quantity,
        unit_price=line.unit_price,
        line_total=line.line_total if fits else None,
        tax=Money(amount=line.tax, currency=line.unit_price.currency),
        owed=checked.owed.get(line.sku, 0),
    )
