"""Keys of the stock and locks tables. The shard stands in the partition key: shards under one key would be no shards."""

from holdfast.kernel.ids import bucket_of
from holdfast.kernel.time import rfc3339
from holdfast.stock.model import LevelKey, Lock

LOCK_BUCKETS = 4
"""Index partitions per shop: an index under pressure throttles its table."""
LOCKS_BY_EXPIRY = "by_expiry"


def level_key(key: LevelKey) -> dict[str, str]:
    return {"pk": f"{key.shop}#{key.sku}#{key.shard}", "sk": "LEVEL"}


def head_key(shop: str, sku: str) -> dict[str, str]:
    return {"pk": f"{shop}#{sku}", "sk": "SKU"}


def movement_key(shop: str, sku: str, movement: str) -> dict[str, str]:
    return {"pk": f"{shop}#{sku}", "sk": f"MOVEMENT#{movement}"}


def lock_key(shop: str, lock: str) -> dict[str, str]:
    return {"pk": f"{shop}#{lock}", "sk": "LOCK"}


def lock_index(lock: Lock) -> dict[str, str]:
    return {
        "xpk": lock_bucket(lock.shop, bucket_of(lock.id, LOCK_BUCKETS)),
        "xsk": f"{rfc3339(lock.expires_at)}#{lock.id}",
    }


def lock_bucket(shop: str, bucket: int) -> str:
    return f"{shop}#{bucket}"
