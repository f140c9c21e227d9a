"""What a provider says and what our books say, where they differ: kept until a later look finds that they agree."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

from holdfast.kernel.ids import ShopId
from holdfast.kernel.model import Record
from holdfast.kernel.time import Instant, rfc3339


class Drift(StrEnum):
    """In which way they differ."""

    PAID_WITHOUT_ORDER = "paid_without_order"
    """Money came, and there is no such order."""
    ORDER_WITHOUT_PAYMENT = "order_without_payment"
    """The order is paid, and the provider knows of no money."""
    AMOUNT_DRIFT = "amount_drift"
    CURRENCY_DRIFT = "currency_drift"
    REFUND_NOT_BOOKED = "refund_not_booked"
    """The provider gave back more than the order says."""
    REFUND_MISSING = "refund_missing"
    """The order says that more went back than the provider gave."""
    PAYMENT_NOT_APPLIED = "payment_not_applied"
    """Money came, and the order does not have it."""
    PENDING_TOO_OLD = "pending_too_old"
    """A payment that nobody asks for any more."""
    PENDING_UNKNOWN = "pending_unknown"
    """An order waits for a payment that its provider does not know."""


class DiscrepancyState(StrEnum):
    OPEN = "open"
    RESOLVED = "resolved"


class Finding(NamedTuple):
    """What a look at one payment found. `ours` and `theirs`: the facts that differ."""

    drift: Drift
    order: str | None
    ours: Mapping[str, Any]
    theirs: Mapping[str, Any]


class Discrepancy(Record):
    """One of each kind per payment. `run`: the one that saw it first."""

    shop: ShopId
    drift: Drift
    provider: str
    payment: str
    order: str | None
    ours: Mapping[str, Any]
    theirs: Mapping[str, Any]
    state: DiscrepancyState = DiscrepancyState.OPEN
    run: str
    seen_at: Instant
    resolved_at: Instant | None = None
    version: int = 1

    @property
    def name(self) -> str:
        return f"{self.provider}#{self.payment}#{self.drift}"

    @property
    def place(self) -> str:
        """Where it stands in its list."""
        return f"{rfc3339(self.resolved_at)}#{self.name}" if self.resolved_at else self.name


class Discrepancies(Protocol):
    """Open ones are kept until they are resolved; those, for ninety days."""

    def about(self, shop: str, provider: str, payment: str) -> list[Discrepancy]:
        """The open ones of a payment."""
        ...

    def page(self, shop: str, state: DiscrepancyState, after: str | None, limit: int) -> list[Discrepancy]:
        """By provider and payment; resolved ones by the time of that, the latest first. `after`: the `place` of the last one before."""
        ...

    def save(self, found: Discrepancy) -> bool:
        """An open one, over the version before (the first: where there is none). False when another stands there."""
        ...

    def resolve(self, resolved: Discrepancy) -> None: ...


class OpenPayments(NamedTuple):
    """Payments by their provider, and where to go on; None when that was all."""

    payments: Mapping[str, Sequence[str]]
    last: str | None


class Noted(NamedTuple):
    opened: int
    resolved: int


def note(
    shop: str,
    provider: str,
    payment: str,
    findings: Sequence[Finding],
    *,
    judged: frozenset[Drift],
    run: str,
    store: Discrepancies,
    now: datetime,
) -> Noted:
    """Keep what was found about a payment, and close what was not found again. `judged`: the kinds that this look could have found.

    Two looks at once write the same: who is slower is told so and has nothing to add.
    """
    standing = {one.drift: one for one in store.about(shop, provider, payment)}
    opened = 0
    for finding in findings:
        known = standing.get(finding.drift)
        fresh = _fresh(shop, provider, payment, finding, known, run, now)
        opened += int(fresh != known and store.save(fresh) and known is None)
    gone = [one for drift, one in standing.items() if drift in judged - {finding.drift for finding in findings}]
    for one in gone:
        store.resolve(one.model_copy(update={"state": DiscrepancyState.RESOLVED, "resolved_at": now}))
    return Noted(opened, len(gone))


def _fresh(shop: str, provider: str, payment: str, finding: Finding, standing: Discrepancy | None, run: str, now: datetime) -> Discrepancy:
    about = {"order": finding.order, "ours": dict(finding.ours), "theirs": dict(finding.theirs)}
    if standing is None:
        return Discrepancy.model_validate(
            {"shop": shop, "drift": finding.drift, "provider": provider, "payment": payment, "run": run, "seen_at": now, **about}
        )
    same = (standing.order, standing.ours, standing.theirs) == (about["order"], about["ours"], about["theirs"])
    return standing if same else standing.model_copy(update={**about, "version": standing.version + 1})


def open_payments(shop: str, after: str | None, limit: int, *, store: Discrepancies) -> OpenPayments:
    """A page of them. One whose discrepancies lie on two pages is on the first."""
    page = store.page(shop, DiscrepancyState.OPEN, after, limit)
    told = after.rpartition("#")[0] if after else None
    found: dict[str, dict[str, None]] = {}
    for one in page:
        if one.name.rpartition("#")[0] != told:
            found.setdefault(one.provider, {})[one.payment] = None
    payments = {provider: tuple(names) for provider, names in found.items()}
    return OpenPayments(payments, page[-1].place if len(page) == limit else None)
