"""The reconciliation: asking providers for what no webhook told of. A run is a tree of small pieces of work, each a message in a queue.

A schedule only begins it. Lists become checks of some orders each, so any number of orders is one schedule's work. Each piece writes
down what it did, once, with the pieces that it leads to, and only then sends these: who comes after a dead worker, or twice, finds
the same. A piece whose time is over leaves the rest to another; orders of a provider that does not answer are asked for again later.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol

from holdfast.kernel.errors import Refusal, UnavailableError
from holdfast.kernel.model import Model
from holdfast.payments.reports import ROOT, Counts, Kind, Line, Mode, Part, Run, RunStore, Task, report

PAGE = 2000
"""Orders that are listed at a time: a list should not take so long that orders leave it meanwhile."""
STANDING = 500
"""Open discrepancies that are read at a time: they, and the work that they lead to, are small enough for one read and one write."""
CHUNK = 50
"""Orders that are asked for in one piece: at half a second each, half of a worker's time."""
RETRIES = (60, 300, 900)
"""Seconds after which providers that did not answer are asked again. The next run does it anyway."""
STRIKES = 3
"""Failures in a row, after which a piece asks a provider no more: its own breaker counts those of all workers."""
STILL_AT_WORK = timedelta(hours=3)
"""So long a scheduled run keeps the next one of its kind waiting."""

BEGUN_WITHIN = timedelta(minutes=15)
"""After this long, a run that has its beginning and no work done has lost its messages."""


class Named(NamedTuple):
    """An order on a list: where the list goes on behind it, and when the order was placed."""

    order: str
    position: str
    placed_at: datetime


class Seen(Model):
    """What came of one order, or payment. `again`: nothing was learned, ask once more after so many seconds, at least. `silences`: its
    provider answers nobody for now. `tally`: discrepancies that were `opened` and `resolved`.
    """

    line: Line
    asked: bool = False
    changed: bool = False
    found: bool = False
    again: int | None = None
    silences: bool = False
    tally: Mapping[str, int] = {}


Silent = Mapping[str, str]
"""Providers that are not to be asked, and why."""


class Plan(Protocol):
    """What a run begins with."""

    def lists(self, mode: Mode) -> Sequence[tuple[str, int]]:
        """The lists of orders that the mode reads, and in how many parts each lies."""
        ...

    def providers(self, shop: str) -> Sequence[str]:
        """Those with which it has an account."""
        ...


class Desk(Protocol):
    """All that the pieces of work touch."""

    def listed(self, task: Task, limit: int) -> Sequence[Named]:
        """A page of a list, the oldest first."""
        ...

    def look(self, task: Task, about: str, silent: Silent, now: datetime) -> Seen: ...

    def statement(self, task: Task) -> tuple[Sequence[str], str | None]:
        """Payments of a page that do not seem to fit our orders, and the next page."""
        ...

    def open(self, task: Task, limit: int) -> tuple[Mapping[str, Sequence[str]], str | None]:
        """Payments, by their provider, about which a discrepancy is open: a page of so many discrepancies, and where to go on."""
        ...

    def match_events(self, task: Task, now: datetime) -> Mapping[str, int]: ...

    def check_reservations(self, task: Task, now: datetime) -> Mapping[str, int]: ...


class Messages(Protocol):
    def send_all(self, messages: Sequence[tuple[Mapping[str, Any], timedelta]]) -> None:
        """Each with how long it waits first, 15 minutes at most. Those before one that could not be sent may have gone."""
        ...


@dataclass(frozen=True)
class Office:
    """Where runs are written down, and how their work goes on."""

    runs: RunStore
    messages: Messages


class Worked(NamedTuple):
    """`new` is False when the piece had been done before."""

    part: Part
    new: bool


def start(run: Run, *, plan: Plan, office: Office) -> Part:
    """Begin a run. The same again begins nothing new."""
    office.runs.begin(run)
    root = Part(shop=run.shop, run=run.id, name=ROOT, at=run.started_at, next=tuple(_roots(run, plan)))
    standing, _ = office.runs.add(root)
    _pass_on(standing, office)
    return standing


def at_work(shop: str, mode: Mode, *, runs: RunStore, now: datetime) -> Run | None:
    """A run of that kind whose work is not done yet. One that never ends keeps nobody waiting for long, and one whose work never began
    for less: its sender died.
    """
    for run in runs.runs(shop, 10, None):
        if run.options.mode is not mode or now >= run.started_at + STILL_AT_WORK:
            continue
        found = report(run, runs=runs)
        if found.finished_at is None and (found.parts > 1 or now < run.started_at + BEGUN_WITHIN):
            return run
    return None


def work(task: Task, *, desk: Desk, office: Office, now: Callable[[], datetime], enough: Callable[[], bool]) -> Worked:
    """Do one piece of work, unless it was done. `enough`: there is time for one more order."""
    done, new = office.runs.part(task.shop, task.run, task.name), False
    if done is None:
        done, new = office.runs.add(_WORK[task.kind](task, desk, now, enough))
    _pass_on(done, office)
    return Worked(done, new)


def _pass_on(part: Part, office: Office) -> None:
    if part.next:
        office.messages.send_all([(task.message, timedelta(seconds=task.delay)) for task in part.next])


def _roots(run: Run, plan: Plan) -> list[Task]:
    mode, options = run.options.mode, run.options
    first, *then = (source for source, _ in plan.lists(mode))
    lists = [
        _task(run, Kind.LIST, f"{first}.{bucket}", source=first, bucket=bucket, then=tuple(then))
        for bucket in range(max(buckets for _, buckets in plan.lists(mode)))
    ]
    if mode is Mode.LEDGER:
        statements = [_task(run, Kind.STATEMENT, f"statement.{name}", provider=name) for name in plan.providers(run.shop)]
        return [*lists, *statements, _task(run, Kind.AGAIN, "again")]
    stock = options.cleanup_reservations or options.check_orphaned_reservations
    return [*lists, _task(run, Kind.EVENTS, "events"), *([_task(run, Kind.RESERVATIONS, "reservations")] if stock else [])]


def _task(run: Run, kind: Kind, name: str, **more: object) -> Task:
    return Task.model_validate({"kind": kind, "shop": run.shop, "run": run.id, "name": name, "options": run.options, **more})


def _list(task: Task, desk: Desk, now: Callable[[], datetime], _: Callable[[], bool]) -> Part:
    """Orders too young to be asked for are counted here: a list has their age.

    One list after the other, in the order in which an order moves through them: one that left the first before it was named there is
    on the next one when that is read.
    """
    at = now()
    page = desk.listed(task, PAGE)
    grown = [named.order for named in page if named.placed_at <= at - timedelta(minutes=task.options.min_age_minutes)]
    kind = Kind.COMPARE if task.options.mode is Mode.LEDGER else Kind.CHECK
    onward: list[Task] = []
    if len(page) == PAGE:
        name = f"{task.source}.{task.bucket}.{task.page + 1:05d}"
        onward = [task.model_copy(update={"after": page[-1].position, "page": task.page + 1, "name": name})]
    elif task.then:
        source, *then = task.then
        onward = [task.model_copy(update={**FRESH, "source": source, "then": tuple(then), "name": f"{source}.{task.bucket}"})]
    young = len(page) - len(grown)
    counts = Counts(listed=len(page), skipped={"too_young": young} if young else {})
    return _part(task, at, counts, onward=[*onward, *_pieces(task, kind, grown)])


FRESH = {"after": "", "page": 0, "about": (), "cursor": None, "attempt": 0, "delay": 0}
"""Of a task that begins something else."""


def _pieces(task: Task, kind: Kind, about: Sequence[str], **more: object) -> list[Task]:
    chunks = [tuple(about[start : start + CHUNK]) for start in range(0, len(about), CHUNK)]
    fresh = {**FRESH, "kind": kind, "source": None, "bucket": 0, "then": (), **more}
    return [
        task.model_copy(update={**fresh, "name": f"{task.name}/{kind}.{number:04d}", "about": chunk}) for number, chunk in enumerate(chunks)
    ]


@dataclass
class _Silence:
    """Which providers are not asked any more in this piece."""

    strikes: Counter[str] = field(default_factory=Counter)
    silent: dict[str, str] = field(default_factory=dict)

    def heard(self, seen: Seen) -> None:
        provider, why = seen.line.provider, seen.line.why
        if provider is None or not seen.asked:
            return
        self.strikes[provider] = self.strikes[provider] + 1 if seen.again is not None else 0
        if why is not None and (seen.silences or self.strikes[provider] >= STRIKES):
            self.silent[provider] = why


def _each(task: Task, desk: Desk, now: Callable[[], datetime], enough: Callable[[], bool]) -> Part:
    """One after the other. The first is looked at in any case, so that a piece always comes on."""
    silence, seen, later = _Silence(), [], []
    for number, about in enumerate(task.about):
        if number and not enough():
            break
        one = desk.look(task, about, silence.silent, now())
        silence.heard(one)
        seen.append(one)
        if one.again is not None and task.attempt < len(RETRIES):
            seen.pop()
            later.append((about, one.again))
    rest = task.about[len(seen) + len(later) :]
    onward = [task.model_copy(update={"name": f"{task.name}~", "about": rest, "delay": 0})] if rest else []
    if later:
        wait = max(RETRIES[task.attempt], *(seconds for _, seconds in later))
        name, attempt = f"{task.name}+{task.attempt + 1}", task.attempt + 1
        again = tuple(about for about, _ in later)
        onward.append(task.model_copy(update={"name": name, "about": again, "attempt": attempt, "delay": min(wait, 900)}))
    lines = tuple(one.line for one in seen) if task.options.verbose else ()
    return _part(task, now(), counted(seen), lines=lines, onward=onward)


def counted(seen: Sequence[Seen]) -> Counts:
    """Skipped and refused ones by their reason."""
    lines = [one.line for one in seen]
    tally: Counter[str] = Counter()
    for one in seen:
        tally.update(one.tally)
    return Counts(
        checked=len(seen),
        asked=sum(one.asked for one in seen),
        changed=sum(one.changed for one in seen),
        found=sum(one.found for one in seen),
        results=Counter(line.result for line in lines),
        skipped=Counter(line.why or "" for line in lines if line.result == "skipped"),
        errors=Counter(line.why or "" for line in lines if line.result == "error"),
        discrepancies=tally,
    )


def _statement(task: Task, desk: Desk, now: Callable[[], datetime], _: Callable[[], bool]) -> Part:
    at = now()
    try:
        odd, more = desk.statement(task)
    except UnavailableError as silence:
        if task.attempt == len(RETRIES):
            return _part(task, at, Counts(errors={silence.code: 1}))
        later = {"attempt": task.attempt + 1, "delay": RETRIES[task.attempt], "name": f"{task.name}+{task.attempt + 1}"}
        return _part(task, at, Counts(), onward=[task.model_copy(update=later)])
    except Refusal as refusal:
        return _part(task, at, Counts(errors={refusal.code: 1}))
    page = {"cursor": more, "page": task.page + 1, "attempt": 0, "delay": 0, "name": f"statement.{task.provider}.{task.page + 1:05d}"}
    onward = [task.model_copy(update=page)] if more else []
    return _part(task, at, Counts(), onward=[*_pieces(task, Kind.CONFIRM, odd), *onward])


def _again(task: Task, desk: Desk, now: Callable[[], datetime], _: Callable[[], bool]) -> Part:
    odd, last = desk.open(task, STANDING)
    pieces = [piece for name in sorted(odd) for piece in _pieces(_of(task, name), Kind.CONFIRM, odd[name])]
    page = {"after": last, "page": task.page + 1, "name": f"again.{task.page + 1:05d}"}
    onward = [task.model_copy(update=page)] if last else []
    return _part(task, now(), Counts(), onward=[*pieces, *onward])


def _of(task: Task, provider: str) -> Task:
    return task.model_copy(update={"provider": provider, "name": f"{task.name}.{provider}"})


def _events(task: Task, desk: Desk, now: Callable[[], datetime], _: Callable[[], bool]) -> Part:
    at = now()
    return _part(task, at, Counts(events=desk.match_events(task, at)))


def _reservations(task: Task, desk: Desk, now: Callable[[], datetime], _: Callable[[], bool]) -> Part:
    at = now()
    return _part(task, at, Counts(reservations=desk.check_reservations(task, at)))


def _part(task: Task, at: datetime, counts: Counts, *, lines: tuple[Line, ...] = (), onward: Sequence[Task] = ()) -> Part:
    return Part(shop=task.shop, run=task.run, name=task.name, at=at, counts=counts, lines=lines, next=tuple(onward))


_WORK: Mapping[Kind, Callable[[Task, Desk, Callable[[], datetime], Callable[[], bool]], Part]] = {
    Kind.LIST: _list,
    Kind.CHECK: _each,
    Kind.COMPARE: _each,
    Kind.CONFIRM: _each,
    Kind.STATEMENT: _statement,
    Kind.AGAIN: _again,
    Kind.EVENTS: _events,
    Kind.RESERVATIONS: _reservations,
}
