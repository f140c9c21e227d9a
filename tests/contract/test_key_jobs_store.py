"""`fulfilment.key_jobs.Jobs`: imports of keys that are worked in the background."""

import pytest

from holdfast.fulfilment.key_file import Fault
from holdfast.fulfilment.key_job_store import DynamoKeyJobs
from holdfast.fulfilment.key_jobs import Chunk, Job, Jobs
from holdfast.kernel.errors import VersionConflict
from tests.memory.key_jobs import MemoryKeyJobs
from tests.memory.runs import MemoryRuns
from tests.memory.samples import LATER, NOW
from tests.memory.stores import Stores

FAULT = Fault(row=2, line=3, pointer="/keys/1", code="empty_key", detail="There is no key in this line.")


@pytest.fixture
def jobs(stores: Stores) -> Jobs:
    if isinstance(stores.runs, MemoryRuns):
        return MemoryKeyJobs(stores.runs._memory)
    return DynamoKeyJobs(stores.runs._table, stores.commit)  # type: ignore[attr-defined]


def made(shop: str) -> Job:
    return Job(
        id="imp_1",
        shop=shop,
        sku="KEY",
        actor="key_staff",
        fingerprint="asked",
        dry_run=False,
        created_at=NOW,
        moved_at=NOW,
        rows=4,
        refused=1,
        faults=(FAULT,),
        chunks=2,
    )


def chunk(shop: str, number: int) -> Chunk:
    return Chunk(shop=shop, job="imp_1", number=number, created_at=NOW, duplicates=(7,), sealed=f"shut-{number}")


def test_a_job_is_added_once(jobs: Jobs, shop: str) -> None:
    assert jobs.get(shop, "imp_1") is None
    assert jobs.add(made(shop)) == jobs.get(shop, "imp_1") == made(shop)
    assert jobs.add(made(shop).model_copy(update={"rows": 9})) == made(shop)


def test_a_chunk_is_worked_and_counted_once(jobs: Jobs, shop: str) -> None:
    for number in (0, 1):
        jobs.add_chunk(chunk(shop, number))
    jobs.add_chunk(chunk(shop, 1).model_copy(update={"sealed": "another"}))
    jobs.add(made(shop))
    assert jobs.chunks(shop, "imp_1", [1, 0, 5]) in ([chunk(shop, 1), chunk(shop, 0)], [chunk(shop, 0), chunk(shop, 1)])
    worked = chunk(shop, 0).model_copy(update={"sealed": None, "imported": 3, "duplicates": (5, 7)})
    jobs.advance(worked, LATER)
    assert jobs.chunks(shop, "imp_1", [0]) == [worked]
    assert jobs.get(shop, "imp_1") == made(shop).model_copy(update={"worked": 1, "imported": 3, "moved_at": LATER})
    with pytest.raises(VersionConflict):
        jobs.advance(worked.model_copy(update={"imported": 4}), LATER)
    assert jobs.chunks(f"{shop}-x", "imp_1", [0]) == []
