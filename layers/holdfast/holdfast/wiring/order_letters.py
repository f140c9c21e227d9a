"""An order, as a message tells of it: its lines as they were when it happened, its bill, its keys."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from holdfast.kernel.money import Money
from holdfast.kernel.time import parse_rfc3339
from holdfast.notifications.kinds import Kind
from holdfast.notifications.letter import LetterKey, LetterLine, Review, Sum
from holdfast.notifications.model import Notice
from holdfast.orders import rules
from holdfast.orders.model import Order, OrderLine, Status
from holdfast.orders.session import Totals

if TYPE_CHECKING:
    from holdfast.fulfilment.model import DeliveredKey

_SHORT = 4
"""Carriers' names that are so short are their initials."""


def _held(order: Order, now: datetime) -> bool:
    return order.status is Status.PENDING_PAYMENT and order.hold is not None and now < order.hold.expires_at


_TIMELY: Mapping[Kind, Callable[[Order, datetime], bool]] = {
    Kind.ORDER_RECEIVED: _held,
    Kind.HOLD_EXPIRING: _held,
    Kind.PAYMENT_FAILED: lambda order, _: order.status is Status.PAYMENT_FAILED,  # a good card may have followed
    Kind.DELAY: lambda order, _: any(rules.owed(order, line) for line in order.lines),
}
"""Of these the time may be over before they go out. All else has happened, and stays true."""


def timely(kind: Kind, order: Order, now: datetime) -> bool:
    """There still is something to tell."""
    return kind not in _TIMELY or _TIMELY[kind](order, now)


def facts(order: Order, told: Sequence[Notice], keys: Sequence["DeliveredKey"], promised_hours: int) -> dict[str, Any]:
    """Of several notices of one kind, oldest first: the keys of all, and the state of the last. What a Letter knows of an order."""
    data = told[-1].data
    return {
        "number": order.number,
        "lines": tuple(lines(order, data)),
        "keys": tuple(LetterKey(title=order.line(key.sku).title, key=key.key) for key in keys),
        "bill": bill(order.totals),
        "money": money(data.get("amount"), data.get("currency")) or order.totals.total,
        "complete": bool(data.get("complete", True)),
        "paid": bool(data.get("paid")),
        "outcome": data.get("outcome"),
        "reason": told[-1].reason,
        "until": order.hold.expires_at if order.hold else None,
        "promised_hours": data.get("promised_hours", promised_hours),
        "carrier": carrier(data.get("carrier") or ""),
        "tracking": tuple(data.get("tracking_numbers") or ()),
    }


def waves(told: Sequence[Notice]) -> list[int]:
    """The hand-outs whose keys are told."""
    return [int(notice.data["wave"]) for notice in told if notice.data.get("wave") is not None]


def lines(order: Order, data: Mapping[str, Any]) -> Iterator[LetterLine]:
    """As they were when it happened, where the event says so: a late message must not tell of a later state.

    Of a refund the event's `lines` are units per SKU, and nothing else; of an order that was just placed they have no state yet.
    """
    told = data.get("lines") or []
    then = {line["sku"]: line for line in told if "fulfilled" in line} if isinstance(told, list) else {}
    refunded = told if isinstance(told, dict) else data.get("refunded") or {}
    shipped = data.get("shipped") or {}
    for line in order.lines:
        known = then.get(line.sku) or {"fulfilled": line.fulfilled, "owed": rules.owed(order, line)}
        theirs = line.sku in then or order.status in rules.SETTLED
        yield LetterLine(
            sku=line.sku,
            title=line.title,
            quantity=line.quantity,
            fulfilled=known["fulfilled"],
            owed=known["owed"],
            ready=_ready(line, fulfilled=known["fulfilled"], owed=known["owed"]) if theirs else 0,
            refunded=refunded.get(line.sku, 0),
            units=shipped.get(line.sku, 0),
            sum=line.unit_price.times(line.quantity),
        )


def _ready(line: OrderLine, *, fulfilled: int, owed: int) -> int:
    """Keys are handed over as soon as they are there."""
    return 0 if line.digital else max(0, line.wanted - owed - fulfilled)


def bill(totals: Totals) -> tuple[Sum, ...]:
    """As it adds up; what there is nothing of is not named. Tax that the prices have in them is told after the total."""
    net = Money(amount=totals.total.amount - totals.tax.amount, currency=totals.total.currency)
    taxed, included = totals.tax.amount > 0, totals.tax_included
    named = (
        ("goods", totals.subtotal, totals.shipping.amount > 0),
        ("shipping", totals.shipping, totals.shipping.amount > 0),
        ("net", net, taxed and not included),
        ("tax", totals.tax, taxed and not included),
        ("total", totals.total, True),
        ("net", net, taxed and included),
        ("tax_in_it", totals.tax, taxed and included),
    )
    return tuple(Sum(name=name, money=money_) for name, money_, there in named if there)


def review(notice: Notice) -> Review:
    """Told apart by what their events have: a dispute names itself, money that does not match what was expected."""
    data = notice.data
    came = money(data.get("amount"), data.get("currency"))
    if "dispute" in data:
        due = data.get("respond_by")
        return Review(what="dispute", came=came, why=data.get("why") or "", due=parse_rfc3339(due) if due else None)
    if "expected" in data:
        return Review(what="payment", came=came, expected=money(**data["expected"]), why=notice.reason or "")
    return Review(what="refund", came=came, why=notice.reason or "")


def money(amount: Any = None, currency: Any = None) -> Money | None:
    """None when it is none: a provider may tell anything."""
    try:
        return Money(amount=amount, currency=currency)
    except ValidationError:
        return None


def carrier(code: str) -> str:
    """`ups` is UPS, `royal_mail` Royal Mail."""
    return " ".join(word.upper() if len(code) <= _SHORT else word.capitalize() for word in code.split("_"))
