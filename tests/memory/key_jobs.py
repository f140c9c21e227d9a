"""`fulfilment.key_jobs.Jobs` in memory, and texts that wait as they are."""

from collections.abc import Sequence
from datetime import datetime

from holdfast.fulfilment.key_jobs import Chunk, Job
from holdfast.kernel.errors import VersionConflict
from tests.memory.engine import Memory, MemoryWrite, nothing


class MemoryKeyJobs:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def add_chunk(self, chunk: Chunk) -> None:
        self._memory.change(("key-chunk", chunk.shop, chunk.job, chunk.number), nothing, lambda _: chunk)

    def add(self, job: Job) -> Job:
        added, standing = self._memory.change(("key-job", job.shop, job.id), nothing, lambda _: job)
        found: Job = job if added else standing
        return found

    def get(self, shop: str, job: str) -> Job | None:
        found: Job | None = self._memory.get("key-job", shop, job)
        return found

    def chunks(self, shop: str, job: str, numbers: Sequence[int]) -> list[Chunk]:
        found = (self._memory.get("key-chunk", shop, job, number) for number in numbers)
        return [chunk for chunk in found if chunk is not None]

    def advance(self, worked: Chunk, now: datetime) -> None:
        def not_worked(chunk: Chunk | None) -> bool:
            return chunk is not None and self._memory.condition("NOT_WORKED", not chunk.done)

        def counted(job: Job) -> Job:
            return job.model_copy(update={"worked": job.worked + 1, "imported": job.imported + worked.imported, "moved_at": now})

        before = VersionConflict("It was worked before.")
        chunk = MemoryWrite(("key-chunk", worked.shop, worked.job, worked.number), not_worked, lambda _: worked, before)
        job = MemoryWrite(("key-job", worked.shop, worked.job), lambda row: row is not None, counted, before)
        self._memory.commit([chunk, job], token=f"{worked.job}#{worked.number}")


class Plain:
    """`fulfilment.key_jobs.Sealer` that seals nothing."""

    def shut(self, shop: str, sku: str, name: str, text: str) -> str:
        return f"{shop}#{sku}#{name}:{text}"

    def unshut(self, shop: str, sku: str, name: str, sealed: str) -> str:
        assert sealed.startswith(f"{shop}#{sku}#{name}:")
        return sealed.removeprefix(f"{shop}#{sku}#{name}:")
