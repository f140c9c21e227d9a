"""The fulfilment table: key vaults, deliveries, debts."""

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime

from holdfast.fulfilment import keys
from holdfast.fulfilment.errors import VaultMoved
from holdfast.fulfilment.model import Debt, Delivery, LicenceKey, Vault
from holdfast.fulfilment.safe import Safe
from holdfast.kernel.errors import VersionConflict
from holdfast.kernel.ids import new_id
from holdfast.kernel.time import rfc3339
from holdfast.kernel.writes import Commit, Write
from holdfast.platform.dynamo import NOT_THERE, ConditionFailed, Expression, Item, Table, record

# Nobody handed out or imported since the vault was seen.
SAME_VAULT = "#imported = :imported AND #taken = :taken"

SAME_DEBT = "#owed = :owed"


class DynamoVaults:
    """Texts of keys are sealed, and found again by fingerprints of them. Without a safe neither can be done."""

    def __init__(self, table: Table, safe: Safe | None) -> None:
        self._table = table
        self._maybe_safe = safe

    def vault(self, shop: str, sku: str) -> Vault:
        item = self._table.get(keys.vault_key(shop, sku)) or {}
        return Vault(shop=shop, sku=sku, imported=item.get("imported", 0), taken=item.get("taken", 0))

    def known(self, shop: str, texts: Sequence[str]) -> Mapping[str, str]:
        secret = self._safe.secret(shop, self._stored_secret)
        if secret is None:
            return {}
        by_print = {self._fingerprint_key(shop, secret, text)["pk"]: text for text in texts}
        items = self._table.batch_get([{"pk": pk, "sk": "HASH"} for pk in by_print])
        return {by_print[item["pk"]]: item["batch"] for item in items}

    def place_of(self, shop: str, text: str) -> tuple[str, int] | None:
        secret = self._safe.secret(shop, self._stored_secret)
        item = self._table.get(self._fingerprint_key(shop, secret, text)) if secret else None
        return (str(item["sku"]), int(item["place"])) if item else None

    def import_writes(self, vault: Vault, texts: Sequence[str], batch: str, now: datetime) -> list[Write]:
        secret = self._safe.secret(vault.shop, self._new_secret) or b""
        writes: list[Write] = [self._move(vault, imported=vault.imported + len(texts))]
        for place, text in enumerate(texts, vault.imported + 1):
            key = LicenceKey(id=new_id("key", now), sku=vault.sku, place=place, text=text, imported_at=now)
            guard = {**self._fingerprint_key(vault.shop, secret, text), "sku": vault.sku, "place": place, "batch": batch}
            writes += [
                self._table.put_write(self._key_item(vault.shop, key), NOT_THERE, _moved()),
                self._table.put_write(guard, NOT_THERE, _moved()),
            ]
        return writes

    def hand_out_writes(self, vault: Vault, delivery: Delivery) -> list[Write]:
        item = {**keys.delivery_key(delivery.shop, delivery.order, delivery.wave, delivery.sku), **record(delivery)}
        return [self._move(vault, taken=delivery.last), self._table.put_write(item, NOT_THERE, _moved())]

    def _move(self, vault: Vault, *, imported: int | None = None, taken: int | None = None) -> Write:
        names = {"#imported": "imported", "#taken": "taken"}
        seen = {":imported": vault.imported, ":taken": vault.taken}
        change = Expression(
            "SET #imported = :to_imported, #taken = :to_taken",
            names,
            {
                ":to_imported": vault.imported if imported is None else imported,
                ":to_taken": vault.taken if taken is None else taken,
            },
        )
        same = Expression(SAME_VAULT, names, seen) if vault.imported else NOT_THERE
        return self._table.update_write(keys.vault_key(vault.shop, vault.sku), change, same, _moved())

    def deliveries(self, shop: str, order: str) -> list[Delivery]:
        of_order = Expression(
            "#pk = :pk AND begins_with(#sk, :sk)", {"#pk": "pk", "#sk": "sk"}, {":pk": f"{shop}#{order}", ":sk": "DELIVERY#"}
        )
        return [Delivery.model_validate(item) for item in self._table.query_all(of_order)]

    def keys(self, shop: str, sku: str, places: Sequence[int]) -> list[LicenceKey]:
        items = self._table.batch_get([keys.place_key(shop, sku, place) for place in places])
        return sorted((self._key(shop, item) for item in items), key=lambda key: key.place)

    @property
    def _safe(self) -> Safe:
        if self._maybe_safe is None:
            raise TypeError("this function handles no key texts")
        return self._maybe_safe

    def _key_item(self, shop: str, key: LicenceKey) -> Item:
        item = {**keys.place_key(shop, key.sku, key.place), **record(key), "sealed": self._safe.seal(shop, key.sku, key.place, key.text)}
        return {name: value for name, value in item.items() if name != "text"}

    def _key(self, shop: str, item: Item) -> LicenceKey:
        return LicenceKey.model_validate({**item, "text": self._safe.open(shop, item["sku"], item["place"], item["sealed"])})

    def _fingerprint_key(self, shop: str, secret: bytes, text: str) -> dict[str, str]:
        return keys.fingerprint_key(shop, self._safe.fingerprint(shop, secret, text))

    def _stored_secret(self, shop: str) -> bytes | None:
        item = self._table.get(keys.fingerprint_secret_key(shop))
        return base64.b64decode(item["wrapped"]) if item else None

    def _new_secret(self, shop: str) -> bytes:
        """The one that was written first counts: all workers must find the same key by the same fingerprint."""
        stored = self._stored_secret(shop)
        if stored is not None:
            return stored
        made = {**keys.fingerprint_secret_key(shop), "wrapped": base64.b64encode(self._safe.new_secret(shop)).decode()}
        try:
            self._table.put(made, NOT_THERE)
        except ConditionFailed as faster:
            made = faster.item or made
        return base64.b64decode(made["wrapped"])

    def record_reveal(self, shop: str, order: str, by: str, keys_shown: int, now: datetime) -> None:
        self._table.put({**keys.reveal_key(shop, order, new_id(rfc3339(now), now)), "by": by, "keys": keys_shown})


class DynamoDebts:
    def __init__(self, table: Table) -> None:
        self._table = table

    def add_write(self, debt: Debt) -> Write:
        return self._table.put_write({**keys.debt_key(debt), **record(debt)}, NOT_THERE, _debt_moved())

    def pay_write(self, debt: Debt, quantity: int) -> Write:
        same = Expression(SAME_DEBT, {"#owed": "owed"}, {":owed": debt.owed})
        if quantity == debt.owed:
            return self._table.delete_write(keys.debt_key(debt), same, _debt_moved())
        change = Expression("SET #owed = :left", {"#owed": "owed"}, {":left": debt.owed - quantity})
        return self._table.update_write(keys.debt_key(debt), change, same, _debt_moved())

    def first(self, shop: str, sku: str) -> Debt | None:
        items, _ = self._table.query(_debts(shop, sku), limit=1)
        return Debt.model_validate(items[0]) if items else None

    def drop(self, debt: Debt) -> None:
        try:
            self._table.delete(keys.debt_key(debt), Expression(SAME_DEBT, {"#owed": "owed"}, {":owed": debt.owed}))
        except ConditionFailed:
            return  # paid or dropped by another worker

    def of(self, shop: str, sku: str, order: str, paid_at: datetime) -> Debt | None:
        item = self._table.get(keys.debt_key(Debt(shop=shop, sku=sku, order=order, owed=1, paid_at=paid_at)))
        return Debt.model_validate(item) if item else None

    def owed(self, shop: str, sku: str) -> int:
        return sum(item["owed"] for item in self._table.query_all(_debts(shop, sku)))


class DynamoFulfilment:
    """The fulfilment context's store. `safe`: for who handles the texts of keys."""

    def __init__(self, table: Table, commit: Commit, safe: Safe | None = None) -> None:
        self.vaults = DynamoVaults(table, safe)
        self.debts = DynamoDebts(table)
        self.commit = commit


def _debts(shop: str, sku: str) -> Expression:
    return Expression("#pk = :pk", {"#pk": "pk"}, {":pk": keys.debts_of(shop, sku)})


def _moved() -> VaultMoved:
    return VaultMoved("The vault was changed meanwhile.")


def _debt_moved() -> VersionConflict:
    return VersionConflict("The debt was changed meanwhile.")
