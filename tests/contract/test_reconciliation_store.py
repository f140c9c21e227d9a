"""`payments.reports.RunStore`, `payments.discrepancies.Discrepancies` and `orders.unsettled.Lists`."""

from datetime import timedelta
from typing import Any

from holdfast.kernel.ids import bucket_of, derived_id
from holdfast.orders import keys
from holdfast.orders.model import HoldRef, Order, PaymentRef, PaymentStatus, Status
from holdfast.orders.unsettled import Source, pending, placed_at
from holdfast.payments.discrepancies import Discrepancy, DiscrepancyState, Drift
from holdfast.payments.reports import Counts, Kind, Line, Options, Part, Report, Run, Task
from tests.memory import samples
from tests.memory.samples import NOW
from tests.memory.stores import Stores

PENDING = PaymentRef(provider="sandbox", id="pay_1")


def run(shop: str, number: int = 1) -> Run:
    at = NOW + timedelta(minutes=number)
    return Run(shop=shop, id=derived_id("run", at, shop, str(number)), started_at=at, trigger="schedule", options=Options(verbose=True))


def part(of: Run, name: str, **changes: Any) -> Part:
    task = Task(kind=Kind.CHECK, shop=of.shop, run=of.id, name=f"{name}/check.0000", options=of.options, about=("ord_1", "ord_2"))
    counts = Counts(checked=2, results={"paid": 1, "skipped": 1}, skipped={"too_old": 1})
    line = Line(order="ord_1", result="paid", provider="sandbox")
    return Part(shop=of.shop, run=of.id, name=name, at=NOW, **{"counts": counts, "lines": (line,), "next": (task,), **changes})


def discrepancy(shop: str, payment: str = "pay_1", drift: Drift = Drift.AMOUNT_DRIFT, **changes: Any) -> Discrepancy:
    facts: dict[str, Any] = {"ours": {"captured": 100}, "theirs": {"amount": 99, "news": "succeeded"}, "run": "run_1", "seen_at": NOW}
    return Discrepancy(shop=shop, drift=drift, provider="sandbox", payment=payment, order="ord_1", **{**facts, **changes})


def order(shop: str, number: int, status: Status = Status.PENDING_PAYMENT, payment: PaymentStatus = PaymentStatus.PENDING) -> Order:
    made = samples.order(shop, number)
    at = NOW + timedelta(minutes=number)
    hold = HoldRef(lock="lck_1", expires_at=at) if status is Status.PENDING_PAYMENT else None
    changes = {"status": status, "payment": PENDING.model_copy(update={"status": payment}), "created_at": at, "hold": hold, "events": ()}
    return made.model_copy(update=changes)


def test_runs_are_listed_newest_first(stores: Stores, shop: str) -> None:
    first, second, third = run(shop, 1), run(shop, 2), run(shop, 3)
    for one in (second, first, third, first):
        stores.reconciliations.begin(one)
    assert stores.reconciliations.run(shop, first.id) == first
    assert stores.reconciliations.run(f"{shop}-x", first.id) is None
    assert stores.reconciliations.runs(shop, 10, None) == [third, second, first]
    assert stores.reconciliations.runs(shop, 1, third.id) == [second]
    assert stores.reconciliations.runs(f"{shop}-x", 10, None) == []


def test_a_run_keeps_its_report(stores: Stores, shop: str) -> None:
    begun = run(shop)
    stores.reconciliations.begin(begun)
    report = Report(counts=Counts(checked=3, results={"paid": 3}), finished_at=NOW, parts=4, planned=4)
    closed = begun.model_copy(update={"report": report})
    stores.reconciliations.close(closed)
    stores.reconciliations.begin(begun)
    assert stores.reconciliations.run(shop, begun.id) == closed


def test_a_part_is_written_once(stores: Stores, shop: str) -> None:
    begun = run(shop)
    first, other = part(begun, "waiting.0"), part(begun, "waiting.0", counts=Counts(checked=9))
    assert stores.reconciliations.part(shop, begun.id, first.name) is None
    assert stores.reconciliations.add(first) == (first, True)
    assert stores.reconciliations.add(first) == (first, True)  # our own, delivered twice
    assert stores.reconciliations.add(other) == (first, False)
    assert stores.reconciliations.part(shop, begun.id, first.name) == first


def test_parts_of_a_run_lie_in_the_order_of_their_names(stores: Stores, shop: str) -> None:
    begun, another = run(shop, 1), run(shop, 2)
    names = ["all", "events", "waiting.0", "waiting.0/check.0000", "waiting.0/check.0000+1", "waiting.0/check.0000~", "waiting.1"]
    for name in reversed(names):
        stores.reconciliations.add(part(begun, name))
    stores.reconciliations.add(part(another, "all"))
    found = stores.reconciliations.parts(shop, begun.id)
    assert [one.name for one in found] == names
    assert found[0] == part(begun, "all")
    assert [one.name for one in stores.reconciliations.parts(shop, begun.id, "events", 2)] == names[2:4]


def test_a_bare_part_is_read_as_it_was(stores: Stores, shop: str) -> None:
    begun = run(shop)
    bare = part(begun, "events", counts=Counts(), lines=(), next=())
    stores.reconciliations.add(bare)
    assert stores.reconciliations.parts(shop, begun.id) == [bare]


def test_a_discrepancy_is_opened_once_and_changed_over_what_was_seen(stores: Stores, shop: str) -> None:
    found = discrepancy(shop)
    assert stores.discrepancies.save(found)
    assert stores.discrepancies.save(found)
    assert not stores.discrepancies.save(found.model_copy(update={"run": "run_2"}))
    changed = found.model_copy(update={"theirs": {"amount": 98}, "version": 2})
    assert stores.discrepancies.save(changed)
    assert not stores.discrepancies.save(found.model_copy(update={"theirs": {"amount": 97}, "version": 2}))
    assert stores.discrepancies.about(shop, "sandbox", "pay_1") == [changed]
    assert stores.discrepancies.about(shop, "sandbox", "pay_") == []
    assert stores.discrepancies.about(f"{shop}-x", "sandbox", "pay_1") == []


def test_a_resolved_discrepancy_is_kept_apart(stores: Stores, shop: str) -> None:
    first, second = discrepancy(shop, "pay_1"), discrepancy(shop, "pay_2", Drift.REFUND_MISSING)
    for one in (second, first):
        stores.discrepancies.save(one)
    assert stores.discrepancies.page(shop, DiscrepancyState.OPEN, None, 10) == [first, second]
    assert stores.discrepancies.page(shop, DiscrepancyState.OPEN, first.place, 10) == [second]
    early = first.model_copy(update={"state": DiscrepancyState.RESOLVED, "resolved_at": NOW})
    late = second.model_copy(update={"state": DiscrepancyState.RESOLVED, "resolved_at": NOW + timedelta(hours=1)})
    for one in (early, late, early):
        stores.discrepancies.resolve(one)
    assert stores.discrepancies.page(shop, DiscrepancyState.OPEN, None, 10) == []
    assert stores.discrepancies.page(shop, DiscrepancyState.RESOLVED, None, 10) == [late, early]
    assert stores.discrepancies.page(shop, DiscrepancyState.RESOLVED, late.place, 10) == [early]


def test_what_changed_meanwhile_is_not_resolved(stores: Stores, shop: str) -> None:
    found = discrepancy(shop)
    stores.discrepancies.save(found)
    changed = found.model_copy(update={"theirs": {"amount": 98}, "version": 2})
    stores.discrepancies.save(changed)
    stores.discrepancies.resolve(found.model_copy(update={"state": DiscrepancyState.RESOLVED, "resolved_at": NOW}))
    assert stores.discrepancies.page(shop, DiscrepancyState.OPEN, None, 10) == [changed]


def walked(stores: Stores, shop: str, source: Source, after: str = "0", until: str = "9", limit: int = 100) -> list[str]:
    positions = [
        position for bucket in range(keys.ORDER_BUCKETS) for position in stores.lists.waiting(shop, source, bucket, after, until, limit)
    ]
    return [position.rpartition("#")[2] for position in sorted(positions)]


def test_lists_of_orders_are_walked_from_the_oldest(stores: Stores, shop: str) -> None:
    waiting = [order(shop, number) for number in range(1, 9)]
    swept = order(shop, 20, Status.EXPIRED)
    given_up = order(shop, 21, Status.EXPIRED, PaymentStatus.EXPIRED)
    failed = order(shop, 22, Status.PAYMENT_FAILED, PaymentStatus.FAILED)
    cancelled = order(shop, 23, Status.CANCELLED)
    owing = order(shop, 24, Status.REFUNDED, PaymentStatus.REFUND_DUE)
    paid = order(shop, 25, Status.PAID, PaymentStatus.SUCCEEDED)
    for one in (*reversed(waiting), swept, given_up, failed, cancelled, owing, paid):
        assert stores.orders.add(one)
    assert walked(stores, shop, Source.WAITING) == [one.id for one in waiting]
    assert walked(stores, shop, Source.UNSETTLED) == [swept.id, cancelled.id, owing.id]
    assert walked(stores, shop, Source.EXPIRED) == [swept.id, given_up.id]
    assert walked(stores, shop, Source.FAILED) == [failed.id]
    assert walked(stores, shop, Source.CANCELLED) == [cancelled.id]
    everything = [one.id for one in (*waiting, swept, given_up, failed, cancelled, owing, paid)]
    assert walked(stores, shop, Source.PLACED) == everything
    assert walked(stores, f"{shop}-x", Source.PLACED) == []


def test_a_page_of_a_list_goes_on_behind_its_last(stores: Stores, shop: str) -> None:
    orders = [order(shop, number) for number in range(1, 13)]
    for one in orders:
        stores.orders.add(one)
    bucket = bucket_of(orders[0].id, keys.ORDER_BUCKETS)
    here = [keys.position(one) for one in orders if bucket_of(one.id, keys.ORDER_BUCKETS) == bucket]
    seen: list[str] = []
    after = "0"
    while page := stores.lists.waiting(shop, Source.WAITING, bucket, after, "9", 1):
        seen, after = [*seen, *page], page[-1]
    assert seen == here
    assert stores.lists.waiting(shop, Source.WAITING, bucket, "0", here[-1], 100) == here[:-1]
    assert stores.lists.waiting(shop, Source.WAITING, bucket, here[-1], "9", 100) == []
    assert placed_at(here[0]) == orders[0].created_at


def test_pending_payments_are_listed_the_oldest_first_and_page_by_page(stores: Stores, shop: str) -> None:
    waiting = [order(shop, number) for number in (3, 1, 5)]
    owing, paid = order(shop, 2, Status.REFUNDED, PaymentStatus.REFUND_DUE), order(shop, 4, Status.PAID, PaymentStatus.SUCCEEDED)
    for one in (*waiting, owing, paid):
        stores.orders.add(one)
    desk: Any = {"lists": stores.lists, "orders": stores.orders}
    first, last = pending(shop, after=None, limit=2, **desk)
    second, end = pending(shop, after=last, limit=3, **desk)
    assert [one.id for one in (*first, *second)] == [waiting[1].id, owing.id, waiting[0].id, waiting[2].id]
    assert end is None
