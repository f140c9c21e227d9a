"""The audit: each kind of damage is planted, seen by its code, put right by a dated correction, and not seen again."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from holdfast.kernel.errors import VersionConflict
from holdfast.stock import auditing, booking, holding, layout, ledger
from holdfast.stock.auditing import Report
from holdfast.stock.errors import UnknownStock
from holdfast.stock.model import MAIN, PROMISES, Booking, Entry, Level, LevelKey, Line, Movement, Place, Reason
from tests.memory.engine import Memory
from tests.memory.house import GRACE, HOLD, House
from tests.memory.stores import in_memory
from tests.memory.threads import just_before, together

SHOP = "demo"
Planted = Callable[[Memory, House], None]


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def house(memory: Memory) -> House:
    """A SKU with three documents (10 came, 5 were found, 2 sold), 3 units held, and a calm one beside it."""
    house = House(in_memory(memory))
    house.product("A", 10)
    house.product("B", 7)
    house.now += timedelta(seconds=1)
    adjust(house, 5, "found")
    house.now += timedelta(seconds=1)
    house.browser_returns(house.buy(("A", 2)))
    house.place(house.session(("A", 3)))
    return house


def adjust(house: House, delta: int, identity: str, sku: str = "A") -> None:
    command = booking.Adjust(shop=SHOP, sku=sku, identity=identity, actor="ada", delta=delta)
    booking.adjust(command, store=house.stores.stock, grace=GRACE, now=house.now)


def audit(house: House, *skus: str, repair: bool = False, dry_run: bool = True, most: int = 1000) -> Report:
    return auditing.audit(
        SHOP, skus or ("A", "B"), store=house.stores.stock, now=house.now, actor="ada", repair=repair, dry_run=dry_run, most=most
    )


def edit(memory: Memory, part: str = "0", **changes: object) -> None:
    """As a person does in the console: no condition, no version."""
    level: Level = memory.get("level", SHOP, "A", part)
    memory.put(("level", SHOP, "A", part), level.model_copy(update=changes))


def documents(house: House) -> list[str]:
    """Oldest first."""
    return [row.id for row in reversed(ledger.history(SHOP, "A", store=house.stores.stock, limit=100).rows)]


def found(memory: Memory, document: str) -> Movement:
    movement: Movement = memory.get("movement", SHOP, document)
    return movement


def forge(memory: Memory, document: str, **changes: object) -> None:
    """One line of a document says something else."""
    movement = found(memory, document)
    memory.put(("movement", SHOP, document), movement.model_copy(update={"lines": (movement.lines[0].model_copy(update=changes),)}))


def test_a_shop_that_nobody_meddled_with_is_proved(house: House) -> None:
    report = audit(house)
    assert (report.proved, report.findings, report.repairs, report.left) == (True, (), (), ())
    assert (report.on_hand, report.available, report.locked) == (20, 17, 3)
    assert report.figures == ledger.Figures(received=17, adjusted=5, sold=2)
    assert {proof.sku: proof.on_hand for proof in report.proofs} == {"A": 13, "B": 7}


def test_an_audit_changes_nothing(memory: Memory, house: House) -> None:
    before = dict(memory.rows)
    audit(house, repair=True, dry_run=False)
    assert memory.rows == before


# Damage, each with what the audit calls it and what is there after the repair: on hand, available, units booked as corrections.


def available_edited(memory: Memory, _: House) -> None:
    edit(memory, available=25)


def available_below_nothing(memory: Memory, _: House) -> None:
    edit(memory, available=-4)


def on_hand_edited(memory: Memory, _: House) -> None:
    edit(memory, on_hand=99)


def both_edited(memory: Memory, _: House) -> None:
    edit(memory, on_hand=23, available=20)


def all_three_disagree(memory: Memory, _: House) -> None:
    edit(memory, on_hand=50, available=1)


def entry_deleted(memory: Memory, _: House) -> None:
    edit(memory, entries={})


def entry_planted(memory: Memory, house: House) -> None:
    level: Level = memory.get("level", SHOP, "A", "0")
    edit(memory, entries={**level.entries, "planted": Entry(quantity=4, expires_at=house.now + HOLD)})


def oldest_lost(memory: Memory, house: House) -> None:
    memory.put(("movement", SHOP, documents(house)[0]), None)


def middle_lost(memory: Memory, house: House) -> None:
    memory.put(("movement", SHOP, documents(house)[1]), None)


def last_lost(memory: Memory, house: House) -> None:
    memory.put(("lock", SHOP, documents(house)[2]), None)


def last_lost_and_level_edited(memory: Memory, house: House) -> None:
    last_lost(memory, house)
    edit(memory, available=1)


def quantity_forged(memory: Memory, house: House) -> None:
    forge(memory, documents(house)[1], quantity=4)


def balance_forged(memory: Memory, house: House) -> None:
    """It fits neither the one before nor the one after."""
    forge(memory, documents(house)[1], balance=18)


def line_of_another_part(memory: Memory, house: House) -> None:
    forge(memory, documents(house)[1], part="7")


def pointer_to_nothing(memory: Memory, _: House) -> None:
    edit(memory, last="mov_nowhere")


DAMAGE: dict[Planted, tuple[set[str], tuple[int, int, int]]] = {
    available_edited: ({"level_out_of_balance"}, (13, 10, 0)),
    available_below_nothing: ({"level_out_of_balance", "held_beyond_on_hand"}, (13, 10, 0)),
    on_hand_edited: ({"level_out_of_balance", "level_beside_ledger"}, (13, 10, 0)),
    both_edited: ({"level_beside_ledger"}, (23, 20, 10)),
    all_three_disagree: ({"level_out_of_balance", "level_beside_ledger"}, (13, 10, 0)),
    entry_deleted: ({"level_out_of_balance"}, (13, 13, 0)),
    entry_planted: ({"level_out_of_balance"}, (13, 6, 0)),
    oldest_lost: ({"document_missing"}, (13, 10, 10)),
    middle_lost: ({"document_missing"}, (13, 10, 15)),
    last_lost: ({"document_missing"}, (13, 10, 13)),
    last_lost_and_level_edited: ({"document_missing", "level_out_of_balance"}, (13, 10, 13)),
    quantity_forged: ({"balance_gap"}, (13, 10, 1)),
    balance_forged: ({"balance_gap"}, (13, 10, 0)),
    line_of_another_part: ({"document_missing"}, (13, 10, 15)),
    pointer_to_nothing: ({"document_missing"}, (13, 10, 13)),
}


@pytest.mark.parametrize("plant", DAMAGE, ids=lambda plant: plant.__name__)
def test_damage_is_seen_named_and_put_right(memory: Memory, house: House, plant: Planted) -> None:
    codes, (on_hand, available, booked) = DAMAGE[plant]
    plant(memory, house)
    report = audit(house)
    assert {finding.code for finding in report.findings} == codes
    assert {(finding.sku, finding.part) for finding in report.findings} == {("A", "0")}
    assert (report.proved, report.repairs) == (False, ())
    assert next(proof for proof in report.proofs if proof.sku == "B").proved

    before = dict(memory.rows)
    planned = audit(house, repair=True)
    assert memory.rows == before
    (repair,) = planned.repairs
    assert (repair.on_hand, repair.available, repair.booked, repair.done) == (on_hand, available, booked, False)

    house.now += timedelta(minutes=1)
    done = audit(house, repair=True, dry_run=False)
    level = house.level("A")
    assert done.proved, done.findings
    assert [one.done for one in done.repairs] == [True]
    assert (level.on_hand, level.available, level.on_hand - level.locked) == (on_hand, available, available)
    assert done.figures.corrected == booked
    for name in done.repairs[0].corrections:
        correction = found(memory, name)
        assert (correction.reason, correction.actor, correction.at, bool(correction.note)) == (Reason.CORRECTION, "ada", house.now, True)
    assert audit(house, repair=True, dry_run=False).repairs == ()


@pytest.mark.parametrize("plant", DAMAGE, ids=lambda plant: plant.__name__)
def test_after_a_repair_the_shop_sells_on(memory: Memory, house: House, plant: Planted) -> None:
    plant(memory, house)
    audit(house, repair=True, dry_run=False)
    house.now += timedelta(minutes=1)
    house.browser_returns(house.buy(("A", 2)))
    house.restock("A", 5, "next")
    assert audit(house).proved
    assert ledger.rebuild(SHOP, "A", at=house.now, store=house.stores.stock).findings == ()


def test_several_forged_documents_are_booked_one_by_one(memory: Memory, house: House) -> None:
    for delta, identity in ((1, "x"), (2, "y")):
        adjust(house, delta, identity)
    names = documents(house)
    for document in names[3:]:
        forge(memory, document, quantity=7)
    memory.put(("movement", SHOP, names[0]), None)
    assert sorted(finding.code for finding in audit(house).findings) == ["balance_gap", "balance_gap", "document_missing"]
    (repair,) = audit(house, repair=True, dry_run=False).repairs
    assert (len(repair.corrections), repair.done) == (3, True)
    assert audit(house).proved


def test_more_damage_than_one_transaction_takes_is_put_right_in_several(memory: Memory, house: House) -> None:
    for number in range(auditing.MOST_CORRECTIONS + 5):
        adjust(house, 1, f"count-{number}")
    for document in documents(house)[3:]:
        forge(memory, document, quantity=2)
    assert not audit(house, repair=True, dry_run=False).proved
    assert audit(house, repair=True, dry_run=False).proved


def test_a_lost_document_of_two_skus_is_stood_for_in_each(memory: Memory, house: House) -> None:
    order = house.buy(("A", 1), ("B", 1))
    house.browser_returns(order)
    memory.put(("lock", SHOP, documents(house)[-1]), None)
    assert [(finding.code, finding.sku) for finding in audit(house).findings] == [("document_missing", "A"), ("document_missing", "B")]
    assert audit(house, "A", repair=True, dry_run=False).proved
    assert not audit(house, "B").proved
    assert audit(house, "B", repair=True, dry_run=False).proved


def test_a_transfer_that_lost_units_on_the_way_is_seen_and_owned_up_to(memory: Memory, house: House) -> None:
    layout.place(SHOP, "A", [Place(name=MAIN), Place(name="north")], store=house.stores.stock)
    command = booking.Transfer(shop=SHOP, sku="A", identity="truck", actor="ada", quantity=4, source=MAIN, target="north")
    booking.transfer(command, store=house.stores.stock, grace=GRACE, now=house.now)
    truck = found(memory, command.movement)
    short = truck.lines[1].model_copy(update={"quantity": 3, "balance": 3})
    memory.put(("movement", SHOP, truck.id), truck.model_copy(update={"lines": (truck.lines[0], short)}))
    edit(memory, "north", on_hand=3, available=3)
    report = audit(house)
    (finding,) = report.findings
    assert (finding.code, finding.document, finding.found, report.figures.transferred) == ("transfer_uneven", truck.id, -1, -1)
    done = audit(house, repair=True, dry_run=False)
    assert (done.proved, done.on_hand, done.figures.corrected) == (True, 19, 0)


# What a person must look at is told, and left as it is.


def test_more_held_than_there_is_is_not_decided_here(memory: Memory, house: House) -> None:
    level: Level = memory.get("level", SHOP, "A", "0")
    edit(memory, entries={**level.entries, "planted": Entry(quantity=40, expires_at=house.now + HOLD)})
    before = dict(memory.rows)
    report = audit(house, repair=True, dry_run=False)
    assert {(finding.code, finding.repairable) for finding in report.findings} == {
        ("level_out_of_balance", False),
        ("held_beyond_on_hand", False),
    }
    assert (report.repairs, memory.rows) == ((), before)


def test_a_part_that_is_gone_is_missed(memory: Memory, house: House) -> None:
    house.shards("A", 2)
    assert audit(house).proved
    memory.put(("level", SHOP, "A", "1"), None)
    report = audit(house, repair=True, dry_run=False)
    assert [(finding.code, finding.part, finding.repairable) for finding in report.findings] == [("part_missing", "1", False)]
    assert (report.proved, report.repairs) == (False, ())


def test_a_pool_is_not_goods_but_its_sum_is_looked_at(memory: Memory, house: House) -> None:
    pool = LevelKey(shop=SHOP, sku="A", part=PROMISES)
    house.stores.stock.levels.open_pool(pool, 5)
    house.stores.stock.levels.take(pool, "promised", Entry(quantity=2, expires_at=house.now + HOLD))
    report = audit(house)
    assert (report.proved, report.on_hand) == (True, 20)
    edit(memory, PROMISES, available=1)
    assert [(finding.code, finding.part, finding.expected, finding.found) for finding in audit(house).findings] == [
        ("pool_out_of_balance", PROMISES, 5, 3)
    ]


def test_what_was_not_read_is_not_proved(house: House) -> None:
    report = audit(house, "A", most=2)
    (proof,) = report.proofs
    assert (proof.documents, proof.complete, proof.proved, report.proved, report.findings) == (2, False, False, False, ())


def test_nor_when_what_was_read_happens_to_add_up(house: House) -> None:
    house.product("C")
    for delta, identity in ((10, "in"), (-10, "out"), (3, "in again")):
        adjust(house, delta, identity, "C")
    (proof,) = audit(house, "C", most=1).proofs
    assert (proof.figures.balance, proof.on_hand, proof.complete, proof.proved) == (3, 3, False, False)


def test_all_that_there_is_may_be_held(memory: Memory, house: House) -> None:
    level: Level = memory.get("level", SHOP, "A", "0")
    edit(memory, entries={**level.entries, "planted": Entry(quantity=10, expires_at=house.now + HOLD)})
    assert audit(house, "A", repair=True, dry_run=False).proved
    assert (house.level("A").available, house.level("A").locked) == (0, 13)


def test_what_was_not_read_is_not_repaired(memory: Memory, house: House) -> None:
    edit(memory, available=25)
    before = dict(memory.rows)
    assert (audit(house, "A", most=2, repair=True, dry_run=False).repairs, memory.rows) == ((), before)


def test_skus_that_were_not_reached_are_named(house: House) -> None:
    skus = [f"S{number}" for number in range(30)]
    for sku in skus:
        house.product(sku, 1)
    report = audit(house, *skus, most=20)
    assert (len(report.proofs), list(report.left), report.proved) == (25, skus[25:], False)
    assert audit(house, *report.left).proved


def test_an_unknown_sku_is_refused(house: House) -> None:
    with pytest.raises(UnknownStock):
        audit(house, "A", "GHOST")


# Beside buyers.


def buy(house: House, number: int) -> Callable[[], object]:
    command = holding.Hold(
        shop=SHOP,
        lock=f"lck-{number}",
        order=f"ord-{number}",
        lines=(Line(sku="A", quantity=1),),
        expires_at=house.now + HOLD,
        fingerprint="asked",
    )
    return lambda: holding.hold(command, store=house.stores.stock, recall=house.recall, grace=GRACE, now=house.now)


def test_a_repair_beside_buyers_takes_nothing_from_them(memory: Memory, house: House) -> None:
    """Twelve buyers and three repairs at once: whoever got units keeps them, and the sum holds."""
    edit(memory, available=8)
    repairs = [lambda: audit(house, "A", repair=True, dry_run=False)] * 3
    answers = together([*[buy(house, number) for number in range(6)], *repairs, *[buy(house, number) for number in range(6, 12)]])
    winners = [answer for answer in answers if isinstance(answer, holding.Held)]
    audit(house, "A", repair=True, dry_run=False)
    level = house.level("A")
    assert (level.conserved(), level.on_hand, level.locked) == (True, 13, 3 + len(winners))
    assert audit(house).proved


def test_a_buyer_who_is_faster_by_a_hair_keeps_his_unit(memory: Memory, house: House) -> None:
    edit(memory, available=8)
    just_before(house.stores.stock, "commit", buy(house, 1))
    done = audit(house, "A", repair=True, dry_run=False)
    level = house.level("A")
    assert ([one.done for one in done.repairs], level.available, level.locked, done.proved) == ([True], 9, 4, True)


@pytest.mark.parametrize("plant", [quantity_forged, both_edited, middle_lost])
def test_where_only_the_ledger_is_short_of_a_line_buyers_do_not_meet_the_repair(memory: Memory, house: House, plant: Planted) -> None:
    """It goes through at once, though a unit was taken since it was planned: a SKU in demand could not be repaired else."""
    plant(memory, house)
    before = memory.get("head", SHOP, "A").restocks
    just_before(house.stores.stock, "commit", buy(house, 1))
    commit, tries = house.stores.stock.commit, []

    def counted(writes: object, *, token: str) -> None:
        tries.append(token)
        commit(writes, token=token)  # type: ignore[arg-type]

    house.stores.stock.commit = counted  # type: ignore[misc, method-assign]
    done = audit(house, "A", repair=True, dry_run=False)
    assert (len(tries), [one.done for one in done.repairs], done.proved, done.locked) == (1, [True], True, 4)
    assert memory.get("head", SHOP, "A").restocks == before  # no unit came free


def test_without_the_condition_his_unit_would_be_sold_again() -> None:
    memory = Memory("SAME_IMAGE")
    house = House(in_memory(memory))
    house.product("A", 10)
    edit(memory, available=8)
    just_before(house.stores.stock, "commit", buy(house, 1))
    auditing.audit(SHOP, ["A"], store=house.stores.stock, now=house.now, repair=True, dry_run=False)
    level = house.level("A")
    assert (level.available, level.locked, level.conserved()) == (10, 1, False)


def test_two_repairs_at_once_book_once(memory: Memory, house: House) -> None:
    edit(memory, on_hand=23, available=20)
    just_before(house.stores.stock, "commit", lambda: audit(house, "A", repair=True, dry_run=False))
    done = audit(house, "A", repair=True, dry_run=False)
    assert (done.figures.corrected, done.on_hand, done.proved) == (10, 23, True)


def test_a_lost_reply_is_known_again_as_our_own(memory: Memory, house: House) -> None:
    edit(memory, available=25)
    commit = house.stores.stock.commit

    def deaf(writes: object, *, token: str) -> None:
        commit(writes, token=token)  # type: ignore[arg-type]
        raise VersionConflict("The reply got lost, and the second delivery met the first.")

    house.stores.stock.commit = deaf  # type: ignore[misc, method-assign]
    done = audit(house, "A", repair=True, dry_run=False)
    assert ([one.done for one in done.repairs], done.proved) == ([True], True)


def test_those_who_wait_are_told_of_units_that_a_repair_frees(memory: Memory, house: House) -> None:
    edit(memory, available=2)
    before = memory.get("head", SHOP, "A").restocks
    audit(house, "A", repair=True, dry_run=False)
    assert memory.get("head", SHOP, "A").restocks == before + 1
    assert isinstance(memory.get("movement", SHOP, documents(house)[-1]).lines[0], Booking)
