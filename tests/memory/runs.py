"""`platform.runs.Runs` in memory."""

from holdfast.kernel.time import rfc3339
from holdfast.platform.runs import Run
from tests.memory.engine import Memory


class MemoryRuns:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def add(self, run: Run) -> None:
        self._memory.put(("run", run.shop, run.job, rfc3339(run.started_at), run.id), run)

    def last(self, shop: str, job: str, limit: int) -> list[Run]:
        runs: list[Run] = self._memory.of("run", shop, job)
        return runs[::-1][:limit]
