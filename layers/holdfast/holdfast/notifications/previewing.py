"""What every message looks like, without anything having happened: for pictures, tests, and staff who want to see their shop's letters."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from holdfast.kernel.money import Money
from holdfast.notifications.kinds import MANNERS, OPTIONAL, Audience, Kind
from holdfast.notifications.letter import (
    DeadLetter,
    Digest,
    Failures,
    Letter,
    LetterKey,
    LetterLine,
    Look,
    LowStock,
    Review,
    Sum,
    Waiters,
)
from holdfast.notifications.model import Mail
from holdfast.notifications.render import render

AT = datetime(2026, 11, 21, 14, 5, tzinfo=UTC)
_URL = "https://shop.example"
_GAME, _LAMP = "Nightfall Deluxe Edition", "Brass desk lamp"
_KEYS = ("K7QX-4M2P-9RTD-W3ZN", "B5HY-8C6F-2VJL-T9XE")


def _eur(amount: int) -> Money:
    return Money(amount=amount, currency="EUR")


def _line(title: str, quantity: int, each: int, **units: int) -> LetterLine:
    counted = {"fulfilled": 0, "owed": 0, **units}
    return LetterLine(sku=title.split(maxsplit=1)[0].lower(), title=title, quantity=quantity, sum=_eur(quantity * each), **counted)


def _keys(count: int) -> tuple[LetterKey, ...]:
    return tuple(LetterKey(title=_GAME, key=key) for key in _KEYS[:count])


_BILL = (
    Sum(name="goods", money=_eur(8997)),
    Sum(name="shipping", money=_eur(490)),
    Sum(name="total", money=_eur(9487)),
    Sum(name="net", money=_eur(7972)),
    Sum(name="tax_in_it", money=_eur(1515)),
)
_BOUGHT = (_line(_GAME, 2, 2999), _line(_LAMP, 1, 2999))
_GAMES = (Sum(name="total", money=_eur(8997)),)
_TWO_OF_THREE = (_line(_GAME, 3, 2999, fulfilled=2, owed=1),)
_NONE_OF_THREE = (_line(_GAME, 3, 2999, owed=3),)
_ALL_THREE = (_line(_GAME, 3, 2999, fulfilled=3),)
_LAMPS = (_line(_LAMP, 2, 2999, ready=1, owed=1),)
_LOW = LowStock(sku="lamp-brass", title=_LAMP, available=3, threshold=5)

SAMPLES: Mapping[Kind, Mapping[str, Any]] = {
    Kind.ORDER_RECEIVED: {"lines": _BOUGHT, "bill": _BILL, "until": AT.replace(minute=20)},
    Kind.PAYMENT_RECEIPT: {"lines": _BOUGHT, "bill": _BILL, "money": _eur(9487)},
    Kind.COMPLETED: {"lines": (_line(_GAME, 2, 2999, fulfilled=2),), "keys": _keys(2), "bill": (Sum(name="total", money=_eur(5998)),)},
    Kind.PARTIAL_DELIVERY: {"lines": _TWO_OF_THREE, "keys": _keys(2), "bill": _GAMES, "complete": False},
    Kind.AWAITING_STOCK: {"lines": _NONE_OF_THREE, "bill": _GAMES, "complete": False},
    Kind.ADDITIONAL_KEYS: {"lines": _ALL_THREE, "keys": _keys(1), "bill": _GAMES},
    Kind.STOCK_ALLOCATED: {"lines": _LAMPS, "bill": (Sum(name="total", money=_eur(5998)),), "complete": False},
    Kind.KEY_REPLACED: {"lines": _ALL_THREE, "keys": _keys(1), "bill": _GAMES, "reason": "the first one had been used before"},
    Kind.PAYMENT_FAILED: {"lines": _BOUGHT, "bill": _BILL},
    Kind.HOLD_EXPIRING: {"lines": _BOUGHT, "bill": _BILL, "until": AT.replace(minute=10)},
    Kind.LATE_PAYMENT: {
        "lines": (_line(_GAME, 3, 2999, fulfilled=1, refunded=2),),
        "bill": _GAMES,
        "money": _eur(5998),
        "outcome": "partial",
    },
    Kind.CANCELLED: {"lines": _BOUGHT, "bill": _BILL, "paid": True, "reason": "the lamp was broken when we unpacked it"},
    Kind.REFUNDED: {"lines": _BOUGHT, "bill": _BILL, "money": _eur(9487), "reason": "you sent everything back"},
    Kind.PARTIAL_REFUND: {
        "lines": (_line(_GAME, 2, 2999, fulfilled=2), _line(_LAMP, 1, 2999, fulfilled=1, refunded=1)),
        "bill": _BILL,
        "money": _eur(2999),
        "reason": "the lamp arrived with a scratch",
    },
    Kind.SECOND_PAYMENT: {"lines": _ALL_THREE, "bill": _GAMES, "money": _eur(8997), "reason": "the order was paid twice"},
    Kind.SHIPPED: {"lines": (_line(_LAMP, 2, 2999, fulfilled=2, units=2),), "carrier": "UPS", "tracking": ("1Z999AA10123456784",)},
    Kind.DELIVERED: {"lines": (_line(_LAMP, 2, 2999, fulfilled=2),)},
    Kind.DELIVERY_PROBLEM: {"lines": (_line(_LAMP, 2, 2999, fulfilled=2),), "reason": "nobody was there to take it in"},
    Kind.DELAY: {"lines": _TWO_OF_THREE, "bill": _GAMES, "complete": False},
    Kind.BACK_IN_STOCK: {"title": _LAMP, "price": _eur(2999)},
    Kind.LOW_STOCK: {"low": (_LOW,)},
    Kind.DEAD_LETTER: {"dead": (DeadLetter(what="notification", kind="completed"), DeadLetter(what="webhook", count=3))},
    Kind.REVIEW_NEEDED: {"review": Review(what="payment", came=_eur(100), expected=_eur(9487))},
    Kind.DAILY_DIGEST: {
        "digest": Digest(
            day=date(2026, 11, 20),
            orders={"completed": 41, "awaiting_stock": 3, "shipped": 12, "expired": 5},
            taken=(_eur(412_980), Money(amount=25_000, currency="JPY")),
            waiting=Waiters(orders=3, units=7),
            low=(_LOW,),
            failed=Failures(notifications=1, webhooks=2),
            reviews=1,
        )
    },
}
"""Of each message one, as it may be on a good day."""


def sample(kind: Kind, shop: Look, language: str) -> Letter:
    about = MANNERS[kind]
    staff = about.audience is Audience.STAFF
    numbered = kind is Kind.REVIEW_NEEDED or not (staff or kind is Kind.BACK_IN_STOCK)
    return Letter(
        kind=kind,
        to="somebody@example.com",
        language=language,
        shop=shop,
        at=AT,
        number="7K2MQ-X4T9B" if numbered else "",
        url="" if staff else _URL,
        unsubscribe_url=f"{_URL}/unsubscribe" if about.topic in OPTIONAL else None,
        preferences_url=f"{_URL}/preferences" if about.topic in OPTIONAL else None,
        promised_hours=shop.promised_hours,
        **SAMPLES[kind],
    )


def preview(kind: Kind, shop: Look, language: str) -> Mail:
    """The message with the shop's own looks."""
    return render(sample(kind, shop, language))
