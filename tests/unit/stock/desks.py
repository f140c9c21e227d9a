"""A desk of the shop's staff over a house's stores, as `functions/inventory_http` plugs it together."""

from holdfast.stock import inventory
from holdfast.wiring.inventory import ArticlesForStock
from holdfast.wiring.stock import ShelfForCatalogue
from tests.memory.house import GRACE, HOLD, House


def desk_of(house: House) -> inventory.Desk:
    owed = house.stores.fulfilment.debts.owed
    shelf = ShelfForCatalogue(house.stores.stock, GRACE, owed, lambda: house.now)
    return inventory.Desk(house.stores.stock, ArticlesForStock(house.stores.products, shelf), owed, GRACE, HOLD)
