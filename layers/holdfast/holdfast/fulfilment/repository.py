"""The fulfilment table: key vaults, deliveries, debts, queues with their batches."""

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime

from holdfast.fulfilment import keys
from holdfast.fulfilment.errors import QueueMoved, VaultMoved
from holdfast.fulfilment.model import Batch, Debt, Delivery, LicenceKey, Pick, Places, Queue, Vault, total
from holdfast.fulfilment.safe import Safe
from holdfast.kernel.errors import VersionConflict
from holdfast.kernel.ids import new_id
from holdfast.kernel.time import rfc3339
from holdfast.kernel.writes import Commit, Write
from holdfast.platform.dynamo import NOT_THERE, ConditionFailed, Expression, Item, Table, record, rows

# Nobody handed out, imported, brought back or withdrew since the vault was seen.
SAME_VAULT = "#version = :seen"
# A vault from before it counted its changes.
SAME_OLD_VAULT = "#imported = :imported AND #taken = :taken AND attribute_not_exists(#version)"
# The places that came back are those that were seen.
SAME_PLACES = "#first = :first"

SAME_DEBT = "#owed = :owed"
# No batch is open, and the last one is the one that was seen.
SAME_BATCHES, NO_BATCHES = "#batches = :seen", "attribute_not_exists(#batches)"
NONE_OPEN = "(attribute_not_exists(#open) OR #open = :no)"
# The batch is open still.
STILL_OPEN = "#batches = :seen AND #open = :yes"
# And nobody else took it over.
SAME_LEASE = "#leased = :lease"


class DynamoVaults:
    """Texts of keys are sealed, and found again by fingerprints of them. Without a safe neither can be done."""

    def __init__(self, table: Table, safe: Safe | None) -> None:
        self._table = table
        self._maybe_safe = safe

    def vault(self, shop: str, sku: str) -> Vault:
        item = self._table.get(keys.vault_key(shop, sku)) or {}
        return Vault.model_validate({**item, "shop": shop, "sku": sku})

    def returned(self, shop: str, sku: str, limit: int) -> list[Places]:
        listed = Expression("#pk = :pk", {"#pk": "pk"}, {":pk": keys.returned_of(shop, sku)})
        return [Places.model_validate(item) for item in self._table.query(listed, limit=limit)[0]]

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
        writes: list[Write] = [self._save_write(vault, vault.model_copy(update={"imported": vault.imported + len(texts)}))]
        for place, text in enumerate(texts, vault.imported + 1):
            key = LicenceKey(id=new_id("key", now), sku=vault.sku, place=place, text=text, imported_at=now)
            guard = {**self._fingerprint_key(vault.shop, secret, text), "sku": vault.sku, "place": place, "batch": batch}
            writes += [
                self._table.put_write(self._key_item(vault.shop, key), NOT_THERE, _moved()),
                self._table.put_write(guard, NOT_THERE, _moved()),
            ]
        return writes

    def pick_writes(self, seen: Vault, pick: Pick) -> list[Write]:
        return [self._save_write(seen, pick.vault), *(self._reuse_write(seen, one.seen, one.left) for one in pick.reused)]

    def give_back_writes(self, seen: Vault, places: Sequence[Places]) -> list[Write]:
        more = seen.model_copy(update={"back": seen.back + total(places)})
        items = [{**keys.returned_key(seen.shop, seen.sku, some), **record(some)} for some in places]
        return [self._save_write(seen, more), *(self._table.put_write(item, NOT_THERE, _moved()) for item in items)]

    def delivery_write(self, delivery: Delivery) -> Write:
        item = {**keys.delivery_key(delivery.shop, delivery.order, delivery.wave, delivery.sku), **record(delivery)}
        return self._table.put_write(item, NOT_THERE, _moved())

    def _reuse_write(self, vault: Vault, seen: Places, left: Places | None) -> Write:
        key = keys.returned_key(vault.shop, vault.sku, seen)
        same = Expression(SAME_PLACES, {"#first": "first"}, {":first": seen.first})
        if left is None:
            return self._table.delete_write(key, same, _moved())
        return self._table.update_write(key, Expression("SET #first = :left", {}, {":left": left.first}), same, _moved())

    def _save_write(self, seen: Vault, vault: Vault) -> Write:
        item = {**keys.vault_key(vault.shop, vault.sku), **record(vault.model_copy(update={"version": seen.version + 1}))}
        return self._table.put_write(item, _same_vault(seen), _moved())

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

    def pay(self, seen: Debt, quantity: int) -> bool:
        try:
            if quantity == seen.owed:
                self._table.delete(keys.debt_key(seen), _same_debt(seen))
            else:
                change = Expression("SET #owed = :left", {}, {":left": seen.owed - quantity})
                self._table.update(keys.debt_key(seen), change, _same_debt(seen), returns="NONE")
        except ConditionFailed as refusal:
            left = refusal.item["owed"] if refusal.item else 0
            return bool(quantity < seen.owed and left == seen.owed - quantity)  # ours, delivered twice
        return True

    def move_writes(self, seen: Debt, debt: Debt) -> list[Write]:
        return [self._table.delete_write(keys.debt_key(seen), _same_debt(seen), _debt_moved()), self.add_write(debt)]

    def head(self, shop: str, sku: str, limit: int) -> list[Debt]:
        return [_debt(item) for item in self._table.query(_debts(shop, sku), limit=limit)[0]]

    def at(self, shop: str, sku: str, position: str) -> Debt | None:
        item = self._table.get({"pk": keys.debts_of(shop, sku), "sk": position})
        return _debt(item) if item else None

    def owed(self, shop: str, sku: str) -> int:
        return sum(item["owed"] for item in self._table.query_all(_debts(shop, sku)))


class DynamoQueues:
    def __init__(self, table: Table) -> None:
        self._table = table

    def queue(self, shop: str, sku: str) -> Queue:
        return Queue.model_validate({**(self._table.get(keys.queue_key(shop, sku)) or {}), "shop": shop, "sku": sku})

    def mark(self, seen: Queue, waiting: bool) -> None:
        """Of two who differ the one who looked at the debts last writes last: both look again after it."""
        if seen.waiting is waiting:
            return
        names = {"#waiting": "waiting", "#shop": "shop", "#sku": "sku"}
        change = Expression(
            "SET #waiting = :waiting, #shop = :shop, #sku = :sku", names, {":waiting": waiting, ":shop": seen.shop, ":sku": seen.sku}
        )
        other = Expression("attribute_not_exists(#waiting) OR #waiting <> :waiting")
        try:
            self._table.update(keys.queue_key(seen.shop, seen.sku), change, other, returns="NONE")
        except ConditionFailed:
            return  # it says so already

    def waiting(self, shop: str) -> list[Queue]:
        of_shop = Expression("#pk = :pk", {"#pk": "pk"}, {":pk": keys.queues_of(shop)})
        found = [Queue.model_validate(item) for item in self._table.query_all(of_shop)]
        return [queue for queue in found if queue.waiting or queue.open]

    def open_writes(self, seen: Queue, batch: Batch, leased_until: datetime) -> list[Write]:
        change = Expression(
            "SET #batches = :batches, #open = :yes, #leased = :until, #shop = :shop, #sku = :sku",
            {**_QUEUE, "#leased": "leased_until", "#shop": "shop", "#sku": "sku"},
            {":batches": batch.number, ":yes": True, ":until": rfc3339(leased_until), ":shop": batch.shop, ":sku": batch.sku},
        )
        last = {":seen": seen.batches} if seen.batches else {}
        free = Expression(f"{SAME_BATCHES if last else NO_BATCHES} AND {NONE_OPEN}", {}, {":no": False, **last})
        item = {**keys.batch_key(batch.shop, batch.sku, batch.number), **_batch_item(batch)}
        return [
            self._table.update_write(keys.queue_key(batch.shop, batch.sku), change, free, _queue_moved()),
            self._table.put_write(item, NOT_THERE, _queue_moved()),
        ]

    def take_over(self, seen: Queue, until: datetime) -> bool:
        names = {**_QUEUE, "#leased": "leased_until"}
        lease = {":lease": rfc3339(seen.leased_until)} if seen.leased_until else {}
        same = SAME_LEASE if lease else "attribute_not_exists(#leased)"
        still = Expression(f"{STILL_OPEN} AND {same}", names, {":seen": seen.batches, ":yes": True, **lease})
        change = Expression("SET #leased = :until", names, {":until": rfc3339(until)})
        try:
            self._table.update(keys.queue_key(seen.shop, seen.sku), change, still, returns="NONE")
        except ConditionFailed as refusal:
            return bool(refusal.item and refusal.item["open"] and refusal.item.get("leased_until") == rfc3339(until))
        return True

    def close_write(self, seen: Queue) -> Write:
        still = Expression(STILL_OPEN, _QUEUE, {":seen": seen.batches, ":yes": True})
        change = Expression("SET #open = :no REMOVE #leased", {"#leased": "leased_until"}, {":no": False})
        return self._table.update_write(keys.queue_key(seen.shop, seen.sku), change, still, _queue_moved())

    def batch(self, shop: str, sku: str, number: int) -> Batch | None:
        item = self._table.get(keys.batch_key(shop, sku, number))
        return Batch.model_validate(item) if item else None


class DynamoFulfilment:
    """The fulfilment context's store. `safe`: for who handles the texts of keys."""

    def __init__(self, table: Table, commit: Commit, safe: Safe | None = None) -> None:
        self.vaults = DynamoVaults(table, safe)
        self.debts = DynamoDebts(table)
        self.queues = DynamoQueues(table)
        self.commit = commit


_QUEUE = {"#batches": "batches", "#open": "open"}


def _same_vault(seen: Vault) -> Expression:
    if seen.version:
        return Expression(SAME_VAULT, {"#version": "version"}, {":seen": seen.version})
    if not seen.imported:
        return NOT_THERE
    names = {"#imported": "imported", "#taken": "taken", "#version": "version"}
    return Expression(SAME_OLD_VAULT, names, {":imported": seen.imported, ":taken": seen.taken})


def _batch_item(batch: Batch) -> Item:
    return {**record(batch), "allotments": rows(batch.allotments)}


def _debt(item: Item) -> Debt:
    """One from before debts knew their position stands at it all the same."""
    return Debt.model_validate({**item, "position": item["sk"]})


def _same_debt(seen: Debt) -> Expression:
    return Expression(SAME_DEBT, {"#owed": "owed"}, {":owed": seen.owed})


def _debts(shop: str, sku: str) -> Expression:
    return Expression("#pk = :pk", {"#pk": "pk"}, {":pk": keys.debts_of(shop, sku)})


def _moved() -> VaultMoved:
    return VaultMoved("The vault was changed meanwhile.")


def _debt_moved() -> VersionConflict:
    return VersionConflict("The debt was changed meanwhile.")


def _queue_moved() -> QueueMoved:
    return QueueMoved("Another worker has fed the waiting orders meanwhile.")
