"""Bulk changes: refused as a whole, applied row by row, resumed after a crash, undone once, honest about each row."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from holdfast.catalogue.model import Kind
from holdfast.kernel.errors import IdempotencyKeyInFlight, IdempotencyKeyReused, VersionConflict
from holdfast.platform.dynamo import DynamoCommit, Table
from holdfast.stock import booking, bulk, bulk_plan, jobs, ledger
from holdfast.stock.bulk import LEASE, BulkNotFinished, Job, State, UnknownJob
from holdfast.stock.bulk_plan import BulkRefused, Wish
from holdfast.stock.jobs import DynamoJobs
from holdfast.stock.model import Reason
from infra.simulator import template
from infra.simulator.dynamo import Client
from tests.memory.house import GRACE, House
from tests.memory.stores import on_dynamo
from tests.memory.threads import just_before, together
from tests.unit.stock.acts import hold, wish
from tests.unit.stock.desks import desk_of

numbers = count()


class Died(BaseException):
    """The worker, at that very call."""


@pytest.fixture
def house() -> House:
    client: Any = Client()
    names = template.create(client, f"bulk{next(numbers)}")
    made = House(on_dynamo(client, names))
    made.jobs = DynamoJobs(Table(client, names["Operations"]), DynamoCommit(client))  # type: ignore[attr-defined]
    return made


def store(house: House) -> DynamoJobs:
    found: DynamoJobs = house.jobs  # type: ignore[attr-defined]
    return found


def wishes(*rows: tuple[str, int], **more: Any) -> list[Wish]:
    return [Wish(number=number, sku=sku, delta=delta, **more) for number, (sku, delta) in enumerate(rows, 1)]


def submit(house: House, rows: Sequence[Wish], name: str = "blk_1", fingerprint: str = "f") -> Job:
    job = bulk.new_job(house.shop, name, "key_1", fingerprint, len(rows), house.now)
    return bulk.submit(job, rows, jobs=store(house), desk=desk_of(house), now=house.now)


def work(house: House, job: Job, number: int = 0) -> Job:
    bulk.work(house.shop, job.id, number, jobs=store(house), store=house.stores.stock, grace=GRACE, now=house.now)
    return bulk.read(house.shop, job.id, jobs=store(house))


def worked(house: House, rows: Sequence[Wish]) -> Job:
    job = submit(house, rows)
    for number in range(job.chunks):
        work(house, job, number)
    return bulk.read(house.shop, job.id, jobs=store(house))


def undo(house: House, job: Job) -> Job:
    begun = bulk.undo(house.shop, job.id, jobs=store(house), now=house.now)
    for number in range(begun.chunks):
        work(house, begun, number)
    return bulk.read(house.shop, job.id, jobs=store(house))


def states(house: House, job: Job, number: int = 0) -> list[tuple[str, str | None]]:
    (chunk,) = store(house).chunks(house.shop, job.id, [number])
    return [(result.state.value, result.code) for result in chunk.results]


def refused(house: House, rows: Sequence[Wish]) -> list[tuple[int, str]]:
    before = house.stores.stock.levels.with_heads(house.shop, {row.sku: ["0"] for row in rows})
    with pytest.raises(BulkRefused) as told:
        submit(house, rows)
    assert house.stores.stock.levels.with_heads(house.shop, {row.sku: ["0"] for row in rows}) == before
    assert store(house).get(house.shop, "blk_1") is None
    return [(fault["row"], fault["code"]) for fault in told.value.facts["errors"]]


# Planned.


def test_a_plan_tells_what_each_row_would_do_after_those_before_it(house: House) -> None:
    house.product("A", 5)
    hold(house, "lck-1", wish("A", 2))
    rows = [Wish(number=1, sku="A", delta=4), Wish(number=2, sku="A", delta=-3, location="berlin")]
    with pytest.raises(BulkRefused):
        bulk_plan.plan(house.shop, rows, desk=desk_of(house), now=house.now)
    (diff,) = bulk_plan.plan(house.shop, rows[:1], desk=desk_of(house), now=house.now)
    assert (diff.before.on_hand, diff.before.available, diff.after.on_hand, diff.after.available) == (5, 3, 9, 7)
    assert house.free("A") == 3


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ({"sku": "NOTHING", "delta": 1}, "unknown_sku"),
        ({"sku": "A", "delta": -6}, "insufficient_stock"),
        ({"sku": "A", "delta": 1, "location": "moon"}, "unknown_location"),
        ({"sku": "KEYS", "delta": 1}, "keys_required"),
        ({"sku": "KEYS", "set_available": 9, "expected_available": 3}, "keys_required"),
        ({"sku": "A", "set_available": 1, "expected_available": 4}, "stale_stock"),
        ({"sku": "A", "delta": 1, "expected_available": 6}, "stale_stock"),
        ({"sku": "B", "delta": 1}, "duplicate_sku"),
    ],
    ids=str,
)
def test_one_bad_row_refuses_all(house: House, row: dict[str, Any], code: str) -> None:
    house.product("A", 5)
    house.product("B", 5)
    house.product("KEYS", 3, kind=Kind.DIGITAL)
    rows = [Wish(number=1, sku="B", delta=1), Wish(number=2, **row)]
    found = refused(house, rows)
    assert (2, code) in found
    assert house.free("B") == 5


def test_a_figure_is_of_the_whole_sku_so_it_stands_alone(house: House) -> None:
    house.product("A", 5)
    rows = [Wish(number=1, sku="A", set_available=3, expected_available=5), Wish(number=2, sku="A", delta=1, location="berlin")]
    assert (1, "duplicate_sku") in refused(house, rows)


def test_only_a_hundred_faults_are_told_and_all_are_counted(house: House) -> None:
    with pytest.raises(BulkRefused) as told:
        submit(house, wishes(*((f"N{number}", 1) for number in range(150))))
    assert (len(told.value.facts["errors"]), told.value.facts["rows_refused"], told.value.facts["rows"]) == (100, 150, 150)


# Applied.


def test_rows_are_bookings_with_their_reason(house: House) -> None:
    house.product("A", 5)
    house.product("B", 5)
    rows = [
        Wish(number=1, sku="A", delta=-2, reason=Reason.WRITE_OFF, note="wet"),
        Wish(number=2, sku="B", set_available=8, expected_available=5),
    ]
    job = worked(house, rows)
    assert (job.status, job.done, job.refused, job.unchanged) == ("done", 2, 0, 0)
    assert (house.free("A"), house.free("B")) == (3, 8)
    (row, *_) = ledger.history(house.shop, "A", store=house.stores.stock, limit=5).rows
    assert (row.reason, row.quantity, row.balance, row.actor, row.document, row.note) == ("write_off", -2, 3, "key_1", "blk_1", "wet")


def test_a_figure_that_is_so_already_changes_nothing(house: House) -> None:
    house.product("A", 5)
    job = worked(house, [Wish(number=1, sku="A", set_available=5, expected_available=5)])
    assert (job.done, job.unchanged) == (0, 1)
    assert len(ledger.history(house.shop, "A", store=house.stores.stock, limit=5).rows) == 1


def test_a_row_that_came_too_late_is_refused_alone(house: House) -> None:
    """The plan was good; a buyer was faster than the worker."""
    house.product("A", 5)
    house.product("B", 5)
    house.product("C", 5)
    rows = [
        Wish(number=1, sku="A", delta=-4),
        Wish(number=2, sku="B", set_available=9, expected_available=5),
        Wish(number=3, sku="C", delta=1),
    ]
    job = submit(house, rows)
    hold(house, "lck-1", wish("A", 3), wish("B", 1))
    done = work(house, job)
    assert states(house, job) == [("refused", "insufficient_stock"), ("refused", "stale_stock"), ("done", None)]
    assert (done.done, done.refused, house.free("A"), house.free("B"), house.free("C")) == (1, 2, 2, 4, 6)


def test_many_rows_go_in_chunks(house: House) -> None:
    for number in range(101):
        house.product(f"P{number:03d}")
    job = submit(house, wishes(*((f"P{number:03d}", number + 1) for number in range(101))))
    assert (job.chunks, job.status) == (2, "accepted")
    assert work(house, job, 1).status == "working"
    assert (house.free("P100"), house.free("P000")) == (101, 0)
    assert (work(house, job, 0).status, house.free("P000")) == ("done", 1)


# Once.


def test_the_same_request_is_the_same_job(house: House) -> None:
    house.product("A", 5)
    job = work(house, submit(house, wishes(("A", 3))))
    again = submit(house, wishes(("A", 3)))
    assert (again.status, again.done) == ("done", 1)
    assert (work(house, job), house.free("A")) == (again, 8)
    with pytest.raises(IdempotencyKeyReused):
        submit(house, wishes(("A", 3)), fingerprint="other")


def test_two_workers_do_not_work_the_same_chunk(house: House) -> None:
    house.product("A", 5)
    job = submit(house, wishes(("A", 3)))
    found = together([lambda: work(house, job) for _ in range(8)])
    assert any(isinstance(one, Job) for one in found)
    assert all(isinstance(one, Job | IdempotencyKeyInFlight) for one in found)
    assert (house.free("A"), bulk.read(house.shop, job.id, jobs=store(house)).done) == (8, 1)


def test_after_a_crash_another_worker_goes_on_when_the_lease_is_over(house: House) -> None:
    """It died between the second row's booking and its record."""
    for sku in "ABC":
        house.product(sku, 5)
    job = submit(house, wishes(("A", 1), ("B", 1), ("C", 1)))
    original, calls = booking.adjust, []

    def adjust(command: Any, **world: Any) -> None:
        original(command, **world)
        calls.append(command.sku)
        if len(calls) == 2:
            raise Died

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(booking, "adjust", adjust)
        with pytest.raises(Died):
            work(house, job)
    with pytest.raises(IdempotencyKeyInFlight):
        work(house, job)
    house.now += LEASE
    done = work(house, job)
    assert (done.status, done.done, done.refused) == ("done", 3, 0)
    assert [house.free(sku) for sku in "ABC"] == [6, 6, 6]


def test_a_figure_that_was_set_before_the_crash_is_not_stale_after_it(house: House) -> None:
    house.product("A", 5)
    job = submit(house, [Wish(number=1, sku="A", set_available=9, expected_available=5)])
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(store(house), "advance", lambda *_: (_ for _ in ()).throw(Died()))
        with pytest.raises(Died):
            work(house, job)
    assert house.free("A") == 9
    house.now += LEASE
    done = work(house, job)
    assert (done.done, done.refused, house.free("A")) == (1, 0, 9)


def test_a_worker_that_lost_its_lease_writes_nothing(house: House) -> None:
    house.product("A", 5)
    job = submit(house, wishes(("A", 3)))

    def somebody_else() -> None:
        house.now += LEASE
        work(house, job)

    just_before(store(house), "advance", somebody_else)
    with pytest.raises(VersionConflict):
        work(house, job)
    found = bulk.read(house.shop, job.id, jobs=store(house))
    assert (found.done, found.worked, house.free("A")) == (1, 1, 8)


def test_without_the_lease_two_work_the_same_chunk(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: the ledger keeps the units right, but two workers may tell different things of a row."""
    house.product("A", 5)
    job = submit(house, wishes(("A", 3)))
    monkeypatch.setattr(jobs, "NOBODYS", "#stage = :stage OR #lease <= :now")
    just_before(store(house), "advance", lambda: work(house, job))
    with pytest.raises(VersionConflict):
        work(house, job)
    assert house.free("A") == 8


def test_without_the_claim_a_chunk_is_counted_twice(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control of the worker that lost its lease."""
    house.product("A", 5)
    job = submit(house, wishes(("A", 3)))
    monkeypatch.setattr(jobs, "OURS", "#claim = :claim OR #stage = :stage OR attribute_exists(#stage)")

    def somebody_else() -> None:
        house.now += LEASE
        work(house, job)

    just_before(store(house), "advance", somebody_else)
    work(house, job)
    found = bulk.read(house.shop, job.id, jobs=store(house))
    assert (found.worked, found.done, house.free("A")) == (2, 2, 8)


# Undone.


def test_undo_reverses_what_was_applied_once(house: House) -> None:
    house.product("A", 5)
    house.product("B", 5)
    job = worked(house, wishes(("A", 3), ("B", -2)))
    hold(house, "lck-1", wish("A", 1))
    undone = undo(house, job)
    assert (undone.status, undone.undone, undone.undo_refused) == ("undone", 2, 0)
    assert (house.free("A"), house.free("B")) == (4, 5)
    assert undo(house, job) == undone
    assert (house.free("A"), house.free("B")) == (4, 5)
    (row, *_) = ledger.history(house.shop, "B", store=house.stores.stock, limit=5).rows
    assert (row.reason, row.quantity, row.note) == ("correction", 2, "undo of blk_1")


def test_what_was_sold_since_is_not_taken_away(house: House) -> None:
    house.product("A", 0)
    house.product("B", 0)
    job = worked(house, wishes(("A", 3), ("B", 3)))
    hold(house, "lck-1", wish("A", 2))
    undone = undo(house, job)
    assert (undone.undone, undone.undo_refused, house.free("A"), house.free("B")) == (1, 1, 1, 0)
    (chunk,) = store(house).chunks(house.shop, job.id, [0])
    assert [(result.state, result.code) for result in chunk.undone] == [(State.REFUSED, "insufficient_stock"), (State.DONE, None)]


def test_refused_rows_are_not_undone(house: House) -> None:
    house.product("A", 5)
    job = submit(house, wishes(("A", -4)))
    hold(house, "lck-1", wish("A", 3))
    job = work(house, job)
    undone = undo(house, job)
    assert (undone.undone, house.free("A")) == (0, 2)


def test_what_is_at_work_cannot_be_undone(house: House) -> None:
    house.product("A", 5)
    job = submit(house, wishes(("A", 1)))
    with pytest.raises(BulkNotFinished):
        bulk.undo(house.shop, job.id, jobs=store(house), now=house.now)
    assert house.free("A") == 5


def test_two_who_undo_at_once_undo_once(house: House) -> None:
    house.product("A", 5)
    job = worked(house, wishes(("A", 3)))
    together([lambda: bulk.undo(house.shop, job.id, jobs=store(house), now=house.now) for _ in range(6)])
    together([lambda: work(house, job) for _ in range(6)])
    assert (house.free("A"), bulk.read(house.shop, job.id, jobs=store(house)).undone) == (5, 1)


def test_unknown_and_foreign_jobs(house: House) -> None:
    house.product("A", 5)
    job = submit(house, wishes(("A", 1)))
    for shop, name in ((house.shop, "blk_2"), ("other", job.id)):
        with pytest.raises(UnknownJob):
            bulk.read(shop, name, jobs=store(house))


def test_background_work_keeps_its_pace() -> None:
    last = (bulk.MOST_ROWS // bulk.CHUNK - 1) * bulk.PACE
    assert last <= timedelta(minutes=15), "SQS delays no message longer"
