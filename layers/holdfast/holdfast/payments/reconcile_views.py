"""Reconciliations over HTTP: how one is asked for, what it came to, and where a provider's books and ours differ."""

from collections.abc import Mapping
from typing import Any

from pydantic import ConfigDict, Field

from holdfast.kernel.model import Model
from holdfast.kernel.time import Instant
from holdfast.payments.discrepancies import Discrepancy, DiscrepancyState, Drift
from holdfast.payments.reports import Asked, Counts, Line, Mode, Options, Report, Run
from holdfast.platform.pages import PageQuery


class ReconcileBody(Asked):
    """Nothing has to be told. With `dry_run` nothing is changed, and the report says what would have been. `verbose`: order by order."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)

    @property
    def options(self) -> Options:
        return Options.model_validate(self.model_dump())


class ReconciliationView(Model):
    """`finished_at` is null while some of its work waits in a queue: `parts` of the `planned` pieces known so far are done. `trigger`:
    "schedule", or the API key's id. `counts` are of the pieces that are done; of a dry run they say what would have been.
    """

    id: str = Field(examples=["run_01KAJVKP00C1G0HP0V7PKA0YPY"])
    mode: Mode
    dry_run: bool
    trigger: str
    started_at: Instant
    finished_at: Instant | None
    parts: int
    planned: int
    options: Options
    counts: Counts


class ReconciliationPage(Model):
    """Newest first."""

    items: list[ReconciliationView]
    next: str | None


class ReconciliationDetail(ReconciliationView):
    """`lines` of a verbose run, of up to `limit` pieces at a time; `next` goes on with those."""

    lines: list[Line]
    next: str | None


class DiscrepancyQuery(PageQuery):
    """Open ones unless told. A page may be shorter than `limit` though there are more."""

    state: DiscrepancyState = DiscrepancyState.OPEN
    kind: Drift | None = None


class DiscrepancyView(Model):
    """`ours` is what our order says, `theirs` what the provider says; amounts in minor units. `run`: the one that saw it first."""

    kind: Drift
    provider: str
    payment: str
    order: str | None
    ours: Mapping[str, Any]
    theirs: Mapping[str, Any]
    state: DiscrepancyState
    run: str
    seen_at: Instant
    resolved_at: Instant | None


class DiscrepancyPage(Model):
    """Open ones by provider and payment; resolved ones by when, the latest first."""

    items: list[DiscrepancyView]
    next: str | None


def run_view(run: Run, report: Report) -> ReconciliationView:
    return ReconciliationView(
        id=run.id,
        mode=run.options.mode,
        dry_run=run.options.dry_run,
        trigger=run.trigger,
        started_at=run.started_at,
        finished_at=report.finished_at,
        parts=report.parts,
        planned=report.planned,
        options=run.options,
        counts=report.counts,
    )


def run_detail(run: Run, report: Report, lines: list[Line], onward: str | None) -> ReconciliationDetail:
    return ReconciliationDetail(**dict(run_view(run, report)), lines=lines, next=onward)


def discrepancy_view(found: Discrepancy) -> DiscrepancyView:
    return DiscrepancyView(
        kind=found.drift,
        provider=found.provider,
        payment=found.payment,
        order=found.order,
        ours=found.ours,
        theirs=found.theirs,
        state=found.state,
        run=found.run,
        seen_at=found.seen_at,
        resolved_at=found.resolved_at,
    )
