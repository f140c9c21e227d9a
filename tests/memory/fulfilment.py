"""`fulfilment.ports` in memory: vaults, debts, queues."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from holdfast.fulfilment import rules
from holdfast.fulfilment.errors import QueueMoved, VaultMoved
from holdfast.fulfilment.model import Batch, Debt, Delivery, KeyMark, LicenceKey, Pick, Places, Queue, Vault, total
from holdfast.kernel.errors import VersionConflict
from holdfast.kernel.ids import marked_id, new_id
from holdfast.kernel.time import rfc3339
from tests.memory.engine import Memory, MemoryWrite, nothing


class MemoryVaults:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def vault(self, shop: str, sku: str) -> Vault:
        return self._memory.get("vault", shop, sku) or Vault(shop=shop, sku=sku)

    def returned(self, shop: str, sku: str, limit: int, start: int = 0) -> list[Places]:
        return [places for places in self._memory.of("places", shop, sku) if places.last >= start][:limit]

    def known(self, shop: str, texts: Sequence[str]) -> Mapping[str, str]:
        found = {text: self._memory.get("key-text", shop, text) for text in texts}
        return {text: row[0] for text, row in found.items() if row}

    def place_of(self, shop: str, text: str) -> tuple[str, int] | None:
        row = self._memory.get("key-text", shop, text)
        return row[1:] if row else None

    def find(self, shop: str, key: str) -> LicenceKey | None:
        return next((found for found in self._memory.of("key", shop) if found.id == key), None)

    def import_writes(self, vault: Vault, texts: Sequence[str], batch: str, now: datetime) -> list[MemoryWrite]:
        writes = [self._save(vault, vault.model_copy(update={"imported": vault.imported + len(texts)}))]
        for place, text in enumerate(texts, vault.imported + 1):
            fingerprint = hashlib.sha256(f"{vault.shop}#{text}".encode()).hexdigest()
            key = LicenceKey(id=marked_id("key", now, fingerprint), sku=vault.sku, place=place, text=text, imported_at=now)
            writes += [
                self._new(("key", vault.shop, vault.sku, place), key),
                self._new(("key-text", vault.shop, text), (batch, vault.sku, place)),
            ]
        return writes

    def pick_writes(self, seen: Vault, pick: Pick) -> list[MemoryWrite]:
        return [self._save(seen, pick.vault), *(self._reuse(seen, one.seen, one.left) for one in pick.reused)]

    def give_back_writes(self, seen: Vault, places: Sequence[Places]) -> list[MemoryWrite]:
        return self.put_back_writes(seen, seen.model_copy(update={"back": seen.back + total(places)}), places)

    def put_back_writes(self, seen: Vault, vault: Vault, places: Sequence[Places]) -> list[MemoryWrite]:
        return [self._save(seen, vault), *(self._new(_places(seen, some), some) for some in places)]

    def set_aside_writes(self, seen: Vault, vault: Vault, listed: Places | None, place: int) -> list[MemoryWrite]:
        writes = [self._save(seen, vault)]
        if listed is not None:
            parts = rules.without(listed, place)
            behind = next((some for some in parts if some.last > place), None)
            writes += [self._reuse(seen, listed, behind), *(self._new(_places(seen, some), some) for some in parts if some.last < place)]
        return writes

    def mark_write(self, shop: str, seen: LicenceKey, key: LicenceKey) -> MemoryWrite:
        def same_key(row: LicenceKey | None) -> bool:
            return row is not None and self._memory.condition("SAME_KEY", row.version == seen.version)

        after = key.model_copy(update={"version": seen.version + 1})
        return MemoryWrite(("key", shop, seen.sku, seen.place), same_key, lambda _: after, VaultMoved("It moved."))

    def delivery_write(self, delivery: Delivery) -> MemoryWrite:
        return self._new(("delivery", delivery.shop, delivery.order, f"{delivery.wave:06d}", delivery.sku), delivery)

    def _reuse(self, vault: Vault, seen: Places, left: Places | None) -> MemoryWrite:
        def same(row: Places | None) -> bool:
            return row is not None and self._memory.condition("SAME_PLACES", row.first == seen.first)

        return MemoryWrite(_places(vault, seen), same, lambda _: left, VaultMoved("It moved."))

    def deliveries(self, shop: str, order: str) -> list[Delivery]:
        return self._memory.of("delivery", shop, order)

    def marks(self, shop: str, sku: str, places: Sequence[int]) -> list[KeyMark]:
        return [KeyMark.model_validate(key.model_dump(), extra="ignore") for key in self.keys(shop, sku, places)]

    def keys(self, shop: str, sku: str, places: Sequence[int]) -> list[LicenceKey]:
        found = [self._memory.get("key", shop, sku, place) for place in sorted(places)]
        return [key for key in found if key]

    def record_reveal(self, shop: str, order: str, by: str, keys_shown: int, now: datetime) -> None:
        self._memory.put(("reveal", shop, order, new_id(rfc3339(now), now)), (by, keys_shown))

    def _save(self, seen: Vault, vault: Vault) -> MemoryWrite:
        def same_vault(row: Vault | None) -> bool:
            return self._memory.condition("SAME_VAULT", (row or Vault(shop=seen.shop, sku=seen.sku)) == seen)

        after = vault.model_copy(update={"version": seen.version + 1})
        return MemoryWrite(("vault", vault.shop, vault.sku), same_vault, lambda _: after, VaultMoved("It moved."))

    def _new(self, key: tuple[Any, ...], row: Any) -> MemoryWrite:
        return MemoryWrite(key, lambda there: self._memory.condition("NEW_ROW", there is None), lambda _: row, VaultMoved("It moved."))


class MemoryDebts:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def add_write(self, debt: Debt) -> MemoryWrite:
        return MemoryWrite(_debt(debt), nothing, lambda _: debt, VersionConflict("The debt stands there already."))

    def pay(self, seen: Debt, quantity: int) -> bool:
        left = seen.owed - quantity
        paid, standing = self._memory.change(
            _debt(seen), self._same_debt(seen), lambda row: row.model_copy(update={"owed": left}) if left else None
        )
        return paid or bool(left and standing is not None and standing.owed == left)

    def move_writes(self, seen: Debt, debt: Debt) -> list[MemoryWrite]:
        gone = MemoryWrite(_debt(seen), self._same_debt(seen), lambda _: None, VersionConflict("The debt was changed meanwhile."))
        return [gone, self.add_write(debt)]

    def head(self, shop: str, sku: str, limit: int) -> list[Debt]:
        return self._memory.of("debt", shop, sku)[:limit]

    def behind(self, shop: str, sku: str, position: str, limit: int) -> list[Debt]:
        return [debt for debt in self._memory.of("debt", shop, sku) if debt.position > position][:limit]

    def note_told(self, seen: Debt, now: datetime) -> None:
        def untold(row: Debt | None) -> bool:
            return row is not None and row.told_at is None

        self._memory.change(_debt(seen), untold, lambda row: row.model_copy(update={"told_at": now}))

    def at(self, shop: str, sku: str, position: str) -> Debt | None:
        return self._memory.get("debt", shop, sku, position)

    def owed(self, shop: str, sku: str) -> int:
        return sum(debt.owed for debt in self._memory.of("debt", shop, sku))

    def _same_debt(self, debt: Debt) -> Any:
        return lambda row: row is not None and self._memory.condition("SAME_DEBT", row.owed == debt.owed)


class MemoryQueues:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def queue(self, shop: str, sku: str) -> Queue:
        return self._memory.get("queue", shop, sku) or Queue(shop=shop, sku=sku)

    def mark(self, seen: Queue, waiting: bool) -> None:
        if seen.waiting is not waiting:
            self._memory.change(
                ("queue", seen.shop, seen.sku),
                lambda _: True,
                lambda row: (row or Queue(shop=seen.shop, sku=seen.sku)).model_copy(update={"waiting": waiting}),
            )

    def waiting(self, shop: str) -> list[Queue]:
        return [queue for queue in self._memory.of("queue", shop) if queue.waiting or queue.open]

    def open_writes(self, seen: Queue, batch: Batch, leased_until: datetime) -> list[MemoryWrite]:
        def free(row: Queue | None) -> bool:
            same = self._memory.condition("SAME_BATCHES", (row.batches if row else 0) == seen.batches)
            return same and self._memory.condition("NONE_OPEN", row is None or not row.open)

        def opened(row: Queue | None) -> Queue:
            changes = {"batches": batch.number, "open": True, "leased_until": leased_until}
            return (row or Queue(shop=batch.shop, sku=batch.sku)).model_copy(update=changes)

        key = ("batch", batch.shop, batch.sku, f"{batch.number:09d}")
        return [
            MemoryWrite(("queue", batch.shop, batch.sku), free, opened, QueueMoved("It moved.")),
            MemoryWrite(key, lambda row: self._memory.condition("NEW_ROW", row is None), lambda _: batch, QueueMoved("It moved.")),
        ]

    def take_over(self, seen: Queue, until: datetime) -> bool:
        def ours(row: Queue | None) -> bool:
            return row is not None and row.open and (row.batches, row.leased_until) == (seen.batches, seen.leased_until)

        key = ("queue", seen.shop, seen.sku)
        taken, row = self._memory.change(key, ours, lambda row: row.model_copy(update={"leased_until": until}))
        return taken or bool(row and row.open and row.leased_until == until)

    def close_write(self, seen: Queue) -> MemoryWrite:
        def open_still(row: Queue | None) -> bool:
            return row is not None and self._memory.condition("STILL_OPEN", row.open and row.batches == seen.batches)

        key = ("queue", seen.shop, seen.sku)
        closed = {"open": False, "leased_until": None}
        return MemoryWrite(key, open_still, lambda row: row.model_copy(update=closed), QueueMoved("It moved."))

    def batch(self, shop: str, sku: str, number: int) -> Batch | None:
        return self._memory.get("batch", shop, sku, f"{number:09d}")


class MemoryFulfilment:
    def __init__(self, memory: Memory) -> None:
        self.vaults = MemoryVaults(memory)
        self.debts = MemoryDebts(memory)
        self.queues = MemoryQueues(memory)
        self.commit = memory.commit


def _debt(debt: Debt) -> tuple[Any, ...]:
    return ("debt", debt.shop, debt.sku, debt.position)


def _places(vault: Vault, places: Places) -> tuple[Any, ...]:
    return ("places", vault.shop, vault.sku, f"{places.last:09d}")
