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


class Chunk(Record):
    """Some rows of a job, with what became of them, and of their undoing."""

    shop: ShopId
    job: str
    number: int
    created_at: Instant
    tasks: tuple[Task, ...]
    results: tuple[Result, ...] = ()
    undone: tuple[Result, ...] = ()


class Phase(StrEnum):
    APPLY = "apply"
    UNDO = "undo"


class Job(Record):
    """`next` is the chunk to be worked, `claim` and `lease_until` say by whom it is. Counts are of rows."""

    id: str
    shop: ShopId
    actor: str
    fingerprint: str
    created_at: Instant
    rows: int
    chunks: int
    phase: Phase = Phase.APPLY
    next: int = 0
    done: int = 0
    refused: int = 0
    unchanged: int = 0
    undone: int = 0
    undo_refused: int = 0
    claim: str = ""
    lease_until: Instant
    finished_at: Instant | None = None

    @property
    def finished(self) -> bool:
        return self.next >= self.chunks

    @property
    def status(self) -> str:
        if self.phase is Phase.UNDO:
            return "undone" if self.finished else "undoing"
        return "done" if self.finished else "working" if self.next or self.claim else "accepted"


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

    def claim(self, claimed: Job, seen: Job, now: datetime) -> bool:
        """Write the claim, if the job is where it was seen and nobody else's lease lasts. False else."""
        ...

    def advance(self, after: Job, seen: Job, chunk: Chunk) -> None:
        """A chunk is done: its results and the job, together. VersionConflict when the claim was lost."""
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
            jobs.add_chunk(Chunk(shop=job.shop, job=job.id, number=number, created_at=job.created_at, tasks=part))
        standing = jobs.add(job)  # last: a job that is there has all its rows
    if standing.fingerprint != job.fingerprint:
        raise IdempotencyKeyReused("This Idempotency-Key was used with another body. Use a new key for a new request.")
    return standing


def new_job(shop: str, job: str, actor: str, fingerprint: str, rows: int, now: datetime) -> Job:
    return Job(
        id=job, shop=shop, actor=actor, fingerprint=fingerprint, created_at=now, rows=rows, chunks=-(-rows // CHUNK), lease_until=now
    )


def work(shop: str, job: str, *, jobs: Jobs, store: StockStore, grace: timedelta, now: datetime) -> Job:
    """One chunk, and the job after it. UnknownJob; IdempotencyKeyInFlight while another worker has it."""
    seen = read(shop, job, jobs=jobs)
    if seen.finished:
        return seen
    ours = seen.model_copy(update={"claim": new_id("clm", now), "lease_until": now + LEASE})
    if not jobs.claim(ours, seen, now):
        raise IdempotencyKeyInFlight("The bulk change is being worked on.", retry_after=5)
    (chunk,) = jobs.chunks(shop, job, [seen.next])
    causes = _applying(ours, chunk) if seen.phase is Phase.APPLY else _undoing(ours, chunk)
    booked = store.ledger.movements(shop, [cause.movement for cause in causes.values()])
    results = tuple(_book(row, cause, cause.movement in booked, store, grace, now) for row, cause in causes.items())
    if seen.phase is Phase.APPLY:
        still = tuple(Result(row=task.row, state=State.UNCHANGED) for task in chunk.tasks if task.delta == 0)
        results = tuple(sorted((*results, *still), key=lambda result: result.row))
    after = _counted(ours, results, now)
    field = "results" if seen.phase is Phase.APPLY else "undone"
    jobs.advance(after, ours, chunk.model_copy(update={field: results}))
    return after


def carry_on(shop: str, job: str, chunk: int, *, jobs: Jobs, store: StockStore, grace: timedelta, now: datetime) -> Job | None:
    """What a queued message does: the next chunk. None when there is nothing left for it to do or to send on.

    A message that comes a second time is behind the job, and another one carries that on; unless nothing moved for a while.
    """
    seen = read(shop, job, jobs=jobs)
    if seen.finished or (chunk < seen.next and now < seen.lease_until + LEASE):
        return None
    after = work(shop, job, jobs=jobs, store=store, grace=grace, now=now)
    return None if after.finished else after


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
    after = seen.model_copy(update={"phase": Phase.UNDO, "next": 0, "claim": "", "lease_until": now, "finished_at": None})
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


def _applying(job: Job, chunk: Chunk) -> dict[int, booking.Adjust]:
    return {task.row: _cause(job, task, task.delta, f"bulk#{job.id}#{task.row}") for task in chunk.tasks if task.delta}


def _undoing(job: Job, chunk: Chunk) -> dict[int, booking.Adjust]:
    """Whatever is there now is left: only the difference goes back."""
    applied = {result.row for result in chunk.results if result.state is State.DONE}
    tasks = [
        task.model_copy(update={"expected": None, "reason": Reason.CORRECTION, "note": f"undo of {job.id}"})
        for task in chunk.tasks
        if task.row in applied
    ]
    return {task.row: _cause(job, task, -task.delta, f"undo#{job.id}#{task.row}") for task in tasks}


def _cause(job: Job, task: Task, delta: int, identity: str) -> booking.Adjust:
    return booking.Adjust(
        shop=job.shop,
        sku=task.sku,
        identity=identity,
        actor=job.actor,
        document=task.document or job.id,
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


def _counted(job: Job, results: Sequence[Result], now: datetime) -> Job:
    states = Counter(result.state for result in results)
    if job.phase is Phase.UNDO:
        counts = {"undone": job.undone + states[State.DONE], "undo_refused": job.undo_refused + states[State.REFUSED]}
    else:
        counts = {
            "done": job.done + states[State.DONE],
            "refused": job.refused + states[State.REFUSED],
            "unchanged": job.unchanged + states[State.UNCHANGED],
        }
    last = job.next + 1 >= job.chunks
    return job.model_copy(update={**counts, "next": job.next + 1, "lease_until": now, "finished_at": now if last else None})
