"""What the tenants context asks of its store."""

from collections.abc import Iterator
from typing import Protocol

from holdfast.tenants.model import ApiKey, Shop


class ApiKeys(Protocol):
    def api_key(self, shop: str, key_hash: str) -> ApiKey | None: ...


class Tenants(ApiKeys, Protocol):
    def shop(self, shop: str) -> Shop | None: ...
    def shops(self) -> Iterator[Shop]: ...
    def add_shop(self, shop: Shop) -> bool:
        """False when a shop of that id exists."""
        ...

    def save_shop(self, shop: Shop) -> bool:
        """Write over the version before. False when that is not what stands there; True also when it is our own write."""
        ...

    def add_api_key(self, key: ApiKey) -> None: ...
