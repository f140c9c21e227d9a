"""Keys of the stock and locks tables. The part stands in the partition key: shards under one key would be no shards."""

import hashlib

from holdfast.kernel.ids import bucket_of
from holdfast.kernel.time import rfc3339
from holdfast.stock.model import BUYER, LevelKey, Lock

LOCK_BUCKETS = 16
"""Index partitions per shop: an index under pressure throttles its table, and each takes a thousand locks a second."""
LOCKS_BY_EXPIRY = "by_expiry"


def level_key(key: LevelKey) -> dict[str, str]:
    return {"pk": f"{key.shop}#{key.sku}#{key.part}", "sk": "LEVEL"}


def head_key(shop: str, sku: str) -> dict[str, str]:
    return {"pk": f"{shop}#{sku}", "sk": "SKU"}


def movement_key(shop: str, movement: str) -> dict[str, str]:
    return {"pk": f"{shop}#{movement}", "sk": "MOVEMENT"}


def movement_id(*identity: str) -> str:
    """The same document for the same cause, so that a repetition finds it."""
    return f"mov_{hashlib.sha256(chr(31).join(identity).encode()).hexdigest()[:20]}"


def buyer_pool(buyer: str) -> str:
    """The pool of one customer's allowance of a SKU; `buyer` is a digest, never an address."""
    return f"{BUYER}{buyer}"


def hot_key(shop: str, sku: str) -> dict[str, str]:
    """A note that the SKU has more than one shard: what the sweep looks through."""
    return {"pk": hot_skus(shop), "sk": sku}


def hot_skus(shop: str) -> str:
    """No SKU begins with a #, so that none can be mistaken for this."""
    return f"{shop}##HOT"


def lock_key(shop: str, lock: str) -> dict[str, str]:
    return {"pk": f"{shop}#{lock}", "sk": "LOCK"}


def lock_index(lock: Lock) -> dict[str, str]:
    return {
        "xpk": lock_bucket(lock.shop, bucket_of(lock.id, LOCK_BUCKETS)),
        "xsk": f"{rfc3339(lock.expires_at)}#{lock.id}",
    }


def lock_bucket(shop: str, bucket: int) -> str:
    return f"{shop}#{bucket}"
