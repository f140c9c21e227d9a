"""Large imports of keys: files as vendors send them, and jobs that are worked a chunk at a time, killed, and worked twice."""

import time
from typing import Any

import pytest

from holdfast.catalogue.model import Kind
from holdfast.fulfilment import key_file, key_jobs
from holdfast.fulfilment.errors import KeysRefused
from holdfast.fulfilment.key_file import Fault
from holdfast.fulfilment.key_jobs import CHUNK_BYTES, CHUNK_KEYS, Job, Row, UnknownImport
from holdfast.fulfilment.views import KeysBody, from_csv, job_view
from holdfast.kernel.errors import IdempotencyKeyReused, UnavailableError
from tests.memory.audit import audit
from tests.memory.engine import Memory
from tests.memory.house import START, House
from tests.memory.key_jobs import MemoryKeyJobs, Plain
from tests.memory.stores import in_memory


class Desk:
    """A shop with an empty vault, and its imports."""

    def __init__(self) -> None:
        self.memory = Memory()
        self.house = House(in_memory(self.memory))
        self.house.product("KEY", 0, Kind.DIGITAL)
        self.jobs = MemoryKeyJobs(self.memory)

    def submit(self, texts: list[str], job: str = "imp_1", **options: Any) -> Job:
        rows = [Row(position, text) for position, text in enumerate(texts)]
        told = {"fingerprint": "asked", "dry_run": False, **options}
        made = Job(id=job, shop="demo", sku="KEY", actor="test", created_at=START, moved_at=START, rows=len(rows), **told)
        return key_jobs.submit(made, rows, jobs=self.jobs, sealer=Plain())

    def work(self, number: int, job: str = "imp_1") -> int | None:
        house = self.house
        world = {"store": house.stores.fulfilment, "stock": house._stock_for_fulfilment}
        return key_jobs.work("demo", job, number, jobs=self.jobs, sealer=Plain(), **world, now=house.now)

    def finish(self, job: str = "imp_1", number: int | None = 0) -> Job:
        while number is not None:
            number = self.work(number, job)
        return key_jobs.read("demo", job, jobs=self.jobs)

    @property
    def texts(self) -> list[str]:
        return [key.text for key in sorted(self.memory.of("key", "demo", "KEY"), key=lambda key: key.place)]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_job_imports_all_its_chunks(desk: Desk) -> None:
    texts = [f"key-{number:05d}" for number in range(2 * CHUNK_KEYS + 5)]
    assert (desk.submit(texts).chunks, desk.submit(texts).status) == (3, "accepted")
    assert desk.work(0) == 1
    assert key_jobs.read("demo", "imp_1", jobs=desk.jobs).status == "working"
    job = desk.finish(number=1)
    assert (job.status, job.imported, desk.texts, desk.house.free("KEY")) == ("done", len(texts), texts, len(texts))
    assert [chunk.sealed for chunk in desk.memory.of("key-chunk")] == [None] * 3
    audit(desk.memory)


def test_duplicates_are_named_by_their_position_wherever_the_first_one_is(desk: Desk) -> None:
    desk.house.import_keys("KEY", ["old"], "before")
    texts = ["a", "old", "a", *(f"key-{number:05d}" for number in range(CHUNK_KEYS)), "a", "key-00000"]
    desk.submit(texts)
    job = desk.finish()
    assert key_jobs.duplicates(job, jobs=desk.jobs) == [1, 2, CHUNK_KEYS + 3, CHUNK_KEYS + 4]
    assert (job.imported, desk.house.free("KEY")) == (CHUNK_KEYS + 1, CHUNK_KEYS + 2)


def test_a_dry_run_tells_the_same_and_imports_nothing(desk: Desk) -> None:
    desk.house.import_keys("KEY", ["old"], "before")
    desk.submit(["a", "old", "a"], dry_run=True)
    job = desk.finish()
    assert (job.imported, key_jobs.duplicates(job, jobs=desk.jobs), desk.texts) == (1, [1, 2], ["old"])


@pytest.mark.parametrize("nth", range(1, 5))
def test_a_worker_that_is_killed_leaves_the_rest_to_the_next_one(desk: Desk, nth: int) -> None:
    """Before and after the write: forty keys are imported by each, and then the chunk is counted."""
    texts = [f"key-{number:05d}" for number in range(90)]
    desk.submit(texts)
    commit, calls = desk.memory.commit, []

    def killed(writes: Any, *, token: str) -> None:
        calls.append(token)
        commit(writes, token=token)
        if len(calls) == nth:
            raise UnavailableError("killed")

    desk.memory.commit = desk.house.stores.fulfilment.commit = killed  # type: ignore[method-assign, misc]
    with pytest.raises(UnavailableError):
        desk.finish()
    job = desk.finish()
    assert (job.imported, job.worked, key_jobs.duplicates(job, jobs=desk.jobs), desk.texts) == (90, 1, [], texts)


def test_a_chunk_that_is_worked_twice_at_once_is_counted_once(desk: Desk) -> None:
    desk.submit(["a", "b"])
    (chunk,) = desk.jobs.chunks("demo", "imp_1", [0])
    seen = [[chunk], [chunk]]
    desk.jobs.chunks = lambda *_: seen.pop()  # type: ignore[method-assign]
    assert (desk.work(0), desk.work(0)) == (None, None)
    job = key_jobs.read("demo", "imp_1", jobs=desk.jobs)
    assert (job.worked, job.imported, desk.texts) == (1, 2, ["a", "b"])


def test_two_imports_of_an_item_at_once_both_end_right(desk: Desk) -> None:
    first, second = ([f"{name}-{number:04d}" for number in range(CHUNK_KEYS + 50)] for name in "xy")
    desk.submit([*first, "both"], "imp_1")
    desk.submit([*second, "both"], "imp_2")
    desk.work(0, "imp_1")
    desk.work(0, "imp_2")
    one, two = desk.finish("imp_1", 1), desk.finish("imp_2", 1)
    assert (one.imported, two.imported) == (CHUNK_KEYS + 51, CHUNK_KEYS + 50)
    assert key_jobs.duplicates(two, jobs=desk.jobs) == [CHUNK_KEYS + 50]
    audit(desk.memory)


def test_long_keys_make_small_chunks(desk: Desk) -> None:
    job = desk.submit([f"{number:04d}" + "Ω" * 900 for number in range(CHUNK_KEYS)])
    sizes = [len((chunk.sealed or "").encode()) for chunk in desk.memory.of("key-chunk")]
    assert job.chunks == len(sizes) > 2
    assert max(sizes) < CHUNK_BYTES * 1.2


def test_another_body_under_the_same_key_is_refused(desk: Desk) -> None:
    desk.submit(["a"])
    with pytest.raises(IdempotencyKeyReused):
        desk.submit(["b"], fingerprint="other")
    with pytest.raises(UnknownImport):
        desk.work(0, "imp_2")


def test_a_hundred_thousand_keys_are_kept_within_a_request(desk: Desk) -> None:
    """Of the 29 s that API Gateway waits this is the part without the store; it takes less than one."""
    content = "key\n" + "".join(f"AAAAA-BBBBB-CCCCC-{number:06d}\n" for number in range(key_file.MOST_KEYS))
    begun = time.perf_counter()
    rows = from_csv(content.encode()).rows(skip_bad=False)
    job = desk.submit([row.text for row in rows])
    assert time.perf_counter() - begun < 15
    assert (len(rows), job.chunks) == (key_file.MOST_KEYS, key_file.MOST_KEYS // CHUNK_KEYS)


# Files.


def test_a_list_and_a_table_are_read(desk: Desk) -> None:
    assert from_csv("\ufeffA-1\r\n\r\n B-2 \r\n".encode()).rows(skip_bad=False) == [Row(0, "A-1"), Row(1, "B-2")]
    table = b'no;x,Key,"note, long"\n1,A-1,n\n2,"B,2",n\n'
    assert from_csv(table).rows(skip_bad=False) == [Row(0, "A-1"), Row(1, "B,2")]


@pytest.mark.parametrize(
    ("content", "code", "row", "line"),
    [
        (b"key,note\n,x\n", "empty_key", 1, 2),
        (b"A-1\n" + b"x" * 10_240, "key_too_long", 2, 2),
        (b"A-1\nB\x07C\n", "control_characters", 2, 2),
        (b"=cmd()\n", "formula_cell", 1, 1),
        (b"key\n+1\n", "formula_cell", 1, 2),
        (b"key\n@sum\n", "formula_cell", 1, 2),
        (b"A-1,B-2\n", "wrong_field_count", 1, 1),
        (b"A-1\n\xff\xfe\n", "malformed_csv", 0, None),
        (b'A-1\n"B', "malformed_csv", 0, None),
    ],
)
def test_what_cannot_be_imported_says_where_and_why(content: bytes, code: str, row: int, line: int | None) -> None:
    with pytest.raises(KeysRefused) as refused:
        from_csv(content).rows(skip_bad=False)
    (error,) = refused.value.facts["errors"]
    assert (error["code"], error["row"]) == (code, row)
    assert line in (None, error["line"])
    assert "xxxx" not in str(refused.value.facts)


@pytest.mark.parametrize("skip_bad", [False, True])
def test_an_empty_file_and_one_that_is_too_long_are_refused(skip_bad: bool) -> None:
    for content in (b"", b"key\n", b"a\n" * (key_file.MOST_KEYS + 1)):
        with pytest.raises(KeysRefused):
            from_csv(content).rows(skip_bad=skip_bad)


def test_bad_rows_are_left_out_if_that_is_asked_for() -> None:
    found = from_csv(b"A-1\n=x\nB-2\n")
    assert found.rows(skip_bad=True) == [Row(0, "A-1"), Row(2, "B-2")]
    assert [fault.row for fault in found.faults] == [2]
    job = Job(
        id="imp_1", shop="demo", sku="KEY", actor="t", fingerprint="f", dry_run=False, created_at=START, moved_at=START, rows=3, refused=1
    )
    fault = Fault(row=2, line=2, pointer="/keys/1", code="formula_cell", detail="d")
    assert job_view(job.model_copy(update={"faults": (fault,)}), [4]).errors == [fault]


def test_few_keys_are_imported_at_once() -> None:
    assert [KeysBody(keys=["k"] * count).at_once for count in (1, 5000, 5001)] == [True, True, False]
    assert not from_csv(b"A-1\n").at_once
