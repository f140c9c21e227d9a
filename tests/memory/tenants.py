"""`tenants.ports.Tenants` in memory."""

from collections.abc import Callable, Iterator

from holdfast.tenants.model import ApiKey, Shop
from tests.memory.engine import Memory, nothing


class MemoryTenants:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def shop(self, shop: str) -> Shop | None:
        return self._memory.get("shop", shop)

    def shops(self) -> Iterator[Shop]:
        return iter(self._memory.of("shop"))

    def add_shop(self, shop: Shop) -> bool:
        added, standing = self._memory.change(("shop", shop.id), nothing, lambda _: shop)
        return added or standing == shop

    def save_shop(self, shop: Shop) -> bool:
        saved, standing = self._memory.change(("shop", shop.id), self._version_before(shop), lambda _: shop)
        return saved or standing == shop

    def api_key(self, shop: str, key_hash: str) -> ApiKey | None:
        return self._memory.get("api-key", shop, key_hash)

    def add_api_key(self, key: ApiKey) -> None:
        self._memory.put(("api-key", key.shop, key.hash), key)

    def _version_before(self, shop: Shop) -> Callable[[Shop | None], bool]:
        return lambda row: row is not None and self._memory.condition("SHOP_AS_SEEN", row.version == shop.version - 1)
