"""Large imports of licence keys: kept as a job, and worked a chunk at a time, each chunk telling the next.

The texts wait sealed, and vanish from a chunk when it was worked. A chunk that is worked twice, or again after a crash, imports nothing
twice: the job's id is the identity of its import.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from holdfast.fulfilment.importing import ImportKeys, import_keys
from holdfast.fulfilment.key_file import Fault
from holdfast.fulfilment.ports import FulfilmentStore, Stock
from holdfast.kernel.errors import Conflict, IdempotencyKeyReused, NotFound
from holdfast.kernel.ids import ShopId, Sku
from holdfast.kernel.model import Record
from holdfast.kernel.time import Instant

CHUNK_KEYS = 400
"""Ten transactions: a second or two of work."""
CHUNK_BYTES = 150_000
"""Of text; sealed it is a third more, and an item has room for 400 KB."""


class UnknownImport(NotFound):
    """Same words as for anything unknown."""


class Row(NamedTuple):
    """A key, and its position in the list that was sent."""

    position: int
    text: str


class Chunk(Record):
    """Some rows of a job. `duplicates`: their positions, also of those that stand in the list twice; `sealed` until it is worked."""

    shop: ShopId
    job: str
    number: int
    created_at: Instant
    duplicates: tuple[int, ...] = ()
    imported: int = 0
    sealed: str | None = None

    @property
    def done(self) -> bool:
        return self.sealed is None


class Job(Record):
    """`worked`, of `chunks`, in their order. `refused` rows were left out, because that was asked for; the first of them are `faults`."""

    id: str
    shop: ShopId
    sku: Sku
    actor: str
    fingerprint: str
    dry_run: bool
    created_at: Instant
    moved_at: Instant
    rows: int
    refused: int = 0
    faults: tuple[Fault, ...] = ()
    chunks: int = 0
    worked: int = 0
    imported: int = 0

    @property
    def finished(self) -> bool:
        return self.worked >= self.chunks

    @property
    def status(self) -> str:
        return "done" if self.finished else "working" if self.worked else "accepted"


class Jobs(Protocol):
    """Where imports are kept."""

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

    def advance(self, worked: Chunk, now: datetime) -> None:
        """A chunk is worked, and counted with its job, once. VersionConflict when it was before."""
        ...


class Sealer(Protocol):
    """Texts that wait, each for its shop, SKU and name."""

    def shut(self, shop: str, sku: str, name: str, text: str) -> str: ...
    def unshut(self, shop: str, sku: str, name: str, sealed: str) -> str: ...


def submit(job: Job, rows: Sequence[Row], *, jobs: Jobs, sealer: Sealer) -> Job:
    """Kept to be worked; the job of an earlier try of the same request as it stands. IdempotencyKeyReused."""
    standing = jobs.get(job.shop, job.id)
    if standing is None:
        parts = list(_chunks(rows))
        for number, (some, twice) in enumerate(parts):
            sealed = sealer.shut(job.shop, job.sku, _name(job.id, number), json.dumps(some, ensure_ascii=False))
            jobs.add_chunk(
                Chunk(shop=job.shop, job=job.id, number=number, created_at=job.created_at, duplicates=tuple(twice), sealed=sealed)
            )
        standing = jobs.add(job.model_copy(update={"chunks": len(parts)}))  # last: a job that is there has all its chunks
    if standing.fingerprint != job.fingerprint:
        raise IdempotencyKeyReused("This Idempotency-Key was used with another body. Use a new key for a new request.")
    return standing


def work(
    shop: str, job: str, number: int, *, jobs: Jobs, sealer: Sealer, store: FulfilmentStore, stock: Stock, now: datetime
) -> int | None:
    """One chunk: the number of the next one, or None after the last. Safe to repeat, and to do twice at once. UnknownImport."""
    found = read(shop, job, jobs=jobs)
    (chunk,) = jobs.chunks(shop, job, [number])
    if chunk.sealed is not None:
        rows = [Row(*row) for row in json.loads(sealer.unshut(shop, found.sku, _name(job, number), chunk.sealed))]
        keys = tuple(row.text for row in rows)
        command = ImportKeys(shop=shop, sku=found.sku, keys=keys, batch=job, actor=found.actor, dry_run=found.dry_run)
        imported = import_keys(command, store=store, stock=stock, now=now)
        duplicates = sorted({*chunk.duplicates, *(rows[position].position for position in imported.duplicates)})
        _advance(chunk.model_copy(update={"sealed": None, "imported": imported.imported, "duplicates": tuple(duplicates)}), jobs, now)
    return number + 1 if number + 1 < found.chunks else None


def read(shop: str, job: str, *, jobs: Jobs) -> Job:
    """UnknownImport."""
    found = jobs.get(shop, job)
    if found is None:
        raise UnknownImport
    return found


def duplicates(job: Job, *, jobs: Jobs) -> list[int]:
    """Positions, as far as the job is. What is not worked yet is not read: it is large."""
    return [position for chunk in jobs.chunks(job.shop, job.id, range(job.worked)) for position in chunk.duplicates]


def _advance(chunk: Chunk, jobs: Jobs, now: datetime) -> None:
    try:
        jobs.advance(chunk, now)
    except Conflict:
        return  # the message came twice, and the other one was faster; what both imported is the same


def _chunks(rows: Sequence[Row]) -> Iterator[tuple[list[Row], list[int]]]:
    """Rows that go together, and positions of those that stand in the list before."""
    known: set[str] = set()
    some: list[Row] = []
    twice: list[int] = []
    size = 0
    for row in rows:
        if row.text in known:
            twice.append(row.position)
            continue
        known.add(row.text)
        bytes_ = len(row.text.encode()) + 12
        if some and (len(some) == CHUNK_KEYS or size + bytes_ > CHUNK_BYTES):
            yield some, twice
            some, twice, size = [], [], 0
        some.append(row)
        size += bytes_
    yield some, twice


def _name(job: str, number: int) -> str:
    return f"{job}#{number}"
