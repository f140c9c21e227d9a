"""What operators' tools ask of the stores: mending a level, the record of runs, and every SKU that a shop ever had."""

from datetime import timedelta
from typing import Any

import pytest

from holdfast.kernel.errors import HoldfastError
from holdfast.platform.runs import Run
from holdfast.stock.errors import LedgerMoved
from holdfast.stock.model import Entry, Level, LevelKey
from tests.memory import samples
from tests.memory.samples import LATER, NOW
from tests.memory.stores import Stores

HELD = Entry(quantity=2, expires_at=LATER)


@pytest.fixture
def key(stores: Stores, shop: str) -> LevelKey:
    stores.stock.levels.open(shop, "A")
    return LevelKey(shop=shop, sku="A")


def level(stores: Stores, key: LevelKey) -> Level:
    found = stores.stock.levels.level(key)
    assert found is not None
    return found


def mend(stores: Stores, seen: Level, on_hand: int, available: int, document: str) -> None:
    write = stores.stock.ledger.mend_write(seen, on_hand=on_hand, available=available, document=document)
    stores.commit([write], token=f"{seen.key.shop}-{document}")


def test_a_level_gets_the_numbers_it_is_given(stores: Stores, key: LevelKey) -> None:
    before = level(stores, key)
    mend(stores, before, 10, 10, "mov_1")
    stores.stock.levels.take(key, "held", HELD)
    seen = level(stores, key)
    mend(stores, seen, 12, 3, "mov_2")
    assert level(stores, key) == seen.model_copy(update={"on_hand": 12, "available": 3, "last": "mov_2", "version": seen.version + 1})
    assert level(stores, key).entries == {"held": HELD}


@pytest.mark.parametrize(
    "other",
    [{"version": 99}, {"available": 9}, {"on_hand": 9}, {"last": "mov_9"}, {"last": None}, {"entries": {}}]
    + [{"entries": {"held": HELD.model_copy(update=change)}} for change in ({"quantity": 1}, {"expires_at": NOW})],
    ids=str,
)
def test_only_the_level_that_was_seen_is_mended(stores: Stores, key: LevelKey, other: dict[str, Any]) -> None:
    mend(stores, level(stores, key), 10, 10, "mov_1")
    stores.stock.levels.take(key, "held", HELD)
    standing = level(stores, key)
    with pytest.raises(LedgerMoved):
        mend(stores, standing.model_copy(update=other), 5, 3, "mov_2")
    assert level(stores, key) == standing


def test_a_level_that_is_not_there_is_not_mended(stores: Stores, shop: str) -> None:
    ghost = Level(key=LevelKey(shop=shop, sku="GHOST"), on_hand=0, available=0, version=1)
    with pytest.raises(HoldfastError):
        mend(stores, ghost, 5, 5, "mov_1")
    assert stores.stock.levels.level(ghost.key) is None


def run(shop: str, number: int, **changes: Any) -> Run:
    started = NOW + timedelta(seconds=number)
    bare: dict[str, Any] = {
        "id": f"run_{number}",
        "shop": shop,
        "job": "stock-cleanup",
        "started_at": started,
        "finished_at": started + timedelta(milliseconds=7),
        "trigger": "schedule",
        "dry_run": False,
        "report": {"locks": number, "examples": [{"lock": "lck_1", "expired_at": "2026-01-02T03:04:05.678Z"}], "complete": True},
    }
    return Run(**{**bare, **changes})


def test_runs_are_listed_newest_first(stores: Stores, shop: str) -> None:
    runs = [run(shop, number) for number in (1, 3, 2)]
    for one in [*runs, runs[0]]:  # a delivery that came twice is one run
        stores.runs.add(one)
    newest = sorted(runs, key=lambda one: one.started_at, reverse=True)
    assert stores.runs.last(shop, "stock-cleanup", 10) == newest
    assert stores.runs.last(shop, "stock-cleanup", 2) == newest[:2]


def test_runs_are_of_one_shop_and_one_job(stores: Stores, shop: str) -> None:
    stores.runs.add(run(shop, 1))
    assert stores.runs.last(shop, "reconcile", 10) == stores.runs.last(f"{shop}-x", "stock-cleanup", 10) == []


def test_runs_that_start_at_once_are_two(stores: Stores, shop: str) -> None:
    for name in ("run_a", "run_b"):
        stores.runs.add(run(shop, 1, id=name))
    assert [one.id for one in stores.runs.last(shop, "stock-cleanup", 10)] == ["run_b", "run_a"]


def test_every_sku_is_named_the_withdrawn_too(stores: Stores, shop: str) -> None:
    for sku, archived in (("C", False), ("A", False), ("B", True)):
        stores.products.save(samples.product(shop).model_copy(update={"sku": sku, "archived": archived}), over=None)
    stores.products.save(samples.product(f"{shop}-x").model_copy(update={"sku": "D"}), over=None)
    assert list(stores.products.skus(shop)) == ["A", "B", "C"]
    assert list(stores.products.skus(f"{shop}-y")) == []
