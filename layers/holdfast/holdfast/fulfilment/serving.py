"""A paid order gets what is there, at once; what is short is written down as debt."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from holdfast.fulfilment import rules
from holdfast.fulfilment.errors import VaultShortError
from holdfast.fulfilment.feeding import feed, release_queue
from holdfast.fulfilment.model import Debt, Delivery
from holdfast.fulfilment.ports import PaidOrder, Vaults, World
from holdfast.kernel.errors import Conflict, HoldfastError, UnavailableError
from holdfast.kernel.writes import Write

ATTEMPTS = 10
MOST_REUSED = 60
"""Ranges of keys that came back and go out with one order: a transaction has room for a hundred items."""


def serve(shop: str, order: str, *, world: World, now: datetime) -> None:
    """Safe to repeat."""
    trouble: HoldfastError = UnavailableError("The order or its keys keep changing.")
    for _ in range(ATTEMPTS):
        paid = world.orders.paid(shop, order)
        if paid is None:
            return
        try:
            if paid.fresh:
                world.store.commit(_first_writes(shop, paid, world, now), token=f"{order}#serve#{paid.next_wave}")
        except Conflict:
            continue  # another worker took keys or changed the order: look again
        except VaultShortError as short:
            trouble = short  # or that worker took the last keys for this very order, between our two reads
            continue
        for sku in paid.owed():
            # A restock between the sale and the debt would not have seen the debt.
            feed(shop, sku, world=world, now=now)
        return
    raise trouble


def forget(shop: str, order: str, *, world: World) -> None:
    """Something of the order was given up: no more is written down than it still waits for. Safe to repeat."""
    paid = world.orders.paid(shop, order)
    for sku in paid.skus if paid is not None else ():
        if _trim(shop, order, sku, world):
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
    for sku, quantity in deliverable.items():
        delivery, taken = hand_out(shop, sku, quantity, world.store.vaults, max(1, MOST_REUSED // len(deliverable)))
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
