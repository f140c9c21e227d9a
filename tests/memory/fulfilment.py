"""`fulfilment.ports` in memory: vaults and debts."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from holdfast.fulfilment.errors import VaultMoved
from holdfast.fulfilment.model import Debt, Delivery, LicenceKey, Vault
from holdfast.kernel.errors import VersionConflict
from holdfast.kernel.ids import new_id
from holdfast.kernel.time import rfc3339
from tests.memory.engine import Memory, MemoryWrite, nothing


class MemoryVaults:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def vault(self, shop: str, sku: str) -> Vault:
        return self._memory.get("vault", shop, sku) or Vault(shop=shop, sku=sku)

    def known(self, shop: str, texts: Sequence[str]) -> Mapping[str, str]:
        found = {text: self._memory.get("key-text", shop, text) for text in texts}
        return {text: row[0] for text, row in found.items() if row}

    def place_of(self, shop: str, text: str) -> tuple[str, int] | None:
        row = self._memory.get("key-text", shop, text)
        return row[1:] if row else None

    def import_writes(self, vault: Vault, texts: Sequence[str], batch: str, now: datetime) -> list[MemoryWrite]:
        writes = [self._move(vault, imported=vault.imported + len(texts))]
        for place, text in enumerate(texts, vault.imported + 1):
            key = LicenceKey(id=new_id("key", now), sku=vault.sku, place=place, text=text, imported_at=now)
            writes += [
                self._new(("key", vault.shop, vault.sku, place), key),
                self._new(("key-text", vault.shop, text), (batch, vault.sku, place)),
            ]
        return writes

    def hand_out_writes(self, vault: Vault, delivery: Delivery) -> list[MemoryWrite]:
        key = ("delivery", delivery.shop, delivery.order, f"{delivery.wave:06d}", delivery.sku)
        return [self._move(vault, taken=delivery.last), self._new(key, delivery)]

    def deliveries(self, shop: str, order: str) -> list[Delivery]:
        return self._memory.of("delivery", shop, order)

    def keys(self, shop: str, sku: str, places: Sequence[int]) -> list[LicenceKey]:
        found = [self._memory.get("key", shop, sku, place) for place in sorted(places)]
        return [key for key in found if key]

    def record_reveal(self, shop: str, order: str, by: str, keys_shown: int, now: datetime) -> None:
        self._memory.put(("reveal", shop, order, new_id(rfc3339(now), now)), (by, keys_shown))

    def _move(self, vault: Vault, **to: int) -> MemoryWrite:
        def same_vault(row: Vault | None) -> bool:
            return self._memory.condition("SAME_VAULT", row == vault if vault.imported else row is None)

        return MemoryWrite(("vault", vault.shop, vault.sku), same_vault, lambda _: vault.model_copy(update=to), VaultMoved("It moved."))

    def _new(self, key: tuple[Any, ...], row: Any) -> MemoryWrite:
        return MemoryWrite(key, lambda there: self._memory.condition("NEW_ROW", there is None), lambda _: row, VaultMoved("It moved."))


class MemoryDebts:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def add_write(self, debt: Debt) -> MemoryWrite:
        return MemoryWrite(_debt(debt), nothing, lambda _: debt, VersionConflict("The debt stands there already."))

    def pay_write(self, debt: Debt, quantity: int) -> MemoryWrite:
        left = debt.model_copy(update={"owed": debt.owed - quantity}) if quantity < debt.owed else None
        return MemoryWrite(_debt(debt), self._same_debt(debt), lambda _: left, VersionConflict("The debt was changed meanwhile."))

    def first(self, shop: str, sku: str) -> Debt | None:
        return next(iter(self._memory.of("debt", shop, sku)), None)

    def drop(self, debt: Debt) -> None:
        self._memory.change(_debt(debt), self._same_debt(debt), lambda _: None)

    def of(self, shop: str, sku: str, order: str, paid_at: datetime) -> Debt | None:
        return self._memory.get("debt", shop, sku, rfc3339(paid_at), order)

    def owed(self, shop: str, sku: str) -> int:
        return sum(debt.owed for debt in self._memory.of("debt", shop, sku))

    def _same_debt(self, debt: Debt) -> Any:
        return lambda row: row is not None and self._memory.condition("SAME_DEBT", row.owed == debt.owed)


class MemoryFulfilment:
    def __init__(self, memory: Memory) -> None:
        self.vaults = MemoryVaults(memory)
        self.debts = MemoryDebts(memory)
        self.commit = memory.commit


def _debt(debt: Debt) -> tuple[Any, ...]:
    return ("debt", debt.shop, debt.sku, rfc3339(debt.paid_at), debt.order)
