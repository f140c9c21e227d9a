"""Bulk changes in the operations table. A job and each of its chunks lie under keys of their own, so that no partition
carries them all."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from holdfast.kernel.errors import VersionConflict
from holdfast.kernel.time import epoch, rfc3339
from holdfast.kernel.writes import Commit
from holdfast.platform.dynamo import NOT_THERE, ConditionFailed, Expression, Item, Table, record
from holdfast.stock.bulk import BEGINS, Chunk, Counts, Job, Phase

KEPT = timedelta(days=30)
# The chunk is where it was seen, and no other worker's lease lasts.
NOBODYS = "#stage = :stage AND #lease <= :now"
# The claim is ours still.
OURS = "#claim = :claim AND #stage = :stage"
# The job is in the phase that the chunk was worked in.
SAME_PHASE = "#phase = :phase"
# All rows were applied, and nobody began to undo them.
APPLIED = "#phase = :apply AND #worked = :chunks"


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

    def claim(self, claimed: Chunk, now: datetime) -> bool:
        names = {"#stage": "stage", "#lease": "lease_until"}
        try:
            self._table.put(_chunk_item(claimed), Expression(NOBODYS, names, {":stage": claimed.stage.value, ":now": rfc3339(now)}))
        except ConditionFailed as lost:
            return lost.item is not None and lost.item["claim"] == claimed.claim  # ours, delivered twice
        return True

    def advance(self, chunk: Chunk, counts: Counts, phase: Phase, now: datetime) -> None:
        """The counts are guarded against repetition by the chunk's claim."""
        lost = VersionConflict("Another worker has this chunk now.")
        ours = Expression(OURS, {"#stage": "stage", "#claim": "claim"}, {":claim": chunk.claim, ":stage": BEGINS[phase].value})
        added = counts.model_dump()
        change = Expression(
            "SET #moved = :moved, " + ", ".join(f"#{name} = #{name} + :{name}" for name in added),
            {"#moved": "moved_at", **{f"#{name}": name for name in added}},
            {":moved": rfc3339(now), **{f":{name}": number for name, number in added.items()}},
        )
        same = Expression(SAME_PHASE, {"#phase": "phase"}, {":phase": phase.value})
        writes = [
            self._table.put_write(_chunk_item(chunk), ours, lost),
            self._table.update_write(job_key(chunk.shop, chunk.job), change, same, lost),
        ]
        self._commit(writes, token=chunk.claim)

    def begin_undo(self, after: Job) -> bool:
        applied = Expression(APPLIED, {"#phase": "phase", "#worked": "worked"}, {":apply": "apply", ":chunks": after.chunks})
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
