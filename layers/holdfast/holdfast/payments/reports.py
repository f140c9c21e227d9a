"""What a reconciliation did: one part per piece of work, written once, and the report that is the sum of them.

Nothing is counted in a place that two workers write. A part is named after its work, so a message that comes twice counts once, and
names the work that it led to, so a report knows whether it is complete.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from enum import StrEnum
from typing import Any, Protocol

from pydantic import ConfigDict, Field

from holdfast.kernel.ids import ShopId
from holdfast.kernel.model import Record
from holdfast.kernel.time import Instant
from holdfast.payments.errors import UnknownRun

EARLIEST = date(2000, 1, 1)
"""Nobody sold anything here before: a slip of the finger."""
ROOT = "all"
"""The part that the run began with."""


class Mode(StrEnum):
    PENDING = "pending"
    """Payments that wait, and refunds that are due."""
    COMPREHENSIVE = "comprehensive"
    """Also those that are too old, those that had failed or expired, and reservations that lost their order."""
    LEDGER = "ledger"
    """A day's payments at the providers against the day's orders, and the open discrepancies once more."""


class Options(Record):
    """The same for the schedule, a request, a command and a console. `min_age_minutes`: younger payments still have their webhook on its
    way. `max_age_hours`: older ones are told and not asked for, but in a comprehensive run. `auto_timeout_hours`: what the provider
    still waits for is given up then, once nothing is held for it; `force_timeout`: at once. `check_orphaned_reservations` looks for
    holds and orders that lost each other, `cleanup_reservations` puts right what it finds and frees holds whose time is over.
    `day`: the ledger's, in UTC; yesterday unless told.
    """

    mode: Mode = Mode.PENDING
    dry_run: bool = False
    verbose: bool = False
    min_age_minutes: int = Field(default=5, ge=0, le=1440)
    max_age_hours: int = Field(default=48, ge=1, le=24 * 90)
    auto_timeout_hours: int = Field(default=2, ge=0, le=24 * 30)
    force_timeout: bool = False
    cleanup_reservations: bool = False
    check_orphaned_reservations: bool = False
    day: date | None = None


class Asked(Options):
    """The options as somebody types them: a misspelt one is an error. `day` is no later than today, which is known where it begins."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    day: date | None = Field(default=None, ge=EARLIEST)


class Kind(StrEnum):
    """What a piece of work is."""

    LIST = "list"
    """A page of orders, which become checks or comparisons."""
    CHECK = "check"
    """Some orders whose payment waits."""
    COMPARE = "compare"
    """Some orders that were paid, against their payments."""
    STATEMENT = "statement"
    """A page of a provider's payments, against their orders."""
    CONFIRM = "confirm"
    """Some payments once more: what seemed wrong about them, or was."""
    AGAIN = "again"
    """The discrepancies that are open, which become confirmations."""
    EVENTS = "events"
    """Webhooks whose order was not known."""
    RESERVATIONS = "reservations"
    """Holds that are dead, or lost their order."""


class Task(Record):
    """A piece of work. Its name says where in its run it stands: the same again has the same name.

    `source`, `bucket`, `after`, `page`: a page of a list, and what is listed `then`, when that is at its end. `about`: orders, or payments
    of `provider`, that are to be looked at, at the `attempt`th time; `cursor`: a page of what `provider` has. `delay`: seconds that it
    waits first.
    """

    kind: Kind
    shop: ShopId
    run: str
    name: str
    options: Options
    source: str | None = None
    bucket: int = 0
    after: str = ""
    page: int = 0
    then: tuple[str, ...] = ()
    about: tuple[str, ...] = ()
    provider: str | None = None
    cursor: str | None = None
    attempt: int = 0
    delay: int = 0

    @property
    def message(self) -> dict[str, Any]:
        return self.model_dump(mode="json", exclude_defaults=True)


class Line(Record):
    """One order, or payment, of a verbose report."""

    order: str | None
    result: str
    why: str | None = None
    provider: str | None = None
    payment: str | None = None
    status: str | None = None


class Counts(Record):
    """`listed`: orders on the lists; `checked`: those that were looked at; `asked`: those for which a provider was asked; `changed`: by
    this run; `found`: payments that nobody had told of. `skipped` and `errors` by their reason, `results` by what became of it.
    """

    listed: int = 0
    checked: int = 0
    asked: int = 0
    changed: int = 0
    found: int = 0
    results: Mapping[str, int] = {}
    skipped: Mapping[str, int] = {}
    errors: Mapping[str, int] = {}
    reservations: Mapping[str, int] = {}
    events: Mapping[str, int] = {}
    discrepancies: Mapping[str, int] = {}


class Part(Record):
    """What one piece of work came to, and the work that it led to."""

    shop: ShopId
    run: str
    name: str
    at: Instant
    counts: Counts = Counts()
    lines: tuple[Line, ...] = ()
    next: tuple[Task, ...] = ()


class Run(Record):
    """`trigger` says who started it. `report` is kept here once all of its parts are there."""

    shop: ShopId
    id: str
    started_at: Instant
    trigger: str
    options: Options
    report: "Report | None" = None


class Report(Record):
    """The sum of a run's parts. `finished_at`: when the last one was done; None while some are at work. `parts` of `planned` are done."""

    counts: Counts
    finished_at: Instant | None
    parts: int
    planned: int


class RunStore(Protocol):
    """Runs and their parts, kept for thirty days."""

    def begin(self, run: Run) -> None: ...

    def run(self, shop: str, run: str) -> Run | None: ...

    def runs(self, shop: str, limit: int, before: str | None) -> list[Run]:
        """Newest first."""
        ...

    def close(self, run: Run) -> None:
        """Keep its report."""
        ...

    def part(self, shop: str, run: str, name: str) -> Part | None: ...

    def add(self, part: Part) -> tuple[Part, bool]:
        """The part that stands there, and whether that is new."""
        ...

    def parts(self, shop: str, run: str, after: str = "", limit: int | None = None) -> list[Part]:
        """In the order of their names."""
        ...


def summed(parts: Sequence[Part]) -> Report:
    names = {part.name for part in parts}
    planned = {ROOT} | {task.name for part in parts for task in part.next}
    done = planned <= names
    return Report(
        counts=total(part.counts for part in parts),
        finished_at=max(part.at for part in parts) if done else None,
        parts=len(names),
        planned=len(planned),
    )


def total(counts: Iterable[Counts]) -> Counts:
    numbers: Counter[str] = Counter()
    named: dict[str, Counter[str]] = {}
    for count in counts:
        for name, value in count:
            if isinstance(value, int):
                numbers[name] += value
            else:
                named.setdefault(name, Counter()).update(value)
    return Counts.model_validate({**numbers, **{name: dict(sorted(values.items())) for name, values in named.items()}})


def report(run: Run, *, runs: RunStore) -> Report:
    """As far as it is; kept with the run when it is complete, so that its parts are read once."""
    if run.report is not None:
        return run.report
    found = summed(runs.parts(run.shop, run.id))
    if found.finished_at is not None:
        runs.close(run.model_copy(update={"report": found}))
    return found


def read(shop: str, run: str, *, runs: RunStore) -> Run:
    """UnknownRun."""
    found = runs.run(shop, run)
    if found is None:
        raise UnknownRun
    return found


def lines(run: Run, *, after: str | None, limit: int, runs: RunStore) -> tuple[list[Line], str | None]:
    """What a verbose run says of each order, `limit` pieces at a time, and where to go on."""
    if not run.options.verbose:
        return [], None
    parts = runs.parts(run.shop, run.id, after or "", limit)
    return [line for part in parts for line in part.lines], parts[-1].name if len(parts) == limit else None
