"""Bulk changes in the operations table. A job and each of its chunks lie under keys of their own: no partition carries them all."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from holdfast.kernel.errors import VersionConflict
from holdfast.kernel.time import epoch, rfc3339
from holdfast.kernel.writes import Commit
from holdfast.platform.dynamo import NOT_THERE, THERE, ConditionFailed, Expression, Item, Table, record
from holdfast.stock.bulk import Chunk, Job

KEPT = timedelta(days=30)
# The job is where it was seen, and no other worker's lease lasts.
NOBODYS = "#next = :next AND #phase = :phase AND #lease <= :now"
# The claim is ours still.
OURS = "#claim = :claim AND #next = :next AND #phase = :phase"
# All rows were applied, and nobody began to undo them.
APPLIED = "#phase = :apply AND #next = :chunks"

_NAMES = {"#next": "next", "#phase": "phase"}


class DynamoJobs:
    """`stock.bulk.Jobs`."""

    def __init__(self, table: Table, commit: Commit) -> None:
        self._table, self._commit = table, commit

    def add_chunk(self, chunk: Chunk) -> None:
        try:
            self._table.put(_chunk_item(chunk), NOT_THERE)
        except ConditionFailed:
            return  # an earlier try of the same request

    def add(self, job: Job) -> Job:
        try:
            self._table.put(_job_item(job), NOT_THERE)
        except ConditionFailed as there:
            return Job.model_validate(there.item)
        return job

    def get(self, shop: str, job: str) -> Job | None:
        item = self._table.get(job_key(shop, job))
        return Job.model_validate(item) if item else None

    def chunks(self, shop: str, job: str, numbers: Sequence[int]) -> list[Chunk]:
        items = self._table.batch_get([chunk_key(shop, job, number) for number in numbers])
        return sorted(map(Chunk.model_validate, items), key=lambda chunk: chunk.number)

    def claim(self, claimed: Job, seen: Job, now: datetime) -> bool:
        free = Expression(
            NOBODYS, {**_NAMES, "#lease": "lease_until"}, {":next": seen.next, ":phase": seen.phase.value, ":now": rfc3339(now)}
        )
        try:
            self._table.put(_job_item(claimed), free)
        except ConditionFailed as lost:
            return lost.item is not None and lost.item.get("claim") == claimed.claim  # ours, delivered twice
        return True

    def advance(self, after: Job, seen: Job, chunk: Chunk) -> None:
        lost = VersionConflict("Another worker has this bulk change now.")
        ours = Expression(OURS, {**_NAMES, "#claim": "claim"}, {":claim": seen.claim, ":next": seen.next, ":phase": seen.phase.value})
        writes = [self._table.put_write(_job_item(after), ours, lost), self._table.put_write(_chunk_item(chunk), THERE, lost)]
        self._commit(writes, token=f"{seen.claim}@{seen.next}")

    def begin_undo(self, after: Job) -> bool:
        applied = Expression(APPLIED, _NAMES, {":apply": "apply", ":chunks": after.chunks})
        try:
            self._table.put(_job_item(after), applied)
        except ConditionFailed:
            return False
        return True


def job_key(shop: str, job: str) -> dict[str, str]:
    return {"pk": f"{shop}#BULK#{job}", "sk": "JOB"}


def chunk_key(shop: str, job: str, number: int) -> dict[str, str]:
    return {"pk": f"{shop}#BULK#{job}#{number}", "sk": "CHUNK"}


def _job_item(job: Job) -> Item:
    return {**job_key(job.shop, job.id), **record(job), "ttl": epoch(job.created_at + KEPT)}


def _chunk_item(chunk: Chunk) -> Item:
    return {**chunk_key(chunk.shop, chunk.job, chunk.number), **record(chunk), "ttl": epoch(chunk.created_at + KEPT)}
