"""Keys of the webhooks table."""

from datetime import datetime

from holdfast.kernel.ids import bucket_of
from holdfast.kernel.time import rfc3339
from holdfast.webhooks.rules import BUCKETS

HEALTH = "HEALTH"
PLACE = "PLACE#"


def endpoints_of(shop: str) -> str:
    return f"{shop}#ENDPOINTS"


def endpoint_key(shop: str, place: int) -> dict[str, str]:
    return {"pk": endpoints_of(shop), "sk": f"{PLACE}{place:02d}"}


def deliveries_of(shop: str, endpoint: str) -> str:
    return f"{shop}#{endpoint}"


def delivery_key(shop: str, endpoint: str, delivery: str) -> dict[str, str]:
    """Sorted by when the event happened: its id begins so."""
    return {"pk": deliveries_of(shop, endpoint), "sk": delivery}


def health_key(shop: str, endpoint: str) -> dict[str, str]:
    return {"pk": deliveries_of(shop, endpoint), "sk": HEALTH}


def due_bucket(bucket: int) -> str:
    """Of all shops together: the schedule serves everybody. Spread, because an index under pressure throttles its table."""
    return f"DUE#{bucket}"


def bucket_for(delivery: str) -> str:
    return due_bucket(bucket_of(delivery, BUCKETS))


def due_at(wake_at: datetime, delivery: str) -> str:
    return f"{rfc3339(wake_at)}#{delivery}"
