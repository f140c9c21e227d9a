"""Adding, changing and withdrawing products; two editors at once."""

import pytest

from holdfast.catalogue import usecases
from holdfast.catalogue.errors import KindIsFixed, ProductExists, ProductInUse, StaleProduct, UnknownProduct
from holdfast.catalogue.model import Kind, OnShortage, Product, StockStatus
from holdfast.wiring.stock import ShelfForCatalogue
from tests.memory import samples
from tests.memory.engine import Memory
from tests.memory.house import GRACE, House
from tests.memory.samples import EUR, LATER, NOW
from tests.memory.stores import in_memory
from tests.memory.threads import just_before

PEN = usecases.PutProduct(
    shop="demo",
    sku="PEN",
    title="Pen",
    description=None,
    kind=Kind.PHYSICAL,
    price=EUR,
    on_shortage=OnShortage.REJECT,
    low_stock_threshold=0,
    max_per_order=None,
)


class Shop(House):
    @property
    def shelf(self) -> ShelfForCatalogue:
        return ShelfForCatalogue(self.stores.stock, GRACE, self.stores.fulfilment.debts.owed, lambda: self.now)

    def put(self, title: str = "Pen", expected: int | None = None) -> Product:
        command = PEN.model_copy(update={"title": title})
        return usecases.put(command, products=self.stores.products, shelf=self.shelf, now=LATER, expected=expected)

    def add(self) -> Product:
        return usecases.add(PEN, products=self.stores.products, shelf=self.shelf, now=NOW)

    def withdraw(self) -> None:
        usecases.withdraw(self.shop, "PEN", products=self.stores.products, shelf=self.shelf, now=LATER)


@pytest.fixture
def shop() -> Shop:
    return Shop(in_memory(Memory()))


def test_a_product_has_a_place_for_its_stock(shop: Shop) -> None:
    assert shop.add().version == 1
    assert shop.level("PEN").on_hand == 0
    with pytest.raises(ProductExists):
        shop.add()


def test_the_same_put_changes_nothing(shop: Shop) -> None:
    added = shop.add()
    assert shop.put() == added
    changed = shop.put("Quill")
    assert (changed.version, changed.created_at, changed.updated_at) == (2, NOW, LATER)


def test_a_stale_editor_is_told(shop: Shop) -> None:
    with pytest.raises(StaleProduct):
        shop.put("Quill", expected=1)
    shop.add()
    shop.put("Quill", expected=1)
    with pytest.raises(StaleProduct) as stale:
        shop.put("Biro", expected=1)
    assert stale.value.facts["version"] == 2


def test_two_editors_at_once_both_count(shop: Shop) -> None:
    shop.add()
    just_before(shop.stores.products, "save", lambda: shop.put("Biro"))
    assert (shop.put("Quill").version, shop.put("Quill").title) == (3, "Quill")
    just_before(shop.stores.products, "save", lambda: shop.put("Brush"))
    with pytest.raises(StaleProduct):
        shop.put("Chalk", expected=3)


def test_a_sku_stays_what_it_was_made_as(shop: Shop) -> None:
    shop.add()
    with pytest.raises(KindIsFixed):
        usecases.put(PEN.model_copy(update={"kind": Kind.DIGITAL}), products=shop.stores.products, shelf=shop.shelf, now=LATER)
    found = shop.stores.products.get("demo", "PEN")
    assert found is not None
    assert found.kind is Kind.PHYSICAL


def test_a_product_in_use_is_not_withdrawn(shop: Shop) -> None:
    with pytest.raises(UnknownProduct):
        shop.withdraw()
    shop.add()
    shop.restock("PEN", 1, "note")
    order = shop.place(shop.session(("PEN", 1))).order
    with pytest.raises(ProductInUse) as used:
        shop.withdraw()
    assert used.value.facts == {"locked": 1, "waiting": 0}
    shop.cancel(order)
    shop.withdraw()
    with pytest.raises(UnknownProduct):
        shop.withdraw()
    assert shop.add().version == 3  # and back again


@pytest.mark.parametrize(
    ("available", "on_shortage", "status"),
    [
        (4, OnShortage.REJECT, StockStatus.IN_STOCK),
        (3, OnShortage.REJECT, StockStatus.LOW_STOCK),
        (1, OnShortage.BACKORDER, StockStatus.LOW_STOCK),
        (0, OnShortage.REJECT, StockStatus.OUT_OF_STOCK),
        (0, OnShortage.BACKORDER, StockStatus.BACKORDER),
    ],
)
def test_what_a_shopper_is_told_of_stock(available: int, on_shortage: OnShortage, status: StockStatus) -> None:
    product = samples.product("demo", on_shortage=on_shortage, low_stock_threshold=3)
    assert product.stock_status(available) is status
