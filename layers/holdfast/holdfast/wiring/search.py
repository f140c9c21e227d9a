"""The fulfilment context, as the search for orders sees it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from holdfast.orders.search_keys import Places

if TYPE_CHECKING:
    from holdfast.fulfilment.ports import Vaults


@dataclass(frozen=True)
class VaultsForSearch:
    """`orders.searching.Vaults`."""

    vaults: "Vaults"

    def place(self, shop: str, key: str) -> tuple[str, int] | None:
        return self.vaults.place_of(shop, key)

    def handed(self, shop: str, order: str) -> Sequence[Places]:
        return [Places(delivery.sku, delivery.first, delivery.last) for delivery in self.vaults.deliveries(shop, order)]
