"""The proof that each licence key belongs to one order line at most, and what it says of a vault that is not in order."""

from collections.abc import Iterator

import pytest

from holdfast.catalogue.model import Kind, OnShortage
from holdfast.fulfilment import key_audit
from holdfast.fulfilment.key_audit import AuditKeys, KeysAudited
from holdfast.fulfilment.model import Places
from holdfast.kernel.errors import UnavailableError
from holdfast.orders.model import Order
from holdfast.wiring.keys import BookForKeyAudit
from tests.memory.engine import Memory
from tests.memory.house import House
from tests.memory.stores import in_memory


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def house(memory: Memory) -> House:
    """Two bought; one had its key replaced, one waits for a batch that came; a key is withdrawn."""
    house = House(in_memory(memory))
    house.product("KEY", 5, Kind.DIGITAL, OnShortage.BACKORDER)
    first = bought(house, 2)
    house.replace(house.key("KEY", 1).id)
    house.revoke(house.key("KEY", 4).id, "second")
    second = bought(house, 3)
    house.import_keys("KEY", ["later", "latest", "last"], "second")
    house.feed("KEY")
    assert [len(house.keys_of(order)) for order in (first, second)] == [3, 3]
    return house


def bought(house: House, units: int) -> Order:
    order = house.place(house.session(("KEY", units)), f"of-{units}", accept_partial=True).order
    house.at_provider(order, "pay")  # type: ignore[arg-type]
    house.browser_returns(order)
    house.serve(order)
    house.index(order)
    return order


def audited(house: House, most: int = 100, **options: object) -> KeysAudited:
    book = BookForKeyAudit(house.stores.orders, lambda _: ["KEY", "OTHER"])
    return key_audit.audit(AuditKeys.model_validate({"shop": house.shop, **options}), store=house.stores.fulfilment, book=book, most=most)


def findings(house: House) -> Iterator[tuple[str, int | str | None]]:
    (proof,) = audited(house, sku="KEY").skus
    assert proof.proved is (not proof.findings)
    return ((found.kind.value, found.place or found.count) for found in proof.findings)


def test_a_vault_in_order_is_proved(house: House) -> None:
    report = audited(house)
    assert [(one.sku, one.imported, one.proved, one.moving) for one in report.skus] == [("KEY", 8, True, False), ("OTHER", 0, True, False)]
    assert (report.orders, report.complete, report.next) == (2, True, None)


def test_skus_are_looked_at_page_by_page(house: House) -> None:
    first = audited(house, limit=1)
    assert ([one.sku for one in first.skus], first.next) == (["KEY"], "KEY")
    assert [one.sku for one in audited(house, limit=1, after=first.next).skus] == ["OTHER"]


def test_without_all_orders_nothing_is_proved(house: House) -> None:
    report = audited(house, most=1)
    assert (report.complete, report.orders, [one.proved for one in report.skus]) == (False, 1, [False, False])
    assert report.skus[0].findings == ()


def test_a_delivery_that_is_gone_leaves_its_keys_to_nobody(house: House, memory: Memory) -> None:
    del memory.rows[next(key for key in memory.rows if key[0] == "delivery")]
    kinds = {kind for kind, _ in findings(house)}
    assert kinds == {"lost", "uneven"}


def test_two_with_the_same_key_are_found(house: House, memory: Memory) -> None:
    key = next(key for key in memory.rows if key[0] == "delivery")
    memory.put((*key[:3], "000099", "KEY"), memory.rows[key].model_copy(update={"wave": 99}))
    assert ("shared", 1) in findings(house)


def test_a_key_before_its_turn_is_found(house: House, memory: Memory) -> None:
    key = next(key for key in memory.rows if key[0] == "delivery")
    memory.put(key, memory.rows[key].model_copy(update={"more": (Places(first=8, last=9),)}))
    assert ("early", 8) in findings(house)


@pytest.mark.parametrize("count", ["imported", "back", "passed", "revoked"])
def test_a_wrong_count_is_found(house: House, memory: Memory, count: str) -> None:
    vault = memory.rows[("vault", "demo", "KEY")]
    memory.put(("vault", "demo", "KEY"), vault.model_copy(update={count: getattr(vault, count) + 1}))
    assert ("miscounted", count) in findings(house)


def test_what_lies_on_the_list_and_with_an_order_is_found(house: House, memory: Memory) -> None:
    memory.put(("places", "demo", "KEY", "000000002"), Places(first=2, last=2))
    found = list(findings(house))
    assert ("shared", 2) in found
    assert ("miscounted", "back") in found


def test_what_moves_meanwhile_is_not_judged(house: House, memory: Memory) -> None:
    del memory.rows[next(key for key in memory.rows if key[0] == "delivery")]
    marks = house.stores.fulfilment.vaults.marks

    def moving(*args: object) -> object:
        vault = memory.rows[("vault", "demo", "KEY")]
        memory.put(("vault", "demo", "KEY"), vault.model_copy(update={"version": vault.version + 1}))
        return marks(*args)  # type: ignore[arg-type]

    house.stores.fulfilment.vaults.marks = moving  # type: ignore[method-assign, assignment]
    (proof,) = audited(house, sku="KEY").skus
    assert (proof.proved, proof.moving, proof.findings) == (False, True, ())


def test_an_open_batch_is_with_those_whom_it_was_allotted_to(house: House, memory: Memory) -> None:
    """Half of it was handed over when the worker died."""
    waits = [bought(house, units) for units in (4, 5)]
    house.import_keys("KEY", [f"new-{number}" for number in range(9)], "third")
    save = house.stores.orders.save
    fed: list[Order] = []

    def once(order: Order) -> bool:
        if fed:
            raise UnavailableError("killed")
        fed.append(order)
        return save(order)

    house.stores.orders.save = once  # type: ignore[method-assign]
    with pytest.raises(UnavailableError):
        house.feed("KEY")
    assert memory.rows[("queue", "demo", "KEY")].open
    assert list(findings(house)) == []
    assert len(waits) == 2
