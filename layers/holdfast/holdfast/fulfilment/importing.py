"""Importing licence keys: each is one unit of stock."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from holdfast.fulfilment.ports import FulfilmentStore, Stock
from holdfast.kernel.errors import Conflict, UnavailableError
from holdfast.kernel.model import Model

ATTEMPTS = 10
KEYS_PER_WRITE = 40
"""Each key is two items (the key, and its hash against duplicates); a transaction has room for a hundred."""


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
