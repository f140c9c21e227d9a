"""Keys of the notifications table."""

import hashlib
from datetime import datetime

from holdfast.kernel.ids import bucket_of
from holdfast.kernel.time import parse_rfc3339, rfc3339

BUCKETS = 4
"""Parts of what the index finds of one shop."""
DUE_BUCKETS = 16
"""Parts of what is due, of all shops: each row that is written passes through it. The first four are those that there were before."""
WISH_PARTS = 4
"""Of the index, for wishes that have become old."""
COUNTERS = 8
"""Parts of the number of people who wait for a SKU, so that a rush to ask does not meet in one item."""
Key = dict[str, str]


def row_key(shop: str, notification: str) -> Key:
    return {"pk": f"{shop}#{notification}", "sk": "ROW"}


def told_of(shop: str, subject: str) -> str:
    return f"{shop}#{subject}#TOLD"


def told_key(shop: str, subject: str, notification: str) -> Key:
    """Sorted by when it happened: an id begins so."""
    return {"pk": told_of(shop, subject), "sk": notification}


def due_bucket(bucket: int) -> str:
    """Of all shops: what has not ended yet."""
    return f"DUE#{bucket}"


def bad_bucket(shop: str, bucket: int) -> str:
    """What did not reach its recipient."""
    return f"{shop}#BAD#{bucket}"


def all_bucket(shop: str, bucket: int) -> str:
    return f"{shop}#ALL#{bucket}"


def part_of(notification: str) -> int:
    return bucket_of(notification, BUCKETS)


def due_part_of(notification: str) -> int:
    return bucket_of(notification, DUE_BUCKETS)


def place(instant: datetime, notification: str) -> str:
    """In the index."""
    return f"{rfc3339(instant)}#{notification}"


def named(place: str) -> str:
    """The notification that stands there."""
    return place.rpartition("#")[2]


def instant_of(place: str) -> datetime:
    return parse_rfc3339(place.rpartition("#")[0])


def suppressions_of(shop: str) -> str:
    return f"{shop}#SUPPRESSED"


def suppression_key(shop: str, channel: str, to: str) -> Key:
    """By a digest: an address is no part of a key, and the way it is spelt in capitals does not matter."""
    return {"pk": suppressions_of(shop), "sk": suppression_name(channel, to)}


def suppression_name(channel: str, to: str) -> str:
    return f"{channel}#{hashlib.sha256(to.strip().lower().encode()).hexdigest()[:32]}"


def customer_of(shop: str, customer: str) -> str:
    return f"{shop}#CUSTOMER#{customer}"


def preferences_key(shop: str, customer: str) -> Key:
    return {"pk": customer_of(shop, customer), "sk": "PREFERENCES"}


def in_app_key(shop: str, customer: str, message: str) -> Key:
    return {"pk": customer_of(shop, customer), "sk": f"INAPP#{message}"}


def wishes_of(shop: str, sku: str) -> str:
    return f"{shop}#{sku}#WISHES"


def wish_key(shop: str, sku: str, at: datetime, customer: str) -> Key:
    """Sorted by when they asked."""
    return {"pk": wishes_of(shop, sku), "sk": f"{rfc3339(at)}#{customer}"}


def wishes_since(part: int) -> str:
    """Of all shops, in the index: sorted by when they asked."""
    return f"WISHES#{part}"


def mailbox(email: str) -> str:
    """Who reads it: `ada+shoes@example.com` is `ada@example.com`, in whatever capitals. A digest, as no address is part of a key."""
    name, _, domain = email.strip().lower().rpartition("@")
    return hashlib.sha256(f"{name.partition('+')[0] or name}@{domain}".encode()).hexdigest()[:32]


def wish_of_mailbox_key(shop: str, sku: str, email: str) -> Key:
    return {"pk": f"{shop}#{sku}#WISH#{mailbox(email)}", "sk": "MAILBOX"}


def wishes_of_mailbox_key(shop: str, email: str) -> Key:
    return {"pk": f"{shop}#WISHER#{mailbox(email)}", "sk": "COUNT"}


def wish_of_key(shop: str, sku: str, customer: str) -> Key:
    return {"pk": f"{shop}#{sku}#WISH#{customer}", "sk": "WISH"}


def wish_count_key(shop: str, sku: str, customer: str) -> Key:
    return {"pk": f"{shop}#{sku}#WISHING#{bucket_of(customer, COUNTERS)}", "sk": "COUNT"}
