"""Orders, stock and products, as those see them who remind customers and watch for low stock."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from holdfast.catalogue.model import Product
from holdfast.catalogue.ports import Products
from holdfast.notifications.letter import LowStock
from holdfast.notifications.reminding import Held
from holdfast.notifications.watching import Standing
from holdfast.orders import ports as orders_ports
from holdfast.orders.model import Status
from holdfast.stock import shelves
from holdfast.stock.model import unheld
from holdfast.stock.ports import Levels

LOOKED_THROUGH = 500
"""Products for one list of those that are low."""
PAGE = 100


@dataclass(frozen=True)
class HoldsOfOrders:
    """`notifications.reminding.Holds`."""

    orders: orders_ports.Orders

    def held(self, shop: str, order: str) -> Held | None:
        found = self.orders.get(shop, order)
        if found is None or found.hold is None or found.status is not Status.PENDING_PAYMENT:
            return None
        return Held(until=found.hold.expires_at, length=timedelta(seconds=found.hold_seconds))


@dataclass(frozen=True)
class ShelfOfShop:
    """`notifications.watching.Shelf`. What nobody holds counts, by the clock, over all parts of a SKU: as in the staff's list of stock."""

    products: Products
    levels: Levels
    grace: timedelta

    def standing(self, shop: str, sku: str, now: datetime) -> Standing | None:
        """A product whose threshold is 0 is watched by nobody."""
        product = self.products.get(shop, sku)
        if product is None or product.archived or not product.low_stock_threshold:
            return None
        return self._standings(shop, [product], now)[0]

    def low(self, shop: str, most: int, now: datetime) -> tuple[Sequence[LowStock], bool]:
        """Those at or under their threshold, in order of SKU, and whether there may be more."""
        found: list[LowStock] = []
        start = None
        for _ in range(LOOKED_THROUGH // PAGE):
            page, start = self.products.page(shop, PAGE, start)
            watched = [product for product in page if product.low_stock_threshold]
            standings = zip(watched, self._standings(shop, watched, now), strict=True)
            found += [LowStock(sku=product.sku, **standing.model_dump()) for product, standing in standings if standing.low]
            if start is None or len(found) > most:
                break
        return found[:most], start is not None or len(found) > most

    def _standings(self, shop: str, products: Sequence[Product], now: datetime) -> list[Standing]:
        """In one batch of reads. A SKU without stock has none."""
        shelf = shelves.look_at(shop, dict.fromkeys((product.sku for product in products), 1), levels=self.levels) if products else {}
        return [
            Standing(
                title=product.title,
                available=unheld(shelf[product.sku][1].values(), now, self.grace) if product.sku in shelf else 0,
                threshold=product.low_stock_threshold,
            )
            for product in products
        ]
