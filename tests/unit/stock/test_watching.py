"""What the stream says about images of levels: nothing about what our own code writes, and what is wrong with anything else."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdfast.platform.dynamo import from_wire, to_wire
from holdfast.stock import auditing, layout, watching
from holdfast.stock.model import MAIN, Level, LevelKey, Place
from infra.simulator import template
from infra.simulator.dynamo import Client
from infra.simulator.tables import Charge, Judged
from tests.memory.house import GRACE, HOLD, House
from tests.memory.stores import on_dynamo
from tests.unit.stock.test_ledger import SHOP, STEPS, later, step

_NAMES = count()


class Stream:
    """What a table's stream shows: each image of a level with the one before."""

    def __init__(self) -> None:
        self.records: list[tuple[dict[str, Any] | None, dict[str, Any]]] = []

    def changed(self, judged: Judged, commit: int) -> None:
        if judged.key[1] == "LEVEL" and judged.after is not None and not judged.failed and judged.before != judged.after:
            self.records.append((dict(judged.before.item) if judged.before else None, dict(judged.after.item)))

    def charged(self, charges: Sequence[Charge], operation: str) -> None:
        """Units are not asked about here."""


def streamed() -> tuple[House, Stream]:
    """A house on the real repositories over the simulated DynamoDB, and its stream."""
    client, stream = Client(), Stream()
    stores = on_dynamo(client, template.create(client, f"watched-{next(_NAMES)}"))  # type: ignore[arg-type]  it has what is called
    client.watchers.append(stream)
    return House(stores), stream


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(STEPS, max_size=12))
def test_nothing_that_our_own_code_writes_is_a_violation(steps: list[tuple[str, int]]) -> None:
    house, stream = streamed()
    house.product("A", 30, backorder_cap=5, max_per_customer=4)
    layout.place(SHOP, "A", [Place(name=MAIN), Place(name="north")], store=house.stores.stock)
    for number, (act, value) in enumerate(steps):
        later(house)
        step(house, number, act, value)
    later(house, seconds=2 * (HOLD + GRACE).total_seconds())
    house.sweep()
    layout.settle(SHOP, "A", store=house.stores.stock, grace=GRACE, now=house.now)
    layout.keep_back(SHOP, "A", 3, store=house.stores.stock, grace=GRACE, now=house.now)
    assert len(stream.records) >= 3
    assert [(old, new) for old, new in stream.records if watching.violations(old, new)] == []


def test_nor_is_a_repair_of_the_audit() -> None:
    house, stream = streamed()
    house.product("A", 10)
    key = LevelKey(shop=SHOP, sku="A")
    stock = house.stores.stock
    before = len(stream.records)
    writes = [stock.ledger.mend_write(house.level("A"), on_hand=10, available=7, document=str(house.level("A").last))]
    stock.commit(writes, token="planted")
    assert [watching.violations(*record) for record in stream.records[before:]] == [["sum_broken"]]
    assert auditing.audit(SHOP, ["A"], store=stock, now=house.now, repair=True, dry_run=False).proved
    assert [watching.violations(*record) for record in stream.records[before + 1 :]] == [[]]
    last_image = from_wire(stream.records[-1][1])
    assert stock.levels.level(key) == Level(key=key, on_hand=10, available=10, version=last_image["ver"], last=last_image["last"])


OLD: dict[str, Any] = {"pk": "demo#A#0", "sk": "LEVEL", "avail": 8, "on_hand": 10, "lk": {"held": [2, 9]}, "ver": 4, "last": "mov_1"}
NEW = {name: value for name, value in OLD.items() if name != "last"}
POOL = {**OLD, "pk": "demo#A#promise"}
SOLD = {**OLD, "avail": 8, "on_hand": 8, "lk": {}, "ver": 5, "last": "lck_1"}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (OLD, SOLD, []),
        (OLD, {**OLD, "ver": 5, "last": "mov_2"}, []),  # a correction of nothing, for the record
        (OLD, {**OLD, "ver": 5, "avail": 9}, ["sum_broken"]),
        (OLD, {**OLD, "ver": 5, "lk": {}}, ["sum_broken"]),
        (OLD, {**OLD, "ver": 5, "avail": -1, "on_hand": 1, "last": "mov_2"}, ["available_below_zero"]),
        (OLD, OLD, ["version_skipped"]),
        (OLD, {**OLD, "ver": 6}, ["version_skipped"]),
        (OLD, {**SOLD, "last": "mov_1"}, ["changed_without_document"]),
        (OLD, {**OLD, "avail": 9}, ["sum_broken", "version_skipped"]),
        (None, {**NEW, "avail": 0, "on_hand": 0, "lk": {}, "ver": 1}, []),
        (None, {**NEW, "avail": 5, "on_hand": 5, "lk": {}, "ver": 1}, ["changed_without_document"]),
        (None, {**POOL, "avail": 5, "on_hand": 5, "lk": {}, "ver": 1}, []),
        (POOL, {**POOL, "avail": -3, "on_hand": -1, "ver": 5}, []),  # its cap was lowered below what is used
        (POOL, {**POOL, "avail": 9, "ver": 5}, ["sum_broken"]),
    ],
)
def test_what_is_wrong_has_a_name(old: dict[str, Any] | None, new: dict[str, Any], expected: list[str]) -> None:
    assert watching.violations(to_wire(old) if old else None, to_wire(new)) == expected


@pytest.mark.parametrize(
    ("part", "before", "after", "expected"),
    [
        ("0", 60, 61, True),
        ("0", 61, 62, False),
        ("0", 59, 60, False),
        ("7", 60, 61, True),
        ("north", 60, 61, False),
        ("promise", 60, 61, False),
    ],
)
def test_a_shard_is_crowded_once(part: str, before: int, after: int, expected: bool) -> None:
    def image(entries: int) -> dict[str, Any]:
        return to_wire({**OLD, "pk": f"demo#A#{part}", "lk": {str(number): [1, 9] for number in range(entries)}})

    assert watching.crowded(image(before), image(after)) is expected
    assert watching.crowded(None, image(after)) is (expected or (part.isdigit() and after > 60))


def test_a_key_tells_shop_sku_and_part() -> None:
    assert watching.part_of({"pk": {"S": "demo#A.b-c_1#buyer-0f"}}) == ("demo", "A.b-c_1", "buyer-0f")


def test_an_instant_goes_by_between_steps() -> None:
    """Else the property above would look at one millisecond."""
    house, _ = streamed()
    before = house.now
    later(house)
    assert house.now - before == timedelta(seconds=1)


def image(units: int, part: str = "0") -> dict[str, Any]:
    return {"pk": {"S": f"demo#A#{part}"}, "avail": {"N": str(units)}}


def test_few_writes_of_a_full_shelf_are_told_and_all_of_one_that_runs_low() -> None:
    told = [units for units in range(5000) if watching.stirred(image(units + 1), image(units))]
    assert told[:32] == list(range(32))
    assert len(told) < 200


@pytest.mark.parametrize("threshold", [1, 5, 31, 32, 33, 100, 1000, 4000])
def test_a_threshold_is_noticed_by_a_thirty_second_too_late_at_most(threshold: int) -> None:
    noticed = next(units for units in range(threshold, -1, -1) if watching.stirred(image(units + 1), image(units)))
    assert threshold - noticed <= threshold // 16
    assert noticed == threshold or threshold >= 32


def test_what_goes_up_is_told_like_what_goes_down() -> None:
    for units in range(300):
        assert watching.stirred(image(units), image(units + 1)) is watching.stirred(image(units + 1), image(units))


@pytest.mark.parametrize("broken", [{"pk": {"S": "demo#A#0"}}, {"avail": {"N": "x"}, "pk": {"S": "demo#A#0"}}, {"avail": {"N": "5"}}, {}])
def test_an_image_that_cannot_be_read_is_no_hint(broken: dict[str, Any]) -> None:
    assert not watching.stirred(image(9), broken)
