"""Imports of keys in the operations table. A job and each of its chunks lie under keys of their own."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from holdfast.fulfilment.key_jobs import Chunk, Job
from holdfast.kernel.errors import VersionConflict
from holdfast.kernel.time import epoch, rfc3339
from holdfast.kernel.writes import Commit
from holdfast.platform.dynamo import NOT_THERE, ConditionFailed, Expression, Item, Table, record, rows

KEPT = timedelta(days=30)
# The chunk was not worked yet: its texts are there.
NOT_WORKED = "attribute_exists(#sealed)"


class DynamoKeyJobs:
    """`fulfilment.key_jobs.Jobs`."""

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

    def advance(self, worked: Chunk, now: datetime) -> None:
        before = VersionConflict("This part of the import was worked before.")
        names = {"#worked": "worked", "#imported": "imported", "#moved": "moved_at"}
        counted = Expression(
            "SET #worked = #worked + :one, #imported = #imported + :imported, #moved = :now",
            names,
            {":one": 1, ":imported": worked.imported, ":now": rfc3339(now)},
        )
        there = Expression("attribute_exists(#worked)", {"#worked": "worked"})
        writes = [
            self._table.put_write(_chunk_item(worked), Expression(NOT_WORKED, {"#sealed": "sealed"}), before),
            self._table.update_write(job_key(worked.shop, worked.job), counted, there, before),
        ]
        self._commit(writes, token=f"{worked.job}#{worked.number}")


def job_key(shop: str, job: str) -> dict[str, str]:
    return {"pk": f"{shop}#KEYS#{job}", "sk": "JOB"}


def chunk_key(shop: str, job: str, number: int) -> dict[str, str]:
    return {"pk": f"{shop}#KEYS#{job}#{number}", "sk": "CHUNK"}


def _job_item(job: Job) -> Item:
    return {**job_key(job.shop, job.id), **record(job), "faults": rows(job.faults), "ttl": epoch(job.created_at + KEPT)}


def _chunk_item(chunk: Chunk) -> Item:
    return {**chunk_key(chunk.shop, chunk.job, chunk.number), **record(chunk), "ttl": epoch(chunk.created_at + KEPT)}
