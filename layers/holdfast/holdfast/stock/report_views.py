"""The ledger, audits and jobs over HTTP."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from holdfast.kernel.ids import Sku
from holdfast.kernel.model import Input, Model
from holdfast.kernel.time import Instant
from holdfast.platform.runs import Run
from holdfast.stock import auditing, ledger, orphans
from holdfast.stock.sweeping import Swept

AUDITED = 100
"""SKUs of one request."""
DOCUMENTS = 1500
"""Ledger documents that one request reads: several seconds of its twenty-nine."""


class LedgerRow(ledger.Row):
    """One line of a SKU's history. `quantity` is signed, `balance` is what was on hand in that part after it."""


class LedgerPage(Model):
    """Newest first. `findings`: documents that the chain names and the table has not got."""

    items: list[LedgerRow]
    next: str | None
    findings: list[ledger.Finding]


class RebuiltView(ledger.Rebuilt):
    """A SKU's stock at an instant, out of its ledger."""


class AtQuery(BaseModel):
    """`at`: now, where it is left out."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    at: Instant | None = None


class AuditBody(Input):
    """`skus` left out: the shop's products in order of SKU, from `after` on. `repair` plans corrections; `dry_run` false writes them."""

    skus: list[Sku] | None = Field(default=None, min_length=1, max_length=AUDITED)
    after: Sku | None = None
    repair: bool = False
    dry_run: bool = True


class AuditView(Model):
    """`proved`: everything that was looked at agrees. `left`: SKUs that this request did not reach; `next`: the SKU to go on after."""

    at: Instant
    dry_run: bool
    proved: bool
    on_hand: int
    available: int
    locked: int
    figures: ledger.Figures
    findings: list[ledger.Finding]
    proofs: list[auditing.Proof]
    repairs: list[auditing.Repair]
    left: list[str]
    next: str | None


class OrphansBody(Input):
    """As an audit's body: which SKUs' entries are looked at. Locks and recent orders are looked at in any case."""

    skus: list[Sku] | None = Field(default=None, min_length=1, max_length=AUDITED)
    after: Sku | None = None
    dry_run: bool = True


class OrphansView(orphans.Report):
    """Locks, entries and orders that lost each other."""

    next: str | None


class CleanupBody(Input):
    dry_run: bool = False


class CleanupView(Swept):
    """What the clean-up did, or would do. `run` is the name under which it is kept."""

    run: str


class RunView(Model):
    """A run of a job. `report` is the job's own."""

    id: str
    job: str
    started_at: Instant
    finished_at: Instant
    trigger: str
    dry_run: bool
    report: Mapping[str, Any]


class RunPage(Model):
    items: list[RunView]
    next: str | None


class RunsQuery(BaseModel):
    """The last runs; there is no page after."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    limit: int = Field(default=25, ge=1, le=100)


def ledger_page(page: ledger.Page, cursor: str | None) -> LedgerPage:
    return LedgerPage(items=[LedgerRow(**row.model_dump()) for row in page.rows], next=cursor, findings=list(page.findings))


def audit_view(report: auditing.Report, after: str | None) -> AuditView:
    return AuditView(
        **{name: getattr(report, name) for name in ("at", "dry_run", "on_hand", "available", "locked", "figures")},
        proofs=list(report.proofs),
        repairs=list(report.repairs),
        left=list(report.left),
        proved=report.proved,
        findings=list(report.findings),
        next=after,
    )


def run_page(runs: Sequence[Run]) -> RunPage:
    return RunPage(items=[RunView(**run.model_dump(include=set(RunView.model_fields))) for run in runs], next=None)
