"""`stock.ports.Locks` and `Ledger`."""

from datetime import timedelta

import pytest

from holdfast.kernel.errors import VersionConflict
from holdfast.kernel.time import rfc3339
from holdfast.stock.errors import HoldAlreadyExtended, HoldLost
from holdfast.stock.model import Booking, Lock, Movement, Reason, Sale
from holdfast.stock.ports import StockStore
from tests.memory import samples
from tests.memory.samples import LATER, NOW
from tests.memory.stores import Stores

BOOKED = (Booking(sku="A", part="0", quantity=-2, balance=3, before="mov_1"), Booking(sku="B", part="berlin", quantity=-1, balance=0))
SALE = Sale(at=NOW, lines=BOOKED)


@pytest.fixture
def stock(stores: Stores) -> StockStore:
    return stores.stock


def renewed(lock: Lock, claim: str, **changes: object) -> Lock:
    return lock.model_copy(update={"claim": claim, **changes})


def sealed(stock: StockStore, lock: Lock) -> Lock:
    stock.commit([stock.locks.seal_write(lock, SALE)], token=f"{lock.shop}-{lock.id}-sealed")
    return lock.model_copy(update={"sale": SALE, "claim": "", "fingerprint": ""})


# Locks.


def test_a_claim_is_ours_also_when_it_is_delivered_twice(stock: StockStore, shop: str) -> None:
    lock = samples.lock(shop, owner="cks_1", buyer="digest", replaced="ord_0")
    assert stock.locks.claim(lock) is None
    assert stock.locks.claim(lock) is None
    assert stock.locks.get(shop, lock.id) == lock
    assert stock.locks.get(shop, "lck_none") is stock.locks.get(f"{shop}-x", lock.id) is None


def test_a_claim_shows_who_stands_there(stock: StockStore, shop: str) -> None:
    """Another try of the very same millisecond is another claim."""
    lock = samples.lock(shop)
    stock.locks.claim(lock)
    assert stock.locks.claim(renewed(lock, "clm_other")) == lock


def test_a_renewal_goes_over_the_claim_that_was_seen(stock: StockStore, shop: str) -> None:
    seen = samples.lock(shop)
    second, third = renewed(seen, "clm_2"), renewed(seen, "clm_3", expires_at=LATER + timedelta(hours=1))
    assert not stock.locks.renew(second, seen)
    stock.locks.claim(seen)
    assert stock.locks.renew(second, seen)
    assert stock.locks.renew(second, seen)  # delivered twice
    assert not stock.locks.renew(third, seen)
    assert stock.locks.get(shop, seen.id) == second


def test_a_renewed_lock_is_listed_by_its_new_expiry(stock: StockStore, shop: str) -> None:
    seen = samples.lock(shop)
    stock.locks.claim(seen)
    stock.locks.renew(renewed(seen, "clm_2", expires_at=LATER + timedelta(hours=1)), seen)
    assert list(stock.locks.dead(shop, before=LATER + timedelta(minutes=1))) == []
    assert len(list(stock.locks.dead(shop, before=LATER + timedelta(hours=2)))) == 1


def test_a_lock_is_extended_once(stock: StockStore, shop: str) -> None:
    lock = samples.lock(shop)
    until = LATER + timedelta(minutes=15)
    with pytest.raises(HoldLost):
        stock.commit([stock.locks.extend_write(lock, until)], token=f"{shop}-0")
    stock.locks.claim(lock)
    stock.commit([stock.locks.extend_write(lock, until)], token=f"{shop}-1")
    assert stock.locks.get(shop, lock.id) == lock.model_copy(update={"expires_at": until, "extended": True})
    with pytest.raises(HoldAlreadyExtended):
        stock.commit([stock.locks.extend_write(lock, until)], token=f"{shop}-2")


@pytest.mark.parametrize("since", ["another try", "sold"])
def test_a_lock_that_is_another_trys_or_sold_is_not_extended(stock: StockStore, shop: str, since: str) -> None:
    lock = samples.lock(shop)
    stock.locks.claim(lock)
    if since == "sold":
        sealed(stock, lock)
    else:
        stock.locks.renew(renewed(lock, "clm_2"), lock)
    with pytest.raises(HoldLost):
        stock.commit([stock.locks.extend_write(lock, LATER)], token=f"{shop}-1")


def test_forgetting_may_be_repeated_and_forgets_no_other_try(stock: StockStore, shop: str) -> None:
    first, second = samples.lock(shop, 1), samples.lock(shop, 2)
    for lock in (first, second):
        stock.locks.claim(lock)
    for _ in range(2):
        stock.locks.forget(first)
        stock.locks.forget(renewed(second, "clm_other"))
    assert stock.locks.get(shop, first.id) is None
    assert stock.locks.get(shop, second.id) == second


def test_a_lock_is_sealed_with_its_sale_for_good(stock: StockStore, shop: str) -> None:
    lock = samples.lock(shop)
    with pytest.raises(HoldLost):
        stock.commit([stock.locks.seal_write(lock, SALE)], token=f"{shop}-0")
    stock.locks.claim(lock)
    with pytest.raises(HoldLost):
        stock.commit([stock.locks.seal_write(renewed(lock, "clm_other"), SALE)], token=f"{shop}-1")
    sold = sealed(stock, lock)
    assert stock.locks.get(shop, lock.id) == sold
    stock.locks.forget(lock)
    assert not stock.locks.renew(renewed(lock, "clm_2"), lock)
    with pytest.raises(HoldLost):
        stock.commit([stock.locks.seal_write(lock, SALE.model_copy(update={"at": LATER}))], token=f"{shop}-2")
    assert stock.locks.claim(lock) == sold
    assert stock.locks.get(shop, lock.id) == sold


def test_a_sealed_lock_is_no_hold_any_more(stock: StockStore, shop: str) -> None:
    sold, open_ = samples.lock(shop, 1), samples.lock(shop, 2)
    for lock in (sold, open_):
        stock.locks.claim(lock)
    sealed(stock, sold)
    assert list(stock.locks.dead(shop, before=LATER + timedelta(days=1))) == [open_]
    assert stock.locks.page(shop, 10, "0") == ([open_], None)


def test_dead_locks_come_oldest_first(stock: StockStore, shop: str) -> None:
    locks = [samples.lock(shop, number, expires_at=NOW + timedelta(seconds=10 - number)) for number in range(10)]
    for lock in locks:
        stock.locks.claim(lock)
    stock.locks.claim(samples.lock(f"{shop}-x", 99, expires_at=NOW))
    dead = list(stock.locks.dead(shop, before=NOW + timedelta(seconds=5)))
    assert [lock.expires_at for lock in dead] == [NOW + timedelta(seconds=second) for second in (1, 2, 3, 4)]
    assert [lock.id for lock in dead] == [lock.id for lock in reversed(locks[6:])]


def test_pages_of_locks(stock: StockStore, shop: str) -> None:
    same = [samples.lock(shop, number) for number in range(7)]
    for lock in (*same, samples.lock(shop, 8, expires_at=NOW - timedelta(seconds=1))):
        stock.locks.claim(lock)
    listed: list[Lock] = []
    after: str | None = rfc3339(NOW)
    while after:
        page, after = stock.locks.page(shop, 3, after)
        assert len(page) <= 3
        listed += page
    assert listed == sorted(same, key=lambda lock: lock.id)


# The ledger.


def test_a_movement_is_booked_once(stock: StockStore, shop: str) -> None:
    bare = samples.movement(shop)
    full = samples.movement(shop, id="mov_2", reason=Reason.TRANSFER, document="ord_1", note="a Ω note", lines=BOOKED)
    for movement in (bare, full):
        stock.commit([stock.ledger.movement_write(movement)], token=f"{shop}-{movement.id}")
        assert stock.ledger.movement(shop, movement.id) == movement
        with pytest.raises(VersionConflict):
            stock.commit([stock.ledger.movement_write(movement)], token=f"{shop}-{movement.id}-again")
    assert stock.ledger.movement(shop, "none") is stock.ledger.movement(f"{shop}-x", bare.id) is None


def test_a_sealed_lock_is_the_document_of_its_sale(stock: StockStore, shop: str) -> None:
    lock = samples.lock(shop)
    stock.locks.claim(lock)
    assert stock.ledger.movement(shop, lock.id) is None
    sealed(stock, lock)
    sale = Movement(id=lock.id, shop=shop, reason=Reason.SALE, at=NOW, actor="system", document=lock.order, lines=BOOKED)
    assert stock.ledger.movement(shop, lock.id) == sale
    assert (sale.booking("A", "0"), sale.booking("A", "1")) == (BOOKED[0], None)


def test_movements_of_both_kinds_in_one_read(stock: StockStore, shop: str) -> None:
    locks = [samples.lock(shop, number) for number in (1, 2)]
    for lock in locks:
        stock.locks.claim(lock)
    sealed(stock, locks[0])
    movements = [samples.movement(shop, id=f"mov_{number}") for number in range(3)]
    for movement in movements:
        stock.commit([stock.ledger.movement_write(movement)], token=f"{shop}-{movement.id}")
    wanted = [locks[0].id, locks[1].id, "lck_none", *(f"mov_{number}" for number in range(105))]
    found = stock.ledger.movements(shop, wanted)
    assert set(found) == {locks[0].id, "mov_0", "mov_1", "mov_2"}
    assert [found[movement.id] for movement in movements] == movements
    assert stock.ledger.movements(shop, []) == {}
