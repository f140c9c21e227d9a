"""Which keys are whose: those of deliveries, and those of batches as far as the order took of its allotment."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from holdfast.fulfilment.model import DeliveredKey, Given, LicenceKey, Places, begin
from holdfast.fulfilment.ports import Queues, Vaults


class Handed(NamedTuple):
    """Places of a SKU's vault that an order got by one hand-out."""

    sku: str
    wave: int
    places: tuple[Places, ...]
    at: datetime


def handed(shop: str, order: str, given: Sequence[Given], *, vaults: Vaults, queues: Queues) -> list[Handed]:
    """All of them, in the order in which they were made. `given`: what the order knows of batches."""
    found = [Handed(delivery.sku, delivery.wave, delivery.places, delivery.at) for delivery in vaults.deliveries(shop, order)]
    return sorted([*found, *_of_batches(shop, order, given, queues)], key=lambda one: one.wave)


def _of_batches(shop: str, order: str, given: Sequence[Given], queues: Queues) -> Iterator[Handed]:
    for meal in given:
        batch = queues.batch(shop, meal.sku, meal.batch)
        allotment = batch.of(order) if batch is not None else None
        if batch is not None and allotment is not None and allotment.places:
            yield Handed(meal.sku, meal.wave, begin(allotment.places, meal.units)[0], batch.at)


def delivered_keys(
    shop: str, order: str, given: Sequence[Given], *, vaults: Vaults, queues: Queues, wave: int | None = None
) -> list[DeliveredKey]:
    """The keys that an order has got, oldest first; of one hand-out only, if `wave` says which."""
    found: list[DeliveredKey] = []
    asked = [meal for meal in given if wave in (None, meal.wave)]
    for one in handed(shop, order, asked, vaults=vaults, queues=queues):
        if wave in (None, one.wave):
            numbers = [number for places in one.places for number in places.numbers]
            found += [_shown(key, one) for key in vaults.keys(shop, one.sku, numbers)]
    return found


def _shown(key: LicenceKey, one: Handed) -> DeliveredKey:
    return DeliveredKey(id=key.id, sku=key.sku, key=key.text, delivered_at=one.at, revoked_at=key.revoked_at)
