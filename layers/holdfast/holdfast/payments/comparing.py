"""A payment as its provider tells of it, against the order as we have booked it. Pure."""

from typing import Any

from holdfast.kernel.model import Model
from holdfast.kernel.money import Minor
from holdfast.payments.discrepancies import Drift, Finding
from holdfast.payments.model import Charge, News, ProviderFact

MONEY = frozenset({News.SUCCEEDED, News.REFUNDED})
"""It came, whatever became of it since."""
COMPARED = frozenset(Drift) - {Drift.PENDING_TOO_OLD, Drift.PENDING_UNKNOWN}
SETTLED_BY_US = frozenset({Drift.PAYMENT_NOT_APPLIED, Drift.REFUND_NOT_BOOKED})
"""What the finaliser puts right; all else is for people."""


class Booked(Model):
    """An order's money. `expected`: what it costs; `captured`: what came; `refunded`: what went back; `due`: what is on its way back.

    `payment`: its own payment, and `charge` the movement of money behind that. `beside`: what came beside it and is known to us, by
    payment or charge. `pending`: it waits for an answer.
    """

    order: str
    provider: str
    payment: str
    currency: str
    expected: Minor
    captured: Minor
    refunded: Minor
    due: Minor
    charge: str | None = None
    beside: frozenset[str] = frozenset()
    pending: bool = False


def compare(payment: str, fact: ProviderFact | None, booked: Booked | None, *, tells_refunds: bool = True) -> list[Finding]:
    """`fact` None: the provider does not know the payment. `tells_refunds`: it says what went back."""
    if booked is None:
        return [_finding(Drift.PAID_WITHOUT_ORDER, fact, None)] if fact is not None and left(fact) else []
    if payment != booked.payment or (fact is not None and fact.payment != booked.payment):
        known = fact is None or not left(fact) or bool({payment, fact.payment, fact.charge} & booked.beside)
        return [] if fact is None or (known and not _beside(fact, booked)) else [_finding(Drift.PAYMENT_NOT_APPLIED, fact, booked)]
    if fact is None or fact.news not in MONEY:
        return [_finding(Drift.ORDER_WITHOUT_PAYMENT, fact, booked)] if booked.captured > booked.refunded else []
    if _second(fact, booked):  # the fact's sums are of that one
        return [_finding(Drift.PAYMENT_NOT_APPLIED, fact, booked)] if left(fact) and fact.charge not in booked.beside else []
    found = _own(fact, booked, tells_refunds)
    noted = any(finding.drift is Drift.PAYMENT_NOT_APPLIED for finding in found)
    return found if noted or not _beside(fact, booked) else [*found, _finding(Drift.PAYMENT_NOT_APPLIED, fact, booked)]


def _second(fact: ProviderFact, booked: Booked) -> bool:
    """The order's payment, and another movement of money than the one that paid for it."""
    return bool(fact.charge and booked.charge and fact.charge != booked.charge)


def _beside(fact: ProviderFact, booked: Booked) -> list[Charge]:
    """Money that came beside, is there, and is not known to us."""
    known = booked.beside | {booked.charge}
    return [charge for charge in fact.beside if charge.amount > 0 and charge.id not in known]


def _own(fact: ProviderFact, booked: Booked, tells_refunds: bool) -> list[Finding]:
    """The order's own payment, which came."""
    if fact.currency != booked.currency:
        return [_finding(Drift.CURRENCY_DRIFT, fact, booked)]
    if fact.amount != (booked.captured or booked.expected):
        return [_finding(Drift.AMOUNT_DRIFT, fact, booked)]
    if not booked.captured:
        return [_finding(Drift.PAYMENT_NOT_APPLIED, fact, booked)] if left(fact) else []
    return _refunds(fact, booked) if tells_refunds else []


def _refunds(fact: ProviderFact, booked: Booked) -> list[Finding]:
    """Of the order's own money on either side: what went back of other movements is in neither sum."""
    back = fact.amount - left(fact)
    if back > booked.refunded + booked.due:
        return [_finding(Drift.REFUND_NOT_BOOKED, fact, booked)]
    return [_finding(Drift.REFUND_MISSING, fact, booked)] if back < booked.refunded else []


def left(fact: ProviderFact) -> int:
    """Money of the payment that the shop has still: minor units."""
    return fact.amount - fact.refunded if fact.news is News.SUCCEEDED else 0


def _finding(drift: Drift, fact: ProviderFact | None, booked: Booked | None) -> Finding:
    theirs: dict[str, Any] = (
        {"news": fact.news.value, "amount": fact.amount, "currency": fact.currency, "refunded": fact.amount - left(fact)}
        if fact is not None and fact.news in MONEY
        else {"news": fact.news.value if fact else "unknown"}
    )
    if fact is not None and (extra := [charge for charge in fact.beside if charge.amount > 0]):
        theirs["beside"] = [charge.model_dump(mode="json") for charge in extra]
    ours = booked.model_dump(mode="json", include={"expected", "captured", "refunded", "due", "currency", "payment"}) if booked else {}
    return Finding(drift, booked.order if booked else fact.order if fact else None, ours, theirs)
