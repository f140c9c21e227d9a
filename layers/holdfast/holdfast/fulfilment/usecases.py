"""Handing out keys, feeding waiting orders in the order in which they were paid, importing keys."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from holdfast.fulfilment.errors import VaultShortError
from holdfast.fulfilment.model import Debt, DeliveredKey, Delivery
from holdfast.fulfilment.ports import FulfilmentStore, Orders, PaidOrder, Stock, Vaults
from holdfast.kernel.errors import Conflict, HoldfastError, UnavailableError
from holdfast.kernel.model import Model
from holdfast.kernel.writes import Write

ATTEMPTS = 10
KEYS_PER_WRITE = 40
"""Each key is two items (the key, and its hash against duplicates); a transaction has room for a hundred."""


def serve(shop: str, order: str, *, store: FulfilmentStore, orders: Orders, stock: Stock, now: datetime) -> None:
    """A paid order gets what is there, at once; what is short is written down as debt. Safe to repeat."""
    trouble: HoldfastError = UnavailableError("The order or its keys keep changing.")
    for _ in range(ATTEMPTS):
        paid = orders.paid(shop, order)
        if paid is None:
            return
        try:
            if paid.fresh:
                store.commit(_first_writes(shop, order, paid, store, now), token=f"{order}#serve#{paid.next_wave}")
        except Conflict:
            continue  # another worker took keys or changed the order: look again
        except VaultShortError as short:
            trouble = short  # or that worker took the last keys for this very order, between our two reads
            continue
        for sku in paid.owed():
            # A restock between the sale and the debt would not have seen the debt.
            feed(shop, sku, store=store, orders=orders, stock=stock, now=now)
        return
    raise trouble


def forget(shop: str, order: str, *, store: FulfilmentStore, orders: Orders, stock: Stock) -> None:
    """Something of the order was given up: no more is written down than it still waits for. Safe to repeat."""
    paid = orders.paid(shop, order)
    for sku in paid.skus if paid is not None else ():
        if _trim(shop, order, sku, store, orders):
            _somebody_waits(shop, sku, store, stock)


def _trim(shop: str, order: str, sku: str, store: FulfilmentStore, orders: Orders) -> bool:
    """Whether it had been written down at all. The debt is read before the order: what is fed in between moves the debt, and the write
    is refused.
    """
    for _ in range(ATTEMPTS):
        paid = orders.paid(shop, order)
        debt = store.debts.of(shop, sku, order, paid.paid_at) if paid is not None else None
        paid = orders.paid(shop, order)
        owed = paid.owed().get(sku, 0) if paid is not None else 0
        if debt is None or debt.owed <= owed:
            return debt is not None
        try:
            store.commit([store.debts.pay_write(debt, debt.owed - owed)], token=f"{order}#{sku}#trim#{debt.owed}#{owed}")
        except Conflict:
            continue  # fed meanwhile
        return True
    raise UnavailableError("The waiting orders of this item keep changing.")


def _first_writes(shop: str, order: str, paid: PaidOrder, store: FulfilmentStore, now: datetime) -> list[Write]:
    writes = [paid.hand_over_write(now)]
    for sku, quantity in paid.deliverable().items():
        writes += _hand_out(shop, order, sku, quantity, paid.next_wave, store.vaults, now)
    for sku, quantity in paid.owed().items():
        writes.append(store.debts.add_write(Debt(shop=shop, sku=sku, order=order, owed=quantity, paid_at=paid.paid_at)))
    return writes


def feed(shop: str, sku: str, *, store: FulfilmentStore, orders: Orders, stock: Stock, now: datetime) -> int:
    """Units came in: the orders that wait for them are served, first paid first. The number of units given.

    Each step is one transaction of stock, key, debt and order, so it may be killed anywhere and go on later.
    """
    given, tries = 0, 0
    trouble: HoldfastError = UnavailableError("The waiting orders of this item keep changing.")
    if not _somebody_waits(shop, sku, store, stock):
        return given
    while tries < ATTEMPTS:
        debt = store.debts.first(shop, sku)
        if debt is None:
            if not _somebody_waits(shop, sku, store, stock):
                return given
            continue
        paid = orders.paid(shop, debt.order)
        owed = paid.owed().get(sku, 0) if paid else 0
        if paid is None or owed == 0:
            store.debts.drop(debt)  # refunded meanwhile
            continue
        quantity = min(debt.owed, owed, stock.free(shop, sku, now))
        if quantity == 0:
            return given
        try:
            _feed_one(debt, quantity, paid, store, stock, now)
            given, tries = given + quantity, 0
        except Conflict:
            tries += 1
        except VaultShortError as short:
            trouble, tries = short, tries + 1  # as in serve: perhaps another worker was faster
    raise trouble


def _somebody_waits(shop: str, sku: str, store: FulfilmentStore, stock: Stock) -> bool:
    """And new buyers get units only if nobody does. The queue is looked at again after they were admitted: a debt that was written
    in between may have found the way closed still.
    """
    if store.debts.first(shop, sku) is None:
        stock.admit(shop, sku)
        if store.debts.first(shop, sku) is None:
            return False
    stock.keep(shop, sku)
    return True


def _feed_one(debt: Debt, quantity: int, paid: PaidOrder, store: FulfilmentStore, stock: Stock, now: datetime) -> None:
    wave = paid.next_wave
    writes = [
        paid.feed_write(debt.sku, quantity, now),
        store.debts.pay_write(debt, quantity),
        *stock.sell_writes(debt.shop, debt.sku, quantity, debt.order, str(wave), now),
    ]
    if paid.digital(debt.sku):
        writes += _hand_out(debt.shop, debt.order, debt.sku, quantity, wave, store.vaults, now)
    store.commit(writes, token=f"{debt.order}#feed#{wave}")


def _hand_out(shop: str, order: str, sku: str, quantity: int, wave: int, vaults: Vaults, now: datetime) -> list[Write]:
    vault = vaults.vault(shop, sku)
    if vault.left < quantity:
        raise VaultShortError("More units were sold than there are keys.", sku=sku, needed=quantity, left=vault.left)
    delivery = Delivery(shop=shop, order=order, sku=sku, wave=wave, first=vault.taken + 1, last=vault.taken + quantity, at=now)
    return vaults.hand_out_writes(vault, delivery)


def delivered_keys(shop: str, order: str, *, vaults: Vaults, wave: int | None = None) -> list[DeliveredKey]:
    """The keys that an order has got, oldest first; of one hand-out only, if `wave` says which."""
    found: list[DeliveredKey] = []
    for delivery in vaults.deliveries(shop, order):
        if wave is None or delivery.wave == wave:
            keys = vaults.keys(shop, delivery.sku, range(delivery.first, delivery.last + 1))
            found += [DeliveredKey(id=key.id, sku=key.sku, key=key.text, delivered_at=delivery.at) for key in keys]
    return found


class ImportKeys(Model):
    """`batch` is the identity of the import: the same again imports nothing twice and answers the same."""

    shop: str
    sku: str
    keys: tuple[str, ...]
    batch: str
    actor: str
    dry_run: bool = False


class Imported(Model):
    """`duplicates`: positions in the list of keys that the shop has already, or that stand in the list twice."""

    imported: int
    duplicates: tuple[int, ...]
    dry_run: bool = False


def import_keys(command: ImportKeys, *, store: FulfilmentStore, stock: Stock, now: datetime) -> Imported:
    """Keys and their stock come in together, in transactions of forty: after a crash the same import goes on."""
    known = dict(store.vaults.known(command.shop, command.keys))
    fresh, duplicates = _sorted_out(command.keys, known, command.batch)
    if not command.dry_run:
        missing = [text for text in fresh if text not in known]
        for start in range(0, len(missing), KEYS_PER_WRITE):
            known |= _import_some(command, missing[start : start + KEYS_PER_WRITE], store=store, stock=stock, now=now)
        fresh, duplicates = _sorted_out(command.keys, known, command.batch)
    return Imported(imported=len(fresh), duplicates=tuple(duplicates), dry_run=command.dry_run)


def _sorted_out(keys: Sequence[str], known: Mapping[str, str], batch: str) -> tuple[list[str], list[int]]:
    """A key that this very import brought before a crash is no duplicate of itself."""
    fresh: dict[str, None] = {}
    duplicates = []
    for position, text in enumerate(keys):
        if text in fresh or known.get(text, batch) != batch:
            duplicates.append(position)
        else:
            fresh[text] = None
    return list(fresh), duplicates


def _import_some(command: ImportKeys, texts: list[str], *, store: FulfilmentStore, stock: Stock, now: datetime) -> Mapping[str, str]:
    """The keys among them that came in meanwhile, and under which import: ours (its reply got lost) or somebody else's."""
    faster: dict[str, str] = {}
    for _ in range(ATTEMPTS):
        vault = store.vaults.vault(command.shop, command.sku)
        movement = f"import#{command.batch}#{vault.imported + 1}"
        writes = [
            *store.vaults.import_writes(vault, texts, command.batch, now),
            *stock.receive_writes(command.shop, command.sku, len(texts), movement, command.actor, now),
        ]
        try:
            store.commit(writes, token=movement)
            return faster
        except Conflict:
            faster |= store.vaults.known(command.shop, texts)
            texts = [text for text in texts if text not in faster]
            if not texts:
                return faster
    raise UnavailableError("Somebody else imports keys of this item at the same time.")
