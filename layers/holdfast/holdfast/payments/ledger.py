"""One payment of the ledger: what its provider says is compared with our books, put right where the finaliser can, and noted."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from holdfast.payments import comparing, discrepancies
from holdfast.payments.comparing import COMPARED, SETTLED_BY_US, Booked, compare
from holdfast.payments.discrepancies import Discrepancies, Drift
from holdfast.payments.errors import PaymentUnknown
from holdfast.payments.model import ProviderFact
from holdfast.payments.ports import Provider

PENDING = frozenset({Drift.PENDING_TOO_OLD, Drift.PENDING_UNKNOWN})


class Books(Protocol):
    """The orders context, as the ledger needs it."""

    def booked(self, shop: str, order: str) -> Booked | None: ...

    def settle(self, fact: ProviderFact, provider: str, run: str, now: datetime) -> None:
        """Through the one finaliser."""
        ...


@dataclass(frozen=True)
class Ledger:
    books: Books
    provider: Callable[[str, str], Provider]
    store: Discrepancies


class Compared(NamedTuple):
    """`drifts` that are left; `settled`: something was put right; `opened` and `resolved` count discrepancies."""

    order: str | None
    drifts: tuple[Drift, ...]
    settled: bool
    opened: int
    resolved: int


def confirm(
    shop: str, provider: str, payment: str, order: str | None, *, ledger: Ledger, run: str, dry_run: bool, now: datetime
) -> Compared:
    """Ask for the payment as it is now. `order`: whose it is to us, should the provider not know it any more.

    PartnerUnavailable, PartnerThrottles, CredentialsRefused, UnknownProvider.
    """
    connector = ledger.provider(shop, provider)
    try:
        fact: ProviderFact | None = connector.status(payment)
    except PaymentUnknown:
        fact = None
    if fact is not None and fact.shop != shop:
        return Compared(None, (), False, 0, 0)
    named = fact.order if fact is not None else order
    refunds = not connector.hearsay
    booked = ledger.books.booked(shop, named) if named else None
    findings = compare(payment, fact, booked, tells_refunds=refunds)
    settled = False
    if fact is not None and not dry_run and any(found.drift in SETTLED_BY_US for found in findings):
        ledger.books.settle(fact, provider, run, now)
        booked = ledger.books.booked(shop, fact.order)
        after = compare(payment, fact, booked, tells_refunds=refunds)
        findings, settled = after, after != findings
    drifts = tuple(found.drift for found in findings)
    if dry_run:
        return Compared(named, drifts, settled, 0, 0)
    judged = COMPARED | (PENDING if booked is None or not booked.pending else frozenset())
    noted = discrepancies.note(shop, provider, payment, findings, judged=judged, run=run, store=ledger.store, now=now)
    return Compared(named, drifts, settled, *noted)


def page(shop: str, provider: str, since: datetime, until: datetime, cursor: str | None, *, ledger: Ledger) -> tuple[list[str], str | None]:
    """Payments of a page of the provider's list that do not seem to fit, and the next page. A list may say less than the payment itself,
    so none of this is sure yet. Nothing where the provider has no list.
    """
    connector = ledger.provider(shop, provider)
    listing = connector.listed(since, until, cursor)
    if listing is None:
        return [], None
    ours = [fact for fact in listing.facts if fact.shop == shop and fact.news in comparing.MONEY]
    odd = [fact.payment for fact in ours if compare(fact.payment, fact, ledger.books.booked(shop, fact.order))]
    return odd, listing.next
