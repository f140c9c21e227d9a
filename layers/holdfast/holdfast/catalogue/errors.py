"""Why a product cannot be changed or found."""

from typing import ClassVar

from holdfast.kernel.errors import Conflict, NotFound, Refusal


class UnknownProduct(NotFound):
    """Same words as for anything unknown."""


class ProductExists(Conflict):
    """The SKU is on sale already; PUT changes it. Facts: sku."""

    code = "product_exists"


class ProductInUse(Conflict):
    """Units are held for shoppers or owed to customers. Facts: locked, waiting."""

    code = "product_in_use"


class KindIsFixed(Conflict):
    """Digital stock has keys and physical stock has not, so a SKU stays what it was made as. Facts: kind."""

    code = "kind_is_fixed"


class StaleProduct(Refusal):
    """If-Match names another version than the one that stands."""

    code: ClassVar[str] = "precondition_failed"
    status: ClassVar[int] = 412
    title: ClassVar[str] = "Precondition failed"
