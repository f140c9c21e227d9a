"""The rows by which an order is found, while it is edited and many workers hear of it."""

from collections.abc import Callable
from typing import Any

from holdfast.kernel.errors import VersionConflict
from holdfast.orders import indexing
from holdfast.orders.model import Order
from holdfast.orders.search_keys import By, Clue
from holdfast.orders.searching import EARLIEST, LATEST, Span
from holdfast.wiring.search import VaultsForSearch
from tests.memory import samples
from tests.memory.house import House
from tests.memory.threads import just_before, together

EVER = Span(EARLIEST, LATEST)


def index(house: House) -> None:
    """Until it is done: what gives up comes back by the queue."""
    stores = house.stores
    while True:
        try:
            indexing.index(
                house.shop,
                samples.order(house.shop).id,
                search=stores.search,
                orders=stores.orders,
                vaults=VaultsForSearch(stores.fulfilment, stores.orders),
            )
            return
        except VersionConflict:
            continue


def edit(house: House, email: str) -> None:
    while True:
        found = house.stores.orders.get(house.shop, samples.order(house.shop).id)
        assert found is not None
        if house.stores.orders.save(found.model_copy(update={"email": email, "version": found.version + 1})):
            return


def found_by(house: House, email: str) -> bool:
    return house.stores.search.found(house.shop, Clue(By.EMAIL, email), EVER, 5) != []


def placed(house: House, email: str = "first@example.com") -> Order:
    order = samples.order(house.shop, email=email)
    assert house.stores.orders.add(order)
    index(house)
    return order


def test_after_all_news_an_order_has_the_rows_of_its_last_edit(house: House) -> None:
    placed(house)
    emails = [f"edit-{number}@example.com" for number in range(8)]

    def edited_and_heard_of(email: str) -> Callable[[], Any]:
        return lambda: (edit(house, email), index(house))

    together([edited_and_heard_of(email) for email in emails])
    last = house.stores.orders.get(house.shop, samples.order(house.shop).id)
    assert last is not None
    assert last.email in emails
    assert [email for email in ["first@example.com", *emails] if found_by(house, email)] == [last.email]


def overtaken(house: House) -> None:
    """A worker has seen the second address; before it writes, the third is there and indexed by another."""
    placed(house)
    edit(house, "second@example.com")

    def faster() -> None:
        edit(house, "third@example.com")
        index(house)

    just_before(house.stores.search, "move", faster)
    index(house)


def test_a_worker_that_was_overtaken_looks_again(house: House) -> None:
    overtaken(house)
    assert [email for email in ("first", "second", "third") if found_by(house, f"{email}@example.com")] == ["third"]


def test_without_the_same_directory_it_brings_old_rows_back(careless: Callable[..., House]) -> None:
    house = careless("SAME_DIRECTORY")
    overtaken(house)
    assert found_by(house, "second@example.com")
