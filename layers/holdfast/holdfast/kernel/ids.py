"""Identities: prefixed, sortable (ULID), and - where a request may be repeated - derived instead of drawn."""

import hashlib
import secrets
from datetime import datetime
from typing import Annotated, NewType

from pydantic import StringConstraints

from holdfast.kernel.time import epoch_ms, from_epoch_ms

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
SHOP_PATTERN = r"^[a-z0-9][a-z0-9-]{1,38}[a-z0-9]$"
SKU_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"

ShopId = Annotated[str, StringConstraints(pattern=SHOP_PATTERN)]
Sku = Annotated[str, StringConstraints(pattern=SKU_PATTERN)]
OrderId = NewType("OrderId", str)
LockId = NewType("LockId", str)
SessionId = NewType("SessionId", str)
PaymentId = NewType("PaymentId", str)
EventId = NewType("EventId", str)


def new_id(prefix: str, now: datetime) -> str:
    """A fresh `prefix_ULID`: 48 bits of time, 80 bits of randomness."""
    return f"{prefix}_{_crockford(epoch_ms(now), 10)}{_crockford(secrets.randbits(80), 16)}"


def derived_id(prefix: str, born_at: datetime, *identity: str) -> str:
    """The same `prefix_ULID` for the same identity: a repeated request finds what its first try made.

    `born_at` fills the time part and must itself be a fact of the identity (a session's birth, say), never the clock.
    """
    digest = hashlib.sha256("\x1f".join(identity).encode()).digest()
    return f"{prefix}_{_crockford(epoch_ms(born_at), 10)}{_crockford(int.from_bytes(digest[:10], 'big'), 16)}"


def marked_id(prefix: str, born_at: datetime, digest: str) -> str:
    """An id that ends with the mark of a digest, so that who has the id finds what lies under the digest."""
    return f"{prefix}_{_crockford(epoch_ms(born_at), 10)}{mark_of(digest)}"


def mark_of(digest: str) -> str:
    """The first eighty bits of a digest in hexadecimal digits, as an id writes them."""
    return _crockford(int(digest[:20], 16), 16)


def first_id(prefix: str, instant: datetime) -> str:
    """Not above any id of that instant, and above those before it: where a range of ids begins. None is from before 1970."""
    return f"{prefix}_{_crockford(max(0, epoch_ms(instant)), 10)}{'0' * 16}"


def born_at(identity: str) -> datetime:
    """The instant in an id's time part. ValueError when it is not one of our ids."""
    text = identity.rpartition("_")[2]
    if len(text) != 26 or not set(text) <= set(CROCKFORD):
        raise ValueError("not an id")
    millis = 0
    for digit in text[:10]:
        millis = millis * 32 + CROCKFORD.index(digit)
    return from_epoch_ms(millis)


def entry_id(lock: str) -> str:
    """The ten characters under which a lock stands in a stock item: pure randomness, never the time part.

    Short, because every live lock lies in the item and every write pays for the item's size.
    """
    return hashlib.sha256(lock.encode()).hexdigest()[:10]


def bucket_of(identity: str, buckets: int) -> int:
    """Spread index keys evenly: an index partition under pressure throttles its table."""
    return int.from_bytes(hashlib.sha256(identity.encode()).digest()[:4], "big") % buckets


def _crockford(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, 32)
        digits.append(CROCKFORD[digit])
    return "".join(reversed(digits))
