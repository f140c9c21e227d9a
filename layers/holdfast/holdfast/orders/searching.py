"""How staff find orders: by what they are about, the state they are in, and when they were placed.

The rows by which an order is found are written after it, by a worker, and the indexes follow the orders: both are a moment late.
What is answered was looked at in the order itself, so a row or an entry that is too old finds nothing wrong.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple, Protocol

from holdfast.kernel.events import Event
from holdfast.kernel.ids import SKU_PATTERN
from holdfast.kernel.model import Model, Record
from holdfast.kernel.time import Instant, rfc3339
from holdfast.orders import keys, search_keys
from holdfast.orders.model import Order, Status
from holdfast.orders.search_keys import PHONE_DIGITS, By, Clue, Places

AT_ONCE = 100
"""Orders that are read in one call."""
MOST_EXAMINED = 1000
"""Orders that are looked at for one page: a page may be short, or empty, and say where to go on."""
EARLIEST, LATEST = "0", "9"
NUMBER_PATTERN = "([0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{5})-?([0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{5})"
DISPUTED = Clue(By.DISPUTED, "yes")
"""The row of every order that was ever disputed: there are few."""
PHONE = re.compile(r"[+0-9 ()/.-]+")


class Span(NamedTuple):
    """Positions of orders: from `low` on, and before `high`."""

    low: str
    high: str

    def below(self, position: str) -> "Span":
        return Span(self.low, min(self.high, position))


class Wanted(Model):
    """All of this must be true of an order; None and nothing: whatever it is.

    `phone` ends with these digits, at least four; zeros before them do not matter. `disputed`: a bank asks for its money and has not
    decided. `unsettled`: beside those in the statuses also those whose payment or refund the provider has yet to settle.
    """

    order: str | None = None
    number: str | None = None
    email: str | None = None
    phone: str | None = None
    sku: str | None = None
    payment: str | None = None
    tracking: str | None = None
    key: str | None = None
    statuses: frozenset[Status] = frozenset()
    disputed: bool | None = None
    unsettled: bool = False
    created_from: Instant | None = None
    created_to: Instant | None = None

    @property
    def span(self) -> Span:
        return Span(rfc3339(self.created_from) if self.created_from else EARLIEST, rfc3339(self.created_to) if self.created_to else LATEST)


class Directory(Record):
    """The rows that an order has; `rev` goes up with each change of them."""

    rows: frozenset[str] = frozenset()
    rev: int = 0


class Search(Protocol):
    """The store of rows, and of the indexes. Positions come newest first."""

    def listed(self, shop: str, span: Span, limit: int) -> list[str]: ...
    def in_status(self, shop: str, statuses: Sequence[Status], span: Span, limit: int) -> list[str]: ...
    def found(self, shop: str, clue: Clue, span: Span, limit: int) -> list[str]: ...

    def unsettled(self, shop: str, span: Span, limit: int) -> list[str]:
        """Orders whose payment ended otherwise than they did, or whose money is on its way back."""
        ...

    def holder(self, shop: str, sku: str, place: int) -> str | None:
        """The order that was handed the key of that place."""
        ...

    def directory(self, shop: str, order: str) -> Directory: ...

    def move(self, order: Order, standing: Directory, rows: frozenset[str]) -> None:
        """These rows and no others. VersionConflict when they were changed meanwhile."""
        ...


class Orders(Protocol):
    """The store of orders, as far as a search needs it."""

    def get(self, shop: str, order: str) -> Order | None: ...

    def several(self, shop: str, orders: Sequence[str]) -> list[Order]:
        """Those that exist, in no order."""
        ...

    def timeline(self, order: Order) -> Sequence[Event]: ...


class Vaults(Protocol):
    """Fulfilment, as far as a search needs it."""

    def place(self, shop: str, key: str) -> tuple[str, int] | None:
        """SKU and place of a licence key, by its hash; None when the shop has no such key."""
        ...

    def handed(self, shop: str, order: str) -> Sequence[Places]:
        """What the order was handed so far."""
        ...


class Found(NamedTuple):
    """`last`: where to go on (None: that was all)."""

    orders: list[Order]
    last: str | None


def find(
    shop: str,
    wanted: Wanted,
    *,
    limit: int,
    after: str | None,
    search: Search,
    orders: Orders,
    vaults: Vaults,
    most: int = MOST_EXAMINED,
    fits: Callable[[Order], bool] = lambda order: True,  # noqa: ARG005  whatever it is
) -> Found:
    """Newest first. `after`: where the page before ended; `fits`: what else must be true of them."""

    def fit(order: Order) -> bool:
        return matches(order, wanted) and fits(order)

    span = wanted.span.below(after or LATEST)
    few = _few(shop, wanted, search, vaults)
    if few is not None:
        known = [order for order in orders.several(shop, sorted(few)) if span.low <= keys.position(order) < span.high]
        chosen = sorted(filter(fit, known), key=keys.position, reverse=True)
        return Found(chosen[:limit], keys.position(chosen[limit - 1]) if len(chosen) > limit else None)
    read = partial(orders.several, shop)
    return _sift(_source(shop, wanted, search), span, limit, most, read, fit)


def _sift(source: "Source", span: Span, limit: int, most: int, read: "Read", fit: Callable[[Order], bool]) -> Found:
    """Page after page of positions, until enough of their orders fit."""
    chosen: list[Order] = []
    looked, chunk = 0, limit
    while True:
        chunk = min(chunk, AT_ONCE, most - looked)
        positions = source(span, chunk)
        known = {order.id: order for order in read([search_keys.order_at(position) for position in positions])}
        for position in positions:
            order = known.get(search_keys.order_at(position))
            if order is not None and fit(order):
                chosen.append(order)
            if len(chosen) == limit:
                return Found(chosen, position)
        looked += len(positions)
        if len(positions) < chunk:
            return Found(chosen, None)
        if looked >= most:
            return Found(chosen, positions[-1])
        span, chunk = span.below(positions[-1]), chunk * 2


Source = Callable[[Span, int], list[str]]
Read = Callable[[Sequence[str]], list[Order]]


def _source(shop: str, wanted: Wanted, search: Search) -> Source:
    """The one that leaves the fewest orders to look at."""
    for clue in _clues_of(wanted):
        return lambda span, limit: search.found(shop, clue, span, limit)
    if wanted.disputed:
        return lambda span, limit: search.found(shop, DISPUTED, span, limit)
    if wanted.statuses:
        return partial(_in_status, shop, wanted, search)
    return lambda span, limit: search.listed(shop, span, limit)


def _in_status(shop: str, wanted: Wanted, search: Search, span: Span, limit: int) -> list[str]:
    found = search.in_status(shop, sorted(wanted.statuses), span, limit)
    if not wanted.unsettled:
        return found
    return sorted({*found, *search.unsettled(shop, span, limit)}, reverse=True)[:limit]


def _clues_of(wanted: Wanted) -> Iterator[Clue]:
    if wanted.email:
        yield Clue(By.EMAIL, plain(wanted.email))
    if wanted.phone:
        yield Clue(By.PHONE, wanted.phone[-PHONE_DIGITS:])
    if wanted.sku:
        yield Clue(By.SKU, wanted.sku)


def _few(shop: str, wanted: Wanted, search: Search, vaults: Vaults) -> frozenset[str] | None:
    """The orders that these clues leave, where one of them leaves but a few; what the order itself does not say is known from them only."""
    left: list[frozenset[str]] = []
    if wanted.order:
        left.append(frozenset({wanted.order}))
    for by, value in ((By.NUMBER, wanted.number), (By.PAYMENT, wanted.payment), (By.TRACKING, wanted.tracking)):
        if value:
            left.append(_all(shop, Clue(by, value), search))
    if wanted.key:
        place = vaults.place(shop, wanted.key)
        holder = search.holder(shop, *place) if place else None
        left.append(frozenset({holder} if holder else ()))
    return frozenset.intersection(*left) if left else None


def _all(shop: str, clue: Clue, search: Search) -> frozenset[str]:
    found: list[str] = []
    while True:
        page = search.found(shop, clue, Span(EARLIEST, found[-1] if found else LATEST), AT_ONCE)
        found += page
        if len(page) < AT_ONCE:
            return frozenset(map(search_keys.order_at, found))


def matches(order: Order, wanted: Wanted) -> bool:
    """All that the order itself says; a tracking number and a licence key it does not."""
    return (
        (not wanted.statuses or order.status in wanted.statuses or (wanted.unsettled and keys.unsettled(order)))
        and wanted.disputed in (None, any(dispute.undecided for dispute in order.disputes))
        and wanted.order in (None, order.id)
        and wanted.number in (None, order.number)
        and (wanted.payment is None or wanted.payment in payments(order))
        and (wanted.email is None or (order.email is not None and plain(order.email) == plain(wanted.email)))
        and (wanted.phone is None or digits(order.phone).endswith(_ends(wanted.phone)))
        and (wanted.sku is None or any(line.sku == wanted.sku for line in order.lines))
        and (wanted.created_from is None or order.created_at >= wanted.created_from)
        and (wanted.created_to is None or order.created_at < wanted.created_to)
    )


def payments(order: Order) -> frozenset[str]:
    """Its own, and those that came beside it, as their providers name them."""
    return frozenset({order.payment.id, *(refund.of.payment for refund in order.refunds if refund.of)})


def plain(email: str) -> str:
    return email.strip().lower()


def digits(phone: str | None) -> str:
    return "".join(sign for sign in phone or "" if sign in "0123456789")


def phone_digits(text: str) -> str | None:
    """What is compared with the end of a phone number: four digits at least."""
    found = digits(text)
    return found if len(found) >= PHONE_DIGITS else None


def _ends(phone: str) -> tuple[str, ...]:
    """As typed, and without the zeros that stand for another country or a long-distance call."""
    short = phone.lstrip("0")
    return (phone, short) if len(short) >= PHONE_DIGITS else (phone,)


def order_number(text: str) -> str | None:
    """As it is written on the order, however it was typed."""
    typed = re.fullmatch(NUMBER_PATTERN, text.strip())
    return f"{typed[1]}-{typed[2]}".upper() if typed else None


def guesses(text: str) -> list[tuple[str, str]]:
    """What somebody may mean who types this, the likeliest first: member of `Wanted`, and its value."""
    typed = text.strip()
    found: list[tuple[str, str | None]] = [
        ("order", typed if typed.startswith("ord_") else None),
        ("email", typed if "@" in typed else None),
        ("number", order_number(typed)),
        ("payment", typed),
        ("tracking", tracking_number(typed)),
        ("phone", phone_digits(typed) if PHONE.fullmatch(typed) else None),
        ("sku", typed if re.fullmatch(SKU_PATTERN, typed) else None),
        ("key", typed),
    ]
    return [(member, value) for member, value in found if value]


def tracking_number(text: str) -> str:
    """Carriers print them in groups; they are kept without the gaps."""
    return "".join(text.split()).upper()


def look(
    shop: str,
    wanted: Wanted,
    text: str | None,
    by: str | None,
    *,
    after: str | None,
    limit: int,
    search: Search,
    orders: Orders,
    vaults: Vaults,
) -> tuple[Found, str | None]:
    """As `find`, and what `text` was taken for beside all else that is wanted: the first of its meanings that finds something.

    `by`: what it was taken for on the page before.
    """
    for meant, member in _meanings(wanted, text, by):
        found = find(shop, meant, limit=limit, after=after, search=search, orders=orders, vaults=vaults)
        if found.orders or found.last or text is None:
            return found, member
    return Found([], None), None


def _meanings(wanted: Wanted, text: str | None, by: str | None) -> Iterator[tuple[Wanted, str | None]]:
    if text is None:
        yield wanted, None
        return
    for member, value in guesses(text):
        if by in (None, member) and getattr(wanted, member) in (None, value):
            yield wanted.model_copy(update={member: value}), member
