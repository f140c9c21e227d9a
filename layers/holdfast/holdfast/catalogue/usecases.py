"""Adding, changing and withdrawing products."""

from datetime import datetime

from holdfast.catalogue.errors import KindIsFixed, ProductExists, ProductInUse, StaleProduct, UnknownProduct
from holdfast.catalogue.model import STANDARD, Kind, OnShortage, Product
from holdfast.catalogue.ports import Products, Shelf
from holdfast.kernel.model import Model
from holdfast.kernel.money import Money
from holdfast.kernel.time import Instant


class PutProduct(Model):
    shop: str
    sku: str
    title: str
    description: str | None
    kind: Kind
    price: Money
    prices: tuple[Money, ...] = ()
    tax_class: str = STANDARD
    weight_grams: int = 0
    on_shortage: OnShortage
    low_stock_threshold: int
    max_per_order: int | None
    max_per_customer: int | None = None
    backorder_cap: int | None = None
    available_from: Instant | None = None

    def product(self, now: datetime) -> Product:
        return Product(**self.model_dump(), created_at=now, updated_at=now)


def add(command: PutProduct, *, products: Products, shelf: Shelf, now: datetime) -> Product:
    """A new product, or a withdrawn one back again. ProductExists when the SKU is on sale."""
    standing = products.get(command.shop, command.sku)
    if standing and not standing.archived:
        raise ProductExists("This SKU is on sale already; change it with PUT.", sku=command.sku)
    return put(command, products=products, shelf=shelf, now=now, expected=standing.version if standing else None)


def put(command: PutProduct, *, products: Products, shelf: Shelf, now: datetime, expected: int | None = None) -> Product:
    """Make or change a product. `expected` is the version from If-Match: StaleProduct when another one stands."""
    shelf.open(command.shop, command.sku)  # first, so that no product is ever without a place for its stock
    while True:
        standing = products.get(command.shop, command.sku)
        if expected is not None and (standing is None or standing.version != expected):
            raise StaleProduct("The product was changed by somebody else. Read it again.", version=standing.version if standing else None)
        if standing is not None and standing.kind is not command.kind:
            raise KindIsFixed(f"This SKU is {standing.kind}. Use another SKU for the other kind.", kind=standing.kind)
        changed = _changed(standing, command.product(now))
        if changed is standing or products.save(changed, over=standing.version if standing else None):
            return changed


def withdraw(shop: str, sku: str, *, products: Products, shelf: Shelf, now: datetime) -> None:
    """Take a product off sale. It stays readable for its orders; ProductInUse while units are held or owed."""
    standing = products.get(shop, sku)
    if standing is None or standing.archived:
        raise UnknownProduct
    locked, waiting = shelf.in_use(shop, sku)
    if locked or waiting:
        raise ProductInUse("Units of it are held or owed. Release or deliver them first.", locked=locked, waiting=waiting)
    archived = standing.model_copy(update={"archived": True, "updated_at": now, "version": standing.version + 1})
    if not products.save(archived, over=standing.version):
        raise StaleProduct("The product was changed by somebody else. Read it again.")


def _changed(standing: Product | None, wanted: Product) -> Product:
    """The standing product itself when nothing differs, so that a repeated PUT changes nothing."""
    if standing is None:
        return wanted
    same = wanted.model_copy(update={"created_at": standing.created_at, "updated_at": standing.updated_at, "version": standing.version})
    if same == standing:
        return standing
    return wanted.model_copy(update={"created_at": standing.created_at, "version": standing.version + 1})
