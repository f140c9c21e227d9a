"""The tenants table."""

import time
from collections.abc import Callable, Iterator

from holdfast.platform.dynamo import NOT_THERE, ConditionFailed, Expression, Table, record
from holdfast.tenants import keys
from holdfast.tenants.errors import UnknownShop
from holdfast.tenants.model import ApiKey, Shop
from holdfast.tenants.ports import Tenants


class DynamoTenants:
    def __init__(self, table: Table) -> None:
        self._table = table

    def shop(self, shop: str) -> Shop | None:
        item = self._table.get(keys.shop_key(shop))
        return Shop.model_validate(item) if item else None

    def shops(self) -> Iterator[Shop]:
        listed = Expression("#pk = :pk", {"#pk": "pk"}, {":pk": keys.SHOPS})
        for item in self._table.query_all(listed):
            shop = self.shop(item["sk"])
            if shop is not None:
                yield shop

    def add_shop(self, shop: Shop) -> bool:
        # The list first: a crash in between leaves a name without a shop, which `shops` passes over.
        self._table.put(keys.shop_list_key(shop.id))
        try:
            self._table.put({**keys.shop_key(shop.id), **record(shop)}, NOT_THERE)
        except ConditionFailed as refusal:
            return Shop.model_validate(refusal.item) == shop  # our own write was delivered twice
        return True

    def save_shop(self, shop: Shop) -> bool:
        before = shop.version - 1
        unchanged = "#version = :before"
        if before == 1:  # a shop that was made before its settings were counted says nothing
            unchanged = "#version = :before OR (attribute_exists(#pk) AND attribute_not_exists(#version))"
        names = {"#version": "version", "#pk": "pk"} if before == 1 else {"#version": "version"}
        try:
            self._table.put({**keys.shop_key(shop.id), **record(shop)}, Expression(unchanged, names, {":before": before}))
        except ConditionFailed as refusal:
            return refusal.item is not None and Shop.model_validate(refusal.item) == shop
        return True

    def api_key(self, shop: str, key_hash: str) -> ApiKey | None:
        item = self._table.get(keys.api_key_key(shop, key_hash))
        return ApiKey.model_validate(item) if item else None

    def add_api_key(self, key: ApiKey) -> None:
        self._table.put({**keys.api_key_key(key.shop, key.hash), **record(key)})


class Directory:
    """A worker's memory of shops and keys: a minute old at most, so that a request does not pay for knowing its shop.

    Unknown ones are remembered for no time at all; a revoked key is gone within the minute.
    """

    TTL = 60.0

    def __init__(self, tenants: Tenants, clock: Callable[[], float] = time.monotonic) -> None:
        self._tenants = tenants
        self._clock = clock
        self._shops: dict[str, tuple[float, Shop]] = {}
        self._keys: dict[tuple[str, str], tuple[float, ApiKey]] = {}

    def shop(self, shop: str) -> Shop:
        """NotFound when there is none."""
        known = self._shops.get(shop)
        if known and known[0] > self._clock():
            return known[1]
        found = self._tenants.shop(shop)
        if found is None:
            raise UnknownShop
        self._shops[shop] = (self._clock() + self.TTL, found)
        return found

    def origins(self, shop: str) -> tuple[str, ...]:
        return self.shop(shop).origins

    def api_key(self, shop: str, key_hash: str) -> ApiKey | None:
        known = self._keys.get((shop, key_hash))
        if known and known[0] > self._clock():
            return known[1]
        found = self._tenants.api_key(shop, key_hash)
        if found is not None:
            self._keys[shop, key_hash] = (self._clock() + self.TTL, found)
        return found
