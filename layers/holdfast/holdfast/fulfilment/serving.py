"""A paid order gets what is there, at once; what is short is written down as debt."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from holdfast.fulfilment import rules
from holdfast.fulfilment.errors import VaultShortError
from holdfast.fulfilment.feeding import MOST_BATCHES, feed, release_queue
from holdfast.fulfilment.model import Debt, Delivery
from holdfast.fulfilment.ports import PaidOrder, Vaults, World
from holdfast.kernel.errors import Conflict, HoldfastError, UnavailableError
from holdfast.kernel.writes import Write

ATTEMPTS = 10
MOST_REUSED = 60
"""Ranges of keys that came back and go out with one order."""
ROOM = 99
"""Items of the transaction beside the order: of each SKU a debt, the vault and a delivery, and ranges of keys that came back."""


def serve(shop: str, order: str, *, world: World, now: datetime, most: int = MOST_BATCHES) -> Sequence[str]:
    """Safe to repeat. SKUs whose queues are to be looked at again, because there is more to do."""
    trouble: HoldfastError = UnavailableError("The order or its keys keep changing.")
    for _ in range(ATTEMPTS):
        paid = world.orders.paid(shop, order)
        if paid is None:
            return ()
        try:
            if paid.fresh:
                world.store.commit(_first_writes(shop, paid, world, now), token=f"{order}#serve#{paid.next_wave}")
        except Conflict:
            continue  # another worker took keys or changed the order: look again
        except VaultShortError as short:
            trouble = short  # or that worker took the last keys for this very order, between our two reads
            continue
        # A restock between the sale and the debt would not have seen the debt; and an earlier try may have left the very batch open that
        # the order was fed with.
        looked_at = dict.fromkeys([*paid.owed(), *(given.sku for given in paid.given)])
        return [sku for sku in looked_at if feed(shop, sku, world=world, now=now, most=most).again_in == timedelta()]
    raise trouble


def forget(shop: str, order: str, *, world: World) -> None:
    """Something of the order was given up: no more is written down than it still waits for. Safe to repeat."""
    paid = world.orders.paid(shop, order)
    for sku in paid.skus if paid is not None else ():
        # An earlier try may have been cut short before it looked whether anybody else waits.
        if _trim(shop, order, sku, world) or world.store.queues.queue(shop, sku).waiting:
            release_queue(shop, sku, world=world)


def _trim(shop: str, order: str, sku: str, world: World) -> bool:
    """Whether it had been written down at all. The debt is read before the order: what is fed in between moves the debt, and the write
    is refused.
    """
    for _ in range(ATTEMPTS):
        paid = world.orders.paid(shop, order)
        debt = world.store.debts.at(shop, sku, paid.position(sku)) if paid is not None else None
        paid = world.orders.paid(shop, order)
        owed = paid.owed().get(sku, 0) if paid is not None else 0
        if debt is None or debt.owed <= owed:
            return debt is not None
        if world.store.debts.pay(debt, debt.owed - owed):
            return True
    raise UnavailableError("The waiting orders of this item keep changing.")


def _first_writes(shop: str, paid: PaidOrder, world: World, now: datetime) -> list[Write]:
    debts = _debts(shop, paid, world)
    positions = {debt.sku: debt.position for debt in debts}
    writes = [paid.hand_over_write(positions, now), *(world.store.debts.add_write(debt) for debt in debts)]
    deliverable = paid.deliverable()
    reused = min(MOST_REUSED, (ROOM - len(debts)) // max(1, len(deliverable)) - 2)
    for sku, quantity in deliverable.items():
        delivery, taken = hand_out(shop, sku, quantity, world.store.vaults, reused)
        made = Delivery(shop=shop, order=paid.id, sku=sku, wave=paid.next_wave, at=now, **delivery)
        writes += [*taken, world.store.vaults.delivery_write(made)]
    return writes


def _debts(shop: str, paid: PaidOrder, world: World) -> list[Debt]:
    owed = paid.owed()
    first = bool(owed) and paid.goes_first(world.sharing(shop))
    at = rules.position(paid.paid_at, paid.id, first=first)
    return [Debt(shop=shop, sku=sku, order=paid.id, owed=units, paid_at=paid.paid_at, position=at) for sku, units in owed.items()]


def hand_out(shop: str, sku: str, quantity: int, vaults: Vaults, most_reused: int = MOST_REUSED) -> tuple[Mapping[str, Any], list[Write]]:
    """So many keys leave the vault: their places, as a delivery names them, and the writes. VaultShortError."""
    vault = vaults.vault(shop, sku)
    pick = rules.pick(vault, vaults.returned(shop, sku, most_reused) if vault.back else (), quantity)
    if pick.quantity < quantity:
        raise VaultShortError("More units were sold than there are keys.", sku=sku, needed=quantity, left=vault.left)
    first, *more = pick.places
    return {"first": first.first, "last": first.last, "more": tuple(more)}, vaults.pick_writes(vault, pick)
