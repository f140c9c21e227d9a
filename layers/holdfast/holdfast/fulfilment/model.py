"""The key vault, deliveries, and debts."""

from pydantic import Field

from holdfast.kernel.ids import ShopId, Sku
from holdfast.kernel.model import Model, Record
from holdfast.kernel.time import Instant


class Vault(Model):
    """A SKU's licence keys stand on numbered places, 1 to `imported`; places up to `taken` are handed out.

    Handing out moves `taken` under the condition that it stands where it was seen: no search for a free key, and no two
    workers with the same one. Ranges of places never overlap, so a key belongs to one order line, ever.
    """

    shop: str
    sku: str
    imported: int = 0
    taken: int = 0

    @property
    def left(self) -> int:
        return self.imported - self.taken


class LicenceKey(Record):
    """One key on its place. `text` is the secret itself: it goes to its owner and nowhere else."""

    id: str
    sku: Sku
    place: int
    text: str = Field(repr=False)
    imported_at: Instant

    @property
    def masked(self) -> str:
        return f"…{self.text[-4:]}" if len(self.text) > 8 else "…"


class Delivery(Record):
    """Places `first` to `last` of a SKU's vault were handed to an order. `wave` is the order's version that it made."""

    shop: ShopId
    order: str
    sku: Sku
    wave: int
    first: int
    last: int
    at: Instant

    @property
    def quantity(self) -> int:
        return self.last - self.first + 1


class DeliveredKey(Model):
    """A key as its owner sees it."""

    id: str
    sku: str
    key: str = Field(repr=False)
    delivered_at: Instant


class Debt(Record):
    """Units of a SKU that a paid order waits for. Debts of a SKU stand in the order in which they were paid."""

    shop: ShopId
    sku: Sku
    order: str
    owed: int = Field(ge=1)
    paid_at: Instant
