"""Key vaults in the fulfilment table: keys on their places, what was handed out, what came back."""

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime

from holdfast.fulfilment import keys, rules
from holdfast.fulfilment.errors import VaultMoved
from holdfast.fulfilment.model import Delivery, KeyMark, LicenceKey, Pick, Places, Vault, total
from holdfast.fulfilment.safe import Safe
from holdfast.kernel.ids import marked_id, new_id
from holdfast.kernel.time import rfc3339
from holdfast.kernel.writes import Write
from holdfast.platform.dynamo import NOT_THERE, ConditionFailed, Expression, Item, Table, record

# Nobody handed out, imported, brought back or withdrew since the vault was seen.
SAME_VAULT = "#version = :seen"
# A vault from before it counted its changes.
SAME_OLD_VAULT = "#imported = :imported AND #taken = :taken AND attribute_not_exists(#version)"
# The places that came back are those that were seen.
SAME_PLACES = "#first = :first"
# Nobody revoked, withdrew, replaced or brought back the key since it was seen.
SAME_KEY = "(#version = :seen OR attribute_not_exists(#version))"


class DynamoVaults:
    """Texts of keys are sealed, and found again by fingerprints of them. Without a safe neither can be done."""

    def __init__(self, table: Table, safe: Safe | None) -> None:
        self._table = table
        self._maybe_safe = safe

    def vault(self, shop: str, sku: str) -> Vault:
        item = self._table.get(keys.vault_key(shop, sku)) or {}
        return Vault.model_validate({**item, "shop": shop, "sku": sku})

    def returned(self, shop: str, sku: str, limit: int, start: int = 0) -> list[Places]:
        first = keys.returned_key(shop, sku, Places(first=1, last=start))
        listed = Expression("#pk = :pk AND #sk >= :sk", {"#pk": "pk", "#sk": "sk"}, {":pk": first["pk"], ":sk": first["sk"]})
        return [Places.model_validate(item) for item in self._table.query(listed, limit=limit)[0]]

    def known(self, shop: str, texts: Sequence[str]) -> Mapping[str, str]:
        secret = self._safe.secret(shop, self._stored_secret)
        if secret is None:
            return {}
        by_key = {tuple(key.values()): text for text in texts for key in self._fingerprint_keys(shop, secret, text)}
        items = self._table.batch_get([{"pk": pk, "sk": sk} for pk, sk in by_key])
        return {by_key[item["pk"], item["sk"]]: item["batch"] for item in items}

    def place_of(self, shop: str, text: str) -> tuple[str, int] | None:
        secret = self._safe.secret(shop, self._stored_secret)
        items = self._table.batch_get(self._fingerprint_keys(shop, secret, text)) if secret else []
        return (str(items[0]["sku"]), int(items[0]["place"])) if items else None

    def find(self, shop: str, key: str) -> LicenceKey | None:
        marked = Expression("#pk = :pk", {"#pk": "pk"}, {":pk": keys.fingerprints_of(shop, key[-16:])})
        found = (self.keys(shop, item["sku"], [item["place"]]) for item in self._table.query_all(marked) if "place" in item)
        return next((one for some in found for one in some if one.id == key), None)

    def import_writes(self, vault: Vault, texts: Sequence[str], batch: str, now: datetime) -> list[Write]:
        secret = self._safe.secret(vault.shop, self._new_secret) or b""
        writes: list[Write] = [self._save_write(vault, vault.model_copy(update={"imported": vault.imported + len(texts)}))]
        for place, text in enumerate(texts, vault.imported + 1):
            fingerprint = self._safe.fingerprint(vault.shop, secret, text)
            key = LicenceKey(id=marked_id("key", now, fingerprint), sku=vault.sku, place=place, text=text, imported_at=now)
            guard = {**keys.fingerprint_key(vault.shop, fingerprint), "sku": vault.sku, "place": place, "batch": batch}
            writes += [
                self._table.put_write(self._key_item(vault.shop, key), NOT_THERE, _moved()),
                self._table.put_write(guard, NOT_THERE, _moved()),
            ]
        return writes

    def pick_writes(self, seen: Vault, pick: Pick) -> list[Write]:
        return [self._save_write(seen, pick.vault), *(self._reuse_write(seen, one.seen, one.left) for one in pick.reused)]

    def give_back_writes(self, seen: Vault, places: Sequence[Places]) -> list[Write]:
        return self.put_back_writes(seen, seen.model_copy(update={"back": seen.back + total(places)}), places)

    def put_back_writes(self, seen: Vault, vault: Vault, places: Sequence[Places]) -> list[Write]:
        return [self._save_write(seen, vault), *(self._list_write(seen, some) for some in places)]

    def set_aside_writes(self, seen: Vault, vault: Vault, listed: Places | None, place: int) -> list[Write]:
        writes = [self._save_write(seen, vault)]
        if listed is not None:
            before, after = (
                tuple(some for some in rules.without(listed, place) if (some.last < place) is below) for below in (True, False)
            )
            writes.append(self._reuse_write(seen, listed, after[0] if after else None))
            writes += [self._list_write(seen, some) for some in before]
        return writes

    def mark_write(self, shop: str, seen: LicenceKey, key: LicenceKey) -> Write:
        marks = {"act": key.act, "withdrawn_at": _at(key.withdrawn_at), "revoked_at": _at(key.revoked_at), "replaced_by": key.replaced_by}
        there = {name: value for name, value in marks.items() if value is not None}
        gone = ", ".join(f"#{name}" for name in marks if name not in there)
        change = f"SET #version = :next, {', '.join(f'#{name} = :{name}' for name in there)}" + (f" REMOVE {gone}" if gone else "")
        values = {":next": seen.version + 1, **{f":{name}": value for name, value in there.items()}}
        written = Expression(change, {f"#{name}": name for name in marks} | {"#version": "version"}, values)
        same = Expression(SAME_KEY, {"#version": "version"}, {":seen": seen.version})
        return self._table.update_write(keys.place_key(shop, seen.sku, seen.place), written, same, _moved())

    def _list_write(self, vault: Vault, places: Places) -> Write:
        item = {**keys.returned_key(vault.shop, vault.sku, places), **record(places)}
        return self._table.put_write(item, NOT_THERE, _moved())

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

    def marks(self, shop: str, sku: str, places: Sequence[int]) -> list[KeyMark]:
        items = self._table.batch_get([keys.place_key(shop, sku, place) for place in places])
        return sorted((KeyMark.model_validate(item) for item in items), key=lambda mark: mark.place)

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

    def _fingerprint_keys(self, shop: str, secret: bytes, text: str) -> list[dict[str, str]]:
        """Where it may lie: as now, and as before ids led to keys."""
        fingerprint = self._safe.fingerprint(shop, secret, text)
        return [keys.fingerprint_key(shop, fingerprint), keys.old_fingerprint_key(shop, fingerprint)]

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


def _same_vault(seen: Vault) -> Expression:
    if seen.version:
        return Expression(SAME_VAULT, {"#version": "version"}, {":seen": seen.version})
    if not seen.imported:
        return NOT_THERE
    names = {"#imported": "imported", "#taken": "taken", "#version": "version"}
    return Expression(SAME_OLD_VAULT, names, {":imported": seen.imported, ":taken": seen.taken})


def _at(instant: datetime | None) -> str | None:
    return rfc3339(instant) if instant else None


def _moved() -> VaultMoved:
    return VaultMoved("The vault was changed meanwhile.")
