"""Many adjustments at once: planned as a whole and refused as a whole, then applied row by row, resumable and undone once.

Each row is a booking with an identity of its own (job and row), so that a row that was applied is found again after a crash.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from holdfast.kernel.errors import Conflict, Forbidden, IdempotencyKeyInFlight, IdempotencyKeyReused, NotFound, Refusal
from holdfast.kernel.ids import ShopId, Sku, new_id
from holdfast.kernel.model import Record
from holdfast.kernel.time import Instant
from holdfast.stock import booking
from holdfast.stock.bulk_plan import Wish, plan
from holdfast.stock.inventory import Desk
from holdfast.stock.model import Reason
from holdfast.stock.ports import StockStore

MOST_ROWS = 10_000
CHUNK = 100
"""Rows that are worked at a time: a few seconds, and well within one item."""
LEASE = timedelta(seconds=90)
"""How long a worker may take for a chunk before another one takes it over. No function lives as long."""
PACE = timedelta(seconds=3)
"""Between chunks in the background: other work on stock must not wait behind ten thousand rows."""


class UnknownJob(NotFound):
    """Same words as for anything unknown."""


class BulkNotFinished(Conflict):
    """What is still at work cannot be undone. Facts: done, rows."""

    code = "bulk_not_finished"


class UndoTokenInvalid(Forbidden):
    """The token is not the one that this bulk change was answered with."""

    code = "undo_token_invalid"


class Task(Record):
    """A row as it is kept."""

    row: int
    sku: Sku
    delta: int
    expected: int | None = None
    reason: Reason
    location: str
    document: str | None = None
    note: str | None = None


class State(StrEnum):
    """Of a row. `unchanged`: the figure was that already."""

    WAITING = "waiting"
    DONE = "done"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


class Result(Record):
    """What became of a row; `code` and `detail` say why it was refused, `movement` is its ledger document."""

    row: int
    state: State
    code: str | None = None
    detail: str | None = None
    movement: str | None = None


class Stage(StrEnum):
    """How far a chunk is."""

    WAITING = "waiting"
    APPLIED = "applied"
    UNDONE = "undone"


class Chunk(Record):
    """Some rows of a job, with what became of them, and of their undoing. `claim` and `lease_until` say who works at it."""

    shop: ShopId
    job: str
    number: int
    created_at: Instant
    tasks: tuple[Task, ...]
    stage: Stage = Stage.WAITING
    results: tuple[Result, ...] = ()
    undone: tuple[Result, ...] = ()
    claim: str = ""
    lease_until: Instant


class Phase(StrEnum):
    APPLY = "apply"
    UNDO = "undo"


BEGINS = {Phase.APPLY: Stage.WAITING, Phase.UNDO: Stage.APPLIED}
ENDS = {Phase.APPLY: Stage.APPLIED, Phase.UNDO: Stage.UNDONE}


class Counts(Record):
    """Of rows; `worked` is of chunks, in the present phase."""

    worked: int = 0
    done: int = 0
    refused: int = 0
    unchanged: int = 0
    undone: int = 0
    undo_refused: int = 0


class Job(Counts):
    id: str
    shop: ShopId
    actor: str
    fingerprint: str
    created_at: Instant
    rows: int
    chunks: int
    phase: Phase = Phase.APPLY
    moved_at: Instant
    """When the last chunk was done."""

    @property
    def finished(self) -> bool:
        return self.worked >= self.chunks

    @property
    def status(self) -> str:
        if self.phase is Phase.UNDO:
            return "undone" if self.finished else "undoing"
        return "done" if self.finished else "working" if self.worked else "accepted"


class Jobs(Protocol):
    """Where bulk changes are kept."""

    def add_chunk(self, chunk: Chunk) -> None:
        """Nothing when it is there already."""
        ...

    def add(self, job: Job) -> Job:
        """The job as it stands then: another try may have added it."""
        ...

    def get(self, shop: str, job: str) -> Job | None: ...

    def chunks(self, shop: str, job: str, numbers: Sequence[int]) -> list[Chunk]:
        """In order."""
        ...

    def claim(self, claimed: Chunk, now: datetime) -> bool:
        """Write the claim, if the chunk is at that stage and nobody else's lease lasts. False else."""
        ...

    def advance(self, chunk: Chunk, counts: Counts, phase: Phase, now: datetime) -> None:
        """A chunk is done: its results, and what it adds to the job's counts, together. VersionConflict when the claim was lost."""
        ...

    def begin_undo(self, after: Job) -> bool:
        """Once: False when it was begun before."""
        ...


def submit(job: Job, wishes: Sequence[Wish], *, jobs: Jobs, desk: Desk, now: datetime) -> Job:
    """Planned, and kept to be worked; the job of an earlier try of the same request as it stands. BulkRefused, IdempotencyKeyReused."""
    standing = jobs.get(job.shop, job.id)
    if standing is None:
        plan(job.shop, wishes, desk=desk, now=now)
        tasks = [_task(wish) for wish in wishes]
        for number in range(job.chunks):
            part = tuple(tasks[number * CHUNK : (number + 1) * CHUNK])
            jobs.add_chunk(
                Chunk(shop=job.shop, job=job.id, number=number, created_at=job.created_at, tasks=part, lease_until=job.created_at)
            )
        standing = jobs.add(job)  # last: a job that is there has all its rows
    if standing.fingerprint != job.fingerprint:
        raise IdempotencyKeyReused("This Idempotency-Key was used with another body. Use a new key for a new request.")
    return standing


def new_job(shop: str, job: str, actor: str, fingerprint: str, rows: int, now: datetime) -> Job:
    return Job(id=job, shop=shop, actor=actor, fingerprint=fingerprint, created_at=now, rows=rows, chunks=-(-rows // CHUNK), moved_at=now)


def work(shop: str, job: str, number: int, *, jobs: Jobs, store: StockStore, grace: timedelta, now: datetime) -> None:
    """One chunk, in whatever phase the job is. Nothing when it was done. UnknownJob; IdempotencyKeyInFlight while another worker has it."""
    found = read(shop, job, jobs=jobs)
    phase, actor = found.phase, found.actor
    (seen,) = jobs.chunks(shop, job, [number])
    if seen.stage is not BEGINS[phase]:
        return
    ours = seen.model_copy(update={"claim": new_id("clm", now), "lease_until": now + LEASE})
    if not jobs.claim(ours, now):
        raise IdempotencyKeyInFlight("The bulk change is being worked on.", retry_after=5)
    causes = _applying(ours, actor) if phase is Phase.APPLY else _undoing(ours, actor)
    booked = store.ledger.movements(shop, [cause.movement for cause in causes.values()])
    results = [_book(row, cause, cause.movement in booked, store, grace, now) for row, cause in causes.items()]
    if phase is Phase.APPLY:
        results += [Result(row=task.row, state=State.UNCHANGED) for task in ours.tasks if task.delta == 0]
    field = "results" if phase is Phase.APPLY else "undone"
    told = tuple(sorted(results, key=lambda result: result.row))
    worked = ours.model_copy(update={"stage": ENDS[phase], "lease_until": now, field: told})
    jobs.advance(worked, _counts(results, phase), phase, now)


def undo(shop: str, job: str, *, jobs: Jobs, now: datetime) -> Job:
    """Begin to reverse what was applied, by new adjustments. Once: the second time it answers how far it is.

    UnknownJob, BulkNotFinished.
    """
    seen = read(shop, job, jobs=jobs)
    if seen.phase is Phase.UNDO:
        return seen
    if not seen.finished:
        worked = seen.done + seen.refused + seen.unchanged
        raise BulkNotFinished("Not all rows are done yet; undo it when they are.", done=worked, rows=seen.rows)
    after = seen.model_copy(update={"phase": Phase.UNDO, "worked": 0, "moved_at": now})
    return after if jobs.begin_undo(after) else read(shop, job, jobs=jobs)


def read(shop: str, job: str, *, jobs: Jobs) -> Job:
    """UnknownJob."""
    found = jobs.get(shop, job)
    if found is None:
        raise UnknownJob
    return found


def _task(wish: Wish) -> Task:
    return Task(
        row=wish.number,
        sku=wish.sku,
        delta=wish.change,
        expected=wish.expected_available,
        **wish.model_dump(include={"reason", "location", "document", "note"}),
    )


def _applying(chunk: Chunk, actor: str) -> dict[int, booking.Adjust]:
    return {task.row: _cause(chunk, task, task.delta, f"bulk#{chunk.job}#{task.row}", actor) for task in chunk.tasks if task.delta}


def _undoing(chunk: Chunk, actor: str) -> dict[int, booking.Adjust]:
    """Whatever is there now is left: only the difference goes back."""
    applied = {result.row for result in chunk.results if result.state is State.DONE}
    tasks = [
        task.model_copy(update={"expected": None, "reason": Reason.CORRECTION, "note": f"undo of {chunk.job}"})
        for task in chunk.tasks
        if task.row in applied
    ]
    return {task.row: _cause(chunk, task, -task.delta, f"undo#{chunk.job}#{task.row}", actor) for task in tasks}


def _cause(chunk: Chunk, task: Task, delta: int, identity: str, actor: str) -> booking.Adjust:
    return booking.Adjust(
        shop=chunk.shop,
        sku=task.sku,
        identity=identity,
        actor=actor,
        document=task.document or chunk.job,
        note=task.note,
        delta=delta,
        reason=task.reason,
        location=task.location,
        expected_available=task.expected,
    )


def _book(row: int, cause: booking.Adjust, booked: bool, store: StockStore, grace: timedelta, now: datetime) -> Result:
    """`booked`: a try that died has done it already."""
    try:
        if not booked:
            booking.adjust(cause, store=store, grace=grace, now=now)
    except Refusal as refusal:
        return Result(row=row, state=State.REFUSED, code=refusal.code, detail=refusal.detail)
    return Result(row=row, state=State.DONE, movement=cause.movement)


def _counts(results: Sequence[Result], phase: Phase) -> Counts:
    states = Counter(result.state for result in results)
    if phase is Phase.UNDO:
        return Counts(worked=1, undone=states[State.DONE], undo_refused=states[State.REFUSED])
    return Counts(worked=1, done=states[State.DONE], refused=states[State.REFUSED], unchanged=states[State.UNCHANGED])
