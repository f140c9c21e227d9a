"""What a shopper may have: a product as it is offered, and what the stock holds for him."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from holdfast.kernel.money import Money


class Outlook(NamedTuple):
    """What one SKU has for this shopper: units that are `free`, and so many more that may be `owable` (None: any number).

    `left`: of what one customer may have (None: no limit, or nobody knows who he is). `shards`: over how many its stock is spread.
    """

    free: int
    owable: int | None = None
    left: int | None = None
    shards: int = 1


class Offer(Protocol):
    """A product as the catalogue offers it."""

    @property
    def sku(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def prices(self) -> Sequence[Money]:
        """One per currency; the main one first."""
        ...

    @property
    def tax_class(self) -> str: ...
    @property
    def weight_grams(self) -> int:
        """Of one unit."""
        ...

    @property
    def digital(self) -> bool: ...
    @property
    def backorder(self) -> bool: ...
    @property
    def preorder(self) -> bool:
        """It is sold before it is there: who buys it accepts to wait."""
        ...

    @property
    def max_per_order(self) -> int | None: ...
    @property
    def max_per_customer(self) -> int | None: ...
    @property
    def backorder_cap(self) -> int | None: ...
