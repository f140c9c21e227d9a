"""Names of the rows by which an order is found. Digests stand for addresses and numbers of people: a key is copied into logs and
metrics where no person should be read. They hide nothing from who may read the orders.
"""

import hashlib
from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from holdfast.kernel.ids import bucket_of
from holdfast.orders.model import Order

SKU_BUCKETS = 8
"""Partitions of one SKU's rows: all orders of a flash sale have the same SKU, and each is written within moments of the others."""
PLACES_PER_PARTITION = 1000
PHONE_DIGITS = 4


class By(StrEnum):
    """`place`: of a licence key, in the vault of its SKU."""

    NUMBER = "number"
    EMAIL = "email"
    PHONE = "phone"
    SKU = "sku"
    PAYMENT = "payment"
    TRACKING = "tracking"
    PLACE = "place"
    DISPUTED = "disputed"


class Clue(NamedTuple):
    """What an order is found by, as it is asked for: `email` in small letters, of `phone` the last digits."""

    by: By
    value: str


class Places(NamedTuple):
    """Keys of a SKU that were handed to the order: places `first` to `last` of its vault."""

    sku: str
    first: int
    last: int


def order_at(place: str) -> str:
    return place.rpartition("#")[2]


def names(order: Order, clues: Iterable[Clue], handed: Iterable[Places]) -> frozenset[str]:
    """The rows that an order should have."""
    plain = {row for clue in clues for row in [_name(order.shop, clue, bucket_of(order.id, SKU_BUCKETS))]}
    return frozenset(plain | {row for places in handed for row in _place_names(places)})


def partitions(shop: str, clue: Clue) -> list[str]:
    """Where the rows of that clue lie."""
    buckets = range(SKU_BUCKETS) if clue.by is By.SKU else range(1)
    return [partition(shop, _name(shop, clue, bucket)) for bucket in buckets]


def partition(shop: str, name: str) -> str:
    return f"{shop}#FIND#{name}"


def row_key(shop: str, name: str, at: str) -> dict[str, str]:
    """`at`: the order's position. Rows of places are sorted by their last place instead."""
    if of_places(name):
        where, first_to_last = name.rsplit("#", 1)
        return {"pk": partition(shop, where), "sk": last_place(int(first_to_last.split("-")[1]))}
    return {"pk": partition(shop, name), "sk": at}


def of_places(name: str) -> bool:
    return name.startswith(f"{By.PLACE}#")


def first_place(name: str) -> int:
    return int(name.rsplit("#", 1)[1].split("-", maxsplit=1)[0])


def last_place(place: int) -> str:
    return f"{place:09d}"


def places_partition(shop: str, sku: str, place: int) -> str:
    return partition(shop, f"{By.PLACE}#{sku}#{place // PLACES_PER_PARTITION}")


def directory_key(shop: str, order: str) -> dict[str, str]:
    """The list of an order's rows, so that those are known which an edit makes wrong."""
    return {"pk": f"{shop}#{order}", "sk": "FIND"}


def _name(shop: str, clue: Clue, bucket: int) -> str:
    if clue.by in {By.EMAIL, By.PHONE}:
        digest = hashlib.sha256("\x1f".join((shop, *clue)).encode("utf-8", "replace")).hexdigest()[:32]
        return f"{clue.by}#{digest}"
    return f"{clue.by}#{clue.value}" + (f"#{bucket}" if clue.by is By.SKU else "")


def _place_names(places: Places) -> list[str]:
    """One per partition that they reach into."""
    partitions_ = range(places.first // PLACES_PER_PARTITION, places.last // PLACES_PER_PARTITION + 1)
    return [f"{By.PLACE}#{places.sku}#{number}#{places.first}-{places.last}" for number in partitions_]
