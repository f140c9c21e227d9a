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

    def add_api_key(self, key: ApiKey) -> None: ...
