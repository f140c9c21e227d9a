"""A checkout session from its start to its end: priced once, changed, resumed, abandoned.

What a session told holds for its thirty minutes, whatever becomes of the catalogue and the shop's rates meanwhile.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from holdfast.kernel.errors import VersionConflict
from holdfast.kernel.events import CUSTOMER
from holdfast.kernel.ids import derived_id, new_id
from holdfast.kernel.model import Model
from holdfast.orders import pricing, rules, validation
from holdfast.orders.errors import (
    CurrencyNotOffered,
    MixedCurrencies,
    QuantityAboveMaximum,
    SessionAlreadyOrdered,
    ShippingMethodNotOffered,
    StaleSession,
    TotalTooLarge,
    UnknownSession,
    UnknownSku,
)
from holdfast.orders.model import HoldRef, Order
from holdfast.orders.ports import Catalogue, Orders, Policies, Sessions, Stock
from holdfast.orders.pricing import Quote
from holdfast.orders.session import Address, Session, SessionLine
from holdfast.orders.usecases import end
from holdfast.orders.validation import HOPELESS, Code, Issue, Wanted

SESSION_LIFE = timedelta(minutes=30)
ATTEMPTS = 5
CONTACT = ("email", "phone", "address", "notes")


class StartCheckout(Model):
    """`lines`: (sku, quantity) as the shopper sent them; the same SKU twice is one wish."""

    shop: str
    lines: tuple[tuple[str, int], ...] = ()
    email: str | None = None
    phone: str | None = None
    address: Address | None = None
    notes: str | None = None
    currency: str | None = None
    shipping_choice: str | None = None


class ChangeCheckout(StartCheckout):
    """`given` names the members that change; the others stay. `expected`: the version that the shopper has seen (None: any)."""

    session: str
    given: frozenset[str]
    expected: int | None = None


class Told(NamedTuple):
    """A session as it is now, and what is wrong with its cart at this moment."""

    session: Session
    issues: list[Issue]


class Resumed(NamedTuple):
    """`order`: what the latest try of this checkout made, as long as it holds stock or is paid."""

    session: Session
    issues: list[Issue]
    order: Order | None


class World(NamedTuple):
    """What a session is priced with."""

    catalogue: Catalogue
    stock: Stock
    policies: Policies
    now: datetime


def start(command: StartCheckout, *, sessions: Sessions, world: World) -> Told:
    """Price the cart. UnknownSku, QuantityAboveMaximum, MixedCurrencies, CurrencyNotOffered, TotalTooLarge, ShippingMethodNotOffered."""
    cart = _from_catalogue(command.shop, command.lines, command.currency, world)
    contact = {name: getattr(command, name) for name in CONTACT}
    priced = _priced(command, cart, None, world)
    if command.shipping_choice is not None:
        _refuse_choice(command.shipping_choice, priced.quote)
    session = Session(
        id=new_id("cks", world.now),
        shop=command.shop,
        currency=command.currency,
        shipping_choice=command.shipping_choice,
        created_at=world.now,
        expires_at=world.now + SESSION_LIFE,
        **contact,
        **priced.members,
    )
    sessions.add(session)
    return Told(session, priced.issues)


def change(command: ChangeCheckout, born: datetime, *, sessions: Sessions, orders: Orders, world: World) -> Told:
    """Change what is given, and begin the thirty minutes anew. The hold of a try that waits for its money stays as it is.

    Lines are priced by the catalogue again; so are all when their prices were told thirty minutes ago, or in another currency. Each
    change is made over the version that it was made from: of two at once the slower one is made again, or refused if it said which
    version it had seen. UnknownSession, SessionAlreadyOrdered, StaleSession, VersionConflict, and what `start` refuses.
    """
    for _ in range(ATTEMPTS):
        session = read(command.shop, command.session, sessions=sessions, now=world.now)
        if command.expected not in (None, session.version):
            raise StaleSession("The session was changed meanwhile. Read it again.", version=session.version)
        order = _present(session, born, orders=orders, stock=world.stock)
        if order is not None and order.status in rules.ORDERED:
            raise SessionAlreadyOrdered("This checkout became an order already.", order=order.id)
        told = _changed(session, command, order, world)
        if told.session == session or sessions.save(told.session):
            return told
    raise VersionConflict("The session keeps changing. Read it again.")


def resume(shop: str, session: str, born: datetime, *, sessions: Sessions, orders: Orders, world: World) -> Resumed:
    """The session, the order of its latest try, and what is wrong with the cart by now. UnknownSession."""
    found = read(shop, session, sessions=sessions, now=world.now)
    order = _present(found, born, orders=orders, stock=world.stock)
    if order is not None and order.status in rules.ORDERED:
        return Resumed(found, [], order)
    priced = _priced(found, _as_told(found), order.hold if order else None, world)
    return Resumed(found, priced.issues, order)


def read(shop: str, session: str, *, sessions: Sessions, now: datetime) -> Session:
    """UnknownSession also when its time is over: TTL may not have removed it yet."""
    found = sessions.get(shop, session)
    if found is None or found.expired(now):
        raise UnknownSession
    return found


def abandon(session: Session, born: datetime, *, sessions: Sessions, orders: Orders, stock: Stock, now: datetime) -> None:
    """The shopper leaves: an order that waits for its money is cancelled, its stock goes back, the session is gone."""
    lock = lock_of(session.shop, session.id, born)
    held = stock.standing(session.shop, lock)
    if held is not None:
        earlier = orders.get(session.shop, held.order)
        if earlier is not None:
            end(earlier, "cancel", actor=CUSTOMER, reason="the checkout was abandoned", orders=orders, stock=stock, now=now)
        elif not held.sold:
            stock.release(session.shop, lock, held.order)
    sessions.remove(session)


def lock_of(shop: str, session: str, born: datetime) -> str:
    """The lock of a checkout: each of its tries meets the one before it."""
    return derived_id("lck", born, shop, session)


def _present(session: Session, born: datetime, *, orders: Orders, stock: Stock) -> Order | None:
    """The order whose hold stands, or that was paid. One that ended has neither."""
    standing = stock.standing(session.shop, lock_of(session.shop, session.id, born))
    return orders.get(session.shop, standing.order) if standing else None


class _Cart(NamedTuple):
    """Lines with the prices that count, and what the catalogue has against them."""

    lines: tuple[SessionLine, ...]
    currency: str
    issues: list[Issue]


class _Priced(NamedTuple):
    """`members`: of the session, as its price makes them."""

    members: Mapping[str, Any]
    issues: list[Issue]
    quote: Quote


def _from_catalogue(shop: str, lines: Sequence[tuple[str, int]], asked: str | None, world: World) -> _Cart:
    wanted = [Wanted(sku=sku, quantity=quantity) for sku, quantity in lines]
    wishes = validation.summed(wanted)
    offers = world.catalogue.offers(shop, list(wishes))
    common = validation.currency_of(wanted, offers, asked, world.policies.terms(shop).currency)
    currency = common or next(price.currency for sku in wishes if sku in offers for price in offers[sku].prices)
    return _Cart(validation.lines_of(wishes, currency, offers), currency, validation.catalogue_issues(wishes, common, offers))


def _as_told(session: Session) -> _Cart:
    return _Cart(session.lines, session.totals.total.currency, [])


def _changed(session: Session, command: ChangeCheckout, order: Order | None, world: World) -> Told:
    changed = session.model_copy(update={name: getattr(command, name) for name in command.given - {"lines"}})
    stale = world.now >= session.told_at + SESSION_LIFE
    if command.given & {"lines", "currency"} or (command.given and stale):
        lines = command.lines if "lines" in command.given else tuple((line.sku, line.quantity) for line in session.lines)
        cart = _from_catalogue(session.shop, lines, changed.currency, world)
        changed = changed.model_copy(update={"priced_at": world.now})
    else:
        cart = _as_told(session)
    priced = _priced(changed, cart, order.hold if order else None, world)
    if not command.given:
        return Told(session, priced.issues)
    if "shipping_choice" in command.given and changed.shipping_choice is not None:
        _refuse_choice(changed.shipping_choice, priced.quote)
    renewed = {"expires_at": world.now + SESSION_LIFE, "version": session.version + 1}
    return Told(changed.model_copy(update={**priced.members, **renewed}), priced.issues)


def _priced(asked: StartCheckout | Session, cart: _Cart, former: HoldRef | None, world: World) -> _Priced:
    """Tax, shipping and totals, once; and a look at the stock. Refused when no waiting would help."""
    terms = world.policies.terms(asked.shop)
    country = asked.address.country if asked.address else None
    quote = pricing.quote(cart.lines, cart.currency, country=country, choice=asked.shipping_choice, terms=terms)
    wishes = [rules.wish(line, accept_partial=terms.partial != "never") for line in cart.lines]
    buyer = rules.buyer(asked.email)
    outlooks = world.stock.outlook(asked.shop, wishes, buyer=buyer, former=former, now=world.now) if wishes else {}
    issues = [
        *cart.issues,
        *validation.quote_issues(quote, country),
        *validation.stock_issues(cart.lines, outlooks, terms.partial),
    ]
    issues = validation.weighed(issues)
    _refuse_hopeless(issues)
    hints = {sku: outlook.shards for sku, outlook in outlooks.items()}
    lines = tuple(line.model_copy(update={"shards": hints.get(line.sku, line.shards)}) for line in pricing.taxed(cart.lines, quote))
    members = {
        "lines": lines,
        "totals": quote.totals,
        "shipping_method": quote.method,
        "shipping_options": quote.options,
        "obstacle": quote.obstacle,
    }
    return _Priced(members, issues, quote)


def _refuse_choice(choice: str, quote: Quote) -> None:
    """What is not offered here cannot be chosen. Where nothing is offered yet, the wish is kept."""
    offered = [option.id for option in quote.options]
    if offered and choice not in offered:
        raise ShippingMethodNotOffered("These goods are not shipped that way.", offered=offered)


def _refuse_hopeless(issues: Sequence[Issue]) -> None:
    if not issues or issues[0].code not in HOPELESS:
        return
    first = issues[0]
    like = [issue for issue in issues if issue.code is first.code]
    told = [issue.model_dump(mode="json") for issue in issues]
    skus = [issue.sku for issue in like]
    match first.code:
        case Code.UNKNOWN_SKU:
            raise UnknownSku("Some lines name something that this shop does not sell.", skus=skus, issues=told)
        case Code.QUANTITY_ABOVE_MAXIMUM:
            lines = [{"sku": issue.sku, "requested": issue.asked, "maximum": issue.maximum} for issue in like]
            raise QuantityAboveMaximum("More than one order may have.", lines=lines, issues=told)
        case Code.MIXED_CURRENCIES:
            raise MixedCurrencies("The lines have prices in different currencies. Order them separately.", issues=told)
        case Code.CURRENCY_NOT_OFFERED:
            raise CurrencyNotOffered("Some lines have no price in this currency.", skus=skus, currency=first.currency, issues=told)
        case _:
            raise TotalTooLarge("The total is more than one order may be about.", maximum=first.maximum, issues=told)
