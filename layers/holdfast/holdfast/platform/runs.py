"""What jobs did: one item per run and shop in the operations table, kept thirty days."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Protocol

from holdfast.kernel.model import Record
from holdfast.kernel.time import Instant, epoch, rfc3339
from holdfast.platform.dynamo import Expression, Table, record

KEPT = timedelta(days=30)


class Run(Record):
    """`report` is the job's own; `trigger` says who started it: a schedule, or a person."""

    id: str
    shop: str
    job: str
    started_at: Instant
    finished_at: Instant
    trigger: str
    dry_run: bool
    report: Mapping[str, Any]


class Runs(Protocol):
    def add(self, run: Run) -> None:
        """The same run again writes the same item."""
        ...

    def last(self, shop: str, job: str, limit: int) -> list[Run]:
        """Newest first."""
        ...


class DynamoRuns:
    def __init__(self, table: Table) -> None:
        self._table = table

    def add(self, run: Run) -> None:
        self._table.put({**_key(run), "ttl": epoch(run.started_at + KEPT), **record(run)})

    def last(self, shop: str, job: str, limit: int) -> list[Run]:
        of_job = Expression("#pk = :pk", {"#pk": "pk"}, {":pk": _runs(shop, job)})
        return [Run.model_validate(item) for item in self._table.query(of_job, limit=limit, forward=False)[0]]


def _key(run: Run) -> dict[str, str]:
    return {"pk": _runs(run.shop, run.job), "sk": f"{rfc3339(run.started_at)}#{run.id}"}


def _runs(shop: str, job: str) -> str:
    return f"{shop}#RUNS#{job}"
