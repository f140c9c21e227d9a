"""Each condition of the stock's stores, at the moment for which it is there - and the harm that comes without it."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest

from holdfast.kernel.errors import IdempotencyKeyInFlight
from holdfast.stock import booking, holding, layout, releasing, selling
from holdfast.stock.errors import HoldAlreadyExtended, HoldLost, LedgerMoved, StaleStock
from holdfast.stock.model import Line
from tests.memory.house import GRACE, HOLD, House
from tests.memory.threads import just_before, meet, together
from tests.race.ledgers import Gap, documents

Careless = Callable[..., House]


def hold(house: House, lock: str, sku: str, quantity: int = 1, order: str = "ord", replaces: str | None = None) -> holding.Held:
    command = holding.Hold(
        shop=house.shop,
        lock=f"lck_{house.shop}_{lock}",
        order=order,
        lines=(Line(sku=sku, quantity=quantity),),
        expires_at=house.now + HOLD,
        fingerprint="asked",
        replaces=replaces,
    )
    return holding.hold(command, store=house.stores.stock, recall=house.recall, grace=GRACE, now=house.now)


def confirm(house: House, lock: str, sku: str, quantity: int = 1) -> None:
    """As a payments worker does: what was overtaken is looked at again."""
    for attempt in range(20):
        name = f"lck_{house.shop}_{lock}"
        try:
            writes = selling.confirm_writes(name, "ord", {sku: quantity}, shop=house.shop, store=house.stores.stock, now=house.now)
            house.stores.commit(writes, token=f"{name}-{attempt}")
            return
        except LedgerMoved:
            continue


def adjust(house: House, delta: int, expected: int | None, identity: str = "count") -> None:
    command = booking.Adjust(shop=house.shop, sku="A", identity=identity, actor="test", delta=delta, expected_available=expected)
    booking.adjust(command, store=house.stores.stock, grace=GRACE, now=house.now)


# SAME_ENTRY: what is given back is what stands there.


def given_back_by_many(house: House) -> int:
    """The sweep, TTL and staff come for the same lock at once; the units that they say came free."""
    house.product("A", 5)
    held = hold(house, "one", "A", 2)
    lock = house.stores.stock.locks.get(house.shop, held.lock)
    assert lock is not None
    answers = together([lambda: releasing.release_lock(lock, store=house.stores.stock)] * 4)
    return sum(answer for answer in answers if isinstance(answer, int))


def test_many_who_release_one_lock_free_its_units_once(house: House) -> None:
    assert given_back_by_many(house) == 2
    assert (house.level("A").available, house.level("A").on_hand) == (5, 5)


def test_without_the_guard_they_are_freed_again_and_again(careless: Careless) -> None:
    house = careless("SAME_ENTRY")
    assert given_back_by_many(house) == 8
    assert house.level("A").available > house.level("A").on_hand


# STILL_HELD: only what is held is sold.


def paid_when_the_units_were_another_buyers(house: House) -> Callable[[], None]:
    """The money comes late, and between look and sale another buyer reclaims the units."""
    house.product("A", 1)
    first = hold(house, "late", "A")
    house.now += HOLD + GRACE
    writes = selling.confirm_writes(first.lock, "ord", {"A": 1}, shop=house.shop, store=house.stores.stock, now=house.now)
    hold(house, "next", "A")
    return lambda: house.stores.commit(writes, token=f"{house.shop}-late")


def test_a_sale_of_what_is_anothers_by_now_is_refused(house: House) -> None:
    with pytest.raises(HoldLost):
        paid_when_the_units_were_another_buyers(house)()
    assert (house.level("A").on_hand, house.level("A").locked) == (1, 1)


def test_without_the_guard_one_unit_is_sold_and_held(careless: Careless) -> None:
    house = careless("STILL_HELD")
    paid_when_the_units_were_another_buyers(house)()
    assert (house.level("A").on_hand, house.level("A").locked) == (0, 1)


# SAME_LAST, NO_LAST: a part's documents are a chain.


def sold_at_once(house: House, buyers: int = 4) -> int:
    """Confirm beside confirm on one shard; the documents that an auditor finds."""
    house.product("A", buyers)
    for buyer in range(buyers):
        hold(house, str(buyer), "A")
    meet(house.stores.stock.levels, "levels", buyers)
    answers = together([lambda buyer=buyer: confirm(house, str(buyer), "A") for buyer in range(buyers)])  # type: ignore[misc]
    assert answers == [None] * buyers
    assert (house.level("A").on_hand, house.level("A").locked) == (0, 0)
    return len(documents(house, "A"))


def test_sales_at_once_are_one_chain(house: House) -> None:
    assert sold_at_once(house) == 5  # the delivery, and four sales


def test_without_the_guard_the_chain_breaks(careless: Careless) -> None:
    house = careless("SAME_LAST")
    with pytest.raises(Gap):
        sold_at_once(house)


def first_deliveries(house: House) -> int:
    house.product("A", 0)
    meet(house.stores.stock.levels, "with_heads", 2)
    together([lambda number=number: house.restock("A", 3, f"note-{number}") for number in range(2)])  # type: ignore[misc]
    assert house.level("A").on_hand == 6
    return len(documents(house, "A"))


def test_two_first_deliveries_are_one_chain(house: House) -> None:
    assert first_deliveries(house) == 2


def test_without_the_guards_a_first_delivery_is_forgotten(careless: Careless) -> None:
    house = careless("NO_LAST", "SAME_HEAD")
    with pytest.raises(Gap):
        first_deliveries(house)


# SAME_LEVEL: an exact change is of what was seen.


def counted_beside_a_buyer(house: House) -> int:
    """Staff counted nine units and set them to five; a buyer is faster by a hair. What is available at the end."""
    house.product("A", 9)
    just_before(house.stores.stock, "commit", lambda: hold(house, "one", "A", 3))
    together([lambda: adjust(house, -4, expected=9)])
    return house.level("A").available


def test_an_exact_change_beside_a_buyer_does_not_happen(house: House) -> None:
    assert counted_beside_a_buyer(house) == 6


def test_without_the_guard_it_is_neither_what_staff_wanted_nor_what_was_there(careless: Careless) -> None:
    assert counted_beside_a_buyer(careless("SAME_LEVEL")) == 2


def counted_beside_a_buyer_elsewhere(house: House) -> object:
    """He takes from a shard that the change does not touch; the sum is another one all the same."""
    house.product("A", 20)
    house.shards("A", 2)

    def buy() -> None:
        for number in range(50):
            hold(house, str(number), "A")
            if all(level.locked for level in house.parts("A").values()):
                return

    just_before(house.stores.stock, "commit", buy)
    (answer,) = together([lambda: adjust(house, 1, expected=20)])
    return answer


def test_an_exact_change_is_of_the_sum(house: House) -> None:
    assert isinstance(counted_beside_a_buyer_elsewhere(house), StaleStock)


def test_without_the_guard_the_sum_was_another(careless: Careless) -> None:
    assert counted_beside_a_buyer_elsewhere(careless("SAME_LEVEL")) is None


# SAME_HEAD, EMPTY: no unit lies where nobody looks.


def delivered_to_a_shard_that_is_given_up(house: House) -> int:
    """A large delivery is spread over two shards while the second one goes; the units that a summary sees."""
    house.product("A", 0)
    layout.resize(house.shop, "A", 2, pinned=False, store=house.stores.stock, now=house.now)
    just_before(house.stores.stock, "commit", lambda: layout.settle(house.shop, "A", store=house.stores.stock, grace=GRACE, now=house.now))
    house.restock("A", 40, "note")
    return sum(level.on_hand for level in house.parts("A").values())


def test_a_delivery_beside_a_change_of_the_layout_is_seen_whole(house: House) -> None:
    assert delivered_to_a_shard_that_is_given_up(house) == 40
    assert set(house.parts("A")) == {"0"}


def test_without_the_guard_units_lie_where_nobody_looks(careless: Careless) -> None:
    assert delivered_to_a_shard_that_is_given_up(careless("SAME_HEAD")) == 20


def two_layouts_at_once(house: House) -> int:
    """Two of staff change different things of one SKU; what is kept of both."""
    house.product("A", 10)
    meet(house.stores.stock.levels, "head", 2)
    together(
        [
            lambda: layout.resize(house.shop, "A", 4, pinned=True, store=house.stores.stock, now=house.now),
            lambda: layout.keep_back(house.shop, "A", 3, store=house.stores.stock, grace=GRACE, now=house.now),
        ]
    )
    head = house.stores.stock.levels.head(house.shop, "A")
    assert head is not None
    return (head.shards == 4) + (head.safety_stock == 3)


def test_two_changes_of_a_layout_at_once_both_stay(house: House) -> None:
    assert two_layouts_at_once(house) == 2


def test_without_the_guard_the_slower_one_undoes_the_faster(careless: Careless) -> None:
    assert two_layouts_at_once(careless("SAME_HEAD")) == 1


def retired_while_something_lands(house: House) -> int:
    house.product("A", 0)
    layout.resize(house.shop, "A", 2, pinned=False, store=house.stores.stock, now=house.now)
    second = house.level("A", "1")
    land = house.stores.stock.levels.change_write(second, 5, f"mov_{house.shop}")
    just_before(house.stores.stock, "commit", lambda: house.stores.commit([land], token=f"{house.shop}-land"))
    layout.settle(house.shop, "A", store=house.stores.stock, grace=GRACE, now=house.now)
    return sum(level.on_hand for level in house.parts("A").values())


def test_a_shard_in_which_something_lands_is_not_given_up(house: House) -> None:
    assert retired_while_something_lands(house) == 5


def test_without_the_guard_it_is_given_up_with_its_units(careless: Careless) -> None:
    assert retired_while_something_lands(careless("EMPTY")) == 0


# SAME_CLAIM: a lock is one try's at a time.


def two_tabs(house: House) -> list[object]:
    """Both replace the shopper's first try, at once; each must know whether the lock is its own."""
    house.product("A", 5)
    hold(house, "cart", "A", 2, order="first")
    house.now += timedelta(seconds=1)
    meet(house.stores.stock.locks, "claim", 2)
    return together([lambda order=order: hold(house, "cart", "A", 2, order=order, replaces="first") for order in ("left", "right")])  # type: ignore[misc]


def test_of_two_tabs_one_has_the_lock(house: House) -> None:
    answers = two_tabs(house)
    assert sum(isinstance(answer, holding.Held) for answer in answers) == 1
    assert sum(isinstance(answer, IdempotencyKeyInFlight) for answer in answers) == 1
    assert house.level("A").locked == 2


def test_without_the_guard_both_tabs_believe_it_is_theirs(careless: Careless) -> None:
    answers = two_tabs(careless("SAME_CLAIM"))
    assert all(isinstance(answer, holding.Held) for answer in answers)


def forgotten_while_it_is_renewed(house: House) -> bool:
    """A release of the first try is at its last step when the second one renews the lock. Whether its document is still there."""
    house.product("A", 5)
    held = hold(house, "cart", "A", 2, order="first")
    house.now += timedelta(seconds=1)
    just_before(house.stores.stock.locks, "forget", lambda: hold(house, "cart", "A", 2, order="second", replaces="first"))
    releasing.release(house.shop, held.lock, store=house.stores.stock)
    return house.stores.stock.locks.get(house.shop, held.lock) is not None


def test_a_release_forgets_the_try_that_it_released(house: House) -> None:
    assert forgotten_while_it_is_renewed(house)
    assert house.level("A").locked == 2


def test_without_the_guard_units_are_held_and_nobody_knows_for_whom(careless: Careless) -> None:
    house = careless("SAME_CLAIM")
    assert not forgotten_while_it_is_renewed(house)
    assert house.level("A").locked == 2


# NOT_EXTENDED: a hold is extended once, and who asks again is told so.


def extended_at_once(house: House) -> list[object]:
    house.product("A", 5)
    held = hold(house, "cart", "A", 2)

    def extend() -> None:
        until = house.now + 2 * HOLD
        writes = holding.extend_writes(house.shop, held.lock, "ord", until=until, store=house.stores.stock, now=house.now)
        house.stores.commit(writes, token=uuid4().hex)

    meet(house.stores.stock.locks, "get", 2)
    return together([extend, extend])


def test_two_extensions_at_once_are_one(house: House) -> None:
    answers = extended_at_once(house)
    assert sum(answer is None for answer in answers) == 1
    assert sum(isinstance(answer, HoldAlreadyExtended) for answer in answers) == 1
    (entry,) = house.level("A").entries.values()
    assert entry.expires_at == house.now + 2 * HOLD


def test_without_the_guard_a_shopper_is_told_that_his_hold_is_gone(careless: Careless) -> None:
    answers = extended_at_once(careless("NOT_EXTENDED"))
    assert any(isinstance(answer, HoldLost) for answer in answers)
