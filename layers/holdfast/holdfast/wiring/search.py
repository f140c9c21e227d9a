"""The fulfilment context, as orders see it: whose keys are whose."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from holdfast.orders import ports as orders_ports
from holdfast.orders.search_keys import Places

if TYPE_CHECKING:
    from holdfast.fulfilment.model import DeliveredKey, Given
    from holdfast.fulfilment.ports import FulfilmentStore


@dataclass(frozen=True)
class KeysOfOrders:
    """Of one hand-out, or all that an order has got."""

    store: "FulfilmentStore"
    orders: orders_ports.Orders

    def __call__(self, shop: str, order: str, wave: int | None = None) -> "Sequence[DeliveredKey]":
        from holdfast.fulfilment.handing import delivered_keys

        given = given_to(self.orders, shop, order)
        return delivered_keys(shop, order, given, vaults=self.store.vaults, queues=self.store.queues, wave=wave)


@dataclass(frozen=True)
class VaultsForSearch:
    """`orders.searching.Vaults`."""

    store: "FulfilmentStore"
    orders: orders_ports.Orders

    def place(self, shop: str, key: str) -> tuple[str, int] | None:
        return self.store.vaults.place_of(shop, key)

    def handed(self, shop: str, order: str) -> Sequence[Places]:
        from holdfast.fulfilment.handing import handed

        given = given_to(self.orders, shop, order)
        found = handed(shop, order, given, vaults=self.store.vaults, queues=self.store.queues)
        return [Places(one.sku, some.first, some.last) for one in found for some in one.places]


def given_to(orders: orders_ports.Orders, shop: str, order: str) -> "Sequence[Given]":
    """What it got with batches."""
    from holdfast.fulfilment.model import Given

    found = orders.get(shop, order)
    return [Given(**fed.model_dump()) for fed in found.fed] if found is not None else []
